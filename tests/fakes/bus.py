"""A bus that a test speaks through: it answers as it is told and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import orjson

from optix.platform.bus import FeedUnavailable


class ScriptedBus:
    """Stands where `platform.bus.Bus` does.

    `answers` maps a kind of question to the function that answers it; a kind without one is not
    answered. `kept_states` and `kept_fields` are what Redis would hold.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.leases: list[list[str]] = []
        self.published: list[dict[str, Any]] = []
        self.kept_states: dict[str, bytes] = {}
        self.kept_fields: dict[str, bytes] = {}
        self.topics: list[str] = []
        self._updates: asyncio.Queue[bytes | None] = asyncio.Queue()

    def tell(self, body: dict[str, Any] | None) -> None:
        """Broadcast to the followers; None says that the line was connected."""
        self._updates.put_nowait(None if body is None else orjson.dumps(body))

    async def iter_updates(self) -> AsyncIterator[bytes | None]:
        while True:
            yield await self._updates.get()

    async def ping(self) -> None:
        pass

    async def lease(self, topics: Iterable[str], *, seconds: float = 0) -> None:
        self.leases.append(list(topics))

    async def leased(self) -> list[str]:
        return list(self.topics)

    async def ask(self, kind: str, arguments: dict[str, Any]) -> Any:
        self.asked.append((kind, arguments))
        if kind not in self.answers:
            raise FeedUnavailable("Nobody answers.")
        answer = self.answers[kind](arguments)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def publish(self, message: bytes, *, keep: dict[str, dict[str, bytes]]) -> None:
        self.published.append(orjson.loads(message))
        for fields in keep.values():
            self.kept_fields |= fields

    async def keep(self, key: str, value: bytes) -> None:
        self.kept_states[key] = value

    async def kept(self, key: str) -> bytes | None:
        return self.kept_states.get(key)

    async def kept_field(self, key: str, field: str) -> bytes | None:
        return self.kept_fields.get(field)

    async def serve(self, handler: Callable[..., Any]) -> None:
        await asyncio.Event().wait()
