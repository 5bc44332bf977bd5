"""Where an exercise boundary is held, and the points at which integrals over it are summed.

A boundary is a depth z = ln(start/boundary) as a function of x = sqrt(time left/years), start being
the boundary at expiry. z² is smooth in x; it is held at Chebyshev nodes without x = 0, where it
is 0. Integrals over the time left t use the angle a in u = t·sin²(a), in which sqrt(u) and
sqrt(t − u) are both smooth. All tables are the same for every option.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from optix.quant.arrays import FloatArray


class Scheme(NamedTuple):
    """Tables of one accuracy. `rule` and `premium_rule` have rows sine, cosine and weight."""

    node: FloatArray  # (nodes,) x of the nodes, rising to 1
    rule: FloatArray  # (3, points)
    matrix: FloatArray  # (nodes, points, nodes): node values → values at sine·node
    relax: FloatArray  # (sweeps,) how much of each fixed-point step is taken
    premium_rule: FloatArray  # (3, premium points)
    premium_matrix: FloatArray  # (premium points, nodes)

    def flat(self) -> tuple[FloatArray, ...]:
        """Return the tables as the compiled kernels take them."""
        return tuple(table.reshape(-1) for table in self)


def _interpolation(node: FloatArray, at: FloatArray) -> FloatArray:
    """Return the matrix from values at (0, *node), the first being 0, to values at `at`."""
    every = np.concatenate(([0.0], node))
    weight = (-1.0) ** np.arange(every.size)
    weight[0] *= 0.5
    weight[-1] *= 0.5
    gap = at[..., None] - every
    hit = gap == 0.0
    share = weight / np.where(hit, 1.0, gap)
    share = np.where(hit.any(axis=-1, keepdims=True), hit, share)
    matrix = share / share.sum(axis=-1, keepdims=True)
    return np.ascontiguousarray(matrix[..., 1:])


def _angles(points: int) -> FloatArray:
    place, weight = np.polynomial.legendre.leggauss(points)
    angle = 0.25 * np.pi * (1.0 + place)
    return np.stack((np.sin(angle), np.cos(angle), 0.25 * np.pi * weight))


def _late_angles(points: int) -> FloatArray:
    """Return angles that crowd where time left is the option's own.

    There the price near the boundary changes fast; at the other end the integrand vanishes.
    """
    place, weight = np.polynomial.legendre.leggauss(points)
    root = 0.5 * (1.0 - place)
    back = 0.5 * np.pi * root * root
    return np.stack((np.cos(back), np.sin(back), 0.5 * np.pi * weight * root))


def _scheme(nodes: int, points: int, premium_points: int, relax: tuple[float, ...]) -> Scheme:
    node = 0.5 * (1.0 - np.cos(np.pi * np.arange(1, nodes + 1) / nodes))
    rule, premium_rule = _angles(points), _late_angles(premium_points)
    return Scheme(
        node=node,
        rule=rule,
        matrix=_interpolation(node, node[:, None] * rule[0]),
        relax=np.array(relax),
        premium_rule=premium_rule,
        premium_matrix=_interpolation(node, premium_rule[0]),
    )


# The first steps are held back, because a first guess far off makes the iteration overshoot; the
# last ones go a little too far, because what is left then shrinks by an eighth of itself.
@cache
def fast() -> Scheme:
    """Return the scheme of families and of single options: errors to about 5e-8 of the strike."""
    return _scheme(10, 8, 18, (0.9,) * 3 + (1.1,) * 4)


@cache
def nearby() -> Scheme:
    """Return `fast` with the few steps that suffice from the boundary of a neighbour."""
    return fast()._replace(relax=np.array((1.0, 1.1, 1.1, 1.1)))


@cache
def precise() -> Scheme:
    """Return the high-precision scheme: errors to about 1e-9 of the strike."""
    return _scheme(20, 32, 48, (0.8,) * 6 + (1.0,) * 10)
