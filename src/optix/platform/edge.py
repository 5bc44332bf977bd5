"""What happens to every HTTP request on its way in and out, in one middleware.

It gives the request its id, bounds its head and its body (size, time, depth), answers what nobody
caught, adds the security headers, and writes one access line and one metric. Plain ASGI: a layer
per concern would cost each request several coroutine hops.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from types import MappingProxyType

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.kernel.ids import new_request_id
from optix.platform.http import BodyTooLarge, HeadTooLarge, bug_response, problem_response
from optix.platform.metrics import HttpMetrics

log = structlog.get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-Id"
HSTS_SECONDS = 2 * 365 * 86_400

# Only these characters: an id from outside goes into log lines and answers.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_QUIET = ("/health", "/metrics")

_REFUSED_POWERS = (
    *("accelerometer", "bluetooth", "browsing-topics", "camera", "display-capture"),
    *("geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"),
    *("serial", "usb", "xr-spatial-tracking"),
)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        (
            *(f"{name}=()" for name in _REFUSED_POWERS),
            # Passkeys, and only on our own pages.
            "publickey-credentials-create=(self)",
            "publickey-credentials-get=(self)",
        )
    ),
    "X-Permitted-Cross-Domain-Policies": "none",
    "Origin-Agent-Cluster": "?1",
}
_REQUEST_ID_NAME = REQUEST_ID_HEADER.lower().encode()
_CONTENT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_STORE = (b"cache-control", b"no-store")


def security_headers(*, production: bool) -> Mapping[str, str]:
    """Return the headers of every answer. HSTS only in production: a laptop has no TLS."""
    if not production:
        return _SECURITY_HEADERS
    return {
        **_SECURITY_HEADERS,
        "Strict-Transport-Security": f"max-age={HSTS_SECONDS}; includeSubDomains",
    }


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI has them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


class EdgeMiddleware:
    """The outermost layer of the app that is ours."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        production: bool,
        body_bytes_max: int = limits.REQUEST_BODY_BYTES_MAX,
        file_paths: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """`file_paths` take files, which are no JSON, each of at most so many bytes."""
        self.app = app
        self._metrics = metrics
        security = raw_headers(security_headers(production=production))
        self._headers = security
        self._names = {_REQUEST_ID_NAME, *(name for name, _ in security)}
        self._body_bytes_max = body_bytes_max
        self._file_paths = file_paths

    def _bytes_max(self, scope: Scope) -> int:
        return self._file_paths.get(scope["path"], self._body_bytes_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
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
                self._add_headers(message, request_id)
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
        error = self._refusal(scope)
        if error is not None:
            # The unread body makes this connection useless for a next request.
            answer = problem_response(error, request_id, {"Connection": "close"})
            await answer(scope, receive, send)
            return
        is_read = False

        async def receive_bounded() -> Message:
            nonlocal is_read
            if is_read:
                return await receive()  # the end of the connection
            is_read = True
            return await self._read_body(scope, receive)

        await self.app(scope, receive_bounded, send)

    def _refusal(self, scope: Scope) -> OptixError | None:
        """Return what is wrong with the head of a request."""
        headers = scope["headers"]
        size = len(scope.get("raw_path") or b"") + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in headers)
        if len(headers) > limits.REQUEST_HEADERS_MAX or size > limits.REQUEST_HEAD_BYTES_MAX:
            return HeadTooLarge(
                f"The head of the request is larger than {limits.REQUEST_HEAD_BYTES_MAX} bytes or "
                f"{limits.REQUEST_HEADERS_MAX} headers."
            )
        declared = Headers(scope=scope).get("content-length", "")
        bytes_max = self._bytes_max(scope)
        if declared.isdecimal() and int(declared) > bytes_max:
            return BodyTooLarge(f"The body is larger than {bytes_max} bytes.")
        return None

    async def _read_body(self, scope: Scope, receive: Receive) -> Message:
        """Return the whole body as one message. Errors: HTTPException 400, 408, 413."""
        bytes_max = self._bytes_max(scope)
        parts: list[bytes] = []
        taken, more = 0, True
        try:
            async with asyncio.timeout(limits.REQUEST_BODY_SECONDS_MAX):
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return message
                    parts.append(message.get("body", b""))
                    taken += len(parts[-1])
                    if taken > bytes_max:
                        raise HTTPException(413, headers={"Connection": "close"})
                    more = message.get("more_body", False)
        except TimeoutError as error:
            raise HTTPException(408, headers={"Connection": "close"}) from error
        body = b"".join(parts)
        if scope["path"] not in self._file_paths and is_too_deep(body):
            raise HTTPException(400)
        return {"type": "http.request", "body": body, "more_body": False}

    def _add_headers(self, message: Message, request_id: str) -> None:
        given = [pair for pair in message.get("headers", ()) if pair[0] not in self._names]
        names = {name for name, _ in given}
        headers = [*given, (_REQUEST_ID_NAME, request_id.encode()), *self._headers]
        # Not to a 304, whose headers replace those of the answer that is kept.
        if message["status"] != 304 and _CONTENT_POLICY[0] not in names:
            headers.append(_CONTENT_POLICY)
        if _NO_STORE[0] not in names:  # answers are personal unless they say not
            headers.append(_NO_STORE)
        message["headers"] = headers

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.observe(method, route, status, seconds)
        # What was merely read, and quickly, the metrics count: a line each would cost half of the
        # request and fill disks with what nobody looks for.
        reading = method in _READING and seconds < limits.SLOW_REQUEST_SECONDS
        quiet = status < 400 and (reading or route.startswith(_QUIET))
        write = log.debug if quiet else log.info
        write(
            "request",
            method=scope["method"],
            route=route,
            path=scope["path"],  # without the query, which may name what a person looks at
            status=status,
            duration_ms=round(seconds * 1000, 1),
        )


_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_PAIRS = re.compile(rb"(?:\[\]|\{\})+")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))


def is_too_deep(body: bytes) -> bool:
    """True if brackets of a JSON body lie deeper than `REQUEST_BODY_DEPTH_MAX`, or never close.

    Parsers walk down one call per bracket. Here each pass takes the innermost pairs away, which
    costs a large body little more than reading it.
    """
    if body.count(b"[") + body.count(b"{") <= limits.REQUEST_BODY_DEPTH_MAX:
        return False
    left = _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS)
    for _ in range(limits.REQUEST_BODY_DEPTH_MAX):
        left = _PAIRS.sub(b"", left)
        if not left:
            return False
    return True


def take_request_id(offered: str) -> str:
    """Return the id that a proxy gave a request, or a new one where it is none."""
    return offered if _REQUEST_ID.fullmatch(offered) else str(new_request_id())


def _give_id(scope: Scope) -> str:
    request_id = take_request_id(Headers(scope=scope).get(REQUEST_ID_HEADER, ""))
    scope.setdefault("state", {})["request_id"] = request_id
    return request_id
