"""Sessions, early closes and settlement, on the odd days where calendars go wrong.

Times are written as New York wall times, which is how the exchange publishes them; the table of
days is compared with its source and with a recorded list, so neither checks itself.
"""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta

import pytest
from tests.fixtures.recorded import recorded
from tools.market_calendar import TABLE, table_lines

from optix.features.market import calendar
from optix.features.market.calendar import NEW_YORK, OutsideCalendar
from optix.kernel.clock import to_datetime, to_ns


def ny(text: str) -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK))


def utc(text: str) -> int:
    return to_ns(datetime.fromisoformat(f"{text}+00:00"))


def day(text: str) -> date:
    return date.fromisoformat(text)


class TestTable:
    # exchange_calendars warns through pandas about its own construction; that is not ours to fix.
    @pytest.mark.filterwarnings("ignore:Series.values")
    def test_says_what_exchange_calendars_says(self) -> None:
        assert TABLE.read_text(encoding="ascii").splitlines() == table_lines()

    @pytest.mark.recorded
    def test_agrees_with_the_recorded_holidays(self) -> None:
        with recorded("market/calendar/xnys_weekday_holidays_2014_2027.csv").open() as file:
            holidays = {day(row["date"]) for row in csv.DictReader(file)}
        assert holidays
        weekdays = (
            day("2014-01-01") + timedelta(days=offset)
            for offset in range((day("2027-12-31") - day("2014-01-01")).days + 1)
        )
        ours = {
            date_
            for date_ in weekdays
            if date_.weekday() < 5 and not calendar.is_trading_day(date_)
        }
        assert ours == holidays

    @pytest.mark.recorded
    def test_agrees_with_the_recorded_early_closes(self) -> None:
        with recorded("market/calendar/xnys_early_closes_2014_2027.csv").open() as file:
            rows = list(csv.reader(file))[1:]
        assert rows
        recorded_closes = {day(date_): ny(f"{date_}T{close}") for date_, _, close in rows}
        ours = {
            session: calendar.closes_at(session)
            for session in calendar.iter_sessions(day("2014-01-01"), day("2027-12-31"))
            if calendar.is_early_close(session)
        }
        assert ours == recorded_closes

    def test_covers_the_years_of_recordings_and_of_leaps(self) -> None:
        assert calendar.first_day() <= day("2010-01-01")
        assert calendar.last_day() >= day("2030-12-31")

    @pytest.mark.parametrize("text", ["2004-12-31", "2041-01-01", "1970-01-01", "2099-01-16"])
    def test_refuses_dates_outside_with_the_years_it_covers(self, text: str) -> None:
        with pytest.raises(OutsideCalendar, match="covers 2005-01-01 to 2040-12-31"):
            calendar.is_trading_day(day(text))
        with pytest.raises(OutsideCalendar):
            calendar.settles_at("SPY", day(text))


class TestDays:
    @pytest.mark.parametrize(
        "text",
        [
            "2025-01-09",  # day of mourning, announced days before
            "2012-10-29",  # hurricane
            "2026-06-19",
            "2026-07-03",  # for Saturday the 4th
            "2026-04-03",
            "2027-06-18",
            "2026-11-21",
            "2026-11-22",
        ],
    )
    def test_are_closed(self, text: str) -> None:
        assert not calendar.is_trading_day(day(text))

    @pytest.mark.parametrize("text", ["2021-06-18", "2026-06-18", "2025-01-08", "2021-12-31"])
    def test_are_open(self, text: str) -> None:
        assert calendar.is_trading_day(day(text))

    def test_follow_each_other_over_holidays(self) -> None:
        assert calendar.next_sessions(day("2026-06-18"), 2) == [
            day("2026-06-22"),
            day("2026-06-23"),
        ]
        assert calendar.previous_session(day("2026-06-22")) == day("2026-06-18")
        assert calendar.session_on_or_after(day("2026-06-19")) == day("2026-06-22")
        assert calendar.session_on_or_before(day("2026-06-21")) == day("2026-06-18")
        assert calendar.next_sessions(day("2026-06-18"), 0) == []

    def test_are_counted_by_the_wall_and_by_sessions(self) -> None:
        assert calendar.calendar_days(day("2026-06-18"), day("2026-06-22")) == 4
        assert calendar.business_days(day("2026-06-18"), day("2026-06-22")) == 1
        assert calendar.business_days(day("2026-06-18"), day("2026-06-18")) == 0

    def test_change_at_midnight_in_new_york_not_in_greenwich(self) -> None:
        assert calendar.exchange_date(utc("2026-06-18T03:59:59")) == day("2026-06-17")
        assert calendar.exchange_date(utc("2026-06-18T04:00:00")) == day("2026-06-18")
        assert calendar.exchange_date(utc("2026-01-15T04:59:59")) == day("2026-01-14")


