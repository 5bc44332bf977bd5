"""A client of the stream, as a phone is one: signs in, follows, comes back (docs/streaming.md).

`optix watch`, the checks and the tests use it. What frames mean is in `stream_state`; here is the
connection: pings, silence, new tokens, gaps, and reconnecting with growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from optix.kernel import limits
from optix.kernel.errors import OptixError, Unauthenticated, Unavailable
from optix.processes.stream_state import (
    Followed,
    FollowedChain,
    FollowedEvents,
    FollowedQuotes,
    Frame,
    StreamGap,
    StreamState,
)

VERSION: Final = 2
PING_SECONDS: Final = 15.0
SILENCE_SECONDS_MAX: Final = 12.0  # the server says something every five seconds
HANDSHAKE_SECONDS_MAX: Final = 15.0
CLOSE_SECONDS_MAX: Final = 2.0
FRAME_BYTES_MAX: Final = 64 * 1024 * 1024  # the whole chain of an index as JSON has some MB

UNAUTHENTICATED: Final = 4401
# What no reconnecting mends: our own fault, or a client that is too old.
FINAL_CODES: Final = frozenset({1002, 1003, 1007, 1009, 4400, 4406})
# Where the server asks for patience: the first pause is a long one.
PATIENT_CODES: Final = frozenset({1013, 4403, 4409, 4429})

Where = Literal["offline", "connecting", "online"]
_F = TypeVar("_F", bound=Followed)


class TokenSource(Protocol):
    """Gives access tokens."""

    async def __call__(self, *, fresh: bool) -> str:
        """Return a token; with `fresh` not the one that was given before. Raises OptixError."""


class StreamRefused(Unavailable):
    """The server will not serve this client, however often it asks."""

    code = "stream_refused"
    next_step = "Update OPTIX, or look at the log of the server."


class StreamSignInRefused(Unauthenticated):
    """A token that was made just now is not accepted."""

    code = "stream_sign_in_refused"
    next_step = "Sign in again."


class StreamClient:
    """Follows a server until `run` is cancelled. Errors of connections are its own business.

    `on_frame` is called after each frame; `until` waits for what frames bring about. A `drop` ends
    the connection without a word, as a lost network does.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource,
        *,
        binary: bool = False,
        interval_ms: int = 250,
        on_frame: Callable[[Frame], None] | None = None,
        randomness: random.Random | None = None,
        version: int = VERSION,
    ) -> None:
        self.state = StreamState()
        self.where: Where = "offline"
        self.close_codes: list[int] = []
        self.last_error: OptixError | None = None
        self.connections = 0
        self._url = url
        self._token = token
        self._binary = binary
        self._interval_ms = interval_ms
        self._on_frame = on_frame
        self._random = randomness or random.Random()  # noqa: S311  # spreads load, guards nothing
        self._version = version
        self._wanted: list[Followed] = []
        self._next_id = 1
        self._socket: ClientConnection | None = None
        self._heard = asyncio.Condition()
        self._resume_after: float | None = None
        self._fresh = False
        self._greeted = False
        self._running: asyncio.Task[None] | None = None

    # What to follow

    async def quotes(self, symbols: Sequence[str]) -> FollowedQuotes:
        """Follow quotes, now and in every later connection."""
        return await self._follow(FollowedQuotes({"quotes": list(symbols)}))

    async def chain(
        self,
        underlying: str,
        expiration: str,
        *,
        strikes: Mapping[str, float] | None = None,
        columns: Sequence[str] = (),
    ) -> FollowedChain:
        """Follow one expiration; `strikes` and `columns` as in docs/streaming.md."""
        chain: dict[str, Any] = {"underlying": underlying, "expiration": expiration}
        if strikes is not None:
            chain["strikes"] = dict(strikes)
        if columns:
            chain["columns"] = list(columns)
        return await self._follow(FollowedChain({"chain": chain}))

    async def events(
        self, channels: Sequence[str], *, after: tuple[str, int] | None = None
    ) -> FollowedEvents:
        """Follow events of the signed-in user, from `after` (epoch, offset) or from now."""
        followed = FollowedEvents({"events": list(channels)})
        if after is not None:
            followed.epoch, followed.offset = after
        return await self._follow(followed)

    async def unfollow(self, followed: Followed) -> None:
        """End a subscription."""
        self._wanted.remove(followed)
        if self.state.followed.get(followed.id) is followed:
            await self._say({"op": "unsubscribe", "id": followed.id})

    async def tune(self, interval_ms: int) -> None:
        """Ask for another interval, now and in every later connection."""
        self._interval_ms = interval_ms
        await self._say({"op": "tune", "interval_ms": interval_ms})

    async def _follow(self, followed: _F) -> _F:
        self._wanted.append(followed)
        if self.where == "online":
            await self._subscribe(followed)
        return followed

    async def _subscribe(self, followed: Followed) -> None:
        followed.id, followed.number = self._next_id, None
        self._next_id += 1
        self.state.followed[followed.id] = followed
        await self._say(followed.request(self.state.stream))

    # The connection

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[StreamClient]:
        """Run in the background meanwhile. `until` raises what ends it."""
        self._running = asyncio.create_task(self.run())
        try:
            yield self
        finally:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def until(self, condition: Callable[[], object], *, seconds: float = 30.0) -> None:
        """Return once `condition()` is true; it is looked at after each frame.

        Raises TimeoutError, and what ended the client.
        """
        async with asyncio.timeout(seconds), self._heard:
            while not condition():
                if self._running is not None and self._running.done():
                    self._running.result()
                await self._heard.wait()

    async def changed(self, *, seconds: float) -> None:
        """Return after the next frame or loss, or once the time is over. Raises what ended it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._heard:
                await self._heard.wait()
        if self._running is not None and self._running.done():
            self._running.result()

    def drop(self) -> None:
        """Lose the connection, as a network does: without a close frame."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def run(self) -> None:
        """Be connected until cancelled.

        Raises StreamRefused where trying again is in vain, and Unauthenticated of the token's
        source.
        Retries: a lost connection after a growing, jittered pause; the tokens' source the same way.
        """
        pause = limits.RECONNECT_SECONDS_FIRST
        try:
            while True:
                self._resume_after = None
                code = await self._connection()
                if code in PATIENT_CODES:
                    pause = max(pause, limits.RECONNECT_SECONDS_MAX / 4)
                elif self._greeted:
                    pause = limits.RECONNECT_SECONDS_FIRST
                seconds = self._resume_after
                if seconds is None:
                    seconds = self._random.uniform(pause / 2, pause)
                    pause = min(pause * 2, limits.RECONNECT_SECONDS_MAX)
                await asyncio.sleep(seconds)
        finally:
            self.where = "offline"
            await self._tell()

    async def _connection(self) -> int:
        """Serve one connection; return the code it was closed with, 1006 where none came."""
        self.where, self._greeted, code = "connecting", False, 1006
        try:
            token = await self._token(fresh=self._fresh)
            async with connect(
                self._url,
                compression=None,
                ping_interval=None,
                proxy=None,
                open_timeout=HANDSHAKE_SECONDS_MAX,
                close_timeout=CLOSE_SECONDS_MAX,
                max_size=FRAME_BYTES_MAX,
            ) as socket:
                self._socket = socket
                await self._serve(socket, token)
        except Unauthenticated:
            raise
        except OptixError as error:  # of the tokens' source, or a frame that nobody can read
            self.last_error = error
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else code
            self.last_error = Unavailable(f"The connection was closed ({code}).")
        except InvalidStatus as error:
            self.last_error = Unavailable(
                f"The server answered {error.response.status_code} to the stream."
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            self.last_error = Unavailable(f"No connection to the server ({error}).")
        finally:
            self._leave()
        self.close_codes.append(code)
        self._judge(code)
        await self._tell()
        return code

    def _leave(self) -> None:
        self.where, self._socket = "offline", None
        for followed in self.state.followed.values():
            followed.number = None
        self.state.followed = {}

    def _judge(self, code: int) -> None:
        """Raise where another attempt would end the same way."""
        if code in FINAL_CODES:
            said = self.state.error
            raise StreamRefused(
                said.detail if said else f"The server closed the connection with {code}.",
                next_step=said.next_step if said else None,
            )
        if code == UNAUTHENTICATED:
            if self._fresh and not self._greeted:
                said = self.state.error
                raise StreamSignInRefused(said.detail if said else "The token was refused.")
            self._fresh = True

    async def _serve(self, socket: ClientConnection, token: str) -> None:
        self.state.error = None
        await self._say(
            {
                "op": "auth",
                "token": token,
                "version": self._version,
                "format": "binary" if self._binary else "json",
                "interval_ms": self._interval_ms,
            }
        )
        async with contextlib.AsyncExitStack() as stack:
            pings = asyncio.create_task(self._ping())
            stack.push_async_callback(_ended, pings)
            while True:
                async with asyncio.timeout(SILENCE_SECONDS_MAX):
                    data = await socket.recv()
                try:
                    frame = self.state.feed(data)
                except StreamGap as gap:
                    await self._again(gap.subscription)
                    continue
                await self._obey(frame, stack)
                if self._on_frame is not None:
                    self._on_frame(frame)
                await self._tell()

    async def _obey(self, frame: Frame, stack: contextlib.AsyncExitStack) -> None:
        match frame.name:
            case "hello":
                self.where, self._greeted, self._fresh = "online", True, False
                self.connections += 1
                self.last_error = None
                for followed in tuple(self._wanted):
                    await self._subscribe(followed)
            case "authenticate":
                renewal = asyncio.create_task(self._renew())
                stack.push_async_callback(_ended, renewal)
            case "going_away":
                self._resume_after = frame.parts[0]["reconnect_after_ms"] / 1000

    async def _again(self, followed: Followed) -> None:
        """Make a subscription anew of which a frame was lost."""
        self.state.followed.pop(followed.id, None)
        followed.stream = ""
        await self._say({"op": "unsubscribe", "id": followed.id})
        await self._subscribe(followed)

    async def _renew(self) -> None:
        try:
            token = await self._token(fresh=True)
        except OptixError as error:  # the server closes when the old one ends; then it is said
            self.last_error = error
            return
        await self._say({"op": "auth", "token": token})

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self._say({"op": "ping", "t": 0})

    async def _say(self, message: Mapping[str, Any]) -> None:
        socket = self._socket
        if socket is not None:
            # A lost line is noticed where it is read from, and everything is asked for again.
            with contextlib.suppress(ConnectionClosed):
                await socket.send(orjson.dumps(message).decode())

    async def _tell(self) -> None:
        async with self._heard:
            self._heard.notify_all()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
