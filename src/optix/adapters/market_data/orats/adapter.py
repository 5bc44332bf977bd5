"""ORATS behind the market data port: one answer has all expirations, and is shared for a minute."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta

import structlog

from optix.adapters.market_data import bars as bar_rules
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.orats import translate
from optix.adapters.market_data.orats.client import (
    REQUESTS_PER_MINUTE,
    TICKERS_MAX,
    OratsClient,
    Row,
)
from optix.adapters.market_data.orats.translate import DELAY_SECONDS, SOURCE, PastEarnings
from optix.adapters.market_data.streaming import PollTimes
from optix.adapters.market_data.streaming.provider import FollowedProvider, canonical
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.corporate import CorporateAction
from optix.kernel.quote import Quality, Quote
from optix.platform.provider_settings import OratsSettings
from optix.ports.market_data import (
    Bar,
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    DataKind,
    Expiration,
    UnknownSymbol,
    UnsupportedRequest,
)
from optix.ports.reference_data import EarningsDate

SNAPSHOT_SECONDS = 60  # how long one answer serves everybody: a plan counts questions by the month
SNAPSHOTS_MAX = 32
PROBE_SYMBOL = "SPY"

CAPABILITIES = Capabilities(
    name=SOURCE,
    label="ORATS",
    quality=Quality.DELAYED,
    delay_seconds=DELAY_SECONDS,
    intervals=frozenset((BarInterval.DAY_1, BarInterval.WEEK_1)),
    vendor_greeks=True,
    kinds=frozenset(
        (
            DataKind.QUOTES,
            DataKind.CHAINS,
            DataKind.BARS,
            DataKind.SEARCH,
            DataKind.CORPORATE_ACTIONS,
            DataKind.CHAIN_HISTORY,
        )
    ),
    requests_per_minute=REQUESTS_PER_MINUTE,
    notice="Quotes are delayed by 15 minutes. Source: ORATS.",
)

_POLLS = PollTimes(quote=60.0, chain=120.0)
_log = structlog.get_logger(__name__)


def build_provider(settings: OratsSettings, clock: Clock) -> OratsMarketData | None:
    """Return the provider, None without a token."""
    token = settings.orats_token
    return None if token is None else OratsMarketData(OratsClient(token, clock), clock)


class OratsMarketData(FollowedProvider):
    """Implements `MarketDataProvider`, `ChainHistorySource`, `CorporateActionSource` and, of
    `ports.reference_data`, `EarningsSource`.
    """

    def __init__(self, client: OratsClient, clock: Clock) -> None:
        self._client = client
        self._snapshots: OrderedDict[str, Snapshot] = OrderedDict()
        self._asking: dict[str, asyncio.Lock] = {}
        self._follow(CAPABILITIES, clock, [client.rest], polls=_POLLS)

    async def open(self) -> None:
        """Ask for one price. Raises ProviderUnavailable, ProviderRefused for a bad token."""
        self.feed.open()
        await self._client.fetch_summaries([PROBE_SYMBOL])

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return prices of the underlyings among `symbols`. Raises ProviderUnavailable."""
        quotes = {}
        for first in range(0, len(symbols), TICKERS_MAX):
            rows = await self._client.fetch_summaries(symbols[first : first + TICKERS_MAX])
            received_ns = self.clock.now_ns()
            for row in rows:
                symbol = row.get("ticker")
                if isinstance(symbol, str) and symbol in symbols:
                    quotes[symbol] = translate.translate_summary(
                        row, symbol=symbol, received_ns=received_ns
                    )
        return quotes

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        return (await self._snapshot(canonical(underlying))).expirations()

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        return (await self._snapshot(canonical(key.underlying))).chain(key.expiration)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        """Return bars of days or weeks, as traded: adjusted for nothing."""
        if interval not in self.capabilities.intervals:
            raise UnsupportedRequest(f"ORATS has no bars of {interval}.")
        name = canonical(symbol)
        week = timedelta(days=7 if interval is BarInterval.WEEK_1 else 0)
        rows = await self._days(name, start - week, end)
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
        dividends = await self._client.fetch_dividends(name)
        splits = await self._client.fetch_splits(name)
        if not dividends and not splits:
            await self._check_known(name)
        actions = translate.translate_actions(dividends, splits, symbol=name)
        return [action for action in actions if start <= action.ex_date <= end]

    async def fetch_earnings(self, symbol: str) -> Sequence[EarningsDate]:
        """Return the next earnings, none where ORATS tells no day. Raises UnknownSymbol."""
        name = canonical(symbol)
        rows = await self._client.fetch_cores(name)
        if not rows:
            raise UnknownSymbol(f"ORATS has no {name}.")
        today = bar_rules.new_york_date(self.clock.now_ns())
        return translate.translate_next_earnings(rows, symbol=name, today=today)

    async def fetch_past_earnings(self, symbol: str) -> Sequence[PastEarnings]:
        """Return the dates on which earnings were told, ascending."""
        name = canonical(symbol)
        rows = await self._client.fetch_earnings(name)
        return translate.translate_past_earnings(rows, symbol=name)

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        """Yield the chain of each session, about 14 minutes before its close."""
        name = canonical(underlying)
        for bar in await self._days(name, start, end):
            day = bar_rules.new_york_date(bar.ts_event)
            rows = await self._client.fetch_past_strikes(name, day)
            if rows:
                received_ns = self.clock.now_ns()
                table = translate.translate_past(
                    rows, underlying=name, day=day, received_ns=received_ns
                )
                _refuse_broken(name, served=len(table), rows=rows)
                yield table

    async def _snapshot(self, symbol: str) -> Snapshot:
        """Return the whole underlying, asked for once by whoever wants it."""
        async with self._asking.setdefault(symbol, asyncio.Lock()):
            known = self._snapshots.get(symbol)
            now_ns = self.clock.now_ns()
            if known is not None and now_ns - known.ts_received < SNAPSHOT_SECONDS * NANOSECONDS:
                return known
            try:
                self._snapshots[symbol] = await self._fetch_snapshot(symbol)
            finally:
                if symbol not in self._snapshots:
                    self._asking.pop(symbol, None)
            self._snapshots.move_to_end(symbol)
            if len(self._snapshots) > SNAPSHOTS_MAX:
                oldest, _ = self._snapshots.popitem(last=False)
                self._asking.pop(oldest, None)
            return self._snapshots[symbol]

    async def _fetch_snapshot(self, symbol: str) -> Snapshot:
        rows = await self._client.fetch_strikes(symbol)
        if not rows:
            raise UnknownSymbol(f"ORATS has no {symbol}.")
        received_ns = self.clock.now_ns()
        snapshot = await asyncio.to_thread(
            translate.translate_strikes, rows, underlying=symbol, received_ns=received_ns
        )
        _refuse_broken(symbol, served=len(snapshot.contracts), rows=rows)
        return snapshot

    async def _days(self, symbol: str, start: date, end: date) -> list[Bar]:
        bars, odd = translate.translate_days(await self._client.fetch_days(symbol, start, end))
        if odd:
            _log.info("orats_bars_rejected", symbol=symbol, rows=odd)
        if not bars:
            await self._check_known(symbol)
        return bars

    async def _check_known(self, symbol: str) -> None:
        """Tell nothing in a span from a symbol that does not exist."""
        if not await self._client.fetch_summaries([symbol]):
            raise UnknownSymbol(f"ORATS has no {symbol}.")


def _refuse_broken(symbol: str, *, served: int, rows: Sequence[Row]) -> None:
    if served < len(rows):  # each row has two contracts
        raise Unreadable(
            f"Most strikes of {symbol} cannot be read: {len(rows)} rows, {served} contracts."
        )
