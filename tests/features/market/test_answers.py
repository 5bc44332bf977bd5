"""Answers of the feed: each question once, in time, with what the provider and the state say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.fakes.bus import ScriptedBus
from tests.fakes.scripted import ScriptedProvider
from tests.fixtures.chains import EXPIRATION, spot_of
from tests.fixtures.waiting import until

from optix.features.market.answers import Answers
from optix.features.market.engine import FeedEngine
from optix.features.market.quote_batches import load_kept
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.quote import Quality, Quote
from optix.platform.bus import Bus, Question
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    ChainKey,
    Demand,
    ProviderUnavailable,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

KEY = ChainKey("SPY", EXPIRATION)
CHAIN = {"underlying": "SPY", "expiration": EXPIRATION.isoformat()}


class Provider(ScriptedProvider):
    """Waits before its answers while `gate` is cleared, and counts the chains it fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.fetched: list[ChainKey] = []

    async def fetch_quote(self, symbol: str) -> Quote:
        await self.gate.wait()
        return await super().fetch_quote(symbol)

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        self.fetched.append(key)
        await self.gate.wait()
        return await super().fetch_chain(key)


class World:
    """A feed that does not run: its provider, its state and its answers."""

    def __init__(self, provider: Provider | None = None) -> None:
        self.provider = provider or Provider()
        self.provider.list_small_chain()
        self.bus = ScriptedBus()
        self.engine = FeedEngine(
            self.provider,
            cast("Bus", self.bus),
            terms=ListedTerms(),
            clock=SystemClock(),
            rate_fallback=0.04,
        )
        self.answers: Answers = self.engine._answers

    async def ask(self, kind: str, **arguments: Any) -> Any:
        return await self.answers.answer(Question("1", kind, arguments))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.answers.close()


