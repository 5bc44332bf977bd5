"""When a connection is read next, which days are read, and when its owner is warned. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from optix.kernel import limits

OVERLAP_DAYS: Final = 10  # read again each time: brokers post late and revise what they posted
WINDOW_DAYS: Final = 90  # of one merge: small enough for one transaction, large enough for few
IDLE_SECONDS: Final = 6 * 3600.0  # between readings while markets are closed
OPEN_SECONDS: Final = 60.0  # between readings while they are open, if the broker allows it
WARNINGS: Final = (timedelta(hours=24), timedelta(hours=2))  # before a sign-in ends
ENDED: Final = len(WARNINGS) + 1  # `warned` once its end was told too
BREAKER_FAILURES: Final = 5  # in a row, over all connections of a broker
BREAKER_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Window:
    """Whole days, both of them included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def windows_to_read(
    covered: Window | None, *, opened: date | None, today: date, history_days: int | None
) -> list[Window]:
    """Return the days to read, the newest first, so that the latest trades show at once.

    `covered` is what was read before; without it everything is read that the broker keeps.
    `opened` is the oldest day that can have anything, where that is known.
    """
    oldest = today - timedelta(days=history_days or limits.BROKER_HISTORY_DAYS_MAX)
    if opened is not None:
        oldest = max(oldest, opened)
    if covered is None:
        return _split(Window(min(oldest, today), today))
    first = min(max(oldest, min(covered.last, today) - timedelta(days=OVERLAP_DAYS)), today)
    # An older part is missing after a crash, or where a broker keeps more than it did.
    missing = Window(oldest, min(first, covered.first) - timedelta(days=1))
    return _split(Window(first, today)) + _split(missing)


def extended(covered: Window | None, read: Window) -> Window:
    """Return what is covered once `read` is merged. Days between count only if they touch."""
    if covered is None:
        return read
    touches = read.first <= covered.last + timedelta(
        days=1
    ) and covered.first <= read.last + timedelta(days=1)
    if not touches:
        return covered
    return Window(min(covered.first, read.first), max(covered.last, read.last))


def seconds_to_next(
    *,
    pace_seconds: float,
    market_open: bool,
    failures: int,
    retry_after_seconds: int | None,
    dice: float,
) -> float:
    """Return the pause before the next reading of a connection; `dice` is in [0, 1).

    Jitter spreads connections that were made, or failed, at the same moment.
    """
    if failures:
        doubling = 2.0 ** min(failures - 1, 10)
        pause = min(limits.BROKER_RETRY_SECONDS_FIRST * doubling, limits.BROKER_RETRY_SECONDS_MAX)
        return max(pause * (0.5 + dice), float(retry_after_seconds or 0))
    usual = max(pace_seconds, OPEN_SECONDS) if market_open else max(pace_seconds, IDLE_SECONDS)
    return usual * (0.9 + 0.2 * dice)


def warnings_due(
    login_ends: datetime | None, warned: int, now: datetime, *, signed_in_at: datetime
) -> int:
    """Return how many warnings should have been sent by now; more than `warned` means one is due.

    None is owed for an end that has passed: that is told as such. Nor for a moment before the
    sign-in: one that lives a day does not begin with the warning that it has a day left.
    """
    if login_ends is None or now >= login_ends:
        return warned
    moments = [login_ends - before for before in WARNINGS]
    passed = [n for n, at in enumerate(moments, start=1) if signed_in_at <= at <= now]
    return max([warned, *passed])


@dataclass(frozen=True, slots=True)
class Breaker:
    """Leaves a broker alone that fails for everybody. `failures` are in a row."""

    failures: int = 0
    open_until_ns: int = 0

    @property
    def tripped(self) -> bool:
        """Whether it opened, and nothing has succeeded since."""
        return self.failures >= BREAKER_FAILURES

    def allows(self, now_ns: int) -> bool:
        return now_ns >= self.open_until_ns

    def after(self, *, failed: bool, now_ns: int) -> Breaker:
        """Return the breaker after one reading. The first one after a pause decides alone."""
        if not failed:
            return Breaker()
        failures = self.failures + 1
        if failures < BREAKER_FAILURES:
            return Breaker(failures, 0)
        return Breaker(failures, now_ns + int(BREAKER_SECONDS * 1e9))


def _split(window: Window) -> list[Window]:
    parts: list[Window] = []
    last = window.last
    while last >= window.first:
        first = max(window.first, last - timedelta(days=WINDOW_DAYS - 1))
        parts.append(Window(first, last))
        last = first - timedelta(days=1)
    return parts
