"""All boundaries of one expiry at once: solved at a few volatilities, interpolated between.

The exercise boundary in units of the strike depends on rate, yield, time and volatility only. A
family holds it as Chebyshev polynomials in ln vol, so that every strike, every step of a search for
a volatility and every shock of spot or volatility costs one sum over the premium integral. It does
not hold two boundaries (see `american_double`), and puts and calls have one family each.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from optix.quant import american_kernels, american_numpy, american_scheme
from optix.quant.american_numpy import FamilyTables, Rule, Terms
from optix.quant.american_scheme import Scheme
from optix.quant.arrays import BoolArray, FloatArray

NEVER = -800.0  # ln of a boundary no price reaches
_RHO_BUMP = 1e-4
_WIDTH_MIN = 0.02  # in ln vol, each way

# Up to this ratio of greatest to least volatility, this many polynomials: what is lost between the
# nodes is below 1e-9 of the strike as a rule, and 1e-7 where the yield is above the rate.
_ORDERS = ((1.1, 8), (2.0, 12), (8.0, 16), (25.0, 24), (150.0, 32), (float("inf"), 48))


@cache
def chebyshev(order: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes in [−1, 1] and the matrix from values there to coefficients."""
    angle = np.pi * (np.arange(order) + 0.5) / order
    matrix = 2.0 / order * np.cos(np.outer(angle, np.arange(order)))
    matrix[:, 0] *= 0.5
    return np.cos(angle), matrix


def _order(ratio: float, *, stepped: bool) -> int:
    """Return how many polynomials; more where the boundary starts below the strike."""
    place = next(i for i, (most, _) in enumerate(_ORDERS) if ratio <= most)
    return _ORDERS[min(place + stepped, len(_ORDERS) - 1)][1]


def european_tables(
    *, rate: float, dividend_yield: float, years: float, rho_by_yield: bool
) -> FamilyTables:
    """Return a family without a boundary: options that are never exercised early."""
    return FamilyTables(
        coefficients=np.array([[NEVER, 0.0]]),
        rho_coefficients=np.zeros((1, 2)),
        rule=rule(
            np.empty((3, 0)),
            rate=rate,
            dividend_yield=dividend_yield,
            years=years,
            horizon=years,
            rho_by_yield=rho_by_yield,
        ),
        log_vol_middle=0.0,
        log_vol_half=20.0,
    )


def family_tables(
    *,
    rate: float,
    dividend_yield: float,
    years: float,
    vol_min: float,
    vol_max: float,
    rho_by_yield: bool,
    greeks: bool,
    scheme: Scheme | None = None,
) -> FamilyTables:
    """Return the family of puts of unit strike, which must have one boundary.

    Shapes:  numbers in; see `FamilyTables`.
    Units:   annual decimals and years.
    Errors:  none; without `greeks` the derivative for rho is left at zero.
    Source:  the design is our own.
    """
    scheme = american_scheme.fast() if scheme is None else scheme
    middle = 0.5 * (np.log(vol_max) + np.log(vol_min))
    half = max(0.5 * (np.log(vol_max) - np.log(vol_min)), _WIDTH_MIN)
    order = _order(float(np.exp(2.0 * half)), stepped=dividend_yield > rate)
    place, to_coefficients = chebyshev(order)
    vol = np.exp(middle + half * place)

    def terms(r: float, q: float) -> Terms:
        return Terms(np.full(order, r), np.full(order, q), vol, np.full(order, years))

    base = american_kernels.boundary(scheme, terms(rate, dividend_yield))
    levels = _levels(scheme, terms(rate, dividend_yield), base)
    by_rho = np.zeros_like(levels)
    if greeks:
        shift = _RHO_BUMP if rho_by_yield else min(_RHO_BUMP, 0.5 * rate) or _RHO_BUMP
        back = 0.0 if rate == 0.0 and not rho_by_yield else shift
        near = scheme._replace(relax=american_scheme.nearby().relax)
        ends = []
        for move in (shift, -back):
            moved = (
                terms(rate, dividend_yield + move)
                if rho_by_yield
                else terms(rate + move, dividend_yield)
            )
            ends.append(_levels(scheme, moved, american_kernels.boundary(near, moved, base)))
        by_rho = (ends[0] - ends[1]) / (shift + back)
    return FamilyTables(
        coefficients=np.ascontiguousarray(levels @ to_coefficients),
        rho_coefficients=np.ascontiguousarray(by_rho @ to_coefficients),
        rule=rule(
            scheme.premium_rule,
            rate=rate,
            dividend_yield=dividend_yield,
            years=years,
            horizon=years,
            rho_by_yield=rho_by_yield,
        ),
        log_vol_middle=float(middle),
        log_vol_half=float(half),
    )


