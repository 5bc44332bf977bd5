"""eSSVI: a whole surface that allows no arbitrage by construction, one smile shape for each expiry.

    w(k) = (X + √(X² + p·q·k²))/2,   X = θ + (p − q)·k/2

with θ the variance at the money and p, q twice the wing slopes: in the usual letters p = θφ(1 + ρ)
and q = θφ(1 − ρ). Without butterflies where max(p, q) < 4 and max(p, q)·(p + q)/(2θ) ≤ 4; without
crossings where θ, p and q never fall and (p + q)/θ never rises from one expiry to the next. Both
are linear steps from slice to slice, so any fit can be moved into them: that is `fit_essvi`. Every
slice is also a raw SVI slice (`to_svi`), which is how it is checked and evaluated.

Here it is what a surface falls back on, and what says something about strikes without quotes.
"""

from __future__ import annotations

import numpy as np

from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.least_squares import Residuals, Rows, pooled, solve_batch
from optix.quant.slice_quotes import SliceQuotes

THETA, P, Q = range(3)
_WING_MAX = 3.98  # p and q: below 4, where prices no longer vanish
_CURVE_MAX = 3.98  # max(p, q)·(p + q)/(2θ)
_GROWTH_MIN = 1e-7  # of θ from one expiry to the next, relative
_WING_SHARE_MIN = 0.02  # p and q in units of √θ
_WING_SHARE_MAX = 8.0


def to_svi(slices: FloatArray) -> FloatArray:
    """Return eSSVI slices (n, 3: θ, p, q) as raw SVI slices (n, 5)."""
    theta, p, q = slices.T
    total = p + q
    share = p * q / (total * total)  # (1 − ρ²)/4
    phi = total / (2.0 * theta)
    rho = (p - q) / total
    return np.stack(
        (2.0 * theta * share, 0.5 * p, 0.5 * q, -rho / phi, 2.0 * np.sqrt(share) / phi), axis=-1
    )


