"""What comes up, and where a book is exposed, on positions written by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from tests.fixtures.broker_books import option, position, stock
from tests.fixtures.marked import AT, WrittenMarks, account, holding_of, marks_of, valued

from optix.features.market.schemas import ComingDividend, ComingEvents
from optix.features.portfolio.day import Day
from optix.features.portfolio.exposures import exposure_of
from optix.features.portfolio.greeks import exposures_of
from optix.features.portfolio.holding import compile_holding
from optix.features.portfolio.schemas_exposure import PortfolioExposure, Upcoming
from optix.features.portfolio.upcoming import upcoming_of
from optix.features.portfolio.valuing import Valuer

TODAY = AT.date()
NEAR, FAR = "SPY261120C00601000", "SPY261218C00500000"
SPX = "SPXW261218P06000000"


def events(*dividends: ComingDividend, why: str = "") -> ComingEvents:
    return ComingEvents(
        dividends=list(dividends),
        dividends_reason=why,
        earnings=[TODAY + timedelta(days=5)],
        earnings_reason="",
    )


def dividend(amount: float | None) -> ComingDividend:
    return ComingDividend(
        ex_date=date(2026, 12, 11), amount=amount, estimated=True, source="the past"
    )


@pytest.fixture
def book() -> Valuer:
    holding = holding_of(
        [
            position(option(NEAR), "-1"),
            position(option(FAR), "-2"),
            position(option(SPX), "1"),
            position(stock("XYZ"), "100"),
        ]
    )
    marks = marks_of(holding)
    marks.quote("SPY", 600.0)
    marks.list(NEAR, bid=1.0, ask=1.1)
    marks.list(FAR, bid=100.4, ask=100.6)
    return valued(holding, marks)


def told(book: Valuer, days: int, **events_of: ComingEvents | str) -> Upcoming:
    fields = upcoming_of(book, events_of, TODAY, TODAY + timedelta(days=days))
    return Upcoming(**fields, as_of=AT)


class TestExpirations:
    def test_stand_in_order_with_where_they_are(self, book: Valuer) -> None:
        near, spx, far = told(book, 45).expirations
        assert [near.symbol, spx.symbol, far.symbol] == [NEAR, SPX, FAR]
        assert (near.days, near.in_the_money, near.pin_risk) == (2, False, True)
        assert near.distance == pytest.approx(1 / 600)
        assert near.extrinsic == pytest.approx(1.05)
        assert (far.in_the_money, far.pin_risk, far.early_exercise) == (True, False, False)
        assert far.extrinsic == pytest.approx(0.5)

    def test_what_is_not_known_says_why(self, book: Valuer) -> None:
        _, spx, _ = told(book, 45).expirations
        assert (spx.in_the_money, spx.price, spx.pin_risk) == (None, None, None)
        assert spx.reason == "no_underlying_price"

    def test_only_those_of_the_asked_days_come(self, book: Valuer) -> None:
        assert [each.symbol for each in told(book, 2).expirations] == [NEAR]
        assert told(book, 1).expirations == []

    def test_a_call_without_time_value_may_be_exercised_early(self, book: Valuer) -> None:
        assert isinstance(book.marks, WrittenMarks)
        book.marks.list(FAR, bid=99.99, ask=100.01)
        book.update()
        assert told(book, 45).expirations[2].early_exercise is True


class TestDividends:
    @pytest.mark.parametrize(("amount", "likely"), [(1.9, True), (0.4, False), (None, None)])
    def test_a_short_call_with_less_time_value_than_the_dividend_is_at_risk(
        self, book: Valuer, amount: float | None, likely: bool | None
    ) -> None:
        (ex,) = told(book, 45, SPY=events(dividend(amount)), XYZ="pending").dividends
        (risk,) = ex.at_risk  # the other one has expired by then
        assert (risk.symbol, risk.quantity, risk.likely) == (FAR, "-2", likely)

    def test_what_nobody_tells_is_named(self, book: Valuer) -> None:
        found = told(book, 45, SPY=events(why="No source."), XYZ="feed_unavailable")
        assert [(each.underlying, each.dividends_reason) for each in found.unknown] == [
            ("SPX", "pending"),
            ("SPY", "No source."),
            ("XYZ", "feed_unavailable"),
        ]
        assert [(each.underlying, each.session) for each in found.earnings] == [
            ("SPY", TODAY + timedelta(days=5))
        ]


class TestExposure:
    @pytest.fixture
    def shown(self) -> PortfolioExposure:
        holding = compile_holding(
            [
                account([position(stock(), "10"), position(stock("XYZ"), "-40")]),
                account([position(option(FAR), "1")], "two"),
            ],
            Day(),
        )
        marks = marks_of(holding)
        marks.quote("SPY", 600.0)
        marks.quote("XYZ", 50.0)
        marks.list(FAR, bid=99.9, ask=100.1)
        book = valued(holding, marks)
        first = date(2026, 1, 1)
        moves = 1 + np.random.default_rng(1).normal(0, 0.01, 100)
        closes = {first + timedelta(days=n): p for n, p in enumerate(np.cumprod(moves).tolist())}
        fields = exposure_of(book, exposures_of(book, {}), {"SPY": closes, "XYZ": "pending"})
        return PortfolioExposure(**fields, as_of=AT)

    def test_gross_and_net_are_sums_of_values(self, shown: PortfolioExposure) -> None:
        """6,000 and 10,000 of SPY, −2,000 of XYZ."""
        assert (shown.total.gross, shown.total.net) == ("18000.00", "14000.00")
        spy, xyz = shown.underlyings
        assert (spy.key, spy.gross) == ("SPY", "16000.00")
        assert spy.share == pytest.approx(16 / 18)
        assert (xyz.net, xyz.dollar_delta, xyz.gross_delta) == ("-2000.00", -2000.0, 2000.0)
        assert [each.key for each in shown.expirations] == ["2026-12-18"]
        assert {each.key: each.gross for each in shown.kinds} == {
            "etf": "8000.00",
            "option": "10000.00",
        }
        assert [each.gross for each in shown.accounts] == ["10000.00", "8000.00"]

    def test_a_slice_says_whose_greeks_it_lacks(self, shown: PortfolioExposure) -> None:
        assert (shown.total.without_greeks, shown.expirations[0].dollar_delta) == (1, None)

    def test_concentration_is_of_underlyings(self, shown: PortfolioExposure) -> None:
        expected = (16 / 18) ** 2 + (2 / 18) ** 2
        assert shown.concentration.hhi == pytest.approx(expected)
        assert shown.concentration.effective == pytest.approx(1 / expected)
        assert shown.concentration.largest == "SPY"

    def test_correlations_say_what_they_stand_on_or_why_not(self, shown: PortfolioExposure) -> None:
        found = shown.correlations
        assert found.symbols == ["SPY", "XYZ"]
        assert found.values[0] == [pytest.approx(1.0), None]
        assert (found.days[0][0], found.reasons[0][1]) == (99, "pending")

    def test_sectors_are_missing_with_a_reason(self, shown: PortfolioExposure) -> None:
        assert shown.sectors is None
        assert shown.sectors_reason

    def test_an_empty_book_is_exposed_to_nothing(self) -> None:
        holding = holding_of([])
        book = valued(holding, marks_of(holding))
        fields = exposure_of(book, exposures_of(book, {}), {})
        found = PortfolioExposure(**fields, as_of=AT)
        assert (found.total.gross, found.underlyings) == ("0.00", [])
        assert (found.concentration.hhi, found.concentration.reason) == (None, "nothing_valued")
