"""ThetaData's answers, as CSV and as it sends them: prints, quotes with Greeks, days.

What an answer is, its columns say. Strikes are dollars, stamps carry their offset. Vega and rho are
of 1.00 and become those of a point; an implied volatility that its own error calls unsolved is
blanked, and so are the Greeks of a day whose underlying is of more than a quarter of an hour later
(17:15 New York, when days are made). Greeks beside a print are of that instant and are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, thetadata_wire, times
from optix.adapters.imports.codes import (
    THETADATA_CONDITIONS,
    THETADATA_EXCHANGES,
    UNKNOWN,
    letters,
)
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.prints import trade_batch
from optix.adapters.imports.quotes import option_batch
from optix.adapters.imports.records import Raw, at, not_numbers, number
from optix.adapters.imports.securities import bar_batch, rejections, whole_rejected
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, ImportBatch, UnreadableFile

SOURCE: Final = "thetadata"
# The same print without the quote beside it: one must not take the place of the other.
BARE_PRINTS: Final = "thetadata_prints"
_CONTRACT: Final = frozenset(("symbol", "expiration", "strike", "right"))
_PRINT: Final = frozenset(("price", "size", "condition", "exchange", "sequence"))
_OHLC: Final = frozenset(("open", "high", "low", "close", "volume", "count"))
_SOLVED: Final = frozenset(("implied_vol", "iv_error", "underlying_timestamp", "underlying_price"))
_IV_ERROR_MAX: Final = 0.05
_LATE_NS: Final = 15 * 60 * times.SECOND


class ThetaDataTable:
    name = "thetadata_csv"
    label = "ThetaData option data (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return is_answer(frozenset(header_of(head)))

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        yield from _batches(read_table(path, read_whole(path), _CONTRACT), path)


class ThetaDataAnswer:
    name = "thetadata_raw"
    label = "ThetaData raw answer (protobuf)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its first bytes
        return thetadata_wire.looks_like_answer(head)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        names, rows = thetadata_wire.read_table(read_whole(path), path.name)
        whole = [row for row in rows if len(row) == len(names)]
        bad = [",".join(map(str, row)) for row in rows if len(row) != len(names)]
        frame = pl.DataFrame(whole, schema={f"@{name}": pl.String for name in names}, orient="row")
        reason = f"The row has not the {len(names)} cells of its table."
        raw = Raw(
            frame,
            lambda place: ",".join(str(value) for value in frame.row(place)),
            rejections("wrong_columns", reason, bad),
        )
        yield from _batches(raw, path)


def is_answer(names: frozenset[str]) -> bool:
    """Tell by its columns whether a table is an answer about contracts."""
    stamped = bool({"timestamp", "trade_timestamp"} & names)
    return names >= _CONTRACT and stamped and (_is_known(names))


def _is_known(names: frozenset[str]) -> bool:
    return names >= _PRINT or names >= _OHLC or {"bid", "ask"} <= names


def _batches(raw: Raw, path: Path) -> Iterator[ImportBatch]:
    names = raw.columns
    if not is_answer(names):
        raise UnreadableFile(f"{path.name} has not the columns of an answer about contracts.")
    if names >= _PRINT:
        yield _prints(raw)
    elif {"bid", "ask"} <= names:
        yield _quotes(raw)
        if names >= _OHLC:
            yield _days(raw)
    else:
        reason = "The bar was not over when it was asked for."
        bad = [raw.describe(place) for place in range(raw.frame.height)]
        yield whole_rejected(DatasetName.BARS, "unfinished_bar", reason, bad)


def _contract() -> dict[str, pl.Expr]:
    return contracts.of_parts(
        root=at("symbol"),
        expiration=times.day_of(at("expiration").str.replace_all("-", ""), "%Y%m%d"),
        right=at("right"),
        strike=number("strike"),
    )


def _whole(name: str) -> pl.Expr:
    return at(name).cast(pl.Int64, strict=False)


def _prints(raw: Raw) -> ImportBatch:
    stamp = "trade_timestamp" if "trade_timestamp" in raw.columns else "timestamp"
    columns = {
        "ts_event": times.instant_with_offset(at(stamp)),
        **_contract(),
        "price": number("price"),
        "size": number("size"),
        "exchange": letters(_whole("exchange"), THETADATA_EXCHANGES, None),
        "conditions": letters(_whole("condition"), THETADATA_CONDITIONS, UNKNOWN),
        "sequence": _whole("sequence"),
    }
    quoted = {"bid", "ask"} <= raw.columns
    if quoted:
        columns |= {"bid": number("bid"), "ask": number("ask")}
    return trade_batch(
        raw,
        columns,
        source=SOURCE if quoted else BARE_PRINTS,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ["price", "size", "sequence", "condition", "exchange"])],
    )


def _quotes(raw: Raw) -> ImportBatch:
    has = raw.columns
    columns: dict[str, pl.Expr] = {
        "ts_event": times.instant_with_offset(at("timestamp")),
        **_contract(),
        "bid": number("bid"),
        "ask": number("ask"),
        **{name: number(name) for name in ("bid_size", "ask_size", "volume") if name in has},
    }
    if "close" in has:
        columns["last"] = number("close")
    if has >= _SOLVED:
        columns |= _analytics(has)
    return option_batch(
        raw,
        columns,
        source=SOURCE,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, [n for n in ("bid", "ask", "bid_size", "ask_size") if n in has])],
    )


def _analytics(has: frozenset[str]) -> dict[str, pl.Expr]:
    quoted = times.instant_with_offset(at("timestamp"))
    underlying = times.instant_with_offset(at("underlying_timestamp"))
    together = (underlying - quoted).abs() <= _LATE_NS
    solved = (number("implied_vol") > 0) & (number("iv_error").abs() <= _IV_ERROR_MAX) & together
    scales = {"delta": 1, "gamma": 1, "theta": 1, "vega": 100, "rho": 100}
    return {
        "spot": pl.when(together).then(number("underlying_price")),
        "vendor_iv": pl.when(solved).then(number("implied_vol")),
        **{
            f"vendor_{name}": pl.when(solved).then(number(name) / scale)
            for name, scale in scales.items()
            if name in has
        },
    }


def _days(raw: Raw) -> ImportBatch:
    frame = raw.frame.with_columns(**_contract())
    day = times.exchange_date(times.instant_with_offset(at("timestamp")))
    return bar_batch(
        Raw(frame, raw.describe),
        {
            "ts_event": times.midnight(day),
            "underlying": contracts.underlying_column(),
            "symbol": pl.when(~contracts.malformed().when).then(contracts.occ_symbol()),
            **{name: number(name) for name in ("open", "high", "low", "close", "volume")},
            "trades": _whole("count"),
        },
        interval="1d",
        source=SOURCE,
        quality=Quality.DELAYED,
        faults=[not_numbers(raw, ["open", "high", "low", "close", "volume"])],
    )
