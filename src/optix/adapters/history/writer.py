"""The one writer of the store: checks, leaves out what is there, and writes in whole steps.

What is taken is kept in memory until `flush`, so that many small batches become few files. A row
counts as stored when it is taken; cut off before the flush it is simply not there, and writing the
same file again stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import polars as pl

from optix.adapters.history import files
from optix.adapters.history.checks import checked
from optix.adapters.history.convert import chain_rows, spot_rows
from optix.adapters.history.layout import PLACES, schema_of
from optix.adapters.history.partition import Partition
from optix.adapters.history.storage import Storage
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.ports.history import (
    BadBatch,
    Dataset,
    DatasetName,
    ImportBatch,
    WriteReport,
)

_NAMES_FILTERED_MAX: Final = 8
_WRITERS: Final = 4


class Writer:
    """Implements ports.history.HistoryWriter. Made by `HistoryStore.writing`."""

    def __init__(
        self,
        storage: Storage,
        datasets: Mapping[DatasetName, Dataset],
        upgrades: files.Upgrades,
        renew: Callable[[], None],
    ) -> None:
        self._storage = storage
        self._datasets = datasets
        self._upgrades = upgrades
        self._renew = renew
        self._open: dict[tuple[DatasetName, str], Partition] = {}
        self._staged = 0

    def write(self, batch: ImportBatch) -> WriteReport:
        """Take a batch. Errors: BadBatch, HistoryUnavailable."""
        rows = batch.rows
        if not isinstance(rows, pl.DataFrame):
            raise BadBatch(f"A batch holds a data frame of Polars, not {type(rows).__name__}.")
        refused = sum(entry.count for entry in batch.rejected)
        if batch.records != rows.height + refused:
            raise BadBatch(
                f"A batch of {batch.records} records has {rows.height} rows and {refused} rejected."
            )
        dataset = self._datasets[batch.dataset]
        good, rejected = checked(dataset, rows)
        stored = self._take(dataset, good)
        return WriteReport(
            dataset=batch.dataset,
            records=batch.records,
            stored=stored,
            duplicates=good.height - stored,
            rejected=[*batch.rejected, *rejected],
        )

    def write_columns(
        self, dataset: DatasetName, columns: Mapping[str, Sequence[Any]]
    ) -> WriteReport:
        """Take plain columns. Errors: BadBatch, HistoryUnavailable."""
        schema = schema_of(self._datasets[dataset])
        try:
            rows = pl.DataFrame(
                {
                    name: pl.Series(name, values, dtype=schema[name])
                    for name, values in columns.items()
                }
            )
        except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise BadBatch(f"These are no columns of {dataset}: {error}.") from error
        return self.write(ImportBatch(dataset=dataset, rows=rows, records=rows.height))

    def write_chain(self, table: ChainTable) -> WriteReport:
        """Take a chain, and its spot as a quote of the underlying. Rows that the source rejected
        are not counted: they never were rows.
        """
        if table.spot is not None:
            self._write_rows(DatasetName.SECURITY_QUOTES, spot_rows([table.spot]))
        return self._write_rows(DatasetName.OPTION_QUOTES, chain_rows(table))

    def flush(self) -> None:
        # Partitions share nothing, so that one is sorted while another is synced.
        with ThreadPoolExecutor(_WRITERS) as threads:
            for done in [threads.submit(partition.write) for partition in self._open.values()]:
                done.result()
        self._staged = 0
        self._renew()
        if len(self._open) > limits.HISTORY_OPEN_PARTITIONS_MAX:
            self._open.clear()  # their keys are read again where they are needed

    def _write_rows(self, dataset: DatasetName, rows: pl.DataFrame) -> WriteReport:
        return self.write(ImportBatch(dataset=dataset, rows=rows, records=rows.height))

    def _take(self, dataset: Dataset, rows: pl.DataFrame) -> int:
        if not rows.height:
            return 0
        rows, hashes = _without_repeats(rows, dataset.key)
        stored = 0
        for name, part, own in _by_partition(rows, hashes, PLACES[dataset.name].partition):
            taken = self._partition(dataset, name).take(part, own)
            stored += taken
            self._staged += taken
        if self._staged > limits.HISTORY_STAGED_ROWS_MAX:
            self.flush()
        return stored

    def _partition(self, dataset: Dataset, name: str) -> Partition:
        found = self._open.get((dataset.name, name))
        if found is None:
            found = Partition(self._storage, dataset, name, self._upgrades)
            self._open[dataset.name, name] = found
        return found


def _without_repeats(rows: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the first row of each key, with the hashes of the keys."""
    hashes = rows.select(key).hash_rows()
    if hashes.n_unique() == rows.height:  # distinct hashes are distinct keys
        return rows, hashes
    first = rows.select(pl.struct(key).is_first_distinct()).to_series()
    return rows.filter(first), hashes.filter(first)


def _by_partition(
    rows: pl.DataFrame, hashes: pl.Series, column: str
) -> list[tuple[str, pl.DataFrame, pl.Series]]:
    names = rows[column].unique()
    if names.len() == 1:
        return [(str(names[0]), rows, hashes)]
    if names.len() <= _NAMES_FILTERED_MAX:  # so few are found faster one by one
        masks = [(str(name), rows[column] == name) for name in names]
        return [(name, rows.filter(mask), hashes.filter(mask)) for name, mask in masks]
    parts = rows.with_columns(hashes.alias("_hash")).partition_by(column, as_dict=True)
    return [(str(name), part.drop("_hash"), part["_hash"]) for (name,), part in parts.items()]
