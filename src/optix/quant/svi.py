"""Raw SVI: the total variance of one expiry as a hyperbola in forward log-moneyness.

    w(k) = a + b·(ρ·(k − m) + √((k − m)² + s²))

Inside, the two wing slopes p = b·(1 + ρ) and q = b·(1 − ρ) stand for b and ρ: w is linear in a, p
and q, and what limits a slice is a box in them. With x = k − m and r = √(x² + s²)

    w = a + p·(r + x)/2 + q·(r − x)/2.

Slices are rows of an array (slices, 5) in the order a, p, q, m, s. Here is the function and its
slopes; how it is fitted is in `svi_fit`, when it allows no arbitrage in `arbitrage`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant.arrays import FloatArray, broadcast_floats

A, P, Q, M, S = range(5)


class RawSvi(NamedTuple):
    """Raw parameters as they are written in the literature, one entry per slice."""

    a: FloatArray
    b: FloatArray
    rho: FloatArray
    m: FloatArray
    sigma: FloatArray


class SviShape(NamedTuple):
    """Total variance with its first two derivatives in k."""

    w: FloatArray
    slope: FloatArray
    bend: FloatArray


def from_raw(
    a: ArrayLike, b: ArrayLike, rho: ArrayLike, m: ArrayLike, sigma: ArrayLike
) -> FloatArray:
    """Return slices (slices, 5) from raw parameters.

    Shapes:  all arguments broadcast to one dimension.
    Errors:  ValueError where b < 0, |rho| > 1 or sigma ≤ 0.
    """
    a_, b_, rho_, m_, sigma_ = broadcast_floats(*(np.atleast_1d(v) for v in (a, b, rho, m, sigma)))
    if not ((b_ >= 0) & (np.abs(rho_) <= 1) & (sigma_ > 0)).all():
        raise ValueError("SVI needs b >= 0, |rho| <= 1 and sigma > 0")
    return np.stack((a_, b_ * (1 + rho_), b_ * (1 - rho_), m_, sigma_), axis=-1)


def to_raw(slices: FloatArray) -> RawSvi:
    """Return the raw parameters of slices (slices, 5); ρ is 0 where both wings are flat."""
    a, p, q, m, s = np.moveaxis(slices, -1, 0)
    total = p + q
    rho = np.where(total > 0, (p - q) / np.where(total > 0, total, 1.0), 0.0)
    return RawSvi(a, 0.5 * total, rho, m, s)


def total_variance(slices: FloatArray, k: FloatArray) -> FloatArray:
    """Return w(k) of each slice.

    Shapes:  slices (n, 5), k (n, points) or (points,); the result is (n, points).
    Units:   k is ln(strike/forward); w is vol²·years.
    """
    a, p, q, m, s = _columns(slices)
    up, down, _ = _sides(k - m, s)
    return a + p * up + q * down


def shape(slices: FloatArray, k: FloatArray) -> SviShape:
    """Return w, w′ and w″ of each slice. Shapes as `total_variance`."""
    a, p, q, m, s = _columns(slices)
    up, down, r = _sides(k - m, s)
    up_slope, down_slope = up / r, down / r
    return SviShape(
        a + p * up + q * down, p * up_slope - q * down_slope, 0.5 * (p + q) * s * s / (r * r * r)
    )


def parameter_slopes(slices: FloatArray, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return w (n, points) and its derivatives by a, p, q, m, s (n, 5, points)."""
    a, p, q, m, s = _columns(slices)
    up, down, r = _sides(k - m, s)
    slopes = np.empty((slices.shape[0], 5, up.shape[-1]))
    slopes[:, A] = 1.0
    slopes[:, P] = up
    slopes[:, Q] = down
    slopes[:, M] = (q * down - p * up) / r
    slopes[:, S] = 0.5 * (p + q) * s / r
    return a + p * up + q * down, slopes


def shape_slopes(slices: FloatArray, k: FloatArray) -> tuple[SviShape, FloatArray, FloatArray]:
    """Return the shape and the derivatives of w′ and w″ by a, p, q, m, s, each (n, 5, points)."""
    _a, p, q, m, s = _columns(slices)
    found = shape(slices, k)
    x = k - m
    up, down, r = _sides(x, s)
    both, r3 = 0.5 * (p + q), r**3
    first = np.zeros((slices.shape[0], 5, up.shape[-1]))
    second = np.zeros_like(first)
    first[:, P], first[:, Q] = up / r, -down / r
    first[:, M], first[:, S] = -found.bend, -both * x * s / r3
    second[:, P] = second[:, Q] = 0.5 * s * s / r3
    second[:, M] = 3.0 * found.bend * x / (r * r)
    second[:, S] = both * s / r3 * (2.0 - 3.0 * s * s / (r * r))
    return found, first, second


def _columns(slices: FloatArray) -> tuple[FloatArray, ...]:
    return tuple(slices[:, index : index + 1] for index in range(5))


def _sides(x: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (r + x)/2, (r − x)/2 and r, without the loss of digits where the two nearly cancel."""
    r = np.sqrt(x * x + s * s)
    large = 0.5 * (r + np.abs(x))
    small = 0.25 * s * s / large  # their product is s²/4
    right = x > 0
    return np.where(right, large, small), np.where(right, small, large), r
