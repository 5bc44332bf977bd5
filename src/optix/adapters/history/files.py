"""Reading the files of a partition as rows of the dataset as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import polars as pl

from optix.adapters.history.layout import PLACES, folder_of, schema_of
from optix.adapters.history.manifest import MANIFEST, DataFile, Manifest
from optix.adapters.history.storage import Storage
from optix.ports.history import Dataset, DatasetName

# How rows of an older version become rows of the next one: (dataset, older version) → change.
Upgrades = Mapping[tuple[DatasetName, int], Callable[[pl.LazyFrame], pl.LazyFrame]]
UPGRADES: Final[Upgrades] = {}  # every dataset is at its first version


def load_manifest(storage: Storage, dataset: Dataset, name: str) -> Manifest:
    """Return the manifest of a partition, empty where there is none.

    Errors: HistoryUnavailable, HistoryTooNew.
    """
    path = f"{dataset.name}/{folder_of(name)}/{MANIFEST}"
    body = storage.get(path)
    if body is None:
        return Manifest()
    return Manifest.decode(body, f"{storage.label}/{path}", version=dataset.version)


def scan(
    storage: Storage,
    dataset: Dataset,
    name: str,
    entries: Sequence[DataFile],
    upgrades: Upgrades = UPGRADES,
) -> pl.LazyFrame:
    """Return the rows of some files of a partition, all columns, in no order."""
    folder = f"{dataset.name}/{folder_of(name)}"
    partition = PLACES[dataset.name].partition
    schema = schema_of(dataset)
    whole = pl.lit(name).alias(partition)
    groups: dict[tuple[int, bool], list[str]] = {}
    for entry in entries:
        address = storage.address(f"{folder}/{entry.name}")
        groups.setdefault((entry.version, "://" in address), []).append(address)
    frames = []
    for (version, _), addresses in sorted(groups.items()):
        if version == dataset.version:
            stored = {column: kind for column, kind in schema.items() if column != partition}
            rows = pl.scan_parquet(
                addresses,
                schema=stored,
                missing_columns="insert",
                hive_partitioning=False,
                glob=False,
                storage_options=storage.options,
            )
        else:
            rows = _upgraded(addresses, dataset, version, storage, upgrades)
        frames.append(rows.with_columns(whole).select(list(schema)))
    return pl.concat(frames) if frames else pl.LazyFrame(schema=schema)


def _upgraded(
    addresses: Sequence[str], dataset: Dataset, version: int, storage: Storage, upgrades: Upgrades
) -> pl.LazyFrame:
    """Return rows of older files, changed step by step to what they are now."""
    rows = pl.concat(
        [
            pl.scan_parquet(
                address, hive_partitioning=False, glob=False, storage_options=storage.options
            )
            for address in addresses
        ],
        how="diagonal",
    )
    for step in range(version, dataset.version):
        rows = upgrades[dataset.name, step](rows)
    partition = PLACES[dataset.name].partition
    there = set(rows.collect_schema().names())
    return rows.select(
        (pl.col(column) if column in there else pl.lit(None)).cast(kind).alias(column)
        for column, kind in schema_of(dataset).items()
        if column != partition
    )
