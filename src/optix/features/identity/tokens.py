"""Access tokens (signed, read by anyone with the public key) and refresh tokens (random).

An access token is a JWT of type `at+jwt` (RFC 9068) signed with Ed25519. `kid` is the RFC 7638
thumbprint of its key. Only the key in hand decides the algorithm; the token's header never does.
A refresh token is 256 bits; the database keeps its SHA-256, which needs no salt because there is
nothing to guess. The next token of a family is made from the one that is used up and a random salt
that the database keeps: so a client whose answer was lost and that asks again is given the same
next token, although only its hash is stored. Neither the database nor an old token alone tells it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import SessionId, UserId, new_uuid

ACCESS_TOKEN_SECONDS: Final = 15 * 60
REFRESH_TOKEN_SECONDS: Final = 30 * 86_400
ISSUER: Final = "optix"
AUDIENCE: Final = "optix-api"
TOKEN_LENGTH_MAX: Final = 2_048
TOKENS_REMEMBERED_MAX: Final = 4_096
HEADERS_REMEMBERED_MAX: Final = 64  # every key writes one

_ALGORITHM: Final = "EdDSA"
_TYPE: Final = "at+jwt"
_CLAIMS: Final = frozenset({"iss", "aud", "sub", "sid", "role", "iat", "exp", "jti"})
_ALPHABET: Final = (string.ascii_letters + string.digits + "-_").encode()
_SUCCESSOR: Final = b"optix.identity.refresh.v1"


class AccessTokenInvalid(Unauthenticated):
    code = "access_token_invalid"
    next_step = "Sign in again."


class AccessTokenExpired(Unauthenticated):
    code = "access_token_expired"
    next_step = "Refresh the session and send the new access token."


class AccessClaims(NamedTuple):
    """What a valid access token says."""

    user_id: UserId
    session_id: SessionId
    role: str
    expires_at_ns: int
    methods: tuple[str, ...]
    signed_in_at_ns: int
    stepped_up_at_ns: int | None


class SigningKey:
    """The private key that signs, with its id."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self.public = private.public_key()
        self.id = key_id(self.public)


