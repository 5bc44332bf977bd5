"""Yahoo behind the market data port: polled by demand, one request for each expiration."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import structlog

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import PollTimes
from optix.adapters.market_data.streaming.provider import FollowedProvider, canonical
from optix.adapters.market_data.tables import unknown_expiration
from optix.adapters.market_data.yahoo import translate, wire
from optix.adapters.market_data.yahoo.client import REQUESTS_PER_MINUTE, YahooClient
from optix.adapters.market_data.yahoo.translate import DELAY_SECONDS, INTERVALS, SOURCE
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.corporate import CorporateAction
from optix.kernel.limits import CHAINS_KEPT_MAX
from optix.kernel.quote import Quality, Quote
from optix.platform.provider_settings import YahooSettings
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Expiration,
    ProviderUnavailable,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

COUNTED_DATES_MAX = 3  # of a list of expirations; each costs a request
PROBE_SYMBOL = "SPY"

# How many days back, and how many of them at once, Yahoo has bars below a day.
REACH_DAYS = {
    BarInterval.MINUTE_1: 29,
    BarInterval.MINUTE_5: 59,
    BarInterval.MINUTE_30: 59,
    BarInterval.HOUR_1: 729,
}
SPAN_DAYS = {BarInterval.MINUTE_1: 7}

CAPABILITIES = Capabilities(
    name=SOURCE,
    label="Yahoo Finance",
    quality=Quality.DELAYED,
    delay_seconds=DELAY_SECONDS,
    intervals=frozenset(INTERVALS),
    kinds=frozenset(
        (
            DataKind.QUOTES,
            DataKind.CHAINS,
            DataKind.BARS,
            DataKind.SEARCH,
            DataKind.CORPORATE_ACTIONS,
        )
    ),
    requests_per_minute=REQUESTS_PER_MINUTE,
    notice="Quotes are delayed by 15 minutes. Source: Yahoo Finance, for personal use only.",
)

_POLLS = PollTimes(quote=30.0, chain=120.0)
_log = structlog.get_logger(__name__)


def build_provider(settings: YahooSettings, clock: Clock) -> YahooMarketData | None:
    """Return the provider, None unless the operator turned it on."""
    return YahooMarketData(YahooClient(clock), clock) if settings.yahoo_enabled else None


class YahooMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `CorporateActionSource`."""

    def __init__(self, client: YahooClient, clock: Clock) -> None:
        self._client = client
        self._counts: OrderedDict[ChainKey, Mapping[str, int]] = OrderedDict()
        self._follow(CAPABILITIES, clock, [client.rest], polls=_POLLS)

    async def open(self) -> None:
        """Sign in and ask for one quote. Raises ProviderUnavailable."""
        self.feed.open()
        await self.fetch_quotes([PROBE_SYMBOL])

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of `symbols` that Yahoo knows. Raises ProviderUnavailable."""
        document = await self._client.fetch_quotes([*map(translate.vendor_symbol, symbols)])
        received_ns = self.clock.now_ns()
        quotes = {}
        for fields in wire.read_quotes(document):
            symbol = translate.symbol_of(fields)
            if symbol is not None and symbol in symbols:
                quotes[symbol] = translate.translate_quote(
                    fields, symbol=symbol, received_ns=received_ns
                )
        return quotes

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        """Return all dates. Contracts are counted of the nearest ones and of those seen before."""
        symbol = canonical(underlying)
        page = await self._page(symbol, None)
        dates = sorted({translate.expiration_of(instant) for instant in page.expirations})
        for day in dates[:COUNTED_DATES_MAX]:
            if ChainKey(symbol, day) not in self._counts:
                # A date that is just over has no page any more: the list is whole without it.
                with contextlib.suppress(UnknownExpiration, ProviderUnavailable):
                    await self.fetch_chain(ChainKey(symbol, day))
        return translate.translate_expirations(page, underlying=symbol, counts=self._counts)

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        key = ChainKey(canonical(key.underlying), key.expiration)
        page = await self._page(key.underlying, key.expiration)
        shown = None if page.expiration is None else translate.expiration_of(page.expiration)
        if shown != key.expiration or not page.rows:
            raise unknown_expiration(key.underlying, key.expiration)
        table = translate.translate_chain(page, key=key, received_ns=self.clock.now_ns())
        if len(table) * 2 < len(page.rows):
            raise Unreadable(
                f"{len(table.rejected)} of {len(page.rows)} options of {key.underlying} cannot be "
                f"read, for example: {table.rejected[0].reason}"
            )
        self._counts[key] = translate.count_roots(table)
        self._counts.move_to_end(key)
        if len(self._counts) > CHAINS_KEPT_MAX:
            self._counts.popitem(last=False)
        return table

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars, adjusted for splits only. Below a day they reach some weeks back."""
        if interval not in INTERVALS:
            raise UnsupportedRequest(f"Yahoo has no bars of {interval}.")
        name = canonical(symbol)
        first = start - timedelta(days=7) if interval is BarInterval.WEEK_1 else start
        if interval in REACH_DAYS:
            today = bar_rules.new_york_date(self.clock.now_ns())
            first = max(first, today - timedelta(days=REACH_DAYS[interval]))
            first = max(first, end - timedelta(days=SPAN_DAYS.get(interval, 1_000) - 1))
        rows: list[Bar] = []
        if first <= end:
            chart = await self._chart(name, interval, first, end)
            rows, odd = translate.translate_bars(chart, interval, symbol=name)
            if odd:
                _log.info("yahoo_bars_rejected", symbol=name, rows=odd)
        if interval is BarInterval.WEEK_1:
            rows = bar_rules.join_bars(rows, interval)
        return Bars(
            symbol=name,
            interval=interval,
            source=SOURCE,
            quality=Quality.DELAYED,
            adjusted=False,
            rows=bar_rules.within(rows, start=start, end=end),
        )

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        name = canonical(symbol)
        # To the present, because every split since then is divided out of the dividends.
        today = bar_rules.new_york_date(self.clock.now_ns())
        chart = await self._chart(name, BarInterval.DAY_1, start, max(today, end))
        actions = translate.translate_actions(chart, symbol=name)
        return [action for action in actions if start <= action.ex_date <= end]

    async def _page(self, symbol: str, expiration: date | None) -> wire.ChainPage:
        epoch = None if expiration is None else translate.epoch_of(expiration)
        document = await self._client.fetch_options(translate.vendor_symbol(symbol), epoch)
        page = None if document is None else wire.read_chain(document)
        if page is None:
            raise UnknownSymbol(f"Yahoo has no {symbol}.")
        return page

    async def _chart(
        self, symbol: str, interval: BarInterval, first: date, last: date
    ) -> wire.Chart:
        document = await self._client.fetch_chart(
            translate.vendor_symbol(symbol),
            interval=INTERVALS[interval],
            start=_midnight(first),
            end=_midnight(last + timedelta(days=1)),
        )
        chart = None if document is None else wire.read_chart(document)
        if chart is None:
            raise UnknownSymbol(f"Yahoo has no {symbol}.")
        return chart


def _midnight(day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=bar_rules.NEW_YORK)
    return max(int(midnight.timestamp()), 0)
