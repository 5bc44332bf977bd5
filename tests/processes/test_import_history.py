"""`optix import`: every record of every file is in the report, and a second time adds nothing.

A tiny importer of made-up lines lets a test choose each fate of a record; recordings are real ones,
and the last test reads what is recorded from the world.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from tests.fakes.history_rows import at, option_rows, store_in
from tests.fakes.recordings import usual_updates, write_recording
from tests.fixtures.recorded import recorded

from optix.adapters.history import HistoryStore
from optix.adapters.history.recordings import OptixRecording
from optix.cli import main
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quote
from optix.ports.history import (
    DatasetName,
    HistoryBusy,
    ImportBatch,
    Importer,
    Rejected,
    UnreadableFile,
)
from optix.processes import importers
from optix.processes.import_history import (
    ImportReport,
    NothingThere,
    _read_ahead,
    import_paths,
    print_report,
)

JANUARY = at(2024, 1, 3)


class Lines:
    """Reads `lines` files: each line is one record, `bid` or the word odd."""

    name = "lines"
    label = "Lines"

    def recognises(self, path: Path, head: bytes) -> bool:
        return head.startswith(b"lines")

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        strike = 100
        for line in path.read_text().splitlines()[1:]:
            if line == "cut off":
                raise UnreadableFile(f"{path.name} is cut off.")
            if line == "stop":
                raise KeyboardInterrupt
            if line == "odd":
                odd = Rejected(code="odd", reason="It is odd.", example=line)
                yield batch(option_rows(JANUARY).clear(), [odd])
                continue
            strike += 1
            yield batch(option_rows(JANUARY, strikes=(strike,), bid=float(line)).head(1), [])


def batch(rows: pl.DataFrame, rejected: list[Rejected]) -> ImportBatch:
    return ImportBatch(
        dataset=DatasetName.OPTION_QUOTES,
        rows=rows,
        records=rows.height + len(rejected),
        rejected=rejected,
    )


def lines(folder: Path, name: str, *said: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["lines", *said]))
    return path


def run(
    store: HistoryStore, *paths: Path, dry_run: bool = False, said: list[str] | None = None
) -> ImportReport:
    say = (said if said is not None else []).append
    known: list[Importer] = [Lines(), OptixRecording()]
    return import_paths(store, known, paths, dry_run=dry_run, say=say)


def rows_of(store: HistoryStore, dataset: DatasetName = DatasetName.OPTION_QUOTES) -> int:
    reader = store.reader()
    return sum(day.rows for name in reader.names(dataset) for day in reader.days(dataset, name))


class TestReport:
    def test_every_record_has_one_fate(self, tmp_path: Path) -> None:
        lines(tmp_path / "in", "a.txt", "1", "odd", "-1", "2")
        lines(tmp_path / "in", "sub/b.txt", "1", "odd")
        store, said = store_in(tmp_path / "store"), list[str]()
        report = run(store, tmp_path / "in", said=said)
        first, second = report.files
        assert (first.records, first.stored, first.duplicates, first.rejected_count) == (4, 2, 0, 2)
        assert (second.records, second.stored, second.duplicates) == (2, 0, 1)
        assert {code: entry.count for code, entry in first.rejected.items()} == {
            "odd": 1,
            "negative_bid": 1,
        }
        total = report.by_source()["lines"]
        assert total.records == total.stored + total.duplicates + total.rejected_count == 6
        assert total.rejected["odd"].count == 2
        assert report.is_whole
        assert said[0].startswith("[1/2] ")
        assert rows_of(store) == 2

    def test_a_second_import_adds_nothing(self, tmp_path: Path) -> None:
        path = lines(tmp_path, "a.txt", "1", "2", "odd")
        store = store_in(tmp_path / "store")
        run(store, path)
        (again,) = run(store, path).files
        assert (again.stored, again.duplicates, again.rejected_count) == (0, 2, 1)

    def test_a_dry_run_counts_the_same_and_stores_nothing(self, tmp_path: Path) -> None:
        store = store_in(tmp_path / "store")
        run(store, lines(tmp_path, "a.txt", "1"))
        before = sorted((tmp_path / "store").rglob("*"))
        path = lines(tmp_path, "b.txt", "1", "2", "3", "odd")
        rehearsed = run(store, path, path.parent / "a.txt", dry_run=True)
        assert sorted((tmp_path / "store").rglob("*")) == before
        assert rows_of(store) == 1
        real = run(store, path, path.parent / "a.txt")
        assert [file.as_json() for file in rehearsed.files] == [
            file.as_json() for file in real.files
        ]

    def test_unknown_and_broken_files_are_told_and_the_others_go_on(self, tmp_path: Path) -> None:
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "a.bin").write_bytes(b"\x00what")
        lines(tmp_path / "in", "b.txt", "1", "cut off", "2")
        lines(tmp_path / "in", "c.txt", "1", "2")
        (tmp_path / "in" / ".hidden").write_text("lines\n1")
        store = store_in(tmp_path / "store")
        report = run(store, tmp_path / "in")
        assert [(file.source, file.stored, file.problem) for file in report.files] == [
            ("", 0, "No importer knows this format."),
            ("lines", 1, "b.txt is cut off."),
            ("lines", 1, ""),
        ]
        assert not report.is_whole
        printed: list[str] = []
        print_report(report, printed.append)
        text = "\n".join(printed)
        assert "No importer knows this format." in text
        assert "b.txt is cut off." in text

    def test_what_was_read_before_a_cancel_is_kept(self, tmp_path: Path) -> None:
        store, said = store_in(tmp_path / "store"), list[str]()
        paths = [lines(tmp_path, "a.txt", "1"), lines(tmp_path, "b.txt", "1", "2", "stop", "3")]
        report = run(store, *paths, said=said)
        assert report.cancelled
        assert not report.is_whole
        assert rows_of(store) == 2
        assert "kept" in said[-1]

    def test_the_next_batch_is_read_while_one_is_written(self) -> None:
        read_on = threading.Event()

        def batches() -> Iterator[ImportBatch]:
            batch = ImportBatch(dataset=DatasetName.OPTION_QUOTES, rows=pl.DataFrame(), records=0)
            yield batch
            read_on.set()
            yield batch

        ahead = _read_ahead(batches())
        next(ahead)
        assert read_on.wait(30)  # nobody has asked for the second one yet
        assert len(list(ahead)) == 1

    def test_a_file_that_is_named_twice_is_read_once(self, tmp_path: Path) -> None:
        path = lines(tmp_path / "in", "a.txt", "1")
        assert len(run(store_in(tmp_path / "store"), path, tmp_path / "in", path).files) == 1

    def test_a_path_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(NothingThere, match="no-such"):
            run(store_in(tmp_path / "store"), tmp_path / "no-such")

    def test_a_store_that_somebody_writes_is_no_fault_of_a_file(self, tmp_path: Path) -> None:
        store = store_in(tmp_path / "store")
        path = lines(tmp_path, "a.txt", "1")
        with store.writing("the worker"), pytest.raises(HistoryBusy, match="the worker"):
            run(store, path)


class TestRecordings:
    def test_what_was_recorded_becomes_rows(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "feed.parquet", usual_updates())
        updates = [update for _, update in usual_updates()]
        store = store_in(tmp_path / "store")
        (file,) = run(store, path).files
        chains = [update for update in updates if isinstance(update, ChainTable)]
        quotes = [update for update in updates if isinstance(update, Quote)]
        contracts = sum(len(chain) for chain in chains)
        spots = sum(chain.spot is not None for chain in chains)
        rejected = sum(len(chain.rejected) for chain in chains)
        others = len(updates) - len(chains) - len(quotes)
        assert file.source == "optix_recording"
        assert file.records == contracts + spots + len(quotes) + rejected + others
        assert file.rejected_count == rejected + others
        assert file.stored + file.duplicates == contracts + spots + len(quotes)
        (again,) = run(store, path).files
        assert again.stored == 0

    def test_batches_are_of_bounded_size_and_lose_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write_recording(tmp_path / "feed.parquet", usual_updates())
        whole = sum(found.records for found in OptixRecording().iter_batches(path))
        monkeypatch.setattr("optix.adapters.history.recordings.BATCH_ROWS", 1)
        batches = list(OptixRecording().iter_batches(path))
        assert sum(found.records for found in batches) == whole
        assert len(batches) > 2

    def test_another_parquet_file_is_not_ours(self, tmp_path: Path) -> None:
        path = tmp_path / "other.parquet"
        option_rows(JANUARY).write_parquet(path)
        assert not OptixRecording().recognises(path, path.read_bytes())
        assert not OptixRecording().recognises(path, b"")
        path.write_bytes(path.read_bytes()[:50])
        assert not OptixRecording().recognises(path, path.read_bytes())


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the program keeps its history; it knows the made-up lines."""
    monkeypatch.setenv("OPTIX_HISTORY_DIR", str(tmp_path / "store"))
    monkeypatch.setattr(importers, "all_importers", lambda: [Lines()])
    return tmp_path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


