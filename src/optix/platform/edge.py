"""What happens to every HTTP request on its way in and out, in one middleware.

It gives the request its id, bounds the body, answers what nobody caught, adds the security
headers, and writes one access line and one metric. Plain ASGI: a layer per concern would cost each
request several coroutine hops.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optix.kernel import limits
from optix.kernel.ids import new_request_id
from optix.platform.http import BodyTooLarge, bug_response, problem_response
from optix.platform.metrics import HttpMetrics

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"
HSTS_SECONDS = 2 * 365 * 86_400

# Only these characters: an id from outside goes into log lines and answers.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/health", "/metrics")

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
_API_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"


def security_headers(*, production: bool) -> Mapping[str, str]:
    """Return the headers of every answer. HSTS only in production: a laptop has no TLS."""
    if not production:
        return _SECURITY_HEADERS
    return {
        **_SECURITY_HEADERS,
        "Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains",
    }


class EdgeMiddleware:
    """The outermost layer of the app that is ours."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        production: bool,
        body_bytes_max: int = limits.REQUEST_BODY_BYTES_MAX,
    ) -> None:
        self.app = app
        self._metrics = metrics
        self._headers = security_headers(production=production)
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            with structlog.contextvars.bound_contextvars(request_id=_give_id(scope)):
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request_id = _give_id(scope)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(scope=message), request_id, status)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._bounded(scope, receive, send_with_headers, request_id)
            except Exception:
                log.exception("unhandled exception", method=scope["method"], path=scope["path"])
                if status:
                    raise  # half an answer is out: only cutting the connection tells the caller
                await bug_response(request_id)(scope, receive, send_with_headers)
            finally:
                self._record(scope, status or 500, time.perf_counter() - began)

    async def _bounded(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._body_bytes_max:
            error = BodyTooLarge(f"The body is larger than {self._body_bytes_max} bytes.")
            # The unread body makes this connection useless for a next request.
            answer = problem_response(error, request_id, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._body_bytes_max:
                raise HTTPException(413)
            return message

        await self.app(scope, receive_bounded, send)

    def _add_headers(self, headers: MutableHeaders, request_id: str, status: int) -> None:
        headers[REQUEST_ID_HEADER] = request_id
        for name, value in self._headers.items():
            headers[name] = value
        if status != 304:  # whose headers replace those of the answer that is kept
            headers.setdefault("Content-Security-Policy", _API_CONTENT_POLICY)
        headers.setdefault("Cache-Control", "no-store")  # answers are personal unless they say not

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.observe(method, route, status, seconds)
        write = log.debug if route.startswith(_QUIET) and status < 400 else log.info
        write(
            "request",
            method=scope["method"],
            route=route,
            path=scope["path"],  # without the query, which may name what a person looks at
            status=status,
            duration_ms=round(seconds * 1000, 1),
        )


def _give_id(scope: Scope) -> str:
    offered = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    request_id = offered if _REQUEST_ID.fullmatch(offered) else str(new_request_id())
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id
