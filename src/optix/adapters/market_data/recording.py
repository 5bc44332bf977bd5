"""Recordings of a feed in Parquet: what a provider delivered, in order, to be played again.

One file, one schema. An update is one or more rows with the same `seq`:

    quote                   one row
    chain                   one row for the table, then `spot` (none or one), one `contract` for
                            each contract and one `rejected` for each rejected row
    notice                  one row

`at_ns` is the market time at which the update was delivered; replay plays it then. A column that a
kind of row does not use is null. A number that the source did not give is NaN, as in the kernel.

While a recording grows it is a folder, `<name>.parts`, of sealed files: each is written beside its
place, synced and renamed, so that a crash costs what came after the last of them and never the
file. Closing joins the parts into `<name>` by the same rule and removes the folder. A folder that a
crash left behind can be played, and a writer of the same name goes on with it.
"""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import Conflict
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, QuoteFlag, SecurityKind
from optix.ports.market_data import FeedNotice, MarketUpdate, NoticeState, ProviderUnavailable

VERSION = b"1"
PART_SECONDS = 60.0
PART_ROWS = 500_000
GROUP_ROWS = 65_536

_VERSION_KEY = b"optix.recording"
_WORD = pa.dictionary(pa.int32(), pa.string())
_QUOTE_NUMBERS = tuple(
    entry.name
    for entry in fields(Quote)
    if entry.name
    in {
        "bid",
        "ask",
        "bid_size",
        "ask_size",
        "last",
        "open",
        "high",
        "low",
        "previous_close",
        "volume",
    }
)
_NUMBERS = (*CHAIN_COLUMNS, *(name for name in _QUOTE_NUMBERS if name not in CHAIN_COLUMNS))

SCHEMA = pa.schema(
    [
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("at_ns", pa.int64(), nullable=False),
        pa.field("kind", _WORD, nullable=False),
        pa.field("symbol", _WORD),
        pa.field("source", _WORD),
        pa.field("quality", _WORD),
        pa.field("security_kind", _WORD),
        pa.field("ts_event", pa.int64()),
        pa.field("ts_received", pa.int64()),
        pa.field("complete", pa.bool_()),
        pa.field("flags", pa.int32()),
        pa.field("root", _WORD),
        pa.field("expiration", pa.date32()),
        pa.field("right", _WORD),
        pa.field("strike_milli", pa.int64()),
        pa.field("row_ts_event", pa.int64()),
        *(pa.field(name, pa.float64()) for name in _NUMBERS),
        pa.field("raw", pa.string()),
        pa.field("code", pa.string()),  # of a rejected row; the state of a notice
        pa.field("reason", pa.string()),
    ],
    metadata={_VERSION_KEY: VERSION},
)


class UnreadableRecording(ProviderUnavailable):
    """A recording that cannot be played, with what is wrong with it."""

    code = "unreadable_recording"
    next_step = "Set OPTIX_REPLAY to another recording, or choose OPTIX_FEED=sim."


class RecordingExists(Conflict):
    """A file of that name is already there."""

    code = "recording_exists"
    next_step = "Choose another name, or move the old recording away."


