"""Answers of Schwab's and Tradier's interfaces, saved as JSON.

Schwab's volatility is in percent, -999 and "NaN" are its words for none, its quote time is epoch
milliseconds. Tradier's lists collapse to one object, its dates are epoch milliseconds, and its
Greeks are another vendor's, an hour old at most. Answers that do not say when they were true
(movers) or of what they are (a bare list of dates) are rejected with that reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.json_text import (
    amount,
    as_raw,
    load_json,
    member,
    names_of,
    objects,
    shown,
    with_integers,
)
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import at, not_numbers, number
from optix.adapters.imports.securities import code_batch, whole_rejected
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, ImportBatch

SCHWAB: Final = "schwab"
TRADIER: Final = "tradier"
_GREEKS: Final = ("delta", "gamma", "theta", "vega", "rho")
_CHAIN: Final = {
    "bid": "bid",
    "ask": "ask",
    "bid_size": "bidSize",
    "ask_size": "askSize",
    "last": "last",
    "previous_close": "closePrice",
    "volume": "totalVolume",
    "open_interest": "openInterest",
}
_CHAIN_VENDOR: Final = {
    "vendor_iv": "volatility",
    "vendor_price": "theoreticalOptionValue",
    **{f"vendor_{greek}": greek for greek in _GREEKS},
}
_QUOTE: Final = {
    "bid": "quote.bidPrice",
    "ask": "quote.askPrice",
    "bid_size": "quote.bidSize",
    "ask_size": "quote.askSize",
    "last": "quote.lastPrice",
    "previous_close": "quote.closePrice",
    "volume": "quote.totalVolume",
    "open_interest": "quote.openInterest",
    "spot": "quote.underlyingPrice",
}
_QUOTE_VENDOR: Final = {
    "vendor_iv": "quote.volatility",
    "vendor_price": "quote.theoreticalOptionValue",
    **{f"vendor_{greek}": f"quote.{greek}" for greek in _GREEKS},
}
_TRADIER: Final = {
    "bid": "bid",
    "ask": "ask",
    "bid_size": "bidsize",
    "ask_size": "asksize",
    "last": "last",
    "previous_close": "prevclose",
    "volume": "volume",
    "open_interest": "open_interest",
}
_TRADIER_VENDOR: Final = {
    "vendor_iv": "greeks.smv_vol",
    **{f"vendor_{greek}": f"greeks.{greek}" for greek in _GREEKS},
}
_SENTINEL: Final = -999.0


class SchwabChain:
    name = "schwab_chain"
    label = "Schwab option chain (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return bool({"callExpDateMap", "putExpDateMap"} & names_of(head)[0])

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        rows = [
            row
            for side in ("callExpDateMap", "putExpDateMap")
            for strikes in (member(document, side) or {}).values()
            # Several contracts share a strike where roots do: never the first one alone.
            for listed in (strikes.values() if isinstance(strikes, dict) else [strikes])
            for row in objects(listed)
        ]
        spot = amount(document, "underlyingPrice")
        columns = {"spot": pl.lit(spot).fill_nan(None)}
        yield _schwab_batch(rows, "quoteTimeInLong", _CHAIN, _CHAIN_VENDOR, columns)


class SchwabQuotes:
    name = "schwab_quotes"
    label = "Schwab option quotes (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        _, second, _ = names_of(head)
        return {"assetMainType", "quote", "reference"} <= second

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        quotes = list(document.values()) if isinstance(document, dict) else [document]
        options = [row for row in quotes if member(row, "assetMainType") == "OPTION"]
        others = [shown(row) for row in quotes if member(row, "assetMainType") != "OPTION"]
        if others:
            reason = "It is no quote of an option."
            yield whole_rejected(DatasetName.OPTION_QUOTES, "no_option", reason, others)
        yield _schwab_batch(options, "quote.quoteTime", _QUOTE, _QUOTE_VENDOR, {})


class SchwabLists:
    """Expirations and market hours become codes; movers have no time and are rejected."""

    name = "schwab_lists"
    label = "Schwab lists (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, _, third = names_of(head)
        return bool({"expirationList", "screeners"} & top) or {"marketType", "isOpen"} <= third

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        movers = objects(member(document, "screeners"))
        if movers:
            reason = "The list does not say when its prices were true."
            bad = [shown(row) for row in movers]
            yield whole_rejected(DatasetName.SECURITY_QUOTES, "undated", reason, bad)
            return
        expirations = objects(member(document, "expirationList"))
        if expirations:
            yield _expirations(expirations)
            return
        markets = document.values() if isinstance(document, dict) else []
        yield _hours([row for market in markets for row in _values(market)])


class TradierChain:
    name = "tradier_chain"
    label = "Tradier option chain (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, third = names_of(head)
        return (
            "options" in top and "option" in second and {"root_symbol", "symbol"} & third != set()
        )

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        rows = objects(member(load_json(path), "options", "option"))
        raw = as_raw(
            rows,
            texts=["symbol", "root_symbol"],
            numbers=_TRADIER.values(),
            analytics=_TRADIER_VENDOR.values(),
        )
        raw = with_integers(raw, rows, ["bid_date", "ask_date"])
        quoted = pl.max_horizontal(at("bid_date"), at("ask_date"))
        yield option_batch(
            raw,
            {
                "ts_event": times.epoch_instant(quoted, "ms"),
                **contracts.of_symbol(at("symbol")),
                **{ours: number(theirs) for ours, theirs in (_TRADIER | _TRADIER_VENDOR).items()},
            },
            source=TRADIER,
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, ())],
        )


class TradierExpirations:
    name = "tradier_expirations"
    label = "Tradier expirations (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        top, second, _ = names_of(head)
        return top == {"expirations"} and bool({"date", "expiration"} & second)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        listed = member(load_json(path), "expirations")
        rows = [*objects(member(listed, "date")), *objects(member(listed, "expiration"))]
        if rows:
            reason = "The list does not say of which symbol it is."
            bad = [shown(row) for row in rows]
            yield whole_rejected(DatasetName.CODES, "no_symbol", reason, bad)


def _schwab_batch(
    rows: list[Any],
    clock: str,
    numbers: dict[str, str],
    vendor: dict[str, str],
    columns: dict[str, pl.Expr],
) -> ImportBatch:
    raw = as_raw(rows, texts=["symbol"], numbers=numbers.values(), analytics=vendor.values())
    raw = with_integers(raw, rows, [clock])
    analytics = {ours: _none(number(theirs)) for ours, theirs in vendor.items()}
    analytics["vendor_iv"] = analytics["vendor_iv"] / 100
    return option_batch(
        raw,
        {
            "ts_event": times.epoch_instant(at(clock), "ms"),
            **contracts.of_symbol(at("symbol")),
            **{ours: number(theirs) for ours, theirs in numbers.items()},
            **analytics,
            **columns,
        },
        source=SCHWAB,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ())],
    )


def _none(value: pl.Expr) -> pl.Expr:
    return pl.when(value != _SENTINEL).then(value)


def _values(market: object) -> list[object]:
    return list(market.values()) if isinstance(market, dict) else [market]


def _expirations(expirations: list[Any]) -> ImportBatch:
    rows, bad = [], []
    for row in expirations:
        day, roots = member(row, "expirationDate"), member(row, "optionRoots")
        if not isinstance(day, str) or not isinstance(roots, str):
            bad.append(shown(row))
            continue
        settled = "am" if member(row, "settlementType") == "A" else "pm"
        kind = str(member(row, "expirationType") or "")
        told = f"{settled} settlement, {'standard' if member(row, 'standard') else 'adjusted'}"
        rows.append({"code": f"{roots} {day}", "name": kind, "description": told})
    return code_batch("expirations", rows, source=SCHWAB, bad=bad)


def _hours(markets: list[Any]) -> ImportBatch:
    rows, bad = [], []
    for row in markets:
        day, product = member(row, "date"), member(row, "product")
        if not isinstance(day, str) or not isinstance(product, str):
            bad.append(shown(row))
            continue
        name = "open" if member(row, "isOpen") is True else "closed"
        rows.append({"code": f"{product} {day}", "name": name})
    return code_batch("market_hours", rows, source=SCHWAB, bad=bad)
