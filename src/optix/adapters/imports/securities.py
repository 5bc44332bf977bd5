"""Rows that belong to no contract: quotes of securities, bars, rates, series, codes, actions.

Their sources are small and each has its own shape, so they come as plain rows and are checked one
by one. Bars and series may be long: they have a way for whole columns too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from math import isfinite

import polars as pl

from optix.adapters.imports.quotes import PRICE_MAX
from optix.adapters.imports.records import (
    Fault,
    Raw,
    any_of,
    make_batch,
    rejected_batch,
    shortened,
)
from optix.adapters.imports.times import undated
from optix.kernel.corporate import ActionKind, CorporateAction
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
_TEXT_LENGTH_MAX = 250
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
    raw: Raw, *, name: pl.Expr, day: pl.Expr, value: pl.Expr, source: str
) -> ImportBatch:
    """Return the batch of one series. A blank cell is no record; the caller leaves it out."""
    columns = {"date": day, "value": value, "name": name, "source": pl.lit(source)}
    finite = pl.col("value").is_finite().fill_null(value=False)
    faults = [undated("date"), Fault("not_a_number", "Its value is not a number.", ~finite)]
    return make_batch(DatasetName.SERIES, raw, [columns], faults)


def frame_actions(
    raw: Raw,
    symbol: pl.Expr,
    ex_date: pl.Expr,
    *,
    kind: ActionKind,
    source: str,
    **value: pl.Expr,
) -> ImportBatch:
    """Return the batch of a block of actions of one kind; `value` is `amount` or `ratio`."""
    columns = {
        "symbol": symbol,
        "ex_date": ex_date,
        **value,
        "kind": pl.lit(str(kind)),
        "new_symbol": pl.lit(""),
        "estimated": pl.lit(value=False),
        "source": pl.lit(source),
    }
    within = [pl.col(name).is_between(0, PRICE_MAX, closed="right") for name in value]
    faults = [
        undated("ex_date"),
        Fault("malformed_symbol", "Its symbol cannot be read.", pl.col("symbol").is_null()),
        Fault(
            "no_amount",
            "Its amount or its ratio is not positive.",
            ~pl.all_horizontal(within).fill_null(value=False),
        ),
    ]
    return make_batch(DatasetName.CORPORATE_ACTIONS, raw, [columns], faults)


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
            any_of(
                [
                    (c < 0).fill_null(value=False) | (c > _VOLUME_MAX).fill_null(value=False)
                    for c in counts
                ]
            ),
        ),
    ]
    marks = {
        "interval": pl.lit(interval),
        "source": pl.lit(source),
        "quality": pl.lit(str(quality)),
    }
    return make_batch(DatasetName.BARS, raw, [columns, marks], own)


def rate_rows(
    points: Sequence[Mapping[str, object]], *, convention: str, source: str
) -> ImportBatch:
    """Return the batch of single points with `curve`, `day` (ISO text), `tenor_days`, `percent`."""
    rows: list[dict[str, object]] = []
    bad: list[str] = []
    for point in points:
        day, percent = iso_date(point["day"]), point["percent"]
        known = isinstance(percent, (int, float)) and abs(percent) <= 100 * _RATE_MAX
        if day is None or not known or point["tenor_days"] is None:
            bad.append(str(dict(point)))
            continue
        assert isinstance(percent, (int, float))
        rows.append(
            {
                "curve": point["curve"],
                "date": day,
                "tenor_days": point["tenor_days"],
                "rate": percent / 100,
                "convention": convention,
                "source": source,
            }
        )
    reason = "It has no date, no known tenor or no rate within 100 %."
    return plain_batch(DatasetName.RATES, rows, rejections("no_rate", reason, bad))


def code_batch(
    table: str, rows: Sequence[Mapping[str, object]], *, source: str, bad: Sequence[str] = ()
) -> ImportBatch:
    """Return the batch of a table of codes: `code`, `name`, `description` as texts."""
    kept: list[dict[str, object]] = []
    lost = list(bad)
    for row in rows:
        if not row.get("code"):
            lost.append(str(dict(row)))
            continue
        texts = {name: str(value)[:_TEXT_LENGTH_MAX] for name, value in row.items() if value}
        kept.append({**texts, "table": table, "source": source})
    reason = "The row has no code."
    return plain_batch(DatasetName.CODES, kept, rejections("no_code", reason, lost))


def rejections(code: str, reason: str, records: Sequence[str]) -> list[Rejected]:
    """Return nothing for no record, else the one entry for all of them."""
    if not records:
        return []
    example = shortened(records[0])
    return [Rejected(code=code, reason=reason, count=len(records), example=example)]


def iso_date(text: object) -> date | None:
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def whole_rejected(
    dataset: DatasetName, code: str, reason: str, records: Sequence[str]
) -> ImportBatch:
    """Return the batch of records none of which can be stored, for one reason."""
    return rejected_batch(dataset, rejections(code, reason, records))
