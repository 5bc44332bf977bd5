"""The feed process: build the market data providers of the settings, and run the engine on them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from optix.features.market import calendar
from optix.features.market.engine import FeedEngine
from optix.features.market.terms import ListedTerms
from optix.kernel.clock import Clock
from optix.kernel.errors import InvalidInput, OptixError, Unavailable
from optix.platform.bus import Bus
from optix.platform.market_settings import names_of
from optix.platform.settings import Settings
from optix.ports.market_data import DataKind, MarketDataProvider
from optix.processes.feed_metrics import FeedMetrics
from optix.processes.providers import PROVIDERS, references_of

if TYPE_CHECKING:
    from optix.adapters.market_data.failover import FailoverMarketData

log = structlog.get_logger(__name__)

PROBE_SYMBOL = "SPY"
PROBE_SECONDS_MAX = 4.0


class FeedNotOffered(InvalidInput):
    """A feed is named that cannot be built here."""

    code = "feed_not_offered"
    next_step = "Name another feed in OPTIX_FEED, or set the account of this one."


async def choose_provider(settings: Settings, clock: Clock) -> MarketDataProvider:
    """Return the provider that the settings name; of several, one that fails over between them.

    `auto` is Cboe where it answers, else the simulator.
    Errors: an OptixError with a sentence when a recording cannot be read, FeedNotOffered.
    """
    feeds = settings.market.feeds
    if feeds == ("auto",):
        return await _whichever_answers(settings, clock)
    if len(feeds) > 1:
        return _failover(settings, clock)
    # A recording is read from files, which takes a while.
    return await asyncio.to_thread(build_provider, feeds[0], settings, clock)


def build_provider(name: str, settings: Settings, clock: Clock) -> MarketDataProvider:
    """Return one provider by its name. Errors: FeedNotOffered, an unreadable recording."""
    build = PROVIDERS.get(name)
    provider = None if build is None else build(settings, clock)
    if provider is None:
        missing = "is not part of this release" if build is None else "has no account here"
        raise FeedNotOffered(f"The market feed {name} {missing}.")
    return provider


def _failover(settings: Settings, clock: Clock) -> FailoverMarketData:
    from optix.adapters.market_data.failover import FailoverMarketData

    market = settings.market
    orders = {kind: names_of(market.feed_orders.get(kind, market.feed)) for kind in DataKind}
    return FailoverMarketData(
        [build_provider(name, settings, clock) for name in market.feeds],
        clock=clock,
        orders=orders,
        keep_order=market.feed_keep_order,
        is_ticking=prices_move,
    )


def prices_move(now_ns: int) -> bool:
    """True while the exchange is open: only then is a silent provider a broken one."""
    try:
        return calendar.session_at(now_ns).session == "regular"
    except calendar.OutsideCalendar:
        return True


async def _whichever_answers(settings: Settings, clock: Clock) -> MarketDataProvider:
    cboe = build_provider("cboe", settings, clock)
    try:
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            await cboe.open()
            await cboe.fetch_quote(PROBE_SYMBOL)
    except (OptixError, TimeoutError) as error:
        await cboe.close()
        log.info("feed.chosen", feed="sim", because=f"Cboe does not answer: {error}")
        return build_provider("sim", settings, clock)
    log.info("feed.chosen", feed="cboe")
    return cboe


class FeedComponent:
    """Runs the engine; the provider is chosen anew at each start."""

    def __init__(
        self,
        bus: Bus,
        settings: Settings,
        clock: Clock,
        *,
        name: str = "feed",
        metrics: FeedMetrics | None = None,
    ) -> None:
        self.name = name
        self._bus = bus
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._engine: FeedEngine | None = None

    async def run(self) -> None:
        provider = await choose_provider(self._settings, self._clock)
        references = references_of(provider, self._settings, self._clock)
        self._engine = FeedEngine(
            provider,
            self._bus,
            terms=ListedTerms(),
            clock=self._clock,
            rate_fallback=self._settings.market.risk_free_rate,
            rates=references.rates,
            earnings=references.earnings,
        )
        if self._metrics is not None:
            self._metrics.watch(provider, self._engine.metrics)
        try:
            await self._engine.run()
        finally:
            self._engine = None
            await references.close()

    async def ping(self) -> None:
        """Raise Unavailable while a provider is chosen and opened for the first time."""
        if self._engine is None:
            raise Unavailable("The market feed is starting.")
        await self._engine.ping()
