"""Each quirk of E*TRADE's page, on rows of ours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from tests.fakes.brokers.etrade import account
from tests.fakes.brokers.etrade_rows import (
    DAY_MS,
    EQUITY,
    NOON_MS,
    OPTION,
    OSI,
    detail,
    instrument,
    order,
    position,
    transaction,
)

from optix.adapters.brokers.etrade import PARSERS, translate, wire
from optix.adapters.brokers.etrade.assets import asset_of, moment_of
from optix.adapters.brokers.etrade.client import path_note
from optix.adapters.brokers.exact import load_exact, read
from optix.kernel.activity import Activity, ActivityKind, PositionEffect
from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Order, OrderStatus
from optix.ports.broker import BrokerUnreadable

NOON = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)


def received(row: Any) -> Any:
    """Return a row as it is once it came over the wire: its numbers exact."""
    return load_exact(orjson.dumps(row, default=float))


def positions(*rows: Any) -> list[Position]:
    return translate.positions([read(wire.Position, received(row), "test") for row in rows])


def activities(*rows: Any) -> list[Activity]:
    told = [read(wire.Transaction, received(row), "test") for row in rows]
    return list(translate.activities(told))


def orders(*rows: Any) -> list[Order]:
    return translate.orders([read(wire.Order, received(row), "test") for row in rows])


def asset(**product: Any) -> Asset | None:
    return asset_of(read(wire.Product, received(product), "test"))


class TestShapes:
    @pytest.mark.parametrize("change", [str.lower, str.upper, str.title, str])
    def test_keys_have_any_case(self, change: Any) -> None:
        def spelled(value: Any) -> Any:
            if isinstance(value, dict):
                return {change(name): spelled(each) for name, each in value.items()}
            return [spelled(each) for each in value] if isinstance(value, list) else value

        row = position(OPTION, -2, "SHORT", osiKey=OSI, Quick={"lastTrade": 1})
        told = {"PortfolioResponse": {"AccountPortfolio": [{"Position": [row]}]}}
        assert PARSERS["positions"](received(spelled(told))) == positions(row)

    def test_of_two_keys_that_are_one_that_with_something_counts(self) -> None:
        assert wire.lowered({"Product": {}, "product": {"a": 1}}) == {"product": {"a": 1}}
        assert wire.lowered({"Product": {"a": 1}, "product": {}}) == {"product": {"a": 1}}
        assert wire.lowered({"memo": None}) == {}

    @pytest.mark.parametrize(
        ("value", "rows"), [(None, []), ("", []), ({"a": 1}, [{"a": 1}]), ([1, 2], [1, 2])]
    )
    def test_a_collection_is_a_list_one_object_or_missing(self, value: Any, rows: Any) -> None:
        assert wire.listed(value) == rows

    @pytest.mark.parametrize("value", ["text", 5])
    def test_what_is_no_collection_is_not_empty(self, value: Any) -> None:
        with pytest.raises(ValueError, match="collection"):
            wire.listed(value)

    def test_an_answer_without_its_envelope_is_unreadable(self) -> None:
        for parse in PARSERS.values():
            with pytest.raises(BrokerUnreadable):
                parse({"Error": {"code": 102}})

    def test_a_key_of_an_account_is_taken_out_of_a_path(self) -> None:
        assert path_note("/v1/accounts/6_Dpy0/orders.json") == "/v1/accounts/…/orders.json"
        assert path_note("/v1/accounts/list.json") == "/v1/accounts/list.json"


class TestTimes:
    @pytest.mark.parametrize("number", [1772557200, 1772557200000])
    def test_an_epoch_is_in_seconds_or_in_milliseconds(self, number: int) -> None:
        assert moment_of(number) == NOON

    @pytest.mark.parametrize("number", [0, -57_600_000, -2_209_000_000])
    def test_times_before_everything_are_unknown(self, number: int) -> None:
        assert moment_of(number) is None

    def test_a_time_beyond_all_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="time"):
            moment_of(10**30)

    def test_a_day_is_new_yorks(self) -> None:
        evening = transaction("1", "Fee", -1, at=1_772_589_600_000)  # 4 March, 02:00 UTC
        midnight_west = transaction("2", "Fee", -1, at=1_772_524_800_000)  # 3 March, 08:00 UTC
        assert [row.day for row in activities(evening, midnight_west)] == [date(2026, 3, 3)] * 2

    def test_a_transaction_without_a_time_has_that_of_its_posting_or_none(self) -> None:
        row = transaction("1", "Fee", -1, at=0)
        with pytest.raises(BrokerUnreadable, match="without a time"):
            activities(row)
        assert activities({**row, "postDate": NOON_MS})[0].at == NOON


class TestAssets:
    @pytest.mark.parametrize(
        "product",
        [
            {**OPTION, "productId": {"symbol": OSI}},
            {**OPTION, "expiryYear": 26},
            OPTION,
        ],
    )
    def test_a_contract_is_read_from_what_there_is(self, product: dict[str, Any]) -> None:
        found = asset(**product)
        assert found is not None
        assert found.symbol == "GE260918P00160000"
        assert found.multiplier == 100

    def test_the_key_is_padded_with_dashes_and_comes_first(self) -> None:
        product = read(wire.Product, {**OPTION, "strikePrice": 1}, "test")
        found = asset_of(product, osi_key="BRKB--260918C00485000")
        assert found is not None
        assert found.symbol == "BRKB260918C00485000"

    def test_a_description_is_read_where_there_is_nothing_else(self) -> None:
        product = read(wire.Product, {"symbol": "GE", "securityType": "OPTN"}, "test")
        found = asset_of(product, description="GE Jan 31 '25 $160 Put")
        assert found is not None
        assert found.symbol == "GE250131P00160000"
        lost = asset_of(product, description="GE something")
        assert lost is not None
        assert (lost.symbol, lost.contract) == ("GE something", None)

    def test_parts_that_are_no_contract_are_none(self) -> None:
        for wrong in ({"expiryMonth": 13}, {"callPut": "MAYBE"}, {"symbol": "GE?"}):
            found = asset(**{**OPTION, **wrong})
            assert found is not None
            assert found.contract is None

    @pytest.mark.parametrize(
        ("security", "sub_type", "kind"),
        [
            ("EQ", "", AssetKind.ETF),
            ("MF", "", AssetKind.FUND),
            ("MF", "MONEY_MARKET", AssetKind.CASH_EQUIVALENT),
            ("MMF", "", AssetKind.CASH_EQUIVALENT),
            ("BOND", "", AssetKind.BOND),
            ("NEW", "", AssetKind.OTHER),
        ],
    )
    def test_kinds_of_securities(self, security: str, sub_type: str, kind: AssetKind) -> None:
        found = asset(symbol="SPY", securityType=security, securitySubType=sub_type)
        assert found is not None
        assert found.kind is kind

    def test_a_symbol_that_is_none_keeps_its_text(self) -> None:
        found = asset(symbol="ACME WS A", securityType="EQ")
        assert found is not None
        assert (found.kind, found.symbol) == (AssetKind.STOCK, "ACME WS A")

    def test_a_multiplier_is_whole_and_zero_is_none(self) -> None:
        told = [
            position(OPTION, 1, "LONG", Complete={"optionMultiplier": number})
            for number in (0, 10, 150)
        ]
        assert [each.asset.multiplier for each in positions(*told)] == [100, 10, 150]
        for odd in (-100, Decimal("0.5")):
            with pytest.raises(BrokerUnreadable, match="multiplier"):
                positions(position(OPTION, 1, "LONG", Complete={"optionMultiplier": odd}))


class TestPositions:
    def test_the_type_is_the_sign_whatever_the_quantity_has(self) -> None:
        for quantity in (-10, 10):
            (short,) = positions(
                position(EQUITY, quantity, "SHORT", totalCost=50, marketValue=-60, daysGain=-1)
            )
            assert (short.quantity, short.size) == (Decimal(-10), Decimal(10))
            assert (short.cost, short.value) == (Money(Decimal(-50)), Money(Decimal(-60)))
            assert short.day_change == Money(Decimal(-1))
            assert short.cost_has_fees

    def test_a_cost_of_zero_is_unknown(self) -> None:
        (moved,) = positions(position(EQUITY, 10, "LONG", totalCost=0, pricePaid=0, marketValue=0))
        assert (moved.cost, moved.cost_has_fees) == (None, None)
        assert moved.value == Money.zero(), "worthless is known"

    def test_a_price_is_in_either_view(self) -> None:
        quick, complete = positions(
            position(EQUITY, 1, "LONG", Quick={"lastTrade": Decimal("20.7")}),
            position(EQUITY, 1, "LONG", complete={"lastTrade": "20.7"}),
        )
        assert quick.price == complete.price == Price(Decimal("20.7"))

    def test_nothing_left_is_no_position(self) -> None:
        assert positions(position(EQUITY, 0, "LONG")) == []

    def test_what_is_not_understood_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="BOX"):
            positions(position(EQUITY, 1, "BOX"))
        with pytest.raises(BrokerUnreadable, match="in nothing"):
            positions(position({"symbol": " "}, 1, "LONG"))

    def test_warnings_have_what_is_told_of_deliverables(self) -> None:
        rows = [
            read(wire.Position, received(row), "test")
            for row in (
                position(OPTION, 1, "LONG", osiKey="GE1---260918P00160000"),
                position(EQUITY, 1, "LONG"),
            )
        ]
        (warning,) = translate.warnings(rows, translate.positions(rows))
        assert warning == "GE1260918P00160000 is an adjusted contract."


class TestActivities:
    @pytest.mark.parametrize(
        ("word", "quantity", "signed", "effect"),
        [
            ("Bought", 53, 53, None),
            ("Sold", -53, -53, None),
            ("Sold", 53, -53, None),
            ("Sold Short", 5, -5, PositionEffect.OPENING),
            ("Bought To Cover", -5, 5, PositionEffect.CLOSING),
            ("Bought To Open", 1, 1, PositionEffect.OPENING),
            ("Sold To Open", 1, -1, PositionEffect.OPENING),
            ("Bought To Close", 1, 1, PositionEffect.CLOSING),
            ("Sold To Close", 1, -1, PositionEffect.CLOSING),
        ],
    )
    def test_a_trades_word_is_its_direction(
        self, word: str, quantity: int, signed: int, effect: PositionEffect | None
    ) -> None:
        row = transaction("1", word, 1, product=EQUITY, quantity=quantity, price=4)
        (found,) = activities(row)
        assert found.kind is ActivityKind.TRADE
        assert (found.quantity, found.effect) == (Decimal(signed), effect)

    def test_fees_are_what_the_amount_has_less_whatever_is_stated(self) -> None:
        shares, contract, adjusted = activities(
            transaction(
                "1", "Bought", Decimal("-220.35"), product=EQUITY, quantity=53, price=4, fee=0
            ),
            transaction("2", "Sold To Open", 128.35, product=OPTION, quantity=-1, price=1.29),
            transaction(
                "3",
                "Sold To Open",
                150,
                product={**OPTION, "productId": {"symbol": "GE1---260918P00160000"}},
                quantity=-1,
                price=1,
                fee=Decimal("0.65"),
            ),
        )
        assert shares.fees == Money(Decimal("-8.35"))
        assert contract.fees == Money(Decimal("-0.65"))
        assert adjusted.fees == Money(Decimal("-0.65")), "its multiplier is not told"
        assert shares.cash == Money(Decimal("-220.35"))

    def test_an_amount_that_has_more_than_its_price_leaves_the_stated_fee(self) -> None:
        row = transaction("1", "Sold", 300, product=EQUITY, quantity=-53, price=4, fee=1)
        assert activities(row)[0].fees == Money(Decimal(-1))

    @pytest.mark.parametrize(
        ("word", "amount", "kind"),
        [
            ("Dividend", 5, ActivityKind.DIVIDEND),
            ("Interest", -5, ActivityKind.INTEREST),
            ("Transfer", -5, ActivityKind.TRANSFER),
            ("Fee", -25, ActivityKind.FEE),
            ("POS", -50, ActivityKind.WITHDRAWAL),
            ("POS", 50, ActivityKind.DEPOSIT),
            ("Bill Payment", -200, ActivityKind.WITHDRAWAL),
            ("Reorganization", 0, ActivityKind.REORGANISATION),
            ("Option Expired", 0, ActivityKind.EXPIRATION),
            ("Option Assigned", 0, ActivityKind.ASSIGNMENT),
            ("Something New", 1, ActivityKind.OTHER),
        ],
    )
    def test_kinds(self, word: str, amount: int, kind: ActivityKind) -> None:
        (found,) = activities(transaction("1", word, amount))
        assert found.kind is kind
        assert found.cash == Money(Decimal(amount))

    def test_a_row_of_cash_has_no_asset_and_no_blanks(self) -> None:
        (row,) = activities(transaction("1", "Transfer", -1, displaySymbol=" "))
        assert (row.asset, row.quantity, row.price, row.fees) == (None, None, None, None)
        assert row.description == "words of E*TRADE"

    def test_an_expiration_keeps_its_quantity_and_settles_later(self) -> None:
        row = transaction(
            "1", "Option Expired", 0, product=OPTION, quantity=2, settlementDate=NOON_MS + DAY_MS
        )
        (found,) = activities(row)
        assert found.quantity == 2
        assert found.settles == date(2026, 3, 4)
        assert found.fees is None


class TestOrders:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("OPEN", OrderStatus.WORKING),
            ("CANCEL_REQUESTED", OrderStatus.WORKING),
            ("INDIVIDUAL_FILLS", OrderStatus.PARTIALLY_FILLED),
            ("EXECUTED", OrderStatus.FILLED),
            ("CANCELLED", OrderStatus.CANCELLED),
            ("EXPIRED", OrderStatus.EXPIRED),
            ("REJECTED", OrderStatus.REJECTED),
        ],
    )
    def test_every_documented_state_is_known(self, word: str, status: OrderStatus) -> None:
        (found,) = orders(order(1, detail(word, instrument(EQUITY, "BUY", 1))))
        assert found.status is status

    def test_an_unknown_state_or_action_is_an_error(self) -> None:
        for row in (
            order(1, detail("THINKING", instrument(EQUITY, "BUY", 1))),
            order(1, detail("OPEN", instrument(EQUITY, "LEND", 1))),
            order(1, detail("OPEN", instrument({"symbol": ""}, "BUY", 1))),
            order(1, detail("OPEN")),
        ):
            with pytest.raises(BrokerUnreadable):
                orders(row)

    @pytest.mark.parametrize(
        ("action", "signed", "effect"),
        [
            ("BUY", 1, None),
            ("SELL", -1, None),
            ("BUY_TO_COVER", 1, PositionEffect.CLOSING),
            ("SELL_SHORT", -1, PositionEffect.OPENING),
            ("BUY_OPEN", 1, PositionEffect.OPENING),
            ("SELL_OPEN", -1, PositionEffect.OPENING),
            ("BUY_CLOSE", 1, PositionEffect.CLOSING),
            ("SELL_CLOSE", -1, PositionEffect.CLOSING),
        ],
    )
    def test_actions(self, action: str, signed: int, effect: PositionEffect | None) -> None:
        (found,) = orders(order(1, detail("OPEN", instrument(EQUITY, action, 1))))
        assert (found.legs[0].quantity, found.legs[0].effect) == (Decimal(signed), effect)

    def test_one_that_cancels_the_others_is_several_orders(self) -> None:
        several = orders(
            order(
                477,
                detail("CANCELLED", instrument(EQUITY, "BUY", 1), orderNumber=1),
                detail("EXECUTED", instrument(EQUITY, "BUY", 1), orderNumber=2),
            )
        )
        assert [(each.id, each.status.value) for each in several] == [
            ("477-1", "cancelled"),
            ("477-2", "filled"),
        ]

    @pytest.mark.parametrize(
        ("kind", "action", "limit", "net"),
        [
            ("NET_DEBIT", "BUY_OPEN", Decimal("2.49"), Decimal("2.49")),
            ("NET_CREDIT", "BUY_OPEN", Decimal("2.49"), Decimal("-2.49")),
            ("NET_EVEN", "BUY_OPEN", 0, Decimal(0)),
            ("LIMIT", "BUY_OPEN", 2, Decimal(2)),
            ("LIMIT", "SELL_OPEN", 2, Decimal(-2)),
            ("LIMIT", "BUY_OPEN", 0, None),
            ("MARKET", "BUY_OPEN", 2, None),
        ],
    )
    def test_a_limit_is_positive_for_a_debit(
        self, kind: str, action: str, limit: Any, net: Decimal | None
    ) -> None:
        row = detail("OPEN", instrument(OPTION, action, 1), priceType=kind, limitPrice=limit)
        assert orders(order(1, row))[0].net_price == (None if net is None else Price(net))

    def test_a_part_that_is_filled_is_one_execution(self) -> None:
        leg = instrument(
            OPTION, "SELL_OPEN", 5, filledQuantity=2, averageExecutionPrice=Decimal("1.255")
        )
        (found,) = orders(order(1, detail("OPEN", leg, executedTime=NOON_MS + 1_000)))
        assert found.status is OrderStatus.PARTIALLY_FILLED
        (fill,) = found.legs[0].fills
        assert (fill.quantity, fill.price) == (Decimal(-2), Price(Decimal("1.255")))
        assert fill.at == datetime(2026, 3, 3, 17, 0, 1, tzinfo=UTC)

    @pytest.mark.parametrize("executed", [2_023_137_072, 0, NOON_MS - 1])
    def test_a_time_of_execution_outside_an_orders_life_is_garbage(self, executed: int) -> None:
        leg = instrument(EQUITY, "BUY", 1, filledQuantity=1, averageExecutionPrice=4)
        (found,) = orders(order(1, detail("EXECUTED", leg, executedTime=executed)))
        assert found.legs[0].fills[0].at is None
        assert found.placed_at == NOON

    def test_an_order_for_money_has_the_quantity_that_was_filled(self) -> None:
        fund = {"symbol": "VFIAX", "securityType": "MF"}
        leg = instrument(
            fund, "BUY", 1000, quantityType="DOLLAR", filledQuantity=2, averageExecutionPrice=500
        )
        (found,) = orders(order(1, detail("EXECUTED", leg)))
        assert found.legs[0].quantity == 2

    def test_a_replaced_order_says_by_which(self) -> None:
        leg = instrument(EQUITY, "BUY", 1)
        replaced, cancelled = orders(
            order(1, detail("CANCELLED", leg, replacedByOrderId=2)),
            order(3, detail("CANCELLED", leg, replacedByOrderId=0)),
        )
        assert (replaced.status, replaced.replaced_by) == (OrderStatus.REPLACED, "2")
        assert (cancelled.status, cancelled.replaced_by) == (OrderStatus.CANCELLED, "")


class TestAccounts:
    def test_a_login_is_known_by_its_lowest_number_that_is_not_shared(self) -> None:
        rows = [
            read(wire.Account, each, "test")
            for each in (
                account("90000000", "a"),
                account("10000000", "b", accountType="JOINT"),
                account("80000000", "c"),
                account("1", "d", institutionType="BANK"),
            )
        ]
        assert translate.login_key(rows) == "80000000"
        assert translate.login_key(rows[3:]) == ""

    def test_an_unknown_state_is_a_restricted_account(self) -> None:
        row = read(wire.Account, account("12345678", "a", accountStatus="FROZEN"), "test")
        (found,) = translate.accounts([row])
        assert found.status.value == "restricted"
        assert found.number == "…5678"
