"""The exchange's calendar: sessions, early closes, and when an option stops trading and settles.

Options follow the stock exchange's days (XNYS). The days come from `xnys.csv`, the weekdays that
are not ordinary sessions, which `tools/market_calendar.py` writes from exchange_calendars; nothing
here needs that library at run time. Times are New York times, instants are nanoseconds since the
epoch, days are dates of the exchange. Which dates a class lists is in `expirations`.
"""

from __future__ import annotations

from calendar import FRIDAY, SATURDAY
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.errors import InvalidInput
from optix.kernel.instrument import Settlement
from optix.kernel.roots import is_cash_settled, settlement_of, underlying_of

NEW_YORK = ZoneInfo("America/New_York")

PRE_OPEN = time(4, 0)
OPEN = time(9, 30)
CLOSE = time(16, 0)
POST_CLOSE = time(20, 0)
EARLY_POST_CLOSE = time(17, 0)
# Index options and those on broad ETFs trade a quarter of an hour longer than stocks, except on
# the day they expire.
LATE_CLOSE_EXTRA = timedelta(minutes=15)
LATE_CLOSE_ETFS = frozenset(
    {"SPY", "QQQ", "IWM", "DIA", "EEM", "EFA", "MDY", "VXX", "VIXY", "UVXY", "SVXY"}
)

# Until then a monthly series was dated on the Saturday after its third Friday.
LAST_SATURDAY_EXPIRATION = date(2015, 1, 17)
LEAPS_DAYS_MIN = 365

SessionName = Literal["pre", "regular", "post", "closed"]
Cycle = Literal["weekly", "monthly", "quarterly", "leaps"]


class OutsideCalendar(InvalidInput):
    """A date that the calendar does not cover: nobody knows whether the exchange is open."""

    code = "outside_calendar"
    next_step = "Choose a date within the calendar's years."


@dataclass(frozen=True, slots=True)
class MarketSession:
    """Where the exchange day stands at one instant."""

    session: SessionName
    trading_day: date  # the current session's date, else the next one's
    opens_at: int  # regular open of `trading_day`
    closes_at: int  # regular close of `trading_day`
    early_close: bool


@dataclass(frozen=True, slots=True)
class _Table:
    first: date
    last: date
    closed: frozenset[date]
    early: MappingProxyType[date, time]


@lru_cache(maxsize=1)
def _table() -> _Table:
    lines = Path(__file__).with_name("xnys.csv").read_text(encoding="ascii").splitlines()
    first, last = (date.fromisoformat(text) for text in lines[0].removeprefix("# ").split())
    rows = [line.split(",") for line in lines[2:]]
    closed = frozenset(date.fromisoformat(day) for day, close in rows if close == "closed")
    early = {
        date.fromisoformat(day): time.fromisoformat(close)
        for day, close in rows
        if close != "closed"
    }
    return _Table(first, last, closed, MappingProxyType(early))


def first_day() -> date:
    """Return the first date the calendar knows."""
    return _table().first


def last_day() -> date:
    """Return the last date the calendar knows."""
    return _table().last


def exchange_date(instant_ns: int) -> date:
    """Return the exchange's date at an instant: days to expiration count from this one."""
    return to_datetime(instant_ns).astimezone(NEW_YORK).date()


def is_trading_day(day: date) -> bool:
    """True where the exchange holds a session. OutsideCalendar beyond the known years."""
    table = _table()
    if not table.first <= day <= table.last:
        raise OutsideCalendar(
            f"{day} is outside the market calendar, which covers {table.first} to {table.last}."
        )
    return day.weekday() < SATURDAY and day not in table.closed


def is_early_close(day: date) -> bool:
    """True for a session that ends at 13:00."""
    return is_trading_day(day) and day in _table().early


def session_on_or_before(day: date) -> date:
    """Return the last session that is not after `day`."""
    while not is_trading_day(day):
        day -= timedelta(days=1)
    return day


def session_on_or_after(day: date) -> date:
    """Return the first session that is not before `day`."""
    while not is_trading_day(day):
        day += timedelta(days=1)
    return day


def next_sessions(day: date, count: int) -> list[date]:
    """Return the `count` sessions after `day`, which is not one of them."""
    sessions: list[date] = []
    while len(sessions) < count:
        day = session_on_or_after(day + timedelta(days=1))
        sessions.append(day)
    return sessions


def previous_session(day: date) -> date:
    """Return the last session before `day`."""
    return session_on_or_before(day - timedelta(days=1))


def iter_sessions(start: date, end: date) -> Iterator[date]:
    """Yield the sessions with start <= date <= end."""
    day = start
    while day <= end:
        if is_trading_day(day):
            yield day
        day += timedelta(days=1)


def calendar_days(today: date, expiration: date) -> int:
    """Return days to expiration as the exchange counts them: 0 on the day itself."""
    return (expiration - today).days


def business_days(today: date, expiration: date) -> int:
    """Return the sessions after `today` up to and including `expiration`; 0 on the day itself."""
    return sum(1 for _ in iter_sessions(today + timedelta(days=1), expiration))


def opens_at(day: date) -> int:
    """Return the instant of the regular open of a session."""
    return _hours(day)[0]


