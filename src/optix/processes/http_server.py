"""The web server as a component: one uvicorn in the loop of the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from optix.kernel import limits
from optix.kernel.errors import Unavailable
from optix.processes.ports import PortBusy


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the supervisor has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


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

    def _should_upgrade_to_ws(self) -> bool:
        # The head is handed over as HTTP/1.1, whatever it was; RFC 6455 section 4.1 asks for that.
        return self.scope["http_version"] == "1.1" and super()._should_upgrade_to_ws()

    def _hurry(self) -> None:
        self._keep()
        self._cut = self.loop.call_later(limits.REQUEST_HEAD_SECONDS_MAX, self.transport.abort)

    def _keep(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None


# Makes the protocol of a connection that asked for a WebSocket; it is given the request's bytes.
NewSocket = Callable[[], asyncio.Protocol]


class HTTPServer:
    """Serves an ASGI app on one port until cancelled; sockets are what `new_socket` makes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        name: str = "api",
        new_socket: NewSocket | None = None,
    ) -> None:
        self.name = name
        self._app = app
        self._host = host
        self._port = port
        self._new_socket = new_socket
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
            http=_HTTP,
            ws=_socket_class(self._new_socket),
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


def _socket_class(new_socket: NewSocket | None) -> Any:
    """Return what uvicorn makes the protocol of a socket with; it has nothing to say to ours."""
    if new_socket is None:
        return "none"
    return lambda **_: new_socket()
