"""An answer as of an instant is what was known then: rows, spot and open interest."""

from __future__ import annotations

import math
import shutil
from array import array
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.fakes.history_rows import at, batch, option_rows, store_in, write

from optix.adapters.history import HistoryStore
from optix.adapters.history.manifest import MANIFEST
from optix.adapters.history.storage import Folder
from optix.kernel import limits
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.ports.history import (
    DATASETS,
    Column,
    Dataset,
    DatasetName,
    HistoryTooNew,
    HistoryUnavailable,
)

MONDAY, TUESDAY, WEDNESDAY = (at(2024, 1, day) for day in (8, 9, 10))
APRIL = date(2024, 4, 19)
CALL = parse_option("SPY240315C00480000")


class TestChainAsOf:
    def test_the_last_row_of_each_contract_by_then_counts_and_none_after(
        self, tmp_path: Path
    ) -> None:
        store = store_in(tmp_path)
        write(
            store,
            option_rows(MONDAY, bid=1.0),
            option_rows(TUESDAY, bid=2.0, strikes=(480,)),
            option_rows(WEDNESDAY, bid=3.0),
        )
        (table,) = store.reader().chain_as_of("SPY", None, TUESDAY, since_ns=MONDAY)
        bids = {
            contract.strike: bid
            for contract, bid in zip(table.contracts, table.columns["bid"], strict=True)
        }
        assert bids == {470.0: 1.0, 480.0: 2.0, 490.0: 1.0}
        assert table.ts_event == TUESDAY
        assert table.row_ts_event is not None
        assert set(table.row_ts_event) == {MONDAY, TUESDAY}
        assert math.isnan(table.columns["volume"][0]), "what nobody said stays missing"

    def test_rows_older_than_the_bound_do_not_count(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY), option_rows(TUESDAY, strikes=(480,)))
        (table,) = store.reader().chain_as_of("SPY", None, TUESDAY, since_ns=MONDAY + 1)
        assert len(table) == 2
        assert store.reader().chain_as_of("SPY", None, MONDAY - 1, since_ns=0) == []
        assert store.reader().chain_as_of("QQQ", None, TUESDAY, since_ns=0) == []

    def test_expirations_are_tables_of_their_own_in_order(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY, expiration=APRIL), option_rows(MONDAY))
        tables = store.reader().chain_as_of("SPY", None, MONDAY, since_ns=0)
        assert [table.contracts[0].expiration for table in tables] == [date(2024, 3, 15), APRIL]
        (one,) = store.reader().chain_as_of("SPY", APRIL, MONDAY, since_ns=0)
        assert {contract.expiration for contract in one.contracts} == {APRIL}

    def test_sources_are_never_mixed_and_the_newest_is_taken(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(
            store,
            option_rows(TUESDAY, source="early", strikes=(470, 480, 490, 500)),
            option_rows(TUESDAY + 1, source="late", strikes=(480,)),
        )
        reader = store.reader()
        (table,) = reader.chain_as_of("SPY", None, WEDNESDAY, since_ns=0)
        assert (table.source, len(table)) == ("late", 2)
        (table,) = reader.chain_as_of("SPY", None, WEDNESDAY, since_ns=0, source="early")
        assert (table.source, len(table)) == ("early", 8)

    def test_open_interest_is_what_had_been_published(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(TUESDAY).with_columns(open_interest=pl.lit(10.0)))
        interest = (
            option_rows(TUESDAY + 60)
            .select("ts_event", "underlying", "root", "expiration", "right", "strike_milli")
            .with_columns(
                date=pl.lit(date(2024, 1, 9)),
                open_interest=pl.lit(25.0),
                source=pl.lit("made_up"),
                quality=pl.lit("delayed"),
            )
        )
        write(store, interest, dataset=DatasetName.OPEN_INTEREST)
        reader = store.reader()
        (before,) = reader.chain_as_of("SPY", None, TUESDAY + 59, since_ns=0)
        (after,) = reader.chain_as_of("SPY", None, TUESDAY + 60, since_ns=0)
        assert set(before.columns["open_interest"]) == {10.0}
        assert set(after.columns["open_interest"]) == {25.0}

    def test_the_spot_is_the_quote_of_then_else_the_price_beside_the_rows(
        self, tmp_path: Path
    ) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY, spot=471.0), option_rows(TUESDAY, spot=None))
        (table,) = store.reader().chain_as_of("SPY", None, MONDAY, since_ns=0)
        assert table.spot is not None
        assert (table.spot.last, table.spot.ts_event, table.spot.kind) == (471.0, MONDAY, "etf")
        quotes = pl.DataFrame(
            {
                "ts_event": [TUESDAY, TUESDAY + 5],
                "symbol": ["SPY", "SPY"],
                "kind": ["etf", "etf"],
                "last": [472.0, 473.0],
                "source": ["made_up", "made_up"],
                "quality": ["delayed", "delayed"],
            }
        )
        write(store, quotes, dataset=DatasetName.SECURITY_QUOTES)
        (table,) = store.reader().chain_as_of("SPY", None, TUESDAY + 4, since_ns=0)
        assert table.spot is not None
        assert table.spot.last == 472.0
        assert math.isnan(table.spot.bid)

    def test_without_any_price_there_is_no_spot(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY, spot=None))
        (table,) = store.reader().chain_as_of("SPY", None, MONDAY, since_ns=0)
        assert table.spot is None

    def test_a_chain_of_the_feed_comes_back_as_it_was(self, tmp_path: Path) -> None:
        spot = Quote(
            symbol="SPY",
            kind=SecurityKind.ETF,
            bid=479.9,
            ask=480.1,
            source="sim",
            quality=Quality.SIMULATED,
            ts_event=MONDAY,
            ts_received=MONDAY,
        )
        columns = {name: nan_column(2) for name in CHAIN_COLUMNS}
        columns["bid"] = array("d", [1.0, 2.0])
        put = parse_option("SPY240315P00480000")
        table = ChainTable(
            underlying="SPY",
            contracts=[CALL, put],
            columns=columns,
            source="sim",
            quality=Quality.SIMULATED,
            ts_event=MONDAY,
            ts_received=MONDAY,
            spot=spot,
        )
        store = store_in(tmp_path)
        with store.writing("a test") as writer:
            assert writer.write_chain(table).stored == 2
            assert writer.write_chain(table).duplicates == 2
            empty = ChainTable(
                underlying="SPY",
                contracts=[],
                columns={name: nan_column(0) for name in CHAIN_COLUMNS},
                source="sim",
                quality=Quality.SIMULATED,
                ts_event=MONDAY,
                ts_received=MONDAY,
            )
            assert writer.write_chain(empty).records == 0
        (read,) = store.reader().chain_as_of("SPY", None, MONDAY, since_ns=0)
        assert list(read.contracts) == [CALL, put]
        assert read.columns["bid"] == columns["bid"]
        assert read.quality is Quality.SIMULATED
        assert read.spot is not None
        assert (read.spot.bid, read.spot.ask) == (479.9, 480.1)
        series = store.reader().contract_series(CALL, start_ns=MONDAY, end_ns=MONDAY)
        assert series is not None
        assert list(series.columns["spot"]) == [480.0], "the middle, where nothing was traded"

    def test_the_newest_instant_by_then_is_found_within_files_too(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, pl.concat([option_rows(MONDAY), option_rows(WEDNESDAY)]))
        write(store, option_rows(at(2024, 2, 5)))
        reader = store.reader()
        assert reader.last_instant("SPY", TUESDAY) == MONDAY
        assert reader.last_instant("SPY", at(2024, 6, 1)) == at(2024, 2, 5)
        assert reader.last_instant("SPY", MONDAY - 1) is None


