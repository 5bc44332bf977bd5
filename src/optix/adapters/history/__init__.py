"""The columnar store of market history (docs/adr/0016)."""

from optix.adapters.history.store import HistoryStore, open_history

__all__ = ["HistoryStore", "open_history"]
