"""Every recorded payload of Alpaca's, read by what reads the live ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.alpaca import PARSERS, wire, words
from optix.adapters.brokers.alpaca.translate import asset_of
from optix.adapters.brokers.exact import load_exact, read
from optix.kernel.activity import Activity, PositionEffect
from optix.kernel.holding import AssetKind
from optix.kernel.money import Money, Price, total
from optix.kernel.order import OrderStatus
from optix.ports.broker import AccountStatus, BrokerUnreadable

pytestmark = pytest.mark.recorded


def parsed(kind: str, payload: object) -> Any:
    return PARSERS[kind](payload)


def load(name: str) -> Any:
    return load_exact(recorded(f"brokers/alpaca/{name}.json").read_bytes())


def test_an_account() -> None:
    (found,) = parsed("accounts", load("get_account_example"))
    assert found.status is AccountStatus.ACTIVE
    assert (found.kind, found.number) == ("margin", "…_123")
    (money,) = parsed("balances", load("get_account_example"))
    assert money.net_liquidation == money.cash + Money(Decimal("1259.61"))
    assert money.option_buying_power == Money(Decimal("122716.305"))


def test_an_accounts_settings_are_no_account() -> None:
    for kind in ("accounts", "balances"):
        with pytest.raises(BrokerUnreadable, match="id"):
            parsed(kind, load("account_configurations"))


def test_a_short_position() -> None:
    (found,) = parsed("positions", load("position_short_equity"))
    assert found.quantity == -2478
    assert found.cost == Money(Decimal("-20716.08"))
    assert found.value - found.cost == Money(Decimal("-1362.9")), "the gain that Alpaca states"
    assert found.day_change == Money(Decimal("-99.12"))


def test_fills_of_fractions() -> None:
    found: list[Activity] = parsed("transactions", load("activities_mixed"))
    assert len(found) == len({each.id for each in found}) == 5
    assert {each.day for each in found} == {date(2022, 3, 4)}
    bought = [each for each in found if each.order_id.startswith("cddf433b")]
    assert sum(each.quantity or 0 for each in bought) == Decimal("2.792161878")
    paid = total(each.cash for each in bought)
    assert paid == Price(Decimal("2907.15")).cash(Decimal("2.792161878"), 1)


@pytest.mark.parametrize("name", ["get_orders_MultilegOptions", "post_orders_MultilegOptions"])
def test_a_package(name: str) -> None:
    (found,) = parsed("orders", load(name))
    assert found.status is OrderStatus.FILLED
    assert [leg.quantity for leg in found.legs] == [3, -1]
    assert all(leg.effect is PositionEffect.OPENING for leg in found.legs)
    net = sum(leg.filled * leg.average_price.value for leg in found.legs)
    assert net == Decimal(load(name)["filled_avg_price"]) == Decimal("1.28")
    assert found.net_price == Price(Decimal(10))
    assert found.legs[0].fills[0].at == datetime(2024, 12, 10, 16, 15, 53, 694000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("get_orders_Equity", AssetKind.STOCK, OrderStatus.PENDING),
        ("get_orders_order_id_Equity", AssetKind.STOCK, OrderStatus.PENDING),
        ("patch_orders_order_id_Equity", AssetKind.STOCK, OrderStatus.PENDING),
        ("post_orders_Equity", AssetKind.STOCK, OrderStatus.PENDING),
        ("order_market", AssetKind.STOCK, OrderStatus.PENDING),
        ("get_orders_Options", AssetKind.OPTION, OrderStatus.PENDING),
        ("post_orders_Options", AssetKind.OPTION, OrderStatus.PENDING),
    ],
)
def test_single_orders(name: str, kind: AssetKind, status: OrderStatus) -> None:
    document = load(name)
    (found,) = parsed("orders", document)
    (leg,) = found.legs
    assert (leg.asset.kind, found.status) == (kind, status)
    assert leg.quantity == Decimal(str(document["qty"]))
    assert leg.fills == ()


def test_a_symbol_with_a_slip_of_the_pen_is_kept_as_it_is() -> None:
    (found,) = parsed("orders", load("order_market"))
    assert found.legs[0].asset.symbol == "AAPL`"


def test_a_contract_of_old_has_no_multiplier() -> None:
    told = read(wire.Contract, load("option_contract"), "it")
    found = asset_of(told.symbol, contracts={told.symbol: told})
    assert told.multiplier is None
    assert (found.multiplier, found.deliverables) == (100, ())
    assert found.contract is not None
    assert found.contract.strike_milli == int(load("option_contract")["strike_price"]) * 1000


@pytest.mark.parametrize(
    ("name", "key"), [("option_latest_quote", "quotes"), ("option_snapshot", "snapshots")]
)
def test_contracts_of_the_market_data_are_the_same_contracts(name: str, key: str) -> None:
    (symbol,) = load(name)[key]
    assert asset_of(symbol).contract == asset_of(symbol, "us_option").contract is not None


@pytest.mark.parametrize(
    "name",
    [
        "request_post_orders_Equity",
        "request_post_orders_Options",
        "request_post_orders_MultilegOptions",
    ],
)
def test_what_is_sent_to_place_an_order_has_words_that_are_known(name: str) -> None:
    document = load(name)
    for leg in document.get("legs", [document]):
        assert asset_of(leg["symbol"]).kind in {AssetKind.STOCK, AssetKind.OPTION}
        sign, _ = words.SIDES.get(leg["side"])
        assert leg.get("position_intent", "buy").startswith("buy" if sign > 0 else "sell")


@pytest.mark.parametrize(
    "name", ["request_patch_orders_order_id_Equity", "request_patch_orders_order_id_Options"]
)
def test_what_is_sent_to_change_an_order_is_no_order(name: str) -> None:
    with pytest.raises(BrokerUnreadable, match="status"):
        parsed("orders", load(name))


def test_every_word_of_the_specification_is_known() -> None:
    schemas = load("trading-api.openapi")["components"]["schemas"]
    for name in schemas["OrderStatus"]["enum"]:
        assert words.STATES.get(name)
    for name in schemas["ActivityType"]["enum"]:
        assert words.KINDS.get(name)
    for name in schemas["AssetClass"]["enum"]:
        assert words.ASSETS.get(name)
    for name in schemas["AccountStatus"]["enum"]:
        assert words.ACCOUNT_STATES.get(name)
    for name in schemas["NonTradeActivities"]["properties"]["status"]["enum"]:
        assert words.POSTINGS.get(name)
    assert set(schemas["PositionIntent"]["enum"]) == set(words.INTENTS)


def test_every_field_that_is_read_is_in_the_specification() -> None:
    schemas = load("trading-api.openapi")["components"]["schemas"]
    known = {
        name: set(schemas[name]["properties"]) for name in schemas if "properties" in schemas[name]
    }
    assert set(wire.Account.model_fields) <= known["Account"]
    assert set(wire.Position.model_fields) <= known["Position"]
    assert set(wire.Order.model_fields) <= known["Order"]
    assert set(wire.Contract.model_fields) <= known["OptionContract"]
    live = {"description", "price", "settle_date"}  # of answers, and of the stream's events
    activity = known["TradingActivities"] | known["NonTradeActivities"]
    assert set(wire.Activity.model_fields) - live <= activity


def test_a_page_is_as_long_as_the_specification_lets_it_be() -> None:
    paths = load("trading-api.openapi")["paths"]
    asked = {each["name"]: each for each in paths["/v2/account/activities"]["get"]["parameters"]}
    assert asked["page_size"]["schema"]["maximum"] == 100
    assert {"after", "until", "direction", "page_token"} <= set(asked)
    names = {each["name"] for each in paths["/v2/orders"]["get"]["parameters"]}
    assert {"status", "limit", "direction", "nested", "before_order_id"} <= names


def test_the_market_datas_symbols_of_options_are_contracts() -> None:
    text = recorded("brokers/alpaca/market-data-api.openapi.json").read_text()
    symbols = set(re.findall(r'"([A-Z]{1,5}[0-9]{6}[CP][0-9]{8})"', text))
    assert len(symbols) == 4
    assert all(asset_of(symbol).symbol == symbol for symbol in symbols)
