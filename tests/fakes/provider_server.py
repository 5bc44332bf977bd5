"""The REST side of a vendor on this machine: real HTTP, answers by route, faults on demand."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    target: str = ""  # as it came, where bytes matter

    def form(self) -> Mapping[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """`body` is bytes, or what becomes JSON. `cut` bytes are left off the end."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    stall: bool = False
    drop: bool = False


Handler = Callable[[Request], Reply]


class ProviderServer:
    """Subclasses add routes. `scripted` replies come first, `asked` says what was requested."""

    def __init__(self) -> None:
        self.routes: list[tuple[str, str, Handler]] = []  # method, path or its beginning with *
        self.scripted: deque[Reply] = deque()
        self.down = False  # every request is dropped
        self.asked: list[Request] = []
        self.counts: Counter[str] = Counter()
        self.base_url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    def route(self, method: str, path: str, handler: Handler) -> None:
        self.routes.append((method, path, handler))

    @asynccontextmanager
    async def serve_http(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._follow_client, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            for writer in list(self._writers):
                writer.close()

    async def _follow_client(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers.add(writer)
        try:
            while True:
                request = await _read(reader)
                reply = self._answer(request)  # looked up now: a test may have put another there
                if reply.drop:
                    return
                if reply.stall:
                    await asyncio.Event().wait()
                writer.write(_bytes_of(reply))
                await writer.drain()
                if reply.cut:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, request: Request) -> Reply:
        self.asked.append(request)
        self.counts[request.path] += 1
        if self.down:
            return Reply(drop=True)
        if self.scripted:
            return self.scripted.popleft()
        for method, path, handler in self.routes:
            exact = request.path == path
            below = path.endswith("*") and request.path.startswith(path[:-1])
            if request.method == method and (exact or below):
                return handler(request)
        return Reply({"message": "not found"}, status=404)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return Request(method, unquote(parts.path), query, headers, body, target)


def _bytes_of(reply: Reply) -> bytes:
    body = reply.body if isinstance(reply.body, bytes) else orjson.dumps(reply.body)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **reply.headers,
    }
    lines = [f"HTTP/1.1 {reply.status} Status"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    body = body[: len(body) - reply.cut]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
