"""Implied forwards and discount rates from put-call parity, all expiries of a chain at once.

European pairs obey C − P = D·(F − K), so a line through C − P over K gives both F and D. American
pairs do not: each leg first loses its early exercise premium, which takes a rate from outside.
Arrays are (expiries, pairs), padded with NaN; a fit says by which method it was found, on how many
pairs, and how far they scatter.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import american
from optix.quant.arrays import BoolArray, FloatArray, broadcast_floats
from optix.quant.implied_vol import implied_vol
from optix.quant.parity import (
    HUBER,
    SLOPE_PAIRS_MIN,
    Pairs,
    ParityForward,
    nearest_pairs,
    usable_pairs,
    weighted_forward,
)

_RATE_DOUBT = 0.01  # one standard deviation of the given rate against the market's
_AMERICAN_PAIRS_MAX = 8
_AMERICAN_PASSES = 3
_SPOT_SLACK = 1e-4  # spot and options are not quoted at one instant


class ForwardMethod(IntEnum):
    """How a forward was found."""

    NONE = 0  # no pairs and no spot
    PARITY_REGRESSION = 1  # forward and rate from the line through European pairs
    PARITY_AT_RATE = 2  # forward from European pairs, the rate mostly as given
    PARITY_AMERICAN = 3  # from American pairs less their early exercise premiums, rate as given
    SPOT_AT_RATE = 4  # no two-sided pair near the money: the spot carried at the given rate


FORWARD_METHOD_TEXT = {
    ForwardMethod.NONE: "none: no put-call pair quoted on both sides near the money, and no spot",
    ForwardMethod.PARITY_REGRESSION: "put-call parity regression, forward and rate fitted",
    ForwardMethod.PARITY_AT_RATE: "put-call parity at the given rate: pairs do not tell the rate",
    ForwardMethod.PARITY_AMERICAN: "put-call parity less early exercise premiums, rate given",
    ForwardMethod.SPOT_AT_RATE: (
        "spot at the given rate: no put-call pair quoted on both sides near the money"
    ),
}


class ForwardFit(NamedTuple):
    """One entry per expiry."""

    forward: FloatArray  # NaN with method NONE
    rate: FloatArray  # continuous, of the discount factor
    method: NDArray[np.int8]
    pairs: NDArray[np.int64]  # pairs the forward stands on
    residual: FloatArray  # median distance of the pairs' forwards from it; NaN without pairs
    low: FloatArray  # what bids and asks allow the forward to be; NaN without pairs, and crossed
    high: FloatArray  # where the quotes contradict each other


class Carry(NamedTuple):
    """A forward split into the spot and the yield that explain it."""

    spot: FloatArray
    dividend_yield: FloatArray


def implied_carry(
    *, spot: ArrayLike, forward: ArrayLike, expiry_years: ArrayLike, rate: ArrayLike
) -> Carry:
    """Return the spot and continuous yield with forward = spot·exp((rate − yield)·expiry).

    A spot seen seconds apart from the options would, over hours to expiry, be read as a yield of
    hundreds of percent. So the first 0.01 % of the gap between spot and forward moves the spot and
    only what is left becomes yield. Without a spot the yield is 0.

    Shapes:  all arguments broadcast to one shape; both results have it.
    Units:   spot and forward in quote currency; expiry in years (ACT/365), above 0; rates as
             continuous annual decimals.
    Errors:  a NaN forward gives NaN.
    """
    S, F, T, r = broadcast_floats(spot, forward, expiry_years, rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = (S > 0) & np.isfinite(S)
        gap = r * T - np.log(F / np.where(known, S, F))
        paid = np.where(known, np.sign(gap) * np.maximum(np.abs(gap) - _SPOT_SLACK, 0.0), 0.0)
        dividend_yield = np.where(T > 0, paid / np.where(T > 0, T, 1.0), 0.0)
    return Carry(spot=F * np.exp(paid - r * T), dividend_yield=dividend_yield)


def implied_forward(
    *,
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    expiry_years: ArrayLike,
    is_american: ArrayLike,
    spot: ArrayLike,
    rate: ArrayLike,
) -> ForwardFit:
    """Return the implied forward and rate of each expiry.

    Only pairs with both legs quoted on both sides, not crossed, near the money, count; each with
    weight 1/spread², outliers with less. The forward is kept inside what bids and asks allow. A
    fitted rate is averaged with the given one by their certainties: days before expiry the slope
    says nothing about the rate, and there the rate does not matter.

    Shapes:  strike and quotes (expiries, pairs), NaN where there is none; expiry_years and
             is_american (expiries,), spot (NaN: unknown) and rate, say of a `rates.RateCurve`,
             too or one for all.
    Units:   quote currency; expiry in years (ACT/365); continuous annual rates.
    Errors:  none raised. Without pairs the forward is the spot at the given rate, without a spot
             too it is NaN; at expiry_years ≤ 0 it is NaN.
    Source:  PRICING notes of the project; docs/features/pricing.md.
    """
    T = np.asarray(expiry_years, dtype=np.float64)
    style = np.asarray(is_american, dtype=np.bool_)
    S = np.broadcast_to(np.asarray(spot, dtype=np.float64), T.shape)
    given = np.broadcast_to(np.asarray(rate, dtype=np.float64), T.shape)
    rates = given.copy()
    quotes = broadcast_floats(strike, call_bid, call_ask, put_bid, put_ask)
    pairs = usable_pairs(quotes, T, rates)
    forward = weighted_forward(pairs, pairs.call - pairs.put, T, rates).forward
    method = np.where(pairs.used.any(axis=1), ForwardMethod.PARITY_AT_RATE, ForwardMethod.NONE)

    fitted_rate, certain = _fitted_rate(pairs, forward, T, rates)
    european = ~style & (method != ForwardMethod.NONE)
    rates = np.where(european, fitted_rate, rates)
    method = np.where(european & certain, ForwardMethod.PARITY_REGRESSION, method)
    fit = weighted_forward(pairs, pairs.call - pairs.put, T, rates)
    forward, residual, low, high = fit

    counts = pairs.used.sum(axis=1)
    exercised = style & (method != ForwardMethod.NONE)
    if exercised.any():
        part = nearest_pairs(pairs.rows(exercised), forward[exercised], _AMERICAN_PAIRS_MAX)
        fit = _american_forward(
            part, forward[exercised], T[exercised], rates[exercised], S[exercised]
        )
        for whole, found in zip((forward, residual, low, high), fit, strict=True):
            whole[exercised] = found
        counts[exercised] = part.used.sum(axis=1)
        method = np.where(exercised, ForwardMethod.PARITY_AMERICAN, method)

    bare = (method == ForwardMethod.NONE) & (T > 0) & np.isfinite(S) & (S > 0)
    forward = np.where(bare, S * np.exp(given * T), forward)
    method = np.where(bare, ForwardMethod.SPOT_AT_RATE, method)
    return ForwardFit(
        forward=forward,
        rate=rates,
        method=method.astype(np.int8),
        pairs=counts,
        residual=residual,
        low=np.where(counts > 0, low, np.nan),
        high=np.where(counts > 0, high, np.nan),
    )


def _fitted_rate(
    pairs: Pairs, forward: FloatArray, T: FloatArray, rates: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return rates blended from slope and given rate, and where the slope says more."""
    discount = np.exp(-rates * np.maximum(T, 0.0))
    x = np.where(pairs.used, pairs.strike - forward[:, np.newaxis], 0.0)
    y = np.where(pairs.used, pairs.call - pairs.put, 0.0)
    deviation = 0.25 * pairs.spread  # a mid is rarely off by more than half of the half-spread
    # The first line is the given rate's; Huber weights then follow the fitted one.
    level, slope = np.zeros(T.shape), -discount
    counts = pairs.used.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(4):
            error = np.abs(y - level[:, np.newaxis] - slope[:, np.newaxis] * x) / deviation
            weight = np.where(pairs.used, HUBER / np.maximum(error, HUBER), 0.0) / deviation**2
            total = weight.sum(axis=1)
            mean_x = (weight * x).sum(axis=1) / total
            mean_y = (weight * y).sum(axis=1) / total
            apart = x - mean_x[:, np.newaxis]
            spread_x = (weight * apart * apart).sum(axis=1)
            slope = (weight * apart * y).sum(axis=1) / spread_x
            level = mean_y - slope * mean_x
        error = y - level[:, np.newaxis] - slope[:, np.newaxis] * x
        scatter = (weight * error * error).sum(axis=1) / np.maximum(counts - 2, 1)
        doubt = np.sqrt(np.maximum(scatter, 1.0) / spread_x) / (-slope * T)
        fitted = -np.log(-slope) / T
        share = _RATE_DOUBT**2 / (_RATE_DOUBT**2 + doubt * doubt)
    share = np.where((counts >= SLOPE_PAIRS_MIN) & (slope < 0) & np.isfinite(share), share, 0.0)
    blended = rates + share * (np.where(share > 0, fitted, rates) - rates)
    return blended, share > 0.5


