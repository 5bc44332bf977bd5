"""The market's memory for the processes: opened when it is first asked for.

Data frames take 80 MB and a third of a second, which a process that is never asked about the past
does not pay.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from optix.kernel.clock import Clock
from optix.platform.settings import Settings
from optix.ports.history import HistoryReader, HistoryWriter

if TYPE_CHECKING:
    from optix.adapters.history import HistoryStore

FOLDER: Final = "history"


class LateHistory:
    """Implements ports.history.HistoryKeeper over the store, which it opens at its first use."""

    def __init__(self, folder: Path, url: str | None, clock: Clock) -> None:
        self._folder = folder
        self._url = url
        self._clock = clock
        self._store: HistoryStore | None = None

    @property
    def label(self) -> str:
        return self.store().label

    def store(self) -> HistoryStore:
        """Errors: HistoryUnavailable."""
        if self._store is None:
            from optix.adapters.history import open_history

            self._store = open_history(self._folder, self._url, self._clock)
        return self._store

    def reader(self) -> HistoryReader:
        return self.store().reader()

    def writing(self, who: str) -> AbstractContextManager[HistoryWriter]:
        return self.store().writing(who)


def history_of(settings: Settings, clock: Clock) -> LateHistory:
    """Return the store that the operator chose."""
    chosen = settings.history
    return LateHistory(chosen.history_dir or settings.data_dir / FOLDER, chosen.history_url, clock)
