"""When SVI slices allow no static arbitrage, told exactly and not on a grid alone.

Butterfly: the density of one expiry has the sign of

    g(k) = (1 − k·w′/(2w))² − w′²/4·(1/w + 1/4) + w″/2.

For SVI it is rational in t = l + √(l² + 1) with l = (k − m)/s, which runs over all t > 0 as k runs
over all strikes: there w = s·(p·t²/2 + a·t/s + q/2)/t, w′ = (p·t² − q)/(t² + 1) and g = n(t)/d(t)
with a polynomial n of tenth degree and a positive d. So the real roots of n tell the sign of g
everywhere, wings included. Its first and last coefficients, p²·(1 − p²/4) and q²·(1 − q²/4), are
the wing conditions: g tends to 1/4 − p²/16, so both wing slopes must stay below 2 (Lee's bound;
below 2 prices also vanish in the wings, since w/k then stays below 2).

Calendar: w₂ − w₁ of two slices is a line plus two square roots; squaring twice leaves a quartic
whose real roots hold every crossing. Between two of them the sign is that of any one point.
"""

from __future__ import annotations

import numpy as np

from optix.quant import svi
from optix.quant.arrays import BoolArray, FloatArray

WING_SLOPE_MAX = 2.0
_TOLERANCE = 1e-10  # of g, and of w relative to itself: the rounding of their evaluation


def butterfly_g(slices: FloatArray, k: FloatArray) -> FloatArray:
    """Return g(k) of each slice: at least 0 where the implied density is no less than 0.

    Shapes:  slices (n, 5), k (n, points) or (points,); the result is (n, points).
    Source:  Gatheral and Jacquier 2014, arXiv 1204.0646, section 2.
    """
    return g_of_shape(k, svi.shape(slices, k))


def g_of_shape(k: FloatArray, found: svi.SviShape) -> FloatArray:
    """Return g(k) of any smile from w, w′ and w″ at k."""
    w, slope, bend = found
    lean = 1.0 - 0.5 * k * slope / w
    return lean * lean - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend


