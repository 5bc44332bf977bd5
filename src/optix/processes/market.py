"""The market of one process: its lanes on the bus, the feeds behind them, and its memory.

A process that runs feeds writes the lanes; one that serves reads them. `optix up` does both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from optix.features.market.book import MarketBook
from optix.features.market.history import HistoryCapture, MarketHistory
from optix.features.market.lanes import MarketLanes
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.platform.bus import Bus
from optix.platform.db import Database
from optix.platform.fanout.core import FanOut
from optix.platform.fanout.fan import new_fan
from optix.platform.settings import Settings
from optix.processes.feed import FeedComponent
from optix.processes.feed_metrics import FeedMetrics
from optix.processes.history import LateHistory, history_of

DELAYED_LANE: Final = "delayed"


@dataclass(slots=True, kw_only=True)
class Market:
    """What the components of one process share of the market."""

    settings: Settings
    clock: Clock
    bus: Bus
    delayed_bus: Bus | None
    lanes: MarketLanes
    keeper: LateHistory
    history: MarketHistory

    def feeds(self, registry: CollectorRegistry) -> list[FeedComponent]:
        """Return the feed, and the delayed one beside it where there is one."""
        metrics = FeedMetrics(registry, self.clock)
        feeds = [FeedComponent(self.bus, self.settings, self.clock, metrics=metrics)]
        delayed = self.settings.delayed_feed
        if self.delayed_bus is not None and delayed is not None:
            # Not the orders by kind: they name the feeds of the other lane.
            market = self.settings.market.only(delayed)
            settings = self.settings.model_copy(update={"market": market})
            feeds.append(FeedComponent(self.delayed_bus, settings, self.clock, name="delayed feed"))
        return feeds

    def capture(self) -> HistoryCapture | None:
        """Return what stores each session's chains, where underlyings are named for it."""
        symbols = self.settings.history.captured
        if not symbols:
            return None
        rate = self.settings.market.risk_free_rate
        return HistoryCapture(self.keeper, self.lanes.main.book, symbols=symbols, rate=rate)


def open_fan() -> FanOut:
    """Return the fan-out core of one lane, which is its book's and the stream's."""
    return new_fan(
        wheel_slices=limits.SOCKET_WHEEL_SLICES,
        stalled_ms_max=int(limits.SOCKET_STALLED_SECONDS_MAX * 1000),
        control_bytes_max=limits.SOCKET_CONTROL_BYTES_MAX,
    )


def market_of(settings: Settings, bus: Bus, database: Database, clock: Clock) -> Market:
    """Return the market's parts. Nothing runs and nothing is opened yet."""
    delayed_bus = Bus(bus.redis, clock, lane=DELAYED_LANE) if settings.delayed_feed else None
    book = MarketBook(bus, clock, fan=open_fan())
    delayed = None
    if delayed_bus is not None:
        delayed = MarketBook(delayed_bus, clock, fan=open_fan(), name="delayed book")
    lanes = MarketLanes.wire(
        book,
        delayed=delayed,
        database=database,
        clock=clock,
        required=settings.agreement_required,
        professionals=settings.agreement.market_professionals,
    )
    keeper = history_of(settings, clock)
    return Market(
        settings=settings,
        clock=clock,
        bus=bus,
        delayed_bus=delayed_bus,
        lanes=lanes,
        keeper=keeper,
        history=MarketHistory(keeper, book.market_now_ns, rate=settings.market.risk_free_rate),
    )
