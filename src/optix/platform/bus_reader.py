"""One line to Redis that is told things: the messages of a channel, each as soon as it is here.

The usual client makes Python objects of every message on the way and looks for connections, locks
and retries around it; a reader that follows the whole market pays for that twenty times as often as
for the message itself. Here hiredis cuts what the socket brought into messages and each goes to a
function, at once and in order.

The line speaks RESP3, so questions can be asked on it beside the channel: their answers come in the
server's order with the messages. Whoever loads a state on the line that follows its changes has no
gap between both and no change twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn, TypeVar, cast

import hiredis
import structlog
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, SSLConnection, UnixDomainSocketConnection

from optix.kernel import errors, limits

log = structlog.get_logger(__name__)

Receive = Callable[[bytes | None], None]
Answer = TypeVar("Answer")
_Word = bytes | str | int

_NOTHING: Final = object()


class BusUnavailable(errors.Unavailable):
    """Redis does not answer."""

    code = "bus_unavailable"


class BusRefused(BusUnavailable):
    """Redis answers, and lets us do nothing."""

    next_step = "Check user, password and rights in OPTIX_REDIS_URL."


class _Asked(NamedTuple):
    answer: asyncio.Future[Any]
    take: Callable[[Any], Any]


class BusReader:
    """Follows one channel for good. One per channel and reader; `run` is a task of its owner.

    `receive` is called with each message, and with None whenever the line was (re)connected: what
    was said before is not known then. It must not wait; if it raises, the line is made anew.
    """

    def __init__(self, redis: Redis, channel: str, receive: Receive) -> None:
        self._pool = redis.connection_pool
        self._channel = channel
        self._receive = receive
        self._line: _Line | None = None
        self._connected = asyncio.Event()

    async def run(self) -> NoReturn:
        """Follow until cancelled; a lost line is retried with growing pauses."""
        pause = limits.RECONNECT_SECONDS_FIRST
        while True:
            line = _Line(self._receive)
            try:
                await self._open(line)
                pause = limits.RECONNECT_SECONDS_FIRST
                self._line = line
                self._connected.set()
                await line.watch()
            except (OSError, BusUnavailable) as error:
                log.warning("bus.lost", error=_words_of(error), retry_seconds=pause)
            finally:
                self._connected.clear()
                self._line = None
                line.abort()
            # All processes lose the same server at once, and must not come back at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
            pause = min(pause * 2, limits.RECONNECT_SECONDS_MAX)

    async def ask(self, *command: _Word, take: Callable[[Any], Answer]) -> Answer:
        """Ask on the line and return what `take` makes of the answer.

        `take` is called between the messages before and after the answer, even when the caller has
        gone meanwhile. Raises BusUnavailable where the line is away or lost before.
        """
        try:
            async with asyncio.timeout(limits.BUS_SILENCE_SECONDS_MAX):
                await self._connected.wait()
                assert self._line is not None, "it is connected"
                answer: Answer = await self._line.ask(command, take)
        except TimeoutError as error:
            raise BusUnavailable("The cache server does not answer.") from error
        return answer

    async def _open(self, line: _Line) -> None:
        """Connect, sign in and subscribe, as the pool's connections do."""
        connection = self._pool.connection_class(**self._pool.connection_kwargs)
        try:
            async with asyncio.timeout(limits.BUS_CONNECT_SECONDS_MAX):
                await _connect(connection, line)
                await line.ask(("HELLO", 3, *await _credentials(connection)), _nothing)
                if connection.db:
                    await line.ask(("SELECT", connection.db), _nothing)
                await line.subscribe(self._channel)
        except TimeoutError as error:
            raise BusUnavailable("The cache server does not answer.") from error


async def _connect(connection: AbstractConnection, line: _Line) -> None:
    loop = asyncio.get_running_loop()
    if isinstance(connection, UnixDomainSocketConnection):
        await loop.create_unix_connection(lambda: line, connection.path)
        return
    context = connection.ssl_context.get() if isinstance(connection, SSLConnection) else None
    place = connection.host, connection.port  # type: ignore[attr-defined]  # of every other kind
    await loop.create_connection(lambda: line, *place, ssl=context)


