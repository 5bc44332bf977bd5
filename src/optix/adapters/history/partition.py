"""One partition as its writer sees it: what is stored, what is taken and not yet written.

Whether a row is there already is asked by a hash of its key first, and only of files whose times
overlap; rows whose hash is known are compared with the stored keys themselves, so that two keys of
one hash are never taken for one row.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from optix.adapters.history import files
from optix.adapters.history.layout import (
    PAGE_BYTES,
    PLACES,
    ROW_GROUP_ROWS,
    Place,
    folder_of,
    in_order,
    span_name,
    time_of,
)
from optix.adapters.history.manifest import MANIFEST, DataFile, Manifest
from optix.adapters.history.storage import Storage, is_temporary
from optix.kernel import limits
from optix.ports.history import Dataset

VERSION_KEY: Final = "optix.history"


@dataclass(slots=True)
class _Known:
    """Rows that are there: the hashes of their keys, and where the keys themselves are."""

    first: int
    last: int
    hashes: pl.Series
    rows: pl.DataFrame | None = None  # taken and not yet written
    file: DataFile | None = None


@dataclass(slots=True)
class Partition:
    storage: Storage
    dataset: Dataset
    name: str
    upgrades: files.Upgrades
    manifest: Manifest = field(init=False)
    _known: list[_Known] = field(default_factory=list)
    _unread: list[DataFile] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.manifest = files.load_manifest(self.storage, self.dataset, self.name)
        self._unread = list(self.manifest.files)
        self._sweep()

    @property
    def place(self) -> Place:
        return PLACES[self.dataset.name]

    @property
    def folder(self) -> str:
        return f"{self.dataset.name}/{folder_of(self.name)}"

    @property
    def staged_rows(self) -> int:
        return sum(known.rows.height for known in self._known if known.rows is not None)

    def _sweep(self) -> None:
        """Remove what a program that died left: nobody reads it, and no other writer lives."""
        wanted = {MANIFEST, *(entry.name for entry in self.manifest.files)}
        for name in self.storage.listed(self.folder):
            if name not in wanted and (name.endswith(".parquet") or is_temporary(name)):
                self.storage.delete(f"{self.folder}/{name}")

    def take(self, rows: pl.DataFrame, hashes: pl.Series) -> int:
        """Take the rows that are not there; return how many. Keys in `rows` are distinct."""
        times = rows.select(time_of(self.place).alias("time")).to_series()
        first, last = int(times.min() or 0), int(times.max() or 0)  # type: ignore[arg-type]  # of an int column
        self._read_keys(first, last)
        near = [known for known in self._known if known.first <= last and first <= known.last]
        there = self._there(rows, hashes, near)
        if there is not None:
            rows, hashes = rows.filter(~there), hashes.filter(~there)
        if rows.height:
            self._known.append(_Known(first, last, hashes, rows=rows))
            self._join_small()
        return rows.height

    def _read_keys(self, first: int, last: int) -> None:
        """Learn the keys of the files that reach into a span of time."""
        for entry in [entry for entry in self._unread if entry.overlaps(first, last)]:
            keys = self._keys_of(entry)
            self._known.append(_Known(entry.first, entry.last, keys.hash_rows(), file=entry))
            self._unread.remove(entry)

    def _keys_of(self, entry: DataFile) -> pl.DataFrame:
        rows = files.scan(self.storage, self.dataset, self.name, [entry], self.upgrades)
        return rows.select(self.dataset.key).collect()

    def _there(
        self, rows: pl.DataFrame, hashes: pl.Series, near: Sequence[_Known]
    ) -> pl.Series | None:
        """Return which rows are there already; None when none is."""
        keys = list(self.dataset.key)
        there: pl.Series | None = None
        for known in near:
            # The small side becomes the hash table.
            hits = known.hashes.filter(known.hashes.is_in(hashes.implode()))
            if not hits.len():
                continue
            maybe = hashes.is_in(hits.implode())
            stored = self._keys_of(known.file) if known.rows is None else known.rows.select(keys)  # type: ignore[arg-type]  # one of both is set
            asked = rows.select(keys).with_row_index("_row").filter(maybe)
            found = asked.join(stored, on=keys, how="semi", nulls_equal=True)["_row"]
            mark = pl.Series(range(rows.height), dtype=pl.UInt32).is_in(found.implode())
            there = mark if there is None else there | mark
        return there

    def _join_small(self) -> None:
        """Keep the number of pieces to compare with small, however small the batches are."""
        staged = [known for known in self._known if known.rows is not None]
        if len(staged) < 16:
            return
        rows = pl.concat([known.rows for known in staged if known.rows is not None], rechunk=True)
        joined = _Known(
            min(known.first for known in staged),
            max(known.last for known in staged),
            pl.concat([known.hashes for known in staged], rechunk=True),
            rows=rows,
        )
        self._known = [known for known in self._known if known.rows is None] + [joined]

    def write(self) -> None:
        """Write what was taken: new files, then the manifest, then away with what they replace."""
        staged = [known.rows for known in self._known if known.rows is not None]
        if not staged:
            return
        added: list[DataFile] = []
        replaced: list[DataFile] = []
        for number, rows in in_order(pl.concat(staged, rechunk=True), self.place):
            span = span_name(self.place, number)
            joined, small = self._with_small(span, rows)
            replaced += small
            added += [self._write_file(span, piece) for piece in self._pieces(joined)]
        kept = [entry for entry in self.manifest.files if entry not in replaced]
        manifest = Manifest(tuple(sorted([*kept, *added], key=lambda entry: entry.name)))
        self.storage.put(f"{self.folder}/{MANIFEST}", manifest.encode())
        for entry in replaced:
            self.storage.delete(f"{self.folder}/{entry.name}")
        self.manifest = manifest
        self._known = [known for known in self._known if known.rows is None]
        self._known = [known for known in self._known if known.file not in replaced]
        self._unread = [entry for entry in self._unread if entry not in replaced] + added

    def _with_small(self, span: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[DataFile]]:
        """Return `rows` with those of the small files of its span, once these are too many."""
        small = [
            entry
            for entry in self.manifest.files
            if entry.span == span and entry.rows < limits.HISTORY_FILE_ROWS_MAX // 2
        ]
        if len(small) < limits.HISTORY_SMALL_FILES_MAX:
            return rows, []
        stored = files.scan(self.storage, self.dataset, self.name, small, self.upgrades).collect()
        (_, joined), *_ = in_order(pl.concat([stored, rows]), self.place)
        return joined, small

    def _pieces(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Cut ordered rows into files along time, never within an instant if it can be helped."""
        bound = limits.HISTORY_FILE_ROWS_MAX
        if rows.height <= bound or self.place.time is None:
            yield rows
            return
        ordered = rows.sort(self.place.time)
        times = ordered[self.place.time]
        begin = 0
        while begin < ordered.height:
            end = min(begin + bound, ordered.height)
            if end < ordered.height:
                whole = int(times.search_sorted(times[end], side="left"))
                end = whole if whole > begin else end
            ((_, piece),) = in_order(ordered.slice(begin, end - begin), self.place)
            yield piece
            begin = end

    def _write_file(self, span: str, rows: pl.DataFrame) -> DataFile:
        times = rows.select(time_of(self.place).alias("time")).to_series()
        name = f"{span}-{secrets.token_hex(8)}.parquet"
        body = io.BytesIO()
        # The folder says the partition, and a column without any value needs no bytes.
        kept = [
            column
            for column in rows.columns
            if column != self.place.partition and rows[column].null_count() < rows.height
        ]
        rows.select(kept).write_parquet(
            body,
            compression="zstd",
            compression_level=1,
            row_group_size=ROW_GROUP_ROWS,
            data_page_size=PAGE_BYTES,
            metadata={VERSION_KEY: str(self.dataset.version)},
        )
        self.storage.put(f"{self.folder}/{name}", body.getbuffer())
        return DataFile(
            name=name,
            span=span,
            rows=rows.height,
            first=int(times.min() or 0),  # type: ignore[arg-type]  # of an int column
            last=int(times.max() or 0),  # type: ignore[arg-type]  # of an int column
            version=self.dataset.version,
        )
