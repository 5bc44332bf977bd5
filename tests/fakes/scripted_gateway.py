"""A small server that speaks docs/streaming.md as a script says, for the tools that visit one."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

QUOTE_COLUMNS = [
    *("symbol", "bid", "ask", "bid_size", "ask_size", "last", "open", "high", "low"),
    *("previous_close", "volume", "as_of", "quality", "flags", "trading"),
]
ROW_BYTES = 56


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def now_ms() -> int:
    return time.time_ns() // 1_000_000  # house: allow(clock) because a reader compares with its own


@dataclass
class ScriptedStream:
    """What the server does, and what it was told."""

    refuse_with: HTTPStatus | None = None
    close_with: int | None = None  # instead of hello
    numbers: tuple[int, ...] = (1, 2, 3)  # of the changes
    repeat: bool = False  # changes go on, their numbers rising
    age_ms: int = 0
    answer_late: bool = False  # never says hello
    said: list[dict[str, Any]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    url: str = ""

    async def serve_one(self, socket: ServerConnection) -> None:
        self.peers.append(socket.remote_address[0])
        auth = json.loads(await socket.recv())
        self.said.append(auth)
        if self.answer_late:
            await socket.wait_closed()
            return
        if self.close_with:
            await socket.close(self.close_with)
            return
        await socket.send(compact(["hello", {"version": 2, "stream": "x"}]))
        subscribe = json.loads(await socket.recv())
        self.said.append(subscribe)
        number = subscribe["id"]
        binary = auth.get("format") == "binary"
        await socket.send(self.snapshot(number, binary=binary))
        for n in self.numbers:
            await socket.send(self.changes(number, n, binary=binary))
        n = self.numbers[-1] if self.numbers else 0
        while self.repeat:
            n += 1
            await asyncio.sleep(0.01)
            await socket.send(self.changes(number, n, binary=binary))
        await socket.send('["slow",4]')
        await socket.send('["news",{"nobody":"knows"}]')
        await socket.send('["error",{"id":null,"code":"too_many_subscriptions"}]')
        async for text in socket:
            message = json.loads(text)
            self.said.append(message)
            if message["op"] == "ping":
                await socket.send(compact(["pong", message["t"]]))

    def snapshot(self, number: int, *, binary: bool) -> str | bytes:
        header = {"kind": "quotes", "columns": QUOTE_COLUMNS, "ids": {"SPY": 1}, "missing": []}
        if not binary:
            return compact(["snapshot", number, 0, header, [self.row(0), self.row(1)], 5])
        return self.frame(1, number, 0, 2) + compact(header).encode()

    def changes(self, number: int, n: int, *, binary: bool) -> str | bytes:
        if binary:
            return self.frame(2, number, n, 3)
        return compact(["changes", number, n, [self.row(i) for i in range(3)], None, 6])

    def row(self, i: int) -> list[Any]:
        symbol = ["SPY", 'A"[,B', "C"][i]
        return [symbol, 1.5, 2, 1, 1, None, 1, 1, 1, 1, 10, now_ms() - self.age_ms, "live", 0, None]

    def frame(self, kind: int, number: int, n: int, rows: int) -> bytes:
        at = now_ms() - self.age_ms
        row = b"\0" * 46 + struct.pack("<HI", at >> 32, at & 0xFFFFFFFF) + b"\0" * 4
        assert len(row) == ROW_BYTES
        return struct.pack("<BBHIIIQ", kind, 1, 0, number, n, rows, 7) + row * rows

    def judge(self, connection: ServerConnection, _: Request) -> Response | None:
        if self.refuse_with is None:
            return None
        return connection.respond(self.refuse_with, "no\n")


@asynccontextmanager
async def scripted_stream(stream: ScriptedStream) -> AsyncIterator[ScriptedStream]:
    """Serve on a free port of this machine."""

    async def serve_one(socket: ServerConnection) -> None:
        try:
            await stream.serve_one(socket)
        except ConnectionClosed:
            return

    async with serve(
        serve_one, "127.0.0.1", 0, process_request=stream.judge, compression=None
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        stream.url = f"ws://127.0.0.1:{port}/ws/quotes"
        yield stream