class TestContractSeries:
    def test_one_contract_over_files_in_order_and_within_the_bounds(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        instants = [at(2024, 2, 5), MONDAY, at(2024, 3, 4), WEDNESDAY]
        for number, instant in enumerate(instants):
            write(store, option_rows(instant, bid=float(number)))
        series = store.reader().contract_series(CALL, start_ns=MONDAY, end_ns=at(2024, 2, 28))
        assert series is not None
        assert list(series.ts_event) == [MONDAY, WEDNESDAY, at(2024, 2, 5)]
        assert list(series.columns["bid"]) == [1.0, 3.0, 0.0]
        assert list(series.columns["spot"]) == [480.0] * 3

    def test_the_source_with_the_most_rows_is_taken_alone(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY, source="a"), option_rows(MONDAY, source="b"))
        write(store, option_rows(TUESDAY, source="b"))
        reader = store.reader()
        series = reader.contract_series(CALL, start_ns=0, end_ns=WEDNESDAY)
        assert series is not None
        assert (series.source, len(series.ts_event)) == ("b", 2)
        series = reader.contract_series(CALL, start_ns=0, end_ns=WEDNESDAY, source="a")
        assert series is not None
        assert len(series.ts_event) == 1
        unknown = parse_option("SPY240315C00481000")
        assert reader.contract_series(unknown, start_ns=0, end_ns=WEDNESDAY) is None


