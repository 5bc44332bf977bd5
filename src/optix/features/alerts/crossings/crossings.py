"""The kernel of this machine: compiled where it can be, else the same in Python."""

from __future__ import annotations

from optix.features.alerts.crossings.core import Crossings
from optix.features.alerts.crossings.python_crossings import PythonCrossings


def new_crossings(*, series_max: int) -> Crossings:
    """Return the compiled kernel, or the one in Python where none is compiled here.

    `series_max` bounds the numbers of series: they are 0 up to it, without it.
    Errors: ValueError where it is not within 1 and SERIES_MAX.
    """
    try:
        from optix.features.alerts.crossings import _crossings  # noqa: PLC0415  # absent: not compiled
    except ImportError:
        return PythonCrossings(series_max=series_max)
    compiled: Crossings = _crossings.Crossings(series_max=series_max)
    return compiled
