"""tastytrade behind the market data port: chains by question, all that moves by dxLink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from optix.adapters.market_data.kept import Kept
from optix.adapters.market_data.rows import refuse_drift
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.polling import PollTimes
from optix.adapters.market_data.streaming.protocol import StreamTimings
from optix.adapters.market_data.streaming.provider import FollowedProvider, canonical
from optix.adapters.market_data.tables import expirations_of, unknown_expiration
from optix.adapters.market_data.tastytrade import translate
from optix.adapters.market_data.tastytrade.client import (
    MARKET_DATA_SYMBOLS_MAX,
    REQUESTS_PER_MINUTE_MAX,
    TastytradeClient,
)
from optix.adapters.market_data.tastytrade.stream import QUOTED_SYMBOLS_MAX, DxLinkStream
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols, vendor_symbol
from optix.adapters.market_data.tastytrade.translate import DELAY_SECONDS, SOURCE, Listing
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.kernel.symbols import kind_of
from optix.ports.market_data import (
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Demand,
    Expiration,
    ProviderUnavailable,
    UnknownSymbol,
    UnsupportedRequest,
)

LISTING_SECONDS = 3_600.0  # contracts are listed overnight
LISTINGS_MAX = 64


def capabilities_of(quality: Quality) -> Capabilities:
    """Return what an account with market data of that quality can do."""
    delayed = quality is Quality.DELAYED
    return Capabilities(
        name=SOURCE,
        label="tastytrade",
        quality=quality,
        delay_seconds=DELAY_SECONDS if delayed else 0,
        streaming=True,
        vendor_greeks=True,
        kinds=frozenset({DataKind.QUOTES, DataKind.CHAINS, DataKind.SEARCH, DataKind.TRADES}),
        symbols_max=QUOTED_SYMBOLS_MAX,
        requests_per_minute=REQUESTS_PER_MINUTE_MAX,
        notice="Quotes are delayed by 15 minutes. Source: tastytrade." if delayed else "",
    )


class TastytradeMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `HealthReporter`."""

    def __init__(
        self,
        client: TastytradeClient,
        *,
        quality: Quality,
        clock: Clock,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
    ) -> None:
        self.clock = clock
        self._client = client
        self._timings, self._polls, self._ticking = timings, polls, ticking
        self._symbols = StreamerSymbols()
        self._listings: Kept[str, Listing] = Kept(
            self._load_listing, clock, seconds=LISTING_SECONDS, count_max=LISTINGS_MAX
        )
        self._demand = Demand()
        self._set_quality(quality)

    def _set_quality(self, quality: Quality) -> None:
        """Follow the demand with a stream of that quality."""
        self._quality = quality
        self._follow(
            capabilities_of(quality),
            self.clock,
            [self._client.rest, self._client.sign_in],
            vendor=DxLinkStream(self._client, self._symbols, clock=self.clock, quality=quality),
            timings=self._timings,
            polls=self._polls,
            ticking=self._ticking,
        )
        self.feed.set_demand(self._demand)

    async def open(self) -> None:
        """Sign in, and learn whether the account's data is real time: no event says so later."""
        token = await self._client.fetch_quote_token()
        if token.level != "api" and self._quality is Quality.REALTIME:
            self._set_quality(Quality.DELAYED)
        self.feed.open()

    async def close(self) -> None:
        await self._listings.close()
        await super().close()

    def set_demand(self, demand: Demand) -> None:
        self._demand = demand
        super().set_demand(demand)

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of those `symbols` that tastytrade has. Raises ProviderUnavailable."""
        names: dict[str, dict[str, str]] = {"index": {}, "equity": {}}
        for symbol in symbols:
            kind = "index" if kind_of(symbol) is SecurityKind.INDEX else "equity"
            names[kind][vendor_symbol(symbol)] = symbol
        items = await self._client.fetch_market_data(
            {kind: list(known) for kind, known in names.items()}
        )
        received_ns = self.clock.now_ns()
        ours = names["index"] | names["equity"]
        return {
            ours[item["symbol"]]: translate.translate_quote(
                item,
                symbol=ours[item["symbol"]],
                received_ns=received_ns,
                quality=self._quality,
            )
            for item in items
            if isinstance(item, dict) and item.get("symbol") in ours
        }

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        listing = await self._listings.get(canonical(underlying))
        return expirations_of(listed.contract for listed in listing.contracts)

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        """Return the listed contracts with their quotes, from a request for each hundred."""
        symbol = canonical(key.underlying)
        key = ChainKey(symbol, key.expiration)
        listing = await self._listings.get(symbol)
        contracts = listing.of(key.expiration)
        if not contracts:
            raise unknown_expiration(symbol, key.expiration)
        spot = await self._spot(symbol)
        names = translate.names_of(contracts)
        items: list[object] = []
        for start in range(0, len(names), MARKET_DATA_SYMBOLS_MAX):
            batch = names[start : start + MARKET_DATA_SYMBOLS_MAX]
            items += await self._client.fetch_market_data({"equity-option": batch})
        table = translate.translate_chain(
            listing,
            items,
            key=key,
            spot=spot,
            received_ns=self.clock.now_ns(),
            quality=self._quality,
        )
        return refuse_drift("tastytrade", table, len(contracts))

    async def fetch_bars(
        self,
        symbol: str,
        interval: BarInterval,
        *,
        start: date,  # noqa: ARG002 - the port's words
        end: date,  # noqa: ARG002 - the port's words
    ) -> Bars:
        raise UnsupportedRequest(f"tastytrade gives no bars of {interval} to {symbol[:32]}.")

    async def _spot(self, symbol: str) -> Quote | None:
        """Return the underlying, None where it has no quote: its chain is served all the same."""
        try:
            return (await self.fetch_quotes([symbol])).get(symbol)
        except ProviderUnavailable as error:
            if error.code == "provider_format_changed":
                return None
            raise

    async def _load_listing(self, underlying: str) -> Listing:
        items = await self._client.fetch_nested_chain(vendor_symbol(underlying))
        listing = translate.translate_listing(items, underlying)
        if not listing.contracts:
            raise UnknownSymbol(f"tastytrade lists no options of {underlying}.")
        for listed in listing.contracts:
            if listed.streamer_symbol:
                self._symbols.learn(listed.contract, listed.streamer_symbol)
        return listing