class TestSessionAt:
    @pytest.mark.parametrize(
        ("instant", "session", "trading_day"),
        [
            ("2026-06-18T03:59:59", "closed", "2026-06-18"),
            ("2026-06-18T04:00:00", "pre", "2026-06-18"),
            ("2026-06-18T09:29:59", "pre", "2026-06-18"),
            ("2026-06-18T09:30:00", "regular", "2026-06-18"),
            ("2026-06-18T15:59:59", "regular", "2026-06-18"),
            ("2026-06-18T16:00:00", "post", "2026-06-18"),
            ("2026-06-18T19:59:59", "post", "2026-06-18"),
            ("2026-06-18T20:00:00", "closed", "2026-06-22"),
            ("2026-06-19T12:00:00", "closed", "2026-06-22"),
            ("2026-11-22T12:00:00", "closed", "2026-11-23"),
            ("2026-11-27T12:59:59", "regular", "2026-11-27"),
            ("2026-11-27T13:00:00", "post", "2026-11-27"),
            ("2026-11-27T17:00:00", "closed", "2026-11-30"),
            ("2025-01-09T11:00:00", "closed", "2025-01-10"),
            ("2015-12-24T12:59:59", "regular", "2015-12-24"),
            ("2015-12-24T13:00:00", "post", "2015-12-24"),
        ],
    )
    def test_names_the_session(self, instant: str, session: str, trading_day: str) -> None:
        found = calendar.session_at(ny(instant))
        assert (found.session, found.trading_day) == (session, day(trading_day))

    def test_carries_the_hours_of_its_trading_day(self) -> None:
        found = calendar.session_at(ny("2026-11-26T12:00"))  # Thanksgiving
        assert found.trading_day == day("2026-11-27")
        assert found.opens_at == ny("2026-11-27T09:30")
        assert found.closes_at == ny("2026-11-27T13:00")
        assert found.early_close

    @pytest.mark.parametrize(
        ("session", "opens", "closes"),
        [
            ("2026-03-06", "2026-03-06T14:30", "2026-03-06T21:00"),  # Friday, standard time
            ("2026-03-09", "2026-03-09T13:30", "2026-03-09T20:00"),  # Monday, daylight time
            ("2026-10-30", "2026-10-30T13:30", "2026-10-30T20:00"),
            ("2026-11-02", "2026-11-02T14:30", "2026-11-02T21:00"),
            ("2010-03-15", "2010-03-15T13:30", "2010-03-15T20:00"),
        ],
    )
    def test_moves_with_daylight_saving_time(self, session: str, opens: str, closes: str) -> None:
        assert calendar.opens_at(day(session)) == utc(opens)
        assert calendar.closes_at(day(session)) == utc(closes)

    def test_has_no_hours_on_a_day_without_a_session(self) -> None:
        with pytest.raises(AssertionError, match="no session"):
            calendar.opens_at(day("2026-06-19"))
        with pytest.raises(AssertionError, match="no session"):
            calendar.closes_at(day("2026-06-20"))


