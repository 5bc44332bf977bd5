"""The chain that the benchmarks of the quant core price: SPX-like, 20,000 European contracts.

Fifty expiries from six hours to two years, two hundred strikes each, calls and puts, with a smile
that has the skew of an index. Made here, so that it can be given to anybody.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.quant import black_scholes
from optix.quant.arrays import BoolArray, FloatArray

SPOT: Final = 5000.0
RATE: Final = 0.043
DIVIDEND_YIELD: Final = 0.013
EXPIRIES: Final = 50
STRIKES: Final = 200
SPREAD: Final = 0.01  # of the price, each side of it


class Chain(NamedTuple):
    """Columns of one length; rows of one expiry and side stand together, in order of strike."""

    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    is_call: BoolArray
    price: FloatArray  # discounted
    slice_starts: NDArray[np.int64]  # where an expiry and side begins, and the end of the last

    @property
    def rows(self) -> int:
        return self.strike.size


def spx_like() -> Chain:
    """Return the chain. The same on every machine, but for the last places of its prices."""
    years_of = np.geomspace(6 / (24 * 365), 2.0, EXPIRIES)
    years = np.repeat(years_of, 2 * STRIKES)
    is_call = np.tile(np.repeat([True, False], STRIKES), EXPIRIES)
    # Standard deviations from the forward; far strikes are listed further down than up.
    distance = np.tile(np.linspace(-3.5, 2.5, STRIKES), 2 * EXPIRIES)
    vol = 0.15 + 0.03 * np.maximum(-distance, 0.0) ** 1.2 + 0.008 * distance**2
    forward = SPOT * np.exp((RATE - DIVIDEND_YIELD) * years)
    strike = np.round(forward * np.exp(np.clip(distance * vol * np.sqrt(years), -1.6, 1.0)), 2)
    price = black_scholes.price(
        forward=forward, strike=strike, expiry_years=years, vol=vol, rate=RATE, is_call=is_call
    )
    starts = np.arange(0, years.size + 1, STRIKES, dtype=np.int64)
    return Chain(forward, strike, years, vol, is_call, price, starts)
