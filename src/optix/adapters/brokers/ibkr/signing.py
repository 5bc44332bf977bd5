"""OAuth 1.0a as Interactive Brokers varies it: a token of one day, made by Diffie and Hellman.

The user's own keys sign one question (RSA-SHA256 over a base string that begins with the decrypted
secret); both sides then know a live session token, whose HMAC-SHA256 signs all that follows.
Sources: RFC 5849, sections 3.4 and 3.6; the variations are those of the README.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from optix.adapters.brokers.ibkr.keys import TEST_CONSUMER, Keys
from optix.kernel.clock import NANOSECONDS, Clock

NONCE_BYTES: Final = 16
CHALLENGE_BITS: Final = 256
_PORTS: Final = {"http": 80, "https": 443}


class Challenge:
    """One exchange of Diffie and Hellman. `exponent` is for tests."""

    def __init__(self, keys: Keys, exponent: int | None = None) -> None:
        self._keys = keys
        # The highest bit is set: an exponent of a few bits would be no secret.
        drawn = secrets.randbits(CHALLENGE_BITS) | 1 << (CHALLENGE_BITS - 1)
        self._exponent = exponent or drawn

    @property
    def text(self) -> str:
        return f"{pow(self._keys.generator, self._exponent, self._keys.prime):x}"

    def answer(self, response: str, signature: str) -> str:
        """Return the live session token. Raises ValueError where the answer proves nothing."""
        theirs = int(response, 16)
        if not 1 < theirs < self._keys.prime - 1:
            raise ValueError("a response that everybody could compute")
        shared = pow(theirs, self._exponent, self._keys.prime)
        token = hmac.new(signed_bytes(shared), self._keys.secret, hashlib.sha1).digest()
        consumer = self._keys.consumer_key.encode()
        proof = hmac.new(token, consumer, hashlib.sha1).hexdigest()
        if not hmac.compare_digest(proof.encode(), signature.lower().encode()):
            raise ValueError("a signature of somebody else")
        return base64.b64encode(token).decode()


class ChallengeAuth(httpx.Auth):
    """Signs the question for a live session token with the user's own key."""

    def __init__(self, keys: Keys, challenge: Challenge, clock: Clock) -> None:
        self._keys = keys
        self._challenge = challenge
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        said = {
            **_said(self._keys.consumer_key, self._keys.access_token, "RSA-SHA256", self._clock),
            "diffie_hellman_challenge": self._challenge.text,
        }
        base = self._keys.secret.hex() + base_string(request, said.items())
        signature = self._keys.signature_key.sign(
            base.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        request.headers["Authorization"] = header(self._keys.consumer_key, said, signature)
        yield request


class LiveAuth(httpx.Auth):
    """Signs each request as it is sent, with the token that there is by then."""

    def __init__(self, credentials: Callable[[str], str], clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        consumer, token = self._credentials("consumer_key"), self._credentials("access_token")
        said = _said(consumer, token, "HMAC-SHA256", self._clock)
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        base = base_string(request, [*query, *said.items()])
        key = base64.b64decode(self._credentials("live_session_token"))
        signature = hmac.new(key, base.encode(), hashlib.sha256).digest()
        request.headers["Authorization"] = header(consumer, said, signature)
        yield request


def base_string(request: httpx.Request, parameters: Iterable[tuple[str, str]]) -> str:
    """Return what is signed, of decoded parameters; equal names go by their values."""
    pairs = sorted((encoded(name), encoded(value)) for name, value in parameters)
    normal = "&".join(f"{name}={value}" for name, value in pairs)
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode()
    port = "" if url.port in {None, _PORTS.get(url.scheme)} else f":{url.port}"
    address = f"{url.scheme}://{url.host}{port}{path}"
    return "&".join((request.method.upper(), encoded(address), encoded(normal)))


def header(consumer_key: str, said: Mapping[str, str], signature: bytes) -> str:
    """Return the header. The signature is encoded like a form, all else is as it is."""
    realm = "test_realm" if consumer_key == TEST_CONSUMER else "limited_poa"
    text = quote_plus(base64.b64encode(signature).decode())
    words = {"realm": realm, **said, "oauth_signature": text}
    return "OAuth " + ", ".join(f'{name}="{value}"' for name, value in words.items())


def encoded(text: str) -> str:
    """Return text as section 3.6 encodes it: all but letters, digits and -._~ in its bytes."""
    return quote(text, safe="-._~")


def signed_bytes(number: int) -> bytes:
    """Return a number as Java writes it: a zero in front where its highest bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def _said(consumer: str, token: str, method: str, clock: Clock) -> dict[str, str]:
    return {
        "oauth_consumer_key": consumer,
        "oauth_nonce": secrets.token_hex(NONCE_BYTES),
        "oauth_signature_method": method,
        "oauth_timestamp": str(clock.now_ns() // NANOSECONDS),
        "oauth_token": token,
    }
