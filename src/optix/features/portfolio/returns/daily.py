"""Time-weighted return: a chain of returns between known values, cut at every flow.

A day whose value is not known is bridged: the return runs from the last known value to the next.
That needs no assumption where nothing crossed the border of the account on the way. Where
something did, its value then is needed and is not there, and the whole chain is unavailable.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import expm1, fsum, isfinite, log1p

from optix.features.portfolio.returns.values import (
    Figure,
    PeriodReturn,
    Reason,
    Timing,
    ValuedDay,
    ratio,
    unavailable,
)


@dataclass(frozen=True, slots=True)
class Broken:
    """Why the chain has no return at `day`."""

    reason: Reason
    day: date


def period_returns(
    days: Sequence[ValuedDay], timing: Timing = Timing.SPLIT
) -> list[PeriodReturn | Broken]:
    """Return what each known value made of the one before; the first one is where it begins.

    `days` ascend. Nothing is said of days before the first known value, nor of stretches in which
    the account was empty all the time: no value and no flow is no return.
    """
    found: list[PeriodReturn | Broken] = []
    start: ValuedDay | None = None
    between: list[ValuedDay] = []
    for each in days:
        if start is None:
            start = each if each.value is not None else None
            continue
        between.append(each)
        if each.value is None:
            continue
        outcome = _between(start, between, timing)
        if outcome is not None:
            found.append(outcome)
        start, between = each, []
    if start is not None:
        # Nothing known comes after these; what crossed the border among them is still told.
        wrong = next((each for each in between if each.flows is None or each.flows), None)
        if wrong is not None:
            reason = Reason.FLOW_UNKNOWN if wrong.flows is None else Reason.FLOW_WITHOUT_VALUE
            found.append(Broken(reason, wrong.day))
    return found


def _between(
    start: ValuedDay, days: Sequence[ValuedDay], timing: Timing
) -> PeriodReturn | Broken | None:
    end = days[-1]
    assert start.value is not None
    assert end.value is not None
    for each in days:
        if each.flows is None:
            return Broken(Reason.FLOW_UNKNOWN, each.day)
        if each.flows and len(days) > 1:
            return Broken(Reason.FLOW_WITHOUT_VALUE, each.day)
    if not start.value and not end.value and not end.flows:
        return None
    rate = day_return(start.value, end, timing)
    if rate is None:
        return Broken(Reason.VALUE_NOT_POSITIVE, end.day)
    return PeriodReturn(after=start.day, opens=days[0].day, day=end.day, rate=rate)


def day_return(before: Decimal, day: ValuedDay, timing: Timing) -> float | None:
    """Return the return of one day, exactly cut where every flow knows the value before it.

    None where there is nothing that it could be a part of.
    """
    assert day.value is not None
    flows = day.flows or ()
    if flows and all(flow.before is not None for flow in flows):
        return _cut(before, day)
    if timing is Timing.START:
        base, end = before + day.inflow - day.outflow, day.value
    elif timing is Timing.END:
        base, end = before, day.value - day.inflow + day.outflow
    else:
        base, end = before + day.inflow, day.value + day.outflow
    return None if base <= 0 or end < 0 else ratio(end - base, base)


def _cut(before: Decimal, day: ValuedDay) -> float | None:
    rates = []
    base = before
    for flow in day.flows or ():
        assert flow.before is not None
        if base > 0:
            rates.append(ratio(flow.before - base, base))
        elif base < 0 or flow.before:
            return None
        base = flow.before + flow.amount
    assert day.value is not None
    if base > 0:
        rates.append(ratio(day.value - base, base))
    elif base < 0 or day.value:
        return None
    return chain(rates) if all(rate >= -1 for rate in rates) else None


def chain(rates: Iterable[float]) -> float:
    """Return the one return that these in a row are. Sums of logarithms keep small ones exact."""
    given = list(rates)
    if any(rate <= -1 for rate in given):
        return -1.0
    return expm1(fsum(log1p(rate) for rate in given))


def time_weighted(days: Sequence[ValuedDay], timing: Timing = Timing.SPLIT) -> Figure:
    """Return the time-weighted return of the whole window, not made a yearly one."""
    returns = period_returns(days, timing)
    return chained(returns)


def chained(returns: Sequence[PeriodReturn | Broken]) -> Figure:
    """Return the chain of returns; unavailable where one of them is."""
    window = [each.day for each in returns]
    broken = next((each for each in returns if isinstance(each, Broken)), None)
    if broken is not None:
        return unavailable(broken.reason, window, n=len(returns), at=broken.day)
    whole = [each for each in returns if isinstance(each, PeriodReturn)]
    if not whole:
        return unavailable(Reason.TOO_FEW_DAYS)
    return Figure(
        value=chain(each.rate for each in whole),
        first=whole[0].after,
        last=whole[-1].day,
        n=len(whole),
    )


def yearly(figure: Figure) -> Figure:
    """Return a return as a rate per year of 365 days; a window below a year has none."""
    if figure.value is None or figure.first is None or figure.last is None:
        return figure
    length = (figure.last - figure.first).days
    window = (figure.first, figure.last)
    if length < 365:  # a year
        return unavailable(Reason.PERIOD_TOO_SHORT, window, n=figure.n)
    value = (1 + figure.value) ** (365 / length) - 1
    assert isfinite(value)
    return Figure(value=value, first=figure.first, last=figure.last, n=figure.n)