def total_variance(slices: FloatArray, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return w (n, points) and its derivatives by θ, p, q (n, 3, points)."""
    theta, p, q = (slices[:, index : index + 1] for index in range(3))
    x = theta + 0.5 * (p - q) * k
    root = np.sqrt(x * x + p * q * k * k)
    lean = 0.5 + 0.5 * x / root
    slopes = np.empty((slices.shape[0], 3, root.shape[1]))
    slopes[:, THETA] = lean
    slopes[:, P] = 0.5 * k * lean + 0.25 * q * k * k / root
    slopes[:, Q] = -0.5 * k * lean + 0.25 * p * k * k / root
    return 0.5 * (x + root), slopes


def fit_essvi(quotes: SliceQuotes) -> FloatArray:
    """Return the eSSVI slices (n, 3) of expiries in ascending order, free of arbitrage together.

    Each slice is fitted alone, then θ, p, q and φ are made monotone by pooling what contradicts,
    each slice with the weight of its quotes, and last every slice is moved into what the one before
    allows. A slice without quotes takes its place between its neighbours.

    Errors:  ValueError if no slice has any quote.
    Source:  conditions of Hendriks and Martini 2017 (SSRN 2971502) and of Gatheral and Jacquier
             2014, written in p and q by ourselves and proven on the slices by `arbitrage`.
    """
    known = np.asarray(quotes.used.any(axis=1))
    if not known.any():
        raise ValueError("a surface needs at least one quote")
    start = _start(quotes)
    fitted = solve_batch(_residuals(quotes), start, project=_boxed, steps_max=14, cost_small=1e-3)
    slices = fitted.parameters
    trust = np.where(known, (quotes.weight**2).sum(axis=1), 0.0)
    trust /= trust.max()
    # In the variance of a year, so that pooled neighbours are of one size.
    variance = slices[:, THETA] / quotes.years
    variance = _between(variance, known, quotes.years)
    theta = pooled(variance * quotes.years, trust + 1e-12)
    size = np.sqrt(theta)[:, np.newaxis]
    wings = slices[:, 1:] / np.sqrt(slices[:, :1])
    wings = np.stack([_between(wings[:, side], known, quotes.years) for side in (0, 1)], axis=1)
    wings = wings * size
    phi = wings.sum(axis=1) / (2.0 * theta)
    calm = np.exp(-pooled(-np.log(phi), trust + 1e-12))
    wings = wings * (calm / phi)[:, np.newaxis]
    wings = np.stack([pooled(wings[:, side], trust + 1e-12) for side in (0, 1)], axis=1)
    return _chained(np.concatenate((theta[:, np.newaxis], wings), axis=1))


def _start(quotes: SliceQuotes) -> FloatArray:
    """Return a first guess: the variance next to the money, and a smile of an index."""
    near = np.where(quotes.weight > 0, np.abs(quotes.k), np.inf)
    first = near.argmin(axis=1)
    vol = quotes.vol[np.arange(len(first)), first]
    vol = np.where(np.isfinite(near.min(axis=1)), vol, np.nanmedian(vol))
    theta = vol * vol * quotes.years
    return np.stack((theta, 0.5 * np.sqrt(theta), np.sqrt(theta)), axis=-1)


def _residuals(quotes: SliceQuotes) -> Residuals:
    def residuals(slices: FloatArray, rows: Rows) -> tuple[FloatArray, FloatArray]:
        w, slopes = total_variance(slices, quotes.k[rows])
        return quotes.misfit(w, slopes, rows)

    return residuals


def _boxed(slices: FloatArray, _rows: Rows) -> FloatArray:
    theta = np.maximum(slices[:, THETA], 1e-12)
    size = np.sqrt(theta)[:, np.newaxis]
    wings = np.clip(slices[:, 1:], _WING_SHARE_MIN * size, np.minimum(_WING_SHARE_MAX * size, 3.9))
    return np.concatenate((theta[:, np.newaxis], wings), axis=1)


def _between(values: FloatArray, known: BoolArray, years: FloatArray) -> FloatArray:
    """Fill in what is not known from its neighbours in time."""
    return np.asarray(np.interp(years, years[known], values[known]))


def _chained(slices: FloatArray) -> FloatArray:
    """Move each slice into what butterflies and the slice before it allow."""
    result = np.empty_like(slices)
    theta0, p0, q0 = 0.0, 0.0, 0.0
    for index, row in enumerate(slices.tolist()):
        theta = max(row[THETA], theta0 * (1.0 + _GROWTH_MIN), 1e-14)
        p, q = max(row[P], p0), max(row[Q], q0)
        # p0, q0 with the larger θ satisfies everything, so some share of the way there does.
        limit = (p0 + q0) / theta0 * theta if index else np.inf
        share = min(1.0, _share(p0 + q0, p + q, limit))
        share = min(share, _share(p0, p, _WING_MAX), _share(q0, q, _WING_MAX))
        share = min(share, _curve_share((p0, q0), (p, q), theta))
        p, q = p0 + share * (p - p0), q0 + share * (q - q0)
        result[index] = theta, p, q
        theta0, p0, q0 = theta, p, q
    return result


def _share(low: float, high: float, limit: float) -> float:
    """Return how far from low to high one may go and stay below the limit."""
    return 1.0 if high <= limit else max(0.0, (limit - low) / (high - low))


def _curve_share(low: tuple[float, float], high: tuple[float, float], theta: float) -> float:
    """Return the share of the way at which max(p, q)·(p + q)/(2θ) reaches its limit."""
    share = 1.0
    for side in (0, 1):
        other = 1 - side
        a, b = high[side] - low[side], low[side]
        c, d = high[other] - low[other] + a, low[other] + b
        # (a·x + b)·(c·x + d) = limit, rising in x
        limit = 2.0 * theta * _CURVE_MAX
        if (a + b) * (c + d) > limit:
            two, one, nought = a * c, a * d + b * c, b * d - limit
            share = min(share, _root(two, one, nought))
    return max(share, 0.0)


def _root(two: float, one: float, nought: float) -> float:
    """Return the root of two·x² + one·x + nought with two, one ≥ 0 ≥ nought."""
    under = max(one * one - 4.0 * two * nought, 0.0) ** 0.5
    return -2.0 * nought / (one + under) if one + under > 0 else 0.0
