"""Tradier behind the market data port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import httpx

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.kept import Kept
from optix.adapters.market_data.streaming import PollTimes, StreamTimings
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.provider import (
    FollowedProvider,
    canonical,
    canonical_instrument,
)
from optix.adapters.market_data.tables import expirations_of, unknown_expiration
from optix.adapters.market_data.tradier import translate, wire
from optix.adapters.market_data.tradier.client import PRODUCTION_URL, SANDBOX_URL, TradierClient
from optix.adapters.market_data.tradier.stream import STREAM_URL, TradierStream
from optix.adapters.market_data.tradier.translate import SOURCE, vendor_symbol
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.platform.provider_settings import TradierSettings
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Expiration,
    ProviderUnavailable,
    UnknownSymbol,
    UnsupportedRequest,
)

LISTING_SECONDS = 3_600.0
LISTINGS_KEPT = 256
SPOT_SECONDS = 5.0
SPOTS_KEPT = 1_024
PROBE_SYMBOL = "SPY"

DAYS = {BarInterval.DAY_1: "daily", BarInterval.WEEK_1: "weekly"}
MINUTES = {
    BarInterval.MINUTE_1: "1min",
    BarInterval.MINUTE_5: "5min",
    BarInterval.MINUTE_30: "15min",  # joined: the vendor has no longer ones
    BarInterval.HOUR_1: "15min",
}

PRODUCTION = Capabilities(
    name=SOURCE,
    label="Tradier",
    quality=Quality.REALTIME,
    streaming=True,
    intervals=frozenset(BarInterval),
    vendor_greeks=True,
    kinds=frozenset(
        (DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH, DataKind.TRADES)
    ),
    requests_per_minute=120,
)
SANDBOX = replace(
    PRODUCTION,
    label="Tradier sandbox",
    quality=Quality.DELAYED,
    delay_seconds=900,
    streaming=False,
    kinds=PRODUCTION.kinds - {DataKind.TRADES},
    requests_per_minute=60,
    notice="Quotes are delayed by 15 minutes. Source: Tradier sandbox.",
)


class TradierMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `HealthReporter`."""

    def __init__(
        self,
        *,
        token: str,
        environment: str,
        clock: Clock,
        base_url: str | None = None,
        stream_url: str = STREAM_URL,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        live = environment == "production"
        capabilities = PRODUCTION if live else SANDBOX
        assert capabilities.requests_per_minute
        self._client = TradierClient(
            token=lambda: token,
            base_url=base_url or (PRODUCTION_URL if live else SANDBOX_URL),
            requests_per_minute=capabilities.requests_per_minute,
            clock=clock,
            transport=transport,
        )
        self._listings = Kept(
            self._load_listing, clock, seconds=LISTING_SECONDS, count_max=LISTINGS_KEPT
        )
        self._spots = Kept(self._load_spot, clock, seconds=SPOT_SECONDS, count_max=SPOTS_KEPT)
        stream = TradierStream(
            self._client.create_session, quality=capabilities.quality, url=stream_url
        )
        self._follow(
            capabilities,
            clock,
            (self._client.rest,),
            vendor=stream if live else None,
            timings=timings,
            polls=polls,
            ticking=ticking,
        )

    async def open(self) -> None:
        """Ask for one quote, so that a wrong token is known at once. Raises ProviderUnavailable."""
        self.feed.open()
        if not await self.fetch_quotes([PROBE_SYMBOL]):
            raise ProviderUnavailable("Tradier answers, but has no quote of SPY.")

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        answer = await self._client.fetch_quotes([vendor_symbol(symbol) for symbol in symbols])
        quotes = translate.translate_quotes(
            wire.elements(answer, "quotes", "quote"),
            received_ns=self.clock.now_ns(),
            quality=self.capabilities.quality,
        )
        return {symbol: quotes[symbol] for symbol in symbols if symbol in quotes}

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        today = bar_rules.new_york_date(self.clock.now_ns())
        contracts = await self._listings.get(canonical(underlying))
        return expirations_of(c for c in contracts if c.expiration >= today)

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        """Return one whole expiration, all its roots together."""
        underlying = canonical(key.underlying)
        answer = await self._client.fetch_chain(
            vendor_symbol(underlying), key.expiration.isoformat()
        )
        options = wire.elements(answer, "options", "option")
        if not options:
            await self._listings.get(underlying)  # raises for a symbol that is not known at all
            raise unknown_expiration(underlying, key.expiration)
        spot = await self._spots.get(underlying)
        return translate.translate_chain(
            underlying,
            options,
            received_ns=self.clock.now_ns(),
            quality=self.capabilities.quality,
            spot=spot,
        )

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars of a security or a contract. Minutes reach back some weeks only."""
        symbol = canonical_instrument(symbol)
        if interval in DAYS:
            bars = await self._days(symbol, DAYS[interval], start, end)
        elif interval in MINUTES:
            bars = await self._minutes(symbol, interval, start, end)
        else:
            raise UnsupportedRequest(f"Tradier has no bars of {interval}.")
        if not bars and not await self._exists(symbol):
            raise UnknownSymbol(f"Tradier has no {symbol}.")
        return Bars(
            symbol=symbol,
            interval=interval,
            source=SOURCE,
            quality=self.capabilities.quality,
            adjusted=False,
            rows=bar_rules.within(bars, start=start, end=end),
        )

    async def _days(self, symbol: str, interval: str, start: date, end: date) -> list[Bar]:
        # A week is named by its first day, which may lie before the asked ones.
        reach = start - timedelta(days=7) if interval == "weekly" else start
        answer = await self._client.fetch_history(
            vendor_symbol(symbol), interval, start=reach.isoformat(), end=end.isoformat()
        )
        return translate.translate_days(wire.elements(answer, "history", "day"))

    async def _minutes(
        self, symbol: str, interval: BarInterval, start: date, end: date
    ) -> list[Bar]:
        answer = await self._client.fetch_time_sales(
            vendor_symbol(symbol), MINUTES[interval], start=f"{start} 00:00", end=f"{end} 23:59"
        )
        bars = translate.translate_minutes(wire.elements(answer, "series", "data"))
        joined = interval in {BarInterval.MINUTE_30, BarInterval.HOUR_1}
        return bar_rules.join_bars(bars, interval) if joined else bars

    async def _exists(self, symbol: str) -> bool:
        answer = await self._client.fetch_quotes([vendor_symbol(symbol)])
        return bool(wire.elements(answer, "quotes", "quote"))

    async def _load_listing(self, underlying: str) -> list[OptionContract]:
        answer = await self._client.fetch_option_symbols(vendor_symbol(underlying))
        contracts = translate.translate_listing(underlying, wire.elements(answer, "symbols"))
        if not contracts:
            raise UnknownSymbol(f"Tradier lists no contracts on {underlying}.")
        return contracts

    async def _load_spot(self, symbol: str) -> Quote | None:
        return (await self.fetch_quotes([symbol])).get(symbol)


def build_provider(settings: TradierSettings, clock: Clock) -> TradierMarketData | None:
    """Return the provider of the settings' account, None where there is none."""
    if settings.tradier_token is None:
        return None
    return TradierMarketData(
        token=settings.tradier_token.get_secret_value(),
        environment=settings.tradier_environment,
        clock=clock,
    )
