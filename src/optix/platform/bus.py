"""The bus: how processes of OPTIX speak to each other over Redis.

Three shapes, each with one direction (ARCHITECTURE section 11):

- *broadcast*: the feed publishes on `md.updates`; any number of readers follow it.
- *leases*: readers say what they look at by putting expiring members into `md.demand`; the feed
  reads the set. Nobody calls the feed back.
- *questions*: a reader that needs an answer once (a chain nobody follows yet, a price history) puts
  a question into `md.requests` and waits for `md.answer.<id>`.

Everything here expires or can be rebuilt. What must not be lost lives in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, Final

import hiredis
import orjson
import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import AuthenticationError, RedisError

from optix.kernel import errors, limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.platform.bus_reader import BusReader, BusRefused, Receive
from optix.platform.bus_reader import BusUnavailable as BusUnavailable  # noqa: PLC0414  # exported

log = structlog.get_logger(__name__)

UPDATES: Final = "md.updates"  # channel, + number of the database; writer: feed
DEMAND: Final = "md.demand"  # sorted set topic -> expiry in unix ms; writers: api, stream
QUOTES: Final = "md.quotes"  # hash symbol -> last quote; writer: feed
CHAIN: Final = "md.chain."  # + underlying.expiration -> last chain snapshot; writer: feed
STATUS: Final = "md.status"  # last status of the feed; writer: feed
REQUESTS: Final = "md.requests"  # list of questions; writers: api, stream; reader: feed
ANSWERS: Final = "md.answer."  # + question id -> list of one answer; writer: feed

_ERROR_KINDS: Final[dict[str, type[errors.OptixError]]] = {
    cls.kind: cls
    for cls in (
        errors.InvalidInput,
        errors.NotFound,
        errors.Conflict,
        errors.RateLimited,
        errors.Unavailable,
    )
}


class FeedUnavailable(errors.Unavailable):
    """Nobody answers questions about the market."""

    code = "feed_unavailable"
    next_step = "Check that the feed process runs, then try again."


def connect(url: str) -> Redis:
    """Return a client for `url` with a bounded pool. Nothing is sent yet."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=limits.BUS_CONNECTIONS_MAX,
        timeout=5,
        socket_connect_timeout=limits.BUS_CONNECT_SECONDS_MAX,
        socket_timeout=limits.BUS_SILENCE_SECONDS_MAX,
        health_check_interval=15,
        protocol=3,
    )
    return Redis(connection_pool=pool)


@dataclass(frozen=True, slots=True)
class Question:
    """One question as the feed receives it."""

    id: str
    kind: str
    arguments: dict[str, Any]


class Updates:
    """What the feed broadcasts, and what it has kept, in one order: see `bus_reader`."""

    def __init__(self, reader: BusReader, key: Callable[[str], str]) -> None:
        self._reader = reader
        self._key = key

    async def run(self) -> None:
        """Follow until cancelled. Retries: a lost line, with growing pauses."""
        await self._reader.run()

    async def kept_fields(
        self, key: str, fields: Sequence[str], take: Callable[[list[bytes | None]], None]
    ) -> None:
        """Let `take` have these fields of a kept hash, between the messages around their answer.

        Raises BusUnavailable.
        """
        await self._reader.ask("HMGET", self._key(key), *fields, take=take)


