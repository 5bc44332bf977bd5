"""A broadcast on uvicorn, as a peer: `python -m benchmarks.peers.uvicorn_broadcast SIZE WS`.

Whoever says "go" makes it send one text frame of SIZE bytes to everybody. A bare ASGI application,
so that the server is measured. WS is uvicorn's name of the WebSocket implementation. Prints the
port that it listens on.
"""

from __future__ import annotations

import socket
import sys
from typing import Any, cast

import uvicorn

Send = Any


def app_of(text: str) -> Any:
    """Return the application."""
    members: list[Send] = []

    async def app(scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        members.append(send)
        frame = {"type": "websocket.send", "text": text}
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                members.remove(send)
                return
            for each in tuple(members):
                await each(frame)

    return app


def main(size: int, implementation: str) -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app_of("x" * size),
        log_level="error",
        access_log=False,
        lifespan="off",
        ws=cast("Any", implementation),
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
