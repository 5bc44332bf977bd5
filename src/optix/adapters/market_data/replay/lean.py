"""Lean minute zips as a tape: one day of an underlying's options, or the days of a folder.

A bar is known when it ends, so a bar of 09:30 plays at 09:31. Open interest is sent before the
session and folded into the first tick, which names every contract of the day. A day is held as
columns: one machine word for each number, no object for each line.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from optix.adapters.market_data.recording import UnreadableRecording
from optix.adapters.market_data.replay import lean_spot
from optix.adapters.market_data.replay.lean_files import (
    Events,
    LeanFile,
    TickType,
    lean_file,
    read_events,
)
from optix.adapters.market_data.replay.lean_spot import (
    MILLISECOND_NS,
    MINUTE_NS,
    SOURCE,
    LeanLibrary,
    midnight_ns,
)
from optix.adapters.market_data.replay.tape import (
    Accounting,
    Tick,
    shared_strikes,
)
from optix.adapters.market_data.tables import Floats, column_of, instants_of
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.quote import Quality, Quote
from optix.kernel.roots import underlying_of
from optix.ports.market_data import Bar, BarInterval

Ints = npt.NDArray[np.int64]

_TYPES = list(TickType)
_QUOTE, _TRADE, _INTEREST = (
    _TYPES.index(kind) for kind in (TickType.QUOTE, TickType.TRADE, TickType.OPEN_INTEREST)
)
_COLUMN = {name: place for place, name in enumerate(CHAIN_COLUMNS)}
_QUOTE_COLUMNS = [_COLUMN[name] for name in ("bid", "ask", "bid_size", "ask_size")]


class _Group(NamedTuple):
    """The files of one underlying on one day."""

    day: date
    underlying: str


def find_lean(path: Path) -> list[LeanFile]:
    """Return the option minute zips at `path`: a folder's, or those that belong to one file."""
    if path.is_dir():
        found = (lean_file(entry) for entry in sorted(path.rglob("*.zip")))
        return [file for file in found if file is not None]
    chosen = lean_file(path)
    if chosen is None:
        return []
    beside = (lean_file(entry) for entry in sorted(path.parent.glob("*.zip")))
    return [file for file in beside if file is not None and file.day == chosen.day]


class LeanTape:
    """Plays the days in order; underlyings of the same day one beside the other."""

    description = "Lean minute bars"

    def __init__(self, files: Sequence[LeanFile]) -> None:
        self.simulated = False
        self.problems: list[str] = []
        self._groups: dict[_Group, list[LeanFile]] = defaultdict(list)
        for file in files:
            self._groups[_Group(file.day, underlying_of(file.root))].append(file)
        self._days = sorted({group.day for group in self._groups})
        if not self._days:
            raise UnreadableRecording("There is no Lean minute zip to play.")
        self._cached: tuple[_Group, _Day] | None = None
        self.start_ns = min(self._load(group).start_ns for group in self._of(self._days[0]))
        self.end_ns = max(self._load(group).end_ns for group in self._of(self._days[-1]))

    def iter_ticks(self) -> Iterator[Tick]:
        for day in self._days:
            days = [self._load(group) for group in self._of(day)]
            yield from _merge([loaded.iter_ticks() for loaded in days])

    def accounting(self) -> Accounting:
        account = Accounting()
        for group in sorted(self._groups):
            day = self._load(group)
            contracts = day.events.contracts
            account.rows += day.events.lines
            account.rejected.update(day.events.rejected)
            account.served += sum(tick.rows for tick in day.iter_ticks())
            shared, lost = shared_strikes(contracts, contracts)
            account.shared_strikes += shared
            account.shared_strikes_lost += lost
        return account

    def symbols(self) -> frozenset[str]:
        return frozenset(group.underlying for group in self._groups)

    def bars(self, symbol: str, interval: BarInterval) -> list[Bar] | None:
        libraries = {
            _library(files) for group, files in self._groups.items() if group.underlying == symbol
        }
        for library in libraries:
            if interval is BarInterval.DAY_1:
                return lean_spot.daily_bars(library, symbol) or None
            if interval is BarInterval.MINUTE_1:
                days = (lean_spot.minute_bars(library, symbol, day) for day in self._days)
                return [bar for bars in days for bar in bars] or None
        return None

    def _of(self, day: date) -> list[_Group]:
        return sorted(group for group in self._groups if group.day == day)

    def _load(self, group: _Group) -> _Day:
        if self._cached is not None and self._cached[0] == group:
            return self._cached[1]
        files = self._groups[group]
        loaded = _Day(group, read_events(files), _library(files))
        self._cached = (group, loaded)
        return loaded


def _library(files: Sequence[LeanFile]) -> LeanLibrary | None:
    return LeanLibrary.around(files[0].path.parent)


def _merge(streams: Sequence[Iterator[Tick]]) -> Iterator[Tick]:
    """Yield the ticks of several underlyings by time, those of one instant as one tick."""
    instant_of = attrgetter("instant_ns")
    for instant, ticks in groupby(heapq.merge(*streams, key=instant_of), key=instant_of):
        together = list(ticks)
        yield Tick(
            instant_ns=instant,
            updates=[update for tick in together for update in tick.updates],
            rows=sum(tick.rows for tick in together),
            whole=frozenset().union(*(tick.whole for tick in together)),
        )


