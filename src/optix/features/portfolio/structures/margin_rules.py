"""What one group of legs needs by the strategy rules of Cboe (10.3) and FINRA (4210).

An aid, not a broker's figure: house requirements, concentration, day trading and portfolio margin
are not in it. A group is a few contracts, or lots of as many shares as one contract delivers. What
long options cost is a part of the requirement (they are paid in full), told beside it.

Source:  Cboe Rule 10.3 and the strategy-based margin page; FINRA Rule 4210(f)(2), Regulatory
         Notices 12-44 (spreads by their greatest loss) and 09-53 (leveraged funds); Regulation T.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from optix.features.portfolio.structures.shapes import CALL, PUT, STOCK
from optix.kernel.money import Rounding

_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal(0)
_TENTH: Final = Decimal("0.10")
LONG_TERM_MONTHS: Final = 9
LONG_TERM_RATE: Final = Decimal("0.75")
NAKED_RATE: Final = Decimal("0.20")
NAKED_INDEX_RATE: Final = Decimal("0.15")
STOCK_INITIAL: Final = Decimal("0.50")
STOCK_KEPT: Final = Decimal("0.25")
SHORT_STOCK_KEPT: Final = Decimal("0.30")  # beside the proceeds: 130 % together
# A share sold short below this price needs 2.50 a share or all of its price, above it 5 at least.
_CHEAP_SHARE: Final = Decimal(5)
_CHEAP_KEPT: Final = Decimal("2.50")
_BOX_CLOSING: Final = Decimal("1.02")

# Daily leverage of listed funds, by their prospectuses; a fund that is not here is taken for one.
LEVERAGED: Final[dict[str, Decimal]] = {
    **dict.fromkeys(("TQQQ", "SQQQ", "UPRO", "SPXU", "SPXL", "SPXS", "UDOW", "SDOW"), Decimal(3)),
    **dict.fromkeys(("TNA", "TZA", "SOXL", "SOXS", "FAS", "FAZ", "TMF", "TMV"), Decimal(3)),
    **dict.fromkeys(("LABU", "LABD", "URTY", "SRTY", "TECL", "TECS"), Decimal(3)),
    **dict.fromkeys(("SSO", "SDS", "QLD", "QID", "UWM", "TWM", "DDM", "DXD"), Decimal(2)),
    "UVXY": Decimal("1.5"),
}


class Rule(StrEnum):
    LONG_OPTION = "long_option"
    LONG_TERM_OPTION = "long_term_option"
    NAKED = "naked"
    CASH_SECURED = "cash_secured"
    LONG_STOCK = "long_stock"
    SHORT_STOCK = "short_stock"
    SPREAD = "spread"
    PACKAGE = "package"  # several spreads whose greatest loss is less than theirs together
    SHORT_BOX = "short_box"
    STRADDLE = "straddle"
    COVERED = "covered"
    PROTECTIVE = "protective"
    COLLAR = "collar"
    CONVERSION = "conversion"
    REVERSAL = "reversal"
    NOT_PERMITTED = "not_permitted"  # in an account without margin


class Unit(NamedTuple):
    """One contract or one lot of shares. `mark` is per share, `size` what a dollar of it is worth.

    Strikes are per share of the underlying; `expiry` is None for shares.
    """

    kind: int
    long: bool
    strike: Decimal
    expiry: date | None
    mark: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What rules need beside the legs. `margin` is false for a cash account."""

    price: Decimal
    today: date
    broad_index: bool = False
    leverage: Decimal = Decimal(1)
    margin: bool = True


class Requirement(NamedTuple):
    """Money for one group. `paid` is the part that long options are."""

    rule: Rule
    initial: Decimal
    kept: Decimal
    paid: Decimal


def requirement(units: Sequence[Unit], terms: Terms) -> Requirement | None:
    """Return what a group needs by the one rule that knows it; None where no rule does."""
    found = _of_cash(units, terms) if not terms.margin else _of_margin(units, terms)
    if found is None:
        return None
    rule, initial, kept = found
    paid = sum((worth(each) for each in units if each.long and each.kind != STOCK), _ZERO)
    return Requirement(rule, _cents(initial), _cents(kept), _cents(paid))


Found = tuple[Rule, Decimal, Decimal]


def worth(unit: Unit) -> Decimal:
    return unit.mark * unit.size


