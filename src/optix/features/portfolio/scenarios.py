"""What a whole book gains or loses when spot, volatility and time move: repriced in full.

Each contract is priced by its own exercise style at every point; what has expired by then is worth
its intrinsic value. A shift of the spot is of every underlying alike, or of the benchmark, which
each follows by its beta. Volatilities stay with their strikes. Gains are against the model's own
value now, so that what a mark differs from the model is no gain. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from optix.features.portfolio.comovement import Beta
from optix.features.portfolio.greeks import Positions, groups_of
from optix.features.portfolio.repricing import (
    VOL_MIN,
    Grid,
    american_values,
    european_values,
)
from optix.features.portfolio.valuing import Valuer, why
from optix.quant.arrays import FloatArray

Model = Literal["shares", "european", "american", "none"]
DAYS_PER_YEAR: Final = 365.0
_IV: Final = 0
_FACTOR_MIN: Final = 1e-3  # a price does not fall to nothing, whatever its beta


_NOW: Final = Grid(np.ones(1), np.zeros(1), np.zeros(1))


@dataclass(frozen=True, slots=True)
class Axes:
    """Shifts of the spot as fractions, of volatilities in annual decimals, and days from now."""

    spot: tuple[float, ...]
    vol: tuple[float, ...]
    days: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """How one share or contract was priced: net units over all accounts."""

    symbol: str
    underlying: str
    units: float
    model: Model
    vol: float | None
    reason: str  # why it is in no sum; '' where it is


@dataclass(frozen=True, slots=True)
class Matrix:
    """Gains by underlying, each (days, vols, spots), and how each leg was priced."""

    gains: Mapping[str, FloatArray]
    value: float  # what the model says that all of it is worth now
    legs: Sequence[Leg]
    positions_without: Mapping[str, int]  # rows that are nothing of the market's, by why


def scenarios_of(valuer: Valuer, axes: Axes, betas: Mapping[str, Beta] | None = None) -> Matrix:
    """Return the gains of a book over a grid. With `betas` the spot is the benchmark's."""
    units = _net_units(valuer)
    columns = valuer.marks.columns
    vol = np.where(np.isfinite(columns.analytics[_IV]), columns.analytics[_IV], columns.near_iv)
    held = np.flatnonzero(units != 0)
    legs = [_leg(valuer, row, units, vol, betas) for row in held.tolist()]
    by_underlying = groups_of([leg.underlying for leg in legs])
    gains, value = {}, 0.0
    for symbol in sorted(by_underlying):
        rows = np.array(
            [held[at] for at in by_underlying[symbol].tolist() if not legs[at].reason], np.intp
        )
        if rows.size == 0:
            continue
        beta = 1.0 if betas is None else betas[symbol].value or 0.0
        book = (valuer, rows, units[rows], np.maximum(vol[rows], VOL_MIN))
        now = _on(*book, _NOW).item()
        gains[symbol] = _on(*book, _grid_of(axes, beta)) - now
        value += now
    return Matrix(gains, value, legs, _without(valuer))


def _net_units(valuer: Valuer) -> FloatArray:
    """Return what is held of each name by all accounts together."""
    rows = (valuer.name >= 0) & valuer.holding.now.known
    weights = valuer.holding.now.floats[rows]
    sums = np.bincount(valuer.name[rows], weights=weights, minlength=len(valuer.marks.names))
    return sums.astype(np.float64)


def _leg(
    valuer: Valuer,
    row: int,
    units: FloatArray,
    vol: FloatArray,
    betas: Mapping[str, Beta] | None,
) -> Leg:
    columns, names = valuer.marks.columns, valuer.marks.names
    contract = row >= valuer.marks.symbols
    underlying = valuer.marks.underlying_of(row)
    reason = ""
    if valuer.marks.spot_of(underlying) is None:
        reason = why(columns, row) or "no_underlying_price"
    elif betas is not None and ((beta := betas.get(underlying)) is None or beta.value is None):
        reason = "no_beta"
    elif contract:
        if not np.isfinite(columns.terms[:, row]).all() or columns.terms[0, row] <= 0:
            reason = why(columns, row) or "no_forward"
        elif not np.isfinite(vol[row]):
            reason = why(columns, row) or "no_volatility"
    model: Model = "shares"
    if contract:
        model = "american" if columns.american[row] else "european"
    return Leg(
        symbol=names[row],
        underlying=underlying,
        units=units[row].item(),
        model="none" if reason else model,
        vol=vol[row].item() if contract and not reason else None,
        reason=reason,
    )


def _grid_of(axes: Axes, beta: float) -> Grid:
    return Grid(
        factors=np.maximum(1.0 + beta * np.array(axes.spot), _FACTOR_MIN),
        shifts=np.array(axes.vol),
        ahead=np.array(axes.days) / DAYS_PER_YEAR,
    )


def _on(
    valuer: Valuer, rows: Positions, units: FloatArray, vol: FloatArray, grid: Grid
) -> FloatArray:
    columns = valuer.marks.columns
    total = np.zeros((grid.ahead.size, grid.shifts.size, grid.factors.size))
    shares = rows < valuer.marks.symbols
    total += (units[shares] @ columns.terms[3, rows[shares]]) * grid.factors
    for is_american, price in ((False, european_values), (True, american_values)):
        at = np.flatnonzero(~shares & (columns.american[rows] == is_american))
        if at.size:
            total += price(columns, rows[at], vol[at], units[at], grid)
    return total


def _without(valuer: Valuer) -> dict[str, int]:
    """Count positions that move and are in no leg: nothing of the market's, or of no direction."""
    held = valuer.holding
    lacking: dict[str, int] = {}
    for row in np.flatnonzero(held.needs_greeks).tolist():
        if valuer.name[row] >= 0 and held.now.known[row]:
            continue
        reason = "not_modelled" if held.now.known[row] else "direction_unknown"
        if not held.in_dollars[row]:
            reason = "foreign_currency"
        lacking[reason] = lacking.get(reason, 0) + 1
    return dict(sorted(lacking.items()))
