"""Options on a stock that pays dividends in cash: price, Greeks, implied volatility.

The spot model: between ex-dates the share price is lognormal, at an ex-date it drops by the
dividend. Escrowing the dividends or turning them into a yield is cheaper and wrong by a tenth of a
dollar and more on a 100 $ stock (PRICING notes of the project). Values come from `dividend_grid`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import black_scholes
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.dividend_grid import WIDTH_MAX, DividendPlan, GridInputs, grid_values
from optix.quant.dividend_rows import (
    NODES,
    STEPS,
    YEARS_MIN,
    OptionRows,
    option_rows,
    plans_of,
    usable_rows,
)
from optix.quant.dividends import DividendSchedule
from optix.quant.implied_vol import ImpliedVol, IvStatus, implied_vol

_VOL_BUMP = 0.01  # relative
_RATE_BUMP = 0.001
_VOL_MIN, _VOL_MAX = 0.005, 10.0
_SEARCH_STEPS_MAX = 40
_SEARCH_SMALL = 1e-6  # of the volatility; a secant step after one this small would move nothing
_VOL_GUESS = 0.3  # where the European volatility of the price does not exist
_NOISE = 8.0 * float(np.finfo(np.float64).eps)


class DividendGreeks(NamedTuple):
    """Price and first-order Greeks, aligned arrays, natural units; NaN for what has none."""

    price: FloatArray
    delta: FloatArray  # per 1.00 of spot, dividends held in cash
    gamma: FloatArray  # per 1.00 of spot, squared
    theta: FloatArray  # per year that passes
    vega: FloatArray  # per 1.00 of vol
    rho: FloatArray  # per 1.00 of rate
    exercised: BoolArray  # exercising now is best


def dividend_greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    schedule: DividendSchedule,
    borrow: ArrayLike = 0.0,
    is_american: ArrayLike = True,
    nodes: int = NODES,
    steps: int = STEPS,
    threads: int = 1,
) -> DividendGreeks:
    """Return price and Greeks of options on a stock with dividends.

    Shapes:  all arguments but schedule broadcast to one shape; every result has it. Rows of one
             expiry share a grid: a chain is one call.
    Units:   quote currency; years (ACT/365); vol, rate and borrow as continuous annual decimals.
             `steps` grows by 12 with every ex-date.
    Errors:  NaN where an input is NaN, out of range, or dividends take the whole forward. At
             expiry_years ≤ 0 the price is the payoff and other Greeks are 0 or ±1. Only more than
             64 ex-dates before one expiry are a ValueError.
             On a 100 $ stock prices are within 3e-4 $, half of them within 3e-5 $, of the golden
             points (tests/quant/golden_dividends.py): 12 days to two years, one to eight dividends.
    Source:  spot model: Haug, Haug and Lewis 2003; exercise: Brennan and Schwartz 1977.
    """
    shape, rows = option_rows(
        spot=spot,
        strike=strike,
        years=expiry_years,
        rate=rate,
        borrow=borrow,
        is_call=is_call,
        is_american=is_american,
        other=vol,
    )
    result = np.full((len(DividendGreeks._fields), rows.spot.size), np.nan)
    usable, expired = usable_rows(rows), rows.years <= YEARS_MIN
    result[:, usable & expired] = _at_expiry(rows.of(usable & expired))
    for group, plan in plans_of(rows, usable & ~expired, schedule, nodes, steps):
        part = rows.of(group)
        vol = part.vols()
        bumped = [
            part.inputs(vol),
            part.inputs(vol * (1.0 + _VOL_BUMP)),
            part.inputs(vol * (1.0 - _VOL_BUMP)),
            part.inputs(vol, rate_shift=_RATE_BUMP),
            part.inputs(vol, rate_shift=-_RATE_BUMP),
        ]
        together = GridInputs(*(np.concatenate(c) for c in zip(*bumped, strict=True)))
        values = grid_values(plan, together, threads=threads)
        price, up, down, rich, poor = values.price.reshape(5, -1)
        delta, gamma, exercised = (column[: price.size] for column in values[1:])
        alive = exercised == 0.0
        r, b, S = part.rate, part.borrow, part.spot
        decay = r * price - (r - b) * S * delta - 0.5 * vol**2 * S * S * gamma
        result[:, group] = (
            price,
            delta,
            gamma,
            np.where(alive, decay, 0.0),
            np.where(alive, (up - down) / (2.0 * _VOL_BUMP * vol), 0.0),
            np.where(alive, (rich - poor) / (2.0 * _RATE_BUMP), 0.0),
            exercised,
        )
    price, delta, gamma, theta, vega, rho, exercised = (c.reshape(shape) for c in result)
    return DividendGreeks(price, delta, gamma, theta, vega, rho, exercised == 1.0)


def dividend_price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    schedule: DividendSchedule,
    borrow: ArrayLike = 0.0,
    is_american: ArrayLike = True,
    nodes: int = NODES,
    steps: int = STEPS,
    threads: int = 1,
) -> FloatArray:
    """Return prices alone, at a fifth of the cost of `dividend_greeks`; the rest is as there."""
    shape, rows = option_rows(
        spot=spot,
        strike=strike,
        years=expiry_years,
        rate=rate,
        borrow=borrow,
        is_call=is_call,
        is_american=is_american,
        other=vol,
    )
    result = np.full(rows.spot.shape, np.nan)
    usable, expired = usable_rows(rows), rows.years <= YEARS_MIN
    result[usable & expired] = rows.of(usable & expired).payoff()
    for group, plan in plans_of(rows, usable & ~expired, schedule, nodes, steps):
        part = rows.of(group)
        result[group] = grid_values(plan, part.inputs(part.vols()), threads=threads).price
    return result.reshape(shape)


def dividend_implied_vol(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    schedule: DividendSchedule,
    borrow: ArrayLike = 0.0,
    is_american: ArrayLike = True,
    nodes: int = NODES,
    steps: int = STEPS,
    threads: int = 1,
) -> ImpliedVol:
    """Return the volatility at which options on a stock with dividends are worth their prices.

    Shapes and units as `dividend_greeks`.
    Errors:  none raised but ValueError for more than 64 ex-dates. A row without a volatility has
             NaN and its reason in `status`: BELOW_INTRINSIC under the value without any volatility,
             NO_TIME_VALUE at it or below the one at half a percent, ABOVE_MAXIMUM beyond what any
             volatility gives, EXPIRED, INVALID, NOT_CONVERGED.
    """
    shape, rows = option_rows(
        spot=spot,
        strike=strike,
        years=expiry_years,
        rate=rate,
        borrow=borrow,
        is_call=is_call,
        is_american=is_american,
        other=price,
    )
    vol = np.full(rows.spot.shape, np.nan)
    status = np.full(rows.spot.shape, IvStatus.INVALID, dtype=np.int8)
    usable, expired = usable_rows(rows, other_is_vol=False), rows.years <= YEARS_MIN
    status[usable & expired] = IvStatus.EXPIRED
    for group, plan in plans_of(rows, usable & ~expired, schedule, nodes, steps):
        part = rows.of(group)
        until = schedule.until(plan.expiry)
        status[group] = _bounds_status(part, until)
        chosen = group & (status == IvStatus.OK)
        if chosen.any():
            vol[chosen], status[chosen] = _search(plan, rows.of(chosen), until, threads)
    return ImpliedVol(vol=vol.reshape(shape), status=status.reshape(shape))


def _at_expiry(rows: OptionRows) -> FloatArray:
    """Return the columns of DividendGreeks where no time is left."""
    inside = rows.sign * (rows.spot - rows.strike) > 0
    result = np.zeros((len(DividendGreeks._fields), rows.spot.size))
    result[0], result[1], result[-1] = rows.payoff(), np.where(inside, rows.sign, 0.0), inside
    return result


def _riskless_value(rows: OptionRows, until: DividendSchedule) -> FloatArray:
    """Return what the options are worth if the stock only drifts and drops.

    Americans choose among today, expiry, and the evening before and the morning of every ex-date. A
    best day between those exists only with borrow costs; without it this is still a lower bound.
    """
    best = np.where(rows.american > 0, rows.payoff(), 0.0)
    for ex_years in {dividend.ex_years for dividend in until.dividends}:
        eve = tuple(d for d in until.dividends if d.ex_years < ex_years)
        for before in (DividendSchedule(eve), until.until(ex_years)):
            worth = _riskless_payoff(rows, before, np.full(rows.years.shape, ex_years))
            best = np.where(rows.american > 0, np.maximum(best, worth), best)
    return np.maximum(best, _riskless_payoff(rows, until, rows.years))


def _riskless_payoff(rows: OptionRows, paid: DividendSchedule, years: FloatArray) -> FloatArray:
    forward = paid.forward(spot=rows.spot, expiry_years=years, rate=rows.rate, borrow=rows.borrow)
    result: FloatArray = np.exp(-rows.rate * years) * rows.sign * (forward - rows.strike)
    return result


def _bounds_status(rows: OptionRows, until: DividendSchedule) -> NDArray[np.int8]:
    """Return the status of prices no volatility explains, OK for the others."""
    least = _riskless_value(rows, until)
    most = np.where(
        rows.sign > 0,
        rows.spot * np.exp(np.maximum(-rows.borrow * rows.years, 0.0)),
        rows.strike * np.exp(np.maximum(-rows.rate * rows.years, 0.0)),
    )
    noise = _NOISE * np.maximum(rows.spot, rows.strike)
    status = np.full(rows.spot.shape, IvStatus.OK, dtype=np.int8)
    status[rows.other <= least + noise] = IvStatus.NO_TIME_VALUE
    status[rows.other < least - noise] = IvStatus.BELOW_INTRINSIC
    status[rows.other >= most] = IvStatus.ABOVE_MAXIMUM
    return status


def _first_guess(rows: OptionRows, until: DividendSchedule) -> tuple[FloatArray, FloatArray]:
    """Return volatility and vega of a European option of the same price on the forward."""
    forward = until.forward(
        spot=rows.spot, expiry_years=rows.years, rate=rows.rate, borrow=rows.borrow
    )
    guess = implied_vol(
        price=rows.other,
        forward=forward,
        strike=rows.strike,
        expiry_years=rows.years,
        rate=rows.rate,
        is_call=rows.sign > 0,
    ).vol
    vol = np.where(np.isfinite(guess), guess, _VOL_GUESS)
    vega = black_scholes.greeks(
        spot=rows.spot,
        forward=forward,
        strike=rows.strike,
        expiry_years=rows.years,
        vol=vol,
        rate=rows.rate,
        is_call=rows.sign > 0,
    ).vega
    return vol, vega


def _search(
    plan: DividendPlan, rows: OptionRows, until: DividendSchedule, threads: int
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return volatilities and statuses by secant steps kept inside a shrinking bracket."""
    ceiling = min(_VOL_MAX, 0.9 * WIDTH_MAX / float(np.sqrt(plan.expiry)))
    low, high = np.full(rows.spot.shape, _VOL_MIN), np.full(rows.spot.shape, ceiling)
    vol, slope = _first_guess(rows, until)
    vol = np.clip(vol, 2.0 * _VOL_MIN, 0.5 * ceiling)
    result = np.full(rows.spot.shape, np.nan)
    active = np.arange(rows.spot.size)
    last_vol = last_error = np.full(rows.spot.shape, np.nan)
    for _ in range(_SEARCH_STEPS_MAX):
        part = OptionRows(*(column[active] for column in rows))
        error = grid_values(plan, part.inputs(vol), threads=threads).price - part.other
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            secant = (error - last_error) / (vol - last_vol)
            moved = vol - error / np.where(np.isfinite(secant), secant, slope)
        low, high = np.where(error < 0, vol, low), np.where(error < 0, high, vol)
        inside = (moved > low) & (moved < high)  # false for NaN: halve
        moved = np.where(inside, moved, np.sqrt(low * high))
        done = np.abs(moved - vol) <= _SEARCH_SMALL * vol
        result[active[done]] = moved[done]
        if done.all():
            break
        left = ~done
        active, slope, low, high = active[left], slope[left], low[left], high[left]
        last_vol, last_error, vol = vol[left], error[left], moved[left]
    status = np.full(result.shape, IvStatus.OK, dtype=np.int8)
    status[result < 1.001 * _VOL_MIN] = IvStatus.NO_TIME_VALUE
    status[result > 0.999 * ceiling] = IvStatus.ABOVE_MAXIMUM
    status[np.isnan(result)] = IvStatus.NOT_CONVERGED
    return np.where(status == IvStatus.OK, result, np.nan), status
