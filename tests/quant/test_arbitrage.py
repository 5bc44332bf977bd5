"""The exact checks find what a dense grid finds, and what lies beyond any grid."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quant.surfaces import YEARS, calm_slices, dense_k

from optix.quant import arbitrage, svi
from optix.quant.arrays import FloatArray


def random_slices(count: int, seed: int) -> FloatArray:
    random = np.random.default_rng(seed)
    level = 10 ** random.uniform(-5, 0, count)
    root = np.sqrt(level)
    p, q = (2.0 * random.uniform(0, 1, count) ** 3 for _ in range(2))
    m, s = random.normal(0, 1, count) * root, 10 ** random.uniform(-2, 1, count) * root
    a = level * random.uniform(0, 1, count) - s * np.sqrt(p * q)
    return np.stack((a, p, q, m, s), axis=1)


class TestButterfly:
    def test_it_is_found_wherever_a_dense_grid_finds_it(self) -> None:
        slices = random_slices(400, seed=1)
        grid = arbitrage.butterfly_g(slices, dense_k(slices)).min(axis=1)
        low = arbitrage.butterfly_minimum(slices)
        assert ((low < 0) == (grid < 0))[np.abs(grid) > 1e-6].all()
        assert 20 < (grid < 0).sum() < 390  # both kinds are among them

    def test_slices_that_are_sound_are_left_alone(self) -> None:
        assert not arbitrage.has_butterfly(calm_slices()).any()

    @pytest.mark.parametrize("side", [1, 2], ids=["right", "left"])
    def test_a_wing_of_slope_two_is_refused(self, side: int) -> None:
        slices = np.array([[0.5, 0.1, 0.1, 0.0, 0.5]])
        assert not arbitrage.has_butterfly(slices).any()
        slices[0, side] = arbitrage.WING_SLOPE_MAX
        assert arbitrage.butterfly_minimum(slices)[0] == -np.inf

    def test_a_variance_that_is_negative_somewhere_is_refused(self) -> None:
        slices = svi.from_raw(-0.05, 0.1, 0.0, 0.0, 0.1)
        assert arbitrage.butterfly_minimum(slices)[0] == -np.inf

    def test_wings_have_the_limit_that_the_coefficients_say(self) -> None:
        slices = np.array([[0.04, 1.2, 0.6, 0.0, 0.1]])
        g = arbitrage.butterfly_g(slices, np.array([[1e7, -1e7]]))[0]
        assert g == pytest.approx([0.25 - 1.2**2 / 16, 0.25 - 0.6**2 / 16], abs=1e-6)

    @pytest.mark.parametrize("index", range(5), ids=["a", "p", "q", "m", "s"])
    def test_slopes_of_g_are_those_of_differences(self, index: int) -> None:
        slices = calm_slices()[3:5]
        k = np.linspace(-0.2, 0.2, 9)
        _, slopes = arbitrage.butterfly_slopes(slices, k)
        step = 1e-7 * np.eye(5)[index]
        up, down = (arbitrage.butterfly_g(slices + sign * step, k) for sign in (1, -1))
        assert slopes[:, index] == pytest.approx((up - down) / 2e-7, rel=1e-4, abs=1e-3)


class TestCalendar:
    def test_it_is_found_wherever_a_dense_grid_finds_it(self) -> None:
        early = random_slices(300, seed=2)
        late = random_slices(300, seed=3)
        late[:, 0] += early[:, 0].clip(min=0) * 1.2
        late[:, 1:3] = np.maximum(late[:, 1:3], early[:, 1:3])
        k = np.concatenate((dense_k(early), dense_k(late)), axis=1)
        before = svi.total_variance(early, k)
        grid = ((svi.total_variance(late, k) - before) / before).min(axis=1)
        low = arbitrage.calendar_minimum(early, late)
        assert ((low < 0) == (grid < 0))[np.abs(grid) > 1e-6].all()
        assert 20 < (grid < 0).sum() < 280

    def test_a_wing_that_flattens_crosses_however_far_out(self) -> None:
        pair = np.array([[0.04, 0.10, 0.10, 0.0, 0.1], [0.40, 0.10, 0.0999, 0.0, 0.1]])
        assert arbitrage.calendar_minimum(pair[:1], pair[1:])[0] == -np.inf

    def test_a_surface_is_counted_slice_by_slice_and_pair_by_pair(self) -> None:
        slices = calm_slices()
        assert arbitrage.count_violations(slices) == 0
        slices[[2, 3]] = slices[[3, 2]]
        assert arbitrage.count_violations(slices) == 1
        assert arbitrage.count_violations(slices[:0]) == 0
        assert len(YEARS) == len(slices)
