"""The usual FastAPI quote stream, as a peer: `python -m benchmarks.peers.fastapi_quotes MODE`.

`naive` sends every tick to every follower as it comes; `conflated` keeps the newest row of each
symbol for each client and sends them every interval, encoded with orjson. Both have their market in
the process, where the product's gateway has it from Redis. Prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import orjson
import uvicorn
from benchmarks.stream_market import STEP_SECONDS, SYMBOLS, UPDATES_PER_S, Ticks, row_of, symbols
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

COLUMNS: Final = [
    *("symbol", "bid", "ask", "bid_size", "ask_size", "last", "open", "high", "low"),
    *("previous_close", "volume", "as_of", "quality", "flags", "trading"),
]


class Client:
    """One connection and what it has not been sent."""

    def __init__(self, websocket: WebSocket) -> None:
        self.websocket = websocket
        self.pending: dict[str, list[Any]] = {}
        self.number = 0


async def _send(websocket: WebSocket, text: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # it left meanwhile
        await websocket.send_text(text)


class Stream:
    """Who follows what."""

    def __init__(self, *, is_naive: bool) -> None:
        self.is_naive = is_naive
        self.followers: dict[str, set[Client]] = {symbol: set() for symbol in symbols()}
        self._names = symbols()

    async def run(self) -> None:
        """Let the market go on."""
        ticks = Ticks(SYMBOLS * UPDATES_PER_S)
        while True:
            at_ms = time.time_ns() // 1_000_000
            for tick in ticks.due():
                number, step = ticks.place(tick)
                await self._take(
                    self._names[number], row_of(number, self._names[number], step, at_ms)
                )
            await asyncio.sleep(STEP_SECONDS)

    async def _take(self, symbol: str, row: list[Any]) -> None:
        followers = self.followers[symbol]
        if not self.is_naive:
            for client in followers:
                client.pending[symbol] = row
        elif followers:
            text = orjson.dumps(["changes", 1, 1, [row], None, 0]).decode()
            for client in list(followers):
                await _send(client.websocket, text)

    async def flush(self, client: Client, number: int, seconds: float) -> None:
        """Send one client its newest rows again and again."""
        while True:
            await asyncio.sleep(seconds)
            if client.pending:
                rows = list(client.pending.values())
                client.pending.clear()
                client.number += 1
                text = orjson.dumps(["changes", number, client.number, rows, None, 0]).decode()
                await _send(client.websocket, text)


def app_of(*, is_naive: bool) -> FastAPI:
    """Return the application."""
    stream = Stream(is_naive=is_naive)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        market = asyncio.create_task(stream.run())
        yield
        market.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws/quotes")
    async def quotes(websocket: WebSocket) -> None:
        await websocket.accept()
        client, flusher = Client(websocket), None
        followed: list[str] = []
        try:
            auth = orjson.loads(await websocket.receive_text())
            await websocket.send_text('["hello",{"version":2}]')
            wanted = orjson.loads(await websocket.receive_text())
            header = {"kind": "quotes", "columns": COLUMNS}
            snapshot = orjson.dumps(["snapshot", wanted["id"], 0, header, [], 0]).decode()
            await websocket.send_text(snapshot)
            followed = wanted["quotes"]
            for symbol in followed:
                stream.followers[symbol].add(client)
            if not is_naive:
                seconds = auth["interval_ms"] / 1000
                flusher = asyncio.create_task(stream.flush(client, wanted["id"], seconds))
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            pass
        finally:
            for symbol in followed:
                stream.followers[symbol].discard(client)
            if flusher is not None:
                flusher.cancel()

    return app


def main(mode: str) -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app_of(is_naive=mode == "naive"),
        log_level="error",
        access_log=False,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
