"""A feed and a book on a real Redis, with a provider that the test directs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from redis.asyncio import Redis
from tests.fakes.scripted import ScriptedProvider
from tests.features.market.chains import NOW_NS, spot_of
from tests.fixtures.waiting import until

from optix.features.market.book import MarketBook
from optix.features.market.engine import FeedEngine
from optix.features.market.terms import ListedTerms
from optix.kernel.clock import ScaledClock, SystemClock
from optix.platform.bus import Bus


class Market:
    """Starts and kills feeds and books as processes do."""

    def __init__(self, redis: Redis) -> None:
        self.clock = SystemClock()
        self.bus = Bus(redis, self.clock)
        market_clock = ScaledClock(self.clock, origin_ns=NOW_NS, speed=0)
        self.provider = ScriptedProvider(clock=market_clock)
        self.provider.quotes["SPY"] = spot_of()
        self._tasks: list[asyncio.Task[None]] = []

    async def start_feed(self) -> asyncio.Task[None]:
        engine = FeedEngine(
            self.provider, self.bus, terms=ListedTerms(), clock=self.clock, rate_fallback=0.04
        )
        return self._run(engine.run)

    async def start_book(self) -> MarketBook:
        book = MarketBook(self.bus, self.clock)
        self._run(book.run)
        return book

    async def start(self) -> MarketBook:
        """Start both and return the book once it hears the feed."""
        await self.start_feed()
        book = await self.start_book()
        await until(lambda: book.feed_status().state == "live")
        return book

    def _run(self, work: Callable[[], object]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work())  # type: ignore[call-overload]  # a coroutine
        self._tasks.append(task)
        return task  # type: ignore[no-any-return]

    async def kill(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        for task in self._tasks:
            await self.kill(task)


@pytest.fixture
async def market(redis: Redis) -> AsyncIterator[Market]:
    market = Market(redis)
    yield market
    await market.close()
