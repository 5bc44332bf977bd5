"""OPTIX's own analytics of an option chain: mid, IV, Greeks, forward and expected move.

Pure: a `ChainTable` and an instant in, columns aligned with its contracts out. Formulas are in
`quant`, in natural units; here they become the units of a response: theta per calendar day, vega
per volatility point, rho per point of rate. A row without an IV has NaN and a status that says why;
vendor analytics are neither read nor changed. How good the numbers are: docs/features/pricing.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from optix.features.market.schemas import AnalyticsStatus
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import ExerciseStyle, Right, Settlement
from optix.kernel.quote import Quote, QuoteFlag
from optix.quant import american, black_scholes
from optix.quant.american_rows import AmericanGreeks
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.black_scholes import AllGreeks, Greeks
from optix.quant.daycount import expiry_years
from optix.quant.forward import (
    FORWARD_METHOD_TEXT,
    ForwardFit,
    ForwardMethod,
    implied_carry,
    implied_forward,
)
from optix.quant.implied_vol import ImpliedVol, IvStatus, implied_vol

STATUS_WORDS: tuple[AnalyticsStatus, ...] = get_args(AnalyticsStatus)
STATUS_CODE: dict[AnalyticsStatus, int] = {word: code for code, word in enumerate(STATUS_WORDS)}
MODEL_TEXT = {
    ExerciseStyle.EUROPEAN: "Black-76 European, on the implied forward",
    ExerciseStyle.AMERICAN: (
        "American by spectral collocation, continuous yield from the implied forward"
    ),
}
DAYS_PER_YEAR = 365.0

RootKey = tuple[str, date]

_OK = STATUS_CODE["ok"]
_IV_STATUS: dict[IvStatus, AnalyticsStatus] = {
    IvStatus.OK: "ok",
    IvStatus.BELOW_INTRINSIC: "below_intrinsic",
    IvStatus.ABOVE_MAXIMUM: "above_maximum",
    IvStatus.NO_TIME_VALUE: "no_time_value",
    IvStatus.EXPIRED: "expired",
    IvStatus.NOT_CONVERGED: "not_converged",
    IvStatus.INVALID: "not_converged",
}
_IV_CODE = np.array([STATUS_CODE[_IV_STATUS[status]] for status in IvStatus], dtype=np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootTerms:
    """What the contracts of one root at one expiration have in common."""

    root: str
    expiration: date
    style: ExerciseStyle
    settlement: Settlement
    settles_at_ns: int  # the instant the settlement value is set; AM and PM differ only here


@dataclass(frozen=True, slots=True, kw_only=True)
class RootAnalytics:
    """What was found for one root at one expiration. `None`: it does not exist."""

    expiry_years: float
    forward: float | None
    rate: float | None  # continuous rate of the discount factor
    forward_method: str  # a sentence for people
    forward_pairs: int
    atm_iv: float | None
    expected_move: float | None  # one sigma, in dollars
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedChain:
    """Analytics columns aligned with `table.contracts`; NaN where `status` is not ok."""

    mid: FloatArray  # half the ask where the bid is zero; NaN without an ask
    iv: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta: FloatArray  # per calendar day
    vega: FloatArray  # per volatility point
    rho: FloatArray  # per point of rate
    status: NDArray[np.uint8]  # index into STATUS_WORDS
    flags: NDArray[np.uint8]  # QuoteFlag bits
    roots: dict[RootKey, RootAnalytics]


class _Layout(NamedTuple):
    """The contracts of all tables as columns; `group` counts (table, root, expiration) by sight."""

    keys: Sequence[RootKey]
    owner: NDArray[np.intp]  # the table of each group
    group: NDArray[np.intp]
    strike: FloatArray
    is_call: BoolArray


def price_chain(
    table: ChainTable,
    *,
    now_ns: int,
    terms: Mapping[RootKey, RootTerms],
    rate_fallback: float,
) -> PricedChain:
    """Return the analytics of all contracts of a table, of one expiration or many.

    `now_ns` is when the quotes were true, not when they arrived. `terms` has every (root,
    expiration) of the table; a missing one is a KeyError. `rate_fallback` is the continuous annual
    rate used where the quotes do not tell one: always for American styles.
    """
    return price_chains([table], now_ns=[now_ns], terms=terms, rate_fallback=rate_fallback)[0]


def price_chains(
    tables: Sequence[ChainTable],
    *,
    now_ns: Sequence[int],
    terms: Mapping[RootKey, RootTerms],
    rate_fallback: float,
) -> list[PricedChain]:
    """Return the analytics of several tables, each at its own instant and on its own spot.

    The numbers are those of `price_chain`; together they cost a fraction, because a step of the
    solver over a few hundred rows costs little more than over one.
    """
    layout = _layout(tables)
    bid = _column(tables, "bid")
    ask = _column(tables, "ask")
    flags = quote_flags_column(bid, ask)
    mid = mid_column(bid, ask)
    of_roots = [terms[key] for key in layout.keys]
    settles_at = np.array([term.settles_at_ns for term in of_roots], dtype=np.int64)
    is_american = np.array([term.style is ExerciseStyle.AMERICAN for term in of_roots], dtype=bool)
    now = np.array(now_ns, dtype=np.int64)[layout.owner]
    years = expiry_years(now_ns=now, settles_at_ns=settles_at)
    spot = np.array([reference_spot(table.spot) for table in tables])[layout.owner]
    fit = _forwards(
        layout,
        bid=bid,
        ask=ask,
        years=years,
        is_american=is_american,
        spot=spot,
        rate=rate_fallback,
    )

    status = _quote_status(flags, mid)
    status[np.isnan(fit.forward)[layout.group] & (status == _OK)] = STATUS_CODE["no_forward"]
    status[(years <= 0)[layout.group]] = STATUS_CODE["expired"]
    iv, greeks = _solve(
        layout, mid=mid, years=years, is_american=is_american, fit=fit, spot=spot, status=status
    )
    roots = _root_analytics(layout, of_roots, years=years, fit=fit, iv=iv, spot=spot)
    whole = PricedChain(
        mid=mid,
        iv=iv,
        delta=greeks.delta,
        gamma=greeks.gamma,
        theta=greeks.theta / DAYS_PER_YEAR,
        vega=greeks.vega / 100.0,
        rho=greeks.rho / 100.0,
        status=status,
        flags=flags,
        roots={},
    )
    return _apart(whole, tables, layout, roots)


def _apart(
    whole: PricedChain,
    tables: Sequence[ChainTable],
    layout: _Layout,
    roots: Sequence[RootAnalytics],
) -> list[PricedChain]:
    """Give each table its rows and its roots."""
    columns = [entry.name for entry in fields(PricedChain) if entry.name != "roots"]
    parts = []
    begin = 0
    for number, table in enumerate(tables):
        rows = slice(begin, begin + len(table))
        begin = rows.stop
        own = np.flatnonzero(layout.owner == number).tolist()
        parts.append(
            PricedChain(
                **{name: getattr(whole, name)[rows] for name in columns},
                roots={layout.keys[group]: roots[group] for group in own},
            )
        )
    return parts


def _column(tables: Sequence[ChainTable], name: str) -> FloatArray:
    columns = [np.asarray(table.columns[name], dtype=np.float64) for table in tables]
    return np.concatenate(columns) if columns else np.empty(0)


def quote_flags_column(bid: FloatArray, ask: FloatArray) -> NDArray[np.uint8]:
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


def reference_spot(quote: Quote | None) -> float:
    """Return the underlying's price for analytics; NaN when it is not known.

    The last trade, moved inside bid and ask when they are a sound quote: after hours the last trade
    may be old, and the quote of an index may be wide.
    """
    if quote is None:
        return np.nan
    last = quote.last if quote.last > 0 and np.isfinite(quote.last) else np.nan
    sound = 0 < quote.bid <= quote.ask < np.inf
    if not sound:
        return last
    return float(np.clip(last, quote.bid, quote.ask)) if last > 0 else (quote.bid + quote.ask) / 2


def _layout(tables: Sequence[ChainTable]) -> _Layout:
    ids: dict[tuple[int, RootKey], int] = {}
    contracts = [contract for table in tables for contract in table.contracts]
    count = len(contracts)
    group = np.fromiter(
        (
            ids.setdefault((number, (contract.root, contract.expiration)), len(ids))
            for number, table in enumerate(tables)
            for contract in table.contracts
        ),
        np.intp,
        count,
    )
    return _Layout(
        keys=[key for _, key in ids],
        owner=np.array([number for number, _ in ids], dtype=np.intp),
        group=group,
        strike=np.fromiter((c.strike_milli for c in contracts), np.float64, count) / 1000.0,
        is_call=np.fromiter((c.right is Right.CALL for c in contracts), np.bool_, count),
    )


def _quote_status(flags: NDArray[np.uint8], mid: FloatArray) -> NDArray[np.uint8]:
    status = np.full(flags.shape, _OK, dtype=np.uint8)
    status[np.isnan(mid)] = STATUS_CODE["no_quote"]  # an infinite side, which no flag names
    for flag, word in (
        (QuoteFlag.NO_QUOTE, "no_quote"),
        (QuoteFlag.NO_BID, "no_bid"),
        (QuoteFlag.NO_ASK, "no_ask"),
        (QuoteFlag.CROSSED, "crossed"),
    ):
        status[(flags & flag) != 0] = STATUS_WORDS.index(word)
    return status


def _forwards(
    layout: _Layout,
    *,
    bid: FloatArray,
    ask: FloatArray,
    years: FloatArray,
    is_american: BoolArray,
    spot: FloatArray,
    rate: float,
) -> ForwardFit:
    """Join calls and puts of one strike into pairs, one row per group, and fit the forwards."""
    order = np.lexsort((~layout.is_call, layout.strike, layout.group))
    group, strike = layout.group[order], layout.strike[order]
    is_call = layout.is_call[order]
    joined = (group[1:] == group[:-1]) & (strike[1:] == strike[:-1]) & is_call[:-1] & ~is_call[1:]
    first = np.flatnonzero(joined)
    rows = group[first]
    counts = np.bincount(rows, minlength=years.size)
    columns = np.arange(first.size) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (years.size, int(counts.max(initial=0)))

    def spread_out(values: FloatArray) -> FloatArray:
        matrix = np.full(shape, np.nan)
        matrix[rows, columns] = values
        return matrix

    call, put = order[first], order[first + 1]
    return implied_forward(
        strike=spread_out(layout.strike[call]),
        call_bid=spread_out(bid[call]),
        call_ask=spread_out(ask[call]),
        put_bid=spread_out(bid[put]),
        put_ask=spread_out(ask[put]),
        expiry_years=years,
        is_american=is_american,
        spot=spot,
        rate=rate,
    )


def _solve(
    layout: _Layout,
    *,
    mid: FloatArray,
    years: FloatArray,
    is_american: BoolArray,
    fit: ForwardFit,
    spot: FloatArray,
    status: NDArray[np.uint8],
) -> tuple[FloatArray, Greeks]:
    """Return IV and Greeks, and write into `status` why a row has none."""
    carry = implied_carry(spot=spot, forward=fit.forward, expiry_years=years, rate=fit.rate)
    iv = np.full(mid.shape, np.nan)
    columns = Greeks(*(np.full(mid.shape, np.nan) for _ in Greeks._fields))
    for style in (False, True):
        rows = np.flatnonzero((status == _OK) & (is_american[layout.group] == style))
        if rows.size == 0:
            continue
        group = layout.group[rows]
        model_spot, dividend_yield = carry.spot[group], carry.dividend_yield[group]
        solved, greeks = _solve_style(
            american_style=style,
            price=mid[rows],
            strike=layout.strike[rows],
            is_call=layout.is_call[rows],
            years=years[group],
            rate=fit.rate[group],
            forward=fit.forward[group],
            spot=model_spot,
            dividend_yield=dividend_yield,
        )
        status[rows] = _IV_CODE[solved.status]
        iv[rows] = solved.vol
        for name in Greeks._fields:
            getattr(columns, name)[rows] = getattr(greeks, name)
        # Derivatives by the spot on the screen, which the model spot follows in proportion.
        shown = spot[group]
        scale = np.where(np.isfinite(shown), model_spot / shown, 1.0)
        columns.delta[rows] *= scale
        columns.gamma[rows] *= scale * scale
    return iv, columns


def _solve_style(
    *,
    american_style: bool,
    price: FloatArray,
    strike: FloatArray,
    is_call: BoolArray,
    years: FloatArray,
    rate: FloatArray,
    forward: FloatArray,
    spot: FloatArray,
    dividend_yield: FloatArray,
) -> tuple[ImpliedVol, Greeks | AllGreeks | AmericanGreeks]:
    if american_style:
        return american.implied_vol_and_greeks(
            price=price,
            spot=spot,
            strike=strike,
            expiry_years=years,
            rate=rate,
            dividend_yield=dividend_yield,
            is_call=is_call,
        )
    solved = implied_vol(
        price=price,
        forward=forward,
        strike=strike,
        expiry_years=years,
        rate=rate,
        is_call=is_call,
    )
    return solved, black_scholes.greeks(
        spot=spot,
        forward=forward,
        strike=strike,
        expiry_years=years,
        vol=solved.vol,
        rate=rate,
        is_call=is_call,
    )


def _root_analytics(
    layout: _Layout,
    of_roots: Sequence[RootTerms],
    *,
    years: FloatArray,
    fit: ForwardFit,
    iv: FloatArray,
    spot: FloatArray,
) -> list[RootAnalytics]:
    found: list[RootAnalytics] = []
    atm = _atm_ivs(layout, fit.forward, iv)
    # Without a spot the forward stands in for it, brought back to today at the rate.
    at_spot = np.where(np.isnan(spot), fit.forward * np.exp(-fit.rate * years), spot)
    moves = at_spot * atm * np.sqrt(years)
    for index, term in enumerate(of_roots):
        known = bool(np.isfinite(fit.forward[index]))
        method = "expired" if years[index] <= 0 else FORWARD_METHOD_TEXT[_method(fit, index)]
        analytics = RootAnalytics(
            expiry_years=float(years[index]),
            forward=float(fit.forward[index]) if known else None,
            rate=float(fit.rate[index]) if known else None,
            forward_method=method,
            forward_pairs=int(fit.pairs[index]),
            atm_iv=float(atm[index]) if np.isfinite(atm[index]) else None,
            expected_move=float(moves[index]) if np.isfinite(moves[index]) else None,
            model=MODEL_TEXT[term.style],
        )
        found.append(analytics)
    return found


def _method(fit: ForwardFit, index: int) -> ForwardMethod:
    return ForwardMethod(int(fit.method[index]))


def _atm_ivs(layout: _Layout, forward: FloatArray, iv: FloatArray) -> FloatArray:
    """Return each group's IV at its forward: linear between the strikes around it.

    At a strike, the mean of call and put where both have an IV. Only strikes within 10 % count;
    with all of them on one side, the nearest one.
    """
    result = np.full(forward.shape, np.nan)
    near = np.isfinite(iv) & (np.abs(layout.strike / forward[layout.group] - 1.0) <= 0.1)
    group, strike, vol = layout.group[near], layout.strike[near], iv[near]
    order = np.lexsort((strike, group))
    group, strike, vol = group[order], strike[order], vol[order]
    starts = np.searchsorted(group, np.arange(forward.size + 1))
    for index in range(forward.size):
        part = slice(starts[index], starts[index + 1])
        if part.start == part.stop:
            continue
        strikes, position = np.unique(strike[part], return_inverse=True)
        vols = np.bincount(position, weights=vol[part]) / np.bincount(position)
        result[index] = np.interp(forward[index], strikes, vols)
    return result
