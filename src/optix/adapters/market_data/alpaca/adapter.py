"""Alpaca behind the market data port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

import httpx

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.alpaca import translate
from optix.adapters.market_data.alpaca.client import DATA_URL, TRADING_URL, AlpacaClient
from optix.adapters.market_data.alpaca.stream import STREAM_URL, AlpacaStream
from optix.adapters.market_data.alpaca.translate import SOURCE, Listing
from optix.adapters.market_data.kept import Kept
from optix.adapters.market_data.streaming import PollTimes, StreamTimings
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.provider import (
    FollowedProvider,
    canonical,
    canonical_instrument,
)
from optix.adapters.market_data.tables import unknown_expiration
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quality, Quote, QuoteFlag
from optix.platform.provider_settings import AlpacaSettings
from optix.ports.market_data import (
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

LISTING_SECONDS = 3_600.0  # open interest changes once a day, listings a little more often
LISTINGS_KEPT = 256
SPOT_SECONDS = 5.0
SPOTS_KEPT = 1_024
PROBE_SYMBOL = "SPY"
FREE_DELAY = timedelta(minutes=16)  # history of the last quarter of an hour needs the paid plan

TIMEFRAMES = {
    BarInterval.MINUTE_1: "1Min",
    BarInterval.MINUTE_5: "5Min",
    BarInterval.MINUTE_30: "30Min",
    BarInterval.HOUR_1: "1Hour",
    BarInterval.DAY_1: "1Day",
    BarInterval.WEEK_1: "1Week",
}
_KINDS = frozenset(
    (DataKind.QUOTES, DataKind.CHAINS, DataKind.BARS, DataKind.SEARCH, DataKind.TRADES)
)

OPRA = Capabilities(
    name=SOURCE,
    label="Alpaca",
    quality=Quality.REALTIME,
    streaming=True,
    intervals=frozenset(TIMEFRAMES),
    vendor_greeks=True,
    kinds=_KINDS,
    symbols_max=1_000,
    requests_per_minute=10_000,
)
INDICATIVE = Capabilities(
    name=SOURCE,
    label="Alpaca indicative",
    quality=Quality.DELAYED,
    delay_seconds=900,
    streaming=True,
    intervals=frozenset(TIMEFRAMES),
    vendor_greeks=True,
    kinds=_KINDS,
    symbols_max=200,
    requests_per_minute=200,
    notice="Option quotes are indicative: made by Alpaca, not given on an exchange. "
    "Prints are 15 minutes late.",
)


class AlpacaMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `HealthReporter`."""

    def __init__(
        self,
        *,
        key_id: str,
        secret_key: str,
        feed: str,
        clock: Clock,
        data_url: str = DATA_URL,
        trading_url: str = TRADING_URL,
        stream_url: str = STREAM_URL,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._paid = feed == "opra"
        capabilities = OPRA if self._paid else INDICATIVE
        assert capabilities.symbols_max
        assert capabilities.requests_per_minute
        self._flags = QuoteFlag.NONE if self._paid else QuoteFlag.INDICATIVE
        self._client = AlpacaClient(
            headers=lambda: {"APCA-API-KEY-ID": key_id, "APCA-API-SECRET-KEY": secret_key},
            feed=feed,
            stock_feed="sip" if self._paid else "iex",
            requests_per_minute=capabilities.requests_per_minute,
            clock=clock,
            data_url=data_url,
            trading_url=trading_url,
            transport=transport,
        )
        self._listings = Kept(
            self._load_listing, clock, seconds=LISTING_SECONDS, count_max=LISTINGS_KEPT
        )
        self._spots = Kept(self._load_spot, clock, seconds=SPOT_SECONDS, count_max=SPOTS_KEPT)
        self._follow(
            capabilities,
            clock,
            (self._client.data, self._client.trading),
            vendor=AlpacaStream(
                credentials=lambda: (key_id, secret_key),
                feed=feed,
                quality=capabilities.quality,
                symbols_max=capabilities.symbols_max,
                url=stream_url,
            ),
            timings=timings,
            polls=polls,
            ticking=ticking,
        )

    async def open(self) -> None:
        """Ask for one quote, so that a wrong key is known at once. Raises ProviderUnavailable."""
        self.feed.open()
        if not await self.fetch_quotes([PROBE_SYMBOL]):
            raise ProviderUnavailable("Alpaca answers, but has no quote of SPY.")

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of securities; indices have none here."""
        answers = await self._client.fetch_stock_snapshots(symbols)
        received_ns = self.clock.now_ns()
        quotes = (
            translate.translate_stock(
                symbol,
                answers[symbol],
                received_ns=received_ns,
                quality=self.capabilities.quality,
                whole_market=self._paid,
            )
            for symbol in symbols
            if symbol in answers
        )
        return {quote.symbol: quote for quote in quotes if quote is not None}

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return (await self._listing(underlying)).expirations()

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        """Return what is listed, with the data of what has some."""
        listing = await self._listing(key.underlying)
        if not listing.contracts(key.expiration):
            raise unknown_expiration(listing.underlying, key.expiration)
        answers = await self._client.fetch_chain(listing.underlying, key.expiration.isoformat())
        spot = await self._spots.get(listing.underlying)
        return translate.translate_chain(
            listing,
            key.expiration,
            answers,
            received_ns=self.clock.now_ns(),
            quality=self.capabilities.quality,
            spot=spot,
            flags=self._flags,
        )

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars of a security or a contract, not adjusted. Contracts begin in 2024."""
        timeframe = TIMEFRAMES.get(interval)
        if timeframe is None:
            raise UnsupportedRequest(f"Alpaca has no bars of {interval}.")
        symbol = canonical_instrument(symbol)
        is_contract = _is_contract(symbol)
        fetch = self._client.fetch_option_bars if is_contract else self._client.fetch_stock_bars
        until = min(_instant(end, time.max), self._history_end())
        since = _instant(start, time.min)
        rows = (
            await fetch(symbol, timeframe, start=_rfc3339(since), end=_rfc3339(until))
            if since < until
            else []
        )
        bars = translate.translate_bars(rows, self.clock.now_ns())
        if not bars and not is_contract and not await self.fetch_quotes([symbol]):
            raise UnknownSymbol(f"Alpaca has no {symbol}.")
        return Bars(
            symbol=symbol,
            interval=interval,
            source=SOURCE,
            quality=self.capabilities.quality,
            adjusted=False,
            rows=bar_rules.within(bars, start=start, end=end),
        )

    async def _listing(self, underlying: str) -> Listing:
        return await self._listings.get(canonical(underlying))

    async def _load_listing(self, underlying: str) -> Listing:
        today = bar_rules.new_york_date(self.clock.now_ns())
        rows = await self._client.fetch_contracts(underlying, today.isoformat())
        listing = Listing(underlying, rows)
        if not listing.open_interest:
            raise UnknownSymbol(f"Alpaca lists no contracts on {underlying}.")
        return listing

    async def _load_spot(self, symbol: str) -> Quote | None:
        return (await self.fetch_quotes([symbol])).get(symbol)

    def _history_end(self) -> datetime:
        now = to_datetime(self.clock.now_ns())
        return now if self._paid else now - FREE_DELAY


def build_provider(settings: AlpacaSettings, clock: Clock) -> AlpacaMarketData | None:
    """Return the provider of the settings' account, None where there is none."""
    if settings.alpaca_key_id is None or settings.alpaca_secret_key is None:
        return None
    return AlpacaMarketData(
        key_id=settings.alpaca_key_id,
        secret_key=settings.alpaca_secret_key.get_secret_value(),
        feed=settings.alpaca_feed,
        clock=clock,
    )


def _is_contract(symbol: str) -> bool:
    try:
        parse_option(symbol)
    except MalformedContract:
        return False
    return True


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=bar_rules.NEW_YORK)


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
