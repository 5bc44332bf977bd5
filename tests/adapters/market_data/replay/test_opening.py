"""Every path a person may give: the format is found out, or the error says what is wrong."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.cboe import option_row, options_document, usual_rows
from tests.fakes.cboe_csv import csv_line, quotedata
from tests.fakes.recordings import (
    write_document,
    write_documents,
    write_gzip,
    write_lean,
    write_recording,
)

from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay import open_recording
from optix.adapters.market_data.replay.tape import FILES_MAX
from optix.kernel.clock import to_datetime


class TestFormats:
    def test_documents_packed_or_plain_whatever_their_name(self, tmp_path: Path) -> None:
        document = options_document(usual_rows())
        for name in ("a.json", "b.json.gz", "c.dat"):
            tape = open_recording(write_document(tmp_path / name, document))
            assert tape.description == "Cboe document"
            assert tape.accounting().as_dict()["served"] == 12

    def test_a_packed_file_without_its_suffix(self, tmp_path: Path) -> None:
        path = write_gzip(tmp_path / "chain", quotedata([csv_line()]).encode())
        assert open_recording(path).description == "Cboe quotedata"

    def test_minute_zips_by_file_and_by_folder(self, tmp_path: Path) -> None:
        place = write_lean(tmp_path)
        for path in (place, place.parent, place / "20151224_quote_american.zip"):
            assert open_recording(path).description == "Lean minute bars"

    def test_our_own_recordings_by_file_folder_and_other_name(self, tmp_path: Path) -> None:
        path = write_recording(tmp_path / "iwm.parquet")
        other = tmp_path / "renamed.bin"
        other.write_bytes(path.read_bytes())
        for given in (path, str(path), tmp_path, other):
            assert open_recording(given).description == "OPTIX recording"

    def test_a_folder_and_a_pattern_play_in_the_order_of_publication(self, tmp_path: Path) -> None:
        folder = write_documents(tmp_path / "iwm")
        (folder / "notes.txt").write_text("not a recording")
        for path in (folder, folder / "IWM_*.json.gz"):
            tape = open_recording(path)
            hours = [to_datetime(tick.instant_ns).hour for tick in tape.iter_ticks()]
            assert hours == [14, 15, 16]
            assert not tape.problems


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"", "is empty"),
            (b" \n ", "is empty"),
            (gzip.compress(b"", mtime=0), "is empty"),
            (b"Hello, this is prose.", "no known format"),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "no known format"),
            (gzip.compress(b"[1, 2, 3]", mtime=0), "no known format"),
            (gzip.compress(b"{" * 5000, mtime=0)[:-20], "cut off"),
            (b"\x1f\x8b\x00\x00\x00", "cut off"),
            (b"\x1f\x8b\x08" + b"\x00" * 7 + b"\xff" * 40, "damaged"),
            (b'{"timestamp": "2026-06-17 14:45:00", "data": {"options": [', "ends too early"),
            (b'{"some": "json"}', "no data"),
            (b"PK\x03\x04rest", "not named like a Lean"),
            (b"PAR1 and nothing", "cut off or no Parquet"),
            (quotedata([]).encode(), "no contract"),
            (quotedata([csv_line()], stamp="yesterday").encode(), "cannot be dated"),
        ],
    )
    def test_a_file_that_is_no_recording_says_why(
        self, tmp_path: Path, content: bytes, says: str
    ) -> None:
        path = tmp_path / "file.json"
        path.write_bytes(content)
        with pytest.raises(UnreadableRecording, match=says) as caught:
            open_recording(path)
        assert "OPTIX_REPLAY" in caught.value.next_step
        assert str(tmp_path) not in caught.value.detail

    def test_a_packed_document_that_was_cut_off_says_so(self, tmp_path: Path) -> None:
        rows = [option_row(f"IWM260717C{strike:08d}") for strike in range(100_000, 900_000, 500)]
        path = write_document(tmp_path / "iwm.json.gz", options_document(rows))
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(UnreadableRecording, match="cut off"):
            open_recording(path)

    @pytest.mark.parametrize("name", ["absent.json", "absent.parquet", "*.json", "no/where"])
    def test_a_path_to_nothing_says_so(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(UnreadableRecording, match=r"no recording|No file matches"):
            open_recording(tmp_path / name)

    def test_a_folder_without_recordings_says_what_could_be_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("x")
        with pytest.raises(UnreadableRecording, match=r"holds no recording.*Parquet"):
            open_recording(tmp_path)

    def test_a_folder_of_broken_files_names_them(self, tmp_path: Path) -> None:
        (tmp_path / "a.json").write_bytes(b"")
        (tmp_path / "b.csv").write_text("nothing,of,this\n")
        with pytest.raises(UnreadableRecording, match=r"No file of the folder"):
            open_recording(tmp_path)

    def test_more_files_than_allowed_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from optix.adapters.market_data.replay import opening

        assert FILES_MAX > 1000
        monkeypatch.setattr(opening, "FILES_MAX", 2)
        with pytest.raises(UnreadableRecording, match="More than 2 files"):
            open_recording(write_documents(tmp_path / "iwm"))

    def test_a_file_larger_than_allowed_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from optix.adapters.market_data.replay import tape

        path = write_document(tmp_path / "iwm.json", options_document(usual_rows()))
        monkeypatch.setattr(tape, "FILE_BYTES_MAX", 100)
        monkeypatch.setattr(tape.read_bounded, "__kwdefaults__", {"length": 100})
        with pytest.raises(UnreadableRecording, match="larger than 100 bytes"):
            open_recording(path)

    def test_a_broken_document_among_good_ones_is_skipped_named_and_counted(
        self, tmp_path: Path
    ) -> None:
        folder = write_documents(tmp_path / "iwm")
        good = options_document(usual_rows(), timestamp="2026-06-17 15:00:00")
        body = write_document(folder / "broken.json", good).read_bytes()
        (folder / "broken.json").write_bytes(body[:-100])
        (folder / "empty.json").write_bytes(b"")
        tape = open_recording(folder)
        assert len(list(tape.iter_ticks())) == 3
        assert any("broken.json" in problem for problem in tape.problems)
        assert any("empty.json" in problem for problem in tape.problems)
        account = tape.accounting()
        assert account.rejected == {"unreadable_document": 1}
        assert account.unaccounted == 0


def test_a_feed_that_replays_nothing_does_not_load_parquet() -> None:
    code = "import sys, optix.adapters.market_data.replay; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"
