"""Records as a file has them, and how they become a batch: what is stored, what is not and why.

A `Raw` holds the records of a block as columns called `@name`, the file's own names with a mark, so
that a column of ours never hides what it was made of. An importer adds columns of ours as
expressions and names the faults; `make_batch` does the rest, for whole columns at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import polars as pl

from optix.ports.history import DATASETS, DatasetName, ImportBatch, Rejected

EXAMPLE_LENGTH_MAX: Final = 200
ODD: Final = "@odd"  # a flag of rows that have a text where a number belongs


class Fault(NamedTuple):
    """Why a record is not stored. Where several hold, the first one counts."""

    code: str
    reason: str
    when: pl.Expr


@dataclass(frozen=True, slots=True)
class Raw:
    """Records of a block; `describe` shows one as it stood; `rejected` could not be split."""

    frame: pl.DataFrame
    describe: Callable[[int], str]
    rejected: Sequence[Rejected] = field(default=())

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name.removeprefix("@") for name in self.frame.columns)

    def only(self, kept: pl.Expr) -> Raw:
        """Return the records that `kept` is true for; the others become none of anything."""
        frame = self.frame.with_row_index("@row").filter(kept)
        rows = frame["@row"]
        return Raw(frame.drop("@row"), lambda place: self.describe(int(rows[place])))


def at(name: str) -> pl.Expr:
    """Return a column of the file."""
    return pl.col(f"@{name}")


def number(name: str) -> pl.Expr:
    """Return a column of the file as numbers; null where it has none. NaN is a missing number."""
    return at(name).cast(pl.Float64, strict=False).fill_nan(None)


def not_numbers(raw: Raw, names: Iterable[str]) -> Fault:
    """Reject records with something else than a number in one of the given columns."""
    schema = raw.frame.schema
    masks = [pl.col(ODD)] if ODD in schema else []
    for name in names:
        if schema.get(f"@{name}") == pl.Float64:
            masks.append(at(name).is_infinite().fill_null(value=False))
        elif schema.get(f"@{name}") == pl.String:
            value = at(name).cast(pl.Float64, strict=False)
            masks.append(at(name).is_not_null() & (value.is_null() | value.is_infinite()))
    return Fault("not_a_number", "A number of the record cannot be read.", any_of(masks))


def missing(name: str) -> Fault:
    """Reject records without a value in one of our columns, which has to be there."""
    return Fault("missing_field", f"It has no {name.replace('_', ' ')}.", pl.col(name).is_null())


def any_of(masks: Sequence[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(masks) if masks else pl.lit(value=False)


def make_batch(
    dataset: DatasetName,
    raw: Raw,
    steps: Sequence[Mapping[str, pl.Expr]],
    faults: Sequence[Fault],
) -> ImportBatch:
    """Return the batch of a block. `steps` add columns, each one upon those before it."""
    frame = raw.frame.lazy()
    for step in steps:
        frame = frame.with_columns(**step)
    checked = [
        fault.when.fill_null(value=True).alias(f"?{place}") for place, fault in enumerate(faults)
    ]
    done = frame.with_columns(checked).collect()
    wanted = [column.name for column in DATASETS[dataset].columns if column.name in done.columns]
    rejected = list(raw.rejected)
    bad = pl.lit(value=False)
    for place, fault in enumerate(faults):
        hit = pl.col(f"?{place}")
        if not done[f"?{place}"].any():
            continue
        places = done.select((hit & ~bad).arg_true()).to_series()
        bad = bad | hit
        if places.len():
            example = raw.describe(int(places[0]))
            rejected.append(
                Rejected(
                    code=fault.code,
                    reason=fault.reason,
                    count=places.len(),
                    example=shortened(example),
                )
            )
    kept = done.filter(~bad) if len(rejected) > len(raw.rejected) else done
    rows, conflicting = _without_conflicts(dataset, kept.select(wanted))
    rejected += conflicting
    return ImportBatch(
        dataset=dataset,
        rows=rows,
        records=rows.height + sum(entry.count for entry in rejected),
        rejected=rejected,
    )


def _without_conflicts(
    dataset: DatasetName, rows: pl.DataFrame
) -> tuple[pl.DataFrame, list[Rejected]]:
    """Reject rows that have the key of an earlier row and other numbers.

    A row that repeats another one wholly stays: the store counts it as there already.
    """
    key = [name for name in DATASETS[dataset].key if name in rows.columns]
    if rows.height < 2 or rows.n_unique(subset=key) == rows.height:
        return rows, []
    whole = pl.struct(rows.columns)
    other = ~pl.struct(key).is_first_distinct() & whole.is_first_distinct()
    marked = rows.with_columns(other.alias("?"))
    lost = marked.filter("?")
    if lost.is_empty():
        return rows, []
    example = ",".join(str(value) for value in lost.drop("?").row(0))
    reason = "It has the key of an earlier record of its file and other numbers."
    entry = Rejected(
        code="conflicting_row", reason=reason, count=lost.height, example=shortened(example)
    )
    return marked.filter(~pl.col("?")).drop("?"), [entry]


def rejected_batch(dataset: DatasetName, rejected: Sequence[Rejected]) -> ImportBatch:
    """Return a batch of records none of which can be stored."""
    return ImportBatch(
        dataset=dataset,
        rows=pl.DataFrame(),
        records=sum(entry.count for entry in rejected),
        rejected=rejected,
    )


def shortened(text: str) -> str:
    clean = "".join(c if c.isprintable() else " " for c in text[:EXAMPLE_LENGTH_MAX])
    return clean if len(text) <= EXAMPLE_LENGTH_MAX else f"{clean[:-1]}…"
