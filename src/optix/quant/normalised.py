"""The Black formula without units: what price, Greeks and implied volatility share.

With a = |ln(forward/strike)| and s = vol·√expiry, the undiscounted out-of-the-money price is
min(forward, strike)·β(a, s), where β rises in s from 0 to 1. In h = a/s and t = s/2

    β = φ(h − t)·w(h, t),   w = m(h − t) − m(h + t) = ∫₋ₜᵗ (1 − z·m(z)) du at z = h + u,

and dβ/ds = φ(h − t). Every term is positive, so nothing cancels however far out the strike is.
"""

from __future__ import annotations

import numpy as np

from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.normal import MILLS_Z_MIN, density, mills, mills_slope

# Below this t the difference of Mills ratios loses digits and the integral is exact to rounding.
_T_SMALL = -MILLS_Z_MIN / 2.0
_H_LARGE = 1e150  # the density is 0 long before, and h·h would overflow
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


def log_moneyness(forward: FloatArray, strike: FloatArray) -> FloatArray:
    """Return ln(forward/strike), with relative accuracy near the money too."""
    with np.errstate(over="ignore", under="ignore"):
        ratio = forward / strike
    near = np.abs(ratio - 1.0) < 0.5
    # forward − strike is exact when the two are within a factor of two.
    gap = np.where(near, forward - strike, 0.0) / strike
    # A quotient may leave the range of a float64; the two logarithms never do.
    far = (ratio < 1e-300) | (ratio > 1e300)
    plain = np.where(far, np.log(forward) - np.log(strike), np.log(np.where(far, 1.0, ratio)))
    return np.where(near, np.log1p(gap), plain)


def width(h: FloatArray, t: FloatArray) -> FloatArray:
    """Return w(h, t) where h ≥ t or t is small (`narrow`). One-dimensional arrays."""
    result = np.empty_like(h)
    small = narrow(h, t)
    h_small, t_small = h[small], t[small]
    slopes = mills_slope(h_small + np.multiply.outer(_NODES, t_small))
    result[small] = t_small * (_WEIGHTS @ slopes)
    h_wide, t_wide = h[~small], t[~small]
    result[~small] = mills(h_wide - t_wide) - mills(h_wide + t_wide)
    return result


def narrow(h: FloatArray, t: FloatArray) -> BoolArray:
    """Say where `width` integrates. Far out, the integrand is smooth on the scale of h."""
    return np.asarray(t < _T_SMALL * np.maximum(1.0, 0.5 * h))


def shortfall_width(h: FloatArray, t: FloatArray) -> FloatArray:
    """Return (1 − β)/φ(h − t) = m(t − h) + m(t + h) where t ≥ h."""
    return mills(t - h) + mills(t + h)


def time_value(a: FloatArray, s: FloatArray) -> FloatArray:
    """Return β(a, s) for a ≥ 0 and s > 0. One-dimensional arrays."""
    with np.errstate(over="ignore", under="ignore"):
        h, t = np.minimum(a / s, _H_LARGE), 0.5 * s
    result = np.empty_like(h)
    direct = (h >= t) | narrow(h, t)
    hd, td = h[direct], t[direct]
    result[direct] = density(hd - td) * width(hd, td)
    hc, tc = h[~direct], t[~direct]
    result[~direct] = 1.0 - density(hc - tc) * shortfall_width(hc, tc)
    return result
