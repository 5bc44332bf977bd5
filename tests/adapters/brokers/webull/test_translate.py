"""Webull's quirks: what its answers say, and what they do not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.fakes.brokers.webull import (
    account,
    balance,
    filled,
    order,
    order_leg,
)

from optix.adapters.brokers.webull import PARSERS
from optix.adapters.brokers.webull.words import STATES
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind, Balance
from optix.kernel.money import Money, Price
from optix.kernel.order import Order, OrderStatus
from optix.ports.broker import BrokerAccount, BrokerUnreadable

AT = "2026-03-03T18:00:00.123Z"


def accounts_of(*told: Any) -> list[BrokerAccount]:
    found: Any = PARSERS["accounts"](list(told))
    return list(found)


def balances_of(told: Any) -> list[Balance]:
    found: Any = PARSERS["balances"](told)
    return list(found)


def orders_of(*told: Any) -> list[Order]:
    found: Any = PARSERS["orders"]({"data": list(told)})
    return list(found)


def activities_of(*told: Any) -> list[Activity]:
    found: Any = PARSERS["transactions"](list(told))
    return list(found)


class TestAccounts:
    def test_a_class_is_free_text_and_a_number_may_be_missing(self) -> None:
        (found,) = accounts_of(account(account_class=None, account_number=None, account_type="1"))
        assert (found.name, found.kind, found.number) == ("Webull", "1", "…")
        assert found.stable_key == found.key

    def test_an_account_without_an_id_is_unreadable(self) -> None:
        for odd in ("", None):
            with pytest.raises(BrokerUnreadable):
                accounts_of(account(account_id=odd))


class TestBalances:
    def test_the_worth_that_is_told_counts_more_than_a_sum(self) -> None:
        (found,) = balances_of(balance(total_net_liquidation_value="2999.99"))
        assert found.net_liquidation == Money(Decimal("2999.99"))

    def test_a_worth_in_another_currency_is_not_that_of_the_row(self) -> None:
        told = balance(total_asset_currency="HKD", total_net_liquidation_value="23400")
        assert balances_of(told)[0].net_liquidation == Money(Decimal("3000.5"))

    def test_one_currency_may_come_without_its_list(self) -> None:
        told = {"account_currency_assets": {"currency": "USD", "cash_balance": "-7.25"}}
        (found,) = balances_of(told)
        assert found == Balance(currency="USD", cash=Money(Decimal("-7.25")))

    def test_what_is_no_currency_is_added_to_none(self) -> None:
        (found,) = balances_of({"account_currency_assets": [{"currency": "1"}]})
        assert found.currency == "XXX"


class TestOrders:
    @pytest.mark.parametrize("word", ["PENDING", "submitted", "PARTIAL_FILLED", "FILLED", "FAILED"])
    def test_a_known_word_is_the_state(self, word: str) -> None:
        (found,) = orders_of(order("1", AT, word))
        assert found.status is STATES.get(word)

    @pytest.mark.parametrize(
        ("filled_quantity", "status"),
        [
            ("0", OrderStatus.PENDING),
            (None, OrderStatus.PENDING),
            ("1", OrderStatus.PARTIALLY_FILLED),
            ("2", OrderStatus.FILLED),
        ],
    )
    def test_another_word_is_told_and_the_quantities_count(
        self, filled_quantity: str | None, status: OrderStatus
    ) -> None:
        (found,) = orders_of(order("1", AT, "RESTING", filled_quantity=filled_quantity))
        assert found.status is status

    def test_an_order_says_what_it_is(self) -> None:
        (found,) = orders_of(order("1", AT))
        assert (found.id, found.client_id) == ("1", "client-1")
        assert (found.kind, found.time_in_force) == ("limit", "day")
        assert found.net_price == Price(Decimal(10))
        assert found.placed_at == datetime(2026, 3, 3, 18, 0, 0, 123_000, tzinfo=UTC)
        (leg,) = found.legs
        assert (leg.quantity, leg.filled, leg.fills) == (Decimal(2), Decimal(0), ())

    def test_a_side_says_which_way(self) -> None:
        sell, short = orders_of(order("1", AT, side="SELL"), order("2", AT, side="SHORT"))
        assert sell.legs[0].quantity == short.legs[0].quantity == -2
        assert (sell.legs[0].effect, short.legs[0].effect) == (None, PositionEffect.OPENING)
        assert sell.net_price == Price(Decimal(-10)), "what is received"
        with pytest.raises(BrokerUnreadable, match="HOLD"):
            orders_of(order("1", AT, side="HOLD"))

    def test_an_intent_says_more_where_there_is_one(self) -> None:
        intents = ["BUY_TO_OPEN", "SELL_TO_CLOSE", "SOMETHING_NEW", None]
        found = orders_of(*(order("1", AT, position_intent=each) for each in intents))
        assert [each.legs[0].effect for each in found] == [
            PositionEffect.OPENING,
            PositionEffect.CLOSING,
            None,
            None,
        ]

    def test_an_order_that_is_not_found_is_a_group_of_none(self) -> None:
        assert orders_of({"orders": []}) == []

    def test_orders_of_a_combination_are_one_each(self) -> None:
        master, stop = order("1", AT, "FILLED"), order("2", AT, "CANCELLED")
        both = {"combo_type": "OTOCO", "orders": master["orders"] + stop["orders"]}
        assert [each.id for each in orders_of(both)] == ["1", "2"]

    def test_an_order_by_its_amount_has_only_what_was_filled(self) -> None:
        row = filled("1", AT, total_quantity=None, filled_quantity="0.3333", limit_price=None)
        (found,) = orders_of(row)
        assert found.legs[0].quantity == found.legs[0].filled == Decimal("0.3333")
        assert found.net_price is None

    def test_one_without_any_number_is_unreadable(self) -> None:
        with pytest.raises(BrokerUnreadable, match="number"):
            orders_of(order("", AT, client_order_id=None))
        (found,) = orders_of(order("", AT))
        assert found.id == "client-", "its own number stands in"

    @pytest.mark.parametrize("at", ["2026-03-03T18:00:00", "yesterday", "2026-03-03"])
    def test_a_time_without_a_zone_is_nobodys(self, at: str) -> None:
        with pytest.raises(BrokerUnreadable, match="time"):
            orders_of(order("1", at))

    @pytest.mark.parametrize("sizes", [("1", "2"), ("3", "6")])
    def test_legs_count_for_one_unit_or_for_the_whole_order(self, sizes: tuple[str, str]) -> None:
        legs = [
            order_leg("BUY", "CALL", "100", sizes[0]),
            order_leg("SELL", "CALL", "110", sizes[1]),
        ]
        (found,) = orders_of(
            order("1", AT, "PARTIAL_FILLED", total_quantity="3", filled_quantity="1", legs=legs)
        )
        assert [each.quantity for each in found.legs] == [3, -6]
        assert [each.filled for each in found.legs] == [1, -2]
        assert [each.average_price for each in found.legs] == [None, None]

    def test_shares_of_a_covered_order_are_counted_by_its_contracts(self) -> None:
        stock = {"symbol": "AAPL", "side": "BUY", "quantity": "200", "instrument_type": "EQUITY"}
        legs = [stock, order_leg("SELL", "CALL", "110", "2")]
        (found,) = orders_of(order("1", AT, total_quantity="2", legs=legs))
        assert [each.quantity for each in found.legs] == [200, -2]
        assert [each.asset.kind for each in found.legs] == [AssetKind.STOCK, AssetKind.OPTION]

    def test_odd_counts_are_as_they_are(self) -> None:
        legs = [order_leg("BUY", "CALL", "100", "0.5"), order_leg("BUY", "PUT", "100", "1")]
        (found,) = orders_of(order("1", AT, total_quantity="2", legs=legs))
        assert [each.quantity for each in found.legs] == [1, 2]
        (single,) = orders_of(
            order("1", AT, total_quantity="2", legs=[order_leg("BUY", "CALL", "100", "0")])
        )
        assert single.legs[0].quantity == 2


class TestActivities:
    def test_a_filled_order_is_a_line_of_history(self) -> None:
        (found,) = activities_of(filled("1", AT, "10.55"))
        assert found == Activity(
            id="1",
            kind=ActivityKind.TRADE,
            status=ActivityStatus.POSTED,
            day=date(2026, 3, 3),
            at=datetime(2026, 3, 3, 18, 0, 0, 123_000, tzinfo=UTC),
            cash=Money(Decimal("-21.1")),
            asset=found.asset,
            quantity=Decimal(2),
            price=Price(Decimal("10.55")),
            order_id="1",
            description="buy aapl",
        )
        assert found.fees is None, "they are not told"

    def test_an_option_is_paid_a_hundredfold(self) -> None:
        leg = order_leg("SELL", "PUT", "100", "1")
        row = filled("1", AT, "1.25", side="SELL", instrument_type="OPTION", legs=[leg])
        (found,) = activities_of(row)
        assert found.cash == Money(Decimal(250))
        assert (found.quantity, found.price) == (Decimal(-2), Price(Decimal("1.25")))
        assert found.group == ""

    def test_the_money_of_several_legs_stands_with_the_first(self) -> None:
        legs = [order_leg("BUY", "CALL", "100"), order_leg("SELL", "CALL", "110")]
        found = activities_of(filled("1", AT, "1.25", instrument_type="OPTION", legs=legs))
        assert [each.id for each in found] == ["1:1", "1:2"]
        assert [each.cash for each in found] == [Money(Decimal(-250)), Money(Decimal(0))]
        assert [each.quantity for each in found] == [2, -2]
        assert [each.price for each in found] == [None, None]
        assert {each.group for each in found} == {"1"}

    def test_a_part_may_still_change(self) -> None:
        part = {"filled_quantity": "1", "filled_price": "10", "filled_time_at": AT}
        row = order("1", AT, "PARTIAL_FILLED", **part)
        (found,) = activities_of(row)
        assert found.status is ActivityStatus.PENDING
        (found,) = activities_of(order("1", AT, "CANCELLED", **part))
        assert (found.status, found.quantity) == (ActivityStatus.POSTED, Decimal(1))

    def test_what_was_not_filled_is_no_line(self) -> None:
        rows = [order("1", AT, "CANCELLED"), order("2", AT, "EXPIRED", filled_quantity=None)]
        assert activities_of(*rows) == []

    def test_a_day_is_that_of_new_york(self) -> None:
        (found,) = activities_of(filled("1", "2026-03-04T01:30:00.000Z"))
        assert found.day == date(2026, 3, 3)

    def test_without_a_time_of_its_own_a_fill_has_that_of_its_order(self) -> None:
        (found,) = activities_of(filled("1", AT, filled_time_at=None))
        assert found.day == date(2026, 3, 3)
        for odd in (None, "0001-01-01T00:00:00Z"):
            with pytest.raises(BrokerUnreadable, match="time"):
                activities_of(filled("1", AT, filled_time_at=odd, place_time_at=odd))

    def test_a_fill_without_a_price_is_unreadable(self) -> None:
        with pytest.raises(BrokerUnreadable, match="price"):
            activities_of(filled("1", AT, filled_price=None))

    def test_the_price_of_a_future_is_not_paid(self) -> None:
        (found,) = activities_of(filled("1", AT, "5000", instrument_type="FUTURES"))
        assert found.cash == Money(Decimal(0))
        assert found.price == Price(Decimal(5000))
