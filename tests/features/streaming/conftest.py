"""The socket over a real server, real stores and a real feed; and a session on a fake socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from tests.fixtures.market import Market
from tests.fixtures.waiting import until
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from optix.features.identity.service import Identity
from optix.features.identity.tokens import AccessTokenSigner, SigningKey
from optix.features.streaming.connection import Connection
from optix.features.streaming.gateway import Gateway, GatewayRules
from optix.features.streaming.server import StreamServer
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.processes.api import ApiDependencies, create_app
from optix.processes.http_server import HTTPServer

ALICE, BOB = UserId(new_uuid()), UserId(new_uuid())
Frame = list[Any]


class Reader:
    """One client. Frames are kept in the order in which they came."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Frame] = []

    async def say(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def frame(self) -> Frame:
        """Return the next frame, whatever it is."""
        async with asyncio.timeout(15):
            frame: Frame = orjson.loads(await self.connection.recv())
        self.frames.append(frame)
        return frame

    async def next(self, *names: str) -> Frame:
        """Return the next frame of these names, passing over others."""
        while (frame := await self.frame())[0] not in names:
            pass
        return frame

    async def closed(self) -> int | None:
        """Read until the server closes; return its code."""
        with suppress(ConnectionClosed):
            while True:
                await self.frame()
        return self.connection.close_code


class Stream:
    """The server, its clients, and the feed behind it."""

    def __init__(self, port: int, gateway: Gateway, market: Market) -> None:
        self.port = port
        self.gateway = gateway
        self.market = market
        self.running: asyncio.Task[None]  # the gateway
        self._readers: list[Reader] = []

    async def connect(self, origin: str | None = None) -> Reader:
        """Open a socket that has said nothing yet; with `origin` as a browser's page would."""
        url = f"ws://127.0.0.1:{self.port}/ws/quotes"
        headers = {"Origin": origin} if origin else None
        reader = Reader(
            await connect(url, compression=None, ping_interval=None, additional_headers=headers)
        )
        self._readers.append(reader)
        return reader

    async def close(self) -> None:
        for reader in self._readers:  # without a word: unread frames would be waited for
            reader.connection.transport.abort()
            await reader.connection.wait_closed()


class Tokens:
    """Signs access tokens as sign-in does."""

    def __init__(self, key: SigningKey, clock: ScaledClock) -> None:
        self._signer = AccessTokenSigner(key, clock)

    def of(self, user: UserId = ALICE) -> str:
        return self._signer.sign(user, SessionId(new_uuid()), "user")


@pytest.fixture
def tokens(signing_key: SigningKey, clock: ScaledClock) -> Tokens:
    return Tokens(signing_key, clock)


@pytest.fixture
def rules() -> GatewayRules:
    """What the operator decides; tests about bounds bring their own."""
    return GatewayRules(
        sockets_max=1_000, sockets_per_address=1_000, connects_per_minute=100_000, drain_seconds=0
    )


@pytest.fixture(params=["beside the API", "alone"])
def beside_the_api(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "beside the API")


@pytest.fixture
async def stream(
    api_dependencies: ApiDependencies,
    identity: Identity,
    market: Market,
    clock: ScaledClock,
    rules: GatewayRules,
    beside_the_api: bool,
) -> AsyncIterator[Stream]:
    """The gateway behind a real server, in both ways in which it is run."""
    gateway = Gateway(api_dependencies.lanes, identity.authenticator, clock, rules)
    identity.ended.listen(gateway.session_ended)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server: HTTPServer | StreamServer
    if beside_the_api:
        app = create_app(api_dependencies)
        server = HTTPServer(
            app, host="127.0.0.1", port=port, new_socket=lambda: Connection(gateway)
        )
    else:
        server = StreamServer(gateway, host="127.0.0.1", port=port)
    stream = Stream(port, gateway, market)
    serving = asyncio.create_task(server.run())
    stream.running = asyncio.create_task(gateway.run())
    await until(lambda: _is_up(server) or serving.done())
    yield stream
    await stream.close()
    for task in (stream.running, serving):
        task.cancel()
    await asyncio.gather(stream.running, serving, return_exceptions=True)


def _is_up(server: HTTPServer | StreamServer) -> bool:
    if isinstance(server, StreamServer):
        return server._server is not None
    return server._server is not None and server._server.started


@pytest.fixture
async def reader(stream: Stream, tokens: Tokens) -> Reader:
    """Alice, signed in."""
    return await signed_in(stream, tokens.of())


async def signed_in(stream: Stream, token: str) -> Reader:
    reader = await stream.connect()
    await reader.say(op="auth", token=token)
    assert (await reader.frame())[0] == "hello"
    return reader
