"""Events of users: in order, numbered, and kept for a while for who was away.

One Redis Stream per user. The offset of an event is one more than that of the user's event before;
offsets count within an epoch, which is made with the stream: when Redis was lost, or a user's keys
ended, a new epoch begins and readers of the old one are told to load anew (`Page.reset`).

Two doors lead in, and both lose nothing:

- `leave` in the transaction of the change it tells of: a job publishes once that is committed;
- `UserEvents.publish` where a worker is at it anyway. It may be repeated: what has the same `key`
  is one event.

Events of one user are in the order in which they were published. Two that were left within moments
of each other may change places on their way through the queue, so a body says itself what it is
about (an id, a state, a number of its own), and `at` is when it happened.

Live readers are told over `u.<shard>` (`user_notices`). A notice is a hint; the stream counts.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args
from uuid import UUID

import orjson
from redis.asyncio import Redis

from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.ids import UserId
from optix.platform import jobs
from optix.platform.bus import _as_unavailable as as_unavailable
from optix.platform.db import WriteSession
from optix.platform.jobs import Arguments, Handler

STREAM: Final = "events:stream:"  # + {user}: the events
HEAD: Final = "events:head:"  # + {user}: hash of the epoch and the last offset
KEYS: Final = "events:keys:"  # + {user}: sorted set: key of an event -> its offset
SHARDS: Final = 16
PUBLISH: Final = "events.publish"  # a job
FORGET: Final = "events.forget"  # a job

EventChannel = Literal["account", "alerts", "fills", "portfolio", "sync", "watchlists"]
CHANNELS: Final[frozenset[str]] = frozenset(get_args(EventChannel))
Body = Mapping[str, str | int | float | bool | None]

# KEYS: stream, head, keys. What is left of an epoch that ended must not be read in the next one.
_HEAD_SCRIPT: Final = """
local found = redis.call('HMGET', KEYS[2], 'epoch', 'offset')
local epoch, offset = found[1], tonumber(found[2])
if not epoch then
  epoch, offset = ARGV[1], 0
  redis.call('DEL', KEYS[1], KEYS[3])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', 0)
end
local function keep()
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[2]) end
end
"""
# ARGV: new epoch, seconds, length, key or '', channel, kind, body, at.
_PUBLISH_SCRIPT: Final = (
    _HEAD_SCRIPT
    + """
local known = ARGV[4] ~= '' and redis.call('ZSCORE', KEYS[3], ARGV[4])
if known then
  return {epoch, tonumber(known), 0}
end
offset = redis.call('HINCRBY', KEYS[2], 'offset', 1)
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[3], offset .. '-0',
  'channel', ARGV[5], 'kind', ARGV[6], 'body', ARGV[7], 'at', ARGV[8])
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], offset, ARGV[4]) end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', offset - tonumber(ARGV[3]))
keep()
return {epoch, offset, 1}
"""
)
# ARGV: new epoch, seconds, epoch read so far or '', offset read so far, count.
_READ_SCRIPT: Final = (
    _HEAD_SCRIPT
    + """
