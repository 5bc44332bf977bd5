"""A kernel of crossings with what tests say to it: watches as values, ticks as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optix.features.alerts.crossings import Crossings, Kind, Phase, Seen, Watch, Watches
from optix.features.alerts.crossings.python_crossings import PythonCrossings

KERNELS: dict[str, Callable[..., Crossings]] = {"python": PythonCrossings}
try:
    from optix.features.alerts.crossings import _crossings
except ImportError:
    pass
else:
    KERNELS["compiled"] = _crossings.Crossings

Turn = tuple[int, Kind, int]
Tick = tuple[int, float, int]  # series, value, time stamp
SERIES = 8


def ids_of(*ids: int) -> NDArray[np.int64]:
    return np.array(ids, np.int64)


def ticks_of(rows: Iterable[Tick]) -> tuple[NDArray[Any], ...]:
    each = list(rows)
    return (
        np.array([row[0] for row in each], np.int32),
        np.array([row[1] for row in each], np.float64),
        np.array([row[2] for row in each], np.int64),
    )


def columns_of(watches: Watches) -> list[NDArray[Any]]:
    return list(watches)


def plain(columns: Iterable[NDArray[Any]]) -> list[tuple[Any, ...]]:
    """Return columns as rows."""
    return list(zip(*(column.tolist() for column in columns), strict=True))


class Rig:
    def __init__(self, kernel: str, series_max: int = SERIES) -> None:
        self.kernel = KERNELS[kernel](series_max=series_max)
        self._name = kernel
        self._series_max = series_max

    def add(self, *watches: Watch) -> None:
        self.kernel.add(*Watches.of(watches))

    def remove(self, *ids: int) -> int:
        return self.kernel.remove(ids_of(*ids))

    def remember(self, *rows: Tick) -> None:
        self.kernel.remember(*ticks_of(rows))

    def apply(self, *rows: Tick) -> list[Turn]:
        turns = self.kernel.apply(*ticks_of(rows))
        return [(number, Kind(kind), tick) for number, kind, tick in plain(turns)]

    def values(self, *values: float, at: int = 0) -> list[Turn]:
        """Apply values of series 0, a nanosecond apart."""
        return self.apply(*((0, value, at + n) for n, value in enumerate(values)))

    def fired(self, *values: float) -> list[tuple[int, int]]:
        """Return watches that fired with the positions of the values that did it."""
        return [(number, tick) for number, kind, tick in self.values(*values) if kind is Kind.FIRED]

    def phase(self, number: int) -> Phase:
        return Phase(self.kernel.get(ids_of(number)).phases[0])

    def state(self) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        return plain(self.kernel.watches()), plain(self.kernel.seen())

    def restarted(self) -> Rig:
        """Return a new kernel with the state of this one."""
        new = Rig(self._name, self._series_max)
        seen: Seen = self.kernel.seen()
        new.kernel.remember(*seen)
        new.kernel.add(*self.kernel.watches())
        return new
