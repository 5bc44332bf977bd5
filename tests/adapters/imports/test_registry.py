"""Each format has one importer, and every record of a file is stored or rejected with a reason.

Proved on made-up files of every format: exactly one importer recognises each, under its own name
and under none, plain and packed, and the batches add up to what the file holds.
"""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from tests.fakes.recorded_files import RecordedFile, zipped, zstd
from tests.fakes.recorded_samples import SAMPLES

from optix.adapters.imports import build_importers, find_importer
from optix.adapters.imports.files import read_head
from optix.features.market import calendar
from optix.ports.history import DATASETS, ImportBatch, Importer, UnreadableFile

IMPORTERS = build_importers(calendar)
BY_NAME = {importer.name: importer for importer in IMPORTERS}
each = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample.path))

# What only the name of a file tells: these are not found under another one.
_TOLD_BY_NAME = {"documents", "funds_rate"}


def recognised(path: Path) -> list[str]:
    head = read_head(path)
    return [importer.name for importer in IMPORTERS if importer.recognises(path, head)]


def rejected(batches: list[ImportBatch]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for batch in batches:
        for entry in batch.rejected:
            counts[entry.code] += entry.count
    return dict(counts)


class TestRecognition:
    @each
    def test_each_file_is_recognised_by_its_importer_alone(
        self, sample: RecordedFile, tmp_path: Path
    ) -> None:
        assert recognised(sample.write(tmp_path)) == [sample.importer]

    @each
    def test_content_tells_the_format_and_not_the_name(
        self, sample: RecordedFile, tmp_path: Path
    ) -> None:
        path = tmp_path / "downloaded"
        path.write_bytes(sample.body)
        expected = [] if sample.importer in _TOLD_BY_NAME else [sample.importer]
        assert recognised(path) == expected

    @each
    def test_packing_hides_no_format(self, sample: RecordedFile, tmp_path: Path) -> None:
        if sample.body[:2] in {b"\x1f\x8b", b"PK", b"\x28\xb5"} or sample.importer in _TOLD_BY_NAME:
            pytest.skip("It is packed already, or told by its name.")
        for name, packed in (
            ("a.gz", gzip.compress(sample.body)),
            ("a.zst", zstd(sample.body)),
            ("a.zip", zipped({"inside": sample.body.decode("latin-1")})),
        ):
            if name == "a.zip" and not sample.body.isascii():
                continue
            path = tmp_path / name
            path.write_bytes(packed)
            assert recognised(path) == [sample.importer], name

    def test_every_importer_has_a_sample_and_a_name_of_its_own(self) -> None:
        names = [importer.name for importer in IMPORTERS]
        assert len(names) == len(set(names))
        assert {sample.importer for sample in SAMPLES} == set(names)
        assert all(importer.label for importer in IMPORTERS)

    def test_what_nobody_knows_has_no_importer(self, tmp_path: Path) -> None:
        for name, body in (
            ("a.csv", b"a,b\n1,2\n"),
            ("a.json", b'{"a": 1}'),
            ("a.bin", bytes(range(256)) * 10),
            ("empty", b""),
        ):
            path = tmp_path / name
            path.write_bytes(body)
            assert find_importer(IMPORTERS, path) is None

    def test_two_claims_are_an_error_and_no_choice(self, tmp_path: Path) -> None:
        sample = SAMPLES[0]
        importer = BY_NAME[sample.importer]
        with pytest.raises(UnreadableFile, match="several formats"):
            find_importer([importer, importer], sample.write(tmp_path))


class TestAccounting:
    @each
    def test_every_record_is_stored_or_rejected_with_a_reason(
        self, sample: RecordedFile, tmp_path: Path
    ) -> None:
        importer: Importer = BY_NAME[sample.importer]
        batches = list(importer.iter_batches(sample.write(tmp_path)))
        assert sum(batch.rows.height for batch in batches) == sample.stored
        assert rejected(batches) == dict(sample.rejected)
        for batch in batches:
            refused = sum(entry.count for entry in batch.rejected)
            assert batch.records == batch.rows.height + refused
            assert all(entry.reason.endswith(".") for entry in batch.rejected)

    @each
    def test_batches_have_columns_of_their_dataset_and_all_required_ones(
        self, sample: RecordedFile, tmp_path: Path
    ) -> None:
        for batch in BY_NAME[sample.importer].iter_batches(sample.write(tmp_path)):
            columns = DATASETS[batch.dataset].columns
            assert set(batch.rows.columns) <= {column.name for column in columns}
            if batch.rows.height:
                required = {column.name for column in columns if column.required}
                assert required <= set(batch.rows.columns)