class TestSettlement:
    @pytest.mark.parametrize(
        ("root", "expiration", "settles", "last_trading"),
        [
            ("SPY", "2026-06-18", "2026-06-18T16:00", "2026-06-18T16:00"),
            ("IWM", "2026-06-19", "2026-06-18T16:00", "2026-06-18T16:00"),
            ("SPX", "2026-06-18", "2026-06-18T09:30", "2026-06-17T16:15"),
            ("SPXW", "2026-06-18", "2026-06-18T16:00", "2026-06-18T16:00"),
            ("SPX", "2023-09-15", "2023-09-15T09:30", "2023-09-14T16:15"),
            ("NDX", "2026-01-16", "2026-01-16T09:30", "2026-01-15T16:15"),
            ("NDXP", "2026-01-16", "2026-01-16T16:00", "2026-01-16T16:00"),
            ("RUT", "2026-01-16", "2026-01-16T09:30", "2026-01-15T16:15"),
            ("XSP", "2026-01-16", "2026-01-16T16:00", "2026-01-16T16:00"),
            ("VIX", "2026-06-17", "2026-06-17T09:30", "2026-06-16T16:15"),
            ("VIXW", "2026-06-24", "2026-06-24T09:30", "2026-06-23T16:15"),
            ("TWX", "2014-06-21", "2014-06-20T16:00", "2014-06-20T16:00"),
            ("SPX", "2014-06-21", "2014-06-20T09:30", "2014-06-19T16:15"),
            ("SPY", "2014-04-19", "2014-04-17T16:00", "2014-04-17T16:00"),  # after Good Friday
            ("GOOG", "2015-12-24", "2015-12-24T13:00", "2015-12-24T13:00"),
            ("SPXW", "2026-11-27", "2026-11-27T13:00", "2026-11-27T13:00"),
            ("SPX", "2026-01-02", "2026-01-02T09:30", "2025-12-31T16:15"),
            ("SPX", "2026-11-30", "2026-11-30T09:30", "2026-11-27T13:15"),
            ("AAPL1", "2026-01-16", "2026-01-16T16:00", "2026-01-16T16:00"),
            ("2SPX", "2026-01-16", "2026-01-16T09:30", "2026-01-15T16:15"),
        ],
    )
    def test_happens_at_the_instant_of_its_class(
        self, root: str, expiration: str, settles: str, last_trading: str
    ) -> None:
        assert calendar.settles_at(root, day(expiration)) == ny(settles)
        assert calendar.last_trading_instant(root, day(expiration)) == ny(last_trading)

    @pytest.mark.parametrize(
        ("root", "session", "closes"),
        [
            ("SPY", "2026-06-17", "2026-06-17T16:15"),
            ("SPXW", "2026-06-17", "2026-06-17T16:15"),
            ("AAPL", "2026-06-17", "2026-06-17T16:00"),
            ("SPY", "2026-11-27", "2026-11-27T13:15"),
            ("AAPL", "2026-11-27", "2026-11-27T13:00"),
        ],
    )
    def test_late_classes_trade_a_quarter_of_an_hour_longer(
        self, root: str, session: str, closes: str
    ) -> None:
        assert calendar.options_close_at(root, day(session)) == ny(closes)

    def test_is_never_before_the_last_trade_on_any_third_friday(self) -> None:
        for year in range(2010, 2031):
            for month in range(1, 13):
                expiration = calendar.monthly_expiration(year, month)
                for root in ("SPX", "SPXW", "SPY"):
                    settles = calendar.settles_at(root, expiration)
                    assert calendar.last_trading_instant(root, expiration) <= settles
                    assert to_datetime(settles).astimezone(NEW_YORK).date() == expiration


class TestCycles:
    @pytest.mark.parametrize(
        ("expiration", "cycle"),
        [
            ("2026-06-18", "monthly"),  # Thursday before Juneteenth
            ("2026-06-19", "monthly"),  # the same, as a vendor may date it
            ("2014-06-21", "monthly"),  # Saturday
            ("2014-06-20", "monthly"),
            ("2015-01-17", "monthly"),  # the last Saturday
            ("2015-02-20", "monthly"),
            ("2019-04-18", "monthly"),  # Good Friday
            ("2026-06-30", "quarterly"),
            ("2028-12-29", "quarterly"),  # the 31st is a Sunday
            ("2026-07-31", "weekly"),
            ("2026-06-26", "weekly"),
            ("2026-08-24", "weekly"),
            ("2016-01-16", "weekly"),  # a Saturday when Saturdays were over
        ],
    )
    def test_are_told_by_the_date(self, expiration: str, cycle: str) -> None:
        assert calendar.cycle_of(day(expiration)) == cycle

    def test_call_a_monthly_leaps_when_it_is_more_than_a_year_away(self) -> None:
        january = day("2028-01-21")
        assert calendar.cycle_of(january, today=day("2026-11-22")) == "leaps"
        assert calendar.cycle_of(january, today=day("2027-01-21")) == "monthly"
        assert calendar.cycle_of(day("2028-03-31"), today=day("2026-11-22")) == "quarterly"

    @pytest.mark.parametrize(
        ("year", "month", "expected"),
        [
            (2026, 1, "2026-01-21"),
            (2026, 5, "2026-05-19"),  # 30 days before Thursday 2026-06-18
            (2019, 3, "2019-03-19"),  # 30 days before Thursday 2019-04-18
            (2026, 12, "2026-12-16"),
            (2024, 6, "2024-06-18"),  # the Wednesday is Juneteenth
        ],
    )
    def test_of_vix_run_thirty_days_before_the_next_monthly(
        self, year: int, month: int, expected: str
    ) -> None:
        found = calendar.vix_expiration(year, month)
        assert found == day(expected)
        assert calendar.cycle_of(found, underlying="VIX") == "monthly"
        assert calendar.cycle_of(calendar.third_friday(year, month), underlying="VIX") == "weekly"
