"""Polygon's answers and messages into kernel values. Pure: no network, no clock.

Units at this door: `implied_volatility` is a fraction; theta is per calendar day and vega per point
(the documentation's example agrees with Black-Scholes so), there is no rho. REST times are in
nanoseconds, those of bars and of the socket in milliseconds. Missing is missing: without a solution
`greeks` is empty and the volatility absent, below a plan's reach whole parts are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import isnan, nan
from typing import Any

import structlog

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.polygon import codes
from optix.adapters.market_data.polygon.wire import part
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    RawRows,
    amount_of,
    check_rows,
    instant_of,
    price_of,
    table_of,
)
from optix.adapters.market_data.streaming.protocol import MalformedFrame, Tick
from optix.kernel import opra
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import (
    MalformedContract,
    OptionContract,
    Spelling,
    format_option,
    parse_option,
)
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import STANDARD_SHARES, is_adjusted, underlying_of
from optix.kernel.symbols import kind_of
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import Bar, BarInterval, ChainKey

SOURCE = "polygon"
DELAY_SECONDS = 900
MILLISECOND_NS = 1_000_000
SHARES_MAX = 1e12

SPANS = {  # ours to the multiple and the name of a span
    BarInterval.MINUTE_1: (1, "minute"),
    BarInterval.MINUTE_5: (5, "minute"),
    BarInterval.MINUTE_30: (30, "minute"),
    BarInterval.HOUR_1: (1, "hour"),
    BarInterval.DAY_1: (1, "day"),
    # Their weeks begin on Sunday and ours on Monday: ours are joined from days.
    BarInterval.WEEK_1: (1, "day"),
}

_TIMEFRAMES = {"DELAYED": Quality.DELAYED, "REAL-TIME": Quality.REALTIME}
_told: set[str] = set()
_TOLD_MAX = 100
_log = structlog.get_logger(__name__)


def vendor_symbol(symbol: str) -> str:
    """Return how Polygon names a security where prices are asked for: I:SPX, SPY, BRK.B."""
    return f"I:{symbol}" if kind_of(symbol) is SecurityKind.INDEX else symbol


def vendor_contract(contract: OptionContract) -> str:
    return format_option(contract, Spelling.POLYGON)


def translate_chain(
    rows: Sequence[object], *, key: ChainKey, received_ns: int, plan: Quality
) -> ChainTable:
    """Return the pages of one expiration as a table. `plan` counts where no quote says its delay.

    A contract that delivers something else than its root says is listed as rejected.
    """
    quotes = [part(row, "last_quote") for row in rows]
    instants = [
        instant_of(quote.get("last_updated"), 1, received_ns=received_ns) for quote in quotes
    ]
    spot = _spot(rows, key.underlying, received_ns, plan)
    quality = _quality((quote.get("timeframe") for quote in quotes), plan)
    ts_event = max(instants, default=0) or (spot.ts_event if spot else 0)
    ts_event = ts_event or undated_ns(received_ns, quality)
    contracts, early = _contracts(rows, key.expiration)
    greeks = [part(row, "greeks") for row in rows]
    days = [_day(row, ts_event, received_ns) for row in rows]
    trades = [part(row, "last_trade") for row in rows]
    columns: dict[str, list[object]] = {
        name: [quote.get(name) for quote in quotes]
        for name in ("bid", "ask", "bid_size", "ask_size")
    }
    columns |= {
        f"vendor_{name}": [row.get(name) for row in greeks]
        for name in ("delta", "gamma", "theta", "vega")
    }
    columns |= {
        "last": [trade.get("price") for trade in trades],
        "previous_close": [day.get("previous_close") for day in days],
        "volume": [day.get("volume") for day in days],
        "open_interest": [_get(row, "open_interest") for row in rows],
        "vendor_iv": [_get(row, "implied_volatility") for row in rows],
    }
    raw = RawRows(
        contracts=contracts,
        columns=columns,
        describe=lambda position: repr(rows[position]),
        early=early,
    )
    return table_of(
        key.underlying,
        check_rows(key.underlying, raw),
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=received_ns,
        spot=spot,
    )


def undated_ns(received_ns: int, quality: Quality) -> int:
    """Return how old what came without a time is at least."""
    late = DELAY_SECONDS if quality is Quality.DELAYED else 0
    return received_ns - late * NANOSECONDS


def _get(row: object, name: str) -> object:
    return row.get(name) if isinstance(row, dict) else None


def _contracts(
    rows: Sequence[object], expiration: date
) -> tuple[list[object], dict[int, tuple[str, str]]]:
    contracts: list[object] = []
    early: dict[int, tuple[str, str]] = {}
    for position, row in enumerate(rows):
        details = part(row, "details")
        ticker = details.get("ticker") or _get(row, "ticker")
        contracts.append(ticker)
        try:
            contract = parse_option(ticker)  # type: ignore[arg-type]  # refuses what is no text
        except MalformedContract:
            continue  # the check of the rows says so
        contracts[position] = contract
        if contract.expiration != expiration:
            reason = f"It expires on {contract.expiration}, {expiration} was asked for."
            early[position] = ("other_expiration", reason)
        elif not is_adjusted(contract.root) and _delivers_else(details):
            reason = "It delivers something else than a contract of its root does."
            early[position] = ("nonstandard_deliverable", reason)
    return contracts, early


def _delivers_else(details: Mapping[str, Any]) -> bool:
    shares = details.get("shares_per_contract")
    return bool(details.get("additional_underlyings")) or shares not in {None, STANDARD_SHARES}


def _day(row: object, ts_event: int, received_ns: int) -> Mapping[str, Any]:
    """Return a contract's own day unless it is an earlier one than its chain's.

    Until a contract's first trade of a session Polygon shows its last day, whose volume is not
    today's.
    """
    day = part(row, "day")
    updated = instant_of(day.get("last_updated"), 1, received_ns=received_ns)
    if updated and new_york_date(updated) < new_york_date(ts_event):
        return {}
    return day


def _spot(rows: Sequence[object], symbol: str, received_ns: int, plan: Quality) -> Quote | None:
    """Return the underlying as the rows tell it, the newest one; pages are of several instants."""
    newest: Quote | None = None
    for row in rows:
        asset = part(row, "underlying_asset")
        last = price_of(asset.get("price", asset.get("value")))
        if isnan(last):
            continue
        quality = _quality([asset.get("timeframe")], plan)
        ts_event = instant_of(asset.get("last_updated"), 1, received_ns=received_ns)
        ts_event = ts_event or undated_ns(received_ns, quality)
        if newest is None or ts_event > newest.ts_event:
            newest = Quote(
                symbol=symbol,
                kind=kind_of(symbol),
                last=last,
                source=SOURCE,
                quality=quality,
                ts_event=ts_event,
                ts_received=received_ns,
                flags=quote_flags(nan, nan),
            )
    return newest


def translate_quote(
    row: Mapping[str, Any], *, symbol: str, received_ns: int, plan: Quality
) -> Quote:
    """Return a row of the universal snapshot as a quote. Raises Unreadable.

    Prices, indices have a `value`. What is not in the plan is absent and stays missing.
    """
    quote, trade = part(row, "last_quote"), part(row, "last_trade")
    session = part(row, "session")
    last = price_of(trade.get("price", row.get("value")))
    if isnan(last):
        last = price_of(session.get("price", session.get("close")))
    bid, ask = amount_of(quote.get("bid")), amount_of(quote.get("ask"))
    if isnan(last) and isnan(bid) and isnan(ask):
        raise Unreadable(f"Polygon's snapshot of {symbol} has neither a quote nor a price.")
    quality = _quality(
        (source.get("timeframe") for source in (quote, trade, row) if source.get("timeframe")), plan
    )
    instants = (
        quote.get("last_updated"),
        trade.get("last_updated", trade.get("sip_timestamp")),
        row.get("last_updated"),
    )
    known = [instant_of(value, 1, received_ns=received_ns) for value in instants]
    is_index = kind_of(symbol) is SecurityKind.INDEX
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        bid=bid,
        ask=ask,
        bid_size=amount_of(quote.get("bid_size"), COUNT_MAX),
        ask_size=amount_of(quote.get("ask_size"), COUNT_MAX),
        last=last,
        open=price_of(session.get("open")),
        high=price_of(session.get("high")),
        low=price_of(session.get("low")),
        previous_close=price_of(session.get("previous_close")),
        volume=nan if is_index else amount_of(session.get("volume"), SHARES_MAX),
        source=SOURCE,
        quality=quality,
        ts_event=max(known) or undated_ns(received_ns, quality),
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def _quality(timeframes: Any, plan: Quality) -> Quality:
    """Return the worst quality that is told; where nobody tells, the plan's."""
    told = set()
    for word in timeframes:
        known = _TIMEFRAMES.get(word) if isinstance(word, str) else None
        if known is not None:
            told.add(known)
        elif word is not None and repr(word) not in _told and len(_told) < _TOLD_MAX:
            _told.add(repr(word))
            _log.warning("polygon_unknown_timeframe", word=repr(word)[:40])
    if not told:
        return plan
    return Quality.DELAYED if Quality.DELAYED in told else Quality.REALTIME


