"""Contracts by the model of their exercise: European ones on the forward, American ones on a yield.

Terms are those that the chain was solved with, so that a volatility of the chain gives its price
again. Where a chain prices its dividends in cash, the yield that its forward implies stands in for
them. Pure.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from optix.features.market.marks import MarkColumns
from optix.quant import american, black_scholes
from optix.quant.arrays import FloatArray


def prices_of(columns: MarkColumns, names: NDArray[np.intp], vol: FloatArray) -> FloatArray:
    """Return the price per share of contracts at volatilities; NaN where terms are missing.

    Shapes:  names and vol (rows,); the result has it.
    """
    years, forward, rate, spot, dividend_yield = columns.terms[:, names]
    style, call, strike = columns.american[names], columns.is_call[names], columns.strike[names]
    found = np.full(names.shape, nan)
    usable = np.isfinite(vol) & np.isfinite(forward) & (years > 0)
    for is_american in (False, True):
        at = np.flatnonzero(usable & (style == is_american))
        if at.size == 0:
            continue
        terms = {
            "strike": strike[at],
            "expiry_years": years[at],
            "vol": vol[at],
            "rate": rate[at],
            "is_call": call[at],
        }
        found[at] = (
            american.price(spot=spot[at], dividend_yield=dividend_yield[at], **terms)
            if is_american
            else black_scholes.price(forward=forward[at], **terms)
        )
    return found
