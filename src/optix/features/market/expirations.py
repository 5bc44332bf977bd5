"""Which expiration dates a class lists, by the exchanges' listing programs.

A simulated market lists its chains from this. For real markets the provider's list is the truth;
nothing here overrules it.
"""

from __future__ import annotations

from calendar import FRIDAY, MONDAY, WEDNESDAY
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from optix.features.market.calendar import (
    Cycle,
    calendar_days,
    cycle_of,
    is_monthly,
    month_end,
    monthly_expiration,
    next_sessions,
    previous_session,
    quarter_end,
    session_on_or_before,
    vix_expiration,
)
from optix.kernel.instrument import Settlement


class ListingProgram(StrEnum):
    """How densely a class is listed."""

    WEEKLY = "weekly"  # most stocks: Fridays, monthlies, January LEAPS
    MONDAY_WEDNESDAY = "monday_wednesday"  # the most active stocks and metals: also Mon and Wed
    DAILY = "daily"  # broad ETFs: every session, quarterlies, LEAPS
    INDEX = "index"  # SPX, NDX, RUT: every session and month ends PM, and AM monthlies
    VIX = "vix"  # Wednesdays, AM


DAILY_SYMBOLS = frozenset({"SPY", "QQQ", "IWM", "XSP", "MRUT", "XND"})
INDEX_SYMBOLS = frozenset({"SPX", "NDX", "RUT"})
MONDAY_WEDNESDAY_SYMBOLS = frozenset(
    {"AAPL", "AMZN", "AVGO", "GOOGL", "IBIT", "META", "MSFT", "NVDA", "TSLA"}
    | {"GLD", "SLV", "TLT", "USO", "UNG"}
)

DAILY_SESSIONS = 10
INDEX_DAILY_SESSIONS = 28
MONDAY_WEDNESDAY_WEEKS = 2
FRIDAY_WEEKS = 7
MONTHLIES = 6
INDEX_MONTHLIES = 12
QUARTER_MONTHS_AHEAD = 12  # beyond the monthlies: March, June, September and December
BROAD_QUARTER_MONTHS_AHEAD = 15
LEAPS_DAYS_MAX = 870  # the third January is added in September
LEAPS_YEARS_MAX = 3
DECEMBER_DAYS_MAX = 31 * 31
QUARTERLIES = 4
MONTH_ENDS = 6
VIX_WEEKS = 6
VIX_MONTHLIES = 9


@dataclass(frozen=True, slots=True, order=True)
class StandardExpiration:
    """One date a class lists. AM and PM series of one date are two, under different roots."""

    date: date
    settlement: Settlement
    cycle: Cycle


def program_of(symbol: str) -> ListingProgram:
    """Return the listing program of a canonical symbol."""
    if symbol == "VIX":
        return ListingProgram.VIX
    if symbol in INDEX_SYMBOLS:
        return ListingProgram.INDEX
    if symbol in DAILY_SYMBOLS:
        return ListingProgram.DAILY
    if symbol in MONDAY_WEDNESDAY_SYMBOLS:
        return ListingProgram.MONDAY_WEDNESDAY
    return ListingProgram.WEEKLY


def standard_expirations(today: date, program: ListingProgram) -> list[StandardExpiration]:
    """Return what a class of `program` lists on `today`, ascending; `today` itself included.

    Every date is a session: a weekly whose Friday is a holiday expires on the session before.
    """
    if program is ListingProgram.VIX:
        return _vix(today)
    broad = program in {ListingProgram.DAILY, ListingProgram.INDEX}
    quarter_months = BROAD_QUARTER_MONTHS_AHEAD if broad else QUARTER_MONTHS_AHEAD
    monthlies = _monthlies(today, MONTHLIES, quarter_months)
    dates = {_friday(today, week) for week in range(FRIDAY_WEEKS)} | monthlies
    if program is ListingProgram.MONDAY_WEDNESDAY:
        dates |= _mondays_and_wednesdays(today)
    if program is ListingProgram.DAILY:
        dates |= set(next_sessions(today - timedelta(days=1), DAILY_SESSIONS))
        dates |= _quarter_ends(today) | _decembers(today)
    if program is ListingProgram.INDEX:
        dates |= set(next_sessions(today - timedelta(days=1), INDEX_DAILY_SESSIONS))
        dates |= _quarter_ends(today)
        dates |= {month_end(*_months_after(today, ahead)) for ahead in range(MONTH_ENDS)}
        dates -= _far(today, dates)
    listed = {
        StandardExpiration(day, Settlement.PM, cycle_of(day, today=today))
        for day in dates
        if day >= today
    }
    if program is ListingProgram.INDEX:
        # An AM series stops trading on the session before it settles.
        listed |= {
            StandardExpiration(day, Settlement.AM, cycle_of(day, today=today))
            for day in _monthlies(today, INDEX_MONTHLIES, quarter_months) | _decembers(today)
            if previous_session(day) >= today
        }
    return sorted(listed)


