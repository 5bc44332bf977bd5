"""Realised volatility: how much a price has moved, from its daily bars. Annual decimals.

Three estimators of one number. From closes alone (the usual one); from highs and lows (Parkinson:
five times as efficient, blind to what happens overnight); from all four prices (Yang and Zhang:
independent of drift and of overnight jumps).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optix.quant.arrays import FloatArray

SESSIONS_PER_YEAR = 252
_OPEN_WEIGHT = 0.34  # α of Yang and Zhang's k = α / (1 + α + (n + 1)/(n − 1))


def close_to_close(close: ArrayLike) -> float:
    """Return the standard deviation of daily log returns, annualised.

    Shapes:  close (n + 1,), oldest first, for n returns.
    Units:   any currency, adjusted for splits and dividends; the result is an annual decimal.
    Errors:  NaN with fewer than two returns, or where a price is not above zero.
    Source:  the sample standard deviation about the mean, n − 1 in the denominator, √252.
    """
    returns = np.diff(_logs(close))
    return _annual(float(np.var(returns, ddof=1))) if returns.size > 1 else float("nan")


def parkinson(high: ArrayLike, low: ArrayLike) -> float:
    """Return the volatility that the ranges of n days tell, annualised.

    Shapes:  high and low (n,).
    Units:   as `close_to_close`.
    Errors:  NaN without a day, or where a price is not above zero.
    Source:  Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return,
             Journal of Business 53 (1980): σ² = Σ ln(H/L)² / (4·n·ln 2).
    """
    ranges = _logs(high) - _logs(low)
    return _annual(float(np.mean(ranges**2)) / (4.0 * np.log(2.0))) if ranges.size else float("nan")


def yang_zhang(open_: ArrayLike, high: ArrayLike, low: ArrayLike, close: ArrayLike) -> float:
    """Return the volatility from all four prices of n days after a first one, annualised.

    Shapes:  four columns (n + 1,), oldest first; of the first day only the close is used.
    Units:   as `close_to_close`.
    Errors:  NaN with fewer than two days after the first, or where a price is not above zero.
    Source:  Yang and Zhang, Drift Independent Volatility Estimation Based on High, Low, Open and
             Close Prices, Journal of Business 73 (2000), equations 8 to 10.
    """
    o, h, l, c = (_logs(column) for column in (open_, high, low, close))
    days = c.size - 1
    if days < 2:  # a variance needs two
        return float("nan")
    overnight = o[1:] - c[:-1]
    up, down, through = h[1:] - o[1:], l[1:] - o[1:], c[1:] - o[1:]
    rogers_satchell = float(np.mean(up * (up - through) + down * (down - through)))
    k = _OPEN_WEIGHT / (1.0 + _OPEN_WEIGHT + (days + 1.0) / (days - 1.0))
    variance = (
        float(np.var(overnight, ddof=1))
        + k * float(np.var(through, ddof=1))
        + (1.0 - k) * rogers_satchell
    )
    return _annual(variance)


def _logs(prices: ArrayLike) -> FloatArray:
    values = np.asarray(prices, dtype=np.float64)
    return np.log(np.where(values > 0, values, np.nan))


def _annual(variance: float) -> float:
    return float(np.sqrt(variance * SESSIONS_PER_YEAR))
