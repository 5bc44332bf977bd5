"""Several providers as one, on scripted providers and a clock that only the test moves: who serves,
what passes, what is said about it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from tests.adapters.market_data.failover.world import KEY, World, last_quote, world_of
from tests.fixtures.chains import NOW_NS
from tests.fixtures.waiting import until

from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import AuthExpired
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    DataKind,
    Demand,
    HealthReporter,
    NoticeState,
    ProviderUnavailable,
    SwitchReporter,
)

DELAYED = {"quality": Quality.DELAYED, "delay_seconds": 900}
BOTH = Demand(quotes=frozenset({"SPY"}), chains=frozenset({KEY}))


def serves(world: World, kind: DataKind = DataKind.QUOTES) -> str:
    return next((row.name for row in world.failover.health() if kind in row.serves), "")


class TestTakingOver:
    async def test_the_first_of_the_order_serves_and_the_others_stand_by(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(2, first, second)
            assert {quote.source for quote in world.quotes()} == {"first"}
            assert serves(world) == "first"
            assert second.demand.quotes == {"SPY"}  # the probe, by which it proves that it is well

    @pytest.mark.parametrize("death", ["raises", "ends", "breaks"])
    async def test_a_dead_provider_is_replaced_within_seconds(self, death: str) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(5, first, second)
            if death == "raises":
                first.fail("The line is cut.")
            elif death == "ends":
                first._script.put_nowait(cast("Exception", StopAsyncIteration()))
            else:
                first._script.put_nowait(ZeroDivisionError())
            await world.time.settle()

            def second_is_seen() -> bool:
                second.tick(601.0)
                return last_quote(world).source == "second"

            taken = await world.until(second_is_seen, seconds=10)
            assert taken < 5
            assert serves(world) == "second"
            (gap,) = [n for n in world.notices() if "quotes" in n.reason]
            assert gap.state is NoticeState.GAP
            assert gap.symbols == {"SPY"}
            assert 0 < gap.ts_from <= gap.ts_event
            assert "Second" in gap.reason
            assert "First" in gap.reason

    async def test_a_silent_provider_is_replaced_once_its_bound_is_reached(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(5, first, second)
            silence = first.capabilities.silence_seconds_max or 0.0

            def second_is_seen() -> bool:
                second.tick(601.0)
                return last_quote(world).source == "second"

            taken = await world.until(second_is_seen, seconds=20)
            assert taken < silence + 5

    async def test_silence_counts_only_while_prices_should_move(self) -> None:
        async with world_of("first", "second", is_ticking=False) as world:
            await world.start()
            first, _ = world.sources
            first.tick(600.0)
            await world.time.advance(3_600)
            assert serves(world) == "first"
            assert not world.notices()
            assert last_quote(world).quality is Quality.REALTIME
            assert world.failover.capabilities.silence_seconds_max is None
            world.ticking = True
            assert world.failover.capabilities.silence_seconds_max == 3.0
            await world.time.advance(1)
            assert serves(world) == "first"  # its silence begins when the market opens

    async def test_nonsense_is_refused_and_its_sender_replaced(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(5, first, second)
            for _ in range(limits.FAILOVER_BAD_IN_A_ROW_MAX):
                first.emit(replace(first.quote(1e12), bid=-4.0))
                first.emit(cast("Quote", object()))
                first.emit(replace(first.quote(610.0), ts_event=NOW_NS + 10**15))

            def second_is_seen() -> bool:
                second.tick(601.0)
                return last_quote(world).source == "second"

            assert await world.until(second_is_seen, seconds=10) < 5
            assert {quote.last for quote in world.quotes()} == {600.0, 601.0}
            row = world.failover.health()[0]
            assert row.errors == {
                "impossible_price": 8,
                "unreadable": 8,
                "from_the_future": 8,
            }
            assert row.error_rate > 0.5
            assert row.state == "stale"

    async def test_one_that_is_polled_may_be_silent_for_longer(self) -> None:
        polled = {"streaming": False, "silence_seconds_max": None}
        async with world_of(("first", polled), "second") as world:
            await world.start()
            first, second = world.sources
            first.tick(600.0)
            await world.live(limits.FAILOVER_POLLED_SILENCE_SECONDS - 1, second)
            assert serves(world) == "first"
            await world.live(2, second)
            assert serves(world) == "second"

    async def test_it_is_noticed_within_two_looks(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            await world.live(5, *world.sources)
            world.sources[0].fail("The line is cut.")
            await world.time.advance(2 * limits.FAILOVER_CHECK_SECONDS)
            assert serves(world) == "second"

    async def test_a_provider_that_only_sends_no_chains_loses_the_chains(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            await world.live(2, first, second)
            assert serves(world, DataKind.CHAINS) == "first"
            await world.live(limits.FAILOVER_CHAIN_SILENCE_SECONDS + 2, first, second)
            assert serves(world, DataKind.CHAINS) == "second"
            assert serves(world, DataKind.QUOTES) == "first"

    async def test_a_late_start_of_the_preferred_one_is_waited_for(self) -> None:
        async with world_of("first", "second") as world:
            first, second = world.sources
            first.quotes["SPY"] = first.quote(600.0)
            await world.open_later(first, limits.FAILOVER_START_SECONDS - 1)
            await world.start()
            assert (await world.failover.fetch_quote("SPY")).source == "first"
            await world.live(1, first, second)
            assert serves(world) == "first"

    async def test_who_is_later_than_that_is_stood_in_for(self) -> None:
        async with world_of("first", "second") as world:
            first, second = world.sources
            await world.open_later(first, limits.FAILOVER_START_SECONDS + 5)
            await world.start()
            await world.live(1, second)
            assert serves(world) == "second"
            assert "First is away: Second stands in." in world.failover.capabilities.notice


class TestDelay:
    async def test_a_delayed_provider_comes_after_a_real_time_one_whatever_the_order(self) -> None:
        async with world_of(("late", DELAYED), "quick") as world:
            await world.start()
            await world.live(2, *world.sources)
            assert serves(world) == "quick"
            assert serves(world, DataKind.BARS) == "late"  # delay does not matter there
            assert world.failover.capabilities.quality is Quality.REALTIME

    async def test_the_settings_may_insist_on_their_order(self) -> None:
        async with world_of(("late", DELAYED), "quick", keep_order=True) as world:
            await world.start()
            await world.live(2, *world.sources)
            assert serves(world) == "late"

    async def test_numbers_stay_until_the_delayed_ones_are_not_older(self) -> None:
        """The chart must not go back a quarter of an hour because the source is another."""
        async with world_of("quick", ("late", DELAYED)) as world:
            await world.start()
            quick, late = world.sources
            await world.live(5, quick, late)
            before = last_quote(world)
            quick.fail("The line is cut.")
            quick.refusal = ProviderUnavailable("The line is cut.")
            for _ in range(20):
                late.tick(590.0, age_seconds=900)
                await world.time.advance(1)
            assert serves(world) == "late"
            shown = last_quote(world)
            assert shown == replace(before, quality=Quality.STALE)
            capabilities = world.failover.capabilities
            assert (capabilities.quality, capabilities.delay_seconds) == (Quality.DELAYED, 900)
            late.tick(591.0, age_seconds=10)
            await world.time.settle()
            assert last_quote(world).quality is Quality.DELAYED
            assert last_quote(world).last == 591.0
            times = [quote.ts_event for quote in world.quotes()]
            assert times == sorted(times)


class TestComingBack:
    async def test_it_is_returned_to_when_it_was_well_for_a_while(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(5, first, second)
            first.fail("The line is cut.")
            await world.live(5, second)
            assert serves(world) == "second"
            await world.live(limits.FAILOVER_RETURN_SECONDS_FIRST - 6, first, second)
            assert serves(world) == "second"
            await world.live(10, first, second)
            assert serves(world) == "first"
            assert [
                (s.source, s.target) for s in world.failover.switches() if s.kind == "quotes"
            ] == [("", "first"), ("first", "second"), ("second", "first")]

    async def test_one_that_is_open_but_says_nothing_is_not_returned_to(self) -> None:
        async with world_of(("first", {"silence_seconds_max": None}), "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(5, first, second)
            first.fail("The line is cut.")
            await world.live(120, second)
            assert first.opened == 2
            assert serves(world) == "second"

    async def test_one_that_flaps_does_not_make_the_feed_flap(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            for _ in range(40):  # up for 40 s, then gone again, for half an hour
                await world.live(40, first, second)
                first.fail("The line is cut.")
                await world.live(5, second)
            switches = [s for s in world.failover.switches() if s.kind == "quotes" and s.source]
            assert 2 <= len(switches) <= 10
            assert second.opened == 1

    async def test_both_flapping_switch_only_so_often(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            for _ in range(60):
                await world.live(1, first, second)
                dying = first if serves(world) == "first" else second
                dying.fail("The line is cut.")
            at = [s.ts for s in world.failover.switches() if s.kind == "quotes" and s.source]
            assert at
            for ts in at:
                minute = [other for other in at if 0 <= ts - other < 60 * NANOSECONDS]
                assert len(minute) <= limits.FAILOVER_SWITCHES_PER_MINUTE_MAX


class TestAllAway:
    async def test_numbers_turn_stale_then_the_feed_is_down_with_a_sentence(self) -> None:
        async with world_of("first", "second") as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            await world.live(5, first, second)
            for source in world.sources:
                source.refusal = ProviderUnavailable(f"{source.capabilities.label} is shut.")
                source.fail("The line is cut.")
            await world.time.advance(limits.FAILOVER_STALE_SECONDS + 1)
            assert last_quote(world).quality is Quality.STALE
            assert world.chains()[-1].quality is Quality.STALE
            assert world.ended is None
            await world.until(lambda: world.ended, seconds=10)
            assert isinstance(world.ended, ProviderUnavailable)
            assert "First: First is shut." in world.ended.detail
            assert "Second: Second is shut." in world.ended.detail

    async def test_it_cannot_be_opened_while_nobody_is_there(self) -> None:
        async with world_of("first", "second") as world:
            for source in world.sources:
                source.refusal = ProviderUnavailable("It is shut.")
            with pytest.raises(ProviderUnavailable, match="No market feed answers"):
                await world.failover.open()
            assert all(source.closed for source in world.sources)
            for source in world.sources:
                source.refusal = None
            await world.start()
            await world.live(1, *world.sources)
            assert serves(world) == "first"

    async def test_one_dead_provider_keeps_nobody_from_starting(self) -> None:
        async with world_of("first", "second") as world:
            first, second = world.sources
            first.refusal = ProviderUnavailable("It is shut.")
            await world.start()
            await world.live(limits.FAILOVER_START_SECONDS + 1, second)
            assert serves(world) == "second"
            assert world.failover.health()[0].state == "down"
            assert world.failover.health()[0].reason == "It is shut."


class TestOpeningAgain:
    async def test_a_provider_is_opened_only_so_often_a_minute(self) -> None:
        async with world_of("first", "second") as world:
            first, second = world.sources
            first.refusal = ProviderUnavailable("It is shut.")
            await world.start()
            await world.live(58, second)
            assert 3 < first.opened <= limits.FAILOVER_OPENS_PER_MINUTE_MAX
            assert world.failover.health()[0].reconnects == first.opened - 1

    async def test_the_bound_holds_also_when_the_whole_is_opened_again_and_again(self) -> None:
        async with world_of("first") as world:
            (first,) = world.sources
            for _ in range(20):
                await world.start()
                await world.failover.close()
                if first.opened == limits.FAILOVER_OPENS_PER_MINUTE_MAX:
                    break
            with pytest.raises(ProviderUnavailable):
                await world.failover.open()
            assert first.opened == limits.FAILOVER_OPENS_PER_MINUTE_MAX

    async def test_a_refused_account_is_left_alone_for_minutes(self) -> None:
        async with world_of("first", "second") as world:
            first, second = world.sources
            first.refusal = AuthExpired("The token has expired.", next_step="Sign in at First.")
            await world.start()
            await world.live(0.7 * limits.FAILOVER_REFUSED_SECONDS, second)
            assert first.opened == 1
            await world.live(0.4 * limits.FAILOVER_REFUSED_SECONDS, second)
            assert first.opened == 2
            assert "Sign in at First." in world.failover.health()[0].reason

    async def test_a_mute_provider_is_opened_anew(self) -> None:
        async with world_of("first", "second") as world:
            await world.start()
            first, second = world.sources
            await world.live(2, first, second)
            await world.live(20, second)
            assert first.opened > 1
            assert world.failover.health()[0].errors["silent"] >= 1

    async def test_one_that_never_opens_is_given_up_after_a_while(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "FAILOVER_OPEN_SECONDS_MAX", limits.FAILOVER_OPEN_SECONDS_MAX / 1_000
        )
        async with world_of("first", "second") as world:
            world.sources[0].opening.clear()
            await world.start()
            await until(lambda: world.failover.health()[0].state == "down")
            assert "in time" in world.failover.health()[0].reason


class TestWhatItSays:
    async def test_it_reports_of_each_provider(self) -> None:
        async with world_of("first", ("second", DELAYED)) as world:
            await world.start(BOTH)
            first, second = world.sources
            first.emit(first.chain())
            await world.live(2, first)
            second.tick(599.0, age_seconds=900)
            await world.time.settle()
            assert isinstance(world.failover, HealthReporter)
            assert isinstance(world.failover, SwitchReporter)
            one, two = world.failover.health()
            assert (one.name, one.label, one.state, one.reason) == ("first", "First", "live", "")
            assert {DataKind.QUOTES, DataKind.CHAINS} <= one.serves
            assert not two.serves
            assert one.subscribed == 1 + 6
            assert two.lag_seconds == 900.0
            assert one.last_update_ns > NOW_NS

    async def test_switches_older_than_an_hour_are_forgotten(self) -> None:
        async with world_of("first", is_ticking=False) as world:
            await world.start()
            await world.time.advance(1)
            assert world.failover.switches()
            await world.time.advance(3_601)
            assert not world.failover.switches()

    async def test_only_so_many_switches_are_kept(self) -> None:
        async with world_of("first") as world:
            assert world.failover._switches.maxlen == limits.FAILOVER_SWITCHES_KEPT_MAX

    def test_too_many_providers_are_our_own_mistake(self) -> None:
        names = [f"p{n}" for n in range(limits.FAILOVER_MEMBERS_MAX + 1)]

        async def build() -> None:
            async with world_of(*names):
                pass

        with pytest.raises(AssertionError):
            asyncio.run(build())
