"""When a name trades: auctions at both ends of a session, halts after a leap."""

from __future__ import annotations

from optix.adapters.market_data.sim.names import SimulatedName
from optix.adapters.market_data.sim.path import MarketPath
from optix.adapters.market_data.sim.quotes import SOURCE
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import SecurityKind, TradingState, TradingStatus

AUCTION_NS = 60 * NANOSECONDS
LIMIT_UP_LIMIT_DOWN = "LUDP"


def statuses(path: MarketPath, name: SimulatedName, number: int) -> list[TradingStatus]:
    """Return what the venue says of a name from the eve of session `number` to its end."""
    open_ns, close_ns = path.open_ns(number), path.close_ns(number)
    told: list[tuple[int, TradingState, str]] = [(open_ns, TradingState.OPEN, "")]
    if name.kind is SecurityKind.INDEX:
        told.append((close_ns, TradingState.CLOSED, ""))
    else:
        told.insert(0, (open_ns - AUCTION_NS, TradingState.AUCTION, "opening auction"))
        halt = path.halt(name.symbol, number)
        if halt is not None:
            first, last = halt
            told.append((first, TradingState.PAUSED, LIMIT_UP_LIMIT_DOWN))
            told.append((last - AUCTION_NS, TradingState.AUCTION, "reopening auction"))
            told.append((last, TradingState.OPEN, ""))
        told.append((close_ns, TradingState.AUCTION, "closing auction"))
        told.append((close_ns + AUCTION_NS, TradingState.CLOSED, ""))
    return [
        TradingStatus(
            symbol=name.symbol,
            state=state,
            reason=reason,
            source=SOURCE,
            ts_event=instant,
            ts_received=instant,
        )
        for instant, state, reason in told
    ]
