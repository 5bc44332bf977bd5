"""European books over grids: exposure by spot, P&L by spot, time and volatility, scenarios.

A grid of spots is given as factors of today's spot; the carry of every forward is held. What the
volatilities do while the spot moves is a choice (`SmileDynamics`), because no grid can know it.
Values are of the European model: an American position is approximated by it away from its exercise.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from optix.quant import black_scholes_numpy as reference
from optix.quant import kernels
from optix.quant.arrays import BoolArray, FloatArray, broadcast_options, contiguous, flags_of
from optix.quant.black_scholes import AllGreeks

SmileFunction = Callable[[FloatArray, FloatArray], FloatArray]
"""vol(log_moneyness ln(strike/forward), expiry_years), arrays of one shape: a fitted surface."""

_FACTOR_MIN, _FACTOR_MAX = 1e-4, 1e4
_PRICE_MIN, _PRICE_MAX = 1e-60, 1e60  # the kernels' range less what a factor of the spot may take
_VOL_MIN = 1e-9


class SmileDynamics(Enum):
    """What a contract's volatility does when the spot moves."""

    STICKY_STRIKE = "sticky strike"  # it stays with the strike
    STICKY_DELTA = "sticky delta"  # it moves along the smile with the strike's moneyness
    FLAT = "flat"  # every strike has the volatility of the smile at the forward


class Legs(NamedTuple):
    """The legs of a position: options and the underlying itself, one entry each.

    Shapes:  every field broadcasts to one dimension.
    Units:   kind 1 for calls, −1 for puts, 0 for the underlying (whose other fields mean nothing);
             strike in quote currency, expiry in years (ACT/365), vol, rate and carry (the annual
             growth of the forward: rate less yield) as annual decimals; quantity signed, in units
             of the underlying (contracts times multiplier).
    """

    kind: ArrayLike
    strike: ArrayLike
    expiry_years: ArrayLike
    vol: ArrayLike
    rate: ArrayLike
    carry: ArrayLike
    quantity: ArrayLike


class Exposure(NamedTuple):
    """Sums over a book at every spot of a grid."""

    greeks: AllGreeks  # each (spots,), or (groups, spots)
    counted: int  # contracts in the sums: one without a price, strike, vol or weight is in none


def shifted_vols(
    *,
    vol: FloatArray,
    log_moneyness: FloatArray,
    expiry_years: FloatArray,
    spot_factors: FloatArray,
    dynamics: SmileDynamics,
    smile: SmileFunction | None,
) -> FloatArray:
    """Return the volatilities of contracts at every spot of a grid.

    Shapes:  vol, log_moneyness, expiry_years (rows,); the result is (rows, spots), or (rows, 1)
             where it does not depend on the spot.
    Units:   log_moneyness is ln(strike/forward) at today's spot; vols are annual decimals.
    Errors:  ValueError if the dynamics need a smile and none is given.
    """
    if dynamics is SmileDynamics.STICKY_STRIKE:
        return vol[:, None]
    if smile is None:
        raise ValueError(f"The dynamics {dynamics.value} need a smile.")
    if dynamics is SmileDynamics.FLAT:
        return smile(np.zeros(vol.shape), expiry_years)[:, None]
    k = log_moneyness[:, None] - np.log(spot_factors)
    years = np.broadcast_to(expiry_years[:, None], k.shape)
    # A contract keeps its distance to the smile: its own quote need not lie on the fit.
    moved = vol[:, None] + smile(k, years) - smile(log_moneyness, expiry_years)[:, None]
    return np.maximum(moved, _VOL_MIN)


