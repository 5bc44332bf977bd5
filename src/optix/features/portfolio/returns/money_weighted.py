"""Money-weighted returns: the rate at which the flows themselves grew, exactly and nearly.

XIRR is the yearly rate r with  sum of cf_i / (1 + r) ** (days_i / 365) = 0  for what the owner put
in (negative) and got out (positive), the value at the end being got out. In x = ln(1 + r) that is a
sum of exponentials, so a rate near -100 % or in the thousands is as well in reach as 5 %. By the
rule of Descartes, which holds for such sums too, it has at most as many roots as the flows change
sign in the order of time. One change has exactly one root; with more of them the range is walked,
and two roots are none: each explains the flows, so neither is the return.

Modified Dietz is gain / (V0 + weighted flows) of the window itself, not per year; a flow is taken
to come in the middle of its day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import exp, expm1, fsum, log
from typing import Final

from optix.features.portfolio.returns.values import (
    Figure,
    Reason,
    ValuedDay,
    ratio,
    unavailable,
)

YEAR_DAYS: Final = 365
_LOWEST, _HIGHEST = log(1e-9), log(1e9)  # of 1 + r
_STEPS: Final = 2_000
_ROUNDS: Final = 200

Dated = tuple[date, Decimal]


def xirr(flows: Sequence[Dated]) -> Figure:
    """Return the yearly rate of dated flows of an owner: paid negative, received positive."""
    given = sorted((each for each in flows if each[1]), key=lambda each: each[0])
    days = [day for day, _ in given]
    count = len(given)
    if count < 2 or days[0] == days[-1]:  # a rate is between two
        return unavailable(Reason.NO_FLOWS, days, n=count)
    largest = max(abs(amount) for _, amount in given)
    parts = [(-(day - days[0]).days / YEAR_DAYS, ratio(amount, largest)) for day, amount in given]

    def worth(x: float) -> float:
        # Scaled by the largest power, which moves no root and lets nothing overflow.
        top = max(t * x for t, _ in parts)
        return fsum(part * exp(t * x - top) for t, part in parts)

    by_day = _netted(given)
    changes = sum((a < 0) != (b < 0) for a, b in pairwise(amount for amount in by_day if amount))
    if not changes:
        return unavailable(Reason.NO_ROOT, days, n=count)
    brackets = [(_LOWEST, _HIGHEST)] if changes == 1 else _walked()
    brackets = [(a, b) for a, b in brackets if (worth(a) < 0) != (worth(b) < 0)]
    if len(brackets) != 1:
        reason = Reason.SEVERAL_ROOTS if brackets else Reason.NO_ROOT
        return unavailable(reason, days, n=count)
    return Figure(
        value=expm1(find_root(worth, *brackets[0])), first=days[0], last=days[-1], n=count
    )


def _netted(given: Sequence[Dated]) -> list[Decimal]:
    """Return the sum of each day: flows of one day discount alike, so their signs do not count."""
    sums: dict[date, Decimal] = {}
    for day, amount in given:
        sums[day] = sums.get(day, Decimal(0)) + amount
    return list(sums.values())


def _walked() -> list[tuple[float, float]]:
    width = (_HIGHEST - _LOWEST) / _STEPS
    edges = [_LOWEST + width * step for step in range(_STEPS + 1)]
    return list(pairwise(edges))


def find_root(f: Callable[[float], float], low: float, high: float) -> float:
    """Return where f crosses zero between low and high, whose signs differ.

    The secant where it lands inside, and the middle every third round, so that the bracket is
    halved whatever the secant does (after Dekker; Brent, Algorithms for Minimization without
    Derivatives, 1973, chapter 4).
    """
    f_low, f_high = f(low), f(high)
    assert (f_low < 0) != (f_high < 0)
    for turn in range(_ROUNDS):
        middle = low + (high - low) / 2
        if middle in {low, high} or not f_low:
            break
        guess = high - f_high * (high - low) / (f_high - f_low)
        x = guess if low < guess < high and turn % 3 != 2 else middle
        value = f(x)
        if not value:
            return x
        if (value < 0) == (f_low < 0):
            low, f_low = x, value
        else:
            high, f_high = x, value
    return low if abs(f_low) <= abs(f_high) else high


def money_weighted(days: Sequence[ValuedDay]) -> Figure:
    """Return the XIRR of a window: its first value paid, its last one received.

    Every flow counts at the day it is of. Values in between do not matter, so days without one do
    no harm; a flow without a value does.
    """
    known = _window(days)
    if isinstance(known, Figure):
        return known
    first, last, flows = known
    assert first.value is not None
    assert last.value is not None
    dated = [(first.day, -first.value), *((day, -amount) for day, amount in flows)]
    return xirr([*dated, (last.day, last.value)])


def modified_dietz(days: Sequence[ValuedDay]) -> Figure:
    """Return the return of a window by Modified Dietz, flows weighted from the middle of a day.

    With T days from the end of the first to the end of the last, a flow on the d-th day after the
    first has been at work for T - d + 1/2 days of T.
    """
    known = _window(days)
    if isinstance(known, Figure):
        return known
    first, last, flows = known
    assert first.value is not None
    assert last.value is not None
    window = (first.day, last.day)
    length = (last.day - first.day).days
    twice = sum((amount * (2 * (last.day - day).days + 1) for day, amount in flows), Decimal(0))
    base = first.value * 2 * length + twice  # times twice the length: stays exact
    gain = last.value - first.value - sum((amount for _, amount in flows), Decimal(0))
    if base <= 0:
        return unavailable(Reason.VALUE_NOT_POSITIVE, window, n=len(flows))
    value = ratio(gain * 2 * length, base)
    return Figure(value=value, first=first.day, last=last.day, n=len(flows))


def _window(
    days: Sequence[ValuedDay],
) -> tuple[ValuedDay, ValuedDay, list[Dated]] | Figure:
    """Return the first and the last known day and the flows after the first."""
    known = [place for place, each in enumerate(days) if each.value is not None]
    if len(known) < 2:  # a beginning and an end
        return unavailable(Reason.TOO_FEW_DAYS, [each.day for each in days])
    inside = days[known[0] + 1 : known[-1] + 1]
    window = (days[known[0]].day, days[known[-1]].day)
    flows: list[Dated] = []
    for each in inside:
        if each.flows is None:
            return unavailable(Reason.FLOW_UNKNOWN, window, at=each.day)
        flows += [(each.day, flow.amount) for flow in each.flows]
    return days[known[0]], days[known[-1]], flows
