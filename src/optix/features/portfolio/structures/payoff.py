"""What a structure is worth at its end: break-evens, the most it can win and lose, and the curve.

Where all options end on one day the profit is linear between strikes, so everything is exact:
values at the strikes and at a price of zero, and the slope beyond the last strike. Where they end
on several days, the later ones still have time value when the first one ends: then it is a model,
Black-76 with each option's own volatility held, no dividends and the rate that is given, and the
answer says so. A model is looked at on a grid of prices and is as good as that grid.

Money is decimal. The model computes in floats and its money is rounded to the cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

import numpy as np

from optix.features.portfolio.structures.families import shares_per_contract, underlying_symbol
from optix.features.portfolio.structures.values import Leg
from optix.kernel import limits
from optix.kernel.holding import Asset
from optix.kernel.instrument import Right
from optix.kernel.money import Price, Rounding
from optix.quant.arrays import FloatArray
from optix.quant.black_scholes import price as black_price

_CENT: Final = Decimal("0.01")
_PRICE_STEP: Final = Decimal("0.0001")  # break-evens are rounded to it
_FINE: Final = Decimal("0.000001")  # of a model's price per share
_DAYS_PER_YEAR: Final = 365
_NEAR: Final = Decimal("0.25")  # most points lie within so much of the outer strikes
_SPAN: Final = Decimal(2)  # the grid of a model ends at so many times the highest strike


class Basis(StrEnum):
    """How the figures were found."""

    EXACT = "exact_at_expiration"
    MODEL = "black_76_at_front_expiration"


class NotDone(StrEnum):
    """Why there are none."""

    COST_UNKNOWN = "cost_unknown"
    DELIVERABLE_UNKNOWN = "deliverable_unknown"
    NO_VOLATILITY = "no_volatility"
    SEVERAL_UNDERLYINGS = "several_underlyings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """Figures of the whole structure in its currency.

    `profit_max` and `loss_max` are profits, so a loss is negative; None is without a bound.
    `points` are (price, profit). `front` is the day that all of it is of, None for shares alone.
    """

    basis: Basis
    front: date | None
    profit_max: Decimal | None
    loss_max: Decimal | None
    break_evens: tuple[Decimal, ...]
    points: tuple[tuple[Decimal, Decimal], ...]


def payoff_of(
    legs: Sequence[Leg],
    cost: Decimal | None,
    *,
    volatilities: dict[str, float] | None = None,
    rate: float = 0.0,
) -> Payoff | NotDone:
    """Return the profit of legs over prices of their underlying when the first of them ends.

    `cost` is what was paid for all of them, negative for what was received. `volatilities` are
    annual decimals by symbol, needed for options that live longer than the first one.
    """
    if cost is None:
        return NotDone.COST_UNKNOWN
    if any(shares_per_contract(leg.asset) is None for leg in legs if leg.asset.contract):
        return NotDone.DELIVERABLE_UNKNOWN
    if len({underlying_symbol(leg.asset) for leg in legs}) > 1:
        return NotDone.SEVERAL_UNDERLYINGS
    dates = sorted({leg.asset.contract.expiration for leg in legs if leg.asset.contract})
    if len(dates) < 2:
        return _exact(legs, cost, dates[0] if dates else None)
    later = [leg for leg in legs if leg.asset.contract and leg.asset.contract.expiration > dates[0]]
    known = volatilities or {}
    if any(leg.asset.symbol not in known for leg in later):
        return NotDone.NO_VOLATILITY
    return _modelled(legs, cost, dates[0], known, rate)


# --- exact ---------------------------------------------------------------------------------------


def strike_of(asset: Asset) -> Decimal:
    """Return the price of the underlying at which an option begins to be worth something.

    An adjusted contract delivers another number of shares for the same money.
    """
    contract, shares = asset.contract, shares_per_contract(asset)
    assert contract is not None, "an option has a contract"
    assert shares is not None, "what it delivers is known"
    strike = Decimal(contract.strike_milli) / 1000
    return strike if shares == asset.multiplier else strike * asset.multiplier / shares


def value_at_end(leg: Leg, price: Decimal) -> Decimal:
    """Return what a leg is worth when it ends at `price`; shares are worth their price."""
    contract = leg.asset.contract
    if contract is None:
        return leg.quantity * price
    shares = shares_per_contract(leg.asset)
    assert shares is not None, "what it delivers is known"
    inside = price - strike_of(leg.asset)
    if contract.right is Right.PUT:
        inside = -inside
    return leg.quantity * shares * max(inside, Decimal(0))


def slope_beyond(legs: Sequence[Leg]) -> Decimal:
    """Return what one dollar more adds above all strikes."""
    total = Decimal(0)
    for leg in legs:
        if leg.asset.contract is None:
            total += leg.quantity
        elif leg.asset.contract.right is Right.CALL:
            total += leg.quantity * (shares_per_contract(leg.asset) or Decimal(0))
    return total


def strikes_of(legs: Sequence[Leg]) -> list[Decimal]:
    return sorted({strike_of(leg.asset) for leg in legs if leg.asset.contract is not None})


def _exact(legs: Sequence[Leg], cost: Decimal, front: date | None) -> Payoff:
    def profit(price: Decimal) -> Decimal:
        return sum((value_at_end(leg, price) for leg in legs), Decimal(0)) - cost

    corners = [Decimal(0), *strikes_of(legs)]
    values = [profit(price) for price in corners]
    slope = slope_beyond(legs)
    last = _end_of(corners, values, slope)
    return Payoff(
        basis=Basis.EXACT,
        front=front,
        profit_max=None if slope > 0 else max(values),
        loss_max=None if slope < 0 else min(values),
        break_evens=_crossings([*corners, last], [*values, profit(last)], _PRICE_STEP),
        points=tuple((price, profit(price)) for price in _grid(corners, last)),
    )


def _end_of(corners: Sequence[Decimal], values: Sequence[Decimal], slope: Decimal) -> Decimal:
    """Return a price beyond the last corner, and beyond the crossing that lies there."""
    highest = corners[-1] or Decimal(1)
    end = highest * _SPAN
    if slope and values[-1] / slope < 0:
        end = max(end, (corners[-1] - values[-1] / slope) * _SPAN)
    return end.quantize(_CENT, Rounding.OFFER)


def _crossings(
    prices: Sequence[Decimal], values: Sequence[Decimal], step: Decimal
) -> tuple[Decimal, ...]:
    """Return where a line through points is zero. A stretch that lies on zero tells its ends."""
    found: list[Decimal] = []
    for place, (left, value) in enumerate(zip(prices, values, strict=True)):
        if value == 0 and left > 0:
            found.append(left)
        if place + 1 == len(prices):
            break
        right, after = prices[place + 1], values[place + 1]
        if (value < 0 < after) or (after < 0 < value):
            found.append(left + (right - left) * value / (value - after))
    rounded = [price.quantize(step, Rounding.BOOK) for price in found]
    return tuple(dict.fromkeys(rounded))


def _grid(corners: Sequence[Decimal], last: Decimal) -> list[Decimal]:
    """Return prices to draw by: the corners, most of the others near them, some up to the end."""
    most = limits.STRUCTURE_PAYOFF_POINTS_MAX
    wide = most // 4
    near = max(0, most - wide - len(corners) - 2)
    low, high = corners[min(1, len(corners) - 1)] * (1 - _NEAR), corners[-1] * (1 + _NEAR)
    even = [last * step / wide for step in range(wide + 1)]
    even += [low + (high - low) * step / near for step in range(near)] if near else []
    found = sorted({*corners, *(each.quantize(_CENT, Rounding.BOOK) for each in even)})
    return found[:most]


# --- by model ------------------------------------------------------------------------------------


def _modelled(
    legs: Sequence[Leg],
    cost: Decimal,
    front: date,
    volatilities: dict[str, float],
    rate: float,
) -> Payoff:
    """Look at the grid. Where all that is left rises or falls for ever is known without it."""
    corners = [Decimal(0), *strikes_of(legs)]
    prices = _grid(corners, (corners[-1] * _SPAN).quantize(_CENT, Rounding.OFFER))
    worth = [_worth(leg, prices, front, volatilities, rate) for leg in legs]
    profits = [sum(each, Decimal(0)) - cost for each in zip(*worth, strict=True)]
    slope = slope_beyond(legs)
    return Payoff(
        basis=Basis.MODEL,
        front=front,
        profit_max=None if slope > 0 else max(profits),
        loss_max=None if slope < 0 else min(profits),
        break_evens=_crossings(prices, profits, _CENT),
        points=tuple(zip(prices, profits, strict=True)),
    )


def _worth(
    leg: Leg,
    prices: Sequence[Decimal],
    front: date,
    volatilities: dict[str, float],
    rate: float,
) -> list[Decimal]:
    """Return what a leg is worth on the front day at each price, to the cent."""
    contract = leg.asset.contract
    if contract is None or contract.expiration <= front:
        return [value_at_end(leg, price) for price in prices]
    years = (contract.expiration - front).days / _DAYS_PER_YEAR
    # At a price of nothing the model has no answer: a put is then its discounted strike.
    spots = np.array([max(Price(price).to_float(), 1e-6) for price in prices])
    found: FloatArray = black_price(
        forward=spots * np.exp(rate * years),
        strike=Price(strike_of(leg.asset)).to_float(),
        expiry_years=years,
        vol=volatilities[leg.asset.symbol],
        rate=rate,
        is_call=contract.right is Right.CALL,
    )
    shares = shares_per_contract(leg.asset)
    assert shares is not None, "what it delivers is known"
    size = leg.quantity * shares
    return [
        (Price.from_float(each, _FINE).value * size).quantize(_CENT, Rounding.BOOK)
        for each in found.tolist()
    ]
