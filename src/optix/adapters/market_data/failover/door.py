"""What is no market data, whoever sent it: refused at the door, counted, and never passed on.

Adapters clean what their vendors send. This is for an adapter or a vendor that has gone mad: one
that is believed would take the place of one that is right. Odd but possible quotes (crossed, wide,
without a bid) are not refused here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import Quote, TradingStatus
from optix.kernel.trade import Trade

UNREADABLE: Final = "unreadable"
FROM_THE_FUTURE: Final = "from_the_future"
WITHOUT_A_TIME: Final = "without_a_time"
IMPOSSIBLE_PRICE: Final = "impossible_price"
TOO_LARGE: Final = "too_large"
MIXED: Final = "mixed_underlyings"

_PRICES: Final = ("bid", "ask", "last")


def fault_of(update: object, now_ns: int) -> str | None:
    """Return why an update is refused, None where it may pass."""
    if not isinstance(update, Quote | ChainTable | Trade | TradingStatus):
        return UNREADABLE
    if update.ts_event <= 0:
        return WITHOUT_A_TIME
    if update.ts_event - now_ns > limits.FAILOVER_FUTURE_SECONDS_MAX * NANOSECONDS:
        return FROM_THE_FUTURE
    if isinstance(update, ChainTable):
        return _fault_of_chain(update, now_ns)
    if isinstance(update, Quote):
        prices = (update.bid, update.ask, update.last, update.previous_close)
        return None if all(map(_is_possible, prices)) else IMPOSSIBLE_PRICE
    if isinstance(update, Trade):
        return None if _is_possible(update.price) else IMPOSSIBLE_PRICE
    return None


def _fault_of_chain(table: ChainTable, now_ns: int) -> str | None:
    if len(table) > limits.CHAIN_CONTRACTS_MAX:
        return TOO_LARGE
    for name in _PRICES:
        column = np.frombuffer(table.columns[name], dtype=np.float64)
        if np.any(column < 0.0) or np.any(column >= limits.PRICE_MAX):  # NaN compares false
            return IMPOSSIBLE_PRICE
    if table.spot is not None:
        if table.spot.symbol != table.underlying:
            return MIXED
        return fault_of(table.spot, now_ns)
    return None


def _is_possible(price: float) -> bool:
    return price != price or 0.0 <= price < limits.PRICE_MAX  # noqa: PLR0124  # NaN: not said
