"""The book alone, on a bus that the test speaks through: what it believes, asks for and forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import orjson
import pytest
from tests.fakes.bus import ScriptedBus
from tests.fixtures.chains import EXPIRATION, NOW_NS, spot_of
from tests.fixtures.travelling import travelling
from tests.fixtures.waiting import until

from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.kernel.errors import NotFound, OptixError, Unavailable
from optix.kernel.quote import Quality
from optix.platform import bus as keys
from optix.platform.bus import Bus, BusUnavailable, FeedUnavailable
from optix.ports.market_data import ChainKey, UnknownExpiration, UnknownSymbol
from optix.processes.market import open_fan

KEY = ChainKey("SPY", EXPIRATION)
NAME = ["SPY", EXPIRATION.isoformat()]


class World:
    """A running book, its bus and its clock, which stands."""

    def __init__(self) -> None:
        self.clock = ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=0)
        self.bus = ScriptedBus()
        self.bus.answers["quote"] = lambda a: spot_of(a["symbol"])
        self.bus.answers["chain"] = lambda _: 1
        self.book = MarketBook(cast("Bus", self.bus), self.clock, fan=open_fan())
        self.told: list[str] = []
        self.book.listen(self.told.append)
        self._running: asyncio.Task[None] | None = None

    def run(self) -> None:
        self._running = asyncio.create_task(self.book.run())

    async def end(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def pass_seconds(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NANOSECONDS))

    def say_status(self, state: str = "live", epoch: str = "e", reason: str = "") -> None:
        status = wire.FeedStatusMessage(
            epoch=epoch,
            state=state,
            source="test",
            label="Test",
            quality="realtime",
            delay_seconds=0,
            notice="",
            reason=reason,
            since=0,
            market=NOW_NS,
            market_speed=1.0,
            sent=self.clock.now_ns(),
        )
        self.book._take_status(status)

    def keep_chain(self, sequence: int, *, epoch: str = "e", contracts: int = 2) -> None:
        header = {"quality": "realtime", "as_of": 0, "received": 0, "roots": [], "source": "t"}
        body = {
            "e": epoch,
            "s": sequence,
            "h": header,
            "contracts": [[f"K{n}", "SPY", "C", 590.0 + n, 1, None] for n in range(contracts)],
            "rows": travelling([[n, float(sequence)] for n in range(contracts)]),
            "rejected": [],
        }
        self.bus.kept_states[keys.CHAIN + wire.chain_field(KEY)] = orjson.dumps(body)

    def update(self, epoch: str = "e", batch: int = 0, **body: Any) -> None:
        self.book._take_update({"e": epoch, "b": batch, **body})

    def change(self, sequence: int, *, batch: int = 0) -> None:
        row = [0, float(sequence)]
        change = {"u": NAME[0], "x": NAME[1], "s": sequence, "h": None, "r": travelling([row])}
        self.update(batch=batch, c=[change])

    def asked(self, kind: str) -> int:
        return sum(asked == kind for asked, _ in self.bus.asked)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.end()


@pytest.fixture
async def chain(world: World) -> World:
    """A chain at its fifth state is loaded, and its feed is heard."""
    world.say_status()
    world.keep_chain(5)
    await world.book.get_chain(KEY)
    return world


class TestTheFeed:
    def test_before_a_word_it_is_connecting_and_then_down(self, world: World) -> None:
        assert world.book.feed_status().state == "connecting"
        world.pass_seconds(limits.FEED_SILENCE_SECONDS_MAX + 1)
        assert world.book.feed_status().state == "down"
        assert world.book.feed_status().reason

    def test_silence_is_down_whatever_was_said(self, world: World) -> None:
        world.say_status("live")
        world.pass_seconds(limits.FEED_SILENCE_SECONDS_MAX)
        assert world.book.feed_status().state == "live"
        world.pass_seconds(0.1)
        assert world.book.feed_status().state == "down"
        assert world.book.quality_now("realtime") is Quality.STALE

    def test_a_recording_that_is_over_stays_over(self, world: World) -> None:
        world.say_status("ended")
        world.pass_seconds(3600)
        assert world.book.feed_status().state == "ended"
        assert world.book.quality_now("replay") is Quality.REPLAY

    @pytest.mark.parametrize("state", ["stale", "down", "connecting"])
    def test_a_feed_that_is_not_alive_makes_every_number_stale(
        self, world: World, state: str
    ) -> None:
        world.say_status(state)
        assert world.book.quality_now("realtime") is Quality.STALE

    async def test_a_question_to_a_silent_feed_is_refused_at_once(self, world: World) -> None:
        world.pass_seconds(limits.FEED_SILENCE_SECONDS_MAX + 1)
        with pytest.raises(FeedUnavailable):
            await world.book.ask("quote", {"symbol": "SPY"})
        assert world.bus.asked == []

    async def test_a_feed_that_is_away_is_no_reason_not_to_be_ready(self, world: World) -> None:
        await world.book.ping()
        with pytest.raises(Unavailable):
            await world.book.ping_feed()
        world.say_status("live")
        await world.book.ping_feed()
        world.say_status("down", reason="The line is cut.")
        with pytest.raises(Unavailable, match="cut"):
            await world.book.ping_feed()
        await world.book.ping()

    def test_each_state_and_each_reason_is_told_once(self, world: World) -> None:
        for state, reason in [
            ("live", ""),
            ("live", ""),
            ("down", "Cut. Trying again in 1 s."),
            ("down", "Cut. Trying again in 2 s."),
            ("down", "Cut. Trying again in 2 s."),
            ("live", ""),
        ]:
            world.say_status(state, reason=reason)
        assert world.told.count("status") == 4

    async def test_silence_is_told_too(self, world: World) -> None:
        world.run()
        world.say_status("live")
        world.told.clear()
        world.pass_seconds(limits.FEED_SILENCE_SECONDS_MAX + 1)
        await until(lambda: "status" in world.told)


class TestInterest:
    async def test_what_is_held_is_leased_again_and_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "LEASE_RENEW_SECONDS", limits.LEASE_RENEW_SECONDS / 100)
        world.book.hold(["q:SPY"])
        world.run()
        await until(lambda: world.bus.leases.count(["q:SPY"]) >= 3)
        world.book.release(["q:SPY"])
        world.pass_seconds(limits.INTEREST_SECONDS + 1)
        await until(lambda: world.bus.leases[-1] == [])

    async def test_one_question_keeps_its_topic_for_a_while_and_no_longer(
        self, world: World
    ) -> None:
        await world.book.get_quote("SPY")
        world.pass_seconds(limits.INTEREST_SECONDS)
        world.book._forget()
        assert "SPY" in world.book.quotes
        world.pass_seconds(0.1)
        world.book._forget()
        assert not world.book._touched

    async def test_a_number_nobody_looked_at_is_never_shown_as_the_newest(
        self, world: World
    ) -> None:
        """A socket comes to a symbol that was left long ago: what it sees is asked for anew."""
        await world.book.get_quote("SPY")
        world.pass_seconds(limits.INTEREST_SECONDS + 1)
        world.book._forget()
        world.say_status()
        price = 700.0
        world.bus.answers["quote"] = lambda a: spot_of(a["symbol"], price)
        world.book.hold(["q:SPY"])
        assert (await world.book.get_quote("SPY")).quote.last == price

    async def test_a_chain_nobody_looks_at_is_let_go(self, chain: World) -> None:
        chain.pass_seconds(limits.INTEREST_SECONDS + 1)
        chain.book._forget()
        assert KEY not in chain.book.chains

    async def test_what_two_hold_stays_until_both_let_go(self, world: World) -> None:
        world.book.hold(["q:SPY"])
        world.book.hold(["q:SPY"])
        world.book.release(["q:SPY"])
        assert world.book._held["q:SPY"] == 1
        world.book.release(["q:SPY"])
        assert not world.book._held

    async def test_a_symbol_that_is_not_leaves_no_trace(self, world: World) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise UnknownSymbol("No.")

        world.bus.answers["quote"] = refuse
        for _ in range(3):
            with pytest.raises(NotFound):
                await world.book.get_quote("ZZZZ")
        assert not world.book._touched
        assert not world.book.quotes.symbols

    async def test_readers_at_once_ask_once(self, world: World) -> None:
        await asyncio.gather(*(world.book.get_quote("SPY") for _ in range(50)))
        assert world.asked("quotes") == 1


class TestStreamedChains:
    async def test_rows_are_in_slots_and_changes_go_there(self, chain: World) -> None:
        slots = await chain.book.open_chain(KEY, ["bid"])
        fan = chain.book.fan
        assert [fan.json(slot) for slot in slots.slots] == [b"[0,5.0]", b"[1,5.0]"]
        before = fan.sequence
        chain.change(6)
        assert fan.json(slots.slots[0]) == b"[0,6.0]"
        assert fan.sequence_of(slots.slots[1]) <= before

    async def test_a_change_is_no_call_and_another_listing_is_one(self, chain: World) -> None:
        topic = wire.chain_topic(KEY)
        slots = await chain.book.open_chain(KEY)
        chain.told.clear()
        chain.change(6)
        assert topic not in chain.told
        chain.keep_chain(7, contracts=3)
        chain.update(l=[[*NAME, 7]])
        await until(lambda: topic in chain.told)
        again = await chain.book.open_chain(KEY)
        assert (len(slots.slots), len(again.slots)) == (2, 3)
        assert again.listed > slots.listed

    async def test_a_gap_mends_the_same_slots_without_a_call(self, chain: World) -> None:
        slots = await chain.book.open_chain(KEY, ["bid"])
        chain.told.clear()
        chain.keep_chain(9)
        chain.change(9)
        await until(lambda: chain.book.fan.json(slots.slots[1]) == b"[1,9.0]")
        assert wire.chain_topic(KEY) not in chain.told
        assert await chain.book.open_chain(KEY, ["bid"]) is slots

    async def test_the_spot_is_a_part_of_the_header_and_kept_alive(self, chain: World) -> None:
        slots = await chain.book.open_chain(KEY)
        chain.book.hold([wire.chain_topic(KEY)])
        assert orjson.loads(slots.head([]))["spot"][0] == "SPY"
        assert slots.money() == 600.0
        for _ in range(3):
            chain.pass_seconds(limits.INTEREST_SECONDS + 1)
            chain.book._forget()
        assert "SPY" in chain.book.quotes

    async def test_a_chain_without_a_spot_is_still_a_chain(self, chain: World) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise UnknownSymbol("There is no such quote.")

        chain.book.quotes.remove("SPY")
        chain.bus.answers["quote"] = chain.bus.answers["quotes"] = refuse
        slots = await chain.book.open_chain(KEY)
        assert orjson.loads(slots.head([]))["spot"] is None
        assert slots.money() is None

    async def test_slots_go_some_time_after_the_last_look(self, chain: World) -> None:
        slots = await chain.book.open_chain(KEY)
        chain.book.hold([wire.chain_topic(KEY)])
        chain.pass_seconds(limits.INTEREST_SECONDS + 1)
        chain.book._forget()
        assert chain.book.fan.json(slots.slots[0])
        chain.book.release([wire.chain_topic(KEY)])
        chain.pass_seconds(limits.INTEREST_SECONDS + 1)
        chain.book._forget()
        assert KEY not in chain.book.chains
        with pytest.raises(ValueError, match="no such slot"):
            chain.book.fan.json(slots.slots[0])

    async def test_what_is_not_there_raises_as_it_does_for_get_chain(self, world: World) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise UnknownExpiration("SPY has nothing then.")

        world.say_status()
        world.bus.answers["chain"] = refuse
        with pytest.raises(UnknownExpiration, match="nothing then"):
            await world.book.open_chain(KEY)


class TestChains:
    async def test_changes_are_taken_in_their_order(self, chain: World) -> None:
        replica = chain.book.chains[KEY]
        chain.change(6)
        chain.change(7)
        assert (replica.sequence, replica.columns.quotes[0, 0]) == (7, 7.0)
        chain.change(6)  # an old one, told again
        assert replica.columns.quotes[0, 0] == 7.0

    async def test_a_gap_is_mended_by_loading_anew(self, chain: World) -> None:
        replica = chain.book.chains[KEY]
        chain.keep_chain(8)
        chain.change(8)
        await until(lambda: chain.book.chains[KEY] is not replica)
        assert chain.book.chains[KEY].sequence == 8

    async def test_changes_that_come_while_it_loads_are_not_lost(self, world: World) -> None:
        world.say_status()
        gate = asyncio.Event()

        async def slowly(_: dict[str, Any]) -> int:
            await gate.wait()
            return 5

        world.bus.answers["chain"] = slowly
        world.keep_chain(5)
        loading = asyncio.create_task(world.book.get_chain(KEY))
        await until(lambda: world.asked("chain"))
        for sequence in (5, 6, 7):
            world.change(sequence)
        gate.set()
        replica = await loading
        assert (replica.sequence, replica.columns.quotes[0, 0]) == (7, 7.0)

    async def test_a_listing_that_comes_while_it_loads_is_loaded_too(self, world: World) -> None:
        """Its rows count other contracts: none of them may be put into the listing before."""
        world.say_status()
        gate = asyncio.Event()

        async def slowly(_: dict[str, Any]) -> int:
            if world.asked("chain") == 1:
                await gate.wait()
                world.keep_chain(5)  # as it was when the feed answered
            else:
                world.keep_chain(7, contracts=3)
            return 5

        world.bus.answers["chain"] = slowly
        loading = asyncio.create_task(world.book.get_chain(KEY))
        await until(lambda: world.asked("chain"))
        world.update(l=[[*NAME, 6]])
        world.change(7)
        gate.set()
        replica = await loading
        assert replica.columns.quotes[0, 0] == 5.0
        await until(lambda: len(world.book.chains[KEY]) == 3)

    async def test_the_listing_that_was_just_loaded_is_not_loaded_again(self, chain: World) -> None:
        replica = chain.book.chains[KEY]
        chain.update(l=[[*NAME, 5]])
        await asyncio.sleep(0.01)
        assert chain.book.chains[KEY] is replica
        assert chain.asked("chain") == 1

    async def test_another_run_of_the_feed_is_another_count(self, chain: World) -> None:
        replica = chain.book.chains[KEY]
        chain.keep_chain(1, epoch="f")
        chain.say_status(epoch="f")
        await until(lambda: chain.book.chains[KEY] is not replica)
        assert (chain.book.chains[KEY].epoch, chain.book.chains[KEY].sequence) == ("f", 1)

    async def test_a_lost_message_of_the_feed_loads_everything_anew(self, chain: World) -> None:
        chain.book.hold(["q:SPY"])
        chain.update(batch=1)
        quotes = chain.asked("quotes")
        replica = chain.book.chains[KEY]
        chain.update(batch=3)
        await until(lambda: chain.book.chains[KEY] is not replica)
        await until(lambda: chain.asked("quotes") > quotes)

    async def test_an_unknown_date_is_the_feeds_own_word_and_leaves_no_trace(
        self, world: World
    ) -> None:
        def refuse(_: dict[str, Any]) -> Any:
            raise UnknownExpiration("Nothing then.")

        world.bus.answers["chain"] = refuse
        with pytest.raises(UnknownExpiration):
            await world.book.get_chain(KEY)
        assert not world.book._touched
        assert not world.book._loading

    async def test_a_state_that_the_cache_lost_is_an_error_with_a_name(self, world: World) -> None:
        with pytest.raises(FeedUnavailable, match="lost"):
            await world.book.get_chain(KEY)

    async def test_a_lost_cache_serves_what_is_here(
        self, chain: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object, **__: object) -> None:
            raise BusUnavailable("Away.")

        monkeypatch.setattr(chain.bus, "lease", away)
        chain.book._touched.clear()
        assert (await chain.book.get_chain(KEY)).sequence == 5
        with pytest.raises(OptixError):
            await chain.book.get_quote("QQQ")
