"""What Alpaca's answers mean: sides against signs, totals against prices, words and days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog.testing

from optix.adapters.brokers.alpaca import PARSERS, translate, wire
from optix.adapters.brokers.alpaca.translate import asset_of
from optix.adapters.brokers.exact import read
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind, Balance, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Order
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

OPTION = "AAPL241213C00250000"


def parsed(kind: str, payload: object) -> Any:
    return PARSERS[kind](payload)


def account(**changed: Any) -> BrokerAccount:
    found: list[BrokerAccount] = parsed("accounts", {"id": "an-id", "status": "ACTIVE", **changed})
    return found[0]


def balance(**changed: Any) -> Balance:
    found: list[Balance] = parsed("balances", {"id": "an-id", "status": "ACTIVE", **changed})
    return found[0]


def told_position(**changed: Any) -> dict[str, Any]:
    return {
        "symbol": "SLM",
        "asset_class": "us_equity",
        "side": "long",
        "qty": "10",
        "avg_entry_price": "5",
        "cost_basis": "50",
        "market_value": "60",
        "current_price": "6",
        **changed,
    }


def position(**changed: Any) -> Position:
    found: list[Position] = parsed("positions", [told_position(**changed)])
    return found[0]


def warnings(**changed: Any) -> list[str]:
    rows = [told_position(**changed)]
    return translate.positions(read(wire.Positions, {"rows": rows}, "it").rows)[1]


def fill(**changed: Any) -> Activity:
    told = {
        "id": "20220203000000000::a",
        "activity_type": "FILL",
        "transaction_time": "2022-02-02T18:55:09.981482Z",
        "price": "2.5",
        "qty": "2",
        "side": "buy",
        "symbol": OPTION,
        **changed,
    }
    found: list[Activity] = parsed("transactions", [told])
    return found[0]


def line(**changed: Any) -> Activity:
    told = {
        "id": "20220203000000000::b",
        "activity_type": "FEE",
        "date": "2022-02-02",
        "net_amount": "-1.02",
        **changed,
    }
    found: list[Activity] = parsed("transactions", [told])
    return found[0]


def order(**changed: Any) -> Order:
    found: list[Order] = parsed("orders", [told_order(**changed)])
    return found[0]


def told_order(**changed: Any) -> dict[str, Any]:
    return {
        "id": "an-order",
        "status": "new",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "side": "buy",
        "qty": "2",
        "filled_qty": "0",
        **changed,
    }


class TestAccounts:
    def test_only_an_id_and_a_state_are_promised(self) -> None:
        found = account()
        assert (found.key, found.number, found.kind) == ("an-id", "…n-id", "")
        assert balance() == Balance(currency="USD")

    @pytest.mark.parametrize("missing", ["id", "status"])
    def test_and_without_those_there_is_no_account(self, missing: str) -> None:
        with pytest.raises(BrokerUnreadable, match=missing):
            account(**{missing: None})

    @pytest.mark.parametrize(
        ("told", "status"),
        [
            ({"status": "ACTIVE"}, AccountStatus.ACTIVE),
            ({"status": "ACTIVE", "trading_blocked": True}, AccountStatus.RESTRICTED),
            ({"status": "ACTIVE", "account_blocked": True}, AccountStatus.RESTRICTED),
            ({"status": "ONBOARDING"}, AccountStatus.RESTRICTED),
            ({"status": "ACCOUNT_CLOSED"}, AccountStatus.CLOSED),
            ({"status": "ACCOUNT_CLOSED", "trading_blocked": True}, AccountStatus.CLOSED),
            ({"status": "ON_THE_MOON"}, AccountStatus.RESTRICTED),
        ],
    )
    def test_states(self, told: dict[str, Any], status: AccountStatus) -> None:
        assert account(**told).status is status

    @pytest.mark.parametrize(("told", "kind"), [("1", "cash"), ("2", "margin"), (4, "margin")])
    def test_the_multiplier_says_the_kind(self, told: object, kind: str) -> None:
        assert account(multiplier=told).kind == kind

    def test_money_is_text_of_any_precision_and_may_be_owed(self) -> None:
        found = balance(cash="-12.5", last_equity="122011.09751111286868", equity="10.123456789012")
        assert found.cash == Money(Decimal("-12.5"))
        assert found.net_liquidation == Money(Decimal("10.123456789012"))

    def test_the_old_name_of_the_worth_is_read_where_the_new_one_is_missing(self) -> None:
        assert balance(portfolio_value="5").net_liquidation == Money(Decimal(5))
        assert balance(portfolio_value="5", equity="6").net_liquidation == Money(Decimal(6))

    def test_an_account_may_be_of_another_currency(self) -> None:
        assert account(currency="EUR").currency == "EUR"
        assert balance(currency="EUR", cash="5").cash == Money(Decimal(5), "EUR")
        with pytest.raises(BrokerUnreadable, match="currency"):
            balance(currency="euros")


class TestPositions:
    @pytest.mark.parametrize("qty", ["-10", "10"])
    @pytest.mark.parametrize("sign", ["-", ""])
    def test_a_short_is_short_with_or_without_signs(self, qty: str, sign: str) -> None:
        found = position(side="short", qty=qty, cost_basis=f"{sign}50", market_value=f"{sign}60")
        assert found.quantity == -10
        assert found.size == 10
        assert found.cost == Money(Decimal(-50))
        assert found.value == Money(Decimal(-60))

    def test_an_unknown_side_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="sideways"):
            position(side="sideways")

    def test_an_options_price_is_per_share_and_its_cost_is_whole(self) -> None:
        told = {"asset_class": "us_option", "symbol": OPTION, "cost_basis": "5000"}
        found = position(**told, market_value="6000")
        assert found.cost == Money(Decimal(5000))
        assert found.price == Price(Decimal(6))
        assert found.asset.multiplier == 100
        assert found.cost_has_fees is False, "they are lines of their own"
        assert warnings(**told) == []

    def test_a_cost_without_its_multiplier_is_made_right_and_said(self) -> None:
        told = {"asset_class": "us_option", "symbol": OPTION, "cost_basis": "50"}
        assert position(**told).cost == Money(Decimal(5000))
        assert len(warnings(**told)) == 1

    def test_a_shares_cost_that_does_not_fit_is_kept_and_said(self) -> None:
        assert position(cost_basis="70").cost == Money(Decimal(70))
        assert len(warnings(cost_basis="70")) == 1
        assert warnings(cost_basis="50.4") == [], "averages are rounded"
        assert warnings(avg_entry_price=None) == warnings(cost_basis=None) == []

    def test_fractions_have_nine_places(self) -> None:
        assert position(qty="0.173011547", cost_basis="0.865057735").quantity == Decimal(
            "0.173011547"
        )

    def test_what_was_closed_is_not_held(self) -> None:
        assert parsed("positions", [told_position(qty="0")]) == []

    def test_nulls_are_what_is_not_said(self) -> None:
        found = position(current_price=None, market_value=None, cost_basis=None)
        assert found.price is None
        assert found.value is None
        assert found.cost is None

    def test_money_is_of_the_accounts_currency(self) -> None:
        rows = read(wire.Positions, {"rows": [told_position()]}, "it").rows
        (found,), _ = translate.positions(rows, currency="EUR")
        assert found.cost == Money(Decimal(50), "EUR")


class TestAssets:
    @pytest.mark.parametrize(
        ("symbol", "asset_class", "kind", "canonical"),
        [
            ("AAPL", "us_equity", AssetKind.STOCK, "AAPL"),
            ("SPY", "us_equity", AssetKind.ETF, "SPY"),
            ("BRK.B", "", AssetKind.STOCK, "BRK.B"),
            ("BTCUSD", "crypto", AssetKind.CRYPTO, "BTCUSD"),
            ("BTC/USD", "crypto", AssetKind.CRYPTO, "BTCUSD"),
            ("BTC/USD", "", AssetKind.CRYPTO, "BTCUSD"),
            ("NEWCO", "ipo", AssetKind.OTHER, "NEWCO"),
            ("12 ODD", "us_equity", AssetKind.STOCK, "12 ODD"),
            ("AN ODD ONE", "us_option", AssetKind.OPTION, "AN ODD ONE"),
        ],
    )
    def test_kinds_and_symbols(
        self, symbol: str, asset_class: str, kind: AssetKind, canonical: str
    ) -> None:
        found = asset_of(symbol, asset_class)
        assert (found.kind, found.symbol) == (kind, canonical)
        assert found.multiplier == (100 if kind is AssetKind.OPTION else 1)

    def test_a_contract_is_read_from_the_right(self) -> None:
        found = asset_of("AAPL1241213C00250000")
        assert found.contract is not None
        assert (found.contract.root, found.contract.expiration) == ("AAPL1", date(2024, 12, 13))
        assert found.multiplier == 100
        assert found.deliverables == ()

    def test_an_amount_that_is_not_yet_known_leaves_the_delivery_unknown(self) -> None:
        symbol = "AAPL1241213C00250000"
        told = {"symbol": symbol, "deliverables": [{"type": "cash", "amount": None}]}
        contract = read(wire.Contract, told, "it")
        assert asset_of(symbol, contracts={symbol: contract}).deliverables == ()

    def test_an_unknown_class_is_other_and_told_once(self) -> None:
        with structlog.testing.capture_logs() as told:
            kinds = [asset_of("AAPL", "tulips").kind for _ in range(2)]
        assert kinds == [AssetKind.OTHER] * 2
        assert [each["word"] for each in told] == ["tulips"]


class TestFills:
    @pytest.mark.parametrize(
        ("side", "quantity", "cash", "effect"),
        [
            ("buy", 2, -500, None),
            ("sell", -2, 500, None),
            ("sell_short", -2, 500, PositionEffect.OPENING),
        ],
    )
    def test_the_side_gives_the_sign_and_the_price_the_cash(
        self, side: str, quantity: int, cash: int, effect: PositionEffect | None
    ) -> None:
        found = fill(side=side)
        assert found.kind is ActivityKind.TRADE
        assert found.quantity == quantity
        assert found.cash == Money(Decimal(cash))
        assert found.fees == Money.zero()
        assert found.effect is effect

    def test_the_cash_of_fractions_is_exact(self) -> None:
        found = fill(symbol="AMZN", price="2907.15", qty="1.792161878")
        assert found.cash == Money(Decimal("-5210.0834036277"))

    def test_nanoseconds_are_cut_and_days_are_new_yorks(self) -> None:
        found = fill(transaction_time="2022-02-03T04:55:09.981482999Z")
        assert found.at == datetime(2022, 2, 3, 4, 55, 9, 981482, tzinfo=UTC)
        assert found.day == date(2022, 2, 2)

    @pytest.mark.parametrize("missing", ["transaction_time", "price", "qty", "symbol"])
    def test_a_fill_that_misses_a_part_is_an_error(self, missing: str) -> None:
        with pytest.raises(BrokerUnreadable, match="misses"):
            fill(**{missing: None})

    def test_an_unknown_side_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="swap"):
            fill(side="swap")

    @pytest.mark.parametrize("text", ["soon", "2022-13-40T00:00:00Z"])
    def test_a_time_that_is_none_is_an_error(self, text: str) -> None:
        with pytest.raises(BrokerUnreadable, match="time"):
            fill(transaction_time=text)

    def test_a_time_without_a_zone_is_utc(self) -> None:
        assert fill(transaction_time="2022-02-02T18:55:09").at == datetime(
            2022, 2, 2, 18, 55, 9, tzinfo=UTC
        )


class TestOtherLines:
    @pytest.mark.parametrize(
        ("type_", "amount", "kind"),
        [
            ("TRANS", "5", ActivityKind.DEPOSIT),
            ("TRANS", "-5", ActivityKind.WITHDRAWAL),
            ("CSD", "5", ActivityKind.DEPOSIT),
            ("CSW", "-5", ActivityKind.WITHDRAWAL),
            ("DIV", "5", ActivityKind.DIVIDEND),
            ("DIVCGL", "5", ActivityKind.DIVIDEND),
            ("DIVNRA", "-5", ActivityKind.TAX),
            ("DIVFEE", "-5", ActivityKind.FEE),
            ("INT", "5", ActivityKind.INTEREST),
            ("FEE", "-5", ActivityKind.FEE),
            ("CFEE", "-5", ActivityKind.FEE),
            ("PTC", "-5", ActivityKind.FEE),
            ("PTR", "5", ActivityKind.FEE),
            ("JNL", "5", ActivityKind.TRANSFER),
            ("JNLC", "5", ActivityKind.TRANSFER),
            ("JNLS", None, ActivityKind.TRANSFER),
            ("ACATC", "5", ActivityKind.TRANSFER),
            ("ACATS", None, ActivityKind.TRANSFER),
            ("MA", "5", ActivityKind.REORGANISATION),
            ("NC", None, ActivityKind.SYMBOL_CHANGE),
            ("SPLIT", None, ActivityKind.SPLIT),
            ("SPIN", None, ActivityKind.SPIN_OFF),
            ("REORG", None, ActivityKind.REORGANISATION),
            ("OPEXP", "0", ActivityKind.EXPIRATION),
            ("OPEXC", "0", ActivityKind.EXERCISE),
            ("OPCA", "0", ActivityKind.REORGANISATION),
            ("OPCSH", "5", ActivityKind.ADJUSTMENT),
        ],
    )
    def test_types(self, type_: str, amount: str | None, kind: ActivityKind) -> None:
        found = line(activity_type=type_, net_amount=amount)
        assert found.kind is kind
        assert found.cash == Money(Decimal(amount or 0))

    def test_an_unknown_type_is_other_and_told_once(self) -> None:
        with structlog.testing.capture_logs() as told:
            kinds = [line(activity_type="LOTTERY").kind for _ in range(2)]
        assert kinds == [ActivityKind.OTHER] * 2
        assert [each["word"] for each in told] == ["LOTTERY"]

    def test_an_assignment_and_its_shares_are_of_one_group(self) -> None:
        option = line(
            activity_type="OPASN", net_amount="0", symbol=OPTION, qty="2", group_id="a-group"
        )
        shares = line(
            activity_type="OPTRD",
            net_amount="50000",
            symbol="AAPL",
            qty="-200",
            price="250",
            group_id="a-group",
        )
        assert option.kind is ActivityKind.ASSIGNMENT
        assert option.quantity == 2, "the short contracts go"
        assert shares.kind is ActivityKind.TRADE
        assert shares.quantity == -200
        assert shares.price is not None
        assert shares.price.cash(-200, 1) == shares.cash
        assert option.group == shares.group == "a-group"

    def test_a_dividends_quantity_is_what_it_was_paid_for(self) -> None:
        found = line(
            activity_type="DIV", net_amount="1.02", symbol="T", qty="2", per_share_amount="0.51"
        )
        assert found.asset is not None
        assert found.quantity is None
        assert found.price is None

    def test_a_split_moves_shares_and_no_cash(self) -> None:
        found = line(activity_type="SPLIT", net_amount=None, symbol="T", qty="-5")
        assert found.quantity == -5
        assert found.cash == Money.zero()

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            (None, ActivityStatus.POSTED),
            ("executed", ActivityStatus.POSTED),
            ("correct", ActivityStatus.POSTED),
            ("canceled", ActivityStatus.CANCELLED),
        ],
    )
    def test_states(self, word: str | None, status: ActivityStatus) -> None:
        assert line(status=word).status is status

    def test_an_unknown_state_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="perhaps"):
            line(status="perhaps")

    @pytest.mark.parametrize(
        ("entered", "day"),
        [
            (None, date(2022, 2, 2)),
            ("2022-02-03T10:00:00Z", date(2022, 2, 2)),
            ("2022-02-03T03:00:00Z", date(2022, 2, 2)),  # the second in New York
            ("2022-02-09T12:00:00Z", date(2022, 2, 2)),
            ("2022-02-10T12:00:00Z", date(2022, 2, 3)),  # a week at most
            ("2022-01-20T12:00:00Z", date(2022, 1, 27)),
        ],
    )
    def test_a_day_is_never_far_from_its_entry(self, entered: str | None, day: date) -> None:
        assert line(created_at=entered).day == day

    def test_the_day_of_the_entry_stands_in_for_one_that_is_missing(self) -> None:
        found = line(date=None, created_at="2022-02-03T03:00:00Z", settle_date="2022-02-04")
        assert found.day == date(2022, 2, 2)
        assert found.settles == date(2022, 2, 4)

    @pytest.mark.parametrize("day", [None, "someday"])
    def test_a_line_without_any_day_is_an_error(self, day: str | None) -> None:
        with pytest.raises(BrokerUnreadable):
            line(date=day)


class TestOrders:
    def test_an_order_for_an_amount_of_money_has_the_quantity_that_was_filled(self) -> None:
        found = order(qty=None, notional="100", filled_qty="0.5", filled_avg_price="200")
        (leg,) = found.legs
        assert leg.quantity == leg.filled == Decimal("0.5")
        assert leg.average_price == Price(Decimal(200))

    def test_a_number_is_as_good_as_a_text(self) -> None:
        assert order(qty=1).legs[0].quantity == 1

    def test_a_sale_is_negative_and_its_intent_says_the_effect(self) -> None:
        (leg,) = order(side="sell", position_intent="sell_to_close").legs
        assert leg.quantity == -2
        assert leg.effect is PositionEffect.CLOSING
        assert leg.fills == ()

    def test_the_legs_of_a_bracket_are_orders_and_those_of_a_package_are_not(self) -> None:
        legs = [told_order(id="profit", side="sell"), told_order(id="stop", side="sell")]
        bracket: list[Order] = parsed("orders", told_order(order_class="bracket", legs=legs))
        assert [each.id for each in bracket] == ["an-order", "profit", "stop"]
        (package,) = parsed("orders", told_order(order_class="mleg", symbol="", side="", legs=legs))
        assert len(package.legs) == 2

    def test_a_package_without_its_legs_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="legs"):
            order(order_class="mleg", symbol="", side="", legs=None)

    def test_a_credit_of_a_package_is_negative_as_it_is_sent(self) -> None:
        legs = [told_order(id="leg", symbol=OPTION)]
        found = order(order_class="mleg", limit_price="-1.28", side="", legs=legs)
        assert found.net_price == Price(Decimal("-1.28"))

    def test_what_replaced_an_order_is_said(self) -> None:
        assert order(status="replaced", replaced_by="next").replaced_by == "next"

    def test_an_unknown_state_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="adrift"):
            order(status="adrift")

    def test_an_order_without_a_side_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="sides"):
            order(side="")
