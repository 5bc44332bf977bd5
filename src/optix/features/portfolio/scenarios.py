"""What a whole book gains or loses when spot, volatility and time move: repriced in full.

Each contract is priced by its own exercise style at every point; what has expired by then is worth
its intrinsic value. A shift of the spot is of every underlying alike, or of the benchmark, which
each follows by its beta. Volatilities stay with their strikes. Gains are against the model's own
value now, so that what a mark differs from the model is no gain. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np

from optix.features.market.marks import MarkColumns
from optix.features.portfolio import schemas_exposure as schemas
from optix.features.portfolio.comovement import BENCHMARK, Beta
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

    @property
    def now(self) -> tuple[int, int, int] | None:
        """Where nothing has moved yet, None where that is no point of the grid."""
        if 0.0 not in self.spot or 0.0 not in self.vol or 0.0 not in self.days:
            return None
        return self.days.index(0.0), self.vol.index(0.0), self.spot.index(0.0)


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
    without: Mapping[str, int]  # rows that are nothing of the market's, by why


@dataclass(frozen=True, slots=True)
class Still:
    """What is priced, as it was at one instant: no later reading of the market touches it."""

    columns: MarkColumns
    names: Sequence[str]
    symbols: int  # so many names are no contracts
    underlyings: Sequence[str]  # of each name
    units: FloatArray  # net, of each name
    without: Mapping[str, int]


def copied(valuer: Valuer) -> Still:
    """Return what a matrix needs of a book, for another thread."""
    marks = valuer.marks
    return Still(
        columns=deepcopy(marks.columns),
        names=marks.names,
        symbols=marks.symbols,
        underlyings=[marks.underlying_of(row) for row in range(len(marks.names))],
        units=_net_units(valuer),
        without=_without(valuer),
    )


def scenarios_of(book: Still, axes: Axes, betas: Mapping[str, Beta] | None = None) -> Matrix:
    """Return the gains of a book over a grid. With `betas` the spot is the benchmark's."""
    columns, units = book.columns, book.units
    vol = np.where(np.isfinite(columns.analytics[_IV]), columns.analytics[_IV], columns.near_iv)
    held = np.flatnonzero(units != 0)
    legs = [_leg(book, row, vol, betas) for row in held.tolist()]
    by_underlying = groups_of([leg.underlying for leg in legs])
    gains, value, here = {}, 0.0, axes.now
    for symbol in sorted(by_underlying):
        rows = np.array(
            [held[at] for at in by_underlying[symbol].tolist() if not legs[at].reason], np.intp
        )
        if rows.size == 0:
            continue
        beta = 1.0 if betas is None else betas[symbol].value or 0.0
        part = (book, rows, np.maximum(vol[rows], VOL_MIN))
        found = _on(*part, _grid_of(axes, beta))
        now = found[here].item() if here is not None else _on(*part, _NOW).item()
        gains[symbol] = found - now
        value += now
    return Matrix(gains, value, legs, book.without)


def _net_units(valuer: Valuer) -> FloatArray:
    """Return what is held of each name by all accounts together."""
    rows = (valuer.name >= 0) & valuer.holding.now.known
    weights = valuer.holding.now.floats[rows]
    sums = np.bincount(valuer.name[rows], weights=weights, minlength=len(valuer.marks.names))
    return sums.astype(np.float64)


def _leg(book: Still, row: int, vol: FloatArray, betas: Mapping[str, Beta] | None) -> Leg:
    columns, underlying = book.columns, book.underlyings[row]
    spot = columns.terms[3, book.names.index(underlying)]
    contract = row >= book.symbols
    reason = ""
    if not np.isfinite(spot):
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
        symbol=book.names[row],
        underlying=underlying,
        units=book.units[row].item(),
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


def _on(book: Still, rows: Positions, vol: FloatArray, grid: Grid) -> FloatArray:
    columns, units = book.columns, book.units[rows]
    total = np.zeros((grid.ahead.size, grid.shifts.size, grid.factors.size))
    shares = rows < book.symbols
    total += (units[shares] @ columns.terms[3, rows[shares]]) * grid.factors
    for is_american, values_of in ((False, european_values), (True, american_values)):
        at = np.flatnonzero(~shares & (columns.american[rows] == is_american))
        if at.size:
            total += values_of(columns, rows[at], vol[at], units[at], grid)
    return total


def told_scenarios(
    matrix: Matrix,
    axes: Axes,
    betas: Mapping[str, Beta] | None,
    at: datetime,
    *,
    by_underlying: bool,
) -> schemas.Scenarios:
    """Return a matrix as the API says it."""
    shape = (len(axes.days), len(axes.vol), len(axes.spot))
    total = sum(matrix.gains.values(), np.zeros(shape))
    return schemas.Scenarios(
        spot=list(axes.spot),
        vol=list(axes.vol),
        days=list(axes.days),
        benchmark=None if betas is None else BENCHMARK,
        value=matrix.value if matrix.gains else None,
        gains=total.tolist() if matrix.gains else None,
        underlyings=[
            schemas.UnderlyingScenario(
                underlying=symbol,
                beta=None if betas is None else betas[symbol].value,
                gains=gains.tolist(),
            )
            for symbol, gains in matrix.gains.items()
            if by_underlying
        ],
        legs=[schemas.ScenarioLeg(**asdict(leg)) for leg in matrix.legs],
        unpriced=[
            schemas.Unpriced(reason=reason, positions=count)
            for reason, count in matrix.without.items()
        ],
        as_of=at,
    )


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
