"""The stream's own web server: sockets and nothing else, in a process that has no API."""

from __future__ import annotations

import asyncio
import gc
import socket
from typing import Final

from optix.features.streaming.connection import Connection
from optix.features.streaming.gateway import Gateway
from optix.kernel.errors import Unavailable

BACKLOG: Final = 4_096  # connections that the kernel keeps while others are let in
# A full collection looks at what every socket holds: it must be rare, and what is there from the
# start is never garbage.
_GC_THRESHOLDS: Final = (50_000, 50, 100)


class PortTaken(Unavailable):
    """Another program listens there."""

    code = "port_taken"
    next_step = "Choose another port with --port."


class StreamServer:
    """Listens until cancelled, and no longer than the gateway needs to move its clients away."""

    name = "stream server"

    def __init__(self, gateway: Gateway, *, host: str, port: int) -> None:
        self._gateway = gateway
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        assert self._server is not None, "it is not listening yet"
        listening: socket.socket = self._server.sockets[0]
        return int(listening.getsockname()[1])

    async def run(self) -> None:
        """Effects: listens on the port; freezes what this process has allocated so far.

        Errors: PortTaken.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Connection(self._gateway),
                self._host,
                self._port,
                backlog=BACKLOG,
                reuse_address=True,
            )
        except OSError as error:
            raise PortTaken(f"OPTIX cannot listen on {self._host}:{self._port}.") from error
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        try:
            await asyncio.Event().wait()
        finally:
            server, self._server = self._server, None
            server.close()

    async def ping(self) -> None:
        """Raise Unavailable while nothing is listening."""
        if self._server is None:
            raise Unavailable("The stream's server is not listening.")
