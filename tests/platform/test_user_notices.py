"""Proven on a real Redis: followers hear of everything, or are told to look again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import until

from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid
from optix.platform.bus import BusUnavailable, connect
from optix.platform.embedded.stores import StoreUrls
from optix.platform.user_events import SHARDS, Position, UserEvents, notice_channel, shard_of
from optix.platform.user_notices import Notice, UserNotices

AT_NS = 1_763_800_000_000_000_000
PATIENCE = 30.0


class Ear:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.heard_all: list[Notice | None] = []

    def heard(self, notice: Notice | None) -> None:
        self.heard_all.append(notice)

    @property
    def offsets(self) -> list[int]:
        return [each.head.offset for each in self.heard_all if each is not None]


@pytest.fixture
async def line(stores: StoreUrls) -> AsyncIterator[Redis]:
    """A client of the notices alone, which may lose its connections."""
    redis = connect(stores.redis_url)
    yield redis
    await redis.connection_pool.disconnect()


@pytest.fixture
async def events(redis: Redis) -> UserEvents:
    return UserEvents(redis)


@pytest.fixture
async def notices(line: Redis, events: UserEvents) -> AsyncIterator[UserNotices]:
    notices = UserNotices(line, events)
    running = asyncio.create_task(notices.run())
    yield notices
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _user_in(shard: int) -> UserId:
    while shard_of(user := UserId(new_uuid())) != shard:
        pass
    return user


async def _listeners(redis: Redis, shard: int) -> int:
    database = redis.connection_pool.connection_kwargs["db"]
    channel = notice_channel(shard, database)
    found = await redis.execute_command("PUBSUB", "SHARDNUMSUB", channel)  # type: ignore[no-untyped-call]  # redis-py lacks it
    return int(found[1]) if isinstance(found, list) else int(found[channel.encode()])


async def _deserted(redis: Redis, shard: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await _listeners(redis, shard):  # noqa: ASYNC110  # Redis has no event for it
            await asyncio.sleep(0.01)


async def _cut(redis: Redis) -> None:
    """Cut the lines of this test that listen."""
    database = redis.connection_pool.connection_kwargs["db"]
    for client in await redis.client_list(_type="pubsub"):
        if int(client["db"]) == database:
            await redis.client_kill_filter(_id=client["id"])


class TestFollowing:
    async def test_a_follower_is_told_to_look_once_and_then_of_each_event(
        self, notices: UserNotices, events: UserEvents
    ) -> None:
        ear, user = Ear(), _user_in(3)
        notices.follow(user, ear)
        await until(lambda: ear.heard_all == [None], seconds=PATIENCE)
        given = await events.publish(user, "fills", "filled", {"n": 1}, AT_NS)
        await until(lambda: ear.offsets, seconds=PATIENCE)
        notice = ear.heard_all[1]
        assert notice is not None
        assert notice.head == given
        assert notice.event == (await events.read(user, Position(given.epoch, 0))).events[0]

    async def test_nobody_hears_of_another_user(
        self, notices: UserNotices, events: UserEvents
    ) -> None:
        alice, bob = _user_in(3), _user_in(3)
        ears = {alice: Ear(), bob: Ear()}
        for user, ear in ears.items():
            notices.follow(user, ear)
        await until(lambda: None in ears[alice].heard_all, seconds=PATIENCE)
        await events.publish(bob, "fills", "filled", {}, AT_NS)
        await events.publish(alice, "fills", "filled", {}, AT_NS)
        await events.publish(alice, "fills", "filled", {}, AT_NS)
        await until(lambda: len(ears[alice].offsets) == 2, seconds=PATIENCE)
        assert ears[bob].offsets == [1]
        assert ears[alice].offsets == [1, 2]

    async def test_only_shards_with_somebody_in_them_are_listened_to(
        self, notices: UserNotices, redis: Redis
    ) -> None:
        first, second, ear = _user_in(1), _user_in(2), Ear()
        notices.follow(first, ear)
        await until(lambda: ear.heard_all, seconds=PATIENCE)
        assert [await _listeners(redis, shard) for shard in range(SHARDS)] == [
            int(shard == 1) for shard in range(SHARDS)
        ]
        notices.follow(second, ear)
        await until(lambda: len(ear.heard_all) == 2, seconds=PATIENCE)
        notices.unfollow(first, ear)
        await _deserted(redis, 1)
        assert await _listeners(redis, 2) == 1
        notices.unfollow(second, ear)
        await _deserted(redis, 2)
        assert notices.shards == frozenset()
        await notices.ping()  # nobody waits, so silence is right

    async def test_a_shard_that_was_left_is_heard_again(
        self, notices: UserNotices, events: UserEvents, redis: Redis
    ) -> None:
        user = _user_in(5)
        for _ in range(3):
            ear = Ear()
            notices.follow(user, ear)
            await until(lambda ear=ear: ear.heard_all, seconds=PATIENCE)  # type: ignore[misc]  # bound at once
            await events.publish(user, "sync", "x", {}, AT_NS)
            await until(lambda ear=ear: ear.offsets, seconds=PATIENCE)  # type: ignore[misc]  # bound at once
            notices.unfollow(user, ear)
            await _deserted(redis, 5)


class TestLosses:
    async def test_after_a_lost_line_everybody_looks_again_and_hears_on(
        self, notices: UserNotices, events: UserEvents, redis: Redis
    ) -> None:
        ear, user = Ear(), _user_in(4)
        notices.follow(user, ear)
        await until(lambda: ear.heard_all == [None], seconds=PATIENCE)
        await _cut(redis)
        await until(lambda: ear.heard_all == [None, None], seconds=PATIENCE)
        await events.publish(user, "sync", "x", {}, AT_NS)
        await until(lambda: ear.offsets == [1], seconds=PATIENCE)

    async def test_a_redis_that_is_away_is_tried_again(
        self, events: UserEvents, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", 0.01)
        nobody = connect("redis://127.0.0.1:1/0")
        notices, ear = UserNotices(nobody, events), Ear()
        running = asyncio.create_task(notices.run())
        notices.follow(_user_in(0), ear)
        with pytest.raises(BusUnavailable):
            await notices.ping()
        await asyncio.sleep(0.1)
        assert not running.done()
        assert ear.heard_all == []
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def test_the_sweep_says_where_users_stand(self, line: Redis, events: UserEvents) -> None:
        notices = UserNotices(line, events)  # it does not listen: every notice is lost
        alice, bob, ears = _user_in(7), _user_in(7), [Ear(), Ear()]
        notices.follow(alice, ears[0])
        notices.follow(bob, ears[1])
        given = await events.publish(alice, "sync", "x", {}, AT_NS)
        await notices.sweep(7)
        assert ears[0].heard_all == [Notice(given, None)]
        assert ears[1].heard_all == [None]  # nothing is kept: it may be that all was lost

    async def test_the_sweep_comes_by_itself(
        self, notices: UserNotices, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "EVENTS_SWEEP_SECONDS", limits.EVENTS_SWEEP_SECONDS / 200)
        ear, user = Ear(), _user_in(7)
        notices.follow(user, ear)
        await until(lambda: len(ear.heard_all) >= 3, seconds=PATIENCE)

    async def test_what_nobody_can_read_is_passed_over(
        self, notices: UserNotices, events: UserEvents, redis: Redis
    ) -> None:
        ear, user = Ear(), _user_in(9)
        notices.follow(user, ear)
        await until(lambda: ear.heard_all == [None], seconds=PATIENCE)
        channel = notice_channel(9, redis.connection_pool.connection_kwargs["db"])
        for junk in (b"", b"[]", b'["x","e",1,null]', b'[1,"e",1,null]'):
            await redis.spublish(channel, junk)
        await events.publish(user, "sync", "x", {}, AT_NS)
        await until(lambda: ear.offsets == [1], seconds=PATIENCE)
