"""Every recorded payload of E*TRADE is read, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.etrade import PARSERS, translate, wire
from optix.adapters.brokers.etrade.assets import asset_of
from optix.adapters.brokers.etrade.client import explain, read_tokens
from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.web.rest import Answer
from optix.kernel.instrument import parse_option
from optix.kernel.money import Money, Price
from optix.ports.broker import BrokerUnreadable

FOLDER = "brokers/etrade"
EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "accounts_list_sandbox.json": (
        "accounts",
        lambda told: (
            [each.status.value for each in told] == ["active", "active", "active", "closed"]
            and [each.name for each in told][2:] == ["NickName-3", "INDIVIDUAL"]
        ),
    ),
    "balance_sandbox.json": (
        "balances",
        lambda told: (
            told[0].cash == Money(Decimal("-740.450013"))
            and told[0].net_liquidation == Money.zero()
            and told[0].buying_power is None
        ),
    ),
    "portfolio_sandbox.json": (
        "positions",
        lambda told: (
            [each.cost and each.cost.text for each in told][:3] == [None, "7", "6"]
            and [each.quantity for each in told][-1] == -3
            and told[3].value == Money(Decimal("-291.5"))
            and told[3].price is not None
        ),
    ),
    "transactions_sandbox.json": (
        "transactions",
        lambda told: (
            len(told) == 11
            and told[0].cash == Money(Decimal("-1.99"))
            and told[0].day.isoformat() == "2013-06-03"
            and {row.kind.value for row in told} == {"transfer", "fee", "withdrawal"}
            and all(row.asset is None for row in told)
        ),
    ),
    "orders_sandbox.json": (
        "orders",
        lambda told: (
            [each.id for each in told] == ["479", "477-1", "477-2"]
            and told[0].legs[0].asset.symbol == "RIMM120309C00012000"
            # The same order in milliseconds and in seconds.
            and (told[1].placed_at - told[2].placed_at).total_seconds() == 0.122
        ),
    ),
}
# Answers to questions that OPTIX does not ask here: no kind takes them for something, or nothing.
OTHER_ANSWERS = (
    "cancel_order_sandbox.json",
    "error_example.json",
    "option_chains_sandbox.json",
    "option_expire_dates_sandbox.json",
    "place_order_live.json",
    "place_order_spread_live.json",
    "preview_order_live.json",
    "quotes_sandbox.json",
    "transaction_details_sandbox.json",
)
pytestmark = pytest.mark.recorded


def load(name: str) -> Any:
    return load_exact(recorded(f"{FOLDER}/{name}").read_bytes())


def product(raw: object) -> wire.Product:
    return read(wire.Product, raw, "test")


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
    if EXPECTED[name][0] != kind:
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind](load(name))


def test_a_spread_that_was_sent_has_legs_of_contracts() -> None:
    (sent,) = load("place_order_spread_live.json")["PlaceOrderResponse"]["Order"]
    rows = [{**each, "orderedQuantity": each["quantity"]} for each in sent["Instrument"]]
    told = read(wire.OrderDetail, {**sent, "status": "OPEN", "Instrument": rows}, "test")
    (found,) = translate.orders([wire.Order(orderid="1", orderdetail=[told])])
    assert found.net_price == Price(Decimal("-2.49"))
    assert [(each.asset.symbol, each.quantity) for each in found.legs] == [
        ("GE250131P00160000", Decimal(-1)),
        ("GE250131P00155000", Decimal(1)),
    ]


@pytest.mark.parametrize(
    ("name", "envelope"),
    [
        ("preview_order_live.json", "PreviewOrderResponse"),
        ("place_order_live.json", "PlaceOrderResponse"),
    ],
)
def test_an_order_that_was_sent_names_its_share(name: str, envelope: str) -> None:
    (sent,) = load(name)[envelope]["Order"]
    told = read(wire.Instrument, sent["Instrument"][0], "test")
    found = asset_of(told.product, description=told.symbol_description)
    assert found is not None
    assert (found.symbol, found.name) == ("TBLT", "TOUGHBUILT INDUSTRIES INC COM")


def test_the_details_of_a_transaction_are_one_with_a_number_for_an_id() -> None:
    told = load("transaction_details_sandbox.json")["TransactionDetailsResponse"]
    row = read(wire.Transaction, {**told, "transactionType": "Bought"}, "test")
    (found,) = translate.activities([row])
    assert (found.id, found.quantity) == ("123456789", Decimal(100))
    assert found.fees == Money(Decimal(-5)), "the amount lacks its sign there: the stated fee"


def test_a_contract_is_the_same_in_each_of_its_spellings() -> None:
    pairs = load("option_chains_sandbox.json")["OptionChainResponse"]["optionPair"]
    sides = [pair[side] for pair in pairs for side in ("Call", "Put") if side in pair]
    assert sides
    for side in sides:
        assert parse_option(side["osiKey"]) == parse_option(side["displaySymbol"])


def test_a_quoted_contract_is_the_one_of_its_parts() -> None:
    rows = load("quotes_sandbox.json")["QuoteResponse"]["quoteData"]
    found = [asset_of(product(row["Product"])) for row in rows]
    assert [each.symbol for each in found if each] == ["GOOG", "IBM140118C00280000"]
    assert rows[1]["All"]["osiKey"] == "IBM---140118C00280000"


def test_listed_expirations_are_days() -> None:
    rows = load("option_expire_dates_sandbox.json")["OptionExpireDateResponse"]
    (dates,) = rows.values()
    for row in dates:
        parts = {"expiryYear": row["year"], "expiryMonth": row["month"], "expiryDay": row["day"]}
        sold = {"symbol": "GE", "securityType": "OPTN", "callPut": "CALL", "strikePrice": 1}
        found = asset_of(product({**sold, **parts}))
        assert found is not None
        assert found.contract is not None


@pytest.mark.parametrize(
    "name",
    ["option_chains_example.xml", "option_lookup_example.xml", "place_spread_request.xml"],
)
def test_xml_is_refused_and_its_contracts_are_read(name: str) -> None:
    body = recorded(f"{FOLDER}/{name}").read_bytes()
    with pytest.raises(ValueError, match="Expecting value"):
        load_exact(body)
    tree = ET.fromstring(body)  # a file of ours
    keys = [each.text or "" for each in tree.iter("osiKey")]
    parts = [
        {child.tag: child.text for child in each if child.text}
        for each in (*tree.iter("Product"), *tree.iter("product"))
    ]
    for key in keys:
        assert parse_option(key).root in key
    for part in parts:
        found = asset_of(product(part))
        assert found is not None
        assert found.symbol
    assert keys or parts or list(tree)


def test_a_code_of_an_error_is_told() -> None:
    body = recorded(f"{FOLDER}/error_example.json").read_bytes()
    explained = explain(Answer(400, {}, body))
    assert explained is not None
    assert "code 102" in explained.detail


def test_the_sandbox_says_4186_where_a_cancel_is_taken() -> None:
    told = load("cancel_order_sandbox.json")
    lowered = wire.lowered(wire.lowered(told)["cancelorderresponse"])
    (message,) = wire.listed(wire.lowered(lowered["messages"])["message"])
    assert message["code"] == 4186


def test_tokens_are_decoded() -> None:
    body = recorded(f"{FOLDER}/oauth_request_token_response.txt").read_bytes()
    token, secret = read_tokens(Answer(200, {}, body))
    assert token == "/iQRgQCRGPo7Xdk6G8QDSEzX0Jsy6sKNcULcDavAGgU="
    assert secret.startswith("/rC9scEpzcwSEMy4")
