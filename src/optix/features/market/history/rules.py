"""What follows from stored rows alone: ranks of volatility, coverage and gaps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from optix.ports.history import DayRows

RANK_SESSIONS: Final = 252
RANK_SESSIONS_MIN: Final = 60
THIN_SHARE: Final = 0.5  # of the usual rows of a session: fewer look like a hole


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Where today's volatility stands in its own past. `rank` and `percentile` are fractions.

    They are None below RANK_SESSIONS_MIN sessions, and `rank` where all of them are equal.
    """

    value: float
    rank: float | None  # (value − lowest) / (highest − lowest)
    percentile: float | None  # share of the sessions whose value was below today's
    lowest: float
    highest: float
    sessions: int  # how many have a value, today included
    span: int  # sessions of the calendar from the first of them to today
    first: date


def rank_of(values: Mapping[date, float], sessions: Sequence[date]) -> Rank | None:
    """Return the rank of the last session's value; None where it has none.

    `sessions` are the trading days up to today, ascending; the last RANK_SESSIONS count.
    """
    window = list(sessions)[-RANK_SESSIONS:]
    known = [day for day in window if day in values]
    if not known or known[-1] != window[-1]:
        return None
    today = values[known[-1]]
    past = [values[day] for day in known]
    lowest, highest = min(past), max(past)
    enough = len(known) >= RANK_SESSIONS_MIN
    return Rank(
        value=today,
        rank=(today - lowest) / (highest - lowest) if enough and highest > lowest else None,
        percentile=sum(value < today for value in past) / len(past) if enough else None,
        lowest=lowest,
        highest=highest,
        sessions=len(known),
        span=window.index(known[-1]) - window.index(known[0]) + 1,
        first=known[0],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which sessions between two dates have rows. `thin` have some, but far fewer than usual."""

    first: date | None
    last: date | None
    present: int
    missing: Sequence[date]
    thin: Sequence[date]
    rows: int
    sources: Sequence[str]


def coverage_of(rows: Iterable[DayRows], sessions: Sequence[date]) -> Coverage:
    """Return what of `sessions` is there. Rows on other days count as rows and nothing else."""
    counted = list(rows)
    per_day: dict[date, int] = {}
    for entry in counted:
        per_day[entry.date] = per_day.get(entry.date, 0) + entry.rows
    present = [day for day in sessions if day in per_day]
    usual = sorted(per_day[day] for day in present)[len(present) // 2] if present else 0
    return Coverage(
        first=min(per_day, default=None),
        last=max(per_day, default=None),
        present=len(present),
        missing=[day for day in sessions if day not in per_day],
        thin=[day for day in present if per_day[day] < usual * THIN_SHARE],
        rows=sum(entry.rows for entry in counted),
        sources=sorted({entry.source for entry in counted}),
    )
