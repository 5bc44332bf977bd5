"""The gateway's half of the ordered channel: events of the signed-in user to one socket.

Whose events they are is what the socket's verified token says (`Reader.owner`): no word of a client
names a user.

While a client keeps up, what is heard is pushed at once. Everything else is one motion: read the
stream after the position and push what comes, a little at a time, as the client reads. What it has
not read waits in the stream and not in this process; a client that reads nothing is closed and
comes back with its last offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import orjson
import structlog

from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.ids import UserId
from optix.platform.bus import BusUnavailable
from optix.platform.user_events import CHANNELS, Page, Position, UserEvent, UserEvents
from optix.platform.user_notices import Notice, UserNotices

log = structlog.get_logger(__name__)

CLOSE_NOT_READING: Final = 4409
CLOSE_BUG: Final = 1011
LOOK_SECONDS: Final = 0.1  # how often a full socket is looked at
RETRY_SECONDS_MAX: Final = 5.0


class UnknownChannel(InvalidInput):
    """A client asked for events of a kind that does not exist."""

    code = "unknown_channel"
    next_step = f"Choose of: {', '.join(sorted(CHANNELS))}."


class After(Protocol):
    """The last event that a client has."""

    @property
    def epoch(self) -> str: ...
    @property
    def offset(self) -> int: ...


class Reader(Protocol):
    """What a subscription needs of its socket (`events_source.EventsReader`)."""

    @property
    def owner(self) -> UserId:
        """Whose events it may be sent, and nobody else's."""

    def send(self, payload: bytes) -> None:
        """Send a frame after all that were sent before."""

    def pending(self) -> int:
        """Return how many bytes wait for the client to read."""

    def close(self, code: int, reason: str) -> None:
        """End the socket."""


class UserEventsSource:
    """Gives the events of users to their sockets. One per gateway."""

    def __init__(self, events: UserEvents, notices: UserNotices) -> None:
        self._events = events
        self._notices = notices

    def subscribe(
        self, reader: Reader, number: int, channels: Sequence[str], after: After | None
    ) -> EventsSubscription:
        """Answer with an `events` frame, then send each event. Returns at once.

        Errors: UnknownChannel.
        """
        unknown = sorted(set(channels) - CHANNELS)
        if unknown:
            raise UnknownChannel(f"There are no events of {unknown[0][:32]!r}.")
        position = None if after is None else Position(after.epoch, after.offset)
        return EventsSubscription(
            reader, number, frozenset(channels), position, self._events, self._notices
        )


class EventsSubscription:
    """One subscription to events. Never loses, repeats or changes the order of what it sends."""

    __slots__ = (
        "_after", "_again", "_channels", "_events", "_id", "_notices", "_owner", "_position",
        "_previous", "_reader", "_task",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917  # made in one place
        self,
        reader: Reader,
        number: int,
        channels: frozenset[str],
        after: Position | None,
        events: UserEvents,
        notices: UserNotices,
    ) -> None:
        self._reader = reader
        self._owner = reader.owner
        self._id = number
        self._channels = channels
        self._events = events
        self._notices = notices
        self._after = after
        self._position: Position | None = None  # everything up to it was looked at
        self._previous = 0  # the last offset that the client was told
        self._task: asyncio.Task[None] | None = None
        self._again = False
        notices.follow(self._owner, self)
        self._start()

    @property
    def idle(self) -> bool:
        """Whether everything that was heard of is on its way."""
        return self._task is None

    def close(self) -> None:
        """Stop sending."""
        self._notices.unfollow(self._owner, self)
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
            self._reader.close(CLOSE_BUG, "Something went wrong on our side.")

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
                    self._reader.close(CLOSE_NOT_READING, "The client does not read its events.")
                    return
                self._deliver(event)
            if self._position == page.head and not self._again:
                # From here to the end of the task nothing else runs: no notice is passed over.
                self._task = None
                return

    async def _next_page(self) -> Page:
        after = self._position or self._after
        if after is None:
            return Page(await self._events.position(self._owner), [])
        return await self._events.read(self._owner, after)

    def _begin(self, page: Page) -> None:
        after = page.head if page.reset or self._after is None else self._after
        self._position, self._previous = after, after.offset
        said = {"epoch": after.epoch, "offset": after.offset, "reset": page.reset}
        self._reader.send(orjson.dumps(("events", self._id, said)))

    def _deliver(self, event: UserEvent) -> None:
        assert self._position is not None, "begin first"
        assert event.offset == self._position.offset + 1, "events follow each other"
        self._position = Position(self._position.epoch, event.offset)
        if event.channel not in self._channels:
            return
        body = orjson.Fragment(event.body)
        numbers = (self._id, event.offset, self._previous)
        self._reader.send(
            orjson.dumps(("event", *numbers, event.channel, event.kind, body, event.at_ms))
        )
        self._previous = event.offset

    def _full(self) -> bool:
        return self._reader.pending() > limits.EVENTS_UNREAD_BYTES_MAX

    async def _drained(self) -> bool:
        """Wait until the client has read; False if it does not."""
        loop = asyncio.get_running_loop()
        until = loop.time() + limits.EVENTS_UNREAD_SECONDS_MAX
        while self._full():
            if loop.time() >= until:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True
