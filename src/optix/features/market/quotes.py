"""What follows from one quote. Pure."""

from __future__ import annotations

from math import isfinite

from optix.kernel.quote import Quote


def spot_price_of(quote: Quote) -> float:
    """Return the price that stands for the underlying: last, else the mid, else NaN."""
    if isfinite(quote.last) and quote.last > 0:
        return quote.last
    return (quote.bid + quote.ask) / 2
