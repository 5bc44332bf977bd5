"""The stream of a vendor on this machine: a real WebSocket server, and every way it can fail.

A vendor's fake subclasses `StreamServer` and speaks the vendor's words; the switches are the same
for all of them, and so is the chaos suite that turns them (`contracts/streaming_provider.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Frame = str | bytes


class StreamServer:
    """Serves connections one after the other or together, counts them, and breaks on demand."""

    def __init__(self) -> None:
        self.stream_url = ""
        self.connects: list[float] = []  # in the loop's time, as the product's bounds are
        self.signed_in: set[ServerConnection] = set()
        self.heard: list[Frame] = []  # after the sign-in
        self.muted = False  # connections live and say nothing
        self.refuse = False  # nobody may sign in
        self.token_valid = True
        self.closing = False  # every connection is closed once it signed in
        self._all: set[ServerConnection] = set()

    # What a vendor's fake defines

    async def sign_in(self, connection: ServerConnection) -> bool:
        """Speak the vendor's handshake; False after a refusal was sent."""
        raise NotImplementedError

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        """Take a message of a client that signed in."""
        raise NotImplementedError

    def subscribed(self) -> set[str]:
        """Return the OPTIX symbols whose quotes are subscribed."""
        raise NotImplementedError

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        """Return a frame with one quote of an OPTIX symbol."""
        raise NotImplementedError

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        """Return a frame with one print, None where the vendor streams none."""
        raise NotImplementedError

    def malformed_frame(self) -> Frame:
        """Return what the vendor would never send."""
        return "}{ not a message"

    async def expire_token(self) -> None:
        """Make the token that is in use worthless, and say so as the vendor does."""
        raise NotImplementedError

    # Switches

    async def send(self, frame: Frame) -> None:
        """Send to everybody who signed in, unless muted."""
        if self.muted:
            return
        for connection in list(self.signed_in):
            try:
                await connection.send(frame)
            except ConnectionClosed:
                self.signed_in.discard(connection)

    async def quote(self, symbol: str, bid: float, ask: float, ts_event: int) -> None:
        await self.send(self.quote_frame(symbol, bid, ask, ts_event))

    async def drop(self) -> None:
        """Cut every connection without a word."""
        for connection in list(self._all):
            connection.transport.abort()

    def half_open(self) -> None:
        """Stop reading and writing on what is connected; new connections work."""
        for connection in list(self._all):
            connection.transport.pause_reading()
            self.signed_in.discard(connection)

    async def close_all(self, code: int = 1012, reason: str = "restart") -> None:
        for connection in list(self._all):
            await connection.close(code, reason)

    @asynccontextmanager
    async def serve_stream(self) -> AsyncIterator[None]:
        async with serve(
            self._follow_socket,
            "127.0.0.1",
            0,
            ping_interval=None,
            compression=None,
            close_timeout=0.2,
        ) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.stream_url = f"ws://127.0.0.1:{port}"
            try:
                yield
            finally:
                await self.drop()

    async def _follow_socket(self, connection: ServerConnection) -> None:
        self.connects.append(asyncio.get_running_loop().time())
        self._all.add(connection)
        try:
            if not await self.sign_in(connection):
                await connection.close(1008, "refused")
                return
            if self.closing:
                connection.transport.abort()
                return
            self.signed_in.add(connection)
            async for frame in connection:
                self.heard.append(frame)
                await self.on_frame(connection, frame)
        except (ConnectionClosed, asyncio.IncompleteReadError):
            pass  # the client went away, as clients do
        finally:
            self._all.discard(connection)
            self.signed_in.discard(connection)
            self.gone(connection)

    def gone(self, connection: ServerConnection) -> None:
        """Forget what belonged to a connection."""

    def connects_within(self, seconds: float) -> int:
        """Return the most connections that fell into any span of so many seconds."""
        return max(
            (
                sum(start <= instant < start + seconds for instant in self.connects)
                for start in self.connects
            ),
            default=0,
        )
