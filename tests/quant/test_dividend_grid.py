"""The compiled grid and its NumPy reference get the same plans and must give the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from optix.quant import kernels
from optix.quant.dividend_grid import DividendPlan, GridInputs, GridValues, grid_values, make_plan

COMPILED = [name for name in kernels.available() if name != kernels.NUMPY]


def plan(*, years: float = 0.5, nodes: int = 101, steps: int = 60) -> DividendPlan:
    return make_plan(
        expiry_years=years,
        ex_years=np.array([0.1, 0.3]),
        cash=np.array([1.5, 0.0]),
        proportion=np.array([0.0, 0.01]),
        nodes=nodes,
        steps=steps,
    )


def options(count: int = 37) -> GridInputs:
    rng = np.random.default_rng(4)
    return GridInputs(
        spot=np.full(count, 100.0),
        strike=rng.uniform(60, 150, count),
        vol=rng.uniform(0.05, 1.5, count),
        rate=rng.uniform(-0.02, 0.08, count),
        borrow=rng.uniform(-0.02, 0.3, count),
        sign=np.where(rng.uniform(size=count) < 0.5, 1.0, -1.0),
        american=np.where(rng.uniform(size=count) < 0.8, 1.0, 0.0),
    )


def values_of(name: str, *, threads: int = 1) -> GridValues:
    kernels.use(name)
    return grid_values(plan(), options(), threads=threads)


@pytest.mark.usefixtures("use_kernel")
@pytest.mark.parametrize("name", COMPILED)
class TestCompiled:
    def test_agrees_with_the_reference_to_rounding(self, name: str) -> None:
        reference = values_of(kernels.NUMPY)
        found = values_of(name)
        np.testing.assert_array_equal(found.exercised, reference.exercised)
        np.testing.assert_allclose(found.price, reference.price, atol=1e-10)
        np.testing.assert_allclose(found.delta, reference.delta, atol=1e-10)
        np.testing.assert_allclose(found.gamma, reference.gamma, atol=1e-9)

    def test_gives_the_same_bits_on_two_threads(self, name: str) -> None:
        for one, two in zip(values_of(name), values_of(name, threads=2), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_refuses_a_plan_that_does_not_fit(self, name: str) -> None:
        kernels.use(name)
        odd = plan()._replace(cash=np.zeros(3))
        with pytest.raises(ValueError, match="entry per row"):
            grid_values(odd, options())
        odd = plan()._replace(event=plan().event + np.int32(2))
        with pytest.raises(ValueError, match="not there"):
            grid_values(odd, options())
        many = np.ones(65)
        odd = plan()._replace(cash=many, kept=many, event_left=many)
        with pytest.raises(ValueError, match="does not fit together"):
            grid_values(odd, options())


class TestPlan:
    def test_ends_a_step_at_every_event(self) -> None:
        made = plan()
        ends = made.left[made.event >= 0]
        np.testing.assert_allclose(ends, [1 - 0.3 / 0.5, 1 - 0.1 / 0.5])
        assert made.left[-1] == 1.0
        assert made.cash.tolist() == [0.0, 1.5]
        assert made.kept.tolist() == [0.99, 1.0]

    def test_moves_an_event_out_of_the_smoothed_start(self) -> None:
        made = plan(years=0.3000001)
        assert made.event_left[0] == 2 * made.start
        assert np.all(np.diff(made.left) >= 0)
