"""The feed engine's own decisions: what it takes in, keeps, follows and says, without a Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import cast

import pytest
from tests.fakes.bus import ScriptedBus
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS, ScriptedProvider
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of
from tests.fixtures.waiting import until

from optix.features.market.engine import FeedEngine
from optix.features.market.feed_state import Work, price_works
from optix.features.market.quote_batches import load_kept
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.kernel.errors import Unavailable
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import QuoteFlag
from optix.platform.bus import Bus
from optix.ports.market_data import (
    ChainKey,
    Demand,
    FeedNotice,
    NoticeState,
    ProviderUnavailable,
    UnknownExpiration,
)

KEY = ChainKey("SPY", EXPIRATION)
TOPIC = f"c:SPY:{EXPIRATION.isoformat()}"


class World:
    """An engine, its provider and its bus."""

    def __init__(self) -> None:
        self.clock = ScaledClock(SystemClock(), origin_ns=SystemClock().now_ns(), speed=1)
        self.provider = ScriptedProvider(
            clock=ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=0)
        )
        self.provider.list_small_chain()
        self.bus = ScriptedBus()
        self.engine = FeedEngine(
            self.provider,
            cast("Bus", self.bus),
            terms=ListedTerms(),
            clock=self.clock,
            rate_fallback=0.04,
        )
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._running = asyncio.create_task(self.engine.run())
        await until(lambda: self.states()[-1:] == ["live"])

    async def end(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def said(self, kind: str) -> list[dict[str, object]]:
        return [message for message in self.bus.published if message["k"] == kind]

    def states(self) -> list[object]:
        return [message["state"] for message in self.said("s")]

    def updates(self, name: str) -> list[dict[str, object]]:
        return [message for message in self.bus.published if name in message]

    @property
    def is_running(self) -> bool:
        return self._running is not None and not self._running.done()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.end()


def chain_on(day: date, **values: object) -> ChainTable:
    contracts = [OptionContract("SPY", day, Right.CALL, 600_000)]
    return replace(table_of(contracts, {"bid": [1.0], "ask": [1.1]}, spot=spot_of()), **values)  # type: ignore[arg-type]  # by name


class TestTakingIn:
    def test_a_table_no_market_has_is_refused_whole(self, world: World) -> None:
        contract = SMALL_CONTRACTS[0]
        world.engine.take_chain(table_of([contract] * 3))
        with pytest.raises(ProviderUnavailable, match="contracts"):
            world.engine.take_chain(table_of([contract] * (limits.CHAIN_CONTRACTS_MAX + 1)))

    def test_some_rows_of_a_chain_never_seen_are_not_that_chain(self, world: World) -> None:
        world.engine.take_chain(table_of(SMALL_CONTRACTS[:1], complete=False))
        assert world.engine.find_chain(KEY) is None
        world.engine.take_chain(world.provider.chains[KEY])
        world.engine.take_chain(table_of(SMALL_CONTRACTS[:1], complete=False))
        state = world.engine.find_chain(KEY)
        assert state is not None
        assert len(state.listing) == len(SMALL_CONTRACTS)

    async def test_a_reader_who_asks_gets_the_whole_though_some_rows_came_before(
        self, world: World
    ) -> None:
        world.engine._market.demand = Demand(chains=frozenset({KEY}))
        world.engine.take_chain(table_of(SMALL_CONTRACTS[:1], complete=False))
        await world.engine.ensure_chain(KEY, age_seconds_max=60)
        state = world.engine.find_chain(KEY)
        assert state is not None
        assert len(state.listing) == len(SMALL_CONTRACTS)

    def test_an_odd_quote_is_flagged_beside_what_the_source_said(self, world: World) -> None:
        odd = replace(spot_of(), bid=0.0, flags=QuoteFlag.WIDE)
        assert world.engine.take_quote(odd).flags == QuoteFlag.WIDE | QuoteFlag.NO_BID

    async def test_an_adapter_that_breaks_is_a_lost_provider_and_no_end(self, world: World) -> None:
        await world.run()
        world.provider.emit(cast("ChainTable", object()))
        await until(lambda: "down" in world.states())
        reason = world.said("s")[-1]["reason"]
        assert "object" not in str(reason)
        await until(lambda: world.states()[-1] == "live")
        assert world.provider.opened == 2


class TestKeeping:
    def test_the_oldest_chain_that_nobody_follows_is_forgotten(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "CHAINS_KEPT_MAX", limits.CHAINS_KEPT_MAX // 250)
        days = [EXPIRATION + timedelta(days=n) for n in range(6)]
        followed = ChainKey("SPY", days[0])
        world.engine._market.demand = Demand(chains=frozenset({followed}))
        for day in days:
            world.engine.take_chain(chain_on(day))
            assert world.engine.find_chain(ChainKey("SPY", day)) is not None
        kept = sorted(key.expiration for key in world.engine._market.chains)
        assert kept == [days[0], *days[-3:]]
        assert world.engine._market.dirty_chains.keys() == world.engine._market.chains.keys()

    async def test_a_forgotten_chain_is_an_error_with_a_name(self, world: World) -> None:
        with pytest.raises(UnknownExpiration):
            await world.engine.publish_chain(KEY)

    async def test_a_date_without_contracts_is_unknown(self, world: World) -> None:
        key = ChainKey("SPY", EXPIRATION + timedelta(days=7))
        world.provider.chains[key] = table_of([])
        with pytest.raises(UnknownExpiration):
            await world.engine.ensure_chain(key, age_seconds_max=60)


class TestPublishing:
    async def test_quotes_of_one_moment_travel_together(self, world: World) -> None:
        await world.run()
        for price in range(600, 700):
            world.provider.emit(spot_of(price=float(price)))
        world.provider.emit(spot_of("QQQ", 500.0))
        await until(lambda: "QQQ" in str(world.updates("q")))
        await asyncio.sleep(limits.QUOTE_PUBLISH_SECONDS_MAX * 2)
        rows = [message["q"] for message in world.updates("q")]
        assert len(rows) < 5
        assert load_kept(world.bus.kept_rows["SPY"]).json.startswith(b'["SPY",698.99')

    async def test_a_chain_travels_so_often_and_not_more(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "CHAIN_PUBLISH_SECONDS", limits.CHAIN_PUBLISH_SECONDS * 2)
        world.bus.topics = [TOPIC]
        await world.run()
        world.provider.emit(world.provider.chains[KEY])
        await until(lambda: world.updates("l"))
        for step in range(40):
            update = {"bid": [SMALL_BIDS[0] + step / 10], "ask": [SMALL_BIDS[0] + step / 10 + 0.1]}
            values = {**update, "open_interest": [10.0]}
            world.provider.emit(table_of(SMALL_CONTRACTS[:1], values, complete=False))
            await asyncio.sleep(0.005)
        await until(lambda: "25.9" in str(world.updates("c")))
        assert len(world.updates("c")) <= 3

    async def test_a_listing_names_the_state_it_belongs_to(self, world: World) -> None:
        world.engine.take_chain(world.provider.chains[KEY])
        assert await world.engine.publish_chain(KEY) == 1
        world.engine.take_chain(table_of(contracts_of([590, 600]), spot=spot_of()))
        assert await world.engine.publish_chain(KEY) == 2
        listings = [message["l"] for message in world.updates("l")]
        name = ["SPY", EXPIRATION.isoformat()]
        assert listings == [[[*name, 1]], [[*name, 2]]]

    async def test_one_chain_that_cannot_be_priced_does_not_end_the_others(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = ChainKey("SPY", EXPIRATION + timedelta(days=7))

        def price(works: Sequence[Work]) -> object:
            if any(work.state.key.expiration == EXPIRATION for work in works):
                raise ZeroDivisionError
            return price_works(works)

        monkeypatch.setattr("optix.features.market.engine.price_works", price)
        world.bus.topics = [TOPIC, f"c:SPY:{other.expiration}"]
        await world.run()
        world.provider.emit(world.provider.chains[KEY])
        world.provider.emit(chain_on(other.expiration))
        await until(lambda: str(other.expiration) in str(world.updates("l")))
        assert world.is_running


class TestBudget:
    def test_one_call_of_the_pricing_takes_chains_up_to_its_cost(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "PRICING_COST_MAX", limits.PRICING_COST_MAX // 250)
        days = [EXPIRATION + timedelta(days=7 * n) for n in range(5)]
        wanted = [ChainKey("SPY", day) for day in days]
        for day in days:
            world.engine.take_chain(chain_on(day))
        cost = world.engine._market.cost_of(wanted[0])
        some, left = world.engine._batch_of(wanted)
        assert len(some) == limits.PRICING_COST_MAX // cost
        assert some + left == wanted
        monkeypatch.setattr(limits, "PRICING_COST_MAX", 0)
        assert world.engine._batch_of(wanted) == (wanted[:1], wanted[1:])

    async def test_what_waits_longest_comes_first_and_all_come(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With no time for a second batch in a cycle, chains take turns in the order of waiting."""
        monkeypatch.setattr(limits, "PRICING_COST_MAX", 0)
        none = limits.PRICING_CYCLE_SECONDS_MAX * 0
        monkeypatch.setattr(limits, "PRICING_CYCLE_SECONDS_MAX", none)
        days = [EXPIRATION + timedelta(days=7 * n) for n in (2, 0, 1)]
        world.bus.topics = [f"c:SPY:{day}" for day in days]
        await world.run()
        for day in days:
            world.provider.emit(chain_on(day))

        def told() -> list[str]:
            lists = [cast("list[list[str]]", message["l"]) for message in world.updates("l")]
            return [name[1] for names in lists for name in names]

        await until(lambda: len(told()) == len(days))
        assert told() == [day.isoformat() for day in days]


