"""The door of the feed: what is odd about a quote, and what cannot be taken in at all.

An odd quote is flagged and served; what cannot be taken in is counted by reason. Nothing else
happens to a quote here: no price is moved, repaired or invented. Pure and vectorised; the rules,
their constants and the reasons for both are in docs/features/normalisation.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market.listing import Layout
from optix.kernel import limits
from optix.kernel.chain import CHAIN_COLUMNS
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quote, QuoteFlag, quote_flags
from optix.quant.arrays import BoolArray, FloatArray

Flags = NDArray[np.uint8]

FUTURE_SECONDS_MAX: Final = 60.0  # clocks differ by seconds; a minute ahead is another mistake
LISTED_YEARS_MAX: Final = 6.0  # nothing is listed longer before its expiration
PRICE_STEP: Final = 0.05  # dollars; below it prices differ by their increments alone
NEIGHBOUR_SPREADS: Final = 3.0  # half spreads of the neighbours
NEIGHBOUR_SHARE: Final = 0.02  # of what the neighbours say
BOUND_SHARE: Final = 0.005  # of the forward: spot and options are not quoted at one instant
BOUND_RATE: Final = 0.02  # a year: how far the given rate may be from the market's
PAST_SECONDS: Final = 60.0  # what an older quote said is no measure of this one
PAST_SPREADS: Final = 4.0  # half spreads, of both quotes together
PAST_SHARE: Final = 0.25  # of the earlier price: what a jump of volatility may do
PAST_ROWS_SHARE: Final = 0.25  # when more rows jump than this, the market did
PAST_ROWS_MIN: Final = 8  # a chain of fewer rows is judged like one of so many
SPOT_JUMP_SHARE: Final = 0.10  # of the price of a stock between two quotes
SPOT_SPREADS: Final = 10.0

UNSOUND: Final = QuoteFlag.OUTLIER | QuoteFlag.CROSSED  # no measure of the market
_ONE_SIDED: Final = QuoteFlag.NO_BID | QuoteFlag.NO_ASK | QuoteFlag.NO_QUOTE


class RejectReason(StrEnum):
    """Why something of a source was not taken in."""

    FUTURE = "future_time"
    BEFORE_LISTING = "before_listing"
    BEFORE_SPLIT = "before_split"  # in the shares of before
    OLDER = "older_than_held"
    PRICE = "price_out_of_bounds"
    NOT_LOADED = "chain_not_loaded"  # rows of a chain that was never seen whole
    TOO_LARGE = "too_large"
    PRINT = "print_without_effect"  # known already, without price or size, or too late to place


class Rejects:
    """How much was not taken in, by reason, since the feed began."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def count(self, reason: RejectReason, number: int = 1) -> None:
        if number:
            self._counts[reason.value] += number

    @property
    def by_reason(self) -> Mapping[str, int]:
        """The counts, as a view that cannot be written to."""
        return MappingProxyType(self._counts)


class Past(NamedTuple):
    """What rows said before: the last quote that was believed, and the last one at all."""

    mid: FloatArray  # NaN: none
    half: FloatArray  # half of its spread
    ns: NDArray[np.int64]
    spot: FloatArray  # the underlying's price with it
    seen_mid: FloatArray
    seen_half: FloatArray
    seen_ns: NDArray[np.int64]
    jumped: BoolArray  # the last one was an outlier against the one that was believed

    def rows(self, rows: slice) -> Past:
        """Return the past of some rows."""
        columns: list[Any] = [column[rows] for column in self]
        return Past(*columns)


def blank_impossible(values: FloatArray) -> int:
    """Make NaN of prices and counts that cannot be, in place; return how many there were.

    Shapes:  values (columns of CHAIN_COLUMNS, rows); the vendor's analytics are not looked at.
    """
    own = values[: CHAIN_COLUMNS.index("vendor_iv")]
    impossible = (own < 0) | (own > limits.PRICE_MAX)  # NaN compares false
    count = int(np.count_nonzero(impossible))
    if count:
        own[impossible] = np.nan
    return count


@lru_cache(maxsize=4096)
def listed_since_ns(expiration: date) -> int:
    """Return the earliest instant at which contracts of an expiration can have been quoted."""
    days = (expiration - date(1970, 1, 1)).days - LISTED_YEARS_MAX * 366
    return max(int(days * 86_400) * NANOSECONDS, 1)


