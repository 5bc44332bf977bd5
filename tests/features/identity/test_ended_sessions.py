"""Sessions that end are refused by every process at once, and at the latest when Redis is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import until

from optix.features.identity.ended_sessions import CHANNEL, KEY, EndedSessions
from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import SessionId, new_uuid
from optix.platform.bus import Bus, BusUnavailable, connect
from optix.platform.embedded.stores import StoreUrls
from optix.platform.metrics import new_registry

pytestmark = pytest.mark.stores


def some() -> SessionId:
    return SessionId(new_uuid())


@asynccontextmanager
async def following(stores: StoreUrls, clock: ScaledClock) -> AsyncIterator[EndedSessions]:
    """Another process that hears of what ends."""
    bus = Bus(connect(stores.redis_url), clock)
    ended = EndedSessions(bus, clock)
    task = asyncio.create_task(ended.run())
    try:
        await until(lambda: ended.following)
        yield ended
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.close()


@pytest.fixture
async def here(redis: Redis, clock: ScaledClock) -> EndedSessions:
    return EndedSessions(Bus(redis, clock), clock)


async def test_what_one_process_ends_all_refuse(
    here: EndedSessions, stores: StoreUrls, clock: ScaledClock
) -> None:
    one, other, alive = some(), some(), some()
    heard: list[SessionId] = []
    async with following(stores, clock) as there, following(stores, clock) as elsewhere:
        there.listen(heard.append)
        await here.announce([one, other])
        assert one in here
        await until(lambda: other in there and other in elsewhere)
        assert alive not in there
    assert set(heard) == {one, other}


async def test_who_begins_later_knows_what_ended_before(
    here: EndedSessions, stores: StoreUrls, clock: ScaledClock
) -> None:
    ended = some()
    await here.announce([ended])
    async with following(stores, clock) as later:
        assert ended in later


async def test_it_is_forgotten_when_the_last_access_token_has_ended(
    here: EndedSessions, stores: StoreUrls, clock: ScaledClock, redis: Redis
) -> None:
    old, new = some(), some()
    await here.announce([old])
    clock.advance_to(clock.now_ns() + ACCESS_TOKEN_SECONDS * NANOSECONDS)
    await here.announce([new])
    assert old not in here
    assert new in here
    assert await redis.zcard(KEY) == 1
    assert 0 < await redis.ttl(KEY) <= ACCESS_TOKEN_SECONDS
    async with following(stores, clock) as later:
        assert old not in later


async def test_no_more_are_kept_than_the_bound(
    here: EndedSessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ENDED_SESSIONS_MAX", 3)
    ids = [some() for _ in range(limits.ENDED_SESSIONS_MAX + 2)]
    await here.announce(ids)
    assert [session_id in here for session_id in ids] == [False, False, True, True, True]


async def test_without_redis_the_process_itself_refuses_and_tells_later(
    stores: StoreUrls, clock: ScaledClock, redis: Redis
) -> None:
    gone = Bus(connect("redis://127.0.0.1:1/0"), clock)
    here = EndedSessions(gone, clock)
    registry = new_registry()
    here.measure(registry)
    ended = some()
    await here.announce([ended])
    assert ended in here
    assert registry.get_sample_value("optix_ended_sessions_untold") == 1
    assert registry.get_sample_value("optix_ended_sessions_followed") == 0
    with pytest.raises(BusUnavailable):
        await here.ping()
    async with following(stores, clock) as there:
        here._bus = Bus(redis, clock)  # Redis is back, and `run` connects again
        task = asyncio.create_task(here.run())
        await until(lambda: ended in there)
        await here.ping()
        assert registry.get_sample_value("optix_ended_sessions_untold") == 0
        assert registry.get_sample_value("optix_ended_sessions_followed") == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await gone.close()


async def test_nothing_to_announce_asks_nobody(here: EndedSessions, redis: Redis) -> None:
    await here.announce([])
    assert await redis.exists(KEY) == 0


def test_the_channel_and_the_key_have_names_of_identity() -> None:
    assert KEY.startswith("identity:")
    assert CHANNEL.startswith("identity.")
