"""Two scripted providers, a failover over them, and time that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS, ScriptedProvider
from tests.fixtures.chains import EXPIRATION, NOW_NS, spot_of, table_of
from tests.fixtures.manual_time import ManualTime

from optix.adapters.market_data.failover import FailoverMarketData
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import Capabilities, ChainKey, Demand, FeedNotice, MarketUpdate

KEY = ChainKey("SPY", EXPIRATION)
SILENCE_SECONDS_MAX = 3.0


class Source(ScriptedProvider):
    """A provider with a name. `refusal` is what opening it raises."""

    def __init__(self, name: str, time: ManualTime, **capabilities: Any) -> None:
        super().__init__(clock=time)
        self._time = time
        usual = Capabilities(
            name=name,
            label=name.title(),
            quality=Quality.REALTIME,
            streaming=True,
            silence_seconds_max=SILENCE_SECONDS_MAX,
        )
        self.capabilities = replace(usual, **capabilities)
        self.refusal: OptixError | None = None
        self.closed = 0
        self.sent: set[tuple[str, float, int]] = set()

    async def open(self) -> None:
        await super().open()
        if self.refusal is not None:
            raise self.refusal

    async def close(self) -> None:
        self.closed += 1

    def quote(self, price: float, *, age_seconds: float = 0.0, symbol: str = "SPY") -> Quote:
        """Return a quote of ours that was true `age_seconds` ago."""
        now_ns = self._time.now_ns()
        ts_event = now_ns - int(age_seconds * NANOSECONDS)
        name, quality = self.capabilities.name, self.capabilities.quality
        quote = replace(spot_of(symbol, price, ts_event=ts_event), source=name, quality=quality)
        return replace(quote, ts_received=now_ns)

    def chain(
        self, bump: float = 0.0, *, age_seconds: float = 0.0, complete: bool = True, rows: int = 6
    ) -> ChainTable:
        """Return the small chain with bids moved by `bump`, or its first rows."""
        bids = [bid + bump for bid in SMALL_BIDS[:rows]]
        now_ns = self._time.now_ns()
        table = table_of(
            SMALL_CONTRACTS[:rows],
            {"bid": bids, "ask": [bid + 0.1 for bid in bids]},
            complete=complete,
            ts_event=now_ns - int(age_seconds * NANOSECONDS),
        )
        name, quality = self.capabilities.name, self.capabilities.quality
        return replace(table, source=name, quality=quality, ts_received=now_ns)

    def tick(self, price: float, **options: Any) -> Quote:
        quote = self.quote(price, **options)
        self.emit(quote)
        return quote


class World:
    """A failover over `sources`, and what came out of it."""

    def __init__(
        self, *sources: Source, time: ManualTime, is_ticking: bool = True, **options: Any
    ) -> None:
        self.time = time
        self.sources = sources
        self.ticking = is_ticking
        self.failover = FailoverMarketData(
            sources, clock=time, sleep=time.sleep, is_ticking=lambda _: self.ticking, **options
        )
        self.seen: list[MarketUpdate] = []
        self.ended: BaseException | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self, demand: Demand | None = None) -> None:
        opening = asyncio.ensure_future(self.failover.open())
        await self.time.settle()
        while not opening.done():
            await self.time.advance(0.25)
        await opening
        self.failover.set_demand(demand or Demand(quotes=frozenset({"SPY"})))
        self._listening = asyncio.create_task(self._listen())
        await self.time.settle()

    async def open_later(self, source: Source, seconds: float) -> None:
        """Let a source open after so much time."""
        source.opening.clear()

        async def open_it() -> None:
            await self.time.sleep(seconds)
            source.opening.set()

        self._later = asyncio.create_task(open_it())
        await self.time.settle()

    async def _listen(self) -> None:
        try:
            async for update in self.failover.iter_updates():
                self.seen.append(update)
        except OptixError as error:
            self.ended = error

    async def live(self, seconds: float, *speakers: Source, price: float = 600.0) -> None:
        """Let time pass while `speakers` tick twice a second."""
        for _ in range(int(seconds * 2)):
            for source in speakers:
                source.tick(price)
            await self.time.advance(0.5)

    async def until(self, condition: Callable[[], object], *, seconds: float) -> float:
        """Let time pass until `condition()`; return how long it took, fail after `seconds`."""
        started_ns = self.time.now_ns()
        while not condition():
            taken = (self.time.now_ns() - started_ns) / NANOSECONDS
            assert taken < seconds, f"not within {seconds} s"
            await self.time.advance(0.25)
        return (self.time.now_ns() - started_ns) / NANOSECONDS

    def quotes(self) -> list[Quote]:
        return [update for update in self.seen if isinstance(update, Quote)]

    def chains(self) -> list[ChainTable]:
        return [update for update in self.seen if isinstance(update, ChainTable)]

    def notices(self) -> list[FeedNotice]:
        return [update for update in self.seen if isinstance(update, FeedNotice)]

    async def end(self) -> None:
        await self.failover.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)


@asynccontextmanager
async def world_of(
    *names: str | tuple[str, dict[str, Any]], **options: Any
) -> AsyncIterator[World]:
    """Give a world of providers by name, or by name and capabilities; not started."""
    time = ManualTime(NOW_NS)
    sources: list[Source] = []
    for entry in names:
        name, capabilities = entry if isinstance(entry, tuple) else (entry, {})
        sources.append(Source(name, time, **capabilities))
    world = World(*sources, time=time, **options)
    try:
        yield world
    finally:
        await world.end()


def last_quote(world: World) -> Quote:
    return world.quotes()[-1]
