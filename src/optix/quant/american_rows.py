"""Options as the kernels of American options take them, and back.

A call is a put with spot and strike, and rate and yield, exchanged. So every row becomes a put of
unit strike at moneyness x with a scale, and what is found for it becomes the price and Greeks of
the option it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.american_numpy import Terms
from optix.quant.arrays import BoolArray, FloatArray, all_positive, broadcast_options

_MONEYNESS_MAX = 1e100  # beyond it, either way, an option is worth nothing or its exercise
_YEARS_MIN, _YEARS_MAX = 1e-12, 1e6
_EXPONENT_MAX = 300.0  # of a discount; e^300 is still a number
_DEVIATION_MIN, DEVIATION_MAX = 1e-6, 20.0  # vol·sqrt(years)
_COST_OF_NONE = 1e-8  # of the strike: a negative rate that is as good as none
_COST_MIN = 1e-12  # of the strike: interest over the whole life that is not worth exercising for


class Kind(IntEnum):
    """Which exercise boundaries an option has."""

    EUROPEAN = 0  # none: waiting costs nothing
    SINGLE = 1
    DOUBLE = 2  # exercised between two levels: both rate and yield are negative
    CERTAIN = 3  # volatility or time too small for chance: exercise has one best moment


class AmericanStatus(IntEnum):
    """What an American price is."""

    OK = 0
    EXERCISED = 1  # exercise now is worth the most; the Greeks are those of the exercise
    EXPIRED = 2  # no time left: the exercise value
    INVALID = 3  # an input is NaN, infinite, or cannot exist; every number is NaN


class Rows(NamedTuple):
    """Flat columns of valid, living options as puts of unit strike."""

    terms: Terms
    moneyness: FloatArray
    scale: FloatArray  # the strike of a put, the spot of a call
    is_call: BoolArray
    kind: NDArray[np.int8]


class Inputs(NamedTuple):
    """Flat, broadcast arguments of a public function."""

    shape: tuple[int, ...]
    spot: FloatArray
    strike: FloatArray
    years: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    is_call: BoolArray
    other: FloatArray  # vol or price, whichever is known

    def exercise(self) -> FloatArray:
        """Return what exercise now is worth."""
        gap = self.spot - self.strike
        return np.maximum(np.where(self.is_call, gap, -gap), 0.0)


def read(is_call: ArrayLike, *values: ArrayLike) -> Inputs:
    """Return broadcast, flat arguments: spot, strike, years, rate, yield and the known one."""
    call, floats = broadcast_options(is_call, *values)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in floats]
    spot, strike, years, rate, dividend_yield, other = flat
    return Inputs(
        call.shape, spot, strike, years, rate, dividend_yield, call.reshape(-1).copy(), other
    )


def valid(given: Inputs) -> BoolArray:
    """Say where an option can exist, whatever its volatility or price."""
    finite = np.isfinite(given.years) & np.isfinite(given.rate) & np.isfinite(given.dividend_yield)
    return all_positive(given.spot, given.strike) & finite


def rows_of(given: Inputs, at: BoolArray, vol: FloatArray) -> Rows:
    """Return the options of some rows, which must be valid and have time left."""
    call = given.is_call[at]
    spot, strike = given.spot[at], given.strike[at]
    years = np.clip(given.years[at], _YEARS_MIN, _YEARS_MAX)
    most = _EXPONENT_MAX / years
    bounded = [np.clip(array[at], -most, most) for array in (given.rate, given.dividend_yield)]
    bounded = [np.where(np.abs(array) * years < _COST_MIN, 0.0, array) for array in bounded]
    r, q = np.where(call, bounded[1], bounded[0]), np.where(call, bounded[0], bounded[1])
    r = np.where((r < 0) & (r * years >= -_COST_OF_NONE), 0.0, r)
    scale = np.where(call, spot, strike)
    with np.errstate(over="ignore", under="ignore"):  # clipped
        x = np.where(call, strike, spot) / scale
    x = np.clip(x, 1.0 / _MONEYNESS_MAX, _MONEYNESS_MAX)
    root = np.sqrt(years)
    v = np.minimum(vol[at], DEVIATION_MAX / root)
    never = ((r <= 0) & (q >= r)) | ((q >= 0) & (r * years <= _COST_MIN))
    kind = np.where(r < 0, Kind.DOUBLE, Kind.SINGLE).astype(np.int8)
    kind[(r == 0) & (q < 0)] = Kind.SINGLE
    kind[never] = Kind.EUROPEAN
    kind[v * root < _DEVIATION_MIN] = Kind.CERTAIN
    return Rows(Terms(r, q, v, years), x, scale, call, kind)


def take(rows: Rows, at: NDArray[np.intp] | BoolArray) -> Rows:
    """Return some of the rows."""
    return Rows(
        Terms(*(column[at] for column in rows.terms)),
        rows.moneyness[at],
        rows.scale[at],
        rows.is_call[at],
        rows.kind[at],
    )


def groups(rows: Rows) -> Iterator[NDArray[np.intp]]:
    """Yield the indices of rows that share side, rate, yield and time, as a chain has them."""
    if rows.moneyness.size == 0:
        return
    r, q, _, years = rows.terms
    columns = np.stack((r, q, years, rows.is_call, rows.kind))
    starts = np.flatnonzero((columns[:, 1:] != columns[:, :-1]).any(axis=0)) + 1
    edges = np.concatenate(([0], starts, [rows.moneyness.size]))
    runs: dict[tuple[float, ...], list[NDArray[np.intp]]] = {}
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        runs.setdefault(tuple(columns[:, begin].tolist()), []).append(np.arange(begin, end))
    for parts in runs.values():
        yield parts[0] if len(parts) == 1 else np.concatenate(parts)


def certain_values(rows: Rows) -> FloatArray:
    """Return the eight values of options whose future is certain: the best moment to exercise."""
    r, q, _, years = rows.terms
    x = rows.moneyness
    with np.errstate(all="ignore"):  # where there is no best moment between, the ends stand in
        between = np.log(r / (q * x)) / (r - q)
    between = np.where((between > 0) & (between < years), between, 0.0)
    moments = np.stack((np.zeros_like(years), between, years))
    cash, stock = np.exp(-r * moments), x * np.exp(-q * moments)
    best = np.argmax(cash - stock, axis=0)[None]
    time, cash, stock = (np.take_along_axis(a, best, 0)[0] for a in (moments, cash, stock))
    worth = cash > stock
    by_rho = np.where(rows.is_call, time * stock, -time * cash)
    out = np.zeros((8, x.size))
    out[0], out[1:4], out[7] = cash - stock, -stock, by_rho
    return np.where(worth, out, 0.0)


class AmericanGreeks(NamedTuple):
    """Price and Greeks of American options, aligned arrays, natural units.

    The names and units are those of `black_scholes.AllGreeks`.
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
    status: NDArray[np.int8]  # AmericanStatus


