"""Tradier's payloads into kernel values. Pure: no network, no clock.

At this door: contracts are OCC without padding, as ours; class shares have a slash (BRK/B); times
are milliseconds UTC, those of bars wall clock New York; IVs are fractions, the Greeks per share,
vega per point, theta per day. Greeks are ORATS' and up to an hour old, so they never move a row's
time. ORATS computes one rho for a strike and it is the call's: a put's is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from math import isnan, nan
from typing import Any

import structlog

from optix.adapters.market_data.bars import NEW_YORK
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    RawRows,
    amount_of,
    check_rows,
    instant_of,
    price_of,
    table_of,
)
from optix.adapters.market_data.streaming import Event, MalformedFrame, Tick
from optix.kernel import opra
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_ns
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import Bar

SOURCE = "tradier"
MILLISECOND = 1_000_000

_COLUMNS = {
    "bid": "bid",
    "ask": "ask",
    "bidsize": "bid_size",
    "asksize": "ask_size",
    "last": "last",
    "prevclose": "previous_close",
    "volume": "volume",
    "open_interest": "open_interest",
}
_GREEKS = {
    "mid_iv": "vendor_iv",
    "delta": "vendor_delta",
    "gamma": "vendor_gamma",
    "theta": "vendor_theta",
    "vega": "vendor_vega",
    "rho": "vendor_rho",
}
_KINDS = {"stock": SecurityKind.STOCK, "etf": SecurityKind.ETF, "index": SecurityKind.INDEX}
_log = structlog.get_logger(__name__)
_told: set[str] = set()


def vendor_symbol(symbol: str) -> str:
    """Return the name that Tradier gives a security or a contract."""
    return symbol.replace(".", "/")


def own_symbol(name: object) -> str:
    """Return our spelling of a name of Tradier. Raises MalformedFrame."""
    if not isinstance(name, str):
        raise MalformedFrame("a message without a symbol")
    try:
        return parse_option(name).key
    except MalformedContract:
        pass
    try:
        return parse_symbol(name)
    except MalformedSymbol as error:
        raise MalformedFrame(f"a symbol that is none: {name[:32]!r}") from error


def translate_listing(underlying: str, roots: Sequence[Any]) -> list[OptionContract]:
    """Return the contracts of a lookup, those of other underlyings left out."""
    contracts: dict[OptionContract, None] = {}
    for root in roots:
        names = root.get("options") if isinstance(root, dict) else None
        for name in names if isinstance(names, list) else [names]:
            try:
                contract = parse_option(name)  # type: ignore[arg-type]  # refuses what is no text
            except MalformedContract:
                _tell_once("a listed contract that cannot be read")
                continue
            if underlying_of(contract.root) == underlying:
                contracts[contract] = None
    return list(contracts)


def translate_chain(
    underlying: str,
    options: Sequence[Any],
    *,
    received_ns: int,
    quality: Quality,
    spot: Quote | None,
) -> ChainTable:
    """Return one whole expiration."""
    rows: list[Mapping[str, Any]] = [row if isinstance(row, dict) else {} for row in options]
    greeks = [_greeks(row) for row in rows]
    columns: dict[str, Sequence[object]] = {
        ours: [_number(row.get(theirs)) for row in rows] for theirs, ours in _COLUMNS.items()
    }
    columns |= {
        ours: [_number(given.get(theirs)) for given in greeks] for theirs, ours in _GREEKS.items()
    }
    instants = [
        max(_instant(row.get(key), received_ns) for key in ("bid_date", "ask_date")) for row in rows
    ]
    checked = check_rows(
        underlying,
        RawRows(
            contracts=[row.get("symbol") for row in rows],
            columns=columns,
            describe=lambda position: repr(options[position]),
        ),
    )
    return table_of(
        underlying,
        checked,
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=max(instants, default=0) or received_ns,
        ts_received=received_ns,
        spot=spot,
    )


def translate_quotes(
    rows: Sequence[Any], *, received_ns: int, quality: Quality
) -> dict[str, Quote]:
    """Return the quotes of securities by our symbol. What is no quote of one is left out."""
    quotes = {}
    for row in rows:
        if not isinstance(row, dict) or row.get("type") == "option":
            continue
        try:
            symbol = own_symbol(row.get("symbol"))
        except MalformedFrame:
            continue
        quotes[symbol] = _quote(symbol, row, received_ns, quality)
    return quotes


def translate_days(rows: Sequence[Any]) -> list[Bar]:
    """Return bars of days or weeks, ascending. What is no bar is left out."""
    return _bars(rows, _midnight)


def translate_minutes(rows: Sequence[Any]) -> list[Bar]:
    """Return bars of minutes, ascending. What is no bar is left out."""
    return _bars(rows, _wall_clock)


def translate_quote(message: Mapping[str, Any], received_ns: int) -> Tick:
    """Return a quote of the stream. Raises MalformedFrame."""
    fields = {
        "bid": amount_of(_number(message.get("bid"))),
        "ask": amount_of(_number(message.get("ask"))),
        "bid_size": amount_of(_number(message.get("bidsz")), COUNT_MAX),
        "ask_size": amount_of(_number(message.get("asksz")), COUNT_MAX),
    }
    if isnan(fields["bid"]) and isnan(fields["ask"]):
        raise MalformedFrame("a quote without prices")
    instant = max(_instant(message.get(key), received_ns) for key in ("biddate", "askdate"))
    return Tick(own_symbol(message.get("symbol")), instant, fields)


def translate_last(message: Mapping[str, Any], received_ns: int) -> Tick:
    """Return what a trade message changes: the last price and the day's volume."""
    last = price_of(_number(message.get("last") or message.get("price")))
    if isnan(last):
        raise MalformedFrame("a trade without a price")
    volume = amount_of(_number(message.get("cvol")), 1e12)
    fields = {"last": last} if isnan(volume) else {"last": last, "volume": volume}
    instant = _instant(message.get("date"), received_ns)
    return Tick(own_symbol(message.get("symbol")), instant, fields, "trade")


