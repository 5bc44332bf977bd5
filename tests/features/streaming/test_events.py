"""Proven on a real Redis with sockets that do what each test wants of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import until

from optix.features.streaming import events as gateway
from optix.features.streaming.events import UnknownChannel, UserEventsSource
from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid
from optix.platform.bus import BusUnavailable
from optix.platform.user_events import Page, Position, UserEvents
from optix.platform.user_notices import UserNotices

AT_NS = 1_763_800_000_000_000_000
PATIENCE = 30.0


class Phone:
    """A socket whose other end reads when it is told to."""

    def __init__(self, owner: UserId) -> None:
        self.owner = owner
        self.unread: list[bytes] = []
        self.frames: list[list[Any]] = []
        self.pending_max = 0
        self.closed = 0

    def send(self, payload: bytes) -> None:
        self.unread.append(payload)
        self.pending_max = max(self.pending_max, self.pending())

    def pending(self) -> int:
        return sum(map(len, self.unread))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    def read(self) -> list[list[Any]]:
        self.frames += map(orjson.loads, self.unread)
        self.unread.clear()
        return self.frames

    @property
    def offsets(self) -> list[int]:
        return [frame[2] for frame in self.read() if frame[0] == "event"]


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "LOOK_SECONDS", 0.01)


@pytest.fixture
async def events(redis: Redis) -> UserEvents:
    return UserEvents(redis)


@pytest.fixture
async def source(redis: Redis, events: UserEvents) -> AsyncIterator[UserEventsSource]:
    notices = UserNotices(redis, events)
    running = asyncio.create_task(notices.run())
    yield UserEventsSource(events, notices)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def phone() -> Phone:
    return Phone(UserId(new_uuid()))


class TestSubscribing:
    async def test_only_new_events_come_without_a_place_to_go_on_from(
        self, source: UserEventsSource, events: UserEvents, phone: Phone
    ) -> None:
        at = await events.publish(phone.owner, "alerts", "fired", {"n": 1}, AT_NS)
        subscription = source.subscribe(phone, 3, ["alerts", "fills"], None)
        await until(phone.read, seconds=PATIENCE)
        await events.publish(phone.owner, "alerts", "fired", {"n": 2}, AT_NS)
        await events.publish(phone.owner, "sync", "done", {"n": 3}, AT_NS)
        await events.publish(phone.owner, "fills", "filled", {"n": 4}, AT_NS)
        await until(lambda: len(phone.read()) == 3, seconds=PATIENCE)
        at_ms = AT_NS // 1_000_000
        assert phone.frames == [
            ["events", 3, {"epoch": at.epoch, "offset": 1, "reset": False}],
            ["event", 3, 2, 1, "alerts", "fired", {"n": 2}, at_ms],
            ["event", 3, 4, 2, "fills", "filled", {"n": 4}, at_ms],
        ]
        subscription.close()

    async def test_what_was_missed_comes_first(
        self, source: UserEventsSource, events: UserEvents, phone: Phone
    ) -> None:
        start = await events.position(phone.owner)
        for n in range(5):
            await events.publish(phone.owner, "alerts", "fired", {"n": n}, AT_NS)
        subscription = source.subscribe(phone, 1, ["alerts"], Position(start.epoch, 2))
        await until(lambda: len(phone.offsets) == 3, seconds=PATIENCE)
        assert phone.frames[0] == [
            "events", 1, {"epoch": start.epoch, "offset": 2, "reset": False},
        ]  # fmt: skip
        assert phone.offsets == [3, 4, 5]
        subscription.close()

    async def test_who_missed_what_is_gone_is_told(
        self, source: UserEventsSource, events: UserEvents, phone: Phone
    ) -> None:
        head = await events.publish(phone.owner, "alerts", "fired", {}, AT_NS)
        subscription = source.subscribe(phone, 1, ["alerts"], Position("another", 7))
        await until(phone.read, seconds=PATIENCE)
        assert phone.frames == [["events", 1, {"epoch": head.epoch, "offset": 1, "reset": True}]]
        subscription.close()

    async def test_a_channel_that_does_not_exist_is_refused(
        self, source: UserEventsSource, phone: Phone
    ) -> None:
        with pytest.raises(UnknownChannel, match="gossip") as refused:
            source.subscribe(phone, 1, ["account", "gossip"], None)
        assert "portfolio" in refused.value.next_step

    async def test_nothing_is_sent_after_the_end(
        self, source: UserEventsSource, events: UserEvents, phone: Phone
    ) -> None:
        other = Phone(phone.owner)
        subscription = source.subscribe(phone, 1, ["alerts"], None)
        staying = source.subscribe(other, 1, ["alerts"], None)
        await until(lambda: phone.read() and other.read(), seconds=PATIENCE)
        subscription.close()
        await events.publish(phone.owner, "alerts", "fired", {}, AT_NS)
        await until(lambda: other.offsets, seconds=PATIENCE)
        assert phone.offsets == []
        staying.close()


class TestOtherUsers:
    async def test_nobody_reaches_the_events_of_another(
        self, source: UserEventsSource, events: UserEvents
    ) -> None:
        alice, mallory = Phone(UserId(new_uuid())), Phone(UserId(new_uuid()))
        hers = await events.position(alice.owner)
        await events.publish(alice.owner, "account", "password_changed", {}, AT_NS)
        # With her epoch and offset, as from her own phone: the token alone says whose they are.
        stolen = source.subscribe(mallory, 1, ["account"], hers)
        own = source.subscribe(alice, 1, ["account"], hers)
        await until(lambda: mallory.read() and alice.offsets == [1], seconds=PATIENCE)
        await events.publish(alice.owner, "account", "password_changed", {}, AT_NS)
        await until(lambda: alice.offsets == [1, 2], seconds=PATIENCE)
        assert [frame[0] for frame in mallory.read()] == ["events"]
        assert mallory.frames[0][2]["reset"]
        assert mallory.frames[0][2]["epoch"] != hers.epoch
        stolen.close()
        own.close()


class TestBackPressure:
    async def test_a_long_absence_does_not_fill_the_socket(
        self, source: UserEventsSource, events: UserEvents, phone: Phone
    ) -> None:
        start = await events.position(phone.owner)
        count, text = 3 * limits.EVENTS_PER_PAGE_MAX, "x" * 1_000
        for _ in range(count):
            await events.publish(phone.owner, "sync", "done", {"text": text}, AT_NS)
        subscription = source.subscribe(phone, 1, ["sync"], start)
        await until(lambda: phone.pending() > limits.EVENTS_UNREAD_BYTES_MAX, seconds=PATIENCE)
        await until(lambda: len(phone.offsets) == count, seconds=PATIENCE)
        assert phone.offsets == list(range(1, count + 1))
        assert phone.pending_max <= limits.EVENTS_UNREAD_BYTES_MAX + 1_200
        subscription.close()

    async def test_a_client_that_does_not_read_is_closed_and_goes_on_later(
        self,
        source: UserEventsSource,
        events: UserEvents,
        phone: Phone,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        start = await events.position(phone.owner)
        for _ in range(40):
            await events.publish(phone.owner, "sync", "done", {"text": "x" * 1_000}, AT_NS)
        seconds = limits.EVENTS_UNREAD_SECONDS_MAX / 600
        monkeypatch.setattr(limits, "EVENTS_UNREAD_SECONDS_MAX", seconds)
        subscription = source.subscribe(phone, 1, ["sync"], start)
        await until(lambda: phone.closed, seconds=PATIENCE)
        assert phone.closed == 4409
        await events.publish(phone.owner, "sync", "done", {}, AT_NS)
        subscription.close()
        seen = phone.offsets
        assert seen == list(range(1, len(seen) + 1))
        again = Phone(phone.owner)
        rest = source.subscribe(again, 1, ["sync"], Position(start.epoch, seen[-1]))
        await until(lambda: again.offsets and again.offsets[-1] == 41, seconds=PATIENCE)
        assert seen + again.offsets == list(range(1, 42))
        rest.close()


class SlowEvents(UserEvents):
    """The real thing, which answers when it is let, or not at all."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.let = asyncio.Event()
        self.reading = asyncio.Event()
        self.away = 0

    async def read(
        self, user_id: UserId, after: Position, *, count: int = limits.EVENTS_PER_PAGE_MAX
    ) -> Page:
        if self.away:
            self.away -= 1
            raise BusUnavailable("The cache server does not answer.")
        page = await super().read(user_id, after, count=count)
        self.reading.set()
        await self.let.wait()
        return page


