"""Who is told at once when something happens to a user: the live side of `user_events`.

A follower is told of each new event, and to look again whenever something may have been missed:
when the line was (re)connected, and by a sweep that compares where users' events stand. It trusts
nothing else: what does not continue its own position it reads from the stream.

Only shards in which somebody of this process is followed are subscribed to.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, NamedTuple, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from optix.kernel import limits
from optix.kernel.ids import UserId
from optix.platform.bus import BusUnavailable
from optix.platform.bus import _as_unavailable as as_unavailable
from optix.platform.user_events import (
    SHARDS,
    Position,
    UserEvent,
    UserEvents,
    notice_channel,
    parse_notice,
    shard_of,
)

log = structlog.get_logger(__name__)

_HEADS_AT_ONCE: Final = 500


class Notice(NamedTuple):
    """The events of a user stand at `head`; `event` is the one at it, where it was sent along."""

    head: Position
    event: UserEvent | None


class Follower(Protocol):
    """Somebody who shows the events of one user."""

    def heard(self, notice: Notice | None) -> None:
        """Take a notice; None means to look again, because some may have been missed."""


class UserNotices:
    """The component that listens. `follow` and `unfollow` may be called at any time."""

    name = "user events"

    def __init__(self, redis: Redis, events: UserEvents) -> None:
        self._redis = redis
        self._events = events
        self._database = int(redis.connection_pool.connection_kwargs.get("db", 0))
        self._followers: list[dict[UserId, set[Follower]]] = [{} for _ in range(SHARDS)]
        self._wanted = asyncio.Event()  # somebody is followed
        self._changed = asyncio.Event()  # other shards than before are wanted
        self._subscribed: frozenset[int] = frozenset()
        self.connected = False

    @property
    def shards(self) -> frozenset[int]:
        """In which shards somebody is followed."""
        return frozenset(shard for shard, users in enumerate(self._followers) if users)

    def follow(self, user_id: UserId, follower: Follower) -> None:
        """Tell `follower` from now on. What was before it reads itself."""
        shard = self._followers[shard_of(user_id)]
        if not shard:
            self._changed.set()
        shard.setdefault(user_id, set()).add(follower)
        self._wanted.set()

    def unfollow(self, user_id: UserId, follower: Follower) -> None:
        shard = self._followers[shard_of(user_id)]
        followers = shard.get(user_id, set())
        followers.discard(follower)
        if not followers:
            shard.pop(user_id, None)
        if not shard:
            self._changed.set()
            if not self.shards:
                self._wanted.clear()

    async def run(self) -> None:
        """Listen until cancelled. A lost connection is made anew with a growing pause."""
        pause = limits.RECONNECT_SECONDS_FIRST
        while True:
            await self._wanted.wait()
            pubsub = self._redis.pubsub()
            try:
                await self._listen(pubsub)
                pause = limits.RECONNECT_SECONDS_FIRST
                continue
            except BusUnavailable as error:
                log.warning("user_events.lost", error=repr(error.__cause__), retry_seconds=pause)
            finally:
                self.connected, self._subscribed = False, frozenset()
                with contextlib.suppress(BusUnavailable), as_unavailable():
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py lacks it
            await asyncio.sleep(pause)
            pause = min(pause * 2, limits.RECONNECT_SECONDS_MAX)

    async def ping(self) -> None:
        """Errors: BusUnavailable while somebody is followed and nothing would be heard."""
        if self._wanted.is_set() and not self.connected:
            raise BusUnavailable("Events of users are not followed yet.")

    async def sweep(self, shard: int) -> None:
        """Compare where the users of a shard stand with what their followers know.

        Errors: BusUnavailable.
        """
        users = list(self._followers[shard])
        for start in range(0, len(users), _HEADS_AT_ONCE):
            some = users[start : start + _HEADS_AT_ONCE]
            for user_id, head in zip(some, await self._events.heads(some), strict=True):
                self._tell(user_id, None if head is None else Notice(head, None))

    async def _listen(self, pubsub: PubSub) -> None:
        """Serve one connection until nobody is followed. Raises BusUnavailable."""
        await self._choose_shards(pubsub)
        work = [
            asyncio.ensure_future(each)
            for each in (self._read(pubsub), self._keep_shards(pubsub), self._keep_sweeping())
        ]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _read(self, pubsub: PubSub) -> None:
        with as_unavailable():
            async for message in pubsub.listen():
                if message["type"] == "ssubscribe":  # comes again after each reconnect
                    self.connected = True
                    self._look_again(int(message["channel"].split(b".")[1]))
                elif message["type"] == "smessage":
                    self._hear(message["data"])

    async def _keep_shards(self, pubsub: PubSub) -> None:
        while True:
            await self._changed.wait()
            await self._choose_shards(pubsub)

    async def _choose_shards(self, pubsub: PubSub) -> None:
        self._changed.clear()
        wanted, before = self.shards, self._subscribed
        self._subscribed = wanted
        with as_unavailable():
            if wanted - before:
                await pubsub.ssubscribe(*self._channels(wanted - before))
            if before - wanted:
                await pubsub.sunsubscribe(*self._channels(before - wanted))

    async def _keep_sweeping(self) -> None:
        while True:
            for shard in range(SHARDS):
                await asyncio.sleep(limits.EVENTS_SWEEP_SECONDS)
                with contextlib.suppress(BusUnavailable):  # the line itself says so soon
                    await self.sweep(shard)

    def _channels(self, shards: frozenset[int]) -> list[str]:
        return [notice_channel(shard, self._database) for shard in sorted(shards)]

    def _look_again(self, shard: int) -> None:
        for user_id in tuple(self._followers[shard]):
            self._tell(user_id, None)

    def _hear(self, data: bytes) -> None:
        try:
            user_id, head, event = parse_notice(data)
        except (ValueError, TypeError):
            log.warning("user_events.notice_unreadable")
            return
        self._tell(user_id, Notice(head, event))

    def _tell(self, user_id: UserId, notice: Notice | None) -> None:
        for follower in tuple(self._followers[shard_of(user_id)].get(user_id, ())):
            follower.heard(notice)
