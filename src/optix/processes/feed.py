"""The feed process: choose the market data provider of the settings, and run the engine on it.

Only the provider that is chosen is imported: a recording's reader alone takes 30 MB.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from optix.features.market import calendar, expirations
from optix.features.market.engine import FeedEngine
from optix.features.market.terms import ListedTerms
from optix.kernel.clock import Clock
from optix.kernel.errors import OptixError, Unavailable
from optix.platform.bus import Bus
from optix.platform.market_settings import MarketSettings
from optix.ports.market_data import MarketDataProvider

if TYPE_CHECKING:
    from optix.adapters.market_data.cboe import CboeMarketData
    from optix.adapters.market_data.sim import SimulatedMarket

log = structlog.get_logger(__name__)

PROBE_SYMBOL = "SPY"
PROBE_SECONDS_MAX = 4.0


async def choose_provider(settings: MarketSettings, clock: Clock) -> MarketDataProvider:
    """Return the provider that the settings name; `auto` is Cboe where it answers, else sim.

    Errors: an OptixError with a sentence when a recording cannot be read.
    """
    match settings.feed:
        case "cboe":
            return delayed_market(clock)
        case "replay":
            from optix.adapters.market_data.replay import open_replay

            assert settings.replay is not None, "the settings refuse replay without a recording"
            path, speed, loop = settings.replay, settings.replay_speed, settings.replay_loop
            return await asyncio.to_thread(lambda: open_replay(path, speed=speed, loop=loop))
        case "sim":
            return simulated_market(settings, clock)
    cboe = delayed_market(clock)
    try:
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            await cboe.open()
            await cboe.fetch_quote(PROBE_SYMBOL)
    except (OptixError, TimeoutError) as error:
        await cboe.close()
        log.info("feed.chosen", feed="sim", because=f"Cboe does not answer: {error}")
        return simulated_market(settings, clock)
    log.info("feed.chosen", feed="cboe")
    return cboe


def delayed_market(clock: Clock) -> CboeMarketData:
    """Return Cboe's delayed quotes."""
    from optix.adapters.market_data.cboe import CboeMarketData

    return CboeMarketData.over_http(clock=clock)


def simulated_market(settings: MarketSettings, clock: Clock) -> SimulatedMarket:
    """Return the simulator on the exchange's calendar."""
    from optix.adapters.market_data.sim import SimulatedMarket

    return SimulatedMarket(clock, calendar, expirations, seed=settings.sim_seed)


class FeedComponent:
    """Runs the engine; the provider is chosen anew at each start."""

    def __init__(
        self, bus: Bus, settings: MarketSettings, clock: Clock, *, name: str = "feed"
    ) -> None:
        self.name = name
        self._bus = bus
        self._settings = settings
        self._clock = clock
        self._engine: FeedEngine | None = None

    async def run(self) -> None:
        provider = await choose_provider(self._settings, self._clock)
        self._engine = FeedEngine(
            provider,
            self._bus,
            terms=ListedTerms(),
            clock=self._clock,
            rate_fallback=self._settings.risk_free_rate,
        )
        try:
            await self._engine.run()
        finally:
            self._engine = None

    async def ping(self) -> None:
        """Raise Unavailable while a provider is chosen and opened for the first time."""
        if self._engine is None:
            raise Unavailable("The market feed is starting.")
        await self._engine.ping()
