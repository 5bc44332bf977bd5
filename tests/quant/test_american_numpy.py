"""The NumPy kernels of American options give what the compiled ones do, behind the same calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optix.quant import american, american_kernels, kernels
from optix.quant.american_numpy import Edge, Terms
from optix.quant.american_scheme import fast, precise
from optix.quant.american_tables import family_tables

ROWS = 101  # no multiple of a block or a vector


def book() -> dict[str, Any]:
    draw = np.random.default_rng(20261122)
    return {
        "spot": 100.0,
        "strike": 100.0 * np.exp(draw.normal(0.0, 0.25, ROWS)),
        "expiry_years": np.exp(draw.uniform(np.log(1e-3), np.log(5.0), ROWS)),
        "vol": np.exp(draw.uniform(np.log(0.03), np.log(2.0), ROWS)),
        "rate": draw.uniform(-0.02, 0.15, ROWS),
        "dividend_yield": draw.uniform(0.0, 0.15, ROWS),
        "is_call": draw.random(ROWS) < 0.5,
    }


@pytest.mark.parametrize("name", kernels.available()[1:])
class TestAgreement:
    @pytest.mark.parametrize("mode", ["single", "precise", "family"])
    def test_prices(
        self, name: str, mode: american.Mode, use_kernel: Callable[[str], None]
    ) -> None:
        best = american.price(mode=mode, **book())
        use_kernel(name)
        np.testing.assert_allclose(american.price(mode=mode, **book()), best, rtol=0, atol=1e-8)

    def test_greeks(self, name: str, use_kernel: Callable[[str], None]) -> None:
        best = american.greeks(**book())
        use_kernel(name)
        found = american.greeks(**book())
        assert found.status.tolist() == best.status.tolist()
        for ours, theirs in zip(found[:10], best[:10], strict=True):
            scale = np.abs(theirs) + 1e-3 * np.abs(theirs).max()
            assert (np.abs(ours - theirs) / scale).max() < 1e-5

    def test_volatilities(self, name: str, use_kernel: Callable[[str], None]) -> None:
        given = book()
        vol = given.pop("vol")
        price = american.price(vol=vol, **given)
        best = american.implied_vol(price=price, **given)
        use_kernel(name)
        found = american.implied_vol(price=price, **given)
        both = (found.status == 0) & (best.status == 0)
        assert both.sum() >= 70
        again = american.price(vol=np.where(both, found.vol, vol), **given)
        np.testing.assert_allclose(again[both], price[both], rtol=0, atol=1e-6)


class TestBoundary:
    def test_a_neighbour_is_a_start_as_good_as_none(self) -> None:
        terms = Terms(*(np.full(5, x) for x in (0.05, 0.02, 0.3, 1.0)))
        terms = terms._replace(vol=np.linspace(0.2, 0.4, 5))
        base = american_kernels.boundary(precise(), terms)
        moved = terms._replace(rate=terms.rate + 1e-3)
        near = american_kernels.boundary(precise(), moved, base)
        np.testing.assert_allclose(near, american_kernels.boundary(precise(), moved), atol=1e-10)

    def test_threads_change_nothing(self) -> None:
        terms = Terms(*(np.full(301, x) for x in (0.05, 0.02, 0.3, 1.0)))
        terms = terms._replace(vol=np.linspace(0.1, 0.9, 301))
        one, two = (american_kernels.boundary(fast(), terms, threads=n) for n in (1, 2))
        np.testing.assert_array_equal(one, two)


class TestSearch:
    def test_ends_at_the_edges_of_a_family(self) -> None:
        tables = family_tables(
            rate=0.05,
            dividend_yield=0.02,
            years=0.5,
            vol_min=0.2,
            vol_max=0.4,
            rho_by_yield=False,
            greeks=False,
        )
        x = np.ones(3)
        inside = american_kernels.family_values(tables, x, np.array([0.2, 0.3, 0.4]), full=False)[0]
        goal = inside + np.array([-0.01, 0.0, 0.01])
        vol, edge = american_kernels.family_implied_vol(tables, x, goal, np.full(3, 0.25))
        assert edge.tolist() == [Edge.BELOW, Edge.FOUND, Edge.ABOVE]
        assert float(vol[1]) == pytest.approx(0.3, rel=1e-9)
