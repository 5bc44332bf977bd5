"""Variance along time: constant maturities, forward variance, and what an event adds.

Total variance w = vol²·years is what adds up over time, so it is what is interpolated: linearly,
between the two expiries around, never beyond the first and last. A fall of w is not hidden.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray

DAY = 1.0 / 365.0
_EVENT_EXPIRIES_MIN = 3
_EVENT_EXPIRIES_CURVED = 5  # from so many on, the base vol may have a hump of its own
_DECAYS = (0.25, 1.0)  # years in which the base vol forgets its short end


class MaturityStatus(IntEnum):
    """Why a constant maturity is NaN, or what is to be known about it."""

    OK = 0
    BEFORE_FIRST = 1  # NaN: shorter than the first expiry
    AFTER_LAST = 2  # NaN: longer than the last expiry
    NEGATIVE_FORWARD = 3  # a number, between two expiries with falling total variance
    NO_EXPIRIES = 4  # NaN: there is no usable expiry


class ConstantMaturity(NamedTuple):
    """Vols at the times that were asked for, in their shape."""

    vol: FloatArray
    status: NDArray[np.int8]  # MaturityStatus


class ForwardVariance(NamedTuple):
    """Between neighbouring expiries, one fewer than these."""

    variance: FloatArray  # per year; negative where total variance falls
    negative: BoolArray


class EventStatus(IntEnum):
    """Why no event variance was found."""

    OK = 0
    NO_EVENT = 1  # no expiry lies behind the event
    TOO_FEW = 2  # fewer than three expiries: base and event cannot be told apart
    NOT_POSITIVE = 3  # the term structure shows no extra variance: the move is given as 0


class EventVariance(NamedTuple):
    """What one event adds to the expiries behind it."""

    move: float  # m: one standard deviation of that day's return, event and all; NaN without
    move_expected: float  # its mean absolute value, m·√(2/π)
    base_vol: FloatArray  # per expiry, with the event taken out; the vol itself before it
    status: EventStatus


def constant_maturity(
    years: ArrayLike, total_variance: ArrayLike, wanted: ArrayLike
) -> ConstantMaturity:
    """Return vols at fixed times to expiry, linear in total variance between the expiries around.

    Shapes:  years and total_variance (expiries,), NaN variances are left out; wanted any shape,
             which the results have.
    Units:   years; total variance vol²·years at one moneyness or one delta; vols annual decimals.
    Errors:  ValueError if years do not ascend. NaN and a status where it would be extrapolation.
    """
    T, w = np.asarray(years, dtype=np.float64), np.asarray(total_variance, dtype=np.float64)
    at = np.asarray(wanted, dtype=np.float64)
    if not (np.diff(T) > 0).all():
        raise ValueError("expiries must be in ascending order")
    usable = np.isfinite(w) & (T > 0)
    T, w = T[usable], w[usable]
    status = np.full(at.shape, MaturityStatus.OK, dtype=np.int8)
    if T.size == 0:
        status[...] = MaturityStatus.NO_EXPIRIES
        return ConstantMaturity(np.full(at.shape, np.nan), status)
    found = np.interp(at, T, w)
    falls = np.concatenate(([False], np.diff(w) < 0))
    status[falls[np.clip(np.searchsorted(T, at), 0, T.size - 1)]] = MaturityStatus.NEGATIVE_FORWARD
    status[at < T[0]] = MaturityStatus.BEFORE_FIRST
    status[at > T[-1]] = MaturityStatus.AFTER_LAST
    outside = (at < T[0]) | (at > T[-1])
    vol = np.sqrt(np.maximum(found, 0.0) / np.where(at > 0, at, 1.0))
    return ConstantMaturity(np.where(outside, np.nan, vol), status)


def forward_variance(years: ArrayLike, total_variance: ArrayLike) -> ForwardVariance:
    """Return the variance per year between neighbouring expiries.

    Shapes:  (expiries,) in, (expiries − 1,) out.
    Units:   years; total variance vol²·years; result vol² per year.
    Errors:  ValueError if years do not ascend.
    """
    T, w = np.asarray(years, dtype=np.float64), np.asarray(total_variance, dtype=np.float64)
    if not (np.diff(T) > 0).all():
        raise ValueError("expiries must be in ascending order")
    variance = np.diff(w) / np.diff(T)
    return ForwardVariance(variance, variance < 0)


def event_variance(
    years: ArrayLike, total_variance: ArrayLike, event_years: float, *, event_day: float = DAY
) -> EventVariance:
    """Return the move that one event adds, and the vols of the expiries without it.

    Expiries behind the event hold vol_base²·(years − day) + m², those before it vol_base²·years.
    The base variance is taken as a smooth function of time that reverts to its long-run level, and
    m² with its coefficients by least squares, errors counted in variance per year.

    Shapes:  years and total_variance (expiries,), NaN variances are left out.
    Units:   years; total variance at the money; event_years is the time to the event (the session
             that trades on it), event_day the time it replaces. Moves are returns (0.05 is 5 %).
    Errors:  ValueError if years do not ascend. NaN with a status where m cannot be told.
    Source:  additivity of variance; ORATS and others describe the same decomposition.
    """
    T, w = np.asarray(years, dtype=np.float64), np.asarray(total_variance, dtype=np.float64)
    if not (np.diff(T) > 0).all():
        raise ValueError("expiries must be in ascending order")
    usable = np.isfinite(w) & (T > 0)
    behind = usable & (event_years < T)
    plain = np.where(usable, np.sqrt(np.maximum(w, 0.0) / np.where(T > 0, T, 1.0)), np.nan)
    if not behind.any():
        return EventVariance(np.nan, np.nan, plain, EventStatus.NO_EVENT)
    count = int(usable.sum())
    if count < _EVENT_EXPIRIES_MIN:
        return EventVariance(np.nan, np.nan, plain, EventStatus.TOO_FEW)
    left = np.maximum(T - np.where(behind, event_day, 0.0), 0.1 * T)
    curves = [np.ones_like(T), *(-np.expm1(-T / decay) / (T / decay) for decay in _DECAYS)]
    kept = 3 if count >= _EVENT_EXPIRIES_CURVED else 2 if count > _EVENT_EXPIRIES_MIN else 1
    design = np.stack((behind.astype(np.float64), *(left * curve for curve in curves[:kept])), 1)
    scaled = design[usable] / T[usable, np.newaxis]
    weights, *_ = np.linalg.lstsq(scaled, w[usable] / T[usable], rcond=None)
    square = float(weights[0])
    if square <= 0:
        return EventVariance(0.0, 0.0, plain, EventStatus.NOT_POSITIVE)
    with np.errstate(invalid="ignore"):
        base = np.sqrt(np.where(behind, np.maximum(w - square, 0.0) / left, w / T))
    move = float(np.sqrt(square))
    return EventVariance(
        move, move * float(np.sqrt(2.0 / np.pi)), np.where(usable, base, np.nan), EventStatus.OK
    )
