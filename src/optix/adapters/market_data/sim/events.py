"""What companies do on dates that are known before: report, pay dividends, split their shares.

Dates are a function of symbol and calendar alone. Companies report once a quarter, some sessions
into it, before the open or after the close. Stocks pay in the second month of a quarter, funds on
the third Friday of its last month. Splits are listed with the name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from optix.adapters.market_data.sim.hashing import stream_key
from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.sessions import SessionCalendar
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import SecurityKind

ANNOUNCED_SESSIONS = 15  # before the ex-date, when the amount of a dividend becomes known
SPLIT_ANNOUNCED_DAYS = 30
PAID_AFTER_DAYS = 21

_AFTER_CLOSE_NS = 5 * 60 * NANOSECONDS
_BEFORE_OPEN_NS = 2 * 3_600 * NANOSECONDS
_FIRST_REPORT, _REPORT_SPREAD = 10, 22  # sessions into the quarter
_FIRST_EX, _EX_SPREAD = 4, 8  # sessions into the month
_FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Earnings:
    """One report: the price jumps at `instant_ns`, between two sessions."""

    symbol: str
    day: date  # the session after whose close, or before whose open, the company reports
    before_open: bool
    instant_ns: int


class Schedule:
    """The dates of every name on one exchange calendar."""

    def __init__(self, sessions: SessionCalendar) -> None:
        self._sessions = sessions
        self._report = lru_cache(maxsize=8_192)(self._report_of)
        self._ex_day = lru_cache(maxsize=8_192)(self._ex_day_of)

    def earnings(self, name: SimulatedName, start: date, end: date) -> list[Earnings]:
        """Return the reports with start <= day <= end, ascending."""
        if not name.earnings_move:
            return []
        found = (self._report(name.symbol, *quarter) for quarter in _quarters(start, end))
        return [report for report in found if start <= report.day <= end]

    def session_of(self, report: Earnings) -> date:
        """Return the first session that trades on a report."""
        if report.before_open:
            return report.day
        after = report.day + timedelta(days=1)
        return next(iter(self._sessions.iter_sessions(after, after + timedelta(days=10))))

    def ex_days(self, name: SimulatedName, start: date, end: date) -> list[date]:
        """Return the ex-dividend dates with start <= day <= end, ascending."""
        if not name.pays_dividends:
            return []
        is_fund = name.kind is SecurityKind.ETF
        days = (self._ex_day(name.symbol, is_fund, *quarter) for quarter in _quarters(start, end))
        return [day for day in days if start <= day <= end]

    def _report_of(self, symbol: str, year: int, quarter: int) -> Earnings:
        bits = int(stream_key("report", symbol)) >> 8
        day = self._session(year, 3 * quarter + 1, _FIRST_REPORT + bits % _REPORT_SPREAD)
        before_open = bool((bits >> 16) & 1)
        if before_open:
            return Earnings(symbol, day, True, self._sessions.opens_at(day) - _BEFORE_OPEN_NS)
        return Earnings(symbol, day, False, self._sessions.closes_at(day) + _AFTER_CLOSE_NS)

    def _ex_day_of(self, symbol: str, is_fund: bool, year: int, quarter: int) -> date:  # noqa: FBT001  # a key of the cache
        if not is_fund:
            bits = int(stream_key("dividend", symbol)) >> 8
            return self._session(year, 3 * quarter + 2, _FIRST_EX + bits % _EX_SPREAD)
        first = date(year, 3 * quarter + 3, 1)
        friday = first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)
        return list(self._sessions.iter_sessions(friday - timedelta(days=5), friday))[-1]

    def _session(self, year: int, month: int, number: int) -> date:
        first = date(year, month, 1)
        return list(self._sessions.iter_sessions(first, first + timedelta(days=70)))[number]


def _quarters(start: date, end: date) -> list[tuple[int, int]]:
    """Return the quarters (year, 0 to 3) that dates from start to end may belong to."""
    first = start.year * 4 + (start.month - 1) // 3 - 1  # a late report falls into the next one
    last = end.year * 4 + (end.month - 1) // 3
    return [divmod(quarter, 4) for quarter in range(first, last + 1)]
