"""Broken and hostile files end in an error that says why, or in rejected records; never worse.

Proved by cutting, bending and inflating files of the known formats: whatever comes in, the importer
either raises UnreadableFile or accounts for every record, and no bound is passed.
"""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest
from tests.fakes.recorded_files import (
    CBOE_OPTION,
    QUOTE_TABLE_LINE,
    RESEARCH_LAB_SPX,
    RecordedFile,
    cboe_document,
    parquet_frame,
    quote_table,
    research_lab,
    theta_answer,
    zipped,
    zstd,
)
from tests.fakes.recorded_samples import SAMPLES

from optix.adapters.imports import build_importers, find_importer
from optix.adapters.imports.files import iter_blocks, iter_members, read_head, read_whole
from optix.features.market import calendar
from optix.kernel import limits
from optix.ports.history import ImportBatch, UnreadableFile

IMPORTERS = build_importers(calendar)
BY_NAME = {importer.name: importer for importer in IMPORTERS}


def put(folder: Path, body: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


def batches_of(importer: str, path: Path) -> list[ImportBatch]:
    return list(BY_NAME[importer].iter_batches(path))


def reasons(batches: list[ImportBatch]) -> dict[str, int]:
    return {entry.code: entry.count for batch in batches for entry in batch.rejected}


def unpacked(sample: RecordedFile) -> bytes:
    return gzip.decompress(sample.body) if sample.body[:2] == b"\x1f\x8b" else sample.body


class TestAnyBytes:
    @pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample.path))
    def test_cut_and_bent_files_are_accounted_for_or_refused(
        self, sample: RecordedFile, tmp_path: Path
    ) -> None:
        chance = random.Random(sample.path)  # reproducible damage, no secret
        body = unpacked(sample)
        for turn in range(12):
            bent = bytearray(body[: chance.randrange(len(body) + 1)] if turn % 2 else body)
            for _ in range(chance.randrange(6)):
                if bent:
                    bent[chance.randrange(len(bent))] = chance.randrange(256)
            path = tmp_path / sample.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bent)
            try:
                batches = batches_of(sample.importer, path)
            except UnreadableFile:
                continue
            for batch in batches:
                refused = sum(entry.count for entry in batch.rejected)
                assert batch.records == batch.rows.height + refused

    @pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: str(importer.name))
    def test_foreign_bytes_are_refused_or_rejected(self, importer: object, tmp_path: Path) -> None:
        name = importer.name  # type: ignore[attr-defined]  # an Importer; ids want an object
        for body in (b"\x00\xff" * 500, b'{"a": [1, 2', b"a,b\n1,2\n", b"[" * 5000, b"PK\x03\x04x"):
            path = put(tmp_path, body)
            try:
                stored = sum(batch.rows.height for batch in batches_of(name, path))
            except UnreadableFile:
                continue
            assert stored == 0


