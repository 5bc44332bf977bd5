"""The axes of a scenario as a caller writes them."""

from __future__ import annotations

from math import isfinite
from typing import Final

from optix.features.portfolio.scenarios import Axes
from optix.kernel import limits
from optix.kernel.errors import InvalidInput

_SPOT: Final = tuple(each / 100 for each in range(-20, 21, 2))
_VOL: Final = (-0.05, 0.0, 0.05)
_DAYS: Final = (0.0, 7.0, 30.0)


class AxisUnreadable(InvalidInput):
    """An axis that is no list of numbers, too long, or out of its range."""

    code = "axis_unreadable"
    next_step = "Send numbers with commas between them, like spot=-0.1,0,0.1."


def axes_of(spot: str, vol: str, days: str) -> Axes:
    """Return the axes of three texts; what is empty is the usual axis. Raises AxisUnreadable."""
    return Axes(
        spot=_axis("spot", spot, limits.SCENARIO_SPOTS_MAX, (-0.99, 10.0)) or _SPOT,
        vol=_axis("vol", vol, limits.SCENARIO_VOLS_MAX, (-5.0, 5.0)) or _VOL,
        days=_axis("days", days, limits.SCENARIO_DAYS_MAX, (0.0, 3660.0)) or _DAYS,
    )


def _axis(name: str, text: str, count_max: int, inside: tuple[float, float]) -> tuple[float, ...]:
    if not text.strip():
        return ()
    try:
        # house: allow(money-float) because shifts of a model are no money
        values = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise AxisUnreadable(f"{name} is no list of numbers.", fields={name: "numbers"}) from error
    low, high = inside
    if len(values) > count_max:
        raise AxisUnreadable(
            f"{len(values)} points of {name} are more than {count_max}.",
            fields={name: f"at most {count_max}"},
        )
    if not all(isfinite(value) and low <= value <= high for value in values):
        raise AxisUnreadable(
            f"A point of {name} is not within {low:g} to {high:g}.",
            fields={name: f"{low:g} to {high:g}"},
        )
    return values
