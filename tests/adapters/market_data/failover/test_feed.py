"""From two providers to a reader, over the engine and a real Redis: the primary dies under load.

Time of the providers and of the failover moves in steps of a quarter of a second, and only after
the book has seen what the step gave. So the seconds of a takeover are counted and not measured, and
every price that any reader was ever shown is looked up among those that were sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import cast

import pytest
from redis.asyncio import Redis
from tests.adapters.market_data.failover.world import KEY, SILENCE_SECONDS_MAX, Source
from tests.fakes.bus import read_message
from tests.fixtures.chains import NOW_NS
from tests.fixtures.manual_time import ManualTime
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.adapters.market_data.failover import FailoverMarketData
from optix.features.market import wire
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quality, Quote
from optix.platform.bus import UPDATES
from optix.ports.market_data import MarketUpdate, ProviderUnavailable

pytestmark = pytest.mark.stores

SYMBOLS = ["SPY", *(f"S{n:02}" for n in range(40))]
STEP_SECONDS = 0.25
BID, AS_OF = (wire.CHAIN_ROW_COLUMNS.index(name) for name in ("bid", "as_of"))


class Tapped(FailoverMarketData):
    """Remembers what it gave to the engine last."""

    given: dict[object, Quote | ChainTable]

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        self.given = {}
        async for update in super().iter_updates():
            if isinstance(update, Quote):
                self.given[update.symbol] = update
            elif isinstance(update, ChainTable):
                self.given[KEY] = update
            yield update


class Load:
    """Two providers that send all the time, an engine over them, a book, and what was sent."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.time = ManualTime(NOW_NS)
        self.first, self.second = Source("first", self.time), Source("second", self.time)
        self.failover = Tapped([self.first, self.second], clock=self.time, sleep=self.time.sleep)
        market.provider = cast("Source", self.failover)
        self.alive = {self.first, self.second}
        self.sent: set[tuple[str, str, float, int]] = set()
        self.shown: list[list[object]] = []
        self._step = 0
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for source in (self.first, self.second):
            for symbol in SYMBOLS:
                source.quotes[symbol] = self._price(source, symbol)
            source.chains[KEY] = self._chain(source, complete=True)
        self._reading = asyncio.create_task(self._read())
        await self.market.start()
        book = self.market.book
        topics = [*map(wire.quote_topic, SYMBOLS), wire.chain_topic(KEY)]
        book.hold(topics)
        await self.market.bus.lease(topics, seconds=600)
        await until(lambda: len(self.first.demand.quotes) == len(SYMBOLS), seconds=20)
        await book.get_chain(KEY)

    async def end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        """Keep every row that was ever published."""
        async for body in self.market.bus.iter_messages(UPDATES):
            message = read_message(body) if body is not None else {}
            self.shown += message.get("q", [])

    def _price(self, source: Source, symbol: str) -> Quote:
        base = 600.0 if source is self.first else 601.0
        quote = source.quote(base + self._step / 1000, symbol=symbol)
        as_of = quote.ts_event // 1_000_000
        self.sent.add((source.capabilities.name, symbol, quote.last, as_of))
        return quote

    def _chain(self, source: Source, *, complete: bool) -> ChainTable:
        bump = (0.0 if source is self.first else 1.0) + self._step / 1000
        table = source.chain(bump, complete=complete, rows=6 if complete else 3)
        for contract, bid in zip(table.contracts, table.columns["bid"], strict=True):
            as_of = table.ts_event // 1_000_000
            self.sent.add((source.capabilities.name, contract.key, bid, as_of))
        return table

    async def step(self) -> None:
        """Send one round of everything, let the time of a step pass, and let the book see it."""
        self._step += 1
        for source in (self.first, self.second):
            if source not in self.alive:
                continue
            for symbol in SYMBOLS:
                if symbol in source.demand.quotes:
                    source.emit(self._price(source, symbol))
            if KEY in source.demand.chains:
                whole = self._step % 4 == 0
                source.emit(self._chain(source, complete=whole))
            source.chains[KEY] = self._chain(source, complete=True)
        await self.time.advance(STEP_SECONDS)
        await until(self._is_seen)
        self._check_chain()

    def _is_seen(self) -> bool:
        book = self.market.book
        if book.feed_status().state != "live":
            return True
        shown = {symbol: book.quotes[symbol].quote for symbol in book.quotes.symbols}
        return all(
            topic in shown and shown[topic].ts_event // 1_000_000 == update.ts_event // 1_000_000
            for topic, update in self.failover.given.items()
            if isinstance(topic, str)
        )

    def _check_chain(self) -> None:
        """Assert that all rows of the book's chain were sent by the source it names."""
        chain = self.market.book.chains[KEY]
        source = chain.header["source"]
        for contract, row in zip(chain.contracts, chain.rows, strict=True):
            assert (source, contract[0], row[BID], row[AS_OF]) in self.sent

    async def run(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP_SECONDS)):
            await self.step()

    async def until(self, condition: Callable[[], object], *, seconds: float) -> float:
        """Step until `condition()`; return the seconds that took, fail after `seconds`."""
        started_ns = self.time.now_ns()
        while not condition():
            taken = (self.time.now_ns() - started_ns) / NANOSECONDS
            assert taken < seconds, f"not within {seconds} s"
            await self.step()
        return (self.time.now_ns() - started_ns) / NANOSECONDS

    def sources(self) -> set[str]:
        """Return whose numbers the book shows."""
        book = self.market.book
        return {book.quotes[symbol].quote.source for symbol in SYMBOLS} | {
            book.chains[KEY].header["source"]
        }

    def check_shown(self) -> None:
        """Assert that every quote ever published is one that its source sent for that instant."""
        at, last, source = (wire.QUOTE_COLUMNS.index("as_of"), wire.QUOTE_COLUMNS.index("last"), 16)
        assert len(self.shown) > len(SYMBOLS)
        for row in self.shown:
            assert (row[source], row[0], row[last], row[at]) in self.sent


