"""What Schwab's answers mean: signs, prices per share, sweeps, adjusted contracts, words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog.testing

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.schwab import PARSERS, wire
from optix.adapters.brokers.schwab.assets import asset_of
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.holding import AssetKind, Balance, Deliverable, Position
from optix.kernel.money import Money, Price, total
from optix.kernel.order import Order
from optix.ports.broker import AccountStatus, BrokerUnreadable


def parsed(kind: str, payload: object) -> Any:
    return PARSERS[kind](payload)


def instrument(kind: str, symbol: str = "A", **changed: Any) -> wire.Instrument:
    return read(wire.Instrument, {"assetType": kind, "symbol": symbol, **changed}, "it")


def account(kind: str = "MARGIN", **changed: Any) -> dict[str, Any]:
    return {
        "securitiesAccount": {
            "type": kind,
            "accountNumber": "12345678",
            "currentBalances": {},
            **changed,
        }
    }


def held(kind: str, symbol: str, long: str = "1", short: str = "0", **changed: Any) -> Any:
    of = {"assetType": kind, "symbol": symbol, **changed.pop("of", {})}
    return {"longQuantity": long, "shortQuantity": short, "instrument": of, **changed}


def positions(*rows: Any) -> list[Position]:
    found: list[Position] = parsed("positions", account(positions=list(rows)))
    return found


def balance(kind: str, told: Any, *rows: Any, **beside: Any) -> Balance:
    document = {**account(kind, currentBalances=told, positions=list(rows)), **beside}
    found: list[Balance] = parsed("balances", document)
    return found[0]


def line(**changed: Any) -> Activity:
    told = {
        "activityId": 1,
        "time": "2026-03-02T15:00:00+0000",
        "type": "TRADE",
        "netAmount": 0,
        **changed,
    }
    found: list[Activity] = parsed("transactions", told)
    assert len(found) == 1
    return found[0]


def orders(*rows: Any) -> list[Order]:
    found: list[Order] = parsed("orders", list(rows))
    return found


def order(**changed: Any) -> dict[str, Any]:
    leg = {
        "legId": 1,
        "instrument": {"assetType": "EQUITY", "symbol": "A"},
        "instruction": "BUY",
        "quantity": 3,
    }
    return {"orderId": 7, "status": "WORKING", "orderLegCollection": [leg], **changed}


class TestPositions:
    def test_two_quantities_without_signs_make_one_with_it(self) -> None:
        long, short = positions(
            held("EQUITY", "A", long="2.5"), held("EQUITY", "B", long="0", short="3")
        )
        assert [long.quantity, short.quantity, short.size] == [Decimal("2.5"), -3, 3]

    def test_the_negative_settled_quantity_changes_nothing(self) -> None:
        (short,) = positions(held("EQUITY", "A", "0", "1", settledShortQuantity=-1.0))
        assert short.quantity == -1

    @pytest.mark.parametrize("missing", ["longQuantity", "shortQuantity"])
    def test_a_quantity_that_is_missing_is_an_error(self, missing: str) -> None:
        row = held("EQUITY", "A")
        del row[missing]
        with pytest.raises(BrokerUnreadable, match=missing):
            positions(row)

    def test_a_negative_quantity_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="shortQuantity"):
            positions(held("EQUITY", "A", "0", "-1"))

    def test_what_was_closed_today_is_not_held(self) -> None:
        assert positions(held("EQUITY", "A", "0", "0")) == []

    def test_an_average_price_is_per_share_and_has_fees_in_it(self) -> None:
        option = held("OPTION", "META  250131P00510000", averagePrice=Decimal("1.7466"))
        short = held("OPTION", "META  250131P00525000", "0", "2", averagePrice=Decimal("2.7733"))
        share = held("EQUITY", "A", "2.5", averagePrice=Decimal("10.10"))
        found = positions(option, short, share)
        assert [each.cost for each in found] == [
            Money(Decimal("174.66")),
            Money(Decimal("-554.66")),
            Money(Decimal("25.25")),
        ]
        assert all(each.cost_has_fees for each in found)

    def test_a_bonds_cost_is_not_its_price_times_its_face(self) -> None:
        row = held("FIXED_INCOME", "912828ZT0", "10000", averagePrice=Decimal("98.5"))
        (bare,) = positions(row)
        (told,) = positions({**row, "marketValue": 9900, "longOpenProfitLoss": 50})
        assert bare.cost is None
        assert told.cost == Money(Decimal(9850))
        assert told.asset.kind is AssetKind.BOND

    def test_scientific_notation_is_a_number_like_others(self) -> None:
        document = load_exact(
            json.dumps(account(positions=[held("EQUITY", "A", "1")]))
            .replace('"longQuantity": "1"', '"longQuantity": 6.6691E-4')
            .encode()
        )
        (found,) = parsed("positions", document)
        assert found.quantity == Decimal("0.00066691")


class TestCash:
    def test_a_sweep_is_cash_and_no_position(self) -> None:
        sweep = held("CASH_EQUIVALENT", "MMDA1", "500", of={"type": "SWEEP_VEHICLE"})
        assert positions(sweep) == []
        assert balance("MARGIN", {"cashBalance": 500}, sweep).cash == Money(Decimal(500))

    def test_a_money_market_fund_that_is_listed_is_not_counted_twice(self) -> None:
        fund = held("CASH_EQUIVALENT", "SWVXX", "300", marketValue=300)
        (found,) = positions(fund)
        assert (found.asset.kind, found.value) == (
            AssetKind.CASH_EQUIVALENT,
            Money(Decimal(300)),
        )
        told = {"cashBalance": 500, "moneyMarketFund": 300}
        assert balance("MARGIN", told, fund).cash == Money(Decimal(500))
        assert balance("MARGIN", told).cash == Money(Decimal(800)), "one that is not is cash"
        assert balance("MARGIN", {"cashBalance": 500}, fund).cash == Money(Decimal(500))

    def test_a_cash_account_has_other_words_for_its_money(self) -> None:
        told = {
            "totalCash": 1000,
            "unsettledCash": 250,
            "cashAvailableForTrading": 900,
            "cashAvailableForWithdrawal": 750,
        }
        found = balance("CASH", told, aggregatedBalance={"liquidationValue": 5000})
        assert found == Balance(
            currency="USD",
            cash=Money(Decimal(1000)),
            settled_cash=Money(Decimal(750)),
            buying_power=Money(Decimal(900)),
            option_buying_power=Money(Decimal(900)),
            withdrawable=Money(Decimal(750)),
            net_liquidation=Money(Decimal(5000)),
        )
        assert balance("CASH", {"cashBalance": 10}).cash == Money(Decimal(10))
        assert balance("CASH", {"cashBalance": 10}).settled_cash is None

    def test_the_worth_is_the_current_one(self) -> None:
        told = {"liquidationValue": 7, "optionBuyingPower": 3}
        found = balance(
            "MARGIN",
            told,
            aggregatedBalance={"liquidationValue": 8},
            initialBalances={"accountValue": 9},
        )
        assert found.net_liquidation == Money(Decimal(7))
        assert found.option_buying_power == Money(Decimal(3))
        assert found.cash is None, "what is not said is not zero"


class TestAssets:
    @pytest.mark.parametrize(
        ("told", "kind", "symbol"),
        [
            (instrument("EQUITY", "BRK/B"), AssetKind.STOCK, "BRK.B"),
            (instrument("EQUITY", "SPY"), AssetKind.ETF, "SPY"),
            (instrument("COLLECTIVE_INVESTMENT", "ABCD"), AssetKind.ETF, "ABCD"),
            (
                instrument("COLLECTIVE_INVESTMENT", "ABCD", type="CLOSED_END_FUND"),
                AssetKind.FUND,
                "ABCD",
            ),
            (instrument("MUTUAL_FUND", "SWPPX"), AssetKind.FUND, "SWPPX"),
            (instrument("INDEX", "$SPX"), AssetKind.OTHER, "SPX"),
            (instrument("FIXED_INCOME", "912828ZT0"), AssetKind.BOND, "912828ZT0"),
            (instrument("CURRENCY", "CURRENCY_USD"), AssetKind.CURRENCY, "CURRENCY_USD"),
            (instrument("EQUITY", "", cusip="G1234"), AssetKind.STOCK, "G1234"),
        ],
    )
    def test_kinds_and_symbols(self, told: wire.Instrument, kind: AssetKind, symbol: str) -> None:
        found = asset_of(told)
        assert (found.kind, found.symbol, found.multiplier) == (kind, symbol, 1)

    def test_an_option_is_what_its_padded_symbol_says(self) -> None:
        found = asset_of(instrument("OPTION", "SPXW  250131C06210000", cusip="0SPXW.AV56210000"))
        assert found.contract is not None
        assert (found.symbol, found.contract.root) == ("SPXW250131C06210000", "SPXW")
        assert found.multiplier == 100
        assert found.cusip == "", "it is made up"

    def test_an_index_is_a_usual_deliverable(self) -> None:
        told = [{"symbol": "$SPX", "deliverableUnits": 100.0}]
        option = load_exact(json.dumps({"d": told}).encode())["d"]
        found = asset_of(instrument("OPTION", "SPXW  250131C06210000", optionDeliverables=option))
        assert found.deliverables == ()

    def test_an_option_on_a_future_keeps_its_own_text_and_multiplier(self) -> None:
        found = asset_of(instrument("OPTION", "/ESH25_P5050:XCME", optionPremiumMultiplier=50))
        assert found.kind is AssetKind.FUTURE_OPTION
        assert (found.symbol, found.multiplier) == ("/ESH25_P5050:XCME", 50)
        assert found.contract is None

    def test_an_adjusted_contract_says_what_it_delivers(self) -> None:
        told = [
            {"symbol": "AAPL", "assetType": "EQUITY", "deliverableUnits": 150},
            {"symbol": "CURRENCY_USD", "assetType": "CURRENCY", "deliverableUnits": "12.5"},
        ]
        found = asset_of(instrument("OPTION", "AAPL1 250117C00175000", optionDeliverables=told))
        assert found.symbol == "AAPL1250117C00175000"
        assert found.multiplier == 100
        assert found.deliverables == (
            Deliverable("AAPL", Decimal(150)),
            Deliverable("", Decimal("12.5")),
        )

    def test_an_adjusted_root_with_usual_units_still_says_so(self) -> None:
        told = [{"rootSymbol": "XYZ", "deliverableUnits": 100}]
        found = asset_of(instrument("OPTION", "ABC1  250117C00175000", optionDeliverables=told))
        assert found.deliverables == (Deliverable("XYZ", Decimal(100)),)

    def test_a_mini_counts_ten_times(self) -> None:
        told = [{"symbol": "AAPL", "deliverableUnits": 10}]
        found = asset_of(instrument("OPTION", "AAPL7 250117C00175000", optionDeliverables=told))
        assert found.multiplier == 10

    def test_a_stated_multiplier_counts_more(self) -> None:
        told = [{"symbol": "AAPL", "deliverableUnits": 10}]
        of = {"optionMultiplier": 100, "optionDeliverables": told}
        found = asset_of(instrument("OPTION", "AAPL7 250117C00175000", **of))
        assert found.multiplier == 100

    @pytest.mark.parametrize("odd", ["0.5", -100])
    def test_a_multiplier_that_is_none_is_an_error(self, odd: object) -> None:
        with pytest.raises(BrokerUnreadable, match="optionMultiplier"):
            instrument("OPTION", "META  250131P00510000", optionMultiplier=odd)
        silent = instrument("OPTION", "META  250131P00510000", optionMultiplier=0)
        assert asset_of(silent).multiplier == 100

    def test_an_unreadable_option_is_an_option_all_the_same(self) -> None:
        found = asset_of(instrument("OPTION", "A FLEX THING"))
        assert (found.kind, found.symbol) == (AssetKind.OPTION, "A FLEX THING")
        assert found.contract is None

    def test_an_unknown_kind_is_other_and_told_once(self) -> None:
        with structlog.testing.capture_logs() as told:
            kinds = [asset_of(instrument("HOLOGRAM")).kind for _ in range(2)]
        assert kinds == [AssetKind.OTHER] * 2
        assert [each["word"] for each in told] == ["HOLOGRAM"]


class TestTransactions:
    def test_fee_lines_are_fees_and_the_other_is_the_trade(self) -> None:
        cash = {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"}
        found = line(
            orderId=1002581898359,
            positionId=5,
            netAmount="219.33",
            transferItems=[
                {"instrument": cash, "amount": "0.65", "cost": "-0.65", "feeType": "COMMISSION"},
                {"instrument": cash, "amount": 0, "cost": 0},
                {"instrument": cash, "amount": "0.02", "cost": "-0.02"},
                {
                    "instrument": {"assetType": "OPTION", "symbol": "MRVL  250321P00090000"},
                    "amount": -1,
                    "cost": 220,
                    "price": "2.2",
                    "positionEffect": "OPENING",
                },
            ],
        )
        assert found.cash == Money(Decimal("219.33"))
        assert found.fees == Money(Decimal("-0.67"))
        assert found.quantity == -1
        assert found.price == Price(Decimal("2.2"))
        assert found.effect is PositionEffect.OPENING
        assert found.order_id == "1002581898359"

    def test_a_rebate_is_no_fee(self) -> None:
        cash = {"assetType": "CURRENCY", "symbol": "CURRENCY_USD"}
        found = line(transferItems=[{"instrument": cash, "amount": 1, "cost": 1}])
        assert found.fees == Money.zero()

    @pytest.mark.parametrize("number", ["1002", 1002])
    def test_an_order_is_named_by_a_number_or_a_text(self, number: object) -> None:
        assert line(orderId=number).order_id == "1002"
        assert line(orderId=0).order_id == ""
        assert line().order_id == ""

    def test_automatic_is_neither_opening_nor_closing(self) -> None:
        of = {"assetType": "EQUITY", "symbol": "A"}
        item = {"instrument": of, "amount": 1, "positionEffect": "AUTOMATIC"}
        assert line(transferItems=[item]).effect is None

    @pytest.mark.parametrize(
        ("type_", "description", "amount", "kind"),
        [
            ("RECEIVE_AND_DELIVER", "Option Expiration Removal", 0, ActivityKind.EXPIRATION),
            ("RECEIVE_AND_DELIVER", "REMOVAL DUE TO ASSIGNMENT", 0, ActivityKind.ASSIGNMENT),
            ("RECEIVE_AND_DELIVER", "Removed due to exercise", 0, ActivityKind.EXERCISE),
            ("RECEIVE_AND_DELIVER", "FORWARD SPLIT", 0, ActivityKind.SPLIT),
            ("RECEIVE_AND_DELIVER", "MANDATORY SPIN-OFF", 0, ActivityKind.SPIN_OFF),
            ("RECEIVE_AND_DELIVER", "Mandatory Merger", 0, ActivityKind.REORGANISATION),
            ("RECEIVE_AND_DELIVER", "Name Change", 0, ActivityKind.SYMBOL_CHANGE),
            ("RECEIVE_AND_DELIVER", "TRANSFER IN", 0, ActivityKind.TRANSFER),
            ("DIVIDEND_OR_INTEREST", "ORDINARY DIVIDEND", 5, ActivityKind.DIVIDEND),
            ("DIVIDEND_OR_INTEREST", "REINVEST DIVIDEND", -5, ActivityKind.REINVESTMENT),
            ("DIVIDEND_OR_INTEREST", "BANK INTEREST", 1, ActivityKind.INTEREST),
            ("DIVIDEND_OR_INTEREST", "NRA WITHHOLDING", -1, ActivityKind.TAX),
            ("DIVIDEND_OR_INTEREST", "ADR MGMT", -1, ActivityKind.FEE),
            ("ACH_RECEIPT", "", 100, ActivityKind.DEPOSIT),
            ("ACH_DISBURSEMENT", "", -100, ActivityKind.WITHDRAWAL),
            ("CASH_RECEIPT", "A CHECK THAT BOUNCED", -100, ActivityKind.WITHDRAWAL),
            ("CASH_DISBURSEMENT", "", -100, ActivityKind.WITHDRAWAL),
            ("ELECTRONIC_FUND", "", 100, ActivityKind.DEPOSIT),
            ("ELECTRONIC_FUND", "", -100, ActivityKind.WITHDRAWAL),
            ("WIRE_IN", "", 100, ActivityKind.DEPOSIT),
            ("WIRE_OUT", "", -100, ActivityKind.WITHDRAWAL),
            ("JOURNAL", "", -100, ActivityKind.TRANSFER),
            ("MEMORANDUM", "", 0, ActivityKind.ADJUSTMENT),
            ("MONEY_MARKET", "", -100, ActivityKind.SWEEP),
        ],
    )
    def test_what_happened_is_said_by_type_words_and_sign(
        self, type_: str, description: str, amount: int, kind: ActivityKind
    ) -> None:
        found = line(type=type_, description=description, netAmount=amount)
        assert (found.kind, found.cash) == (kind, Money(Decimal(amount)))
        assert found.fees is None

    @pytest.mark.parametrize("type_", ["MARGIN_CALL", "SMA_ADJUSTMENT"])
    def test_a_limit_that_moves_moves_no_money(self, type_: str) -> None:
        assert line(type=type_, netAmount=1000).cash == Money.zero()

    def test_a_dividend_moves_cash_and_no_shares(self) -> None:
        item = {"instrument": {"assetType": "EQUITY", "symbol": "A"}, "amount": 100}
        found = line(type="DIVIDEND_OR_INTEREST", netAmount=24, transferItems=[item])
        assert found.asset is not None
        assert (found.kind, found.quantity) == (ActivityKind.DIVIDEND, None)

    def test_an_unknown_type_is_other_and_told_once(self) -> None:
        with structlog.testing.capture_logs() as told:
            kinds = [line(type="HAPPENSTANCE").kind for _ in range(2)]
        assert kinds == [ActivityKind.OTHER] * 2
        assert [each["word"] for each in told] == ["HAPPENSTANCE"]

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("VALID", ActivityStatus.POSTED),
            ("INVALID", ActivityStatus.CANCELLED),
            ("PENDING", ActivityStatus.PENDING),
            ("UNKNOWN", ActivityStatus.PENDING),
        ],
    )
    def test_states(self, word: str, status: ActivityStatus) -> None:
        assert line(status=word).status is status

    def test_an_unknown_state_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable, match="MAYBE"):
            line(status="MAYBE")

    def test_one_thing_for_another_is_two_lines_of_one_group(self) -> None:
        items = [
            {"instrument": {"assetType": "EQUITY", "symbol": "OLD"}, "amount": -10, "cost": 0},
            {"instrument": {"assetType": "EQUITY", "symbol": "NEW"}, "amount": 5, "cost": -3},
        ]
        told = {
            "activityId": 8,
            "time": "2026-03-02T15:00:00+0000",
            "type": "RECEIVE_AND_DELIVER",
            "description": "MERGER",
            "netAmount": 2,
            "transferItems": items,
        }
        found: list[Activity] = parsed("transactions", [told])
        assert [each.id for each in found] == ["8", "8:1"]
        assert {each.group for each in found} == {"8"}
        assert total(each.cash for each in found) == Money(Decimal(2))
        assert [each.quantity for each in found] == [-10, 5]

    def test_moments_have_offsets_without_a_colon_and_days_are_new_yorks(self) -> None:
        found = line(
            time="2025-01-14T04:15:12+0000",
            tradeDate="2025-01-15T04:15:12+0000",
            settlementDate="2025-01-15T05:00:00+0000",
        )
        assert found.at == datetime(2025, 1, 14, 4, 15, 12, tzinfo=UTC)
        assert (found.day, found.settles) == (date(2025, 1, 13), date(2025, 1, 15))

    def test_a_settlement_day_may_be_midnight_of_utc_or_a_date_alone(self) -> None:
        for text in ("2025-01-15T00:00:00+0000", "2025-01-15"):
            assert line(settlementDate=text).settles == date(2025, 1, 15)

    def test_a_time_without_a_zone_is_utc(self) -> None:
        found = line(time="2025-01-14T04:15:12")
        assert found.at == datetime(2025, 1, 14, 4, 15, 12, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["", "yesterday"])
    def test_a_line_without_a_time_is_an_error(self, text: str) -> None:
        with pytest.raises(BrokerUnreadable):
            line(time=text)


class TestOrders:
    def test_the_type_says_the_direction_of_a_net_price(self) -> None:
        prices = [
            orders(order(orderType=kind, price="1.2"))[0].net_price
            for kind in ("NET_CREDIT", "NET_DEBIT", "LIMIT")
        ]
        assert prices == [Price(Decimal("-1.2")), *[Price(Decimal("1.2"))] * 2]
        assert orders(order(orderType="MARKET"))[0].net_price is None

    def test_the_average_is_that_of_the_executions(self) -> None:
        def fill(number: int, quantity: int, price: str, kind: str = "FILL") -> Any:
            execution = {"legId": 1, "quantity": quantity, "price": price}
            return {"activityId": number, "executionType": kind, "executionLegs": [execution]}

        told = [fill(1, 1, "10"), fill(2, 2, "10.01"), fill(3, 5, "0", "CANCELED")]
        (found,) = orders(order(orderActivityCollection=told))
        (leg,) = found.legs
        assert leg.filled == 3
        assert leg.average_price == Price(Decimal("10.006667"))
        assert [each.id for each in leg.fills] == ["1:1", "2:1"], "an end is no fill"

    def test_orders_within_orders_are_orders(self) -> None:
        one, other = order(orderId=1), order(orderId=2)
        holder = {"orderId": 3, "status": "WORKING", "childOrderStrategies": [one, other]}
        trigger = order(orderId=4, childOrderStrategies=[order(orderId=5)])
        assert [each.id for each in orders(holder, trigger)] == ["1", "2", "4", "5"]

    def test_an_amount_of_dollars_is_no_number_of_shares(self) -> None:
        told = order()
        told["orderLegCollection"][0] |= {"quantityType": "DOLLARS", "quantity": 5000}
        assert orders(told)[0].legs[0].quantity == 0

    def test_what_replaced_an_order_is_said(self) -> None:
        told = order(status="REPLACED", replacingOrderCollection=[{"orderId": 8}])
        assert orders(told)[0].replaced_by == "8"

    def test_an_unknown_instruction_is_an_error(self) -> None:
        told = order()
        told["orderLegCollection"][0]["instruction"] = "THROW"
        with pytest.raises(BrokerUnreadable, match="THROW"):
            orders(told)


def test_an_account_that_may_only_close_is_restricted() -> None:
    (found,) = parsed("accounts", account(isClosingOnlyRestricted=True))
    assert found.status is AccountStatus.RESTRICTED
