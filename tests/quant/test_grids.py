"""Grids against the model cell by cell, for every implementation; dynamics by their definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optix.quant import black_scholes, kernels
from optix.quant.arrays import FloatArray
from optix.quant.black_scholes import AllGreeks
from optix.quant.grids import (
    Legs,
    SmileDynamics,
    exposure,
    scenario_matrix,
    shifted_vols,
    value_cube,
)

FACTORS = np.linspace(0.7, 1.4, 71)
SPOT = 100.0


def book(rows: int = 40) -> dict[str, Any]:
    draw = np.random.default_rng(7)
    years = np.exp(draw.uniform(np.log(1e-4), np.log(3.0), rows))
    return {
        "spot": np.full(rows, SPOT),
        "forward": SPOT * np.exp(0.03 * years),
        "strike": draw.uniform(60.0, 160.0, rows),
        "expiry_years": years,
        "vol": draw.uniform(0.05, 1.2, rows),
        "rate": np.full(rows, 0.04),
        "is_call": draw.random(rows) < 0.5,
    }


def weights(rows: int = 40) -> FloatArray:
    return np.random.default_rng(8).normal(size=rows) * 100.0


def cell(terms: dict[str, Any], factor: float) -> AllGreeks:
    moved = {name: terms[name] * factor for name in ("spot", "forward")}
    return black_scholes.greeks(**(terms | moved))


def smile(log_moneyness: FloatArray, expiry_years: FloatArray) -> FloatArray:
    return 0.2 - 0.1 * log_moneyness / np.sqrt(expiry_years + 0.1) + 0.3 * log_moneyness**2


@pytest.fixture(params=kernels.available(), autouse=True)
def _each_kernel(request: pytest.FixtureRequest, use_kernel: Callable[[str], None]) -> None:
    use_kernel(request.param)


class TestExposure:
    def test_is_the_weighted_sum_at_every_spot(self) -> None:
        terms, weight = book(), weights()
        found = exposure(**terms, weight=weight, spot_factors=FACTORS)
        assert found.counted == 40
        for place, factor in enumerate(FACTORS):
            for one, columns in zip(found.greeks, cell(terms, factor), strict=True):
                assert one[place] == pytest.approx(
                    float(weight @ columns), rel=1e-9, abs=1e-9 * float(np.abs(columns).max())
                )

    def test_groups_are_summed_apart(self) -> None:
        terms, weight = book(), weights()
        group = np.arange(40) % 3
        found = exposure(**terms, weight=weight, group=group, spot_factors=FACTORS)
        whole = exposure(**terms, weight=weight, spot_factors=FACTORS)
        for apart, together in zip(found.greeks, whole.greeks, strict=True):
            assert apart.shape == (3, FACTORS.size)
            np.testing.assert_allclose(
                apart.sum(axis=0), together, rtol=1e-10, atol=1e-11 * np.abs(apart).max()
            )

    @pytest.mark.parametrize("name", ["spot", "forward", "strike", "vol", "expiry_years"])
    def test_a_contract_with_a_missing_number_is_left_out(self, name: str) -> None:
        terms, weight = book(), weights()
        spoilt = terms | {name: np.where(np.arange(40) == 5, np.nan, terms[name])}
        found = exposure(**spoilt, weight=weight, spot_factors=[1.0])
        kept = np.where(np.arange(40) == 5, 0.0, weight)
        assert found.counted == 39
        assert found.greeks.delta[0] == pytest.approx(float(kept @ cell(terms, 1.0).delta))

    def test_contracts_out_of_the_ordinary_take_part(self) -> None:
        """Expired, without volatility, and priced in numbers that the kernels do not take."""
        terms: dict[str, Any] = {
            "spot": np.array([100.0, 100.0, 1e80]),
            "forward": np.array([100.0, 101.0, 1e80]),
            "strike": np.array([90.0, 90.0, 1e80]),
            "expiry_years": np.array([0.0, 0.5, 0.5]),
            "vol": np.array([0.2, 0.0, 0.2]),
            "rate": 0.0,
            "is_call": True,
        }
        group = np.arange(3)
        found = exposure(**terms, weight=2.0, group=group, spot_factors=[0.8, 1.0])
        for place, factor in enumerate((0.8, 1.0)):
            expected = 2.0 * cell(terms, factor).delta
            np.testing.assert_allclose(found.greeks.delta[:, place], expected, rtol=1e-12)
        assert found.greeks.delta[0].tolist() == [0.0, 2.0]

    def test_an_empty_book_is_nothing(self) -> None:
        found = exposure(**book(0), weight=weights(0), spot_factors=FACTORS)
        assert found.counted == 0
        assert not np.stack(found.greeks).any()

    @pytest.mark.parametrize("factor", [0.0, -1.0, np.nan, 1e5])
    def test_an_impossible_spot_is_refused(self, factor: float) -> None:
        with pytest.raises(ValueError, match="grid of spots"):
            exposure(**book(), weight=1.0, spot_factors=[1.0, factor])

    def test_a_negative_group_is_refused(self) -> None:
        with pytest.raises(ValueError, match="from 0"):
            exposure(**book(), weight=1.0, group=np.full(40, -1), spot_factors=FACTORS)

    def test_the_smile_moves_the_volatilities(self) -> None:
        terms, weight = book(), weights()
        factor = 1.1
        found = exposure(
            **terms,
            weight=weight,
            spot_factors=[factor],
            dynamics=SmileDynamics.STICKY_DELTA,
            smile=smile,
        )
        k = np.log(terms["strike"] / terms["forward"])
        years = terms["expiry_years"]
        vol = terms["vol"] + smile(k - np.log(factor), years) - smile(k, years)
        expected = cell(terms | {"vol": np.maximum(vol, 1e-9)}, factor)
        assert found.greeks.vega[0] == pytest.approx(float(weight @ expected.vega), rel=1e-10)


class TestDynamics:
    k = np.array([-0.2, 0.0, 0.3])
    years = np.array([0.1, 0.5, 1.0])
    vol = np.array([0.3, 0.2, 0.25])

    def shifted(self, dynamics: SmileDynamics) -> FloatArray:
        return shifted_vols(
            vol=self.vol,
            log_moneyness=self.k,
            expiry_years=self.years,
            spot_factors=np.array([0.9, 1.0, 1.1]),
            dynamics=dynamics,
            smile=None if dynamics is SmileDynamics.STICKY_STRIKE else smile,
        )

    def test_sticky_strike_holds_each_volatility(self) -> None:
        assert self.shifted(SmileDynamics.STICKY_STRIKE).tolist() == self.vol[:, None].tolist()

    def test_sticky_delta_keeps_todays_volatility_and_moves_along_the_smile(self) -> None:
        found = self.shifted(SmileDynamics.STICKY_DELTA)
        np.testing.assert_allclose(found[:, 1], self.vol, rtol=1e-15)
        # After a fall of the spot a strike is further up: on a falling smile, at a lower vol.
        assert (found[:2, 0] < found[:2, 1]).all()

    def test_flat_gives_every_strike_the_volatility_at_the_forward(self) -> None:
        found = self.shifted(SmileDynamics.FLAT)
        np.testing.assert_allclose(found[:, 0], 0.2)

    @pytest.mark.parametrize("dynamics", [SmileDynamics.STICKY_DELTA, SmileDynamics.FLAT])
    def test_a_missing_smile_is_said(self, dynamics: SmileDynamics) -> None:
        with pytest.raises(ValueError, match="need a smile"):
            exposure(**book(), weight=1.0, spot_factors=FACTORS, dynamics=dynamics)


CONDOR = Legs(
    kind=[1, 1, -1, -1, 0],
    strike=[110.0, 120.0, 90.0, 80.0, 0.0],
    expiry_years=[0.1, 0.1, 0.1, 0.2, 0.0],
    vol=[0.2, 0.19, 0.24, 0.28, 0.0],
    rate=0.04,
    carry=0.02,
    quantity=[-100.0, 100.0, -100.0, 100.0, 30.0],
)


class TestCube:
    ahead = np.array([0.0, 0.05, 0.1, 0.15])
    shifts = np.array([-0.3, 0.0, 0.1])

    def cube(self, **changes: Any) -> FloatArray:
        given: dict[str, Any] = {
            "legs": CONDOR,
            "spot": SPOT,
            "spot_factors": FACTORS,
            "years_ahead": self.ahead,
            "vol_shifts": self.shifts,
        }
        return value_cube(**(given | changes))

    def expected(self, factor: float, ahead: float, shift: float) -> float:
        kind, strike, years, vol, rate, carry, quantity = (
            np.broadcast_to(np.asarray(column, dtype=np.float64), 5)[:4] for column in CONDOR
        )
        left = np.maximum(years - ahead, 0.0)
        left[left < 1e-12] = 0.0
        values = black_scholes.price(
            forward=SPOT * factor * np.exp(carry * left),
            strike=strike,
            expiry_years=left,
            vol=np.maximum(vol + shift, 1e-9),
            rate=rate,
            is_call=kind > 0,
        )
        return float(quantity @ values) + 30.0 * SPOT * factor

    def test_every_cell_is_the_sum_of_its_legs(self) -> None:
        found = self.cube()
        assert found.shape == (FACTORS.size, 4, 3)
        for i in range(0, FACTORS.size, 7):
            for j, ahead in enumerate(self.ahead):
                for k, shift in enumerate(self.shifts):
                    expected = self.expected(float(FACTORS[i]), float(ahead), float(shift))
                    assert found[i, j, k] == pytest.approx(expected, rel=1e-12)

    def test_threads_do_not_change_a_digit(self) -> None:
        assert np.array_equal(self.cube(threads=3), self.cube())

    def test_after_the_last_expiry_only_intrinsic_value_is_left(self) -> None:
        found = self.cube(years_ahead=[1.0], spot_factors=[0.7, 1.0, 1.3])
        assert found[:, 0, 1].tolist() == pytest.approx([1100.0, 3000.0, 2900.0])

    def test_the_smile_moves_the_volatilities_of_legs(self) -> None:
        held = self.cube(spot_factors=[1.0, 1.1])
        moved = self.cube(spot_factors=[1.0, 1.1], dynamics=SmileDynamics.STICKY_DELTA, smile=smile)
        assert moved[0, 0, 1] == pytest.approx(held[0, 0, 1])
        assert abs(moved[1, 0, 1] - held[1, 0, 1]) > 0.1

    @pytest.mark.parametrize(
        "bad",
        [
            {"kind": [2.0]},
            {"strike": [-1.0]},
            {"strike": [np.nan]},
            {"vol": [-0.1]},
            {"vol": [np.nan]},
            {"expiry_years": [np.inf]},
            {"rate": [1e9]},
            {"quantity": [np.nan]},
        ],
        ids=str,
    )
    def test_an_impossible_leg_is_refused(self, bad: dict[str, list[float]]) -> None:
        leg = Legs(
            kind=[1.0], strike=100.0, expiry_years=0.5, vol=0.2, rate=0.0, carry=0.0, quantity=1
        )
        with pytest.raises(ValueError, match="leg or an axis"):
            self.cube(legs=leg._replace(**bad))

    def test_an_impossible_axis_is_refused(self) -> None:
        with pytest.raises(ValueError, match="leg or an axis"):
            self.cube(years_ahead=[0.0, np.nan])


class TestScenarios:
    def test_are_gains_over_todays_value(self) -> None:
        found = scenario_matrix(
            legs=CONDOR, spot=SPOT, spot_factors=[0.9, 1.0, 1.1], vol_shifts=[-0.05, 0.0, 0.05]
        )
        assert found.shape == (3, 3)
        assert found[1, 1] == 0.0
        cube = value_cube(
            legs=CONDOR, spot=SPOT, spot_factors=[0.9, 1.0, 1.1], vol_shifts=[-0.05, 0.0, 0.05]
        )
        np.testing.assert_allclose(found, cube[:, 0] - cube[1, 0, 1], rtol=1e-12, atol=1e-9)

    def test_may_lie_ahead(self) -> None:
        later = scenario_matrix(
            legs=CONDOR, spot=SPOT, spot_factors=[1.0], vol_shifts=[0.0], years_ahead=0.05
        )
        assert later[0, 0] > 0, "a short condor in the middle earns by waiting"
