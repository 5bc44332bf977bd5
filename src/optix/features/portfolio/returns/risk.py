"""Risk in returns: volatility, Sharpe, Sortino, the best and the worst day, drawdown.

All of them are of single sessions: a return that bridges days without a value is no daily one and
is left out, which `n` shows. A year has 252 sessions. The riskless rate is a rate per year with
compounding; of one session it is (1 + rate) ** (1 / 252) - 1.

- Volatility: sample deviation (n - 1) of daily returns, times the root of 252.
- Sharpe: mean of what is beyond riskless over its sample deviation, times the root of 252
  (Sharpe, The Sharpe Ratio, 1994).
- Sortino: the same mean over the downside deviation, the root of the mean square of shortfalls
  below riskless over all n days, times the root of 252 (Sortino and Price, 1994).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import fsum, sqrt
from typing import Final

from optix.features.portfolio.returns.values import (
    Figure,
    PeriodReturn,
    Reason,
    unavailable,
)

YEAR_SESSIONS: Final = 252
RETURNS_MIN: Final = 20  # a month of sessions: below it a deviation says nothing
_FLAT: Final = 1e-15  # a spread of rounding only


def daily_only(returns: Sequence[PeriodReturn]) -> list[PeriodReturn]:
    """Return those of one session."""
    return [each for each in returns if each.opens == each.day]


def volatility(returns: Sequence[PeriodReturn]) -> Figure:
    """Return the yearly volatility of daily returns."""
    daily = daily_only(returns)
    if len(daily) < RETURNS_MIN:
        return _none(Reason.TOO_FEW_DAYS, daily)
    return _figure(_deviation([each.rate for each in daily]) * sqrt(YEAR_SESSIONS), daily)


def sharpe(returns: Sequence[PeriodReturn], riskless: float) -> Figure:
    """Return the yearly Sharpe ratio; unavailable where returns do not differ."""
    daily = daily_only(returns)
    if len(daily) < RETURNS_MIN:
        return _none(Reason.TOO_FEW_DAYS, daily)
    excess = _excess(daily, riskless)
    deviation = _deviation(excess)
    if deviation <= _FLAT:
        return _none(Reason.NO_SPREAD, daily)
    return _figure(_mean(excess) / deviation * sqrt(YEAR_SESSIONS), daily)


def sortino(returns: Sequence[PeriodReturn], riskless: float) -> Figure:
    """Return the yearly Sortino ratio; unavailable where nothing fell short of riskless."""
    daily = daily_only(returns)
    if len(daily) < RETURNS_MIN:
        return _none(Reason.TOO_FEW_DAYS, daily)
    excess = _excess(daily, riskless)
    downside = sqrt(_mean([min(each, 0.0) ** 2 for each in excess]))
    if downside <= _FLAT:
        return _none(Reason.NO_LOSS, daily)
    return _figure(_mean(excess) / downside * sqrt(YEAR_SESSIONS), daily)


def best_day(returns: Sequence[PeriodReturn]) -> Figure:
    """Return the highest daily return; `at` is its day."""
    daily = daily_only(returns)
    return _one(max(daily, key=lambda each: each.rate, default=None), daily)


def worst_day(returns: Sequence[PeriodReturn]) -> Figure:
    """Return the lowest daily return; `at` is its day."""
    daily = daily_only(returns)
    return _one(min(daily, key=lambda each: each.rate, default=None), daily)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """A fall of the growth of one unit from its peak; `recovered` is None while it lasts."""

    depth: float  # not positive
    peak: date
    trough: date
    recovered: date | None
    days: int  # in the calendar, from the peak to the recovery or to the last day


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdowns:
    """The deepest, the longest, and where the curve stands below its peak now."""

    deepest: Drawdown | None
    longest: Drawdown | None
    current: Drawdown | None
    all: tuple[Drawdown, ...]


def growth(returns: Sequence[PeriodReturn]) -> list[tuple[date, float]]:
    """Return what one unit became, from the end of the first day on."""
    if not returns:
        return []
    curve = [(returns[0].after, 1.0)]
    for each in returns:
        curve.append((each.day, curve[-1][1] * (1 + each.rate)))
    return curve


def drawdowns(curve: Sequence[tuple[date, float]]) -> Drawdowns:
    """Return the falls of a curve in their order. One that ends at its peak is over."""
    found: list[Drawdown] = []
    if not curve:
        return Drawdowns(deepest=None, longest=None, current=None, all=())
    peak_day, peak = curve[0]
    trough_day, trough = peak_day, peak
    for day, level in curve[1:]:
        if level >= peak:
            if trough < peak:
                found.append(_drawdown(peak_day, peak, trough_day, trough, day, over=True))
            peak_day, peak, trough_day, trough = day, level, day, level
        elif level < trough:
            trough_day, trough = day, level
    current = None
    if trough < peak:
        current = _drawdown(peak_day, peak, trough_day, trough, curve[-1][0], over=False)
        found.append(current)
    return Drawdowns(
        deepest=min(found, key=lambda each: each.depth, default=None),
        longest=max(found, key=lambda each: each.days, default=None),
        current=current,
        all=tuple(found),
    )


def _drawdown(  # one fall is its peak, its trough and its end
    peak_day: date, peak: float, trough_day: date, trough: float, end: date, *, over: bool
) -> Drawdown:
    return Drawdown(
        depth=trough / peak - 1,
        peak=peak_day,
        trough=trough_day,
        recovered=end if over else None,
        days=(end - peak_day).days,
    )


def _excess(daily: Sequence[PeriodReturn], riskless: float) -> list[float]:
    each_day = (1 + riskless) ** (1 / YEAR_SESSIONS) - 1
    return [each.rate - each_day for each in daily]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    middle = _mean(values)
    return sqrt(fsum((each - middle) ** 2 for each in values) / (len(values) - 1))


def _one(found: PeriodReturn | None, daily: Sequence[PeriodReturn]) -> Figure:
    if found is None:
        return unavailable(Reason.NO_DAYS)
    return Figure(
        value=found.rate, first=daily[0].after, last=daily[-1].day, n=len(daily), at=found.day
    )


def _figure(value: float, daily: Sequence[PeriodReturn]) -> Figure:
    return Figure(value=value, first=daily[0].after, last=daily[-1].day, n=len(daily))


def _none(reason: Reason, daily: Sequence[PeriodReturn]) -> Figure:
    return unavailable(reason, [each.day for each in daily], n=len(daily))
