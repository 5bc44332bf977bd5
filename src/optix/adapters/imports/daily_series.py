"""Daily series: volatility indices, put/call ratios, the federal funds rate, the VX curve.

An index with open, high, low and close is bars; its symbol is the file's name up to the first mark
that is no letter or digit. One number a day is a series under the name of its column. The curve of
VX futures does not say on which day it was seen, so it is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import polars as pl

from optix.adapters.imports import contracts, times
from optix.adapters.imports.csv_text import header_of, read_table
from optix.adapters.imports.files import read_whole
from optix.adapters.imports.records import at, not_numbers, number, rejected_batch
from optix.adapters.imports.securities import (
    bar_batch,
    rate_batch,
    series_batch,
    whole_rejected,
)
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, ImportBatch, UnreadableFile

CBOE: Final = "cboe"
FRED: Final = "fred"
_BARS: Final = ("DATE", "OPEN", "HIGH", "LOW", "CLOSE")
_ONE_VALUE: Final = {("DATE", "VVIX"), ("DATE", "SKEW")}
_RATIO: Final = "_PUT_CALL_RATIO"
_FUNDS: Final = {("date", "value"), ("DATE", "DFF"), ("observation_date", "DFF")}
_CURVE: Final = ("expiration_date", "symbol", "settlement")


class IndexHistory:
    name = "index_history"
    label = "Volatility index history (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == _BARS

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        word = re.match(r"[A-Za-z0-9]*", path.name)
        symbol = contracts.find_symbol(word[0].upper() if word else "")
        if symbol is None:
            raise UnreadableFile(
                f"{path.name}: such a file is called by its index, like VIX_….csv."
            )
        raw = read_table(path, read_whole(path), _BARS)
        yield bar_batch(
            raw,
            {
                "ts_event": times.midnight(_day("DATE")),
                "underlying": pl.lit(symbol),
                "symbol": pl.lit(symbol),
                **{name.lower(): number(name) for name in _BARS[1:]},
            },
            interval="1d",
            source=CBOE,
            quality=Quality.DELAYED,
            faults=[not_numbers(raw, _BARS[1:])],
        )


class IndexValues:
    name = "index_values"
    label = "Index with one value a day (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) in _ONE_VALUE

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        date, name = _columns(path, body, _ONE_VALUE)
        raw = read_table(path, body, [date, name])
        yield series_batch(raw, name=pl.lit(name), day=_day(date), value=number(name), source=CBOE)


class PutCallRatios:
    """One column for each group of contracts; a blank cell is no record."""

    name = "put_call_ratios"
    label = "Put/call ratios (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        names = header_of(head)
        return len(names) > 1 and all(name.endswith(_RATIO) for name in names[1:])

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        names = header_of(body)
        if len(names) < 2 or not all(name.endswith(_RATIO) for name in names[1:]):
            raise UnreadableFile(f"{path.name} has not the columns of put/call ratios.")
        raw = read_table(path, body, [names[0] or "index"])
        if raw.rejected:
            yield rejected_batch(DatasetName.SERIES, raw.rejected)
        for name in names[1:]:
            group = name.removesuffix(_RATIO).lower()
            yield series_batch(
                raw.only(at(name).is_not_null()),
                name=pl.lit(f"put_call_ratio/{group}"),
                day=_day(names[0] or "index"),
                value=number(name),
                source=CBOE,
            )


class FundsRate:
    name = "funds_rate"
    label = "Federal funds rate of FRED (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:
        names = header_of(head)
        return names in _FUNDS and ("DFF" in names or "DFF" in path.name)

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        body = read_whole(path)
        names = _columns(path, body, _FUNDS)
        yield rate_batch(
            read_table(path, body, names),
            curve="fed_funds",
            day=_day(names[0]),
            rate=number(names[1]) / 100,
            tenor_days=1,
            convention="simple_360",
            source=FRED,
        )


class FuturesCurve:
    name = "futures_curve"
    label = "VX futures curve (CSV)"

    def recognises(self, path: Path, head: bytes) -> bool:  # noqa: ARG002  # told by its header
        return header_of(head) == _CURVE

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        raw = read_table(path, read_whole(path), _CURVE)
        reason = "The curve does not say on which day it was seen."
        bad = [raw.describe(place) for place in range(raw.frame.height)]
        yield whole_rejected(DatasetName.SERIES, "undated", reason, bad)
        if raw.rejected:
            yield rejected_batch(DatasetName.SERIES, raw.rejected)


def _columns(path: Path, body: bytes, known: Collection[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names in the first line. Errors: UnreadableFile unless they are `known`."""
    names = header_of(body)
    if names not in known:
        raise UnreadableFile(f"{path.name} has not the columns of its format.")
    return names


def _day(name: str) -> pl.Expr:
    """Return dates written 2026-07-22 or 07/22/2026."""
    return pl.coalesce(
        at(name).str.to_date("%Y-%m-%d", strict=False),
        at(name).str.to_date("%m/%d/%Y", strict=False),
    )
