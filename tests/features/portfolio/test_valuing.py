"""Marks, values and changes of the day against arithmetic on the same numbers in Decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.broker_books import option, position, stock, trade
from tests.fixtures.marked import (
    AT,
    NAMESPACE,
    account,
    dollars,
    holding_of,
    marks_of,
    valued,
)

from optix.features.brokerage.service import Line
from optix.features.portfolio.day import day_of
from optix.features.portfolio.holding import UNKNOWN, compile_holding
from optix.features.portfolio.valuing import SOURCES, Valuer, amounts
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Asset, AssetKind, Position
from optix.kernel.money import Money, Rounding
from optix.quant import american

CALL = "SPY261218C00600000"
TERMS = {"years": 30 / 365, "rate": 0.04, "forward": 601.0, "vol": 0.2}


def one(held: Position, *, spot: float = 600.0, **listed: Any) -> Valuer:
    """Value a single position, a contract quoted as `listed`."""
    holding = holding_of([held])
    marks = marks_of(holding)
    marks.quote("SPY", spot, close=595.0)
    if held.asset.contract is not None:
        marks.list(held.asset.symbol, **listed)
    return valued(holding, marks)


def mark(valuer: Valuer) -> tuple[float, str]:
    return valuer.valued.price[0].item(), SOURCES[valuer.valued.source[0]]


class TestMarks:
    def test_a_sane_quote_is_valued_at_its_middle(self) -> None:
        assert mark(one(position(option(CALL), "1"), bid=9.0, ask=9.4)) == (9.2, "mid")

    def test_no_bid_and_an_ask_of_cents_is_worth_half_the_ask(self) -> None:
        assert mark(one(position(option(CALL), "1"), bid=0.0, ask=0.05)) == (0.025, "mid")

    def test_a_wide_quote_is_worth_what_the_model_says_within_it(self) -> None:
        price, source = mark(one(position(option(CALL), "1"), bid=1.0, ask=40.0, **TERMS))
        alone = american.price(
            spot=600.0,
            strike=600.0,
            expiry_years=30 / 365,
            vol=0.2,
            rate=0.04,
            dividend_yield=0.04 - np.log(601 / 600) * 365 / 30,
            is_call=True,
        )
        assert source == "model"
        assert price == pytest.approx(float(alone), abs=0.07)
        assert mark(one(position(option(CALL), "1"), bid=20.0, ask=40.0, **TERMS)) == (
            20.0,
            "model",
        )

    def test_without_a_model_the_last_trade_counts_then_the_broker(self) -> None:
        wide = {"bid": 1.0, "ask": 40.0}
        assert mark(one(position(option(CALL), "1"), last=8.0, **wide)) == (8.0, "last")
        held = position(option(CALL), "1", price="7.5")
        valuer = one(held, **wide)
        assert mark(valuer) == (7.5, "broker")
        assert valuer.reason(0) == "wide_or_one_sided"

    def test_what_nobody_prices_is_worth_nothing_known(self) -> None:
        valuer = one(position(option(CALL), "1"), bid=1.0, ask=40.0)
        assert np.isnan(valuer.valued.price[0])
        assert (valuer.valued.value[0], valuer.valued.change[0]) == (UNKNOWN, UNKNOWN)

    def test_prices_in_dollars_are_not_those_of_another_currency(self) -> None:
        foreign = Asset(kind=AssetKind.STOCK, symbol="SPY", currency="EUR")
        valuer = one(position(foreign, "2", price="10.00"))
        assert mark(valuer) == (10.0, "broker")
        assert valuer.reason(0) == "foreign_currency"

    def test_cash_that_earns_is_worth_its_par(self) -> None:
        fund = Asset(kind=AssetKind.CASH_EQUIVALENT, symbol="SWVXX")
        valuer = one(position(fund, "1250.55"))
        assert mark(valuer) == (1.0, "par")
        assert dollars(int(valuer.valued.value[0])) == Decimal("1250.55")


prices = st.decimals("0.0001", "99999", places=4)
quantities = st.one_of(
    st.integers(-90_000, 90_000).map(Decimal), st.decimals("-5000", "5000", places=6)
)


class TestAmounts:
    @given(price=prices, quantity=quantities)
    def test_are_exact_to_the_cent_with_halves_to_the_even_one(
        self, price: Decimal, quantity: Decimal
    ) -> None:
        """The same product in Decimal, quantised, is the other side."""
        units = holding_of([position(stock(), str(quantity))]).now
        cents = int(amounts(np.array([price], np.float64), units)[0])
        exact = (price * quantity).quantize(Decimal("0.01"), rounding=Rounding.BOOK)
        assert dollars(cents) == exact

    def test_nothing_is_known_without_price_or_direction(self) -> None:
        holding = holding_of([position(stock(), None), position(stock(), "5")])
        assert amounts(np.array([1.0, np.nan]), holding.now).tolist() == [UNKNOWN, UNKNOWN]


def line(activity: Activity, *, owner: str = "one") -> Line:
    return Line(
        id=NAMESPACE,
        account_id=account([], owner).id,
        activity=activity,
        source="broker",
        absent_since=None,
    )


def change(held: list[Position], lines: list[Activity], **closes: float) -> Decimal:
    """Return the change of the day of all rows, with SPY at 600 and its close at 595."""
    own = account(held)
    day = day_of([line(each) for each in lines], [own])
    holding = compile_holding([own], day)
    marks = marks_of(holding)
    marks.quote("SPY", 600.0, close=closes.get("spy", 595.0))
    if CALL in marks.rows:
        marks.list(CALL, bid=9.0, ask=9.4, close=closes.get("call", 8.0))
    cents = valued(holding, marks).valued.change
    assert (cents != UNKNOWN).all()
    return dollars(int(cents.sum())) + day.of_currency(day.income, "USD")


TODAY = AT.date()


class TestDay:
    def test_what_was_held_all_day_gained_the_move(self) -> None:
        assert change([position(stock(), "10")], []) == 50

    def test_what_was_bought_today_gained_since_its_price(self) -> None:
        """10 held at the close, 5 bought at 598: 10 × 5 + 5 × 2, less a dollar of fees."""
        bought = trade(TODAY, stock(), "5", "-2991.00", "a")
        assert change([position(stock(), "15")], [bought]) == 59

    def test_what_was_sold_today_gained_until_its_price(self) -> None:
        """All 10 were sold at 597: nothing is held, and 20 was made."""
        sold = trade(TODAY, stock(), "-10", "5970.00", "a")
        assert change([], [sold]) == 20

    def test_what_was_opened_and_closed_today_needs_no_close(self) -> None:
        lines = [
            trade(TODAY, option(CALL), "1", "-900.00", "a"),
            trade(TODAY, option(CALL), "-1", "950.00", "b"),
        ]
        assert change([], lines, call=float("nan")) == 50

    def test_a_dividend_is_income_and_a_deposit_is_none(self) -> None:
        paid = replace(
            trade(TODAY, stock(), "0", "12.50", "a"), kind=ActivityKind.DIVIDEND, quantity=None
        )
        deposit = replace(paid, kind=ActivityKind.DEPOSIT, asset=None, cash=Money.parse("500"))
        assert change([position(stock(), "10")], [paid, deposit]) == Decimal("62.50")

    def test_a_fill_after_the_snapshot_waits_for_the_next(self) -> None:
        """The position does not have it yet: counting its cash would be a loss of its price."""
        late = replace(
            trade(TODAY, stock(), "5", "-2990.00", "a"),
            at=AT + timedelta(minutes=1),
            status=ActivityStatus.PENDING,
        )
        assert change([position(stock(), "10")], [late]) == 50
        early = replace(late, at=datetime(2026, 11, 18, 14, 59, tzinfo=UTC))
        assert change([position(stock(), "15")], [early]) == 60

    def test_what_was_cancelled_did_not_happen(self) -> None:
        gone = replace(trade(TODAY, stock(), "5", "-2990.00", "a"), status=ActivityStatus.CANCELLED)
        assert change([position(stock(), "10")], [gone]) == 50

    @given(
        held=st.integers(-50, 50),
        trades=st.lists(st.tuples(st.integers(-20, 20), st.integers(59_000, 61_000)), max_size=4),
    )
    def test_is_the_same_however_the_day_is_cut(
        self, held: int, trades: list[tuple[int, int]]
    ) -> None:
        """Each trade gains on its own from its price, the rest from the close."""
        lines = [
            trade(TODAY, stock(), str(count), str(-count * Decimal(cents).scaleb(-2)), str(place))
            for place, (count, cents) in enumerate(trades)
        ]
        now = held + sum(count for count, _ in trades)
        expected = held * Decimal(5) + sum(
            count * (600 - Decimal(cents).scaleb(-2)) for count, cents in trades
        )
        rows = [position(stock(), str(now))] if now else []
        assert change(rows, lines) == expected


def test_the_brokers_own_change_stands_in_for_a_close_nobody_tells() -> None:
    told: Mapping[str, str] = {"price": "98.50"}
    bond = Asset(kind=AssetKind.BOND, symbol="912828YK0")
    held = replace(position(bond, "3", **told), day_change=Money.parse("-1.25"))
    valuer = one(held)
    assert dollars(int(valuer.valued.change[0])) == Decimal("-1.25")
    assert bool(valuer.valued.change_of_broker[0])
