"""A clock that nobody waits for: sleeping moves it, and so does nothing else."""

from __future__ import annotations

from datetime import datetime

from optix.kernel.clock import NANOSECONDS, to_ns


class SteppingClock:
    """Its `sleep` is for whoever would wait."""

    def __init__(self, start: datetime) -> None:
        self._now_ns = to_ns(start)

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += int(seconds * NANOSECONDS)

    async def sleep(self, seconds: float) -> None:
        self.advance(max(seconds, 0.0))
