"""What the bus bears: more questions than connections, nonsense in the queue, a slow feed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import until

from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.platform.bus import REQUESTS, Bus, FeedUnavailable, Question, connect
from optix.platform.embedded.stores import StoreUrls

pytestmark = pytest.mark.stores


@pytest.fixture
async def bus(redis: Redis, stores: StoreUrls) -> AsyncIterator[Bus]:
    """A bus on a pool of its own, as processes have it."""
    bus = Bus(connect(stores.redis_url), SystemClock())
    yield bus
    await bus.close()


async def test_questions_without_answers_leave_connections_for_everything_else(bus: Bus) -> None:
    asking = [
        asyncio.create_task(bus.ask("echo", {"n": n}, timeout_seconds=2.0))
        for n in range(2 * limits.BUS_CONNECTIONS_MAX)
    ]
    await until(bus._asking.locked)
    await asyncio.gather(*(bus.ping() for _ in range(limits.BUS_CONNECTIONS_MAX)))
    assert await bus.leased() == []
    failures = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(failure) for failure in failures} == {FeedUnavailable}
    assert not bus._asking.locked()


async def test_so_many_questions_are_answered_at_once_and_the_others_wait(bus: Bus) -> None:
    answering: list[str] = []
    most = 0
    gate = asyncio.Event()

    async def answer(question: Question) -> str:
        nonlocal most
        answering.append(question.id)
        most = max(most, len(answering))
        await gate.wait()
        answering.remove(question.id)
        return question.id

    serving = asyncio.create_task(bus.serve(answer))
    asked = 2 * limits.FEED_REQUESTS_AT_ONCE_MAX
    asking = [asyncio.create_task(bus.ask("wait", {"n": n})) for n in range(asked)]
    await until(lambda: len(answering) == limits.FEED_REQUESTS_AT_ONCE_MAX)
    gate.set()
    assert len(set(await asyncio.gather(*asking))) == asked
    assert most == limits.FEED_REQUESTS_AT_ONCE_MAX
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"7",
        b"null",
        b"{}",
        orjson.dumps({"id": "1", "kind": "quote", "args": {}}),
        orjson.dumps({"id": 1, "kind": "quote", "args": {}, "deadline_ms": 1e15}),
        orjson.dumps({"id": "1", "kind": "quote", "args": {}, "deadline_ms": "soon"}),
    ],
)
async def test_nonsense_in_the_queue_does_not_end_the_feed(bus: Bus, body: bytes) -> None:
    async def answer(question: Question) -> str:
        return question.kind

    await bus.redis.lpush(REQUESTS, body)
    serving = asyncio.create_task(bus.serve(answer))
    assert await bus.ask("echo", {}) == "echo"
    assert not serving.done()
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_reader_that_takes_its_time_loads_what_was_too_much_for_it(
    bus: Bus, redis: Redis
) -> None:
    """The messages that wait have a bound; beyond it they are one word: you missed something."""
    messages = bus.iter_messages("slow")
    assert await anext(messages) is None
    channel = f"slow.{redis.connection_pool.connection_kwargs.get('db', 0)}"
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(limits.BUS_MESSAGES_WAITING_MAX + 1):
            pipe.publish(channel, b"%d" % number)
        pipe.publish(channel, b"last")
        await pipe.execute()
    found: list[bytes | None] = []
    while found[-1:] != [b"last"]:
        if not found:
            await asyncio.sleep(0.5)  # meanwhile all of them come
        found.append(await anext(messages))
    assert len(found) <= limits.BUS_MESSAGES_WAITING_MAX + 2
    assert None in found
    await messages.aclose()
