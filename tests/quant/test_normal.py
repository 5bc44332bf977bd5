"""Each function is compared with SciPy's, an independent implementation, relative to its size."""

from __future__ import annotations

import numpy as np
from scipy import special

from optix.quant import normal

Z = np.concatenate([np.linspace(-0.5, 40.0, 4001), np.geomspace(40.0, 1e8, 200)])
EPS = float(np.finfo(np.float64).eps)


class TestMillsRatio:
    def test_agrees_with_the_scaled_complementary_error_function(self) -> None:
        expected = np.sqrt(np.pi / 2) * special.erfcx(Z / np.sqrt(2))
        assert np.max(np.abs(normal.mills(Z) / expected - 1)) < 8 * EPS

    def test_falls_as_one_over_z_where_squares_would_overflow(self) -> None:
        z = np.array([1e10, 1e100, 1e149])
        np.testing.assert_allclose(normal.mills(z) * z, 1.0, rtol=1e-12)
        assert normal.mills(np.array([np.inf]))[0] < 1e-100

    def test_slope_agrees_with_its_definition_where_that_keeps_digits(self) -> None:
        z = np.linspace(-0.5, 3.0, 500)
        expected = 1.0 - z * np.sqrt(np.pi / 2) * special.erfcx(z / np.sqrt(2))
        assert np.max(np.abs(normal.mills_slope(z) / expected - 1)) < 1e-13

    def test_slope_follows_its_asymptotic_series_far_out(self) -> None:
        z = np.geomspace(100.0, 1e7, 100)
        y = z**-2.0
        expected = y * (1 - 3 * y + 15 * y**2 - 105 * y**3 + 945 * y**4)
        assert np.max(np.abs(normal.mills_slope(z) / expected - 1)) < 1e-13

    def test_nan_stays_nan(self) -> None:
        nan = np.array([np.nan])
        assert np.isnan(normal.mills(nan)).all()
        assert np.isnan(normal.mills_slope(nan)).all()

    def test_one_element_has_the_bits_it_has_among_many(self) -> None:
        whole = normal.mills(Z)
        alone = np.array([normal.mills(Z[i : i + 1])[0] for i in range(0, Z.size, 97)])
        assert (whole[::97] == alone).all()


class TestDistribution:
    def test_cumulative_is_relatively_accurate_in_the_lower_tail(self) -> None:
        z = np.linspace(-37.0, 8.0, 3001)
        scale = 4 * EPS * (1 + z * z)  # the exponent's rounding
        assert (np.abs(normal.cumulative(z) / special.ndtr(z) - 1) < scale).all()

    def test_infinities_are_certain(self) -> None:
        assert normal.cumulative(np.array([-np.inf, np.inf])).tolist() == [0.0, 1.0]

    def test_density_underflows_to_zero_without_a_warning(self) -> None:
        assert normal.density(np.array([1e300, -np.inf])).tolist() == [0.0, 0.0]

    def test_quantile_start_is_near_the_quantile(self) -> None:
        tail = np.geomspace(1e-12, 0.5, 200)
        assert np.max(np.abs(normal.quantile_upper_start(tail) + special.ndtri(tail))) < 1e-3
