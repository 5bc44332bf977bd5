"""What is written is stored once, whole and checked, by one writer, also when it is killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.fakes.history_rows import at, batch, option_rows, store_in, write

from optix.adapters.history import HistoryStore
from optix.adapters.history.storage import Folder
from optix.kernel import limits
from optix.ports.history import BadBatch, DatasetName, HistoryBusy, ImportBatch, Rejected

JANUARY = at(2024, 1, 3)
FEBRUARY = at(2024, 2, 1)


def counted(store: HistoryStore, dataset: DatasetName = DatasetName.OPTION_QUOTES) -> int:
    reader = store.reader()
    return sum(day.rows for name in reader.names(dataset) for day in reader.days(dataset, name))


class TestStoredOnce:
    def test_a_second_write_of_the_same_rows_adds_nothing(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        rows = pl.concat([option_rows(JANUARY), option_rows(FEBRUARY)])
        (first,) = write(store, rows)
        (second,) = write(store, rows)
        assert (first.stored, first.duplicates) == (12, 0)
        assert (second.stored, second.duplicates) == (0, 12)
        assert counted(store) == 12

    def test_a_row_twice_in_a_batch_counts_once_and_the_first_stays(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        (report,) = write(
            store, pl.concat([option_rows(JANUARY, bid=5.0), option_rows(JANUARY, bid=6.0)])
        )
        assert (report.stored, report.duplicates) == (6, 6)
        (table,) = store.reader().chain_as_of("SPY", None, JANUARY, since_ns=0)
        assert set(table.columns["bid"]) == {5.0}

    def test_rows_taken_and_not_yet_written_are_there_already(self, tmp_path: Path) -> None:
        first, second = write(store_in(tmp_path), option_rows(JANUARY), option_rows(JANUARY))
        assert (first.stored, second.stored, second.duplicates) == (6, 0, 6)

    def test_roots_that_share_strike_and_date_stay_two(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(
            store,
            option_rows(JANUARY, underlying="SPX", root="SPX"),
            option_rows(JANUARY, underlying="SPX", root="SPXW"),
        )
        (table,) = store.reader().chain_as_of("SPX", None, JANUARY, since_ns=0)
        assert len({contract.key for contract in table.contracts}) == 12

    def test_sources_do_not_hide_each_other(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(JANUARY, source="one"), option_rows(JANUARY, source="two"))
        assert counted(store) == 12

    def test_keys_with_missing_parts_are_compared_too(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        split: dict[str, list[Any]] = {
            "symbol": ["AAPL"],
            "kind": ["split"],
            "ex_date": [date(2014, 6, 9)],
        }
        split |= {"ratio": [7.0], "source": ["made_up"]}
        with store.writing("a test") as writer:
            first = writer.write_columns(DatasetName.CORPORATE_ACTIONS, split)
            writer.flush()
            second = writer.write_columns(DatasetName.CORPORATE_ACTIONS, split)
        assert (first.stored, second.stored, second.duplicates) == (1, 0, 1)

    def test_many_small_batches_stay_few_files(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        for minute in range(3 * limits.HISTORY_SMALL_FILES_MAX):
            write(store, option_rows(at(2024, 1, 3, 15, minute)))
            files = list((tmp_path / "option_quotes" / "SPY").glob("*.parquet"))
            assert len(files) <= limits.HISTORY_SMALL_FILES_MAX + 1
        assert counted(store) == 6 * 3 * limits.HISTORY_SMALL_FILES_MAX

    def test_a_file_never_has_more_rows_than_allowed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "HISTORY_FILE_ROWS_MAX", 20)
        store = store_in(tmp_path)
        write(store, pl.concat([option_rows(at(2024, 1, 3, 15, minute)) for minute in range(10)]))
        files = sorted((tmp_path / "option_quotes" / "SPY").glob("*.parquet"))
        heights = [pl.read_parquet(file, hive_partitioning=False).height for file in files]
        assert sum(heights) == 60
        assert max(heights) <= limits.HISTORY_FILE_ROWS_MAX
        assert set(heights) == {6, 18}, "three instants to a file, the last has the rest"

    def test_what_is_taken_is_written_when_it_becomes_much(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "HISTORY_STAGED_ROWS_MAX", 10)
        monkeypatch.setattr(limits, "HISTORY_OPEN_PARTITIONS_MAX", 1)
        store = store_in(tmp_path)
        with store.writing("a test") as writer:
            writer.write(batch(option_rows(JANUARY)))
            assert counted(store) == 0
            writer.write(batch(option_rows(JANUARY, underlying="IWM")))
            assert counted(store) == 12 > limits.HISTORY_STAGED_ROWS_MAX
            assert limits.HISTORY_OPEN_PARTITIONS_MAX < 2
            again = writer.write(batch(option_rows(JANUARY)))
        assert again.duplicates == 6, "known although its partition was closed"


class TestRefused:
    @pytest.mark.parametrize(
        ("column", "value", "code"),
        [
            ("bid", -0.01, "negative_bid"),
            ("ask", float("nan"), "not_finite_ask"),
            ("ask", float("inf"), "not_finite_ask"),
            ("spot", limits.PRICE_MAX * 2, "absurd_spot"),
            ("vendor_delta", float("-inf"), "not_finite_vendor_delta"),
            ("vendor_rho", limits.PRICE_MAX * -2, "absurd_vendor_rho"),
            ("right", "X", "bad_right"),
            ("strike_milli", 0, "bad_strike"),
            ("strike_milli", limits.STRIKE_MILLI_MAX + 1, "bad_strike"),
            ("quality", "splendid", "bad_quality"),
            ("root", None, "missing_root"),
            ("source", "", "empty_source"),
            ("source", "x" * (limits.HISTORY_TEXT_LENGTH_MAX + 1), "long_source"),
            ("expiration", date(limits.HISTORY_YEAR_MAX + 1, 1, 1), "absurd_expiration"),
            ("expiration", date(limits.HISTORY_YEAR_MIN - 1, 12, 31), "absurd_expiration"),
            ("ts_event", 2**62, "absurd_ts_event"),
        ],
    )
    def test_a_bad_value_is_refused_with_its_reason_and_the_others_are_stored(
        self, tmp_path: Path, column: str, value: object, code: str
    ) -> None:
        good = option_rows(JANUARY).with_columns(vendor_delta=pl.lit(0.5), vendor_rho=pl.lit(0.1))
        kind = good.schema[column]
        bad = good.head(1).with_columns(pl.lit(value, dtype=kind).alias(column))
        store = store_in(tmp_path)
        (report,) = write(store, pl.concat([bad, good.slice(1)]))
        (refused,) = report.rejected
        assert (refused.code, refused.count) == (code, 1)
        assert refused.reason.endswith(".")
        assert refused.example
        assert (report.records, report.stored) == (6, 5)
        assert counted(store) == 5

    def test_a_split_without_a_ratio_above_zero_is_refused(self, tmp_path: Path) -> None:
        split: dict[str, list[Any]] = {
            "symbol": ["AAPL"],
            "kind": ["split"],
            "ex_date": [date(2014, 6, 9)],
        }
        with store_in(tmp_path).writing("a test") as writer:
            report = writer.write_columns(
                DatasetName.CORPORATE_ACTIONS, {**split, "ratio": [0.0], "source": ["made_up"]}
            )
        assert [entry.code for entry in report.rejected] == ["bad_ratio"]

    def test_a_value_of_another_type_is_refused_alone(self, tmp_path: Path) -> None:
        rows = option_rows(JANUARY).with_columns(bid=pl.Series(["1", "2", "x", "4", "5", "6"]))
        (report,) = write(store_in(tmp_path), rows)
        assert [(entry.code, entry.count, entry.example) for entry in report.rejected] == [
            ("bad_bid", 1, "x")
        ]
        assert report.stored == 5

    def test_instants_may_come_as_datetimes_of_any_unit(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        rows = option_rows(JANUARY).with_columns(
            pl.from_epoch("ts_event", "ns").dt.cast_time_unit("us")
        )
        write(store, rows)
        assert store.reader().last_instant("SPY", FEBRUARY) == JANUARY

    def test_a_row_with_two_faults_counts_once(self, tmp_path: Path) -> None:
        rows = option_rows(JANUARY).with_columns(bid=pl.lit(-1.0), ask=pl.lit(float("nan")))
        (report,) = write(store_in(tmp_path), rows)
        assert sum(entry.count for entry in report.rejected) == report.records == 6
        assert not (tmp_path / "option_quotes").exists()

    def test_what_the_importer_rejected_stays_in_the_count(self, tmp_path: Path) -> None:
        odd = Rejected(code="odd", reason="It is odd.", count=2)
        rows = option_rows(JANUARY)
        with store_in(tmp_path).writing("a test") as writer:
            report = writer.write(
                ImportBatch(dataset=DatasetName.OPTION_QUOTES, rows=rows, records=8, rejected=[odd])
            )
        assert (report.records, report.stored, list(report.rejected)) == (8, 6, [odd])

    def test_a_batch_that_does_not_fit_as_a_whole_is_the_importers_mistake(
        self, tmp_path: Path
    ) -> None:
        rows = option_rows(JANUARY)
        with store_in(tmp_path).writing("a test") as writer:
            with pytest.raises(BadBatch, match="no column colour"):
                writer.write(batch(rows.with_columns(colour=pl.lit("red"))))
            with pytest.raises(BadBatch, match="7 records has 6 rows"):
                writer.write(ImportBatch(dataset=DatasetName.OPTION_QUOTES, rows=rows, records=7))
            with pytest.raises(BadBatch, match="no columns of series"):
                writer.write_columns(DatasetName.SERIES, {"name": ["a"], "date": ["never"]})
            with pytest.raises(BadBatch, match="data frame"):
                writer.write(ImportBatch(dataset=DatasetName.SERIES, rows=NoFrame(), records=1))


class NoFrame:
    height = 1
    columns: list[str] = []  # noqa: RUF012  # the protocol wants a plain attribute


class TestOneWriter:
    def test_a_second_writer_is_told_who_writes(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        with (
            store.writing("the daily capture"),
            pytest.raises(HistoryBusy) as refused,
            store_in(tmp_path).writing("another"),
        ):
            pass
        assert "the daily capture" in refused.value.detail
        assert f"process {os.getpid()}" in refused.value.detail

    def test_readers_do_not_wait_for_the_writer(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(JANUARY))
        with store.writing("a test") as writer:
            writer.write(batch(option_rows(FEBRUARY)))
            assert store.reader().last_instant("SPY", FEBRUARY) == JANUARY
        assert store.reader().last_instant("SPY", FEBRUARY) == FEBRUARY

    def test_what_was_taken_before_an_error_is_kept(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)

        def stopped() -> None:
            with store.writing("a test") as writer:
                writer.write(batch(option_rows(JANUARY)))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            stopped()
        assert counted(store) == 6


class StopsAfter(Folder):
    """A folder whose program dies before its n-th change of the disk."""

    def __init__(self, root: Path, changes: int) -> None:
        super().__init__(root)
        self.left = changes

    def _step(self) -> None:
        if self.left == 0:
            raise SystemExit("killed")
        self.left -= 1

    def put(self, name: str, body: bytes | memoryview) -> None:
        self._step()
        super().put(name, body)

    def delete(self, name: str) -> None:
        self._step()
        super().delete(name)


class TestKilled:
    @pytest.mark.parametrize("steps", range(14))
    def test_between_any_two_steps_readers_see_the_old_rows_or_the_new(
        self, tmp_path: Path, steps: int
    ) -> None:
        # The ninth file joins the eight before, which then are removed: every kind of step.
        store = store_in(tmp_path)
        for minute in range(limits.HISTORY_SMALL_FILES_MAX):
            write(store, option_rows(at(2024, 1, 3, 15, minute)))
        before, added = counted(store), option_rows(at(2024, 1, 3, 16))
        with contextlib.suppress(SystemExit):
            write(HistoryStore(StopsAfter(tmp_path, steps)), added)
        assert counted(store_in(tmp_path)) in {before, before + 6}
        (again,) = write(store_in(tmp_path), added)
        assert again.stored + again.duplicates == 6
        assert counted(store_in(tmp_path)) == before + 6
        folder = tmp_path / "option_quotes" / "SPY"
        assert len(list(folder.glob("*.parquet"))) in {1, 2}, "nothing that nobody reads is left"

    def test_the_steps_of_that_test_reach_the_end(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        for minute in range(limits.HISTORY_SMALL_FILES_MAX):
            write(store, option_rows(at(2024, 1, 3, 15, minute)))
        storage = StopsAfter(tmp_path, 13)
        write(HistoryStore(storage), option_rows(at(2024, 1, 3, 16)))
        assert 0 < storage.left < 13

    def test_a_program_that_is_killed_leaves_no_lock(self, tmp_path: Path) -> None:
        program = (
            "import os, sys\nfrom pathlib import Path\n"
            "from optix.adapters.history.storage import Folder\n"
            "with Folder(Path(sys.argv[1])).lock('a program'):\n    os.kill(os.getpid(), 9)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
        assert done.returncode == -9
        write(store_in(tmp_path), option_rows(JANUARY))
        assert counted(store_in(tmp_path)) == 6

    def test_half_a_file_from_a_crash_is_removed(self, tmp_path: Path) -> None:
        store = store_in(tmp_path)
        write(store, option_rows(JANUARY))
        folder = tmp_path / "option_quotes" / "SPY"
        (folder / ".2024-01-half.parquet.tmp").write_bytes(b"PAR1")
        (folder / "2024-01-orphan.parquet").write_bytes(b"PAR1")
        assert counted(store) == 6
        write(store, option_rows(FEBRUARY))
        assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".parquet", ".parquet"]
