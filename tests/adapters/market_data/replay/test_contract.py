"""Replay keeps the cards of every provider, whatever the recording's format."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.fakes.cboe_csv import csv_line, quotedata
from tests.fakes.recordings import (
    GOOG_DAYS,
    JULY,
    JUNE,
    write_daily,
    write_documents,
    write_lean,
    write_recording,
)

from optix.adapters.market_data.replay import open_replay
from optix.ports.market_data import ChainKey

IWM = Known(symbol="IWM", chain=ChainKey("IWM", JULY), other_chain=ChainKey("IWM", JUNE))
SPX = Known(
    symbol="SPX",
    chain=ChainKey("SPX", date(2023, 9, 15)),
    other_chain=ChainKey("SPX", date(2023, 9, 18)),
    search=("SPX", "SPX"),
)
GOOG = Known(
    symbol="GOOG",
    chain=ChainKey("GOOG", date(2015, 12, 31)),
    other_chain=ChainKey("GOOG", date(2016, 1, 15)),
    bars=(date(2015, 12, 20), date(2015, 12, 23)),
    search=("GOOG", "GOOG"),
)


def documents(folder: Path) -> tuple[Path, Known]:
    return write_documents(folder / "documents"), IWM


def csv_file(folder: Path) -> tuple[Path, Known]:
    monday = csv_line().replace("230915", "230918").replace("Fri Sep 15", "Mon Sep 18")
    path = folder / "spx.csv"
    path.write_text("\n" + quotedata([csv_line(), csv_line(root="SPX"), monday]))
    return path, SPX


def lean(folder: Path) -> tuple[Path, Known]:
    write_daily(folder, "goog", GOOG_DAYS)
    return write_lean(folder), GOOG


def parquet(folder: Path) -> tuple[Path, Known]:
    return write_recording(folder / "iwm.parquet"), IWM


class TestReplay(MarketDataContract):
    @pytest.fixture(params=[documents, csv_file, lean, parquet], ids=lambda make: make.__name__)
    async def market(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Market]:
        make: Callable[[Path], tuple[Path, Known]] = request.param
        path, known = make(tmp_path)
        provider = open_replay(path, speed=100_000.0)
        await provider.open()
        yield Market(provider, known)
        await provider.close()
