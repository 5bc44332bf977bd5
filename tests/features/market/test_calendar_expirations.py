"""The listed dates of each program, around holidays, month ends and year ends."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from optix.features.market import calendar
from optix.features.market.expirations import (
    ListingProgram,
    StandardExpiration,
    program_of,
    standard_expirations,
)
from optix.kernel.instrument import Settlement


def day(text: str) -> date:
    return date.fromisoformat(text)


def dates(today: str, program: ListingProgram) -> list[str]:
    return [str(listed.date) for listed in standard_expirations(day(today), program)]


class TestPrograms:
    @pytest.mark.parametrize(
        ("symbol", "program"),
        [
            ("SPX", ListingProgram.INDEX),
            ("SPY", ListingProgram.DAILY),
            ("META", ListingProgram.MONDAY_WEDNESDAY),
            ("VIX", ListingProgram.VIX),
            ("F", ListingProgram.WEEKLY),
        ],
    )
    def test_follow_from_the_symbol(self, symbol: str, program: ListingProgram) -> None:
        assert program_of(symbol) == program

    def test_weekly_lists_fridays_months_and_januaries(self) -> None:
        assert dates("2026-06-12", ListingProgram.WEEKLY) == [
            "2026-06-12",
            "2026-06-18",  # monthly on Thursday
            "2026-06-26",
            "2026-07-02",  # the Friday stands in for July 4
            "2026-07-10",
            "2026-07-17",
            "2026-07-24",
            "2026-07-31",
            "2026-08-21",
            "2026-09-18",
            "2026-10-16",
            "2026-11-20",
            "2026-12-18",
            "2027-01-15",
            "2027-03-19",
            "2027-06-17",
            "2028-01-21",
            "2029-01-19",
        ]

    def test_monday_wednesday_lists_them_beside_the_friday(self) -> None:
        assert dates("2026-08-22", ListingProgram.MONDAY_WEDNESDAY)[:3] == [
            "2026-08-24",
            "2026-08-26",
            "2026-08-28",
        ]

    def test_daily_lists_every_session_from_today(self) -> None:
        assert dates("2026-06-17", ListingProgram.DAILY)[:4] == [
            "2026-06-17",
            "2026-06-18",
            "2026-06-22",
            "2026-06-23",
        ]
        quarterlies = [
            str(listed.date)
            for listed in standard_expirations(day("2026-11-22"), ListingProgram.DAILY)
            if listed.cycle == "quarterly"
        ]
        assert quarterlies == ["2026-12-31", "2027-03-31", "2027-06-30", "2027-09-30"]

    def test_index_lists_months_twice_and_month_ends(self) -> None:
        listed = standard_expirations(day("2026-06-12"), ListingProgram.INDEX)
        thursday = day("2026-06-18")
        assert StandardExpiration(thursday, Settlement.AM, "monthly") in listed
        assert StandardExpiration(thursday, Settlement.PM, "monthly") in listed
        assert StandardExpiration(day("2026-08-31"), Settlement.PM, "weekly") in listed
        assert not [row for row in listed if row.settlement == "am" and row.cycle == "weekly"]

    def test_index_drops_an_am_series_on_its_settlement_day(self) -> None:
        on_the_day = standard_expirations(day("2026-06-18"), ListingProgram.INDEX)
        assert [row.settlement for row in on_the_day if row.date == day("2026-06-18")] == ["pm"]

    def test_vix_lists_wednesdays_in_the_morning(self) -> None:
        listed = standard_expirations(day("2026-05-11"), ListingProgram.VIX)
        assert {row.settlement for row in listed} == {Settlement.AM}
        # The May monthly is on Tuesday the 19th; the Wednesday beside it has no series.
        assert [str(row.date) for row in listed[:3]] == ["2026-05-13", "2026-05-19", "2026-05-27"]
        assert [row.cycle for row in listed[:2]] == ["weekly", "monthly"]

    @pytest.mark.parametrize("program", list(ListingProgram))
    @pytest.mark.parametrize(
        "start", ["2010-01-04", "2014-12-01", "2026-11-22", "2026-12-20", "2028-02-20"]
    )
    def test_every_date_is_a_session_in_order_and_unique(
        self, program: ListingProgram, start: str
    ) -> None:
        for offset in range(40):
            today = day(start) + timedelta(days=offset)
            listed = standard_expirations(today, program)
            assert listed == sorted(set(listed))
            assert all(row.date >= today and calendar.is_trading_day(row.date) for row in listed)
            assert any(row.cycle == "monthly" for row in listed)
            if program is not ListingProgram.VIX:
                assert any(row.cycle == "leaps" for row in listed)
