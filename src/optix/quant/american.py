"""American options on a continuous dividend yield: price, Greeks, implied volatility.

The exercise boundary is solved by spectral collocation and the price is the European value plus an
integral over it. `family` shares one set of boundaries between all options of an expiry, which is
what a chain wants; `single` solves each option's own; `precise` does so with more points. Rates
and yields may have any sign. Cash dividends enter only through the yield that matches the forward.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant import american_double, american_kernels
from optix.quant.american_numpy import Edge, Terms
from optix.quant.american_rows import (
    DEVIATION_MAX,
    AmericanGreeks,
    AmericanStatus,
    Inputs,
    Kind,
    Rows,
    certain_values,
    finish_greeks,
    finish_prices,
    groups,
    read,
    rows_of,
    status_of,
    take,
    valid,
)
from optix.quant.american_scheme import Scheme
from optix.quant.american_values import scheme_of, tables_of, values_of
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.implied_vol import ImpliedVol, IvStatus
from optix.quant.implied_vol import implied_vol as european_implied_vol

Mode = Literal["auto", "family", "single", "precise"]
GreeksMode = Literal["family", "precise"]

_NOISE = 8.0 * float(np.finfo(np.float64).eps)
_VOL_MIN, _VOL_MAX = 1e-6, DEVIATION_MAX  # times sqrt(years), of a search
_LOW, _HIGH = 0.3, 1.001  # of the European volatilities: where American ones are sought first
_WIDER = (40.0, 1e5)  # by this much the second and third search reach further
_STATUS_OF_EDGE = np.empty(4, dtype=np.int8)  # a negative edge counts from the end
_STATUS_OF_EDGE[[Edge.FOUND, Edge.ABOVE, Edge.NO_STEPS_LEFT, Edge.BELOW]] = [
    IvStatus.OK,
    IvStatus.ABOVE_MAXIMUM,
    IvStatus.NOT_CONVERGED,
    IvStatus.NO_TIME_VALUE,
]


def price(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    mode: Mode = "auto",
    threads: int = 1,
) -> FloatArray:
    """Return American option prices.

    `auto` is `family` for what shares side, rate, yield and time in numbers, `single` elsewhere.

    Shapes:  all arguments broadcast to one shape; the result has it.
    Units:   spot, strike and result in quote currency; expiry in years (ACT/365); vol, continuous
             rate and dividend yield as annual decimals; is_call true for calls.
    Errors:  NaN in, or a value that cannot exist, gives NaN out in that place. At expiry_years ≤ 0
             the price is exercise value; at vol 0 that of the best moment to exercise.
    Source:  Andersen, Lake and Offengenden, J. Comput. Finance 2016; the families are our own.
             Accuracy: docs/features/pricing.md; golden values in tests/quant/golden_american.py.
    """
    given = read(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    rows = rows_of(given, status_of(given) == AmericanStatus.OK, given.other)
    return finish_prices(given, rows, values_of(rows, mode, full=False, threads=threads))


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
    given = read(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    status = status_of(given)
    alive = status == AmericanStatus.OK
    result = np.where(status == AmericanStatus.INVALID, np.nan, 0.0)
    rows = rows_of(given, alive, given.other)
    pays = (rows.kind == Kind.SINGLE) | (rows.kind == Kind.DOUBLE)
    rows = take(rows, pays)
    american = values_of(rows, "auto", full=False, threads=1)[0]
    european = values_of(rows._replace(kind=_european(rows)), "auto", full=False, threads=1)[0]
    part = np.zeros(pays.size)
    part[pays] = rows.scale * np.maximum(american - european, 0.0)
    result[alive] = part
    return result.reshape(given.shape)


def _european(rows: Rows) -> NDArray[np.int8]:
    return np.full(rows.kind.shape, Kind.EUROPEAN, dtype=np.int8)


def greeks(
    *,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    mode: GreeksMode = "family",
    threads: int = 1,
) -> AmericanGreeks:
    """Return price and Greeks of American options, with a status each.

    Spot and vol derivatives differentiate the price formula and the family; rho adds the move of
    the boundary with the rate; theta and charm follow from the pricing equation. Where exercise
    now is worth the most, delta is ±1 and the others are 0.

    Shapes:  all arguments broadcast to one shape; every result has it.
    Units:   as `price`; Greeks per 1.00 of spot, vol and rate, theta and charm per year.
    Errors:  as `price`; `status` is an `AmericanStatus` and says why a row is NaN.
    Source:  as `price`.
    """
    given = read(is_call, spot, strike, expiry_years, rate, dividend_yield, vol)
    rows = rows_of(given, status_of(given) == AmericanStatus.OK, given.other)
    return finish_greeks(given, rows, values_of(rows, mode, full=True, threads=threads))


def implied_vol(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    mode: GreeksMode = "family",
    threads: int = 1,
) -> ImpliedVol:
    """Return the volatility at which American options are worth their prices.

    An option at its exercise value has no implied volatility: every low enough one gives that
    price. Such rows have status NO_TIME_VALUE.

    Shapes:  all arguments broadcast to one shape; vol and status have it.
    Units:   as the function `price`, vol as an annual decimal.
    Errors:  none raised. A row without a volatility has NaN and its reason in `status`.
    Source:  European start, then bracketed Newton steps on the American price of the family.
    """
    given = read(is_call, spot, strike, expiry_years, rate, dividend_yield, price)
    return _solve(given, mode, None, threads)


def implied_vol_and_greeks(
    *,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    rate: ArrayLike,
    dividend_yield: ArrayLike,
    is_call: ArrayLike,
    mode: GreeksMode = "family",
    threads: int = 1,
) -> tuple[ImpliedVol, AmericanGreeks]:
    """Return what `implied_vol` and then `greeks` return, from one set of boundaries.

    Greeks are NaN, with status INVALID, where there is no volatility.

    Shapes:  all arguments broadcast to one shape; every result has it.
    Units:   as `implied_vol` and `greeks`.
    Errors:  none raised; see the two statuses.
    Source:  as `implied_vol`.
    """
    given = read(is_call, spot, strike, expiry_years, rate, dividend_yield, price)
    values = np.full((8, given.spot.size), np.nan)
    solved = _solve(given, mode, values, threads)
    priced = given._replace(other=solved.vol.reshape(-1))
    alive = status_of(priced) == AmericanStatus.OK
    rows = rows_of(priced, alive, priced.other)
    return solved, finish_greeks(priced, rows, values[:, alive])


def _solve(given: Inputs, mode: GreeksMode, values: FloatArray | None, threads: int) -> ImpliedVol:
    """Return volatilities of prices; where `values` is an array, fill it as `values_of` would."""
    usable = valid(given) & np.isfinite(given.other)
    status = np.where(usable, IvStatus.OK, IvStatus.INVALID).astype(np.int8)
    status[usable & (given.years <= 0)] = IvStatus.EXPIRED
    vol = np.full(given.spot.size, np.nan)
    alive = status == IvStatus.OK
    # The greatest volatility there is: the kind of each row is then that of its boundary.
    rows = rows_of(given, alive, np.full(given.spot.size, np.inf))
    with np.errstate(over="ignore", under="ignore"):
        goal = given.other[alive] / rows.scale
    status[alive] = _bounds_status(rows, goal)
    start = _european_start(given, alive)
    places = np.flatnonzero(alive)
    open_rows = np.flatnonzero(status[alive] == IvStatus.OK)
    rows, goal, start = take(rows, open_rows), goal[open_rows], start[open_rows]
    for at in groups(rows):
        part, place = take(rows, at), places[open_rows[at]]
        found = _Found(start[at].copy(), np.empty(at.size, dtype=np.int8), None)
        if values is not None:
            found = found._replace(values=np.full((8, at.size), np.nan))
        _search(part, goal[at], found, scheme_of(mode), threads)
        vol[place], status[place] = found.vol, found.status
        if values is not None:
            values[:, place] = found.values
    vol[status != IvStatus.OK] = np.nan
    return ImpliedVol(vol=vol.reshape(given.shape), status=status.reshape(given.shape))


class _Found(NamedTuple):
    """What a search fills; `vol` holds European volatilities before."""

    vol: FloatArray
    status: NDArray[np.int8]
    values: FloatArray | None


def _european_start(given: Inputs, alive: BoolArray) -> FloatArray:
    S, K, T, r, q, p = (
        a[alive]
        for a in (
            given.spot,
            given.strike,
            given.years,
            given.rate,
            given.dividend_yield,
            given.other,
        )
    )
    with np.errstate(over="ignore"):  # such rows get no start
        forward = S * np.exp((r - q) * T)
    return european_implied_vol(
        price=p, forward=forward, strike=K, expiry_years=T, rate=r, is_call=given.is_call[alive]
    ).vol


def _bounds_status(rows: Rows, goal: FloatArray) -> NDArray[np.int8]:
    """Say which goals are below what certainty pays, or above what any volatility does."""
    r, _, _, years = rows.terms
    least = certain_values(rows)[0]
    most = np.maximum(1.0, np.exp(-r * years))
    noise = _NOISE * np.maximum(rows.moneyness, 1.0) * (least > 0)
    status = np.full(goal.shape, IvStatus.OK, dtype=np.int8)
    status[goal >= most * (1.0 - _NOISE)] = IvStatus.ABOVE_MAXIMUM
    status[goal <= least + noise] = IvStatus.NO_TIME_VALUE
    status[goal < least - noise] = IvStatus.BELOW_INTRINSIC
    return status


def _search(rows: Rows, goal: FloatArray, found: _Found, scheme: Scheme, threads: int) -> None:
    """Solve one group, in the range the European volatilities suggest and, if need be, further."""
    start, years = found.vol.copy(), rows.terms.years
    if rows.kind[0] == Kind.DOUBLE:
        found.vol[:], found.status[:] = american_double.implied_vol(
            rows.terms, rows.moneyness, goal
        )
        if found.values is not None:
            solved = np.flatnonzero(found.status == IvStatus.OK)
            terms = Terms(*(c[solved] for c in rows.terms))._replace(vol=found.vol[solved])
            found.values[:, solved] = american_double.values(
                terms, rows.moneyness[solved], rows.is_call[solved], full=True
            )
        return
    known = start[np.isfinite(start)]
    root = float(np.sqrt(years[0]))
    least, most = _VOL_MIN / root, _VOL_MAX / root
    low = max(_LOW * float(known.min()), least) if known.size else 0.1 / root
    high = min(_HIGH * float(known.max()), most) if known.size else 2.0 / root
    searches = [(np.arange(goal.size), low, high, 0)]
    while searches:
        at, lower, upper, depth = searches.pop()
        tables = tables_of(rows, scheme, low=lower, high=upper, greeks=found.values is not None)
        first = np.where(np.isfinite(start[at]), start[at], upper)
        x = rows.moneyness[at]
        if rows.kind[0] == Kind.EUROPEAN:
            vol, edge = first, np.where(np.isfinite(start[at]), Edge.FOUND, Edge.NO_STEPS_LEFT)
        else:
            vol, edge = american_kernels.family_implied_vol(
                tables, x, goal[at], first, threads=threads
            )
        found.vol[at], found.status[at] = vol, _STATUS_OF_EDGE[edge]
        if found.values is not None:
            found.values[:, at] = american_kernels.family_values(
                tables, x, vol, full=True, threads=threads
            )
        below, above = at[edge == Edge.BELOW], at[edge == Edge.ABOVE]
        if depth < len(_WIDER):
            wider = _WIDER[depth]
            if below.size and lower > least:
                searches.append((below, max(lower / wider, least), lower * 1.01, depth + 1))
            if above.size and upper < most:
                searches.append((above, upper * 0.99, min(upper * wider, most), depth + 1))
