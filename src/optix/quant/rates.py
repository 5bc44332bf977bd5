"""Rates: one curve of discount factors from zero rates or Treasury par yields, and conversions.

Between its points a curve is linear in the logarithm of the discount factor, which keeps every
forward rate between two points constant, and factors falling wherever rates are positive. It begins
at today with a factor of one. Past its last point it has no answer and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optix.quant.arrays import FloatArray, broadcast_floats

_HALF_YEAR = 0.5  # Treasury coupons
_BILL_YEARS_MAX = 0.5 + 1e-9  # up to half a year a par yield is one payment at simple interest


class DayCount(StrEnum):
    """In which years a rate counts its time."""

    ACT_365 = "act/365"  # that of option expiries
    ACT_360 = "act/360"  # money market: SOFR


class Compounding(StrEnum):
    """How often interest earns interest."""

    CONTINUOUS = "continuous"
    SIMPLE = "simple"
    ANNUAL = "annual"
    SEMIANNUAL = "semiannual"  # Treasury bonds


class RateStatus(IntEnum):
    """Why a curve has no rate; OK when it has one."""

    OK = 0
    BEYOND_LAST = 1  # longer than the curve
    INVALID = 2  # time is negative or not a number


class RateLookup(NamedTuple):
    """Continuous rates and discount factors, NaN where the status is not OK."""

    rate: FloatArray
    discount: FloatArray
    status: NDArray[np.int8]


def continuous_rate(
    *,
    rate: ArrayLike,
    years: ArrayLike,
    compounding: Compounding,
    day_count: DayCount = DayCount.ACT_365,
) -> FloatArray:
    """Return the continuous ACT/365 rate that grows money as the given one does.

    Shapes:  rate and years broadcast to one shape; the result has it.
    Units:   annual decimals; years of 365 days, above 0 (they matter for SIMPLE only).
    Errors:  NaN where one currency unit would become nothing or less, or an input is NaN.
    """
    r, T = broadcast_floats(rate, years)
    stretch = 365.0 / 360.0 if day_count is DayCount.ACT_360 else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        if compounding is Compounding.CONTINUOUS:
            result = r * stretch
        elif compounding is Compounding.SIMPLE:
            result = np.log1p(r * T * stretch) / T
        else:
            periods = 1.0 if compounding is Compounding.ANNUAL else 2.0
            result = periods * np.log1p(r / periods) * stretch
    return np.where(np.isfinite(result), result, np.nan)


@dataclass(frozen=True, slots=True)
class RateCurve:
    """Discount factors at ascending times.

    Units:   years of 365 days from today.
    Errors:  ValueError if there is no point, times do not ascend from above 0, or a factor is not a
             positive number.
    """

    years: tuple[float, ...]
    discounts: tuple[float, ...]

    def __post_init__(self) -> None:
        times = np.array((0.0, *self.years))
        factors = np.array(self.discounts)
        if not self.years or len(self.years) != len(self.discounts):
            raise ValueError("A curve has one discount factor for each of its times, at least one.")
        if not (np.all(np.isfinite(times)) and np.all(np.diff(times) > 0)):
            raise ValueError("The times of a curve ascend, from after today.")
        if not (np.all(np.isfinite(factors)) and np.all(factors > 0)):
            raise ValueError("A discount factor is a positive number.")

    def at(self, expiry_years: ArrayLike) -> RateLookup:
        """Return rates and discount factors.

        Shapes:  the results have the shape of expiry_years.
        Units:   years of 365 days; continuous annual decimals. At 0 the rate is the first days'.
        """
        T = np.asarray(expiry_years, dtype=np.float64)
        status = np.full(T.shape, RateStatus.OK, dtype=np.int8)
        status[self.years[-1] < T] = RateStatus.BEYOND_LAST
        status[~(T >= 0) | np.isinf(T)] = RateStatus.INVALID
        logs = np.concatenate(([0.0], np.log(self.discounts)))
        times = np.concatenate(([0.0], self.years))
        log_discount = np.where(status == RateStatus.OK, np.interp(T, times, logs), np.nan)
        first = -logs[1] / times[1]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(
                status == RateStatus.OK, np.where(T > 0, -log_discount / T, first), np.nan
            )
        return RateLookup(rate=rate, discount=np.exp(log_discount), status=status)


def curve_from_zero_rates(
    *,
    years: ArrayLike,
    rate: ArrayLike,
    compounding: Compounding = Compounding.CONTINUOUS,
    day_count: DayCount = DayCount.ACT_365,
) -> RateCurve:
    """Return the curve through zero rates.

    Shapes:  years and rate (points,).
    Units:   years of 365 days; annual decimals.
    Errors:  ValueError as of `RateCurve`.
    """
    T, r = broadcast_floats(years, rate)
    continuous = continuous_rate(rate=r, years=T, compounding=compounding, day_count=day_count)
    return RateCurve(tuple(T.tolist()), tuple(np.exp(-continuous * T).tolist()))


def curve_from_par_yields(*, years: ArrayLike, par_yield: ArrayLike) -> RateCurve:
    """Return the curve that prices Treasuries of these par yields at par.

    Up to half a year a yield is the simple interest of a bill. Beyond, bonds pay coupons every half
    year; par yields between the given ones are linear in time. The curve has the bills and every
    half year to the last point.

    Shapes:  years and par_yield (points,), ascending.
    Units:   tenors in years; bond-equivalent yields as annual decimals, as published.
    Errors:  ValueError as of `RateCurve`, or if the yields admit no positive discount factor.
    Source:  US Treasury, par yield curve methodology (semiannual bond-equivalent yields).
    """
    T, y = broadcast_floats(years, par_yield)
    bills = T <= _BILL_YEARS_MAX
    times = T[bills].tolist()
    factors = (1.0 / (1.0 + y[bills] * T[bills])).tolist()
    if not bills.all():
        paid = 0.0  # factors of the coupons before
        for number in range(1, round(float(T[-1]) / _HALF_YEAR) + 1):
            time = number * _HALF_YEAR
            coupon = float(np.interp(time, T, y)) * _HALF_YEAR
            known = times and abs(times[-1] - time) < 1e-9
            factor = factors[-1] if known else (1.0 - coupon * paid) / (1.0 + coupon)
            if not known:
                times.append(time)
                factors.append(factor)
            paid += factor
    return RateCurve(tuple(times), tuple(factors))
