"""American prices against a high-precision table, laws of early exercise, and the inverse."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest
from tests.fixtures.recorded import recorded

from optix.quant import american, black_scholes
from optix.quant.arrays import FloatArray
from optix.quant.black_scholes import AllGreeks, Greeks
from optix.quant.implied_vol import IvStatus

GIVEN: dict[str, Any] = {
    "spot": 100.0,
    "strike": 100.0,
    "expiry_years": 0.5,
    "rate": 0.05,
    "dividend_yield": 0.02,
    "is_call": False,
}


def priced(vol: Any = 0.3, **changes: Any) -> FloatArray:
    return american.price(vol=vol, **(GIVEN | changes))


def derived(vol: Any = 0.3, **changes: Any) -> Greeks:
    return american.greeks(vol=vol, **(GIVEN | changes))


def european(vol: Any = 0.3, **changes: Any) -> AllGreeks:
    given = GIVEN | changes
    drift = given["rate"] - given.pop("dividend_yield")
    return black_scholes.greeks(
        forward=given["spot"] * np.exp(drift * given["expiry_years"]), vol=vol, **given
    )


def binomial(steps: int, *, vol: float, **changes: Any) -> float:
    """Price by a Cox-Ross-Rubinstein tree, smoothed by averaging two neighbouring step counts."""
    return 0.5 * (_tree(steps, vol, GIVEN | changes) + _tree(steps + 1, vol, GIVEN | changes))


def _tree(steps: int, vol: float, given: dict[str, Any]) -> float:
    step = given["expiry_years"] / steps
    up = np.exp(vol * np.sqrt(step))
    chance = (np.exp((given["rate"] - given["dividend_yield"]) * step) - 1 / up) / (up - 1 / up)
    discount = np.exp(-given["rate"] * step)
    sign = 1.0 if given["is_call"] else -1.0
    spots = given["spot"] * up ** np.arange(-steps, steps + 1, 2.0)
    values = np.maximum(sign * (spots - given["strike"]), 0)
    for level in range(steps - 1, -1, -1):
        spots = given["spot"] * up ** np.arange(-level, level + 1, 2.0)
        held = discount * (chance * values[1:] + (1 - chance) * values[:-1])
        values = np.maximum(held, sign * (spots - given["strike"]))
    return float(values[0])


class TestReference:
    @pytest.mark.recorded
    def test_prices_are_within_the_stated_error_of_the_reference_table(self) -> None:
        with recorded("pricing/reference_american_shared.csv").open() as file:
            rows = list(csv.DictReader(file))
        S, K, T, r, q, v, side, exact = (
            np.array([float(row[name]) for row in rows])
            for name in ("S", "K", "T", "r", "q", "vol", "cp", "price_ref")
        )
        value = american.price(
            spot=S, strike=K, expiry_years=T, vol=v, rate=r, dividend_yield=q, is_call=side > 0
        )
        error = np.abs(value - exact) / K
        assert len(rows) == 250
        assert np.percentile(error, 50) < 1e-7
        assert np.percentile(error, 90) < 1e-4
        assert error.max() < 1e-3

    @pytest.mark.parametrize("is_call", [True, False])
    @pytest.mark.parametrize("strike", [80.0, 100.0, 115.0])
    def test_prices_agree_with_a_binomial_tree(self, *, is_call: bool, strike: float) -> None:
        terms = {"strike": strike, "is_call": is_call, "dividend_yield": 0.03}
        tree = binomial(1500, vol=0.25, **terms)
        assert float(priced(0.25, **terms)) == pytest.approx(tree, abs=0.03)  # 3e-4 of strike
        assert tree >= float(european(0.25, **terms).price) - 0.002


class TestEarlyExercise:
    def test_a_call_without_dividends_is_european(self) -> None:
        terms = {"is_call": True, "dividend_yield": 0.0, "strike": np.array([60.0, 100.0, 140.0])}
        np.testing.assert_allclose(priced(**terms), european(**terms).price, rtol=1e-14)

    def test_a_put_without_interest_is_european(self) -> None:
        terms = {"rate": 0.0, "strike": np.array([60.0, 100.0, 140.0])}
        for ours, theirs in zip(derived(**terms), european(**terms)[:6], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)

    def test_a_put_far_in_the_money_is_worth_its_exercise(self) -> None:
        found = derived(strike=200.0)
        assert float(found.price) == 100.0
        assert float(found.delta) == -1.0
        assert [float(x) for x in found[2:]] == [0.0, 0.0, 0.0, 0.0]

    def test_a_call_on_a_high_yield_far_in_the_money_is_worth_its_exercise(self) -> None:
        found = derived(strike=40.0, is_call=True, dividend_yield=0.12)
        assert float(found.price) == 60.0
        assert float(found.delta) == 1.0

    def test_is_never_cheaper_than_exercise_or_the_european_option(self) -> None:
        strike = np.linspace(50, 200, 301)
        for is_call in (True, False):
            terms = {"strike": strike, "is_call": is_call}
            value = priced(**terms)
            sign = 1 if is_call else -1
            assert (value >= np.maximum(sign * (100 - strike), 0) - 1e-12).all()
            assert (value >= european(**terms).price - 1e-12).all()

    def test_the_premium_is_the_difference_of_the_two_prices(self) -> None:
        terms = {"strike": np.array([90.0, 100.0, 110.0])}
        premium = american.early_exercise_premium(vol=0.3, **(GIVEN | terms))
        np.testing.assert_allclose(priced(**terms) - european(**terms).price, premium, rtol=1e-12)
        assert (np.diff(premium) > 0).all()


class TestGreeks:
    strikes = np.array([80.0, 95.0, 100.0, 105.0, 112.0])

    @pytest.mark.parametrize("is_call", [True, False])
    def test_agree_with_differences_of_the_price(self, *, is_call: bool) -> None:
        terms: dict[str, Any] = {"strike": self.strikes, "is_call": is_call}
        found, h = derived(**terms), 1e-3
        up, mid, down = (priced(spot=100 + x, **terms) for x in (h, 0, -h))
        np.testing.assert_allclose(found.price, mid, rtol=1e-12)
        np.testing.assert_allclose(found.delta, (up - down) / (2 * h), rtol=1e-5)
        np.testing.assert_allclose(found.gamma, (up - 2 * mid + down) / h**2, rtol=1e-3)
        vega = (priced(0.3 + 1e-4, **terms) - priced(0.3 - 1e-4, **terms)) / 2e-4
        np.testing.assert_allclose(found.vega, vega, rtol=1e-3)
        rho = (priced(rate=0.05 + 1e-4, **terms) - priced(rate=0.05 - 1e-4, **terms)) / 2e-4
        np.testing.assert_allclose(found.rho, rho, rtol=5e-3, atol=1e-3)

    def test_theta_satisfies_the_pricing_equation_and_is_near_a_day_of_waiting(self) -> None:
        found = derived(strike=self.strikes)
        day = 1 / 365
        waited = priced(strike=self.strikes, expiry_years=0.5 - day)
        np.testing.assert_allclose(found.theta / 365, waited - found.price, rtol=0.1)

    def test_at_expiry_only_delta_is_left(self) -> None:
        found = derived(strike=np.array([90.0, 110.0]), expiry_years=0.0)
        assert found.price.tolist() == [0.0, 10.0]
        assert found.delta.tolist() == [0.0, -1.0]
        assert found.theta.tolist() == [0.0, 0.0]


class TestImpliedVol:
    def test_round_trips_both_sides_and_many_strikes(self) -> None:
        strike = np.linspace(70, 130, 61)
        for is_call in (True, False):
            terms = GIVEN | {"strike": strike, "is_call": is_call}
            found = american.implied_vol(price=priced(0.3, **terms), **terms)
            usable = found.status == IvStatus.OK
            assert usable.sum() >= 55
            np.testing.assert_allclose(found.vol[usable], 0.3, rtol=1e-8)
            assert (found.status[~usable] == IvStatus.NO_TIME_VALUE).all()

    def test_round_trips_close_to_the_exercise_boundary(self) -> None:
        # Time value vanishes with the square of the distance, and with it the slope to follow.
        strike, vol = 115.0, np.linspace(0.1, 0.6, 501)
        value = priced(vol, strike=strike)
        found = american.implied_vol(price=value, **(GIVEN | {"strike": strike}))
        alive = value - 15.0 > 1e-7
        assert 100 < alive.sum() < 501
        np.testing.assert_allclose(found.vol[alive], vol[alive], rtol=1e-4)

    def test_an_exercise_value_has_no_volatility(self) -> None:
        found = american.implied_vol(price=10.0, **(GIVEN | {"strike": 110.0}))
        assert found.status == IvStatus.NO_TIME_VALUE
        assert np.isnan(found.vol)

    def test_less_than_exercise_value_is_below_intrinsic(self) -> None:
        found = american.implied_vol(price=9.9, **(GIVEN | {"strike": 110.0}))
        assert found.status == IvStatus.BELOW_INTRINSIC

    def test_more_than_the_strike_is_above_the_maximum(self) -> None:
        assert american.implied_vol(price=101.0, **GIVEN).status == IvStatus.ABOVE_MAXIMUM

    def test_expired_and_invalid_rows_say_so(self) -> None:
        found = american.implied_vol(
            price=np.array([5.0, np.nan, 5.0, 5.0]),
            **(
                GIVEN
                | {
                    "expiry_years": np.array([0.0, 0.5, 0.5, 0.5]),
                    "spot": np.array([100.0, 100.0, np.nan, 100.0]),
                    "dividend_yield": np.array([0.0, 0.0, 0.0, np.inf]),
                }
            ),
        )
        assert found.status.tolist() == [IvStatus.EXPIRED] + [IvStatus.INVALID] * 3

    def test_running_out_of_steps_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(american, "_SEARCH_STEPS_MAX", 1)
        found = american.implied_vol(price=12.0, **(GIVEN | {"strike": 108.0}))
        assert found.status == IvStatus.NOT_CONVERGED
        assert np.isnan(found.vol)

    def test_keeps_the_shape(self) -> None:
        terms = GIVEN | {"strike": np.array([[95.0], [100.0]]), "is_call": np.array([True, False])}
        assert american.implied_vol(price=9.0, **terms).vol.shape == (2, 2)


class TestBadInput:
    @pytest.mark.parametrize(
        "bad",
        [
            {"spot": np.nan},
            {"spot": -1.0},
            {"strike": 0.0},
            {"strike": np.nan},
            {"expiry_years": np.nan},
            {"rate": np.inf},
            {"dividend_yield": np.nan},
        ],
    )
    def test_an_impossible_row_is_nan(self, bad: dict[str, float]) -> None:
        assert np.isnan(priced(**bad))
        assert np.isnan(american.early_exercise_premium(vol=0.3, **(GIVEN | bad)))
        for column in derived(**bad):
            assert np.isnan(column)

    def test_absurd_volatilities_and_rates_stay_finite(self) -> None:
        value = priced(np.array([1e-4, 5.0, 50.0]), rate=np.array([0.5, 0.001, 0.05]))
        assert np.isfinite(value).all()
        assert (value <= 100.0).all()

    def test_without_volatility_it_is_the_better_of_now_and_then(self) -> None:
        assert float(priced(0.0, strike=110.0)) == 10.0
