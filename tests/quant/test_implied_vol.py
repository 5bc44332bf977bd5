"""Volatilities against 50-digit values and round trips; every way to have none has its status."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.quant.golden_black import GOLDEN, Golden

from optix.quant import black_scholes
from optix.quant.implied_vol import ImpliedVol, IvStatus, implied_vol

EPS = float(np.finfo(np.float64).eps)


def solved(price: Any, **changes: Any) -> ImpliedVol:
    given: dict[str, Any] = {
        "forward": 100.0,
        "strike": 95.0,
        "expiry_years": 0.5,
        "rate": 0.04,
        "is_call": True,
    }
    return implied_vol(price=price, **(given | changes))


def status_of(price: Any, **changes: Any) -> IvStatus:
    found = solved(price, **changes)
    assert np.isnan(found.vol) == (found.status != IvStatus.OK)
    return IvStatus(int(found.status))


class TestAccuracy:
    @pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row.name)
    def test_returns_the_volatility_of_a_fifty_digit_price(self, row: Golden) -> None:
        found = implied_vol(
            price=row.price,
            forward=row.spot * np.exp((row.rate - row.dividend_yield) * row.years),
            strike=row.strike,
            expiry_years=row.years,
            rate=row.rate,
            is_call=row.is_call,
        )
        # What an ulp of price or forward moves the volatility.
        condition = max(1.0, max(row.price, abs(row.delta) * row.spot) / (row.vega * row.vol))
        assert found.status == IvStatus.OK
        assert float(found.vol) == pytest.approx(row.vol, rel=10 * EPS * condition)

    def test_round_trips_over_volatilities_from_a_basis_point_to_thousands_of_percent(self) -> None:
        vol = np.geomspace(1e-4, 20.0, 400)
        strike = 100 * np.exp(0.7 * vol * np.sqrt(0.5))
        value = black_scholes.price(
            forward=100.0, strike=strike, expiry_years=0.5, vol=vol, rate=0.04, is_call=True
        )
        found = solved(value, strike=strike)
        usable = value < 100 * np.exp(-0.02) * (1 - 1e-9)
        assert (found.status == IvStatus.OK)[usable].all()
        np.testing.assert_allclose(found.vol[usable], vol[usable], rtol=1e-6)
        tame = vol < 3
        np.testing.assert_allclose(found.vol[tame], vol[tame], rtol=1e-12)

    def test_solves_at_the_money_exactly(self) -> None:
        vol = np.geomspace(1e-5, 5.0, 100)
        value = black_scholes.price(
            forward=100.0, strike=100.0, expiry_years=1.0, vol=vol, rate=0.0, is_call=False
        )
        found = solved(value, strike=100.0, expiry_years=1.0, rate=0.0, is_call=False)
        np.testing.assert_allclose(found.vol, vol, rtol=1e-13)

    def test_solves_prices_hundreds_of_orders_of_magnitude_below_a_cent(self) -> None:
        vol = 0.2
        strike = 100 * np.exp(np.array([20.0, 30.0, 36.0]) * vol)
        value = black_scholes.price(
            forward=100.0, strike=strike, expiry_years=1.0, vol=vol, rate=0.0, is_call=True
        )
        assert value[-1] < 1e-280
        found = solved(value, strike=strike, expiry_years=1.0, rate=0.0)
        np.testing.assert_allclose(found.vol, vol, rtol=1e-13)


class TestStatuses:
    discount = float(np.exp(-0.02))

    def test_a_price_below_intrinsic_value_has_no_volatility(self) -> None:
        assert status_of(4.99 * self.discount) is IvStatus.BELOW_INTRINSIC
        assert status_of(-0.01, strike=105.0) is IvStatus.BELOW_INTRINSIC

    def test_a_price_at_intrinsic_value_has_no_time_value(self) -> None:
        assert status_of(5.0 * self.discount) is IvStatus.NO_TIME_VALUE
        assert status_of(0.0, strike=105.0) is IvStatus.NO_TIME_VALUE

    def test_a_price_at_the_value_of_the_forward_or_the_strike_is_above_the_maximum(self) -> None:
        assert status_of(100.0 * self.discount) is IvStatus.ABOVE_MAXIMUM
        assert status_of(200.0) is IvStatus.ABOVE_MAXIMUM
        assert status_of(96.0, is_call=False) is IvStatus.ABOVE_MAXIMUM

    def test_without_time_left_it_is_expired(self) -> None:
        assert status_of(5.0, expiry_years=0.0) is IvStatus.EXPIRED
        assert status_of(5.0, expiry_years=-1.0) is IvStatus.EXPIRED

    @pytest.mark.parametrize(
        "bad",
        [
            {"price": np.nan},
            {"price": np.inf},
            {"forward": np.nan},
            {"forward": 0.0},
            {"forward": -1.0},
            {"strike": np.nan},
            {"strike": 0.0},
            {"expiry_years": np.nan},
            {"expiry_years": np.inf},
            {"rate": np.nan},
        ],
    )
    def test_an_impossible_input_is_invalid(self, bad: dict[str, float]) -> None:
        assert status_of(**({"price": 8.0} | bad)) is IvStatus.INVALID

    def test_running_out_of_steps_is_said(
        self, monkeypatch: pytest.MonkeyPatch, use_kernel: Callable[[str], None]
    ) -> None:
        use_kernel("numpy")
        # The package has the function under the name of the module.
        monkeypatch.setattr(sys.modules["optix.quant.implied_vol"], "_STEPS_MAX", 1)
        assert status_of(8.0) is IvStatus.NOT_CONVERGED

    def test_a_bad_row_leaves_its_neighbours_alone(self) -> None:
        found = solved(np.array([np.nan, 8.0, 0.0, 500.0]))
        assert found.status.tolist() == [
            IvStatus.INVALID,
            IvStatus.OK,
            IvStatus.BELOW_INTRINSIC,
            IvStatus.ABOVE_MAXIMUM,
        ]
        assert np.isfinite(found.vol).tolist() == [False, True, False, False]

    def test_never_answers_with_a_sentinel(self) -> None:
        # Feeds carry 1e-5 for "no volatility". A cent over intrinsic value is not that.
        found = solved(5.0 * self.discount + np.array([0.0, 1e-9, 0.01]))
        assert np.isnan(found.vol[0])
        assert (found.vol[1:] > 1e-3).all()


class TestShapes:
    def test_sides_broadcast_too(self) -> None:
        found = solved(8.0, is_call=np.array([[True], [False]]), strike=np.array([95.0, 100.0]))
        assert found.vol.shape == (2, 2)
        assert found.status.shape == (2, 2)

    def test_numbers_give_a_number(self) -> None:
        assert solved(8.0).vol.shape == ()

    def test_an_empty_chain_is_an_empty_answer(self) -> None:
        assert solved(np.array([])).vol.shape == (0,)
