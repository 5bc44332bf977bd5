"""How a provider does: what came of its last requests and updates."""

from __future__ import annotations

from collections import Counter, deque

from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS

_MINUTE_NS = 60 * NANOSECONDS


class Outcomes:
    """What came of the last requests and updates of one kind, at most a minute old."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, bool]] = deque(maxlen=limits.FAILOVER_OUTCOMES_MAX)
        self._bad = 0
        self._bad_in_a_row = 0

    def note(self, now_ns: int, *, good: bool) -> None:
        if len(self._seen) == self._seen.maxlen:
            self._drop()
        self._seen.append((now_ns, good))
        self._bad += not good
        self._bad_in_a_row = 0 if good else self._bad_in_a_row + 1

    def error_rate(self, now_ns: int) -> float:
        """Return the share of bad ones, 0 where there were none at all."""
        self._forget(now_ns)
        return self._bad / len(self._seen) if self._seen else 0.0

    def is_failing(self, now_ns: int) -> bool:
        """True where the last ones were all bad, or half of many were."""
        rate = self.error_rate(now_ns)
        in_a_row = min(self._bad_in_a_row, len(self._seen))
        half = rate >= 0.5 and len(self._seen) == limits.FAILOVER_OUTCOMES_MAX
        return half or in_a_row >= limits.FAILOVER_BAD_IN_A_ROW_MAX

    def _forget(self, now_ns: int) -> None:
        while self._seen and now_ns - self._seen[0][0] > _MINUTE_NS:
            self._drop()

    def _drop(self) -> None:
        self._bad -= not self._seen.popleft()[1]


class Errors:
    """Counts what went wrong: for ever by reason, and of the last minute."""

    def __init__(self) -> None:
        self.by_reason: Counter[str] = Counter()
        self._minute: deque[int] = deque(maxlen=10_000)

    def note(self, reason: str, now_ns: int) -> None:
        self.by_reason[reason] += 1
        self._minute.append(now_ns)

    def per_minute(self, now_ns: int) -> float:
        while self._minute and now_ns - self._minute[0] > _MINUTE_NS:
            self._minute.popleft()
        return float(len(self._minute))


class Breaker:
    """Keeps questions of one kind from a provider that fails them, for a while that grows."""

    def __init__(self) -> None:
        self._failures = 0
        self._until_ns = 0
        self._pause_seconds = limits.FAILOVER_BREAKER_SECONDS_FIRST

    def is_open(self, now_ns: int) -> bool:
        return now_ns < self._until_ns

    def succeeded(self) -> None:
        self._failures = 0
        self._pause_seconds = limits.FAILOVER_BREAKER_SECONDS_FIRST

    def failed(self, now_ns: int, *, wait_seconds: float = 0.0) -> None:
        """Note a failure; `wait_seconds` is what the provider itself asked for."""
        self._failures += 1
        if self._failures >= limits.FAILOVER_BREAKER_FAILURES_MAX:
            wait_seconds = max(wait_seconds, self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, limits.FAILOVER_BREAKER_SECONDS_MAX)
        if wait_seconds:
            self._until_ns = now_ns + int(wait_seconds * NANOSECONDS)
