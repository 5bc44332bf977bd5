"""The kernels of American options in NumPy: reference and fallback of `native/american.inl`.

Everything here is a put of unit strike with one exercise boundary below the strike; calls come as
puts with rate and yield exchanged. Rows are the last axis. See `american_scheme` for depths.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant.american_scheme import Scheme
from optix.quant.arrays import FloatArray
from optix.quant.normal import cumulative, density

_STEPS_MAX = 60
_SMALL_STEP = 1e-9
_TINY = 1e-14  # of the strike: what an option at its exercise value may still seem to be worth


class Terms(NamedTuple):
    """One-dimensional columns of puts of unit strike."""

    rate: FloatArray
    dividend_yield: FloatArray
    vol: FloatArray
    years: FloatArray


class FamilyTables(NamedTuple):
    """Boundaries of one (rate, yield, years) as Chebyshev polynomials in ln vol.

    The last row of the coefficients is the boundary now, the last column of the rule the European
    option. The rows of the rule are those of `Rule`.
    """

    coefficients: FloatArray  # (points + 1, order) of the boundary's logarithm
    rho_coefficients: FloatArray  # of its derivative by rate or yield; only read for Greeks
    rule: FloatArray  # (8, points + 1)
    log_vol_middle: float
    log_vol_half: float


class Rule(IntEnum):
    """Rows of `FamilyTables.rule`."""

    INVERSE_ROOT = 0
    ROOT = 1
    CARRY = 2
    INTEREST = 3
    DIVIDEND = 4
    RHO_INTEREST = 5
    RHO_DIVIDEND = 6
    RHO_TIME = 7


class Edge(IntEnum):
    """How the search for a volatility ended."""

    BELOW = -1  # at the least volatility of the family
    FOUND = 0
    ABOVE = 1  # at the greatest
    NO_STEPS_LEFT = 2


def starts(terms: Terms) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ln of the boundary at expiry, the greatest depth, and the blend of the equations."""
    r, q, v = terms.rate, terms.dividend_yield, terms.vol
    ratio = np.where(q > 0, np.minimum(r / np.where(q > 0, q, 1.0), 1.0), 1.0)
    log_start = np.log(np.maximum(ratio, 1e-280))
    drift = (r - q) / (v * v) - 0.5
    carry = 2.0 * r / (v * v)
    root = np.sqrt(drift * drift + carry)
    falling = carry / np.where(drift < 0, root - drift, 1.0)
    exponent = np.maximum(np.where(drift < 0, falling, root + drift), 1e-12)
    depth_max = np.maximum(log_start - np.log(exponent / (1.0 + exponent)), 0.0)
    return log_start, depth_max, np.maximum(drift, -0.5)


def _guess(scheme: Scheme, terms: Terms, log_start: FloatArray, most: FloatArray) -> FloatArray:
    s = terms.vol * np.sqrt(terms.years) * scheme.node[:, None]
    limit = np.exp(log_start - most)
    room = np.maximum(1.0 - limit, 1e-12)
    level = limit + room * np.exp(-3.0 * s / room)
    fallen = log_start - np.log(np.maximum(level, 1e-280))
    return np.asarray(np.minimum(np.maximum(fallen, 0.05 * s), most))


