"""American options on a continuous dividend yield: price, Greeks, implied volatility.

Value = European value + early exercise premium. The premium is the modified quadratic
approximation of Ju and Zhong: closed form once the exercise boundary is found, so a chain of
thousands of rows is a few array passes. It is an approximation (errors: docs/features/pricing.md),
and cash dividends enter only through the yield that matches the forward. With no rate for puts, or
no yield for calls, waiting costs nothing and the option is priced as European.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant import black_scholes
from optix.quant.arrays import BoolArray, FloatArray, all_positive, broadcast_floats
from optix.quant.black_scholes import Greeks
from optix.quant.implied_vol import ImpliedVol, IvStatus
from optix.quant.implied_vol import implied_vol as european_implied_vol
from optix.quant.normal import cumulative, density

_BOUNDARY_STEPS_MAX = 20
_BOUNDARY_SMALL = 1e-6  # Newton doubles the digits: the step after such a one would be 1e-12
_COST_MIN = 1e-6
_RATE_MIN = 1e-7  # the formula divides by the rate; its limit is reached long before this
_BUMP = 1e-4  # for vega and rho of the premium
_SEARCH_STEPS_MAX = 60
_SEARCH_SMALL = 1e-7
_NOISE = 8.0 * float(np.finfo(np.float64).eps)


class _Contracts(NamedTuple):
    """One-dimensional arrays of contracts whose early exercise may pay. Strike is the unit."""

    moneyness: FloatArray  # spot/strike
    years: FloatArray
    vol: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    sign: FloatArray  # 1 for calls, −1 for puts


class _Premium(NamedTuple):
    value: FloatArray  # in units of strike; continuation value only
    slope: FloatArray  # ∂ ln(value)/∂ ln(spot)
    bend: FloatArray  # ∂² ln(value)/∂ ln(spot)²
    exercised: FloatArray  # 1.0 where the option is worth more dead
    level: FloatArray  # the exercise boundary in units of strike, a start for a nearby vol or rate


def _european(c: _Contracts, level: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return value, e^(−qT)·N(±d1) and d1 at spot/strike = level."""
    s = c.vol * np.sqrt(c.years)
    d1 = (np.log(level) + (c.rate - c.dividend_yield) * c.years) / s + 0.5 * s
    stock, cash = cumulative(c.sign * np.stack((d1, d1 - s)))
    share = np.exp(-c.dividend_yield * c.years) * stock
    return c.sign * (level * share - np.exp(-c.rate * c.years) * cash), share, d1


def _boundary_start(c: _Contracts, perpetual: FloatArray) -> FloatArray:
    """Return a first guess between the boundary at expiry and the one of a perpetual option."""
    s = c.vol * np.sqrt(c.years)
    ratio = c.rate / np.maximum(c.dividend_yield, _RATE_MIN)
    at_expiry = np.where(c.sign > 0, np.maximum(1.0, ratio), np.minimum(1.0, ratio))
    limit = 1.0 / (1.0 - 1.0 / perpetual)
    drift = (c.rate - c.dividend_yield) * c.years
    distance = np.where(c.sign > 0, limit / at_expiry, 2.0 - limit) - 1.0
    pace = -(c.sign * drift + 2.0 * s) / np.maximum(distance, 1e-12)
    return limit + (at_expiry - limit) * np.exp(np.minimum(pace, 0.0))


def _boundary(c: _Contracts, exponent: FloatArray, level: FloatArray) -> FloatArray:
    """Return spot/strike where exercising now and holding are worth the same."""
    s = c.vol * np.sqrt(c.years)
    floor = np.where(c.sign > 0, 1.0, 0.0)
    ceiling = np.where(c.sign > 0, np.inf, 1.0)
    for _ in range(_BOUNDARY_STEPS_MAX):
        value, share, d1 = _european(c, level)
        stock = 1.0 - share
        error = c.sign * (level - 1.0) - value - c.sign * level * stock / exponent
        bell = np.exp(-c.dividend_yield * c.years) * density(d1) / (exponent * s)
        slope = c.sign * stock * (1.0 - 1.0 / exponent) + bell
        moved = level - error / slope
        moved = np.clip(moved, np.maximum(floor, 0.5 * level), np.minimum(ceiling, 2.0 * level))
        change = np.abs(moved - level)
        level = moved
        if not (change > _BOUNDARY_SMALL * level).any():
            break
    return level


