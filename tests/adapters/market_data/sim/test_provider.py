"""The provider says what is demanded and nothing else, the same to everybody, and labels it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import date
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.adapters.market_data.sim.world import make_market, new_york

from optix.adapters.market_data.sim import SimulatedMarket
from optix.adapters.market_data.sim.names import DEFAULT_NAMES
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import Unavailable
from optix.kernel.quote import Quality, Quote, QuoteFlag, SecurityKind
from optix.ports.market_data import (
    BarInterval,
    ChainKey,
    Demand,
    MarketDataProvider,
    ProviderUnavailable,
    UnknownExpiration,
    UnknownSymbol,
)

NOON = new_york(2026, 11, 18, 12)
FRIDAY = date(2026, 11, 20)
SYMBOLS = [name.symbol for name in DEFAULT_NAMES]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return make_market(NOON)[0]


def demand(*quotes: str, chains: tuple[ChainKey, ...] = ()) -> Demand:
    return Demand(quotes=frozenset(quotes), chains=frozenset(chains))


class TestLabel:
    def test_it_is_a_provider_that_says_what_it_is(self, market: SimulatedMarket) -> None:
        provider: MarketDataProvider = market
        assert provider.capabilities.name == "sim"
        assert provider.capabilities.quality is Quality.SIMULATED
        assert provider.capabilities.notice == "Simulated market. Prices are generated."
        assert provider.capabilities.intervals == frozenset(BarInterval)

    @pytest.mark.parametrize("symbol", SYMBOLS)
    async def test_every_quote_is_labelled_and_sound(
        self, market: SimulatedMarket, symbol: str
    ) -> None:
        quote = await market.fetch_quote(symbol)
        assert (quote.source, quote.quality) == ("sim", Quality.SIMULATED)
        assert quote.bid < quote.ask
        assert quote.bid <= quote.last <= quote.ask
        assert quote.low <= quote.last <= quote.high
        assert quote.low <= quote.open <= quote.high
        assert quote.previous_close > 0
        assert quote.ts_event == quote.ts_received == NOON
        assert quote.flags is QuoteFlag.NONE
        assert isnan(quote.volume) == isnan(quote.bid_size) == (quote.kind is SecurityKind.INDEX)

    def test_the_market_has_the_names_people_look_for(self) -> None:
        wanted = (
            "SPY QQQ IWM AAPL NVDA TSLA MSFT AMZN META GOOGL AMD NFLX JPM XOM GLD TLT SPX NDX VIX"
        )
        assert set(wanted.split()) <= set(SYMBOLS)


class TestQuestions:
    @pytest.mark.parametrize("symbol", ["NOSUCH", "", "A" * 5_000, "\x00", "SPY;"])
    async def test_an_unknown_symbol_is_an_error_everywhere(
        self, market: SimulatedMarket, symbol: str
    ) -> None:
        with pytest.raises(UnknownSymbol, match="no symbol"):
            await market.fetch_quote(symbol)
        with pytest.raises(UnknownSymbol):
            await market.fetch_expirations(symbol)
        with pytest.raises(UnknownSymbol):
            await market.fetch_chain(ChainKey(symbol, FRIDAY))

    @pytest.mark.parametrize("day", [date(2026, 11, 17), date(2026, 11, 21), date.max, date.min])
    async def test_an_unknown_expiration_is_an_error(
        self, market: SimulatedMarket, day: date
    ) -> None:
        with pytest.raises(UnknownExpiration):
            await market.fetch_chain(ChainKey("SPY", day))

    async def test_volatility_is_dearer_for_later_than_now_when_it_is_low(
        self, market: SimulatedMarket
    ) -> None:
        rows = await market.fetch_expirations("VIX")
        table = await market.fetch_chain(ChainKey("VIX", rows[-1].date))
        assert table.spot is not None
        mids = 0.5 * (np.frombuffer(table.columns["bid"]) + np.frombuffer(table.columns["ask"]))
        strikes = np.array([contract.strike for contract in table.contracts[::2]])
        forward = strikes + (mids[::2] - mids[1::2]) * 1.03
        middle = np.argmin(np.abs(mids[::2] - mids[1::2]))
        assert forward[middle] == pytest.approx(17.5, abs=2.5)

    async def test_a_chain_holds_what_the_expirations_promise(
        self, market: SimulatedMarket
    ) -> None:
        for symbol in ("SPX", "AAPL"):
            rows = await market.fetch_expirations(symbol)
            for day in {row.date for row in rows[:8]}:
                chain = await market.fetch_chain(ChainKey(symbol, day))
                assert chain.complete
                assert chain.underlying == symbol
                assert {contract.expiration for contract in chain.contracts} == {day}
                assert len({contract.key for contract in chain.contracts}) == len(chain)
                assert len(chain) == sum(row.contracts for row in rows if row.date == day)
                assert chain.spot is not None
                assert chain.spot.last == (await market.fetch_quote(symbol)).last

    async def test_search_finds_simulated_names_alone(self, market: SimulatedMarket) -> None:
        assert [found.symbol for found in await market.search("nvid", limit=5)] == ["NVDA"]
        assert await market.search("Coca-Cola", limit=5) == []
        (vix,) = await market.search("VIX", limit=1)
        assert vix.has_options

    async def test_vendor_columns_say_nothing(self, market: SimulatedMarket) -> None:
        chain = await market.fetch_chain(ChainKey("AAPL", FRIDAY))
        for name, column in chain.columns.items():
            if name.startswith("vendor_"):
                assert all(isnan(value) for value in column)

    async def test_two_markets_of_one_seed_are_one_market(self, market: SimulatedMarket) -> None:
        other, _ = make_market(NOON)
        key = ChainKey("NVDA", FRIDAY)
        mine, theirs = await market.fetch_chain(key), await other.fetch_chain(key)
        assert mine.contracts == theirs.contracts
        assert mine.columns["bid"] == theirs.columns["bid"]
        assert mine.spot == theirs.spot
        different, _ = make_market(NOON, seed=12)
        assert (await different.fetch_quote("NVDA")).last != (await other.fetch_quote("NVDA")).last


class TestDemand:
    def test_without_demand_nothing_is_said(self) -> None:
        market, _ = make_market(NOON)
        assert list(market.poll()) == []

    def test_only_what_is_demanded_is_said(self) -> None:
        market, _ = make_market(NOON)
        key = ChainKey("AAPL", FRIDAY)
        market.set_demand(demand("SPY", "VIX", chains=(key,)))
        said = list(market.poll())
        assert {update.symbol for update in said if isinstance(update, Quote)} == {"SPY", "VIX"}
        (table,) = [update for update in said if isinstance(update, ChainTable)]
        assert table.complete
        assert table.underlying == "AAPL"

    def test_then_only_changes_are_said(self) -> None:
        market, clock = make_market(NOON)
        key = ChainKey("SPY", FRIDAY)
        market.set_demand(demand("SPY", chains=(key,)))
        whole = [update for update in market.poll() if isinstance(update, ChainTable)]
        assert list(market.poll()) == []
        clock.advance_to(NOON + NANOSECONDS)
        said = list(market.poll())
        (table,) = [update for update in said if isinstance(update, ChainTable)]
        assert not table.complete
        assert 0 < len(table) < len(whole[0])
        assert table.spot == next(update for update in said if isinstance(update, Quote))

    def test_an_active_name_is_quoted_several_times_a_second(self) -> None:
        market, clock = make_market(NOON)
        market.set_demand(demand("SPX", "SPY"))
        said = []
        for tick in range(1, 51):
            clock.advance_to(NOON + tick * NANOSECONDS // 5)
            said += [update.symbol for update in market.poll() if isinstance(update, Quote)]
        assert said.count("SPX") >= 30
        assert said.count("SPY") >= 20

    def test_what_is_no_longer_demanded_is_no_longer_said(self) -> None:
        market, clock = make_market(NOON)
        market.set_demand(demand("SPY", "QQQ"))
        assert len(list(market.poll())) == 2
        market.set_demand(demand("QQQ"))
        clock.advance_to(NOON + 2 * NANOSECONDS)
        assert {update.symbol for update in market.poll() if isinstance(update, Quote)} == {"QQQ"}

    def test_a_demand_that_comes_back_gets_the_whole_again(self) -> None:
        market, clock = make_market(NOON)
        key = ChainKey("AAPL", FRIDAY)
        for second in (1, 2):
            clock.advance_to(NOON + second * NANOSECONDS)
            market.set_demand(demand(chains=(key,)))
            (table,) = market.poll()
            assert isinstance(table, ChainTable)
            assert table.complete
            market.set_demand(demand())

    def test_unknown_demands_are_ignored(self) -> None:
        market, _ = make_market(NOON)
        missing = (ChainKey("NOSUCH", FRIDAY), ChainKey("SPY", date(2026, 11, 21)))
        market.set_demand(demand("NOSUCH", "SPY", chains=missing))
        assert [update.symbol for update in market.poll() if isinstance(update, Quote)] == ["SPY"]

    @settings(max_examples=20, deadline=None)
    @given(quotes=st.frozensets(st.text(max_size=8)), day=st.dates(), symbol=st.text(max_size=8))
    def test_no_demand_can_break_the_stream(
        self, quotes: frozenset[str], day: date, symbol: str
    ) -> None:
        market, _ = SHARED
        market.set_demand(Demand(quotes=quotes, chains=frozenset({ChainKey(symbol, day)})))
        for update in market.poll():
            assert isinstance(update, Quote)
            assert update.symbol in SYMBOLS


SHARED = make_market(NOON)


class TestExpiry:
    async def test_an_expired_date_stays_until_midnight_and_then_is_gone(self) -> None:
        market, clock = make_market(new_york(2026, 11, 18, 15, 59, 59))
        key = ChainKey("SPY", date(2026, 11, 18))
        market.set_demand(demand(chains=(key,)))
        (open_,) = market.poll()
        assert isinstance(open_, ChainTable)

        clock.advance_to(new_york(2026, 11, 18, 23, 59, 59))
        (expired,) = market.poll()
        assert isinstance(expired, ChainTable)
        assert set(expired.columns["ask"]) == {0.0}
        assert (await market.fetch_expirations("SPY"))[0].date == key.expiration

        clock.advance_to(new_york(2026, 11, 19))
        assert list(market.poll()) == []
        assert (await market.fetch_expirations("SPY"))[0].date == date(2026, 11, 19)
        with pytest.raises(UnknownExpiration):
            await market.fetch_chain(key)

    async def test_a_new_day_brings_the_whole_chain_again(self) -> None:
        market, clock = make_market(new_york(2026, 11, 19, 9, 29, 59))
        key = ChainKey("AAPL", FRIDAY)
        market.set_demand(demand(chains=(key,)))
        (before,) = market.poll()
        clock.advance_to(new_york(2026, 11, 19, 9, 30, 1))
        (after,) = market.poll()
        assert isinstance(before, ChainTable)
        assert isinstance(after, ChainTable)
        assert after.complete
        assert before.columns["open_interest"] != after.columns["open_interest"]
        assert {c.key for c in before.contracts} <= {c.key for c in after.contracts}


class TestLife:
    async def test_before_the_world_begins_it_does_not_open(self) -> None:
        market, _ = make_market(new_york(2025, 12, 31))
        with pytest.raises(Unavailable, match="begins on 2026-01-02") as caught:
            await market.open()
        assert isinstance(caught.value, ProviderUnavailable)

    async def test_the_stream_waits_for_demand_and_ends_with_close(self) -> None:
        market, _ = make_market(NOON)
        await market.open()
        updates = market.iter_updates()
        first = asyncio.ensure_future(anext(updates))
        await asyncio.sleep(0)
        assert not first.done()
        market.set_demand(demand("SPY"))
        update = await first
        assert isinstance(update, Quote)
        assert update.symbol == "SPY"
        await market.close()
        assert [update async for update in updates] == []

    async def test_a_listener_that_begins_anew_hears_the_whole_again(self) -> None:
        market, _ = make_market(NOON)
        await market.open()
        market.set_demand(demand(chains=(ChainKey("AAPL", FRIDAY),)))
        for _ in range(2):
            async with aclosing(market.iter_updates()) as updates:
                first = await anext(updates)
            assert isinstance(first, ChainTable)
            assert first.complete
        await market.close()

    async def test_it_opens_again_after_it_was_closed(self) -> None:
        market, _ = make_market(NOON)
        await market.open()
        await market.close()
        await market.open()
        market.set_demand(demand("SPY"))
        async with aclosing(market.iter_updates()) as updates:
            assert isinstance(await anext(updates), Quote)
