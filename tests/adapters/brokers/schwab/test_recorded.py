"""Every recorded payload of Schwab's, read by what reads the live ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.schwab import PARSERS, translate, wire, words
from optix.adapters.brokers.schwab.assets import asset_of
from optix.adapters.brokers.schwab.client import TYPES
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import AssetKind, Position
from optix.kernel.money import Money, Price, total
from optix.kernel.order import Order, OrderStatus
from optix.ports.broker import BrokerAccount

UNFILLED = {OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.REPLACED}


def parsed(kind: str, payload: object) -> Any:
    return PARSERS[kind](payload)


def _load(name: str) -> Any:
    return load_exact(recorded(f"brokers/schwab/{name}").read_bytes())


def option(symbol: str) -> wire.Instrument:
    return wire.Instrument(asset_type="OPTION", symbol=symbol)


@pytest.mark.recorded
class TestRecorded:
    def test_account_numbers(self) -> None:
        found: list[BrokerAccount] = parsed("accounts", _load("account_numbers.json"))
        assert [each.number for each in found] == ["…5678", "…1234"]
        assert all(len(each.key) == 64 for each in found)

    def test_an_account_with_positions_adds_up(self) -> None:
        document = _load("account_with_positions.json")
        found: list[Position] = parsed("positions", document)
        assert len(found) == 10
        raw = document["securitiesAccount"]["positions"]
        for position, told in zip(found, raw, strict=True):
            gain = told.get("longOpenProfitLoss", told.get("shortOpenProfitLoss"))
            assert position.value is not None
            assert position.cost == position.value - Money(gain), position.asset.symbol
        (money,) = parsed("balances", document)
        worth = money.cash + total(each.value for each in found if each.value is not None)
        assert worth == money.net_liquidation == Money(Decimal("50946.39"))

    def test_accounts_of_few_words(self) -> None:
        document = _load("accounts_list_min.json")
        (found,) = parsed("accounts", document)
        assert (found.stable_key, found.kind) == ("12345678", "margin")
        assert parsed("positions", document) == []
        (money,) = parsed("balances", document)
        assert money.buying_power == Money(Decimal(20000))
        assert money.net_liquidation is None

    def test_preferences_name_the_customer_and_the_accounts(self) -> None:
        told = read(wire.Preferences, _load("user_preferences.json"), "it")
        assert translate.login_key(told) == "CUSTOMERIDHASHEXAMPLE"
        number = wire.AccountNumber(account_number="12345678", hash_value="H")
        (found,) = translate.accounts([number], [], told)
        assert found.name == "Contributory"

    def test_transactions_are_their_price_and_their_fees(self) -> None:
        found: list[Activity] = parsed("transactions", _load("transactions.json"))
        assert len(found) == len({each.id for each in found}) == 12
        for each in found:
            assert each.kind is ActivityKind.TRADE
            assert each.asset is not None
            assert each.price is not None
            assert each.quantity is not None
            assert each.fees is not None
            gross = each.price.cash(each.quantity, each.asset.multiplier)
            assert each.cash == gross + each.fees, each.id
        kinds = [each.asset.kind for each in found if each.asset is not None]
        assert kinds.count(AssetKind.FUTURE_OPTION) == 2

    def test_orders_with_an_iron_condor(self) -> None:
        found: list[Order] = parsed("orders", _load("orders_with_iron_condor.json"))
        assert len(found) == 14
        condor = found[0]
        assert condor.status is OrderStatus.PENDING
        assert [leg.quantity for leg in condor.legs] == [-1, 1, -1, 1]
        assert condor.net_price == Price(Decimal("-1.85"))
        (closing,) = (each for each in found if each.id == "1002648561251")
        paid = [leg.average_price for leg in closing.legs]
        assert sorted(paid) == [Price(Decimal("0.29")), Price(Decimal("0.46"))]  # type: ignore[type-var]  # all are filled
        assert not any(leg.fills for each in found for leg in each.legs if each.status in UNFILLED)

    @pytest.mark.parametrize("name", ["preview_accepted.json", "preview_rejected.json"])
    def test_previews_have_instruments_and_words_that_are_known(self, name: str) -> None:
        document = _load(name)
        for leg in document["orderStrategy"]["orderLegs"]:
            found = asset_of(read(wire.Instrument, leg["instrument"], "it"))
            assert found.contract is not None
            assert found.deliverables == ()
            assert words.INSTRUCTIONS.get(leg["instruction"])
        assert words.STATES.get(document["orderStrategy"]["status"])

    def test_every_word_of_the_specification_is_known(self) -> None:
        schemas = _load("trader_api.openapi.json")["components"]["schemas"]
        assert set(schemas["TransactionType"]["enum"]) == set(TYPES)
        for name in TYPES:
            assert words.TYPES.get(name)
        for name in schemas["status"]["enum"]:
            assert words.STATES.get(name)
        for name in schemas["instruction"]["enum"]:
            assert words.INSTRUCTIONS.get(name)
        for name in schemas["Transaction"]["properties"]["status"]["enum"]:
            assert words.POSTINGS.get(name)
        for name in schemas["TransactionInstrument"]["discriminator"]["mapping"]:
            assert words.ASSETS.get(name)

    def test_every_field_that_is_read_is_in_the_specification(self) -> None:
        schemas = _load("trader_api.openapi.json")["components"]["schemas"]
        live = {"replacingOrderCollection", "activityId", "orderId"}
        for model, name in (
            (wire.Position, "Position"),
            (wire.Transaction, "Transaction"),
            (wire.TransferItem, "TransferItem"),
            (wire.Order, "Order"),
            (wire.OrderLeg, "OrderLegCollection"),
            (wire.OrderActivity, "OrderActivity"),
            (wire.Execution, "ExecutionLeg"),
        ):
            names = {field.alias for field in model.model_fields.values()}
            assert names - live <= set(schemas[name]["properties"]), name

    def test_contracts_of_the_market_data_are_the_same_contracts(self) -> None:
        chain = _load("chain_AAPL_trimmed.json")
        listed = {
            asset_of(option(contract["symbol"])).symbol
            for side in ("callExpDateMap", "putExpDateMap")
            for strikes in chain[side].values()
            for contracts in strikes.values()
            for contract in contracts
        }
        assert len(listed) == 12
        (symbol,) = _load("quote_option.json")
        assert asset_of(option(symbol)).contract is not None
        (symbol,) = _load("quote_equity_NVDA.json")
        share = wire.Instrument(asset_type="EQUITY", symbol=symbol)
        assert asset_of(share).symbol == "NVDA"
        roots = {each["optionRoots"] for each in _load("expiration_chain.json")["expirationList"]}
        assert roots
        document = _load("market_data.openapi.json")
        assert document["info"]["title"]
