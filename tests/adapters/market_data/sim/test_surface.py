"""The conditions that the surface checks are enough: no butterfly, no calendar arbitrage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.adapters.market_data.sim.hashing import Floats
from optix.adapters.market_data.sim.names import DEFAULT_NAMES
from optix.adapters.market_data.sim.surface import SurfaceArbitrage, SurfaceShape
from optix.quant import black_scholes


@st.composite
def shapes(draw: st.DrawFn) -> SurfaceShape:
    rho = draw(st.floats(-0.95, 0.95))
    return SurfaceShape(
        vol_long=draw(st.floats(0.05, 1.5)),
        rho=rho,
        eta=draw(st.floats(0.05, 1.0)) * 2.0 / (1.0 + abs(rho)),
        gamma=draw(st.floats(0.05, 0.5)),
        reversion_annual=draw(st.floats(0.2, 12.0)),
    )


vols = st.floats(0.03, 2.5)
expiries = st.floats(1e-4, 3.0)
CASES = [name.surface for name in DEFAULT_NAMES if name.surface is not None]


def butterfly(shape: SurfaceShape, k: Floats, theta: Floats, rho: Floats) -> Floats:
    """Return g(k), the density up to a positive factor, with analytic derivatives of w."""
    phi = shape.eta / (theta**shape.gamma * (1 + theta) ** (1 - shape.gamma))
    root = np.sqrt((phi * k + rho) ** 2 + 1 - rho**2)
    w = shape.total_variance(k, theta, rho)
    first = 0.5 * theta * phi * (rho + (phi * k + rho) / root)
    second = 0.5 * theta * phi**2 * (1 - rho**2) / root**3
    density: Floats = (
        (1 - k * first / (2 * w)) ** 2 - 0.25 * first**2 * (1 / w + 0.25) + 0.5 * second
    )
    return density


class TestNoArbitrage:
    @given(shape=shapes(), vol=vols, years=expiries)
    def test_the_implied_density_is_nowhere_negative(
        self, shape: SurfaceShape, vol: float, years: float
    ) -> None:
        theta = shape.theta(vol, years)
        k = np.linspace(-8, 8, 401) * np.sqrt(theta)
        assert butterfly(shape, k, theta, shape.tilt(vol)).min() >= -1e-9

    @given(shape=shapes(), vol=vols, years=expiries, longer=st.floats(1e-4, 2.0))
    def test_total_variance_rises_with_time_at_every_moneyness(
        self, shape: SurfaceShape, vol: float, years: float, longer: float
    ) -> None:
        k = np.linspace(-1.5, 1.5, 201)
        near = shape.total_variance(k, shape.theta(vol, years), shape.tilt(vol))
        far = shape.total_variance(k, shape.theta(vol, years + longer), shape.tilt(vol))
        assert (far - near).min() >= -1e-12

    @pytest.mark.parametrize("shape", CASES)
    @pytest.mark.parametrize("years", [0.5 / 365, 7 / 365, 0.25, 2.5])
    def test_calls_fall_and_are_convex_in_strike(self, shape: SurfaceShape, years: float) -> None:
        strikes = np.linspace(0.5, 1.6, 400)
        theta = shape.theta(shape.vol_long, years)
        rho = shape.tilt(shape.vol_long)
        vol = np.sqrt(shape.total_variance(np.log(strikes), theta, rho) / years)
        calls = black_scholes.price(
            forward=1.0, strike=strikes, expiry_years=years, vol=vol, rate=0.0, is_call=True
        )
        slopes = np.diff(calls) / np.diff(strikes)
        assert slopes.max() <= 1e-12
        assert slopes.min() >= -1 - 1e-9
        assert np.diff(slopes).min() >= -1e-9

    def test_the_middle_of_the_smile_is_the_given_variance(self) -> None:
        shape = CASES[0]
        theta = shape.theta(0.2, 0.25)
        assert shape.total_variance(np.zeros(1), theta, shape.rho)[0] == pytest.approx(float(theta))

    def test_fear_makes_the_skew_steeper_and_calm_flatter(self) -> None:
        index = CASES[0]
        assert index.tilt(2 * index.vol_long) < index.rho < index.tilt(0.5 * index.vol_long) < 0

    def test_an_index_has_dearer_puts_than_calls(self) -> None:
        theta = CASES[0].theta(0.16, 30 / 365)
        put, call = CASES[0].total_variance(np.array([-0.1, 0.1]), theta, CASES[0].rho)
        assert put > 1.3 * call


class TestBadParameters:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"rho": 1.0}, "rho"),
            ({"rho": -1.2}, "rho"),
            ({"rho": float("nan")}, "rho"),
            ({"eta": 0.0}, "eta"),
            ({"eta": 1.9}, "eta"),
            ({"gamma": 0.6}, "gamma"),
            ({"gamma": 0.0}, "gamma"),
            ({"vol_long": 0.0}, "volatility"),
            ({"vol_long": float("nan")}, "volatility"),
            ({"reversion_annual": -1.0}, "reversion"),
        ],
    )
    def test_parameters_that_allow_arbitrage_are_refused(
        self, change: dict[str, float], reason: str
    ) -> None:
        good = {"vol_long": 0.2, "rho": -0.5, "eta": 1.0}
        with pytest.raises(SurfaceArbitrage, match=reason):
            SurfaceShape(**(good | change))