async def _credentials(connection: AbstractConnection) -> tuple[str, ...]:
    """Return the words that sign in, none where no password is needed."""
    provider = connection.credential_provider
    if provider is not None:
        given = tuple(str(word) for word in await provider.get_credentials_async())
    elif connection.password:
        given = (connection.username or "default", connection.password)
    else:
        return ()
    return ("AUTH", *(given if len(given) > 1 else ("default", *given)))


class _Line(asyncio.Protocol):
    """One connection. What comes is handed on inside `data_received`: nothing is kept here."""

    def __init__(self, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._receive = receive
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._asked: deque[_Asked] = deque()
        self._transport: asyncio.Transport | None = None
        self._heard = loop.time()
        self._subscribed: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[BusUnavailable | OSError] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not derived from it
        if self._ended.done():  # given up while it was being made
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc if isinstance(exc, OSError) else BusUnavailable("The line was closed."))

    def data_received(self, data: bytes) -> None:
        if self._ended.done():
            return
        self._heard = self._loop.time()
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                self._take(reply)
        except hiredis.ProtocolError as error:
            self._end(BusUnavailable(f"What came is not Redis: {error}"))
        except Exception:
            log.exception("bus.reader_failed")
            self._end(BusUnavailable("A message could not be taken in."))

    def _take(self, reply: Any) -> None:
        if not isinstance(reply, hiredis.PushNotification):
            self._answer(reply)
        elif reply[0] == b"message":
            self._receive(reply[2])
        elif reply[0] == b"subscribe":
            self._receive(None)
            if not self._subscribed.done():
                self._subscribed.set_result(None)

    def _answer(self, reply: Any) -> None:
        if isinstance(reply, hiredis.ReplyError):
            failure = BusRefused(f"The cache server refuses: {_code_of(reply)}.")
            # A subscription is answered by a message, but refused like this.
            refused = self._asked.popleft().answer if self._asked else self._subscribed
            if not refused.done():
                refused.set_exception(failure)
            return
        asked = self._asked.popleft()
        taken = asked.take(reply)
        if not asked.answer.done():
            asked.answer.set_result(taken)

    def send(self, command: tuple[_Word, ...]) -> None:
        if self._ended.done() or self._transport is None:
            raise BusUnavailable("The line was closed.")
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # any number of them

    async def ask(self, command: tuple[_Word, ...], take: Callable[[Any], Any]) -> Any:
        self.send(command)
        asked = _Asked(self._loop.create_future(), take)
        self._asked.append(asked)
        return await asked.answer

    async def subscribe(self, channel: str) -> None:
        self.send(("SUBSCRIBE", channel))
        either: set[asyncio.Future[Any]] = {self._subscribed, self._ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._subscribed.done():
            raise self._ended.result()
        self._subscribed.result()

    async def watch(self) -> None:
        """Raise what ended the line. One that says nothing, not even when asked, has ended."""
        patience = limits.BUS_SILENCE_SECONDS_MAX
        while True:
            await asyncio.wait({self._ended}, timeout=patience / 4)
            # What came while this process was busy elsewhere lies in the socket: it is read first.
            await asyncio.sleep(0)
            if self._ended.done():
                raise self._ended.result()
            silent = self._loop.time() - self._heard
            if silent > patience:
                raise BusUnavailable("The cache server has fallen silent.")
            if silent > patience / 2 and not self._asked:
                self.send(("PING",))
                self._asked.append(_Asked(self._loop.create_future(), _nothing))

    def abort(self) -> None:
        self._end(BusUnavailable("The line was closed."))

    def _end(self, why: BusUnavailable | OSError) -> None:
        if not self._ended.done():
            self._ended.set_result(why)
        if self._transport is not None:
            self._transport.abort()
        while self._asked:
            asked = self._asked.popleft()
            if not asked.answer.done():
                asked.answer.set_exception(BusUnavailable("The cache server does not answer."))
                asked.answer.exception()  # nobody waits for the answer to a ping


def _nothing(_: Any) -> None:
    return None


def _code_of(reply: Exception) -> str:
    """Return the first word of a refusal (WRONGPASS, NOAUTH, NOPERM): the others may name users."""
    return str(reply).split(" ", 1)[0]


def _words_of(error: Exception) -> str:
    if isinstance(error, BusUnavailable):
        return f"{error.detail} {error.next_step}".strip()
    return repr(error)
