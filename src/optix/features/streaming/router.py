"""`WS /ws/quotes`: the edge between the web server's sockets and the sessions."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

import structlog
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from optix.features.streaming import protocol
from optix.features.streaming.hub import StreamHub
from optix.features.streaming.session import ChooseLane, Closing, StreamSession, TokenVerifier
from optix.kernel.clock import Clock

log = structlog.get_logger(__name__)


class _StarletteSocket:
    """A Starlette WebSocket as the session wants it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes | None:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data

    async def send(self, data: bytes) -> None:
        await self._websocket.send({"type": "websocket.send", "text": data.decode()})

    async def close(self, code: int, reason: str) -> None:
        if self._websocket.client_state is WebSocketState.CONNECTED:
            await self._websocket.close(code, reason)


def stream_router(
    *,
    choose_lane: ChooseLane,
    hub: StreamHub,
    verifier: TokenVerifier,
    clock: Clock,
    origins: Collection[str] = (),
) -> APIRouter:
    """Return the socket route. Pages of other sites are refused unless `origins` names theirs."""
    router = APIRouter(tags=["stream"])

    @router.websocket("/ws/quotes")
    async def quotes(websocket: WebSocket) -> None:
        if _is_foreign_page(websocket, origins):
            await websocket.close()  # before it is accepted: the handshake answers 403
            return
        await websocket.accept()
        socket = _StarletteSocket(websocket)
        session = StreamSession(socket, verifier=verifier, choose_lane=choose_lane, clock=clock)
        code, reason = protocol.CLOSE_GOING_AWAY, "The server goes away."
        try:
            await session.authenticate()
            hub.enter(session)
            await session.run()
        except Closing as closing:
            code, reason = closing.code, closing.reason
        except (WebSocketDisconnect, OSError):
            pass  # the client left in the middle of a frame
        except Exception:
            log.exception("stream.session_failed")
            code, reason = protocol.CLOSE_BUG, "Something went wrong on our side."
        finally:
            try:
                with contextlib.suppress(RuntimeError, OSError):  # it is closed already
                    await socket.close(code, reason)
            finally:
                hub.leave(session)  # only now: a socket that will not close is still one

    return router


def _is_foreign_page(websocket: WebSocket, origins: Collection[str]) -> bool:
    # Browsers always send an origin with a socket and keep no page of another site from opening it.
    origin = websocket.headers.get("origin")
    if origin is None or origin in origins:
        return False
    return origin.partition("://")[2] != websocket.headers.get("host")
