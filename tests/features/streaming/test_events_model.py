"""Proven by a model: whatever goes wrong in whatever order, the client ends with the right events.

A state machine publishes, loses, repeats and delays notices, breaks Redis, trims and wipes streams,
and lets a client read, leave and come back. The client follows docs/streaming.md to the letter and
refuses every frame that does not continue the one before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from optix.features.streaming import events as gateway
from optix.features.streaming.events import EventsSubscription, UserEventsSource
from optix.kernel import limits
from optix.kernel.ids import UserId, new_uuid
from optix.platform import user_events
from optix.platform.bus import BusUnavailable, connect
from optix.platform.embedded.stores import StoreUrls
from optix.platform.user_events import CHANNELS, EventChannel, Page, Position, UserEvents
from optix.platform.user_notices import Notice, UserNotices

AT_NS = 1_763_800_000_000_000_000
CHANNEL_NAMES = sorted(CHANNELS)


class FaultyEvents(UserEvents):
    """The real thing, which does not answer for a while when it is told so."""

    failures = 0

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise BusUnavailable("The cache server does not answer.")

    async def read(
        self, user_id: UserId, after: Position, *, count: int = limits.EVENTS_PER_PAGE_MAX
    ) -> Page:
        self._fail()
        return await super().read(user_id, after, count=min(count, 4))

    async def position(self, user_id: UserId) -> Position:
        self._fail()
        return await super().position(user_id)


class Client:
    """One phone: what it was sent, what it has read, and what it knows from that."""

    def __init__(self, owner: UserId, channels: frozenset[str]) -> None:
        self.owner = owner
        self.channels = channels
        self.unread: list[bytes] = []
        self.closed: int | None = None
        self.position: Position | None = None
        self.base: Position | None = None  # it knows everything of its channels after this
        self.got: list[tuple[int, str]] = []
        self.resets = 0

    # The gateway's end

    def send(self, payload: bytes) -> None:
        assert self.closed is None, "nothing is sent after the end"
        self.unread.append(payload)

    def pending(self) -> int:
        return sum(map(len, self.unread))

    def close(self, code: int, reason: str) -> None:
        self.closed = code

    # The reader

    def read(self, count: int) -> None:
        taken, self.unread = self.unread[:count], self.unread[count:]
        for frame in taken:
            self._understand(orjson.loads(frame))

    def _understand(self, frame: list[Any]) -> None:
        if frame[0] == "events":
            answer = frame[2]
            new = Position(answer["epoch"], answer["offset"])
            if answer["reset"]:
                self.resets += 1
                self.base, self.got = new, []
            elif self.position is None:
                self.base = new
            else:
                assert new == self.position, "it goes on where the client was"
            self.position = new
            return
        _, _, offset, previous, channel, kind, body, at_ms = frame
        assert self.position is not None, "the answer comes first"
        assert previous == self.position.offset, "nothing between was lost"
        assert offset > previous, "nothing comes twice"
        assert channel in self.channels, "nothing comes that was not asked for"
        assert (kind, at_ms) == ("happened", AT_NS // 1_000_000)
        self.position = Position(self.position.epoch, offset)
        self.got.append((offset, body["id"]))


class EventsMachine(RuleBasedStateMachine):
    """`published` is what a user's stream was given in its present epoch."""

    redis_url = ""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._run = self._runner.run
        self._redis: Redis = connect(self.redis_url)
        self._events = FaultyEvents(self._redis)
        self._notices = UserNotices(self._redis, self._events)
        self._source = UserEventsSource(self._events, self._notices)
        self._user = UserId(new_uuid())
        self._stranger = UserId(new_uuid())
        self._published: list[tuple[int, str, str]] = []
        self._epoch = ""
        self._kept_from = 1  # the first offset that is still there
        self._wiped = False  # since all was well
        self._known = (0, 0)  # resets and offset of the client when all was well
        self._keys: dict[str, Position] = {}
        self._waiting: list[Notice] = []  # on their way over Redis
        self._count = 0
        self._subscription: EventsSubscription | None = None
        self._client: Client | None = None

    @initialize(channels=st.sets(st.sampled_from(CHANNEL_NAMES), min_size=1))
    def begin(self, channels: set[str]) -> None:
        self._client = Client(self._user, frozenset(channels))
        self._connect()
        self._settle()

    # What happens to a user

    @rule(
        channel=st.sampled_from(CHANNEL_NAMES),
        repeated=st.booleans(),
        notice=st.sampled_from(["told", "late", "lost"]),
    )
    def publish(
        self, channel: EventChannel, repeated: bool, notice: str
    ) -> None:  # hypothesis gives it by name
        self._publish([channel], notice)
        if repeated:  # a job that ran twice
            key, before = next(reversed(self._keys.items()))
            again = self._run(
                self._events.publish(self._user, channel, "happened", {"id": key}, AT_NS, key=key)
            )
            assert again == before

    @rule(
        channels=st.lists(st.sampled_from(CHANNEL_NAMES), min_size=2, max_size=6),
        notice=st.sampled_from(["told", "late", "lost"]),
    )
    def publish_at_once(self, channels: list[EventChannel], notice: str) -> None:
        self._publish(channels, notice)

    @rule()
    def publish_to_somebody_else(self) -> None:
        head = self._run(
            self._events.publish(self._stranger, "fills", "happened", {"id": "his"}, AT_NS)
        )
        self._tell(self._stranger, Notice(head, None))

    # What goes wrong

    @precondition(lambda self: self._waiting)
    @rule(data=st.data(), twice=st.booleans())
    def a_notice_comes_late(
        self, data: st.DataObject, twice: bool
    ) -> None:  # hypothesis gives it by name
        chosen = data.draw(st.integers(0, len(self._waiting) - 1))
        notice = self._waiting[chosen] if twice else self._waiting.pop(chosen)
        self._tell(self._user, notice)

    @rule()
    def the_line_is_made_anew(self) -> None:
        self._run(self._redis.connection_pool.disconnect())
        self._tell(self._user, None)

    @rule()
    def the_sweep_comes(self) -> None:
        self._run(self._notices.sweep(user_events.shard_of(self._user)))

    @rule(times=st.integers(1, 3))
    def redis_does_not_answer(self, times: int) -> None:
        self._events.failures = times

    @rule(left=st.integers(0, 3))
    def old_events_are_trimmed(self, left: int) -> None:
        name = f"{user_events.STREAM}{{{self._user}}}"

        async def trim() -> None:
            await self._redis.xtrim(name, maxlen=left, approximate=False)

        self._run(trim())
        self._kept_from = max(self._kept_from, len(self._published) + 1 - left)

    @rule()
    def redis_loses_everything(self) -> None:
        self._run(self._events.forget(self._user))
        self._published, self._kept_from, self._wiped = [], 1, True
        self._keys.clear()
        self._epoch = ""

    # What the client does

    @rule(count=st.integers(1, 20))
    def it_reads(self, count: int) -> None:
        assert self._client is not None
        self._client.read(count)
        self._run(asyncio.sleep(0))

    @rule()
    def time_passes(self) -> None:
        self._run(asyncio.sleep(0.003))

    @rule(reads_first=st.booleans())
    def it_loses_its_connection(self, reads_first: bool) -> None:  # hypothesis gives it by name
        assert self._client is not None
        if reads_first:
            self._client.read(len(self._client.unread))
        self._disconnect()
        self._connect()

    @rule()
    def all_is_well_for_a_while(self) -> None:
        self._settle()

    def teardown(self) -> None:
        try:
            if self._client is not None:
                self._settle()
                self._disconnect()
        finally:
            self._run(self._redis.connection_pool.disconnect())
            self._runner.close()

    # How

    def _publish(self, channels: list[EventChannel], notice: str) -> None:
        async def all_of_them() -> list[Position]:
            return await asyncio.gather(
                *(
                    self._events.publish(
                        self._user, channel, "happened", {"id": key}, AT_NS, key=key
                    )
                    for key, channel in zip(keys, channels, strict=True)
                )
            )

        keys = [f"e{self._count + n}" for n in range(len(channels))]
        self._count += len(channels)
        given = self._run(all_of_them())
        for head, key, channel in sorted(zip(given, keys, channels, strict=True)):
            assert head.offset == len(self._published) + 1
            assert self._epoch in {"", head.epoch}
            self._epoch = head.epoch
            self._keys[key] = head
            self._published.append((head.offset, channel, key))
            body = orjson.dumps({"id": key})
            event = user_events.UserEvent(
                head.offset, channel, "happened", body, AT_NS // 1_000_000
            )
            if notice == "told":
                self._tell(self._user, Notice(head, event))
            elif notice == "late":
                self._waiting.append(Notice(head, event))
        self._kept_from = max(self._kept_from, len(self._published) + 1 - limits.EVENTS_KEPT_MAX)

    def _tell(self, user: UserId, notice: Notice | None) -> None:
        async def tell() -> None:  # in the loop, as the line does
            self._notices._tell(user, notice)

        self._run(tell())

    def _connect(self) -> None:
        client = self._client
        assert client is not None

        async def connect_() -> None:
            self._subscription = self._source.subscribe(
                client, 1, sorted(client.channels), client.position
            )

        client.closed = None
        self._run(connect_())

    def _disconnect(self) -> None:
        async def disconnect() -> None:
            assert self._subscription is not None
            self._subscription.close()
            await asyncio.sleep(0)

        self._run(disconnect())
        assert self._client is not None
        self._client.unread.clear()

    def _settle(self) -> None:
        """Lose nothing more, and let the client read: it must end where the stream does."""
        client, subscription = self._client, self._subscription
        assert client is not None
        assert subscription is not None
        self._waiting.clear()
        self._events.failures = 0
        self._run(self._caught_up(lambda: client.read(len(client.unread))))
        assert client.closed is None
        assert client.position is not None
        assert client.base is not None
        head = self._run(self._events.position(self._user))
        if self._epoch:
            assert head == (self._epoch, len(self._published))
        self._epoch = head.epoch
        assert client.position.epoch == client.base.epoch == head.epoch
        assert client.got == [
            (offset, key)
            for offset, channel, key in self._published
            if offset > client.base.offset and channel in client.channels
        ]
        resets, offset = self._known
        if client.resets > resets:  # never without a reason
            assert self._wiped or self._kept_from > offset + 1
        self._known, self._wiped = (client.resets, client.position.offset), False

    async def _caught_up(self, read: Callable[[], None]) -> None:
        assert self._subscription is not None
        self._notices._tell(self._user, None)
        async with asyncio.timeout(60):
            while True:
                read()
                if self._subscription.idle and not self._client_has_unread():
                    return
                await asyncio.sleep(0)

    def _client_has_unread(self) -> bool:
        assert self._client is not None
        return bool(self._client.unread)


@contextmanager
def _small_bounds() -> Iterator[None]:
    """So small that a few events reach them."""
    with (
        patch.object(limits, "EVENTS_KEPT_MAX", 12),
        patch.object(limits, "EVENTS_UNREAD_BYTES_MAX", 300),
        patch.object(limits, "RECONNECT_SECONDS_FIRST", 0.001),
        patch.object(gateway, "RETRY_SECONDS_MAX", 0.002),
        patch.object(gateway, "LOOK_SECONDS", 0.001),
    ):
        yield


@pytest.mark.usefixtures("redis")
def test_whatever_happens_the_client_ends_with_the_right_events(stores: StoreUrls) -> None:
    machine = type("Machine", (EventsMachine,), {"redis_url": stores.redis_url})
    with _small_bounds():
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