def translate_listing(rows: Sequence[object], underlying: str) -> list[OptionContract]:
    """Return the contracts of reference pages, each once; what cannot be read is left out.

    A chain answers for the same contracts and lists there what it had to reject.
    """
    contracts: dict[OptionContract, None] = {}
    for row in rows:
        details = row if isinstance(row, dict) else {}
        try:
            contract = parse_option(details.get("ticker"))  # type: ignore[arg-type]  # refuses what is no text
        except MalformedContract:
            continue
        if underlying_of(contract.root) != underlying:
            continue
        if not is_adjusted(contract.root) and _delivers_else(details):
            continue
        contracts[contract] = None
    return list(contracts)


def translate_bars(rows: Sequence[object]) -> tuple[list[Bar], int]:
    """Return bars, ascending, and how many rows were none. `t` is the start in milliseconds."""
    bars: dict[int, Bar] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        # Years before 2000 do not occur: a plan reaches back at most 20 years or so.
        start = instant_of(row.get("t"), MILLISECOND_NS, received_ns=_NEVER_NS)
        prices = [price_of(row.get(name)) for name in ("o", "h", "l", "c")]
        if start == 0 or any(isnan(price) for price in prices):
            continue
        bars[start] = Bar(
            ts_event=start,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[3],
            volume=amount_of(row.get("v"), SHARES_MAX),
        )
    return [bars[start] for start in sorted(bars)], len(rows) - len(bars)


