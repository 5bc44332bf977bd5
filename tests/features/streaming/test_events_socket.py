"""Proven over real sockets and a real Redis, with the client that the terminal uses."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from redis.asyncio import Redis
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.identity.service import Identity
from optix.features.identity.tokens import AccessTokenSigner, SigningKey
from optix.features.streaming.events import UserEventsSource
from optix.features.streaming.gateway import Gateway, GatewayRules
from optix.features.streaming.server import StreamServer
from optix.kernel import limits
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.user_events import UserEvents
from optix.platform.user_notices import UserNotices
from optix.processes.api import ApiDependencies
from optix.processes.stream_client import StreamClient

ALICE, BOB = UserId(new_uuid()), UserId(new_uuid())
AT_NS = 1_763_800_000_000_000_000
RULES = GatewayRules(
    sockets_max=100, sockets_per_address=100, connects_per_minute=100_000, drain_seconds=0
)


class House:
    """A gateway with its events that can be started, stopped and started again on one port."""

    def __init__(
        self, deps: ApiDependencies, identity: Identity, clock: ScaledClock, redis: Redis
    ) -> None:
        self._deps = deps
        self._identity = identity
        self._clock = clock
        self._redis = redis
        self.port = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/portfolio"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        events = UserEvents(self._redis)
        notices = UserNotices(self._redis, events)
        source = UserEventsSource(events, notices)
        gateway = Gateway(
            self._deps.lanes, self._identity.authenticator, self._clock, RULES, events=source
        )
        server = StreamServer(gateway, host="127.0.0.1", port=self.port)
        tasks = [asyncio.create_task(each.run()) for each in (notices, gateway, server)]
        await until(lambda: server._server is not None)
        self.port = server.port
        try:
            yield
        finally:
            for task in reversed(tasks):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def house(
    api_dependencies: ApiDependencies,
    identity: Identity,
    market: Market,  # the book is followed while a gateway runs
    clock: ScaledClock,
    redis: Redis,
) -> House:
    return House(api_dependencies, identity, clock, redis)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", 0.05)
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_MAX", 0.1)
    monkeypatch.setattr(limits, "SOCKET_RECONNECT_SPREAD_SECONDS", 0.1)


def _client(house: House, user: UserId, key: SigningKey, clock: ScaledClock) -> StreamClient:
    signer, session_id = AccessTokenSigner(key, clock), SessionId(new_uuid())

    async def token(*, fresh: bool) -> str:  # each is a new one
        return signer.sign(user, session_id, "user")

    return StreamClient(house.url, token, randomness=random.Random(4))


async def test_restarts_and_lost_lines_lose_nothing_and_repeat_nothing(
    house: House, redis: Redis, signing_key: SigningKey, clock: ScaledClock
) -> None:
    events = UserEvents(redis)
    sent = 0

    async def publish(count: int) -> None:
        nonlocal sent
        for _ in range(count):
            sent += 1
            await events.publish(ALICE, "fills", "filled", {"n": sent}, AT_NS, key=f"{sent}")

    async with AsyncExitStack() as clients:
        async with house.open():
            client = _client(house, ALICE, signing_key, clock)
            followed = await client.events(["fills"])
            await clients.enter_async_context(client.running())
            await client.until(lambda: followed.live)
            await publish(20)
            await client.until(lambda: followed.offset == 20)
            client.drop()
            await publish(20)
        await publish(20)  # while no gateway is there
        async with house.open():
            await publish(20)
            await client.until(lambda: followed.offset == 80)
            both = asyncio.create_task(publish(100))
            client.drop()
            await both
            await client.until(lambda: followed.offset == 180)
        async with house.open():
            await client.until(lambda: followed.live)
            await publish(1)
            await client.until(lambda: followed.offset == 181)
    assert [event.body["n"] for event in followed.events] == list(range(1, 182))
    assert followed.resets == 0
    assert client.connections >= 4


async def test_each_user_is_sent_their_own_events_alone(
    house: House, redis: Redis, signing_key: SigningKey, clock: ScaledClock
) -> None:
    events = UserEvents(redis)
    async with house.open(), AsyncExitStack() as clients:
        follows = {}
        for user in (ALICE, BOB):
            client = _client(house, user, signing_key, clock)
            follows[user] = (client, await client.events(["account", "fills"]))
            await clients.enter_async_context(client.running())
        for client, followed in follows.values():
            await client.until(lambda followed=followed: followed.live)  # type: ignore[misc]  # bound at once
        for n in range(30):
            for user in follows:
                await events.publish(user, "fills", "filled", {"of": str(user), "n": n}, AT_NS)
        for user, (client, followed) in follows.items():
            await client.until(lambda followed=followed: followed.offset == 30)  # type: ignore[misc]  # bound at once
            assert [event.body for event in followed.events] == [
                {"of": str(user), "n": n} for n in range(30)
            ]


async def test_a_wiped_redis_is_told_in_the_connection(
    house: House,
    redis: Redis,
    signing_key: SigningKey,
    clock: ScaledClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "EVENTS_SWEEP_SECONDS", 0.02)
    events = UserEvents(redis)
    async with house.open():
        client = _client(house, ALICE, signing_key, clock)
        followed = await client.events(["fills"])
        async with client.running():
            await client.until(lambda: followed.live)
            await events.publish(ALICE, "fills", "filled", {"n": 1}, AT_NS)
            await client.until(lambda: followed.offset == 1)
            await events.forget(ALICE)
            await client.until(lambda: followed.resets)
            before = len(followed.events)
            await events.publish(ALICE, "fills", "filled", {"n": 2}, AT_NS)
            await client.until(lambda: len(followed.events) > before)
    assert followed.events[-1].body == {"n": 2}
    assert client.connections == 1
