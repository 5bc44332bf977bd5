"""Every recorded payload of Webull is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.brokers.webull import order
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.oauth2 import TokenAnswer
from optix.adapters.brokers.webull import PARSERS, wire
from optix.adapters.brokers.webull.client import explain
from optix.adapters.brokers.webull.words import TOKEN_STATES, TokenState
from optix.adapters.web.rest import Answer
from optix.kernel.money import Money
from optix.kernel.order import OrderStatus
from optix.ports.broker import BrokerUnavailable, BrokerUnreadable

FOLDER = "brokers/webull"
EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "accounts_shape.json": ("accounts", lambda told: [each.key for each in told] == ["1"]),
    "balances_shape.json": (
        "balances",
        # Masked: its currency is none, so it is added to no other.
        lambda told: told[0].currency == "XXX" and told[0].cash == Money(Decimal(1), "XXX"),
    ),
    "positions_equity.json": (
        "positions",
        lambda told: (
            [(each.asset.symbol, each.quantity) for each in told] == [("AAPL", 1)]
            and told[0].cost == Money(Decimal("11.12"))
        ),
    ),
    "order_detail.json": (
        "orders",
        lambda told: (
            told[0].id == "0352U72LQI6DT0KF41GK000000"
            and told[0].status is OrderStatus.WORKING
            and told[0].placed_at.isoformat() == "2025-11-11T05:44:35.385000+00:00"
        ),
    ),
}
# Answers to other questions, and what is sent: no kind takes them for something, or nothing.
OTHER_ANSWERS = (
    "auth_token_create.json",
    "connect_oauth2_token.json",
    "option_order_request.json",
    "order_error.json",
)
pytestmark = pytest.mark.recorded


def load(name: str) -> Any:
    return load_exact(recorded(f"{FOLDER}/{name}").read_bytes())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_payload_means_what_it_should(name: str) -> None:
    kind, expected = EXPECTED[name]
    assert expected(PARSERS[kind](load(name)))


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("name", OTHER_ANSWERS)
def test_another_answer_is_refused(name: str, kind: str) -> None:
    with pytest.raises(BrokerUnreadable):
        PARSERS[kind](load(name))


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("name", EXPECTED)
def test_an_answer_is_only_what_it_is(name: str, kind: str) -> None:
    if EXPECTED[name][0] == kind:
        return
    if (EXPECTED[name][0], kind) == ("orders", "transactions"):
        assert PARSERS[kind](load(name)) == [], "nothing of it was filled"
        return
    with pytest.raises(BrokerUnreadable):
        PARSERS[kind](load(name))


def test_tokens_of_an_application_are_texts_with_texts_for_seconds() -> None:
    told = read(TokenAnswer, load("connect_oauth2_token.json"), "test")
    assert (told.expires_in, told.rt_expires_in) == ("1800", "1296000")
    assert told.identity_id == "identity-example"


def test_a_token_of_a_key_waits_and_counts_milliseconds() -> None:
    told = read(wire.Token, load("auth_token_create.json"), "test")
    assert TOKEN_STATES.get(told.status) is TokenState.PENDING
    assert told.expires_at == 1_755_486_723_000


def test_the_code_of_an_error_is_told_and_not_its_words() -> None:
    body = recorded(f"{FOLDER}/order_error.json").read_bytes()
    explained = explain(Answer(417, {}, body))
    assert isinstance(explained, BrokerUnavailable)
    assert "INVALID_PARAMETER" in explained.detail
    assert "parameter is invalid" not in explained.detail


def test_an_order_that_was_sent_has_a_leg_that_is_a_contract() -> None:
    """What comes back of it has its legs in the same form, and a state and a size of its own."""
    sent = load("option_order_request.json")
    (row,) = order("1", "2025-12-01T15:00:00.000Z")["orders"]
    told = {"orders": [{**row, **sent, "total_quantity": sent["quantity"]}]}
    found: Any = PARSERS["orders"](told)
    (leg,) = found[0].legs
    assert (leg.asset.symbol, leg.quantity) == ("TSLA251226C00400000", Decimal(1))
    assert found[0].net_price.text == "21.25"
