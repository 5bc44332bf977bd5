"""Two boundaries: Greeks against differences, volatilities back, and what exercise looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optix.quant import american
from optix.quant.american_double import boundaries
from optix.quant.american_numpy import Terms
from optix.quant.american_rows import AmericanStatus
from optix.quant.american_scheme import fast
from optix.quant.implied_vol import IvStatus

CASES: dict[str, dict[str, Any]] = {
    "apart": {"rate": -0.01, "dividend_yield": -0.04, "expiry_years": 1.0, "vol": 0.1},
    "met": {"rate": -0.02, "dividend_yield": -0.06, "expiry_years": 2.0, "vol": 0.5},
}
SPOTS = np.array([15.0, 96.0, 104.0])


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"strike": 100.0, "is_call": False} | CASES[request.param]


class TestBoundaries:
    def test_begin_at_the_strike_and_at_rate_over_yield(self) -> None:
        terms = Terms(*(np.array([x]) for x in (-0.01, -0.04, 0.1, 1e-6)))
        found = boundaries(fast(), terms)
        assert float(found.upper[-1, 0]) == pytest.approx(0.0, abs=1e-3)
        assert float(found.lower[-1, 0]) == pytest.approx(np.log(0.25), abs=1e-3)

    def test_reach_to_now_or_to_where_they_meet(self) -> None:
        terms = Terms(
            *(
                np.array([x, y])
                for x, y in zip((-0.01, -0.04, 0.1, 1.0), (-0.02, -0.06, 0.5, 2.0), strict=True)
            )
        )
        found = boundaries(fast(), terms)
        assert float(found.horizon[0]) == pytest.approx(1.0)
        assert 0.5 < float(found.horizon[1]) < 1.0
        assert (np.diff(found.upper, axis=0) < 0).all()
        assert (np.diff(found.lower, axis=0) > 0).all()


class TestGreeks:
    def test_agree_with_differences_of_the_price(self, case: dict[str, Any]) -> None:
        found = american.greeks(spot=SPOTS, **case)

        def slope(name: str, bump: float) -> Any:
            given = {"spot": SPOTS} | case
            ends = [american.price(**(given | {name: given[name] + x})) for x in (bump, -bump)]
            return (ends[0] - ends[1]) / (2 * bump)

        np.testing.assert_allclose(found.delta, slope("spot", 1e-3), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.vega, slope("vol", 1e-4), rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(found.rho, slope("rate", 1e-5), rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(-found.theta, slope("expiry_years", 1e-3), rtol=1e-3, atol=1e-3)

    def test_between_the_boundaries_it_is_exercised(self) -> None:
        case: dict[str, Any] = {"strike": 100.0, "is_call": False} | CASES["apart"]
        found = american.greeks(spot=np.array([20.0, 60.0, 97.0]), **case)
        assert found.status.tolist() == [
            AmericanStatus.OK,
            AmericanStatus.EXERCISED,
            AmericanStatus.OK,
        ]
        assert (float(found.price[1]), float(found.delta[1])) == (40.0, -1.0)
        assert (found.price[[0, 2]] > [80.0, 3.0]).all()


class TestImpliedVol:
    def test_comes_back_with_its_greeks(self, case: dict[str, Any]) -> None:
        vol = case.pop("vol")
        price = american.price(spot=SPOTS, vol=vol, **case)
        solved, found = american.implied_vol_and_greeks(price=price, spot=SPOTS, **case)
        usable = solved.status == IvStatus.OK
        assert usable[1:].all()
        np.testing.assert_allclose(solved.vol[usable], vol, rtol=1e-6)
        np.testing.assert_allclose(found.price[usable], price[usable], atol=1e-5)

    def test_exercise_value_and_the_greatest_price_have_none(self) -> None:
        case: dict[str, Any] = {"strike": 100.0, "is_call": False} | CASES["apart"]
        del case["vol"]
        found = american.implied_vol(price=np.array([40.0, 101.01]), spot=60.0, **case)
        assert found.status.tolist() == [IvStatus.NO_TIME_VALUE, IvStatus.ABOVE_MAXIMUM]
