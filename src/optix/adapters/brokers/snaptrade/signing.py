"""How requests to SnapTrade and webhooks from it are signed.

Signing happens below the client, in the transport, for two reasons: the query that is signed must
be the one that is sent, byte by byte, and it has the user's secret in it, which no layer that
writes logs may see. What SnapTrade says in its own way of its limits becomes headers that the
pacing knows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from pydantic import SecretStr

from optix.adapters.brokers.webhooks import header_of
from optix.kernel.clock import NANOSECONDS, Clock

RESET_SECONDS_MAX: Final = 3_600
_SECONDS = re.compile(rb"available in ([0-9]{1,4}) second")


@dataclass(frozen=True, slots=True)
class SnapTradeUser:
    """Somebody as SnapTrade knows them: a random name and the secret that it gave."""

    id: str
    secret: str = field(repr=False)


def signature_of(consumer_key: SecretStr, content: object) -> str:
    """Return the signature of JSON: sorted keys, no blanks, HMAC-SHA256, base64."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    key = consumer_key.get_secret_value().encode()
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


class SigningTransport(httpx.AsyncBaseTransport):
    """Signs each request as it leaves, for a user or for the application alone."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        client_id: str,
        consumer_key: SecretStr,
        clock: Clock,
        user: SnapTradeUser | None = None,
    ) -> None:
        self._inner = inner
        self._client_id = client_id
        self._consumer_key = consumer_key
        self._clock = clock
        self._user = user

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        query = [*request.url.params.multi_items(), ("clientId", self._client_id)]
        query.append(("timestamp", str(self._clock.now_ns() // NANOSECONDS)))
        if self._user is not None:
            query += [("userId", self._user.id), ("userSecret", self._user.secret)]
        sent = urlencode(query)
        url = request.url.copy_with(query=sent.encode())
        path = url.raw_path.split(b"?")[0].decode()
        body = await request.aread()
        content = json.loads(body) if body else None
        signed = {"content": content or None, "path": path, "query": sent}
        request.headers["Signature"] = signature_of(self._consumer_key, signed)
        outer = httpx.Request(
            request.method,
            url,
            headers=request.headers,
            content=body,
            extensions=request.extensions,
        )
        return await self._with_limits(await self._inner.handle_async_request(outer))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _with_limits(self, response: httpx.Response) -> httpx.Response:
        """Return the answer with limits as headers: a moment, and how long to wait after a 429."""
        reset = _seconds(response.headers.get("X-RateLimit-Reset"))
        if reset is not None:
            until = math.ceil(self._clock.now_ns() / NANOSECONDS) + reset
            response.headers["X-RateLimit-Reset"] = str(until)
        if response.status_code != httpx.codes.TOO_MANY_REQUESTS or (
            "Retry-After" in response.headers
        ):
            return response
        body = await response.aread()
        await response.aclose()
        found = _SECONDS.search(body)
        headers: dict[str, Any] = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in {"content-encoding", "content-length", "transfer-encoding"}
        }
        if found is not None:
            headers["Retry-After"] = found[1].decode()
        return httpx.Response(response.status_code, headers=headers, content=body)


def _seconds(text: str | None) -> int | None:
    try:
        seconds = int(float(text)) if text else -1
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds <= RESET_SECONDS_MAX else None


def is_signed(headers: Mapping[str, str], payload: object, consumer_key: SecretStr) -> bool:
    """Return whether a webhook's `Signature` is that of its payload."""
    wanted = signature_of(consumer_key, payload)
    given = header_of(headers, "Signature")
    return hmac.compare_digest(wanted.encode(), given.encode())
