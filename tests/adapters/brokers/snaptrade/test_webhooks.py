"""What SnapTrade calls us for: only signed, only of now, each once, and never a datum."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.snaptrade import CLIENT_ID, CONSUMER_KEY, signed
from tests.fakes.stepping_clock import SteppingClock

from optix.adapters.brokers import webhooks
from optix.adapters.brokers.snaptrade import SnapTradeApp, SnapTradeBroker
from optix.adapters.brokers.webhooks import WEBHOOK_SECONDS_MAX
from optix.kernel.errors import InvalidInput
from optix.ports.broker import Hint, HintReceiver

NOW = datetime(2026, 3, 3, 16, tzinfo=UTC)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(NOW)


@pytest.fixture
def receiver(clock: SteppingClock) -> HintReceiver:
    app = SnapTradeApp(client_id=CLIENT_ID, consumer_key=SecretStr(CONSUMER_KEY))
    return SnapTradeBroker(app, quick_wiring(clock))


def payload(**changed: Any) -> dict[str, Any]:
    return {
        "webhookId": "w-1",
        "clientId": CLIENT_ID,
        "eventTimestamp": NOW.isoformat(),
        "userId": "a-user",
        "eventType": "ACCOUNT_HOLDINGS_UPDATED",
        "brokerageAuthorizationId": "connection-0",
        "accountId": "account-0",
        "details": {"positions": {"success": True, "error": None}, "lag": 5.276, "name": "Zoë"},
        **changed,
    }


def sent(told: object, *, header: str = "Signature") -> tuple[dict[str, str], bytes]:
    """Return headers and a body whose spacing and order are not those that were signed."""
    return {header: signed(told)}, json.dumps(told, indent=1).encode()


async def test_a_signed_word_is_a_hint_for_its_connection(receiver: HintReceiver) -> None:
    for header in ("Signature", "signature"):
        hints = await receiver.read_hint(*sent(payload(webhookId=header), header=header))
        assert hints == [Hint(login_key="connection-0", account_key="account-0")]


@pytest.mark.parametrize(
    ("event", "needed"),
    [
        ("CONNECTION_BROKEN", True),
        ("connectionBroken", True),
        ("CONNECTION_DELETED", True),
        ("CONNECTION_FIXED", False),
        ("CONNECTION_ADDED", False),
        ("ACCOUNT_TRANSACTIONS_UPDATED", False),
        ("transactionsUpdated", False),
        ("TRADE_DETECTION", False),
        ("AN_EVENT_OF_NEXT_YEAR", False),
    ],
)
async def test_a_broken_connection_asks_the_user_back(
    receiver: HintReceiver, event: str, *, needed: bool
) -> None:
    told = payload(eventType=event, accountId=None)
    hints = await receiver.read_hint(*sent(told))
    assert hints == [Hint(login_key="connection-0", sign_in_needed=needed)]


async def test_words_about_users_and_attempts_are_no_hints(receiver: HintReceiver) -> None:
    told = payload(eventType="USER_REGISTERED", brokerageAuthorizationId=None)
    assert await receiver.read_hint(*sent(told)) == []


@pytest.mark.parametrize("signature", ["", "bm9uc2Vuc2U=", "ü"])
async def test_a_signature_that_does_not_hold_is_refused(
    receiver: HintReceiver, signature: str
) -> None:
    _, body = sent(payload())
    with pytest.raises(InvalidInput, match="signature"):
        await receiver.read_hint({"Signature": signature}, body)
    with pytest.raises(InvalidInput, match="signature"):
        await receiver.read_hint({}, body)


async def test_a_body_that_was_changed_on_its_way_is_refused(receiver: HintReceiver) -> None:
    headers, body = sent(payload())
    with pytest.raises(InvalidInput, match="signature"):
        await receiver.read_hint(headers, body.replace(b"connection-0", b"connection-1"))


@pytest.mark.parametrize("seconds", [-WEBHOOK_SECONDS_MAX - 1, WEBHOOK_SECONDS_MAX + 1])
async def test_what_is_not_from_now_is_refused(receiver: HintReceiver, seconds: int) -> None:
    told = payload(eventTimestamp=(NOW + timedelta(seconds=seconds)).isoformat())
    with pytest.raises(InvalidInput, match="not from now"):
        await receiver.read_hint(*sent(told))


@pytest.mark.parametrize("seconds", [-WEBHOOK_SECONDS_MAX, WEBHOOK_SECONDS_MAX])
async def test_clocks_may_differ_a_little(receiver: HintReceiver, seconds: int) -> None:
    told = payload(eventTimestamp=(NOW + timedelta(seconds=seconds)).isoformat())
    assert await receiver.read_hint(*sent(told))


async def test_a_replay_says_nothing_again_and_is_too_old_once_it_is_forgotten(
    receiver: HintReceiver, clock: SteppingClock
) -> None:
    assert await receiver.read_hint(*sent(payload()))
    assert await receiver.read_hint(*sent(payload())) == []
    clock.advance(WEBHOOK_SECONDS_MAX)
    assert await receiver.read_hint(*sent(payload())) == []
    clock.advance(1)
    with pytest.raises(InvalidInput):
        await receiver.read_hint(*sent(payload()))


async def test_the_memory_of_deliveries_is_bounded(
    receiver: HintReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "WEBHOOKS_REMEMBERED_MAX", 2)
    for name in ("a", "b", "c"):
        assert await receiver.read_hint(*sent(payload(webhookId=name)))
    assert await receiver.read_hint(*sent(payload(webhookId="c"))) == []
    assert await receiver.read_hint(*sent(payload(webhookId="a"))), "the oldest was forgotten"


async def test_a_word_for_another_application_is_refused(receiver: HintReceiver) -> None:
    with pytest.raises(InvalidInput, match="another application"):
        await receiver.read_hint(*sent(payload(clientId="ANOTHER")))


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"eventType": "X"},
        payload(eventTimestamp="lately"),
        payload(eventTimestamp="2026-03-03T16:00:00"),
    ],
)
async def test_a_signed_word_that_cannot_be_read_is_refused(
    receiver: HintReceiver, told: object
) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        await receiver.read_hint(*sent(told))


async def test_what_is_not_json_is_refused(receiver: HintReceiver) -> None:
    for body in (b"", b"<html>", b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidInput):
            await receiver.read_hint({"Signature": signed(None)}, body)
