"""Which way the legs of a strategy are held, and how many there are: Webull says neither.

What it says is money: the profit of a leg, and the two prices that it is the difference of. A
profit while the price fell is a short leg's. Where the money is silent (nothing gained, a price
that did not move), the other legs and the definition of the strategy tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from optix.kernel.holding import STANDARD_MULTIPLIER
from optix.kernel.instrument import Right

_WIDE: Final = Context(prec=120, rounding=ROUND_HALF_EVEN)
_ROUNDING: Final = Decimal("0.005")  # of a price or of money that was cut to cents


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    """What is known of a leg. `right` is None of shares, and of options nobody can spell.

    `unit` is what a price is multiplied by: the shares of a contract, 1 for shares.
    """

    is_option: bool
    right: Right | None
    strike_milli: int = 0
    unit: int
    cost: Decimal | None
    last: Decimal | None
    profit: Decimal | None


@dataclass(frozen=True, slots=True)
class LegSize:
    """`sign` is 0 where the direction cannot be known."""

    sign: int
    size: Decimal


def sizes_of(strategy: str, units: Decimal, legs: Sequence[LegFacts]) -> list[LegSize]:
    """Return direction and size of each leg of so many units of a strategy."""
    name = strategy.strip().upper()
    pattern = _pattern(name, legs)
    seen = [_sign(leg) for leg in legs]
    turned = {sign * _sign_of(part) for sign, part in zip(seen, pattern, strict=True)} - {0}
    if not turned and units < 0:
        turned = {-1}  # what is told as owed is short
    if not turned and name in _WITH_SHARES:
        turned = {1}
    # Legs that contradict the definition are no such strategy: the money alone counts.
    overall = turned.pop() if len(turned) == 1 else 0
    return [
        LegSize(sign or _sign_of(part) * overall, _size(leg, abs(units), abs(part) or 1))
        for sign, part, leg in zip(seen, pattern, legs, strict=True)
    ]


def shares_held(
    quantity: Decimal, cost: Decimal | None, last: Decimal | None, profit: Decimal | None
) -> Decimal:
    """Return a quantity of shares with its sign, which is not documented.

    A quantity below zero is short, and so is one whose money fits no other way. An example of the
    vendor has money that fits neither way: the quantity counts.
    """
    leg = LegFacts(is_option=False, right=None, unit=1, cost=cost, last=last, profit=profit)
    if quantity > 0 and cost is not None and last is not None and profit and _sign(leg) < 0:
        slack = _ROUNDING + 2 * _ROUNDING * quantity
        if abs(profit) > slack and abs(abs(last - cost) * quantity - abs(profit)) <= slack:
            return -quantity
    return quantity


def _sign(leg: LegFacts) -> int:
    """Return which way the money says a leg is held, 0 where it says nothing."""
    if leg.cost is None or leg.last is None or not leg.profit:
        return 0
    return _sign_of(leg.last - leg.cost) * _sign_of(leg.profit)


def _size(leg: LegFacts, units: Decimal, ratio: int) -> Decimal:
    """Return how much of a leg there is: what its money says, unless that says what is expected.

    Prices and money are rounded, so that a move of a cent says little.
    """
    shares = 1 if leg.is_option else STANDARD_MULTIPLIER  # of a strategy with shares
    expected = _WIDE.multiply(units, Decimal(ratio * shares))
    if leg.cost is None or leg.last is None or not leg.profit or leg.last == leg.cost:
        return expected
    per_unit = abs(leg.last - leg.cost) * leg.unit
    slack = _ROUNDING + 2 * _ROUNDING * leg.unit * expected
    if abs(_WIDE.multiply(expected, per_unit) - abs(leg.profit)) <= slack:
        return expected
    told = _WIDE.divide(abs(leg.profit), per_unit).quantize(Decimal(1), context=_WIDE)
    return told or expected


def _sign_of(number: Decimal | int) -> int:
    return (number > 0) - (number < 0)


# How many of each leg a unit of a strategy has that is bought, the lowest strike first.
_BY_STRIKE: Final[Mapping[str, tuple[int, ...]]] = {
    "SINGLE": (1,),
    "STRADDLE": (1, 1),
    "STRANGLE": (1, 1),
    "VERTICAL": (1, -1),
    "CALENDAR": (1, -1),
    "DIAGONAL": (1, -1),
    "BUTTERFLY": (1, -2, 1),
    "CONDOR": (1, -1, -1, 1),
    "IRON_BUTTERFLY": (1, -1, -1, 1),
    "IRON_CONDOR": (1, -1, -1, 1),
}
# With shares, usually owned ones: the sign of each kind of leg by who hedges whom.
_WITH_SHARES: Final[Mapping[str, tuple[Mapping[Right | None, int], ...]]] = {
    "COVERED_STOCK": ({None: 1, Right.CALL: -1}, {None: -1, Right.PUT: -1}),
    "COLLAR_WITH_STOCK": ({None: 1, Right.CALL: -1, Right.PUT: 1},),
}


def _pattern(strategy: str, legs: Sequence[LegFacts]) -> list[int]:
    """Return how many of each leg a unit has, with signs; 0 where the definition does not fit."""
    rights = [leg.right for leg in legs]
    for signs in _WITH_SHARES.get(strategy, ()):
        if len(rights) == len(signs) and set(rights) == set(signs):
            return [signs[right] for right in rights]
    counts = _BY_STRIKE.get(strategy, ())
    if len(counts) != len(legs) or None in rights:
        return [0] * len(legs)
    found = [0] * len(legs)
    by_strike = sorted(range(len(legs)), key=lambda place: legs[place].strike_milli)
    for place, count in zip(by_strike, counts, strict=True):
        found[place] = count
    return found
