"""Proven on a real Redis: what is published is read back, in order, or the reader is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid
from optix.platform import jobs, user_events
from optix.platform.bus import BusUnavailable, connect
from optix.platform.db import Database
from optix.platform.embedded.stores import StoreUrls
from optix.platform.jobs import JobWorker
from optix.platform.user_events import (
    CHANNELS,
    SHARDS,
    EventTooLarge,
    Position,
    UserEvents,
    leave,
    leave_forgetting,
    notice,
    notice_channel,
    parse_notice,
    shard_of,
)

AT_NS = 1_763_800_000_123_456_789


@pytest.fixture
async def events(redis: Redis) -> UserEvents:
    return UserEvents(redis)


@pytest.fixture
def alice() -> UserId:
    return UserId(new_uuid())


class TestPublishing:
    async def test_offsets_rise_by_one_within_one_epoch(
        self, events: UserEvents, alice: UserId
    ) -> None:
        given = [await events.publish(alice, "fills", "filled", {"n": n}, AT_NS) for n in range(3)]
        assert [each.offset for each in given] == [1, 2, 3]
        assert len({each.epoch for each in given}) == 1

    async def test_an_event_is_read_as_it_was_published(
        self, events: UserEvents, alice: UserId
    ) -> None:
        start = await events.position(alice)
        await events.publish(alice, "account", "session_ended", {"session": "é", "n": 1}, AT_NS)
        page = await events.read(alice, start)
        (event,) = page.events
        assert (event.offset, event.channel, event.kind) == (1, "account", "session_ended")
        assert orjson.loads(event.body) == {"session": "é", "n": 1}
        assert event.at_ms == AT_NS // 1_000_000
        assert (page.head.offset, page.reset) == (1, False)

    async def test_the_same_key_is_one_event(self, events: UserEvents, alice: UserId) -> None:
        first = await events.publish(alice, "fills", "filled", {"n": 1}, AT_NS, key="order 7")
        await events.publish(alice, "fills", "filled", {"n": 2}, AT_NS, key="order 8")
        again = await events.publish(alice, "fills", "filled", {"n": 1}, AT_NS, key="order 7")
        assert again == first
        assert (await events.position(alice)).offset == 2

    async def test_two_publishers_at_once_give_each_event_its_own_number(
        self, stores: StoreUrls, redis: Redis, alice: UserId
    ) -> None:
        start = await UserEvents(redis).position(alice)
        others = [connect(stores.redis_url) for _ in range(2)]
        given = await asyncio.gather(
            *(
                UserEvents(other).publish(alice, "sync", "done", {"n": n}, AT_NS)
                for n in range(20)
                for other in others
            )
        )
        for other in others:
            await other.connection_pool.disconnect()
        assert sorted(each.offset for each in given) == list(range(1, 41))
        page = await UserEvents(redis).read(alice, start)
        assert [each.offset for each in page.events] == list(range(1, 41))

    async def test_a_channel_that_does_not_exist_is_our_mistake(
        self, events: UserEvents, alice: UserId
    ) -> None:
        assert {"account", "alerts", "fills", "portfolio", "sync", "watchlists"} == CHANNELS
        with pytest.raises(AssertionError, match="no channel gossip"):
            await events.publish(alice, "gossip", "x", {}, AT_NS)  # type: ignore[arg-type]  # on purpose

    async def test_a_body_has_a_bound(self, events: UserEvents, alice: UserId) -> None:
        fits = {"text": "x" * (limits.EVENT_BODY_BYTES_MAX - len('{"text":""}'))}
        await events.publish(alice, "sync", "x", fits, AT_NS)
        with pytest.raises(EventTooLarge):
            await events.publish(alice, "sync", "x", {"text": fits["text"] + "x"}, AT_NS)

    async def test_without_redis_it_says_so(self, alice: UserId) -> None:
        events = UserEvents(connect("redis://127.0.0.1:1/0"))
        with pytest.raises(BusUnavailable):
            await events.publish(alice, "sync", "x", {}, AT_NS, key="k")
        with pytest.raises(BusUnavailable):
            await events.read(alice, Position("e", 0))


class TestReading:
    async def test_pages_follow_each_other_without_a_gap(
        self, events: UserEvents, alice: UserId
    ) -> None:
        at = await events.position(alice)
        for n in range(limits.EVENTS_PER_PAGE_MAX + 2):
            await events.publish(alice, "sync", "x", {"n": n}, AT_NS)
        first = await events.read(alice, at)
        assert len(first.events) == limits.EVENTS_PER_PAGE_MAX
        rest = await events.read(alice, Position(at.epoch, first.events[-1].offset))
        assert [orjson.loads(each.body)["n"] for each in first.events + rest.events] == list(
            range(limits.EVENTS_PER_PAGE_MAX + 2)
        )

    async def test_only_the_newest_are_kept_and_who_missed_some_is_told(
        self, events: UserEvents, alice: UserId, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "EVENTS_KEPT_MAX", 3)
        at = await events.position(alice)
        for n in range(5):
            await events.publish(alice, "sync", "x", {"n": n}, AT_NS)
        lost = await events.read(alice, Position(at.epoch, 1))
        assert (lost.reset, lost.events, lost.head.offset) == (True, [], 5)
        kept = await events.read(alice, Position(at.epoch, 2))
        assert [each.offset for each in kept.events] == [3, 4, 5]

    async def test_keys_are_forgotten_with_their_events(
        self, events: UserEvents, redis: Redis, alice: UserId, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "EVENTS_KEPT_MAX", 3)
        for n in range(10):
            await events.publish(alice, "sync", "x", {"n": n}, AT_NS, key=f"key {n}")
        assert await redis.zcard(f"{user_events.KEYS}{{{alice}}}") == 3
        assert await redis.xlen(f"{user_events.STREAM}{{{alice}}}") == 3

    async def test_everything_of_a_user_ends_some_time_after_the_last_look(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        await events.publish(alice, "sync", "x", {}, AT_NS, key="k")
        families = [user_events.STREAM, user_events.HEAD, user_events.KEYS]
        names = [f"{family}{{{alice}}}" for family in families]
        for name in names:
            await redis.expire(name, 10)
        at = await events.position(alice)
        left = [await redis.ttl(name) for name in names]
        assert all(
            limits.EVENTS_KEPT_SECONDS - 60 < each <= limits.EVENTS_KEPT_SECONDS for each in left
        )
        for name in names:
            await redis.expire(name, 10)
        await events.publish(alice, "sync", "x", {}, AT_NS)
        assert min([await redis.ttl(name) for name in names]) > 10
        assert (await events.read(alice, at)).events

    async def test_a_lost_redis_begins_a_new_epoch_and_tells(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        before = await events.publish(alice, "sync", "x", {}, AT_NS)
        await redis.flushdb()
        after = await events.publish(alice, "sync", "x", {}, AT_NS)
        assert after.epoch != before.epoch
        page = await events.read(alice, before)
        assert (page.reset, page.head) == (True, after)

    async def test_what_an_earlier_epoch_left_behind_is_not_read(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        for n in range(3):
            await events.publish(alice, "sync", "x", {"n": n}, AT_NS, key=f"k{n}")
        await redis.delete(f"{user_events.HEAD}{{{alice}}}")
        at = await events.position(alice)
        given = await events.publish(alice, "sync", "x", {"n": 9}, AT_NS, key="k0")
        assert given == (at.epoch, 1)
        (event,) = (await events.read(alice, at)).events
        assert orjson.loads(event.body) == {"n": 9}

    async def test_a_lost_stream_under_a_head_that_stands_is_told(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        at = await events.position(alice)
        await events.publish(alice, "sync", "x", {}, AT_NS)
        await redis.delete(f"{user_events.STREAM}{{{alice}}}")
        assert (await events.read(alice, at)).reset

    @pytest.mark.parametrize("offset", [2, 2**53])
    async def test_a_position_that_never_was_is_reset(
        self, events: UserEvents, alice: UserId, offset: int
    ) -> None:
        at = await events.publish(alice, "sync", "x", {}, AT_NS)
        assert (await events.read(alice, Position(at.epoch, offset))).reset
        assert (await events.read(alice, Position("", 0))).reset

    async def test_users_do_not_see_each_other(self, events: UserEvents, alice: UserId) -> None:
        bob = UserId(new_uuid())
        at, his = await events.position(alice), await events.position(bob)
        await events.publish(bob, "fills", "filled", {}, AT_NS, key="k")
        await events.publish(alice, "fills", "filled", {}, AT_NS, key="k")
        assert len((await events.read(alice, at)).events) == 1
        assert at.epoch != his.epoch
        assert (await events.read(alice, his)).reset

    async def test_heads_say_where_users_stand(self, events: UserEvents, alice: UserId) -> None:
        at = await events.publish(alice, "fills", "filled", {}, AT_NS)
        assert await events.heads([alice, UserId(new_uuid())]) == [at, None]

    async def test_nothing_is_left_of_a_user_who_is_forgotten(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        await events.publish(alice, "fills", "filled", {}, AT_NS, key="k")
        await events.forget(alice)
        assert [name async for name in redis.scan_iter("events:*")] == []


class TestNotices:
    async def _heard(self, redis: Redis, user: UserId) -> AsyncIterator[Any]:
        pubsub = redis.pubsub()
        database = redis.connection_pool.connection_kwargs["db"]
        await pubsub.ssubscribe(notice_channel(shard_of(user), database))
        async for message in pubsub.listen():
            yield message["data"] if message["type"] == "smessage" else None
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py lacks it

    async def test_a_notice_carries_the_event_and_a_repeated_one_the_place(
        self, events: UserEvents, redis: Redis, alice: UserId
    ) -> None:
        heard = self._heard(redis, alice)
        assert await anext(heard) is None  # subscribed
        given = await events.publish(alice, "fills", "filled", {"n": 1}, AT_NS, key="k")
        user, head, event = parse_notice(await anext(heard))
        assert (user, head) == (alice, given)
        assert event == (await events.read(alice, Position(given.epoch, 0))).events[0]
        await events.publish(alice, "fills", "filled", {"n": 1}, AT_NS, key="k")
        assert parse_notice(await anext(heard)) == (alice, given, None)

    def test_shards_spread_users(self) -> None:
        users = [UserId(new_uuid()) for _ in range(2_000)]
        counts = [sum(shard_of(user) == shard for user in users) for shard in range(SHARDS)]
        assert min(counts) > 2_000 / SHARDS / 2

    def test_a_notice_without_an_event_is_read_back(self, alice: UserId) -> None:
        assert parse_notice(notice(alice, Position("e", 5), None)) == (alice, ("e", 5), None)


class TestLeaving:
    @pytest.fixture
    async def database(self, fresh_database: str) -> AsyncIterator[Database]:
        database = Database.from_url(fresh_database)
        yield database
        await database.close()

    async def _work(self, url: str, events: UserEvents, database: Database) -> None:
        worker = asyncio.create_task(JobWorker(url, events.handlers).run())
        waiting = 1
        async with asyncio.timeout(30):
            while waiting:
                async with database.reading() as session:
                    waiting = (await jobs.measure(session)).waiting
                await asyncio.sleep(0.02)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    async def test_what_is_left_is_published_after_the_commit(
        self, fresh_database: str, database: Database, events: UserEvents, alice: UserId
    ) -> None:
        at = await events.position(alice)
        async with database.writing() as session:
            await leave(session, alice, "alerts", "fired", {"alert": "a"}, at_ns=AT_NS)
            await leave(session, alice, "alerts", "fired", {"alert": "a"}, at_ns=AT_NS)
        assert (await events.read(alice, at)).events == []
        await self._work(fresh_database, events, database)
        page = await events.read(alice, at)
        assert [orjson.loads(each.body) for each in page.events] == [{"alert": "a"}] * 2
        assert page.events[0].at_ms == AT_NS // 1_000_000

    async def test_nothing_is_published_of_what_was_rolled_back(
        self, fresh_database: str, database: Database, events: UserEvents, alice: UserId
    ) -> None:
        at = await events.position(alice)

        async def broken() -> None:
            async with database.writing() as session:
                await leave(session, alice, "alerts", "fired", {}, at_ns=AT_NS)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await broken()
        await self._work(fresh_database, events, database)
        assert (await events.read(alice, at)).events == []

    async def test_a_job_that_runs_twice_publishes_once(
        self, database: Database, events: UserEvents, alice: UserId
    ) -> None:
        at = await events.position(alice)
        async with database.writing() as session:
            await leave(session, alice, "alerts", "fired", {}, at_ns=AT_NS)
            row = (await session.execute(text("SELECT payload FROM jobs.pgqueuer"))).one()
        arguments = orjson.loads(row.payload)
        for _ in range(2):
            await events.handlers[user_events.PUBLISH](arguments)
        assert len((await events.read(alice, at)).events) == 1

    async def test_a_body_that_is_too_large_is_not_left(
        self, database: Database, alice: UserId
    ) -> None:
        body = {"text": "x" * limits.EVENT_BODY_BYTES_MAX}
        async with database.writing() as session:
            with pytest.raises(EventTooLarge):
                await leave(session, alice, "alerts", "fired", body, at_ns=AT_NS)

    async def test_a_user_is_forgotten_by_a_job(
        self, fresh_database: str, database: Database, events: UserEvents, alice: UserId
    ) -> None:
        await events.publish(alice, "alerts", "fired", {}, AT_NS)
        async with database.writing() as session:
            await leave_forgetting(session, alice)
        await self._work(fresh_database, events, database)
        assert await events.heads([alice]) == [None]
