"""Polygon behind the market data port: chains by question, their quotes and prints by stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.kept import Kept
from optix.adapters.market_data.polygon import translate
from optix.adapters.market_data.polygon.client import REQUESTS_PER_SECOND_MAX, PolygonClient
from optix.adapters.market_data.polygon.stream import QUOTED_CONTRACTS_MAX, PolygonStream
from optix.adapters.market_data.polygon.translate import DELAY_SECONDS, SOURCE
from optix.adapters.market_data.rows import refuse_drift
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.polling import PollTimes
from optix.adapters.market_data.streaming.protocol import StreamTimings
from optix.adapters.market_data.streaming.provider import FollowedProvider, canonical
from optix.adapters.market_data.tables import expirations_of, unknown_expiration
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Expiration,
    UnknownSymbol,
)

LISTING_SECONDS = 3_600.0  # contracts are listed overnight
LISTINGS_MAX = 64


def capabilities_of(quality: Quality) -> Capabilities:
    """Return what a plan of that quality can do."""
    delayed = quality is Quality.DELAYED
    return Capabilities(
        name=SOURCE,
        label="Polygon",
        quality=quality,
        delay_seconds=DELAY_SECONDS if delayed else 0,
        streaming=True,
        intervals=frozenset(BarInterval),
        vendor_greeks=True,
        kinds=frozenset(
            {DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH, DataKind.TRADES}
        ),
        symbols_max=QUOTED_CONTRACTS_MAX,
        requests_per_minute=REQUESTS_PER_SECOND_MAX * 60,
        notice="Quotes are delayed by 15 minutes. Source: Polygon." if delayed else "",
    )


class PolygonMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `HealthReporter`."""

    def __init__(
        self,
        client: PolygonClient,
        vendor: PolygonStream,
        *,
        quality: Quality,
        clock: Clock,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
    ) -> None:
        self._client = client
        self._plan = quality
        self._listings: Kept[str, list[OptionContract]] = Kept(
            self._load_listing, clock, seconds=LISTING_SECONDS, count_max=LISTINGS_MAX
        )
        self._follow(
            capabilities_of(quality),
            clock,
            [client.rest],
            vendor=vendor,
            timings=timings,
            polls=polls,
            ticking=ticking,
        )

    async def open(self) -> None:
        """Ask something small, so that a wrong key is known at once."""
        await self._client.check()
        self.feed.open()

    async def close(self) -> None:
        await self._listings.close()
        await super().close()

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of those `symbols` that Polygon has. Raises ProviderUnavailable."""
        names = {translate.vendor_symbol(symbol): symbol for symbol in symbols}
        rows = await self._client.fetch_snapshots(list(names))
        received_ns = self.clock.now_ns()
        return {
            names[ticker]: translate.translate_quote(
                row, symbol=names[ticker], received_ns=received_ns, plan=self._plan
            )
            for ticker, row in rows.items()
        }

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return expirations_of(await self._listings.get(canonical(underlying)))

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        symbol = canonical(key.underlying)
        key = ChainKey(symbol, key.expiration)
        rows = await self._client.fetch_chain(translate.vendor_symbol(symbol), key.expiration)
        if not rows:
            await self._listings.get(symbol)  # raises where nothing at all is listed
            raise unknown_expiration(symbol, key.expiration)
        table = translate.translate_chain(
            rows, key=key, received_ns=self.clock.now_ns(), plan=self._plan
        )
        return refuse_drift("Polygon", table, len(rows))

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        symbol = canonical(symbol)
        weekly = interval is BarInterval.WEEK_1
        # A week that begins before the asked days is cut off whole, so it is not joined in part.
        first = start - timedelta(days=7) if weekly else start
        multiple, span = translate.SPANS[interval]
        rows = await self._client.fetch_bars(
            translate.vendor_symbol(symbol), multiple, span, first, end
        )
        if not rows and not await self.fetch_quotes([symbol]):
            raise UnknownSymbol(f"Polygon has no {symbol}.")
        bars, _ = translate.translate_bars(rows)
        if weekly:
            bars = bar_rules.join_bars(bars, interval)
        return Bars(
            symbol=symbol,
            interval=interval,
            source=SOURCE,
            quality=self._plan,
            adjusted=False,
            rows=bar_rules.within(bars, start=start, end=end),
        )

    async def _load_listing(self, underlying: str) -> list[OptionContract]:
        rows = await self._client.fetch_contracts(underlying)
        contracts = translate.translate_listing(rows, underlying)
        if not contracts:
            raise UnknownSymbol(f"Polygon lists no options of {underlying}.")
        return contracts
