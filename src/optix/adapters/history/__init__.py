"""The columnar store of market history (docs/adr/0016)."""

from optix.adapters.history.store import HistoryStore, history_of, open_history

__all__ = ["HistoryStore", "history_of", "open_history"]
