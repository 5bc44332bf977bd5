"""Rows of options on a stock with dividends, and the grids their expiries share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant.arrays import BoolArray, FloatArray, all_positive, broadcast_options
from optix.quant.dividend_grid import (
    EVENTS_MAX,
    WIDTH_MAX,
    WIDTH_MIN,
    DividendPlan,
    GridInputs,
    make_plan,
)
from optix.quant.dividends import DividendSchedule

NODES = 161
STEPS = 96
_STEPS_PER_EVENT = 12
_STEPS_MAX = 400
YEARS_MIN = 1e-9  # with less, no time is left
_LOG_MAX = 200.0  # |rate·T|, |ln(spot/strike)| and the like beyond it leave float64


class OptionRows(NamedTuple):
    """Broadcast arguments, flat, and which of them make an option."""

    spot: FloatArray
    strike: FloatArray
    years: FloatArray
    rate: FloatArray
    borrow: FloatArray
    sign: FloatArray
    american: FloatArray
    other: FloatArray  # vol or price, whichever is known

    def of(self, rows: BoolArray) -> OptionRows:
        """Return the chosen rows."""
        return OptionRows(*(column[rows] for column in self))

    def vols(self) -> FloatArray:
        """Return the volatilities; one too small for a grid is the least, where limits hold."""
        return np.maximum(self.other, WIDTH_MIN / np.sqrt(self.years))

    def inputs(self, vol: FloatArray, *, rate_shift: float = 0.0) -> GridInputs:
        """Return the columns of a grid."""
        columns = (self.spot, self.strike, vol, self.rate + rate_shift, self.borrow)
        return GridInputs(*(np.ascontiguousarray(c) for c in (*columns, self.sign, self.american)))

    def payoff(self) -> FloatArray:
        """Return what exercise pays today."""
        return np.maximum(self.sign * (self.spot - self.strike), 0.0)


def option_rows(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike,
    borrow: ArrayLike,
    is_call: ArrayLike,
    is_american: ArrayLike,
    other: ArrayLike,
) -> tuple[tuple[int, ...], OptionRows]:
    """Return the shape that the arguments broadcast to, and them as flat columns."""
    american = np.asarray(is_american, dtype=np.float64)
    call, floats = broadcast_options(is_call, spot, strike, years, rate, borrow, american, other)
    S, K, T, r, b, style, known = (column.ravel() for column in floats)
    sign = np.where(call, 1.0, -1.0).ravel()
    return call.shape, OptionRows(S, K, T, r, b, sign, style, known)


def usable_rows(rows: OptionRows, *, other_is_vol: bool = True) -> BoolArray:
    """Say which rows are options of numbers that stay inside float64."""
    usable = all_positive(rows.spot, rows.strike, rows.other) & np.isfinite(rows.years)
    with np.errstate(all="ignore"):
        T = np.maximum(rows.years, 0.0)
        usable &= np.abs(np.log(rows.spot / rows.strike)) <= _LOG_MAX
        usable &= np.abs(np.log(rows.spot)) <= _LOG_MAX
        if other_is_vol:
            usable &= rows.other * np.sqrt(T) <= WIDTH_MAX
        usable &= (np.abs(rows.rate) * T <= _LOG_MAX) & (np.abs(rows.borrow) * T <= _LOG_MAX)
    return np.asarray(usable)


def plans_of(
    rows: OptionRows, live: BoolArray, schedule: DividendSchedule, nodes: int, steps: int
) -> Iterator[tuple[BoolArray, DividendPlan]]:
    """Yield the rows of each expiry with their grid."""
    for expiry in np.unique(rows.years[live]).tolist():
        until = schedule.until(expiry)
        if len(until.dividends) > EVENTS_MAX:
            raise ValueError(f"More than {EVENTS_MAX} ex-dates lie before one expiry.")
        group = live & (rows.years == expiry)
        part = rows.of(group)
        forward = until.forward(
            spot=part.spot, expiry_years=expiry, rate=part.rate, borrow=part.borrow
        )
        group[group] = np.isfinite(forward)
        if not group.any():
            continue
        ex_years, cash, proportion = until.columns()
        plan = make_plan(
            expiry_years=expiry,
            ex_years=ex_years,
            cash=cash,
            proportion=proportion,
            nodes=nodes,
            steps=min(steps + _STEPS_PER_EVENT * ex_years.size, _STEPS_MAX),
        )
        yield group, plan
