"""The listed dates of each program, around holidays, month ends and year ends."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta

import pytest
from tests.fixtures.recorded import recorded

from optix.features.market import calendar
from optix.features.market.expirations import (
    ListingProgram,
    StandardExpiration,
    listed_expirations,
    program_of,
    standard_expirations,
)
from optix.kernel.instrument import Settlement, parse_option


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
        today = day("2026-11-22")
        assert listed_expirations(symbol, today) == standard_expirations(today, program)

    def test_weekly_lists_fridays_months_and_a_january(self) -> None:
        assert dates("2026-06-12", ListingProgram.WEEKLY) == [
            "2026-06-12",
            "2026-06-18",  # monthly on Thursday
            "2026-06-26",
            "2026-07-02",  # the Friday stands in for July 4
            "2026-07-10",
            "2026-07-17",
            "2026-07-24",
            "2026-08-21",
            "2026-09-18",
            "2026-10-16",
            "2026-11-20",
            "2026-12-18",
            "2027-01-15",
            "2027-03-19",
            "2027-06-17",
            "2028-01-21",
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

    def test_index_lists_far_months_in_the_morning_only(self) -> None:
        listed = standard_expirations(day("2026-06-12"), ListingProgram.INDEX)
        months: dict[Settlement, list[date]] = {Settlement.AM: [], Settlement.PM: []}
        for row in listed:
            if row.cycle == "monthly":
                months[row.settlement].append(row.date)
        assert len(months[Settlement.PM]) == 6
        assert months[Settlement.AM][:6] == months[Settlement.PM]
        assert len(months[Settlement.AM]) > 10

    def test_the_third_january_is_added_in_september(self) -> None:
        assert "2029-01-19" not in dates("2026-08-10", ListingProgram.WEEKLY)
        assert "2029-01-19" in dates("2026-09-14", ListingProgram.WEEKLY)

    @pytest.mark.recorded
    def test_agree_with_what_was_listed_on_a_real_etf(self) -> None:
        with gzip.open(recorded("market/cboe/json/IWM_20260615T204422Z.json.gz")) as file:
            options = json.load(file)["data"]["options"]
        real = {parse_option(row["option"]).expiration for row in options}
        ours = {row.date for row in standard_expirations(day("2026-06-15"), ListingProgram.DAILY)}
        assert ours - real == set()
        assert real - ours == {day("2027-04-16")}  # an odd far month the program has no rule for

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
