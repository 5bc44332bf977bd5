"""Where rows lie: partitions, spans of time, the order within a file, column types.

    <root>/<dataset>/<partition>/manifest.json
    <root>/<dataset>/<partition>/<span>-<unique>.parquet

A partition holds one underlying (or symbol, curve, name: `Place.partition`). A file holds rows of
one span of time, in the order of `Place.order`, contract before time, so that one contract's rows
lie together and the statistics of row groups find them; the manifest's times find the instant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote

import polars as pl

from optix.kernel.clock import NANOSECONDS
from optix.ports.history import ColumnType, Dataset, DatasetName

ROW_GROUP_ROWS: Final = 16_384
BAND_ROWS: Final = 65_536
PAGE_BYTES: Final = 1024 * 1024
DAY_NS: Final = 86_400 * NANOSECONDS

TYPES: Final[Mapping[ColumnType, pl.DataType]] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "date": pl.Date(),
    "instant": pl.Int64(),
    "flag": pl.Boolean(),
}

Span = Literal["month", "year", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How one dataset is laid out. `time` is its instant or date; None where it has none."""

    partition: str
    time: str | None = "ts_event"
    span: Span = "month"
    order: Sequence[str] = ()


_CONTRACT = ("expiration", "root", "right", "strike_milli")

PLACES: Final[Mapping[DatasetName, Place]] = {
    DatasetName.OPTION_QUOTES: Place(partition="underlying", order=_CONTRACT),
    DatasetName.SECURITY_QUOTES: Place(partition="symbol"),
    DatasetName.TRADES: Place(partition="underlying", order=("symbol",)),
    DatasetName.BARS: Place(partition="underlying", span="year", order=("interval", "symbol")),
    DatasetName.OPEN_INTEREST: Place(partition="underlying", time="date", order=_CONTRACT),
    DatasetName.CORPORATE_ACTIONS: Place(partition="symbol", time="ex_date", span="all"),
    DatasetName.CONTRACTS: Place(partition="underlying", order=_CONTRACT),
    DatasetName.EARNINGS: Place(partition="symbol", time="date", span="all"),
    DatasetName.RATES: Place(partition="curve", time="date", span="all"),
    DatasetName.SERIES: Place(partition="name", time="date", span="all"),
    DatasetName.CODES: Place(partition="table", time=None, span="all"),
    DatasetName.IV_HISTORY: Place(
        partition="underlying", time="date", span="year", order=("measure", "tenor_days")
    ),
}


def schema_of(dataset: Dataset) -> dict[str, pl.DataType]:
    """Return the columns of a dataset with their types, in order."""
    return {column.name: TYPES[column.type] for column in dataset.columns}


def time_of(place: Place) -> pl.Expr:
    """Return the time of a row in nanoseconds; 0 for a dataset without time."""
    if place.time is None:
        return pl.lit(0, dtype=pl.Int64)
    if place.time == "ts_event":
        return pl.col("ts_event")
    return pl.col(place.time).cast(pl.Int32).cast(pl.Int64) * DAY_NS


def span_of(place: Place) -> pl.Expr:
    """Return the number of the span of time a row belongs to: months or years of the calendar."""
    if place.span == "all" or place.time is None:
        return pl.lit(0, dtype=pl.Int64)
    moment = (
        pl.from_epoch(pl.col("ts_event"), "ns") if place.time == "ts_event" else pl.col(place.time)
    )
    year = moment.dt.year().cast(pl.Int64)
    return year if place.span == "year" else year * 12 + moment.dt.month() - 1


def span_name(place: Place, span: int) -> str:
    """Return the name of a span in the names of files: 2024-01, 2024 or all."""
    if place.span == "all":
        return "all"
    return str(span) if place.span == "year" else f"{span // 12}-{span % 12 + 1:02d}"


def in_order(rows: pl.DataFrame, place: Place) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield rows by span of time, each in the order of a file: band, contract, time.

    The same rows in any order give the same result, but for rows that share contract and time.
    """
    spans = rows.select(span_of(place).alias("span")).to_series()
    first, last = int(spans.min() or 0), int(spans.max() or 0)  # type: ignore[arg-type]  # ints
    keys: list[str | pl.Expr] = list(place.order)
    if place.order == _CONTRACT:
        keys = [_packed(rows, place, spans - first)]
    elif first != last:
        keys = [pl.lit(spans), *keys]
    # Rows that come in the order of time, as most do, keep it within a contract by themselves.
    if place.time is not None and not rows[place.time].is_sorted():
        keys.append(place.time)
    if keys:
        order = rows.select(pl.arg_sort_by(keys, maintain_order=True)).to_series()
        rows = _taken(rows, order)
        spans = spans[order] if spans.len() == rows.height else spans
    if first == last:
        yield first, rows
        return
    for span, begin, height in _runs(spans):
        yield span, rows.slice(begin, height)


def _packed(rows: pl.DataFrame, place: Place, spans: pl.Series) -> pl.Expr:
    """Return span, band and contract as one number: sorting it is several times as fast.

    A band is a stretch of time with about BAND_ROWS rows. An instant touches one band of a file,
    and a contract one row group of each band. Numbers that do not fit their bits only cost speed:
    the roots of one underlying are few and its expirations within two decades.
    """
    times = rows.select(time_of(place).alias("time")).to_series()
    begin, end = int(times.min() or 0), int(times.max() or 0)  # type: ignore[arg-type]  # ints
    bands = min(max(1, rows.height // BAND_ROWS), 63)
    band = (pl.lit(times) - begin) // ((end - begin) // bands + 1)
    days = pl.col("expiration").cast(pl.Int32).cast(pl.Int64)
    return (
        pl.lit(spans).clip(0, 2**11 - 1) * 2**52
        + band * 2**46
        + (days - days.min()).clip(0, 2**13 - 1) * 2**33
        + pl.col("root").rank("dense").cast(pl.Int64).clip(0, 31) * 2**28
        + pl.col("strike_milli") * 2
        + (pl.col("right") == "P").cast(pl.Int64)
    )


def _taken(rows: pl.DataFrame, order: pl.Series) -> pl.DataFrame:
    """Return rows in an order. A text that all of them share (their source, their quality, as a
    rule their root) and a column without values stay where they are: moving them is dear.
    """
    moved = [column.name for column in rows if not _is_one_value(column)]
    return rows.with_columns(rows.select(moved)[order])


def _is_one_value(column: pl.Series) -> bool:
    if column.null_count():
        return column.null_count() == column.len()
    return column.dtype == pl.String and bool((column == column.first()).all())


def _runs(values: pl.Series) -> Iterator[tuple[int, int, int]]:
    """Yield each run of equal values: the value, where it begins, and its length."""
    begin = 0
    for run in values.rle().struct.unnest().iter_rows(named=True):
        yield run["value"], begin, run["len"]
        begin += run["len"]


def folder_of(name: str) -> str:
    """Return the folder of a partition: any text as one safe name."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def name_of(folder: str) -> str:
    return unquote(folder)
