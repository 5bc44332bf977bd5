"""A feed with a market at an even pace: `python -m benchmarks.stream_feed FOLDER TICKS_PER_S`.

The product's own feed engine and stores, with a provider that makes 5,000 symbols change in turn,
and one chain of 200 rows twice a second. Prints "ready" once the stores of the data folder are up
and migrated, then runs until it is terminated.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from benchmarks.feed_market import chain_table, contracts_of
from benchmarks.stream_market import (
    BESIDE,
    PRICES,
    STEP_SECONDS,
    SYMBOLS,
    Ticks,
    numbers_of,
    symbols,
)

from optix.features.market import calendar
from optix.features.market.engine import FeedEngine
from optix.features.market.terms import ListedTerms
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.platform.bus import Bus, connect
from optix.platform.embedded.stores import open_stores
from optix.platform.migrations import run_migrations
from optix.platform.settings import load_settings
from optix.ports.market_data import (
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    Demand,
    Expiration,
    MarketUpdate,
    SymbolInfo,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

CHAIN_STRIKES: Final = 100
CHAIN_SECONDS: Final = 0.5  # between two of its updates
CHAIN_SPOT: Final = 100.0
TICKS_FILE: Final = "ticks"  # in the data folder


def chain_key() -> ChainKey:
    """Return the one chain that there is: about a month away."""
    today = calendar.exchange_date(time.time_ns())  # house: allow(clock) because it is live
    return ChainKey(symbols(1)[0], calendar.session_on_or_before(today + timedelta(days=30)))


class SteadyMarket:
    """A provider whose symbols change in turn, `per_second` of them, whoever looks."""

    def __init__(self, per_second: float) -> None:
        self.capabilities = Capabilities(
            name="steady", label="Steady market", quality=Quality.REALTIME, streaming=True
        )
        self.clock = SystemClock()
        self._per_second = per_second
        self._names = symbols(SYMBOLS + BESIDE)
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._chain = chain_key()
        self._contracts = contracts_of(
            self._chain.underlying, [self._chain.expiration], CHAIN_STRIKES, CHAIN_SPOT, 0.5
        )
        self._demand = Demand()
        self._pool: dict[int, Quote] = {}
        self.ticks = 0  # that were given, of those that somebody follows

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """Nor to leave."""

    def set_demand(self, demand: Demand) -> None:
        self._demand = demand

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        ticks = Ticks(self._per_second, SYMBOLS)
        chain_due, chain_step = 0.0, 0
        while True:
            wanted = self._demand.quotes
            at_ns = self.clock.now_ns()
            for tick in ticks.due():
                number, step = ticks.place(tick)
                if self._names[number] in wanted:
                    self.ticks += 1
                    yield self._tick(number, step, at_ns)
            if self._demand.chains and time.monotonic() >= chain_due:
                chain_due, chain_step = time.monotonic() + CHAIN_SECONDS, chain_step + 1
                yield self._table(chain_step)
            await asyncio.sleep(STEP_SECONDS)

    def _tick(self, number: int, step: int, at_ns: int) -> Quote:
        """Return a quote of the pool with new times: made anew, it would cost more than the feed.

        The one before it of the same symbol is another object.
        """
        place = step % PRICES * SYMBOLS + number
        quote = self._pool.get(place)
        if quote is None:
            quote = self._pool[place] = self._quote(number, step)
        object.__setattr__(quote, "ts_event", at_ns)
        object.__setattr__(quote, "ts_received", at_ns)
        return quote

    def _quote(self, number: int, step: int) -> Quote:
        at_ns = self.clock.now_ns()
        numbers = numbers_of(number, step)
        return Quote(
            symbol=self._names[number],
            kind=SecurityKind.STOCK,
            bid=numbers[0],
            ask=numbers[1],
            bid_size=numbers[2],
            ask_size=numbers[3],
            last=numbers[4],
            open=numbers[5],
            high=numbers[6],
            low=numbers[7],
            previous_close=numbers[8],
            volume=numbers[9],
            source="steady",
            quality=Quality.REALTIME,
            ts_event=at_ns,
            ts_received=at_ns,
        )

    def _table(self, step: int) -> ChainTable:
        return chain_table(
            self._contracts,
            self._chain.underlying,
            spot=CHAIN_SPOT + 0.01 * (step % 50),
            at_ns=self.clock.now_ns(),
            seed=step,
        )

    async def fetch_quote(self, symbol: str) -> Quote:
        if symbol not in self._numbers:
            raise UnknownSymbol(f"{symbol} is not known here.")
        return self._quote(self._numbers[symbol], 0)

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        if underlying != self._chain.underlying:
            raise UnknownSymbol(f"{underlying} has no options here.")
        return [
            Expiration(
                date=self._chain.expiration,
                root=underlying,
                style=ExerciseStyle.AMERICAN,
                settlement=Settlement.PM,
                contracts=len(self._contracts),
            )
        ]

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        if key != self._chain:
            raise UnknownExpiration(f"{key.underlying} has nothing on {key.expiration}.")
        return self._table(0)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        raise UnsupportedRequest(f"No bars of {symbol} from {start} to {end} by {interval}.")

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        return [
            SymbolInfo(symbol=name, name=name, kind=SecurityKind.STOCK)
            for name in self._names
            if name.startswith(text)
        ][:limit]


async def tell(market: SteadyMarket, path: Path) -> None:
    """Write each second how many ticks there were: a busy feed gives fewer than it was asked."""
    while True:
        path.write_text(f"{market.ticks} {time.monotonic()}")  # noqa: ASYNC240  # in memory
        await asyncio.sleep(1)


async def main(folder: Path, per_second: float) -> None:
    """Run until terminated."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    async with open_stores(load_settings(data_dir=folder)) as stores:
        await run_migrations(stores.database_url)
        clock = SystemClock()
        bus = Bus(connect(stores.redis_url), clock)
        market = SteadyMarket(per_second)
        engine = FeedEngine(market, bus, terms=ListedTerms(), clock=clock, rate_fallback=0.04)
        feed = asyncio.create_task(engine.run())
        print("ready", flush=True)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads what is logged
        telling = asyncio.create_task(tell(market, folder / TICKS_FILE))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({feed, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (feed, telling):
            task.cancel()
        await asyncio.gather(feed, telling, return_exceptions=True)
        await bus.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
