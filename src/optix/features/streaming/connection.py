"""One socket: bytes in and out, from the handshake to the end. What is said is `conversation`'s.

Until the client has signed in, the little that is written goes straight to the descriptor, and a
socket that does not take it at once is cut off. From then on every byte goes through the fan of the
client's market, so that nothing comes between a frame and its rest.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import structlog

from optix.features.streaming import framing, protocol
from optix.features.streaming.subscriptions import Market
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import OptixError
from optix.kernel.ids import UserId
from optix.platform.fanout.core import Ending, Opcode

if TYPE_CHECKING:
    from optix.features.identity.service import AuthenticatedUser
    from optix.features.streaming.deadlines import Deadlines
    from optix.features.streaming.events_source import EventsSubscription
    from optix.features.streaming.portfolios import FollowedPortfolios
    from optix.features.streaming.subscriptions import Subscription
    from optix.kernel.clock import Clock

log = structlog.get_logger(__name__)


class State(IntEnum):
    """How far a socket has come."""

    CONNECTED = 0  # the handshake is awaited
    GREETED = 1  # its token is awaited
    SIGNING_IN = 2  # its token has come
    OPEN = 3
    CLOSING = 4  # a close frame is on its way
    GONE = 5


class Greeting(NamedTuple):
    """The answer to a handshake. With a `close_code` the socket is closed at once again."""

    data: bytes
    accepted: bool
    close_code: int = 0


class Stream(Market, Protocol):
    """The market that a socket is in (`MarketStream`)."""

    @property
    def name(self) -> str: ...
    @property
    def portfolios(self) -> FollowedPortfolios: ...

    def enter(
        self, connection: Connection, descriptor: int, *, binary: bool, slices: int
    ) -> int: ...
    def leave(self, handle: int) -> bytes: ...


class Home(Protocol):
    """Whose socket it is (`Gateway`)."""

    clock: Clock
    deadlines: Deadlines

    def now(self) -> float: ...
    def connected(self, connection: Connection) -> None: ...
    def greet(self, connection: Connection, head: bytes) -> Greeting: ...
    def allow_message(self, connection: Connection) -> bool: ...
    def said(self, connection: Connection, text: bytes) -> None: ...
    def check_market(self, connection: Connection) -> None: ...
    def left(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """The protocol of one socket. Small: there may be tens of thousands."""

    __slots__ = (
        "_descriptor",
        "_frames",
        "_gateway",
        "_head",
        "_heard_goodbye",
        "_held",
        "_said_goodbye",
        "_transport",
        "address",
        "bad_messages",
        "busy_until",
        "close_code",
        "counted",
        "due",
        "handle",
        "heard_at",
        "hinted",
        "leave_at",
        "opened_at",
        "path",
        "request_id",
        "since",
        "state",
        "stream",
        "subscriptions",
        "user",
    )

    def __init__(self, gateway: Home) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport
        self._descriptor = -1
        self._head: bytes | None = b""  # of the request, until it is whole
        self._frames: framing.FrameReader
        self._held: list[bytes] = []  # said before the token was looked at
        self._heard_goodbye = False
        self._said_goodbye = False
        self.due = 0  # of `Deadlines`
        self.state = State.CONNECTED
        self.address = ""
        self.path = ""
        self.request_id = ""
        self.opened_at = self.since = self.heard_at = gateway.now()
        self.busy_until = 0.0  # when what was said would be allowed at an even pace
        self.bad_messages = 0
        self.close_code = 0
        self.counted = False  # as a socket of its address
        self.hinted = False
        self.leave_at: float | None = None  # when a server that goes away closes it
        self.user: AuthenticatedUser | None = None
        self.stream: Stream | None = None
        self.handle = -1
        self.subscriptions: dict[int, Subscription | EventsSubscription] = {}

    # The transport calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not derived from it
        own = transport.get_extra_info("socket")
        self._descriptor = own.fileno()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SOCKET_SEND_BUFFER_BYTES_MAX)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            own.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limits.SOCKET_UNSENT_BYTES_MAX
            )
        self._gateway.connected(self)
        if self._transport.get_write_buffer_size():  # of an answer to another request before
            self.abort()

    def data_received(self, data: bytes) -> None:
        try:
            if self._head is None:
                self._read(data)
            else:
                self._shake_hands(data)
        except framing.BadFrame as bad:
            self.close(bad.code, bad.reason)
        except Exception:
            log.exception("stream.connection_failed")
            self.close(protocol.CLOSE_BUG, "Something went wrong on our side.")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's name
        # Before anything else: the descriptor may be another connection's a moment later.
        self._leave_fan()
        self.state = State.GONE
        self._descriptor = -1
        for subscription in self.subscriptions.values():
            subscription.close()
        self.subscriptions = {}
        self._gateway.left(self)

    # The handshake

    def _shake_hands(self, data: bytes) -> None:
        assert self._head is not None, "it is not over"
        head = self._head + data
        end = head.find(b"\r\n\r\n")
        if max(end, 0) > limits.REQUEST_HEAD_BYTES_MAX or (
            end < 0 and len(head) > limits.REQUEST_HEAD_BYTES_MAX
        ):
            self.abort()
            return
        if end < 0:
            self._head = head
            return
        self._head = None
        answer = self._gateway.greet(self, head[:end])
        self._write(answer.data)
        if not answer.accepted:
            self._transport.close()
            return
        self._frames = framing.FrameReader()
        self._enter(State.GREETED)
        if answer.close_code:
            self.close(answer.close_code, "The gateway takes no more connections now.")
        if len(head) > end + 4:
            self._read(head[end + 4 :])

    # Frames

    def _read(self, data: bytes) -> None:
        if self.state is State.GONE:
            return
        self.heard_at = self._gateway.now()
        for opcode, payload in self._frames.feed(data):
            if opcode == Opcode.CLOSE:
                self._answer_close(framing.parse_close(payload))
                return
            if self.state is State.CLOSING:
                continue  # what is said to somebody who has said goodbye
            if not self._gateway.allow_message(self):
                return
            if opcode == Opcode.PING:
                self.send(payload, Opcode.PONG)
            elif opcode == Opcode.TEXT:
                self._take(payload)
            elif opcode == Opcode.BINARY:
                raise framing.BadFrame(framing.CLOSE_UNSUPPORTED, "Messages are text.")

    def _take(self, text: bytes) -> None:
        if self.state is not State.SIGNING_IN:
            self._gateway.said(self, text)
        elif len(self._held) < limits.SOCKET_MESSAGES_HELD_MAX:
            self._held.append(text)
        else:
            self.close(protocol.CLOSE_TOO_MANY, "Too many messages before the first is answered.")

    def take_held(self) -> None:
        """Go on with what was said while the token was looked at."""
        held, self._held = self._held, []
        for text in held:
            if self.state is State.OPEN:
                self._gateway.said(self, text)

    def _answer_close(self, code: int) -> None:
        self._heard_goodbye = True
        if self.state is State.CLOSING:  # it is the answer to ours, or crosses it
            self._part()
            return
        self.close_code = code
        self.close(framing.CLOSE_OK if code == framing.CLOSE_NO_CODE else code, "")
        self._part()

    def _part(self) -> None:
        """End the connection when both have said goodbye."""
        if self._heard_goodbye and self._said_goodbye:
            self._leave_fan()
            self._transport.close()

    # Writing

    def send(self, payload: bytes, opcode: int = Opcode.TEXT) -> None:
        """Send a frame behind all that was sent before."""
        if self.handle >= 0:
            assert self.stream is not None, "its fan has it"
            self.stream.fan.push(self.handle, payload, opcode=opcode)
        elif self.state in (State.GREETED, State.SIGNING_IN):
            self._write(framing.frame(payload, opcode))

    def pending(self) -> int:
        """Return how many bytes of what was sent, and of a begun frame, wait for the client."""
        if self.handle < 0:
            return 0
        return self.market.fan.pending(self.handle)

    def _write(self, data: bytes) -> None:
        """Write something short to an empty socket. One that does not take it is cut off."""
        try:
            taken = os.write(self._descriptor, data)
        except OSError:
            taken = 0
        if taken != len(data):
            self.abort()

    def enter_fan(self, stream: Stream, *, binary: bool, interval_ms: int) -> None:
        """From here on the fan writes, and nobody else."""
        self.stream = stream
        self.handle = stream.enter(
            self, self._descriptor, binary=binary, slices=slices_of(interval_ms)
        )
        self._enter(State.OPEN)

    def _leave_fan(self) -> bytes:
        """Return what is left of a frame that was begun."""
        if self.handle < 0:
            return b""
        assert self.stream is not None, "its fan has it"
        handle, self.handle = self.handle, -1
        return self.stream.leave(handle)

    # The end

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the connection ends with the answer, or when none comes in time."""
        if self.state >= State.CLOSING:
            return
        if self.state is State.CONNECTED:
            self.abort()
            return
        self.close_code = self.close_code or code
        self.send(framing.close_payload(code, reason), Opcode.CLOSE)
        self._said_goodbye = self.handle < 0
        if self.state < State.CLOSING:
            self._enter(State.CLOSING)

    def ended_by_fan(self, ending: Ending) -> None:
        """The fan does nothing more for this client."""
        if ending is Ending.CLOSED:
            self._said_goodbye = True
            self._part()
            return
        rest = self._leave_fan()
        if ending is Ending.GONE:
            self.abort()
            return
        self.close_code = protocol.CLOSE_NOT_READING
        goodbye = framing.close_payload(self.close_code, "The client does not read.")
        # Behind the frame that it has a part of, should it begin to read in the last moment.
        self._transport.write(rest + framing.frame(goodbye, Opcode.CLOSE))
        if self.state < State.CLOSING:
            self._enter(State.CLOSING)

    def abort(self) -> None:
        """End the connection without a word."""
        if self.state is not State.GONE:
            self._leave_fan()
            self.state = State.CLOSING
            self._transport.abort()

    def drop(self, number: int) -> None:
        """End a subscription, if there is one of this number."""
        subscription = self.subscriptions.pop(number, None)
        if subscription is not None:
            subscription.close()

    # Time

    def _enter(self, state: State) -> None:
        self.state = state
        self.since = self._gateway.now()
        self._gateway.deadlines.add(self, self.next_check(self.since))

    def next_check(self, now: float) -> float:
        """Return when `check` has to be called again."""
        match self.state:
            case State.CONNECTED:
                return self.since + limits.REQUEST_HEAD_SECONDS_MAX
            case State.GREETED | State.SIGNING_IN:
                return self.since + limits.SOCKET_AUTH_SECONDS_MAX
            case State.CLOSING:
                return self.since + limits.SOCKET_CLOSE_SECONDS_MAX
        due = min(
            self.heard_at + limits.SOCKET_SILENCE_SECONDS_MAX, now + limits.SOCKET_CHECK_SECONDS
        )
        return due if self.leave_at is None else min(due, self.leave_at)

    def check(self, now: float) -> None:
        """Do what is due by now."""
        match self.state:
            case State.CONNECTED | State.CLOSING:
                if now >= self.next_check(now):
                    self.abort()
            case State.GREETED | State.SIGNING_IN:
                if now >= self.next_check(now):
                    self.close(protocol.CLOSE_SILENT, "No token came in time.")
            case State.OPEN:
                if self.leave_at is not None and now >= self.leave_at:
                    self.close(protocol.CLOSE_GOING_AWAY, "The server goes away.")
                elif now >= self.heard_at + limits.SOCKET_SILENCE_SECONDS_MAX:
                    self.close(protocol.CLOSE_SILENT, "Nothing was heard for too long.")
                else:
                    self._check_token()

    def _check_token(self) -> None:
        user = self.user
        assert user is not None, "an open socket is somebody's"
        left_ns = user.expires_at_ns - self._gateway.clock.now_ns()
        if left_ns <= 0:
            self.close(protocol.CLOSE_UNAUTHENTICATED, "The access token has ended.")
            return
        if not self.hinted and left_ns <= limits.SOCKET_HINT_SECONDS * NANOSECONDS:
            self.hinted = True
            self.send(protocol.frame("authenticate", left_ns // NANOSECONDS))
        self._gateway.check_market(self)

    # What subscriptions ask

    @property
    def market(self) -> Stream:
        """The market that it is shown."""
        assert self.stream is not None, "it is signed in"
        return self.stream

    @property
    def owner(self) -> UserId:
        assert self.user is not None, "it is signed in"
        return self.user.id

    def fail(self, number: int, error: OptixError) -> None:
        """Tell the client that a subscription ended, and forget it."""
        self.send(protocol.error_frame(error, number))
        self.drop(number)

    def peer(self) -> Any:
        """Return the address of the other end as the transport has it."""
        with suppress(OSError):
            return self._transport.get_extra_info("peername")
        return None


def slices_of(interval_ms: int) -> int:
    """Return an interval in slices of the timer wheel."""
    return round(interval_ms / (limits.SOCKET_SLICE_SECONDS * 1000))