class TestDemand:
    async def test_leases_become_demand_and_nonsense_means_nothing(self, world: World) -> None:
        await world.run()
        world.bus.topics = ["q:QQQ", TOPIC, "c:SPY:someday", "x:1", ""]
        await until(lambda: world.provider.demand.chains)
        assert world.provider.demand == Demand(
            quotes=frozenset({"QQQ", "SPY"}), chains=frozenset({KEY})
        )


class TestSilence:
    @pytest.fixture
    async def mute(self, world: World) -> World:
        world.provider.capabilities = replace(world.provider.capabilities, silence_seconds_max=30.0)
        world.bus.topics = ["q:SPY"]
        await world.run()
        await until(lambda: world.provider.demand.quotes)
        return world

    def pass_seconds(self, world: World, seconds: float) -> None:
        world.clock.advance_to(world.clock.now_ns() + int(seconds * NANOSECONDS))

    async def test_it_is_stale_and_then_opened_anew(self, mute: World) -> None:
        self.pass_seconds(mute, 31)
        await until(lambda: mute.states()[-1] == "stale")
        self.pass_seconds(mute, 60)
        await until(lambda: mute.provider.opened == 2)

    async def test_opened_anew_it_has_its_time_again(self, mute: World) -> None:
        self.pass_seconds(mute, 91)
        await until(lambda: mute.provider.opened == 2)
        beats = len(mute.said("s"))
        await until(lambda: len(mute.said("s")) > beats + 1)
        assert mute.states()[-1] == "live"
        assert mute.provider.opened == 2

    async def test_readers_who_come_and_go_do_not_hide_it(self, mute: World) -> None:
        for symbol in ("AAPL", "QQQ"):
            self.pass_seconds(mute, 16)
            mute.bus.topics = ["q:SPY", f"q:{symbol}"]
            await until(lambda symbol=symbol: symbol in mute.provider.demand.quotes)  # type: ignore[misc]  # bound now
        await until(lambda: mute.states()[-1] == "stale")

    async def test_without_demand_silence_is_what_it_should_be(self, mute: World) -> None:
        mute.bus.topics = []
        await until(lambda: not mute.provider.demand.quotes)
        self.pass_seconds(mute, 500)
        beats = len(mute.said("s"))
        await until(lambda: len(mute.said("s")) > beats)
        mute.bus.topics = ["q:SPY"]
        await until(lambda: mute.provider.demand.quotes)
        beats = len(mute.said("s"))
        await until(lambda: len(mute.said("s")) > beats)
        assert set(mute.states()) <= {"live", "connecting"}

    async def test_an_update_ends_it(self, mute: World) -> None:
        self.pass_seconds(mute, 31)
        await until(lambda: mute.states()[-1] == "stale")
        mute.provider.emit(spot_of())
        await until(lambda: mute.states()[-1] == "live")
        assert mute.provider.opened == 1


class TestNotices:
    async def test_a_recording_that_begins_again_is_alive(self, world: World) -> None:
        await world.run()
        for state in (NoticeState.ENDED, NoticeState.RESTARTED):
            world.provider.emit(FeedNotice(state=state, reason="Said so.", ts_event=NOW_NS))
        await until(lambda: world.states()[-1] == "live")
        await world.engine.ping()

    async def test_it_is_ready_once_it_knows_how_its_provider_is(self, world: World) -> None:
        with pytest.raises(Unavailable):
            await world.engine.ping()
        await world.run()
        await world.engine.ping()
        world.provider.fail("The line is cut.")
        await until(lambda: world.states()[-1] == "down")
        await world.engine.ping()
