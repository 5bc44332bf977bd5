"""Variance without a model: the strip of out-of-the-money options, as the Cboe computes the VIX.

    σ² = (2/T)·Σ ΔK/K²·e^(RT)·Q(K) − (1/T)·(F/K₀ − 1)²

F comes from the strike where call and put cost most nearly the same, K₀ is the first strike at or
below it, Q the mid of the out-of-the-money side (of both at K₀). Away from K₀ options without a bid
are left out, and after two of them in a row no further strike counts.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import BoolArray, FloatArray, broadcast_floats

MINUTES_PER_YEAR = 365 * 24 * 60
MINUTES_30_DAYS = 30 * 24 * 60
_STRIKES_MIN = 3
_ZERO_BIDS = 2  # in a row, that end the strip


class StripStatus(IntEnum):
    """Why a strip has no variance."""

    OK = 0
    NO_PAIR = 1  # no strike has call and put, both quoted
    TOO_FEW = 2  # fewer than three options take part
    EXPIRED = 3


class Strip(NamedTuple):
    """What one expiry says."""

    variance: float  # per year; NaN where the status is not OK
    forward: float
    strike_at: float  # K₀
    strike_low: float  # ends of what took part
    strike_high: float
    options: int
    status: StripStatus


class IndexLevel(NamedTuple):
    """A volatility index of constant maturity, in points (20 is 20 %)."""

    level: float  # NaN without both strips
    weight_near: float  # of the near strip's total variance


def strip_variance(
    *,
    strike: ArrayLike,
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    expiry_years: float,
    rate: float,
) -> Strip:
    """Return the model-free variance of one expiry.

    Shapes:  strike and quotes (strikes,), ascending; NaN or 0: not quoted.
    Units:   quote currency; years (to the minute where it is to match the index); the continuous
             rate and the result as annual decimals.
    Errors:  ValueError if strikes do not ascend; NaN with a status where there is no strip.
    Source:  Cboe, VIX white paper and methodology.
    """
    K, cb, ca, pb, pa = broadcast_floats(strike, call_bid, call_ask, put_bid, put_ask)
    if not (np.diff(K) > 0).all():
        raise ValueError("strikes must be in ascending order")
    if not expiry_years > 0:
        return _nothing(StripStatus.EXPIRED)
    call, put = _mid(cb, ca), _mid(pb, pa)
    quoted = np.isfinite(call) & np.isfinite(put) & (cb > 0) & (pb > 0)
    if not quoted.any():
        return _nothing(StripStatus.NO_PAIR)
    growth = float(np.exp(rate * expiry_years))
    at = int(np.argmin(np.where(quoted, np.abs(call - put), np.inf)))
    forward = float(K[at] + growth * (call[at] - put[at]))
    below = np.flatnonzero((forward >= K) & np.isfinite(call) & np.isfinite(put))
    if below.size == 0:
        return _nothing(StripStatus.NO_PAIR)
    middle = int(below[-1])
    puts = middle - 1 - np.flatnonzero(_kept(pb[:middle][::-1] > 0))
    calls = middle + 1 + np.flatnonzero(_kept(cb[middle + 1 :] > 0))
    rows = np.concatenate((puts[::-1], [middle], calls))
    if rows.size < _STRIKES_MIN:
        return _nothing(StripStatus.TOO_FEW)
    value = np.where(rows < middle, put[rows], call[rows])
    value[rows == middle] = 0.5 * (call[middle] + put[middle])
    strikes = K[rows]
    width = np.gradient(strikes, np.arange(rows.size))  # half the distance of the neighbours
    total = float((width / strikes**2 * growth * value).sum())
    variance = 2.0 / expiry_years * total - (forward / K[middle] - 1.0) ** 2 / expiry_years
    low, high = float(strikes[0]), float(strikes[-1])
    return Strip(
        float(variance), forward, float(K[middle]), low, high, int(rows.size), StripStatus.OK
    )


def _nothing(status: StripStatus) -> Strip:
    nan = float("nan")
    return Strip(nan, nan, nan, nan, nan, 0, status)


def _mid(bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return mids; a zero bid counts as zero, without an ask there is none."""
    usable = (ask > 0) & np.isfinite(ask)
    return np.where(usable, 0.5 * (np.where(bid > 0, bid, 0.0) + np.where(usable, ask, 0)), np.nan)


def _kept(has_bid: BoolArray) -> BoolArray:
    """Say which options count, from K₀ outwards: with a bid, before two in a row without."""
    ends = ~has_bid[1:] & ~has_bid[:-1]
    stop: NDArray[np.intp] = np.flatnonzero(ends)
    last = int(stop[0]) if stop.size else has_bid.size
    return has_bid & (np.arange(has_bid.size) < last)


def index_level(
    near: Strip,
    following: Strip,
    *,
    near_minutes: float,
    following_minutes: float,
    wanted_minutes: float = MINUTES_30_DAYS,
) -> IndexLevel:
    """Return 100·vol at a constant maturity, linear in total variance by minutes.

    Units:   minutes to both settlements; both strips' variances are per year.
    Errors:  ValueError unless near_minutes < following_minutes. The wanted time may lie outside of
             both, as the index itself allowed around the holidays of its first years; then one
             weight is negative.
    Source:  Cboe, VIX white paper.
    """
    if not 0 < near_minutes < following_minutes:
        raise ValueError("the near expiry must be before the following one")
    weight = (following_minutes - wanted_minutes) / (following_minutes - near_minutes)
    total = (
        near.variance * near_minutes * weight
        + following.variance * following_minutes * (1.0 - weight)
    ) / wanted_minutes
    level = 100.0 * float(np.sqrt(total)) if total >= 0 else float("nan")
    return IndexLevel(level, weight)
