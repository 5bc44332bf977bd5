"""The web server as a component: one uvicorn in the loop of the process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from optix.kernel import limits
from optix.kernel.errors import Unavailable


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the supervisor has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class HTTPServer:
    """Serves an ASGI app on one port until cancelled."""

    def __init__(self, app: ASGIApp, *, host: str, port: int, name: str = "api") -> None:
        self.name = name
        self._app = app
        self._host = host
        self._port = port
        self._server: _Server | None = None

    async def run(self) -> None:
        """Effects: listens on the port. Errors: SystemExit from uvicorn when it cannot."""
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
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=limits.SOCKET_MESSAGE_BYTES_MAX + 1,
            h11_max_incomplete_event_size=65_536,
            timeout_keep_alive=65,
            timeout_graceful_shutdown=3,
        )
        self._server = server = _Server(config)
        serving = asyncio.ensure_future(server.serve())
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.wait({serving}, timeout=5)
            raise
        finally:
            self._server = None

    async def ping(self) -> None:
        """Raise Unavailable while nothing is listening."""
        if self._server is None or not self._server.started:
            raise Unavailable("The web server is not listening.")