class TestTrouble:
    async def test_what_happens_while_the_stream_is_read_comes_too(self, redis: Redis) -> None:
        slow = SlowEvents(redis)
        notices = UserNotices(redis, slow)  # it does not listen: no later notice may heal it
        source, phone = UserEventsSource(slow, notices), Phone(UserId(new_uuid()))
        start = await slow.position(phone.owner)
        subscription = source.subscribe(phone, 1, ["sync"], start)
        await slow.reading.wait()
        await slow.publish(phone.owner, "sync", "done", {}, AT_NS)
        notices._tell(phone.owner, None)
        slow.let.set()
        await until(lambda: phone.offsets == [1], seconds=PATIENCE)
        subscription.close()

    async def test_a_redis_that_is_away_is_asked_again(
        self, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", 0.01)
        slow = SlowEvents(redis)
        slow.let.set()
        slow.away = 3
        source, phone = (
            UserEventsSource(slow, UserNotices(redis, slow)),
            Phone(UserId(new_uuid())),
        )
        start = await slow.position(phone.owner)
        await slow.publish(phone.owner, "sync", "done", {}, AT_NS)
        subscription = source.subscribe(phone, 1, ["sync"], start)
        await until(lambda: phone.offsets == [1], seconds=PATIENCE)
        assert slow.away == 0
        subscription.close()

    async def test_a_fault_of_ours_ends_the_socket(self, redis: Redis) -> None:
        class Broken(UserEvents):
            async def position(self, user_id: UserId) -> Position:
                raise RuntimeError

        broken, phone = Broken(redis), Phone(UserId(new_uuid()))
        source = UserEventsSource(broken, UserNotices(redis, broken))
        subscription = source.subscribe(phone, 1, ["sync"], None)
        await until(lambda: phone.closed, seconds=PATIENCE)
        assert phone.closed == 1011
        subscription.close()