keep()
if ARGV[3] == '' then return {epoch, offset, 0, {}} end
local after = tonumber(ARGV[4])
if ARGV[3] ~= epoch or after > offset then return {epoch, offset, 1, {}} end
if after == offset then return {epoch, offset, 0, {}} end
local events = redis.call('XRANGE', KEYS[1], '(' .. ARGV[4] .. '-0', '+', 'COUNT', ARGV[5])
if not events[1] or events[1][1] ~= (after + 1) .. '-0' then return {epoch, offset, 1, {}} end
return {epoch, offset, 0, events}
"""
)


class EventTooLarge(InvalidInput):
    """An event says more than fits into one: it names things, readers load them."""

    code = "event_too_large"


class Position(NamedTuple):
    """A place in the events of one user: everything up to `offset` of `epoch`."""

    epoch: str
    offset: int


@dataclass(frozen=True, slots=True)
class UserEvent:
    """One event. `body` is JSON; `at_ms` is when it happened, unix time."""

    offset: int
    channel: str
    kind: str
    body: bytes
    at_ms: int


class _New(NamedTuple):
    """An event that has no number yet."""

    channel: str
    kind: str
    body: bytes
    at_ms: int


class Page(NamedTuple):
    """What came after a position, in order, and where the user's events stand (`head`).

    With `reset` some of what came after it is gone; reading goes on after `head`.
    """

    head: Position
    events: list[UserEvent]
    reset: bool = False


def shard_of(user_id: UserId) -> int:
    """Return which notices tell of this user. Ids are random at their end."""
    return user_id.int % SHARDS


def notice_channel(shard: int, database: int) -> str:
    """Channels belong to all databases of a server: the number keeps installations apart."""
    return f"u.{shard}.{database}"


class UserEvents:
    """Publishes and reads. One per process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._publish = redis.register_script(_PUBLISH_SCRIPT)
        self._read = redis.register_script(_READ_SCRIPT)
        self._database = int(redis.connection_pool.connection_kwargs.get("db", 0))

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The jobs that `leave` and `leave_forgetting` enqueue."""
        return {PUBLISH: self._publish_left, FORGET: self._forget_left}

    async def publish(
        self,
        user_id: UserId,
        channel: EventChannel,
        kind: str,
        body: Body,
        at_ns: int,
        *,
        key: str | None = None,
    ) -> Position:
        """Add one event and tell live readers.

        Effects: the user's keys, and a message on `u.<shard>`.
        Retries: repeat it with the same `key` after BusUnavailable: it may have been added.
        Errors:  EventTooLarge; BusUnavailable.
        """
        new = _New(channel, kind, _encoded(channel, body), at_ns // 1_000_000)
        return await self._add(user_id, new, key)

    async def position(self, user_id: UserId) -> Position:
        """Return where the events of a user stand now. Errors: BusUnavailable."""
        return (await self._page(user_id, Position("", 0), 0)).head

    async def read(
        self, user_id: UserId, after: Position, *, count: int = limits.EVENTS_PER_PAGE_MAX
    ) -> Page:
        """Return the first `count` events after a position. Errors: BusUnavailable."""
        assert 0 < count <= limits.EVENTS_PER_PAGE_MAX
        if not after.epoch:  # nobody was ever given an empty one
            return Page(await self.position(user_id), [], reset=True)
        return await self._page(user_id, after, count)

    async def heads(self, users: list[UserId]) -> list[Position | None]:
        """Return where each user's events stand, None where nothing is kept.

        Errors: BusUnavailable.
        """
        with as_unavailable():
            async with self._redis.pipeline(transaction=False) as pipe:
                for user_id in users:
                    pipe.hmget(_keys(user_id)[1], "epoch", "offset")
                found = await pipe.execute()
        return [
            None if epoch is None else Position(epoch.decode(), int(offset))
            for epoch, offset in found
        ]

    async def forget(self, user_id: UserId) -> None:
        """Take away everything that is kept of a user. Errors: BusUnavailable."""
        with as_unavailable():
            await self._redis.delete(*_keys(user_id))

    async def _add(self, user_id: UserId, new: _New, key: str | None) -> Position:
        digest = "" if key is None else hashlib.sha256(key.encode()).hexdigest()[:32]
        limited: list[Any] = [_new_epoch(), limits.EVENTS_KEPT_SECONDS, limits.EVENTS_KEPT_MAX]
        with as_unavailable():
            epoch, offset, added = await self._publish(
                keys=_keys(user_id), args=[*limited, digest, *new]
            )
            head = Position(epoch.decode(), offset)
            # Also when it was there: its first notice may never have been sent. Without the event,
            # because the one that is kept counts.
            event = UserEvent(offset, *new) if added else None
            await self._redis.spublish(
                notice_channel(shard_of(user_id), self._database), notice(user_id, head, event)
            )
        return head

    async def _page(self, user_id: UserId, after: Position, count: int) -> Page:
        with as_unavailable():
            epoch, offset, reset, entries = await self._read(
                keys=_keys(user_id),
                args=[
                    _new_epoch(), limits.EVENTS_KEPT_SECONDS, after.epoch, after.offset, count,
                ],
            )  # fmt: skip
        return Page(Position(epoch.decode(), int(offset)), list(_events(entries)), bool(reset))

    async def _publish_left(self, arguments: Arguments) -> None:
        new = _New(
            arguments["channel"],
            arguments["kind"],
            arguments["body"].encode(),
            int(arguments["at_ms"]),
        )
        await self._add(UserId(UUID(arguments["user_id"])), new, arguments["key"])

    async def _forget_left(self, arguments: Arguments) -> None:
        await self.forget(UserId(UUID(arguments["user_id"])))


async def leave(
    session: WriteSession,
    user_id: UserId,
    channel: EventChannel,
    kind: str,
    body: Body,
    *,
    at_ns: int,
    key: str | None = None,
) -> None:
    """Let the worker publish an event once the caller's transaction is committed.

    `key` names what happened where the same may be left twice; without one this call is the event.
    Effects: writes jobs.pgqueuer, as the system.
    Errors:  EventTooLarge.
    """
    await jobs.enqueue(
        session,
        PUBLISH,
        {
            "user_id": str(user_id),
            "channel": channel,
            "kind": kind,
            "body": _encoded(channel, body).decode(),
            "at_ms": str(at_ns // 1_000_000),
            "key": key or secrets.token_hex(16),
        },
    )


async def leave_forgetting(session: WriteSession, user_id: UserId) -> None:
    """Let the worker take away what is kept of a user, once the transaction is committed."""
    await jobs.enqueue(session, FORGET, {"user_id": str(user_id)})


def notice(user_id: UserId, head: Position, event: UserEvent | None) -> bytes:
    """Return what live readers are told: that the events of a user stand at `head`."""
    about: list[Any] | None = None
    if event is not None:
        about = [event.channel, event.kind, orjson.Fragment(event.body), event.at_ms]
    return orjson.dumps((str(user_id), *head, about))


def parse_notice(data: bytes) -> tuple[UserId, Position, UserEvent | None]:
    """Read a notice."""
    user_id, epoch, offset, about = orjson.loads(data)
    event = None
    if about is not None:
        channel, kind, body, at_ms = about
        event = UserEvent(offset, channel, kind, orjson.dumps(body), at_ms)
    return UserId(UUID(str(user_id))), Position(epoch, offset), event


def _encoded(channel: str, body: Body) -> bytes:
    assert channel in CHANNELS, f"there is no channel {channel}"
    encoded = orjson.dumps(body)
    if len(encoded) > limits.EVENT_BODY_BYTES_MAX:
        raise EventTooLarge(
            f"The body of an event has {limits.EVENT_BODY_BYTES_MAX} bytes at the most."
        )
    return encoded


def _keys(user_id: UserId) -> list[str]:
    # The braces keep a user's keys on one node of a cluster.
    return [f"{family}{{{user_id}}}" for family in (STREAM, HEAD, KEYS)]


def _events(entries: list[Any]) -> Iterator[UserEvent]:
    for entry_id, flat in entries:
        fields = dict(zip(flat[0::2], flat[1::2], strict=True))
        yield UserEvent(
            int(entry_id.partition(b"-")[0]),
            fields[b"channel"].decode(),
            fields[b"kind"].decode(),
            fields[b"body"],
            int(fields[b"at"]),
        )


def _new_epoch() -> str:
    return secrets.token_hex(8)
