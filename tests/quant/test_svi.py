"""Raw SVI: values against the formula as it is written, slopes against differences."""

from __future__ import annotations

import numpy as np
import pytest

from optix.quant import svi

SLICES = svi.from_raw([0.01, -0.002], [0.1, 0.05], [-0.4, 0.7], [0.02, -0.1], [0.1, 0.3])
K = np.linspace(-1.0, 1.0, 21)


def test_total_variance_is_the_formula_as_it_is_written() -> None:
    a, b, rho, m, s = (column[:, np.newaxis] for column in svi.to_raw(SLICES))
    expected = a + b * (rho * (K - m) + np.sqrt((K - m) ** 2 + s * s))
    assert svi.total_variance(SLICES, K) == pytest.approx(expected, rel=1e-14)


def test_raw_parameters_come_back() -> None:
    raw = svi.to_raw(SLICES)
    assert svi.from_raw(*raw) == pytest.approx(SLICES, rel=1e-14)


@pytest.mark.parametrize(
    "bad", [{"b": -0.1}, {"rho": 1.2}, {"sigma": 0.0}], ids=["slope", "rho", "width"]
)
def test_parameters_that_are_no_slice_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="SVI needs"):
        svi.from_raw(**{"a": 0.01, "b": 0.1, "rho": 0.0, "m": 0.0, "sigma": 0.1, **bad})


def test_far_wings_keep_their_digits() -> None:
    flat = np.array([[0.04, 1e-3, 1e-3, 0.0, 1e-3]])
    far = svi.total_variance(flat, np.array([1e6, -1e6]))
    assert far == pytest.approx(0.04 + 1e3, rel=1e-13)


def test_slopes_in_k_are_those_of_differences() -> None:
    found = svi.shape(SLICES, K)
    step = 1e-5
    up, down = svi.total_variance(SLICES, K + step), svi.total_variance(SLICES, K - step)
    assert found.slope == pytest.approx((up - down) / (2 * step), abs=1e-9)
    assert found.bend == pytest.approx((up - 2 * found.w + down) / step**2, abs=2e-5)


@pytest.mark.parametrize("index", range(5), ids=["a", "p", "q", "m", "s"])
def test_slopes_in_parameters_are_those_of_differences(index: int) -> None:
    step = 1e-6 * np.eye(5)[index]
    _, slopes = svi.parameter_slopes(SLICES, K)
    _, first, second = svi.shape_slopes(SLICES, K)
    up, down = svi.shape(SLICES + step, K), svi.shape(SLICES - step, K)
    for name, found in (("w", slopes), ("slope", first), ("bend", second)):
        expected = (getattr(up, name) - getattr(down, name)) / 2e-6
        assert found[:, index] == pytest.approx(expected, abs=1e-6, rel=1e-6)
