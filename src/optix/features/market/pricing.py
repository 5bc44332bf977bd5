"""OPTIX's own analytics of an option chain: flags, mid, IV, Greeks, forward and expected move.

Pure: quotes and an instant in, columns aligned with the contracts out. Formulas are in `quant`, in
natural units; here they become the units of a response: theta per calendar day, vega per volatility
point, rho per point of rate. A row without an IV has NaN and a status that says why; vendor
analytics are neither read nor changed. How good the numbers are: docs/features/pricing.md.

A chain that was priced a moment ago keeps the numbers of what did not move, by the thresholds
below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market import normalise
from optix.features.market.analytics import (
    ANALYTICS,
    STATUS_CODE,
    STATUS_WORDS,
    Basis,
    ChainQuotes,
    PricedChain,
    RootAnalytics,
    RootTerms,
)
from optix.features.market.carry import CarryInputs
from optix.features.market.listing import Layout, Positions, RootKey, layout_of, listing_of
from optix.features.market.normalise import Past
from optix.features.market.schemas import AnalyticsStatus
from optix.features.market.solving import Model, Terms, solve
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import ExerciseStyle
from optix.kernel.quote import Quote, QuoteFlag
from optix.kernel.roots import deliverable_of
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.daycount import expiry_years
from optix.quant.forward import FORWARD_METHOD_TEXT, ForwardFit, ForwardMethod, implied_forward
from optix.quant.implied_vol import IvStatus

MODEL_TEXT: Final = {
    Model.EUROPEAN: "Black-76 European, on the implied forward",
    Model.AMERICAN_YIELD: (
        "American by spectral collocation, continuous yield from the implied forward"
    ),
    Model.AMERICAN_CASH: (
        "American by finite differences, dividends in cash at their ex-dates, "
        "borrow cost from the implied forward"
    ),
}
DAYS_PER_YEAR = 365.0
# An American row whose quote did not move is solved again when its forward or its time to expiry
# moved by more than these shares: a volatility then moves by less than readers are told of.
FORWARD_MOVED_SHARE: Final = 1e-5
TIME_MOVED_SHARE: Final = 2e-4

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
_SOLVER_CODES = np.unique(_IV_CODE)


def price_chain(
    table: ChainTable, *, now_ns: int, terms: Mapping[RootKey, RootTerms], rate_fallback: float
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
    """Return the analytics of several tables that were never priced, each at its own instant."""
    carry = CarryInputs(rate_fallback=rate_fallback)
    quotes = [
        quotes_of(table, now_ns=instant, carry=carry)
        for table, instant in zip(tables, now_ns, strict=True)
    ]
    return price_quotes(quotes, terms=terms)


def quotes_of(table: ChainTable, *, now_ns: int, carry: CarryInputs) -> ChainQuotes:
    """Return a table as pricing takes it, without anything of before."""
    stamps = table.row_ts_event
    columns: dict[str, Any] = {
        name: np.array(table.columns[name], dtype=np.float64)
        for name in ("bid", "ask", "bid_size", "ask_size")
    }
    return ChainQuotes(
        listing=listing_of(table.contracts),
        **columns,
        ts_event=(
            np.full(len(table), table.ts_event, dtype=np.int64)
            if stamps is None
            else np.array(stamps, dtype=np.int64)
        ),
        spot=reference_spot(table.spot),
        now_ns=now_ns,
        carry=carry,
    )


def price_quotes(
    chains: Sequence[ChainQuotes], *, terms: Mapping[RootKey, RootTerms]
) -> list[PricedChain]:
    """Return the analytics of several chains, each at its own instant and on its own spot.

    The numbers are those of each chain alone; together they cost a fraction, because a step of the
    solver over a few hundred rows costs little more than over one.
    """
    layout = layout_of([chain.listing for chain in chains])
    bid, ask = _column(chains, "bid"), _column(chains, "ask")
    of_roots = [terms[key] for key in layout.keys]
    owner = layout.owner
    settles_at = np.array([term.settles_at_ns for term in of_roots], dtype=np.int64)
    american = np.array([term.style is ExerciseStyle.AMERICAN for term in of_roots], dtype=np.bool_)
    now = np.array([chain.now_ns for chain in chains], dtype=np.int64)[owner]
    years = expiry_years(now_ns=now, settles_at_ns=settles_at)
    spot = np.array([chain.spot for chain in chains])[owner]
    flags, past = _judged(layout, chains, bid, ask)
    rate = _rates(chains, owner, years)
    fit = _forwards(layout, flags, bid, ask, years=years, american=american, spot=spot, rate=rate)
    late = normalise.bound_outliers(
        layout,
        bid,
        ask,
        forward=fit.forward,
        discount=np.exp(-fit.rate * years),
        years=years,
        spot=spot,
        american=american,
    )
    late &= (flags & QuoteFlag.CROSSED) == 0
    flags[late] |= np.uint8(QuoteFlag.OUTLIER)
    mid = normalise.mid_column(bid, ask)
    status = _quote_status(flags, mid)
    status[np.isnan(fit.forward)[layout.group] & (status == _OK)] = STATUS_CODE["no_forward"]
    status[(years <= 0)[layout.group]] = STATUS_CODE["expired"]
    status[layout.adjusted & (status == _OK)] = STATUS_CODE["adjusted"]
    carry = tuple(chain.carry for chain in chains)
    model = _models(owner, years, american, spot, carry)
    solvable = _Solvable(layout, Terms(years, spot, fit, model, owner, carry), mid, flags, status)
    bases = _bases(solvable, chains)
    columns = _analytics(solvable, chains, _kept_rows(solvable, chains, bases, bid, ask))
    roots = _root_analytics(solvable, of_roots, bases, columns["iv"])
    whole: dict[str, NDArray[Any]] = {
        "mid": mid,
        "status": status,
        "flags": flags,
        "bid": bid,
        "ask": ask,
        **columns,
    }
    return _apart(whole, past, layout, roots, len(chains))


class _Solvable(NamedTuple):
    """A layout with all that its rows' numbers depend on."""

    layout: Layout
    terms: Terms
    mid: FloatArray
    flags: NDArray[np.uint8]
    status: NDArray[np.uint8]  # written to by `_analytics`


