"""Cboe's CDN as far as it is documented: a server speaking real HTTP, and its documents.

Unknown symbols answer 403 with the storage's XML, indices answer under an underscore, bodies are
gzip where the client takes it. A test can make it refuse, throttle, stall, damage or overload.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

ACCESS_DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
_REASONS = {200: "OK", 403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that replaces the usual one. `cut` bytes are left off the end of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    stall: bool = False
    drop: bool = False


class FakeCboe:
    """Serves `documents` (path to body) and counts what it was asked."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.scripted: deque[Answer] = deque()  # consumed before the documents
        self.asked: list[str] = []
        self.under_way: Counter[str] = Counter()
        self.overlap_max = 0  # the most requests of one path at a time
        self.hold: asyncio.Event | None = None  # answers wait for it where it is set
        self.base_url = ""

    def put(self, path: str, document: Any) -> None:
        self.documents[path] = document if isinstance(document, bytes) else orjson.dumps(document)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeCboe]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}/api/global/delayed_quotes"
        try:
            yield self
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer_requests(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as clients do
        finally:
            writer.close()

    async def _answer_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            target = head.split(" ", 2)[1]
            path = target.partition("/delayed_quotes/")[2]
            self.asked.append(path)
            self.under_way[path] += 1
            self.overlap_max = max(self.overlap_max, self.under_way[path])
            try:
                if self.hold is not None:
                    await self.hold.wait()
                answer = self.scripted.popleft() if self.scripted else self._usual(path)
                if answer.drop:
                    return
                if answer.stall:
                    await asyncio.Event().wait()
                writer.write(_bytes_of(answer, compress="gzip" in head))
                await writer.drain()
                if answer.cut:
                    return
            finally:
                self.under_way[path] -= 1

    def _usual(self, path: str) -> Answer:
        body = self.documents.get(path)
        return Answer(403, ACCESS_DENIED) if body is None else Answer(200, body)


def _bytes_of(answer: Answer, *, compress: bool) -> bytes:
    body = answer.body
    headers = dict(answer.headers)
    if compress and answer.status == 200 and "Content-Encoding" not in headers:
        body = gzip.compress(body)
        headers["Content-Encoding"] = "gzip"
    body = body[: len(body) - answer.cut]
    headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body


def option_row(option: str, **changes: Any) -> dict[str, Any]:
    """Return one option as Cboe sends it."""
    row = {
        "option": option,
        "bid": 2.31,
        "bid_size": 12.0,
        "ask": 2.36,
        "ask_size": 30.0,
        "iv": 0.2375,
        "open_interest": 1203.0,
        "volume": 17.0,
        "delta": 0.51,
        "gamma": 0.021,
        "vega": 0.33,
        "theta": -0.118,
        "rho": 0.13,
        "theo": 2.335,
        "change": 0.1,
        "open": 2.2,
        "high": 2.5,
        "low": 2.1,
        "tick": "up",
        "last_trade_price": 2.34,
        "last_trade_time": "2026-06-17T13:28:52",
        "percent_change": 4.4,
        "prev_day_close": 2.24,
    }
    return row | changes


def options_document(
    rows: list[Any],
    *,
    symbol: str | None = "IWM",
    timestamp: str = "2026-06-17 17:44:24",
    **header: Any,
) -> dict[str, Any]:
    """Return a chain document around `rows`, of a Wednesday in June: New York is UTC - 4."""
    data: dict[str, Any] = {
        "security_type": "stock",
        "exchange_id": 2,
        "current_price": 295.4,
        "bid": 295.39,
        "ask": 295.41,
        "bid_size": 4,
        "ask_size": 6,
        "open": 293.1,
        "high": 296.2,
        "low": 292.8,
        "close": 295.4,
        "prev_day_close": 292.08,
        "volume": 31_204_551,
        "iv30": 23.568,
        "last_trade_time": "2026-06-17T13:29:23",
    } | header
    document: dict[str, Any] = {"timestamp": timestamp, "data": data | {"options": rows}}
    if symbol is not None:
        document["symbol"] = symbol
        data_symbol = f"^{symbol[1:]}" if symbol.startswith("_") else symbol
        document["data"]["symbol"] = data_symbol
    return document


def quote_document(**changes: Any) -> dict[str, Any]:
    """Return a quote document: the chain's header without its options."""
    document = options_document([], **changes)
    del document["data"]["options"]
    return document


def usual_rows(root: str = "IWM") -> list[dict[str, Any]]:
    """Return a small chain: two expirations of three strikes."""
    return [
        option_row(f"{root}{expiration}{right}{strike:08d}", delta=0.5 if right == "C" else -0.5)
        for expiration in ("260618", "260717")
        for strike in (290_000, 295_000, 300_000)
        for right in "CP"
    ]


def daily_document(days: list[tuple[str, Any, Any, Any, Any, Any]]) -> dict[str, Any]:
    """Return a chart of days. Numbers come as numbers or as texts."""
    keys = ("date", "open", "high", "low", "close", "volume")
    return {"symbol": "IWM", "data": [dict(zip(keys, day, strict=True)) for day in days]}


def minutes_document(bars: list[tuple[str, float, float, float, float, float]]) -> dict[str, Any]:
    """Return the chart of one session."""
    return {
        "symbol": "IWM",
        "data": [
            {
                "datetime": start,
                "price": {"open": o, "high": h, "low": low, "close": c},
                "volume": {"stock_volume": volume, "total_options_volume": 3},
            }
            for start, o, h, low, c, volume in bars
        ],
    }
