"""Yahoo's option chains: frames of its reader, wire documents, and two archives made of them.

Bid and ask are absent where nobody quotes and zero outside regular hours; volume and open interest
are absent for none. Yahoo's implied volatility comes from its own solver: where both sides are zero
it is only that solver's starting point, so it is not kept. A frame does not say when it was taken;
the latest trade in it does, to within the minutes in which nothing traded.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.json_text import amount, as_raw, load_json, member, names_of, objects
from optix.adapters.imports.quotes import option_batch, security_batch
from optix.adapters.imports.records import Fault, Raw, at, missing, not_numbers, number
from optix.adapters.imports.securities import quote_batch
from optix.kernel import limits
from optix.kernel.quote import Quality, Quote
from optix.kernel.symbols import kind_of
from optix.ports.history import ImportBatch, UnreadableFile

SOURCE: Final = "yahoo"
LACHJORY: Final = "yahoo_lachjory"
_FRAME: Final = frozenset(
    ("contractSymbol", "lastTradeDate", "strike", "lastPrice", "bid", "ask", "impliedVolatility")
)
_NUMBERS: Final = {
    "bid": "bid",
    "ask": "ask",
    "last": "lastPrice",
    "volume": "volume",
    "open_interest": "openInterest",
}
_FRAME_NUMBERS: Final = (*_NUMBERS.values(), "strike", "impliedVolatility")
_PARQUET: Final = b"PAR1"


class YahooFrame:
    """What the usual reader of Yahoo gives, written as CSV or Parquet."""

    name = "yahoo_frame"
    label = "Yahoo option frame (CSV or Parquet)"

    def recognises(self, path: Path, head: bytes) -> bool:
        if head.startswith(_PARQUET):
            return _parquet_columns(path) >= _FRAME
        return frozenset(header_of(head)) >= _FRAME and "session" not in header_of(head)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = _frame(path)
        yield _frame_batch(raw, _latest_trade(raw), SOURCE, pl.lit(None, dtype=pl.Float64))


class LachjoryFrame:
    """An archive of such frames with the session they were made for and its closing price."""

    name = "lachjory_csv"
    label = "Lachjory's Yahoo archive (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        names = frozenset(header_of(head))
        return names >= _FRAME and {"session", "spot"} <= names

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        needed = [*_FRAME, "volume", "openInterest", "session", "spot"]
        raw = read_table(path, read_whole(path), needed, _FRAME_NUMBERS)
        taken = _latest_trade(raw)
        # Taken on a later day than its session, the price beside it is not of the same instant.
        same_day = times.exchange_date(pl.lit(taken, dtype=pl.Int64)) == times.day_of(at("session"))
        yield _frame_batch(raw, taken, LACHJORY, pl.when(same_day).then(number("spot")))


class LachjoryRun:
    """What that archive says of one run: the price of each underlying when it was taken."""

    name = "lachjory_run"
    label = "Lachjory's Yahoo archive (run)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return {"utc", "session", "tickers"} <= names_of(head)[0]

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        document = load_json(path)
        rows = [
            {"symbol": name, **content} if isinstance(content, dict) else content
            for name, content in (member(document, "tickers") or {}).items()
        ]
        raw = as_raw(rows, texts=["symbol"], numbers=["spot_live"])
        taken = times.instant_with_offset(pl.lit(member(document, "utc"), dtype=pl.String))
        yield security_batch(
            raw,
            {
                "ts_event": taken,
                "symbol": contracts.canonical(at("symbol")),
                "last": number("spot_live"),
            },
            source=LACHJORY,
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, ()), missing("last")],
        )


class YahooDocument:
    """A wire document: the underlying's quote and the contracts of one expiration."""

    name = "yahoo_json"
    label = "Yahoo option chain (JSON)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its names
        return "optionChain" in names_of(head)[0]

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        for result in objects(member(load_json(path), "optionChain", "result")):
            quote = member(result, "quote")
            symbol = contracts.find_symbol(member(result, "underlyingSymbol"))
            moment = member(quote, "regularMarketTime")
            if symbol is None or not isinstance(moment, int):
                raise UnreadableFile(f"{path.name} has no symbol or no time of its quote.")
            taken = moment * times.SECOND
            yield quote_batch([_wire_quote(symbol, quote, taken)])
            rows = [
                row
                for block in objects(member(result, "options"))
                for side in ("calls", "puts")
                for row in objects(member(block, side))
            ]
            raw = as_raw(
                rows,
                texts=["contractSymbol"],
                numbers=[*_NUMBERS.values(), "strike"],
                analytics=["impliedVolatility"],
            )
            spot = pl.lit(amount(quote, "regularMarketPrice"), dtype=pl.Float64).fill_nan(None)
            yield _frame_batch(raw, taken, SOURCE, spot)


