"""American prices against a high-precision table, laws of early exercise, and the inverse."""

from __future__ import annotations

import csv
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pytest
from tests.fixtures.recorded import recorded
from tests.quant.golden_american import POINTS, Point

from optix.quant import american, american_numpy, black_scholes, kernels
from optix.quant.american_rows import AmericanGreeks, AmericanStatus
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


def derived(vol: Any = 0.3, **changes: Any) -> AmericanGreeks:
    return american.greeks(vol=vol, **(GIVEN | changes))


def european(vol: Any = 0.3, **changes: Any) -> AllGreeks:
    given = GIVEN | changes
    drift = given["rate"] - given.pop("dividend_yield")
    return black_scholes.greeks(
        forward=given["spot"] * np.exp(drift * given["expiry_years"]), vol=vol, **given
    )


class Table(NamedTuple):
    terms: dict[str, Any]
    price: FloatArray
    uncertainty: FloatArray


def reference_table() -> Table:
    with recorded("pricing/reference_american_shared.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = ("S", "K", "T", "r", "q", "vol", "cp", "price_ref", "uncert_abs")
    S, K, T, r, q, v, side, exact, uncertainty = (
        np.array([float(row[name]) for row in rows]) for name in names
    )
    terms = {
        "spot": S,
        "strike": K,
        "expiry_years": T,
        "rate": r,
        "dividend_yield": q,
        "vol": v,
        "is_call": side > 0,
    }
    return Table(terms, exact, uncertainty)


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
    @pytest.mark.parametrize(("mode", "worst"), [("family", 2e-7), ("single", 1e-7)])
    def test_prices_are_within_the_stated_error_of_the_reference_table(
        self, mode: Literal["family", "single"], worst: float
    ) -> None:
        table = reference_table()
        value = american.price(mode=mode, **table.terms)
        assert (np.abs(value - table.price) / table.terms["strike"]).max() < worst

    @pytest.mark.recorded
    def test_precise_prices_are_within_the_uncertainty_of_the_reference_table(self) -> None:
        table = reference_table()
        value = american.price(mode="precise", **table.terms)
        error = np.abs(value - table.price)
        assert (error <= np.maximum(table.uncertainty, 5e-9 * table.terms["strike"])).all()

    @pytest.mark.parametrize("is_call", [True, False])
    @pytest.mark.parametrize("strike", [80.0, 100.0, 115.0])
    def test_prices_agree_with_a_binomial_tree(self, *, is_call: bool, strike: float) -> None:
        terms = {"strike": strike, "is_call": is_call, "dividend_yield": 0.03}
        tree = binomial(1500, vol=0.25, **terms)
        assert float(priced(0.25, **terms)) == pytest.approx(tree, abs=0.03)  # 3e-4 of strike
        assert tree >= float(european(0.25, **terms).price) - 0.002

    @pytest.mark.parametrize("point", POINTS, ids=str)
    def test_prices_agree_with_two_independent_methods(self, point: Point) -> None:
        for mode, apart in (("single", 1e-7), ("family", 1e-7), ("precise", 0.0)):
            value = american.price(
                spot=100.0,
                strike=point.strike,
                expiry_years=point.days / 365,
                vol=point.vol,
                rate=point.rate,
                dividend_yield=point.dividend_yield,
                is_call=False,
                mode=cast("american.Mode", mode),
            )
            for other in (point.finite_differences, point.lattice):
                assert abs(float(value) - other) < 1e-3 + point.strike * apart

    @pytest.mark.parametrize("mode", ["single", "family", "precise"])
    def test_a_call_is_the_put_with_everything_exchanged(self, mode: american.Mode) -> None:
        for rate, dividend_yield in ((0.05, 0.02), (0.02, 0.05), (-0.04, -0.01), (0.03, -0.02)):
            call = american.price(
                spot=100.0,
                strike=np.array([80.0, 100.0, 125.0]),
                expiry_years=0.7,
                vol=0.3,
                rate=rate,
                dividend_yield=dividend_yield,
                is_call=True,
                mode=mode,
            )
            put = american.price(
                spot=np.array([80.0, 100.0, 125.0]),
                strike=100.0,
                expiry_years=0.7,
                vol=0.3,
                rate=dividend_yield,
                dividend_yield=rate,
                is_call=False,
                mode=mode,
            )
            np.testing.assert_allclose(call, put, rtol=1e-12)


class TestEarlyExercise:
    def test_a_call_without_dividends_is_european(self) -> None:
        terms = {"is_call": True, "dividend_yield": 0.0, "strike": np.array([60.0, 100.0, 140.0])}
        np.testing.assert_allclose(priced(**terms), european(**terms).price, rtol=1e-13)

    def test_a_put_without_interest_is_european(self) -> None:
        terms = {"rate": 0.0, "strike": np.array([60.0, 100.0, 140.0])}
        found, exact = derived(**terms), european(**terms)
        for name in Greeks._fields:
            np.testing.assert_allclose(
                getattr(found, name), getattr(exact, name), rtol=1e-11, atol=1e-12
            )

    def test_a_put_far_in_the_money_is_worth_its_exercise(self) -> None:
        found = derived(strike=200.0)
        assert float(found.price) == 100.0
        assert float(found.delta) == -1.0
        assert [float(x) for x in found[2:10]] == [0.0] * 8
        assert found.status == AmericanStatus.EXERCISED

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
        np.testing.assert_allclose(found.delta, (up - down) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(found.gamma, (up - 2 * mid + down) / h**2, rtol=1e-3)
        higher, lower = (derived(spot=100 + x, **terms) for x in (h, -h))
        speed = (higher.gamma - lower.gamma) / (2 * h)
        np.testing.assert_allclose(found.speed, speed, rtol=1e-4, atol=1e-8)
        vega = (priced(0.3 + 1e-4, **terms) - priced(0.3 - 1e-4, **terms)) / 2e-4
        np.testing.assert_allclose(found.vega, vega, rtol=1e-5, atol=1e-5)
        wild, calm = (derived(0.3 + x, **terms) for x in (1e-4, -1e-4))
        for name, of in (("vanna", "delta"), ("vomma", "vega")):
            bumped = (getattr(wild, of) - getattr(calm, of)) / 2e-4
            np.testing.assert_allclose(getattr(found, name), bumped, rtol=1e-4, atol=1e-4)
        rho = (priced(rate=0.05 + 1e-4, **terms) - priced(rate=0.05 - 1e-4, **terms)) / 2e-4
        np.testing.assert_allclose(found.rho, rho, rtol=1e-4, atol=1e-4)

    def test_theta_and_charm_are_what_waiting_costs(self) -> None:
        found = derived(strike=self.strikes)
        h = 1e-4
        later, sooner = (derived(strike=self.strikes, expiry_years=0.5 + x) for x in (h, -h))
        waited = (sooner.price - later.price) / (2 * h)
        np.testing.assert_allclose(found.theta, waited, rtol=1e-4, atol=1e-4)
        moved = (sooner.delta - later.delta) / (2 * h)
        np.testing.assert_allclose(found.charm, moved, rtol=1e-3, atol=1e-4)

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
        monkeypatch.setattr(american_numpy, "_STEPS_MAX", 1)
        before = kernels.active()
        kernels.use(kernels.NUMPY)
        try:
            found = american.implied_vol(price=12.0, **(GIVEN | {"strike": 108.0}))
        finally:
            kernels.use(before)
        assert found.status == IvStatus.NOT_CONVERGED
        assert np.isnan(found.vol)

    def test_is_found_far_below_and_above_the_european_ones(self) -> None:
        # One family is made for the whole group, and these two are a factor of a hundred apart.
        terms = GIVEN | {"strike": np.array([100.0, 100.05]), "expiry_years": 2.0}
        vol = np.array([3.0, 0.03])
        found = american.implied_vol(price=priced(vol, **terms), **terms)
        np.testing.assert_allclose(found.vol, vol, rtol=1e-4)

    def test_comes_with_the_greeks_of_its_rows(self) -> None:
        strike = np.array([85.0, 100.0, 112.0, 300.0])
        terms = GIVEN | {"strike": strike}
        solved, found = american.implied_vol_and_greeks(price=priced(0.3, **terms), **terms)
        alone = derived(solved.vol, strike=strike)
        assert solved.status.tolist() == [0, 0, 0, IvStatus.NO_TIME_VALUE]
        assert found.status.tolist() == [0, 0, 0, AmericanStatus.INVALID]
        for ours, theirs in zip(found[:10], alone[:10], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)

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
        found = derived(**bad)
        for column in found[:10]:
            assert np.isnan(column)
        assert found.status == AmericanStatus.INVALID

    def test_absurd_volatilities_and_rates_stay_finite(self) -> None:
        value = priced(np.array([1e-4, 5.0, 50.0]), rate=np.array([0.5, 0.001, 0.05]))
        assert np.isfinite(value).all()
        assert (value <= 100.0).all()

    def test_without_volatility_it_is_the_better_of_now_and_then(self) -> None:
        found = derived(0.0, strike=110.0)
        assert (float(priced(0.0, strike=110.0)), float(found.delta)) == (10.0, -1.0)
        assert float(found.theta) == 0.0

    def test_without_volatility_exercise_waits_for_the_best_moment(self) -> None:
        # Interest on the strike is earned first; later the dividends lost on the stock are more.
        moments = np.linspace(0.0, 5.0, 50_001)
        paid = 100 * np.exp(-0.1 * moments) - 120 * np.exp(-0.3 * moments)
        terms = {"spot": 120.0, "rate": 0.1, "dividend_yield": 0.3, "expiry_years": 5.0}
        assert float(priced(0.0, **terms)) == pytest.approx(paid.max(), rel=1e-8)
