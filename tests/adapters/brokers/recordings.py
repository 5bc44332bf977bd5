"""What becomes of a recorded payload. Each broker's `recordings.py` says it of each file.

A new broker adds `tests/adapters/brokers/<name>/recordings.py` with `RECORDINGS`, from the names of
files to one of these. `test_every_recording` does what is said, and lists what is not mentioned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer that the parser of this kind reads."""

    kind: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something else, which no parser takes for an answer of its kind, let alone for nothing."""


@dataclass(frozen=True, slots=True)
class ReadBy:
    """Something that no parser reads and a test of its own does, which names the file."""

    test: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Something that an adapter which only reads has no use for."""

    reason: str


Use = Parsed | Refused | ReadBy | LeftAlone
