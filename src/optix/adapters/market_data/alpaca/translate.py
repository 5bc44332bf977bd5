"""Alpaca's payloads into kernel values. Pure: no network, no clock.

At this door: symbols of contracts are OCC without padding, as ours; times are RFC 3339 with up to
nine digits of a second, or MessagePack timestamps, both UTC; IV is a fraction; delta, gamma, theta
per calendar day, vega and rho per point, as FORMULAS has them (a recorded row holds against
Black-Scholes). A contract that the vendor's solver gave up has no `greeks` at all, never zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from math import isnan, nan
from typing import Any

import msgpack
import structlog

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    RawRows,
    amount_of,
    check_rows,
    price_of,
    table_of,
)
from optix.adapters.market_data.streaming import Event, MalformedFrame, Tick
from optix.adapters.market_data.tables import expirations_of
from optix.kernel import opra
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_ns
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, QuoteFlag, quote_flags
from optix.kernel.roots import style_of, underlying_of
from optix.kernel.symbols import kind_of
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import Bar, Expiration

SOURCE = "alpaca"

_GREEKS = ("delta", "gamma", "theta", "vega", "rho")
_COLUMNS = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "last",
    "previous_close",
    "volume",
    "open_interest",
    "vendor_iv",
    *(f"vendor_{name}" for name in _GREEKS),
)
_NOTHING: Mapping[str, Any] = {}
_log = structlog.get_logger(__name__)
_told: set[str] = set()


def instant_of(value: object, received_ns: int) -> int:
    """Return an instant of Alpaca in nanoseconds, 0 where it is none. Never after `received_ns`."""
    if isinstance(value, msgpack.Timestamp):
        return min(int(value.to_unix_nano()), received_ns)
    if not isinstance(value, str):
        return 0
    whole, _, rest = value.partition(".")
    digits = rest.rstrip("Z") if rest else ""
    if not value.endswith("Z") or not (digits.isdigit() or not rest) or len(digits) > 9:
        return 0
    try:
        instant = datetime.fromisoformat(whole.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        return 0
    return min(to_ns(instant) + int(digits.ljust(9, "0") or 0), received_ns)


class Listing:
    """The contracts of one underlying as Alpaca's master lists them, with their open interest."""

    def __init__(self, underlying: str, rows: Sequence[Any]) -> None:
        self.underlying = underlying
        self.open_interest: dict[OptionContract, object] = {}
        self._styles: dict[str, str] = {}
        for row in rows:
            contract = _listed(row, underlying)
            if contract is not None:
                self.open_interest[contract] = _number(row.get("open_interest"))
                self._note_style(contract.root, row.get("style"))

    def contracts(self, expiration: date) -> list[OptionContract]:
        return [c for c in self.open_interest if c.expiration == expiration]

    def expirations(self) -> list[Expiration]:
        return expirations_of(self.open_interest)

    def _note_style(self, root: str, style: object) -> None:
        if isinstance(style, str) and style != style_of(root) and root not in self._styles:
            self._styles[root] = style
            _tell_once(f"style {style} of {root}")


def translate_chain(
    listing: Listing,
    expiration: date,
    snapshots: Mapping[str, Any],
    *,
    received_ns: int,
    quality: Quality,
    spot: Quote | None,
    flags: QuoteFlag = QuoteFlag.NONE,
) -> ChainTable:
    """Return one whole expiration: what is listed, with the data of those that have some."""
    listed = listing.contracts(expiration)
    keys = [contract.key for contract in listed]
    known = frozenset(keys)
    names: list[str] = keys + sorted(name for name in snapshots if name not in known)
    rows = [_snapshot(snapshots.get(name)) for name in names]
    interest: list[object] = [listing.open_interest[contract] for contract in listed]
    interest += [None] * (len(names) - len(listed))
    instants = [instant_of(_part(row, "latestQuote").get("t"), received_ns) for row in rows]
    today = new_york_date(max(instants, default=0) or received_ns)
    values = [
        _row(row, open_interest, today) for row, open_interest in zip(rows, interest, strict=True)
    ]
    checked = check_rows(
        listing.underlying,
        RawRows(
            contracts=[*listed, *names[len(listed) :]],
            columns={name: [value[name] for value in values] for name in _COLUMNS},
            describe=lambda position: f"{names[position]} {rows[position]!r}",
        ),
    )
    return table_of(
        listing.underlying,
        checked,
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=max(instants, default=0) or received_ns,
        ts_received=received_ns,
        spot=spot,
        flags=flags,
    )


