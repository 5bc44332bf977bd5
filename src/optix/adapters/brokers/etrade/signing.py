"""Requests signed by OAuth 1.0a with HMAC-SHA1, in the header.

Source: RFC 5849, sections 3.4 and 3.5; its examples are the tests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

import httpx
from pydantic import SecretStr

from optix.kernel.clock import NANOSECONDS, Clock

NONCE_BYTES = 16
_PORTS = {"http": 80, "https": 443}
_NO_SECRET = SecretStr("")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """Who asks: the application, and with a token somebody who lets it."""

    consumer_key: str
    consumer_secret: SecretStr = field(repr=False)
    token: str = field(default="", repr=False)
    token_secret: SecretStr = field(default=_NO_SECRET, repr=False)


class OAuth1(httpx.Auth):
    """Signs each request as it is sent, an attempt that is repeated too.

    `more` are parameters of a step of the sign-in (`oauth_callback`, `oauth_verifier`).
    """

    def __init__(
        self,
        keys: SigningKeys,
        clock: Clock,
        *,
        more: Mapping[str, str] | None = None,
        nonce: Callable[[], str] = lambda: secrets.token_hex(NONCE_BYTES),
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._more = dict(more or {})
        self._nonce = nonce

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Give the request its header. A body that is no form is not signed, and none is one."""
        keys = self._keys
        said = {
            "oauth_consumer_key": keys.consumer_key,
            "oauth_nonce": self._nonce(),
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(self._clock.now_ns() // NANOSECONDS),
            "oauth_version": "1.0",
            **({"oauth_token": keys.token} if keys.token else {}),
            **self._more,
        }
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        base = base_string(request.method, address_of(request.url), [*query, *said.items()])
        said["oauth_signature"] = signature(base, keys.consumer_secret, keys.token_secret)
        words = ",".join(f'{name}="{encoded(value)}"' for name, value in said.items())
        request.headers["Authorization"] = f'OAuth realm="",{words}'
        yield request


def encoded(text: str) -> str:
    """Return text as section 3.6 encodes it: all but letters, digits and -._~ in its bytes."""
    return quote(text, safe="-._~")


def address_of(url: httpx.URL) -> str:
    """Return the address without its query; a port only where it is not the usual one."""
    path = url.raw_path.partition(b"?")[0].decode()
    port = "" if url.port in {None, _PORTS.get(url.scheme)} else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}{path}"


def base_string(method: str, address: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return what is signed, of decoded parameters; equal names go by their values."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in parameters)
    normal = "&".join(f"{name}={value}" for name, value in pairs)
    return "&".join((method.upper(), encoded(address), encoded(normal)))


def signature(base: str, consumer_secret: SecretStr, token_secret: SecretStr) -> str:
    both = (consumer_secret.get_secret_value(), token_secret.get_secret_value())
    key = "&".join(map(encoded, both))
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
