"""The web server as a component: it listens, it stops, and a port it cannot have is an error."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.fixtures.waiting import WAIT_SECONDS, until
from tools.ports import free_port

from optix.kernel import limits
from optix.kernel.errors import Unavailable
from optix.processes.http_server import HTTPServer
from optix.processes.ports import PortBusy


async def hello(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def port() -> int:
    return free_port()


async def up(server: HTTPServer) -> None:
    while True:
        try:
            return await server.ping()
        except Unavailable:
            await asyncio.sleep(0.01)


async def test_it_serves_until_it_is_stopped_and_leaves_the_port(port: int) -> None:
    server = HTTPServer(hello, host="127.0.0.1", port=port)
    with pytest.raises(Unavailable):
        await server.ping()
    running = asyncio.create_task(server.run())
    await up(server)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hello"
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    with pytest.raises(Unavailable):
        await server.ping()
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_a_port_that_is_taken_is_an_error_and_not_the_end_of_the_program(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        server = HTTPServer(hello, host="127.0.0.1", port=port)
        with pytest.raises(PortBusy, match=str(port)):
            await server.run()


async def test_a_request_that_is_running_may_finish_while_it_stops(port: int) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await hello(scope, receive, send)

    server = HTTPServer(slow, host="127.0.0.1", port=port)
    running = asyncio.create_task(server.run())
    await up(server)
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await begun.wait()
        running.cancel()
        await until(lambda: server._server is not None and server._server.should_exit)
        go_on.set()
        assert (await asking).text == "hello"
    await asyncio.wait({running})


class TestASlowHead:
    """Real time, because a deadline is about it; the deadline is made short."""

    @pytest.fixture(autouse=True)
    def _short_deadline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "REQUEST_HEAD_SECONDS_MAX", 0.05)

    @pytest.fixture
    async def address(self, port: int) -> AsyncIterator[tuple[str, int]]:
        server = HTTPServer(hello, host="127.0.0.1", port=port)
        running = asyncio.create_task(server.run())
        await up(server)
        yield "127.0.0.1", port
        running.cancel()
        await asyncio.wait({running})

    @pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
    async def test_a_client_that_never_ends_its_head_is_cut_off(
        self, address: tuple[str, int], begun: bytes
    ) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(begun)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), WAIT_SECONDS) == b""
        writer.close()

    async def test_also_when_its_first_request_was_quick(self, address: tuple[str, int]) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"hello" not in answer:
            answer += await asyncio.wait_for(reader.read(1_024), WAIT_SECONDS)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), WAIT_SECONDS) == b""
        writer.close()

    async def test_a_connection_that_rests_between_requests_is_left_alone(
        self, address: tuple[str, int]
    ) -> None:
        async with httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}") as client:
            assert (await client.get("/")).text == "hello"
            await asyncio.sleep(limits.REQUEST_HEAD_SECONDS_MAX * 3)
            (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]  # no public way
            assert (await client.get("/")).text == "hello"
            assert client._transport._pool.connections == [connection]  # type: ignore[attr-defined]  # the same