def translate_stock(
    symbol: str, snapshot: Any, *, received_ns: int, quality: Quality, whole_market: bool
) -> Quote | None:
    """Return a stock's quote, None where the snapshot holds nothing.

    `whole_market` False is the tape of one exchange, whose volume is not the market's.
    """
    row = _snapshot(snapshot)
    quote, trade = _part(row, "latestQuote"), _part(row, "latestTrade")
    day, before = _part(row, "dailyBar"), _part(row, "prevDailyBar")
    instants = [instant_of(part.get("t"), received_ns) for part in (quote, trade)]
    if not max(instants):
        return None
    bid, ask = amount_of(quote.get("bp")), amount_of(quote.get("ap"))
    if not bid > 0 and not ask > 0:
        bid = ask = nan
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        bid=bid,
        ask=ask,
        bid_size=amount_of(quote.get("bs"), COUNT_MAX),
        ask_size=amount_of(quote.get("as"), COUNT_MAX),
        last=price_of(trade.get("p")),
        open=price_of(day.get("o")),
        high=price_of(day.get("h")),
        low=price_of(day.get("l")),
        previous_close=price_of(before.get("c")),
        volume=amount_of(day.get("v"), 1e12) if whole_market else nan,
        source=SOURCE,
        quality=quality,
        ts_event=max(instants),
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def translate_bars(rows: Sequence[Any], received_ns: int) -> list[Bar]:
    """Return bars, ascending. What is no bar is left out."""
    bars: dict[int, Bar] = {}
    for row in rows:
        start = instant_of(row.get("t"), received_ns) if isinstance(row, dict) else 0
        prices = [price_of(row.get(key)) for key in "ohlc"] if start else []
        if prices and not any(map(isnan, prices)):
            bars[start] = Bar(
                ts_event=start,
                open=prices[0],
                high=max(prices),
                low=min(prices),
                close=prices[3],
                volume=amount_of(row.get("v"), 1e12),
            )
    return [bars[start] for start in sorted(bars)]


def translate_quote(message: Mapping[str, Any], received_ns: int) -> Tick:
    """Return the quote of a stream. Raises MalformedFrame."""
    fields = {
        "bid": amount_of(message.get("bp")),
        "ask": amount_of(message.get("ap")),
        "bid_size": amount_of(message.get("bs"), COUNT_MAX),
        "ask_size": amount_of(message.get("as"), COUNT_MAX),
    }
    if isnan(fields["bid"]) and isnan(fields["ask"]):
        raise MalformedFrame("a quote without prices")
    return Tick(_contract(message), instant_of(message.get("t"), received_ns), fields)


def translate_trade(
    message: Mapping[str, Any], received_ns: int, *, quality: Quality
) -> Sequence[Event]:
    """Return the print of a stream, with the last price it sets, if it sets one."""
    price, size = price_of(message.get("p")), amount_of(message.get("s"), COUNT_MAX)
    if isnan(price) or isnan(size):
        raise MalformedFrame("a print without a price or a size")
    symbol = _contract(message)
    instant = instant_of(message.get("t"), received_ns)
    letters = message.get("c")
    conditions = letters.strip() if isinstance(letters, str) else ""
    venue = message.get("x")
    cancel = opra.is_cancel(conditions)
    trade = Trade(
        symbol=symbol,
        price=price,
        size=size,
        exchange=venue if isinstance(venue, str) else "",
        conditions=conditions,
        action=TradeAction.CANCEL if cancel else TradeAction.NEW,
        source=SOURCE,
        quality=quality,
        ts_event=instant or received_ns,
        ts_received=received_ns,
    )
    if not opra.may_set_last(conditions):
        return [trade]
    return [trade, Tick(symbol, instant, {"last": price}, "trade")]


def _row(row: Mapping[str, Any], open_interest: object, today: date) -> dict[str, object]:
    quote, trade = _part(row, "latestQuote"), _part(row, "latestTrade")
    greeks = _part(row, "greeks")
    volume, previous_close = _day(row, today)
    return {
        "bid": quote.get("bp"),
        "ask": quote.get("ap"),
        "bid_size": quote.get("bs"),
        "ask_size": quote.get("as"),
        "last": trade.get("p"),
        "previous_close": previous_close,
        "volume": volume,
        "open_interest": open_interest,
        "vendor_iv": row.get("impliedVolatility"),
        **{f"vendor_{name}": greeks.get(name) for name in _GREEKS},
    }


def _day(row: Mapping[str, Any], today: date) -> tuple[object, object]:
    """Return volume and previous close: a contract's daily bar is of the day it last traded."""
    bar = _part(row, "dailyBar")
    start = instant_of(bar.get("t"), 2**63 - 1)
    if not start:
        return None, None
    if new_york_date(start) < today:
        return 0, bar.get("c")
    return bar.get("v"), _part(row, "prevDailyBar").get("c")


def _listed(row: Any, underlying: str) -> OptionContract | None:
    try:
        contract = parse_option(row["symbol"])
    except (MalformedContract, KeyError, TypeError):
        _tell_once("a listed contract that cannot be read")
        return None
    return contract if underlying_of(contract.root) == underlying else None


def _number(value: object) -> object:
    """Return a number that Alpaca writes as a text."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _contract(message: Mapping[str, Any]) -> str:
    try:
        return parse_option(message["S"]).key
    except (KeyError, MalformedContract) as error:
        raise MalformedFrame("a message without a contract") from error


def _snapshot(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, dict) else _NOTHING


def _tell_once(words: str) -> None:
    if words not in _told:
        _told.add(words)
        _log.warning("alpaca_unknown", what=words)