def _frame_batch(raw: Raw, taken: int | None, source: str, spot: pl.Expr) -> ImportBatch:
    quoted = (number("bid").fill_null(0) > 0) | (number("ask").fill_null(0) > 0)
    return option_batch(
        raw,
        {
            "ts_event": pl.lit(taken, dtype=pl.Int64),
            **contracts.of_symbol(at("contractSymbol")),
            **{ours: number(theirs) for ours, theirs in _NUMBERS.items()},
            "vendor_iv": pl.when(quoted).then(number("impliedVolatility")),
            "spot": spot,
        },
        source=source,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, _NUMBERS.values()), _other_strike()],
    )


def _latest_trade(raw: Raw) -> int | None:
    instants = raw.frame.select(last=times.instant_with_offset(at("lastTradeDate"))).to_series()
    latest = instants.max()
    return latest if isinstance(latest, int) else None


def _other_strike() -> Fault:
    milli = (number("strike") * 1000).round(0).cast(pl.Int64, strict=False)
    different = (milli != pl.col("strike_milli")).fill_null(value=True)
    reason = "The contract has not the strike that its row says."
    return Fault("inconsistent_row", reason, different)


def _frame(path: Path) -> Raw:
    body = read_whole(path)
    if not body.startswith(_PARQUET):
        return read_table(path, body, [*_FRAME, "volume", "openInterest"], _FRAME_NUMBERS)
    try:
        rows = parquet.ParquetFile(io.BytesIO(body)).metadata.num_rows
        if rows > limits.IMPORT_FRAME_ROWS_MAX:
            raise UnreadableFile(f"{path.name} has more than {limits.IMPORT_FRAME_ROWS_MAX} rows.")
        frame = pl.read_parquet(io.BytesIO(body))
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path.name} is no whole Parquet file.") from error
    if not frame.columns or _FRAME - frozenset(frame.columns):
        raise UnreadableFile(f"{path.name} has lost columns of a Yahoo frame.")
    # As text, so that one way of reading serves both; a time keeps its offset.
    dated = frame.with_columns(
        pl.col("lastTradeDate")
        .dt.convert_time_zone(times.UTC)
        .dt.strftime("%Y-%m-%d %H:%M:%S+00:00")
        if isinstance(frame.schema["lastTradeDate"], pl.Datetime)
        else pl.col("lastTradeDate").cast(pl.String)
    )
    texts = dated.select(
        pl.col(name).cast(pl.String, strict=False).alias(f"@{name}") for name in _texts(dated)
    )
    return Raw(texts, lambda place: ",".join(str(value) for value in frame.row(place)))


def _texts(frame: pl.DataFrame) -> list[str]:
    return [name for name in (*_FRAME, "volume", "openInterest") if name in frame.columns]


def _parquet_columns(path: Path) -> frozenset[str]:
    try:
        return frozenset(pl.read_parquet_schema(io.BytesIO(read_whole(path))))
    except (pl.exceptions.PolarsError, OSError, UnreadableFile):
        return frozenset()


def _wire_quote(symbol: str, quote: Mapping[str, object], taken: int) -> Quote:
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        bid=amount(quote, "bid"),
        ask=amount(quote, "ask"),
        bid_size=amount(quote, "bidSize"),
        ask_size=amount(quote, "askSize"),
        last=amount(quote, "regularMarketPrice"),
        open=amount(quote, "regularMarketOpen"),
        high=amount(quote, "regularMarketDayHigh"),
        low=amount(quote, "regularMarketDayLow"),
        previous_close=amount(quote, "regularMarketPreviousClose"),
        volume=amount(quote, "regularMarketVolume"),
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=taken,
        ts_received=taken,
    )