@pytest.fixture
async def load(market: Market, redis: Redis) -> AsyncIterator[Load]:
    load = Load(market)
    await load.start()
    yield load
    await load.end()


def raise_error(load: Load) -> None:
    load.first.fail("The line is cut.")
    load.first.refusal = ProviderUnavailable("The line is cut.")
    load.alive.discard(load.first)


def fall_silent(load: Load) -> None:
    load.alive.discard(load.first)


def send_nonsense(load: Load) -> None:
    load.alive.discard(load.first)
    for n in range(limits.FAILOVER_BAD_IN_A_ROW_MAX):
        good = load.first.quote(999.0)
        load.first.emit(replace(good, ts_event=good.ts_event + 3_600 * NANOSECONDS))
        load.first.emit(replace(load.first.chain(), ts_event=0))
        load.first.emit(replace(good, last=-1.0, symbol=SYMBOLS[n]))


@pytest.mark.parametrize("die", [raise_error, fall_silent, send_nonsense])
async def test_the_secondary_takes_over_in_less_than_five_seconds(
    load: Load, die: Callable[[Load], None]
) -> None:
    await load.run(5)
    assert load.sources() == {"first"}
    assert load.market.book.feed_status().source == "first"
    die(load)
    taken = await load.until(lambda: load.sources() == {"second"}, seconds=10)
    assert taken < 5
    assert taken > STEP_SECONDS or die is not fall_silent
    book = load.market.book
    await until(lambda: book.feed_status().source == "second")  # said once a second
    assert book.feed_status().state == "live"
    assert "First is away" in book.feed_status().notice
    load.check_shown()


async def test_a_silent_primary_is_not_left_before_its_bound(load: Load) -> None:
    await load.run(5)
    fall_silent(load)
    await load.run(SILENCE_SECONDS_MAX - 1)
    assert load.sources() == {"first"}


async def test_a_primary_that_flaps_does_not_make_the_feed_flap(load: Load) -> None:
    await load.run(5)
    changes = 0
    shown = "first"
    for _ in range(8):
        load.first.fail("The line is cut.")
        for _ in range(20):
            await load.step()
            now = load.market.book.quotes["SPY"].quote.source
            changes, shown = changes + (now != shown), now
    assert changes == 1
    assert shown == "second"
    load.check_shown()


async def test_both_dead_is_stale_then_down_with_a_sentence_and_ends(load: Load) -> None:
    book = load.market.book
    await load.run(5)
    for source in (load.first, load.second):
        source.refusal = ProviderUnavailable(f"{source.capabilities.label} is shut.")
        source.fail("The line is cut.")
    load.alive.clear()
    last = {symbol: book.quotes[symbol].quote.last for symbol in SYMBOLS}
    await load.time.advance(limits.FAILOVER_STALE_SECONDS + 2 * STEP_SECONDS)
    await until(lambda: book.quotes["SPY"].quote.quality is Quality.STALE)
    await until(lambda: book.chains[KEY].header["quality"] == Quality.STALE)
    assert book.feed_status().state == "live"
    await load.time.advance(limits.FAILOVER_LOST_SECONDS)
    await until(lambda: book.feed_status().state == "down")
    assert "First: First is shut. Second: Second is shut." in book.feed_status().reason
    assert {symbol: book.quotes[symbol].quote.last for symbol in SYMBOLS} == last
    load.check_shown()
    for source in (load.first, load.second):
        source.refusal = None
    load.alive = {load.first, load.second}
    await load.time.advance(60)
    await until(lambda: book.feed_status().state == "live", seconds=30)
    quotes = [book.quotes[symbol] for symbol in SYMBOLS]
    assert {replica.quote.quality for replica in quotes} == {Quality.STALE}
    await load.until(
        lambda: {book.quotes[s].quote.quality for s in SYMBOLS} == {Quality.REALTIME}, seconds=5
    )
    assert load.sources() == {"first"}
    load.check_shown()


async def test_the_primary_is_returned_to_when_it_is_well_again(load: Load) -> None:
    await load.run(3)
    raise_error(load)
    await load.until(lambda: load.sources() == {"second"}, seconds=10)
    load.first.refusal = None
    load.alive.add(load.first)
    await load.run(10)
    assert load.sources() == {"second"}
    taken = await load.until(lambda: load.sources() == {"first"}, seconds=120)
    assert taken > limits.FAILOVER_RETURN_SECONDS_FIRST - 15
    await until(lambda: not load.market.book.feed_status().notice)
    load.check_shown()
