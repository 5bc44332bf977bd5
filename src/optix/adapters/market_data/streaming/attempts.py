"""When a lost connection may be made again: soon at first, then with patience, never in a storm."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from optix.adapters.market_data.streaming.protocol import StreamTimings
from optix.kernel import limits


class Attempts:
    """Counts connections of one provider. Outlives them. Times are seconds of any steady clock."""

    def __init__(
        self, timings: StreamTimings, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self._timings = timings
        self._jitter = jitter
        self._starts: deque[float] = deque(maxlen=limits.STREAM_CONNECTS_PER_MINUTE_MAX)
        self._failures = 0
        self._renewals = 0
        self._not_before = 0.0
        self.refusal = ""  # why nothing is tried before a long pause is over

    @property
    def failures(self) -> int:
        """How many connections failed, or held for a moment only, since a good one."""
        return self._failures

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait before the next connection."""
        wait = self._not_before - now
        if len(self._starts) == limits.STREAM_CONNECTS_PER_MINUTE_MAX:
            wait = max(wait, self._starts[0] + self._timings.connects_window - now)
        return max(wait, 0.0)

    def started(self, now: float) -> None:
        self._starts.append(now)
        self.refusal = ""

    def ended(self, now: float, *, live_seconds: float) -> None:
        """Note that a connection failed (0 live seconds) or was lost after a while."""
        if live_seconds >= self._timings.stable:
            self._failures = self._renewals = 0
        pause = min(
            self._timings.reconnect_first * 2.0 ** min(self._failures, 16),
            self._timings.reconnect_max,
        )
        self._failures += 1
        self._not_before = now + pause * (0.5 + 0.5 * self._jitter())

    def renewed(self, now: float, *, live_seconds: float) -> None:
        """Note that a token expired: the first time the next connection is made at once."""
        self._renewals += 1
        self.ended(now, live_seconds=live_seconds)
        if self._renewals == 1 or live_seconds >= self._timings.stable:
            self._not_before = now

    def refused(self, now: float, sentence: str) -> None:
        """Note a definite refusal: only a long pause, or a restart, changes it."""
        self._failures += 1
        self._not_before = now + self._timings.refused
        self.refusal = sentence
