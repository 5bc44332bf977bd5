"""Asking an issuer over HTTP: bounded, never redirected, never into networks that are not meant.

The operator names an issuer; the issuer's own documents name the other addresses. So each address
is looked at before a connection: https (outside development), and no host that resolves to this
machine or a private network unless the operator said so. TLS then ties the connection to the name,
so a name that changes its address in between gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from optix.kernel import limits
from optix.ports.issuers import IssuerAnswerRefused, IssuerUnavailable

T = TypeVar("T", bound=BaseModel)


class IssuerClient:
    """Fetches documents of one issuer. `allow_http` and `allow_private` loosen it for its site."""

    def __init__(
        self,
        *,
        allow_http: bool = False,
        allow_private: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._allow_http = allow_http
        self._allow_private = allow_private
        self._transport = transport
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections. A later request opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def fetch(self, address: str, shape: type[T]) -> T:
        """Return the document at `address`. Errors: IssuerUnavailable."""
        status, body = await self._send("GET", address)
        if status != HTTPStatus.OK:
            raise IssuerUnavailable(f"The issuer answered {status}.")
        return _read(body, shape)

    async def post(
        self,
        address: str,
        form: Mapping[str, str],
        shape: type[T],
        *,
        basic: tuple[str, str] | None = None,
    ) -> T:
        """Send `form` and return the answer.

        Errors: IssuerAnswerRefused where the issuer says no, IssuerUnavailable.
        """
        status, body = await self._send("POST", address, form=form, basic=basic)
        if status == HTTPStatus.OK:
            return _read(body, shape)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # Its reason is not repeated: it may name our client secret or the person.
            raise IssuerAnswerRefused("The issuer did not accept the sign-in.")
        raise IssuerUnavailable(f"The issuer answered {status}.")

    async def _send(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(limits.ISSUER_SECONDS_MAX):
                await self._refuse_unmeant(address)
                request = self._client().stream(
                    method,
                    address,
                    data=form,
                    auth=httpx.BasicAuth(*basic) if basic else None,
                    headers={"Accept": "application/json"},
                )
                async with request as response:
                    return response.status_code, await _bounded(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            raise IssuerUnavailable("The issuer cannot be reached.") from error

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                transport=self._transport,
                timeout=limits.ISSUER_SECONDS_MAX,
                follow_redirects=False,
            )
        return self._http

    async def _refuse_unmeant(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme != "https" and not self._allow_http:
            raise IssuerUnavailable("The issuer names an address without https.")
        if self._allow_private:
            return
        found = await asyncio.get_running_loop().getaddrinfo(
            parts.hostname, parts.port or 443, type=socket.SOCK_STREAM
        )
        if not all(ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found):
            raise IssuerUnavailable("The issuer names an address inside a private network.")


async def _bounded(response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > limits.ISSUER_BODY_BYTES_MAX:
            raise IssuerUnavailable("The issuer's answer is too large.")
    return bytes(body)


def _read(body: bytes, shape: type[T]) -> T:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise IssuerUnavailable("The issuer's answer is not what the standard says.") from error
