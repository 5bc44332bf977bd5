"""IV and Greeks of rows by the model of their root: European, American on a yield, or in cash.

Pure, in natural units; `pricing` turns them into those of a response. Cash dividends are priced by
the spot model on a coarse grid (docs/features/pricing.md): its volatilities are within 4e-5 of the
fine one's, for a quarter of the time.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market.carry import CarryInputs
from optix.features.market.listing import Layout, Listing, Positions
from optix.kernel.instrument import ExerciseStyle
from optix.kernel.roots import style_of
from optix.quant import american, black_scholes
from optix.quant.american_rows import AmericanGreeks
from optix.quant.arrays import FloatArray
from optix.quant.black_scholes import AllGreeks, Greeks
from optix.quant.borrow import borrow_cost
from optix.quant.dividend_options import (
    DividendGreeks,
    dividend_greeks,
    dividend_implied_vol,
)
from optix.quant.forward import ForwardFit, implied_carry
from optix.quant.implied_vol import ImpliedVol, implied_vol

_AMERICAN_COST: Final = 8
_CASH_COST: Final = 40
_NODES: Final = 101
_STEPS: Final = 48


class Model(IntEnum):
    """How the rows of a root are priced."""

    EUROPEAN = 0
    AMERICAN_YIELD = 1
    AMERICAN_CASH = 2


def work_cost(listing: Listing, *, in_cash: bool) -> int:
    """Return what pricing a listing costs at most, in European rows."""
    american = np.array([style_of(root) is ExerciseStyle.AMERICAN for root, _ in listing.keys])
    rows = np.bincount(listing.group, minlength=len(listing.keys))
    cost = _CASH_COST if in_cash else _AMERICAN_COST
    return int((rows * np.where(american, cost, 1)).sum())


class Solved(NamedTuple):
    """IV, `IvStatus` and Greeks of rows."""

    vol: FloatArray
    status: NDArray[np.int8]
    greeks: Greeks


class Terms(NamedTuple):
    """What the models need of each group."""

    years: FloatArray
    spot: FloatArray  # as shown; NaN where not known
    fit: ForwardFit
    model: NDArray[np.int8]
    owner: Positions
    carry: tuple[CarryInputs, ...]  # of each owner


def solve(layout: Layout, terms: Terms, price: FloatArray, rows: Positions) -> Solved:
    """Return IV and Greeks of `rows`, one call of quant for each model (in cash: and underlying).

    Shapes:  price is of all rows of the layout; results are aligned with `rows`.
    """
    vol = np.full(rows.shape, np.nan)
    status = np.zeros(rows.shape, dtype=np.int8)
    columns = Greeks(*(np.full(rows.shape, np.nan) for _ in Greeks._fields))
    carry = implied_carry(
        spot=terms.spot, forward=terms.fit.forward, expiry_years=terms.years, rate=terms.fit.rate
    )
    model = terms.model[layout.group[rows]]
    for kind in Model:
        chosen = np.flatnonzero(model == kind)
        if chosen.size == 0:
            continue
        part = rows[chosen]
        group = layout.group[part]
        given: dict[str, Any] = {
            "strike": layout.strike[part],
            "expiry_years": terms.years[group],
            "rate": terms.fit.rate[group],
            "is_call": layout.is_call[part],
        }
        found: ImpliedVol
        greeks: Greeks | AllGreeks | AmericanGreeks
        if kind is Model.EUROPEAN:
            forward = terms.fit.forward[group]
            found, greeks = _european(price[part], forward, carry.spot[group], given)
        elif kind is Model.AMERICAN_YIELD:
            found, greeks = american.implied_vol_and_greeks(
                price=price[part],
                spot=carry.spot[group],
                dividend_yield=carry.dividend_yield[group],
                **given,
            )
        else:
            found, greeks = _in_cash(terms, group, price[part], carry.spot, given)
        vol[chosen], status[chosen] = found.vol, found.status
        for name in Greeks._fields:
            getattr(columns, name)[chosen] = getattr(greeks, name)
    # Derivatives by the spot on the screen, which the model's spot follows in proportion.
    shown, used = terms.spot[layout.group[rows]], carry.spot[layout.group[rows]]
    scale = np.where(np.isfinite(shown), used / shown, 1.0)
    columns.delta[:] *= scale
    columns.gamma[:] *= scale * scale
    return Solved(vol, status, columns)


def _european(
    price: FloatArray, forward: FloatArray, spot: FloatArray, given: dict[str, Any]
) -> tuple[ImpliedVol, Greeks | AllGreeks]:
    found = implied_vol(price=price, forward=forward, **given)
    return found, black_scholes.greeks(spot=spot, forward=forward, vol=found.vol, **given)


def _in_cash(
    terms: Terms,
    group: Positions,
    price: FloatArray,
    spot: FloatArray,
    given: dict[str, Any],
) -> tuple[ImpliedVol, Greeks]:
    """Price with the schedule of each underlying; what its forward leaves over is borrow cost."""
    vol = np.full(price.shape, np.nan)
    status = np.zeros(price.shape, dtype=np.int8)
    columns = Greeks(*(np.full(price.shape, np.nan) for _ in Greeks._fields))
    for owner in np.unique(terms.owner[group]):
        own = np.flatnonzero(terms.owner[group] == owner)
        schedule = terms.carry[owner].schedule
        groups = np.unique(group[own])
        cost = np.full(terms.years.shape, np.nan)
        cost[groups] = borrow_cost(
            forward=terms.fit.forward[groups],
            expiry_years=terms.years[groups],
            spot=spot[groups],
            rate=terms.fit.rate[groups],
            schedule=schedule,
        )
        common = {name: column[own] for name, column in given.items()} | {
            "spot": spot[group[own]],
            "borrow": cost[group[own]],
        }
        size = {"nodes": _NODES, "steps": _STEPS}
        found = dividend_implied_vol(price=price[own], schedule=schedule, **common, **size)
        greeks: DividendGreeks = dividend_greeks(vol=found.vol, schedule=schedule, **common, **size)
        vol[own], status[own] = found.vol, found.status
        for name in Greeks._fields:
            getattr(columns, name)[own] = getattr(greeks, name)
    return ImpliedVol(vol, status), columns
