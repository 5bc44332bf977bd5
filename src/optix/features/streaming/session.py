"""One socket from handshake to close: who is there, what it follows, and when it is written to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import structlog

from optix.features.identity.service import AuthenticatedUser
from optix.features.market.book import MarketBook
from optix.features.market.service import MarketService
from optix.features.streaming import protocol
from optix.features.streaming.subscriptions import (
    ChainSubscription,
    QuotesSubscription,
    Subscription,
)
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import Conflict, OptixError, Unauthenticated
from optix.kernel.ids import SessionId, UserId

log = structlog.get_logger(__name__)


class TooManySubscriptions(Conflict):
    """The socket follows as much as one socket may."""

    code = "too_many_subscriptions"
    next_step = "Unsubscribe from something first."


class DuplicateSubscription(Conflict):
    """The client used a subscription id twice."""

    code = "duplicate_subscription"
    next_step = "Use a new id for each subscription."


class Socket(Protocol):
    """What a session needs of a WebSocket."""

    async def receive(self) -> str | bytes | None:
        """Return the next message, None when the client is gone."""

    async def send(self, data: bytes) -> None: ...
    async def close(self, code: int, reason: str) -> None: ...


class TokenVerifier(Protocol):
    """Tells who an access token belongs to."""

    def verify(self, token: str) -> AuthenticatedUser:
        """Raises Unauthenticated."""

    def check(self, session_id: SessionId) -> None:
        """Raises Unauthenticated once the session of a token has ended."""


class Closing(Exception):
    """Ends the session with a close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Followers(Protocol):
    """Wakes sessions when one of their topics changes (the hub does)."""

    def enter(self, session: StreamSession) -> None: ...
    def leave(self, session: StreamSession) -> None: ...
    def follow(self, session: StreamSession, topics: Iterable[str]) -> None: ...
    def unfollow(self, session: StreamSession, topics: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class StreamLane:
    """The market a session is shown, and who wakes it."""

    book: MarketBook
    market: MarketService
    followers: Followers


# Chooses the lane of a user. Raises OptixError where nothing may be shown.
ChooseLane = Callable[[UserId], Awaitable[StreamLane]]


class StreamSession:
    """One signed-in reader. `wake` may be called from anywhere in the loop."""

    def __init__(
        self,
        socket: Socket,
        *,
        verifier: TokenVerifier,
        choose_lane: ChooseLane,
        clock: Clock,
    ) -> None:
        self._socket = socket
        self._verifier = verifier
        self._choose_lane = choose_lane
        self._clock = clock
        self._lane: StreamLane | None = None
        self.user: AuthenticatedUser | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._status_due = False
        self._outbox: list[bytes] = []  # answers to this client's own words, bounded by them
        self._drained = asyncio.Event()
        self._bad_messages = 0

    def wake(self) -> None:
        """Something this session follows has changed."""
        self._wake.set()

    def wake_for_status(self) -> None:
        """The state of the feed has changed."""
        self._status_due = True
        self._wake.set()

    @property
    def lane(self) -> StreamLane:
        """The market of this session. `authenticate` has chosen it."""
        assert self._lane is not None, "authenticate first"
        return self._lane

    @property
    def topics(self) -> set[str]:
        """Everything this session follows now."""
        return {topic for s in self._subscriptions.values() for topic in s.topics}

    async def authenticate(self) -> AuthenticatedUser:
        """Wait for the token. Raises Closing when it does not come, or is none."""
        try:
            async with asyncio.timeout(limits.SOCKET_AUTH_SECONDS_MAX):
                text = await self._socket.receive()
        except TimeoutError as error:
            reason = "No token came in time."
            raise Closing(protocol.CLOSE_NO_AUTH_IN_TIME, reason) from error
        if text is None:
            raise Closing(protocol.CLOSE_GOING_AWAY, "The client left.")
        try:
            request = protocol.parse_request(text)
        except protocol.MalformedMessage as error:
            await self._send(protocol.error_frame(error))
            reason = "The first message must be auth."
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, reason) from error
        if not isinstance(request, protocol.Authenticate):
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, "The first message must be auth.")
        user = await self._sign_in(request)
        self._lane = await self._lane_of(user)
        return user

    async def _lane_of(self, user: AuthenticatedUser) -> StreamLane:
        try:
            return await self._choose_lane(user.id)
        except OptixError as error:
            await self._send(protocol.error_frame(error))
            raise Closing(protocol.CLOSE_NOT_ENTITLED, error.detail) from error

    async def _check_lane(self) -> None:
        """Close when what this user may see has changed: the next socket begins with that."""
        assert self.user is not None, "authenticate first"
        if await self._lane_of(self.user) is not self.lane:
            reason = "What you may see has changed."
            raise Closing(protocol.CLOSE_GOING_AWAY, reason)

    async def _sign_in(self, request: protocol.Authenticate) -> AuthenticatedUser:
        try:
            user = self._verifier.verify(request.token)
        except Unauthenticated as error:
            await self._send(protocol.error_frame(error))
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, error.detail) from error
        if self.user is not None and self.user.id != user.id:
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, "The new token is another user's.")
        self.user = user
        return user

    async def run(self) -> None:
        """Serve the socket until it ends. `authenticate` has succeeded before."""
        hello = {
            "version": protocol.VERSION,
            "epoch": self.lane.book.feed_status().epoch,
            "heartbeat_seconds": protocol.HEARTBEAT_SECONDS,
        }
        self._outbox.append(protocol.frame("hello", hello))
        self.wake_for_status()
        reader = asyncio.ensure_future(self._read())
        writer = asyncio.ensure_future(self._write())
        try:
            done, _ = await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reader, writer, *self._opening.values()):
                task.cancel()
            await asyncio.gather(reader, writer, *self._opening.values(), return_exceptions=True)
            for number in tuple(self._subscriptions):
                self._drop(number)

    # Reading

    async def _read(self) -> None:
        while True:
            text = await self._socket.receive()
            if text is None:
                return
            try:
                await self._handle(protocol.parse_request(text))
            except protocol.MalformedMessage as error:
                self._bad_messages += 1
                self._say(protocol.error_frame(error))
                if self._bad_messages >= limits.SOCKET_BAD_FRAMES_MAX:
                    reason = "Too many unreadable messages."
                    raise Closing(protocol.CLOSE_MALFORMED, reason) from error
            if len(self._outbox) >= limits.SOCKET_ANSWERS_MAX:
                # It asks faster than it reads: stop listening meanwhile.
                self._drained.clear()
                await self._drained.wait()

    async def _handle(self, request: protocol.Request) -> None:
        match request:
            case protocol.Authenticate():
                await self._sign_in(request)
            case protocol.Ping():
                self._say(protocol.frame("pong", request.t))
            case protocol.Unsubscribe():
                self._drop(request.id)
                self._say(protocol.frame("ended", request.id))
            case protocol.Subscribe():
                try:
                    self._subscribe(request)
                except OptixError as error:
                    self._say(protocol.error_frame(error, request.id))

    def _subscribe(self, request: protocol.Subscribe) -> None:
        if request.id in self._subscriptions:
            raise DuplicateSubscription(f"The id {request.id} is in use.")
        subscription: Subscription
        if request.chain is not None:
            chains = [s for s in self._subscriptions.values() if isinstance(s, ChainSubscription)]
            if len(chains) >= limits.SOCKET_CHAINS_MAX:
                raise TooManySubscriptions(
                    f"A socket follows {limits.SOCKET_CHAINS_MAX} chains at the most."
                )
            subscription = ChainSubscription(request.id, self.lane.book, request.chain.key())
        else:
            symbols, refused = request.symbols()
            # Each costs a place, also one without a readable symbol or with a symbol of another:
            # they all take memory and work.
            quotes = [s for s in self._subscriptions.values() if isinstance(s, QuotesSubscription)]
            followed = sum(max(1, len(s.topics)) for s in quotes)
            if followed + max(1, len(symbols)) > limits.SOCKET_QUOTES_MAX:
                raise TooManySubscriptions(
                    f"A socket follows {limits.SOCKET_QUOTES_MAX} quotes at the most."
                )
            subscription = QuotesSubscription(request.id, self.lane.book, symbols, refused)
        self._subscriptions[request.id] = subscription
        self.lane.book.hold(subscription.topics)
        self.lane.followers.follow(self, subscription.topics)
        task = asyncio.ensure_future(self._open(subscription))
        self._opening[request.id] = task
        # Not in the task itself: one that is cancelled before its first step runs no line of it.
        task.add_done_callback(lambda task: self._opened(request.id, task))

    async def _open(self, subscription: Subscription) -> None:
        try:
            self._say(await subscription.open())
        except OptixError as error:
            self._drop(subscription.id)
            self._say(protocol.error_frame(error, subscription.id))
        except Exception:
            log.exception("stream.subscription_failed")
            self._drop(subscription.id)
            bug = OptixError("Something went wrong on our side.")
            self._say(protocol.error_frame(bug, subscription.id))

    def _opened(self, number: int, task: asyncio.Task[None]) -> None:
        if self._opening.get(number) is task:  # the client may have used the number again
            del self._opening[number]
        self._wake.set()  # what changed while it opened is due

    def _drop(self, number: int) -> None:
        subscription = self._subscriptions.pop(number, None)
        if subscription is None:
            return
        self.lane.book.release(subscription.topics)
        self.lane.followers.unfollow(self, set(subscription.topics) - self.topics)
        opening = self._opening.get(number)
        if opening is not None and opening is not asyncio.current_task():
            del self._opening[number]
            opening.cancel()

    # Writing

    def _say(self, data: bytes) -> None:
        self._outbox.append(data)
        self._wake.set()

    async def _write(self) -> None:
        next_beat_ns = self._clock.now_ns()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(protocol.HEARTBEAT_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            self._check_token()
            await self._flush()
            if self._clock.now_ns() >= next_beat_ns:
                await self._check_lane()
                next_beat_ns = self._clock.now_ns() + protocol.HEARTBEAT_SECONDS * NANOSECONDS
                await self._send(self._heartbeat())
            await asyncio.sleep(limits.SOCKET_FLUSH_SECONDS)

    def _check_token(self) -> None:
        if self.user is None:
            return
        if self.user.expires_at_ns <= self._clock.now_ns():
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, "The access token has ended.")
        try:
            self._verifier.check(self.user.session_id)
        except Unauthenticated as error:
            raise Closing(protocol.CLOSE_UNAUTHENTICATED, error.detail) from error

    async def _flush(self) -> None:
        for data in self._due_frames():
            await self._send(data)

    def _due_frames(self) -> list[bytes]:
        """Take everything that is due, at one instant.

        A frame taken between two sends could be the changes of a subscription whose snapshot came
        into the outbox during the first of them, and overtake it.
        """
        frames, self._outbox = self._outbox, []
        self._drained.set()
        if self._status_due:
            self._status_due = False
            status = self.lane.market.feed_status().model_dump(mode="json")
            frames.append(protocol.frame("status", status))
        for number, subscription in self._subscriptions.items():
            changes = None if number in self._opening else subscription.flush()
            if changes is not None:
                frames.append(changes)
        return frames

    def _heartbeat(self) -> bytes:
        server_ms = self._clock.now_ns() // 1_000_000
        return protocol.frame("heartbeat", server_ms, self.lane.book.market_now_ns() // 1_000_000)

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(limits.SOCKET_SEND_SECONDS_MAX):
                await self._socket.send(data)
        except TimeoutError as error:
            reason = "The client does not read."
            raise Closing(protocol.CLOSE_GOING_AWAY, reason) from error
