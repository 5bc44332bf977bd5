"""Every guarded operation refuses every token that is not ours, alive and meant for it."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from tests.contracts.openapi import all_operations, problems_with
from tests.fixtures.api import Caller

from optix.features.identity.tokens import (
    ACCESS_TOKEN_SECONDS,
    TOKEN_LENGTH_MAX,
    AccessTokenSigner,
    SigningKey,
)
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import SessionId, UserId, new_uuid

pytestmark = pytest.mark.stores


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
def claims(clock: ScaledClock, caller: Caller) -> dict[str, Any]:
    """What a good token of the caller says."""
    now_s = clock.now_ns() // NANOSECONDS
    return {
        "iss": "optix",
        "aud": "optix-api",
        "sub": caller.id,
        "sid": str(new_uuid()),
        "role": "user",
        "iat": now_s,
        "exp": now_s + ACCESS_TOKEN_SECONDS,
        "jti": str(new_uuid()),
    }


def signed(claims: dict[str, Any], key: SigningKey, **header: Any) -> str:
    headers = {"kid": key.id, "typ": "at+jwt", **header}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


def forgeries(claims: dict[str, Any], key: SigningKey, caller: Caller) -> dict[str, str]:
    """Return tokens of which none may work, by what is wrong with each."""
    stranger = SigningKey(Ed25519PrivateKey.generate())
    public_pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac_with_public_key = signed_with_hmac(claims, public_pem, key.id)
    head, body, signature = signed(claims, key).split(".")
    other_body = encoded({**claims, "role": "admin"})
    return {
        "garbage": "garbage",
        "dots": "a.b.c",
        "only dots": "..",
        "not ASCII": "é".encode().decode("latin-1"),
        "far too long": "x" * (TOKEN_LENGTH_MAX + 1),
        "alg none": f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': key.id})}.{body}.",
        "alg none with signature": f"{encoded({'alg': 'none', 'kid': key.id})}.{body}.{signature}",
        "HMAC with the public key": hmac_with_public_key,
        "another key": signed(claims, stranger),
        "another key under our id": signed(claims, stranger, kid=key.id),
        "unknown key id": signed(claims, key, kid="somebody"),
        "key id as a path": signed(claims, key, kid="../../etc/passwd"),
        "no key id": jwt.encode(claims, key.private, algorithm="EdDSA"),
        "another type": signed(claims, key, typ="JWT"),
        "changed body": f"{head}.{other_body}.{signature}",
        "no signature": f"{head}.{body}.",
        "another audience": signed({**claims, "aud": "elsewhere"}, key),
        "another issuer": signed({**claims, "iss": "elsewhere"}, key),
        "ended": signed({**claims, "exp": claims["iat"] - 1}, key),
        "ends now": signed({**claims, "exp": claims["iat"]}, key),
        "from the future": signed({**claims, "iat": claims["iat"] + 3_600}, key),
        "end is text": signed({**claims, "exp": "never"}, key),
        "end beyond time": signed({**claims, "exp": 10**30}, key),
        "subject is no id": signed({**claims, "sub": "1 OR 1=1"}, key),
        "no subject": signed({k: v for k, v in claims.items() if k != "sub"}, key),
        "no end": signed({k: v for k, v in claims.items() if k != "exp"}, key),
        "a refresh token": str(caller.tokens["refresh_token"]),
    }


def signed_with_hmac(claims: dict[str, Any], secret: bytes, key: str) -> str:
    import hashlib
    import hmac

    head = encoded({"alg": "HS256", "typ": "at+jwt", "kid": key})
    signing_input = f"{head}.{encoded(claims)}"
    mac = hmac.digest(secret, signing_input.encode(), hashlib.sha256)
    return f"{signing_input}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


async def test_a_forged_token_is_refused_everywhere(
    client: httpx.AsyncClient,
    api_app: FastAPI,
    claims: dict[str, Any],
    signing_key: SigningKey,
    caller: Caller,
) -> None:
    wrong: list[str] = []
    for operation in all_operations(api_app.openapi()):
        if operation.is_public:
            continue
        for name, token in forgeries(claims, signing_key, caller).items():
            response = await client.request(
                operation.method,
                operation.url(),
                json=operation.body(),
                headers=[(b"Authorization", f"Bearer {token}".encode("latin-1"))],
            )
            if response.status_code != 401:
                wrong.append(f"{operation} with {name}: {response.status_code}")
            wrong += [f"{fault} ({name})" for fault in problems_with(operation, response)]
    assert not wrong


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer  ", "Token x"])
async def test_a_malformed_authorization_header_is_refused_everywhere(
    client: httpx.AsyncClient, api_app: FastAPI, header: str
) -> None:
    for operation in all_operations(api_app.openapi()):
        if not operation.is_public:
            response = await client.request(
                operation.method, operation.url(), headers={"Authorization": header}
            )
            assert response.status_code == 401, str(operation)
            assert not list(problems_with(operation, response))


async def test_the_good_token_that_the_forgeries_vary_is_accepted(
    client: httpx.AsyncClient, claims: dict[str, Any], signing_key: SigningKey
) -> None:
    headers = {"Authorization": f"Bearer {signed(claims, signing_key)}"}
    assert (await client.get("/api/v1/users/me", headers=headers)).status_code == 200


async def test_a_token_works_until_its_last_second_and_not_after(
    client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
) -> None:
    issued_ns = clock.now_ns() // NANOSECONDS * NANOSECONDS
    clock.advance_to(issued_ns + ACCESS_TOKEN_SECONDS * NANOSECONDS - 1)
    assert (await client.get("/api/v1/users/me", headers=caller.headers)).status_code == 200
    clock.advance_to(issued_ns + ACCESS_TOKEN_SECONDS * NANOSECONDS)
    ended = await client.get("/api/v1/users/me", headers=caller.headers)
    assert ended.status_code == 401
    assert ended.json()["code"] == "access_token_expired"


async def test_the_token_of_an_account_that_is_gone_is_refused(
    client: httpx.AsyncClient, clock: ScaledClock, signing_key: SigningKey
) -> None:
    token = AccessTokenSigner(signing_key, clock).sign(
        UserId(new_uuid()), SessionId(new_uuid()), "admin"
    )
    response = await client.get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert response.json()["code"] == "account_gone"
