"""Many small non-linear least-squares problems of one kind at once: Levenberg–Marquardt in a box.

A surface has one problem of a few parameters for each expiry. Solved one by one, the time goes to
calls; solved side by side, each step is a few array passes and one batch of tiny linear systems.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant.arrays import FloatArray

_DAMPING_START = 1e-3
_DAMPING_MIN = 1e-9
_DAMPING_MAX = 1e9
_DAMPING_LESS = 0.25
_DAMPING_MORE = 6.0

Rows = NDArray[np.intp]
Residuals = Callable[[FloatArray, Rows], tuple[FloatArray, FloatArray]]
Projection = Callable[[FloatArray, Rows], FloatArray]


class Solution(NamedTuple):
    """One row per problem."""

    parameters: FloatArray  # (problems, parameters)
    cost: FloatArray  # half the sum of squared residuals
    steps: NDArray[np.int64]  # that each problem took


def solve_batch(
    residuals: Residuals,
    start: FloatArray,
    *,
    project: Projection,
    steps_max: int = 40,
    cost_small: float = 1e-4,
) -> Solution:
    """Return the parameters with the least squares of every problem, from one start each.

    Damping is scaled by the curvature of each parameter, so units do not matter. A parameter that
    the box holds takes no part in a step. A problem stops when its cost no longer falls by the
    share `cost_small`, when its damping is at its end, or after `steps_max` steps.

    Shapes:  start (problems, parameters). `residuals(parameters, rows)` gives the residuals (rows,
             points) and their slopes (rows, parameters, points); `project(parameters, rows)` gives
             the nearest allowed parameters.
    Errors:  none raised; a start with residuals that are not finite stays where it is, cost NaN.
    Source:  Levenberg 1944, Marquardt 1963; the batched form is our own.
    """
    count = start.shape[0]
    rows = np.arange(count)
    best = project(start, rows)
    values, slopes = residuals(best, rows)
    cost = 0.5 * (values * values).sum(axis=1)
    steps = np.zeros(count, dtype=np.int64)
    damping = np.full(count, _DAMPING_START)
    normal, gradient = _normal_equations(values, slopes)
    active = rows[np.isfinite(cost)]
    for _ in range(steps_max):
        if active.size == 0:
            break
        trial = _step(
            best[active],
            normal=normal[active],
            gradient=gradient[active],
            damping=damping[active],
            project=project,
            rows=active,
        )
        values, slopes = residuals(trial, active)
        trial_cost = 0.5 * (values * values).sum(axis=1)
        steps[active] += 1
        better = trial_cost < cost[active]  # false where it is not a number
        small = cost[active] - trial_cost <= cost_small * cost[active]
        taken = active[better]
        best[taken], cost[taken] = trial[better], trial_cost[better]
        part, slope = _normal_equations(values[better], slopes[better])
        normal[taken], gradient[taken] = part, slope
        damping[active] *= np.where(better, _DAMPING_LESS, _DAMPING_MORE)
        damping[active] = np.maximum(damping[active], _DAMPING_MIN)
        done = (better & small) | (damping[active] > _DAMPING_MAX)
        active = active[~done]
    return Solution(best, cost, steps)


def _normal_equations(values: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    gradient = (slopes @ values[:, :, np.newaxis])[:, :, 0]
    return slopes @ slopes.transpose(0, 2, 1), gradient


def _step(
    here: FloatArray,
    *,
    normal: FloatArray,
    gradient: FloatArray,
    damping: FloatArray,
    project: Projection,
    rows: Rows,
) -> FloatArray:
    """Return the next parameters: a damped Gauss–Newton step, twice where the box holds some."""
    scale = np.sqrt(np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-300))
    scaled = normal / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
    size = here.shape[1]
    scaled[:, range(size), range(size)] = 1.0 + damping[:, np.newaxis]
    right = -gradient / scale
    moved = _solved(scaled, right) / scale
    trial = project(here + moved, rows)
    # What the box stopped entirely is taken out and the others step without it.
    held = (trial == here) & (moved != 0)
    if held.any():
        free = ~held
        scaled = np.where(free[:, :, np.newaxis] & free[:, np.newaxis, :], scaled, 0.0)
        scaled[:, range(size), range(size)] = 1.0 + damping[:, np.newaxis]
        moved = _solved(scaled, np.where(free, right, 0.0)) / scale
        trial = project(here + moved, rows)
    return trial


def _solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.solve(matrix, right[:, :, np.newaxis])[:, :, 0], dtype=np.float64)


def pooled(values: FloatArray, weight: FloatArray) -> FloatArray:
    """Return the nearest values that never fall (pooling of adjacent violators)."""
    means: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    for value, share in zip(values.tolist(), weight.tolist(), strict=True):
        mean, total, count = value, share, 1
        while means and means[-1] >= mean:
            mean = (means[-1] * weights[-1] + mean * total) / (weights[-1] + total)
            total += weights.pop()
            count += counts.pop()
            means.pop()
        means.append(mean)
        weights.append(total)
        counts.append(count)
    return np.asarray(np.repeat(means, counts), dtype=np.float64)
