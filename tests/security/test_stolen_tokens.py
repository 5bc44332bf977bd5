"""Attacks with tokens: forged, copied, planted, sent from a foreign page. Each over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from tests.fixtures.api import PASSWORD, Caller, add_user

from optix.features.identity.service import Identity
from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS, KeyRing, SigningKey
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform.secrets import load_secrets
from optix.platform.settings import PLACEHOLDERS, SettingsError, checkout_root, load_settings

pytestmark = pytest.mark.stores

ME, AUTH = "/api/v1/users/me", "/api/v1/auth"
COOKIE = "optix_refresh"
OURS = {"X-Optix-Client": "web", "Sec-Fetch-Site": "same-origin"}
# RFC 8032, 7.1, test 1: the first key that somebody copies.
PUBLISHED_SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


@pytest.fixture
def claims(clock: ScaledClock, caller: Caller) -> dict[str, Any]:
    """What a token says that would make the caller an administrator."""
    now_s = clock.now_ns() // NANOSECONDS
    return {
        "iss": "optix",
        "aud": "optix-api",
        "sub": caller.id,
        "sid": str(new_uuid()),
        "role": "admin",
        "amr": ["pwd"],
        "auth_time": now_s,
        "iat": now_s,
        "exp": now_s + ACCESS_TOKEN_SECONDS,
        "jti": str(new_uuid()),
    }


def part(value: dict[str, Any] | bytes) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hmac_token(claims: dict[str, Any], secret: bytes, kid: str) -> str:
    said = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{part(claims)}"
    return f"{said}.{part(hmac.new(secret, said.encode(), hashlib.sha256).digest())}"


def signed(claims: dict[str, Any], key: SigningKey, **header: Any) -> str:
    headers = {"kid": key.id, "typ": "at+jwt", **header}
    return jwt.encode(claims, key.private, algorithm="EdDSA", headers=headers)


async def refusal(client: httpx.AsyncClient, token: str) -> str:
    response = await client.get(ME, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401, response.text
    return str(response.json()["code"])


class TestForgedTokens:
    async def test_jwt_algorithm_none(
        self, client: httpx.AsyncClient, claims: dict[str, Any], signing_key: SigningKey
    ) -> None:
        for alg in ("none", "None", "NONE", "", None):
            head = part({"alg": alg, "typ": "at+jwt", "kid": signing_key.id})
            for signature in ("", part(bytes(64))):
                token = f"{head}.{part(claims)}.{signature}"
                assert await refusal(client, token) == "access_token_invalid"

    async def test_jwt_key_confusion_with_every_form_of_our_public_key(
        self, client: httpx.AsyncClient, claims: dict[str, Any], signing_key: SigningKey
    ) -> None:
        """The public key is public: whoever takes it as an HMAC secret signs for us."""
        public = signing_key.public
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        jwks = (await client.get("/.well-known/jwks.json")).json()
        forms = [
            pem,
            pem.strip(),
            public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            public.public_bytes(Encoding.Raw, PublicFormat.Raw),
            jwks["keys"][0]["x"].encode(),
            json.dumps(jwks["keys"][0]).encode(),
            signing_key.id.encode(),
            b"",
        ]
        for form in forms:
            token = hmac_token(claims, form, signing_key.id)
            assert await refusal(client, token) == "access_token_invalid"

    async def test_jwt_key_in_the_head_of_the_token(
        self, client: httpx.AsyncClient, claims: dict[str, Any]
    ) -> None:
        """`jwk`, `jku` and `x5u` would let the token say which key proves it."""
        own = SigningKey(Ed25519PrivateKey.generate())
        x = part(own.public.public_bytes(Encoding.Raw, PublicFormat.Raw))
        for header in (
            {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": x}},
            {"jku": "https://evil.example/jwks.json"},
            {"x5u": "https://evil.example/cert.pem"},
            {"crit": ["exp"]},
        ):
            token = signed(claims, own, **header)
            assert await refusal(client, token) == "access_token_invalid"

    @pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "", "0", None, "a" * 500])
    async def test_jwt_foreign_key_id(
        self, client: httpx.AsyncClient, claims: dict[str, Any], signing_key: SigningKey, kid: Any
    ) -> None:
        """The right key under a wrong name is refused too: the name alone chooses."""
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
        said = f"{part(head)}.{part(claims)}"
        token = f"{said}.{part(signing_key.private.sign(said.encode()))}"
        assert await refusal(client, token) == "access_token_invalid"

    async def test_jwt_key_that_was_dropped(
        self, claims: dict[str, Any], clock: ScaledClock, signing_key: SigningKey
    ) -> None:
        """After a rotation has dropped a key, what it signed is worth nothing."""
        from optix.features.identity.tokens import AccessTokenInvalid, AccessTokenVerifier

        dropped = SigningKey(Ed25519PrivateKey.generate())
        ring = KeyRing([signing_key, dropped])
        both = AccessTokenVerifier([key.public for key in ring.keys], clock)
        assert both.verify(signed(claims, dropped)).role == "admin"
        after = AccessTokenVerifier([signing_key.public], clock)
        with pytest.raises(AccessTokenInvalid):
            after.verify(signed(claims, dropped))

    async def test_forged_with_any_default_or_published_secret(
        self, client: httpx.AsyncClient, claims: dict[str, Any], signing_key: SigningKey
    ) -> None:
        root = checkout_root()
        assert root is not None
        example = (root / "deploy" / "env.example").read_text()
        published = {value for _, value in re.findall(r"(OPTIX_\w+)=(\S+)", example)}
        for secret in (*PLACEHOLDERS, *published, "secret", "your-256-bit-secret"):
            token = hmac_token(claims, secret.encode(), signing_key.id)
            assert await refusal(client, token) == "access_token_invalid", secret
        copied = SigningKey(Ed25519PrivateKey.from_private_bytes(PUBLISHED_SEED))
        assert await refusal(client, signed(claims, copied)) == "access_token_invalid"

    @pytest.mark.parametrize("variable", ["OPTIX_SIGNING_KEY", "OPTIX_VAULT_KEY"])
    def test_a_published_secret_is_refused_wherever_the_settings_find_it(
        self, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        """Also from a file: there is one settings object, and it looks at every source."""
        key = Ed25519PrivateKey.from_private_bytes(PUBLISHED_SEED)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        weak = pem if variable == "OPTIX_SIGNING_KEY" else base64.b64encode(bytes(32)).decode()
        file = tmp_path / "secret"
        file.write_text(weak)
        for name, value in ((variable, weak), (f"{variable}_FILE", str(file))):
            with monkeypatch.context() as environment:
                environment.setenv(name, value)
                with pytest.raises(SettingsError, match=variable):
                    load_secrets(load_settings(data_dir=tmp_path / "data"))


class TestCopiedTokens:
    async def test_refresh_token_replay(
        self, client: httpx.AsyncClient, caller: Caller, clock: ScaledClock
    ) -> None:
        """A thief replays a used token: thief and owner are both out, and access ends at once."""
        stolen = {"refresh_token": caller.tokens["refresh_token"]}
        owner = (await client.post(f"{AUTH}/refresh", json=stolen)).json()
        clock.advance_to(clock.now_ns() + (limits.REFRESH_GRACE_SECONDS + 1) * NANOSECONDS)
        replayed = await client.post(f"{AUTH}/refresh", json=stolen)
        assert (replayed.status_code, replayed.json()["code"]) == (401, "refresh_token_reused")
        next_one = {"refresh_token": owner["refresh_token"]}
        assert (await client.post(f"{AUTH}/refresh", json=next_one)).status_code == 401
        bearer = {"Authorization": f"Bearer {owner['access_token']}"}
        assert (await client.get(ME, headers=bearer)).status_code == 401

    async def test_access_token_after_logout(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        body = {"refresh_token": caller.tokens["refresh_token"]}
        assert (await client.post(f"{AUTH}/logout", json=body)).status_code == 204
        assert (await client.get(ME, headers=caller.headers)).status_code == 401

    async def test_a_token_of_one_place_in_another(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        """An access token is no refresh token, and a refresh token opens no route."""
        access, refresh = caller.tokens["access_token"], str(caller.tokens["refresh_token"])
        answer = await client.post(f"{AUTH}/refresh", json={"refresh_token": access})
        assert answer.status_code in (401, 422)
        assert await refusal(client, refresh) == "access_token_invalid"
        in_address = await client.get(f"{ME}?access_token={access}")
        assert in_address.status_code == 401
        in_cookie = await client.get(ME, headers={"Cookie": f"access_token={access}"})
        assert in_cookie.status_code == 401


async def web_login(client: httpx.AsyncClient, email: str = "ada@example.com") -> httpx.Response:
    body = {"email": email, "password": PASSWORD, "client": "web"}
    response = await client.post(f"{AUTH}/login", json=body)
    assert response.status_code == 200, response.text
    return response


class TestPlantedAndForeign:
    async def test_session_fixation(self, client: httpx.AsyncClient, identity: Identity) -> None:
        """Mallory plants her own cookie in Ada's browser before Ada signs in."""
        await add_user(identity)
        await add_user(identity, "mallory@example.com")
        await web_login(client, "mallory@example.com")
        planted = client.cookies[COOKIE]
        signed_in = await web_login(client)
        assert client.cookies[COOKIE] != planted
        assert signed_in.json()["user"]["email"] == "ada@example.com"
        refreshed = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=OURS)
        assert refreshed.json()["user"]["email"] == "ada@example.com"
        client.cookies.clear()
        with_planted = await client.post(
            f"{AUTH}/refresh",
            json={"client": "web"},
            headers={**OURS, "Cookie": f"{COOKIE}={planted}"},
        )
        assert with_planted.json()["user"]["email"] == "mallory@example.com"  # still only hers

    async def test_every_sign_in_is_a_new_session(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        await add_user(identity)
        sessions = set()
        for _ in range(3):
            token = (await web_login(client)).json()["access_token"]
            sessions.add(jwt.decode(token, options={"verify_signature": False})["sid"])
        assert len(sessions) == 3

    @pytest.mark.parametrize(
        "headers",
        [
            {},  # a form of a foreign page
            {"X-Optix-Client": "web", "Sec-Fetch-Site": "cross-site"},
            {"X-Optix-Client": "web", "Sec-Fetch-Site": "same-site"},  # a sister domain
            {"X-Optix-Client": "web", "Origin": "https://evil.example"},
            {"X-Optix-Client": "web", "Origin": "http://localhost:8000.evil.example"},
            {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"},
        ],
    )
    @pytest.mark.parametrize("path", ["refresh", "logout"])
    async def test_csrf_on_the_cookie_path(
        self, client: httpx.AsyncClient, identity: Identity, headers: dict[str, str], path: str
    ) -> None:
        await add_user(identity)
        await web_login(client)
        before = client.cookies[COOKIE]
        forged = await client.post(
            f"{AUTH}/{path}", content=b'{"client": "web"}', headers={**JSON, **headers}
        )
        assert forged.status_code in (403, 422)
        assert client.cookies[COOKIE] == before
        unharmed = await client.post(f"{AUTH}/refresh", json={"client": "web"}, headers=OURS)
        assert unharmed.status_code == 200

    async def test_csrf_with_the_cookie_alone_reaches_nothing_else(
        self, client: httpx.AsyncClient, identity: Identity
    ) -> None:
        """No other route looks at the cookie: a foreign page has no access token to send."""
        await add_user(identity)
        await web_login(client)
        cookie = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}", **OURS}
        for method, path in (("GET", ME), ("DELETE", ME), ("POST", f"{AUTH}/sessions/end-others")):
            assert (await client.request(method, path, headers=cookie)).status_code == 401


JSON = {"Content-Type": "application/json"}