class TestPacking:
    def test_a_cut_gzip_is_told_after_its_whole_blocks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IMPORT_BLOCK_BYTES_MAX", 4096)
        lines = b"".join(
            b"%d,%d\n" % (n, random.Random(n).getrandbits(60)) for n in range(9000)
        )  # what does not compress
        path = put(tmp_path, gzip.compress(lines)[:-2000])
        blocks: list[bytes] = []
        with pytest.raises(UnreadableFile, match="cut off"):
            blocks.extend(iter_blocks(path))
        assert all(block.endswith(b"\n") for block in blocks)
        assert lines.startswith(b"".join(blocks))
        assert len(blocks) > 1

    def test_a_text_comes_in_blocks_of_whole_lines_within_the_bound(self, tmp_path: Path) -> None:
        line = b"x" * 99 + b"\n"
        lines = line * (2 * limits.IMPORT_BLOCK_BYTES_MAX // len(line) + 2)
        blocks = list(iter_blocks(put(tmp_path, lines)))
        assert b"".join(blocks) == lines
        assert len(blocks) == 3
        # The beginning of a line that a block cut off comes with the next one.
        assert max(map(len, blocks)) < limits.IMPORT_BLOCK_BYTES_MAX + len(line)

    def test_a_cut_document_is_unreadable(self, tmp_path: Path) -> None:
        whole = gzip.compress(cboe_document([CBOE_OPTION]))
        for body in (whole[:-9], zstd(cboe_document([CBOE_OPTION]))[:-9]):
            path = put(tmp_path, body)
            with pytest.raises(UnreadableFile, match=r"cut off|cannot be read|damaged"):
                batches_of("cboe_json", path)

    def test_bombs_are_stopped_at_the_bound(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IMPORT_DOCUMENT_BYTES_MAX", 1_000_000)
        assert len(read_whole(put(tmp_path, b"x" * limits.IMPORT_DOCUMENT_BYTES_MAX))) == 1_000_000
        bomb = b" " * (limits.IMPORT_DOCUMENT_BYTES_MAX + 1)
        for body in (gzip.compress(bomb), zstd(bomb), zipped({"a": bomb.decode()})):
            with pytest.raises(UnreadableFile, match="more than 1000000 bytes"):
                read_whole(put(tmp_path, body))
        with pytest.raises(UnreadableFile, match="more than is read at once"):
            list(iter_members(put(tmp_path, zipped({"a.csv": bomb.decode()}))))
        answer = theta_answer(["a" * (limits.IMPORT_DOCUMENT_BYTES_MAX + 1)], [])
        with pytest.raises(UnreadableFile, match="more than is read at once"):
            batches_of("thetadata_raw", put(tmp_path, answer))

    def test_a_text_without_end_is_stopped_at_the_bound(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IMPORT_UNPACKED_BYTES_MAX", 10_000)
        monkeypatch.setattr(limits, "IMPORT_BLOCK_BYTES_MAX", 1_000)
        whole = b"a\n" * (limits.IMPORT_UNPACKED_BYTES_MAX // 2)
        assert b"".join(iter_blocks(put(tmp_path, whole))) == whole
        with pytest.raises(UnreadableFile, match="more than 10000 bytes"):
            list(iter_blocks(put(tmp_path, whole + b"a\n")))
        with pytest.raises(UnreadableFile, match="at once"):
            list(iter_members(put(tmp_path, zipped({"a": "x" * 6000, "b": "x" * 6000}))))

    def test_a_line_without_end_is_stopped_at_the_bound(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IMPORT_BLOCK_BYTES_MAX", 1_000)
        path = put(tmp_path, b"x" * (limits.IMPORT_LINE_BYTES_MAX + 1_000))
        with pytest.raises(UnreadableFile, match="line beyond"):
            list(iter_blocks(path))

    def test_a_zip_of_too_many_files_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "IMPORT_ZIP_MEMBERS_MAX", 2)
        names = [f"{number}.csv" for number in range(limits.IMPORT_ZIP_MEMBERS_MAX)]
        assert [name for name, _ in iter_members(put(tmp_path, zipped(dict.fromkeys(names, "x"))))]
        path = put(tmp_path, zipped(dict.fromkeys([*names, "more.csv"], "x")))
        with pytest.raises(UnreadableFile, match="more than 2 files"):
            list(iter_members(path))

    def test_a_packed_table_of_too_many_rows_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = put(tmp_path, parquet_frame())
        rows = sum(batch.records for batch in batches_of("yahoo_frame", path))
        monkeypatch.setattr(limits, "IMPORT_FRAME_ROWS_MAX", rows)
        assert sum(batch.records for batch in batches_of("yahoo_frame", path)) == rows
        monkeypatch.setattr(limits, "IMPORT_FRAME_ROWS_MAX", limits.IMPORT_FRAME_ROWS_MAX - 1)
        with pytest.raises(UnreadableFile, match=f"more than {limits.IMPORT_FRAME_ROWS_MAX} rows"):
            batches_of("yahoo_frame", path)

    def test_a_head_is_as_long_as_its_bound(self, tmp_path: Path) -> None:
        path = put(tmp_path, gzip.compress(b"x" * (limits.IMPORT_HEAD_BYTES_MAX + 1)))
        assert len(read_head(path)) == limits.IMPORT_HEAD_BYTES_MAX

    def test_members_with_paths_are_names_and_never_files(self, tmp_path: Path) -> None:
        evil = "../../20240105_xyz_minute_quote_american_call_500000_20240119.csv"
        good = "20240105_xyz_minute_quote_american_put_500000_20240119.csv"
        line = "34200000,1,1,1,10000,1,1,1,1,12000,1"
        path = put(tmp_path, zipped({good: line, evil: line, "/etc/x": line}), "x.zip")
        batches = batches_of("lean_options", path)
        assert sum(batch.rows.height for batch in batches) == 1
        assert reasons(batches) == {"malformed_contract": 2}
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["x.zip"]
        assert not (tmp_path.parent / "x").exists()

    def test_a_zip_with_a_password_and_an_empty_one_are_refused(self, tmp_path: Path) -> None:
        packed = bytearray(zipped({"xyz.csv": "20240104 00:00,1,1,1,1,1"}))
        packed[6] |= 1  # the mark of encryption, in the member and in the directory
        packed[packed.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(UnreadableFile, match="cannot be read"):
            batches_of("lean_securities", put(tmp_path, bytes(packed)))
        nothing = io.BytesIO()
        zipfile.ZipFile(nothing, "w").close()
        with pytest.raises(UnreadableFile, match="without any file"):
            read_whole(put(tmp_path, nothing.getvalue()))

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(UnreadableFile, match="No such file"):
            find_importer(IMPORTERS, tmp_path / "nothing")


class TestLines:
    def test_lines_of_another_length_are_rejected_and_never_padded(self, tmp_path: Path) -> None:
        rows = RESEARCH_LAB_SPX.splitlines()
        rows[1] = rows[1].rpartition(",")[0]  # one field less
        rows[3] += ",9"  # and one more: the commas of the file add up
        batches = batches_of("research_lab_csv", put(tmp_path, research_lab("\n".join(rows))))
        assert reasons(batches) == {"wrong_columns": 2}
        assert sum(batch.rows.height for batch in batches) == 6

    def test_an_open_quote_costs_its_own_line_only(self, tmp_path: Path) -> None:
        rows = RESEARCH_LAB_SPX.splitlines()
        rows[2] = rows[2].replace("SPX", '"SPX', 1)
        batches = batches_of("research_lab_csv", put(tmp_path, research_lab("\n".join(rows))))
        assert reasons(batches) == {"wrong_columns": 1}
        assert sum(batch.rows.height for batch in batches) == 7

    def test_numbers_that_are_none_cost_their_row(self, tmp_path: Path) -> None:
        odd = QUOTE_TABLE_LINE.replace("1.1,1.2,7", "abc,1.2,7")
        negative = QUOTE_TABLE_LINE.replace("50000", "51000").replace("50.00", "51.00")
        negative = negative.replace("1.1,1.2,7", "-1,1.2,7")
        absurd = QUOTE_TABLE_LINE.replace("50000", "52000").replace("50.00", "52.00")
        absurd = absurd.replace("1.1,1.2,7", "1.1,1e300,7")
        path = put(tmp_path, quote_table(odd + negative + absurd))
        batches = batches_of("cboe_csv", path)
        assert reasons(batches) == {"not_a_number": 1, "negative_number": 1, "absurd_number": 1}
        assert batches[1].rows.height == 3  # the puts
        shown = [entry.example for batch in batches for entry in batch.rejected]
        assert any("abc" in example for example in shown)

    def test_a_short_line_of_the_quote_table_costs_both_its_contracts(self, tmp_path: Path) -> None:
        path = put(tmp_path, quote_table(QUOTE_TABLE_LINE + "Fri Oct 20 2023,XYZ231020C00055000\n"))
        assert reasons(batches_of("cboe_csv", path)) == {"wrong_columns": 2}

    def test_numbers_beyond_json_are_told_apart(self, tmp_path: Path) -> None:
        infinite = {**CBOE_OPTION, "last_trade_price": float("inf")}
        absent = {**CBOE_OPTION, "bid": float("nan")}
        empty = {**CBOE_OPTION, "volume": float("nan"), "ask": 1.3}
        batches = batches_of("cboe_json", put(tmp_path, cboe_document([infinite, absent, empty])))
        assert reasons(batches) == {"not_a_number": 1, "missing_field": 1}
        assert batches[1].rows.height == 1

    def test_a_row_of_too_many_levels_is_shown_as_such(self, tmp_path: Path) -> None:
        deep = b"[" * 1_010 + b"]" * 1_010
        document = cboe_document([CBOE_OPTION, "deep"]).replace(b'"deep"', deep)
        path = put(tmp_path, document)
        shown = [
            entry.example for batch in batches_of("cboe_json", path) for entry in batch.rejected
        ]
        assert shown == ["an object of too many levels"]

    def test_rows_of_a_document_that_are_no_rows_are_rejected(self, tmp_path: Path) -> None:
        odd = {**CBOE_OPTION, "bid": "1.0x"}
        other = {**CBOE_OPTION, "option": "ABC260717C00050000"}
        broken = {**CBOE_OPTION, "option": "XYZ26C1"}
        path = put(tmp_path, cboe_document([CBOE_OPTION] * 3 + [odd, other, broken, 7, None]))
        assert reasons(batches_of("cboe_json", path)) == {
            "not_a_row": 2,
            "malformed_contract": 1,
            "other_underlying": 1,
            "not_a_number": 1,
        }
