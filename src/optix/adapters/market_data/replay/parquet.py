"""OPTIX's own recordings as a tape: finished ones, and the parts that a crash left behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from optix.adapters.market_data.recording import (
    Recorded,
    UnreadableRecording,
    iter_recorded,
    list_parts,
    parts_of,
    time_span,
)
from optix.adapters.market_data.replay.book import split_by_expiration
from optix.adapters.market_data.replay.tape import Accounting, Tick
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quality, Quote, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import Bar, BarInterval, FeedNotice, MarketUpdate, NoticeState

MAGIC = b"PAR1"


def find_recording(path: Path) -> list[Path]:
    """Return the Parquet files of a recording: the file, its parts, or a folder's recordings."""
    if path.is_dir():
        return list_parts(path) or sorted(path.glob("*.parquet"))
    if path.is_file() or not parts_of(path).is_dir():
        return [path]
    return list_parts(parts_of(path))


class ParquetTape:
    """Plays recorded updates at the market times of their delivery."""

    description = "OPTIX recording"

    def __init__(self, paths: Sequence[Path]) -> None:
        self.problems: list[str] = []
        spans = {path: span for path in paths if (span := time_span(path)) is not None}
        if not spans:
            raise UnreadableRecording("The recording holds no update.")
        self._paths = sorted(spans, key=lambda path: (*spans[path], path))
        self.start_ns = min(span[0] for span in spans.values())
        self.end_ns = max(span[1] for span in spans.values())
        self.simulated = _is_simulated(self._paths[0])
        self._symbols: set[str] = set()

    def iter_ticks(self) -> Iterator[Tick]:
        for instant, group in groupby(self._recorded(), key=lambda recorded: recorded.at_ns):
            updates: list[MarketUpdate] = []
            rows = 0
            for recorded in group:
                rows += recorded.rows
                update = recorded.update
                if isinstance(update, ChainTable):
                    self._symbols.add(update.underlying)
                    updates.extend(split_by_expiration(update) if recorded.mixed else (update,))
                elif isinstance(update, Quote | TradingStatus):
                    self._symbols.add(update.symbol)
                    updates.append(update)
                # That the recorded feed ended is no news now; what it missed still is.
                elif not isinstance(update, FeedNotice) or update.state is NoticeState.GAP:
                    updates.append(update)
            yield Tick(instant, updates, rows)

    def accounting(self) -> Accounting:
        """Count rows of the file. A rejected row of the source was recorded as one."""
        account = Accounting()
        for recorded in self._recorded():
            account.rows += recorded.rows
            rejected = getattr(recorded.update, "rejected", ())
            account.rejected.update(row.code for row in rejected)
            account.served += recorded.rows - len(rejected)
        return account

    def symbols(self) -> frozenset[str]:
        return frozenset(self._symbols)

    def bars(self, symbol: str, interval: BarInterval) -> list[Bar] | None:  # noqa: ARG002  # a Tape
        return None

    def _recorded(self) -> Iterator[Recorded]:
        last_ns = self.start_ns
        for path in self._paths:
            for recorded in iter_recorded(path, quality=Quality.REPLAY):
                # Two recordings of one folder may overlap; the tape still never goes back.
                last_ns = max(last_ns, recorded.at_ns)
                yield recorded if recorded.at_ns == last_ns else recorded._replace(at_ns=last_ns)


def _is_simulated(path: Path) -> bool:
    """Tell by the first update that says how good it is."""
    for recorded in iter_recorded(path):
        update = recorded.update
        if isinstance(update, Quote | ChainTable | Trade):
            return update.quality is Quality.SIMULATED
    return False
