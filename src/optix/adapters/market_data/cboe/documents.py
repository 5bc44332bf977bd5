"""Documents kept for as long as politeness asks, shared by everybody who wants them.

One document is fetched at most once in its time to live, by one request at a time, whoever asks:
a poll, a screen or ten of them. A failure is kept too, for a growing while, so that a dead source
is not hammered.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.ports.market_data import ProviderUnavailable, UnknownSymbol

# How many documents of a kind are remembered. Chains are large; polled ones must all fit, or they
# would push each other out and be asked for again and again.
POLLED_CHAINS_MAX = 128
DOCUMENTS_MAX = {"options": 160, "quote": 6_000, "daily": 32, "minutes": 64}
assert DOCUMENTS_MAX["options"] > POLLED_CHAINS_MAX
assert DOCUMENTS_MAX["quote"] > limits.DEMAND_TOPICS_MAX

RETRY_SECONDS_FIRST = 2.0
RETRY_SECONDS_MAX = 60.0
UNKNOWN_SECONDS = 600.0


class Kind(StrEnum):
    OPTIONS = "options"
    QUOTE = "quote"
    DAILY = "daily"
    MINUTES = "minutes"


class DocumentKey(NamedTuple):
    kind: Kind
    symbol: str


@dataclass(slots=True)
class _Entry:
    value: Any = None
    good_until: float = 0.0  # loop time
    error: OptixError | None = None
    retry_at: float = 0.0
    tried_at: float = 0.0
    failures: int = 0
    version: int = 0  # rises with every fetch that succeeded


class DocumentStore:
    """Fetches through `load` and remembers. All values of one kind have one type."""

    def __init__(
        self,
        load: Callable[[DocumentKey], Awaitable[Any]],
        *,
        seconds: Callable[[Kind], float],
        retry_seconds_first: float = RETRY_SECONDS_FIRST,
    ) -> None:
        self._load = load
        self._seconds = seconds
        self._retry_seconds_first = retry_seconds_first
        self._by_kind: dict[Kind, OrderedDict[str, _Entry]] = {kind: OrderedDict() for kind in Kind}
        self._under_way: dict[DocumentKey, asyncio.Task[Any]] = {}

    async def get(self, key: DocumentKey) -> Any:
        """Return the document, from memory while it is fresh. Raises what `load` raised."""
        now = asyncio.get_running_loop().time()
        entry = self._find(key)
        if entry is not None:
            self._by_kind[key.kind].move_to_end(key.symbol)
            if entry.error is not None and now < entry.retry_at:
                raise entry.error.with_traceback(None)  # else it grows with every caller
            if entry.error is None and now < entry.good_until:
                return entry.value
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(key), name=f"cboe {key.kind} {key.symbol}")
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
            task.add_done_callback(_retrieve)
        # One caller's impatience must not take the document from the others.
        return await asyncio.shield(task)

    def peek(self, key: DocumentKey) -> tuple[Any, int]:
        """Return the last good document and its version; (None, 0) if there is none."""
        entry = self._find(key)
        return (None, 0) if entry is None else (entry.value, entry.version)

    def error(self, key: DocumentKey) -> OptixError | None:
        entry = self._find(key)
        return None if entry is None else entry.error

    def tried_at(self, key: DocumentKey) -> float:
        """Return the loop time of the last answer, 0 if there was none."""
        entry = self._find(key)
        return 0.0 if entry is None else entry.tried_at

    def due_in(self, key: DocumentKey) -> float:
        """Return in how many seconds the document may be asked for again."""
        entry = self._find(key)
        if entry is None:
            return 0.0
        due = entry.good_until if entry.error is None else entry.retry_at
        return max(due - asyncio.get_running_loop().time(), 0.0)

    async def close(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, key: DocumentKey) -> Any:
        loop = asyncio.get_running_loop()
        try:
            value = await self._load(key)
        except (ProviderUnavailable, UnknownSymbol) as error:
            entry = self._entry(key)
            entry.error = error
            entry.failures += 1
            entry.tried_at = loop.time()
            entry.retry_at = loop.time() + self._retry_seconds(error, entry.failures)
            raise
        entry = self._entry(key)
        entry.value, entry.error, entry.failures = value, None, 0
        entry.version += 1
        entry.tried_at = loop.time()
        entry.good_until = loop.time() + self._seconds(key.kind)
        return value

    def _retry_seconds(self, error: OptixError, failures: int) -> float:
        if isinstance(error, UnknownSymbol):
            return UNKNOWN_SECONDS
        if error.retry_after_seconds is not None:
            return float(error.retry_after_seconds)
        doubled = self._retry_seconds_first * 2.0 ** min(failures - 1, 10)
        return min(doubled, RETRY_SECONDS_MAX)

    def _find(self, key: DocumentKey) -> _Entry | None:
        return self._by_kind[key.kind].get(key.symbol)

    def _entry(self, key: DocumentKey) -> _Entry:
        entries = self._by_kind[key.kind]
        entry = entries.setdefault(key.symbol, _Entry())
        entries.move_to_end(key.symbol)
        while len(entries) > DOCUMENTS_MAX[key.kind]:
            entries.popitem(last=False)
        return entry


def _retrieve(task: asyncio.Task[Any]) -> None:
    # Nobody may be left to await a failed fetch; the entry tells the next one who asks.
    if not task.cancelled():
        task.exception()
