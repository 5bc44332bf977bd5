"""What a row must be to be stored: typed, whole, within bounds. Refused rows are counted by reason.

A row is refused for the first reason that holds, in the order of the checks. Nothing is repaired,
and nothing is refused silently.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

import polars as pl

from optix.adapters.history.layout import DAY_NS, schema_of
from optix.kernel import limits
from optix.kernel.quote import Quality
from optix.ports.history import BadBatch, Column, Dataset, Rejected

# Numbers that may be below zero. Every other float is a price, a size, a count or a volatility.
SIGNED: Final = frozenset(
    {"vendor_delta", "vendor_gamma", "vendor_theta", "vendor_vega", "vendor_rho", "vendor_price"}
    | {"value", "rate", "amount"}
)
_EXAMPLE_LENGTH: Final = 200
_YEARS = f"{limits.HISTORY_YEAR_MIN} to {limits.HISTORY_YEAR_MAX}"
_DATE_MIN, _DATE_MAX = (
    date(limits.HISTORY_YEAR_MIN, 1, 1),
    date(limits.HISTORY_YEAR_MAX, 12, 31),
)
_INSTANT_MIN = (_DATE_MIN - date(1970, 1, 1)).days * DAY_NS
_INSTANT_MAX = (_DATE_MAX - date(1970, 1, 1)).days * DAY_NS

_Check = tuple[str, str, pl.Expr]  # code, sentence, what makes a row bad (null counts as good)


def checked(dataset: Dataset, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Rejected]]:
    """Return the rows that can be stored, with all columns of the dataset, and the others by why.

    Errors: BadBatch for columns that the dataset does not have.
    """
    typed, rejected = _typed(dataset, rows)
    checks = list(_checks(dataset))
    # One pass tells which checks find anything at all, which as a rule is none.
    found = typed.select(bad.any().fill_null(value=False).alias(code) for code, _, bad in checks)
    for code, reason, bad in checks:
        if not found.item(0, code):
            continue
        mask = typed.select(bad.fill_null(value=False).alias("bad")).to_series()
        typed = _taken(typed, mask, code, reason, rejected)
    return typed, rejected


def _typed(dataset: Dataset, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[Rejected]]:
    schema = schema_of(dataset)
    unknown = [name for name in rows.columns if name not in schema]
    if unknown:
        raise BadBatch(f"{dataset.name} has no column {', '.join(unknown)}.")
    rejected: list[Rejected] = []
    for name in rows.columns:
        wanted, given = schema[name], rows.schema[name]
        if given == wanted:
            continue
        cast = rows[name].cast(wanted, strict=False)
        if isinstance(given, pl.Datetime):
            cast = rows[name].dt.cast_time_unit("ns").cast(pl.Int64)
        lost = cast.is_null() & rows[name].is_not_null()
        if lost.any():
            reason = f"The column {name} is not of the type {wanted}."
            kept = rows.with_columns(cast.alias(name))
            # The example shows the value as it came.
            first = str(rows[name].filter(lost)[0])
            rejected.append(
                Rejected(
                    code=f"bad_{name}",
                    reason=reason,
                    count=int(lost.sum()),
                    example=first[:_EXAMPLE_LENGTH],
                )
            )
            rows = kept.filter(~lost)
        else:
            rows = rows.with_columns(cast.alias(name))
    missing = [
        pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in rows
    ]
    return rows.with_columns(missing).select(list(schema)), rejected


def _checks(dataset: Dataset) -> Iterator[_Check]:
    for column in dataset.columns:
        if column.required:
            code, reason = f"missing_{column.name}", f"The column {column.name} has no value."
            yield code, reason, pl.col(column.name).is_null()
    for column in dataset.columns:
        yield from _column_checks(column)


def _column_checks(column: Column) -> Iterator[_Check]:
    value = pl.col(column.name)
    if column.type == "float":
        yield from _number_checks(column.name, value)
    elif column.type == "text":
        if column.required:
            empty = f"The column {column.name} is empty."
            yield f"empty_{column.name}", empty, value == ""
        bound = limits.HISTORY_TEXT_LENGTH_MAX
        too_long = f"The column {column.name} has more than {bound} bytes."
        yield f"long_{column.name}", too_long, value.str.len_bytes() > bound
    elif column.type in {"date", "instant"}:
        first, last = (
            (_DATE_MIN, _DATE_MAX) if column.type == "date" else (_INSTANT_MIN, _INSTANT_MAX)
        )
        outside = f"The column {column.name} is outside the years {_YEARS}."
        yield f"absurd_{column.name}", outside, ~value.is_between(first, last)
    yield from _word_checks(column.name, value)


def _number_checks(name: str, value: pl.Expr) -> Iterator[_Check]:
    infinite = f"The column {name} holds a number that is not finite."
    yield f"not_finite_{name}", infinite, ~value.is_finite()
    bound = limits.PRICE_MAX if name not in {"volume", "open_interest", "value"} else 1e18
    if name in SIGNED:
        absurd = f"The column {name} is beyond ±{bound:g}."
        yield f"absurd_{name}", absurd, ~value.is_between(-bound, bound)
    else:
        yield f"negative_{name}", f"The column {name} is below zero.", value < 0
        yield f"absurd_{name}", f"The column {name} is above {bound:g}.", value > bound


def _word_checks(name: str, value: pl.Expr) -> Iterator[_Check]:
    if name == "right":
        yield "bad_right", "The right is neither C nor P.", ~value.is_in(["C", "P"])
    elif name == "strike_milli":
        outside = "The strike is not within 0.001 to 99999.999."
        yield "bad_strike", outside, ~value.is_between(1, limits.STRIKE_MILLI_MAX)
    elif name == "quality":
        words = [str(word) for word in Quality]
        yield "bad_quality", "The quality is not one of OPTIX's words.", ~value.is_in(words)
    elif name == "ratio":
        yield "bad_ratio", "The ratio is not above zero.", value <= 0


def _taken(
    rows: pl.DataFrame, bad: pl.Series, code: str, reason: str, rejected: list[Rejected]
) -> pl.DataFrame:
    """Return the rows that are not bad, and add the others to `rejected`."""
    count = int(bad.sum())
    if count:  # an earlier check may have taken them all
        example = shown(rows.filter(bad).row(0), rows.columns)
        rejected.append(Rejected(code=code, reason=reason, count=count, example=example))
    return rows.filter(~bad)


def shown(row: Sequence[object], names: Sequence[str]) -> str:
    """Return a row for people: its values by name, shortened."""
    parts = [f"{name}={value}" for name, value in zip(names, row, strict=True) if value is not None]
    return " ".join(parts)[:_EXAMPLE_LENGTH]
