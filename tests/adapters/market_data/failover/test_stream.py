"""The stream out of several providers: what passes of chains, what fits nowhere, what waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.adapters.market_data.failover.world import KEY, last_quote, world_of
from tests.fixtures.chains import NOW_NS

from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quality
from optix.ports.market_data import ChainKey, Demand, FeedNotice, NoticeState

BOTH = Demand(quotes=frozenset({"SPY"}), chains=frozenset({KEY}))


class TestChains:
    async def test_a_chain_of_another_source_begins_whole(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            await world.live(3, first, second)
            first.emit(first.chain(0.5, complete=False, rows=2))
            first.fail("The line is cut.")
            await world.live(5, second)
            second.emit(second.chain(1.0, complete=False, rows=1))  # changes of what was not seen
            await world.time.settle()
            assert world.chains()[-1].source == "first"
            second.emit(second.chain(2.0))
            second.emit(second.chain(3.0, complete=False, rows=1))
            await world.time.settle()
            sources = [(table.source, table.complete) for table in world.chains()[-2:]]
            assert sources == [("second", True), ("second", False)]

    async def test_a_whole_one_is_fetched_where_only_changes_come(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            await world.live(3, first, second)
            first.fail("The line is cut.")
            second.chains[KEY] = second.chain(2.0, age_seconds=-4)
            await world.live(5, second)
            second.emit(second.chain(1.0, complete=False, rows=1))
            await world.live(2, second)
            assert world.chains()[-1].source == "second"
            assert world.chains()[-1].complete

    async def test_what_is_stale_is_the_last_state_with_all_its_changes(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            first.emit(first.chain(0.5, complete=False, rows=2))
            await world.live(3, first, second)
            first.fail("The line is cut.")
            await world.live(5, second)
            (stale,) = [t for t in world.chains() if t.quality is Quality.STALE]
            assert stale.complete
            bids = list(first.chain().columns["bid"])
            assert list(stale.columns["bid"]) == [bids[0] + 0.5, bids[1] + 0.5, *bids[2:]]
            assert stale.source == "first"

    async def test_an_older_spot_inside_a_chain_takes_no_price_back(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, _ = world.sources
            newer = first.tick(600.0)
            first.emit(replace(first.chain(), spot=first.quote(500.0, age_seconds=5)))
            await world.time.settle()
            assert world.chains()[-1].spot == newer

    async def test_a_table_of_several_dates_passes_date_by_date(self) -> None:
        async with world_of("first", "second") as world:
            other = KEY._replace(expiration=KEY.expiration.replace(day=25))
            await world.start(Demand(chains=frozenset({KEY})))
            first, _ = world.sources
            table = first.chain()
            moved = [replace(c, expiration=other.expiration) for c in table.contracts[:2]]
            first.emit(replace(table, contracts=[*moved, *table.contracts[2:]]))
            await world.time.settle()
            (passed,) = world.chains()
            assert list(passed.contracts) == list(table.contracts[2:])
            assert list(passed.columns["bid"]) == list(table.columns["bid"][2:])


class TestRoom:
    async def test_what_fits_nowhere_is_looked_at_in_turns(self) -> None:
        async with world_of(("small", {"symbols_max": 3})) as world:
            (small,) = world.sources
            symbols = frozenset({"AAA", "BBB", "CCC", "DDD"})
            for symbol in symbols:
                small.quotes[symbol] = small.quote(10.0, symbol=symbol)
            await world.start(Demand(quotes=symbols))
            await world.live(1, small)
            assert small.demand.quotes == {"AAA", "BBB", "SPY"}
            assert set(small.asked) == {"CCC", "DDD"}
            assert {q.symbol for q in world.quotes()} == {"CCC", "DDD"}
            await world.live(limits.FAILOVER_POLL_SECONDS, small)
            assert len(small.asked) == 4
            assert world.failover.health()[0].subscribed == 2

    async def test_a_listed_chain_takes_the_room_of_its_contracts(self) -> None:
        """Six contracts fit where an unknown chain, which may have hundreds, would not."""
        async with world_of(("small", {"symbols_max": 20}), "large") as world:
            small, large = world.sources
            small.quotes["SPY"] = small.quote(600.0)
            small.chains[KEY] = small.chain()
            await world.start(Demand())
            await world.live(1, small, large)
            world.failover.set_demand(BOTH)
            assert KEY in large.demand.chains
            world.failover.set_demand(Demand())
            await world.failover.fetch_expirations("SPY")
            world.failover.set_demand(BOTH)
            assert KEY in small.demand.chains
            assert not large.demand.chains

    async def test_sizes_of_only_so_many_chains_are_remembered(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "DEMAND_TOPICS_MAX", limits.DEMAND_TOPICS_MAX // 5_000)
        async with world_of("first") as world:
            (first,) = world.sources
            first.quotes["SPY"] = first.quote(600.0)
            days = [KEY.expiration.replace(day=day) for day in range(1, 20)]
            first.chains |= {ChainKey("SPY", day): first.chain() for day in days}
            await world.start(BOTH)
            await world.failover.fetch_expirations("SPY")
            await world.live(1, first)
            assert set(world.failover._plan._sizes) == {KEY}

    async def test_only_so_many_are_fetched_at_once(self) -> None:
        async with world_of(("small", {"symbols_max": 1})) as world:
            (small,) = world.sources
            gate, waiting = asyncio.Event(), set[ChainKey]()

            async def fetch_chain(key: ChainKey) -> ChainTable:
                waiting.add(key)
                await gate.wait()
                return small.chain()

            small.fetch_chain = fetch_chain  # type: ignore[method-assign]  # waits where the other answers
            days = [KEY.expiration.replace(day=day) for day in range(1, 20)]
            chains = frozenset(ChainKey("SPY", day) for day in days)
            await world.start(Demand(chains=chains))
            await world.time.advance(5)
            assert len(waiting) == limits.FAILOVER_FETCHES_AT_ONCE_MAX
            gate.set()
            await world.time.advance(5)
            assert waiting == chains

    async def test_what_is_polled_in_vain_turns_stale(self) -> None:
        async with world_of(("small", {"symbols_max": 1})) as world:
            (small,) = world.sources
            small.quotes["AAA"] = small.quote(10.0, symbol="AAA")
            await world.start(Demand(quotes=frozenset({"AAA"})))
            await world.live(1, small)
            assert last_quote(world).symbol == "AAA"
            del small.quotes["AAA"]
            await world.live(4 * limits.FAILOVER_POLL_SECONDS, small)
            assert last_quote(world).quality is Quality.STALE

    async def test_what_is_too_much_for_one_goes_to_the_next(self) -> None:
        async with world_of(("small", {"symbols_max": 3}), "large") as world:
            small, large = world.sources
            await world.start(Demand(quotes=frozenset({"AAA", "BBB", "CCC"})))
            await world.live(1, small, large)
            assert small.demand.quotes == {"AAA", "BBB", "SPY"}
            assert large.demand.quotes == {"CCC", "SPY"}


class TestFlow:
    async def test_a_flood_is_slowed_down_and_not_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a listener the sender waits: memory is bounded by what may wait."""
        waiting_max = limits.FAILOVER_UPDATES_WAITING_MAX // 400
        monkeypatch.setattr(limits, "FAILOVER_UPDATES_WAITING_MAX", waiting_max)
        async with world_of("first") as world:
            (first,) = world.sources
            await world.failover.open()
            world.failover.set_demand(Demand(quotes=frozenset({"SPY"})))
            for n in range(100):
                first.tick(600.0 + n)
            for _ in range(10):
                await world.time.settle()
            assert first._script.qsize() >= 100 - waiting_max - 2
            await world.start()
            for _ in range(20):
                await world.time.settle()
            assert [quote.last for quote in world.quotes()] == [600.0 + n for n in range(100)]

    async def test_what_nobody_demands_does_not_pass(self) -> None:
        async with world_of("first") as world:
            await world.start(Demand(quotes=frozenset({"AAA"})))
            (first,) = world.sources
            first.tick(600.0)  # the probe
            first.emit(first.chain())
            await world.time.settle()
            assert not world.seen

    async def test_without_a_demand_nobody_follows_anything(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            world.failover.set_demand(Demand())
            assert all(source.demand == Demand() for source in world.sources)
            await world.time.advance(60)
            assert [row.state for row in world.failover.health()] == ["idle", "idle"]

    async def test_the_words_of_a_gap_inside_one_provider_are_passed_on(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(1, first, second)
            gap = FeedNotice(state=NoticeState.GAP, reason="It was away.", ts_event=NOW_NS)
            first.emit(gap)
            second.emit(replace(gap, reason="Nobody listens to this one."))
            await world.time.settle()
            assert world.notices() == [gap]
