"""Laws of surfaces for any quotes: a density everywhere, no crossing, deltas that invert.

Hypothesis draws whole quote tables, mad ones included; conditions are looked at on grids far denser
than those of the fit.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quant.surfaces import calm_slices, dense_k, quotes_of

from optix.quant import arbitrage, black_scholes, essvi, svi
from optix.quant.normal import cumulative
from optix.quant.overlay import PRICE_SLACK
from optix.quant.smile import SmileStatus, delta_strikes
from optix.quant.surface import Surface, fit_surface, slice_variance, surface_violations
from optix.quant.variance import constant_maturity

SEEDS = st.integers(0, 2**32 - 1)


def drawn_surface(seed: int, size: float) -> Surface:
    """Return the surface of quotes that are an index's, bent, lifted and shaken by `size`."""
    random = np.random.default_rng(seed)
    years = np.sort(random.uniform(0.2 / 365, 2.5, random.integers(1, 9)))
    years = years[np.append(True, np.diff(years) > 1e-3)]
    points = int(random.integers(3, 60))
    shift = random.normal(0, size, (len(years), points))
    shift += random.normal(0, size, (len(years), 1))
    shift += random.normal(0, size, (len(years), 1)) * np.linspace(-1, 1, points)
    half = 10.0 ** random.uniform(-4, -1.5)
    base = calm_slices(years, vol=10.0 ** random.uniform(-1.2, 0.2))
    return fit_surface(quotes_of(base, years, points=points, half=half, shift=shift))


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.003, 0.03, 0.3]))
def test_no_quotes_make_a_surface_with_arbitrage(seed: int, size: float) -> None:
    surface = drawn_surface(seed, size)
    assert surface_violations(surface) == 0
    k = dense_k(surface.slices, 3001)
    assert arbitrage.butterfly_g(surface.slices, k).min() >= -1e-8
    for early, late in zip(surface.slices[:-1], surface.slices[1:], strict=True):
        at = dense_k(np.stack((early, late)), 3001).ravel()
        before = svi.total_variance(early[np.newaxis], at)
        assert (svi.total_variance(late[np.newaxis], at) >= before * (1 - 1e-9)).all()
    far = 8.0 * float(np.sqrt(slice_variance(surface, np.zeros(1)).max()))
    k = np.linspace(-far, far, 3001)
    value = black_scholes.price(
        forward=1.0,
        strike=np.exp(k),
        expiry_years=1.0,
        vol=np.sqrt(slice_variance(surface, k)),
        rate=0.0,
        is_call=k >= 0,
    )
    if len(value) > 1:
        assert np.diff(value, axis=0).min() >= -3 * PRICE_SLACK


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(0.02, 0.98), st.booleans())
def test_the_strike_of_a_delta_has_that_delta(seed: int, delta: float, is_call: bool) -> None:
    surface = drawn_surface(seed, 0.003)
    found = delta_strikes(surface, delta, is_call=is_call)
    inside = found.status == SmileStatus.OK
    root = found.vol * np.sqrt(surface.years)
    d1 = -found.k / root + 0.5 * root
    had = cumulative(np.where(inside, d1 if is_call else -d1, 0.0))
    assert had[inside] == pytest.approx(delta, abs=1e-5)
    assert np.isnan(found.vol[~inside]).all()


@settings(max_examples=200, deadline=None)
@given(
    st.floats(1e-4, 3.0),
    st.floats(1e-3, 4.5),
    st.floats(1e-3, 4.5),
)
def test_the_conditions_of_essvi_are_enough(theta: float, p: float, q: float) -> None:
    """max(p, q) < 4 and max(p, q)·(p + q) ≤ 8θ leave no butterfly."""
    largest = max(p, q)
    share = min(1.0, 3.999 / largest, (7.999 * theta / (largest * (p + q))) ** 0.5)
    slices = essvi.to_svi(np.array([[theta, p * share, q * share]]))
    assert arbitrage.butterfly_minimum(slices)[0] >= -1e-8


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_a_constant_maturity_lies_between_its_neighbours(seed: int) -> None:
    random = np.random.default_rng(seed)
    years = np.cumsum(random.uniform(0.01, 0.5, 6))
    w = np.cumsum(random.uniform(0.0, 0.05, 6))
    at = random.uniform(years[0], years[-1], 20)
    found = constant_maturity(years, w, at)
    total = found.vol**2 * at
    upper = np.searchsorted(years, at)
    assert (total <= w[upper] * (1 + 1e-12)).all()
    assert (total >= w[upper - 1] * (1 - 1e-12)).all()