class TestWhatIsThere:
    def test_days_are_exchange_dates_by_source(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        night = at(2024, 1, 9, 1)  # still Monday evening in New York
        write(store, option_rows(MONDAY), option_rows(night, strikes=(1,)))
        (day,) = store.reader().days(DatasetName.OPTION_QUOTES, "SPY")
        assert (day.date, day.source, day.rows) == (date(2024, 1, 8), "made_up", 8)

    def test_names_are_given_back_as_they_were(self, tmp_path: Path) -> None:
        names = ["BRK.B", "a/b c", "VIX", "..", "CON", "ä"]
        store = store_in(tmp_path)
        with store.writing("a test") as writer:
            for name in names:
                writer.write_columns(
                    DatasetName.SERIES,
                    {"name": [name], "date": [date(2024, 1, 8)], "value": [1.0], "source": ["x"]},
                )
        reader = store.reader()
        assert reader.names(DatasetName.SERIES) == sorted(names)
        assert all(reader.days(DatasetName.SERIES, name)[0].rows == 1 for name in names)
        assert reader.days(DatasetName.CODES, "anything") == []

    def test_measures_come_back_by_session(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        with store.writing("a test") as writer:
            writer.write_columns(
                DatasetName.IV_HISTORY,
                {
                    "ts_event": [TUESDAY, MONDAY],
                    "underlying": ["SPY", "SPY"],
                    "date": [date(2024, 1, 9), date(2024, 1, 8)],
                    "measure": ["atm_iv", "atm_iv"],
                    "tenor_days": [30, 30],
                    "value": [0.12, 0.11],
                    "quality": ["delayed", "delayed"],
                    "source": ["made_up", "made_up"],
                },
            )
        points = store.reader().iv_history("SPY", start=date(2024, 1, 1), end=date(2024, 1, 31))
        assert [point.value for point in points] == [0.11, 0.12]
        assert points[0].quality is Quality.DELAYED


class TestChangesMeanwhile:
    def test_a_reader_goes_on_when_files_are_joined_under_it(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        for minute in range(limits.HISTORY_SMALL_FILES_MAX):
            write(store, option_rows(at(2024, 1, 8, 15, minute)))
        folder = Frozen(tmp_path)
        reader = HistoryStore(folder).reader()
        assert reader.last_instant("SPY", TUESDAY) == at(2024, 1, 8, 15, 7)
        write(store, option_rows(at(2024, 1, 8, 16)))
        (day,) = reader.days(DatasetName.OPTION_QUOTES, "SPY")
        assert day.rows == 6 * (limits.HISTORY_SMALL_FILES_MAX + 1)

    def test_files_that_stay_away_are_an_error_that_says_so(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY))
        for file in (tmp_path / "option_quotes" / "SPY").glob("*.parquet"):
            file.unlink()
        storage = CountsManifests(tmp_path)
        with pytest.raises(HistoryUnavailable, match="are missing") as refused:
            HistoryStore(storage).reader().days(DatasetName.OPTION_QUOTES, "SPY")
        assert "backup" in refused.value.next_step
        assert storage.read == limits.HISTORY_READ_ATTEMPTS_MAX

    def test_a_damaged_file_or_manifest_is_an_error_that_says_so(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(MONDAY))
        folder = tmp_path / "option_quotes" / "SPY"
        for file in folder.glob("*.parquet"):
            file.write_bytes(b"PAR1 this is not")
        with pytest.raises(HistoryUnavailable, match="cannot be read"):
            store.reader().days(DatasetName.OPTION_QUOTES, "SPY")
        (folder / MANIFEST).write_bytes(b"{")
        with pytest.raises(HistoryUnavailable, match="is damaged"):
            store.reader().days(DatasetName.OPTION_QUOTES, "SPY")

    def test_a_place_that_cannot_be_used_is_an_error_that_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "history").write_text("not a folder")
        with pytest.raises(HistoryUnavailable, match="cannot be used"):
            write(store_in(tmp_path / "history"), option_rows(MONDAY))


class Frozen(Folder):
    """A folder that never tells that a manifest has changed."""

    def stamp(self, name: str) -> object | None:  # the same for all
        return 1


class CountsManifests(Folder):
    """A folder that counts how often a manifest is read."""

    read = 0

    def get(self, name: str) -> bytes | None:
        self.read += 1
        return super().get(name)


class TestVersions:
    def test_what_a_newer_program_wrote_is_refused(self, tmp_path: Path) -> None:
        newer = HistoryStore(Folder(tmp_path), datasets={**DATASETS, **_second_version()})
        with newer.writing("a test") as writer:
            writer.write(batch(option_rows(MONDAY)))
        with pytest.raises(HistoryTooNew, match="version 2, and this OPTIX reads up to 1"):
            store_in(tmp_path).reader().days(DatasetName.OPTION_QUOTES, "SPY")
        manifest = tmp_path / "option_quotes" / "SPY" / MANIFEST
        manifest.write_bytes(b'{"format": 2, "files": []}')
        with pytest.raises(HistoryTooNew, match="the form 2"):
            store_in(tmp_path).reader().days(DatasetName.OPTION_QUOTES, "SPY")

    def test_older_rows_are_changed_when_they_are_read_and_when_files_are_joined(
        self, tmp_path: Path
    ) -> None:
        store = store_in(tmp_path)
        for minute in range(limits.HISTORY_SMALL_FILES_MAX):
            write(store, option_rows(at(2024, 1, 8, 15, minute), bid=2.0))
        upgrades = {
            (DatasetName.OPTION_QUOTES, 1): lambda rows: rows.with_columns(bid=pl.col("bid") * 10)
        }
        newer = HistoryStore(
            Folder(tmp_path), datasets={**DATASETS, **_second_version()}, upgrades=upgrades
        )
        (table,) = newer.reader().chain_as_of("SPY", None, MONDAY, since_ns=0)
        assert set(table.columns["bid"]) == {20.0}
        with newer.writing("a test") as writer:
            again = writer.write(batch(option_rows(at(2024, 1, 8, 15, 0))))
            added = writer.write(batch(option_rows(at(2024, 1, 8, 15, 30), bid=30.0)))
        assert (again.duplicates, added.stored) == (6, 6)
        series = newer.reader().contract_series(CALL, start_ns=0, end_ns=TUESDAY)
        assert series is not None
        assert list(series.columns["bid"]) == [20.0] * 8 + [30.0]


def _second_version() -> dict[DatasetName, Dataset]:
    first = DATASETS[DatasetName.OPTION_QUOTES]
    columns = [*first.columns, Column("wing", "float")]
    return {first.name: Dataset(name=first.name, columns=columns, key=first.key, version=2)}


def test_a_store_can_be_copied_as_a_folder(tmp_path: Path) -> None:
    write(store_in(tmp_path / "here"), option_rows(MONDAY))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    assert store_in(tmp_path / "there").reader().last_instant("SPY", TUESDAY) == MONDAY
