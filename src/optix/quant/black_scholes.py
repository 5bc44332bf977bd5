"""European options: Black-76 on the forward, price and twelve outputs in natural units.

Arrays in, arrays out, everything broadcast. The forward carries rates, dividends and borrow; the
spot is used only to say what a move of the spot does. American options are in `american`, the
inverse is in `implied_vol`. Values that cannot exist (NaN, a price or strike ≤ 0, vol < 0) give
NaN in their place, so that one bad row cannot fail a chain.

Compiled kernels do the work where there are any (`kernels`); `black_scholes_numpy` is the
reference, and takes the rows that are outside the range of the kernels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant import black_scholes_numpy as reference
from optix.quant import kernels
from optix.quant.arrays import FloatArray, broadcast_options, contiguous, flags_of

_UNKNOWN = np.empty(0)


class Greeks(NamedTuple):
    """Price and first-order Greeks of options, aligned arrays, natural units."""

    price: FloatArray
    delta: FloatArray  # per 1.00 of spot
    gamma: FloatArray  # per 1.00 of spot, squared
    theta: FloatArray  # per year that passes: negative as a rule for a long option
    vega: FloatArray  # per 1.00 of vol
    rho: FloatArray  # per 1.00 of rate, dividend yield held


class AllGreeks(NamedTuple):
    """The twelve outputs of the European model, aligned arrays, natural units.

    The first six are those of `Greeks`. A year that passes is calendar time, as for theta.
    """

    price: FloatArray
    delta: FloatArray  # per 1.00 of spot
    gamma: FloatArray  # delta per 1.00 of spot
    theta: FloatArray  # per year that passes
    vega: FloatArray  # per 1.00 of vol
    rho: FloatArray  # per 1.00 of rate, dividend yield held
    vanna: FloatArray  # delta per 1.00 of vol
    charm: FloatArray  # delta per year that passes
    vomma: FloatArray  # vega per 1.00 of vol
    speed: FloatArray  # gamma per 1.00 of spot
    zomma: FloatArray  # gamma per 1.00 of vol
    color: FloatArray  # gamma per year that passes


def price(
    *,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    threads: int = 1,
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
        return reference.price(call, columns)
    flags, flat = flags_of(call), [contiguous(column) for column in columns]
    found, left = np.empty(call.size), np.empty(call.size, dtype=np.bool_)
    if native.european_price(*flat, flags, found, left, threads):
        found[left] = reference.price(flags[left], [column[left] for column in flat])
    return found.reshape(call.shape)


def greeks(
    *,
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    dividend_yield: ArrayLike | None = None,
    threads: int = 1,
) -> AllGreeks:
    """Return price and Greeks of European options, of first to third order.

    The forward is read as spot·exp((rate − yield)·expiry): spot, theta and rho derivatives hold the
    yield, and delta and gamma are against the spot. Where the yield is known, give it beside the
    forward that has it: a forward of the next hours hardly shows it, and its last place is a large
    part of the distance to a near strike.

    Shapes:  all arguments broadcast to one shape; every result has it.
    Units:   as `price`; spot in quote currency, dividend_yield a continuous annual decimal. Greeks
             per 1.00 of spot, vol and rate; theta, charm and color per year (calendar, ∂/∂t).
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place. At expiry_years ≤ 0
             delta is 0 or ±1 and the others 0. At vol 0 whatever is a multiple of gamma is 0.
    Source:  Hull, Options, Futures and Other Derivatives, 11th ed., ch. 19; orders above the second
             by differentiation, checked at 50 digits.
    """
    given = [] if dividend_yield is None else [dividend_yield]
    call, columns = broadcast_options(
        is_call, spot, forward, strike, expiry_years, vol, rate, *given
    )
    native = kernels.native()
    if native is None:
        return AllGreeks(*reference.greeks(call, columns))
    flags, flat = flags_of(call), [contiguous(column) for column in columns]
    yields = flat[6] if given else _UNKNOWN
    found = np.empty((len(AllGreeks._fields), call.size))
    left = np.empty(call.size, dtype=np.bool_)
    if native.european_greeks(*flat[:6], flags, yields, found, left, threads):
        found[:, left] = reference.greeks(flags[left], [column[left] for column in flat])
    return AllGreeks(*found.reshape(len(found), *call.shape))
