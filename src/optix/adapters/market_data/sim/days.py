"""Whole days of the simulated market, in order: for recordings, for backtests, for measuring.

A day is a function of seed and date like everything here, so any day can be made without the ones
before it, and a run that was broken off goes on where it stopped.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from heapq import merge
from operator import itemgetter

import numpy as np

from optix.adapters.market_data.sim.bars import History
from optix.adapters.market_data.sim.boards import Boards
from optix.adapters.market_data.sim.chain import Board, LiveChain, changed_rows
from optix.adapters.market_data.sim.hashing import Floats
from optix.adapters.market_data.sim.listing import Listing
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName
from optix.adapters.market_data.sim.path import FIRST_DAY, MarketPath
from optix.adapters.market_data.sim.quotes import SOURCE, Quotes
from optix.adapters.market_data.sim.sessions import ListingPrograms, SessionCalendar
from optix.adapters.market_data.sim.settlement import settlement_value
from optix.adapters.market_data.sim.span import as_instants
from optix.adapters.market_data.sim.status import statuses
from optix.adapters.market_data.sim.tape import (
    DayTape,
    TradedSoFar,
    Universe,
    make_day_tape,
)
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality, Quote, TradingState
from optix.kernel.trade import Trade
from optix.ports.market_data import MarketUpdate

Timed = tuple[int, MarketUpdate]

# The last look at a day: a second before the close, when what expires today is still quoted.
BEFORE_CLOSE_NS = NANOSECONDS
_AUCTION_SHARES = {"opening auction": 0.01, "closing auction": 0.07}  # of the day's volume
_FIRST_YEARS = 2  # that a world which begins before the usual one runs in


@dataclass(frozen=True, slots=True)
class NameDay:
    """One name on one day, with its tape where that is wanted."""

    name: SimulatedName
    number: int
    boards: Sequence[Board]
    tape: DayTape | None


class SimulatedDays:
    """Makes days of names of one simulated world."""

    def __init__(
        self,
        path: MarketPath,
        sessions: SessionCalendar,
        boards: Boards,
        quotes: Quotes,
        seed: int,
    ) -> None:
        self._path, self._sessions, self._boards = path, sessions, boards
        self._quotes, self._seed = quotes, seed

    def number_of(self, day: date) -> int:
        """Return the number of the session on `day`."""
        return self._path.day_number(self._sessions.opens_at(day))

    def name_day(
        self, name: SimulatedName, number: int, *, tape: bool, expirations: int | None = None
    ) -> NameDay:
        """Lay out the boards of a day, and draw its orders where a tape is wanted.

        With `expirations` only so many of the nearest dates exist.
        """
        boards = self._boards.of_day(name, number, expirations) if name.has_options else []
        drawn = None
        if tape and boards:
            path = self._path.span(2 * number).path(name.symbol)
            day = self._path.day(number).isoformat()
            drawn = make_day_tape(Universe(boards), path, self._seed, day)
        return NameDay(name, number, boards, drawn)

    def whole_chain(self, name: SimulatedName, number: int) -> ChainTable:
        """Return the closing chain of a session, all expirations in one table."""
        tables = [
            update
            for _, update in self.closing(self.name_day(name, number, tape=False))
            if isinstance(update, ChainTable)
        ]
        columns = {key: array("d") for key in tables[0].columns}
        for table in tables:
            for key, column in columns.items():
                column.extend(table.columns[key])
        contracts = [contract for table in tables for contract in table.contracts]
        return replace(tables[0], contracts=contracts, columns=columns)

    def closing(self, day: NameDay) -> Iterator[Timed]:
        """Yield the quote of a name and every chain at the end of a session."""
        now_ns = self._path.close_ns(day.number) - BEFORE_CLOSE_NS
        spot = self._quotes.at(day.name, now_ns)
        yield now_ns, spot
        traded = None
        if day.tape is not None:
            traded = TradedSoFar(day.tape, _previous_closes(day.boards))
            traded.advance(len(day.tape.prints))
        for at, board in enumerate(day.boards):
            columns = board.closing_columns(now_ns)
            if traded is not None and day.tape is not None:
                columns |= _traded_columns(traded, day.tape, at)
            yield now_ns, board.table(columns, now_ns, spot)

    def intraday(self, day: NameDay, seconds: float) -> Iterator[Timed]:
        """Yield a session in the order of time: quotes and chains every so many seconds, statuses,
        auctions and, with a tape, every print.
        """
        return merge(
            self._statuses(day), self._prints(day), self._snapshots(day, seconds), key=itemgetter(0)
        )

    def settlements(self, day: NameDay) -> dict[str, tuple[str, int, float]]:
        """Return kind, instant and value of what settles on a day, by root."""
        today = self._path.day(day.number)
        contracts = (contract for board in day.boards for contract in board.contracts)
        return {
            root: settlement_value(
                self._path, self._sessions, day.name, root, day.number, seed=self._seed
            )
            for root in sorted({c.root for c in contracts if c.expiration == today})
        }

    def date_of(self, day: NameDay) -> date:
        return self._path.day(day.number)

    # -- parts of a day -----------------------------------------------------------------------

    def _statuses(self, day: NameDay) -> Iterator[Timed]:
        for status in statuses(self._path, day.name, day.number):
            yield status.ts_event, status
            share = _AUCTION_SHARES.get(status.reason)
            if status.state is TradingState.AUCTION and share is not None:
                yield self._auction(day, share, is_open=status.reason == "opening auction")

    def _auction(self, day: NameDay, share: float, *, is_open: bool) -> Timed:
        path, number = self._path, day.number
        instant = path.open_ns(number) if is_open else path.close_ns(number)
        if is_open:
            price = float(np.exp(path.log_prices(day.name.symbol, as_instants(instant)))[0])
        else:
            price = float(np.exp(path.log_close(day.name.symbol, number)))
        volume = self._quotes.history.day_volume(day.name, number)
        return instant, Trade(
            symbol=day.name.symbol,
            price=round(price, 2),
            size=float(np.floor(volume * share)),
            source=SOURCE,
            quality=Quality.SIMULATED,
            ts_event=instant,
            ts_received=instant,
        )

    @staticmethod
    def _prints(day: NameDay) -> Iterator[Timed]:
        if day.tape is not None:
            for trade in day.tape.trades():
                yield trade.ts_received, trade

    def _snapshots(self, day: NameDay, seconds: float) -> Iterator[Timed]:
        path, number = self._path, day.number
        step = int(seconds * NANOSECONDS)
        last_ns = path.close_ns(number) - BEFORE_CLOSE_NS
        instants = [*range(path.open_ns(number), last_ns, step), last_ns]
        tape = day.tape
        live = [LiveChain(board) for board in day.boards]
        traded = None if tape is None else TradedSoFar(tape, _previous_closes(day.boards))
        told: list[dict[str, Floats] | None] = [None] * len(day.boards)
        for now_ns in instants:
            spot = self._quotes.at(day.name, now_ns)
            yield now_ns, spot
            if tape is not None and traded is not None:
                traded.advance(tape.reported_before(now_ns))
            for at, board in enumerate(day.boards):
                if tape is None or traded is None:
                    table = live[at].update(now_ns, spot)
                else:
                    columns = _book_columns(board, now_ns) | _traded_columns(traded, tape, at)
                    table = _changes(board, told[at], columns, now_ns, spot)
                    told[at] = columns
                if table is not None:
                    yield now_ns, table


def _previous_closes(boards: Sequence[Board]) -> Floats:
    return np.concatenate([board.previous_close for board in boards])


def _traded_columns(traded: TradedSoFar, tape: DayTape, at: int) -> dict[str, Floats]:
    part = slice(int(tape.universe.starts[at]), int(tape.universe.starts[at + 1]))
    return {"volume": traded.volume[part].copy(), "last": traded.last[part].copy()}


def _book_columns(board: Board, now_ns: int) -> dict[str, Floats]:
    bid, ask = board.quotes(np.arange(len(board.contracts)), as_instants(now_ns))
    bid_size, ask_size = board.sizes(bid, ask, now_ns)
    return {"bid": bid, "ask": ask, "bid_size": bid_size, "ask_size": ask_size}


def _changes(
    board: Board,
    old: dict[str, Floats] | None,
    new: dict[str, Floats],
    now_ns: int,
    spot: Quote,
) -> ChainTable | None:
    if old is None:
        return board.table(new, now_ns, spot)
    rows = changed_rows(old, new)
    return board.table(new, now_ns, spot, rows) if len(rows) else None


def make_days(
    sessions: SessionCalendar,
    programs: ListingPrograms,
    *,
    seed: int,
    start: date,
    activity: float = 1.0,
    names: Sequence[SimulatedName] = DEFAULT_NAMES,
) -> tuple[SimulatedDays, dict[str, SimulatedName]]:
    """Return the days of a world, and its names, trading a part of their usual volume.

    A `start` before the usual first day gives a world of its own that begins earlier.
    """
    names = [
        replace(
            name,
            option_volume=name.option_volume * activity,
            open_interest=name.open_interest * activity,
        )
        for name in names
    ]
    first_day = FIRST_DAY if start >= FIRST_DAY else date(start.year - _FIRST_YEARS, 1, 1)
    path = MarketPath(seed=seed, sessions=sessions, names=names, first_day=first_day)
    boards = Boards(path, sessions, Listing(path, programs), seed)
    quotes = Quotes(path, History(path, seed), seed)
    return SimulatedDays(path, sessions, boards, quotes, seed), {n.symbol: n for n in names}