class TestCommand:
    def test_json_says_what_the_table_says(self, program: Path) -> None:
        path = lines(program, "a.txt", "1", "-1", "odd", "2")
        table = invoke(path, "--dry-run")
        told = invoke(path, "--json")
        assert (table.exit_code, told.exit_code) == (0, 0)
        body: dict[str, Any] = json.loads(told.stdout)
        (source,) = body["sources"]
        assert (source["records"], source["stored"], source["rejected"]) == (4, 2, 2)
        assert body["records"] == body["stored"] + body["duplicates"] + body["rejected"]
        row = next(line for line in table.stdout.splitlines() if line.startswith("lines"))
        assert row.split()[1:] == ["1", "4", "2", "0", "2"]
        last = next(line for line in table.stdout.splitlines() if line.startswith("all"))
        assert last.split()[1:] == ["1", "4", "2", "0", "2"]
        assert "lines: 1 odd: It is odd." in table.stdout
        assert "dry run" in table.stdout
        assert "[1/1]" in told.stderr

    def test_the_exit_code_says_whether_all_was_read(self, program: Path) -> None:
        assert invoke(lines(program, "a.txt", "odd")).exit_code == 0
        (program / "b.txt").write_text("what")
        assert invoke(program / "b.txt").exit_code == 1
        assert invoke(lines(program, "c.txt", "stop")).exit_code == 130
        assert invoke(program / "no-such").exit_code == 2


@pytest.mark.recorded
def test_what_cboe_published_comes_in_whole_and_only_once(tmp_path: Path) -> None:
    folder = recorded("market/cboe")
    store = store_in(tmp_path / "store")
    first = import_paths(
        store, importers.all_importers(), [folder], dry_run=False, say=lambda _: None
    )
    again = import_paths(
        store, importers.all_importers(), [folder], dry_run=False, say=lambda _: None
    )
    assert first.by_source().keys() == {"cboe_csv", "cboe_json", "documents"}
    assert sum(file.stored for file in first.files) > 100_000
    assert sum(file.stored for file in again.files) == 0
    for file in (*first.files, *again.files):
        assert file.records == file.stored + file.duplicates + file.rejected_count
