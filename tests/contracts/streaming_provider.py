"""The chaos suite of every provider with a stream: how it behaves when the line does not.

    class TestAlpacaChaos(StreamingProviderContract):
        @pytest.fixture
        async def streamed(self): yield Streamed(provider, server, chain=…, contracts=[…])

The provider runs with `CHAOS_TIMINGS`: everything is as in the product, in tenths of its time. The
cards SC-01 to SC-12 are what the feed, a failover and the tape rely on. The product's own waits are
held against ten seconds in SC-01.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from tests.contracts.market_data import Updates, listening
from tests.fakes.stream_server import StreamServer
from tests.fixtures.waiting import WAIT_SECONDS, until

from optix.adapters.market_data.streaming import StreamTimings
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.trade import Trade
from optix.ports.market_data import (
    ChainKey,
    Demand,
    FeedNotice,
    HealthReporter,
    MarketDataProvider,
    NoticeState,
)

CHAOS_TIMINGS = StreamTimings(
    connect=2.0,
    handshake=2.0,
    ping=0.1,
    pong=0.3,
    data_silence=0.25,
    silence_max=5.0,
    reconcile=0.02,
    reconnect_first=0.02,
    reconnect_max=0.3,
    connects_window=3.0,
    stable=0.3,
    refused=30.0,
    idle=0.4,
    conflate=0.02,
    reselect=0.5,
)
STATE_SECONDS_MAX = 10.0  # within which the product must know that its stream is useless


class StreamingProvider(MarketDataProvider, HealthReporter, Protocol):
    """What the suite needs of a provider."""


@dataclass
class Streamed:
    """A provider on its vendor's fake, opened. `contracts` are OCC keys of `chain`, streamed."""

    provider: StreamingProvider
    server: StreamServer
    chain: ChainKey
    contracts: list[str]
    prints: bool = True  # the vendor streams prints of contracts
    refusals: bool = True  # the stream has a sign-in of its own that can be refused
    tokens: bool = True  # a token can expire while connected


class Listener:
    """Follows the chain and keeps its market ticking."""

    def __init__(self, streamed: Streamed, updates: Updates) -> None:
        self.streamed = streamed
        self.updates = updates
        self.price = 1.0
        self._clock = SystemClock()

    @property
    def server(self) -> StreamServer:
        return self.streamed.server

    def state(self) -> str:
        return self.streamed.provider.health()[0].state

    def bids(self, symbol: str) -> list[float]:
        """Return the bids of one contract in the order in which they were handed on."""
        return [
            table.columns["bid"][row]
            for table in self.updates.seen
            if isinstance(table, ChainTable)
            for row, contract in enumerate(table.contracts)
            if contract.key == symbol
        ]

    def gaps(self) -> list[FeedNotice]:
        return [
            update
            for update in self.updates.seen
            if isinstance(update, FeedNotice) and update.state is NoticeState.GAP
        ]

    async def tick(self) -> float:
        """Send one new quote of every contract and return its bid."""
        self.price = round(self.price + 0.01, 2)
        for symbol in self.streamed.contracts:
            await self.server.quote(
                symbol, self.price, round(self.price + 0.1, 2), self._clock.now_ns()
            )
        return self.price

    async def subscribed(self) -> None:
        await until(lambda: set(self.streamed.contracts) <= self.server.subscribed())

    async def tick_until_heard(self) -> None:
        """Let the market tick until a tick arrives: the stream works."""
        await self.subscribed()
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                price = await self.tick()
                await asyncio.sleep(0.03)
                if price in self.bids(self.streamed.contracts[0]):
                    return

    async def recover(self, gaps: int) -> None:
        """Wait for the new connection, and check that its gap is told before what came after."""
        await until(lambda: len(self.gaps()) > gaps)
        seen = self.updates.seen
        gap = self.gaps()[-1]
        assert self.streamed.chain.underlying in gap.symbols
        assert 0 < gap.ts_from <= gap.ts_event
        place = max(index for index, update in enumerate(seen) if update is gap)

        def fresh() -> bool:
            after = seen[place:]
            return any(isinstance(update, ChainTable) and update.complete for update in after)

        await until(fresh)
        await self.tick_until_heard()
        await until(lambda: self.state() == "live")


