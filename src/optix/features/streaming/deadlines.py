"""When sockets have to be looked at again: one wheel for all of them, and no timer of their own."""

from __future__ import annotations

import math
from typing import Final, Protocol

STEP_SECONDS: Final = 0.1
_STEPS: Final = 512  # further than that is looked at earlier, and put off again


class Checked(Protocol):
    """What has deadlines."""

    due: int  # the step at which it is looked at; what stands elsewhere is out of date

    def check(self, now: float) -> None: ...
    def next_check(self, now: float) -> float: ...


class Deadlines:
    """The wheel. Times are the loop's."""

    def __init__(self, now: float) -> None:
        self._steps: list[list[Checked]] = [[] for _ in range(_STEPS)]
        self._done = int(now / STEP_SECONDS)

    def add(self, each: Checked, at: float) -> None:
        """Look at it then, and no more when it was to be before."""
        step = min(max(math.ceil(at / STEP_SECONDS), self._done + 1), self._done + _STEPS - 1)
        each.due = step
        self._steps[step % _STEPS].append(each)

    def remove(self, each: Checked) -> None:
        """Do not look at it any more."""
        each.due = 0

    def turn(self, now: float) -> None:
        """Look at all that are due by now."""
        until = int(now / STEP_SECONDS)
        for step in range(max(self._done + 1, until - _STEPS + 1), until + 1):
            due, self._steps[step % _STEPS] = self._steps[step % _STEPS], []
            self._done = step
            for each in due:
                was = each.due
                if not was or was > step or (step - was) % _STEPS:
                    continue  # it is looked at elsewhere, or no more
                each.check(now)
                if each.due == was:
                    self.add(each, each.next_check(now))
        self._done = max(self._done, until)
