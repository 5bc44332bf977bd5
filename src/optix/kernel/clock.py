"""Clocks. The only file that may ask the machine for the time.

Two times exist: the wall clock (tokens, leases, log lines, ages) and the market clock (sessions,
time to expiry, "today"). They differ only while a recording is replayed.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from math import inf
from typing import Protocol

NANOSECONDS = 1_000_000_000


class Clock(Protocol):
    """Tells the time as nanoseconds since 1970-01-01 UTC."""

    def now_ns(self) -> int: ...


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        return time.time_ns()


class ScaledClock:
    """A clock that starts at `origin_ns` and runs at `speed` times the base clock.

    `end_ns` is the last instant it shows: a replay stands still at its end.
    Speed 0 is a clock that only `advance_to` moves (step mode, tests). It never goes back, also
    where the base does (a corrected machine clock), and a change of speed makes no jump.
    """

    def __init__(
        self, base: Clock, *, origin_ns: int, speed: float = 1.0, end_ns: int | None = None
    ) -> None:
        if end_ns is not None and end_ns < origin_ns:
            raise ValueError("a clock cannot end before it starts")
        self._base = base
        self._base_origin_ns = base.now_ns()
        self._origin_ns = origin_ns
        self._shown_ns = origin_ns
        self._speed = _checked_speed(speed)
        self.end_ns = end_ns

    @property
    def speed(self) -> float:
        """How fast it runs; setting it takes effect from this instant on."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        checked = _checked_speed(speed)
        self._rebase(self.now_ns())
        self._speed = checked

    def now_ns(self) -> int:
        elapsed_ns = self._base.now_ns() - self._base_origin_ns
        now_ns = max(self._shown_ns, self._origin_ns + int(elapsed_ns * self._speed))
        self._shown_ns = now_ns if self.end_ns is None else min(now_ns, self.end_ns)
        return self._shown_ns

    def advance_to(self, instant_ns: int) -> None:
        """Move forward to `instant_ns`, at most to the end; going back is refused."""
        if instant_ns < self.now_ns():
            raise ValueError("a market clock never goes back")
        self._rebase(instant_ns if self.end_ns is None else min(instant_ns, self.end_ns))

    def _rebase(self, instant_ns: int) -> None:
        self._base_origin_ns = self._base.now_ns()
        self._origin_ns = self._shown_ns = instant_ns


def _checked_speed(speed: float) -> float:
    if not 0 <= speed < inf:  # NaN is refused too
        raise ValueError("speed must be zero or positive")
    return speed


def to_datetime(instant_ns: int) -> datetime:
    """Return the aware UTC datetime of `instant_ns`, at microsecond resolution."""
    seconds, rest_ns = divmod(instant_ns, NANOSECONDS)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest_ns // 1000)


def to_ns(instant: datetime) -> int:
    """Return nanoseconds since the epoch of an aware datetime. A naive one is our own mistake."""
    assert instant.tzinfo is not None, "naive datetime"
    delta = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * NANOSECONDS + delta.microseconds * 1000
