"""Recordings of a feed in Parquet: what a provider delivered, in order, to be played again.

One file, one schema. An update is one or more rows with the same `seq`:

    quote, trade            one row
    status, notice          one row
    chain                   one row for the table, then `spot` (none or one), one `contract` for
                            each contract and one `rejected` for each rejected row

`at_ns` is the market time at which the update was delivered; replay plays it then. A column that a
kind of row does not use is null. A number that the source did not give is NaN, as in the kernel.
Version 2 added prints, trading statuses and what a gap says; files of version 1 stay readable.

While a recording grows it is a folder, `<name>.parts`, of sealed files: each is written beside its
place, synced and renamed, so that a crash costs what came after the last of them and never the
file. Closing joins the parts into `<name>` by the same rule and removes the folder. A folder that a
crash left behind can be played, and a writer of the same name goes on with it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from optix.adapters.market_data.recording.decode import BadRow, Decoder
from optix.adapters.market_data.recording.encode import Entry, encode, row_count
from optix.adapters.market_data.recording.schema import (
    SCHEMA,
    SCHEMAS,
    VERSION,
    VERSION_KEY,
    Recorded,
    RecordingExists,
    UnreadableRecording,
)
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality
from optix.ports.market_data import MarketUpdate

__all__ = [
    "GROUP_ROWS",
    "SCHEMA",
    "SCHEMAS",
    "Recorded",
    "RecordingExists",
    "RecordingWriter",
    "UnreadableRecording",
    "iter_recorded",
    "list_parts",
    "parts_of",
    "time_span",
]

PART_SECONDS = 60.0
PART_ROWS = 500_000
GROUP_ROWS = 65_536


def parts_of(path: Path) -> Path:
    """Return the folder in which the recording `path` grows."""
    return path.with_name(f"{path.name}.parts")


class RecordingWriter:
    """Appends updates to a recording. Not for two threads at once; its calls block on the disk.

    Effects: writes `<path>.parts/`, and `<path>` when it is closed.
    Errors:  RecordingExists when `path` is there; OSError when the disk refuses.
    """

    def __init__(
        self, path: Path, *, part_seconds: float = PART_SECONDS, part_rows: int = PART_ROWS
    ) -> None:
        if path.exists():
            raise RecordingExists(f"There is a recording {path.name} already.")
        self.path = path
        self._parts = parts_of(path)
        self._part_ns = int(part_seconds * NANOSECONDS)
        self._part_rows = part_rows
        self._entries: list[Entry] = []
        self._rows = 0
        self._part_began_ns: int | None = None
        self._parts.mkdir(parents=True, exist_ok=True)
        existing = list_parts(self._parts)
        self._part_number = int(existing[-1].stem) if existing else 0
        self._seq, self._last_ns = _tail(existing[-1]) if existing else (0, None)

    def append(self, update: MarketUpdate, at_ns: int) -> None:
        """Add one update. A time before the last one becomes that one: a tape never goes back."""
        at_ns = at_ns if self._last_ns is None else max(at_ns, self._last_ns)
        self._last_ns = at_ns
        self._seq += 1
        if self._part_began_ns is None:
            self._part_began_ns = at_ns
        self._entries.append(Entry(self._seq, at_ns, update))
        self._rows += row_count(update)
        if self._rows >= self._part_rows or at_ns - self._part_began_ns >= self._part_ns:
            self.seal()

    def seal(self) -> None:
        """Make everything so far survive a crash."""
        if not self._entries:
            return
        self._part_number += 1
        target = self._parts / f"{self._part_number:06d}.parquet"
        _write_sealed(target, iter([pa.Table.from_batches(encode(self._entries), schema=SCHEMA)]))
        self._entries, self._rows, self._part_began_ns = [], 0, None

    def close(self) -> None:
        """Join the parts into the recording. Without any update there is none."""
        self.seal()
        parts = list_parts(self._parts)
        if len(parts) == 1:
            parts[0].replace(self.path)
        elif parts:
            _write_sealed(self.path, (table for part in parts for table in _iter_groups(part)))
        shutil.rmtree(self._parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def list_parts(folder: Path) -> list[Path]:
    """Return the sealed parts of a growing recording, in order."""
    return sorted(part for part in folder.glob("*.parquet") if part.stem.isdigit())


def iter_recorded(path: Path, *, quality: Quality | None = None) -> Iterator[Recorded]:
    """Yield the updates of one file in order, a row group at a time.

    With `quality` every quote, print and chain is marked with it instead of its own.
    Errors: UnreadableRecording says what is wrong with the file.
    """
    decoder = Decoder(quality)
    held: pa.Table | None = None
    for group in _iter_groups(path):
        table = group
        if held is not None and len(held):
            table = pa.concat_tables([held, group]).unify_dictionaries().combine_chunks()
        seq = table.column("seq").to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(seq)) + 1).tolist(), len(seq)]
        # The last update may go on in the next group.
        held = table.slice(cuts[-2])
        yield from _decode(path, decoder, table.slice(0, cuts[-2]), cuts[:-1])
    if held is not None and len(held):
        yield from _decode(path, decoder, held, [0, len(held)])


def _decode(path: Path, decoder: Decoder, table: pa.Table, cuts: list[int]) -> Iterator[Recorded]:
    if not len(table):
        return
    try:
        yield from decoder.decode(table, cuts)
    except BadRow as error:
        seq = table.column("seq")[error.row].as_py()
        raise UnreadableRecording(
            f"{path.name}: its update {seq} cannot be read: {error}."
        ) from error


def time_span(path: Path) -> tuple[int, int] | None:
    """Return the first and the last market time of a file from its footer, None if it is empty."""
    with _open(path) as file:
        place = SCHEMA.get_field_index("at_ns")
        groups = [file.metadata.row_group(index) for index in range(file.num_row_groups)]
        spans = [group.column(place).statistics for group in groups if group.num_rows]
        if not spans or any(span is None or not span.has_min_max for span in spans):
            return None
        return min(span.min for span in spans), max(span.max for span in spans)


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        size = path.stat().st_size if path.is_file() else None
        why = "is empty" if size == 0 else "is cut off or no Parquet file"
        raise UnreadableRecording(f"{path.name} {why}.") from error
    metadata = file.schema_arrow.metadata or {}
    version = metadata.get(VERSION_KEY)
    if version not in SCHEMAS:
        file.close()
        raise UnreadableRecording(
            f"{path.name} is no OPTIX recording."
            if version is None
            else f"{path.name} was recorded in version {version!r}, which this OPTIX cannot read."
        )
    if not file.schema_arrow.equals(SCHEMAS[version]):
        file.close()
        raise UnreadableRecording(f"{path.name} has not the columns of an OPTIX recording.")
    return file


def _iter_groups(path: Path) -> Iterator[pa.Table]:
    with _open(path) as file:
        for index in range(file.num_row_groups):
            try:
                group = file.read_row_group(index, use_threads=False).combine_chunks()
            except (pa.ArrowException, OSError) as error:
                raise UnreadableRecording(f"{path.name} is damaged within: {error}.") from error
            yield _as_newest(group)


def _tail(path: Path) -> tuple[int, int | None]:
    last: tuple[int, int | None] = (0, None)
    for table in _iter_groups(path):
        if len(table):
            last = (table.column("seq")[-1].as_py(), table.column("at_ns")[-1].as_py())
    return last


def _write_sealed(target: Path, tables: Iterator[pa.Table]) -> None:
    temporary = target.with_name(f".{target.name}.tmp")
    with pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=GROUP_ROWS)
    _sync(temporary)
    temporary.replace(target)
    if os.name == "posix":
        _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _as_newest(group: pa.Table) -> pa.Table:
    """Return rows of any version with the columns of the newest one; those it had not are null."""
    for entry in list(SCHEMA)[group.num_columns :]:
        group = group.append_column(entry, pa.nulls(len(group), entry.type))
    return group.replace_schema_metadata({VERSION_KEY: VERSION})
