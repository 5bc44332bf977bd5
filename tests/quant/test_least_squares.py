"""Batches of least squares: known minima, boxes that hold, starts that cannot be used."""

from __future__ import annotations

import numpy as np
import pytest

from optix.quant.arrays import FloatArray
from optix.quant.least_squares import Rows, pooled, solve_batch

X = np.linspace(0.0, 3.0, 20)
TRUE = np.array([[2.0, 0.5], [1.0, 1.5], [3.0, 0.1]])


def decay(parameters: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
    """Return the misfit of a·exp(−b·x) to the true curves, and its slopes."""
    a, b = parameters[:, :1], parameters[:, 1:]
    curve = np.exp(-b * X)
    target = TRUE[rows, :1] * np.exp(-TRUE[rows, 1:] * X)
    return a * curve - target, np.stack((curve, -a * X * curve), axis=1)


def anywhere(parameters: FloatArray, _rows: Rows) -> FloatArray:
    return parameters


def test_every_problem_finds_its_own_minimum() -> None:
    found = solve_batch(decay, np.ones((3, 2)), project=anywhere, cost_small=1e-12)
    assert found.parameters == pytest.approx(TRUE, rel=1e-6)
    assert found.cost == pytest.approx(0.0, abs=1e-12)


def test_a_box_holds_and_the_rest_adapts() -> None:
    def boxed(parameters: FloatArray, _rows: Rows) -> FloatArray:
        return np.stack((parameters[:, 0], np.clip(parameters[:, 1], 0.8, 1.0)), axis=1)

    found = solve_batch(decay, np.ones((3, 2)), project=boxed, cost_small=1e-12)
    assert found.parameters[:, 1] == pytest.approx([0.8, 1.0, 0.8])
    values, slopes = decay(found.parameters, np.arange(3))
    free = (slopes[:, 0] * values).sum(axis=1)
    assert free == pytest.approx(0.0, abs=1e-6)  # the level is the best there is at that bound


def test_steps_have_a_bound() -> None:
    found = solve_batch(decay, np.full((3, 2), 5.0), project=anywhere, steps_max=2)
    assert found.steps.max() == 2


def test_a_start_without_a_value_stays_where_it_is() -> None:
    start = np.array([[1.0, 1.0], [np.nan, 1.0], [1.0, 1.0]])
    found = solve_batch(decay, start, project=anywhere)
    assert np.isnan(found.cost[1])
    assert found.steps[1] == 0
    assert found.cost[[0, 2]] == pytest.approx(0.0, abs=1e-6)


def test_pooling_gives_the_nearest_values_that_never_fall() -> None:
    assert pooled(np.array([1.0, 3.0, 2.0, 4.0]), np.ones(4)).tolist() == [1.0, 2.5, 2.5, 4.0]
    weighted = pooled(np.array([3.0, 1.0]), np.array([1.0, 3.0]))
    assert weighted.tolist() == [1.5, 1.5]