def _premium(c: _Contracts, start: FloatArray | None = None) -> _Premium:
    """Return the Ju–Zhong early exercise premium and its logarithmic derivatives.

    `start` is a boundary known to be near; without one a guess is made.
    """
    rate = np.maximum(c.rate, _RATE_MIN)
    c = c._replace(rate=rate)
    variance = c.vol * c.vol
    h = -np.expm1(-rate * c.years)
    alpha = 2.0 * rate / variance
    beta = 2.0 * (rate - c.dividend_yield) / variance - 1.0
    root = np.sqrt(beta * beta + 4.0 * alpha / h)
    exponent = 0.5 * (-beta + c.sign * root)
    perpetual = 0.5 * (-beta + c.sign * np.sqrt(beta * beta + 4.0 * alpha))
    level = _boundary(c, exponent, _boundary_start(c, perpetual) if start is None else start)
    value, share, d1 = _european(c, level)
    gain = c.sign * (level - 1.0) - value  # premium at the boundary

    # Ju and Zhong's correction: the quadratic approximation drops a time derivative, and χ puts
    # its leading part back.
    exponent_h = -c.sign * alpha / (h * h * root)
    twist = (1.0 - h) * alpha / (c.sign * root)
    growth = np.exp(rate * c.years)
    decay = density(d1) * level * c.vol * np.exp(-c.dividend_yield * c.years)
    strike_part = c.sign * level * share - value  # e^(−rT)·N(±d2), signed
    value_h = growth * (
        decay / (2.0 * rate * np.sqrt(c.years))
        - c.sign * c.dividend_yield * level * share / rate
        + strike_part
    )
    quadratic = 0.5 * twist * exponent_h
    linear = -twist * (value_h / gain + 1.0 / h + exponent_h / (c.sign * root))
    x = np.log(c.moneyness / level)
    exercised = c.sign * x >= 0
    x = np.where(exercised, 0.0, x)
    remaining = np.maximum(1.0 - (quadratic * x + linear) * x, 0.1)
    pull = (2.0 * quadratic * x + linear) / remaining
    return _Premium(
        value=gain * np.exp(exponent * x) / remaining,
        slope=exponent + pull,
        bend=2.0 * quadratic / remaining + pull * pull,
        exercised=exercised.astype(np.float64),
        level=level,
    )


def _early_exercise_pays(c: _Contracts) -> BoolArray:
    """Say where waiting costs something: for calls the dividends, for puts the interest.

    Below a millionth a year the premium is less than that share of the price, and the boundary is
    beyond any number.
    """
    return np.asarray(np.where(c.sign > 0, c.dividend_yield, c.rate) > _COST_MIN)