class KeyRing:
    """The keys of an installation: the first signs, all of them verify and are published.

    A new key is put behind the first until every process knows it, then before it, and the old one
    is dropped once its last tokens have ended (`optix keys` says when).
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        assert keys, "a ring without a key signs nothing"
        self.signing = keys[0]
        self.keys = tuple(keys)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        return {
            "keys": [
                {**_jwk(key.public), "kid": key.id, "use": "sig", "alg": _ALGORITHM}
                for key in self.keys
            ]
        }


def key_id(public: Ed25519PublicKey) -> str:
    """Return the RFC 7638 thumbprint of `public`."""
    canonical = json.dumps(_jwk(public), separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()


def _jwk(public: Ed25519PublicKey) -> dict[str, str]:
    raw = base64.urlsafe_b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return {"crv": "Ed25519", "kty": "OKP", "x": raw.rstrip(b"=").decode()}


class AccessTokenVerifier:
    """Reads access tokens. Knows public keys only; `keys` may hold retired ones."""

    def __init__(self, keys: Sequence[Ed25519PublicKey], clock: Clock) -> None:
        # libsodium checks a signature in half the time that OpenSSL takes.
        self._keys: Mapping[str, VerifyKey] = {
            key_id(key): VerifyKey(key.public_bytes_raw()) for key in keys
        }
        self._clock = clock
        self._known_key = lru_cache(maxsize=HEADERS_REMEMBERED_MAX)(self._key_of)
        # A client sends one token with every request for 15 minutes, and its signature stays
        # right. Refusals are not kept, and the times are looked at each time.
        self._known_claims = lru_cache(maxsize=TOKENS_REMEMBERED_MAX)(self._signed_claims)

    def verify(self, token: str) -> AccessClaims:
        """Return what `token` says. Errors: AccessTokenInvalid, AccessTokenExpired."""
        if len(token) > TOKEN_LENGTH_MAX:
            raise AccessTokenInvalid("The access token is too long.")
        claims = self._known_claims(token)
        try:
            expires_s, issued_s = int(claims["exp"]), int(claims["iat"])
            found = AccessClaims(
                user_id=UserId(UUID(claims["sub"])),
                session_id=SessionId(UUID(claims["sid"])),
                role=str(claims["role"]),
                expires_at_ns=expires_s * NANOSECONDS,
                methods=tuple(str(method) for method in claims.get("amr", ())),
                signed_in_at_ns=int(claims.get("auth_time", issued_s)) * NANOSECONDS,
                stepped_up_at_ns=int(claims["sup"]) * NANOSECONDS if "sup" in claims else None,
            )
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise AccessTokenInvalid("The access token cannot be read.") from error
        now_ns = self._clock.now_ns()
        if expires_s * NANOSECONDS <= now_ns:
            raise AccessTokenExpired("The access token has ended.")
        if issued_s * NANOSECONDS > now_ns + 60 * NANOSECONDS:
            raise AccessTokenInvalid("The access token is from the future.")
        if expires_s - issued_s > ACCESS_TOKEN_SECONDS:
            raise AccessTokenInvalid("The access token lives longer than ours do.")
        return found

    def _signed_claims(self, token: str) -> dict[str, Any]:
        # By hand, because a storm of sockets brings nothing but new tokens: reading one costs
        # little more than checking its signature. There is one algorithm: the key's.
        try:
            signed, _, signature = token.encode("ascii").rpartition(b".")
            header, _, claims_part = signed.partition(b".")
            self._known_key(header).verify(signed, _decode(signature))
            claims = orjson.loads(_decode(claims_part))
            ours = claims["iss"] == ISSUER and claims["aud"] == AUDIENCE
        except _UNREADABLE as error:
            raise AccessTokenInvalid(_NOT_OURS) from error
        if not ours or not claims.keys() >= _CLAIMS:
            raise AccessTokenInvalid(_NOT_OURS)
        found: dict[str, Any] = claims
        return found

    def _key_of(self, header_part: bytes) -> VerifyKey:
        header = orjson.loads(_decode(header_part))
        key = self._keys.get(str(header.get("kid")))
        if (
            key is None
            or header.get("typ") != _TYPE
            or header.get("alg") != _ALGORITHM
            or "crit" in header
        ):
            raise AccessTokenInvalid(_NOT_OURS)
        return key


_UNREADABLE: Final = (
    BadSignatureError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)
_NOT_OURS: Final = "The access token is not one of ours."


def _decode(part: bytes) -> bytes:
    """Return what base64url without padding says (RFC 7515). Raises ValueError for others."""
    if not part or part.translate(None, _ALPHABET):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


class AccessTokenSigner:
    """Writes access tokens."""

    def __init__(self, key: SigningKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def sign(
        self,
        user_id: UserId,
        session_id: SessionId,
        role: str,
        *,
        methods: Sequence[str] = (),
        signed_in_at_ns: int | None = None,
        stepped_up: bool = False,
    ) -> str:
        """Return a token for a session. `stepped_up`: somebody has just proved who they are."""
        now_ns = self._clock.now_ns()
        issued_s = now_ns // NANOSECONDS
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "role": role,
            "iat": issued_s,
            "exp": issued_s + ACCESS_TOKEN_SECONDS,
            "jti": str(new_uuid()),
            "amr": list(methods),
            "auth_time": (now_ns if signed_in_at_ns is None else signed_in_at_ns) // NANOSECONDS,
        }
        if stepped_up:
            claims["sup"] = issued_s
        return jwt.encode(
            claims,
            self._key.private,
            algorithm=_ALGORITHM,
            headers={"kid": self._key.id, "typ": _TYPE},
        )


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_salt() -> bytes:
    return secrets.token_bytes(32)


def successor_of(token: str, salt: bytes) -> str:
    """Return the refresh token that follows `token`."""
    digest = hmac.digest(token.encode(), _SUCCESSOR + salt, "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
