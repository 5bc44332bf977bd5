"""Roots that a source has lost: which class of an index a row belongs to.

An index may have two classes that share dates and strikes, the standard one (AM) and the weekly one
(PM). A date that is no standard expiration is weekly. For a standard date only the order of the
source can tell: the standard class first, its dates ascending, then the weekly one, ascending
again, so a date that goes back marks where the weekly class begins. Where neither says it, the root
stays unknown: a guess would be another contract.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from optix.adapters.imports import contracts
from optix.adapters.imports.records import Fault, at
from optix.adapters.imports.times import SessionCalendar
from optix.kernel.roots import INDEX_CLASSES

WEEKLY_ROOTS: Final = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW", "VIX": "VIXW"}
_APART: Final = ("VIX",)  # two classes that never share a date


def roots_by_order(keys: pl.DataFrame, calendar: SessionCalendar) -> pl.Series:
    """Return the root of each row as `@root`, null where it cannot be known.

    `keys` has `capture`, `symbol` (canonical) and `expiration` of rows in the order of the source.
    """
    same = (pl.col("capture") == pl.col("capture").shift(1)) & (
        pl.col("symbol") == pl.col("symbol").shift(1)
    )
    back = (same & (pl.col("expiration") < pl.col("expiration").shift(1))).fill_null(value=False)
    group = ("capture", "symbol")
    rows = keys.with_columns(standard=_standard(keys, calendar), back=back).with_columns(
        part=pl.col("back").cum_sum().over(group),
        parts=pl.col("back").sum().over(group) + 1,
        after_weekly=(~pl.col("standard")).cum_sum().over(group) > 0,
    )
    by_order = (
        pl.when(pl.col("parts") == 2)
        .then(pl.when(pl.col("part") == 0).then(_standard_root()).otherwise(_weekly_root()))
        .when((pl.col("parts") == 1) & pl.col("after_weekly"))
        .then(_weekly_root())
    )
    return rows.select(_root(by_order).alias("@root")).to_series()


def roots_by_date(keys: pl.DataFrame, calendar: SessionCalendar) -> pl.Series:
    """Return the same for a source whose order says nothing. `capture` is not needed."""
    rows = keys.with_columns(standard=_standard(keys, calendar))
    unknown = pl.lit(None, dtype=pl.String)
    return rows.select(_root(unknown).alias("@root")).to_series()


def root_lost() -> Fault:
    """Reject rows whose symbol and date can be read, and their root cannot be known."""
    reason = "Its root was lost: neither its date nor the order of the rows says its class."
    known = at("root").is_not_null() | ~at("indexed")
    return Fault("root_lost", reason, ~known)


def indexed(keys: pl.DataFrame) -> pl.Series:
    """Return, as `@indexed`, which rows have a symbol with two classes and a date."""
    two = pl.col("symbol").is_in(list(WEEKLY_ROOTS)) & pl.col("expiration").is_not_null()
    return keys.select(two.fill_null(value=False).alias("@indexed")).to_series()


def _root(ambiguous: pl.Expr) -> pl.Expr:
    standard = pl.col("standard")
    apart = pl.col("symbol").is_in(_APART)
    return (
        pl.when(_weekly_root().is_null() | (standard & apart))
        .then(_standard_root())
        .when(~standard)
        .then(_weekly_root())
        .otherwise(ambiguous)
    )


def _standard_root() -> pl.Expr:
    return contracts.standard_root(pl.col("symbol"))


def _weekly_root() -> pl.Expr:
    return pl.col("symbol").replace_strict(WEEKLY_ROOTS, default=None, return_dtype=pl.String)


def _standard(keys: pl.DataFrame, calendar: SessionCalendar) -> pl.Series:
    pairs = keys.select("symbol", "expiration")
    known = [
        (symbol, day, symbol in INDEX_CLASSES and calendar.is_monthly(day, symbol))
        for symbol, day in pairs.unique().iter_rows()
        if isinstance(symbol, str) and isinstance(day, date)
    ]
    schema = {"symbol": pl.String, "expiration": pl.Date, "standard": pl.Boolean}
    table = pl.DataFrame(known, schema=schema, orient="row")
    joined = pairs.join(table, on=["symbol", "expiration"], how="left", maintain_order="left")
    return joined["standard"].fill_null(value=False)
