"""Updates on their way to the one listener: in order, and bounded for those that send many."""

from __future__ import annotations

import asyncio
from collections import deque

from optix.kernel import limits
from optix.ports.market_data import MarketUpdate


class Outbox:
    """A queue whose senders wait while it is full; `say` is for the few words of our own."""

    def __init__(self) -> None:
        self._waiting: deque[MarketUpdate] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def wait_for_room(self) -> None:
        """Return once there is room: whoever sends too much is slowed down by it."""
        await self._room.wait()

    def say(self, update: MarketUpdate) -> None:
        self._waiting.append(update)
        self._news.set()
        if len(self._waiting) >= limits.FAILOVER_UPDATES_WAITING_MAX:
            self._room.clear()

    def wake(self) -> None:
        """Let the listener look around."""
        self._news.set()

    async def wait(self) -> None:
        """Return once something waits, or the listener was woken."""
        await self._news.wait()
        self._news.clear()

    def take(self) -> MarketUpdate | None:
        """Return the next update, None where nothing waits."""
        if not self._waiting:
            return None
        update = self._waiting.popleft()
        if len(self._waiting) < limits.FAILOVER_UPDATES_WAITING_MAX:
            self._room.set()
        return update

    def clear(self) -> None:
        self._waiting.clear()
        self._room.set()
