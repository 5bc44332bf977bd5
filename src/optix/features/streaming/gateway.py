"""All sockets of this process: who comes in, who may stay, and how they are moved away."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import orjson
import structlog

from optix.features.market import wire
from optix.features.market.lanes import MarketLane, MarketLanes
from optix.features.streaming import framing, protocol
from optix.features.streaming.admission import Admission
from optix.features.streaming.arrivals import Arrivals
from optix.features.streaming.connection import Connection, Greeting, State
from optix.features.streaming.conversation import Conversation
from optix.features.streaming.deadlines import STEP_SECONDS, Deadlines
from optix.features.streaming.followed import Openings
from optix.features.streaming.market_stream import MarketStream
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import (
    Forbidden,
    NotFound,
    OptixError,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from optix.kernel.ids import SessionId
from optix.platform.edge import REQUEST_ID_HEADER, security_headers, take_request_id
from optix.platform.http import PROBLEM_MEDIA_TYPE, problem_of
from optix.platform.origin import client_address
from optix.platform.rate_limits import network_of
from optix.platform.security_settings import Network

if TYPE_CHECKING:
    from optix.features.identity.service import Authenticator
    from optix.features.portfolio.service import PortfolioService
    from optix.features.streaming.events_source import EventsSource
    from optix.features.streaming.portfolios import Notices

log = structlog.get_logger(__name__)

PATHS: Final = frozenset({"/ws/quotes", "/ws/portfolio"})
# What the log tells one by one: somebody did wrong, or we did.
FAULTS: Final = frozenset(
    {
        *(framing.CLOSE_PROTOCOL, framing.CLOSE_UNSUPPORTED, framing.CLOSE_NOT_UTF8),
        *(framing.CLOSE_TOO_BIG, protocol.CLOSE_BUG, protocol.CLOSE_MALFORMED),
        *(protocol.CLOSE_VERSION, protocol.CLOSE_NOT_READING, protocol.CLOSE_TOO_MANY),
    }
)


class ForeignPage(Forbidden):
    """A page of another site tries to open a socket with the browser of somebody here."""

    code = "foreign_page"
    next_step = "Open the app at its own address."


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRules:
    """What the operator decides."""

    origins: Collection[str] = ()
    trusted_proxies: Sequence[Network] = ()
    production: bool = False
    sockets_max: int
    sockets_per_address: int
    connects_per_minute: int
    drain_seconds: float


class Gateway:
    """The component of all sockets. While it does not run, nobody is let in."""

    name = "stream"

    def __init__(
        self,
        lanes: MarketLanes,
        authenticator: Authenticator,
        clock: Clock,
        rules: GatewayRules,
        *,
        events: EventsSource | None = None,
        portfolio: PortfolioService | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.clock = clock
        self.deadlines = Deadlines(time.monotonic())
        self.refused: Counter[str] = Counter()  # connections, by why
        self.closed: Counter[int] = Counter()  # sockets, by code
        self.streams: list[MarketStream] = []
        self._lanes = lanes
        self._authenticator = authenticator
        self._rules = rules
        self._conversation = Conversation(events)
        self._openings = Openings()
        self._admission = Admission(
            connects_per_minute=rules.connects_per_minute,
            sockets_per_address=rules.sockets_per_address,
        )
        self._headers = security_headers(production=rules.production)
        self._streams: dict[str, MarketStream] = {}
        for lane in (lanes.main, lanes.delayed):
            if lane is not None:
                stream = MarketStream(
                    lane, self._openings, clock, portfolio=portfolio, notices=notices
                )
                self._streams[lane.name] = stream
                self.streams.append(stream)
        self._waiting: set[Connection] = set()  # not signed in, or on their way out
        self._of_session: dict[SessionId, list[Connection]] = {}
        self._arrivals = Arrivals(self._sign_in, self.now)
        self._running = False
        self._draining = False

    # Looking in from outside

    @property
    def sockets(self) -> int:
        """How many sockets are signed in."""
        return sum(stream.sockets for stream in self.streams)

    @property
    def waiting(self) -> int:
        """How many are connected that are not signed in."""
        return len(self._waiting)

    @property
    def openings(self) -> int:
        """How many topics wait for being opened."""
        return self._openings.waiting

    @property
    def topics(self) -> set[str]:
        """What anybody follows, in whatever lane."""
        return {topic for stream in self.streams for topic in stream.followed.topics}

    def now(self) -> float:
        """Return the time of deadlines: it only rises."""
        return time.monotonic()

    # Coming in

    def connected(self, connection: Connection) -> None:
        self._waiting.add(connection)
        self.deadlines.add(connection, connection.next_check(self.now()))

    def greet(self, connection: Connection, head: bytes) -> Greeting:
        """Return the answer to a request. Counts, refuses and logs; raises nothing."""
        request_id = ""
        try:
            handshake = framing.parse_handshake(head)
            connection.path = handshake.path
            request_id = take_request_id(handshake.header(REQUEST_ID_HEADER.lower().encode()))
            connection.request_id = request_id
            connection.address = self._address_of(connection, handshake)
            self._require_ours(handshake)
            answer = framing.accept_handshake(handshake)
            self._require_patience(connection)
        except framing.BadHandshake as bad:
            error = OptixError(bad.detail, code="bad_handshake", next_step=_SPEAK)
            return self._refuse(connection, bad.status, error, bad.headers)
        except ForeignPage as error:
            return self._refuse(connection, HTTPStatus.FORBIDDEN, error, {})
        except NotFound as error:
            return self._refuse(connection, HTTPStatus.NOT_FOUND, error, {})
        except RateLimited as error:
            wait = {"Retry-After": str(error.retry_after_seconds)}
            return self._refuse(connection, HTTPStatus.TOO_MANY_REQUESTS, error, wait)
        return Greeting(answer, accepted=True, close_code=self._why_full(connection))

    def _address_of(self, connection: Connection, handshake: framing.Handshake) -> str:
        peer = connection.peer()
        forwarded = handshake.headers.get(b"x-forwarded-for")
        headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded)]
        scope = {"client": peer if isinstance(peer, tuple) else None, "headers": headers}
        return network_of(client_address(scope, self._rules.trusted_proxies))

    def _require_ours(self, handshake: framing.Handshake) -> None:
        if handshake.path not in PATHS:
            raise NotFound("There is no socket at this address.", code="route_not_found")
        # Browsers always send an origin with a socket and keep no page of another site from
        # opening it.
        origin = handshake.header(b"origin")
        if not origin or origin in self._rules.origins:
            return
        if origin.partition("://")[2] != handshake.header(b"host"):
            raise ForeignPage("This page is not of this server.")

    def _require_patience(self, connection: Connection) -> None:
        seconds = self._admission.seconds_to_wait(connection.address, self.now())
        if seconds:
            raise RateLimited(
                f"This address connects too often. Waiting {seconds} s is needed.",
                retry_after_seconds=seconds,
            )

    def _refuse(
        self,
        connection: Connection,
        status: HTTPStatus,
        error: OptixError,
        headers: Mapping[str, str],
    ) -> Greeting:
        self._count_refused(error.code)
        request_id = connection.request_id or take_request_id("")
        problem = problem_of(error, request_id).model_dump() | {"status": status.value}
        all_headers = {
            **self._headers,
            "Content-Type": PROBLEM_MEDIA_TYPE,
            "Cache-Control": "no-store",
            REQUEST_ID_HEADER: request_id,
            **headers,
        }
        log.info("stream.refused", path=connection.path, status=status.value, reason=error.code)
        return Greeting(framing.refusal(status, orjson.dumps(problem), all_headers), accepted=False)

    def _why_full(self, connection: Connection) -> int:
        """Return the code with which to close a socket that cannot be served now, else 0."""
        if not self._running or self._draining:
            self._count_refused("starting" if not self._draining else "going_away")
            return protocol.CLOSE_FULL
        full = self.sockets + len(self._waiting) > self._rules.sockets_max
        if full or len(self._waiting) > limits.SOCKETS_WAITING_MAX:
            self._count_refused("full")
            return protocol.CLOSE_FULL
        if not self._admission.add_address(connection.address):
            self._count_refused("address_full")
            return protocol.CLOSE_TOO_MANY
        connection.counted = True
        return 0

    def _count_refused(self, reason: str) -> None:
        self.refused[reason] += 1

    # What clients say

    def allow_message(self, connection: Connection) -> bool:
        """Count a message; close a socket that says too much."""
        now = self.now()
        each = 1 / limits.SOCKET_MESSAGES_PER_SECOND_MAX
        connection.busy_until = max(connection.busy_until, now) + each
        if connection.busy_until - now <= limits.SOCKET_MESSAGES_AT_ONCE_MAX * each:
            return True
        error = RateLimited("Too many messages.", retry_after_seconds=1)
        connection.send(protocol.error_frame(error))
        connection.close(protocol.CLOSE_TOO_MANY, error.detail)
        return False

    def said(self, connection: Connection, text: bytes) -> None:
        """Take one message of a socket that is open, or has still to sign in."""
        try:
            request = protocol.parse_request(text)
        except protocol.VersionNotSpoken as error:
            connection.send(protocol.error_frame(error))
            connection.close(protocol.CLOSE_VERSION, error.detail)
            return
        except protocol.MalformedMessage as error:
            self._not_understood(connection, error)
            return
        if isinstance(request, protocol.Authenticate):
            if connection.state is State.OPEN:
                self._renew(connection, request)
            else:
                self._arrivals.add(connection, request)
        elif connection.state is State.OPEN:
            self._conversation.answer(connection, request)
        else:
            connection.close(protocol.CLOSE_UNAUTHENTICATED, _FIRST)

    def _not_understood(self, connection: Connection, error: protocol.MalformedMessage) -> None:
        connection.send(protocol.error_frame(error))
        if connection.state is not State.OPEN:
            connection.close(protocol.CLOSE_UNAUTHENTICATED, _FIRST)
            return
        connection.bad_messages += 1
        if connection.bad_messages >= limits.SOCKET_BAD_FRAMES_MAX:
            connection.close(protocol.CLOSE_MALFORMED, "Too many unreadable messages.")

    # Signing in

    def _sign_in(self, connection: Connection, request: protocol.Authenticate) -> None:
        try:
            user = self._authenticator.verify(request.token)
        except Unauthenticated as error:
            connection.send(protocol.error_frame(error))
            connection.close(protocol.CLOSE_UNAUTHENTICATED, error.detail)
            return
        if not self._admission.add_user(user.id):
            connection.close(
                protocol.CLOSE_TOO_MANY,
                f"{limits.SOCKETS_PER_USER_MAX} sockets are open for this account.",
            )
            return
        connection.user = user
        self._of_session.setdefault(user.session_id, []).append(connection)
        if self._lanes.needed:
            self._openings.start(lambda: self._choose_market(connection, request))
        else:
            self._let_in(connection, request, self._lanes.main)

    async def _choose_market(self, connection: Connection, request: protocol.Authenticate) -> None:
        lane = await self._lane_of(connection)
        if lane is not None and connection.state is State.SIGNING_IN:
            self._let_in(connection, request, lane)

    async def _lane_of(self, connection: Connection) -> MarketLane | None:
        """Return the market that a socket may see; close it where there is none."""
        try:
            return await self._lanes.lane_of(connection.owner)
        except OptixError as error:
            connection.send(protocol.error_frame(error))
            connection.close(protocol.CLOSE_NOT_ENTITLED, error.detail)
        except Exception:
            log.exception("stream.market_failed")
            connection.close(protocol.CLOSE_BUG, "Something went wrong on our side.")
        return None

    def _let_in(
        self, connection: Connection, request: protocol.Authenticate, lane: MarketLane
    ) -> None:
        stream = self._streams[lane.name]
        binary = request.format == "binary"
        self._waiting.discard(connection)
        connection.enter_fan(stream, binary=binary, interval_ms=request.interval_ms)
        hello = {
            "version": protocol.VERSION,
            "stream": stream.stream,
            "heartbeat_seconds": protocol.HEARTBEAT_SECONDS,
            "interval_ms": request.interval_ms,
            "format": request.format,
            "words": _WORDS,
        }
        connection.send(protocol.frame("hello", hello))
        connection.send(stream.status_frame())
        connection.send(stream.heartbeat_frame())
        connection.take_held()

    def _renew(self, connection: Connection, request: protocol.Authenticate) -> None:
        """Take a new token of the same user."""
        assert connection.user is not None, "it is open"
        try:
            user = self._authenticator.verify(request.token)
        except Unauthenticated as error:
            connection.send(protocol.error_frame(error))
            connection.close(protocol.CLOSE_UNAUTHENTICATED, error.detail)
            return
        if user.id != connection.user.id:
            connection.close(protocol.CLOSE_UNAUTHENTICATED, "The new token is another user's.")
            return
        self._forget_session(connection)
        connection.user = user
        connection.hinted = False
        self._of_session.setdefault(user.session_id, []).append(connection)

    # Staying

    def check_market(self, connection: Connection) -> None:
        """See whether a socket is still shown the market that its user may see."""
        if not self._lanes.needed and connection.market.name == self._lanes.main.name:
            return

        async def checking() -> None:
            lane = await self._lane_of(connection)
            if (
                lane is not None
                and connection.state is State.OPEN
                and lane.name != connection.market.name
            ):
                connection.close(protocol.CLOSE_NOT_ENTITLED, "Another market is shown now.")

        self._openings.start(checking)

    def session_ended(self, session_id: SessionId) -> None:
        """Close the sockets of a sign-in that has ended, wherever."""
        for connection in tuple(self._of_session.get(session_id, ())):
            connection.close(
                protocol.CLOSE_UNAUTHENTICATED, "The session of this access token has ended."
            )

    # Leaving

    def left(self, connection: Connection) -> None:
        """Forget a socket whose connection is gone."""
        self._waiting.discard(connection)
        self.deadlines.remove(connection)
        if connection.counted:
            self._admission.remove_address(connection.address)
        if connection.user is not None:
            self._admission.remove_user(connection.user.id)
            self._forget_session(connection)
        if connection.path in PATHS:
            self.closed[connection.close_code] += 1
            if connection.close_code in FAULTS:  # thousands may simply leave at once
                log.info(
                    "stream.closed",
                    request_id=connection.request_id,
                    code=connection.close_code,
                    seconds=round(self.now() - connection.opened_at, 1),
                )

    def _forget_session(self, connection: Connection) -> None:
        assert connection.user is not None, "it signed in"
        session_id = connection.user.session_id
        others = self._of_session.get(session_id, [])
        if connection in others:
            others.remove(connection)
        if not others:
            self._of_session.pop(session_id, None)

    # Running

    async def run(self) -> None:
        """Serve until cancelled, then move all clients away. Effects: writes to their sockets."""
        work = [
            asyncio.ensure_future(self._watch()),
            *(asyncio.ensure_future(stream.run()) for stream in self.streams),
            *(asyncio.ensure_future(stream.portfolios.run()) for stream in self.streams),
        ]
        self._running = True
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._drain()
            raise
        finally:
            self._running = False
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await self._openings.close()
            self._cut_all()
        for task in work:
            if not task.cancelled():
                task.result()

    async def ping(self) -> None:
        """Raise Unavailable while nobody is let in."""
        if not self._running or self._draining:
            raise Unavailable("The stream takes no connections now.")

    async def _watch(self) -> None:
        while True:
            self.deadlines.turn(self.now())
            await asyncio.sleep(STEP_SECONDS)

    async def _drain(self) -> None:
        """Tell all when to come back, close each when it should have gone, and wait for that."""
        self._draining = True
        try:
            now, seconds = self.now(), self._rules.drain_seconds
            spread = max(seconds, limits.SOCKET_RECONNECT_SPREAD_SECONDS)
            for stream in self.streams:
                for connection in stream.connections:
                    share = random.random()  # noqa: S311  # spreads load, guards nothing
                    after = {"reconnect_after_ms": int(share * spread * 1000)}
                    connection.send(protocol.frame("going_away", after))
                    connection.leave_at = now + share * seconds
                    self.deadlines.add(connection, connection.leave_at)
            for connection in tuple(self._waiting):
                connection.close(protocol.CLOSE_GOING_AWAY, "The server goes away.")
            until = now + seconds + limits.SOCKET_CLOSE_SECONDS_MAX + 1
            # Each ends in its own time.
            while (self.sockets or self._waiting) and self.now() < until:  # noqa: ASYNC110  # ends
                await asyncio.sleep(STEP_SECONDS)
        finally:
            self._draining = False

    def _cut_all(self) -> None:
        for stream in self.streams:
            for connection in stream.connections:
                connection.abort()
        for connection in tuple(self._waiting):
            connection.abort()


_WORDS: Final = {
    "quality": wire.QUALITY_WORDS,
    "trading": wire.TRADING_WORDS,
    "status": wire.STATUS_WORDS,
}
_FIRST: Final = "The first message must be auth."
_SPEAK: Final = "Speak WebSocket, as docs/streaming.md says."
