"""Signing in at an issuer, against a server of our own that keeps the standard, and breaks it."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tests.fakes.issuer import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeIssuer,
    IssuerKey,
    ec_key,
    ed_key,
    rsa_key,
)

from optix.adapters.issuers.adapter import OidcIssuer
from optix.adapters.issuers.client import IssuerClient
from optix.adapters.issuers.id_token import AGE_SECONDS_MAX, CLOCK_SECONDS_OFF_MAX
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.platform.issuer_settings import AppleKey, IssuerConfig
from optix.ports.issuers import IssuerAnswerRefused, IssuerFlow, IssuerUnavailable

BASE_URL = "http://localhost:8000"


@pytest.fixture
async def issuer(clock: ScaledClock) -> AsyncIterator[FakeIssuer]:
    async with FakeIssuer(now_s=clock.now_ns() // NANOSECONDS).serve() as fake:
        yield fake


@pytest.fixture
async def oidc(issuer: FakeIssuer, clock: ScaledClock) -> AsyncIterator[OidcIssuer]:
    adapter = made(issuer, clock)
    yield adapter
    await adapter.close()


def made(issuer: FakeIssuer, clock: ScaledClock, **changes: Any) -> OidcIssuer:
    config = IssuerConfig(
        **{
            "id": "fake",
            "name": "Fake",
            "issuer": issuer.base_url,
            "client_id": CLIENT_ID,
            "client_secret": SecretStr(CLIENT_SECRET),
            **changes,
        }
    )
    client = IssuerClient(allow_http=True, allow_private=True)
    return OidcIssuer(config, client, base_url=BASE_URL, clock=clock)


def new_flow() -> IssuerFlow:
    return IssuerFlow(
        state=secrets.token_urlsafe(16),
        nonce=secrets.token_urlsafe(16),
        verifier=secrets.token_urlsafe(32),
    )


async def sign_in(issuer: FakeIssuer, oidc: OidcIssuer, **answer: str) -> Any:
    flow = new_flow()
    back = {**issuer.approve(await oidc.fetch_authorization_url(flow)), **answer}
    assert back["state"] == flow.state
    return await oidc.fetch_identity(flow, back["code"], response_issuer=back["iss"])


class TestTheWayThere:
    async def test_it_names_us_the_scopes_and_the_hash_of_the_verifier(
        self, oidc: OidcIssuer
    ) -> None:
        flow = new_flow()
        address = await oidc.fetch_authorization_url(flow)
        query = parse_qs(urlsplit(address).query)
        assert query["redirect_uri"] == [f"{BASE_URL}/api/v1/auth/issuers/fake/callback"]
        assert query["scope"] == ["openid email profile"]
        assert flow.verifier not in address
        assert "response_mode" not in query

    async def test_a_form_is_asked_for_where_it_is_configured(
        self, issuer: FakeIssuer, clock: ScaledClock
    ) -> None:
        issuer.metadata["authorization_endpoint"] = f"{issuer.base_url}/authorize?tenant=1"
        oidc = made(issuer, clock, response_mode="form_post")
        address = await oidc.fetch_authorization_url(new_flow())
        query = parse_qs(urlsplit(address).query)
        assert (query["response_mode"], query["tenant"]) == (["form_post"], ["1"])
        await oidc.close()


class TestTheWayBack:
    @pytest.mark.parametrize("make_key", [rsa_key, ec_key, ed_key])
    async def test_a_signed_identity_is_understood(
        self, issuer: FakeIssuer, oidc: OidcIssuer, make_key: Any
    ) -> None:
        issuer.key = make_key()
        identity = await sign_in(issuer, oidc)
        assert (identity.subject, identity.email) == ("person-1", "ada@example.com")
        assert identity.email_verified
        assert identity.name == "Ada"

    @pytest.mark.parametrize(
        ("told", "verified"),
        [(True, True), ("true", True), (False, False), ("false", False), (None, False), (1, True)],
    )
    async def test_an_address_is_verified_only_where_the_issuer_says_so(
        self, issuer: FakeIssuer, oidc: OidcIssuer, told: Any, verified: bool
    ) -> None:
        issuer.claims["email_verified"] = told
        assert (await sign_in(issuer, oidc)).email_verified is verified

    async def test_the_secret_goes_by_the_way_the_issuer_offers(
        self, issuer: FakeIssuer, clock: ScaledClock
    ) -> None:
        issuer.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
        issuer.wanted_secret = "with space & ümlaut:"
        oidc = made(issuer, clock, client_secret=SecretStr(issuer.wanted_secret))
        assert (await sign_in(issuer, oidc)).subject == "person-1"
        assert "client_secret" not in issuer.token_requests[0]
        await oidc.close()

    async def test_apple_gets_a_signed_secret_that_ends_soon(
        self, issuer: FakeIssuer, clock: ScaledClock
    ) -> None:
        private = generate_private_key(SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        apple = AppleKey(team_id="TEAM", key_id="KEY", private_key=SecretStr(pem))
        issuer.wanted_secret = None
        oidc = made(issuer, clock, client_secret=None, apple=apple)
        await sign_in(issuer, oidc)
        given = issuer.token_requests[0]["client_secret"]
        assert jwt.get_unverified_header(given)["kid"] == "KEY"
        claims = jwt.decode(
            given,
            private.public_key(),
            algorithms=["ES256"],
            audience=issuer.base_url,
            issuer="TEAM",
            subject=CLIENT_ID,
            options={"verify_exp": False, "verify_iat": False},
        )
        assert claims["exp"] - claims["iat"] == 300
        await oidc.close()

    async def test_metadata_and_keys_are_asked_for_once_an_hour(
        self, issuer: FakeIssuer, oidc: OidcIssuer, clock: ScaledClock
    ) -> None:
        for _ in range(3):
            await sign_in(issuer, oidc)
        assert issuer.asked.count("/keys") == 1
        assert issuer.asked.count("/.well-known/openid-configuration") == 1
        clock.advance_to(clock.now_ns() + limits.ISSUER_METADATA_SECONDS * NANOSECONDS)
        issuer.now_s = clock.now_ns() // NANOSECONDS
        await sign_in(issuer, oidc)
        assert issuer.asked.count("/keys") == 2
        assert issuer.asked.count("/.well-known/openid-configuration") == 2

    async def test_a_new_key_of_the_issuer_is_found_and_unknown_ones_do_not_hammer_it(
        self, issuer: FakeIssuer, oidc: OidcIssuer, clock: ScaledClock
    ) -> None:
        await sign_in(issuer, oidc)
        issuer.key = ec_key("ec-2")
        with pytest.raises(IssuerAnswerRefused):  # asked a moment ago
            await sign_in(issuer, oidc)
        clock.advance_to(clock.now_ns() + limits.ISSUER_KEYS_REFETCH_SECONDS * NANOSECONDS)
        assert (await sign_in(issuer, oidc)).subject == "person-1"
        issuer.sign_with = ec_key("forged")
        for _ in range(5):
            with pytest.raises(IssuerAnswerRefused):
                await sign_in(issuer, oidc)
        assert issuer.asked.count("/keys") == 2


class TestAttacks:
    """Each is a way in that the standard names."""

    async def test_a_code_works_once(self, issuer: FakeIssuer, oidc: OidcIssuer) -> None:
        flow = new_flow()
        back = issuer.approve(await oidc.fetch_authorization_url(flow))
        await oidc.fetch_identity(flow, back["code"], response_issuer=None)
        with pytest.raises(IssuerAnswerRefused):
            await oidc.fetch_identity(flow, back["code"], response_issuer=None)

    async def test_a_stolen_code_is_useless_without_its_verifier(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        flow = new_flow()
        back = issuer.approve(await oidc.fetch_authorization_url(flow))
        thief = replace(flow, verifier=secrets.token_urlsafe(32))
        with pytest.raises(IssuerAnswerRefused):
            await oidc.fetch_identity(thief, back["code"], response_issuer=None)

    async def test_a_code_of_another_sign_in_has_the_wrong_nonce(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        flow = new_flow()
        back = issuer.approve(await oidc.fetch_authorization_url(flow))
        other = replace(flow, nonce=secrets.token_urlsafe(16))
        with pytest.raises(IssuerAnswerRefused, match="another sign-in"):
            await oidc.fetch_identity(other, back["code"], response_issuer=None)

    async def test_an_answer_of_another_issuer_is_a_mix_up(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        with pytest.raises(IssuerAnswerRefused, match="another issuer"):
            await sign_in(issuer, oidc, iss="https://evil.example")
        assert not issuer.token_requests, "the code was sent although the answer was foreign"

    async def test_an_issuer_that_names_itself_may_not_fall_silent(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        issuer.metadata["authorization_response_iss_parameter_supported"] = True
        flow = new_flow()
        back = issuer.approve(await oidc.fetch_authorization_url(flow))
        with pytest.raises(IssuerAnswerRefused, match="another issuer"):
            await oidc.fetch_identity(flow, back["code"], response_issuer=None)

    @pytest.mark.parametrize(
        "claims",
        [
            {"iss": "https://evil.example"},
            {"aud": "somebody-else"},
            {"aud": [CLIENT_ID, "somebody-else"]},
            {"aud": []},
            {"azp": "somebody-else"},
            {"nonce": None},
            {"nonce": ""},
            {"sub": None},
            {"sub": ""},
            {"sub": "x" * 256},
            {"sub": 1},
            {"exp": None},
            {"exp": "soon"},
            {"exp": 1e300},
            {"iat": None},
            {"iat": [1]},
            {"iss": None},
        ],
        ids=str,
    )
    async def test_a_wrong_or_missing_claim_is_refused(
        self, issuer: FakeIssuer, oidc: OidcIssuer, claims: dict[str, Any]
    ) -> None:
        issuer.claims = claims
        with pytest.raises(IssuerAnswerRefused):
            await sign_in(issuer, oidc)

    @pytest.mark.parametrize(
        ("claim", "off_s", "right"),
        [
            ("exp", -CLOCK_SECONDS_OFF_MAX + 1, True),
            ("exp", -CLOCK_SECONDS_OFF_MAX, False),
            ("iat", CLOCK_SECONDS_OFF_MAX, True),
            ("iat", CLOCK_SECONDS_OFF_MAX + 1, False),
            ("iat", -AGE_SECONDS_MAX, True),
            ("iat", -AGE_SECONDS_MAX - 1, False),
            ("nbf", CLOCK_SECONDS_OFF_MAX, True),
            ("nbf", CLOCK_SECONDS_OFF_MAX + 1, False),
        ],
    )
    async def test_times_count_to_the_second(
        self, issuer: FakeIssuer, oidc: OidcIssuer, claim: str, off_s: int, right: bool
    ) -> None:
        issuer.claims[claim] = issuer.now_s + off_s
        if right:
            assert (await sign_in(issuer, oidc)).subject == "person-1"
        else:
            with pytest.raises(IssuerAnswerRefused):
                await sign_in(issuer, oidc)

    async def test_an_unsigned_identity_is_refused(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        claims = {"iss": issuer.base_url, "aud": CLIENT_ID, "sub": "person-1"}
        for algorithm in ("none", "None", "NONE", ""):
            issuer.id_token = forged({"alg": algorithm}, claims)
            with pytest.raises(IssuerAnswerRefused):
                await sign_in(issuer, oidc)

    @pytest.mark.parametrize("make_key", [rsa_key, ec_key])
    async def test_a_public_key_is_no_secret_of_an_hmac(
        self, issuer: FakeIssuer, oidc: OidcIssuer, make_key: Any
    ) -> None:
        issuer.key = make_key()
        flow = new_flow()
        back = issuer.approve(await oidc.fetch_authorization_url(flow))
        claims = {
            "iss": issuer.base_url,
            "aud": CLIENT_ID,
            "sub": "person-1",
            "iat": issuer.now_s,
            "exp": issuer.now_s + 300,
            "nonce": flow.nonce,
        }
        public = json.dumps(issuer.key.jwk()).encode()
        header = {"alg": "HS256", "kid": issuer.key.id}
        issuer.id_token = forged(header, claims, hmac_key=public)
        with pytest.raises(IssuerAnswerRefused):
            await oidc.fetch_identity(flow, back["code"], response_issuer=None)

    async def test_a_key_that_the_token_brings_along_is_not_used(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        thief = ec_key(issuer.key.id)
        issuer.sign_with = thief
        issuer.header = {"jwk": thief.jwk(), "jku": f"{issuer.base_url}/thief"}
        with pytest.raises(IssuerAnswerRefused):
            await sign_in(issuer, oidc)
        assert "/thief" not in issuer.asked

    async def test_a_key_for_encryption_or_another_algorithm_signs_nothing(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        for change in ({"use": "enc"}, {"alg": "ES384"}, {"kty": "oct"}, {"crv": "P-384"}):
            issuer.shown_keys = [{**issuer.key.jwk(), **change}]
            with pytest.raises(IssuerAnswerRefused):
                await sign_in(issuer, oidc)

    async def test_two_keys_of_one_name_are_not_clear(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        issuer.shown_keys = [issuer.key.jwk(), ec_key(issuer.key.id).jwk()]
        with pytest.raises(IssuerAnswerRefused):
            await sign_in(issuer, oidc)

    async def test_a_short_key_is_refused(self, issuer: FakeIssuer, oidc: OidcIssuer) -> None:
        issuer.key = rsa_key(bits=1024)
        issuer.sign_with = IssuerKey("rsa-1", issuer.key.private, "RS256")
        with (
            pytest.warns(jwt.warnings.InsecureKeyLengthWarning),
            pytest.raises(IssuerAnswerRefused),
        ):
            await sign_in(issuer, oidc)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "." * 300, "{}", "x" * 16_384])
    async def test_junk_instead_of_an_identity_is_refused(
        self, issuer: FakeIssuer, oidc: OidcIssuer, token: str
    ) -> None:
        issuer.id_token = token
        with pytest.raises(IssuerAnswerRefused):
            await sign_in(issuer, oidc)

    async def test_an_issuer_that_calls_itself_otherwise_is_refused(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        for name in ("https://evil.example", issuer.base_url + "/", issuer.base_url.upper()):
            issuer.metadata["issuer"] = name
            with pytest.raises(IssuerUnavailable, match="another name"):
                await oidc.fetch_authorization_url(new_flow())

    async def test_an_issuer_that_refuses_pkce_is_not_used(
        self, issuer: FakeIssuer, oidc: OidcIssuer
    ) -> None:
        issuer.metadata["code_challenge_methods_supported"] = ["plain"]
        with pytest.raises(IssuerUnavailable, match="S256"):
            await oidc.fetch_authorization_url(new_flow())

    async def test_a_wrong_client_secret_is_not_repeated(
        self, issuer: FakeIssuer, clock: ScaledClock
    ) -> None:
        oidc = made(issuer, clock, client_secret=SecretStr("the wrong secret"))
        with pytest.raises(IssuerAnswerRefused) as caught:
            await sign_in(issuer, oidc)
        assert "wrong secret" not in str(caught.value)
        await oidc.close()


def forged(header: dict[str, Any], claims: dict[str, Any], hmac_key: bytes | None = None) -> str:
    """Return a token as an attacker writes it by hand."""
    parts = [urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signature = hmac.digest(hmac_key, b".".join(parts), "sha256") if hmac_key else b""
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_the_clock_of_these_tests_is_near_the_real_one(clock: ScaledClock) -> None:
    """The signing library compares nothing here, so only our own checks of times are tested."""
    assert abs(SystemClock().now_ns() - clock.now_ns()) < 60 * NANOSECONDS
