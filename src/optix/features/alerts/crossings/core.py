"""What is watched, what a tick turns, and what both implementations promise.

A *series* is one number of one instrument: its last price, its bid, its volume, its delta. The
caller gives series small numbers. A *watch* waits for a series to reach a level:

    NEW ── value on the near side ──> ARMED ── level reached ──> SPENT ── beyond `back` ──> ARMED …

The near side of a rising watch lies below its level, that of a falling one above it. A level counts
as reached by the value that equals it; a value *on* the level or on `back` arms nothing. `ABOVE`
and `BELOW` begin armed, so they fire at once where the value is beyond the level already;
`CROSSES_UP` and `CROSSES_DOWN` begin new. `back` lies on the near side of the level, or on it: what
oscillates between the two fires once. A watch that does not repeat stays spent.

A watch is deaf while the clock of its series, the latest time stamp of its ticks, is before
`ready_ns`; each firing of one that repeats sets that to the clock plus its cooldown. When it begins
to listen, added or after its cooldown, a watch that waits for the near side looks at the last value
first. So whoever comes back after a while compares what was seen last with what comes next.

The compiled kernel is `native/crossings.hpp`; `PythonCrossings` is its oracle and its stand-in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

SERIES_MAX: Final = 2**27  # what a kernel can be told to take: the bits that a watch has for it
READY_NS_MAX: Final = 2**63 - 1


class Side(IntEnum):
    ABOVE = 0
    BELOW = 1
    CROSSES_UP = 2
    CROSSES_DOWN = 3

    @property
    def is_rising(self) -> bool:
        return self in (Side.ABOVE, Side.CROSSES_UP)

    @property
    def first_phase(self) -> Phase:
        return Phase.ARMED if self in (Side.ABOVE, Side.BELOW) else Phase.NEW


class Phase(IntEnum):
    NEW = 0  # waits for a value on the near side of its level
    ARMED = 1  # fires when the level is reached
    SPENT = 2  # has fired: waits for a value beyond `back`, or for nothing where it does not repeat


class Kind(IntEnum):
    """What a tick did to a watch."""

    ARMED = 0
    FIRED = 1
    SPENT = 2  # follows the firing of a watch that does not repeat: there will be no other turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One watch. `back` is the level where nothing is given, `phase` that which its side has first.

    Units: `level` and `back` are those of the series; stamps are UTC nanoseconds.
    """

    id: int
    series: int
    side: Side
    level: float
    back: float | None = None
    repeats: bool = False
    cooldown_ns: int = 0
    phase: Phase | None = None
    ready_ns: int = 0


class Watches(NamedTuple):
    """Watches in columns, in the order in which `Crossings.add` takes them."""

    ids: NDArray[np.int64]
    series: NDArray[np.int32]
    sides: NDArray[np.uint8]
    levels: NDArray[np.float64]
    backs: NDArray[np.float64]
    repeats: NDArray[np.uint8]
    cooldowns_ns: NDArray[np.int64]
    phases: NDArray[np.uint8]
    ready_ns: NDArray[np.int64]

    @classmethod
    def of(cls, watches: Iterable[Watch]) -> Watches:
        rows = list(watches)

        def column(values: Iterable[Any], kind: type[Any]) -> NDArray[Any]:
            return np.fromiter(values, kind, len(rows))

        return cls(
            ids=column((each.id for each in rows), np.int64),
            series=column((each.series for each in rows), np.int32),
            sides=column((each.side for each in rows), np.uint8),
            levels=column((each.level for each in rows), np.float64),
            backs=column(
                (each.level if each.back is None else each.back for each in rows), np.float64
            ),
            repeats=column((each.repeats for each in rows), np.uint8),
            cooldowns_ns=column((each.cooldown_ns for each in rows), np.int64),
            phases=column(
                (each.side.first_phase if each.phase is None else each.phase for each in rows),
                np.uint8,
            ),
            ready_ns=column((each.ready_ns for each in rows), np.int64),
        )


class Seen(NamedTuple):
    """The last value of each series and its clock, in the order that `Crossings.remember` takes."""

    series: NDArray[np.int32]
    values: NDArray[np.float64]
    at_ns: NDArray[np.int64]


class Turns(NamedTuple):
    """What ticks did, in the order in which it happened.

    Of one tick: first what its time stamp let listen again, by `ready_ns`; then what it reached
    from below, the lowest level first; then what it reached from above, the highest first; equals
    by id. `ticks` are positions in the batch, `kinds` are `Kind`.
    """

    ids: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    ticks: NDArray[np.int64]


class Crossings(Protocol):
    """What both implementations do. One thread at a time may use one.

    Arrays have exactly the types given, one dimension and no gaps. A batch that is refused changes
    nothing. A tick that turns nothing costs O(1); one that turns k of n watches O(k), and O(log n)
    for each of them that goes on waiting (docs/features/alerts.md says how).

    Errors: ValueError for columns of different lengths and for values outside their ranges.
    """

    def __len__(self) -> int: ...

    def add(  # noqa: PLR0917  # a column each, in the order of `Watches`
        self,
        ids: NDArray[np.int64],
        series: NDArray[np.int32],
        sides: NDArray[np.uint8],
        levels: NDArray[np.float64],
        backs: NDArray[np.float64],
        repeats: NDArray[np.uint8],
        cooldowns_ns: NDArray[np.int64],
        phases: NDArray[np.uint8],
        ready_ns: NDArray[np.int64],
    ) -> None:
        """Add watches, as `add(*watches)`; one whose id is there is replaced.

        A level that is reached already fires with the next tick of its series.
        """

    def remove(self, ids: NDArray[np.int64]) -> int:
        """Remove watches; return how many were there."""

    def remember(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> None:
        """Say what was seen last, before the watches of a series are added. It turns nothing.

        Errors: ValueError for a series that has watches: they have seen something themselves.
        """

    def apply(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> Turns:
        """Apply ticks in their order. Values that are not finite are passed over, with their time.

        A time stamp older than its series' clock counts as that clock.
        """

    def get(self, ids: NDArray[np.int64]) -> Watches:
        """Return watches as they are now. Errors: KeyError for an id that is not there."""

    def watches(self) -> Watches:
        """Return all watches by id. With `seen`, this is the whole state."""

    def seen(self) -> Seen:
        """Return what each series showed last, by series; those without a value are left out."""
