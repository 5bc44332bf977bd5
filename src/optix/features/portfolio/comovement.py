"""How prices moved together: betas and correlations from daily closes. Pure.

Returns are simple ones between consecutive days that both sides have. Fewer than `DAYS_MIN` of them
say nothing, and the answer then is a reason and not a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from optix.quant.arrays import FloatArray

BENCHMARK: Final = "SPY"
DAYS_MIN: Final = 60
WINDOW: Final = 252  # sessions
TOO_FEW: Final = "too_few_days"
NO_MOVES: Final = "no_moves"

Closes = Mapping[date, float]


@dataclass(frozen=True, slots=True)
class Beta:
    """Slope of one asset's daily returns on another's.

    Shapes:  numbers; `value` and `r2` are None where `reason` says why. `n` counts returns.
    Source:  ordinary least squares: cov(x, m) / var(m).
    """

    value: float | None
    r2: float | None
    n: int
    reason: str = ""


def beta_of(closes: Closes, market: Closes, *, window: int = WINDOW) -> Beta:
    """Return the beta of an asset to a market over the last `window` common days."""
    own, others = _returns(closes, market, window)
    if own.size < DAYS_MIN:
        return Beta(None, None, own.size, TOO_FEW)
    x, m = own - own.mean(), others - others.mean()
    square, both, spread = (m @ m).item(), (x @ m).item(), (x @ x).item()
    if square <= 0 or spread <= 0:
        return Beta(None, None, own.size, NO_MOVES)
    return Beta(both / square, both * both / (square * spread), own.size)


@dataclass(frozen=True, slots=True)
class Correlation:
    value: float | None
    n: int
    reason: str = ""


def correlation_of(one: Closes, other: Closes, *, window: int = WINDOW) -> Correlation:
    """Return the correlation of two assets' daily returns over the last common days."""
    found = beta_of(one, other, window=window)
    if found.value is None or found.r2 is None:
        return Correlation(None, found.n, found.reason)
    size = np.sqrt(found.r2).item()
    return Correlation(min(size, 1.0) if found.value >= 0 else max(-size, -1.0), found.n)


def _returns(one: Closes, other: Closes, window: int) -> tuple[FloatArray, FloatArray]:
    days = sorted(one.keys() & other.keys())[-(window + 1) :]
    return _moves([one[day] for day in days]), _moves([other[day] for day in days])


def _moves(closes: Sequence[float]) -> FloatArray:
    prices = np.array(closes, np.float64)
    return np.asarray(prices[1:] / prices[:-1] - 1.0)


def herfindahl(sizes: Sequence[float]) -> float | None:
    """Return the sum of squared shares, 1 for one holding; None where there is nothing."""
    whole = sum(sizes)
    return sum((size / whole) ** 2 for size in sizes) if whole > 0 else None
