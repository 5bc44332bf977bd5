"""The Theta Terminal behind the market data port: snapshots, the stream, closes of the past."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta

import structlog

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import PollTimes, StreamTimings
from optix.adapters.market_data.streaming.provider import FollowedProvider, canonical
from optix.adapters.market_data.tables import expirations_of, unknown_expiration
from optix.adapters.market_data.thetadata import translate
from optix.adapters.market_data.thetadata.client import ThetaDataClient, stream_url
from optix.adapters.market_data.thetadata.stream import ThetaDataStream
from optix.adapters.market_data.thetadata.translate import SOURCE, Beside, Contracts
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.kernel.roots import roots_of
from optix.kernel.symbols import kind_of
from optix.kernel.trade import Trade
from optix.platform.provider_settings import ThetaDataSettings
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

DELAY_SECONDS = 900
SESSIONS_BACK = 5  # weekdays to look for the latest session that has contracts
DAYS_AT_ONCE = 365
INTRADAY_DAYS_AT_ONCE = 28
PROBE = ("SPY", 10)  # a symbol whose last days there are, and how many

# A minute bar every minute: no more days than the bound of an answer has bars for.
_SPAN_DAYS = {
    BarInterval.MINUTE_1: 28,
    BarInterval.MINUTE_5: 112,
    BarInterval.MINUTE_30: 560,
    BarInterval.HOUR_1: 1_120,
}
_PLANS_WITH_STREAM = frozenset(("standard", "pro"))
_POLLS = PollTimes(quote=15.0, chain=60.0)
_log = structlog.get_logger(__name__)


def capabilities_of(plan: str) -> Capabilities:
    """Return what a plan can do. The free one has the past only."""
    real_time = plan in _PLANS_WITH_STREAM
    kinds = {DataKind.BARS, DataKind.SEARCH, DataKind.CHAIN_HISTORY}
    if plan != "free":
        kinds |= {DataKind.QUOTES, DataKind.CHAINS}
    if real_time:
        kinds |= {DataKind.TRADES}
    return Capabilities(
        name=SOURCE,
        label="ThetaData",
        quality=Quality.REALTIME if real_time else Quality.DELAYED,
        delay_seconds=0 if real_time else DELAY_SECONDS,
        streaming=real_time,
        intervals=frozenset(BarInterval),
        vendor_greeks=real_time,
        kinds=frozenset(kinds),
        notice="" if real_time else "Quotes of stocks are delayed by 15 minutes.",
    )


def build_provider(settings: ThetaDataSettings, clock: Clock) -> ThetaDataMarketData | None:
    """Return the provider, None where no terminal is named."""
    url, plan = settings.thetadata_url, settings.thetadata_plan
    if url is None:
        return None
    return ThetaDataMarketData(ThetaDataClient(url, clock, plan=plan), clock, plan=plan, url=url)


class ThetaDataMarketData(FollowedProvider):
    """Implements `ports.market_data.MarketDataProvider` and `ChainHistorySource`."""

    def __init__(
        self,
        client: ThetaDataClient,
        clock: Clock,
        *,
        plan: str,
        url: str,
        stream: str | None = None,
        timings: StreamTimings | None = None,
    ) -> None:
        """Follow the terminal at `url`. `stream` is where it streams, if not beside its REST."""
        self._client = client
        self._plan = plan
        self._interest: OrderedDict[tuple[str, date, date], Contracts] = OrderedDict()
        capabilities = capabilities_of(plan)
        vendor = ThetaDataStream(stream or stream_url(url), capabilities.quality)
        self._follow(
            capabilities,
            clock,
            [client.rest],
            vendor=vendor if capabilities.streaming else None,
            timings=timings,
            polls=_POLLS,
        )

    async def open(self) -> None:
        """Ask for the last days of one stock, which every plan has. Raises ProviderUnavailable."""
        self.feed.open()
        symbol, days = PROBE
        today = self._today()
        await self._client.fetch_days("stock", symbol, today - timedelta(days=days), today)

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of `symbols` that ThetaData knows. Raises ProviderUnavailable."""
        self._refuse_free("quotes")
        stocks = [each for each in symbols if kind_of(each) is not SecurityKind.INDEX]
        indices = [each for each in symbols if each not in stocks]
        quotes = await self._client.fetch_security_quotes(stocks) if stocks else []
        days = await self._client.fetch_security_ohlc("stock", stocks) if stocks else []
        if indices:
            days = [*days, *await self._client.fetch_security_ohlc("index", indices)]
        by_symbol = {row["symbol"]: row for row in quotes}
        day_by_symbol = {row["symbol"]: row for row in days}
        received_ns = self.clock.now_ns()
        return {
            symbol: translate.translate_security(
                symbol,
                by_symbol.get(symbol),
                day_by_symbol.get(symbol),
                quality=self.capabilities.quality,
                received_ns=received_ns,
            )
            for symbol in symbols
            if symbol in by_symbol or symbol in day_by_symbol
        }

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        """Return the dates of contracts that were quoted in the latest session."""
        self._refuse_free("expirations")
        symbol, today = canonical(underlying), self._today()
        roots = roots_of(symbol)
        for day in _weekdays_back(today, SESSIONS_BACK):
            contracts = translate.by_contract(await self._client.list_contracts(roots, day))
            if contracts:
                return expirations_of(each for each in contracts if each.expiration >= today)
        raise UnknownSymbol(f"ThetaData has no contracts of {symbol}.")

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        self._refuse_free("chains")
        key = ChainKey(canonical(key.underlying), key.expiration)
        roots = roots_of(key.underlying)
        found = await asyncio.gather(
            *(self._client.fetch_chain("quote", root, key.expiration) for root in roots)
        )
        quotes = [row for rows in found for row in rows]
        if not quotes:
            await self.fetch_expirations(key.underlying)
            raise unknown_expiration(key.underlying, key.expiration)
        quoted = [root for root, rows in zip(roots, found, strict=True) if rows]
        days, interest, greeks, spot = await asyncio.gather(
            self._contracts_of("ohlc", quoted, key.expiration),
            self._interest_of(quoted, key.expiration),
            self._greeks_of(quoted, key.expiration),
            self._spot_of(key.underlying),
        )
        table = translate.translate_chain(
            quotes,
            key=key,
            beside=Beside(days, interest, greeks),
            quality=self.capabilities.quality,
            spot=spot,
            received_ns=self.clock.now_ns(),
        )
        return _refuse_broken(table, len(quotes))

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars, as traded: adjusted for nothing."""
        if interval not in self.capabilities.intervals:
            raise UnsupportedRequest(f"ThetaData has no bars of {interval}.")
        name = canonical(symbol)
        if interval in bar_rules.MINUTES:
            first = max(start, end - timedelta(days=_SPAN_DAYS[interval] - 1))
            rows = await self._intraday(name, interval, first, end)
        else:
            week = timedelta(days=7 if interval is BarInterval.WEEK_1 else 0)
            rows = await self._days(name, start - week, end)
        if not rows:
            await self._check_known(name)
        if interval is BarInterval.WEEK_1:
            rows = bar_rules.join_bars(rows, interval)
        return Bars(
            symbol=name,
            interval=interval,
            source=SOURCE,
            quality=self.capabilities.quality,
            adjusted=False,
            rows=bar_rules.within(rows, start=start, end=end),
        )

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        """Yield the closing chain of each session, all dates of it together."""
        symbol = canonical(underlying)
        bars = await self._days(symbol, start, end)
        if not bars:
            await self._check_known(symbol)
        for bar in bars:
            day = bar_rules.new_york_date(bar.ts_event)
            table = await self._close(symbol, day, bar)
            if table is not None:
                yield table

    async def fetch_trades(self, contract: OptionContract, day: date) -> Sequence[Trade]:
        """Return the prints of one contract on one day, each with the quote strictly before it.

        Prints that cannot be read are left out and counted in the log.
        """
        right = "call" if contract.right == "C" else "put"
        strike = f"{contract.strike_milli / 1000:.3f}"
        rows = await self._client.fetch_trades(
            contract.root, contract.expiration, strike, right, day
        )
        received_ns = self.clock.now_ns()
        made = [
            translate.translate_trade(
                row,
                contract=contract,
                quality=self.capabilities.quality,
                received_ns=received_ns,
            )
            for row in rows
        ]
        trades = [trade for trade in made if trade is not None]
        if len(trades) < len(rows):
            _log.warning("thetadata_trades_rejected", rows=len(rows) - len(trades))
        return trades

    async def _close(self, symbol: str, day: date, bar: Bar) -> ChainTable | None:
        with_greeks = self._plan in _PLANS_WITH_STREAM
        roots = roots_of(symbol)
        closes = [
            row
            for root in roots
            for row in await self._client.fetch_closing_chain(root, day, with_greeks=with_greeks)
        ]
        if not closes:
            return None
        interest: dict[OptionContract, dict[str, str]] = {}
        if self._plan != "free":
            for root in roots:
                rows = await self._client.fetch_open_interest(root, day)
                interest.update(translate.by_contract(rows))
        received_ns = self.clock.now_ns()
        table = translate.translate_close(
            closes,
            underlying=symbol,
            day=day,
            interest=interest,
            spot=translate.spot_of(symbol, bar, day=day, received_ns=received_ns),
            received_ns=received_ns,
        )
        return _refuse_broken(table, len(closes))

    async def _contracts_of(self, what: str, roots: Sequence[str], expiration: date) -> Contracts:
        rows = [
            row for root in roots for row in await self._client.fetch_chain(what, root, expiration)
        ]
        return translate.by_contract(rows)

    async def _greeks_of(self, roots: Sequence[str], expiration: date) -> Contracts:
        if self._plan not in _PLANS_WITH_STREAM:
            return {}
        what = "greeks/all" if self._plan == "pro" else "greeks/first_order"
        return await self._contracts_of(what, roots, expiration)

    async def _interest_of(self, roots: Sequence[str], expiration: date) -> Contracts:
        """Return open interest, asked for once a day: it comes at half past six and stays."""
        found: dict[OptionContract, dict[str, str]] = {}
        for root in roots:
            mark = (root, expiration, self._today())
            if not self._interest.get(mark):
                self._interest[mark] = await self._contracts_of("open_interest", [root], expiration)
                if len(self._interest) > limits.CHAINS_KEPT_MAX:
                    self._interest.popitem(last=False)
            found.update(self._interest[mark])
        return found

    async def _spot_of(self, underlying: str) -> Quote | None:
        try:
            return (await self.fetch_quotes([underlying])).get(underlying)
        except ProviderUnavailable:
            return None  # the plan of the options need not have the stocks or the indices

    async def _days(self, symbol: str, start: date, end: date) -> list[Bar]:
        rows: list[dict[str, str]] = []
        for first, last in _spans(start, end, DAYS_AT_ONCE):
            rows += await self._client.fetch_days(_kind(symbol), symbol, first, last)
        return self._bars(rows, "created", symbol, daily=True)

    async def _intraday(
        self, symbol: str, interval: BarInterval, start: date, end: date
    ) -> list[Bar]:
        rows: list[dict[str, str]] = []
        for first, last in _spans(start, end, INTRADAY_DAYS_AT_ONCE):
            rows += await self._client.fetch_bars(_kind(symbol), symbol, interval, first, last)
        return self._bars(rows, "timestamp", symbol, daily=False)

    def _bars(
        self, rows: Sequence[dict[str, str]], column: str, symbol: str, *, daily: bool
    ) -> list[Bar]:
        bars, odd = translate.translate_bars(
            rows, column=column, symbol=symbol, daily=daily, received_ns=self.clock.now_ns()
        )
        if odd:
            _log.info("thetadata_bars_rejected", symbol=symbol, rows=odd)
        return bars

    async def _check_known(self, symbol: str) -> None:
        """Tell a span without sessions from a symbol that does not exist."""
        today = self._today()
        month = timedelta(days=31)
        if not await self._client.fetch_days(_kind(symbol), symbol, today - month, today):
            raise UnknownSymbol(f"ThetaData has no {symbol}.")

    def _today(self) -> date:
        return bar_rules.new_york_date(self.clock.now_ns())

    def _refuse_free(self, what: str) -> None:
        if self._plan == "free":
            raise UnsupportedRequest(f"The free plan of ThetaData has no current {what}.")


def _kind(symbol: str) -> str:
    return "index" if kind_of(symbol) is SecurityKind.INDEX else "stock"


def _weekdays_back(today: date, count: int) -> Sequence[date]:
    days = (today - timedelta(days=back) for back in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def _spans(start: date, end: date, days: int) -> Sequence[tuple[date, date]]:
    """Return `start` to `end` in pieces of at most so many days, ascending."""
    spans = []
    while start <= end:
        last = min(start + timedelta(days=days - 1), end)
        spans.append((start, last))
        start = last + timedelta(days=1)
    return spans


def _refuse_broken(table: ChainTable, rows: int) -> ChainTable:
    if len(table) * 2 < rows:
        raise Unreadable(
            f"{rows - len(table)} of {rows} options of {table.underlying} cannot be read, for "
            f"example: {Counter(row.reason for row in table.rejected).most_common(1)[0][0]}"
        )
    return table