def _american(c: _Contracts, start: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
    """Return American values in units of strike, and boundaries, where early exercise may pay."""
    premium = _premium(c, start)
    held = _european(c, c.moneyness)[0] + np.maximum(premium.value, 0.0)
    dead = c.sign * (c.moneyness - 1.0)
    return np.where(premium.exercised > 0, dead, held), premium.level


def _premium_value(c: _Contracts) -> FloatArray:
    """Return American minus European value in units of strike, 0 where exercise never pays."""
    result = np.zeros(c.moneyness.shape)
    pays = _early_exercise_pays(c)
    part = _Contracts(*(column[pays] for column in c))
    value = _american(part)[0] - _european(part, part.moneyness)[0]
    result[pays] = np.maximum(value, 0.0)
    return result


class _Inputs(NamedTuple):
    """Broadcast arguments of a public function, in units of quote currency."""

    spot: FloatArray
    strike: FloatArray
    years: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    sign: FloatArray
    other: FloatArray  # vol or price, whichever is known

    def forward(self) -> FloatArray:
        with np.errstate(over="ignore", invalid="ignore"):  # such rows become NaN
            growth = (self.rate - self.dividend_yield) * np.maximum(self.years, 0.0)
            return self.spot * np.exp(growth)

    def contracts(self, rows: BoolArray, vol: FloatArray) -> _Contracts:
        return _Contracts(
            moneyness=self.spot[rows] / self.strike[rows],
            years=self.years[rows],
            vol=vol[rows],
            rate=self.rate[rows],
            dividend_yield=self.dividend_yield[rows],
            sign=self.sign[rows],
        )


def _inputs(is_call: ArrayLike, *values: ArrayLike) -> _Inputs:
    sign = np.where(np.asarray(is_call, dtype=np.bool_), 1.0, -1.0)
    *known, other = values
    return _Inputs(*broadcast_floats(*known, sign, other))


def price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> FloatArray:
    """Return American option prices by the Ju–Zhong approximation.

    Shapes:  all arguments broadcast to one shape; the result has it.
    Units:   spot, strike and result in quote currency; expiry in years (ACT/365); vol, continuous
             rate and dividend yield as annual decimals; is_call true for calls.
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place. At expiry_years ≤ 0
             the price is intrinsic value; at vol 0 the better of exercising now and at expiry.
    Source:  Ju and Zhong, An approximate formula for pricing American options, J. Derivatives
             1999; checked in tests/quant/test_american.py against a high-precision table.
    """
    given = _inputs(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    S, K, T, r, q, sign, v = given
    value = black_scholes.price(
        forward=given.forward(), strike=K, expiry_years=T, vol=v, rate=r, is_call=sign > 0
    )
    premium = early_exercise_premium(
        spot=S,
        strike=K,
        expiry_years=T,
        vol=v,
        rate=r,
        dividend_yield=q,
        is_call=sign > 0,
    )
    dead = np.maximum(sign * (S - K), 0.0)
    return np.where(np.isnan(value), np.nan, np.maximum(value + premium, dead))


def early_exercise_premium(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> FloatArray:
    """Return what the right to exercise before expiry adds to a European option.

    Shapes:  all arguments broadcast to one shape; the result has it.
    Units:   as `price`.
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place; 0 where no time or
             no volatility is left.
    Source:  as `price`.
    """
    given = _inputs(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    S, K, T, r, q, _sign, v = given
    valid = all_positive(S, K) & np.isfinite(T + v + r + q) & (v >= 0)
    result = np.where(valid, 0.0, np.nan)
    rows = valid & (T > 0) & (v > 0)
    result[rows] = K[rows] * _premium_value(given.contracts(rows, v))
    return result


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> Greeks:
    """Return price, delta, gamma, theta, vega and rho of American options.

    Delta and gamma differentiate the formula, vega and rho add a one-sided difference of the
    premium, theta follows from the pricing equation. Where exercising now is worth more, delta is
    ±1 and the others are 0.

    Shapes:  all arguments broadcast to one shape; every result has it.
    Units:   as `price`; Greeks per 1.00 of spot, vol and rate, theta per year (∂V/∂t).
    Errors:  as `price`.
    Source:  as `price`.
    """
    given = _inputs(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    shape = given.spot.shape
    given = _Inputs(*(array.ravel() for array in given))
    S, K, T, r, q, sign, v = given
    european = black_scholes.greeks(
        spot=S,
        forward=given.forward(),
        strike=K,
        expiry_years=T,
        vol=v,
        rate=r,
        is_call=sign > 0,
    )
    rows = np.isfinite(european.price) & all_positive(S, K, T, v)
    c = given.contracts(rows, v)
    rows[rows] = _early_exercise_pays(c)
    c = given.contracts(rows, v)
    premium = _premium(c)
    twice = _Contracts(*(np.tile(column, 2) for column in c))
    twice.vol[: c.vol.size] += _BUMP
    twice.rate[c.vol.size :] += _BUMP
    bumped_vol, bumped_rate = _premium(twice, np.tile(premium.level, 2)).value.reshape(2, -1)
    base, spots, strikes = premium.value, S[rows], K[rows]
    value = european.price[rows] + strikes * base
    delta = european.delta[rows] + strikes * base * premium.slope / spots
    # Exact deltas end at ±1; at extreme yields the approximation overshoots near the boundary.
    delta = np.clip(delta, -1.0, 1.0)
    bend = premium.bend + premium.slope * (premium.slope - 1.0)
    gamma = european.gamma[rows] + strikes * base * bend / (spots * spots)
    rates, yields, vols = r[rows], q[rows], v[rows]
    carried = (rates - yields) * spots * delta + 0.5 * (vols * spots) ** 2 * gamma
    live = Greeks(
        price=value,
        delta=delta,
        gamma=gamma,
        theta=rates * value - carried,
        vega=european.vega[rows] + strikes * (bumped_vol - base) / _BUMP,
        rho=european.rho[rows] + strikes * (bumped_rate - base) / _BUMP,
    )
    exercised = premium.exercised > 0
    zero = np.zeros(spots.shape)
    dead = Greeks(sign[rows] * (spots - strikes), sign[rows], zero, zero, zero, zero)
    results = []
    for whole, held, gone in zip(european[: len(live)], live, dead, strict=True):
        column = whole.copy()
        column[rows] = np.where(exercised, gone, held)
        results.append(column.reshape(shape))
    return Greeks(*results)


def implied_vol(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
) -> ImpliedVol:
    """Return the volatility at which American options are worth their prices.

    An option at its exercise value has no implied volatility: every low enough one gives that
    price. Such rows have status NO_TIME_VALUE.

    Shapes:  all arguments broadcast to one shape; vol and status have it.
    Units:   as the function `price`, vol as an annual decimal.
    Errors:  none raised. A row without a volatility has NaN and its reason in `status`.
    Source:  European start, then bracketed secant steps on the American price.
    """
    given = _inputs(is_call, spot, strike, expiry_years, rate, dividend_yield, price)
    shape = given.spot.shape
    given = _Inputs(*(array.ravel() for array in given))
    S, K, T, r, q, sign, p = given
    vol, status = european_implied_vol(
        price=p,
        forward=given.forward(),
        strike=K,
        expiry_years=T,
        rate=r,
        is_call=sign > 0,
    )
    vol, known = vol.copy(), status < IvStatus.EXPIRED
    usable = known & all_positive(S) & np.isfinite(q)
    status[known & ~usable] = IvStatus.INVALID
    exercise = np.maximum(sign * (S - K), 0.0)
    noise = _NOISE * np.maximum(S, K) * (exercise > 0)
    status[usable & (p <= exercise + noise)] = IvStatus.NO_TIME_VALUE
    status[usable & (p < exercise - noise)] = IvStatus.BELOW_INTRINSIC

    rows = status == IvStatus.OK
    c = given.contracts(rows, vol)
    rows[rows] = _early_exercise_pays(c)
    c = given.contracts(rows, vol)
    vol[rows] = _search(c, p[rows] / K[rows])
    status[rows & np.isnan(vol)] = IvStatus.NOT_CONVERGED
    vol[status != IvStatus.OK] = np.nan
    return ImpliedVol(vol=vol.reshape(shape), status=status.reshape(shape))


def _search(c: _Contracts, target: FloatArray) -> FloatArray:
    """Return vols where the American price is `target`, starting from the European ones.

    The European vol is an upper bound, since the premium is never negative, and 0 a lower one.
    """
    result = np.full(target.shape, np.nan)
    rows = np.arange(target.size)
    dead = np.maximum(c.sign * (c.moneyness - 1.0), 0.0)
    # Near the exercise boundary the time value grows with the square of the vol above the one at
    # which it vanishes. Its root is a straight line there, so steps on the root do not crawl.
    goal = np.sqrt(target - dead)
    low, high = np.zeros(target.shape), c.vol.copy()
    worth, level = _american(c)
    over = np.maximum(worth - target, 0.0)  # at the European vol the European part is the target
    previous, error_previous = high, np.sqrt(target + over - dead) - goal
    s = c.vol * np.sqrt(c.years)
    d1 = np.log(c.moneyness) / s + (c.rate - c.dividend_yield) * c.years / s + 0.5 * s
    vega = c.moneyness * np.exp(-c.dividend_yield * c.years) * density(d1) * np.sqrt(c.years)
    with np.errstate(divide="ignore", invalid="ignore"):
        vol = np.maximum(high - over / vega, 0.5 * high)
    for _ in range(_SEARCH_STEPS_MAX):
        part = _Contracts(*(column[rows] for column in c))._replace(vol=vol)
        worth, level = _american(part, level)
        alive = worth - dead[rows]
        error = np.sqrt(np.maximum(alive, 0.0)) - goal[rows]
        high = np.where(error > 0, vol, high)
        low = np.where(error > 0, low, vol)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = vol - error * (vol - previous) / (error - error_previous)
        # Below the vol at which time value vanishes the price is flat: no slope to follow.
        inside = (moved > low) & (moved < high) & (alive > 1e-12)
        moved = np.where(inside, moved, 0.5 * (low + high))
        settled = (np.abs(moved - vol) <= _SEARCH_SMALL * vol) | (error == 0)
        result[rows[settled]] = np.where(error == 0, vol, moved)[settled]
        left = ~settled
        rows, low, high = rows[left], low[left], high[left]
        previous, error_previous, vol, level = vol[left], error[left], moved[left], level[left]
        if rows.size == 0:
            break
    return result
