"""Sessions that ended so lately that an access token of theirs may not have: known everywhere.

Each process holds them in memory, so that refusing one costs no query. They are told over Redis: a
sorted set for those who come later (session → when its last access token ends, in unix ms), and a
channel for those who listen. While Redis is away an ended session is refused by the process that
ended it, elsewhere when its access token ends (at most 15 minutes); the metrics say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Gauge

from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.ids import SessionId
from optix.platform.bus import Bus, BusUnavailable

log = structlog.get_logger(__name__)

_KEYS: Final = "identity:ended_sessions:"
KEY: Final = f"{_KEYS}recent"
CHANNEL: Final = "identity.ended_sessions"

Listener = Callable[[SessionId], None]


class EndedSessions:
    """The ended sessions of the last 15 minutes. As a component it follows what others end."""

    name = "ended sessions"

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._until_ms: dict[SessionId, int] = {}
        self._untold: dict[SessionId, int] = {}  # Redis was away
        self._listeners: list[Listener] = []
        self.following = False

    def __contains__(self, session_id: SessionId) -> bool:
        return session_id in self._until_ms

    def listen(self, listener: Listener) -> None:
        """Call `listener` for each session that ends, from here on, wherever it is ended."""
        self._listeners.append(listener)

    def measure(self, registry: CollectorRegistry) -> None:
        """Show in `registry` whether ended sessions are heard of, and how many wait to be told."""
        following = Gauge(
            "optix_ended_sessions_followed",
            "1 while this process hears at once of sessions that others end.",
            registry=registry,
        )
        following.set_function(lambda: float(self.following))
        untold = Gauge(
            "optix_ended_sessions_untold",
            "Sessions ended here of which other processes do not know yet.",
            registry=registry,
        )
        untold.set_function(lambda: float(len(self._untold)))

    async def announce(self, session_ids: Iterable[SessionId]) -> None:
        """Refuse these sessions' access tokens from now on, here and in all processes.

        Call it when the end is committed. Never fails: without Redis it is told later.
        """
        until_ms = self._now_ms() + ACCESS_TOKEN_SECONDS * 1000
        ended = dict.fromkeys(session_ids, until_ms)
        if not ended:
            return
        self._remember(ended)
        self._untold |= ended
        await self._tell()

    async def run(self) -> None:
        """Follow the channel; load what was missed whenever the line is (re)connected."""
        try:
            async for message in self._bus.iter_messages(CHANNEL):
                if message is None:
                    await self._load()
                    await self._tell()
                    self.following = True
                else:
                    self._remember(_parse(message))
        finally:
            self.following = False

    async def ping(self) -> None:
        """Errors: BusUnavailable while what others end is not heard of."""
        if not self.following:
            raise BusUnavailable("Ended sessions are not followed yet.")

    async def _load(self) -> None:
        self.following = False
        try:
            found = await self._bus.scores(KEY)
        except BusUnavailable:
            return  # the line will be connected again
        now_ms = self._now_ms()
        self._remember(
            {
                SessionId(UUID(member.decode())): int(until_ms)
                for member, until_ms in found
                if until_ms > now_ms
            }
        )

    async def _tell(self) -> None:
        telling = dict(self._untold)
        if not telling:
            return
        try:
            await self._bus.tell_with_scores(
                KEY,
                CHANNEL,
                {str(session_id): until_ms for session_id, until_ms in telling.items()},
                drop_below=self._now_ms(),
                seconds=ACCESS_TOKEN_SECONDS,
            )
        except BusUnavailable as error:
            log.warning("identity.ended_sessions_untold", count=len(telling), error=repr(error))
            return
        for session_id in telling:
            self._untold.pop(session_id, None)

    def _remember(self, ended: dict[SessionId, int]) -> None:
        self._forget()
        for session_id, until_ms in ended.items():
            if session_id in self._until_ms:
                continue
            self._until_ms[session_id] = until_ms
            for listener in self._listeners:
                listener(session_id)
        while len(self._until_ms) > limits.ENDED_SESSIONS_MAX:
            del self._until_ms[next(iter(self._until_ms))]

    def _forget(self) -> None:
        # They come in the order of their ends, so the first that still counts ends the search.
        now_ms = self._now_ms()
        while self._until_ms:
            session_id, until_ms = next(iter(self._until_ms.items()))
            if until_ms > now_ms:
                return
            del self._until_ms[session_id]

    def _now_ms(self) -> int:
        return self._clock.now_ns() // 1_000_000


def _parse(message: bytes) -> dict[SessionId, int]:
    """Read lines of `session until_ms`."""
    pairs = (line.split() for line in message.decode().splitlines())
    return {SessionId(UUID(session_id)): int(until_ms) for session_id, until_ms in pairs}
