"""A bus that a test speaks through: it answers as it is told and remembers what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from optix.features.market.quote_batches import QuoteBatches
from optix.features.market.wire import QUOTES_HEAD
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quote, TradingStatus
from optix.platform.bus import FeedUnavailable, describe_error
from optix.platform.bus_reader import Receive
from optix.platform.fanout.python_fan import iter_batch


class ScriptedBus:
    """Stands where `platform.bus.Bus` does.

    `answers` maps a kind of question to the function that answers it; a kind without one is not
    answered. That of "quote" returns the quote of one symbol; questions are for many ("quotes").
    `kept_states` and `kept_rows` are what Redis would hold; `batches` is the feed's encoder.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.leases: list[list[str]] = []
        self.published: list[dict[str, Any]] = []
        self.kept_states: dict[str, bytes] = {}
        self.kept_rows: dict[str, bytes] = {}
        self.topics: list[str] = []
        self.batches = QuoteBatches("e")
        self._receive: Receive | None = None

    def tell(self, body: dict[str, Any] | None) -> None:
        """Broadcast to the follower; None says that the line was connected."""
        self._hand(None if body is None else orjson.dumps(body))

    def tell_quotes(
        self, number: int, *quotes: Quote, trading: TradingStatus | None = None
    ) -> None:
        """Broadcast message `number` of the feed with these quotes."""
        states = {} if trading is None else {trading.symbol: trading}
        self._hand(self.batches.message(number, quotes, states)[0])

    def _hand(self, message: bytes | None) -> None:
        assert self._receive is not None, "nobody follows"
        self._receive(message)

    def follow(self, receive: Receive) -> ScriptedBus:
        self._receive = receive
        return self

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def kept_fields(
        self, key: str, fields: Sequence[str], take: Callable[[list[bytes | None]], None]
    ) -> None:
        take([self.kept_rows.get(field) for field in fields])

    async def keep_fields(self, key: str, fields: dict[str, bytes]) -> None:
        self.kept_rows |= fields

    async def ping(self) -> None:
        pass

    async def lease(self, topics: Iterable[str], *, seconds: float = 0) -> None:
        self.leases.append(list(topics))

    async def leased(self) -> list[str]:
        return list(self.topics)

    async def ask(self, kind: str, arguments: dict[str, Any]) -> Any:
        self.asked.append((kind, arguments))
        if kind == "quotes" and "quote" in self.answers:
            return await self._keep_quotes(arguments["symbols"])
        if kind not in self.answers:
            raise FeedUnavailable("Nobody answers.")
        answer = self.answers[kind](arguments)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def _keep_quotes(self, symbols: list[str]) -> dict[str, Any]:
        """Answer for many quotes as the feed does."""
        failed = {}
        for symbol in symbols:
            try:
                quote = self.answers["quote"]({"symbol": symbol})
                quote = await quote if asyncio.iscoroutine(quote) else quote
            except OptixError as error:
                failed[symbol] = describe_error(error)
                continue
            rows = self.batches.encode([quote], {})
            followed = f"q:{symbol}" in self.topics
            self.kept_rows[symbol] = self.batches.kept(rows[0], followed=followed)
        return {"pending": [], "failed": failed}

    async def publish(self, message: bytes, *, keep: dict[str, dict[str, bytes]]) -> None:
        self.published.append(read_message(message))
        for fields in keep.values():
            self.kept_rows |= fields

    async def keep(self, key: str, value: bytes) -> None:
        self.kept_states[key] = value

    async def kept(self, key: str) -> bytes | None:
        return self.kept_states.get(key)

    async def serve(self, handler: Callable[..., Any]) -> None:
        await asyncio.Event().wait()


def read_message(message: bytes) -> dict[str, Any]:
    """Return a message of the feed with its quotes as `q`, clients' columns and then the others."""
    if not message.startswith(QUOTES_HEAD):
        body: dict[str, Any] = orjson.loads(message)
        return body
    head, _, batch = message.partition(b"\n")
    rows = {number: orjson.loads(json) for number, json, _ in iter_batch(batch)}
    quotes = [rows[number] + rows[number + 1] for number in sorted(rows) if number % 2 == 0]
    return {**orjson.loads(head), "q": quotes}
