"""The market clock of a recording: starts with it, runs at a speed, stands still at the end."""

from __future__ import annotations

from optix.kernel.clock import Clock, ScaledClock


class ReplayClock:
    """Shows the recording's start until `start` is called. Goes back only in `restart`."""

    def __init__(self, base: Clock, *, start_ns: int, end_ns: int, speed: float) -> None:
        self.speed = speed
        self.start_ns = start_ns
        self.end_ns = end_ns
        self._base = base
        self._running: ScaledClock | None = None

    def now_ns(self) -> int:
        return self.start_ns if self._running is None else self._running.now_ns()

    def start(self) -> None:
        if self._running is None:
            self.restart()

    def restart(self) -> None:
        """Begin again at the start of the recording."""
        self._running = ScaledClock(
            self._base, origin_ns=self.start_ns, speed=self.speed, end_ns=self.end_ns
        )

    def advance_to(self, instant_ns: int) -> None:
        """Move forward, as step mode does. Going back is refused."""
        self.start()
        assert self._running is not None, "started above"
        self._running.advance_to(min(instant_ns, self.end_ns))

    def seconds_until(self, instant_ns: int) -> float | None:
        """Return the real time until the clock shows `instant_ns`, None if it never will."""
        if self.speed == 0:
            return None
        return max(instant_ns - self.now_ns(), 0) / 1e9 / self.speed