def _judged(
    layout: Layout, chains: Sequence[ChainQuotes], bid: FloatArray, ask: FloatArray
) -> tuple[NDArray[np.uint8], Past]:
    """Return the flags that quotes, neighbours and past give, and the past from now on."""
    flags = normalise.quote_flags_column(bid, ask)
    sizes = _column(chains, "bid_size"), _column(chains, "ask_size")
    flags[normalise.indicative_rows(flags, *sizes)] |= np.uint8(QuoteFlag.INDICATIVE)
    odd = normalise.neighbour_outliers(layout, flags, bid, ask)
    now = {
        "spot": np.repeat(np.array([chain.spot for chain in chains]), np.diff(layout.starts)),
        "ns": _joined([chain.ts_event for chain in chains], np.int64),
    }
    past = _past_of(chains)
    jumped = normalise.jumped_rows(past, flags, bid, ask, **now)
    for number in range(len(chains)):
        rows = layout.rows_of(number)
        many = normalise.PAST_ROWS_SHARE * max(rows.stop - rows.start, normalise.PAST_ROWS_MIN)
        if np.count_nonzero(jumped[rows]) > many:
            jumped[rows] = False  # that many do not err together: the market moved
    flags[odd | jumped] |= np.uint8(QuoteFlag.OUTLIER)
    return flags, normalise.past_after(past, flags, jumped, bid, ask, **now)


def _past_of(chains: Sequence[ChainQuotes]) -> Past:
    parts: list[tuple[NDArray[Any], ...]] = [
        normalise.no_past(len(chain.listing)) if chain.before is None else chain.before.past
        for chain in chains
    ]
    if not parts:
        return normalise.no_past(0)
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Past(*columns)


