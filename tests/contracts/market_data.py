"""One suite for every market data provider. A provider's tests subclass it and give it a market.

    class TestCboe(MarketDataContract):
        @pytest.fixture
        async def market(self): yield Market(provider, known=Known(…))

The cards TC-M01 to TC-M17 are what the feed relies on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite, isnan
from typing import TypeVar

import pytest
from tests.fixtures.waiting import WAIT_SECONDS

from optix.kernel import limits
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quote
from optix.kernel.roots import underlying_of
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    DataKind,
    Demand,
    FeedNotice,
    MarketDataProvider,
    MarketUpdate,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

UNKNOWN = "ZZQXW"
MALFORMED = ("", " ", "../../etc/passwd", "SPY;DROP", "A" * 400, "\u2603", "IWM\x00", ".", "^")
UNLISTED = date(2001, 2, 3)

T = TypeVar("T", Quote, ChainTable, FeedNotice)


@dataclass(frozen=True)
class Known:
    """What the market under test has for certain."""

    symbol: str  # with a quote
    chain: ChainKey  # with contracts
    other_chain: ChainKey  # with contracts, another expiration of the same underlying
    bars: tuple[date, date] | None = None  # days that have daily bars
    search: tuple[str, str] = ("IWM", "IWM")  # a text and the symbol it must find first


@dataclass(frozen=True)
class Market:
    provider: MarketDataProvider
    known: Known


class MarketDataContract:
    """Subclasses define the fixture `market`: an opened provider with what it knows."""

    async def test_tc_m01_it_says_what_it_is(self, market: Market) -> None:
        capabilities = market.provider.capabilities
        assert capabilities.name.isidentifier()
        assert capabilities.label
        assert capabilities.delay_seconds >= 0
        assert not capabilities.notice.endswith(" ")

    async def test_tc_m02_a_quote_says_where_it_is_from_and_when_it_was_true(
        self, market: Market
    ) -> None:
        quote = await market.provider.fetch_quote(market.known.symbol)
        assert quote.symbol == market.known.symbol
        assert quote.quality is market.provider.capabilities.quality
        assert quote.source
        assert 0 < quote.ts_event <= quote.ts_received
        check_quote(quote)

    async def test_tc_m03_an_unknown_symbol_is_named_as_such(self, market: Market) -> None:
        provider, key = market.provider, ChainKey(UNKNOWN, market.known.chain.expiration)
        day = market.known.chain.expiration
        for call in (
            provider.fetch_quote(UNKNOWN),
            provider.fetch_expirations(UNKNOWN),
            provider.fetch_chain(key),
        ):
            with pytest.raises(UnknownSymbol) as caught:
                await call
            assert caught.value.detail.endswith(".")
            assert caught.value.next_step
        if provider.capabilities.intervals:
            interval = min(provider.capabilities.intervals)
            with pytest.raises(UnknownSymbol):
                await provider.fetch_bars(UNKNOWN, interval, start=day, end=day)

    @pytest.mark.parametrize("symbol", MALFORMED)
    async def test_tc_m04_a_malformed_symbol_is_an_error_of_ours(
        self, market: Market, symbol: str
    ) -> None:
        with pytest.raises(OptixError):
            await market.provider.fetch_quote(symbol)
        with pytest.raises(OptixError):
            await market.provider.fetch_expirations(symbol)

    async def test_tc_m05_expirations_ascend_and_count_their_contracts(
        self, market: Market
    ) -> None:
        underlying = market.known.chain.underlying
        expirations = await market.provider.fetch_expirations(underlying)
        keys = [(entry.date, entry.root) for entry in expirations]
        assert keys == sorted(set(keys))
        assert {market.known.chain.expiration, market.known.other_chain.expiration} <= {
            entry.date for entry in expirations
        }
        assert all(underlying_of(entry.root) == underlying for entry in expirations)
        day = market.known.chain.expiration
        listed = {entry.root: entry.contracts for entry in expirations if entry.date == day}
        table = await market.provider.fetch_chain(market.known.chain)
        roots = [contract.root for contract in table.contracts]
        assert listed == {root: roots.count(root) for root in set(roots)}

    async def test_tc_m06_a_chain_is_whole_and_has_every_contract_once(
        self, market: Market
    ) -> None:
        table = await market.provider.fetch_chain(market.known.chain)
        assert table.complete
        assert table.underlying == market.known.chain.underlying
        assert {contract.expiration for contract in table.contracts} == {
            market.known.chain.expiration
        }
        check_chain(table)

    async def test_tc_m07_a_date_without_contracts_is_named_as_such(self, market: Market) -> None:
        with pytest.raises(UnknownExpiration):
            await market.provider.fetch_chain(ChainKey(market.known.chain.underlying, UNLISTED))

    async def test_tc_m08_any_demand_is_taken(self, market: Market) -> None:
        provider = market.provider
        provider.set_demand(Demand())
        provider.set_demand(
            Demand(
                quotes=frozenset((UNKNOWN, *MALFORMED)),
                chains=frozenset(
                    (ChainKey(UNKNOWN, UNLISTED), ChainKey(market.known.symbol, UNLISTED))
                ),
            )
        )
        wanted = Demand(quotes=frozenset((market.known.symbol,)))
        provider.set_demand(Demand(quotes=wanted.quotes | {UNKNOWN}))
        async with listening(provider) as updates:
            quote = await updates.find(Quote)
        assert quote.symbol == market.known.symbol

    async def test_tc_m09_what_is_demanded_comes_and_nothing_else(self, market: Market) -> None:
        known = market.known
        market.provider.set_demand(
            Demand(quotes=frozenset((known.symbol,)), chains=frozenset((known.chain,)))
        )
        async with listening(market.provider) as updates:
            table = await updates.find(ChainTable)
            if not any(isinstance(update, Quote) for update in updates.seen):
                await updates.find(Quote)
        assert table.complete
        check_chain(table)
        for update in updates.seen:
            if isinstance(update, Quote):
                assert update.symbol == known.symbol
            elif isinstance(update, ChainTable):
                assert update.underlying == known.chain.underlying
                assert {c.expiration for c in update.contracts} == {known.chain.expiration}

    async def test_tc_m10_a_demand_that_comes_later_is_served_whole(self, market: Market) -> None:
        known = market.known
        market.provider.set_demand(Demand(chains=frozenset((known.chain,))))
        async with listening(market.provider) as updates:
            await updates.find(ChainTable)
            market.provider.set_demand(Demand(chains=frozenset((known.chain, known.other_chain))))
            expiration = known.chain.expiration
            while expiration != known.other_chain.expiration:
                table = await updates.find(ChainTable)
                expiration = table.contracts[0].expiration
        assert table.complete
        whole = await market.provider.fetch_chain(known.other_chain)
        assert len(table) == len(whole)

    async def test_tc_m11_times_of_one_thing_never_go_back(self, market: Market) -> None:
        known = market.known
        market.provider.set_demand(
            Demand(quotes=frozenset((known.symbol,)), chains=frozenset((known.chain,)))
        )
        async with listening(market.provider) as updates:
            await updates.settle()
        assert updates.seen
        for kind in (Quote, ChainTable):
            times = [update.ts_event for update in updates.seen if isinstance(update, kind)]
            assert times == sorted(times)

    async def test_tc_m12_bars_ascend_within_the_asked_days(self, market: Market) -> None:
        if market.known.bars is None:
            pytest.skip("this market has no bars")
        start, end = market.known.bars
        bars = await market.provider.fetch_bars(
            market.known.symbol, BarInterval.DAY_1, start=start, end=end
        )
        assert 0 < len(bars.rows) <= limits.HISTORY_BARS_MAX
        times = [bar.ts_event for bar in bars.rows]
        assert times == sorted(set(times))
        for bar in bars.rows:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert isnan(bar.volume) or bar.volume >= 0
        assert (bars.symbol, bars.interval) == (market.known.symbol, BarInterval.DAY_1)
        before = await market.provider.fetch_bars(
            market.known.symbol, BarInterval.DAY_1, start=UNLISTED, end=UNLISTED
        )
        assert not before.rows

    async def test_tc_m13_an_interval_without_bars_is_refused(self, market: Market) -> None:
        provider, day = market.provider, market.known.chain.expiration
        for interval in set(BarInterval) - provider.capabilities.intervals:
            with pytest.raises(UnsupportedRequest):
                await provider.fetch_bars(market.known.symbol, interval, start=day, end=day)

    async def test_tc_m14_search_finds_the_ticker_first_and_keeps_to_its_limit(
        self, market: Market
    ) -> None:
        provider = market.provider
        if DataKind.SEARCH not in provider.capabilities.kinds:
            pytest.skip("this provider cannot search")
        text, first = market.known.search
        found = await provider.search(text, limit=5)
        assert found[0].symbol == first
        assert len(found) <= 5
        assert len(await provider.search("S", limit=2)) <= 2
        assert not await provider.search("zqzqzqzq", limit=5)
        assert not await provider.search("S" * 10_000, limit=5)

    async def test_tc_m15_vendor_analytics_are_in_our_units_or_missing(
        self, market: Market
    ) -> None:
        table = await market.provider.fetch_chain(market.known.chain)
        for iv in table.columns["vendor_iv"]:
            assert isnan(iv) or 0.001 < iv < 100, "a fraction, and never a silent zero"
        for delta in table.columns["vendor_delta"]:
            assert isnan(delta) or -1.001 <= delta <= 1.001

    async def test_tc_m16_nothing_is_from_the_future(self, market: Market) -> None:
        provider = market.provider
        quote = await provider.fetch_quote(market.known.symbol)
        table = await provider.fetch_chain(market.known.chain)
        now_ns = provider.clock.now_ns()
        assert max(quote.ts_event, table.ts_event) <= now_ns
        if table.row_ts_event is not None:
            assert max(table.row_ts_event) <= now_ns

    async def test_tc_m17_closing_ends_the_updates_and_opening_goes_on(
        self, market: Market
    ) -> None:
        provider, known = market.provider, market.known
        provider.set_demand(Demand(quotes=frozenset((known.symbol,))))
        async with listening(provider) as updates:
            await updates.find(Quote)
            await provider.close()
            await updates.ended()
        await provider.close()
        await provider.open()
        assert (await provider.fetch_quote(known.symbol)).symbol == known.symbol
        async with listening(provider) as again:
            assert (await again.find(Quote)).symbol == known.symbol


class Updates:
    """What a listening task got so far, each found once."""

    def __init__(self, provider: MarketDataProvider) -> None:
        self.seen: list[MarketUpdate] = []
        self._provider = provider
        self._next = 0
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._listen())

    async def find(self, kind: type[T]) -> T:
        """Return the next update of `kind`."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                while self._next < len(self.seen):
                    update = self.seen[self._next]
                    self._next += 1
                    if isinstance(update, kind):
                        return update
                assert not self.task.done(), f"the updates ended without a {kind.__name__}"
                self._news.clear()
                await self._news.wait()

    async def settle(self) -> None:
        """Wait until a first update is there and the provider had turns to send more."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not self.seen:
                self._news.clear()
                await self._news.wait()
        for _ in range(50):
            await asyncio.sleep(0.001)

    async def ended(self) -> None:
        await asyncio.wait_for(asyncio.shield(self.task), WAIT_SECONDS)

    async def _listen(self) -> None:
        try:
            async for update in self._provider.iter_updates():
                self.seen.append(update)
                self._news.set()
        finally:
            self._news.set()


@contextlib.asynccontextmanager
async def listening(provider: MarketDataProvider) -> AsyncIterator[Updates]:
    """Listen to a provider as long as the block runs."""
    updates = Updates(provider)
    try:
        yield updates
    finally:
        updates.task.cancel()
        await asyncio.gather(updates.task, return_exceptions=True)


def check_quote(quote: Quote) -> None:
    """Assert what every quote keeps: a number is finite and not negative, or it is missing."""
    for value in (quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.volume):
        assert isnan(value) or (isfinite(value) and value >= 0)
    for price in (quote.last, quote.open, quote.high, quote.low, quote.previous_close):
        assert isnan(price) or (isfinite(price) and price > 0)


def check_chain(table: ChainTable) -> None:
    """Assert what every chain keeps."""
    assert len(table) > 0
    assert len(set(table.contracts)) == len(table)
    assert all(underlying_of(c.root) == table.underlying for c in table.contracts)
    for name in CHAIN_COLUMNS:
        values: Sequence[float] = table.columns[name]
        assert len(values) == len(table)
        assert not any(value in {float("inf"), float("-inf")} for value in values)
        if not name.startswith("vendor_"):
            assert not any(value < 0 for value in values)
    assert all(row.code and row.reason.endswith((".", "…")) for row in table.rejected)
