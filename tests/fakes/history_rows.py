"""Rows of made-up history, small enough to read and large enough to be cut into files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from optix.adapters.history import HistoryStore
from optix.adapters.history.storage import Folder
from optix.kernel.clock import to_ns
from optix.ports.history import DatasetName, ImportBatch, WriteReport


def at(year: int, month: int, day: int, hour: int = 21, minute: int = 0) -> int:
    """An instant in UTC; the hour is the close in New York's winter where left out."""
    return to_ns(datetime(year, month, day, hour, minute, tzinfo=UTC))


def option_rows(
    ts_event: int,
    *,
    underlying: str = "SPY",
    root: str | None = None,
    expiration: date = date(2024, 3, 15),
    strikes: Sequence[int] = (470, 480, 490),
    bid: float = 5.0,
    source: str = "made_up",
    spot: float | None = 480.0,
) -> pl.DataFrame:
    """Calls and puts of one expiration at one instant."""
    rights = ["C", "P"] * len(strikes)
    return pl.DataFrame(
        {
            "ts_event": [ts_event] * len(rights),
            "underlying": [underlying] * len(rights),
            "root": [root or underlying] * len(rights),
            "expiration": [expiration] * len(rights),
            "right": rights,
            "strike_milli": [strike * 1000 for strike in strikes for _ in "CP"],
            "bid": [bid] * len(rights),
            "ask": [bid + 0.1] * len(rights),
            "spot": pl.Series([spot] * len(rights), dtype=pl.Float64),
            "source": [source] * len(rights),
            "quality": ["delayed"] * len(rights),
        }
    )


def batch(rows: pl.DataFrame, dataset: DatasetName = DatasetName.OPTION_QUOTES) -> ImportBatch:
    return ImportBatch(dataset=dataset, rows=rows, records=rows.height)


def store_in(folder: Path) -> HistoryStore:
    return HistoryStore(Folder(folder))


def write(
    store: HistoryStore, *frames: pl.DataFrame, dataset: DatasetName = DatasetName.OPTION_QUOTES
) -> list[WriteReport]:
    with store.writing("a test") as writer:
        return [writer.write(batch(frame, dataset)) for frame in frames]
