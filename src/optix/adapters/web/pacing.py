"""Turns for requests: as many as a service allows, and less once it says that less are left.

A pace is a sliding window that is known beforehand. What the service says in its headers counts
more, because others may spend the same allowance. Nobody waits without a bound.
"""

from __future__ import annotations

import asyncio
import email.utils
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from math import isfinite

from optix.adapters.web.errors import ServiceErrors
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceHeaders:
    """How a service's answers say what is left. `reset` is an epoch time in `reset_unit_ns`."""

    limit: str
    remaining: str
    reset: str
    reset_unit_ns: int


# What Alpaca and many others send; Tradier has own names and milliseconds.
X_RATELIMIT = AllowanceHeaders(
    limit="X-Ratelimit-Limit",
    remaining="X-Ratelimit-Remaining",
    reset="X-Ratelimit-Reset",
    reset_unit_ns=NANOSECONDS,
)


class Pacing:
    """Gives out turns. One for all requests that spend the same allowance.

    `requests` None is a service without a limit: it still pauses when it is told to.
    """

    def __init__(
        self,
        label: str,
        clock: Clock,
        *,
        errors: ServiceErrors,
        requests: int | None,
        per_seconds: float = 60.0,
        spacing_seconds: float = 0.0,
        headers: AllowanceHeaders | None = None,
        turn_seconds_max: float = limits.PROVIDER_TURN_SECONDS_MAX,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        assert requests is None or requests > 0, "a service that allows nothing is none"
        self._label = label
        self._clock = clock
        self.errors = errors
        self._requests = requests
        self._per_ns = int(per_seconds * NANOSECONDS)
        self._spacing_ns = int(spacing_seconds * NANOSECONDS)
        self._headers = headers
        self._turn_seconds_max = turn_seconds_max
        self._sleep = sleep
        self._starts: deque[int] = deque()
        self._waiting = 0
        self._resume_ns = 0
        self._told: tuple[int, int] | None = None  # what is left, until when

    @property
    def left(self) -> int | None:
        """How many requests may start now; None where there is no limit."""
        now_ns = self._clock.now_ns()
        told = None if self._told is None or now_ns >= self._told[1] else self._told[0]
        if self._requests is None:
            return told
        own = self._requests - sum(start > now_ns - self._per_ns for start in self._starts)
        return max(own if told is None else min(own, told), 0)

    async def take(self) -> None:
        """Return when the next request may start.

        Raises what `errors` calls busy, with when to ask again, instead of waiting longer than the
        bound, or behind too many others.
        """
        if self._waiting >= limits.PROVIDER_QUEUE_MAX:
            self._refuse(self._per_ns / NANOSECONDS)
        now_ns = self._clock.now_ns()
        start_ns = self._next_start(now_ns)
        wait_seconds = (start_ns - now_ns) / NANOSECONDS
        if wait_seconds > self._turn_seconds_max:
            self._refuse(wait_seconds)
        self._reserve(start_ns)
        while wait_seconds > 0:
            self._waiting += 1
            try:
                await self._sleep(wait_seconds)
            finally:
                self._waiting -= 1
            # Another request may have been told to slow down meanwhile.
            wait_seconds = (self._resume_ns - self._clock.now_ns()) / NANOSECONDS
            if wait_seconds > self._turn_seconds_max:
                self._refuse(wait_seconds)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take over what an answer says about the allowance. Odd values change nothing."""
        names = self._headers
        if names is None:
            return
        allowed = _count(headers.get(names.limit))
        if allowed and self._requests is not None:
            self._requests = allowed
        remaining, reset = _count(headers.get(names.remaining)), _count(headers.get(names.reset))
        if remaining is None or reset is None:
            return
        now_ns = self._clock.now_ns()
        reset_ns = reset * names.reset_unit_ns
        # A reset in the past, or further away than any window, is a clock that is wrong.
        if now_ns < reset_ns <= now_ns + max(2 * self._per_ns, 120 * NANOSECONDS):
            self._told = (remaining, reset_ns)

    def pause(self, headers: Mapping[str, str]) -> float:
        """Stop everybody after a 429, for as long as it says; return the seconds."""
        seconds = _retry_after_seconds(headers.get("Retry-After"), self._clock.now_ns())
        if seconds is None:
            self.learn(headers)
            seconds = limits.PROVIDER_PAUSE_SECONDS
            if self._told is not None and self._told[1] > self._clock.now_ns():
                seconds = (self._told[1] - self._clock.now_ns()) / NANOSECONDS
        seconds = min(max(seconds, 0.05), limits.PROVIDER_PAUSE_SECONDS_MAX)
        self._resume_ns = max(self._resume_ns, self._clock.now_ns() + int(seconds * NANOSECONDS))
        return seconds

    def _next_start(self, now_ns: int) -> int:
        while self._starts and self._starts[0] <= now_ns - self._per_ns:
            self._starts.popleft()
        start_ns = max(now_ns, self._resume_ns)
        if self._starts:
            start_ns = max(start_ns, self._starts[-1] + self._spacing_ns)
        if self._requests is not None and len(self._starts) >= self._requests:
            start_ns = max(start_ns, self._starts[-self._requests] + self._per_ns)
        if self._told is not None and now_ns < self._told[1] and self._told[0] <= 0:
            start_ns = max(start_ns, self._told[1])
        return start_ns

    def _reserve(self, start_ns: int) -> None:
        if self._requests is not None or self._spacing_ns:
            self._starts.append(start_ns)
        if self._requests is None and len(self._starts) > 1:
            self._starts.popleft()  # only the last one matters for the spacing
        if self._told is not None:
            self._told = (self._told[0] - 1, self._told[1])

    def _refuse(self, wait_seconds: float) -> None:
        self.errors.raise_busy(
            f"{self._label} allows no more requests now; the next one is in {wait_seconds:.0f} s.",
            wait_seconds,
        )


def _count(text: str | None) -> int | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return int(value) if isfinite(value) and 0 <= value < 1e18 else None


def _retry_after_seconds(header: str | None, now_ns: int) -> float | None:
    """Return the header's seconds, or the seconds until its date; None where it says neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(header)
        except ValueError:
            return None
        if until.tzinfo is None:
            return None
        seconds = (until.astimezone(UTC) - to_datetime(now_ns)).total_seconds()
    return seconds if isfinite(seconds) else None
