"""How each market data provider is built, by the name that the settings call it. Plain code.

A builder imports its adapter when it is called, because a recording's reader alone takes 30 MB. It
returns None where the account of the provider is not set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from optix.features.market import calendar, expirations
from optix.kernel.clock import Clock
from optix.kernel.quote import Quality
from optix.platform.settings import Settings
from optix.ports.market_data import MarketDataProvider
from optix.ports.reference_data import EarningsSource

if TYPE_CHECKING:
    from optix.adapters.market_data.orats import OratsMarketData
    from optix.adapters.market_data.treasury import TreasuryRates

Build = Callable[[Settings, Clock], MarketDataProvider | None]


def build_cboe(settings: Settings, clock: Clock) -> MarketDataProvider:
    """Return Cboe's delayed quotes, which need no account."""
    del settings
    from optix.adapters.market_data.cboe import CboeMarketData

    return CboeMarketData.over_http(clock=clock)


def build_sim(settings: Settings, clock: Clock) -> MarketDataProvider:
    """Return the simulator on the exchange's calendar."""
    from optix.adapters.market_data.sim import SimulatedMarket

    return SimulatedMarket(clock, calendar, expirations, seed=settings.market.sim_seed)


def build_replay(settings: Settings, clock: Clock) -> MarketDataProvider:
    """Return the recording of the settings, read: slow, and with a clock of its own."""
    del clock
    from optix.adapters.market_data.replay import open_replay

    market = settings.market
    assert market.replay is not None, "the settings refuse replay without a recording"
    return open_replay(market.replay, speed=market.replay_speed, loop=market.replay_loop)


def build_tradier(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.tradier import build_provider

    return build_provider(settings.tradier, clock)


def build_alpaca(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.alpaca import build_provider

    return build_provider(settings.alpaca, clock)


def build_polygon(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.polygon import build_provider

    return build_provider(settings.polygon, clock)


def build_schwab(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.schwab import build_provider

    return build_provider(settings.schwab, clock)


def build_tastytrade(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.tastytrade import build_provider

    return build_provider(settings.tastytrade, clock)


def build_yahoo(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.yahoo import build_provider

    return build_provider(settings.yahoo, clock)


def build_thetadata(settings: Settings, clock: Clock) -> MarketDataProvider | None:
    from optix.adapters.market_data.thetadata import build_provider

    return build_provider(settings.thetadata, clock)


def build_orats(settings: Settings, clock: Clock) -> OratsMarketData | None:
    from optix.adapters.market_data.orats import build_provider

    return build_provider(settings.orats, clock)


# One line for each provider: its name in OPTIX_FEED and how it is built.
PROVIDERS: Final[Mapping[str, Build]] = {
    "cboe": build_cboe,
    "tradier": build_tradier,
    "alpaca": build_alpaca,
    "polygon": build_polygon,
    "schwab": build_schwab,
    "tastytrade": build_tastytrade,
    "yahoo": build_yahoo,
    "thetadata": build_thetadata,
    "orats": build_orats,
    "sim": build_sim,
    "replay": build_replay,
}


@dataclass(frozen=True, slots=True)
class References:
    """Who tells what is no market data. What was built for it is closed with it."""

    rates: TreasuryRates | None = None
    earnings: EarningsSource | None = None
    built: Sequence[MarketDataProvider] = ()

    async def close(self) -> None:
        if self.rates is not None:
            await self.rates.close()
        for provider in self.built:
            await provider.close()


def references_of(provider: MarketDataProvider, settings: Settings, clock: Clock) -> References:
    """Return who tells a market of today its rates and reports; a past one is told no rates.

    Earnings dates come from the feed itself, or from ORATS where it has an account.
    """
    known: object = provider
    own = known if isinstance(known, EarningsSource) else None
    if provider.capabilities.quality in {Quality.REPLAY, Quality.SIMULATED}:
        return References(earnings=own)
    from optix.adapters.market_data.treasury import build_source

    orats = None if own is not None else build_orats(settings, clock)
    rates = build_source(clock)
    return References(rates, own) if orats is None else References(rates, orats, [orats])