def closes_at(day: date) -> int:
    """Return the instant of the regular close of a session: 16:00, or 13:00 on an early one."""
    return _hours(day)[1]


def session_at(instant_ns: int) -> MarketSession:
    """Return the state of the exchange day at `instant_ns`.

    Pre-market runs from 04:00 to the open, post-market from the close to 20:00 (17:00 on an early
    close). Each begins at its first instant: at 16:00:00 sharp the session is over.
    """
    moment = to_datetime(instant_ns).astimezone(NEW_YORK)
    day, clock = moment.date(), moment.time()
    if not is_trading_day(day):
        return _session("closed", session_on_or_after(day))
    early = day in _table().early
    if clock < PRE_OPEN:
        return _session("closed", day)
    if clock < OPEN:
        return _session("pre", day)
    if clock < _table().early.get(day, CLOSE):
        return _session("regular", day)
    if clock < (EARLY_POST_CLOSE if early else POST_CLOSE):
        return _session("post", day)
    return _session("closed", session_on_or_after(day + timedelta(days=1)))


def settles_at(root: str, expiration: date) -> int:
    """Return the instant at which the settlement value of a contract is set.

    PM: the regular close of the settlement day (13:00 on an early close). AM: its open, 09:30.
    The settlement day is the last session not after `expiration`, which covers monthlies dated on
    the Saturday after their Friday (before 2015) and dates that became holidays.

    Source:  MARKET_RULES sections 2 and 3.
    """
    return _ends(root, expiration)[0]


def last_trading_instant(root: str, expiration: date) -> int:
    """Return the instant at which a contract stops trading for good.

    PM contracts trade until they settle. AM contracts stop on the session before the settlement
    day, at the late close of index options: 16:15, or 13:15 on an early close.
    """
    return _ends(root, expiration)[1]


def options_close_at(root: str, day: date) -> int:
    """Return when a root's contracts that do not expire on `day` stop trading that day."""
    late = is_cash_settled(root) or underlying_of(root) in LATE_CLOSE_ETFS
    extra_ns = int(LATE_CLOSE_EXTRA.total_seconds()) * 1_000_000_000 if late else 0
    return closes_at(day) + extra_ns


def third_friday(year: int, month: int) -> date:
    """Return the third Friday of a month by the wall calendar, open or not."""
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)


def monthly_expiration(year: int, month: int) -> date:
    """Return the day on which a month's standard contracts expire: the third Friday, or the
    session before it where that Friday is a holiday.
    """
    return session_on_or_before(third_friday(year, month))


def vix_expiration(year: int, month: int) -> date:
    """Return the day on which a month's standard VIX contracts expire: 30 days before the
    expiration of the S&P 500 monthlies of the month after, or the session before that day.
    """
    following = monthly_expiration(year + month // 12, month % 12 + 1)
    return session_on_or_before(following - timedelta(days=30))


def quarter_end(year: int, quarter: int) -> date:
    """Return the last session of quarter 1 to 4."""
    return month_end(year, quarter * 3)


def month_end(year: int, month: int) -> date:
    """Return the last session of a month."""
    return session_on_or_before(date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1))


def is_monthly(expiration: date, underlying: str = "") -> bool:
    """True for the standard expiration of a month, under either of the dates it may carry."""
    year, month = expiration.year, expiration.month
    if underlying == "VIX":
        return expiration == vix_expiration(year, month)
    friday = third_friday(year, month)
    if expiration == friday + timedelta(days=1):
        return expiration <= LAST_SATURDAY_EXPIRATION
    return expiration in {friday, monthly_expiration(year, month)}


def cycle_of(expiration: date, *, today: date | None = None, underlying: str = "") -> Cycle:
    """Return the cycle an expiration belongs to, as chains group them.

    `leaps` is a monthly more than a year after `today`; without `today` it stays `monthly`.
    `quarterly` is the last session of a quarter. Everything else (dailies, Fridays, ends of other
    months) is `weekly`. VIX counts its months by its own Wednesdays: name it as `underlying`.
    """
    if is_monthly(expiration, underlying):
        far = today is not None and calendar_days(today, expiration) > LEAPS_DAYS_MIN
        return "leaps" if far else "monthly"
    if expiration.month % 3 == 0 and expiration == quarter_end(
        expiration.year, expiration.month // 3
    ):
        return "quarterly"
    return "weekly"


def _session(name: SessionName, day: date) -> MarketSession:
    return MarketSession(name, day, opens_at(day), closes_at(day), day in _table().early)


# Cached functions lose their signature for the type checker, so the public ones stand in front.
@lru_cache(maxsize=4096)
def _hours(day: date) -> tuple[int, int]:
    """Open and close of a session."""
    assert is_trading_day(day), f"{day} has no session"
    return _instant(day, OPEN), _instant(day, _table().early.get(day, CLOSE))


@lru_cache(maxsize=8192)
def _ends(root: str, expiration: date) -> tuple[int, int]:
    """Settlement and last trade of a contract."""
    day = session_on_or_before(expiration)
    if settlement_of(root, expiration) is Settlement.AM:
        return opens_at(day), options_close_at(root, previous_session(day))
    return closes_at(day), closes_at(day)


def _instant(day: date, clock: time) -> int:
    return to_ns(datetime.combine(day, clock, tzinfo=NEW_YORK))