def boundary(scheme: Scheme, terms: Terms, near: FloatArray | None = None) -> FloatArray:
    """Return depths at the nodes, (nodes, rows); `near` is a solution of neighbouring terms.

    Source:  Andersen, Lake and Offengenden, High-performance American option pricing, J. Comput.
             Finance 2016, for the equations; their blend, the angle and the steps are our own.
    """
    r, q, v, years = terms
    log_start, most, blend = starts(terms)
    depth = _guess(scheme, terms, log_start, most) if near is None else np.minimum(near, most)
    root = scheme.node[:, None] * np.sqrt(years)
    time, s = root * root, v * root
    sine, cosine, weight = (row[:, None] for row in scheme.rule)
    left = time[:, None] * cosine**2
    spread = s[:, None] * cosine
    discount, yielded = np.exp(-r * left), np.exp(-q * left)
    by_density = 2.0 * (weight * sine) * (root / v)[:, None]
    by_share = 2.0 * (weight * sine * cosine) * time[:, None]
    for relax in scheme.relax:
        behind = np.sqrt(np.maximum(np.einsum("ijk,kn->ijn", scheme.matrix, depth * depth), 0.0))
        d = (behind - depth[:, None] + (r - q) * left) / spread - 0.5 * spread
        level = log_start - depth
        e = (level + (r - q) * time) / s - 0.5 * s
        d_up, e_up = d + spread, e + s
        top = discount * (by_density * density(d) + blend * by_share * cumulative(d))
        top_now = np.exp(-r * time) * (density(e) / s + blend * cumulative(e))
        more = 1.0 + blend
        bottom = yielded * (by_density * density(d_up) + more * by_share * cumulative(d_up))
        bottom_now = np.exp(-q * time) * (density(e_up) / s + more * cumulative(e_up))
        cash = np.clip(top_now + r * top.sum(axis=1), 1e-140, 1e140)
        stock = np.clip(bottom_now + q * bottom.sum(axis=1), 1e-140, 1e140)
        error = np.log(cash / stock) - level
        depth = np.minimum(np.maximum(depth - relax * error, 0.0), most)
    return depth


def premium(
    scheme: Scheme,
    terms: Terms,
    moneyness: FloatArray,
    log_boundary: FloatArray,
    horizon: FloatArray,
) -> FloatArray:
    """Return what exercise below a boundary is worth while at most `horizon` years are left.

    `log_boundary` is (premium points, rows), at time left horizon·sine².
    """
    r, q, v, years = terms
    sine, cosine, weight = (row[:, None] for row in scheme.premium_rule)
    left = (years - horizon) + horizon * cosine**2
    spread = v * np.sqrt(left)
    d = (np.log(moneyness) - log_boundary + (r - q) * left) / spread - 0.5 * spread
    interest = r * np.exp(-r * left) * cumulative(-d)
    dividends = q * moneyness * np.exp(-q * left) * cumulative(-d - spread)
    total = (2.0 * weight * sine * cosine * (interest - dividends)).sum(axis=0)
    return np.asarray(horizon * total)


def european(terms: Terms, moneyness: FloatArray) -> FloatArray:
    """Return European values."""
    r, q, v, years = terms
    s = v * np.sqrt(years)
    d = (np.log(moneyness) + (r - q) * years) / s - 0.5 * s
    return np.exp(-r * years) * cumulative(-d) - moneyness * np.exp(-q * years) * cumulative(-d - s)


def single_price(
    scheme: Scheme, terms: Terms, moneyness: FloatArray, depth: FloatArray
) -> FloatArray:
    """Return prices at spot/strike = moneyness from the depths of `boundary`."""
    log_start = starts(terms)[0]
    behind = np.sqrt(np.maximum(scheme.premium_matrix @ (depth * depth), 0.0))
    extra = premium(scheme, terms, moneyness, log_start - behind, terms.years)
    value = european(terms, moneyness) + np.maximum(extra, 0.0)
    dead = np.log(moneyness) <= log_start - depth[-1]
    return np.where(dead, 1.0 - moneyness, np.maximum(value, 1.0 - moneyness))


class _Basis(NamedTuple):
    value: FloatArray  # (order, rows)
    first: FloatArray
    second: FloatArray


