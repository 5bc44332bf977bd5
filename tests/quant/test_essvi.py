"""eSSVI: the conditions in p and q keep surfaces free of arbitrage, however wild their fits."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quant.surfaces import YEARS, calm_slices, quotes_of

from optix.quant import arbitrage, essvi, svi


def test_it_is_raw_svi_under_another_name() -> None:
    slices = np.array([[0.04, 0.2, 0.5], [0.09, 0.3, 0.6]])
    k = np.linspace(-2, 2, 41)
    w, _ = essvi.total_variance(slices, np.broadcast_to(k, (2, 41)))
    assert w == pytest.approx(svi.total_variance(essvi.to_svi(slices), k), rel=1e-12)
    assert w[:, 20] == pytest.approx([0.04, 0.09])


def test_slopes_are_those_of_differences() -> None:
    slices = np.array([[0.04, 0.2, 0.5]])
    k = np.linspace(-1, 1, 11)[np.newaxis]
    _, slopes = essvi.total_variance(slices, k)
    for index in range(3):
        step = 1e-7 * np.eye(3)[index]
        up, down = (essvi.total_variance(slices + sign * step, k)[0] for sign in (1, -1))
        assert slopes[:, index] == pytest.approx((up - down) / 2e-7, rel=1e-6, abs=1e-8)


def test_what_it_was_made_from_comes_back() -> None:
    fitted = essvi.fit_essvi(quotes_of(calm_slices()))
    expected = np.stack((0.04 * YEARS, 0.07 * np.sqrt(YEARS), 0.22 * np.sqrt(YEARS)), axis=1)
    assert fitted == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("seed", range(12))
def test_no_arbitrage_is_left_in_quotes_of_pure_noise(seed: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.15, (len(YEARS), 41)) + random.normal(0, 0.2, (len(YEARS), 1))
    fitted = essvi.fit_essvi(quotes_of(calm_slices(), shift=noise))
    assert arbitrage.count_violations(essvi.to_svi(fitted)) == 0


def test_an_expiry_without_quotes_lies_between_its_neighbours() -> None:
    quotes = quotes_of(calm_slices())
    weight = quotes.weight.copy()
    weight[3] = 0.0
    fitted = essvi.fit_essvi(quotes._replace(weight=weight))
    assert fitted[3, 0] / YEARS[3] == pytest.approx(0.04, rel=0.01)


def test_a_surface_without_any_quote_is_refused() -> None:
    quotes = quotes_of(calm_slices())
    with pytest.raises(ValueError, match="at least one quote"):
        essvi.fit_essvi(quotes._replace(weight=np.zeros_like(quotes.weight)))
