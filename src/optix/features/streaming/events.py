"""The gateway's half of the ordered channel: events of the signed-in user to one socket.

Whose events they are is decided by who makes an `EventsSubscription`, from a verified token: no
word of a client names a user.

While a client keeps up, what is heard is pushed at once. Everything else is one motion: read the
stream after the position and push what comes, a little at a time, as the client reads. What it has
not read waits in the stream and not in this process; a client that reads nothing is closed and
comes back with its last offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final, Protocol

import orjson
import structlog

from optix.kernel import limits
from optix.kernel.ids import UserId
from optix.platform.bus import BusUnavailable
from optix.platform.user_events import Page, Position, UserEvent, UserEvents
from optix.platform.user_notices import Notice, UserNotices

log = structlog.get_logger(__name__)

CLOSE_UNREAD: Final = 4409
LOOK_SECONDS: Final = 0.1  # how often a full socket is looked at
RETRY_SECONDS_MAX: Final = 5.0


class Outlet(Protocol):
    """What a subscription needs of its socket."""

    def push(self, frame: bytes) -> None:
        """Send a text frame after all that were pushed before."""

    def pending(self) -> int:
        """Return how many bytes wait for the client to read."""

    def close(self, code: int) -> None:
        """End the socket."""


class EventsSubscription:
    """One subscription to events. Never loses, repeats or changes the order of what it sends."""

    def __init__(
        self,
        number: int,
        user_id: UserId,
        channels: Collection[str],
        *,
        events: UserEvents,
        notices: UserNotices,
        outlet: Outlet,
    ) -> None:
        self.id = number
        self._user_id = user_id
        self._channels = frozenset(channels)
        self._events = events
        self._notices = notices
        self._outlet = outlet
        self._after: Position | None = None
        self._position: Position | None = None  # everything up to it was looked at
        self._previous = 0  # the last offset that the client was told
        self._task: asyncio.Task[None] | None = None
        self._again = False

    @property
    def idle(self) -> bool:
        """Whether everything that was heard of is on its way."""
        return self._task is None

    def open(self, after: Position | None) -> None:
        """Begin after a position, or with what comes from now on."""
        self._after = after
        self._notices.follow(self._user_id, self)
        self._start()

    def close(self) -> None:
        """End it; nothing is pushed afterwards."""
        self._notices.unfollow(self._user_id, self)
        if self._task is not None:
            self._task.cancel()

    def heard(self, notice: Notice | None) -> None:
        """Push what continues the position; for everything else look into the stream."""
        if self._task is not None:
            self._again = True
            return
        assert self._position is not None, "the first task has found it"
        if notice is None or notice.head.epoch != self._position.epoch:
            self._start()
            return
        ahead = notice.head.offset - self._position.offset
        if ahead == 1 and notice.event is not None and not self._full():
            self._deliver(notice.event)
        elif ahead > 0 or (ahead < 0 and notice.event is None):
            # Behind us without an event: somebody looked, so the stream may have lost something.
            self._start()

    def _start(self) -> None:
        self._task = asyncio.ensure_future(self._catch_up())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("streaming.events_failed", exc_info=task.exception())
            self._outlet.close(1011)

    async def _catch_up(self) -> None:
        pause = limits.RECONNECT_SECONDS_FIRST
        while True:
            self._again = False
            try:
                page = await self._next_page()
            except BusUnavailable:
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
                continue
            if page.reset or self._position is None:
                self._begin(page)
            for event in page.events:
                if self._full() and not await self._drained():
                    self._outlet.close(CLOSE_UNREAD)
                    return
                self._deliver(event)
            if self._position == page.head and not self._again:
                # From here to the end of the task nothing else runs: no notice is passed over.
                self._task = None
                return

    async def _next_page(self) -> Page:
        after = self._position or self._after
        if after is None:
            return Page(await self._events.position(self._user_id), [])
        return await self._events.read(self._user_id, after)

    def _begin(self, page: Page) -> None:
        after = page.head if page.reset or self._after is None else self._after
        self._position, self._previous = after, after.offset
        said = {"epoch": after.epoch, "offset": after.offset, "reset": page.reset}
        self._outlet.push(orjson.dumps(("events", self.id, said)))

    def _deliver(self, event: UserEvent) -> None:
        assert self._position is not None, "begin first"
        assert event.offset == self._position.offset + 1, "events follow each other"
        self._position = Position(self._position.epoch, event.offset)
        if event.channel not in self._channels:
            return
        body = orjson.Fragment(event.body)
        numbers = (self.id, event.offset, self._previous)
        self._outlet.push(
            orjson.dumps(("event", *numbers, event.channel, event.kind, body, event.at_ms))
        )
        self._previous = event.offset

    def _full(self) -> bool:
        return self._outlet.pending() > limits.EVENTS_UNREAD_BYTES_MAX

    async def _drained(self) -> bool:
        """Wait until the client has read; False if it does not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limits.EVENTS_UNREAD_SECONDS_MAX
        while self._full():
            if loop.time() >= until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True