def _apart(
    whole: Mapping[str, NDArray[Any]],
    past: Past,
    layout: Layout,
    roots: Sequence[RootAnalytics],
    count: int,
) -> list[PricedChain]:
    """Give each chain its rows and its roots."""
    parts = []
    for number in range(count):
        rows = layout.rows_of(number)
        own = np.flatnonzero(layout.owner == number).tolist()
        columns: dict[str, Any] = {name: column[rows] for name, column in whole.items()}
        parts.append(
            PricedChain(
                **columns,
                past=past.rows(rows),
                roots={layout.keys[group]: roots[group] for group in own},
            )
        )
    return parts


def _column(chains: Sequence[ChainQuotes], name: str) -> FloatArray:
    return _joined([getattr(chain, name) for chain in chains], np.float64)


def _joined(columns: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(columns) if columns else np.empty(0, dtype)


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


def _rates(chains: Sequence[ChainQuotes], owner: Positions, years: FloatArray) -> FloatArray:
    rate = np.empty(years.shape)
    for number, chain in enumerate(chains):
        own = owner == number
        rate[own] = chain.carry.rate_at(years[own])
    return rate


def _forwards(
    layout: Layout,
    flags: NDArray[np.uint8],
    bid: FloatArray,
    ask: FloatArray,
    *,
    years: FloatArray,
    american: BoolArray,
    spot: FloatArray,
    rate: FloatArray,
) -> ForwardFit:
    """Put pairs of calls and puts side by side, one row per group, and fit the forwards.

    What no measure of the market is takes no part: outliers, and contracts that were adjusted.
    """
    sound = (flags & normalise.UNSOUND == 0) & ~layout.adjusted
    bid, ask = np.where(sound, bid, np.nan), np.where(sound, ask, np.nan)
    call, put = layout.calls, layout.puts
    rows = layout.group[call]
    counts = np.bincount(rows, minlength=years.size)
    columns = np.arange(call.size) - np.repeat(np.cumsum(counts) - counts, counts)
    shape = (years.size, int(counts.max(initial=0)))

    def spread_out(values: FloatArray) -> FloatArray:
        matrix = np.full(shape, np.nan)
        matrix[rows, columns] = values
        return matrix

    return implied_forward(
        strike=spread_out(layout.strike[call]),
        call_bid=spread_out(bid[call]),
        call_ask=spread_out(ask[call]),
        put_bid=spread_out(bid[put]),
        put_ask=spread_out(ask[put]),
        expiry_years=years,
        is_american=american,
        spot=spot,
        rate=rate,
    )


def _models(
    owner: Positions,
    years: FloatArray,
    american: BoolArray,
    spot: FloatArray,
    carry: Sequence[CarryInputs],
) -> NDArray[np.int8]:
    """Return the model of each group. Cash dividends need a spot, and room in the budget."""
    model = np.where(american, Model.AMERICAN_YIELD, Model.EUROPEAN).astype(np.int8)
    for number, inputs in enumerate(carry):
        if inputs.in_cash:
            cash = (owner == number) & american & inputs.pays_before(years) & (spot > 0)
            model[cash] = Model.AMERICAN_CASH
    return model


def _analytics(
    solvable: _Solvable, chains: Sequence[ChainQuotes], kept: BoolArray
) -> dict[str, FloatArray]:
    """Return IV and Greeks in the units of a response; write into the status why there is none."""
    layout, terms, mid, _, status = solvable
    columns = {name: np.full(mid.shape, np.nan) for name in ANALYTICS}
    rows = np.flatnonzero((status == _OK) & ~kept)
    found = solve(layout, terms, mid, rows)
    status[rows] = _IV_CODE[found.status]
    columns["iv"][rows] = found.vol
    for name, scale in (("delta", 1.0), ("gamma", 1.0), ("theta", 1.0 / DAYS_PER_YEAR)):
        columns[name][rows] = getattr(found.greeks, name) * scale
    for name in ("vega", "rho"):
        columns[name][rows] = getattr(found.greeks, name) / 100.0
    for number, chain in enumerate(chains):
        part = layout.rows_of(number)
        own = kept[part]
        if chain.before is None or not own.any():
            continue
        for name in ANALYTICS:
            columns[name][part][own] = getattr(chain.before, name)[own]
        status[part][own] = chain.before.status[own]
    return columns


def _bases(solvable: _Solvable, chains: Sequence[ChainQuotes]) -> list[Basis]:
    """Return what each group's rows are solved with: the basis of before where it hardly moved."""
    layout, terms, _, _, _ = solvable
    bases = []
    for group, key in enumerate(layout.keys):
        basis = Basis(
            forward=float(terms.fit.forward[group]),
            years=float(terms.years[group]),
            rate=float(terms.fit.rate[group]),
            model=MODEL_TEXT[Model(int(terms.model[group]))],
        )
        before = chains[layout.owner[group]].before
        if before is not None and not _has_moved(before.roots[key].basis, basis):
            basis = before.roots[key].basis
        bases.append(basis)
    return bases


def _has_moved(old: Basis, new: Basis) -> bool:
    """Tell whether numbers made with `old` are too far from those made with `new`; NaN is far."""
    near = (
        abs(new.forward - old.forward) <= FORWARD_MOVED_SHARE * old.forward
        and abs(new.years - old.years) <= TIME_MOVED_SHARE * old.years
        and (new.rate, new.model) == (old.rate, old.model)
    )
    return not near


def _kept_rows(
    solvable: _Solvable,
    chains: Sequence[ChainQuotes],
    bases: Sequence[Basis],
    bid: FloatArray,
    ask: FloatArray,
) -> BoolArray:
    """Say which American rows keep their numbers: nothing they depend on moved by enough.

    European rows cost less to solve than to look at.
    """
    layout, terms, _, _, status = solvable
    kept = np.zeros(bid.shape, dtype=np.bool_)
    steady = np.zeros(len(layout.keys), dtype=np.bool_)
    for number, chain in enumerate(chains):
        if chain.before is None:
            continue
        for group in np.flatnonzero(layout.owner == number).tolist():
            steady[group] = chain.before.roots[layout.keys[group]].basis is bases[group]
        rows = layout.rows_of(number)
        same = (bid[rows] == chain.before.bid) & (ask[rows] == chain.before.ask)
        solved = np.isin(chain.before.status, _SOLVER_CODES)
        kept[rows] = same & solved & (status[rows] == _OK)
    return np.asarray(kept & (steady & (terms.model != Model.EUROPEAN))[layout.group])


def _root_analytics(
    solvable: _Solvable, of_roots: Sequence[RootTerms], bases: Sequence[Basis], iv: FloatArray
) -> list[RootAnalytics]:
    layout, terms, _, flags, _ = solvable
    years, fit, spot = terms.years, terms.fit, terms.spot
    sound = np.where(flags & QuoteFlag.OUTLIER == 0, iv, np.nan)
    atm = _atm_ivs(layout, fit.forward, sound)
    # Without a spot the forward stands in for it, brought back to today at the rate.
    at_spot = np.where(np.isnan(spot), fit.forward * np.exp(-fit.rate * years), spot)
    moves = at_spot * atm * np.sqrt(years)
    found: list[RootAnalytics] = []
    for index, term in enumerate(of_roots):
        carry = terms.carry[terms.owner[index]]
        method = ForwardMethod(int(fit.method[index]))
        model = Model(int(terms.model[index]))
        found.append(
            RootAnalytics(
                expiry_years=float(years[index]),
                forward=_known(fit.forward[index]),
                rate=None if np.isnan(fit.forward[index]) else float(fit.rate[index]),
                forward_method=("expired" if years[index] <= 0 else FORWARD_METHOD_TEXT[method]),
                forward_pairs=int(fit.pairs[index]),
                atm_iv=_known(atm[index]),
                expected_move=_known(moves[index]),
                model=MODEL_TEXT[model],
                rate_source=carry.rate_source,
                dividend_source=carry.dividend_source if model is Model.AMERICAN_CASH else None,
                adjusted=deliverable_of(term.root, term.expiration) is None,
                basis=bases[index],
            )
        )
    return found


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _atm_ivs(layout: Layout, forward: FloatArray, iv: FloatArray) -> FloatArray:
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