def butterfly_slopes(slices: FloatArray, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return g (n, points) and its derivatives by a, p, q, m, s (n, 5, points)."""
    (w, slope, bend), first, second = svi.shape_slopes(slices, k)
    _, zeroth = svi.parameter_slopes(slices, k)
    lean = 1.0 - 0.5 * k * slope / w
    by_w = lean * k * slope / (w * w) + 0.25 * slope * slope / (w * w)
    by_slope = -lean * k / w - 0.5 * slope * (1.0 / w + 0.25)
    value = lean * lean - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend
    by_w, by_slope = by_w[:, np.newaxis], by_slope[:, np.newaxis]
    return value, by_w * zeroth + by_slope * first + 0.5 * second


def butterfly_minimum(slices: FloatArray) -> FloatArray:
    """Return the least g over all strikes of each slice, found at the roots of its numerator.

    −inf where a wing slope reaches 2 or the variance is not positive everywhere. Where g is
    negative somewhere the result is negative; where it is not, the result is the least value at
    the points looked at: a dense grid, and between every two roots.

    Shapes:  slices (n, 5); the result is (n,).
    Source:  our own; see the module. Checked against dense grids in tests/quant.
    """
    a, p, q, _m, s = slices.T
    legal = (s > 0) & (p >= 0) & (q >= 0) & (p < WING_SLOPE_MAX) & (q < WING_SLOPE_MAX)
    legal &= (a + s * np.sqrt(np.maximum(p * q, 0.0)) > 0) & np.isfinite(slices).all(axis=1)
    safe = np.where(legal[:, np.newaxis], slices, [1.0, 0.1, 0.1, 0.0, 1.0])
    roots = _real_parts(_numerator(safe))
    points = np.log(np.maximum(np.where(roots > 0, roots, 1.0), 1e-300))
    points = np.sort(np.concatenate((points, _WIDE[np.newaxis].repeat(len(slices), 0)), axis=1))
    points = np.concatenate((points, 0.5 * (points[:, 1:] + points[:, :-1])), axis=1)
    k = safe[:, 3:4] + safe[:, 4:5] * np.sinh(np.clip(points, -40.0, 40.0))
    low = butterfly_g(safe, k).min(axis=1)
    return np.where(legal, low, -np.inf)


_WIDE = np.linspace(-14.0, 14.0, 57)


def _numerator(slices: FloatArray) -> FloatArray:
    """Return the coefficients (n, 11) of n(t), highest power first."""
    a, p, q, m, s = slices.T
    one, nought = np.ones_like(a), np.zeros_like(a)
    level = np.stack((0.5 * p, a / s, 0.5 * q))
    slope = np.stack((p, nought, -q))
    place = np.stack((one, 2.0 * m / s, -one))
    frame = np.stack((one, nought, one))
    lean = _add(4.0 * _times(frame, level), -_times(slope, place))
    slope_two = _times(slope, slope)
    level_two = _times(level, level)
    parts = _add(_times(_times(lean, lean), frame), -_times(_times(slope_two, level_two), frame))
    parts = _add(parts, _shift(_times(_times(slope_two, level), frame) * (-4.0 / s), 1))
    parts = _add(parts, _shift(level_two * (32.0 * (p + q) / s), 3))
    return parts.T


def _times(left: FloatArray, right: FloatArray) -> FloatArray:
    """Multiply polynomials (powers, n)."""
    result = np.zeros((left.shape[0] + right.shape[0] - 1, left.shape[1]))
    for index, row in enumerate(left):
        result[index : index + right.shape[0]] += row * right
    return result


def _shift(values: FloatArray, powers: int) -> FloatArray:
    return np.concatenate((values, np.zeros((powers, values.shape[1]))))


def _add(left: FloatArray, right: FloatArray) -> FloatArray:
    """Add polynomials whose last rows are the constants."""
    size = max(left.shape[0], right.shape[0])
    result = np.zeros((size, left.shape[1]))
    result[size - left.shape[0] :] += left
    result[size - right.shape[0] :] += right
    return result


def _real_parts(coefficients: FloatArray) -> FloatArray:
    """Return the real parts of all roots of polynomials (n, powers), highest power first.

    A double root may come out as a complex pair; its real part is still where the touch is.
    """
    count, size = coefficients.shape
    biggest = np.abs(coefficients).max(axis=1, keepdims=True)
    lead = coefficients[:, :1]
    # A lead next to nothing is a root at infinity; smaller still, it would drown the other roots.
    lead = np.where(np.abs(lead) > 1e-13 * biggest, lead, 1e-13 * np.maximum(biggest, 1e-300))
    companion = np.zeros((count, size - 1, size - 1))
    companion[:, range(1, size - 1), range(size - 2)] = 1.0
    companion[:, 0] = -coefficients[:, 1:] / lead
    return np.linalg.eigvals(companion).real


def calendar_minimum(earlier: FloatArray, later: FloatArray) -> FloatArray:
    """Return the least of (w_later − w_earlier)/w_earlier over all strikes of each pair.

    Negative where the later slice is below the earlier one somewhere, −inf where only in the limit
    of a wing. Otherwise the least value at the points looked at.

    Shapes:  earlier and later (n, 5), pair by pair; the result is (n,).
    Source:  our own; see the module.
    """
    scale = np.maximum(earlier[:, 4], later[:, 4])
    scale = np.maximum(scale, np.abs(earlier[:, 3] - later[:, 3]))[:, np.newaxis]
    centre = earlier[:, 3:4]
    y = _real_parts(_crossing_polynomial(earlier, later, centre[:, 0], scale[:, 0]))
    away = (later[:, 3:4] - centre) / scale + later[:, 4:5] / scale * np.sinh(_WIDE)
    near = earlier[:, 4:5] / scale * np.sinh(_WIDE)
    points = np.sort(np.concatenate((y, away, near), axis=1))
    points = np.concatenate((points, 0.5 * (points[:, 1:] + points[:, :-1])), axis=1)
    k = centre + scale * np.clip(points, -1e12, 1e12)
    before = svi.total_variance(earlier, k)
    low = ((svi.total_variance(later, k) - before) / before).min(axis=1)
    steeper = (later[:, 1:3] >= earlier[:, 1:3] * (1.0 - _TOLERANCE)).all(axis=1)
    return np.where(steeper, low, -np.inf)


def _crossing_polynomial(
    earlier: FloatArray, later: FloatArray, centre: FloatArray, scale: FloatArray
) -> FloatArray:
    """Return the quartic (n, 5) in y, k = centre + scale·y, that vanishes at every crossing."""
    a1, p1, q1, m1, s1 = earlier.T
    a2, p2, q2, m2, s2 = later.T
    b1, b2 = 0.5 * (p1 + q1) * scale, 0.5 * (p2 + q2) * scale
    tilt1, tilt2 = 0.5 * (p1 - q1) * scale, 0.5 * (p2 - q2) * scale
    y1, y2, h1, h2 = (m1 - centre) / scale, (m2 - centre) / scale, s1 / scale, s2 / scale
    line = np.stack((tilt2 - tilt1, a2 - a1 - tilt2 * y2 + tilt1 * y1))
    root1 = np.stack((np.ones_like(y1), -2.0 * y1, y1 * y1 + h1 * h1)) * b1 * b1
    root2 = np.stack((np.ones_like(y2), -2.0 * y2, y2 * y2 + h2 * h2)) * b2 * b2
    line_two = _times(line, line)
    gap = _add(_add(root1, -root2), -line_two)
    return _add(_times(gap, gap), -4.0 * _times(line_two, root2)).T


def has_butterfly(slices: FloatArray) -> BoolArray:
    """Say which slices allow butterfly arbitrage at some strike. Shapes: (n, 5) in, (n,) out."""
    return butterfly_minimum(slices) < -_TOLERANCE


def has_calendar(slices: FloatArray) -> BoolArray:
    """Say which neighbours in the order of expiry cross. Shapes: (n, 5) in, (n − 1,) out."""
    return calendar_minimum(slices[:-1], slices[1:]) < -_TOLERANCE


def count_violations(slices: FloatArray) -> int:
    """Return how many slices allow butterfly and how many neighbours allow calendar arbitrage.

    Neighbours suffice: the order of total variance at one strike carries over.
    """
    if len(slices) == 0:
        return 0
    return int(has_butterfly(slices).sum()) + int(has_calendar(slices).sum())
