"""One market's sockets: the fan that writes to them, what ticks it, and what all are told alike."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

import structlog

from optix.features.market.lanes import MarketLane
from optix.features.portfolio.service import PortfolioService
from optix.features.streaming import protocol
from optix.features.streaming.followed import FollowedTopics, Openings
from optix.features.streaming.portfolios import FollowedPortfolios, Notices
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.platform.fanout.core import Ending

if TYPE_CHECKING:
    from optix.features.streaming.connection import Connection

log = structlog.get_logger(__name__)

_SLICES_A_SECOND: Final = round(1 / limits.SOCKET_SLICE_SECONDS)
# Heartbeats go to a part of the clients at a time, so that no slice has all of them.
_BEAT_PARTS: Final = 50
_SLICES_A_BEAT: Final = protocol.HEARTBEAT_SECONDS * _SLICES_A_SECOND // _BEAT_PARTS


class MarketStream:
    """The stream of one market. `run` writes; all else happens in the loop's thread too."""

    def __init__(
        self,
        lane: MarketLane,
        openings: Openings,
        clock: Clock,
        *,
        portfolio: PortfolioService | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.name: str = lane.name
        self.fan = lane.book.fan
        self.stream = secrets.token_hex(8)  # what clients call this run of the gateway
        self.followed = FollowedTopics(lane.book, openings)
        self.portfolios = FollowedPortfolios(lane, openings, portfolio, notices)
        self._late_seconds = 0.0  # at the most, since somebody asked
        self.endings = dict.fromkeys(Ending, 0)
        self._lane = lane
        self._clock = clock
        self._connections: dict[int, Connection] = {}
        self._somebody = asyncio.Event()
        self._status: tuple[float, bytes] = (0.0, b"")
        lane.book.listen(self._told)

    @property
    def sockets(self) -> int:
        return len(self._connections)

    @property
    def connections(self) -> list[Connection]:
        return list(self._connections.values())

    def take_late_seconds(self) -> float:
        """Return by how much ticks were late since this was asked last, at the most."""
        late, self._late_seconds = self._late_seconds, 0.0
        return late

    def enter(self, connection: Connection, descriptor: int, *, binary: bool, slices: int) -> int:
        """Let the fan write to a descriptor from now on; return its handle."""
        handle = self.fan.add_client(descriptor, binary=binary, interval_slices=slices)
        self._connections[handle] = connection
        self._somebody.set()
        return handle

    def leave(self, handle: int) -> bytes:
        """Take a client out. Return what is left of a frame that it has a part of."""
        del self._connections[handle]
        return self.fan.remove_client(handle)

    # What all are told

    def status_frame(self) -> bytes:
        """Return the state of the feed, as of this second."""
        now = asyncio.get_running_loop().time()
        made_at, frame = self._status
        if not frame or now - made_at >= 1:
            status = self._lane.market.feed_status().model_dump(mode="json")
            frame = protocol.frame("status", status)
            self._status = now, frame
        return frame

    def heartbeat_frame(self) -> bytes:
        market_ms = self._lane.book.market_now_ns() // 1_000_000
        return protocol.frame("heartbeat", self._clock.now_ns() // 1_000_000, market_ms)

    def _told(self, topic: str) -> None:
        if topic == "status":
            self._status = 0.0, b""
            self.fan.broadcast(self.status_frame())
            self.followed.retry()
        else:
            self.followed.listed(topic)

    # Ticking

    async def run(self) -> None:
        """Flush who is due, a hundred times a second, while there is somebody."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._connections:
                self._somebody.clear()
                await self._somebody.wait()
            slice_number = int(loop.time() * _SLICES_A_SECOND)
            while self._connections:
                due = (slice_number + 1) / _SLICES_A_SECOND
                await asyncio.sleep(due - loop.time())
                now = loop.time()
                self._late_seconds = max(self._late_seconds, now - due)
                before, slice_number = slice_number, int(now * _SLICES_A_SECOND)
                self._tick(before, slice_number, now)

    def _tick(self, before: int, slice_number: int, now: float) -> None:
        for beat in range(before // _SLICES_A_BEAT + 1, slice_number // _SLICES_A_BEAT + 1):
            self.fan.broadcast(self.heartbeat_frame(), part=beat % _BEAT_PARTS, parts=_BEAT_PARTS)
        if slice_number // _SLICES_A_RECENTRE != before // _SLICES_A_RECENTRE:
            self.followed.recentre()
        for handle, number in self.fan.tick(slice_number, int(now * 1000)):
            connection = self._connections.get(handle)
            ending = Ending(number)
            self.endings[ending] += 1
            if connection is not None:
                connection.ended_by_fan(ending)


_SLICES_A_RECENTRE: Final = int(limits.SOCKET_RECENTRE_SECONDS * _SLICES_A_SECOND)
