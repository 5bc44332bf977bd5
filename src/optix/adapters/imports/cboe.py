"""Cboe's delayed quotes: the JSON document of an underlying, and the CSV twin of its page.

A document is published 15 minutes after its numbers were true, and on a holiday it repeats the
session before; `cboe.times` says how both are told. A line of the CSV holds a call and a put: two
records. Option IVs are fractions, Greeks have the conventions of `kernel.chain` already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts
from optix.adapters.imports.csv_text import fields_of, first_lines, read_rows
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.json_text import as_raw, names_of
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import Fault, Raw, at, not_numbers, number
from optix.adapters.imports.securities import quote_batch
from optix.adapters.market_data.cboe import quotedata, translate, wire
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quality
from optix.ports.history import ImportBatch, UnreadableFile

SOURCE: Final = "cboe"
_NUMBERS: Final = {
    "bid": "bid",
    "ask": "ask",
    "bid_size": "bid_size",
    "ask_size": "ask_size",
    "last": "last_trade_price",
    "previous_close": "prev_day_close",
    "volume": "volume",
    "open_interest": "open_interest",
}
_ANALYTICS: Final = {
    "vendor_iv": "iv",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
    "vendor_theta": "theta",
    "vendor_vega": "vega",
    "vendor_rho": "rho",
    "vendor_price": "theo",
}
# One side of a line of the table. `expiration` and `strike` stand once for both.
_SIDE: Final = {
    "last": "last",
    "bid": "bid",
    "ask": "ask",
    "volume": "volume",
    "open_interest": "interest",
    "vendor_iv": "iv",
    "vendor_delta": "delta",
    "vendor_gamma": "gamma",
}
_NAMES: Final = (
    "symbol",
    "last",
    "net",
    "bid",
    "ask",
    "volume",
    "iv",
    "delta",
    "gamma",
    "interest",
)
_LINE: Final = (
    "expiration",
    *(f"call.{name}" for name in _NAMES),
    "strike",
    *(f"put.{name}" for name in _NAMES),
)


class CboeDocument:
    """One document: a header quote and every contract of the underlying."""

    name = "cboe_json"
    label = "Cboe delayed quotes (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its content
        top, second, third = names_of(head)
        return {"timestamp", "data"} <= top and "options" in second and "option" in third

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        try:
            document = wire.read_options(body)
            quote, _ = translate.translate_header(document, fetched_ns=None)
        except OptixError as error:
            raise UnreadableFile(f"{path.name}: {error.detail}") from error
        raw = as_raw(
            document.options,
            texts=["option"],
            numbers=_NUMBERS.values(),
            analytics=_ANALYTICS.values(),
        )
        yield quote_batch([quote])
        yield option_batch(
            raw,
            {
                "ts_event": pl.lit(quote.ts_event),
                **contracts.of_symbol(at("option")),
                **{ours: number(theirs) for ours, theirs in (_NUMBERS | _ANALYTICS).items()},
                "spot": pl.lit(quote.last).fill_nan(None),
            },
            source=SOURCE,
            quality=Quality.DELAYED,
            faults=[
                contracts.other_underlying(pl.lit(quote.symbol)),
                not_numbers(raw, ()),
                _no_quote(number("bid"), number("ask")),
            ],
        )


class CboeQuoteTable:
    """quotedata.csv: a preamble with the underlying's quote, then one line for each strike."""

    name = "cboe_csv"
    label = "Cboe quote table (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its content
        lines = first_lines(head, 3)
        return len(lines) == 3 and fields_of(lines[2]) == quotedata.HEADER

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        lines = first_lines(body, 3)
        if len(lines) < 3 or fields_of(lines[2]) != quotedata.HEADER:
            raise UnreadableFile(f"{path.name} has not the first lines of a quote table.")
        start = body.index(b"\n", body.index(b"Expiration Date,Calls,")) + 1
        rows = read_rows(body[start:], _LINE)
        raw = _both_sides(rows)
        columns = {
            **contracts.of_symbol(at("symbol")),
            **{ours: number(theirs) for ours, theirs in _SIDE.items()},
        }
        # The file names its underlying in words only; the roots of its contracts say the symbol.
        roots = raw.frame.select(**contracts.of_symbol(at("symbol"))).filter(
            pl.col("root").is_not_null()
        )
        if roots.is_empty():
            raise UnreadableFile(f"{path.name} has no contract that can be read.")
        underlying = str(roots.select(contracts.underlying_column().mode().first()).item())
        data = quotedata.QuoteData(lines[0], lines[1], [])
        try:
            quote = quotedata.translate_preamble(underlying, data)
        except OptixError as error:
            raise UnreadableFile(f"{path.name}: {error.detail}") from error
        yield quote_batch([quote])
        yield option_batch(
            raw,
            {
                "ts_event": pl.lit(quote.ts_event),
                **columns,
                "previous_close": _previous_close(),
                "spot": pl.lit(quote.last).fill_nan(None),
            },
            source=SOURCE,
            quality=Quality.DELAYED,
            faults=[
                _inconsistent(),
                contracts.other_underlying(pl.lit(underlying)),
                not_numbers(raw, ["last", "bid", "ask", "volume", "interest"]),
            ],
        )


def _both_sides(lines: Raw) -> Raw:
    """Return calls and puts one below the other: a line is two records."""
    shared = [at("expiration"), at("strike")]
    sides = [
        lines.frame.select(*shared, *(at(f"{side}.{name}").alias(f"@{name}") for name in _NAMES))
        for side in ("call", "put")
    ]
    frame = pl.concat(sides).with_columns(
        pl.exclude("@expiration", "@symbol").str.replace_all(",", "")
    )
    frame = frame.with_columns(
        pl.when(pl.exclude("@expiration", "@symbol") != "--").then(
            pl.exclude("@expiration", "@symbol")
        )
    )
    height = max(lines.frame.height, 1)
    doubled = [replace(entry, count=2 * entry.count) for entry in lines.rejected]
    return Raw(frame, lambda place: lines.describe(place % height), doubled)


def _previous_close() -> pl.Expr:
    # A net change of zero stands for "not traded today" as well as for "unchanged": no close then.
    close = (number("last") - number("net")).round(4)
    return pl.when((number("net") != 0) & (close > 0)).then(close)


def _inconsistent() -> Fault:
    stated = at("expiration").str.to_date("%a %b %d %Y", strict=False)
    milli = (number("strike") * 1000).round(0).cast(pl.Int64, strict=False)
    agrees = (stated == pl.col("expiration")) & (milli == pl.col("strike_milli"))
    return Fault(
        "inconsistent_row",
        "The contract has not the expiration and the strike that its line says.",
        ~agrees.fill_null(value=False),
    )


def _no_quote(bid: pl.Expr, ask: pl.Expr) -> Fault:
    return Fault("missing_field", "It has no bid or no ask.", bid.is_null() | ask.is_null())
