"""A recording behind the market data port.

Time is the recording's: ticks become known as its clock passes them, whoever looks, and every
answer is as of that clock. Nothing of the future is served.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

import structlog

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.directory import SymbolDirectory, default_directory
from optix.adapters.market_data.replay.book import Book, key_of, underlying_of_print
from optix.adapters.market_data.replay.clock import ReplayClock
from optix.adapters.market_data.replay.tape import Accounting, Tape, Tick
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock, SystemClock, to_ns
from optix.kernel.quote import Quality, Quote, TradingStatus
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.kernel.trade import Trade
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Demand,
    Expiration,
    FeedNotice,
    MarketUpdate,
    NoticeState,
    SymbolInfo,
    UnknownSymbol,
)

NAME = "replay"
DAY_CLOSE = time(16, 0)
PENDING_MAX = 10_000  # updates a listener may be behind before the tape waits for it
# Ticks read at once: a hop to the thread that reads costs more than most ticks.
READ_AHEAD_TICKS = 256
READ_AHEAD_ROWS = 50_000

_log = structlog.get_logger(__name__)


class ReplayMarketData:
    """Implements `ports.market_data.MarketDataProvider` over one tape.

    `speed` is market time per real time; 0 is step mode, where only `step` moves the clock.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        speed: float = 1.0,
        loop: bool = False,
        base_clock: Clock | None = None,
        directory: SymbolDirectory | None = None,
    ) -> None:
        self._tape = tape
        self._loop = loop
        self._directory = directory or default_directory()
        self._clock = ReplayClock(
            base_clock or SystemClock(), start_ns=tape.start_ns, end_ns=tape.end_ns, speed=speed
        )
        self.clock: Clock = self._clock
        self.capabilities = Capabilities(
            name=NAME,
            label=f"Replay of {tape.description}",
            quality=Quality.REPLAY,
            streaming=True,
            intervals=frozenset(BarInterval),
            vendor_greeks=True,
            kinds=frozenset(
                {
                    DataKind.QUOTES,
                    DataKind.CHAINS,
                    DataKind.BARS,
                    DataKind.SEARCH,
                    DataKind.TRADES,
                }
            ),
            notice=_notice(tape),
        )
        self._book = Book()
        self._demand = Demand()
        self._changed = asyncio.Event()
        self._playing = asyncio.Lock()  # one reader of the tape at a time
        self._ticks: Iterator[Tick] = iter(())
        self._ahead: deque[Tick] = deque()
        self._next: Tick | None = None
        self._pending: deque[MarketUpdate] = deque()
        self._following = Demand()  # what the listener has been shown the state of
        self._ended = False
        self._opened = False
        self._closed = False
        self._problems = 0

    async def open(self) -> None:
        """Start the clock with the first tick already known; once opened before, go on."""
        self._closed = False
        if self._opened:
            return
        self._opened = True
        self._ticks = self._tape.iter_ticks()
        self._next = await self._read_tick()
        self._clock.start()
        await self._play()

    async def close(self) -> None:
        self._closed = True
        self._changed.set()

    def set_demand(self, demand: Demand) -> None:
        self._demand = demand
        self._changed.set()

    async def step(self, until_ns: int | None = None) -> int | None:
        """Move the clock to `until_ns`, else to the next tick, and play what that reaches.

        Returns where the clock stands, None when the recording has ended before.
        """
        if until_ns is None:
            if self._next is None:
                return None
            until_ns = self._next.instant_ns
        self._clock.advance_to(until_ns)
        await self._play()
        self._changed.set()
        return self.clock.now_ns()

    def accounting(self) -> Accounting:
        """Read the whole recording and say where every row of it goes. Blocks."""
        return self._tape.accounting()

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        """Yield the demanded part of every tick in order; at the end say so and stand still."""
        self._pending.clear()
        self._following = Demand()
        told = False
        try:
            while not self._closed:
                self._changed.clear()
                await self._play()
                while self._pending:
                    yield self._pending.popleft()
                # Between these two lines nothing is played: a whole chain, then what changes it.
                fresh = self._newly_demanded()
                self._following = self._demand
                for update in fresh:
                    yield update
                told = told and not fresh  # after the end every answer is again the last word
                if self._ended and not self._pending and not told:
                    if self._loop:
                        yield await self._restart()
                        continue
                    told = True
                    yield self._end_notice()
                await self._wait()
        finally:
            self._following = Demand()
            self._pending.clear()

    async def fetch_quote(self, symbol: str) -> Quote:
        symbol = await self._known(symbol)
        quote = self._book.quotes.get(symbol)
        if quote is not None:
            return quote
        # The recording has contracts of it and says nothing about the underlying itself.
        now_ns = self.clock.now_ns()
        return Quote(
            symbol=symbol,
            kind=kind_of(symbol),
            source=NAME,
            quality=Quality.REPLAY,
            ts_event=now_ns,
            ts_received=now_ns,
        )

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return self._book.expirations(await self._known(underlying))

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        underlying = await self._known(key.underlying)
        return self._book.get_chain(ChainKey(underlying, key.expiration))

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars that had ended by the market clock: recorded ones, else of played prices."""
        symbol = await self._known(symbol)
        finest = BarInterval.MINUTE_1 if interval in bar_rules.MINUTES else BarInterval.DAY_1
        now_ns = self.clock.now_ns()
        recorded = await asyncio.to_thread(self._tape.bars, symbol, finest)
        if recorded is None:
            rows = self._book.bars(symbol, interval)
        else:
            past = [bar for bar in recorded if _bar_end_ns(bar, finest) <= now_ns]
            rows = past if interval is finest else bar_rules.join_bars(past, interval)
        return Bars(
            symbol=symbol,
            interval=interval,
            source=NAME,
            quality=Quality.REPLAY,
            adjusted=False,
            rows=bar_rules.within(rows, start=start, end=end),
        )

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        """Return matching symbols, those of the recording first."""
        limit = min(max(limit, 0), limits.SEARCH_RESULTS_MAX)
        known = self._tape.symbols() | self._book.quotes.keys()
        found = self._directory.search(text, limits.SEARCH_RESULTS_MAX)
        named = {info.symbol for info in found}
        wanted = text.strip().upper()
        own = [
            self._directory.lookup(symbol)
            or SymbolInfo(symbol=symbol, name=symbol, kind=kind_of(symbol))
            for symbol in sorted(known - named)
            if wanted and symbol.startswith(wanted)
        ]
        ranked = sorted([*own, *found], key=lambda info: info.symbol not in known)
        return ranked[:limit]

    async def _known(self, symbol: str) -> str:
        """Return the canonical symbol after playing up to now. Raises UnknownSymbol."""
        await self._play()
        try:
            canonical = parse_symbol(symbol)
        except MalformedSymbol as error:
            raise UnknownSymbol(error.detail) from error
        if not self._book.knows(canonical):
            raise UnknownSymbol(f"The recording has no {canonical}.")
        return canonical

    async def _play(self) -> None:
        """Apply every tick that the clock has passed."""
        async with self._playing:
            now_ns = self.clock.now_ns()
            while self._next is not None and self._next.instant_ns <= now_ns:
                if len(self._pending) >= PENDING_MAX:
                    return  # the listener is behind: the tape waits, nothing is skipped
                tick = self._next
                self._book.apply(tick)
                self._pending.extend(self._followed(tick))
                self._next = await self._read_tick()
            self._ended = self._next is None

    async def _read_tick(self) -> Tick | None:
        if not self._ahead:
            # A document takes a tenth of a second to read: not on the loop that beats the heart.
            self._ahead.extend(await asyncio.to_thread(_read_ahead, self._ticks))
            for problem in self._tape.problems[self._problems :]:
                _log.warning("replay_file_skipped", why=problem)
            self._problems = len(self._tape.problems)
        return self._ahead.popleft() if self._ahead else None

    def _followed(self, tick: Tick) -> list[MarketUpdate]:
        return [update for update in tick.updates if _is_wanted(update, self._following)]

    def _newly_demanded(self) -> list[MarketUpdate]:
        """Return the state of what is demanded and not followed yet."""
        updates: list[MarketUpdate] = []
        for symbol in sorted(self._demand.quotes - self._following.quotes):
            quote, status = self._book.quotes.get(symbol), self._book.statuses.get(symbol)
            if quote is not None:
                updates.append(quote)
            if status is not None:
                updates.append(status)
        for key in sorted(self._demand.chains - self._following.chains):
            table = self._book.find_chain(key)
            if table is not None:
                updates.append(replace(table, complete=True))
        return updates

    async def _wait(self) -> None:
        """Wait for the next tick to be due or for another demand."""
        seconds = None if self._next is None else self._clock.seconds_until(self._next.instant_ns)
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _restart(self) -> FeedNotice:
        async with self._playing:
            self._book = Book()
            self._ended = False
            self._ticks = self._tape.iter_ticks()
            self._ahead.clear()
            self._next = await self._read_tick()
            self._clock.restart()
        return FeedNotice(
            state=NoticeState.RESTARTED,
            reason="The recording begins again.",
            ts_event=self.clock.now_ns(),
        )

    def _end_notice(self) -> FeedNotice:
        return FeedNotice(
            state=NoticeState.ENDED,
            reason="The recording has ended. Its last prices stay.",
            ts_event=self.clock.now_ns(),
        )


def _read_ahead(ticks: Iterator[Tick]) -> list[Tick]:
    """Return the next ticks, as many as are small; a large one comes alone."""
    taken: list[Tick] = []
    rows = 0
    for tick in ticks:
        taken.append(tick)
        rows += tick.rows
        if len(taken) >= READ_AHEAD_TICKS or rows >= READ_AHEAD_ROWS:
            break
    return taken


def _is_wanted(update: MarketUpdate, demand: Demand) -> bool:
    if isinstance(update, ChainTable):
        return bool(update.contracts) and key_of(update) in demand.chains
    if isinstance(update, Trade):
        return bool(demand.trades) and underlying_of_print(update.symbol) in demand.trades
    if isinstance(update, Quote | TradingStatus):
        return update.symbol in demand.quotes
    return True  # a gap, which concerns whoever listens


def _notice(tape: Tape) -> str:
    first, last = (bar_rules.new_york_date(ns) for ns in (tape.start_ns, tape.end_ns))
    words = "Replay of simulated prices" if tape.simulated else "Replay"
    days = _day_words(first) if first == last else f"{_day_words(first)} to {_day_words(last)}"
    return f"{words} {days}"


def _day_words(day: date) -> str:
    return f"{day:%b} {day.day}, {day.year}"


def _bar_end_ns(bar: Bar, interval: BarInterval) -> int:
    if interval is BarInterval.MINUTE_1:
        return bar.ts_event + 60 * NANOSECONDS
    day = bar_rules.new_york_date(bar.ts_event)
    return to_ns(datetime.combine(day, DAY_CLOSE, tzinfo=bar_rules.NEW_YORK).astimezone(UTC))
