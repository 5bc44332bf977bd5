"""Where rows lie: partitions, spans of time, the order within a file, column types.

    <root>/<dataset>/<partition>/manifest.json
    <root>/<dataset>/<partition>/<span>-<unique>.parquet

A partition holds one underlying (or symbol, curve, name: `Place.partition`). A file holds rows of
one span of time, in the order of `Place.order`, contract before time, so that one contract's rows
lie together and the statistics of row groups find them; the manifest's times find the instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote

import polars as pl

from optix.kernel.clock import NANOSECONDS
from optix.ports.history import ColumnType, Dataset, DatasetName

ROW_GROUP_ROWS: Final = 32_768
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
    """Return the name of the span of time a row belongs to."""
    if place.span == "all" or place.time is None:
        return pl.lit("all")
    moment = (
        pl.from_epoch(pl.col("ts_event"), "ns") if place.time == "ts_event" else pl.col(place.time)
    )
    return moment.dt.strftime("%Y-%m" if place.span == "month" else "%Y")


def sorted_rows(rows: pl.DataFrame, place: Place) -> pl.DataFrame:
    """Return rows in the order of a file. The same rows in any order give the same result only
    up to the order of rows that share contract and time.
    """
    last = [] if place.time is None else [place.time]
    if place.order != _CONTRACT:
        return rows.sort([*place.order, *last]) if (place.order or last) else rows
    # One number for the contract sorts several times as fast as its four columns. Roots of one
    # underlying are few, so they are told apart by their rank.
    packed = (
        pl.col("expiration").cast(pl.Int32).cast(pl.Int64) * 2**35
        + pl.col("root").rank("dense").cast(pl.Int64).clip(0, 127) * 2**28
        + pl.col("strike_milli") * 2
        + (pl.col("right") == "P").cast(pl.Int64)
    )
    return rows.with_columns(packed.alias("_contract")).sort("_contract", *last).drop("_contract")


def folder_of(name: str) -> str:
    """Return the folder of a partition: any text as one safe name."""
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def name_of(folder: str) -> str:
    return unquote(folder)
