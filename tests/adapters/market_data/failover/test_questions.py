"""Questions to several providers: who is asked, for how long, and what is said when all fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date

import pytest
from tests.adapters.market_data.failover.world import KEY, Source, World, world_of
from tests.fixtures.chains import NOW_NS
from tests.fixtures.manual_time import ManualTime

from optix.adapters.market_data.failover import FailoverMarketData
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.corporate import CorporateAction
from optix.kernel.errors import OptixError, RateLimited
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    DataKind,
    Demand,
    ProviderUnavailable,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

DAY = date(2026, 11, 18)


class Answering(Source):
    """Raises `error` instead of an answer, or waits for `gate`."""

    error: Exception | None = None
    gate: asyncio.Event | None = None

    async def fetch_quote(self, symbol: str) -> Quote:
        self.asked.append(symbol)
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        if symbol not in self.quotes:
            raise UnknownSymbol(f"{self.capabilities.label} has no {symbol}.")
        return self.quotes[symbol]


class Archive(Answering):
    """Knows the past as well."""

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        if self.error is not None:
            raise self.error
        return []

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        if self.error is not None:
            raise self.error
        yield self.chain()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    time = ManualTime(NOW_NS)
    sources = [Answering("first", time), Answering("second", time)]
    for source in sources:
        source.quotes["SPY"] = source.quote(600.0)
    world = World(*sources, time=time)
    await world.start(Demand())
    await world.time.advance(0.5)
    yield world
    await world.end()


def of(world: World) -> tuple[Answering, Answering]:
    first, second = world.sources
    assert isinstance(first, Answering)
    assert isinstance(second, Answering)
    return first, second


class TestOrder:
    async def test_the_first_answer_counts(self, world: World) -> None:
        first, second = of(world)
        assert (await world.failover.fetch_quote("SPY")).source == "first"
        assert (first.asked, second.asked) == (["SPY"], [])

    async def test_a_symbol_is_unknown_only_where_nobody_knows_it(self, world: World) -> None:
        _, second = of(world)
        second.quotes["RARE"] = second.quote(9.0, symbol="RARE")
        assert (await world.failover.fetch_quote("RARE")).source == "second"
        with pytest.raises(UnknownSymbol, match="First has no NONE"):
            await world.failover.fetch_quote("NONE")

    async def test_an_unknown_symbol_names_who_could_not_be_asked(self, world: World) -> None:
        _, second = of(world)
        second.error = ProviderUnavailable("It is shut.")
        with pytest.raises(UnknownSymbol) as caught:
            await world.failover.fetch_quote("NONE")
        assert "Not everybody could be asked. Second: It is shut." in caught.value.detail
        assert caught.value.code == UnknownSymbol.code

    async def test_all_errors_are_one_sentence_each(self, world: World) -> None:
        first, second = of(world)
        first.error = ProviderUnavailable("It is shut.")
        second.error = ZeroDivisionError()
        with pytest.raises(ProviderUnavailable) as caught:
            await world.failover.fetch_quote("SPY")
        assert caught.value.detail == "First: It is shut. Second: Its adapter failed."

    async def test_who_is_not_open_is_not_asked(self, world: World) -> None:
        first, _ = of(world)
        first.refusal = ProviderUnavailable("The line is cut.")
        first.fail("The line is cut.")
        await world.time.settle()
        assert (await world.failover.fetch_quote("SPY")).source == "second"
        assert first.asked == []

    async def test_an_expiration_is_asked_of_the_next_one_too(self, world: World) -> None:
        _, second = of(world)
        second.chains[KEY] = second.chain()
        assert (await world.failover.fetch_chain(KEY)).source == "second"
        del second.chains[KEY]
        with pytest.raises(UnknownExpiration):
            await world.failover.fetch_chain(KEY)


class TestTime:
    async def test_who_takes_too_long_is_passed_over(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "FAILOVER_TRY_SECONDS_MAX", limits.FAILOVER_TRY_SECONDS_MAX / 1_000
        )
        first, _ = of(world)
        first.gate = asyncio.Event()
        assert (await world.failover.fetch_quote("SPY")).source == "second"
        assert world.failover.health()[0].errors == {"timed_out": 1}

    async def test_the_same_question_at_once_is_asked_once(self, world: World) -> None:
        first, _ = of(world)
        first.gate = asyncio.Event()
        asked = [asyncio.ensure_future(world.failover.fetch_quote("SPY")) for _ in range(20)]
        await world.time.settle()
        first.gate.set()
        assert {quote.source for quote in await asyncio.gather(*asked)} == {"first"}
        assert first.asked == ["SPY"]

    async def test_who_fails_again_and_again_is_left_alone_for_a_while_that_grows(
        self, world: World
    ) -> None:
        first, _ = of(world)
        first.error = ProviderUnavailable("It is shut.")
        for _ in range(10):
            await world.failover.fetch_quote("SPY")
        assert len(first.asked) == limits.FAILOVER_BREAKER_FAILURES_MAX
        waited = limits.FAILOVER_BREAKER_SECONDS_FIRST
        await world.time.advance(waited + 0.1)
        for _ in range(10):
            await world.failover.fetch_quote("SPY")
        assert len(first.asked) == limits.FAILOVER_BREAKER_FAILURES_MAX + 1
        await world.time.advance(waited + 0.1)
        await world.failover.fetch_quote("SPY")
        assert len(first.asked) == limits.FAILOVER_BREAKER_FAILURES_MAX + 1
        first.error = None
        await world.time.advance(limits.FAILOVER_BREAKER_SECONDS_MAX)
        assert (await world.failover.fetch_quote("SPY")).source == "first"

    async def test_who_asks_to_wait_is_waited_for(self, world: World) -> None:
        first, _ = of(world)
        first.error = RateLimited("Too many.", retry_after_seconds=40)
        for _ in range(3):
            assert (await world.failover.fetch_quote("SPY")).source == "second"
        assert len(first.asked) == 1
        first.error = None
        await world.time.advance(41)
        assert (await world.failover.fetch_quote("SPY")).source == "first"

    async def test_one_kind_that_fails_leaves_the_others(self, world: World) -> None:
        first, _ = of(world)
        first.error = ProviderUnavailable("It is shut.")
        first.chains[KEY] = first.chain()
        for _ in range(5):
            await world.failover.fetch_quote("SPY")
        assert (await world.failover.fetch_chain(KEY)).source == "first"


class TestCapabilities:
    async def test_bars_are_asked_of_who_has_the_interval(self) -> None:
        minutes = {"intervals": frozenset({BarInterval.MINUTE_1})}
        async with world_of("first", ("second", minutes)) as world:
            await world.start(Demand())
            _, second = world.sources
            bar = Bar(ts_event=1, open=1, high=1, low=1, close=1, volume=1)
            second.bars["SPY"] = Bars(
                symbol="SPY",
                interval=BarInterval.MINUTE_1,
                source="second",
                quality=Quality.REALTIME,
                adjusted=False,
                rows=[bar],
            )
            found = await world.failover.fetch_bars("SPY", BarInterval.MINUTE_1, start=DAY, end=DAY)
            assert found.source == "second"
            assert world.failover.capabilities.intervals == {BarInterval.MINUTE_1}
            with pytest.raises(UnsupportedRequest, match="1w"):
                await world.failover.fetch_bars("SPY", BarInterval.WEEK_1, start=DAY, end=DAY)
            with pytest.raises(UnsupportedRequest, match="No bars of QQQ"):
                await world.failover.fetch_bars("QQQ", BarInterval.MINUTE_1, start=DAY, end=DAY)

    async def test_each_kind_has_its_own_order(self) -> None:
        orders = {DataKind.SEARCH: ["second"], DataKind.QUOTES: ["first", "second"]}
        async with world_of("first", "second", orders=orders) as world:
            await world.start(Demand())
            first, second = world.sources
            first.quotes["AAA"] = first.quote(1.0, symbol="AAA")
            second.quotes["AAB"] = second.quote(1.0, symbol="AAB")
            await world.time.advance(1)
            assert [found.symbol for found in await world.failover.search("A", limit=5)] == ["AAB"]

    async def test_what_nobody_can_do_is_unsupported(self) -> None:
        quotes_only = {"kinds": frozenset({DataKind.QUOTES})}
        async with world_of(("first", quotes_only)) as world:
            await world.start(Demand())
            with pytest.raises(UnsupportedRequest, match="None of the market feeds has search"):
                await world.failover.search("A", limit=5)
            with pytest.raises(UnsupportedRequest, match="corporate actions"):
                await world.failover.fetch_corporate_actions("SPY", start=DAY, end=DAY)
            with pytest.raises(UnsupportedRequest, match="past chains"):
                async for _ in world.failover.iter_chain_history("SPY", start=DAY, end=DAY):
                    pass


class TestThePast:
    @pytest.fixture
    async def archives(self) -> AsyncIterator[World]:
        time = ManualTime(NOW_NS)
        past = {DataKind.CORPORATE_ACTIONS, DataKind.CHAIN_HISTORY, DataKind.QUOTES}
        sources = [Archive(name, time, kinds=frozenset(past)) for name in ("first", "second")]
        world = World(*sources, time=time)
        await world.start(Demand())
        yield world
        await world.end()

    async def chains(self, failover: FailoverMarketData) -> list[str]:
        history = failover.iter_chain_history("SPY", start=DAY, end=DAY)
        return [table.source async for table in history]

    async def test_it_comes_whole_from_one_of_them(self, archives: World) -> None:
        first, second = of(archives)
        assert await self.chains(archives.failover) == ["first"]
        assert await archives.failover.fetch_corporate_actions("SPY", start=DAY, end=DAY) == []
        first.error = UnknownSymbol("First has no SPY.")
        assert await self.chains(archives.failover) == ["second"]
        second.error = UnknownSymbol("Second has no SPY.")
        with pytest.raises(OptixError, match="Second has no SPY"):
            await self.chains(archives.failover)

    async def test_a_half_is_never_completed_by_another(self, archives: World) -> None:
        class Breaking(Archive):
            async def iter_chain_history(
                self, underlying: str, *, start: date, end: date
            ) -> AsyncIterator[ChainTable]:
                yield self.chain()
                raise ProviderUnavailable("The line is cut.")

        time = archives.time
        kinds = frozenset({DataKind.CHAIN_HISTORY})
        sources = [Breaking("broken", time, kinds=kinds), Archive("whole", time, kinds=kinds)]
        failover = FailoverMarketData(sources, clock=time, sleep=time.sleep)
        with pytest.raises(ProviderUnavailable, match="The line is cut"):
            await self.chains(failover)


class TestWhatWasGiven:
    async def test_an_answer_is_never_older_than_what_was_given(self, world: World) -> None:
        first, second = of(world)
        world.failover.set_demand(Demand(quotes=frozenset({"SPY"}), chains=frozenset({KEY})))
        await world.time.advance(1)
        given = first.tick(601.0)
        table = first.chain(1.0)
        first.emit(table)
        await world.time.settle()
        first.error = ProviderUnavailable("It is shut.")
        second.quotes["SPY"] = second.quote(500.0, age_seconds=60)
        second.chains[KEY] = replace(second.chain(age_seconds=60), spot=second.quotes["SPY"])
        assert await world.failover.fetch_quote("SPY") == given
        shown = await world.failover.fetch_chain(KEY)
        assert (shown.source, list(shown.columns["bid"])) == ("first", list(table.columns["bid"]))
        second.quotes["SPY"] = second.quote(602.0, age_seconds=-1)
        assert (await world.failover.fetch_quote("SPY")).last == 602.0
