"""What Interactive Brokers says, and what becomes of it: signs, units, moments, words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.adapters.brokers.ibkr.worlds import (
    CALL,
    SHARE,
    info,
    option,
    option_info,
    order,
    position,
    trade,
)
from tests.fakes.brokers.ibkr import account_row, amount, ledger_row

from optix.adapters.brokers.exact import load_exact
from optix.adapters.brokers.ibkr import assets, parsers, translate, wire, words
from optix.adapters.brokers.ibkr.parsers import PARSERS
from optix.kernel.activity import ActivityKind
from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import OrderStatus
from optix.ports.broker import BrokerUnreadable

MOMENT = datetime(2026, 3, 3, 20, 59, 59, tzinfo=UTC)


def exactly(payload: Any) -> Any:
    """Return a payload as it comes over the wire, without a float."""
    return load_exact(json.dumps(payload).encode())


def held(*rows: dict[str, Any]) -> list[Position]:
    found: list[Position] = PARSERS["positions"](exactly(list(rows)))  # type: ignore[assignment]  # its kind
    return found


def activities(*rows: dict[str, Any]) -> Any:
    return PARSERS["transactions"](exactly(list(rows)))


def orders(*rows: dict[str, Any], **more: Any) -> Any:
    return PARSERS["orders"](exactly({"orders": list(rows), **more}))


class TestAccounts:
    @pytest.mark.parametrize(
        ("changed", "simulated"),
        [({}, False), ({"type": "DEMO"}, True), ({"id": "DU123456"}, True)],
    )
    def test_paper_accounts_are_told_by_type_or_number(
        self, changed: dict[str, Any], simulated: bool
    ) -> None:
        (found,) = parsers.parse_accounts([account_row(**changed)])
        assert found.simulated is simulated

    def test_an_alias_names_an_account_and_its_number_does_not(self) -> None:
        (named,) = parsers.parse_accounts([account_row(accountAlias="Retirement")])
        assert named.name == "Retirement"
        (plain,) = parsers.parse_accounts([account_row("U99", displayName="U99")])
        assert (plain.name, plain.number, plain.kind) == ("Interactive Brokers", "…U99", "pmrgn")


class TestPositions:
    def test_the_cost_of_an_option_has_the_multiplier_in_it_already(self) -> None:
        (found,) = held(option(-2))
        assert found.asset.symbol == "SPY260320C00640000"
        assert found.asset.multiplier == 100
        assert found.quantity == Decimal(-2)
        assert found.cost == Money(Decimal("-2402.08"))
        assert found.value == Money(Decimal(-1900))
        assert found.price == Price(Decimal("9.5"))

    @pytest.mark.parametrize("multiplier", [100.0, None, 0.0, "100", ""])
    def test_the_brackets_say_the_multiplier_of_an_option(self, multiplier: Any) -> None:
        (found,) = held({**option(1), "multiplier": multiplier})
        assert found.asset.multiplier == 100

    def test_an_adjusted_contract_has_its_own_spelling_and_multiplier(self) -> None:
        described = "SPY1   MAR2026 640 C [SPY1  260320C00640000 105]"
        (found,) = held({**option(1), "contractDesc": described})
        assert (found.asset.symbol, found.asset.multiplier) == ("SPY1260320C00640000", 105)

    @pytest.mark.parametrize("strike", ["640", 640.0, "640.0"])
    def test_without_brackets_the_terms_say_it(self, strike: Any) -> None:
        (found,) = held({**option(1), "contractDesc": "SPY MAR2026 640 C", "strike": strike})
        assert found.asset.symbol == "SPY260320C00640000"

    @pytest.mark.parametrize(
        "changed", [{"expiry": "2026-03"}, {"expiry": None}, {"putOrCall": "X"}, {"strike": 0.0}]
    )
    def test_terms_that_are_none_leave_the_vendors_text(self, changed: dict[str, Any]) -> None:
        (found,) = held({**option(1), "contractDesc": "SPY [x 100]", **changed})
        assert (found.asset.contract, found.asset.symbol) == (None, "SPY [x 100]")
        assert found.asset.multiplier == 100

    @pytest.mark.parametrize(("multiplier", "strike"), [(0.0, "0"), (None, 0.0), (100.0, "0")])
    def test_a_share_stands_for_itself_whatever_its_multiplier_says(
        self, multiplier: Any, strike: Any
    ) -> None:
        (found,) = held(position(SHARE, 12.5, multiplier=multiplier, strike=strike))
        assert found.asset == Asset(
            kind=AssetKind.STOCK, symbol="IBM", name="INTL BUSINESS MACHINES CORP"
        )
        assert found.quantity == Decimal("12.5"), "parts of shares are shares"
        assert found.cost == Money(Decimal("1805.767625"))

    def test_a_fund_that_trades_is_told_by_its_type(self) -> None:
        (found,) = held(position(1, 1.0, type="ETF", ticker="NEWETF"))
        assert found.asset.kind is AssetKind.ETF

    def test_a_class_of_shares_has_our_spelling(self) -> None:
        (found,) = held(position(1, 1.0, ticker="BRK B"))
        assert found.asset.symbol == "BRK.B"

    def test_what_was_closed_today_is_not_held(self) -> None:
        assert held(position(SHARE, 0.0)) == []

    def test_models_of_one_contract_are_added_up(self) -> None:
        rows = [position(SHARE, 3.0, model=""), position(SHARE, -1.0, model="Growth")]
        (found,) = held(*rows)
        assert (found.quantity, found.value) == (Decimal(2), Money(Decimal(371)))
        assert held(position(SHARE, 1.0, model="a"), position(SHARE, -1.0, model="b")) == []

    def test_a_part_without_a_value_leaves_the_sum_unsaid(self) -> None:
        (found,) = held(position(SHARE, 3.0), position(SHARE, 1.0, model="a", mktValue=None))
        assert found.value is None
        assert found.cost is not None

    def test_currencies_are_in_the_ledger_and_not_beside_it(self) -> None:
        assert held(position(12087792, 500.0, assetClass="CASH", ticker="EUR")) == []

    @pytest.mark.parametrize(
        ("word", "kind", "units"),
        [
            ("FUT", AssetKind.FUTURE, 50),
            ("FOP", AssetKind.FUTURE_OPTION, 50),
            ("CRYPTO", AssetKind.CRYPTO, 1),
            ("BOND", AssetKind.BOND, 1),
            ("FUND", AssetKind.FUND, 1),
            ("WAR", AssetKind.OTHER, 50),
            ("CFD", AssetKind.OTHER, 50),
        ],
    )
    def test_other_kinds_are_known(self, word: str, kind: AssetKind, units: int) -> None:
        (found,) = held(
            position(1, 1.0, assetClass=word, ticker="ES", multiplier="50", expiry="20260320")
        )
        assert (found.asset.kind, found.asset.multiplier) == (kind, units)

    def test_an_unknown_word_is_told_once(self) -> None:
        with capture_logs() as logs:
            for _ in range(3):
                (found,) = held(position(1, 1.0, assetClass="MOONROCK"))
        assert found.asset.kind is AssetKind.OTHER
        assert [each["word"] for each in logs] == ["MOONROCK"]

    def test_a_number_of_a_contract_may_be_a_text(self) -> None:
        (found,) = parsers.positions_of(exactly([position(SHARE, 1) | {"conid": "8314"}]))
        assert found.conid == SHARE

    def test_foreign_currencies_stay_their_own(self) -> None:
        (found,) = held(position(1, 10.0, currency="EUR", ticker="SAP"))
        assert found.value == Money(Decimal(1855), "EUR")


class TestBalances:
    def test_base_is_not_added_to_the_currencies(self) -> None:
        ledger = {name: ledger_row(name, cash) for name, cash in (("USD", 5.5), ("BASE", 105.5))}
        ledger["EUR"] = ledger_row("EUR", 100.0)
        found = parsers.parse_balances(exactly(ledger))
        assert [(each.currency, each.cash) for each in found] == [
            ("USD", Money(Decimal("5.5"))),
            ("EUR", Money(Decimal(100), "EUR")),
        ]
        assert found[0].net_liquidation == Money(Decimal(11))

    def test_limits_of_a_base_currency_without_cash_have_a_line_of_their_own(self) -> None:
        ledger = parsers.ledger_of(exactly({"USD": ledger_row("USD", 1.0)}))
        summary = parsers.summary_of(
            exactly(
                {
                    "netliquidation": amount(10.0, "CHF"),
                    "buyingpower": amount(4.0, "CHF"),
                    "availablefunds": amount(1.0, "USD"),
                }
            )
        )
        found = {each.currency: each for each in translate.balances(ledger, summary, "CHF")}
        assert found["CHF"].buying_power == Money(Decimal(4), "CHF")
        assert found["CHF"].option_buying_power is None, "it is of another currency"
        assert found["USD"].buying_power is None

    def test_a_null_is_said_beside_a_number_that_means_nothing(self) -> None:
        ledger = parsers.ledger_of(exactly({"USD": ledger_row("USD", 1.0)}))
        summary = parsers.summary_of(
            exactly(
                {
                    "netliquidation": amount(0.0, None, is_null=True),
                    "buyingpower": amount(0.0, "USD", is_null=True),
                }
            )
        )
        (found,) = translate.balances(ledger, summary, "USD")
        assert found.buying_power is None

    @pytest.mark.parametrize("payload", [{}, {"usd": ledger_row("usd", 1.0)}, [], {"USD": {}}])
    def test_no_balance_at_all_is_unreadable(self, payload: Any) -> None:
        with pytest.raises(BrokerUnreadable):
            parsers.parse_balances(exactly(payload))


class TestTrades:
    @pytest.mark.parametrize(
        ("side", "sign"), [("B", 1), ("BOT", 1), ("S", -1), ("SLD", -1), ("BUY", 1), ("sell", -1)]
    )
    def test_sides_have_many_words_and_amounts_no_sign(self, side: str, sign: int) -> None:
        (found,) = activities(trade(1, MOMENT, side=side))
        assert found.quantity == Decimal(5 * sign)
        assert found.cash == Money(-sign * Decimal("961.3") - Decimal("1.01"))
        assert found.fees == Money(Decimal("-1.01"))
        assert (found.kind, found.price) == (ActivityKind.TRADE, Price(Decimal("192.26")))

    def test_an_unknown_side_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="sides"):
            activities(trade(1, MOMENT, side="X"))

    def test_a_price_may_be_a_number_and_a_commission_missing(self) -> None:
        row = trade(1, MOMENT, price=192.26)
        del row["commission"], row["net_amount"]
        (found,) = activities(row)
        assert found.cash == Money(Decimal("-961.30"))
        assert found.fees is None

    def test_without_an_amount_the_multiplier_counts(self) -> None:
        contract = parsers.parse_contract(option_info())
        row = trade(1, MOMENT, conid=CALL, side="S", size=2.0, price="9.50", net_amount=None)
        (found,) = translate.trades(parsers.trades_of(exactly([row])), {CALL: contract}, "U1234567")
        assert found.cash == Money(Decimal("1898.99"))

    def test_the_moment_is_utc_in_both_spellings(self) -> None:
        (with_millis,) = activities(trade(1, MOMENT))
        (with_text,) = activities(trade(1, MOMENT, trade_time_r=None))
        assert with_millis.at == with_text.at == MOMENT
        late = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
        (found,) = activities(trade(1, late))
        assert found.day == date(2026, 3, 3), "of New York"

    @pytest.mark.parametrize(
        "changed",
        [
            {"trade_time_r": None, "trade_time": ""},
            {"trade_time_r": 0, "trade_time": "yesterday"},
            {"trade_time_r": 10**18},
            {"trade_time_r": -(10**13)},
        ],
    )
    def test_a_trade_without_a_moment_is_an_error(self, changed: dict[str, Any]) -> None:
        with pytest.raises(BrokerUnreadable):
            activities(trade(1, MOMENT, **changed))

    def test_each_execution_is_told_once_and_twins_are_two(self) -> None:
        assert len(activities(trade(1, MOMENT), trade(1, MOMENT), trade(2, MOMENT))) == 2

    def test_a_combination_is_told_by_its_legs(self) -> None:
        whole = trade(1, MOMENT, sec_type="BAG", conid=1)
        legs = [trade(2, MOMENT, sec_type="OPT"), trade(3, MOMENT, sec_type="OPT", side="S")]
        assert [each.id for each in activities(whole, *legs)] == [
            each["execution_id"] for each in legs
        ]
        other = trade(4, datetime(2026, 3, 3, 15, 0, tzinfo=UTC), sec_type="OPT")
        assert len(activities(whole, other)) == 2, "no cash is lost where the legs are not told"

    def test_another_accounts_are_left_out(self) -> None:
        rows = parsers.trades_of(exactly([trade(1, MOMENT), trade(2, MOMENT, account="U2")]))
        assert len(translate.trades(rows, {}, "U1234567")) == 1


class TestContracts:
    def test_the_local_symbol_says_the_class_and_not_the_underlying(self) -> None:
        assert parsers.parse_contract(option_info()).symbol == "SPXW260320C06400000"
        bare = parsers.parse_contract(option_info(local_symbol=None))
        assert bare.symbol == "SPXW260320C06400000", "by its terms"
        (contract,) = [parsers.parse_contract(option_info(local_symbol="", right="PUT"))]
        assert contract.symbol == "SPXW260320P06400000"

    def test_one_that_has_no_spelling_keeps_the_vendors(self) -> None:
        told = option_info(local_symbol="ODD", maturity_date=None)
        assert parsers.parse_contract(told).symbol == "ODD"

    def test_futures_and_currencies_have_local_symbols_too(self) -> None:
        future = info(1, instrument_type="FUT", symbol="ES", local_symbol="ESH6", multiplier="50")
        found = parsers.parse_contract(future)
        assert (found.symbol, found.multiplier) == ("ESH6", 50)
        pair = info(1, instrument_type="CASH", symbol="AUD", local_symbol="AUD.CAD", currency="CAD")
        assert parsers.parse_contract(pair).symbol == "AUD.CAD"
        assert parsers.parse_contract(pair).currency == "CAD"

    def test_a_row_without_words_is_its_number(self) -> None:
        assert assets.of_words(5, "", "").symbol == "5"
        assert assets.of_words(5, "STK", "IBM").kind is AssetKind.STOCK


class TestOrders:
    @pytest.mark.parametrize(
        ("word", "filled", "status"),
        [
            ("PendingSubmit", 0, OrderStatus.PENDING),
            ("PreSubmitted", 0, OrderStatus.PENDING),
            ("Inactive", 0, OrderStatus.PENDING),
            ("Submitted", 0, OrderStatus.WORKING),
            ("Submitted", 2, OrderStatus.PARTIALLY_FILLED),
            ("PendingCancel", 0, OrderStatus.WORKING),
            ("Filled", 5, OrderStatus.FILLED),
            ("Cancelled", 2, OrderStatus.CANCELLED),
        ],
    )
    def test_states(self, word: str, filled: int, status: OrderStatus) -> None:
        (found,) = orders(order(1, status=word, filledQuantity=float(filled), avgPrice="179.5"))
        assert found.status is status
        assert found.legs[0].filled == Decimal(filled)
        assert bool(found.legs[0].fills) == bool(filled)

    def test_an_unknown_state_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="states"):
            orders(order(1, status="Dreaming"))

    def test_a_price_of_nothing_is_none(self) -> None:
        (found,) = orders(order(1, price="", orderType="Market"))
        assert (found.net_price, found.kind) == (None, "market")
        (limited,) = orders(order(1))
        assert limited.net_price == Price(Decimal(180))

    def test_times_are_utc_in_both_spellings(self) -> None:
        (with_millis,) = orders(order(1))
        (with_text,) = orders(order(1, lastExecutionTime_r=None))
        moment = datetime(2026, 3, 4, 14, 30, tzinfo=UTC)
        assert with_millis.updated_at == with_text.updated_at == moment
        (without,) = orders(order(1, lastExecutionTime_r=None, lastExecutionTime=None))
        assert without.updated_at is None
        assert translate.is_of_day(without, date(2026, 3, 4))

    def test_an_order_of_an_amount_of_money_has_the_size_that_is_filled(self) -> None:
        (found,) = orders(order(1, totalSize=None, filledQuantity=0.25, avgPrice="180"))
        assert found.legs[0].quantity == found.legs[0].filled == Decimal("0.25")

    def test_a_sale_is_negative(self) -> None:
        (found,) = orders(order(1, side="SELL", filledQuantity=5.0, avgPrice="181.00"))
        leg = found.legs[0]
        assert leg.quantity == leg.filled == leg.fills[0].quantity == Decimal(-5)

    def test_a_combination_that_is_sold_turns_its_legs_and_its_price(self) -> None:
        (found,) = orders(
            order(1, side="SELL", conidex="28812380;;;11/1,12@SMART/-2", price="1.5", totalSize=1.0)
        )
        assert [leg.quantity for leg in found.legs] == [Decimal(-1), Decimal(2)]
        assert found.net_price == Price(Decimal("-1.5"))

    @pytest.mark.parametrize(
        "described", ["", "11", "11/x", "11/0", "0/1", "11/99999", "11/1,", f"{2**63}/1"]
    )
    def test_a_combination_that_cannot_be_read_is_an_error(self, described: str) -> None:
        with pytest.raises(BrokerUnreadable, match="combination"):
            orders(order(1, conidex=f"28812380;;;{described}"))

    def test_ratios_have_a_bound(self) -> None:
        (found,) = orders(order(1, conidex=f"1;;;11/{translate.RATIO_MAX}"))
        assert found.legs[0].quantity == 5 * translate.RATIO_MAX


class TestPortfolioAnalyst:
    def pa(self, **changed: Any) -> Any:
        row = {
            "date": "Mon Dec 11 00:00:00 EST 2023",
            "cur": "USD",
            "fxRate": 1,
            "pr": 192.26,
            "qty": -5,
            "acctid": "U1234567",
            "amt": 961.3,
            "conid": 265598,
            "type": "Sell",
            "desc": "Apple Inc",
            **changed,
        }
        (found,) = parsers.parse_transactions(exactly({"transactions": [row]}))
        return found

    def test_days_are_written_in_words_or_in_digits(self) -> None:
        assert self.pa().day == date(2023, 12, 11)
        assert self.pa(rawDate="20231212").day == date(2023, 12, 12)
        assert self.pa(date="Tue Mar 31 00:00:00 EDT 2026").day == date(2026, 3, 31)

    @pytest.mark.parametrize(
        "changed",
        [
            {"date": ""},
            {"date": "Mon Foo 11 00:00:00 EST 2023"},
            {"rawDate": "2023"},
            {"date": "Mon Feb 31 00:00:00 EST 2023"},
        ],
    )
    def test_a_day_that_is_none_is_an_error(self, changed: dict[str, Any]) -> None:
        with pytest.raises(BrokerUnreadable):
            self.pa(**changed)

    def test_signs_are_as_they_are(self) -> None:
        sold = self.pa()
        assert (sold.quantity, sold.cash) == (Decimal(-5), Money(Decimal("961.3")))
        paid = self.pa(type="Dividend", qty=0, pr=None, amt="3.25")
        assert (paid.kind, paid.quantity, paid.cash) == (
            ActivityKind.DIVIDEND,
            None,
            Money(Decimal("3.25")),
        )

    def test_an_unknown_word_is_other(self) -> None:
        assert self.pa(type="Moon dust").kind is ActivityKind.OTHER


def test_words_know_both_spellings_of_what_was_cancelled() -> None:
    for word in ("Cancelled", "canceled", "ApiCancelled"):
        assert words.STATES.get(word) is OrderStatus.CANCELLED


def test_a_number_of_a_contract_has_a_bound() -> None:
    row = trade(1, MOMENT, conid=wire.CONID_MAX, symbol="", contract_description_1="")
    assert activities(row)[0].asset.symbol == str(wire.CONID_MAX)
    for wrong in (0, -1, wire.CONID_MAX + 1, "9" * 20, 1.5, True):
        with pytest.raises(BrokerUnreadable):
            activities(trade(1, MOMENT, conid=wrong))