def translate_summary(message: Mapping[str, Any]) -> Tick:
    """Return what a summary says of the day. It carries no time."""
    names = {"open": "open", "high": "high", "low": "low", "prevClose": "previous_close"}
    given = {ours: price_of(_number(message.get(theirs))) for theirs, ours in names.items()}
    fields = {name: value for name, value in given.items() if not isnan(value)}
    return Tick(own_symbol(message.get("symbol")), 0, fields, "summary")


def translate_print(
    message: Mapping[str, Any], received_ns: int, *, quality: Quality
) -> Sequence[Event]:
    """Return a print of time and sales, with the best quotes it was made at."""
    price = price_of(_number(message.get("last")))
    size = amount_of(_number(message.get("size")), COUNT_MAX)
    if isnan(price) or isnan(size):
        raise MalformedFrame("a print without a price or a size")
    sequence = amount_of(_number(message.get("seq")), 2.0**62)
    number = 0 if isnan(sequence) else int(sequence)
    action = _action(message)
    venue = message.get("exch")
    trade = Trade(
        symbol=own_symbol(message.get("symbol")),
        price=price,
        size=size,
        exchange=venue if isinstance(venue, str) else "",
        conditions=_conditions(message.get("flag")),
        sequence=number,
        action=action,
        refers_to=0 if action is TradeAction.NEW else number,
        bid=amount_of(_number(message.get("bid"))),
        ask=amount_of(_number(message.get("ask"))),
        source=SOURCE,
        quality=quality,
        ts_event=_instant(message.get("date"), received_ns) or received_ns,
        ts_received=received_ns,
    )
    return [trade]


def _action(message: Mapping[str, Any]) -> TradeAction:
    if _is_true(message.get("cancel")):
        return TradeAction.CANCEL
    return TradeAction.CORRECTION if _is_true(message.get("correction")) else TradeAction.NEW


def _conditions(flag: object) -> str:
    """Return OPRA's letter of a flag. Other words are told once and left out."""
    text = flag.strip() if isinstance(flag, str) else ""
    if not text or text in opra.CONDITIONS:
        return text
    _tell_once(f"flag {text[:16]!r} of a print")
    return ""


def _is_true(value: object) -> bool:
    return value is True or value == "true"


def _quote(symbol: str, row: Mapping[str, Any], received_ns: int, quality: Quality) -> Quote:
    kind = _KINDS.get(str(row.get("type")), kind_of(symbol))
    bid, ask = amount_of(_number(row.get("bid"))), amount_of(_number(row.get("ask")))
    if not bid > 0 and not ask > 0:
        bid = ask = nan
    keys = ("bid_date", "ask_date", "trade_date")
    instant = max(_instant(row.get(key), received_ns) for key in keys)
    return Quote(
        symbol=symbol,
        kind=kind,
        bid=bid,
        ask=ask,
        bid_size=amount_of(_number(row.get("bidsize")), COUNT_MAX),
        ask_size=amount_of(_number(row.get("asksize")), COUNT_MAX),
        last=price_of(_number(row.get("last"))),
        open=price_of(_number(row.get("open"))),
        high=price_of(_number(row.get("high"))),
        low=price_of(_number(row.get("low"))),
        previous_close=price_of(_number(row.get("prevclose"))),
        # An index does not trade; its zero is no volume.
        volume=nan if kind is SecurityKind.INDEX else amount_of(_number(row.get("volume")), 1e12),
        source=SOURCE,
        quality=quality,
        ts_event=instant or received_ns,
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def _greeks(row: Mapping[str, Any]) -> Mapping[str, Any]:
    given = row.get("greeks")
    if not isinstance(given, dict):
        return {}
    return {**given, "rho": None} if row.get("option_type") == "put" else given


def _number(value: object) -> object:
    """Return a number that came as one or as a text; anything else as it is, to be refused."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return None if value in {"", "null", "NaN"} else value


def _instant(value: object, received_ns: int) -> int:
    number = int(value) if isinstance(value, str) and value.isdigit() else value
    return instant_of(number, MILLISECOND, received_ns=received_ns)


def _bars(rows: Sequence[Any], start_of: Any) -> list[Bar]:
    bars: dict[int, Bar] = {}
    for row in rows:
        start = start_of(row) if isinstance(row, dict) else None
        if start is None:
            continue
        prices = [price_of(_number(row.get(name))) for name in ("open", "high", "low", "close")]
        if not any(map(isnan, prices)):
            instant = to_ns(start)
            bars[instant] = Bar(
                ts_event=instant,
                open=prices[0],
                high=max(prices),
                low=min(prices),
                close=prices[3],
                volume=amount_of(_number(row.get("volume")), 1e12),
            )
    return [bars[instant] for instant in sorted(bars)]


def _midnight(row: Mapping[str, Any]) -> datetime | None:
    try:
        day = date.fromisoformat(str(row.get("date")))
    except ValueError:
        return None
    return datetime.combine(day, time(), tzinfo=NEW_YORK)


def _wall_clock(row: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(row.get("time"))).replace(tzinfo=NEW_YORK)
    except ValueError:
        return None


def _tell_once(words: str) -> None:
    if words not in _told:
        _told.add(words)
        _log.warning("tradier_unknown", what=words)
