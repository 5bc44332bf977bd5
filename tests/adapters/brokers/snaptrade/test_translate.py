"""What SnapTrade says becomes OPTIX's values: each quirk, and every recorded payload."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.adapters.brokers.snaptrade.rows import (
    ACCOUNT_ROW,
    PUT,
    SHORT_OPTION,
    SPY,
    STOCK,
    line,
    order,
)
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import NO_CURRENCY, load_exact, read, read_rows
from optix.adapters.brokers.snaptrade import PARSERS, translate, wire
from optix.kernel.activity import Activity, ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind, Balance, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Order, OrderStatus
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable


def told(name: str) -> Any:
    return load_exact(recorded(f"brokers/snaptrade/{name}").read_bytes())


def one_activity(**row: Any) -> Activity:
    identity, kind = row.pop("id", "x"), row.pop("type", "BUY")
    payload = {"data": [line(identity, kind, **row)], "pagination": {"total": 1}}
    found: Any = PARSERS["transactions"](payload)
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


def one_position(**row: Any) -> Position:
    payload = {"results": [{**STOCK, **row}], "data_freshness": {"as_of": "2026-03-03T00:00Z"}}
    found: Any = PARSERS["positions"](payload)
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


def instrument(**changed: Any) -> dict[str, Any]:
    return {**STOCK["instrument"], **changed}


class TestAccounts:
    def one(self, **changed: Any) -> BrokerAccount:
        found: Any = PARSERS["accounts"](
            [{**ACCOUNT_ROW, "brokerage_authorization": "c", **changed}]
        )
        return found[0]  # type: ignore[no-any-return]  # a parser returns object

    def test_an_account_that_was_connected_anew_is_the_same_one(self) -> None:
        assert self.one().stable_key == self.one(id="new").stable_key
        by_number = {"institution_account_id": None, "number": "Q6542138443"}
        assert self.one(**by_number).stable_key == "Robinhood|Q6542138443"
        assert self.one(**by_number).number == "…8443"

    def test_nothing_to_go_by_still_makes_an_account(self) -> None:
        account = self.one(institution_account_id=None, number=None, name=None, balance=None)
        assert account.stable_key.endswith(account.key)
        assert account.currency == "USD"

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("closed", AccountStatus.CLOSED),
            ("archived", AccountStatus.CLOSED),
            ("unavailable", AccountStatus.RESTRICTED),
            ("frozen by moonlight", AccountStatus.RESTRICTED),
            (None, AccountStatus.ACTIVE),
        ],
    )
    def test_states_of_accounts(self, word: str | None, status: AccountStatus) -> None:
        assert self.one(status=word).status is status

    def test_paper_is_said_and_a_bank_account_is_no_account_here(self) -> None:
        assert self.one(is_paper=True).simulated
        row = {**ACCOUNT_ROW, "brokerage_authorization": "c", "account_category": "DEPOSIT"}
        assert PARSERS["accounts"]([row]) == []


class TestBalances:
    def test_money_that_is_none_is_unknown_and_coins_are_no_currency(self) -> None:
        rows = [
            {"currency": {"code": "CAD"}, "cash": None, "buying_power": "1.5"},
            {"currency": {"code": "USDT"}, "cash": 3, "buying_power": None},
        ]
        assert PARSERS["balances"](rows) == [
            Balance(currency="CAD", buying_power=Money(Decimal("1.5"), "CAD"))
        ]

    def test_the_worth_of_an_account_is_there_although_it_has_no_cash_in_its_currency(self) -> None:
        account = read(wire.Account, {**ACCOUNT_ROW, "brokerage_authorization": "c"}, "SnapTrade")
        found = translate.balances([], account)
        assert [each.net_liquidation for each in found] == [Money(Decimal("15363.23"))]


class TestPositions:
    def test_cost_is_of_one_unit_and_becomes_that_of_all(self) -> None:
        found = one_position()
        assert found.cost == Money(Decimal(3990))
        assert found.value == Money(Decimal("4201.05"))
        assert found.quantity == Decimal("10.5")

    def test_an_options_cost_is_of_one_share_and_a_short_one_has_received_it(self) -> None:
        found = one_position(**SHORT_OPTION)
        assert found.asset.key == "option|SPY260918P00550000|USD"
        assert found.asset.multiplier == 100
        assert found.quantity == Decimal(-2)
        assert found.cost == Money(Decimal(-258))
        assert found.value == Money(Decimal(-250))

    def test_what_is_null_is_unknown_but_a_quantity_must_be_there(self) -> None:
        found = one_position(price=None, cost_basis=None)
        assert (found.price, found.cost, found.value) == (None, None, None)
        with pytest.raises(BrokerUnreadable):
            one_position(units=None)

    @pytest.mark.parametrize(
        ("kind", "asset"),
        [
            ("adr", AssetKind.STOCK),
            ("etf", AssetKind.ETF),
            ("mutualfund", AssetKind.FUND),
            ("cef", AssetKind.FUND),
            ("bond", AssetKind.BOND),
            ("crypto", AssetKind.CRYPTO),
            ("future", AssetKind.FUTURE),
            ("future_option", AssetKind.FUTURE_OPTION),
            ("cfd", AssetKind.OTHER),
            ("tokenized_asset", AssetKind.OTHER),
            ("a kind of next year", AssetKind.OTHER),
        ],
    )
    def test_every_kind_is_read_and_an_unknown_one_does_not_fail(
        self, kind: str, asset: AssetKind
    ) -> None:
        assert one_position(instrument=instrument(kind=kind)).asset.kind is asset

    def test_a_suffix_is_an_exchange_and_no_class_of_shares(self) -> None:
        abroad = instrument(symbol="SAP.DE", raw_symbol="SAP", currency="EUR")
        asset = one_position(instrument=abroad, currency=None).asset
        assert (asset.symbol, asset.currency) == ("SAP.DE", "EUR")
        odd = instrument(symbol="a thing!", raw_symbol="a thing!")
        assert one_position(instrument=odd).asset.symbol == "a thing!"

    @pytest.mark.parametrize("odd", ["0.5", "-100", str(translate.MULTIPLIER_MAX + 1)])
    def test_a_multiplier_that_is_none_is_an_error(self, odd: str) -> None:
        for kind in ("option", "future"):
            with pytest.raises(BrokerUnreadable):
                one_position(instrument=instrument(kind=kind, multiplier=odd))

    def test_a_future_has_a_multiplier_too(self) -> None:
        found = one_position(instrument=instrument(kind="future", symbol="ESH6", multiplier="50"))
        assert found.value == Money(Decimal("210052.5"))

    def test_an_option_whose_symbol_is_none_keeps_its_text(self) -> None:
        odd = {"kind": "option", "symbol": "SPY weekly", "multiplier": "10"}
        asset = one_position(instrument=odd).asset
        assert (asset.kind, asset.symbol, asset.multiplier) == (AssetKind.OPTION, "SPY weekly", 10)
        assert asset.contract is None


class TestActivities:
    @pytest.mark.parametrize(
        ("kind", "meaning"),
        [
            ("SUBSTITUTE_DIVIDEND", ActivityKind.DIVIDEND),
            ("REI", ActivityKind.REINVESTMENT),
            ("WITHDRAWAL", ActivityKind.WITHDRAWAL),
            ("INTEREST", ActivityKind.INTEREST),
            ("FEE", ActivityKind.FEE),
            ("TAX", ActivityKind.TAX),
            ("OPTIONEXPIRATION", ActivityKind.EXPIRATION),
            ("OPTIONASSIGNMENT", ActivityKind.ASSIGNMENT),
            ("OPTIONEXERCISE", ActivityKind.EXERCISE),
            ("TRANSFER", ActivityKind.TRANSFER),
            ("SPLIT", ActivityKind.SPLIT),
            ("ADJUSTMENT", ActivityKind.ADJUSTMENT),
            ("SOMETHING_NEW", ActivityKind.OTHER),
        ],
    )
    def test_types(self, kind: str, meaning: ActivityKind) -> None:
        assert one_activity(type=kind).kind is meaning

    @pytest.mark.parametrize("units", ["2", "-2"])
    def test_what_is_sold_goes_out_whatever_sign_its_units_have(self, units: str) -> None:
        sold = one_activity(type="SELL", symbol=SPY, units=units)
        assert sold.quantity == Decimal(-2)
        opened = one_activity(
            type="SELL", option_symbol=PUT, option_type="SELL_TO_OPEN", units=units
        )
        assert opened.quantity == Decimal(-2)
        assert opened.effect is PositionEffect.OPENING

    def test_units_of_other_types_keep_their_sign(self) -> None:
        assert one_activity(type="OPTIONEXPIRATION", option_symbol=PUT, units=-1).quantity == -1

    def test_numbers_are_numbers_or_texts_and_a_mini_has_ten_shares(self) -> None:
        bought = one_activity(option_symbol={**PUT, "is_mini_option": True}, price="1.3", units=1)
        assert bought.price == Price(Decimal("1.3"))
        assert bought.asset is not None
        assert bought.asset.multiplier == 10

    def test_an_amount_that_is_missing_is_what_the_trade_makes(self) -> None:
        found = one_activity(symbol=SPY, units=3, price="10", amount=None, fee="0.5")
        assert found.cash == Money(Decimal("-30.5"))
        assert found.fees == Money(Decimal("-0.5"))

    def test_an_amount_that_cannot_be_known_is_an_error_and_one_that_is_none_is_zero(self) -> None:
        with pytest.raises(BrokerUnreadable):
            one_activity(type="DIVIDEND", amount=None, fee=None)
        with pytest.raises(BrokerUnreadable):
            one_activity(type="BUY", symbol=SPY, amount=None, price=None, units=1)
        assert one_activity(type="SPLIT", units=3, amount=None).cash == Money.zero()
        assert one_activity(type="STOCK_DIVIDEND", units=3, amount=None).cash == Money.zero()

    def test_a_day_is_the_written_one_and_midnight_is_no_moment(self) -> None:
        assert one_activity().day == date(2026, 3, 3)
        assert one_activity().at is None
        timed = one_activity(trade_date="2026-03-03T00:16:27+00:00")
        assert timed.day == date(2026, 3, 3), "the day that SnapTrade's own questions are about"
        assert timed.at == datetime(2026, 3, 3, 0, 16, 27, tzinfo=UTC)
        assert one_activity(trade_date="2026-03-03").day == date(2026, 3, 3)
        assert one_activity(trade_date=None).day == date(2026, 3, 4), "the settlement's"

    def test_money_of_a_coin_is_added_to_no_dollars(self) -> None:
        found = one_activity(currency={"code": "USDT"}, amount="5")
        assert found.cash == Money(Decimal(5), NO_CURRENCY)
        assert one_activity(currency=None, amount="5").cash == Money(Decimal(5))

    @pytest.mark.parametrize("text", ["lately", None])
    def test_a_line_without_a_day_is_an_error(self, text: str | None) -> None:
        with pytest.raises(BrokerUnreadable):
            one_activity(trade_date=text, settlement_date=None)


class TestOrders:
    def one(self, **changed: Any) -> Order:
        status, action = changed.pop("status", "EXECUTED"), changed.pop("action", "BUY")
        found: Any = PARSERS["orders"]([order("o", status, action, **changed)])
        return found[0]  # type: ignore[no-any-return]  # a parser returns object

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("PENDING", OrderStatus.PENDING),
            ("QUEUED", OrderStatus.PENDING),
            ("ACTIVATED", OrderStatus.WORKING),
            ("CANCEL_PENDING", OrderStatus.WORKING),
            ("PARTIAL", OrderStatus.PARTIALLY_FILLED),
            ("PARTIAL_CANCELED", OrderStatus.CANCELLED),
            ("FAILED", OrderStatus.REJECTED),
            ("REPLACED", OrderStatus.REPLACED),
            ("EXPIRED", OrderStatus.EXPIRED),
        ],
    )
    def test_states(self, word: str, status: OrderStatus) -> None:
        assert self.one(status=word).status is status

    def test_an_unknown_state_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable):
            self.one(status="PERHAPS")
        with pytest.raises(BrokerUnreadable):
            self.one(action="HOLD")

    @pytest.mark.parametrize(
        ("filled", "still_open", "cancelled", "status"),
        [
            ("2", "0", "0", OrderStatus.FILLED),
            ("1", "1", "0", OrderStatus.PARTIALLY_FILLED),
            ("0", "2", "0", OrderStatus.WORKING),
            ("0", "0", "2", OrderStatus.CANCELLED),
            (None, None, None, OrderStatus.PENDING),
        ],
    )
    def test_the_state_none_is_what_the_quantities_say(
        self, filled: str | None, still_open: str | None, cancelled: str | None, status: OrderStatus
    ) -> None:
        found = self.one(
            status="NONE",
            filled_quantity=filled,
            open_quantity=still_open,
            canceled_quantity=cancelled,
        )
        assert found.status is status

    def test_a_limit_to_sell_is_money_that_comes_in(self) -> None:
        assert self.one(action="SELL", limit_price="1.5").net_price == Price(Decimal("-1.5"))
        assert self.one(action="BUY", limit_price="1.5").net_price == Price(Decimal("1.5"))

    def test_an_order_without_a_side_is_left_out_and_one_without_a_symbol_is_an_error(
        self,
    ) -> None:
        assert PARSERS["orders"]([order("o", "EXECUTED", None)]) == []
        with pytest.raises(BrokerUnreadable):
            self.one(option_symbol=None)

    def test_the_second_form_has_legs_and_says_which_way_the_money_goes(self) -> None:
        legs = [
            {
                "instrument": {"symbol": "SPY   260918P00550000", "asset_type": "OPTION"},
                "action": "SELL_TO_OPEN",
                "total_quantity": "1",
                "filled_quantity": "1",
                "execution_price": "2.5",
            },
            {
                "instrument": {"symbol": "SPY", "asset_type": "EQUITY"},
                "action": "BUY",
                "total_quantity": "100",
                "filled_quantity": None,
            },
        ]
        row = order(
            "o", "PARTIALLY_EXECUTED", None, legs=legs, limit_price="1", price_effect="CREDIT"
        )
        found: Any = PARSERS["orders"]({"orders": [row]})
        assert [leg.quantity for leg in found[0].legs] == [Decimal(-1), Decimal(100)]
        assert found[0].legs[0].effect is PositionEffect.OPENING
        assert found[0].net_price == Price(Decimal(-1))


@pytest.mark.recorded
class TestRecorded:
    """Every payload file that is a payload of reading, signing in or being refused."""

    def test_accounts(self) -> None:
        found: Any = PARSERS["accounts"](told("accounts.json"))
        assert found[0].stable_key == "Robinhood|54953432"
        assert found[0].number == "…8443"
        account = read_rows(wire.Account, told("accounts.json"), "SnapTrade")[0]
        assert not translate.is_synced(account), "its holdings are unavailable"
        assert translate.has_history(account)

    def test_balances(self) -> None:
        assert PARSERS["balances"](told("balances.json")) == [
            Balance(
                currency="USD",
                cash=Money(Decimal("300.71")),
                buying_power=Money(Decimal("410.71")),
            )
        ]

    def test_positions(self) -> None:
        found: Any = PARSERS["positions"](told("positions_all.json"))
        assert [(each.asset.symbol, each.cost) for each in found] == [
            ("AAPL", Money(Decimal("1241.1")))
        ]

    def test_deprecated_holdings_have_option_costs_of_whole_contracts(self) -> None:
        payload = told("holdings_deprecated.json")
        found: Any = PARSERS["positions"](payload)
        stock, option = found
        assert stock.cost == Money(Decimal("4333.412"))
        assert option.asset.contract is not None
        assert option.quantity == Decimal(-50)
        assert option.cost == Money(Decimal(-206300))
        assert option.value == Money(Decimal(-192000))
        balances: Any = PARSERS["balances"](payload)
        assert balances[0].net_liquidation == Money(Decimal("15363.23"))
        assert PARSERS["orders"](payload) == []

    def test_activities(self) -> None:
        found: Any = PARSERS["transactions"](told("activities.json"))
        assert found[0].cash == Money(Decimal("263.82"))
        assert found[0].asset.key == "option|AAPL261218C00240000|USD"
        assert found[0].quantity == Decimal("5.2")
        assert found[0].at == datetime(2024, 3, 22, 16, 27, 55, tzinfo=UTC)

    @pytest.mark.parametrize("name", ["orders.json", "orders_v2.json", "option_order.json"])
    def test_orders_whose_side_is_null_are_left_out_and_read_once_it_is_there(
        self, name: str
    ) -> None:
        payload = told(name)
        assert PARSERS["orders"](payload) == []
        rows = payload if isinstance(payload, list) else payload["orders"]
        for row in rows:
            for part in row.get("legs") or [row]:
                part["action"] = "BUY"
        found: Any = PARSERS["orders"](payload)
        assert len(found) == 1
        assert found[0].legs[0].filled > 0

    def test_what_comes_with_signing_in(self) -> None:
        user = read(wire.Registered, told("register_user.json"), "SnapTrade")
        assert user.user_id == "snaptrade-user-123"
        assert (
            "redeemToken" in read(wire.Login, told("login_redirect.json"), "SnapTrade").redirect_uri
        )
        connection = read_rows(wire.Connection, told("connections.json"), "SnapTrade")[0]
        assert not connection.disabled
        reached = translate.brokerages(
            read_rows(wire.Brokerage, told("brokerages.json"), "SnapTrade")
        )
        assert (reached[0].name, reached[0].available) == ("ROBINHOOD", False)

    @pytest.mark.parametrize(
        "name", ["quotes.json", "option_impact.json", "trade_impact.json", "error_429.json"]
    )
    @pytest.mark.parametrize("kind", sorted(PARSERS))
    def test_payloads_of_trading_and_of_errors_are_none_of_reading(
        self, name: str, kind: str
    ) -> None:
        """They decode exactly, and no parser takes one of them for nothing."""
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind](told(name))