class Recorded(NamedTuple):
    """An update and the market time at which it was delivered. `rows` are its rows in the file."""

    at_ns: int
    update: MarketUpdate
    rows: int


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
        self._batches: list[pa.RecordBatch] = []
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
        batches = _encode(update, self._seq, at_ns)
        self._batches.extend(batches)
        self._rows += sum(len(batch) for batch in batches)
        if self._rows >= self._part_rows or at_ns - self._part_began_ns >= self._part_ns:
            self.seal()

    def seal(self) -> None:
        """Make everything so far survive a crash."""
        if not self._batches:
            return
        self._part_number += 1
        target = self._parts / f"{self._part_number:06d}.parquet"
        _write_sealed(target, iter([pa.Table.from_batches(self._batches, schema=SCHEMA)]))
        self._batches, self._rows, self._part_began_ns = [], 0, None

    def close(self) -> None:
        """Join the parts into the recording. Without any update there is none."""
        self.seal()
        parts = list_parts(self._parts)
        if parts:
            _write_sealed(self.path, (table for part in parts for table in _iter_groups(part)))
        shutil.rmtree(self._parts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def list_parts(folder: Path) -> list[Path]:
    """Return the sealed parts of a growing recording, in order."""
    return sorted(part for part in folder.glob("*.parquet") if part.stem.isdigit())


def iter_recorded(path: Path) -> Iterator[Recorded]:
    """Yield the updates of one file in order, a row group at a time.

    Errors: UnreadableRecording says what is wrong with the file.
    """
    held: pa.Table | None = None
    for table in _iter_groups(path):
        joined = table if held is None else pa.concat_tables([held, table]).combine_chunks()
        seq = joined.column("seq").to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(seq)) + 1).tolist(), len(seq)]
        # The last update may go on in the next group.
        for begin, end in pairwise(cuts[:-1]):
            yield _decode(path, joined.slice(begin, end - begin))
        held = joined.slice(cuts[-2], cuts[-1] - cuts[-2])
    if held is not None and len(held):
        yield _decode(path, held)


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
    version = metadata.get(_VERSION_KEY)
    if version != VERSION:
        file.close()
        raise UnreadableRecording(
            f"{path.name} is no OPTIX recording."
            if version is None
            else f"{path.name} was recorded in version {version!r}, which this OPTIX cannot read."
        )
    if not file.schema_arrow.equals(SCHEMA):
        file.close()
        raise UnreadableRecording(f"{path.name} has not the columns of an OPTIX recording.")
    return file


def _iter_groups(path: Path) -> Iterator[pa.Table]:
    with _open(path) as file:
        for index in range(file.num_row_groups):
            try:
                yield file.read_row_group(index, use_threads=False).combine_chunks()
            except (pa.ArrowException, OSError) as error:
                raise UnreadableRecording(f"{path.name} is damaged within: {error}.") from error


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


def _encode(update: MarketUpdate, seq: int, at_ns: int) -> list[pa.RecordBatch]:
    if isinstance(update, Quote):
        return [_batch(seq, at_ns, 1, "quote", **_quote_columns(update))]
    if isinstance(update, FeedNotice):
        columns = {"code": [str(update.state)], "reason": [update.reason]}
        return [_batch(seq, at_ns, 1, "notice", ts_event=[update.ts_event], **columns)]
    head = {
        "symbol": [update.underlying],
        "source": [update.source],
        "quality": [str(update.quality)],
        "ts_event": [update.ts_event],
        "ts_received": [update.ts_received],
        "complete": [update.complete],
        # Set where the contracts have times of their own, so that an empty table says it too.
        "row_ts_event": [None if update.row_ts_event is None else 0],
    }
    batches = [_batch(seq, at_ns, 1, "chain", **head)]
    if update.spot is not None:
        batches.append(_batch(seq, at_ns, 1, "spot", **_quote_columns(update.spot)))
    if update.contracts:
        batches.append(_contract_batch(seq, at_ns, update))
    if update.rejected:
        batches.append(
            _batch(
                seq,
                at_ns,
                len(update.rejected),
                "rejected",
                raw=[row.raw for row in update.rejected],
                code=[row.code for row in update.rejected],
                reason=[row.reason for row in update.rejected],
            )
        )
    return batches


def _contract_batch(seq: int, at_ns: int, table: ChainTable) -> pa.RecordBatch:
    contracts = table.contracts
    numbers = {name: np.frombuffer(table.columns[name]) for name in CHAIN_COLUMNS}
    times = table.row_ts_event
    return _batch(
        seq,
        at_ns,
        len(contracts),
        "contract",
        root=[contract.root for contract in contracts],
        expiration=[contract.expiration for contract in contracts],
        right=[str(contract.right) for contract in contracts],
        strike_milli=[contract.strike_milli for contract in contracts],
        row_ts_event=None if times is None else np.frombuffer(times, dtype=np.int64),
        **numbers,
    )


def _quote_columns(quote: Quote) -> dict[str, Any]:
    return {
        "symbol": [quote.symbol],
        "source": [quote.source],
        "quality": [str(quote.quality)],
        "security_kind": [str(quote.kind)],
        "ts_event": [quote.ts_event],
        "ts_received": [quote.ts_received],
        "flags": [int(quote.flags)],
        **{name: [getattr(quote, name)] for name in _QUOTE_NUMBERS},
    }