def many_family_tables(
    *,
    rate: FloatArray,
    dividend_yield: FloatArray,
    years: FloatArray,
    vol_min: FloatArray,
    vol_max: FloatArray,
    rho_by_yield: BoolArray,
    scheme: Scheme | None = None,
) -> list[FamilyTables]:
    """Return many families for prices alone, whose boundaries are solved in one call.

    Each has as many polynomials as the one that needs the most: those of `family_tables` or more.

    Shapes:  all arguments (families,).
    Units:   annual decimals and years.
    Errors:  none.
    Source:  as `family_tables`.
    """
    count = rate.size
    if not count:
        return []
    scheme = american_scheme.fast() if scheme is None else scheme
    middle = 0.5 * (np.log(vol_max) + np.log(vol_min))
    half = np.maximum(0.5 * (np.log(vol_max) - np.log(vol_min)), _WIDTH_MIN)
    ratio = np.exp(2.0 * half)
    orders = [
        _order(float(each), stepped=bool(stepped))
        for each, stepped in zip(ratio, dividend_yield > rate, strict=True)
    ]
    order = max(orders)
    place, to_coefficients = chebyshev(order)
    vol = np.exp(middle[:, None] + half[:, None] * place).reshape(-1)
    terms = Terms(
        np.repeat(rate, order), np.repeat(dividend_yield, order), vol, np.repeat(years, order)
    )
    levels = _levels(scheme, terms, american_kernels.boundary(scheme, terms))
    coefficients = levels.reshape(-1, count, order).transpose(1, 0, 2) @ to_coefficients
    nothing = np.zeros(coefficients.shape[1:])
    tables = _rules(scheme.premium_rule, rate, dividend_yield, years, rho_by_yield)
    return [
        FamilyTables(
            coefficients=np.ascontiguousarray(coefficients[number]),
            rho_coefficients=nothing,
            rule=tables[number],
            log_vol_middle=float(middle[number]),
            log_vol_half=float(half[number]),
        )
        for number in range(count)
    ]


def _rules(
    points: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    years: FloatArray,
    rho_by_yield: BoolArray,
) -> FloatArray:
    """Return `rule` of many families whose integrals are over all their time."""
    sine, cosine, weight = points
    r, q, horizon = (each[:, None] for each in (rate, dividend_yield, years))
    time = np.concatenate((horizon * cosine * cosine, horizon), axis=1)
    share = np.concatenate((2.0 * horizon * weight * sine * cosine, np.ones_like(horizon)), axis=1)
    discount, yielded = share * np.exp(-r * time), share * np.exp(-q * time)
    last = np.zeros(time.shape, np.bool_)
    last[:, -1] = True
    by_rate = np.where(last, -time * discount, discount * (1.0 - r * time))
    by_yield = np.where(last, -time * yielded, yielded * (1.0 - q * time))
    of_yield = rho_by_yield[:, None]
    table = np.empty((rate.size, len(Rule), time.shape[1]))
    table[:, Rule.INVERSE_ROOT] = 1.0 / np.sqrt(time)
    table[:, Rule.ROOT] = np.sqrt(time)
    table[:, Rule.CARRY] = (r - q) * time
    table[:, Rule.INTEREST] = np.where(last, 1.0, r) * discount
    table[:, Rule.DIVIDEND] = np.where(last, 1.0, q) * yielded
    table[:, Rule.RHO_INTEREST] = np.where(of_yield, 0.0, by_rate)
    table[:, Rule.RHO_DIVIDEND] = np.where(of_yield, by_yield, 0.0)
    table[:, Rule.RHO_TIME] = np.where(of_yield, -time, time)
    return table


def _levels(scheme: Scheme, terms: Terms, depth: FloatArray) -> FloatArray:
    """Return ln of the boundary at the points of the premium integral and, last, now."""
    behind = np.sqrt(np.maximum(scheme.premium_matrix @ (depth * depth), 0.0))
    return np.asarray(american_numpy.starts(terms)[0] - np.concatenate((behind, depth[-1:])))


def rule(
    points: FloatArray,
    *,
    rate: float,
    dividend_yield: float,
    years: float,
    horizon: float,
    rho_by_yield: bool,
) -> FloatArray:
    """Return the table of `Rule`: the premium integral, then the European option.

    `points` are sines, cosines and weights of angles; the integral ends at `horizon` years left.
    """
    sine, cosine, weight = points
    time = np.append((years - horizon) + horizon * cosine * cosine, years)
    share = np.append(2.0 * horizon * weight * sine * cosine, 1.0)
    discount, yielded = share * np.exp(-rate * time), share * np.exp(-dividend_yield * time)
    # The premium pays interest and costs dividends at rates; the European option pays amounts.
    interest = np.full(time.size, rate)
    dividend = np.full(time.size, dividend_yield)
    interest[-1] = dividend[-1] = 1.0
    by_rate, by_yield = discount * (1.0 - rate * time), yielded * (1.0 - dividend_yield * time)
    by_rate[-1], by_yield[-1] = -years * discount[-1], -years * yielded[-1]
    table = np.empty((len(Rule), time.size))
    table[Rule.INVERSE_ROOT] = 1.0 / np.sqrt(time)
    table[Rule.ROOT] = np.sqrt(time)
    table[Rule.CARRY] = (rate - dividend_yield) * time
    table[Rule.INTEREST] = interest * discount
    table[Rule.DIVIDEND] = dividend * yielded
    table[Rule.RHO_INTEREST] = 0.0 if rho_by_yield else by_rate
    table[Rule.RHO_DIVIDEND] = by_yield if rho_by_yield else 0.0
    table[Rule.RHO_TIME] = -time if rho_by_yield else time
    return table
