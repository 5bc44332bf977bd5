"""Each quirk of tastytrade's page, on rows of ours."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from tests.fakes.brokers.tastytrade_rows import (
    ADJUSTED,
    OPTION,
    leg,
    order,
    position,
    transaction,
)

from optix.adapters.brokers.exact import read
from optix.adapters.brokers.tastytrade import translate, wire
from optix.adapters.brokers.tastytrade.client import path_note
from optix.kernel.activity import Activity, ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Order, OrderStatus
from optix.ports.broker import AccountStatus, BrokerUnreadable


def positions(*rows: Any) -> list[Position]:
    return translate.positions([read(wire.Position, row, "test") for row in rows])


def activities(*rows: Any) -> list[Activity]:
    return translate.activities([read(wire.Transaction, row, "test") for row in rows])


def orders(*rows: Any) -> list[Order]:
    return translate.orders([read(wire.Order, row, "test") for row in rows])


class TestPositions:
    def test_the_direction_is_the_sign_whatever_the_cost_effect_says(self) -> None:
        for effect in ("Credit", "Debit"):
            (short,) = positions(
                position(
                    OPTION,
                    "Equity Option",
                    "2",
                    "Short",
                    multiplier="100.0",
                    average_open_price="1.29",
                    mark="210.0",
                    mark_price="1.05",
                    cost_effect=effect,
                )
            )
            assert short.quantity == -2
            assert short.cost == Money(Decimal(-258))
            assert short.value == Money(Decimal(-210))
            assert short.price == Price(Decimal("1.05"))

    def test_numbers_are_numbers_and_texts_alike(self) -> None:
        as_text, as_number = positions(
            position("SPY", "Equity", "10", "Long", multiplier="1.0", average_open_price="178.50"),
            position(
                "SPY", "Equity", 10, "Long", multiplier=1, average_open_price=Decimal("178.5")
            ),
        )
        assert as_text == as_number
        assert as_text.asset.kind is AssetKind.ETF

    def test_nothing_left_is_no_position(self) -> None:
        assert positions(position("SPY", "Equity", "0", "Zero", multiplier=1)) == []
        assert positions(position("SPY", "Equity", "0.0", "Long", multiplier=1)) == []

    def test_a_direction_that_nobody_knows_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="Sideways"):
            positions(position("SPY", "Equity", "1", "Sideways", multiplier=1))

    def test_shares_come_in_parts(self) -> None:
        (part,) = positions(position("KBWD", "Equity", "1.68074", "Long", multiplier=1))
        assert part.quantity == Decimal("1.68074")

    def test_what_is_not_told_is_unknown_and_not_nothing(self) -> None:
        (bare,) = positions(position("SPY", "Equity", "1", "Long", multiplier=1, mark="NaN"))
        assert (bare.cost, bare.value, bare.price) == (None, None, None)

    def test_a_class_share_has_a_slash_there_and_a_dot_here(self) -> None:
        (shares,) = positions(position("BRK/B", "Equity", "1", "Long", multiplier=1))
        assert shares.asset.symbol == "BRK.B"

    def test_a_contract_is_padded_there_and_an_adjusted_one_is_seen(self) -> None:
        (adjusted,) = positions(position(ADJUSTED, "Equity Option", "1", "Long", multiplier=100))
        assert adjusted.asset.symbol == "AAPL1260918C00150000"
        assert translate.is_adjusted(adjusted.asset)

    def test_a_contract_whose_pad_was_lost_keeps_its_text(self) -> None:
        (lost,) = positions(
            position("AAPL 260918C00150000", "Equity Option", "1", "Long", multiplier=100)
        )
        assert lost.asset.contract is None
        assert lost.asset.symbol == "AAPL 260918C00150000"
        assert lost.asset.multiplier == 100

    def test_futures_and_coins_keep_their_names(self) -> None:
        found = positions(
            position("/ESZ2", "Future", "1", "Long", multiplier="50.0", average_open_price="4000"),
            position("./ESZ2 E1AZ2 221205P3720", "Future Option", 1, "Short", multiplier=50),
            position("BTC/USD", "Cryptocurrency", "0.022", "Long", multiplier=1),
            position("91282CJL6", "Bond", "1000", "Long", multiplier=1),
            position("X", "Event Contract", "1", "Long", multiplier=1),
        )
        assert [(each.asset.kind, each.asset.symbol) for each in found] == [
            (AssetKind.FUTURE, "/ESZ2"),
            (AssetKind.FUTURE_OPTION, "./ESZ2 E1AZ2 221205P3720"),
            (AssetKind.CRYPTO, "BTC/USD"),
            (AssetKind.BOND, "91282CJL6"),
            (AssetKind.OTHER, "X"),
        ]
        assert found[0].cost == Money(Decimal(200_000))

    def test_a_multiplier_below_one_goes_into_the_price(self) -> None:
        (micro,) = positions(
            position(
                "/MBTZ2",
                "Future",
                "3",
                "Long",
                multiplier="0.1",
                average_open_price="60000",
                mark="18030",
                mark_price="60100",
            )
        )
        assert micro.asset.multiplier == 1
        assert micro.cost == Money(Decimal(18_000))
        assert micro.price == Price(Decimal(6_010))
        with pytest.raises(BrokerUnreadable, match="multiplier"):
            positions(position("/MBTZ2", "Future", "3", "Long", multiplier="0"))


class TestActivities:
    def test_an_amount_gets_its_sign_from_its_effect(self) -> None:
        bought, sold = activities(
            transaction(
                1,
                "Trade",
                "Buy to Open",
                action="Buy to Open",
                symbol=OPTION,
                instrument_type="Equity Option",
                quantity="1.0",
                price="0.75",
                value="75.0",
                value_effect="Debit",
                net_value="76.12",
                net_value_effect="Debit",
                order_id=9,
            ),
            transaction(
                2,
                "Trade",
                "Sell to Close",
                action="Sell to Close",
                symbol="SPY",
                instrument_type="Equity",
                quantity=2,
                price="500.0",
                value=1000,
                value_effect="Credit",
                net_value="999.9",
                net_value_effect="Credit",
            ),
        )
        assert (bought.cash, bought.quantity) == (Money(Decimal("-76.12")), Decimal(1))
        assert bought.fees == Money(Decimal("-1.12"))
        assert (bought.effect, bought.order_id) == (PositionEffect.OPENING, "9")
        assert (sold.cash, sold.quantity) == (Money(Decimal("999.9")), Decimal(-2))
        assert (sold.fees, sold.effect) == (Money(Decimal("-0.1")), PositionEffect.CLOSING)
        assert bought.at == datetime(2026, 3, 3, 20, 0, 0, 123_000, tzinfo=UTC)

    @pytest.mark.parametrize("effect", [None, "Sideways"])
    def test_cash_without_a_direction_is_an_error(self, effect: str | None) -> None:
        row = transaction(1, "Money Movement", "Fee", net_value="5.0", net_value_effect=effect)
        with pytest.raises(BrokerUnreadable):
            activities(row)

    def test_an_effect_of_none_moves_no_cash(self) -> None:
        (row,) = activities(transaction(1, "Money Movement", "Fee", net_value="5.0"))
        assert row.cash == Money.zero()

    def test_a_value_without_a_direction_says_nothing_of_fees(self) -> None:
        row = transaction(1, "Trade", "Buy", action="Buy", value="75.0", value_effect=None)
        assert activities(row)[0].fees is None

    @pytest.mark.parametrize(
        ("kind", "sub_type", "meaning"),
        [
            ("Receive Deliver", "Dividend", ActivityKind.REINVESTMENT),
            ("Money Movement", "Dividend", ActivityKind.DIVIDEND),
            ("Money Movement", "Deposit", ActivityKind.DEPOSIT),
            ("Money Movement", "Withdrawal", ActivityKind.WITHDRAWAL),
            ("Money Movement", "Credit Interest", ActivityKind.INTEREST),
            ("Money Movement", "Debit Interest", ActivityKind.INTEREST),
            ("Money Movement", "Balance Adjustment", ActivityKind.ADJUSTMENT),
            ("Money Movement", "Fee", ActivityKind.FEE),
            ("Money Movement", "Transfer", ActivityKind.TRANSFER),
            ("Receive Deliver", "Expiration", ActivityKind.EXPIRATION),
            ("Receive Deliver", "Exercise", ActivityKind.EXERCISE),
            ("Receive Deliver", "Cash Settled Assignment", ActivityKind.ASSIGNMENT),
            ("Receive Deliver", "Symbol Change", ActivityKind.SYMBOL_CHANGE),
            ("Receive Deliver", "Forward Split", ActivityKind.SPLIT),
            ("Receive Deliver", "ACAT", ActivityKind.TRANSFER),
            ("Receive Deliver", "Something New", ActivityKind.OTHER),
            ("Something", "New", ActivityKind.OTHER),
        ],
    )
    def test_kinds_are_two_words(self, kind: str, sub_type: str, meaning: ActivityKind) -> None:
        assert activities(transaction(1, kind, sub_type))[0].kind is meaning

    def test_the_shares_of_an_assignment_join_the_option(self) -> None:
        option, shares, other = activities(
            transaction(
                1,
                "Receive Deliver",
                "Assignment",
                action="Buy to Close",
                symbol=OPTION,
                underlying_symbol="SPY",
                instrument_type="Equity Option",
                quantity="1.0",
            ),
            transaction(
                2,
                "Receive Deliver",
                "Buy to Open",
                action="Buy to Open",
                symbol="SPY",
                underlying_symbol="SPY",
                instrument_type="Equity",
                quantity="100.0",
                price="550.0",
                value="55000.0",
                value_effect="Debit",
                net_value="55005.0",
                net_value_effect="Debit",
            ),
            transaction(
                3,
                "Trade",
                "Buy to Open",
                action="Buy to Open",
                symbol="SPY",
                underlying_symbol="SPY",
                instrument_type="Equity",
                quantity="1.0",
            ),
        )
        assert option.kind is shares.kind is ActivityKind.ASSIGNMENT
        assert option.group == shares.group != ""
        assert (option.quantity, shares.quantity) == (Decimal(1), Decimal(100))
        assert shares.fees == Money(Decimal(-5))
        assert (other.kind, other.group) == (ActivityKind.TRADE, "")

    def test_a_quantity_without_an_action_has_no_direction(self) -> None:
        row = transaction(
            1,
            "Receive Deliver",
            "Symbol Change",
            symbol="META",
            instrument_type="Equity",
            quantity=3,
        )
        assert activities(row)[0].quantity is None

    def test_a_reversal_names_what_it_takes_back(self) -> None:
        row = transaction(2, "Money Movement", "Dividend", reverses_id=1)
        assert activities(row)[0].replaces == "1"

    def test_a_day_is_new_yorks_and_a_moment_has_a_zone(self) -> None:
        late = transaction(1, "Money Movement", "Fee", executed_at="2026-03-04T01:00:00Z")
        assert activities(late)[0].day == date(2026, 3, 3)
        for name, text in (("executed_at", "2026-03-04T01:00:00"), ("executed_at", "soon")):
            with pytest.raises(BrokerUnreadable, match="time"):
                activities(transaction(1, "Money Movement", "Fee", **{name: text}))
        with pytest.raises(BrokerUnreadable, match="date"):
            activities(transaction(1, "Money Movement", "Fee", transaction_date="03/04/2026"))


class TestOrders:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("Received", OrderStatus.PENDING),
            ("Routed", OrderStatus.PENDING),
            ("In Flight", OrderStatus.PENDING),
            ("Contingent", OrderStatus.PENDING),
            ("Live", OrderStatus.WORKING),
            ("Cancel Requested", OrderStatus.WORKING),
            ("Replace Requested", OrderStatus.WORKING),
            ("Filled", OrderStatus.FILLED),
            ("Cancelled", OrderStatus.CANCELLED),
            ("Canceled", OrderStatus.CANCELLED),
            ("Expired", OrderStatus.EXPIRED),
            ("Rejected", OrderStatus.REJECTED),
            ("Removed", OrderStatus.CANCELLED),
            ("Partially Removed", OrderStatus.CANCELLED),
        ],
    )
    def test_every_documented_state_is_known(self, word: str, status: OrderStatus) -> None:
        assert orders(order(1, word, leg("SPY", "Buy to Open", 1)))[0].status is status

    def test_an_unknown_state_or_action_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="Thinking"):
            orders(order(1, "Thinking", leg("SPY", "Buy to Open", 1)))
        with pytest.raises(BrokerUnreadable, match="Lend"):
            orders(order(1, "Live", leg("SPY", "Lend", 1)))

    def test_a_replaced_order_says_by_which(self) -> None:
        (found,) = orders(order(1, "Cancelled", leg("SPY", "Buy to Open", 1), replacing_order_id=2))
        assert (found.status, found.replaced_by) == (OrderStatus.REPLACED, "2")

    def test_a_package_is_a_debit_or_a_credit(self) -> None:
        legs = (leg(OPTION, "Buy to Open", 1), leg(ADJUSTED, "Sell to Open", 1))
        for effect, price in (("Debit", "1.09"), ("Credit", "-1.09")):
            (found,) = orders(order(1, "Live", *legs, price="1.09", price_effect=effect))
            assert found.net_price == Price(Decimal(price))
        assert [each.quantity for each in found.legs] == [1, -1]
        (market,) = orders(order(1, "Live", *legs, price="1.09"))
        assert market.net_price is None, "no effect, no direction"

    def test_a_part_of_an_order_may_be_filled(self) -> None:
        (found,) = orders(order(1, "Live", leg(OPTION, "Sell to Open", 3, (1, "1.3"), (1, "1.2"))))
        assert found.status is OrderStatus.PARTIALLY_FILLED
        assert found.legs[0].filled == -2
        assert found.legs[0].average_price == Price(Decimal("1.25"))
        assert [fill.quantity for fill in found.legs[0].fills] == [-1, -1]

    def test_an_order_for_money_has_the_quantity_that_was_filled(self) -> None:
        bought = leg("SPY", "Buy to Open", None, ("0.5", "500.0"))
        (found,) = orders(order(1, "Filled", bought))
        assert found.legs[0].quantity == found.legs[0].filled == Decimal("0.5")

    def test_updated_at_is_an_epoch_and_nothing_in_a_dry_run(self) -> None:
        legs = leg("SPY", "Buy to Open", 1)
        told, dry = orders(order(1, "Live", legs), order(2, "Live", legs, updated_at=0))
        assert told.updated_at == datetime(2026, 3, 3, 15, 0, 0, 500_000, tzinfo=UTC)
        assert dry.updated_at is None
        with pytest.raises(BrokerUnreadable, match="time"):
            orders(order(1, "Live", legs, updated_at=10**30))


class TestAccounts:
    def test_a_closed_account_is_told_as_closed(self) -> None:
        rows = [
            {"account": {"account-number": "5WT1", "is-closed": True, "day-trader-status": "x"}},
            {"account": {"account-number": "5WT00002", "nickname": "Mine"}},
        ]
        closed, mine = translate.accounts([read(wire.AccountItem, row, "test") for row in rows])
        assert (closed.status, mine.status) == (AccountStatus.CLOSED, AccountStatus.ACTIVE)
        assert (mine.name, mine.number) == ("Mine", "…0002")

    def test_nobodys_accounts_are_no_login(self) -> None:
        assert translate.login_key([]) == ""

    def test_numbers_of_accounts_are_taken_out_of_paths(self) -> None:
        assert path_note("/accounts/5WT00001/orders/live") == "/accounts/…/orders/live"


def test_a_sign_beside_no_amount_is_passed_over() -> None:
    assert wire.signed({"cost-effect": "Debit", "a": "1", "a-effect": None}) == {
        "cost-effect": "Debit",
        "a": "1",
        "a-effect": None,
    }


def test_a_signed_amount_that_is_none_is_an_error() -> None:
    with pytest.raises(ValidationError):
        wire.Balances.model_validate({"net-liquidating-value": 1, "cash-balance": True})