def out_of_the_money(unit: Unit, price: Decimal) -> Decimal:
    away = unit.strike - price if unit.kind == CALL else price - unit.strike
    return max(away, _ZERO)


def in_the_money(unit: Unit, price: Decimal) -> Decimal:
    into = price - unit.strike if unit.kind == CALL else unit.strike - price
    return max(into, _ZERO)


def naked(unit: Unit, terms: Terms) -> Decimal:
    """Return what a short option by itself needs, its premium included."""
    rate = NAKED_INDEX_RATE if terms.broad_index else NAKED_RATE
    least = _TENTH * (terms.price if unit.kind == CALL else unit.strike)
    share = min(rate * terms.leverage, Decimal(1)) * terms.price
    away = out_of_the_money(unit, terms.price)
    return (unit.mark + max(share - away, least * terms.leverage)) * unit.size


def greatest_loss(units: Sequence[Unit]) -> Decimal:
    """Return the most that options lose at their strikes, of as many calls bought as sold."""
    prices = [_ZERO, *(each.strike for each in units)]
    values = [
        sum(
            (in_the_money(each, price) * each.size * (1 if each.long else -1) for each in units),
            _ZERO,
        )
        for price in prices
    ]
    return max(-min(values), _ZERO)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, Rounding.FEE)


# --- accounts with margin ------------------------------------------------------------------------


def _of_margin(units: Sequence[Unit], terms: Terms) -> Found | None:
    shares = [each for each in units if each.kind == STOCK]
    options = [each for each in units if each.kind != STOCK]
    if len(shares) > 1:
        return None
    if shares:
        return _with_shares(shares[0], options, terms)
    if len(options) == 1:
        return _one_option(options[0], terms)
    longs = [each for each in options if each.long]
    shorts = [each for each in options if not each.long]
    if not longs:
        return _straddle(shorts, terms)
    return _spread(longs, shorts, terms)


def _one_option(unit: Unit, terms: Terms) -> Found:
    if not unit.long:
        return _both(Rule.NAKED, naked(unit, terms))
    if _is_long_term(unit, terms.today):
        return _both(Rule.LONG_TERM_OPTION, worth(unit) * LONG_TERM_RATE)
    return _both(Rule.LONG_OPTION, worth(unit))


def _is_long_term(unit: Unit, today: date) -> bool:
    assert unit.expiry is not None, "an option ends"
    months = (unit.expiry.year - today.year) * 12 + unit.expiry.month - today.month
    return (months, unit.expiry.day - today.day) > (LONG_TERM_MONTHS, 0)


def _straddle(shorts: Sequence[Unit], terms: Terms) -> Found | None:
    """A short call with a short put: the side that needs more, and the premium of the other."""
    if len(shorts) != 2 or {each.kind for each in shorts} != {CALL, PUT}:
        return None
    one, other = shorts
    return _both(
        Rule.STRADDLE,
        max(naked(one, terms) + worth(other), naked(other, terms) + worth(one)),
    )


def _spread(longs: Sequence[Unit], shorts: Sequence[Unit], terms: Terms) -> Found | None:
    """As many long as short of each right, the long ones ending no sooner than the short ones.

    The long legs are paid; the short ones need the greatest loss, or what they need by themselves.
    """
    if not shorts or any(_count(longs, kind) != _count(shorts, kind) for kind in (CALL, PUT)):
        return None
    first = min(each.expiry for each in longs if each.expiry is not None)
    if any(each.expiry is not None and each.expiry > first for each in shorts):
        return None
    loss = greatest_loss([*longs, *shorts])
    paid = sum((worth(each) for each in longs), _ZERO)
    alone = sum((naked(each, terms) for each in shorts), _ZERO)
    if len(shorts) == 1:
        return _both(Rule.SPREAD, paid + min(loss, alone))
    if _is_short_box(longs, shorts):
        closing = sum((worth(each) for each in shorts), _ZERO) - paid
        return _both(Rule.SHORT_BOX, paid + max(loss, _BOX_CLOSING * closing))
    return _both(Rule.PACKAGE, paid + min(loss, alone))


def _count(units: Sequence[Unit], kind: int) -> int:
    return sum(each.kind == kind for each in units)


