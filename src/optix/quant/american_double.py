"""American puts with two exercise boundaries, which appear where yield < rate < 0.

Exercise pays between them: above the lower one the interest saved by not holding cash outweighs
what the stock would cost, below it the put is better held. With much volatility the two meet when
enough time is left, and beyond that horizon nobody exercises. All terms are those of puts of unit
strike; calls come with rate and yield exchanged. Rare enough to be NumPy only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant import american_kernels, american_scheme, american_tables
from optix.quant.american_numpy import FamilyTables, Rule, Terms, european, premium
from optix.quant.american_scheme import Scheme
from optix.quant.arrays import BoolArray, FloatArray
from optix.quant.implied_vol import IvStatus
from optix.quant.normal import cumulative, density

_SWEEPS = 80
_RELAX = 0.5
_FIRST_REACH = 0.1  # of the distance of the boundaries at expiry, in deviations
_STEPS_MAX = 40
_MET = 2e-3  # of that distance: nearer than this the boundaries have met
_HALF_WIDTH = 0.02  # in ln vol, of the family that gives the Greeks of one option
_BUMP = 1e-4
_SEARCH_STEPS_MAX = 100
_SEARCH_SMALL = 1e-8


class Boundaries(NamedTuple):
    """Both boundaries at the nodes of a scheme, (nodes, rows), up to a horizon."""

    upper: FloatArray  # logarithms
    lower: FloatArray
    horizon: FloatArray  # (rows,) years left at which they meet, or all there are


def boundaries(scheme: Scheme, terms: Terms) -> Boundaries:
    """Return both boundaries and how far they reach.

    Their distance falls with sqrt(time left), ever more slowly, so steps to where its tangent
    vanishes never pass the meeting point.

    Source:  Andersen and Lake, Fast American option pricing: the double-boundary case, Wilmott
             2021, for the equations; the joint iteration and the horizon are our own.
    """
    r, q, v, years = terms
    apart = -np.log(r / q)
    root = np.minimum(np.sqrt(years), _FIRST_REACH * apart / v)
    for _ in range(_STEPS_MAX):
        upper, lower = _solve(scheme, terms, root * root)
        gap = upper - lower
        done = (root >= np.sqrt(years)) | (gap[-1] <= _MET * apart)
        if done.all():
            break
        pace = (gap[-2] - gap[-1]) / (root * (scheme.node[-1] - scheme.node[-2]))
        further = gap[-1] / np.maximum(pace, 1e-12)
        root = np.where(done, root, np.minimum(root + further, np.sqrt(years)))
    return Boundaries(upper, lower, root * root)


def _solve(scheme: Scheme, terms: Terms, horizon: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Iterate both boundaries together on [0, horizon]."""
    r, q, v, _ = terms
    start = np.log(r / q)
    root = scheme.node[:, None] * np.sqrt(horizon)
    time, s = root * root, v * root
    sine, cosine, weight = (row[:, None] for row in scheme.rule)
    left, spread = time[:, None] * cosine**2, s[:, None] * cosine
    discount, yielded = np.exp(-r * left), np.exp(-q * left)
    by_density = 2.0 * (weight * sine) * (root / v)[:, None]
    by_share = 2.0 * (weight * sine * cosine) * time[:, None]
    blend = np.maximum((r - q) / (v * v) - 0.5, -0.5)
    more = 1.0 + blend
    up = np.minimum(s, -0.3 * start)  # depth below the strike
    down = up.copy()  # height above the lower start

    def implied(level: FloatArray, upper: FloatArray, lower: FloatArray) -> FloatArray:
        e = (level + (r - q) * time) / s - 0.5 * s
        top = np.exp(-r * time) * (density(e) / s + blend * cumulative(e))
        bottom = np.exp(-q * time) * (density(e + s) / s + more * cumulative(e + s))
        for other, sign in ((upper, 1.0), (lower, -1.0)):
            d = (level[:, None] - other + (r - q) * left) / spread - 0.5 * spread
            share, share_up = cumulative(sign * d), cumulative(sign * (d + spread))
            cash = sign * by_density * density(d) + blend * by_share * share
            stock = sign * by_density * density(d + spread) + more * by_share * share_up
            top = top + r * (discount * cash).sum(axis=1)
            bottom = bottom + q * (yielded * stock).sum(axis=1)
        return np.asarray(np.log(np.clip(top, 1e-140, 1e140) / np.clip(bottom, 1e-140, 1e140)))

    for _ in range(_SWEEPS):
        upper = -_between(scheme.matrix, up)
        lower = start + _between(scheme.matrix, down)
        new_up = -implied(-up, upper, lower)
        new_down = implied(start + down, upper, lower) - start
        up = np.clip(up + _RELAX * (new_up - up), 0.0, -start)
        down = np.clip(down + _RELAX * (new_down - down), 0.0, -start)
    return -up, start + down


def _between(matrix: FloatArray, depth: FloatArray) -> FloatArray:
    square = np.einsum("...k,kn->...n", matrix, depth * depth)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def _at_points(scheme: Scheme, terms: Terms, found: Boundaries) -> tuple[FloatArray, FloatArray]:
    """Return both boundaries at the points of the premium integral."""
    start = np.log(terms.rate / terms.dividend_yield)
    upper = -_between(scheme.premium_matrix, -found.upper)
    return upper, start + _between(scheme.premium_matrix, found.lower - start)


def _exercised(terms: Terms, moneyness: FloatArray, found: Boundaries) -> BoolArray:
    """Say where exercise now pays: between the boundaries, if they reach to now."""
    log_x = np.log(moneyness)
    reached = found.horizon >= terms.years
    return np.asarray(reached & (log_x <= found.upper[-1]) & (log_x >= found.lower[-1]))