def _american_forward(
    pairs: Pairs, forward: FloatArray, T: FloatArray, rates: FloatArray, spot: FloatArray
) -> ParityForward:
    """Return the forward of American pairs, their exercise premiums taken away.

    The premiums need a forward and a volatility, which come from the round before.
    """
    rows, columns = np.nonzero(pairs.used)
    K, call, put = pairs.strike[rows, columns], pairs.call[rows, columns], pairs.put[rows, columns]
    years, r = T[rows], rates[rows]
    parity = pairs.call - pairs.put
    shift = np.zeros(parity.shape)
    fit = ParityForward(forward, *(np.full(T.shape, np.nan) for _ in range(3)))
    for _ in range(_AMERICAN_PASSES):
        F = fit.forward[rows]
        out_call = F <= K
        vol, _status = implied_vol(
            price=np.where(out_call, call, put),
            forward=F,
            strike=K,
            expiry_years=years,
            rate=r,
            is_call=out_call,
        )
        carry = implied_carry(spot=spot[rows], forward=F, expiry_years=years, rate=r)
        both = american.early_exercise_premium(
            spot=carry.spot,
            strike=K,
            expiry_years=years,
            vol=vol,
            rate=r,
            dividend_yield=carry.dividend_yield,
            is_call=[[True], [False]],
        )
        shift[rows, columns] = np.nan_to_num(both[0] - both[1])
        lean = pairs._replace(low=pairs.low - shift, high=pairs.high - shift)
        fit = weighted_forward(lean, parity - shift, T, rates)
    return fit
