"""The European model by NumPy: the reference of the compiled kernels, and their stand-in.

The public calls are in `black_scholes`. Columns come broadcast, in the field's letters: spot S,
forward F, strike K, years T, vol v, rate r, dividend yield q. What leaves the range of a float64 on
the way is held at the largest one, so that finite input never gives NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from optix.quant.arrays import BoolArray, FloatArray, all_positive
from optix.quant.normal import cumulative, density
from optix.quant.normalised import log_moneyness, time_value

_LARGEST = float(np.finfo(np.float64).max)


class _Live(NamedTuple):
    """Options with time left, every number sound."""

    sign: FloatArray
    S: FloatArray
    F: FloatArray
    K: FloatArray
    T: FloatArray
    v: FloatArray
    r: FloatArray
    q: FloatArray
    growth: FloatArray  # ln(F/S)
    x: FloatArray  # ln(F/K)


def _usable(*values: FloatArray, vol: FloatArray, others: Sequence[FloatArray]) -> FloatArray:
    valid = all_positive(*values) & (vol >= 0) & np.isfinite(vol)
    for other in others:
        valid &= np.isfinite(other)
    return np.where(valid, 1.0, np.nan)


def _times(*factors: FloatArray) -> FloatArray:
    """Return a product that stays finite: infinity times zero would be NaN."""
    product = np.ones(())
    for factor in factors:
        product = np.clip(product * np.clip(factor, -_LARGEST, _LARGEST), -_LARGEST, _LARGEST)
    return product


def _per(value: FloatArray) -> FloatArray:
    return np.minimum(1.0 / value, _LARGEST)


def _discount(r: FloatArray, T: FloatArray) -> FloatArray:
    return np.exp(-np.clip(r * T, -1e3, 1e3))


def price(call: BoolArray, columns: Sequence[FloatArray]) -> FloatArray:
    """Return the prices for F, K, T, v, r; `black_scholes.price` says which."""
    F, K, T, v, r = columns
    usable = _usable(F, K, vol=v, others=(T, r))
    F, K, T, v, r = (np.where(np.isnan(usable), 1.0, array) for array in (F, K, T, v, r))
    T = np.maximum(T, 0.0)
    with np.errstate(over="ignore", under="ignore"):
        gap = F - K
        intrinsic = np.maximum(np.where(call, gap, -gap), 0.0)
        value = intrinsic + np.minimum(F, K) * _beta(log_moneyness(F, K), v * np.sqrt(T))
        return _times(_discount(r, T), value) * usable


def _beta(x: FloatArray, s: FloatArray) -> FloatArray:
    """Return the normalised time value where there is any volatility left, else 0."""
    result = np.zeros(x.shape)
    alive = s > 0
    result[alive] = time_value(np.abs(x[alive]), np.minimum(s[alive], _LARGEST))
    return result


def greeks(call: BoolArray, columns: Sequence[FloatArray]) -> FloatArray:
    """Return the rows of AllGreeks for S, F, K, T, v, r and, where it is known, q."""
    S, F, K, T, v, r, *known = columns
    usable = _usable(S, F, K, vol=v, others=(T, r, *known))
    live = ~np.isnan(usable) & (T > 0)
    value = price(call, [F, K, T, v, r]) * usable
    S, F, K, v, r = (np.where(np.isnan(usable), 1.0, array) for array in (S, F, K, v, r))
    T = np.where(live, T, 1.0)
    sign = np.where(call, 1.0, -1.0)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        if known:
            q = np.where(live, known[0], 0.0)
            growth = np.clip(_times(r - q, T), -2e3, 2e3)
            # Free of the rounding of the forward, which near the money is a large part of it.
            x = log_moneyness(S, K) + growth
            time_value_left = np.minimum(F, K) * _beta(x, v * np.sqrt(T))
            gap = np.where(x * sign > 0, np.minimum(F, K) * np.expm1(np.abs(x)), 0.0)
            exact = _times(_discount(r, T), gap + time_value_left) * usable
            value = np.where(live, exact, value)
        else:
            growth = log_moneyness(F, S)
            q = r - growth / T
            x = log_moneyness(F, K)
        delta, *others = _derivatives(_Live(sign, S, F, K, T, v, r, q, growth, x))
        expired = sign * (sign * (F - K) > 0)
    rows = [value, np.where(live, delta, expired), *(np.where(live, row, 0.0) for row in others)]
    return np.stack([row * usable for row in rows])


def _derivatives(c: _Live) -> list[FloatArray]:
    """Return delta, gamma, theta, vega, rho, vanna, charm, vomma, speed, zomma and color."""
    root = np.sqrt(c.T)
    s = c.v * root
    x = c.x
    moving = s > 0
    over_s = np.where(moving, s, 1.0)
    d1, d2 = (
        np.where(moving, x / over_s + half * s, np.where(x == 0, 0.0, np.copysign(np.inf, x)))
        for half in (0.5, -0.5)
    )
    n1, n2 = cumulative(c.sign * d1), cumulative(c.sign * d2)
    kinked = ~moving & (x == 0)  # no vol and no distance: both one-sided derivatives, take neither
    n1, n2 = np.where(kinked, 0.0, n1), np.where(kinked, 0.0, n2)
    bell = np.where(moving, density(d1), 0.0)
    # Whatever is a multiple of the density vanishes with it, however large the other factors are.
    seen = bell > 0
    d1, d2 = np.where(seen, d1, 0.0), np.where(seen, d2, 0.0)
    per_s, per_v = _per(np.where(seen, s, 1.0)), _per(np.where(seen, c.v, 1.0))
    per_S, per_T = _per(c.S), _per(c.T)
    discount = _discount(c.r, c.T)
    share, cash = _times(discount, c.F, n1), _times(discount, c.K, n2)
    slope = _times(discount, c.F, bell)
    delta = _times(c.sign, share, per_S)
    gamma = _times(slope, per_S, per_S, per_s)
    vega = _times(slope, root)
    drift = 2.0 * c.growth - _times(d2, s)
    decay = _times(slope, c.v, 0.5 / root)
    return [
        delta,
        gamma,
        c.sign * (_times(c.q, share) - _times(c.r, cash)) - decay,
        vega,
        _times(c.sign, c.T, cash),
        -_times(slope, per_S, d2, per_v),
        _times(c.q, delta) - _times(0.5 * slope, per_S, per_s, per_T, drift),
        _times(vega, d1 * d2, per_v),
        -_times(gamma, per_S, _times(d1, per_s) + 1.0),
        _times(gamma, d1 * d2 - 1.0, per_v),
        _times(gamma, c.q + _times(0.5 * per_T, 1.0 + _times(d1, drift, per_s))),
    ]