def exposure(
    *,
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    expiry_years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    is_call: ArrayLike,
    weight: ArrayLike,
    spot_factors: ArrayLike,
    group: ArrayLike | None = None,
    dynamics: SmileDynamics = SmileDynamics.STICKY_STRIKE,
    smile: SmileFunction | None = None,
) -> Exposure:
    """Return weighted sums of the twelve outputs of a book at every spot of a grid.

    Shapes:  spot … weight and group broadcast to one dimension; spot_factors (spots,). The sums are
             (spots,), or (groups, spots) where `group` numbers them from 0.
    Units:   as `black_scholes.greeks`; weight is what a contract counts, such as signed open
             interest times multiplier; spot_factors are multiples of spot, 1.0 is today's.
    Errors:  ValueError if a factor is not in [1e-4, 1e4], a group is negative, or a smile lacks.
             A contract with a NaN is left out, and counts in no `counted`.
    """
    call, columns = broadcast_options(
        is_call, spot, forward, strike, expiry_years, vol, rate, weight
    )
    columns = [contiguous(column) for column in columns]
    call = flags_of(call)
    factors = _factors(spot_factors)
    groups = np.zeros(call.size, dtype=np.int64)
    if group is not None:
        groups[:] = np.broadcast_to(np.asarray(group, dtype=np.int64), call.shape)
    if groups.size and groups.min() < 0:
        raise ValueError("Groups are numbered from 0.")
    sums = np.zeros((int(groups.max(initial=0)) + 1, len(AllGreeks._fields), factors.size))
    S, F, K, T, v, _, _ = columns
    usable = np.isfinite(np.sum(columns, axis=0)) & (np.min([S, F, K], axis=0) > 0) & (v >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.where(usable, np.log(K) - np.log(F), 0.0)
    vols = shifted_vols(
        vol=v,
        log_moneyness=k,
        expiry_years=T,
        spot_factors=factors,
        dynamics=dynamics,
        smile=smile,
    )
    plain = usable & _in_range(columns, vols)
    native = kernels.native()
    if native is None:
        plain[:] = False
    else:
        part = [np.compress(plain, column) for column in columns]
        v_here = np.ascontiguousarray(np.compress(plain, vols, axis=0))
        native.exposure(
            *(*part[:4], v_here, part[5], call[plain], part[6], groups[plain]),
            *(factors, np.log(factors), sums),
        )
    rest = usable & ~plain
    if rest.any():
        part = [np.compress(rest, column) for column in columns]
        for place, factor in enumerate(factors):
            vol_here = vols[rest, place if vols.shape[1] > 1 else 0]
            found = _reference_greeks(part, call[rest], vol_here, factor)
            np.add.at(sums[:, :, place], groups[rest], found.T)
    rows = np.moveaxis(sums, 1, 0)
    return Exposure(AllGreeks(*(rows[:, 0] if group is None else rows)), int(usable.sum()))


def _factors(values: ArrayLike) -> FloatArray:
    factors = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    if not ((factors >= _FACTOR_MIN) & (factors <= _FACTOR_MAX)).all():
        raise ValueError(f"A grid of spots goes from {_FACTOR_MIN} to {_FACTOR_MAX} of today's.")
    return factors


def _in_range(columns: list[FloatArray], vols: FloatArray) -> BoolArray:
    """Say which contracts the kernels can take; their range is in native/normalised.hpp."""
    S, F, K, T, _, r, _ = columns
    inside = (T >= 1e-12) & (T <= 1e6) & (np.abs(r * T) <= 100)
    for price in (S, F, K):
        inside &= (price >= _PRICE_MIN) & (price <= _PRICE_MAX)
    lowest, highest = vols.min(axis=1, initial=np.inf), vols.max(axis=1, initial=-np.inf)
    return np.asarray(inside & (lowest >= _VOL_MIN) & (highest <= 1e6))


def _reference_greeks(
    columns: list[FloatArray], call: BoolArray, vol: FloatArray, factor: float
) -> FloatArray:
    """Return what contracts outside the kernels' range add at one spot, Greek by Greek."""
    S, F, K, T, _, r, weight = columns
    return reference.greeks(call, [S * factor, F * factor, K, T, vol, r]) * weight


def value_cube(
    *,
    legs: Legs,
    spot: float,
    spot_factors: ArrayLike,
    years_ahead: ArrayLike = 0.0,
    vol_shifts: ArrayLike = 0.0,
    dynamics: SmileDynamics = SmileDynamics.STICKY_STRIKE,
    smile: SmileFunction | None = None,
    threads: int = 1,
) -> FloatArray:
    """Return what a position is worth at every spot, time and volatility shift.

    P&L is this less what the position cost, or less its own value at (1.0, 0.0, 0.0). A leg past
    its expiry is worth its intrinsic value at the spot of the grid.

    Shapes:  spot_factors (n,), years_ahead (m,), vol_shifts (l,); the result is (n, m, l).
    Units:   spot in quote currency, spot_factors multiples of it; years from now; shifts are added
             to annual vols, which stay above 0. The result is in quote currency.
    Errors:  ValueError if an input is NaN or cannot exist, or the dynamics lack a smile.
    """
    factors = _factors(spot_factors)
    ahead = np.ascontiguousarray(years_ahead, dtype=np.float64).reshape(-1)
    shifts = np.ascontiguousarray(vol_shifts, dtype=np.float64).reshape(-1)
    kind, K, T, v, r, b, quantity = (
        np.ascontiguousarray(column).reshape(-1)
        for column in np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in legs))
    )
    option = kind != 0
    _check_legs(spot, [kind, quantity, ahead, shifts], [K[option], T[option]], [r, b, v], option)
    K, T = np.where(option, K, spot), np.where(option, T, 0.0)
    v, r, b = (np.where(option, column, 0.0) for column in (v, r, b))
    vols = shifted_vols(
        vol=v,
        log_moneyness=np.log(K / spot) - b * T,
        expiry_years=T,
        spot_factors=factors,
        dynamics=dynamics,
        smile=smile,
    )
    vols = np.ascontiguousarray(np.broadcast_to(vols, (K.size, factors.size)))
    values = np.zeros((ahead.size, shifts.size, factors.size))
    native = kernels.native()
    if native is None:
        for *leg, vol in zip(kind, K, T, r, b, quantity, vols, strict=True):
            _add_reference_leg(leg, vol, spot * factors, (ahead, shifts), values)
    else:
        columns = (kind, K, T, vols, r, b, quantity)
        native.cube(*columns, float(spot), factors, np.log(factors), ahead, shifts, values, threads)
    return np.moveaxis(values, 2, 0)


