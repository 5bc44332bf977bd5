"""The bus is proven on a real Redis: what is published arrives, what is asked is answered once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from redis.asyncio import Redis

from optix.kernel import limits
from optix.kernel.clock import ScaledClock, SystemClock
from optix.kernel.errors import OptixError, RateLimited
from optix.platform.bus import (
    DEMAND,
    QUOTES,
    REQUESTS,
    UPDATES,
    Bus,
    BusUnavailable,
    FeedUnavailable,
    Question,
    connect,
)
from optix.platform.embedded.stores import StoreUrls
from optix.ports.market_data import UnknownSymbol

pytestmark = pytest.mark.stores


@pytest.fixture
async def bus(redis: Redis) -> Bus:
    return Bus(redis, SystemClock())


@pytest.fixture
async def hand_clock() -> ScaledClock:
    return ScaledClock(SystemClock(), origin_ns=1_795_000_000_000_000_000, speed=0)


class TestBroadcast:
    async def test_a_follower_first_hears_that_it_is_connected_then_every_message(
        self, bus: Bus
    ) -> None:
        updates = bus.iter_messages(UPDATES)
        assert await anext(updates) is None
        for body in (b"one", b"two"):
            await bus.publish(body, keep={QUOTES: {"SPY": body}})
        assert [await anext(updates), await anext(updates)] == [b"one", b"two"]
        assert await bus.redis.hget(QUOTES, "SPY") == b"two"
        await updates.aclose()

    async def test_two_databases_of_one_server_do_not_hear_each_other(
        self, bus: Bus, stores: StoreUrls
    ) -> None:
        parts = urlsplit(stores.redis_url)
        number = (int(parts.path.strip("/") or 0) + 1) % 16
        other = Bus(connect(urlunsplit(parts._replace(path=f"/{number}"))), SystemClock())
        updates = bus.iter_messages(UPDATES)
        assert await anext(updates) is None
        await other.publish(b"theirs", keep={})
        await bus.publish(b"ours", keep={})
        assert await anext(updates) == b"ours"
        await updates.aclose()
        await other.close()

    async def test_a_cut_line_is_mended_and_said(self, bus: Bus) -> None:
        updates = bus.iter_messages(UPDATES)
        assert await anext(updates) is None
        await bus.redis.client_kill_filter(_type="pubsub")
        assert await anext(updates) is None
        await bus.publish(b"again", keep={})
        assert await anext(updates) == b"again"
        await updates.aclose()


class TestLeases:
    async def test_a_lease_ends_by_itself(self, redis: Redis, hand_clock: ScaledClock) -> None:
        bus = Bus(redis, hand_clock)
        await bus.lease(["q:SPY", "q:QQQ"], seconds=10)
        await bus.lease(["q:SPY"], seconds=20)
        assert sorted(await bus.leased()) == ["q:QQQ", "q:SPY"]
        hand_clock.advance_to(hand_clock.now_ns() + 15_000_000_000)
        assert await bus.leased() == ["q:SPY"]
        hand_clock.advance_to(hand_clock.now_ns() + 10_000_000_000)
        assert await bus.leased() == []
        assert await redis.exists(DEMAND) == 0

    async def test_a_shorter_lease_never_cuts_a_longer_one(
        self, redis: Redis, hand_clock: ScaledClock
    ) -> None:
        bus = Bus(redis, hand_clock)
        await bus.lease(["q:SPY"], seconds=60)
        await bus.lease(["q:SPY"], seconds=1)
        hand_clock.advance_to(hand_clock.now_ns() + 30_000_000_000)
        assert await bus.leased() == ["q:SPY"]

    async def test_the_feed_never_sees_more_topics_than_it_may_follow(self, bus: Bus) -> None:
        await bus.lease([f"q:{n}" for n in range(limits.DEMAND_TOPICS_MAX + 10)])
        assert len(await bus.leased()) == limits.DEMAND_TOPICS_MAX


class TestQuestions:
    @pytest.fixture
    async def served(self, bus: Bus) -> AsyncIterator[list[Question]]:
        """Serve: echo, refuse, explode."""
        asked: list[Question] = []

        async def answer(question: Question) -> Any:
            asked.append(question)
            if question.kind == "refuse":
                raise UnknownSymbol("ZZZZ is not listed.", fields={"symbol": "unknown"})
            if question.kind == "limit":
                raise RateLimited("Too often.", retry_after_seconds=7)
            if question.kind == "explode":
                raise ZeroDivisionError
            return question.arguments

        task = asyncio.create_task(bus.serve(answer))
        yield asked
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_a_question_is_answered(self, bus: Bus, served: list[Question]) -> None:
        assert await bus.ask("echo", {"n": 1}) == {"n": 1}
        assert len(served) == 1

    async def test_an_error_reaches_the_asker_whole(self, bus: Bus, served: list[Question]) -> None:
        with pytest.raises(OptixError) as caught:
            await bus.ask("refuse", {})
        error = caught.value
        assert (error.kind, error.code) == ("not_found", "unknown_symbol")
        assert error.detail == "ZZZZ is not listed."
        assert error.fields == {"symbol": "unknown"}
        with pytest.raises(RateLimited) as limited:
            await bus.ask("limit", {})
        assert limited.value.retry_after_seconds == 7

    async def test_our_own_mistake_says_nothing_of_our_insides(
        self, bus: Bus, served: list[Question]
    ) -> None:
        with pytest.raises(OptixError) as caught:
            await bus.ask("explode", {})
        assert caught.value.code == "internal_error"
        assert "Zero" not in caught.value.detail

    async def test_many_questions_at_once_are_all_answered(
        self, bus: Bus, served: list[Question]
    ) -> None:
        answers = await asyncio.gather(*(bus.ask("echo", {"n": n}) for n in range(40)))
        assert [answer["n"] for answer in answers] == list(range(40))

    async def test_an_answer_may_take_longer_than_a_line_may_be_silent(
        self, stores: StoreUrls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client gives a silent line up; waiting in pieces keeps it talking."""
        assert limits.BUS_WAIT_SECONDS_MAX < limits.BUS_SILENCE_SECONDS_MAX
        monkeypatch.setattr(limits, "BUS_SILENCE_SECONDS_MAX", 1.5)
        monkeypatch.setattr(limits, "BUS_WAIT_SECONDS_MAX", 0.1)
        bus = Bus(connect(stores.redis_url), SystemClock())

        async def slowly(_: Question) -> str:
            await asyncio.sleep(2.0)
            return "done"

        serving = asyncio.create_task(bus.serve(slowly))
        try:
            assert await bus.ask("quote", {}) == "done"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await bus.close()

    async def test_nobody_there_is_an_error_with_a_name(self, bus: Bus) -> None:
        with pytest.raises(FeedUnavailable):
            await bus.ask("echo", {}, timeout_seconds=0.2)

    async def test_a_question_whose_asker_has_gone_is_dropped(
        self, redis: Redis, hand_clock: ScaledClock
    ) -> None:
        bus = Bus(redis, hand_clock)
        with pytest.raises(FeedUnavailable):
            await bus.ask("echo", {}, timeout_seconds=0.1)
        hand_clock.advance_to(hand_clock.now_ns() + 1_000_000_000)
        asked: list[Question] = []

        async def answer(question: Question) -> None:
            asked.append(question)

        task = asyncio.create_task(bus.serve(answer))
        await bus.redis.lpush(REQUESTS, b"unreadable")
        marker = asyncio.create_task(bus.ask("echo", {}))  # answered after everything before it
        await marker
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(asked) == 1

    async def test_the_queue_of_questions_is_bounded(self, bus: Bus) -> None:
        await bus.redis.lpush(REQUESTS, *[b"{}"] * (limits.FEED_REQUESTS_MAX + 5))
        with pytest.raises(FeedUnavailable):
            await bus.ask("echo", {}, timeout_seconds=0.1)
        assert await bus.redis.llen(REQUESTS) == limits.FEED_REQUESTS_MAX


class TestCancellation:
    async def test_a_cancellation_that_comes_as_a_call_ends_is_not_lost(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The client answers a cancelled call as if nothing had been, as wait_for may do."""
        turns = 0
        begun = asyncio.Event()

        async def swallowing(*_: object, **__: object) -> bool:
            begun.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(10)
            return True

        monkeypatch.setattr(bus.redis, "ping", swallowing)

        async def component() -> None:
            nonlocal turns
            while turns < 3:
                turns += 1
                await bus.ping()

        task = asyncio.create_task(component())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert turns == 1


class TestAbsence:
    async def test_no_server_is_an_error_with_a_name(self) -> None:
        bus = Bus(connect("redis://127.0.0.1:1/0"), SystemClock())
        with pytest.raises(BusUnavailable):
            await bus.ping()
        with pytest.raises(BusUnavailable):
            await bus.ask("echo", {})
        await bus.close()