class _Day:
    """One underlying on one day: the lines sorted by time, and the state they build up."""

    def __init__(self, group: _Group, events: Events, library: LeanLibrary | None) -> None:
        self.events = events
        self._underlying = group.underlying
        midnight = midnight_ns(group.day)
        time_ms = np.frombuffer(events.time_ms, dtype=np.intc).astype(np.int64)
        kind = np.frombuffer(events.tick_type, dtype=np.int8)
        known = midnight + time_ms * MILLISECOND_NS + np.where(kind == _INTEREST, 0, MINUTE_NS)
        if not len(known):
            raise UnreadableRecording(
                f"The Lean files of {group.underlying} on {group.day} have no readable line."
            )
        bars = known[kind != _INTEREST]
        self.start_ns = int((bars if len(bars) else known).min())
        self.end_ns = int(known.max())
        known = np.maximum(known, self.start_ns)  # open interest waits for the session
        order = np.argsort(known, kind="stable")
        self._known: Ints = known[order]
        self._kind = kind[order]
        self._contract = np.frombuffer(events.contract, dtype=np.intc)[order]
        self._values = np.frombuffer(events.values, dtype=np.float64).reshape(-1, 4)[order]
        self._quotes = lean_spot.spot_quotes(
            library, group.underlying, group.day, open_ns=self.start_ns, close_ns=self.end_ns
        )
        dates = sorted({contract.expiration for contract in events.contracts})
        place = {expiration: index for index, expiration in enumerate(dates)}
        self._dates = len(dates)
        self._date_of = np.array([place[c.expiration] for c in events.contracts], dtype=np.intp)

    def iter_ticks(self) -> Iterator[Tick]:
        state = np.full((len(CHAIN_COLUMNS), len(self.events.contracts)), np.nan)
        changed_ns = np.full(len(self.events.contracts), self.start_ns, dtype=np.int64)
        instants, starts = np.unique(self._known, return_index=True)
        bounds = dict(
            zip(
                instants.tolist(),
                zip(starts.tolist(), [*starts.tolist()[1:], len(self._known)], strict=True),
                strict=True,
            )
        )
        spots = self._spots()
        spot: Quote | None = None
        for instant in sorted(bounds.keys() | spots.keys()):
            begin, end = bounds.get(instant, (0, 0))
            changed = self._apply(state, begin, end)
            changed_ns[changed] = instant
            spot = spots.get(instant, spot)
            first = instant == self.start_ns
            rows = np.arange(len(changed_ns)) if first else changed
            tables = self._tables(state, changed_ns, rows, instant, spot, complete=first)
            quotes = [spots[instant]] if instant in spots else []
            whole = frozenset({self._underlying}) if first else frozenset()
            yield Tick(instant, [*quotes, *tables], end - begin, whole)

    def _spots(self) -> dict[int, Quote]:
        """Return the spot by tick: what was known before the session is known at its start."""
        spots: dict[int, Quote] = {}
        for quote in self._quotes:
            if quote.ts_event <= self.end_ns:
                spots[max(quote.ts_event, self.start_ns)] = quote
        return spots

    def _apply(self, state: Floats, begin: int, end: int) -> Ints:
        """Write lines into the state and return the contracts they changed, ascending."""
        kind = self._kind[begin:end]
        contract = self._contract[begin:end]
        values = self._values[begin:end]
        quotes, trades, interest = kind == _QUOTE, kind == _TRADE, kind == _INTEREST
        state[np.ix_(_QUOTE_COLUMNS, contract[quotes])] = values[quotes].T
        state[_COLUMN["last"], contract[trades]] = values[trades, 0]
        volume = state[_COLUMN["volume"]]
        traded = contract[trades]
        volume[traded] = np.nan_to_num(volume[traded])
        np.add.at(volume, traded, values[trades, 1])
        state[_COLUMN["open_interest"], contract[interest]] = values[interest, 0]
        return np.unique(contract).astype(np.int64)

    def _tables(
        self,
        state: Floats,
        changed_ns: Ints,
        rows: Ints,
        instant: int,
        spot: Quote | None,
        *,
        complete: bool,
    ) -> list[ChainTable]:
        """Return the given contracts as one table for each expiration."""
        contracts = self.events.contracts
        dates = self._date_of[rows]
        tables = []
        for index in range(self._dates):
            chosen = rows[dates == index]
            if not len(chosen):
                continue
            tables.append(
                ChainTable(
                    underlying=self._underlying,
                    contracts=[contracts[position] for position in chosen.tolist()],
                    columns={
                        name: column_of(state[place, chosen]) for name, place in _COLUMN.items()
                    },
                    source=SOURCE,
                    quality=Quality.REPLAY,
                    ts_event=instant,
                    ts_received=instant,
                    row_ts_event=instants_of(changed_ns[chosen]),
                    spot=spot,
                    complete=complete,
                )
            )
        return tables
