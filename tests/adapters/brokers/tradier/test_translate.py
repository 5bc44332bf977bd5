"""What Tradier says becomes OPTIX's values: each quirk, and every recorded payload."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.brokers.exact import load_exact, read
from optix.adapters.brokers.oauth2 import TokenAnswer
from optix.adapters.brokers.tradier import PARSERS
from optix.adapters.market_data.streaming import MalformedFrame
from optix.adapters.market_data.tradier import translate as market
from optix.adapters.market_data.tradier import wire as market_wire
from optix.adapters.market_data.tradier.stream import TradierStream
from optix.kernel.activity import Activity, ActivityKind, PositionEffect
from optix.kernel.holding import AssetKind, Balance, Position
from optix.kernel.money import Money, Price
from optix.kernel.order import Order, OrderStatus
from optix.kernel.quote import Quality
from optix.ports.broker import AccountStatus, BrokerAccount, BrokerUnreadable

RECEIVED_NS = 1_795_000_000_000_000_000
CALL = "SPY260918C00550000"


def told(name: str) -> Any:
    return load_exact(recorded(f"brokers/tradier/{name}").read_bytes())


def position(**changed: Any) -> Position:
    row = {"id": 1, "symbol": "SPY", "quantity": 2, "cost_basis": 100, **changed}
    found: Any = PARSERS["positions"]({"positions": {"position": row}})
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


def event(kind: str, *, key: str = "", amount: str = "1", **detail: Any) -> Activity:
    row = {"amount": amount, "date": "2026-03-03T00:00:00Z", "type": kind, key or kind: detail}
    found: Any = PARSERS["transactions"]({"history": {"event": row}})
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


def order(**changed: Any) -> Order:
    row = {
        "id": 7,
        "type": "limit",
        "symbol": "SPY",
        "side": "buy",
        "quantity": 2,
        "status": "open",
        "class": "equity",
        "create_date": "2026-03-03T15:00:00.000Z",
        **changed,
    }
    found: Any = PARSERS["orders"]({"orders": {"order": row}})
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


def balance(**changed: Any) -> Balance:
    row = {"account_number": "VA1", "account_type": "cash", "total_equity": 10, "total_cash": 4}
    found: Any = PARSERS["balances"]({"balances": {**row, **changed}})
    return found[0]  # type: ignore[no-any-return]  # a parser returns object


class TestCollections:
    @pytest.mark.parametrize(
        ("kind", "outer", "inner"),
        [
            ("positions", "positions", "position"),
            ("orders", "orders", "order"),
            ("transactions", "history", "event"),
        ],
    )
    def test_none_of_them_is_the_word_null_or_null_or_nothing(
        self, kind: str, outer: str, inner: str
    ) -> None:
        nothings: list[object] = ["null", None, {}, {inner: None}, {inner: "null"}, {inner: []}]
        for nothing in nothings:
            assert PARSERS[kind]({outer: nothing}) == []

    @pytest.mark.parametrize("kind", ["positions", "orders", "transactions"])
    @pytest.mark.parametrize("odd", ["none", 0, [], False])
    def test_anything_else_is_an_error_and_never_nothing(self, kind: str, odd: object) -> None:
        outer = {"transactions": "history"}.get(kind, kind)
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind]({outer: odd})
        with pytest.raises(BrokerUnreadable):
            PARSERS[kind]({})

    def test_one_account_is_an_object_and_two_are_a_list(self) -> None:
        one = {"account_number": "VA000001", "status": "active", "type": "cash"}
        for accounts, count in ((one, 1), ([one, {**one, "account_number": "VA2"}], 2)):
            found: Any = PARSERS["accounts"]({"profile": {"id": "id-a", "account": accounts}})
            assert len(found) == count

    @pytest.mark.parametrize("legs", [1, 2])
    def test_one_leg_is_an_object_and_two_are_a_list(self, legs: int) -> None:
        leg = {
            "id": 8,
            "symbol": "SPY",
            "option_symbol": CALL,
            "side": "sell_to_open",
            "quantity": 1,
            "status": "filled",
            "class": "option",
        }
        found = order(**{"class": "multileg", "leg": leg if legs == 1 else [leg, leg]})
        assert [each.quantity for each in found.legs] == [Decimal(-1)] * legs


class TestAccounts:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("active", AccountStatus.ACTIVE),
            ("closed", AccountStatus.CLOSED),
            ("something new", AccountStatus.RESTRICTED),
        ],
    )
    def test_numbers_are_masked_and_states_understood(
        self, word: str, status: AccountStatus
    ) -> None:
        row = {
            "account_number": "VA000001",
            "classification": "roth_ira",
            "status": word,
            "type": "cash",
        }
        found: Any = PARSERS["accounts"]({"profile": {"id": "id-a", "account": row}})
        account: BrokerAccount = found[0]
        assert (account.number, account.name) == ("…0001", "Roth Ira Cash")
        assert account.status is status


class TestBalances:
    def test_the_worth_is_total_equity_and_not_equity(self) -> None:
        assert balance(equity=0).net_liquidation == Money(Decimal(10))

    def test_a_cash_account_trades_options_with_its_cash(self) -> None:
        found = balance(cash={"cash_available": "3.5", "unsettled_funds": "1"})
        assert found.option_buying_power == Money(Decimal("3.5"))
        assert found.settled_cash == Money(Decimal(3))

    def test_a_margin_account_with_the_part_of_a_cash_account_only_is_read(self) -> None:
        found = balance(account_type="margin", cash={"cash_available": "3"})
        assert found.buying_power == Money(Decimal(3))

    @pytest.mark.parametrize("part", [[1, {"cash_available": 2}], None])
    def test_a_very_old_answer_with_a_list_is_tolerated(self, part: object) -> None:
        found = balance(cash=part)
        assert found.cash == Money(Decimal(4))
        assert found.buying_power is None

    def test_a_pattern_day_trader_has_a_part_of_its_own(self) -> None:
        power = {"stock_buying_power": "40", "option_buying_power": "20"}
        found = balance(account_type="pdt", pdt=power)
        assert found.buying_power == Money(Decimal(40))
        assert found.option_buying_power == Money(Decimal(20))


class TestPositions:
    def test_cost_is_that_of_all_and_negative_for_what_is_owed(self) -> None:
        short = position(symbol=CALL, quantity="-1.0", cost_basis="-258.0")
        assert short.quantity == Decimal(-1)
        assert short.cost == Money(Decimal(-258))
        assert short.size == 1
        assert (short.price, short.value) == (None, None), "Tradier states neither"

    def test_fractions_of_shares_are_exact(self) -> None:
        assert position(quantity="0.12345678").quantity == Decimal("0.12345678")

    @pytest.mark.parametrize(
        ("symbol", "kind", "key"),
        [
            ("BRK/B", AssetKind.STOCK, "BRK.B"),
            ("SPY", AssetKind.ETF, "SPY"),
            (CALL, AssetKind.OPTION, CALL),
            ("AAPL7150117C00430000", AssetKind.OPTION, "AAPL7150117C00430000"),
            ("SOMETHING LONGER", AssetKind.OTHER, "SOMETHING LONGER"),
        ],
    )
    def test_the_symbol_alone_says_what_it_is(self, symbol: str, kind: AssetKind, key: str) -> None:
        found = position(symbol=symbol).asset
        assert (found.kind, found.symbol) == (kind, key)

    def test_an_adjusted_root_is_read_from_the_right(self) -> None:
        contract = position(symbol="AAPL7150117C00430000").asset.contract
        assert contract is not None
        assert (contract.root, contract.strike_milli) == ("AAPL7", 430_000)


class TestHistory:
    @pytest.mark.parametrize(
        ("kind", "meaning"),
        [
            ("dividend", ActivityKind.DIVIDEND),
            ("DIVADJ", ActivityKind.DIVIDEND),
            ("interest", ActivityKind.INTEREST),
            ("fee", ActivityKind.FEE),
            ("tax", ActivityKind.TAX),
            ("journal", ActivityKind.TRANSFER),
            ("transfer", ActivityKind.TRANSFER),
            ("ach", ActivityKind.DEPOSIT),
            ("something new", ActivityKind.OTHER),
        ],
    )
    def test_the_detail_is_the_object_whatever_its_key_is(
        self, kind: str, meaning: ActivityKind
    ) -> None:
        found = event(kind, key="adjustment", description=" A FUND ", quantity=0)
        assert found.kind is meaning
        assert found.description == "A FUND"
        assert found.quantity is None

    def test_money_that_goes_out_is_a_withdrawal(self) -> None:
        assert event("wire", amount="-5").kind is ActivityKind.WITHDRAWAL

    @pytest.mark.parametrize(
        ("word", "meaning"),
        [
            ("OPTEXP", ActivityKind.EXPIRATION),
            ("expiration", ActivityKind.EXPIRATION),
            ("assignment", ActivityKind.ASSIGNMENT),
            ("exercise", ActivityKind.EXERCISE),
            ("something new", ActivityKind.OTHER),
        ],
    )
    def test_option_events_have_a_quantity_and_no_symbol(
        self, word: str, meaning: ActivityKind
    ) -> None:
        found = event("option", amount="0", option_type=word, quantity="-1.00000000")
        assert (found.kind, found.quantity, found.asset) == (meaning, Decimal(-1), None)

    def test_a_day_is_of_new_york_and_no_moment(self) -> None:
        found = event("fee")
        assert (found.day, found.at) == (date(2026, 3, 3), None)

    def test_the_amount_is_the_truth_and_what_it_lacks_is_fees(self) -> None:
        trade = {"price": "1.29", "quantity": "1", "symbol": CALL, "commission": "0"}
        found = event("trade", amount="-129.05", **trade)
        assert found.cash == Money(Decimal("-129.05"))
        assert found.fees == Money(Decimal("-0.05"))
        assert found.id == "", "Tradier gives none: content tells lines apart"

    def test_a_line_without_any_detail_is_read(self) -> None:
        row = {"amount": 1, "date": "2026-03-03T00:00:00Z", "type": "ach"}
        assert PARSERS["transactions"]({"history": {"event": [row]}})
        with pytest.raises(BrokerUnreadable):
            PARSERS["transactions"]({"history": {"event": {**row, "date": "lately"}}})


class TestOrders:
    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("open", OrderStatus.WORKING),
            ("pending", OrderStatus.PENDING),
            ("partially_filled", OrderStatus.PARTIALLY_FILLED),
            ("filled", OrderStatus.FILLED),
            ("expired", OrderStatus.EXPIRED),
            ("canceled", OrderStatus.CANCELLED),
            ("rejected", OrderStatus.REJECTED),
            ("error", OrderStatus.REJECTED),
        ],
    )
    def test_states(self, word: str, status: OrderStatus) -> None:
        assert order(status=word).status is status

    def test_unknown_states_and_sides_are_errors(self) -> None:
        with pytest.raises(BrokerUnreadable):
            order(status="calculated")
        with pytest.raises(BrokerUnreadable):
            order(side="hold")

    @pytest.mark.parametrize(
        ("side", "sign", "effect"),
        [
            ("buy_to_cover", 1, PositionEffect.CLOSING),
            ("sell_short", -1, PositionEffect.OPENING),
            ("sell_to_close", -1, PositionEffect.CLOSING),
            ("sell", -1, None),
        ],
    )
    def test_sides_are_signs(self, side: str, sign: int, effect: PositionEffect | None) -> None:
        leg = order(side=side).legs[0]
        assert (leg.quantity, leg.effect) == (Decimal(2 * sign), effect)

    def test_a_market_order_has_no_price_and_a_credit_is_money_that_comes_in(self) -> None:
        assert order(type="market").net_price is None
        assert order(type="credit", price="0.8").net_price == Price(Decimal("-0.8"))

    @pytest.mark.parametrize(("side", "net"), [("buy", "0.8"), ("sell_to_close", "-0.8")])
    def test_the_limit_of_a_sale_is_a_credit(self, side: str, net: str) -> None:
        assert order(side=side, type="limit", price="0.8").net_price == Price(Decimal(net))

    def test_what_was_not_filled_has_no_price_although_a_zero_is_told(self) -> None:
        leg = order(avg_fill_price="0.00000000", exec_quantity="0.00000000").legs[0]
        assert (leg.filled, leg.average_price, leg.fills) == (Decimal(0), None, ())

    def test_the_tag_is_what_the_order_was_called(self) -> None:
        assert order(tag="mine-1").client_id == "mine-1"

    def test_a_time_that_cannot_be_read_is_an_error(self) -> None:
        with pytest.raises(BrokerUnreadable):
            order(create_date="lately")


@pytest.mark.recorded
class TestRecorded:
    """What was recorded of the brokerage."""

    def test_profile(self) -> None:
        found: Any = PARSERS["accounts"](told("profile.json"))
        assert [(each.key, each.kind) for each in found] == [("VA000001", "margin")]

    def test_balances_with_the_parts_of_all_kinds_at_once_and_padded_zeros(self) -> None:
        assert PARSERS["balances"](told("balances_margin.json")) == [
            Balance(
                currency="USD",
                cash=Money(Decimal("6363.86")),
                buying_power=Money(Decimal("12727.72")),
                option_buying_power=Money(Decimal("6363.86")),
                maintenance=Money(Decimal(2557)),
                net_liquidation=Money(Decimal("17798.36")),
            )
        ]

    def test_positions(self) -> None:
        found: Any = PARSERS["positions"](told("positions.json"))
        assert len(found) == 7
        assert {each.asset.symbol: each.cost for each in found}["IBM"] == Money(Decimal("1772.54"))
        one: Any = PARSERS["positions"](told("positions_single_object.json"))
        assert [each.asset.symbol for each in one] == ["AAPL"]

    def test_history(self) -> None:
        rows = told("history.json")["history"]["event"]
        found: Any = PARSERS["transactions"](told("history.json"))
        expired = [each for each in found if each.kind is ActivityKind.EXPIRATION]
        assert len(expired) == sum(row["type"] == "option" for row in rows) > 0
        assert sum(each.cash.amount for each in found) == sum(row["amount"] for row in rows)
        calls = [each for each in found if each.asset is not None and each.asset.contract]
        assert all(each.fees == Money(Decimal("-0.05")) for each in calls)
        one: Any = PARSERS["transactions"](told("history_single_object.json"))
        assert [each.cash for each in one] == [Money(Decimal(-3000))]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("empty_history.json", "transactions"),
            ("empty_orders.json", "orders"),
            ("empty_positions.json", "positions"),
        ],
    )
    def test_nothing(self, name: str, kind: str) -> None:
        assert PARSERS[kind](told(name)) == []

    def test_orders(self) -> None:
        found: Any = PARSERS["orders"](told("orders.json"))
        assert [(each.id, each.status, len(each.legs)) for each in found] == [
            ("228175", OrderStatus.EXPIRED, 1),
            ("228749", OrderStatus.EXPIRED, 1),
            ("229063", OrderStatus.CANCELLED, 2),
            ("229123", OrderStatus.EXPIRED, 4),
        ]
        combo, condor = found[2], found[3]
        assert [leg.asset.kind for leg in combo.legs] == [AssetKind.ETF, AssetKind.OPTION]
        assert [leg.quantity for leg in combo.legs] == [Decimal(100), Decimal(-1)]
        assert condor.net_price == Price(Decimal("-0.8"))

    def test_one_order_that_was_filled(self) -> None:
        found: Any = PARSERS["orders"](told("order.json"))
        fill = found[0].legs[0].fills[0]
        assert (fill.quantity, fill.price) == (Decimal(50), Price(Decimal("187.93")))
        assert found[0].updated_at == datetime(2018, 6, 1, 13, 45, 13, 340_000, tzinfo=UTC)

    def test_a_token(self) -> None:
        token = read(TokenAnswer, told("oauth_access_token.json"), "Tradier")
        assert token.expires_in == "86399"
        assert not token.refresh_token, "only partners have one"

    @pytest.mark.parametrize("name", ["order_placed.json", "order_preview_equity.json"])
    def test_answers_to_placing_an_order_are_no_list_of_orders(self, name: str) -> None:
        with pytest.raises(BrokerUnreadable):
            PARSERS["orders"](told(name))

    def test_closed_positions_are_no_positions(self) -> None:
        """They lie under a key of their own, and a day of them is computed from history here."""
        for kind in PARSERS:
            with pytest.raises(BrokerUnreadable):
                PARSERS[kind](told("gainloss.json"))


@pytest.mark.recorded
class TestRecordedMarket:
    """The recordings of market data that lie beside: read by the adapter that reads such data."""

    def load(self, name: str) -> Any:
        return orjson.loads(recorded(f"brokers/tradier/{name}").read_bytes())

    def test_chain(self) -> None:
        options = market_wire.elements(self.load("option_chain.json"), "options", "option")
        table = market.translate_chain(
            "VXX", options, received_ns=RECEIVED_NS, quality=Quality.REALTIME, spot=None
        )
        assert len(table) == len(options) > 0

    def test_bars(self) -> None:
        days = market_wire.elements(self.load("historical.json"), "history", "day")
        assert len(market.translate_days(days)) == len(days) > 0
        minutes = market_wire.elements(self.load("timesales.json"), "series", "data")
        assert len(market.translate_minutes(minutes)) == len(minutes) > 0

    @pytest.mark.parametrize("name", ["quotes.json", "quotes_partial_unmatched.json"])
    def test_quotes(self, name: str) -> None:
        rows = market_wire.elements(self.load(name), "quotes", "quote")
        quotes = market.translate_quotes(rows, received_ns=RECEIVED_NS, quality=Quality.REALTIME)
        assert len(quotes) > 0

    def test_lists_of_what_there_is(self) -> None:
        roots = market_wire.elements(self.load("option_lookup.json"), "symbols")
        assert market.translate_listing("SPY", roots)
        assert market_wire.elements(self.load("option_expirations.json"), "expirations", "date")
        assert market_wire.elements(self.load("option_strikes.json"), "strikes", "strike")

    @pytest.mark.parametrize("name", ["stream_market_session.json", "stream_account_session.json"])
    def test_sessions(self, name: str) -> None:
        assert market_wire.session_id(self.load(name)).startswith("c8638963")

    def test_events_of_the_stream(self) -> None:
        async def no_session() -> Any:
            raise AssertionError("nothing is connected here")

        stream = TradierStream(no_session, quality=Quality.REALTIME)
        for message in self.load("stream_market_events.json"):
            frame = orjson.dumps(message).decode()
            if message["type"] == "tradex":  # never subscribed to
                with pytest.raises(MalformedFrame):
                    stream.decode(frame, RECEIVED_NS)
            else:
                assert stream.decode(frame, RECEIVED_NS)

    def test_the_clock(self) -> None:
        """OPTIX has a calendar of its own; the recording is only well-formed."""
        assert self.load("market_clock.json")["clock"]["state"] == "open"
