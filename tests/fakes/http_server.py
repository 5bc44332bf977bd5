"""A small server that speaks real HTTP, for fakes of providers that only answer questions.

A fake gives it one function from a request to a reply. A test can script replies that come first,
and see what was asked.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    path: str  # without the query, unquoted
    params: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0  # bytes left off the end
    drop: bool = False  # the connection ends without an answer


Handler = Callable[[Request], Reply | Awaitable[Reply]]


def json_reply(document: object, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(document), {"Content-Type": "application/json"})


def text_reply(text: str, status: int = 200, **headers: str) -> Reply:
    return Reply(status, text.encode(), {"Content-Type": "text/plain", **headers})


class HTTPServer:
    """Serves what `handler` says, after what a test scripted."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.scripted: deque[Reply] = deque()
        self.asked: list[Request] = []
        self.under_way = 0
        self.under_way_max = 0
        self.base_url = ""

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[HTTPServer]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = _parse((await reader.readuntil(b"\r\n\r\n")).decode("ascii"))
                self.asked.append(request)
                self.under_way += 1
                self.under_way_max = max(self.under_way_max, self.under_way)
                try:
                    reply = await self._reply(request)
                finally:
                    self.under_way -= 1
                if reply.drop:
                    return
                writer.write(_bytes_of(reply))
                await writer.drain()
                if reply.cut:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as clients do
        finally:
            writer.close()

    async def _reply(self, request: Request) -> Reply:
        if self.scripted:
            return self.scripted.popleft()
        made = self._handler(request)
        return await made if inspect.isawaitable(made) else made


def _parse(head: str) -> Request:
    first, *lines = head.split("\r\n")
    parts = urlsplit(first.split(" ", 2)[1])
    headers = {
        name.strip().lower(): value.strip()
        for name, separator, value in (line.partition(":") for line in lines)
        if separator
    }
    return Request(unquote(parts.path), dict(parse_qsl(parts.query)), headers)


def _bytes_of(reply: Reply) -> bytes:
    body = reply.body[: len(reply.body) - reply.cut]
    headers = {**reply.headers, "Content-Length": str(len(reply.body))}
    lines = [f"HTTP/1.1 {reply.status} Status"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body