_NEVER_NS = 2**62


def translate_message(
    message: Mapping[str, Any], *, received_ns: int, quality: Quality
) -> Tick | Trade | None:
    """Return a quote (Q) or a print (T) of the socket, None for every other message.

    Raises MalformedFrame for one that names no contract, has no price or no time.
    """
    kind = message["ev"]
    if kind not in {"Q", "T"}:
        return None
    try:
        contract = parse_option(message.get("sym"))  # type: ignore[arg-type]  # refuses what is no text
    except MalformedContract as error:
        raise MalformedFrame(f"Polygon's message names no contract: {error.detail}") from error
    ts_event = instant_of(message.get("t"), MILLISECOND_NS, received_ns=received_ns)
    if ts_event == 0:
        raise MalformedFrame(f"Polygon's message on {contract.key} has no time.")
    if kind == "Q":
        fields = {
            "bid": amount_of(message.get("bp")),
            "ask": amount_of(message.get("ap")),
            "bid_size": amount_of(message.get("bs"), COUNT_MAX),
            "ask_size": amount_of(message.get("as"), COUNT_MAX),
        }
        return Tick(contract.key, ts_event, fields)
    return _print(message, contract, ts_event, received_ns, quality)


def last_of(trade: Trade) -> Tick | None:
    """Return the last price that a print makes, None where it may not make one."""
    if trade.action is not TradeAction.NEW or not opra.may_set_last(trade.conditions):
        return None
    price = price_of(trade.price)
    return None if isnan(price) else Tick(trade.symbol, trade.ts_event, {"last": price}, "trade")


def _print(
    message: Mapping[str, Any],
    contract: OptionContract,
    ts_event: int,
    received_ns: int,
    quality: Quality,
) -> Trade:
    price, size = amount_of(message.get("p")), amount_of(message.get("s"), COUNT_MAX)
    if isnan(price) or not size > 0:
        raise MalformedFrame(f"Polygon's print of {contract.key} has no price or no size.")
    conditions = codes.conditions_of(message.get("c"))
    sequence = message.get("q")
    return Trade(
        symbol=contract.key,
        price=price,
        size=size,
        exchange=codes.exchange_of(message.get("x")),
        conditions=conditions,
        sequence=sequence if type(sequence) is int and sequence > 0 else 0,
        # OPRA's cancels name no print, they say of which kind it was: `refers_to` stays 0.
        action=TradeAction.CANCEL if opra.is_cancel(conditions) else TradeAction.NEW,
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=received_ns,
    )
