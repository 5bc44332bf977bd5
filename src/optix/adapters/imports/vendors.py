"""Answers of Alpaca's and Polygon's interfaces, saved as JSON.

Alpaca's times have nanoseconds with their zeros cut; its answers hold only symbols with data. It
does not say in the answer which feed it asked; where the request is saved beside it and asks for
the indicative feed, the quotes carry that flag. Polygon counts nanoseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.codes import (
    POLYGON_CONDITIONS,
    POLYGON_EXCHANGES,
    UNKNOWN,
    letters,
)
from optix.adapters.imports.json_text import (
    as_raw,
    load_json,
    member,
    names_of,
    objects,
    shown,
    with_integers,
)
from optix.adapters.imports.prints import trade_batch
from optix.adapters.imports.quotes import option_batch, security_batch
from optix.adapters.imports.records import Raw, at, not_numbers, number
from optix.adapters.imports.securities import bar_batch, whole_rejected
from optix.kernel.quote import Quality, QuoteFlag
from optix.ports.history import DatasetName, ImportBatch

ALPACA: Final = "alpaca"
INDICATIVE: Final = "alpaca_indicative"  # made from quotes by the vendor: not the same numbers
POLYGON: Final = "polygon"
_GREEKS: Final = ("delta", "gamma", "theta", "vega", "rho")
_ALPACA_KEYS: Final = frozenset(("snapshots", "quotes", "trades", "trade", "quote", "bars"))
_ALPACA_BARS: Final = {"1Min": "1m", "5Min": "5m", "30Min": "30m", "1Hour": "1h", "1Day": "1d"}


class AlpacaAnswer:
    """Snapshots, latest quotes and trades, trades and bars; an answer may be without any."""

    name = "alpaca_json"
    label = "Alpaca option data (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, third = names_of(head)
        if {"request_url_template", "response"} <= top:
            return b"alpaca.markets" in head and bool(_ALPACA_KEYS & second)
        return bool(_ALPACA_KEYS & top) and bool({"latestQuote", "latestTrade", "t"} & third)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        asked = str(member(document, "request_url_template") or "")
        answer = member(document, "response") if asked else document
        source = INDICATIVE if "feed=indicative" in asked else ALPACA
        snapshots = _by_symbol(member(answer, "snapshots"))
        if snapshots:
            yield _alpaca_quotes(snapshots, "latestQuote.", source)
            traded = [row for row in snapshots if member(row, "latestTrade") is not None]
            if traded:
                yield _alpaca_trades(traded, "latestTrade.")
        for name in ("quotes", "quote"):
            if quotes := _by_symbol(member(answer, name)):
                yield _alpaca_quotes(quotes, "", source)
        for name in ("trades", "trade"):
            if trades := _by_symbol(member(answer, name)):
                yield _alpaca_trades(trades, "")
        if bars := _by_symbol(member(answer, "bars")):
            yield _alpaca_bars(bars, asked)


def _by_symbol(answer: object) -> list[Any]:
    """Return what stands under each symbol, one object or a list of them, with its symbol."""
    if not isinstance(answer, dict):
        return []
    return [
        {**row, "symbol": symbol} if isinstance(row, dict) else row
        for symbol, rows in answer.items()
        for row in objects(rows)
    ]


def _alpaca_quotes(rows: list[Any], at_: str, source: str) -> ImportBatch:
    numbers = {
        "bid": f"{at_}bp",
        "ask": f"{at_}ap",
        "bid_size": f"{at_}bs",
        "ask_size": f"{at_}as",
        "last": "latestTrade.p",
    }
    vendor = {
        "vendor_iv": "impliedVolatility",
        **{f"vendor_{greek}": f"greeks.{greek}" for greek in _GREEKS},
    }
    raw = as_raw(
        rows, texts=["symbol", f"{at_}t"], numbers=numbers.values(), analytics=vendor.values()
    )
    return option_batch(
        raw,
        {
            "ts_event": times.instant_with_offset(at(f"{at_}t")),
            **contracts.of_symbol(at("symbol")),
            **{ours: number(theirs) for ours, theirs in (numbers | vendor).items()},
        },
        source=source,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
        flags=QuoteFlag.INDICATIVE if source == INDICATIVE else QuoteFlag.NONE,
    )


def _alpaca_trades(rows: list[Any], at_: str) -> ImportBatch:
    texts = ["symbol", f"{at_}t", f"{at_}x", f"{at_}c"]
    raw = as_raw(rows, texts=texts, numbers=[f"{at_}p", f"{at_}s"])
    return trade_batch(
        raw,
        {
            "ts_event": times.instant_with_offset(at(f"{at_}t")),
            **contracts.of_symbol(at("symbol")),
            "price": number(f"{at_}p"),
            "size": number(f"{at_}s"),
            "exchange": at(f"{at_}x"),
            "conditions": at(f"{at_}c").str.strip_chars(),
        },
        source=ALPACA,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
    )


def _alpaca_bars(rows: list[Any], asked: str) -> ImportBatch:
    interval = next(
        (ours for word, ours in _ALPACA_BARS.items() if f"timeframe={word}" in asked), ""
    )
    if not interval:
        reason = "Neither the answer nor its request says how long a bar is."
        bad = [shown(row) for row in rows]
        return whole_rejected(DatasetName.BARS, "no_interval", reason, bad)
    raw = as_raw(rows, texts=["symbol", "t"], numbers=["o", "h", "l", "c", "v", "n", "vw"])
    frame = raw.frame.with_columns(**contracts.of_symbol(at("symbol")))
    return bar_batch(
        Raw(frame, raw.describe, raw.rejected),
        {
            "ts_event": times.instant_with_offset(at("t")),
            "underlying": contracts.underlying_column(),
            "symbol": pl.when(~contracts.malformed().when).then(contracts.occ_symbol()),
            "open": number("o"),
            "high": number("h"),
            "low": number("l"),
            "close": number("c"),
            "volume": number("v"),
            "vwap": number("vw"),
            "trades": number("n").cast(pl.Int64, strict=False),
        },
        interval=interval,
        source=ALPACA,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
    )


class PolygonSnapshots:
    """Snapshots of contracts and stocks; an entry may be an error instead."""

    name = "polygon_snapshots"
    label = "Polygon snapshots (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, _ = names_of(head)
        return {"request_id", "results"} <= top and bool(
            {"details", "last_quote", "error"} & second
        )

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        rows = objects(member(load_json(path), "results"))
        lost = [row for row in rows if member(row, "error") is not None]
        stocks = [row for row in rows if member(row, "type") not in {None, "options"}]
        options = [row for row in rows if row not in lost and row not in stocks]
        if lost:
            reason = "The vendor answered for this symbol with an error."
            bad = [shown(row) for row in lost]
            yield whole_rejected(DatasetName.OPTION_QUOTES, "vendor_error", reason, bad)
        if stocks:
            yield _polygon_stocks(stocks)
        if options:
            yield _polygon_options(options)
            traded = [row for row in options if member(row, "last_trade") is not None]
            if traded:
                yield _polygon_trades(traded)


class PolygonContracts:
    """The list of contracts, which does not say on which day it was asked."""

    name = "polygon_contracts"
    label = "Polygon contracts (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, _ = names_of(head)
        return "results" in top and {"cfi", "underlying_ticker"} <= second

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        rows = objects(member(load_json(path), "results"))
        if rows:
            reason = "The list does not say on which day it was asked."
            bad = [shown(row) for row in rows]
            yield whole_rejected(DatasetName.CONTRACTS, "undated", reason, bad)


def _ticker() -> pl.Expr:
    return pl.coalesce(at("details.ticker"), at("ticker"))


def _polygon_options(rows: list[Any]) -> ImportBatch:
    numbers = {
        "bid": "last_quote.bid",
        "ask": "last_quote.ask",
        "bid_size": "last_quote.bid_size",
        "ask_size": "last_quote.ask_size",
        "last": "last_trade.price",
        "previous_close": "day.previous_close",
        "volume": "day.volume",
        "open_interest": "open_interest",
        "spot": "underlying_asset.price",
    }
    vendor = {
        "vendor_iv": "implied_volatility",
        "vendor_price": "fmv",
        **{f"vendor_{greek}": f"greeks.{greek}" for greek in ("delta", "gamma", "theta", "vega")},
    }
    raw = as_raw(
        rows,
        texts=["details.ticker", "ticker", "underlying_asset.ticker"],
        numbers=numbers.values(),
        analytics=vendor.values(),
    )
    raw = with_integers(raw, rows, ["last_quote.last_updated"])
    return option_batch(
        raw,
        {
            "ts_event": times.epoch_instant(at("last_quote.last_updated"), "ns"),
            **contracts.of_symbol(_ticker()),
            **{ours: number(theirs) for ours, theirs in (numbers | vendor).items()},
        },
        source=POLYGON,
        quality=Quality.DELAYED,
        faults=[
            contracts.other_underlying(contracts.canonical(at("underlying_asset.ticker"))),
            not_numbers(raw, ()),
        ],
    )


def _polygon_trades(rows: list[Any]) -> ImportBatch:
    # Of several conditions the first names how it was met; the others repeat what it implies.
    rows = [{**row, "first": _first(member(row, "last_trade", "conditions"))} for row in rows]
    raw = as_raw(
        rows,
        texts=["details.ticker", "ticker"],
        numbers=["last_trade.price", "last_trade.size"],
    )
    raw = with_integers(raw, rows, ["last_trade.sip_timestamp", "last_trade.exchange", "first"])
    return trade_batch(
        raw,
        {
            "ts_event": times.epoch_instant(at("last_trade.sip_timestamp"), "ns"),
            **contracts.of_symbol(_ticker()),
            "price": number("last_trade.price"),
            "size": number("last_trade.size"),
            "exchange": letters(at("last_trade.exchange"), POLYGON_EXCHANGES, None),
            "conditions": letters(at("first"), POLYGON_CONDITIONS, UNKNOWN),
        },
        source=POLYGON,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
    )


def _first(conditions: object) -> object:
    return conditions[0] if isinstance(conditions, list) and conditions else None


def _polygon_stocks(rows: list[Any]) -> ImportBatch:
    numbers = {
        "bid": "last_quote.bid",
        "ask": "last_quote.ask",
        "bid_size": "last_quote.bid_size",
        "ask_size": "last_quote.ask_size",
        "last": "last_trade.price",
        "open": "session.open",
        "high": "session.high",
        "low": "session.low",
        "previous_close": "session.previous_close",
        "volume": "session.volume",
    }
    raw = as_raw(rows, texts=["ticker"], numbers=numbers.values())
    raw = with_integers(raw, rows, ["last_quote.last_updated"])
    return security_batch(
        raw,
        {
            "ts_event": times.epoch_instant(at("last_quote.last_updated"), "ns"),
            "symbol": contracts.canonical(at("ticker")),
            **{ours: number(theirs) for ours, theirs in numbers.items()},
        },
        source=POLYGON,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
    )
