"""Recordings of `optix record` as history: quotes, chains and prints, each as it was delivered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from optix.adapters.history.convert import chain_rows, spot_rows, trade_rows
from optix.adapters.market_data.recording import UnreadableRecording, iter_recorded
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quote
from optix.kernel.trade import Trade
from optix.ports.history import DatasetName, ImportBatch, Rejected, UnreadableFile
from optix.ports.market_data import MarketUpdate

BATCH_ROWS: Final = 200_000
_MAGIC: Final = b"PAR1"
_KEY: Final = b"optix.recording"


class OptixRecording:
    """Implements ports.history.Importer."""

    name = "optix_recording"
    label = "OPTIX recording (Parquet)"

    def recognises(self, path: Path, head: bytes) -> bool:
        if not head.startswith(_MAGIC):
            return False
        try:
            metadata = pq.read_schema(path).metadata
        except (OSError, pa.ArrowException):
            return False
        return _KEY in (metadata or {})

    def iter_batches(self, path: Path) -> Iterator[ImportBatch]:
        """See the port. Updates that are no data (notices, statuses) are counted as rejected."""
        held = _Held()
        try:
            for recorded in iter_recorded(path):
                held.add(recorded.update)
                if held.rows >= BATCH_ROWS:
                    yield from held.drain()
        except UnreadableRecording as error:
            yield from held.drain()
            raise UnreadableFile(error.detail) from error
        yield from held.drain()


class _Held:
    """Updates that wait to become batches."""

    def __init__(self) -> None:
        self._frames: dict[DatasetName, list[pl.DataFrame]] = {}
        self._quotes: list[Quote] = []
        self._trades: list[Trade] = []
        self._rejected: dict[str, Rejected] = {}
        self.rows = 0

    def add(self, update: MarketUpdate) -> None:
        if isinstance(update, Quote):
            self._quotes.append(update)
        elif isinstance(update, Trade):
            self._trades.append(update)
        elif isinstance(update, ChainTable):
            self._add_chain(update)
            return
        else:
            self._reject(
                "no_data", "Notices and trading statuses have no place in the history.", str(update)
            )
        self.rows += 1

    def _add_chain(self, table: ChainTable) -> None:
        self._frames.setdefault(DatasetName.OPTION_QUOTES, []).append(chain_rows(table))
        self.rows += len(table)
        if table.spot is not None:
            self._quotes.append(table.spot)
            self.rows += 1
        for row in table.rejected:
            self._reject(row.code, row.reason, row.raw)

    def _reject(self, code: str, reason: str, example: str) -> None:
        known = self._rejected.get(code)
        self._rejected[code] = Rejected(
            code=code,
            reason=known.reason if known else reason,
            count=known.count + 1 if known else 1,
            example=known.example if known else example[:200],
        )

    def drain(self) -> Iterator[ImportBatch]:
        """Yield what waits, as one batch for each dataset."""
        if self._quotes:
            self._frames[DatasetName.SECURITY_QUOTES] = [spot_rows(self._quotes)]
        if self._trades:
            self._frames[DatasetName.TRADES] = [trade_rows(self._trades)]
        if self._rejected:
            self._frames.setdefault(DatasetName.OPTION_QUOTES, [pl.DataFrame()])
        for dataset, frames in self._frames.items():
            rows = pl.concat(frames)
            rejected = list(self._rejected.values()) if dataset is DatasetName.OPTION_QUOTES else []
            count = sum(entry.count for entry in rejected)
            yield ImportBatch(
                dataset=dataset, rows=rows, records=rows.height + count, rejected=rejected
            )
        self._frames, self._quotes, self._trades = {}, [], []
        self._rejected, self.rows = {}, 0
