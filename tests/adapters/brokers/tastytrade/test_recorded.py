"""Every recorded payload of tastytrade is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.brokers.tastytrade_rows import position
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.oauth2 import TokenAnswer
from optix.adapters.brokers.tastytrade import PARSERS, translate, wire
from optix.adapters.brokers.tastytrade.client import explain
from optix.adapters.web.rest import Answer
from optix.kernel.money import Money, Price
from optix.kernel.order import OrderStatus
from optix.ports.broker import BrokerUnreadable

FOLDER = "brokers/tastytrade"
EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "accounts_items.json": ("accounts", lambda told: len(told) == 1),
    "positions.json": (
        "positions",
        lambda told: (
            [each.quantity for each in told] == [10, 1]
            and told[0].value == Money(Decimal("1852.5"))
            and told[1].cost == Money(Decimal(350))
            and told[1].asset.symbol == "AAL270115C00017000"
        ),
    ),
    "transactions_trade.json": (
        "transactions",
        lambda told: (
            [row.cash.text for row in told] == ["-76.12", "100000"]
            # What it names one by one is what the row's own amounts differ by.
            and told[0].fees == Money(Decimal("-0.1") - Decimal("1.0") - Decimal("0.02"))
        ),
    ),
    "transactions_dividends.json": (
        "transactions",
        lambda told: (
            [row.kind.value for row in told] == ["reinvestment", "reinvestment", "dividend"]
            and told[0].quantity == Decimal("1.68074")
            and told[2].cash == Money(Decimal("27.74"))
        ),
    ),
    "order_filled.json": (
        "orders",
        lambda told: told[0].legs[0].average_price == Price(Decimal(100)),
    ),
    "stream_order.json": ("orders", lambda told: told[0].status is OrderStatus.FILLED),
    "order_dry_run.json": (
        "orders",
        lambda told: (
            told[0].net_price == Price(Decimal(-2))
            and [each.quantity for each in told[0].legs] == [1, -1]
        ),
    ),
}
# What this adapter does not read: no kind takes it for something, let alone for nothing.
NO_ANSWERS = (
    "api_quote_token.json",
    "margin_requirements.json",
    "order_request_vertical.json",
    "stream_connect_error.json",
    "stream_connect_ok.json",
)


@pytest.mark.recorded
class TestRecorded:
    @pytest.mark.parametrize("name", EXPECTED)
    def test_a_payload_means_what_it_should(self, name: str) -> None:
        kind, expected = EXPECTED[name]
        assert expected(PARSERS[kind](_load(name)))

    @pytest.mark.parametrize("kind", PARSERS)
    @pytest.mark.parametrize("name", NO_ANSWERS)
    def test_what_is_no_answer_is_refused(self, name: str, kind: str) -> None:
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind](_load(name))

    def test_the_legs_of_an_order_to_be_sent(self) -> None:
        request = _load("order_request_vertical.json")
        row = read(wire.Order, {**request, "status": "Received"}, "test")
        (found,) = translate.orders([row])
        assert found.net_price == Price(Decimal("1.09"))
        assert [each.asset.symbol for each in found.legs] == [
            "AAPL230818C00197500",
            "AAPL230818C00200000",
        ]

    def test_quotes_are_no_positions(self) -> None:
        with pytest.raises(BrokerUnreadable, match="quantity"):
            PARSERS["positions"](_load("market_data_by_type.json"))

    def test_a_chain_says_what_its_roots_deliver(self) -> None:
        (item,) = [
            read(wire.ChainItem, row, "test")
            for row in _load("option_chain_nested.json")["data"]["items"]
        ]
        assert item.deliverables[0].amount == 100
        assert translate.deliverables([item]) == {}, "a standard root needs no list"

    def test_a_margin_requirement_may_be_no_number(self) -> None:
        groups = _load("margin_requirements.json")["data"]["groups"]
        price = groups[0]["groups"][0]["position-entries"][0]["fixing-price"]
        row = position("AAPL", "Equity", "1", "Long", multiplier=1, mark_price=price)
        assert price == "NaN"
        assert read(wire.Position, row, "test").mark_price is None

    def test_a_token_answer(self) -> None:
        told = read(TokenAnswer, _load("oauth_token_response.json"), "test")
        assert (told.access_token, told.expires_in) == ("ACCESS_TOKEN_EXAMPLE", "900")

    def test_errors_are_told_by_their_code(self) -> None:
        said = []
        for status, error in zip((403, 400, 422), _load("errors.json"), strict=True):
            body = str(error).replace("'", '"').encode()
            explained = explain(Answer(status, {}, body))
            assert explained is not None
            said.append(str(explained))
        assert "not_permitted" in said[0]
        assert "invalid_credentials" in said[1]
        assert "76c0d379" not in said[1], "no ids of theirs in our words"
        assert "preflight_check_failure" in said[2]


def _load(name: str) -> Any:
    path: Path = recorded(f"{FOLDER}/{name}")
    return load_exact(path.read_bytes())