def _basis(tables: FamilyTables, vol: FloatArray) -> _Basis:
    """Return Chebyshev polynomials of ln vol and their first two derivatives by it."""
    scale = 1.0 / tables.log_vol_half
    xi = np.clip((np.log(vol) - tables.log_vol_middle) * scale, -1.0, 1.0)
    order = tables.coefficients.shape[1]
    value, first, second = (np.zeros((order, vol.size)) for _ in range(3))
    value[0], value[1], first[1] = 1.0, xi, scale
    for k in range(2, order):
        value[k] = 2.0 * xi * value[k - 1] - value[k - 2]
        first[k] = 2.0 * xi * first[k - 1] + 2.0 * scale * value[k - 1] - first[k - 2]
        second[k] = 2.0 * xi * second[k - 1] + 4.0 * scale * first[k - 1] - second[k - 2]
    return _Basis(value, first, second)


class _Normals(NamedTuple):
    """What all values of all points are made of; (points + 1, rows) unless said otherwise."""

    inverse: FloatArray  # 1/(vol·sqrt(time))
    d: FloatArray
    e: FloatArray
    share: FloatArray  # N(−d)
    stock: FloatArray  # C·x·N(−e)
    cash_bell: FloatArray  # A·φ(d)
    stock_bell: FloatArray  # C·x·φ(e)
    level_by_vol: FloatArray
    now: FloatArray  # (rows,) ln of the boundary now


def _normals(
    tables: FamilyTables, basis: _Basis, moneyness: FloatArray, vol: FloatArray
) -> _Normals:
    rule = tables.rule[:, :, None]
    levels = tables.coefficients @ basis.value
    now = levels[-1].copy()
    levels[-1] = 0.0
    inverse = rule[Rule.INVERSE_ROOT] / vol
    spread = rule[Rule.ROOT] * vol
    d = (np.log(moneyness) - levels + rule[Rule.CARRY]) * inverse - 0.5 * spread
    e = d + spread
    by_vol = (tables.coefficients @ basis.first) / vol
    by_vol[-1] = 0.0
    dividend = rule[Rule.DIVIDEND] * moneyness
    return _Normals(
        inverse=inverse,
        d=d,
        e=e,
        share=cumulative(-d),
        stock=dividend * cumulative(-e),
        cash_bell=rule[Rule.INTEREST] * density(d),
        stock_bell=dividend * density(e),
        level_by_vol=by_vol,
        now=now,
    )


def _price_and_vega(
    tables: FamilyTables, n: _Normals, vol: FloatArray
) -> tuple[FloatArray, FloatArray]:
    value = tables.rule[Rule.INTEREST][:, None] * n.share - n.stock
    d_vol = -n.e / vol - n.level_by_vol * n.inverse
    e_vol = d_vol + tables.rule[Rule.ROOT][:, None]
    premium_value = np.maximum(value[:-1].sum(axis=0), 0.0)  # early exercise never takes away
    return premium_value + value[-1], (n.stock_bell * e_vol - n.cash_bell * d_vol).sum(axis=0)


def family_values(
    tables: FamilyTables, moneyness: FloatArray, vol: FloatArray, *, full: bool
) -> FloatArray:
    """Return the price, (1, rows), or all eight values in the order of `native/american.hpp`."""
    basis = _basis(tables, vol)
    n = _normals(tables, basis, moneyness, vol)
    value, vega = _price_and_vega(tables, n, vol)
    rows = [value]
    if full:
        rows += _derivatives(tables, basis, n, moneyness, vol)
        rows.insert(4, vega)
    out = np.stack(rows)
    dead = np.log(moneyness) <= n.now
    gone = np.zeros_like(out)
    gone[0] = 1.0 - moneyness
    gone[1:4] = -moneyness
    out = np.where(dead, gone, out)
    out[0] = np.maximum(out[0], 1.0 - moneyness)
    return out


