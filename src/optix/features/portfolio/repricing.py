"""Contracts by the model of their exercise: European ones on the forward, American ones on a yield.

Terms are those that the chain was solved with, so that a volatility of the chain gives its price
again. Where a chain prices its dividends in cash, the yield that its forward implies stands in for
them. Pure.
"""

from __future__ import annotations

from math import nan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market.marks import MarkColumns
from optix.quant import american, american_kernels, black_scholes
from optix.quant.american_numpy import FamilyTables, Terms
from optix.quant.american_rows import Kind, Rows, read, rows_of, take
from optix.quant.american_tables import european_tables, many_family_tables
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.grids import Legs, value_cube

Positions = NDArray[np.intp]
VOL_MIN: Final = 1e-3  # a volatility that a shift would take below it stays there


def prices_of(columns: MarkColumns, names: Positions, vol: FloatArray) -> FloatArray:
    """Return the price per share of contracts at volatilities; NaN where terms are missing.

    Shapes:  names and vol (rows,); the result has it.
    """
    years, forward, rate, spot, dividend_yield = columns.terms[:, names]
    style, call, strike = columns.american[names], columns.is_call[names], columns.strike[names]
    found = np.full(names.shape, nan)
    usable = np.isfinite(vol) & np.isfinite(forward) & (years > 0)
    for is_american in (False, True):
        at = np.flatnonzero(usable & (style == is_american))
        if at.size == 0:
            continue
        terms = {
            "strike": strike[at],
            "expiry_years": years[at],
            "vol": vol[at],
            "rate": rate[at],
            "is_call": call[at],
        }
        found[at] = (
            american.price(spot=spot[at], dividend_yield=dividend_yield[at], **terms)
            if is_american
            else black_scholes.price(forward=forward[at], **terms)
        )
    return found


class Grid(NamedTuple):
    """Axes of a scenario: multiples of today's spot, points of volatility, years from now."""

    factors: FloatArray
    shifts: FloatArray
    ahead: FloatArray


def european_values(
    columns: MarkColumns, names: Positions, vol: FloatArray, units: FloatArray, grid: Grid
) -> FloatArray:
    """Return what European contracts are worth together at every point of a grid.

    Shapes:  names, vol and units (rows,); the result (times, shifts, factors).
    """
    years, forward, rate, spot, _ = columns.terms[:, names]
    # Each leg in units of its own spot: so all of them share one grid.
    legs = Legs(
        kind=np.where(columns.is_call[names], 1.0, -1.0),
        strike=columns.strike[names] / spot,
        expiry_years=years,
        vol=vol,
        rate=rate,
        carry=np.log(forward / spot) / years,
        quantity=units * spot,
    )
    cube = value_cube(
        legs=legs,
        spot=1.0,
        spot_factors=grid.factors,
        years_ahead=grid.ahead,
        vol_shifts=grid.shifts,
    )
    return np.moveaxis(cube, 0, 2)


def american_values(
    columns: MarkColumns, names: Positions, vol: FloatArray, units: FloatArray, grid: Grid
) -> FloatArray:
    """Return the same of American contracts, which share their boundaries by expiry and side."""
    total = np.zeros((grid.ahead.size, grid.shifts.size, grid.factors.size))
    years, _, rate, spot, dividend_yield = columns.terms[:, names]
    call, strike = columns.is_call[names], columns.strike[names]
    keys = np.stack((years, rate, dividend_yield, call))
    _, first, group = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    vols = np.maximum(vol[:, None] + grid.shifts, VOL_MIN)
    # What each expiry and side is at each time, (sides × times): exercised at all, and how.
    left = np.maximum(years[first][:, None] - grid.ahead, 0.0)
    given = read(
        call[first][:, None],
        spot[first][:, None],
        strike[first][:, None],
        left,
        rate[first][:, None],
        dividend_yield[first][:, None],
        vols[first].min(axis=1)[:, None],
    )
    alive = given.years > 0
    rows = rows_of(given, np.ones(alive.shape, np.bool_), given.other)
    tables = _tables(rows, alive, vols, group, grid.ahead.size)
    for number in range(first.size):
        at = np.flatnonzero(group == number)
        side = Side(strike[at], spot[at], vols[at], bool(call[at[0]]), grid.factors)
        for place in range(grid.ahead.size):
            which = number * grid.ahead.size + place
            family = tables.get(which)
            if not alive[which]:
                prices = side.exercise
            elif family is not None:
                prices = side.prices(family)
            else:
                prices = side.prices_alone(take(rows, np.array([which])).terms)
            total[place] += np.tensordot(units[at], prices, axes=1)
    return total


def _tables(
    rows: Rows, alive: BoolArray, vols: FloatArray, group: Positions, times: int
) -> dict[int, FamilyTables]:
    """Return the families of those that have one: by where they stand among sides × times."""
    count = alive.size // times
    low, high = np.full(count, np.inf), np.zeros(count)
    np.minimum.at(low, group, vols.min(axis=1))
    np.maximum.at(high, group, vols.max(axis=1))
    rate, dividend_yield, _, years = rows.terms
    single = np.flatnonzero(alive & (rows.kind == Kind.SINGLE))
    found = many_family_tables(
        rate=rate[single],
        dividend_yield=dividend_yield[single],
        years=years[single],
        vol_min=low[single // times],
        vol_max=high[single // times],
        rho_by_yield=rows.is_call[single],
    )
    tables = dict(zip(single.tolist(), found, strict=True))
    for which in np.flatnonzero(alive & (rows.kind == Kind.EUROPEAN)).tolist():
        tables[which] = european_tables(
            rate=rate[which].item(),
            dividend_yield=dividend_yield[which].item(),
            years=years[which].item(),
            rho_by_yield=bool(rows.is_call[which]),
        )
    return tables


class Side:
    """Contracts of one expiry and side at every spot and volatility: (rows, shifts, factors)."""

    def __init__(
        self,
        strike: FloatArray,
        spot: FloatArray,
        vols: FloatArray,
        is_call: bool,  # noqa: FBT001 - a column's value
        factors: FloatArray,
    ) -> None:
        self.is_call = is_call
        shape = (strike.size, vols.shape[1], factors.size)
        spots = np.broadcast_to((spot[:, None] * factors)[:, None, :], shape)
        strikes = np.broadcast_to(strike[:, None, None], shape)
        self.vols = np.ascontiguousarray(np.broadcast_to(vols[:, :, None], shape)).reshape(-1)
        self.scale = spots if is_call else strikes
        self.moneyness = strikes / spots if is_call else spots / strikes
        self.exercise = np.maximum(self.scale * (1.0 - self.moneyness), 0.0)
        self._spots, self._strikes = spots, strikes

    def prices(self, tables: FamilyTables) -> FloatArray:
        """Return the prices by the boundaries of one time."""
        value = american_kernels.family_values(
            tables, self.moneyness.reshape(-1), self.vols, full=False
        )
        return np.maximum(self.scale * value.reshape(self.moneyness.shape), self.exercise)

    def prices_alone(self, terms: Terms) -> FloatArray:
        """Return them where a family is none: negative rates, next to no volatility."""
        rate, dividend_yield = terms.rate.item(), terms.dividend_yield.item()
        own = (dividend_yield, rate) if self.is_call else (rate, dividend_yield)
        return american.price(
            spot=self._spots,
            strike=self._strikes,
            expiry_years=terms.years.item(),
            vol=self.vols.reshape(self._spots.shape),
            rate=own[0],
            dividend_yield=own[1],
            is_call=self.is_call,
        )