def _batch(seq: int, at_ns: int, count: int, kind: str, **columns: Any) -> pa.RecordBatch:
    columns |= {"seq": [seq] * count, "at_ns": [at_ns] * count, "kind": [kind] * count}
    arrays = []
    for entry in SCHEMA:
        values = columns.get(entry.name)
        if values is None:
            arrays.append(pa.nulls(count, entry.type))
        elif entry.type == _WORD:
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(_WORD))
        else:
            arrays.append(pa.array(values, entry.type, from_pandas=False))
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _decode(path: Path, table: pa.Table) -> Recorded:
    kinds = table.column("kind").to_pylist()
    seq = table.column("seq")[0].as_py()
    at_ns = table.column("at_ns")[0].as_py()
    try:
        if kinds == ["quote"]:
            return Recorded(at_ns, _decode_quote(table.slice(0, 1)), 1)
        if kinds == ["notice"]:
            return Recorded(at_ns, _decode_notice(table), 1)
        return Recorded(at_ns, _decode_chain(table, kinds), len(kinds))
    except (ValueError, KeyError, TypeError, IndexError, AssertionError) as error:
        raise UnreadableRecording(f"{path.name}: its update {seq} cannot be read.") from error


def _decode_notice(table: pa.Table) -> FeedNotice:
    row = table.to_pylist()[0]
    return FeedNotice(
        state=NoticeState(row["code"]), reason=row["reason"], ts_event=row["ts_event"]
    )


def _decode_quote(table: pa.Table) -> Quote:
    row = table.to_pylist()[0]
    return Quote(
        symbol=_text(row["symbol"]),
        kind=SecurityKind(row["security_kind"]),
        source=_text(row["source"]),
        quality=Quality(row["quality"]),
        ts_event=int(row["ts_event"]),
        ts_received=int(row["ts_received"]),
        flags=QuoteFlag(row["flags"]),
        **{name: float(row[name]) for name in _QUOTE_NUMBERS},
    )


def _decode_chain(table: pa.Table, kinds: Sequence[str]) -> ChainTable:
    spots, contracts, rejected = (kinds.count(kind) for kind in ("spot", "contract", "rejected"))
    expected = ["chain", *["spot"] * spots, *["contract"] * contracts, *["rejected"] * rejected]
    if list(kinds) != expected or spots > 1:
        raise ValueError("rows in an unknown order")
    head = table.slice(0, 1).to_pylist()[0]
    rows = table.slice(1 + spots, contracts)
    timed = head["row_ts_event"] is not None
    return ChainTable(
        underlying=_text(head["symbol"]),
        contracts=_decode_contracts(rows),
        columns={name: array("d", rows.column(name).to_numpy().tolist()) for name in CHAIN_COLUMNS},
        source=_text(head["source"]),
        quality=Quality(head["quality"]),
        ts_event=int(head["ts_event"]),
        ts_received=int(head["ts_received"]),
        row_ts_event=array("q", rows.column("row_ts_event").to_pylist()) if timed else None,
        spot=_decode_quote(table.slice(1, 1)) if spots else None,
        complete=bool(head["complete"]),
        rejected=[
            RejectedRow(raw=row["raw"], code=row["code"], reason=row["reason"])
            for row in table.slice(1 + spots + contracts).to_pylist()
        ],
    )


def _decode_contracts(rows: pa.Table) -> list[OptionContract]:
    roots = rows.column("root").to_pylist()
    expirations: list[date] = rows.column("expiration").to_pylist()
    rights = rows.column("right").to_pylist()
    strikes = rows.column("strike_milli").to_pylist()
    return [
        OptionContract(_text(root), expiration, Right(right), int(strike))
        for root, expiration, right, strike in zip(roots, expirations, rights, strikes, strict=True)
    ]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a name is missing")
    return value


def as_replayed(update: MarketUpdate) -> MarketUpdate:
    """Return an update as replay delivers it: the same numbers, marked as played again."""
    if isinstance(update, FeedNotice):
        return update
    if isinstance(update, Quote):
        return replace(update, quality=Quality.REPLAY)
    spot = None if update.spot is None else replace(update.spot, quality=Quality.REPLAY)
    return replace(update, quality=Quality.REPLAY, spot=spot)