def _derivatives(
    tables: FamilyTables,
    basis: _Basis,
    n: _Normals,
    moneyness: FloatArray,
    vol: FloatArray,
) -> list[FloatArray]:
    """Return the values without price and vega."""
    rule = tables.rule[:, :, None]
    gain = (n.cash_bell - n.stock_bell) * n.inverse
    q = n.stock_bell * n.inverse
    bend = q - n.stock
    twist = bend - n.d * n.inverse * q + gain * n.inverse**2 * (1.0 - n.d * n.d)
    d_vol = -n.e / vol - n.level_by_vol * n.inverse
    e_vol = d_vol + rule[Rule.ROOT]
    vanna = n.cash_bell * (n.d * d_vol + 1.0 / vol) * n.inverse
    vanna += n.stock_bell * (e_vol - (n.e * e_vol + 1.0 / vol) * n.inverse)
    bent = tables.coefficients @ basis.second - n.level_by_vol * vol
    bent[-1] = 0.0
    bent /= vol * vol
    d_bent = (n.e / vol - e_vol + n.level_by_vol * n.inverse) / vol - bent * n.inverse
    vomma = n.cash_bell * (n.d * d_vol**2 - d_bent) - n.stock_bell * (n.e * e_vol**2 - d_bent)
    by_rho = tables.rho_coefficients @ basis.value
    by_rho[-1] = 0.0
    rho = rule[Rule.RHO_INTEREST] * n.share
    rho = rho - rule[Rule.RHO_DIVIDEND] * moneyness * cumulative(-n.e)
    rho -= gain * (rule[Rule.RHO_TIME] - by_rho)
    slope = -(n.stock + gain)
    curved = bend + gain * n.d * n.inverse
    parts = (slope, curved, twist)
    after = (vanna, vomma, rho)
    return [part.sum(axis=0) for part in (*parts, *after)]


def family_implied_vol(
    tables: FamilyTables, moneyness: FloatArray, price: FloatArray, start: FloatArray
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Return volatilities and `Edge` codes; rows whose start is bad are bracketed all the same.

    In the money the time value grows with the square of the distance to the volatility where it
    vanishes, so Newton steps are taken on its root; out of the money on its logarithm.
    """
    least = float(np.exp(tables.log_vol_middle - tables.log_vol_half))
    most = float(np.exp(tables.log_vol_middle + tables.log_vol_half))
    vol = np.clip(start, least, most)
    low, high = np.full(vol.shape, least), np.full(vol.shape, most)
    exercise = np.maximum(1.0 - moneyness, 0.0)
    wanted = np.maximum(price - exercise, 1e-250)
    moving = np.ones(vol.shape, dtype=np.bool_)
    for _ in range(_STEPS_MAX):
        rows = np.flatnonzero(moving)
        if rows.size == 0:
            break
        v = vol[rows]
        n = _normals(tables, _basis(tables, v), moneyness[rows], v)
        value, vega = _price_and_vega(tables, n, v)
        over = np.maximum(value - exercise[rows], 0.0)
        alive = (np.log(moneyness[rows]) > n.now) & (over > _TINY) & (vega > _TINY)
        above = alive & (over > wanted[rows])
        high[rows] = np.where(above, v, high[rows])
        low[rows] = np.where(above, low[rows], v)
        over, vega = np.maximum(over, _TINY), np.maximum(vega, _TINY)
        by_root = 2.0 * np.sqrt(over) * (np.sqrt(wanted[rows]) - np.sqrt(over)) / vega
        by_log = over * np.log(wanted[rows] / over) / vega
        newton = v + np.where(exercise[rows] > 0, by_root, by_log)
        inside = alive & (newton >= low[rows]) & (newton <= high[rows])
        moved = np.where(inside, newton, np.sqrt(low[rows] * high[rows]))
        moving[rows] = np.abs(moved - v) > _SMALL_STEP * v
        vol[rows] = moved
    edge = np.where(moving & (high - low > 1e-6 * vol), Edge.NO_STEPS_LEFT, Edge.FOUND)
    edge = np.where(vol >= most * (1.0 - 1e-8), Edge.ABOVE, edge)
    edge = np.where(vol <= least * (1.0 + 1e-8), Edge.BELOW, edge)
    return vol, edge.astype(np.int8)