def values(terms: Terms, moneyness: FloatArray, is_call: BoolArray, *, full: bool) -> FloatArray:
    """Return the price, (1, rows), or the eight values of the kernels, (8, rows)."""
    scheme = american_scheme.fast()
    found = boundaries(scheme, terms)
    if not full:
        return _price(scheme, terms, moneyness, found)[None]
    out = np.empty((8, moneyness.size))
    for row in range(moneyness.size):
        one = Terms(*(column[row : row + 1] for column in terms))
        tables = _tables(scheme, one, float(found.horizon[row]), by_yield=bool(is_call[row]))
        x = moneyness[row : row + 1]
        out[:, row] = american_kernels.family_values(tables, x, one.vol, full=True)[:, 0]
    met = np.flatnonzero(found.horizon < terms.years)
    out[4, met], out[7, met] = _moved(
        scheme, Terms(*(c[met] for c in terms)), moneyness[met], is_call[met]
    )
    dead = _exercised(terms, moneyness, found)
    gone = np.zeros_like(out)
    gone[0], gone[1:4] = 1.0 - moneyness, -moneyness
    return np.where(dead, gone, out)


def _moved(
    scheme: Scheme, terms: Terms, moneyness: FloatArray, is_call: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return vega and rho where the boundaries meet: the meeting point moves too."""

    def slope(name: str, bump: FloatArray) -> FloatArray:
        column = getattr(terms, name)
        ends = [terms._replace(**{name: column + bump}), terms._replace(**{name: column - bump})]
        up, down = (_price(scheme, end, moneyness, boundaries(scheme, end)) for end in ends)
        return (up - down) / (2.0 * bump)

    room = np.minimum(-0.5 * terms.rate, 0.5 * (terms.rate - terms.dividend_yield))
    bump = np.minimum(_BUMP, room)
    vega = slope("vol", 1e-3 * terms.vol)
    return vega, np.where(is_call, slope("dividend_yield", bump), slope("rate", bump))


def _price(scheme: Scheme, terms: Terms, moneyness: FloatArray, found: Boundaries) -> FloatArray:
    upper, lower = _at_points(scheme, terms, found)
    held = european(terms, moneyness)
    held += premium(scheme, terms, moneyness, upper, found.horizon)
    held -= premium(scheme, terms, moneyness, lower, found.horizon)
    dead = _exercised(terms, moneyness, found)
    return np.where(dead, 1.0 - moneyness, np.maximum(held, 1.0 - moneyness))


def _tables(scheme: Scheme, one: Terms, horizon: float, *, by_yield: bool) -> FamilyTables:
    """Return a narrow family of one option: twice the points, the lower boundary negative.

    The horizon is held while volatility and rate move: next to where the boundaries meet there is
    next to nothing between them.
    """
    rate, dividend_yield, vol, years = (float(column[0]) for column in one)
    order = 8
    place, to_coefficients = american_tables.chebyshev(order)
    vols = vol * np.exp(_HALF_WIDTH * place)
    bump = min(_BUMP, -0.5 * rate, 0.5 * (rate - dividend_yield))
    moves = [(rate, dividend_yield)]
    moves += [
        (rate, dividend_yield + move) if by_yield else (rate + move, dividend_yield)
        for move in (bump, -bump)
    ]
    r, q = (np.repeat([pair[i] for pair in moves], order) for i in (0, 1))
    terms = Terms(r, q, np.tile(vols, len(moves)), np.full(r.size, years))
    reach = np.full(r.size, horizon)
    found = Boundaries(*_solve(scheme, terms, reach), reach)
    levels = np.concatenate(_at_points(scheme, terms, found)).reshape(-1, len(moves), order)
    never = np.full((1, order), american_tables.NEVER)
    base = np.concatenate((levels[:, 0], never)) @ to_coefficients
    by_rho = np.zeros_like(base)
    by_rho[:-1] = (levels[:, 1] - levels[:, 2]) @ to_coefficients / (2.0 * bump)
    rule = american_tables.rule(
        scheme.premium_rule,
        rate=rate,
        dividend_yield=dividend_yield,
        years=years,
        horizon=horizon,
        rho_by_yield=by_yield,
    )
    lower = rule[:, :-1].copy()
    lower[[Rule.INTEREST, Rule.DIVIDEND, Rule.RHO_INTEREST, Rule.RHO_DIVIDEND]] *= -1.0
    return FamilyTables(
        coefficients=np.ascontiguousarray(base),
        rho_coefficients=by_rho,
        rule=np.concatenate((rule[:, :-1], lower, rule[:, -1:]), axis=1),
        log_vol_middle=float(np.log(vol)),
        log_vol_half=_HALF_WIDTH,
    )


def implied_vol(
    terms: Terms, moneyness: FloatArray, goal: FloatArray
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return volatilities and statuses, by halving brackets in ln vol.

    `terms.vol` is the greatest volatility to try.
    """
    scheme = american_scheme.fast()
    high = np.log(terms.vol)
    low = np.log(1e-4 / np.sqrt(terms.years))
    for _ in range(_SEARCH_STEPS_MAX):
        middle = 0.5 * (low + high)
        if (high - low <= _SEARCH_SMALL).all():
            break
        trial = terms._replace(vol=np.exp(middle))
        over = _price(scheme, trial, moneyness, boundaries(scheme, trial)) > goal
        high, low = np.where(over, middle, high), np.where(over, low, middle)
    status = np.full(goal.size, IvStatus.OK, dtype=np.int8)
    status[high >= np.log(terms.vol)] = IvStatus.ABOVE_MAXIMUM
    status[low <= np.log(1e-4 / np.sqrt(terms.years))] = IvStatus.NO_TIME_VALUE
    vol = np.exp(0.5 * (low + high))
    return np.where(status == IvStatus.OK, vol, np.nan), status
