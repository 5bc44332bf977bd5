"""Access tokens: what a verifier takes, from which keys, and for how long.

Forgeries are tried against every route in tests/contracts/test_openapi_tokens.py.
"""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from optix.features.identity import tokens
from optix.features.identity.authentication import Authenticator
from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.tokens import (
    AccessTokenExpired,
    AccessTokenInvalid,
    AccessTokenSigner,
    AccessTokenVerifier,
    KeyRing,
    SigningKey,
    key_id,
)
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.bus import Bus, connect

USER, SESSION = UserId(new_uuid()), SessionId(new_uuid())


@pytest.fixture
def clock() -> ScaledClock:
    return ScaledClock(SystemClock(), origin_ns=1_800_000_000 * NANOSECONDS, speed=0)


@pytest.fixture
def key() -> SigningKey:
    return SigningKey(Ed25519PrivateKey.generate())


def nobody(clock: ScaledClock) -> EndedSessions:
    """No session has ended; the bus behind it is never asked."""
    return EndedSessions(Bus(connect("redis://127.0.0.1:1/0"), clock), clock)


def test_a_token_says_who_in_which_session_until_when(clock: ScaledClock, key: SigningKey) -> None:
    token = AccessTokenSigner(key, clock).sign(USER, SESSION, "admin")
    user = Authenticator(AccessTokenVerifier([key.public], clock), ended=nobody(clock)).verify(
        token
    )
    assert (user.id, user.session_id, user.role) == (USER, SESSION, "admin")
    assert user.expires_at_ns == clock.now_ns() + tokens.ACCESS_TOKEN_SECONDS * NANOSECONDS


def test_a_token_says_how_and_when_somebody_signed_in(clock: ScaledClock, key: SigningKey) -> None:
    signer = AccessTokenSigner(key, clock)
    signed_in_ns = clock.now_ns() - 3_600 * NANOSECONDS
    token = signer.sign(
        USER, SESSION, "user", methods=["password", "totp"], signed_in_at_ns=signed_in_ns
    )
    claims = AccessTokenVerifier([key.public], clock).verify(token)
    assert claims.methods == ("password", "totp")
    assert claims.signed_in_at_ns == signed_in_ns
    assert claims.stepped_up_at_ns is None
    proved = AccessTokenVerifier([key.public], clock).verify(
        signer.sign(USER, SESSION, "user", stepped_up=True)
    )
    assert proved.stepped_up_at_ns == clock.now_ns()


def test_the_ring_signs_with_its_first_key_and_publishes_all(clock: ScaledClock) -> None:
    keys = [SigningKey(Ed25519PrivateKey.generate()) for _ in range(3)]
    ring = KeyRing(keys)
    assert ring.signing is keys[0]
    published = ring.jwks()["keys"]
    assert [key["kid"] for key in published] == [key.id for key in keys]
    token = AccessTokenSigner(ring.signing, clock).sign(USER, SESSION, "user")
    # A stranger checks it with what is published, by the standard alone.
    public = jwt.PyJWKSet.from_dict(ring.jwks())[jwt.get_unverified_header(token)["kid"]]
    said = jwt.decode(
        token,
        public,
        algorithms=["EdDSA"],
        audience="optix-api",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert said["sub"] == str(USER)
    assert not any("d" in key for key in published), "a private part is published"


def test_the_next_refresh_token_follows_from_the_token_and_its_salt_alone() -> None:
    token, salt = tokens.new_token(), tokens.new_salt()
    following = tokens.successor_of(token, salt)
    assert following == tokens.successor_of(token, salt)
    assert following != tokens.successor_of(token, tokens.new_salt())
    assert following != tokens.successor_of(tokens.new_token(), salt)
    assert len(following) >= 43
    assert token not in following


def test_a_role_nobody_knows_gives_no_power(clock: ScaledClock, key: SigningKey) -> None:
    token = AccessTokenSigner(key, clock).sign(USER, SESSION, "superuser")
    assert (
        Authenticator(AccessTokenVerifier([key.public], clock), ended=nobody(clock))
        .verify(token)
        .role
        == "user"
    )


def test_a_retired_key_still_verifies_and_a_removed_one_does_not(
    clock: ScaledClock, key: SigningKey
) -> None:
    old = SigningKey(Ed25519PrivateKey.generate())
    token = AccessTokenSigner(old, clock).sign(USER, SESSION, "user")
    AccessTokenVerifier([key.public, old.public], clock).verify(token)
    with pytest.raises(AccessTokenInvalid):
        AccessTokenVerifier([key.public], clock).verify(token)


def test_a_token_that_was_taken_before_still_ends(clock: ScaledClock, key: SigningKey) -> None:
    token = AccessTokenSigner(key, clock).sign(USER, SESSION, "user")
    verifier = AccessTokenVerifier([key.public], clock)
    verifier.verify(token)
    clock.advance_to(clock.now_ns() + tokens.ACCESS_TOKEN_SECONDS * NANOSECONDS)
    with pytest.raises(AccessTokenExpired):
        verifier.verify(token)


def test_remembered_tokens_are_bounded_and_forgeries_are_never_remembered(
    clock: ScaledClock, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "TOKENS_REMEMBERED_MAX", 3)
    verifier = AccessTokenVerifier([key.public], clock)
    signer = AccessTokenSigner(key, clock)
    for _ in range(5):
        verifier.verify(signer.sign(USER, SESSION, "user"))
    assert verifier._known_claims.cache_info().currsize == 3
    for _ in range(2):
        with pytest.raises(AccessTokenInvalid):
            verifier.verify("a.b.c")
    assert verifier._known_claims.cache_info().currsize == 3


def test_remembered_headers_are_bounded(clock: ScaledClock, key: SigningKey) -> None:
    verifier = AccessTokenVerifier([key.public], clock)
    for number in range(tokens.HEADERS_REMEMBERED_MAX + 1):  # each a header of its own
        token = jwt.encode(
            {},
            key.private,
            algorithm="EdDSA",
            headers={"kid": key.id, "typ": "at+jwt", "n": number},
        )
        with pytest.raises(AccessTokenInvalid):
            verifier.verify(token)
    assert verifier._known_key.cache_info().currsize == tokens.HEADERS_REMEMBERED_MAX


def test_a_token_beyond_the_length_is_not_even_read(clock: ScaledClock, key: SigningKey) -> None:
    verifier = AccessTokenVerifier([key.public], clock)
    with pytest.raises(AccessTokenInvalid, match="too long"):
        verifier.verify("x" * (tokens.TOKEN_LENGTH_MAX + 1))


def test_the_key_id_is_the_published_thumbprint() -> None:
    # RFC 8037, appendix A.2 and A.3.
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    known = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert key_id(Ed25519PublicKey.from_public_bytes(public)) == known


def test_refresh_tokens_are_long_and_never_the_same() -> None:
    made = {tokens.new_token() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43


def test_only_the_hash_of_a_refresh_token_is_comparable() -> None:
    token = tokens.new_token()
    assert tokens.token_hash(token) == tokens.token_hash(token)
    assert len(tokens.token_hash(token)) == 32
    assert token.encode() not in tokens.token_hash(token)
