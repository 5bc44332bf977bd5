"""A client at the other end of a session: it says what a test says and may refuse to read."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson


class FakeSocket:
    """What a session is given for a WebSocket. `reading` is cleared to stop taking frames."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.received = 0
        self.reading = asyncio.Event()
        self.reading.set()
        self._inbox: asyncio.Queue[str | bytes | None] = asyncio.Queue()

    def say(self, **message: Any) -> None:
        self._inbox.put_nowait(orjson.dumps(message))

    def leave(self) -> None:
        self._inbox.put_nowait(None)

    def frames(self, *names: str) -> list[list[Any]]:
        """Return the frames of these names, in the order in which they were taken."""
        return [frame for frame in self.sent if frame[0] in names]

    async def receive(self) -> str | bytes | None:
        message = await self._inbox.get()
        self.received += 1
        return message

    async def send(self, data: bytes) -> None:
        await self.reading.wait()
        self.sent.append(orjson.loads(data))

    async def close(self, code: int, reason: str) -> None:
        self.sent.append(["closed", code, reason])