class Bus:
    """Broadcast, leases and questions over one Redis client.

    A `lane` has keys and channels of its own: a second feed beside the first, for other readers.
    """

    def __init__(self, redis: Redis, clock: Clock, *, lane: str = "") -> None:
        self.redis = redis
        self._clock = clock
        self._lane = f"{lane}:" if lane else ""
        # A question holds a connection until it is answered. Some are kept for everything else.
        self._asking = asyncio.Semaphore(limits.BUS_CONNECTIONS_MAX // 2)
        # Keys belong to a database of the server, channels to all of them: without its number two
        # installations on one server would hear each other's market.
        self._database = redis.connection_pool.connection_kwargs.get("db", 0)
        self._updates = self._channel(UPDATES)

    def _channel(self, name: str) -> str:
        return f"{self._lane}{name}.{self._database}"

    def _key(self, name: str) -> str:
        return f"{self._lane}{name}"

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000

    async def ping(self) -> None:
        """Raise BusUnavailable unless Redis answers."""
        with _as_unavailable():
            await self.redis.ping()

    async def close(self) -> None:
        await self.redis.aclose()
        await self.redis.connection_pool.disconnect()

    # Broadcast

    async def publish(self, message: bytes, *, keep: dict[str, dict[str, bytes]]) -> None:
        """Publish on `md.updates` and, in the same round trip, keep the last state in hashes.

        `keep` maps a hash key to its changed fields, so that a late reader finds what it missed.
        Raises BusUnavailable.
        """
        commands = [_hset(self._key(key), fields) for key, fields in keep.items() if fields]
        with _as_unavailable():
            await self._send(*commands, ("PUBLISH", self._updates, message))

    async def _send(self, *commands: tuple[str | bytes, ...]) -> None:
        """Send commands in one write, packed by hiredis.

        The client packs word by word in Python, which for thousands of rows costs as much as making
        them. Nothing is sent twice: a lost connection is an error here.
        """
        pool = self.redis.connection_pool
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]  # decorated there
        try:
            packed = b"".join(hiredis.pack_command(command) for command in commands)  # type: ignore[arg-type]  # any number of words
            await connection.send_packed_command(packed)
            for _ in commands:
                await connection.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)  # answers may be on their way
            raise
        finally:
            await pool.release(connection)

    async def keep(self, key: str, value: bytes) -> None:
        """Keep a state for late readers, for a day. Raises BusUnavailable."""
        with _as_unavailable():
            await self.redis.set(self._key(key), value, ex=86_400)

    async def kept(self, key: str) -> bytes | None:
        """Return a kept state, None if there is none. Raises BusUnavailable."""
        with _as_unavailable():
            return _bytes_of(await self.redis.get(self._key(key)))

    async def keep_fields(self, key: str, fields: dict[str, bytes]) -> None:
        """Keep fields of a hash for late readers. Raises BusUnavailable."""
        if fields:
            with _as_unavailable():
                await self._send(_hset(self._key(key), fields))

    def follow(self, receive: Receive) -> Updates:
        """Return the follower of what is broadcast, which hands each message to `receive`."""
        return Updates(BusReader(self.redis, self._updates, receive), self._key)

    async def iter_messages(self, channel: str) -> AsyncGenerator[bytes | None, None]:
        """Yield every message of `channel` from now on; `None` whenever the line was (re)connected.

        After a `None` the reader may have missed messages and loads a snapshot. Never ends and
        never raises: a lost connection is retried with a growing pause.
        """
        waiting: deque[bytes | None] = deque()
        news = asyncio.Event()

        def receive(message: bytes | None) -> None:
            if len(waiting) >= limits.BUS_MESSAGES_WAITING_MAX:
                waiting.clear()
                message = None  # the reader is too slow: it loads what it missed
            waiting.append(message)
            news.set()

        reader = BusReader(self.redis, self._channel(channel), receive)
        reading = asyncio.ensure_future(reader.run())
        try:
            while True:
                await news.wait()
                news.clear()
                while waiting:
                    yield waiting.popleft()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def tell_with_scores(
        self, key: str, channel: str, scores: Mapping[str, int], *, drop_below: int, seconds: int
    ) -> None:
        """Add to a sorted set for late readers, and tell `channel` the same as lines of text.

        Members up to `drop_below` go; the set goes `seconds` after the last call.
        Raises BusUnavailable.
        """
        lines = "\n".join(f"{member} {score}" for member, score in scores.items())
        with _as_unavailable():
            async with self.redis.pipeline(transaction=True) as pipe:
                pipe.zadd(key, dict(scores))
                pipe.zremrangebyscore(key, "-inf", drop_below)
                pipe.expire(key, seconds)
                pipe.publish(self._channel(channel), lines.encode())
                await pipe.execute()

    async def scores(self, key: str) -> list[tuple[bytes, float]]:
        """Return a sorted set, lowest first. Raises BusUnavailable."""
        with _as_unavailable():
            found: Any = await self.redis.zrange(key, 0, -1, withscores=True)
        return [(member, float(score)) for member, score in found]

    # Leases

    async def lease(self, topics: Iterable[str], *, seconds: float = limits.LEASE_SECONDS) -> None:
        """Say that `topics` are looked at for the next `seconds`. Renewing is the same call.

        Raises BusUnavailable.
        """
        expiry_ms = self._now_ms() + int(seconds * 1000)
        members = dict.fromkeys(topics, expiry_ms)
        if members:
            with _as_unavailable():
                await self.redis.zadd(self._key(DEMAND), members, gt=True)

    async def leased(self) -> list[str]:
        """Return the topics under lease now, at most as many as the feed may follow.

        Raises BusUnavailable.
        """
        now_ms = self._now_ms()
        with _as_unavailable():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.zremrangebyscore(self._key(DEMAND), "-inf", f"({now_ms}")
                pipe.zrange(self._key(DEMAND), 0, limits.DEMAND_TOPICS_MAX - 1)
                _, members = await pipe.execute()
        return [member.decode() for member in members]

    # Questions

    async def ask(
        self,
        kind: str,
        arguments: dict[str, Any],
        *,
        timeout_seconds: float = limits.FEED_REQUEST_SECONDS_MAX,
    ) -> Any:
        """Ask the feed one question and return its answer.

        Raises the OptixError that the feed answered with, FeedUnavailable when nobody answered in
        time, BusUnavailable when Redis is away.
        """
        question_id = secrets.token_hex(12)
        deadline_ms = self._now_ms() + int(timeout_seconds * 1000)
        body = orjson.dumps(
            {"id": question_id, "kind": kind, "args": arguments, "deadline_ms": deadline_ms}
        )
        in_time = FeedUnavailable(f"The market feed did not answer within {timeout_seconds:g} s.")
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._asking.acquire()
        except TimeoutError as error:
            raise in_time from error
        try:
            reply = await self._question(question_id, body, timeout_seconds)
        finally:
            self._asking.release()
        if reply is None:
            raise in_time
        answer = orjson.loads(reply)
        if answer["ok"]:
            return answer["value"]
        raise rebuild_error(answer["error"])

    async def _question(
        self, question_id: str, body: bytes, timeout_seconds: float
    ) -> bytes | None:
        with _as_unavailable():
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.lpush(self._key(REQUESTS), body)
                pipe.ltrim(self._key(REQUESTS), 0, limits.FEED_REQUESTS_MAX - 1)
                await pipe.execute()
        return await self._await_reply(self._key(ANSWERS + question_id), timeout_seconds)

    async def _await_reply(self, key: str, seconds: float) -> bytes | None:
        """Wait in pieces: the client takes a line that is silent for longer to be lost."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0:
            with _as_unavailable():
                popped = await self.redis.blpop(
                    [key], timeout=min(left, limits.BUS_WAIT_SECONDS_MAX)
                )
            if popped is not None:
                return _bytes_of(popped[1])
        return None

    async def serve(self, handler: Callable[[Question], Awaitable[Any]]) -> None:
        """Answer questions forever, at most `FEED_REQUESTS_AT_ONCE_MAX` at a time.

        `handler` returns something orjson can write, or raises. An OptixError reaches the asker as
        it is; anything else is logged and reaches it as "internal error".
        """
        places = asyncio.Semaphore(limits.FEED_REQUESTS_AT_ONCE_MAX)
        async with asyncio.TaskGroup() as tasks:
            while True:
                await places.acquire()
                body = await self._next_question()
                if body is None:
                    places.release()
                    continue
                task = tasks.create_task(self._answer(body, handler))
                task.add_done_callback(lambda _: places.release())

    async def _next_question(self) -> bytes | None:
        try:
            with _as_unavailable():
                popped = await self.redis.brpop([self._key(REQUESTS)], timeout=1)
        except BusUnavailable as error:
            log.warning("bus.lost", error=repr(error.__cause__))
            await asyncio.sleep(limits.RECONNECT_SECONDS_FIRST)
            return None
        return None if popped is None else _bytes_of(popped[1])

    async def _answer(self, body: bytes, handler: Callable[[Question], Awaitable[Any]]) -> None:
        try:
            asked = orjson.loads(body)
            question = Question(asked["id"], asked["kind"], asked["args"])
            if asked["deadline_ms"] < self._now_ms():
                return  # the asker has gone; answering would only leave a key behind
            key = self._key(ANSWERS + question.id)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            log.warning("feed.question_unreadable")
            return
        try:
            value = await handler(question)
            reply = orjson.dumps({"ok": True, "value": value})
        except errors.OptixError as error:
            reply = orjson.dumps({"ok": False, "error": describe_error(error)})
        except Exception:
            log.exception("feed.question_failed", kind=question.kind)
            reply = orjson.dumps({"ok": False, "error": {"kind": "bug"}})
        with contextlib.suppress(BusUnavailable), _as_unavailable():  # the asker says so itself
            async with self.redis.pipeline(transaction=False) as pipe:
                pipe.lpush(key, reply)
                pipe.expire(key, 30)
                await pipe.execute()


@contextlib.contextmanager
def _as_unavailable() -> Iterator[None]:
    """Turn whatever the client library raises into BusUnavailable.

    A cancelled call may surface as a lost connection, or as if nothing had been (the client sends
    through `asyncio.wait_for`, which on Python 3.11 loses a cancellation that comes as the sending
    ends). It stays a cancellation here, or a component would outlive its own end.
    """
    try:
        yield
    except AuthenticationError as error:
        raise BusRefused("The cache server refuses the user or the password.") from error
    except (RedisError, OSError) as error:
        _stay_cancelled()
        raise BusUnavailable("The cache server does not answer.") from error
    _stay_cancelled()


def _stay_cancelled() -> None:
    """Raise CancelledError if this task was asked to end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _hset(key: str, fields: Mapping[str, bytes]) -> tuple[str | bytes, ...]:
    return ("HSET", key, *(word for field in fields.items() for word in field))


def _bytes_of(value: bytes | str | None) -> bytes | None:
    """Return what a client that decodes nothing always returns; the library types both kinds."""
    return value.encode() if isinstance(value, str) else value


def describe_error(error: errors.OptixError) -> dict[str, Any]:
    """Return an error as it travels; `rebuild_error` makes one of it again."""
    return {
        "kind": error.kind,
        "code": error.code,
        "detail": error.detail,
        "next_step": error.next_step,
        "fields": error.fields,
        "retry_after_seconds": error.retry_after_seconds,
    }


def rebuild_error(body: dict[str, Any]) -> errors.OptixError:
    cls = _ERROR_KINDS.get(body["kind"], errors.OptixError)
    if cls is errors.OptixError:
        return errors.OptixError("The market feed failed on this request.")
    return cls(
        body["detail"],
        code=body["code"],
        next_step=body["next_step"],
        fields=body["fields"],
        retry_after_seconds=body["retry_after_seconds"],
    )


def age_seconds(clock: Clock, instant_ns: int) -> float:
    """Return how long ago `instant_ns` was, by `clock`."""
    return (clock.now_ns() - instant_ns) / NANOSECONDS
