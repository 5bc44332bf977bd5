"""Schwab behind the market data port: chains by question, what moves by the streamer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.kept import Kept
from optix.adapters.market_data.rows import refuse_drift
from optix.adapters.market_data.schwab import translate
from optix.adapters.market_data.schwab.client import REQUESTS_PER_MINUTE_MAX, SchwabClient
from optix.adapters.market_data.schwab.stream import SYMBOLS_MAX, SchwabStream
from optix.adapters.market_data.schwab.symbols import vendor_symbol
from optix.adapters.market_data.schwab.translate import SOURCE
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
    Bar,
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

_MINUTES = {
    BarInterval.MINUTE_1: 1,
    BarInterval.MINUTE_5: 5,
    BarInterval.MINUTE_30: 30,
    BarInterval.HOUR_1: 30,  # joined from halves
}

CAPABILITIES = Capabilities(
    name=SOURCE,
    label="Schwab",
    quality=Quality.REALTIME,
    streaming=True,
    intervals=frozenset(BarInterval),
    vendor_greeks=True,
    kinds=frozenset({DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH}),
    symbols_max=SYMBOLS_MAX,
    requests_per_minute=REQUESTS_PER_MINUTE_MAX,
)


class SchwabMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `HealthReporter`."""

    def __init__(
        self,
        client: SchwabClient,
        *,
        clock: Clock,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
    ) -> None:
        self._client = client
        self._listings: Kept[str, list[OptionContract]] = Kept(
            self._load_listing, clock, seconds=LISTING_SECONDS, count_max=LISTINGS_MAX
        )
        self._follow(
            CAPABILITIES,
            clock,
            [client.rest, client.sign_in],
            vendor=SchwabStream(client),
            timings=timings,
            polls=polls,
            ticking=ticking,
        )

    async def open(self) -> None:
        """Sign in, so that a login that has ended is known at once."""
        await self._client.tokens.get()
        self.feed.open()

    async def close(self) -> None:
        await self._listings.close()
        await super().close()

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of those `symbols` that Schwab has. Raises ProviderUnavailable."""
        names = {vendor_symbol(symbol): symbol for symbol in symbols}
        rows = await self._client.fetch_quotes(list(names))
        received_ns = self.clock.now_ns()
        return {
            names[name]: translate.translate_quote(row, symbol=names[name], received_ns=received_ns)
            for name, row in rows.items()
            if name in names
        }

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return expirations_of(await self._listings.get(canonical(underlying)))

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        symbol = canonical(key.underlying)
        key = ChainKey(symbol, key.expiration)
        documents = await self._client.fetch_chains(vendor_symbol(symbol), [key.expiration])
        rows = sum(len(document.rows) for document in documents)
        if not rows:
            await self._listings.get(symbol)  # raises where nothing at all is listed
            raise unknown_expiration(symbol, key.expiration)
        table = translate.translate_chain(documents, key=key, received_ns=self.clock.now_ns())
        return refuse_drift("Schwab", table, rows)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars of an underlying. Schwab has none of contracts."""
        symbol = canonical(symbol)
        weekly = interval is BarInterval.WEEK_1
        rows = await self._client.fetch_candles(
            vendor_symbol(symbol),
            minutes=_MINUTES.get(interval),
            # A week begins before the asked days and is joined whole.
            start=start - timedelta(days=7) if weekly else start,
            end=end,
        )
        if rows is None or (not rows and symbol not in await self.fetch_quotes([symbol])):
            raise UnknownSymbol(f"Schwab has no {symbol}.")
        daily = interval in {BarInterval.DAY_1, BarInterval.WEEK_1}
        bars, _ = translate.translate_candles(rows, BarInterval.DAY_1 if daily else interval)
        return Bars(
            symbol=symbol,
            interval=interval,
            source=SOURCE,
            quality=Quality.REALTIME,
            adjusted=False,
            rows=bar_rules.within(_joined(bars, interval), start=start, end=end),
        )

    async def _load_listing(self, underlying: str) -> list[OptionContract]:
        """Return every listed contract: the list of dates alone does not count them."""
        name = vendor_symbol(underlying)
        dates = await self._client.fetch_expirations(name)
        documents = await self._client.fetch_chains(name, dates) if dates else []
        contracts = translate.translate_listing(documents, underlying)
        if not contracts:
            raise UnknownSymbol(f"Schwab lists no options of {underlying}.")
        return contracts


def _joined(bars: list[Bar], interval: BarInterval) -> list[Bar]:
    if interval in {BarInterval.HOUR_1, BarInterval.WEEK_1}:
        return bar_rules.join_bars(bars, interval)
    return bars