def greeks_of(
    rows: Rows, values: FloatArray, spot: FloatArray, exercised: BoolArray
) -> list[FloatArray]:
    """Return the ten columns of `AmericanGreeks` from the eight values of the kernels.

    Theta and charm follow from the pricing equation, which holds wherever an option is held.
    """
    p, d1, d2, d3, vega, vega_d, vomma, rho = values
    # ∂/∂ln spot: of a put it is ∂/∂ln x; a call is its spot times a function of ln(strike/spot).
    call = rows.is_call
    e1 = np.where(call, p - d1, d1)
    e2 = np.where(call, p - 2.0 * d1 + d2, d2)
    e3 = np.where(call, p - 3.0 * d1 + 3.0 * d2 - d3, d3)
    vega_e = np.where(call, vega - vega_d, vega_d)
    r = np.where(call, rows.terms.dividend_yield, rows.terms.rate)
    q = np.where(call, rows.terms.rate, rows.terms.dividend_yield)
    half = 0.5 * rows.terms.vol**2
    theta = r * p - (r - q) * e1 - half * (e2 - e1)
    charm = r * e1 - (r - q) * e2 - half * (e3 - e2)
    theta, charm = np.where(exercised, 0.0, theta), np.where(exercised, 0.0, charm)
    by_spot = (p, e1, e2 - e1, theta, vega, rho, vega_e, charm, vomma, e3 - 3.0 * e2 + 2.0 * e1)
    columns = []
    # Scaled last and spot by spot: no infinity of an absurd scale then meets another.
    for value, times in zip(by_spot, (0, 1, 2, 0, 0, 0, 1, 1, 0, 3), strict=True):
        column = value * rows.scale
        for _ in range(times):
            column = column / spot
        columns.append(column)
    return columns


def status_of(given: Inputs) -> NDArray[np.int8]:
    """Return what is known before pricing: OK where a row has a price to be found."""
    known = valid(given) & (given.other >= 0) & np.isfinite(given.other)
    status = np.where(known, AmericanStatus.OK, AmericanStatus.INVALID).astype(np.int8)
    status[known & (given.years <= 0)] = AmericanStatus.EXPIRED
    return status


def _worth(rows: Rows, value: FloatArray, exercise: FloatArray) -> FloatArray:
    """Return prices from values of unit strike; what is exercised is worth just that."""
    dead = (value <= 1.0 - rows.moneyness) & (exercise > 0)
    with np.errstate(over="ignore"):  # absurd strikes at absurd rates
        return np.where(dead, exercise, np.maximum(rows.scale * value, exercise))


def finish_prices(given: Inputs, rows: Rows, values: FloatArray) -> FloatArray:
    """Return the prices of all rows, those of `status_of` OK from their values."""
    status, exercise = status_of(given), given.exercise()
    alive = status == AmericanStatus.OK
    result = np.where(status == AmericanStatus.INVALID, np.nan, exercise)
    result[alive] = _worth(rows, values[0], exercise[alive])
    return result.reshape(given.shape)


def finish_greeks(given: Inputs, rows: Rows, values: FloatArray) -> AmericanGreeks:
    """Return the Greeks of all rows, those of `status_of` OK from their values."""
    status, exercise = status_of(given), given.exercise()
    alive = status == AmericanStatus.OK
    exercised = (values[0] <= 1.0 - rows.moneyness) & (values[1] == -rows.moneyness)
    sign = np.where(given.is_call, 1.0, -1.0)
    zero = np.where(status == AmericanStatus.INVALID, np.nan, 0.0)
    columns = [zero.copy() for _ in range(10)]
    columns[0] += exercise
    columns[1] += np.where(exercise > 0, sign, 0.0)
    with np.errstate(over="ignore", under="ignore"):  # Greeks of absurd spots may be infinite
        found = greeks_of(rows, values, given.spot[alive], exercised)
    for column, part in zip(columns, found, strict=True):
        column[alive] = part
    columns[0][alive] = _worth(rows, values[0], exercise[alive])
    status[alive] = np.where(exercised, AmericanStatus.EXERCISED, AmericanStatus.OK)
    return AmericanGreeks(*(c.reshape(given.shape) for c in (*columns, status)))
