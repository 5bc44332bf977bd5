"""Demand in, updates out: what the cards of providers and the chaos suite do not look into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from tests.contracts.market_data import Updates
from tests.contracts.streaming_provider import CHAOS_TIMINGS, StreamingProvider
from tests.fakes.plain_stream import (
    CONTRACTS,
    EXPIRATION,
    KEY,
    PlainProvider,
    PlainServer,
    plain_server,
)
from tests.fixtures.chains import contracts_of, spot_of, table_of
from tests.fixtures.waiting import until

from optix.adapters.market_data.streaming import PollTimes, StreamTimings
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock, to_ns
from optix.kernel.quote import Quote
from optix.kernel.trade import Trade
from optix.ports.market_data import (
    ChainKey,
    Demand,
    FeedNotice,
    NoticeState,
    ProviderUnavailable,
)

FIRST = CONTRACTS[0].key


class Fed:
    def __init__(self, server: PlainServer, provider: PlainProvider) -> None:
        self.server, self.provider = server, provider
        self.source = provider.source
        self.updates: Updates

    def listen(self) -> Updates:
        self.updates = Updates(cast("StreamingProvider", self.provider))
        return self.updates

    def want(self, **demand: object) -> None:
        self.provider.set_demand(Demand(**demand))  # type: ignore[arg-type]  # as the test says

    def seen(self, kind: type) -> list[object]:
        return [update for update in self.updates.seen if isinstance(update, kind)]


@pytest.fixture
async def fed() -> AsyncIterator[Fed]:
    async with feeding() as made:
        yield made


@contextlib.asynccontextmanager
async def feeding(
    *,
    polls: PollTimes | None = None,
    trades_max: int = 1_000,
    timings: StreamTimings = CHAOS_TIMINGS,
) -> AsyncIterator[Fed]:
    async with plain_server() as server:
        provider = PlainProvider(server, SystemClock(), timings, polls=polls, trades_max=trades_max)
        made = Fed(server, provider)
        made.listen()
        try:
            yield made
        finally:
            made.updates.task.cancel()
            await asyncio.gather(made.updates.task, return_exceptions=True)


async def test_a_chain_comes_whole_and_then_only_what_changed(fed: Fed) -> None:
    fed.want(chains=frozenset((KEY,)))
    table = await fed.updates.find(ChainTable)
    assert table.complete
    await until(lambda: FIRST in fed.server.subscribed())
    await fed.server.quote(FIRST, 2.0, 2.1, SystemClock().now_ns())
    table = await fed.updates.find(ChainTable)
    while table.complete:
        table = await fed.updates.find(ChainTable)
    assert [contract.key for contract in table.contracts] == [FIRST]
    assert table.spot is not None
    assert not fed.seen(Quote), "the spot comes with the chain: its quote was not asked for"


async def test_updates_go_out_at_a_bounded_pace() -> None:
    assert StreamTimings().conflate == limits.STREAM_CONFLATE_SECONDS
    async with feeding(timings=replace(CHAOS_TIMINGS, conflate=1.0, data_silence=30.0)) as fed:
        fed.want(chains=frozenset((KEY,)))
        await fed.updates.find(ChainTable)
        await until(lambda: FIRST in fed.server.subscribed())
        for step in range(40):
            await fed.server.quote(FIRST, 10.0 + step, 90.0, SystemClock().now_ns())
            await asyncio.sleep(0.01)
        bids: list[float] = []
        while not bids or bids[-1] != 49.0:
            table = await fed.updates.find(ChainTable)
            bids.append(table.columns["bid"][0])
        assert len(bids) < 10


async def test_what_is_not_streamed_is_polled() -> None:
    polls = PollTimes(quote=0.05, chain=0.05)
    async with feeding(polls=polls) as fed:
        fed.want(quotes=frozenset(("DARK", "SPY")))
        await until(lambda: sum("DARK" in asked for asked in fed.source.asked) > 3)  # type: ignore[operator]  # tuples of names
        await until(lambda: "SPY" in fed.server.subscribed())
        fed.source.asked.clear()
        await until(lambda: len(fed.source.asked) > 3)
        assert set(fed.source.asked) == {("DARK",)}, "the other one is streamed"


async def test_a_chain_that_does_not_fit_is_polled_and_one_that_does_is_not() -> None:
    async with feeding(polls=PollTimes(quote=60.0, chain=0.05)) as fed:
        fed.server.symbols_max = 6
        fed.want(chains=frozenset((KEY,)))
        await until(lambda: fed.source.asked.count(KEY) > 3)
        fed.server.symbols_max = 10_000
    calm = replace(CHAOS_TIMINGS, data_silence=30.0)
    async with feeding(polls=PollTimes(quote=60.0, chain=0.05), timings=calm) as fed:
        fed.want(chains=frozenset((KEY,)))
        await until(lambda: FIRST in fed.server.subscribed())
        await asyncio.sleep(0.2)  # what was under way has come
        fed.source.asked.clear()
        await asyncio.sleep(0.3)  # six polls, if it were polled
        assert KEY not in fed.source.asked


async def test_too_many_prints_are_a_gap_that_is_told() -> None:
    timings = replace(CHAOS_TIMINGS, conflate=0.5)
    async with feeding(trades_max=10, timings=timings) as fed:
        fed.want(chains=frozenset((KEY,)), trades=frozenset(("SPY",)))
        await until(lambda: FIRST in fed.server.subscribed())
        clock = SystemClock()
        for size in range(40):
            frame = fed.server.trade_frame(FIRST, 1.0, size + 1.0, clock.now_ns())
            assert frame is not None
            await fed.server.send(frame)
        notice = await fed.updates.find(FeedNotice)
        assert notice.state is NoticeState.GAP
        assert notice.symbols == {"SPY"}
        assert notice.ts_from <= notice.ts_event
        assert fed.provider.feed.counts["trades_lost"] > 0
        after = fed.updates.seen[fed.updates.seen.index(notice) :]
        assert any(isinstance(update, Trade) for update in after)


async def test_prints_without_a_chain_are_those_of_the_nearest_dates() -> None:
    async with feeding() as fed:
        today = SystemClock()
        days = [EXPIRATION + timedelta(days=7 * week) for week in range(4)]
        assert to_ns_of(days[0]) > today.now_ns(), "the fixture's dates lie ahead"
        for day in days:
            contracts = contracts_of([600], expiration=day)
            fed.source.tables[ChainKey("SPY", day)] = table_of(contracts, spot=spot_of())
        fed.want(trades=frozenset(("SPY",)))

        def printed() -> set[str]:
            told = {topic for topics in fed.server.topics.values() for topic in topics}
            return {topic.split("|")[0] for topic in told if topic.endswith("|trade")}

        await until(lambda: len(printed()) == 5)
        near = {c.key for day in days[:2] for c in contracts_of([600], expiration=day)}
        assert printed() == near | {"SPY"}
        assert not fed.seen(ChainTable), "nobody asked for a chain"
        assert not fed.server.subscribed() - {"SPY"}, "nor for quotes of contracts"


def to_ns_of(day: date) -> int:
    return to_ns(datetime(day.year, day.month, day.day, tzinfo=UTC))


async def test_when_nothing_can_be_had_the_feed_is_told_and_not_asked_in_a_storm() -> None:
    async with feeding() as fed:
        fed.server.refuse = True
        fed.source.fail = "Plain is away."
        fed.want(quotes=frozenset(("SPY",)))
        with pytest.raises(ProviderUnavailable, match="away"):
            await fed.updates.task
        assert fed.provider.health()[0].state == "down"
        asked = len(fed.source.asked)
        with pytest.raises(ProviderUnavailable, match="away"):
            await fed.listen().task
        assert len(fed.source.asked) == asked, "what failed a moment ago is not asked again"
        assert len(fed.server.connects) == 1


async def test_an_unknown_symbol_does_not_take_the_others_down(fed: Fed) -> None:
    fed.want(quotes=frozenset(("SPY", "ZZQXW")), chains=frozenset((ChainKey("ZZQXW", EXPIRATION),)))
    assert (await fed.updates.find(Quote)).symbol == "SPY"
    assert not fed.updates.task.done()


async def test_what_no_symbol_can_be_is_ignored(fed: Fed) -> None:
    fed.want(
        quotes=frozenset(("", "spy", "A" * 99, "SPY")),
        chains=frozenset((ChainKey("../x", EXPIRATION),)),
        trades=frozenset(("☃",)),
    )
    await fed.updates.find(Quote)
    assert fed.source.asked == [("SPY",)]


async def test_health_says_how_it_is(fed: Fed) -> None:
    def state() -> str:
        return fed.provider.health()[0].state

    assert state() == "idle"
    fed.want(quotes=frozenset(("SPY",)))
    assert state() == "connecting"
    await fed.updates.find(Quote)
    await until(lambda: state() == "live")
    health = fed.provider.health()[0]
    assert health.subscribed == 2, "its quotes and its trades"
    assert health.last_update_ns > 0
    assert health.reconnects == 0


async def test_places_are_found_again_as_the_price_moves() -> None:
    assert StreamTimings().reselect == limits.STREAM_RESELECT_SECONDS
    async with feeding(timings=replace(CHAOS_TIMINGS, reselect=0.1, data_silence=30.0)) as fed:
        fed.server.symbols_max = 4
        fed.want(chains=frozenset((KEY,)))
        await until(lambda: len(fed.server.subscribed()) > 1)
        await until(lambda: any("00600000" in symbol for symbol in fed.server.subscribed()))
        await fed.server.quote("SPY", 609.99, 610.01, SystemClock().now_ns())
        await until(lambda: any("00610000" in symbol for symbol in fed.server.subscribed()))
        assert not any("00600000" in symbol for symbol in fed.server.subscribed())
        assert len(fed.server.connects) == 1


@pytest.mark.parametrize(
    ("instant", "ticks"),
    [
        ("2026-11-20T14:29:00+00:00", False),
        ("2026-11-20T14:32:00+00:00", True),
        ("2026-11-20T20:58:00+00:00", True),
        ("2026-11-20T21:00:00+00:00", False),
        ("2026-07-20T13:32:00+00:00", True),
        ("2026-11-22T16:00:00+00:00", False),
    ],
)
def test_quotes_tick_in_the_regular_hours_of_new_york(instant: str, ticks: bool) -> None:
    assert is_ticking(to_ns(datetime.fromisoformat(instant))) is ticks
