"""Vendors' words: known ones translated, unknown ones told once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import structlog

from optix.ports.broker import BrokerUnreadable

Value = TypeVar("Value")

WORD_LENGTH_MAX = 40
WORDS_TOLD_MAX = 100

log = structlog.get_logger(__name__)


class Words(Generic[Value]):
    """The words that one vendor uses for one thing, in whatever case."""

    def __init__(self, label: str, thing: str, known: Mapping[str, Value]) -> None:
        self._label = label
        self._thing = thing
        self._known = {word.lower(): value for word, value in known.items()}
        self._told: set[str] = set()

    def find(self, word: str, other: Value) -> Value:
        """Return the meaning of a descriptive word, `other` for an unknown one, told once."""
        value = self._known.get(word.strip().lower())
        if value is not None:
            return value
        shown = word[:WORD_LENGTH_MAX]
        if shown not in self._told and len(self._told) < WORDS_TOLD_MAX:
            self._told.add(shown)
            log.warning("broker.unknown_word", broker=self._label, thing=self._thing, word=shown)
        return other

    def get(self, word: str) -> Value:
        """Return the meaning of a word that must be known. Raises BrokerUnreadable."""
        value = self._known.get(word.strip().lower())
        if value is None:
            raise BrokerUnreadable(
                f"{self._label} has a word for {self._thing} that OPTIX does not know: "
                f"{word[:WORD_LENGTH_MAX]!r}."
            )
        return value
