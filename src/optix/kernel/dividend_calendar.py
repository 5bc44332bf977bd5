"""Dividends still to come: what was announced, and what a company's rhythm lets expect.

Pure: dates and amounts in, dates and amounts out. A projection is a guess and says so
(`estimated`, and a source that names whose past it continues). Ex-dates are weekdays; whether one
is a session the market calendar knows. What they do to a forward is in `quant.dividends`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import IntEnum
from itertools import pairwise
from statistics import median

from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.limits import DIVIDENDS_PROJECTED_MAX

_CASH = frozenset((ActionKind.CASH_DIVIDEND, ActionKind.SPECIAL_DIVIDEND))
_PAST = timedelta(days=800)  # older dividends say nothing about the rhythm of today
_YEAR = timedelta(days=364)  # 52 weeks: the weekday stays
_OVERDUE = 1.5  # periods without a dividend after which a company has stopped paying
_SAME = 0.4  # of a period: an announced dividend so near is the projected one


class Frequency(IntEnum):
    """How many regular dividends a company pays in a year."""

    NONE = 0
    ANNUAL = 1
    SEMIANNUAL = 2
    QUARTERLY = 4
    MONTHLY = 12
    WEEKLY = 52


# The days between two ex-dates, from and to: companies move theirs by some weeks.
_GAPS = {
    Frequency.WEEKLY: (5, 9),
    Frequency.MONTHLY: (24, 38),
    Frequency.QUARTERLY: (70, 112),
    Frequency.SEMIANNUAL: (150, 215),
    Frequency.ANNUAL: (320, 410),
}


def dividend_frequency(ex_dates: Sequence[date]) -> Frequency:
    """Return the rhythm of ascending ex-dates: that of their median gap, if most gaps keep it.

    Two dates are enough for a year or half of one, else it takes three.
    """
    gaps = [(after - before).days for before, after in pairwise(ex_dates)]
    if not gaps:
        return Frequency.NONE
    middle = median(gaps)
    for frequency, (low, high) in _GAPS.items():
        if low <= middle <= high:
            kept = sum(low <= gap <= high for gap in gaps)
            enough = len(gaps) > 1 or frequency <= Frequency.SEMIANNUAL
            return frequency if enough and kept * 3 >= len(gaps) * 2 else Frequency.NONE
    return Frequency.NONE


def coming_dividends(
    actions: Sequence[CorporateAction], *, today: date, until: date
) -> list[CorporateAction]:
    """Return the dividends with today < ex_date <= until, ascending: announced, then expected.

    Expected ones repeat the latest regular dividend, in the shares of today, at last year's
    ex-dates (52 weeks later), else one period after another. There are none where the past has no
    rhythm, or where the company has stopped. At most DIVIDENDS_PROJECTED_MAX are projected.

    Units:   amounts in dollars per share, before any later split, as of `CorporateAction`.
    """
    cash = sorted(
        (action for action in actions if action.kind in _CASH and action.amount),
        key=lambda action: action.ex_date,
    )
    announced = [action for action in cash if today < action.ex_date <= until]
    regular = [
        action
        for action in cash
        if action.kind is ActionKind.CASH_DIVIDEND
        and not action.estimated
        and today - _PAST <= action.ex_date
    ]
    past = [action for action in regular if action.ex_date <= today]
    frequency = dividend_frequency([action.ex_date for action in regular])
    if frequency is Frequency.NONE or not past:
        return announced
    period = timedelta(days=364 / frequency)
    last = past[-1]
    if today - last.ex_date > _OVERDUE * period:
        return announced
    told = [*regular, *(action for action in announced if action.estimated)]
    expected = [
        replace(
            last,
            ex_date=day,
            amount=_in_todays_shares(last, actions, today),
            announced=None,
            pay_date=None,
            estimated=True,
            source=f"{last.source}, {frequency.name.lower()} dividend continued",
        )
        for day in _expected_days([action.ex_date for action in regular], frequency, until)
        if day > today and all(abs(day - action.ex_date) > _SAME * period for action in told)
    ]
    return sorted([*announced, *expected], key=lambda action: action.ex_date)


def _expected_days(known: Sequence[date], frequency: Frequency, until: date) -> list[date]:
    """Return the days after the last known one, in the rhythm of the last year."""
    days = list(known)
    year = [day for day in days if days[-1] - _YEAR < day]
    whole = len(year) == frequency and frequency <= Frequency.MONTHLY
    step = timedelta(days=round(364 / frequency))
    expected: list[date] = []
    while len(expected) < DIVIDENDS_PROJECTED_MAX:
        day = days[-frequency] + _YEAR if whole else _weekday(days[-1] + step)
        if day > until:
            break
        days.append(day)
        expected.append(day)
    return expected


def _weekday(day: date) -> date:
    """Return the day, or the Friday before a weekend."""
    return day - timedelta(days=max(day.weekday() - 4, 0))


def _in_todays_shares(
    dividend: CorporateAction, actions: Sequence[CorporateAction], today: date
) -> float:
    amount = dividend.amount or 0.0
    for action in actions:
        if action.kind is ActionKind.SPLIT and action.ratio:
            amount /= action.ratio if dividend.ex_date < action.ex_date <= today else 1.0
    return amount