def _is_short_box(longs: Sequence[Unit], shorts: Sequence[Unit]) -> bool:
    if len(longs) != 2 or _count(longs, CALL) != 1 or len({*longs, *shorts}) != 4:
        return False
    strike = {(each.kind, each.long): each.strike for each in (*longs, *shorts)}
    low, high = strike[CALL, False], strike[CALL, True]
    return low < high and strike[PUT, True] == low and strike[PUT, False] == high


def _with_shares(shares: Unit, options: Sequence[Unit], terms: Terms) -> Found | None:
    if any(each.size != shares.size for each in options):
        return None  # an adjusted contract moves another number of shares
    if not options:
        return _shares_alone(shares, terms)
    if len(options) == 1:
        return _shares_and_one(shares, options[0], terms)
    if len(options) == 2 and {each.kind for each in options} == {CALL, PUT}:
        call, put = sorted(options, key=lambda each: each.kind)
        return _shares_and_two(shares, call, put, terms)
    return None


def _shares_alone(shares: Unit, terms: Terms) -> Found:
    value, part = shares.mark * shares.size, terms.leverage
    if shares.long:
        kept = min(value * STOCK_KEPT * part, value)
        return Rule.LONG_STOCK, max(value * STOCK_INITIAL, kept), kept
    each = max(shares.mark * SHORT_STOCK_KEPT * part, _CHEAP_SHARE)
    if shares.mark < _CHEAP_SHARE:
        each = max(shares.mark, _CHEAP_KEPT)
    kept = value + each * shares.size
    return Rule.SHORT_STOCK, max(value * (1 + STOCK_INITIAL), kept), kept


def _shares_and_one(shares: Unit, option: Unit, terms: Terms) -> Found | None:
    _, initial, kept = _shares_alone(shares, terms)
    value = shares.mark * shares.size
    match shares.long, option.kind, option.long:
        case True, 1, False:
            return Rule.COVERED, initial, kept
        case False, 2, False:
            # What the put is in the money is a debt that the shares do not cover.
            into = in_the_money(option, terms.price) * option.size
            return Rule.COVERED, initial + into, kept + into
        case (True, 2, True) | (False, 1, True):
            base = _ZERO if shares.long else value
            insured = _TENTH * option.strike + out_of_the_money(option, terms.price)
            least = base + min(insured * option.size, kept - base)
            return Rule.PROTECTIVE, initial + worth(option), least + worth(option)
        case _:
            return None


def _shares_and_two(shares: Unit, call: Unit, put: Unit, terms: Terms) -> Found | None:
    _, initial, kept = _shares_alone(shares, terms)
    if call.expiry != put.expiry or call.long in {put.long, shares.long}:
        return None
    if call.strike == put.strike:
        short = call if shares.long else put
        base = _ZERO if shares.long else shares.mark * shares.size
        into = in_the_money(short, terms.price)
        least = base + (_TENTH * call.strike + into) * shares.size
        rule = Rule.CONVERSION if shares.long else Rule.REVERSAL
        bought = put if shares.long else call
        return rule, initial + worth(bought), min(least, kept) + worth(bought)
    if not shares.long or put.strike > call.strike:
        return None
    floor = _TENTH * put.strike + out_of_the_money(put, terms.price)
    least = min(floor, STOCK_KEPT * call.strike) * shares.size
    return Rule.COLLAR, initial + worth(put), min(least, kept) + worth(put)


def _both(rule: Rule, amount: Decimal) -> Found:
    return rule, amount, amount


# --- accounts without margin ---------------------------------------------------------------------


def _of_cash(units: Sequence[Unit], terms: Terms) -> Found | None:
    """Everything is paid; a short put has its strike in cash, a short call its shares."""
    del terms
    if len(units) == 1:
        return _alone_in_cash(units[0])
    shares = [each for each in units if each.kind == STOCK]
    calls = [each for each in units if each.kind == CALL and not each.long]
    if len(units) == 2 and len(shares) == len(calls) == 1:
        (held,) = shares
        if held.long and held.size == calls[0].size:
            return _both(Rule.COVERED, held.mark * held.size)
    return None


def _alone_in_cash(unit: Unit) -> Found:
    if unit.long:
        rule = Rule.LONG_STOCK if unit.kind == STOCK else Rule.LONG_OPTION
        return _both(rule, worth(unit))
    if unit.kind == PUT:
        return _both(Rule.CASH_SECURED, unit.strike * unit.size)
    return _both(Rule.NOT_PERMITTED, _ZERO)
