"""Schedules by hand arithmetic: what they refuse, what forwards they make, what they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from optix.quant.dividends import Dividend, DividendKind, DividendSchedule


def cash(*rows: tuple[float, float]) -> DividendSchedule:
    return DividendSchedule(tuple(Dividend(*row) for row in rows))


class TestDividend:
    @pytest.mark.parametrize("ex_years", [0.0, -0.1, np.nan, np.inf])
    def test_lies_after_today(self, ex_years: float) -> None:
        with pytest.raises(ValueError, match="after today"):
            Dividend(ex_years, 1.0)

    @pytest.mark.parametrize("amount", [-0.01, np.nan, np.inf])
    def test_is_not_negative(self, amount: float) -> None:
        with pytest.raises(ValueError, match="not negative"):
            Dividend(0.5, amount)

    def test_a_forecast_says_whose_it_is(self) -> None:
        with pytest.raises(ValueError, match="whose"):
            Dividend(0.5, 1.0, DividendKind.FORECAST)
        assert Dividend(0.5, 1.0, DividendKind.FORECAST, "last year's").cash == 1.0

    def test_a_share_of_the_price_is_below_all_of_it(self) -> None:
        with pytest.raises(ValueError, match="whole price"):
            Dividend(0.5, 1.0, DividendKind.PROPORTIONAL)
        half = Dividend(0.5, 0.5, DividendKind.PROPORTIONAL)
        assert (half.cash, half.proportion) == (0.0, 0.5)


class TestSchedule:
    def test_is_in_the_order_of_ex_dates(self) -> None:
        schedule = cash((0.5, 2.0), (0.25, 1.0))
        assert [d.ex_years for d in schedule.dividends] == [0.25, 0.5]
        ex_years, amounts, shares = schedule.columns()
        assert (ex_years.tolist(), amounts.tolist(), shares.tolist()) == (
            [0.25, 0.5],
            [1.0, 2.0],
            [0.0, 0.0],
        )

    def test_counts_what_falls_on_expiry_and_nothing_later(self) -> None:
        schedule = cash((0.25, 1.0), (0.5, 2.0), (0.75, 3.0))
        assert schedule.until(0.5) == cash((0.25, 1.0), (0.5, 2.0))

    def test_without_dividends_has_empty_columns(self) -> None:
        assert [column.size for column in DividendSchedule().columns()] == [0, 0, 0]


class TestForward:
    def test_takes_each_dividend_off_with_its_interest(self) -> None:
        forward = cash((0.25, 1.0), (0.5, 2.0)).forward(spot=100.0, expiry_years=1.0, rate=0.05)
        expected = 100 * np.exp(0.05) - np.exp(0.05 * 0.75) - 2 * np.exp(0.05 * 0.5)
        assert float(forward) == pytest.approx(expected, rel=1e-14)

    def test_borrow_lowers_it_and_each_expiry_has_its_own_dividends(self) -> None:
        schedule = cash((0.25, 1.0))
        forward = schedule.forward(
            spot=100.0, expiry_years=np.array([0.2, 1.0]), rate=0.05, borrow=0.02
        )
        expected = [100 * np.exp(0.03 * 0.2), 100 * np.exp(0.03) - np.exp(0.03 * 0.75)]
        np.testing.assert_allclose(forward, expected, rtol=1e-14)

    def test_a_share_of_the_price_scales_it(self) -> None:
        schedule = DividendSchedule((Dividend(0.5, 0.01, DividendKind.PROPORTIONAL),))
        forward = schedule.forward(spot=100.0, expiry_years=1.0, rate=0.05)
        assert float(forward) == pytest.approx(99 * np.exp(0.05), rel=1e-14)

    def test_there_is_none_where_a_dividend_takes_the_whole_share(self) -> None:
        schedule = cash((0.5, 101.0))
        forward = schedule.forward(spot=100.0, expiry_years=np.array([0.4, 0.6]), rate=0.0)
        assert forward[0] == 100.0
        assert np.isnan(forward[1])

    def test_present_value_is_the_discounted_cash(self) -> None:
        value = cash((0.25, 1.0), (0.5, 2.0)).present_value(spot=100.0, expiry_years=1.0, rate=0.05)
        assert float(value) == pytest.approx(np.exp(-0.0125) + 2 * np.exp(-0.025), rel=1e-13)


class TestProportionalAfter:
    def test_leaves_every_forward_as_it_was(self) -> None:
        schedule = cash((0.25, 1.0), (0.75, 1.0), (1.25, 1.0), (1.75, 1.0))
        mixed = schedule.proportional_after(1.0, spot=100.0, rate=0.05, borrow=0.01)
        assert [d.kind for d in mixed.dividends[:2]] == [DividendKind.ANNOUNCED] * 2
        assert [d.kind for d in mixed.dividends[2:]] == [DividendKind.PROPORTIONAL] * 2
        years = np.array([0.5, 1.0, 1.5, 2.0])
        before, after = (
            each.forward(spot=100.0, expiry_years=years, rate=0.05, borrow=0.01)
            for each in (schedule, mixed)
        )
        np.testing.assert_allclose(after, before, rtol=1e-13)

    def test_refuses_dividends_worth_more_than_the_share(self) -> None:
        with pytest.raises(ValueError, match="worth more"):
            cash((1.5, 101.0)).proportional_after(1.0, spot=100.0, rate=0.0)