def quote_flags_column(bid: FloatArray, ask: FloatArray) -> Flags:
    """Return `kernel.quote.quote_flags` of every row."""
    has_bid, has_ask = bid > 0, ask > 0  # NaN compares false
    both = has_bid & has_ask
    flags = np.zeros(bid.shape, dtype=np.uint8)
    flags[~has_bid & has_ask] = QuoteFlag.NO_BID
    flags[has_bid & ~has_ask] = QuoteFlag.NO_ASK
    flags[~has_bid & ~has_ask] = QuoteFlag.NO_QUOTE
    crossed = both & (bid > ask)
    flags[crossed] = QuoteFlag.CROSSED
    flags[both & (bid == ask)] = QuoteFlag.LOCKED
    with np.errstate(invalid="ignore"):
        wide = both & ~crossed & (ask - bid > 0.25 * (ask + bid))
    flags[wide] |= np.uint8(QuoteFlag.WIDE)
    return flags


def mid_column(bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return the middle of each quote; a zero bid counts as zero, a missing side gives NaN."""
    usable = (bid >= 0) & (ask > 0) & np.isfinite(bid) & np.isfinite(ask)
    return np.where(usable, 0.5 * (np.where(usable, bid, 0.0) + np.where(usable, ask, 0.0)), np.nan)


def indicative_rows(flags: Flags, bid_size: FloatArray, ask_size: FloatArray) -> BoolArray:
    """Say which two-sided rows nobody stands behind: both sizes given, and both zero."""
    return np.asarray((flags & _ONE_SIDED == 0) & (bid_size == 0) & (ask_size == 0))


def neighbour_outliers(layout: Layout, flags: Flags, bid: FloatArray, ask: FloatArray) -> BoolArray:
    """Say which rows lie outside everything that four neighbours in strike say of them.

    Two strikes below and two above, of one root, expiration and side, quoted on both sides. Six
    straight lines through pairs of them each say a price: where prices bend, the lines differ, and
    the row may be anywhere between. A neighbour that is wrong itself moves some lines, never all,
    so it does not make its neighbours wrong.
    """
    found = np.zeros(bid.shape, dtype=np.bool_)
    usable = _two_sided(flags)
    rows = layout.ladder[usable[layout.ladder]]
    if rows.size < 5:
        return found
    side = 2 * layout.group[rows] + layout.is_call[rows]
    strike = layout.strike[rows]
    mid, half = 0.5 * (bid[rows] + ask[rows]), 0.5 * (ask[rows] - bid[rows])
    centre = slice(2, -2)
    judged = side[:-4] == side[4:]
    k = [strike[i : strike.size - 4 + i] for i in range(5)]
    m = [mid[i : mid.size - 4 + i] for i in range(5)]
    with np.errstate(divide="ignore", invalid="ignore"):
        lines = [
            m[a] + (m[b] - m[a]) * (k[2] - k[a]) / (k[b] - k[a])
            for a, b in ((0, 1), (3, 4), (1, 3), (0, 4), (0, 3), (1, 4))
        ]
        low, high = np.minimum.reduce(lines), np.maximum.reduce(lines)
        near = [half[i : half.size - 4 + i] for i in (0, 1, 3, 4)]
        spread = 0.5 * (sum(near) - np.maximum.reduce(near) - np.minimum.reduce(near))
        slack = np.maximum(NEIGHBOUR_SPREADS * spread, PRICE_STEP) + NEIGHBOUR_SHARE * high
        off = (bid[rows][centre] > high + slack) | (ask[rows][centre] < low - slack)
    found[rows[centre][judged & off]] = True
    return found


def bound_outliers(
    layout: Layout,
    bid: FloatArray,
    ask: FloatArray,
    *,
    forward: FloatArray,
    discount: FloatArray,
    years: FloatArray,
    spot: FloatArray,
    american: BoolArray,
) -> BoolArray:
    """Say which rows are offered below, or bid above, what parity and exercise allow.

    The spot alone accuses nobody: after the close it moves while options stand. What exercise is
    worth counts as far as the forward agrees.

    Shapes:  forward, discount, years, spot and american per group. A NaN forward judges nothing.
    """
    group = layout.group
    F, D, K = forward[group], discount[group], layout.strike
    with np.errstate(invalid="ignore"):
        sign = np.where(layout.is_call, 1.0, -1.0)
        inside = np.maximum(sign * (F - K), 0.0)
        least = D * inside
        now = np.minimum(np.maximum(sign * (spot[group] - K), 0.0), inside)
        exercised = american[group] & np.isfinite(now)
        least = np.where(exercised, np.maximum(least, now), least)
        most = np.where(
            layout.is_call, np.where(american[group], np.fmax(F, spot[group]), D * F), K
        )
        slack = np.maximum(BOUND_SHARE * F, PRICE_STEP) + BOUND_RATE * years[group] * np.abs(F - K)
        return ((ask > 0) & (ask < least - slack)) | (bid > most + slack)


def jumped_rows(
    past: Past,
    flags: Flags,
    bid: FloatArray,
    ask: FloatArray,
    *,
    spot: FloatArray,
    ns: NDArray[np.int64],
) -> BoolArray:
    """Say which rows jumped away from their own past further than spot and spreads explain.

    A price is believed when it is near the last that was believed, or near the last that was seen:
    an error comes once, a market that moved says it again. The same quote twice is one quote.
    """
    mid, half = 0.5 * (bid + ask), 0.5 * (ask - bid)
    with np.errstate(invalid="ignore"):
        recent = np.abs(ns - past.ns) <= PAST_SECONDS * NANOSECONDS
        moved = np.abs(spot - past.spot)
        allowed = np.where(np.isfinite(moved), moved, np.inf) + PAST_SHARE * past.mid
        step = 2 * PRICE_STEP
        off = np.abs(mid - past.mid) > allowed + np.maximum(PAST_SPREADS * (half + past.half), step)
        slack = PAST_SHARE * past.seen_mid + np.maximum(
            PAST_SPREADS * (half + past.seen_half), step
        )
        new = off & (np.abs(mid - past.seen_mid) > slack) & recent
        same = (mid == past.seen_mid) & (half == past.seen_half) & (ns == past.seen_ns)
    return _two_sided(flags) & np.where(same, past.jumped, new)


def past_after(
    past: Past,
    flags: Flags,
    jumped: BoolArray,
    bid: FloatArray,
    ask: FloatArray,
    *,
    spot: FloatArray,
    ns: NDArray[np.int64],
) -> Past:
    """Return the past as it is after these quotes. One-sided and crossed rows leave none."""
    seen = _two_sided(flags)
    good = seen & ((flags & QuoteFlag.OUTLIER) == 0)
    mid, half = 0.5 * (bid + ask), 0.5 * (ask - bid)
    return Past(
        mid=np.where(good, mid, past.mid),
        half=np.where(good, half, past.half),
        ns=np.where(good, ns, past.ns),
        spot=np.where(good, spot, past.spot),
        seen_mid=np.where(seen, mid, past.seen_mid),
        seen_half=np.where(seen, half, past.seen_half),
        seen_ns=np.where(seen, ns, past.seen_ns),
        jumped=np.where(seen, jumped, past.jumped),
    )


def no_past(rows: int) -> Past:
    """Return the past of rows that were never quoted."""
    none, never = np.full(rows, np.nan), np.zeros(rows, dtype=np.int64)
    return Past(none, none, never, none, none, none, never, np.zeros(rows, dtype=np.bool_))


def _two_sided(flags: Flags) -> BoolArray:
    return np.asarray((flags & (_ONE_SIDED | QuoteFlag.CROSSED)) == 0)


def is_spot_outlier(quote: Quote, good: Quote | None, seen: Quote | None) -> bool:
    """Say whether an underlying's price jumped away from what was believed and from what was seen.

    The rule of `past_outliers` with the bounds of a stock: a tenth of its price, or ten spreads.
    """
    price = _price_of(quote)
    if good is None or not isfinite(price):
        return False
    if quote.ts_event - good.ts_event > PAST_SECONDS * NANOSECONDS:
        return False
    spread = quote.ask - quote.bid if 0 < quote.bid <= quote.ask else 0.0
    return all(
        abs(price - before) > max(SPOT_JUMP_SHARE * before, SPOT_SPREADS * spread)
        for before in (_price_of(good), _price_of(seen) if seen else _price_of(good))
        if isfinite(before)
    )


def flags_of_quote(quote: Quote) -> QuoteFlag:
    """Return what one quote of an underlying says of itself, with what its source said."""
    flags = quote_flags(quote.bid, quote.ask)
    if quote.flags:  # seldom, and joining flags costs more than all else here
        flags |= quote.flags
    if quote.bid_size == 0 and quote.ask_size == 0 and not flags & _ONE_SIDED:
        flags |= QuoteFlag.INDICATIVE
    return flags


def time_fault(ts_event: int, *, now_ns: int, since_ns: int = 0) -> RejectReason | None:
    """Return why an instant cannot be that of a quote, None when it can.

    `since_ns` is when the underlying's present shares began to trade: what is older is in others.
    """
    if ts_event > now_ns + int(FUTURE_SECONDS_MAX * NANOSECONDS):
        return RejectReason.FUTURE
    if ts_event <= 0:
        return RejectReason.BEFORE_LISTING
    return RejectReason.BEFORE_SPLIT if ts_event < since_ns else None


def _price_of(quote: Quote) -> float:
    if 0 < quote.bid <= quote.ask:
        return (quote.bid + quote.ask) / 2
    return quote.last
