"""The kernel in Python: the oracle of the compiled one, and its stand-in.

It asks every watch of a series at every tick, so it shows what is meant and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, nextafter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optix.features.alerts.crossings.core import (
    READY_NS_MAX,
    SERIES_MAX,
    Kind,
    Phase,
    Seen,
    Side,
    Turns,
    Watch,
    Watches,
)


@dataclass(slots=True)
class _Watch:
    """A watch and where it is. `waits_for` is where its near side begins."""

    id: int
    series: int
    side: Side
    level: float
    back: float
    repeats: bool
    cooldown_ns: int
    phase: Phase
    ready_ns: int
    listens: bool = False

    @property
    def is_over(self) -> bool:
        return self.phase is Phase.SPENT and not self.repeats

    @property
    def waits_for(self) -> float:
        return self.level if self.phase is Phase.NEW else self.back

    def is_armed_by(self, value: float) -> bool:
        if self.phase is Phase.ARMED or self.is_over:
            return False
        return value < self.waits_for if self.side.is_rising else value > self.waits_for

    def is_fired_by(self, value: float) -> bool:
        if self.phase is not Phase.ARMED:
            return False
        return value >= self.level if self.side.is_rising else value <= self.level

    @property
    def rises(self) -> bool:
        """Whether it takes a higher value to turn it."""
        return self.side.is_rising == (self.phase is Phase.ARMED)

    @property
    def turning_value(self) -> float:
        """The first value that turns it: the next beyond what it waits for."""
        if self.phase is Phase.ARMED:
            return self.level
        return nextafter(self.waits_for, inf if self.rises else -inf)


@dataclass(slots=True)
class _Series:
    last: float | None = None
    clock_ns: int = 0
    watches: dict[int, _Watch] = field(default_factory=dict)


def _check_lengths(*columns: NDArray[Any]) -> None:
    if len({len(each) for each in columns}) > 1:
        raise ValueError("every column has one value per row")


class PythonCrossings:
    """The kernel in Python. Errors and order are those of the compiled one."""

    def __init__(self, *, series_max: int) -> None:
        if not 1 <= series_max <= SERIES_MAX:
            raise ValueError("the number of series is out of its range")
        self._series_max = series_max
        self._series: dict[int, _Series] = {}
        self._watches: dict[int, _Watch] = {}
        self._turns: list[tuple[int, Kind, int]] = []

    def __len__(self) -> int:
        return len(self._watches)

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
        columns = (ids, series, sides, levels, backs, repeats, cooldowns_ns, phases, ready_ns)
        _check_lengths(*columns)
        self._check_series(series)
        rows = list(zip(*(column.tolist() for column in columns), strict=True))
        made = [_watch_of(*row) for row in rows]
        for watch in made:
            self._remove(watch.id)
            self._watches[watch.id] = watch
            home = self._series.setdefault(watch.series, _Series())
            home.watches[watch.id] = watch
            if watch.ready_ns <= home.clock_ns:
                _listen(watch, home)

    def remove(self, ids: NDArray[np.int64]) -> int:
        return sum(self._remove(number) for number in ids.tolist())

    def remember(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> None:
        _check_lengths(series, values, at_ns)
        self._check_series(series)
        rows = list(zip(series.tolist(), values.tolist(), at_ns.tolist(), strict=True))
        for number, value, at in rows:
            if number in self._series and self._series[number].watches:
                raise ValueError("this series has watches")
            if not isfinite(value) or at < 0:
                raise ValueError("what was seen is out of its range")
        for number, value, at in rows:
            self._series[number] = _Series(last=value, clock_ns=at)

    def apply(
        self, series: NDArray[np.int32], values: NDArray[np.float64], at_ns: NDArray[np.int64]
    ) -> Turns:
        _check_lengths(series, values, at_ns)
        self._check_series(series)
        rows = zip(series.tolist(), values.tolist(), at_ns.tolist(), strict=True)
        for tick, (number, value, at) in enumerate(rows):
            if isfinite(value):
                self._apply(self._series.setdefault(number, _Series()), value, at, tick)
        turns, self._turns = self._turns, []
        return Turns(
            ids=np.array([each[0] for each in turns], np.int64),
            kinds=np.array([each[1] for each in turns], np.uint8),
            ticks=np.array([each[2] for each in turns], np.int64),
        )

    def _apply(self, home: _Series, value: float, at: int, tick: int) -> None:
        home.clock_ns = max(home.clock_ns, at)
        ready = (w for w in home.watches.values() if not w.listens and w.ready_ns <= home.clock_ns)
        for watch in sorted(ready, key=lambda w: (w.ready_ns, w.id)):
            if _listen(watch, home):
                self._turns.append((watch.id, Kind.ARMED, tick))
        home.last = value
        listening = [watch for watch in home.watches.values() if watch.listens]
        rising = [watch for watch in listening if watch.rises]
        falling = [watch for watch in listening if not watch.rises]
        for watch in sorted(rising, key=lambda w: (w.turning_value, w.id)):
            self._turn(watch, home, tick)
        for watch in sorted(falling, key=lambda w: (-w.turning_value, w.id)):
            self._turn(watch, home, tick)

    def _turn(self, watch: _Watch, home: _Series, tick: int) -> None:
        assert home.last is not None
        if watch.is_armed_by(home.last):
            watch.phase = Phase.ARMED
            self._turns.append((watch.id, Kind.ARMED, tick))
        elif watch.is_fired_by(home.last):
            watch.phase = Phase.SPENT
            self._turns.append((watch.id, Kind.FIRED, tick))
            if watch.repeats:
                watch.ready_ns = min(home.clock_ns + watch.cooldown_ns, READY_NS_MAX)
                watch.listens = watch.ready_ns <= home.clock_ns
            else:
                self._turns.append((watch.id, Kind.SPENT, tick))

    def get(self, ids: NDArray[np.int64]) -> Watches:
        return Watches.of(_row_of(self._watches[number]) for number in ids.tolist())

    def watches(self) -> Watches:
        return Watches.of(_row_of(self._watches[number]) for number in sorted(self._watches))

    def seen(self) -> Seen:
        rows = [
            (number, home.last, home.clock_ns)
            for number, home in sorted(self._series.items())
            if home.last is not None
        ]
        return Seen(
            series=np.array([each[0] for each in rows], np.int32),
            values=np.array([each[1] for each in rows], np.float64),
            at_ns=np.array([each[2] for each in rows], np.int64),
        )

    def _remove(self, number: int) -> bool:
        watch = self._watches.pop(number, None)
        if watch is None:
            return False
        del self._series[watch.series].watches[number]
        return True

    def _check_series(self, series: NDArray[np.int32]) -> None:
        if any(not 0 <= number < self._series_max for number in series.tolist()):
            raise ValueError("the series is out of its range")


def _listen(watch: _Watch, home: _Series) -> bool:
    """Begin to listen; return whether the last value armed the watch."""
    watch.listens = True
    if home.last is None or not watch.is_armed_by(home.last):
        return False
    watch.phase = Phase.ARMED
    return True


def _watch_of(  # noqa: PLR0917  # the same order
    number: int,
    series: int,
    side: int,
    level: float,
    back: float,
    repeats: int,
    cooldown_ns: int,
    phase: int,
    ready_ns: int,
) -> _Watch:
    if side not in tuple(Side) or phase not in tuple(Phase) or repeats not in (0, 1):
        raise ValueError("a code is out of its range")
    if not isfinite(level) or not isfinite(back) or cooldown_ns < 0 or ready_ns < 0:
        raise ValueError("a number is out of its range")
    if back > level if Side(side).is_rising else back < level:
        raise ValueError("`back` lies beyond the level")
    return _Watch(
        id=number,
        series=series,
        side=Side(side),
        level=level,
        back=back,
        repeats=bool(repeats),
        cooldown_ns=cooldown_ns,
        phase=Phase(phase),
        ready_ns=ready_ns,
    )


def _row_of(watch: _Watch) -> Watch:
    return Watch(
        id=watch.id,
        series=watch.series,
        side=watch.side,
        level=watch.level,
        back=watch.back,
        repeats=watch.repeats,
        cooldown_ns=watch.cooldown_ns,
        phase=watch.phase,
        ready_ns=watch.ready_ns,
    )
