"""Implied volatility of European options, to about what a float64 price can tell.

Each quote is first turned into its out-of-the-money time value β (see `normalised`), because only
that part holds the volatility. Below the inflection of β(s) the search runs on 1/ln β, above it on
β or on ln(1 − β): each is nearly straight there, so a fourth-order step settles in two to four.
Every row has a status; NaN never stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import kernels
from optix.quant.arrays import (
    BoolArray,
    FloatArray,
    all_positive,
    broadcast_options,
    contiguous,
    flags_of,
)
from optix.quant.normal import SQRT_2PI, density, quantile_upper_start
from optix.quant.normalised import (
    log_moneyness,
    narrow,
    shortfall_width,
    time_value,
    width,
)

RowIndex = NDArray[np.intp]

_STEPS_MAX = 16
_STEP_SMALL = 1e-5  # a fourth-order step after one this small would move nothing
_NOISE = 4.0 * float(np.finfo(np.float64).eps)
_LEFT = -1  # of the kernels: a row outside their range
_LOG_SQRT_2PI = float(np.log(SQRT_2PI))


class IvStatus(IntEnum):
    """Why an implied volatility is NaN; OK when it is a number."""

    OK = 0
    BELOW_INTRINSIC = 1  # cheaper than its discounted intrinsic value
    ABOVE_MAXIMUM = 2  # a call at or above the forward's value, a put at or above its strike's
    NO_TIME_VALUE = 3  # time value is zero or lost in the rounding of the price
    EXPIRED = 4  # no time left: any volatility gives this price
    NOT_CONVERGED = 5
    INVALID = 6  # an input is NaN, infinite, or cannot exist


class ImpliedVol(NamedTuple):
    """Annual volatilities, NaN where the status is not OK."""

    vol: FloatArray
    status: NDArray[np.int8]


def implied_vol(
    *,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    threads: int = 1,
) -> ImpliedVol:
    """Return the Black-76 volatility at which European options are worth their prices.

    Shapes:  all arguments broadcast to one shape; vol and status have it.
    Units:   price, forward, strike in quote currency; expiry in years (ACT/365); the continuous
             rate and the result as annual decimals; is_call true for calls.
    Errors:  none raised. A row without a volatility has NaN and its reason in `status`.
    Source:  normalisation and objectives as in Jäckel, Let's Be Rational, 2015; starts and the
             evaluation of β are our own. Accuracy: docs/features/pricing.md.
    """
    call, columns = broadcast_options(is_call, price, forward, strike, expiry_years, rate)
    native = kernels.native()
    if native is None:
        return _implied_vol(call, columns)
    flags, flat = flags_of(call), [contiguous(column) for column in columns]
    vol, status = np.empty(call.size), np.empty(call.size, dtype=np.int8)
    if native.european_implied_vol(*flat, flags, vol, status, threads):
        left = status == _LEFT
        rest = _implied_vol(flags[left], [column[left] for column in flat])
        vol[left], status[left] = rest
    return ImpliedVol(vol.reshape(call.shape), status.reshape(call.shape))


def _implied_vol(call: BoolArray, columns: Sequence[FloatArray]) -> ImpliedVol:
    """Return what `implied_vol` does, by NumPy: the reference, and where kernels do not reach."""
    p, F, K, T, r = columns
    status = np.full(p.shape, IvStatus.OK, dtype=np.int8)
    valid = all_positive(F, K) & np.isfinite(p) & np.isfinite(T) & np.isfinite(r)
    status[~valid] = IvStatus.INVALID
    status[valid & (T <= 0)] = IvStatus.EXPIRED

    rows = np.flatnonzero(status == IvStatus.OK)
    Fr, Kr, Tr = F.ravel()[rows], K.ravel()[rows], T.ravel()[rows]
    with np.errstate(over="ignore", under="ignore"):
        # In two factors: the price may bring back into range what the growth alone leaves.
        growth = r.ravel()[rows] * Tr
        inside = np.clip(growth, -700.0, 700.0)
        rest = np.exp(np.clip(growth - inside, -700.0, 700.0))
        value = p.ravel()[rows] * np.exp(inside) * rest
    gap = np.where(call.ravel()[rows], Fr - Kr, Kr - Fr)
    value -= np.maximum(gap, 0.0)
    ceiling = np.minimum(Fr, Kr)
    # What rounding the price and taking intrinsic value away can leave of nothing.
    noise = _NOISE * np.where(gap > 0, np.maximum(Fr, Kr), 0.0)
    found = np.full(rows.size, IvStatus.OK, dtype=np.int8)
    with np.errstate(over="ignore", under="ignore"):
        beta = value / ceiling
    found[(value <= noise) | (beta == 0)] = IvStatus.NO_TIME_VALUE
    found[value < -noise] = IvStatus.BELOW_INTRINSIC
    found[value >= ceiling * (1.0 - _NOISE)] = IvStatus.ABOVE_MAXIMUM

    solvable = found == IvStatus.OK
    total = np.full(rows.size, np.nan)
    a = np.abs(log_moneyness(Fr[solvable], Kr[solvable]))
    total[solvable] = total_vol(beta[solvable], a)
    found[solvable & np.isnan(total)] = IvStatus.NOT_CONVERGED
    vol = np.full(p.size, np.nan)
    vol[rows] = total / np.sqrt(Tr)
    status.ravel()[rows] = found
    return ImpliedVol(vol=vol.reshape(p.shape), status=status)


def total_vol(beta: FloatArray, a: FloatArray) -> FloatArray:
    """Return s with β(a, s) = beta, for 0 < beta < 1 and a ≥ 0; NaN where no s was found.

    Shapes:  beta and a are one-dimensional and aligned; the result too.
    Units:   pure numbers; s is vol·√expiry.
    """
    turning = np.sqrt(2.0 * a)  # the inflection of β in s
    beta_turning = np.zeros_like(a)
    away = a > 0
    beta_turning[away] = time_value(a[away], turning[away])
    low = beta < beta_turning
    result = np.empty_like(beta)
    with np.errstate(all="ignore"):  # a lost row becomes NaN and gets its status from that
        result[low] = _solve_low(beta[low], a[low], beta_turning[low])
        high = ~low
        result[high] = _solve_high(beta[high], a[high], beta_turning[high])
    return result


def _solve_low(beta: FloatArray, a: FloatArray, beta_turning: FloatArray) -> FloatArray:
    """Solve below the inflection, on 1/ln β as a function of s."""
    target = np.log(beta)
    # s² as a rational function of y = 1/ln β: exact value and slope at s = 0, exact at the turn.
    y, y_turning = 1.0 / target, 1.0 / np.log(beta_turning)
    slope = 0.5 * a * a
    bend = (slope * -y_turning / (2.0 * a) - 1.0) / y_turning
    s = np.sqrt(slope * -y / (1.0 + bend * y))
    # Near the money that start is far too small; the quadratic of Corrado and Miller is not.
    middle = beta + 0.5 * a
    quadratic = middle + np.sqrt(np.maximum(middle * middle - a * a / np.pi, 0.0))
    s = np.where(a < beta * 6.0, quadratic * np.sqrt(0.5 * np.pi), s)

    def step(s: FloatArray, rows: RowIndex) -> FloatArray:
        x, log_target = a[rows], target[rows]
        h, t = x / s, 0.5 * s
        w = width(h, t)
        log_beta = np.log(w) - 0.5 * (h - t) ** 2 - _LOG_SQRT_2PI
        p = 1.0 / w
        second, third = _curvature(h, s)
        newton = log_beta * (1.0 - log_beta / log_target) * w
        halley = second - p - 2.0 * p / log_beta
        cubic = (
            third
            - 3.0 * second * p
            + 2.0 * p * p
            - 6.0 * (second - p) * p / log_beta
            + 6.0 * (p / log_beta) ** 2
        )
        return _householder(newton, halley, cubic)

    return _iterate(s, step)


def _solve_high(beta: FloatArray, a: FloatArray, beta_turning: FloatArray) -> FloatArray:
    """Solve above the inflection: on β, and near its ceiling on ln(1 − β)."""
    turning = np.sqrt(2.0 * a)
    s = turning + (beta - beta_turning) * SQRT_2PI  # the tangent at the inflection
    reach = turning + (1.0 - beta_turning) * SQRT_2PI
    near_ceiling = beta > time_value(a, reach)
    tail = (1.0 - beta[near_ceiling]) * 0.5
    s[near_ceiling] = np.maximum(reach[near_ceiling], 2.0 * quantile_upper_start(tail))
    s = np.maximum(s, np.finfo(np.float64).tiny)

    def step(s: FloatArray, rows: RowIndex) -> FloatArray:
        x, wanted, ceiling = a[rows], beta[rows], near_ceiling[rows]
        h, t = x / s, 0.5 * s
        slope = density(h - t)
        second, third = _curvature(h, s)
        reached = time_value(x, s)
        shortfall = 1.0 - reached
        wide = (h < t) & ~narrow(h, t)
        shortfall[wide] = slope[wide] * shortfall_width(h[wide], t[wide])
        p = slope / shortfall
        newton = (wanted - reached) / slope
        newton = np.where(ceiling, np.log(shortfall / (1.0 - wanted)) / p, newton)
        halley = np.where(ceiling, second + p, second)
        cubic = np.where(ceiling, third + 3.0 * second * p + 2.0 * p * p, third)
        return _householder(newton, halley, cubic)

    return _iterate(s, step)


def _curvature(h: FloatArray, s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return β″/β′ and β‴/β′ with respect to s."""
    second = h * h / s - 0.25 * s
    return second, second * second - 3.0 * (h / s) ** 2 - 0.25


def _householder(newton: FloatArray, halley: FloatArray, cubic: FloatArray) -> FloatArray:
    """Return the third-order Householder step from −f/f′, f″/f′ and f‴/f′."""
    bent = newton * (1.0 + 0.5 * halley * newton)
    step = bent / (1.0 + newton * (halley + cubic * newton / 6.0))
    # Far from the root the expansion may turn round; the plain step never points the wrong way.
    return np.where(step * newton > 0, step, newton)


def _iterate(s: FloatArray, step: Callable[[FloatArray, RowIndex], FloatArray]) -> FloatArray:
    """Apply steps to every row until its last one was small; NaN where that never happens."""
    result = np.full(s.shape, np.nan)
    rows = np.arange(s.size)
    current = s.copy()
    for _ in range(_STEPS_MAX):
        moved = np.clip(current + step(current, rows), 0.5 * current, 2.0 * current)
        settled = np.abs(moved - current) <= _STEP_SMALL * current
        result[rows[settled]] = moved[settled]
        rows, current = rows[~settled], moved[~settled]
        if rows.size == 0:
            break
    return result
