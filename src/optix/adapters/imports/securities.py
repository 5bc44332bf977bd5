"""Rows that belong to no contract: quotes of securities, bars, rates, series, codes, actions.

Their sources are small and each has its own shape, so they come as plain rows and are checked one
by one. Bars and series may be long: they have a way for whole columns too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite

import polars as pl

from optix.adapters.imports.records import Fault, Raw, any_of, make_batch
from optix.adapters.imports.times import undated
from optix.adapters.market_data.cboe.rows import PRICE_MAX
from optix.kernel.corporate import CorporateAction
from optix.kernel.quote import Quality, Quote
from optix.ports.history import (
    DATASETS,
    Column,
    DatasetName,
    ImportBatch,
    Rejected,
)

_TYPES: Mapping[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "text": pl.String(),
    "date": pl.Date(),
    "instant": pl.Int64(),
    "flag": pl.Boolean(),
}
_VOLUME_MAX = 1e13
_RATE_MAX = 1.0
_PRICES = ("open", "high", "low", "close")


def plain_batch(
    dataset: DatasetName,
    rows: Sequence[Mapping[str, object]],
    rejected: Sequence[Rejected] = (),
) -> ImportBatch:
    """Return rows that an importer has checked itself. NaN becomes null."""
    given = {name for row in rows for name in row}
    columns = [column for column in DATASETS[dataset].columns if column.name in given]
    frame = pl.DataFrame({column.name: _series(column, rows) for column in columns})
    return ImportBatch(
        dataset=dataset,
        rows=frame,
        records=frame.height + sum(entry.count for entry in rejected),
        rejected=tuple(rejected),
    )


def _series(column: Column, rows: Sequence[Mapping[str, object]]) -> pl.Series:
    values = (row.get(column.name) for row in rows)
    known = [
        None if isinstance(value, float) and not isfinite(value) else value for value in values
    ]
    return pl.Series(column.name, known, dtype=_TYPES[column.type], strict=False)


def quote_batch(quotes: Iterable[Quote]) -> ImportBatch:
    rows = []
    for quote in quotes:
        row = asdict(quote)
        row |= {"kind": str(quote.kind), "quality": str(quote.quality), "flags": int(quote.flags)}
        rows.append(row)
    return plain_batch(DatasetName.SECURITY_QUOTES, rows)


def action_batch(
    actions: Iterable[CorporateAction], rejected: Sequence[Rejected] = ()
) -> ImportBatch:
    rows = [{**asdict(action), "kind": str(action.kind)} for action in actions]
    return plain_batch(DatasetName.CORPORATE_ACTIONS, rows, rejected)


def rate_batch(
    raw: Raw,
    *,
    curve: str,
    day: pl.Expr,
    rate: pl.Expr,
    tenor_days: int,
    convention: str,
    source: str,
) -> ImportBatch:
    """Return the batch of one tenor of a curve; `rate` is a fraction a year."""
    columns = {
        "date": day,
        "rate": rate,
        "curve": pl.lit(curve),
        "tenor_days": pl.lit(tenor_days, dtype=pl.Int64),
        "convention": pl.lit(convention),
        "source": pl.lit(source),
    }
    within = pl.col("rate").is_between(-_RATE_MAX, _RATE_MAX).fill_null(value=False)
    faults = [
        undated("date"),
        Fault("no_rate", "Its rate is missing, no number, or beyond 100 %.", ~within),
    ]
    return make_batch(DatasetName.RATES, raw, [columns], faults)


def series_batch(
    raw: Raw, *, name: str, day: pl.Expr, value: pl.Expr, source: str
) -> ImportBatch:
    """Return the batch of one series. A blank cell is no record; the caller leaves it out."""
    columns = {"date": day, "value": value, "name": pl.lit(name), "source": pl.lit(source)}
    finite = pl.col("value").is_finite().fill_null(value=False)
    faults = [undated("date"), Fault("not_a_number", "Its value is not a number.", ~finite)]
    return make_batch(DatasetName.SERIES, raw, [columns], faults)


def bar_batch(
    raw: Raw,
    columns: Mapping[str, pl.Expr],
    *,
    interval: str,
    source: str,
    quality: Quality,
    faults: Sequence[Fault] = (),
) -> ImportBatch:
    """Return the batch of a block of bars. `columns` gives ts_event, underlying, symbol, prices."""
    prices = [pl.col(name) for name in _PRICES if name in columns]
    wrong = [
        any_of([price.is_null() | (price <= 0) | (price > PRICE_MAX) for price in prices]),
        *([pl.col("high") < pl.col("low")] if {"high", "low"} <= columns.keys() else []),
    ]
    counts = [pl.col(name) for name in ("volume", "trades") if name in columns]
    own = [
        undated(),
        Fault("malformed_symbol", "Its symbol cannot be read.", pl.col("symbol").is_null()),
        *faults,
        Fault("no_bar", "Its prices are missing, not positive or not in order.", any_of(wrong)),
        Fault(
            "absurd_number",
            "Its volume is negative or beyond any market.",
            any_of([(c < 0).fill_null(value=False) | (c > _VOLUME_MAX).fill_null(value=False) for c in counts]),
        ),
    ]
    marks = {
        "interval": pl.lit(interval),
        "source": pl.lit(source),
        "quality": pl.lit(str(quality)),
    }
    return make_batch(DatasetName.BARS, raw, [columns, marks], own)
