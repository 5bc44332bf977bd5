"""Tells the owner of a connection how its reading goes, and that the portfolio is another one.

An event that cannot be told is dropped: readers load what they see from the API, and the reading
itself must not fail because nobody can be told of it.
"""

from __future__ import annotations

import structlog

from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection
from optix.features.brokerage.sync import Progress
from optix.kernel.clock import Clock
from optix.kernel.errors import OptixError, Unavailable
from optix.kernel.ids import UserId
from optix.platform.user_events import Body, EventChannel, UserEvents

log = structlog.get_logger(__name__)


class EventListener:
    """Publishes `progress` on channel `sync` and `changed` on channel `portfolio`."""

    def __init__(self, events: UserEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock

    async def progressed(self, progress: Progress) -> None:
        body: dict[str, str | int | float | bool | None] = {
            "connection": str(progress.connection_id),
            "step": progress.step,
            "done": progress.done,
            "of": progress.total,
        }
        if progress.account:
            body["account"] = progress.account
        await self._tell(UserId(progress.user_id), "sync", "progress", body)

    async def changed(self, account: BrokerAccountRow, what: str) -> None:
        body = {"account": str(account.id), "what": what}
        await self._tell(UserId(account.user_id), "portfolio", "changed", body)

    async def finished(self, connection: BrokerConnection, error: OptixError | None) -> None:
        body = {"connection": str(connection.id), "step": "failed" if error else "done"}
        if error is not None:
            body["problem"] = error.code
        await self._tell(UserId(connection.user_id), "sync", "progress", body)

    async def _tell(self, owner: UserId, channel: EventChannel, kind: str, body: Body) -> None:
        try:
            await self._events.publish(owner, channel, kind, body, self._clock.now_ns())
        except Unavailable as error:
            log.warning("brokerage.event_dropped", code=error.code)
