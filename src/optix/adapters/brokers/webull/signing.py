"""Requests signed with an App Key, in headers of their own.

Source: developer.webull.com, "Signature"; its worked example is a test. The vendor's programs have
moved to SHA-256 while its pages say SHA-1, so the pair is a setting.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, quote

import httpx
from pydantic import SecretStr

from optix.kernel.clock import Clock, to_datetime

NONCE_BYTES = 16
SIGNATURE_VERSION = "1.0"
_FORM = "application/x-www-form-urlencoded"


class Algorithm(StrEnum):
    """What signs; the digest of a body is of the same generation."""

    SHA1 = "HMAC-SHA1"
    SHA256 = "HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """An App Key with its secret: the installation's own, or a user's."""

    app_key: str
    app_secret: SecretStr = field(repr=False)
    algorithm: Algorithm = Algorithm.SHA1


class AppKeySignature(httpx.Auth):
    """Signs each request as it is sent, an attempt that is repeated too."""

    requires_request_body = True

    def __init__(
        self,
        keys: SigningKeys,
        clock: Clock,
        *,
        nonce: Callable[[], str] = lambda: secrets.token_hex(NONCE_BYTES),
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._nonce = nonce

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Give the request its headers. The fields of a form are signed as those of a query are."""
        said = {
            "x-app-key": self._keys.app_key,
            "x-timestamp": f"{to_datetime(self._clock.now_ns()):%Y-%m-%dT%H:%M:%SZ}",
            "x-signature-version": SIGNATURE_VERSION,
            "x-signature-algorithm": self._keys.algorithm.value,
            "x-signature-nonce": self._nonce(),
        }
        body = request.content
        parameters = request.url.params.multi_items()
        if request.headers.get("Content-Type") == _FORM:
            parameters += parse_qsl(body.decode(), keep_blank_values=True)
            body = b""
        text = string_to_sign(
            request.url.path,
            [*parameters, *said.items(), ("host", request.headers["Host"])],
            body,
            self._keys.algorithm,
        )
        request.headers.update(said)
        request.headers["x-signature"] = signature(text, self._keys)
        yield request


def string_to_sign(
    path: str, parameters: Iterable[tuple[str, str]], body: bytes, algorithm: Algorithm
) -> str:
    """Return what is signed: the path, what is said by name, the body's digest; all encoded.

    `parameters` are decoded, those of the query and of the signed headers alike; several of one
    name go in the order of their values.
    """
    values: dict[str, list[str]] = {}
    for name, value in parameters:
        values.setdefault(name, []).append(value)
    parts = [path, *(f"{name}={'&'.join(sorted(values[name]))}" for name in sorted(values))]
    if body:
        parts.append(_digest(body, algorithm))
    return quote("&".join(parts), safe="")


def signature(text: str, keys: SigningKeys) -> str:
    """Return the base64 of the code of a text, under the secret with an ampersand behind it."""
    kind = hashlib.sha1 if keys.algorithm is Algorithm.SHA1 else hashlib.sha256
    key = f"{keys.app_secret.get_secret_value()}&".encode()
    return base64.b64encode(hmac.new(key, text.encode(), kind).digest()).decode()


def _digest(body: bytes, algorithm: Algorithm) -> str:
    if algorithm is Algorithm.SHA1:
        return hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
    return hashlib.sha256(body).hexdigest().upper()
