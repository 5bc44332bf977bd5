"""Curves are built from known rates and must give them back; bonds of the par yields cost par."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from tests.fixtures.recorded import recorded

from optix.quant.rates import (
    Compounding,
    DayCount,
    RateCurve,
    RateStatus,
    continuous_rate,
    curve_from_par_yields,
    curve_from_zero_rates,
)


class TestConversion:
    @pytest.mark.parametrize(
        ("compounding", "growth"),
        [
            (Compounding.CONTINUOUS, np.exp(0.05 * 2)),
            (Compounding.SIMPLE, 1 + 0.05 * 2),
            (Compounding.ANNUAL, 1.05**2),
            (Compounding.SEMIANNUAL, 1.025**4),
        ],
    )
    def test_grows_money_as_the_given_rate_does(
        self, compounding: Compounding, growth: float
    ) -> None:
        rate = continuous_rate(rate=0.05, years=2.0, compounding=compounding)
        assert np.exp(float(rate) * 2) == pytest.approx(growth, rel=1e-15)

    def test_money_market_years_are_shorter(self) -> None:
        rate = continuous_rate(
            rate=0.05, years=0.25, compounding=Compounding.SIMPLE, day_count=DayCount.ACT_360
        )
        assert np.exp(float(rate) / 4) == pytest.approx(1 + 0.05 * (365 / 4) / 360, rel=1e-15)

    def test_has_no_rate_where_all_is_lost(self) -> None:
        lost = continuous_rate(rate=[-1.0, -2.0, np.nan], years=1.0, compounding=Compounding.ANNUAL)
        assert np.isnan(lost).all()


class TestCurve:
    def test_gives_its_points_back_and_is_log_linear_between(self) -> None:
        curve = curve_from_zero_rates(years=[0.5, 1.0, 2.0], rate=[0.04, 0.042, 0.039])
        found = curve.at(np.array([0.5, 1.0, 1.5, 2.0]))
        np.testing.assert_allclose(found.rate[[0, 1, 3]], [0.04, 0.042, 0.039], rtol=1e-14)
        assert found.discount[2] == pytest.approx(
            np.sqrt(found.discount[1] * found.discount[3]), rel=1e-14
        )

    def test_before_its_first_point_has_that_rate(self) -> None:
        found = curve_from_zero_rates(years=[0.5], rate=[0.04]).at(np.array([0.0, 1e-6, 0.25]))
        np.testing.assert_allclose(found.rate, 0.04, rtol=1e-9)
        assert found.discount[0] == 1.0

    def test_never_extrapolates_in_silence(self) -> None:
        found = curve_from_zero_rates(years=[0.5, 1.0], rate=[0.04, 0.04]).at(
            np.array([1.0, 1.0001, -0.1, np.nan, np.inf])
        )
        assert found.status.tolist() == [
            RateStatus.OK,
            RateStatus.BEYOND_LAST,
            RateStatus.INVALID,
            RateStatus.INVALID,
            RateStatus.INVALID,
        ]
        assert np.isnan(found.rate[1:]).all()
        assert np.isnan(found.discount[1:]).all()

    def test_factors_fall_where_forward_rates_are_positive(self) -> None:
        curve = curve_from_zero_rates(years=[0.1, 0.5, 1.0, 3.0], rate=[0.05, 0.03, 0.04, 0.02])
        assert np.all(np.diff(curve.at(np.linspace(0, 3, 301)).discount) < 0)

    @pytest.mark.parametrize(
        ("years", "discounts"),
        [
            ((), ()),
            ((1.0,), (0.9, 0.8)),
            ((0.0, 1.0), (1.0, 0.9)),
            ((1.0, 1.0), (0.9, 0.9)),
            ((1.0, np.nan), (0.9, 0.9)),
            ((1.0,), (0.0,)),
            ((1.0,), (np.nan,)),
        ],
    )
    def test_refuses_what_is_no_curve(self, years: Any, discounts: Any) -> None:
        with pytest.raises(ValueError, match=r"curve|discount factor"):
            RateCurve(years, discounts)


class TestParYields:
    def test_bonds_of_the_par_yields_cost_par(self) -> None:
        years = np.array([0.25, 0.5, 1.0, 2.0, 3.0, 5.0])
        yields = np.array([0.052, 0.051, 0.048, 0.044, 0.042, 0.041])
        curve = curve_from_par_yields(years=years, par_yield=yields)
        for tenor, par in zip(years[2:], yields[2:], strict=True):
            coupons = curve.at(np.arange(0.5, tenor + 0.1, 0.5)).discount
            assert par / 2 * coupons.sum() + coupons[-1] == pytest.approx(1.0, abs=1e-14)
        bills = curve.at(years[:2]).discount
        np.testing.assert_allclose(bills, 1 / (1 + yields[:2] * years[:2]), rtol=1e-14)

    def test_a_flat_curve_is_flat(self) -> None:
        curve = curve_from_par_yields(years=[0.5, 2.0, 10.0], par_yield=[0.04, 0.04, 0.04])
        np.testing.assert_allclose(
            curve.at(np.arange(0.5, 10.1, 0.5)).rate, 2 * np.log(1.02), rtol=1e-12
        )

    def test_without_bills_begins_at_half_a_year(self) -> None:
        curve = curve_from_par_yields(years=[2.0], par_yield=[0.04])
        assert curve.years == (0.5, 1.0, 1.5, 2.0)

    def test_yields_that_no_prices_fit_are_refused(self) -> None:
        with pytest.raises(ValueError, match="positive number"):
            curve_from_par_yields(years=[0.5, 1.0, 10.0], par_yield=[0.0, 0.0, 0.5])


@pytest.mark.recorded
def test_every_recorded_treasury_day_becomes_a_curve() -> None:
    path = recorded("market/researchlab/rates/us-treasury-curve.json")
    days = orjson.loads(path.read_bytes())["families"]["nominal"]["rows"]
    tenors = {"y3m": 0.25, "y2": 2.0, "y5": 5.0, "y10": 10.0, "y30": 30.0}
    assert len(days) > 100
    for day in days:
        yields = np.array([day[name] for name in tenors]) / 100
        curve = curve_from_par_yields(years=list(tenors.values()), par_yield=yields)
        found = curve.at(np.linspace(0.01, 30, 200))
        assert np.all(found.status == RateStatus.OK)
        # Zero rates stay near the par yields they come from.
        assert found.rate.min() > yields.min() - 0.01
        assert found.rate.max() < yields.max() + 0.01
