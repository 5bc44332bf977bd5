"""The market of the stream's benchmarks: 5,000 symbols whose quotes change all the time.

The same rows for everybody: the product's feed gets them as quotes, the peers as lists.
"""

from __future__ import annotations

import itertools
import random
import string
import time
from functools import lru_cache
from typing import Any, Final

SYMBOLS: Final = 5_000
BESIDE: Final = 1  # further ones that are there and never change
FOLLOWED: Final = 50  # symbols of one client
UPDATES_PER_S: Final = 2.0  # of each symbol
INTERVAL_MS: Final = 250
STEP_SECONDS: Final = 0.01
PRICES: Final = 16  # a symbol walks through so many


def symbols(count: int = SYMBOLS) -> list[str]:
    """Return that many symbols of four letters, of which none is a class of another's shares."""
    letters = itertools.product(string.ascii_uppercase, repeat=3)
    return ["Q" + "".join(next(letters)) for _ in range(count)]


def watchlists(count: int, *, followed: int = FOLLOWED, among: int = SYMBOLS) -> list[list[str]]:
    """Return what each client follows: the same in every run."""
    names, chosen = symbols(among), random.Random(1)  # not a secret
    return [chosen.sample(names, followed) for _ in range(count)]


@lru_cache(maxsize=SYMBOLS * PRICES)
def _numbers_of(number: int, step: int) -> tuple[float, ...]:
    base = 20 + number % 480
    last = round(base + 0.01 * (step * 7 % PRICES), 2)
    return (
        *(round(last - 0.01, 2), round(last + 0.01, 2), 100.0 + step % 9, 200.0 + step % 7, last),
        *(float(base), base + 1.5, base - 0.5, base - 0.25, 1_000_000.0 + 100 * step),
    )


def numbers_of(number: int, step: int) -> tuple[float, ...]:
    """Return bid, ask, their sizes, last, open, high, low, previous close and volume at a step."""
    return _numbers_of(number, step % PRICES)


def row_of(number: int, symbol: str, step: int, at_ms: int) -> list[Any]:
    """Return the row of docs/streaming.md of a symbol at a step of its walk."""
    return [symbol, *numbers_of(number, step), at_ms, "live", 0, "open"]


class Ticks:
    """Which symbols change at a moment: all of them in turn, at an even pace."""

    def __init__(self, per_second: float, count: int = SYMBOLS) -> None:
        self._per_second = per_second
        self._count = count
        self._began = time.monotonic()
        self._done = 0

    def due(self) -> range:
        """Return the numbers of ticks due since the last call, a tenth of a second's at most.

        Who is later than that has lost them: catching up would make it later still.
        """
        now = int((time.monotonic() - self._began) * self._per_second)
        first = max(self._done, now - int(self._per_second / 10))
        self._done = now
        return range(first, now)

    def place(self, tick: int) -> tuple[int, int]:
        """Return the symbol's number and its step."""
        return tick % self._count, tick // self._count


QUIET: Final = symbols(SYMBOLS + BESIDE)[-1]  # is there, and does not change by itself
