"""Prices and Greeks against 50-digit values, limits against arithmetic, bad rows against NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.quant.golden_black import GOLDEN, Golden

from optix.quant import black_scholes
from optix.quant.arrays import FloatArray
from optix.quant.black_scholes import AllGreeks, Greeks

EPS = float(np.finfo(np.float64).eps)


def greeks_of(row: Golden) -> AllGreeks:
    return black_scholes.greeks(
        spot=row.spot,
        forward=row.spot * np.exp((row.rate - row.dividend_yield) * row.years),
        strike=row.strike,
        expiry_years=row.years,
        vol=row.vol,
        rate=row.rate,
        is_call=row.is_call,
    )


def priced(**changes: Any) -> FloatArray:
    given: dict[str, Any] = {
        "forward": 100.0,
        "strike": 95.0,
        "expiry_years": 0.5,
        "vol": 0.2,
        "rate": 0.04,
        "is_call": True,
    }
    return black_scholes.price(**(given | changes))


def derived(**changes: Any) -> AllGreeks:
    given: dict[str, Any] = {
        "spot": 99.0,
        "forward": 100.0,
        "strike": 95.0,
        "expiry_years": 0.5,
        "vol": 0.2,
        "rate": 0.04,
        "is_call": True,
    }
    return black_scholes.greeks(**(given | changes))


class TestGoldenValues:
    @pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row.name)
    @pytest.mark.parametrize("name", Greeks._fields)
    def test_agrees_with_fifty_digits(self, row: Golden, name: str) -> None:
        total = row.vol * np.sqrt(row.years)
        d1 = abs(np.log(row.spot / row.strike)) / total + total
        # The forward's own rounding moves ln(F/K) by an ulp, which d1 multiplies.
        bound = 100 * EPS * (1 + d1 * d1 + d1 / total)
        assert getattr(greeks_of(row), name) == pytest.approx(getattr(row, name), rel=bound)

    def test_agrees_with_the_textbook_pair(self) -> None:
        # Hull, Options, Futures and Other Derivatives, example 15.6: 4.76 and 0.81.
        values = priced(
            forward=42 * np.exp(0.05), strike=40, rate=0.1, is_call=np.array([True, False])
        )
        assert values.round(2).tolist() == [4.76, 0.81]


class TestLimits:
    def test_at_expiry_the_price_is_intrinsic_value(self) -> None:
        strikes = np.array([90.0, 100.0, 110.0])
        calls = priced(strike=strikes, expiry_years=0.0)
        puts = priced(strike=strikes, expiry_years=-1.0, is_call=False)
        assert calls.tolist() == [10.0, 0.0, 0.0]
        assert puts.tolist() == [0.0, 0.0, 10.0]

    def test_at_expiry_delta_is_zero_or_one_and_the_rest_zero(self) -> None:
        strikes = np.array([90.0, 100.0, 110.0])
        calls = derived(strike=strikes, expiry_years=0.0)
        puts = derived(strike=strikes, expiry_years=0.0, is_call=False)
        assert calls.delta.tolist() == [1.0, 0.0, 0.0]
        assert puts.delta.tolist() == [0.0, 0.0, -1.0]
        for name in AllGreeks._fields[2:]:
            assert not getattr(calls, name).any()

    def test_without_volatility_the_price_is_discounted_intrinsic_of_the_forward(self) -> None:
        value = priced(strike=np.array([90.0, 110.0]), vol=0.0)
        np.testing.assert_allclose(value, [10 * np.exp(-0.02), 0.0], rtol=1e-15)

    def test_without_volatility_delta_is_all_or_nothing(self) -> None:
        found = derived(strike=np.array([90.0, 100.0, 110.0]), vol=0.0)
        np.testing.assert_allclose(found.delta, [np.exp(-0.02) * 100 / 99, 0, 0], rtol=1e-15)
        assert found.gamma.tolist() == [0.0, 0.0, 0.0]
        assert found.vega.tolist() == [0.0, 0.0, 0.0]

    def test_without_bounds_on_volatility_the_call_is_worth_the_forward(self) -> None:
        value = priced(vol=np.array([50.0, 1e3, 1e8]))
        np.testing.assert_allclose(value, 100 * np.exp(-0.02), rtol=1e-15)

    def test_far_strikes_keep_relative_accuracy(self) -> None:
        # 30 standard deviations out, where the tail is its asymptotic expansion to 3 in 900.
        strike = 100 * np.exp(30 * 0.02)
        value = float(priced(strike=strike, expiry_years=0.01, rate=0.0))
        h, s = 30.0, 0.02
        tail = np.exp(-0.5 * (h - s / 2) ** 2) / np.sqrt(2 * np.pi)
        assert value == pytest.approx(100 * tail * s / (h * h), rel=5e-3)
        assert value > 0

    def test_deep_in_the_money_is_the_forward_less_the_strike(self) -> None:
        value = priced(strike=1e-6)
        assert float(value) == pytest.approx((100 - 1e-6) * np.exp(-0.02), rel=1e-15)


class TestBadInput:
    @pytest.mark.parametrize(
        "bad",
        [
            {"forward": np.nan},
            {"forward": 0.0},
            {"forward": -5.0},
            {"forward": np.inf},
            {"strike": 0.0},
            {"strike": -1.0},
            {"strike": np.nan},
            {"vol": -0.1},
            {"vol": np.nan},
            {"vol": np.inf},
            {"expiry_years": np.nan},
            {"rate": np.nan},
            {"rate": np.inf},
        ],
    )
    def test_an_impossible_row_is_nan_and_leaves_its_neighbours_alone(
        self, bad: dict[str, float]
    ) -> None:
        ((name, value),) = bad.items()
        good = {"forward": 100.0, "strike": 95.0, "vol": 0.2, "expiry_years": 0.5, "rate": 0.04}
        both = {name: np.array([value, good[name]])}
        assert np.isnan(priced(**both)).tolist() == [True, False]
        for column in derived(**both):
            assert np.isnan(column).tolist() == [True, False]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_an_impossible_yield_is_nan_and_leaves_its_neighbours_alone(self, bad: float) -> None:
        for column in derived(dividend_yield=np.array([bad, 0.01])):
            assert np.isnan(column).tolist() == [True, False]

    def test_a_missing_spot_leaves_the_price_out_of_the_greeks_too(self) -> None:
        found = derived(spot=np.array([np.nan, 0.0, 99.0]))
        for column in found:
            assert np.isnan(column).tolist() == [True, True, False]


class TestShapes:
    def test_everything_broadcasts(self) -> None:
        value = priced(strike=np.array([[90.0], [100.0]]), vol=np.array([0.1, 0.2, 0.3]))
        assert value.shape == (2, 3)

    def test_numbers_give_a_number(self) -> None:
        assert priced().shape == ()
        assert derived().delta.shape == ()

    def test_an_empty_chain_is_an_empty_answer(self) -> None:
        assert priced(strike=np.array([])).shape == (0,)
