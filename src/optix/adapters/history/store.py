"""The store as a whole: many readers, one writer, in a folder or a bucket."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from optix.adapters.history.files import UPGRADES, Upgrades
from optix.adapters.history.reader import Reader
from optix.adapters.history.storage import Rehearsal, Storage, open_storage
from optix.adapters.history.writer import Writer
from optix.kernel.clock import Clock
from optix.ports.history import DATASETS, Dataset, DatasetName


class HistoryStore:
    """Hands out readers, which never wait, and the one writer."""

    def __init__(
        self,
        storage: Storage,
        *,
        datasets: Mapping[DatasetName, Dataset] = DATASETS,
        upgrades: Upgrades = UPGRADES,
    ) -> None:
        self._storage = storage
        self._datasets = datasets
        self._upgrades = upgrades

    @property
    def label(self) -> str:
        """Where it is, for sentences."""
        return self._storage.label

    def reader(self) -> Reader:
        """Return what answers questions; it implements ports.history.HistoryReader."""
        return Reader(self._storage, self._datasets, self._upgrades)

    @contextlib.contextmanager
    def writing(self, who: str) -> Iterator[Writer]:
        """Be the one writer until the end, which writes what was taken.

        After an error, or when cancelled, what was taken since the last flush is written too: every
        row of it was checked, and the same rows come again without harm.
        Errors: HistoryBusy with who writes.
        """
        with self._storage.lock(who) as renew:
            writer = Writer(self._storage, self._datasets, self._upgrades, renew)
            try:
                yield writer
            finally:
                writer.flush()

    @contextlib.contextmanager
    def rehearsing(self) -> Iterator[Writer]:
        """Give a writer that counts as the real one would and leaves the store as it is."""
        with tempfile.TemporaryDirectory(prefix="optix-rehearsal-") as aside:
            storage = Rehearsal(self._storage, Path(aside))
            with HistoryStore(storage, datasets=self._datasets, upgrades=self._upgrades).writing(
                "a rehearsal"
            ) as writer:
                yield writer


def open_history(folder: Path, url: str | None, clock: Clock) -> HistoryStore:
    """Return the store in a bucket where `url` says one, else in `folder`.

    Errors: HistoryUnavailable.
    """
    return HistoryStore(open_storage(folder, url, clock.now_ns))