def _check_legs(
    spot: float,
    finite: list[FloatArray],
    positive: list[FloatArray],
    terms: list[FloatArray],
    option: BoolArray,
) -> None:
    K, T = positive
    r, b, v = (column[option] for column in terms)
    sound = all(np.isfinite(column).all() for column in (*finite, K, T, r, b, v))
    levels = np.append(K, spot)
    sound = sound and bool(((levels >= _PRICE_MIN) & (levels <= _PRICE_MAX)).all())
    sound = sound and bool((v >= 0).all() and (v <= 1e6).all() and (T <= 1e6).all())
    sound = sound and bool((np.abs(np.append(r * T, b * T)) <= 100).all())
    if not sound or not np.isin(finite[0], (-1.0, 0.0, 1.0)).all():
        raise ValueError("A leg or an axis has a number that is missing or cannot exist.")


def _add_reference_leg(
    leg: list[float],
    vol: FloatArray,
    spots: FloatArray,
    axes: tuple[FloatArray, FloatArray],
    values: FloatArray,
) -> None:
    """Do what the cube's kernel does for one leg."""
    kind, K, T, r, b, quantity = leg
    ahead, shifts = axes
    shape = (shifts.size, spots.size)
    vols = np.maximum(vol + shifts[:, None], _VOL_MIN)
    for place, now in enumerate(ahead):
        if kind == 0:
            values[place] += quantity * spots
            continue
        left = T - now if T - now >= 1e-12 else 0.0
        terms = (spots * np.exp(b * left), np.asarray(K), np.asarray(left), vols, np.asarray(r))
        columns = [np.broadcast_to(term, shape) for term in terms]
        values[place] += quantity * reference.price(np.full(shape, kind > 0), columns)


def scenario_matrix(
    *,
    legs: Legs,
    spot: float,
    spot_factors: ArrayLike,
    vol_shifts: ArrayLike,
    years_ahead: float = 0.0,
    dynamics: SmileDynamics = SmileDynamics.STICKY_STRIKE,
    smile: SmileFunction | None = None,
) -> FloatArray:
    """Return the gain of a position over its value now, by spot and volatility shift.

    Shapes:  spot_factors (n,), vol_shifts (l,); the result is (n, l).
    Units:   as `value_cube`.
    Errors:  as `value_cube`.
    """
    now = value_cube(legs=legs, spot=spot, spot_factors=1.0, dynamics=dynamics, smile=smile)
    then = value_cube(
        legs=legs,
        spot=spot,
        spot_factors=spot_factors,
        years_ahead=years_ahead,
        vol_shifts=vol_shifts,
        dynamics=dynamics,
        smile=smile,
    )
    gain: FloatArray = then[:, 0, :] - now[0, 0, 0]
    return gain
