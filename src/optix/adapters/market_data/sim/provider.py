"""The simulated market as a market data provider.

Everything said is a function of seed and time, so this file holds no market state: only what is
demanded, and what a watched chain was last said to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta

from optix.adapters.market_data.bars import join_bars, within
from optix.adapters.market_data.directory import SymbolDirectory, normalise_symbol
from optix.adapters.market_data.sim.actions import actions_of, coming_reports
from optix.adapters.market_data.sim.bars import History
from optix.adapters.market_data.sim.boards import Boards
from optix.adapters.market_data.sim.chain import Board, LiveChain
from optix.adapters.market_data.sim.days import SimulatedDays
from optix.adapters.market_data.sim.listing import Listing
from optix.adapters.market_data.sim.names import DEFAULT_NAMES, SimulatedName
from optix.adapters.market_data.sim.path import FIRST_DAY, MarketPath
from optix.adapters.market_data.sim.quotes import SOURCE, Quotes
from optix.adapters.market_data.sim.sessions import (
    ListingPrograms,
    SessionCalendar,
)
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.corporate import CorporateAction
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Demand,
    Expiration,
    MarketUpdate,
    SymbolInfo,
    UnknownExpiration,
    UnknownSymbol,
)
from optix.ports.reference_data import EarningsDate

DEFAULT_SEED = 1
TICK_SECONDS = 0.2
CHAIN_SECONDS = 0.6
_SESSIONS_AT_ONCE = 16
_NO_DEMAND = Demand()


class SimulatedMarket:
    """Implements `ports.market_data.MarketDataProvider` with generated prices.

    Quotes are looked at every `TICK_SECONDS`, each demanded chain every `CHAIN_SECONDS` in turn;
    only what changed is said. Without demand nothing runs.
    """

    capabilities = Capabilities(
        name=SOURCE,
        label="Simulated market",
        quality=Quality.SIMULATED,
        streaming=True,
        intervals=frozenset(BarInterval),
        kinds=frozenset(DataKind) - {DataKind.TRADES},
        notice="Simulated market. Prices are generated.",
    )

    def __init__(
        self,
        clock: Clock,
        sessions: SessionCalendar,
        programs: ListingPrograms,
        *,
        seed: int = DEFAULT_SEED,
        names: Sequence[SimulatedName] = DEFAULT_NAMES,
        first_day: date = FIRST_DAY,
    ) -> None:
        self.clock = clock
        self._sessions = sessions
        self._seed = seed
        self._names = {name.symbol: name for name in names}
        self._path = MarketPath(seed=seed, sessions=sessions, names=names, first_day=first_day)
        self._history = History(self._path, seed)
        self._quotes = Quotes(self._path, self._history, seed)
        self._listing = Listing(self._path, programs)
        self._boards = Boards(self._path, sessions, self._listing, seed)
        self._days = SimulatedDays(self._path, sessions, self._boards, self._quotes, seed)
        self._directory = SymbolDirectory(
            SymbolInfo(
                symbol=name.symbol,
                name=name.name,
                kind=name.kind,
                exchange=name.exchange,
                has_options=name.has_options,
            )
            for name in names
        )
        self._demand = _NO_DEMAND
        self._wake = asyncio.Event()
        self._closed = False
        self._said: dict[str, tuple[float, ...]] = {}
        self._chains: dict[ChainKey, LiveChain] = {}
        self._chain_due_ns: dict[ChainKey, int] = {}

    # -- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Walk the simulated world up to now. Raises ProviderUnavailable before its first day."""
        self._closed = False
        self._wake.clear()
        self._path.position(self.clock.now_ns())

    async def close(self) -> None:
        self._closed = True
        self._wake.set()

    def set_demand(self, demand: Demand) -> None:
        """Replace what is wanted; what the simulated market does not have is ignored."""
        self._demand = Demand(
            quotes=frozenset(symbol for symbol in demand.quotes if symbol in self._names),
            chains=frozenset(key for key in demand.chains if key.underlying in self._names),
        )
        for key in self._chains.keys() - self._demand.chains:
            del self._chains[key]
        self._said = {s: said for s, said in self._said.items() if s in self._demand.quotes}
        self._wake.set()

    async def iter_updates(self) -> AsyncGenerator[MarketUpdate, None]:
        """Yield updates of what is demanded, until closed. The first ones come at once."""
        self._said.clear()
        self._chains.clear()
        self._chain_due_ns.clear()
        while not self._closed:
            self._wake.clear()
            if not self._demand.quotes and not self._demand.chains:
                await self._wake.wait()
                continue
            for update in self.poll():
                yield update
                if isinstance(update, ChainTable):
                    await asyncio.sleep(0)  # a new chain takes a while to lay; let others in
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._wake.wait()

    def poll(self) -> Iterable[MarketUpdate]:
        """Yield what changed in the demanded quotes and the chains whose turn it is."""
        now_ns = self.clock.now_ns()
        for symbol in sorted(self._demand.quotes):
            quote = self._quotes.at(self._names[symbol], now_ns)
            seen = (quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.last)
            if self._said.get(symbol) != seen:
                self._said[symbol] = seen
                yield quote
        for key in sorted(self._demand.chains):
            if self._chain_due_ns.get(key, 0) > now_ns:
                continue
            table = self._poll_chain(key, now_ns)
            if table is not None:
                yield table

    def _poll_chain(self, key: ChainKey, now_ns: int) -> ChainTable | None:
        self._chain_due_ns[key] = now_ns + int(CHAIN_SECONDS * NANOSECONDS)
        try:
            board = self._board(key, now_ns)
        except UnknownExpiration:
            self._chains.pop(key, None)  # it expired on an earlier day
            return None
        live = self._chains.get(key)
        if live is None or live.board is not board:
            live = self._chains[key] = LiveChain(board)
        return live.update(now_ns, self._quotes.at(board.name, now_ns))

    # -- questions ----------------------------------------------------------------------------

    async def fetch_quote(self, symbol: str) -> Quote:
        return self._quotes.at(self._name(symbol), self.clock.now_ns())

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        """Return today's and later dates, a row for each root; none for a name without options."""
        now_ns = self.clock.now_ns()
        today = self._sessions.exchange_date(now_ns)
        number = self._path.day_number(now_ns)
        return self._listing.expirations(self._name(underlying), today, number)

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        now_ns = self.clock.now_ns()
        board = self._board(key, now_ns)
        spot = self._quotes.at(board.name, now_ns)
        return board.table(board.columns(now_ns), now_ns, spot)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars from the first day of the simulated world on (see `bars`)."""
        name = self._name(symbol)
        now_ns = self.clock.now_ns()
        if interval is BarInterval.WEEK_1:
            monday = start - timedelta(days=start.weekday())
            days = await _collect(self._history.iter_days(name, monday, end, now_ns))
            rows = within(join_bars(days, interval), start=start, end=end)
        elif interval is BarInterval.DAY_1:
            rows = await _collect(self._history.iter_days(name, start, end, now_ns))
        else:
            rows = await _collect(self._history.iter_intraday(name, interval, start, end, now_ns))
        return Bars(
            symbol=name.symbol,
            interval=interval,
            source=SOURCE,
            quality=Quality.SIMULATED,
            adjusted=True,  # the simulated world has no splits, and its trend no dividends
            rows=rows,
        )

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        """Return simulated names only: nothing else has a price here."""
        return self._directory.search(text, limit)

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        """Return dividends and splits: past, declared, and dividends projected for a year."""
        return actions_of(self._path, self._name(symbol), start, end, self.clock.now_ns())

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncGenerator[ChainTable, None]:
        """Yield the closing chain of each session of the simulated world that is over."""
        name = self._name(underlying)
        now_ns = self.clock.now_ns()
        today = self._path.day_number(now_ns)
        last = today if now_ns >= self._path.close_ns(today) else today - 1
        for number in reversed(list(self._path.numbers_down(start, end, last))):
            yield await asyncio.to_thread(self._days.whole_chain, name, number)

    async def fetch_earnings(self, symbol: str) -> Sequence[EarningsDate]:
        """Return the reports of the year to come. Raises UnknownSymbol."""
        return coming_reports(self._path, self._name(symbol), self.clock.now_ns())

    # -- parts --------------------------------------------------------------------------------

    def _name(self, symbol: str) -> SimulatedName:
        name = self._names.get(symbol) or self._names.get(normalise_symbol(symbol))
        if name is None:
            raise UnknownSymbol(f"The simulated market has no symbol {symbol[:40]!r}.")
        return name

    def _board(self, key: ChainKey, now_ns: int) -> Board:
        return self._boards.at(self._name(key.underlying), key, now_ns)


async def _collect(sessions: Iterator[list[Bar]]) -> list[Bar]:
    """Return the bars of sessions that come latest first, ascending and bounded.

    Five years of days take a noticeable part of a second: others get their turn in between.
    """
    chunks: list[list[Bar]] = []
    count = 0
    for rows in sessions:
        chunks.append(rows)
        count += len(rows)
        if count >= limits.HISTORY_BARS_MAX:
            break
        if len(chunks) % _SESSIONS_AT_ONCE == 0:
            await asyncio.sleep(0)
    bars = [bar for rows in reversed(chunks) for bar in rows]
    return bars[-limits.HISTORY_BARS_MAX :]
