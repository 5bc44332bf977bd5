"""What Plaid calls us for: only signed with its key over this body, only of now, each once."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from pydantic import SecretStr
from tests.adapters.brokers.plaid.test_adapter import NOW
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.plaid import CLIENT_ID, SECRET, FakePlaid
from tests.fakes.stepping_clock import SteppingClock

from optix.adapters.brokers.plaid import PlaidApp, PlaidBroker, webhook_keys
from optix.adapters.brokers.plaid.webhook_keys import (
    KEY_ID_LENGTH_MAX,
    KEY_SECONDS,
    KEYS_MAX,
    TOKEN_LENGTH_MAX,
)
from optix.adapters.brokers.webhooks import WEBHOOK_SECONDS_MAX
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import InvalidInput
from optix.ports.broker import BrokerUnavailable, Hint, HintReceiver

KEY_ID = "bfbd5111-8e33-4643-8ced-b2e642a72f3c"
KEY, OTHER_KEY = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
KEY_PATH = "/webhook_verification_key/get"


def public(key: ec.EllipticCurvePrivateKey, **changed: Any) -> dict[str, Any]:
    told = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    more = {"alg": "ES256", "use": "sig", "kid": KEY_ID, "created_at": 1, "expired_at": None}
    return {**told, **more, **changed}


class Sender:
    """Plaid, as it signs."""

    def __init__(self, clock: SteppingClock) -> None:
        self.clock = clock

    def __call__(self, told: Any, **changed: Any) -> tuple[dict[str, str], bytes]:
        body = told if isinstance(told, bytes) else orjson.dumps(told, option=orjson.OPT_INDENT_2)
        claims = {
            "iat": self.clock.now_ns() // NANOSECONDS + changed.get("late", 0),
            "request_body_sha256": hashlib.sha256(body).hexdigest(),
        }
        claims = {name: value for name, value in claims.items() if name != changed.get("without")}
        headers = {"kid": changed.get("kid", KEY_ID)}
        token = jwt.encode(claims, changed.get("key", KEY), algorithm="ES256", headers=headers)
        return {changed.get("header", "Plaid-Verification"): token}, body


def item(kind: str = "HOLDINGS", code: str = "DEFAULT_UPDATE", **more: Any) -> dict[str, Any]:
    return {"webhook_type": kind, "webhook_code": code, "item_id": "item-0", "lag": 5.276, **more}


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(NOW)


@pytest.fixture
def send(clock: SteppingClock) -> Sender:
    return Sender(clock)


@pytest.fixture
async def server() -> AsyncIterator[FakePlaid]:
    async with FakePlaid().serve() as server:
        server.keys[KEY_ID] = public(KEY)
        yield server


@pytest.fixture
def receiver(server: FakePlaid, clock: SteppingClock) -> HintReceiver:
    app = PlaidApp(client_id=CLIENT_ID, secret=SecretStr(SECRET), api_url=server.base_url)
    return PlaidBroker(app, quick_wiring(clock))


@pytest.mark.parametrize(
    ("kind", "code", "needed"),
    [
        ("HOLDINGS", "DEFAULT_UPDATE", False),
        ("INVESTMENTS_TRANSACTIONS", "HISTORICAL_UPDATE", False),
        ("INVESTMENTS_TRANSACTIONS", "DEFAULT_UPDATE", False),
        ("ITEM", "ERROR", True),
        ("ITEM", "USER_PERMISSION_REVOKED", True),
        ("ITEM", "PENDING_DISCONNECT", False),
        ("ITEM", "LOGIN_REPAIRED", False),
        ("A_TYPE", "OF_NEXT_YEAR", False),
    ],
)
async def test_a_signed_word_is_a_hint_for_its_login(
    receiver: HintReceiver, send: Sender, kind: str, code: str, *, needed: bool
) -> None:
    hints = await receiver.read_hint(*send(item(kind, code)))
    assert hints == [Hint(login_key="item-0", sign_in_needed=needed)]


async def test_words_about_no_login_are_no_hints(receiver: HintReceiver, send: Sender) -> None:
    assert await receiver.read_hint(*send(item("LINK", "EVENTS", item_id=None))) == []


async def test_a_header_in_any_case_and_a_key_that_is_asked_for_once(
    receiver: HintReceiver, send: Sender, server: FakePlaid, clock: SteppingClock
) -> None:
    for header in ("plaid-verification", "PLAID-VERIFICATION"):
        assert await receiver.read_hint(*send(item(), header=header))
    assert server.counts[KEY_PATH] == 1
    clock.advance(KEY_SECONDS)
    server.keys[KEY_ID] = public(KEY, expired_at=5)
    with pytest.raises(InvalidInput, match="has ended"):
        await receiver.read_hint(*send(item()))


async def test_another_body_another_key_and_no_signature_are_refused(
    receiver: HintReceiver, send: Sender
) -> None:
    headers, body = send(item())
    for changed in (body.replace(b"item-0", b"item-1"), body + b" ", b""):
        with pytest.raises(InvalidInput, match="changed on its way"):
            await receiver.read_hint(headers, changed)
    with pytest.raises(InvalidInput, match="does not hold"):
        await receiver.read_hint(*send(item(), key=OTHER_KEY))
    for without in ("iat", "request_body_sha256"):
        with pytest.raises(InvalidInput, match="does not hold"):
            await receiver.read_hint(*send(item(), without=without))
    for token in ("", "nonsense", "a.b.c"):
        with pytest.raises(InvalidInput, match="not signed"):
            await receiver.read_hint({"Plaid-Verification": token}, body)
    with pytest.raises(InvalidInput):
        await receiver.read_hint({}, body)


async def test_another_way_of_signing_is_refused_before_anything_is_asked(
    receiver: HintReceiver, server: FakePlaid
) -> None:
    tokens = [
        jwt.encode({"iat": 1}, "k" * 32, algorithm="HS256", headers={"kid": KEY_ID}),
        jwt.encode({"iat": 1}, "", algorithm="none", headers={"kid": KEY_ID}),
        jwt.encode({"iat": 1}, KEY, algorithm="ES256"),
    ]
    for token in tokens:
        with pytest.raises(InvalidInput, match="another way"):
            await receiver.read_hint({"Plaid-Verification": token}, b"{}")
    with pytest.raises(InvalidInput, match="too long"):
        await receiver.read_hint({"Plaid-Verification": "x" * (TOKEN_LENGTH_MAX + 1)}, b"{}")
    long = jwt.encode(
        {"iat": 1}, KEY, algorithm="ES256", headers={"kid": "k" * (KEY_ID_LENGTH_MAX + 1)}
    )
    with pytest.raises(InvalidInput, match="names no key"):
        await receiver.read_hint({"Plaid-Verification": long}, b"{}")
    assert not server.asked


async def test_keys_that_are_unknown_ended_or_none_are_refused(
    receiver: HintReceiver, send: Sender, server: FakePlaid
) -> None:
    with pytest.raises(InvalidInput, match="does not know the key"):
        await receiver.read_hint(*send(item(), kid="another"))
    server.keys["ended"] = public(KEY, expired_at=1)
    server.keys["other"] = public(KEY, alg="RS256")
    server.keys["broken"] = public(KEY, x="no")
    for kid in ("ended", "other", "broken"):
        with pytest.raises(InvalidInput):
            await receiver.read_hint(*send(item(), kid=kid))


async def test_a_key_that_cannot_be_asked_for_is_no_refusal(
    receiver: HintReceiver, send: Sender, server: FakePlaid
) -> None:
    """Plaid sends again what was not taken."""
    server.down = True
    with pytest.raises(BrokerUnavailable):
        await receiver.read_hint(*send(item()))
    server.down = False
    assert await receiver.read_hint(*send(item()))


async def test_only_so_many_keys_are_kept(
    receiver: HintReceiver, send: Sender, server: FakePlaid, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert KEYS_MAX > 1
    monkeypatch.setattr(webhook_keys, "KEYS_MAX", 1)
    server.keys["second"] = public(KEY)
    for kid in (KEY_ID, "second", KEY_ID):
        assert await receiver.read_hint(*send(item(code=kid + str(len(server.asked))), kid=kid))
    assert server.counts[KEY_PATH] == 3


@pytest.mark.parametrize("late", [-WEBHOOK_SECONDS_MAX - 1, WEBHOOK_SECONDS_MAX + 1])
async def test_what_is_not_from_now_is_refused(
    receiver: HintReceiver, send: Sender, late: int
) -> None:
    with pytest.raises(InvalidInput, match="not from now"):
        await receiver.read_hint(*send(item(), late=late))


@pytest.mark.parametrize("late", [-WEBHOOK_SECONDS_MAX, WEBHOOK_SECONDS_MAX])
async def test_clocks_may_differ_a_little(receiver: HintReceiver, send: Sender, late: int) -> None:
    assert await receiver.read_hint(*send(item(), late=late))


async def test_a_replay_says_nothing_again(
    receiver: HintReceiver, send: Sender, clock: SteppingClock
) -> None:
    headers, body = send(item())
    assert await receiver.read_hint(headers, body)
    assert await receiver.read_hint(headers, body) == []
    clock.advance(WEBHOOK_SECONDS_MAX + 1)
    with pytest.raises(InvalidInput):
        await receiver.read_hint(headers, body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"ok"', b"\xff"])
async def test_a_signed_word_that_cannot_be_read_is_refused(
    receiver: HintReceiver, send: Sender, body: bytes
) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        await receiver.read_hint(*send(body))
