"""A client of the stream on a bare TCP connection: it may send whatever it likes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from tests.fakes.frames_of_clients import masked
from tests.fakes.stream_reader import Layout, Reader

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455 section 1.3, and its answer
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
SECONDS_MAX = 30.0
TEXT, CLOSE = 0x81, 0x88


def request(path: str = "/ws/quotes", method: str = "GET", **changes: str | None) -> bytes:
    """Return a handshake; names of headers are written with underscores, None leaves one out."""
    headers: dict[str, str | None] = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": KEY,
        "Sec_WebSocket_Version": "13",
    }
    headers |= changes
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def say(**message: Any) -> bytes:
    """Return a message as a masked text frame."""
    return masked(TEXT, json.dumps(message).encode())


class RawSocket:
    """One connection. `heard` has read what came, strictly."""

    def __init__(self, reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        self._reading = reading
        self._writing = writing
        self.heard = Reader()
        self.is_over = False

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int = 0) -> RawSocket:
        own = socket.socket()
        if receive_buffer:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        own.setblocking(False)
        await asyncio.get_running_loop().sock_connect(own, ("127.0.0.1", port))
        limit = receive_buffer or 2**16
        return cls(*await asyncio.open_connection(sock=own, limit=limit))

    async def shake_hands(self, head: bytes | None = None) -> tuple[int, dict[str, str]]:
        """Send a handshake; return status and headers of the answer, names in lower case."""
        self.send(head or request())
        async with asyncio.timeout(SECONDS_MAX):
            answer = await self._reading.readuntil(b"\r\n\r\n")
        first, *lines = answer.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}

    async def sign_in(self, token: str, **auth: Any) -> None:
        """Shake hands and wait for hello."""
        assert (await self.shake_hands())[0] == 101
        self.say(op="auth", token=token, **auth)
        await self.until(lambda: self.frames("hello"))

    def send(self, data: bytes) -> None:
        self._writing.write(data)

    def say(self, **message: Any) -> None:
        self.send(say(**message))

    def frames(self, *names: str) -> list[list[Any]]:
        return [frame for frame in self.heard.heard if frame[0] in names]

    async def read(self, size: int = 65_536) -> None:
        """Read what comes next."""
        try:
            data = await self._reading.read(size)
        except ConnectionError:
            data = b""
        self.is_over = not data
        self.heard.feed(data)

    async def until(self, condition: Callable[[], object]) -> None:
        """Read until something holds. The end of the connection before that is a failure."""
        async with asyncio.timeout(SECONDS_MAX):
            while not condition():
                assert not self.is_over, f"it ended with {self.heard.close_code}"
                await self.read()

    async def closed(self) -> int | None:
        """Read to the end of the connection, answering the close frame; return its code."""
        answered = False
        async with asyncio.timeout(SECONDS_MAX):
            while not self.is_over:
                if self.heard.close_code is not None and not answered:
                    answered = True
                    self.send(masked(CLOSE, b"\x03\xe8"))
                await self.read()
        return self.heard.close_code

    async def is_alive(self, mark: int) -> bool:
        """Return whether a ping is still answered."""
        self.say(op="ping", t=mark)
        await self.until(lambda: ["pong", mark] in self.heard.heard)
        return True

    def layouts(self, **sizes: Layout) -> None:
        self.heard._layouts |= {int(name[1:]): layout for name, layout in sizes.items()}

    def abort(self) -> None:
        """Lose the connection without a word."""
        self._writing.transport.abort()

    async def close(self) -> None:
        self.abort()
        await asyncio.sleep(0)