class StreamingProviderContract:
    """Subclasses define the fixture `streamed`."""

    @pytest.fixture
    async def listener(self, streamed: Streamed) -> AsyncIterator[Listener]:
        demand = Demand(
            quotes=frozenset((streamed.chain.underlying,)),
            chains=frozenset((streamed.chain,)),
            trades=frozenset((streamed.chain.underlying,)) if streamed.prints else frozenset(),
        )
        streamed.provider.set_demand(demand)
        async with listening(streamed.provider) as updates:
            listener = Listener(streamed, updates)
            await updates.find(ChainTable)
            await listener.tick_until_heard()
            yield listener

    def bounded(self, server: StreamServer) -> None:
        window = CHAOS_TIMINGS.connects_window
        assert server.connects_within(window) <= limits.STREAM_CONNECTS_PER_MINUTE_MAX

    async def test_sc_01_the_product_knows_within_ten_seconds(self, listener: Listener) -> None:
        product = StreamTimings()
        assert product.ping + product.pong <= STATE_SECONDS_MAX
        assert product.data_silence * 9 / 8 <= STATE_SECONDS_MAX, "the watch looks eight times"
        assert listener.state() == "live"
        assert not listener.gaps(), "a first connection is no gap"

    async def test_sc_02_a_mute_stream_is_found_out_and_made_anew(self, listener: Listener) -> None:
        listener.server.muted = True
        await until(lambda: listener.state() != "live")
        await until(lambda: len(listener.server.connects) > 1)
        listener.server.muted = False
        await listener.recover(gaps=0)
        self.bounded(listener.server)

    async def test_sc_03_a_half_open_line_is_found_out(self, listener: Listener) -> None:
        listener.server.half_open()
        await until(lambda: listener.state() != "live")
        await listener.recover(gaps=0)

    async def test_sc_04_a_cut_line_is_made_anew_and_the_gap_is_marked(
        self, listener: Listener
    ) -> None:
        await listener.server.drop()
        await listener.recover(gaps=0)
        await listener.server.close_all()
        await listener.recover(gaps=1)
        assert listener.streamed.provider.health()[0].reconnects >= 2

    async def test_sc_05_a_line_that_is_cut_at_once_makes_no_storm(
        self, listener: Listener
    ) -> None:
        server = listener.server
        server.closing = True
        await server.drop()
        await until(lambda: len(server.connects) >= limits.STREAM_CONNECTS_PER_MINUTE_MAX)
        await asyncio.sleep(CHAOS_TIMINGS.connects_window / 2)
        self.bounded(server)
        server.closing = False
        await listener.recover(gaps=0)

    async def test_sc_06_a_flood_becomes_the_newest_of_each_symbol(
        self, listener: Listener
    ) -> None:
        symbol = listener.streamed.contracts[0]
        before = len(listener.bids(symbol))
        clock, count = SystemClock(), 5_000
        for step in range(count):
            await listener.server.quote(symbol, 2.0 + step / 100, 90.0, clock.now_ns())
        await until(lambda: listener.bids(symbol)[-1] == 2.0 + (count - 1) / 100)
        assert len(listener.bids(symbol)) - before < count / 4
        assert not listener.gaps()

    async def test_sc_07_what_is_older_than_what_is_known_changes_nothing(
        self, listener: Listener
    ) -> None:
        symbol, now_ns = listener.streamed.contracts[0], SystemClock().now_ns()
        await listener.server.quote(symbol, 5.0, 5.1, now_ns)
        await listener.server.quote(symbol, 4.0, 4.1, now_ns - 60_000_000_000)
        await until(lambda: 5.0 in listener.bids(symbol))
        await listener.tick_until_heard()
        assert 4.0 not in listener.bids(symbol)

    async def test_sc_08_a_repeated_message_is_told_once(self, listener: Listener) -> None:
        symbol, now_ns = listener.streamed.contracts[0], SystemClock().now_ns()
        await listener.server.quote(symbol, 6.0, 6.1, now_ns)
        await until(lambda: 6.0 in listener.bids(symbol))
        await listener.server.quote(symbol, 6.0, 6.1, now_ns)
        await listener.tick_until_heard()
        assert listener.bids(symbol).count(6.0) == 1

    async def test_sc_09_broken_frames_are_skipped_and_too_many_end_the_connection(
        self, listener: Listener
    ) -> None:
        server, symbol = listener.server, listener.streamed.contracts[0]
        whole = server.quote_frame(symbol, 7.0, 7.1, SystemClock().now_ns())
        await server.send(server.malformed_frame())
        await server.send(whole[: len(whole) // 2])
        await listener.tick_until_heard()
        assert len(server.connects) == 1, "one broken frame is no reason"
        assert listener.streamed.provider.health()[0].error_rate > 0
        for _ in range(limits.STREAM_BAD_FRAMES_MAX + 1):
            await server.send(server.malformed_frame())
        await listener.recover(gaps=0)
        assert "unreadable" in listener.gaps()[0].reason

    async def test_sc_10_an_expired_token_is_renewed_without_a_storm(
        self, listener: Listener
    ) -> None:
        if not listener.streamed.tokens:
            pytest.skip("this vendor's keys do not expire")
        await listener.server.expire_token()
        await listener.recover(gaps=0)
        assert len(listener.server.connects) <= 3

    async def test_sc_11_a_refused_sign_in_is_not_repeated(self, listener: Listener) -> None:
        if not listener.streamed.refusals:
            pytest.skip("this vendor's stream has no sign-in of its own")
        server = listener.server
        server.refuse = True
        await server.drop()
        await until(lambda: len(server.connects) == 2)
        await until(lambda: listener.state() in {"stale", "down"})
        await asyncio.sleep(1.0)  # no third connection may come
        assert len(server.connects) == 2
        assert listener.streamed.provider.health()[0].reason.endswith(".")

    async def test_sc_12_prints_are_handed_on_one_by_one(self, listener: Listener) -> None:
        if not listener.streamed.prints:
            pytest.skip("this vendor streams no prints of contracts")
        symbol, clock = listener.streamed.contracts[0], SystemClock()
        for size in range(1, 41):
            frame = listener.server.trade_frame(symbol, 3.0, float(size), clock.now_ns())
            assert frame is not None
            await listener.server.send(frame)

        def sizes() -> list[float]:
            seen = listener.updates.seen
            return [u.size for u in seen if isinstance(u, Trade) and u.symbol == symbol]

        await until(lambda: len(sizes()) >= 40)
        assert sizes() == [float(size) for size in range(1, 41)]