class TestEachKind:
    async def test_a_quote_is_flagged_and_kept_like_every_other(self, world: World) -> None:
        assert await world.ask("quotes", symbols=["SPY"]) == {"pending": [], "failed": {}}
        assert "SPY" in world.engine._market.quotes
        assert load_kept(world.bus.kept_rows["SPY"]).json.startswith(b'["SPY",')

    async def test_of_many_quotes_each_is_answered_for_itself(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that is, one that is not, and one whose provider takes its time."""
        answer = await world.ask("quotes", symbols=["SPY", "ZZZZ"])
        assert (answer["pending"], list(answer["failed"])) == ([], ["ZZZZ"])
        assert answer["failed"]["ZZZZ"]["code"] == "unknown_symbol"
        monkeypatch.setattr(limits, "QUOTES_WAIT_SECONDS_MAX", limits.QUOTES_WAIT_SECONDS_MAX / 20)
        world.provider.gate.clear()
        answer = await world.ask("quotes", symbols=["QQQ"])
        assert answer == {"pending": ["QQQ"], "failed": {}}
        assert "QQQ" not in world.bus.kept_rows

    async def test_one_question_has_its_bound(self, world: World) -> None:
        symbols = [f"S{number}" for number in range(limits.QUOTES_PER_QUESTION_MAX + 1)]
        answer = await world.ask("quotes", symbols=symbols)
        assert [*answer["failed"], *answer["pending"]] == symbols[:-1]

    async def test_a_quote_that_is_followed_is_not_asked_of_the_provider(
        self, world: World
    ) -> None:
        world.engine._market.take_quote(spot_of())
        world.engine._market.demand = Demand(quotes=frozenset({"SPY"}))
        await world.ask("quotes", symbols=["SPY"])
        assert world.provider.asked == []
        assert load_kept(world.bus.kept_rows["SPY"]).followed

    async def test_a_chain_is_kept_for_its_reader_and_its_state_is_named(
        self, world: World
    ) -> None:
        assert await world.ask("chain", **CHAIN) == 1
        [kept] = world.bus.kept_states
        assert kept.endswith("SPY.2026-12-18")

    async def test_expirations_come_with_terms_and_what_was_priced(self, world: World) -> None:
        answer = await world.ask("expirations", underlying="SPY")
        [row] = answer["rows"]
        assert (row["date"], row["root"], row["style"]) == ("2026-12-18", "SPY", "american")
        assert row["contracts"] == 6
        assert row["atm_iv"] == pytest.approx(0.14, abs=0.1)
        assert row["expected_move"] > 0
        assert answer["source"] == "scripted"

    async def test_bars_come_with_their_source(self, world: World) -> None:
        bar = Bar(ts_event=1_000_000_000, open=1.0, high=2.0, low=0.5, close=1.5, volume=9.0)
        world.provider.bars["SPY"] = Bars(
            symbol="SPY",
            interval=BarInterval.DAY_1,
            source="test",
            quality=Quality.DELAYED,
            adjusted=True,
            rows=[bar],
        )
        dates = {"start": "2026-01-02", "end": "2026-01-05"}
        answer = await world.ask("bars", symbol="SPY", interval="1d", **dates)
        assert answer["rows"] == [[1000, 1.0, 2.0, 0.5, 1.5, 9.0]]
        assert (answer["source"], answer["adjusted"]) == ("test", True)
        with pytest.raises(UnsupportedRequest):
            await world.ask("bars", symbol="SPY", interval="1m", **dates)

    async def test_a_search_names_what_was_found(self, world: World) -> None:
        [found] = await world.ask("search", text="SP", limit=5)
        assert (found["symbol"], found["kind"]) == ("SPY", "stock")
        assert await world.ask("search", text="none", limit=5) == []

    @pytest.mark.parametrize(
        ("kind", "arguments", "error"),
        [
            ("weather", {}, InvalidInput),
            ("expirations", {"underlying": "ZZZZ"}, UnknownSymbol),
            ("chain", CHAIN | {"expiration": "2026-12-24"}, UnknownExpiration),
        ],
    )
    async def test_what_cannot_be_answered_is_an_error_by_name(
        self, world: World, kind: str, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            await world.ask(kind, **arguments)
        assert not world.answers._running


class TestOnce:
    async def test_the_same_question_at_once_is_asked_of_the_provider_once(
        self, world: World
    ) -> None:
        world.provider.gate.clear()
        asking = [asyncio.create_task(world.ask("quotes", symbols=["SPY"])) for _ in range(20)]
        other = asyncio.create_task(world.ask("quotes", symbols=["QQQ"]))
        await asyncio.sleep(0)
        world.provider.quotes["QQQ"] = spot_of("QQQ")
        world.provider.gate.set()
        answers = await asyncio.gather(*asking, other)
        assert all(answer == {"pending": [], "failed": {}} for answer in answers)
        assert sorted(world.provider.asked) == ["QQQ", "SPY"]

    async def test_the_next_question_is_asked_anew(self, world: World) -> None:
        for _ in range(2):
            await world.ask("quotes", symbols=["SPY"])
        assert world.provider.asked == ["SPY", "SPY"]

    async def test_an_asker_that_leaves_takes_nothing_from_the_others(self, world: World) -> None:
        world.provider.gate.clear()
        leaving, staying = (asyncio.create_task(world.ask("quotes", symbols=["SPY"])) for _ in "ab")
        await asyncio.sleep(0)
        leaving.cancel()
        world.provider.gate.set()
        assert (await staying)["failed"] == {}


class TestInTime:
    async def test_a_provider_that_never_answers_does_not_keep_its_place(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "FEED_REQUEST_SECONDS_MAX", limits.FEED_REQUEST_SECONDS_MAX / 200
        )
        world.provider.gate.clear()
        with pytest.raises(ProviderUnavailable, match="in time"):
            await world.ask("quotes", symbols=["SPY"])
        assert not world.answers._running
        world.provider.gate.set()
        assert (await world.ask("quotes", symbols=["SPY"]))["failed"] == {}

    async def test_a_list_of_dates_does_not_wait_for_slow_summaries(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SUMMARY_SECONDS_MAX", limits.SUMMARY_SECONDS_MAX / 30)
        world.provider.gate.clear()
        [row] = (await world.ask("expirations", underlying="SPY"))["rows"]
        assert (row["atm_iv"], row["expected_move"]) == (None, None)
        world.provider.gate.set()
        await until(lambda: not world.answers._loading)
        [row] = (await world.ask("expirations", underlying="SPY"))["rows"]
        assert row["atm_iv"] is not None

    async def test_a_date_that_cannot_be_priced_leaves_the_others(self, world: World) -> None:
        broken = ChainKey("SPY", EXPIRATION - timedelta(days=7))
        world.provider.chains[broken] = world.provider.chains[KEY]  # has no contract of that date
        rows = (await world.ask("expirations", underlying="SPY"))["rows"]
        assert [(row["date"], row["atm_iv"] is None) for row in rows] == [
            ("2026-12-11", True),
            ("2026-12-18", False),
        ]

    async def test_closing_ends_what_is_still_being_answered(self, world: World) -> None:
        world.provider.gate.clear()
        asking = asyncio.create_task(world.ask("quotes", symbols=["SPY"]))
        await asyncio.sleep(0)
        await world.answers.close()
        with pytest.raises(asyncio.CancelledError):
            await asking


class Recording(Provider):
    """A provider with three ticks to step through."""

    ticks = 3

    async def step(self, until_ns: int | None = None) -> int | None:
        if self.ticks == 0:
            return None
        self.ticks -= 1
        return 1_000 - self.ticks if until_ns is None else until_ns


class TestStep:
    async def test_a_recording_moves_on_by_so_many_ticks_and_says_when_it_is_over(self) -> None:
        world = World(Recording())
        assert await world.ask("step", count=2) == 999
        assert await world.ask("step", count=5) == 1_000
        assert await world.ask("step", count=1) is None

    async def test_one_question_moves_it_by_a_bounded_number(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "REPLAY_STEPS_MAX", 2)
        world = World(Recording())
        assert await world.ask("step", count=limits.REPLAY_STEPS_MAX + 1) == 999

    async def test_a_market_that_is_no_recording_cannot_be_moved(self, world: World) -> None:
        with pytest.raises(UnsupportedRequest, match="recording"):
            await world.ask("step", count=1)


class TestAge:
    async def test_a_chain_is_fetched_again_when_it_is_older_than_its_use_allows(
        self, world: World
    ) -> None:
        await world.ask("chain", **CHAIN)
        await world.ask("chain", **CHAIN)
        assert world.provider.fetched == [KEY]
        world.engine._market.chains[KEY].loaded_ns -= int(
            limits.CHAIN_AGE_SECONDS_MAX * 1_000_000_000
        )
        await world.ask("chain", **CHAIN)
        assert world.provider.fetched == [KEY, KEY]

    async def test_a_summary_is_made_again_when_it_is_too_old(self, world: World) -> None:
        await world.ask("expirations", underlying="SPY")
        await world.ask("expirations", underlying="SPY")
        assert world.provider.fetched == [KEY]
        kept_ns, summary = world.answers._summaries._kept[KEY]
        older_ns = kept_ns - int(limits.SUMMARY_AGE_SECONDS_MAX * 1_000_000_000)
        world.answers._summaries._kept[KEY] = (older_ns, summary)
        await world.ask("expirations", underlying="SPY")
        assert world.provider.fetched == [KEY, KEY]
