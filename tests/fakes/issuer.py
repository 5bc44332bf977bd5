"""An OpenID Connect issuer of our own: real HTTP, real signatures, and every lie a test asks for.

`approve` is the person at the issuer's page: it takes the address the browser was sent to and
returns what the browser comes back with. Codes are redeemed once, with PKCE and the client secret,
as the standard says.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT_ID = "optix-tests"
CLIENT_SECRET = "secret of the tests at the issuer"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class IssuerKey:
    """A signing key with the algorithm it is for."""

    id: str
    private: PrivateKey
    algorithm: str

    def jwk(self) -> dict[str, Any]:
        algorithm: Any = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}[
            self.algorithm
        ]
        public = json.loads(algorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.id, "use": "sig", "alg": self.algorithm}


def rsa_key(name: str = "rsa-1", bits: int = 2048) -> IssuerKey:
    return IssuerKey(name, rsa.generate_private_key(65_537, bits), "RS256")


def ec_key(name: str = "ec-1") -> IssuerKey:
    return IssuerKey(name, ec.generate_private_key(ec.SECP256R1()), "ES256")


def ed_key(name: str = "ed-1") -> IssuerKey:
    return IssuerKey(name, ed25519.Ed25519PrivateKey.generate(), "EdDSA")


@dataclass
class Grant:
    """What a code stands for until it is redeemed."""

    redirect_uri: str
    challenge: str
    nonce: str
    person: dict[str, Any]


@dataclass
class FakeIssuer:
    """The server. `now_s` is its clock; `metadata`, `claims`, `header` are laid over the truth."""

    now_s: int
    key: IssuerKey = field(default_factory=ec_key)
    person: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "person-1",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
        }
    )
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)  # None takes a claim away
    header: dict[str, Any] = field(default_factory=dict)
    shown_keys: list[dict[str, Any]] | None = None
    sign_with: IssuerKey | None = None
    id_token: str | None = None  # answered instead of a signed one
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(default_factory=dict)
    wanted_secret: str | None = CLIENT_SECRET
    base_url: str = ""
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeIssuer]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            open_now = list(self.connections)
            for connection in open_now:
                connection.cancel()
            await asyncio.gather(*open_now, return_exceptions=True)

    def approve(self, address: str) -> dict[str, str]:
        """Sign the person in at the issuer; return what comes back with the browser."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.base_url}/authorize"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(
            query["redirect_uri"], query["code_challenge"], query["nonce"], dict(self.person)
        )
        return {"code": code, "state": query["state"], "iss": self.base_url}

    # --- the server ----------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in head[1:] if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answer, extra = self._answer(method, target, headers, body)
                lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(answer)}"]
                lines += [f"{name}: {value}" for name, value in extra.items()]
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as clients do
        finally:
            self.connections.discard(task)
            writer.close()

    def _answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        self.asked.append(target)
        if target in self.answers:
            return self.answers[target]
        if (method, target) == ("GET", "/.well-known/openid-configuration"):
            return _json(self._metadata())
        if (method, target) == ("GET", "/keys"):
            return _json({"keys": [self.key.jwk()] if self.shown_keys is None else self.shown_keys})
        if (method, target) == ("POST", "/token"):
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            return self._redeem(form, headers)
        return _json({}, 404)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.base_url,
            "authorization_endpoint": f"{self.base_url}/authorize",
            "token_endpoint": f"{self.base_url}/token",
            "jwks_uri": f"{self.base_url}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            **self.metadata,
        }

    def _redeem(
        self, form: dict[str, str], headers: Mapping[str, str]
    ) -> tuple[int, bytes, dict[str, str]]:
        self.token_requests.append(form)
        secret = form.get("client_secret")
        if headers.get("authorization", "").startswith("Basic "):
            user, _, password = b64decode(headers["authorization"][6:]).decode().partition(":")
            assert unquote(user) == CLIENT_ID
            secret = unquote(password)
        if self.wanted_secret is not None and secret != self.wanted_secret:
            return _json({"error": "invalid_client"}, 401)
        grant = self.grants.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if (
            grant is None
            or form["redirect_uri"] != grant.redirect_uri
            or urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge
        ):
            return _json({"error": "invalid_grant"}, 400)
        token = self.sign(grant) if self.id_token is None else self.id_token
        return _json({"access_token": "at", "token_type": "Bearer", "id_token": token})

    def sign(self, grant: Grant) -> str:
        """Return the ID token of `grant`, with what the test lays over it."""
        claims = {
            "iss": self.base_url,
            "aud": CLIENT_ID,
            "iat": self.now_s,
            "exp": self.now_s + 300,
            "nonce": grant.nonce,
            **grant.person,
            **self.claims,
        }
        key = self.sign_with or self.key
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key.private,
            algorithm=key.algorithm,
            headers={"kid": key.id, **self.header},
        )


def _json(document: Any, status: int = 200) -> tuple[int, bytes, dict[str, str]]:
    return status, json.dumps(document).encode(), {"Content-Type": "application/json"}
