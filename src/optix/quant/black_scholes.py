"""European options: Black-76 on the forward, price and first-order Greeks in natural units.

Arrays in, arrays out, everything broadcast. The forward carries rates, dividends and borrow; the
spot is used only to say what a move of the spot does. American options are in `american`, the
inverse is in `implied_vol`. Values that cannot exist (NaN, a price or strike ≤ 0, vol < 0) give
NaN in their place, so that one bad row cannot fail a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant import kernels
from optix.quant.arrays import (
    BoolArray,
    FloatArray,
    all_positive,
    broadcast_options,
    contiguous,
)
from optix.quant.normal import cumulative, density
from optix.quant.normalised import log_moneyness, time_value


class Greeks(NamedTuple):
    """Price and first-order Greeks of options, aligned arrays, natural units."""

    price: FloatArray
    delta: FloatArray  # per 1.00 of spot
    gamma: FloatArray  # per 1.00 of spot, squared
    theta: FloatArray  # per year that passes: negative as a rule for a long option
    vega: FloatArray  # per 1.00 of vol
    rho: FloatArray  # per 1.00 of rate, dividend yield held


def _usable(
    *values: FloatArray, vol: FloatArray, years: FloatArray, rate: FloatArray
) -> FloatArray:
    valid = all_positive(*values) & (vol >= 0) & np.isfinite(vol)
    return np.where(valid & np.isfinite(years) & np.isfinite(rate), 1.0, np.nan)


def price(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
) -> FloatArray:
    """Return Black-76 prices of European options.

    Shapes:  all arguments broadcast to one shape; the result has it.
    Units:   forward, strike and result in quote currency; expiry in years (ACT/365); vol and the
             continuous rate as annual decimals; is_call true for calls.
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place. At expiry_years ≤ 0
             the price is intrinsic value; at vol 0 it is discounted intrinsic of the forward.
    Source:  Black 1976; golden values in tests/quant/golden_black.py.
    """
    call, columns = broadcast_options(is_call, forward, strike, expiry_years, vol, rate)
    native = kernels.native()
    if native is None:
        return _price(call, columns)
    flat_call = np.ascontiguousarray(call).reshape(-1)
    flat = [contiguous(column) for column in columns]
    found, left = np.empty(call.size), np.empty(call.size, dtype=np.bool_)
    if native.european_price(*flat, flat_call, found, left, 1):
        found[left] = _price(flat_call[left], [column[left] for column in flat])
    return found.reshape(call.shape)


def _price(call: BoolArray, columns: Sequence[FloatArray]) -> FloatArray:
    """Return what `price` does, by NumPy: the reference, and where the kernels do not reach."""
    F, K, T, v, r = columns
    usable = _usable(F, K, vol=v, years=T, rate=r)
    F, K, T, v, r = (np.where(np.isnan(usable), 1.0, array) for array in (F, K, T, v, r))
    T = np.maximum(T, 0.0)
    discount = np.exp(-r * T)
    gap = F - K
    intrinsic = np.maximum(np.where(call, gap, -gap), 0.0)
    value = intrinsic + np.minimum(F, K) * _beta(F, K, v * np.sqrt(T), usable)
    return discount * value * usable


def _beta(F: FloatArray, K: FloatArray, s: FloatArray, usable: FloatArray) -> FloatArray:
    """Return the normalised time value where there is any volatility left, else 0."""
    result = np.zeros(F.shape)
    alive = ~np.isnan(usable) & (s > 0)
    a = np.abs(log_moneyness(F[alive], K[alive]))
    result[alive] = time_value(a, s[alive])
    return result


def greeks(
    *,
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
) -> Greeks:
    """Return price, delta, gamma, theta, vega and rho of European options.

    The forward is read as spot·exp((rate − yield)·expiry): spot, theta and rho derivatives hold the
    yield, and delta and gamma are against the spot.

    Shapes:  all arguments broadcast to one shape; every result has it.
    Units:   as `price`; spot in quote currency. Greeks per 1.00 of spot, vol and rate, theta per
             year (calendar, ∂V/∂t).
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place. At expiry_years ≤ 0
             delta is 0 or ±1 and the others 0. At vol 0 gamma and vega are 0.
    Source:  Hull, Options, Futures and Other Derivatives, 11th ed., ch. 19.
    """
    call, (S, F, K, T, v, r) = broadcast_options(
        is_call, spot, forward, strike, expiry_years, vol, rate
    )
    value = price(forward=F, strike=K, expiry_years=T, vol=v, rate=r, is_call=call)
    usable = np.where(np.isnan(value), np.nan, _usable(S, vol=v, years=T, rate=r))
    live = ~np.isnan(usable) & (T > 0)
    S, F, K, v, r = (np.where(np.isnan(usable), 1.0, array) for array in (S, F, K, v, r))
    T = np.where(live, T, 1.0)
    sign = np.where(call, 1.0, -1.0)
    root = np.sqrt(T)
    s = v * root
    x = log_moneyness(F, K)
    moving = s > 0
    d1 = np.where(moving, x / np.where(moving, s, 1.0) + 0.5 * s, np.copysign(np.inf, x))
    d1 = np.where(~moving & (x == 0), 0.0, d1)
    d2 = d1 - s
    discount = np.where(live, np.exp(-r * T), 1.0)
    n1, n2 = cumulative(sign * d1), cumulative(sign * d2)
    kinked = ~moving & (x == 0)  # no vol and no distance: both one-sided derivatives, take neither
    n1, n2 = np.where(kinked, 0.0, n1), np.where(kinked, 0.0, n2)
    bell = np.where(moving, density(d1), 0.0)
    forward_part, strike_part = discount * F * n1, discount * K * n2
    dividend_yield = r - log_moneyness(F, S) / T
    decay = -discount * F * bell * v / (2.0 * root)
    expired_delta = sign * (sign * (F - K) > 0)
    delta = np.where(live, sign * forward_part / S, expired_delta)
    gamma = discount * F * bell / (S * S * np.where(moving, s, 1.0))
    theta = decay + sign * (dividend_yield * forward_part - r * strike_part)
    alive = np.where(live, usable, 0.0 * usable)
    return Greeks(
        price=value * usable,
        delta=delta * usable,
        gamma=gamma * alive,
        theta=theta * alive,
        vega=discount * F * bell * root * alive,
        rho=sign * T * strike_part * alive,
    )
