"""Ranks and coverage on a calendar of made-up sessions, counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from optix.features.market.history.rules import (
    RANK_SESSIONS,
    RANK_SESSIONS_MIN,
    coverage_of,
    rank_of,
)
from optix.ports.history import DayRows

FIRST = date(2025, 1, 1)
SESSIONS = [FIRST + timedelta(days=number) for number in range(400)]
TODAY = SESSIONS[-1]


def values(*past: float) -> dict[date, float]:
    """The last sessions have these values, the last of them today's."""
    return dict(zip(SESSIONS[-len(past) :], past, strict=True))


class TestRank:
    def test_rank_is_of_the_range_and_percentile_of_the_days(self) -> None:
        past = [0.10] * 50 + [0.50] + [0.20] * 48 + [0.30]
        rank = rank_of(values(*past), SESSIONS)
        assert rank is not None
        assert rank.rank == pytest.approx(0.5)
        assert rank.percentile == pytest.approx(98 / 100)
        assert (rank.lowest, rank.highest, rank.sessions, rank.span) == (0.10, 0.50, 100, 100)

    def test_a_short_past_has_neither_and_says_how_short_it_is(self) -> None:
        short = rank_of(values(*[0.1, 0.2] * 29, 0.15), SESSIONS)
        long = rank_of(values(*[0.1, 0.2] * 29, 0.15, 0.12), SESSIONS)
        assert short is not None
        assert long is not None
        assert (short.rank, short.percentile) == (None, None)
        assert short.sessions == RANK_SESSIONS_MIN - 1
        assert long.sessions == RANK_SESSIONS_MIN
        assert long.rank == pytest.approx(0.2)

    def test_only_the_last_year_of_sessions_counts(self) -> None:
        past = [9.0] + [0.1] * (RANK_SESSIONS - 1) + [0.2]
        rank = rank_of(values(*past), SESSIONS)
        assert rank is not None
        assert (rank.highest, rank.sessions) == (0.2, RANK_SESSIONS)

    def test_gaps_show_in_the_span(self) -> None:
        known = values(*([0.1, 0.2] * 50))
        for day in SESSIONS[-60:-50]:
            del known[day]
        rank = rank_of(known, SESSIONS)
        assert rank is not None
        assert (rank.sessions, rank.span, rank.first) == (90, 100, SESSIONS[-100])

    def test_a_flat_past_has_no_range_and_a_day_without_value_no_rank(self) -> None:
        flat = rank_of(values(*[0.1] * 80), SESSIONS)
        assert flat is not None
        assert (flat.rank, flat.percentile) == (None, 0.0)
        yesterday = {day: value for day, value in values(*[0.1] * 80).items() if day != TODAY}
        assert rank_of(yesterday, SESSIONS) is None
        assert rank_of({}, SESSIONS) is None


class TestCoverage:
    def test_missing_and_thin_sessions_are_told_apart(self) -> None:
        sessions = SESSIONS[:5]
        rows = [DayRows(date=day, source="a", rows=100) for day in sessions[:3]]
        rows += [
            DayRows(date=sessions[3], source="b", rows=49),
            DayRows(date=date(2024, 12, 25), source="b", rows=7),
        ]
        found = coverage_of(rows, sessions)
        assert (found.present, found.rows, found.sources) == (4, 356, ["a", "b"])
        assert list(found.missing) == [sessions[4]]
        assert list(found.thin) == [sessions[3]]
        assert (found.first, found.last) == (date(2024, 12, 25), sessions[3])

    def test_rows_of_several_sources_count_together(self) -> None:
        rows = [DayRows(date=SESSIONS[0], source=name, rows=50) for name in "ab"]
        rows.append(DayRows(date=SESSIONS[1], source="a", rows=60))
        assert list(coverage_of(rows, SESSIONS[:2]).thin) == []

    def test_nothing_covers_nothing(self) -> None:
        found = coverage_of([], SESSIONS[:2])
        assert (found.first, found.present, list(found.missing)) == (None, 0, SESSIONS[:2])
