"""What a set of legs is called. Looks at rights, strikes, dates and proportions, at nothing else.

Names follow the strategies' common descriptions (the Options Industry Council's strategy list and
the Cboe strategy pages); where traders use one name for two things, the docstring of the function
that decides says which is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Final, NamedTuple

from optix.features.portfolio.structures.values import Shape

STOCK: Final = 0
CALL: Final = 1
PUT: Final = 2
# A long call that lives so much longer than the short one stands for the shares.
POOR_MAN_DAYS_MIN: Final = 120


class Part(NamedTuple):
    """One leg. `quantity` of shares is in lots of what one contract delivers."""

    kind: int  # STOCK, CALL or PUT
    expiry: int  # ordinal of the date, 0 for shares
    strike: int  # thousandths of a dollar, 0 for shares
    quantity: int


class Named(NamedTuple):
    """How much a shape speaks for itself.

    `value` is what the search adds up: a shape of more legs is worth more than its parts. `strong`
    shapes are believed whenever their legs were opened; the others are often two trades that have
    nothing to do with each other, and need legs of one day. What is not in `NAMED` is only ever
    what one order opened.
    """

    value: int
    strong: bool


NAMED: Final[dict[Shape, Named]] = {
    Shape.COVERED_CALL: Named(1000, strong=True),
    Shape.COVERED_PUT: Named(950, strong=True),
    Shape.PROTECTIVE_PUT: Named(900, strong=True),
    Shape.PROTECTIVE_CALL: Named(900, strong=True),
    Shape.RATIO_WRITE: Named(1150, strong=False),
    Shape.STOCK_RATIO: Named(950, strong=False),
    Shape.COLLAR: Named(2200, strong=True),
    Shape.REVERSE_COLLAR: Named(2200, strong=True),
    Shape.PUT_SPREAD_COLLAR: Named(3300, strong=True),
    Shape.COVERED_STRANGLE: Named(1300, strong=False),
    Shape.CONVERSION: Named(2500, strong=True),
    Shape.REVERSAL: Named(2500, strong=True),
    Shape.BULL_CALL_SPREAD: Named(1000, strong=True),
    Shape.BEAR_CALL_SPREAD: Named(1000, strong=True),
    Shape.BULL_PUT_SPREAD: Named(1000, strong=True),
    Shape.BEAR_PUT_SPREAD: Named(1000, strong=True),
    Shape.RATIO_SPREAD: Named(1250, strong=False),
    Shape.BACKSPREAD: Named(1250, strong=False),
    Shape.LADDER: Named(1200, strong=False),
    Shape.CALENDAR: Named(850, strong=True),
    Shape.REVERSE_CALENDAR: Named(600, strong=False),
    Shape.DIAGONAL: Named(800, strong=True),
    Shape.REVERSE_DIAGONAL: Named(500, strong=False),
    Shape.POOR_MANS_COVERED_CALL: Named(850, strong=True),
    Shape.DOUBLE_CALENDAR: Named(1900, strong=False),
    Shape.DOUBLE_DIAGONAL: Named(1800, strong=False),
    Shape.LONG_STRADDLE: Named(900, strong=True),
    Shape.SHORT_STRADDLE: Named(900, strong=True),
    Shape.LONG_STRANGLE: Named(750, strong=False),
    Shape.SHORT_STRANGLE: Named(800, strong=True),
    Shape.LONG_GUTS: Named(600, strong=False),
    Shape.SHORT_GUTS: Named(600, strong=False),
    Shape.STRIP: Named(950, strong=False),
    Shape.STRAP: Named(950, strong=False),
    Shape.SYNTHETIC_LONG: Named(900, strong=False),
    Shape.SYNTHETIC_SHORT: Named(900, strong=False),
    Shape.RISK_REVERSAL: Named(650, strong=False),
    Shape.SEAGULL: Named(1300, strong=False),
    Shape.JADE_LIZARD: Named(1900, strong=False),
    Shape.REVERSE_JADE_LIZARD: Named(1900, strong=False),
    Shape.BIG_LIZARD: Named(2000, strong=False),
    Shape.LONG_BUTTERFLY: Named(2400, strong=True),
    Shape.SHORT_BUTTERFLY: Named(2250, strong=True),
    Shape.BROKEN_WING_BUTTERFLY: Named(2200, strong=True),
    Shape.LONG_CONDOR: Named(2300, strong=True),
    Shape.SHORT_CONDOR: Named(2150, strong=True),
    Shape.BROKEN_WING_CONDOR: Named(2150, strong=False),
    Shape.IRON_CONDOR: Named(2600, strong=True),
    Shape.REVERSE_IRON_CONDOR: Named(2400, strong=False),
    Shape.IRON_BUTTERFLY: Named(2650, strong=True),
    Shape.REVERSE_IRON_BUTTERFLY: Named(2450, strong=False),
    Shape.LONG_BOX: Named(2700, strong=True),
    Shape.SHORT_BOX: Named(2700, strong=True),
}
_SINGLE: Final = {
    (STOCK, True): Shape.LONG_STOCK,
    (STOCK, False): Shape.SHORT_STOCK,
    (CALL, True): Shape.LONG_CALL,
    (CALL, False): Shape.SHORT_CALL,
    (PUT, True): Shape.LONG_PUT,
    (PUT, False): Shape.SHORT_PUT,
}
_VERTICALS: Final = {  # (right, the lower strike is bought)
    (CALL, True): Shape.BULL_CALL_SPREAD,
    (CALL, False): Shape.BEAR_CALL_SPREAD,
    (PUT, True): Shape.BULL_PUT_SPREAD,
    (PUT, False): Shape.BEAR_PUT_SPREAD,
}
# (right, shares are owned, the option is bought): with shares for all of them, and with fewer
_WITH_ONE: Final = {
    (CALL, True, False): (Shape.COVERED_CALL, Shape.RATIO_WRITE),
    (CALL, False, True): (Shape.PROTECTIVE_CALL, Shape.STOCK_RATIO),
    (PUT, True, True): (Shape.PROTECTIVE_PUT, Shape.STOCK_RATIO),
    (PUT, False, False): (Shape.COVERED_PUT, Shape.STOCK_RATIO),
}


@lru_cache(maxsize=65_536)
def classify(parts: tuple[Part, ...]) -> Shape | None:
    """Return the shape of legs of distinct contracts; None where they have no common name.

    The legs are ordered: shares, calls, puts, and within a right by date and strike.
    """
    divisor = gcd(*(part.quantity for part in parts))
    if divisor > 1:
        parts = tuple(part._replace(quantity=part.quantity // divisor) for part in parts)
    if len(parts) == 1:
        (only,) = parts
        return _SINGLE[only.kind, only.quantity > 0]
    if parts[0].kind == STOCK:
        return _with_shares(parts[0].quantity, parts[1:])
    calls = [part for part in parts if part.kind == CALL]
    puts = [part for part in parts if part.kind == PUT]
    dates = {part.expiry for part in parts}
    if len(dates) > 1:
        return _across_time(calls, puts) if len(dates) == 2 else None
    if not calls or not puts:
        return _one_right(calls or puts)
    return _both_rights(calls, puts)


def _with_shares(lots: int, options: tuple[Part, ...]) -> Shape | None:
    """Shares with options. More shares than the options need leave the name what it is."""
    calls = [part for part in options if part.kind == CALL]
    puts = [part for part in options if part.kind == PUT]
    match len(calls), len(puts):
        case 1, 0:
            return _shares_and_one(lots, calls[0])
        case 0, 1:
            return _shares_and_one(lots, puts[0])
        case 1, 1:
            return _shares_and_two(lots, calls[0], puts[0])
        case 1, 2:
            low, high = puts
            spread = low.expiry == high.expiry and low.quantity == -high.quantity
            covered = lots > 0 and calls[0].quantity < 0 and lots >= -calls[0].quantity
            return Shape.PUT_SPREAD_COLLAR if spread and covered and high.quantity > 0 else None
        case _:
            return None


def _shares_and_one(lots: int, option: Part) -> Shape | None:
    enough, fewer = _WITH_ONE.get((option.kind, lots > 0, option.quantity > 0), (None, None))
    return enough if abs(lots) >= abs(option.quantity) else fewer


def _shares_and_two(lots: int, call: Part, put: Part) -> Shape | None:
    if abs(lots) < max(abs(call.quantity), abs(put.quantity)):
        return None
    same = call.strike == put.strike and call.expiry == put.expiry
    match lots > 0, call.quantity > 0, put.quantity > 0:
        case True, False, True:
            return Shape.CONVERSION if same else Shape.COLLAR
        case False, True, False:
            return Shape.REVERSAL if same else Shape.REVERSE_COLLAR
        case True, False, False:
            return Shape.COVERED_STRANGLE if call.expiry == put.expiry else None
        case _:
            return None


def _one_right(parts: Sequence[Part]) -> Shape | None:
    """Calls alone or puts alone, of one date, by rising strike."""
    quantities = tuple(part.quantity for part in parts)
    if len(parts) == 2:
        return _two_of_a_right(parts[0], parts[1])
    if len(parts) == 3:
        return _three_of_a_right(parts, quantities)
    if len(parts) == 4 and quantities in {(1, -1, -1, 1), (-1, 1, 1, -1)}:
        even = parts[1].strike - parts[0].strike == parts[3].strike - parts[2].strike
        if not even:
            return Shape.BROKEN_WING_CONDOR
        return Shape.LONG_CONDOR if quantities[0] > 0 else Shape.SHORT_CONDOR
    return None


def _two_of_a_right(low: Part, high: Part) -> Shape | None:
    """More on the side away from the money make a ratio; more on the near side are two trades."""
    if (low.quantity > 0) == (high.quantity > 0):
        return None
    if low.quantity == -high.quantity:
        return _VERTICALS[low.kind, low.quantity > 0]
    near, far = (low, high) if low.kind == CALL else (high, low)
    if abs(far.quantity) < abs(near.quantity):
        return None
    return Shape.BACKSPREAD if far.quantity > 0 else Shape.RATIO_SPREAD


def _three_of_a_right(parts: Sequence[Part], quantities: tuple[int, ...]) -> Shape | None:
    """A butterfly's body is against its wings; a ladder adds one more of what is already sold.

    A butterfly with unequal wings is called by its widths if it is 1-2-1, else by its quantities.
    """
    first, body, last = quantities
    if (first > 0) == (last > 0) and (first > 0) != (body > 0) and sum(quantities) == 0:
        if first != last:
            return Shape.UNBALANCED_BUTTERFLY
        if parts[1].strike - parts[0].strike != parts[2].strike - parts[1].strike:
            return Shape.BROKEN_WING_BUTTERFLY
        return Shape.LONG_BUTTERFLY if first > 0 else Shape.SHORT_BUTTERFLY
    signs = tuple(quantity > 0 for quantity in quantities)
    ladder = {(True, False, False), (False, True, True), (False, False, True), (True, True, False)}
    alike = len({abs(quantity) for quantity in quantities}) == 1
    return Shape.LADDER if signs in ladder and alike else None


def _both_rights(calls: Sequence[Part], puts: Sequence[Part]) -> Shape | None:
    """Calls and puts of one date."""
    match len(calls), len(puts):
        case 1, 1:
            return _call_and_put(calls[0], puts[0])
        case 2, 1:
            return _spread_and_one(calls, puts[0])
        case 1, 2:
            return _spread_and_one(puts, calls[0])
        case 2, 2:
            return _two_spreads(calls, puts)
        case _:
            return None


def _call_and_put(call: Part, put: Part) -> Shape | None:
    long, same = call.quantity > 0, call.strike == put.strike
    if long != (put.quantity > 0):
        if call.quantity != -put.quantity:
            return None
        if same:
            return Shape.SYNTHETIC_LONG if long else Shape.SYNTHETIC_SHORT
        return Shape.RISK_REVERSAL
    if same and call.quantity != put.quantity:
        if not long:
            return Shape.SHORT_STRADDLE
        return Shape.STRAP if call.quantity > put.quantity else Shape.STRIP
    if same:
        return Shape.LONG_STRADDLE if long else Shape.SHORT_STRADDLE
    if call.strike < put.strike:
        return Shape.LONG_GUTS if long else Shape.SHORT_GUTS
    return Shape.LONG_STRANGLE if long else Shape.SHORT_STRANGLE


def _spread_and_one(spread: Sequence[Part], other: Part) -> Shape | None:
    """A vertical of one right with one leg of the other: lizards and seagulls.

    `near` is the leg of the spread towards `other`, `far` the one away from it.
    """
    low, high = spread
    near, far = (low, high) if low.kind == CALL else (high, low)
    if near.quantity != -far.quantity or abs(other.quantity) != abs(near.quantity):
        return None
    if near.quantity < 0 and other.quantity < 0:
        if near.strike == other.strike:
            return Shape.BIG_LIZARD
        inside = near.strike > other.strike if near.kind == CALL else near.strike < other.strike
        if not inside:
            return None
        return Shape.JADE_LIZARD if near.kind == CALL else Shape.REVERSE_JADE_LIZARD
    return Shape.SEAGULL if near.quantity > 0 and other.quantity < 0 else None


def _two_spreads(calls: Sequence[Part], puts: Sequence[Part]) -> Shape | None:
    """A call vertical and a put vertical of one date. The sides need not be equally many."""
    if any(low.quantity != -high.quantity for low, high in (calls, puts)):
        return None
    low_call, high_call = calls
    low_put, high_put = puts
    if low_call.strike == low_put.strike and high_call.strike == high_put.strike:
        if low_call.quantity == high_put.quantity:
            return Shape.LONG_BOX if low_call.quantity > 0 else Shape.SHORT_BOX
        return None
    if (low_call.quantity > 0) != (high_put.quantity > 0):
        return None
    short = low_call.quantity < 0
    if low_call.strike == high_put.strike:
        return Shape.IRON_BUTTERFLY if short else Shape.REVERSE_IRON_BUTTERFLY
    return Shape.IRON_CONDOR if short else Shape.REVERSE_IRON_CONDOR


def _across_time(calls: Sequence[Part], puts: Sequence[Part]) -> Shape | None:
    """Legs of two dates."""
    match len(calls), len(puts):
        case (2, 0) | (0, 2):
            return _time_spread(calls or puts)
        case 2, 2:
            return _two_time_spreads(calls, puts)
        case (4, 0) | (0, 4):
            return _four_of_a_right(calls or puts)
        case _:
            return None


def _time_spread(parts: Sequence[Part]) -> Shape | None:
    """A calendar buys the later date. Unequal quantities leave the name what it is."""
    near, far = sorted(parts, key=lambda part: part.expiry)
    if near.expiry == far.expiry or (near.quantity > 0) == (far.quantity > 0):
        return None
    if near.strike == far.strike:
        return Shape.CALENDAR if far.quantity > 0 else Shape.REVERSE_CALENDAR
    if far.quantity < 0:
        return Shape.REVERSE_DIAGONAL
    stands_for_shares = far.kind == CALL and far.strike < near.strike
    if stands_for_shares and far.expiry - near.expiry >= POOR_MAN_DAYS_MIN:
        return Shape.POOR_MANS_COVERED_CALL
    return Shape.DIAGONAL


def _two_time_spreads(calls: Sequence[Part], puts: Sequence[Part]) -> Shape | None:
    kinds = {_time_spread(calls), _time_spread(puts)}
    if kinds == {Shape.CALENDAR}:
        return Shape.DOUBLE_CALENDAR
    if kinds <= {Shape.CALENDAR, Shape.DIAGONAL, Shape.POOR_MANS_COVERED_CALL}:
        return Shape.DOUBLE_DIAGONAL
    return None


def _four_of_a_right(parts: Sequence[Part]) -> Shape | None:
    """Two calendars at two strikes, both of calls or both of puts."""
    strikes = sorted({part.strike for part in parts})
    if len(strikes) != 2:
        return None
    pairs = [[part for part in parts if part.strike == strike] for strike in strikes]
    if any(len(pair) != 2 for pair in pairs):
        return None
    both = all(_time_spread(pair) is Shape.CALENDAR for pair in pairs)
    return Shape.DOUBLE_CALENDAR if both else None
