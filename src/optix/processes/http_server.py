"""The web server as a component: one uvicorn in the loop of the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from optix.kernel import limits
from optix.kernel.errors import Unavailable
from optix.processes.ports import PortBusy


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the supervisor has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _WebSocket(WebSocketsSansIOProtocol):
    """Cuts off a client that does not read, with what waits for it.

    Closing alone keeps the connection, and its buffer, until the client has read everything.
    """

    _cut: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._cut = self.loop.call_later(limits.SOCKET_SEND_SECONDS_MAX, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._keep()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._keep()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class _HTTP(HttpToolsProtocol):
    """Cuts off a client that takes too long to say what it wants."""

    _cut: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._hurry()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._hurry()  # also the second request of a connection

    def on_headers_complete(self) -> None:
        self._keep()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep()
        super().connection_lost(exc)

    def _hurry(self) -> None:
        self._keep()
        self._cut = self.loop.call_later(limits.REQUEST_HEAD_SECONDS_MAX, self.transport.abort)

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


class HTTPServer:
    """Serves an ASGI app on one port until cancelled."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, name: str = "api") -> None:
        self.name = name
        self._app = app
        self._host = host
        self._port = port
        self._server: _Server | None = None

    async def run(self) -> None:
        """Effects: listens on the port. Errors: PortBusy when it cannot."""
        config = uvicorn.Config(
            self._app,
            host=self._host,
            port=self._port,
            lifespan="off",
            log_config=None,
            access_log=False,  # the edge writes one line per request
            server_header=False,
            proxy_headers=False,
            # Deflate per client costs ten times the send itself (docs/streaming.md).
            http=_HTTP,
            ws=_WebSocket,
            ws_per_message_deflate=False,
            ws_max_size=limits.SOCKET_MESSAGE_BYTES_MAX + 1,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=3,
        )
        self._server = server = _Server(config)
        serving = asyncio.ensure_future(self._serve(server))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=5)
            raise
        finally:
            self._server = None

    async def _serve(self, server: uvicorn.Server) -> None:
        try:
            await server.serve()
        except SystemExit as error:  # uvicorn's word for a port it cannot have; it would end us all
            raise PortBusy(
                f"OPTIX cannot listen on {self._host}:{self._port}.",
                next_step="Choose another port with --port, or let OPTIX choose with --any-port.",
            ) from error

    async def ping(self) -> None:
        """Raise Unavailable while nothing is listening."""
        if self._server is None or not self._server.started:
            raise Unavailable("The web server is not listening.")