def listed_expirations(symbol: str, today: date) -> list[StandardExpiration]:
    """Return what a canonical symbol lists on `today` by its program."""
    return standard_expirations(today, program_of(symbol))


def _far(today: date, dates: set[date]) -> set[date]:
    """The months that an index lists under its AM root only."""
    near = set(_upcoming_monthlies(today, MONTHLIES)[:MONTHLIES])
    return {day for day in dates if is_monthly(day) and day not in near}


def _months_after(today: date, ahead: int) -> tuple[int, int]:
    months = today.year * 12 + today.month - 1 + ahead
    return months // 12, months % 12 + 1


def _friday(today: date, week: int) -> date:
    days = (FRIDAY - today.weekday()) % 7 + 7 * week
    return session_on_or_before(today + timedelta(days=days))


def _upcoming_monthlies(today: date, months_ahead: int) -> list[date]:
    return [
        day
        for ahead in range(months_ahead + 1)
        if (day := monthly_expiration(*_months_after(today, ahead))) >= today
    ]


def _monthlies(today: date, count: int, quarter_months_ahead: int) -> set[date]:
    """The next `count` months, then the months that end a quarter, then Januaries."""
    upcoming = _upcoming_monthlies(today, quarter_months_ahead)
    chosen = set(upcoming[:count])
    chosen |= {day for day in upcoming[count:] if day.month % 3 == 0}
    return chosen | _yearly(today, month=1, days_max=LEAPS_DAYS_MAX)


def _decembers(today: date) -> set[date]:
    return _yearly(today, month=12, days_max=DECEMBER_DAYS_MAX)


def _yearly(today: date, *, month: int, days_max: int) -> set[date]:
    days = (monthly_expiration(today.year + years, month) for years in range(LEAPS_YEARS_MAX + 1))
    return {day for day in days if 0 <= calendar_days(today, day) <= days_max}


def _mondays_and_wednesdays(today: date) -> set[date]:
    # A week whose Monday or Wednesday is a holiday goes without that series.
    sessions = next_sessions(today - timedelta(days=1), 5 * MONDAY_WEDNESDAY_WEEKS)
    return {day for day in sessions if day.weekday() in {MONDAY, WEDNESDAY}}


def _quarter_ends(today: date) -> set[date]:
    quarter = (today.month - 1) // 3
    ends = (
        quarter_end(today.year + (quarter + ahead) // 4, (quarter + ahead) % 4 + 1)
        for ahead in range(QUARTERLIES + 1)
    )
    return set(sorted(day for day in ends if day >= today)[:QUARTERLIES])


def _vix(today: date) -> list[StandardExpiration]:
    days_to_wednesday = (WEDNESDAY - today.weekday()) % 7
    wednesdays = {
        session_on_or_before(today + timedelta(days=days_to_wednesday + 7 * week))
        for week in range(VIX_WEEKS)
    }
    monthlies = {vix_expiration(*_months_after(today, ahead)) for ahead in range(VIX_MONTHLIES)}
    # In the weeks where the monthly moves to Tuesday there is no series on the Wednesday.
    wednesdays = {
        day for day in wednesdays if day in monthlies or day - timedelta(days=1) not in monthlies
    }
    return sorted(
        StandardExpiration(day, Settlement.AM, cycle_of(day, today=today, underlying="VIX"))
        for day in wednesdays | monthlies
        if previous_session(day) >= today
    )
