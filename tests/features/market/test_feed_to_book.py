"""From a provider's update to a reader's row, over a real Redis: nothing is lost, stale is said."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import orjson
import pytest
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.market import wire
from optix.kernel.quote import Quality, QuoteFlag, TradingState, TradingStatus
from optix.platform.bus import QUOTES, FeedUnavailable
from optix.ports.market_data import (
    ChainKey,
    FeedNotice,
    NoticeState,
    UnknownExpiration,
    UnknownSymbol,
)

pytestmark = pytest.mark.stores

KEY = ChainKey("SPY", EXPIRATION)
CONTRACTS = SMALL_CONTRACTS
BIDS = SMALL_BIDS
ASKS = [bid + 0.1 for bid in BIDS]


class TestQuotes:
    async def test_a_quote_that_is_asked_for_is_followed_from_then_on(self, market: Market) -> None:
        book = await market.start()
        replica = await book.get_quote("SPY")
        assert replica.quote.last == 600.0
        await until(lambda: "SPY" in market.provider.demand.quotes)
        market.provider.emit(spot_of(price=601.0))
        await until(lambda: book.quotes["SPY"].quote.last == 601.0)

    async def test_many_readers_of_one_symbol_cost_the_provider_one_question(
        self, market: Market
    ) -> None:
        book = await market.start()
        other = await market.start_book()
        await asyncio.gather(*(b.get_quote("SPY") for b in (book, other) for _ in range(20)))
        assert len(market.provider.asked) <= 2

    async def test_an_unknown_symbol_is_the_providers_own_sentence(self, market: Market) -> None:
        book = await market.start()
        with pytest.raises(Exception, match="ZZZZ is not known here") as caught:
            await book.get_quote("ZZZZ")
        assert getattr(caught.value, "code", "") == UnknownSymbol.code

    async def test_a_provider_that_is_still_opening_denies_nothing(self, market: Market) -> None:
        """A recording knows its symbols once it is read: a question before that waits."""
        market.provider.opening.clear()
        known, market.provider.quotes = market.provider.quotes, {}
        await market.start_feed()
        book = await market.start_book()
        await until(lambda: book.feed_status().source)
        question = asyncio.ensure_future(book.get_quote("SPY"))
        await asyncio.sleep(0.2)
        assert not question.done()
        market.provider.quotes = known
        market.provider.opening.set()
        assert (await question).quote.last == 600.0

    async def test_an_odd_quote_is_flagged_and_served(self, market: Market) -> None:
        market.provider.quotes["SPY"] = replace(spot_of(), bid=600.2, ask=600.1)
        book = await market.start()
        assert (await book.get_quote("SPY")).quote.flags == QuoteFlag.CROSSED

    async def test_what_nobody_looks_at_any_more_is_not_demanded(self, market: Market) -> None:
        await market.start()
        await market.bus.lease([wire.quote_topic("SPY")], seconds=1.5)
        await until(lambda: "SPY" in market.provider.demand.quotes)
        await until(lambda: not market.provider.demand.quotes)


class TestChains:
    async def test_a_chain_arrives_priced_with_every_contract(self, market: Market) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        chain = await book.get_chain(KEY)
        assert [c[0] for c in chain.contracts] == sorted(
            (c.key for c in CONTRACTS), key=lambda key: (key[-8:], key[9])
        )
        iv = chain.columns.analytics[0]
        assert ((iv > 0.05) & (iv < 0.5)).all()
        assert chain.header["roots"][0]["root"] == "SPY"

    async def test_a_change_of_one_contract_changes_its_row_alone(self, market: Market) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        chain = await book.get_chain(KEY)
        await until(lambda: KEY in market.provider.demand.chains)
        slots = await book.open_chain(KEY, ["volume"])
        before, sequence = book.fan.sequence, chain.sequence
        volume = [7.0]
        market.provider.emit(
            table_of(
                CONTRACTS[:1],
                {"bid": BIDS[:1], "ask": ASKS[:1], "open_interest": [10.0], "volume": volume},
                complete=False,
                ts_event=NOW_NS + 1_000_000_000,
            )
        )
        await until(lambda: book.chains[KEY].sequence > sequence)
        assert book.chains[KEY] is chain
        changed = [n for n, s in enumerate(slots.slots) if book.fan.sequence_of(s) > before]
        assert [chain.contracts[i][0] for i in changed] == [CONTRACTS[0].key]
        assert orjson.loads(book.fan.json(slots.slots[changed[0]])) == [changed[0], 7.0]

    async def test_a_new_contract_brings_a_new_listing(self, market: Market) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        slots = await book.open_chain(KEY)
        told: list[str] = []
        book.listen(told.append)
        await until(lambda: KEY in market.provider.demand.chains)
        more = contracts_of([590, 600, 610, 620])
        market.provider.emit(
            table_of(more, {"bid": [*BIDS, 6.0, 25.0], "ask": [*ASKS, 6.1, 25.1]}, spot=spot_of())
        )
        await until(lambda: len(book.chains[KEY].contracts) == 8)
        await until(lambda: wire.chain_topic(KEY) in told)
        again = await book.open_chain(KEY)
        assert (len(again.slots), again.listed > slots.listed) == (8, True)

    async def test_a_lost_message_is_noticed_and_mended(self, market: Market) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        chain = await book.get_chain(KEY)
        await until(lambda: KEY in market.provider.demand.chains)
        chain.sequence -= 1  # as if one message had not arrived
        market.provider.emit(
            table_of(
                CONTRACTS[:1],
                {"bid": [23.0], "ask": [23.1]},
                complete=False,
                ts_event=NOW_NS + 1_000_000_000,
            )
        )
        await until(lambda: book.chains[KEY] is not chain)
        await until(lambda: 23.0 in book.chains[KEY].columns.quotes[0])

    async def test_every_listed_expiration_is_summed_up(self, market: Market) -> None:
        """Many are priced together: each has its own IV and move all the same."""
        days = [EXPIRATION + timedelta(weeks=week) for week in range(10)]
        for day in days:
            contracts = contracts_of([590, 600, 610], expiration=day)
            market.provider.chains[ChainKey("SPY", day)] = table_of(
                contracts, {"bid": BIDS, "ask": ASKS}, spot=spot_of()
            )
        book = await market.start()
        answer = await book.ask("expirations", {"underlying": "SPY"})
        assert [row["date"] for row in answer["rows"]] == [day.isoformat() for day in days]
        moves = [row["expected_move"] for row in answer["rows"]]
        assert all(move > 0 for move in moves)
        assert all(row["atm_iv"] > 0 for row in answer["rows"])

    async def test_an_expiration_that_is_not_listed_is_an_error(self, market: Market) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        with pytest.raises(Exception, match="has nothing on") as caught:
            await book.get_chain(ChainKey("SPY", date(2026, 12, 24)))
        assert getattr(caught.value, "code", "") == UnknownExpiration.code


class TestLosses:
    async def test_a_provider_that_fails_turns_numbers_stale_and_comes_back(
        self, market: Market
    ) -> None:
        book = await market.start()
        await book.get_quote("SPY")
        market.provider.fail("The line is cut.")
        await until(lambda: book.feed_status().state == "down")
        assert "The line is cut." in book.feed_status().reason
        assert book.quality_now("realtime") is Quality.STALE
        await until(lambda: book.feed_status().state == "live")
        assert market.provider.opened == 2
        assert book.quality_now("realtime") is Quality.REALTIME

    async def test_a_mute_provider_is_found_out_and_restarted(self, market: Market) -> None:
        market.provider.capabilities = replace(
            market.provider.capabilities, silence_seconds_max=0.5
        )
        book = await market.start()
        await book.get_quote("SPY")
        await until(lambda: book.feed_status().state == "stale")
        assert "silent" in book.feed_status().reason
        await until(lambda: market.provider.opened == 2, seconds=20)

    async def test_a_killed_feed_is_down_within_ten_seconds_and_its_numbers_remain(
        self, market: Market
    ) -> None:
        market.provider.list_small_chain()
        feed = await market.start_feed()
        book = await market.start_book()
        await until(lambda: book.feed_status().state == "live")
        await book.get_chain(KEY)
        told: list[str] = []
        book.listen(told.append)
        await market.kill(feed)
        await until(lambda: book.feed_status().state == "down" and "status" in told, seconds=10)
        assert len(await book.get_chain(KEY)) == 6
        with pytest.raises(FeedUnavailable):
            await book.ask("search", {"text": "S", "limit": 1})
        await market.start_feed()
        await until(lambda: book.feed_status().state == "live")
        sequence = book.chains[KEY].epoch
        await until(lambda: book.chains[KEY].epoch == book.feed_status().epoch)
        assert book.chains[KEY].epoch != sequence or book.feed_status().epoch == sequence

    async def test_a_book_that_starts_beside_a_dead_feed_serves_what_was_kept(
        self, market: Market
    ) -> None:
        feed = await market.start_feed()
        first = await market.start_book()
        await until(lambda: first.feed_status().state == "live")
        await first.get_quote("SPY")
        market.provider.emit(spot_of(price=602.0))
        await until(lambda: first.quotes["SPY"].quote.last == 602.0)
        await market.kill(feed)
        assert await market.bus.redis.hexists(QUOTES, "SPY")
        second = await market.start_book()
        await until(lambda: second.feed_status().state == "down")
        assert (await second.get_quote("SPY")).quote.last == 602.0
        assert second.quality_now("realtime") is Quality.STALE

    async def test_the_end_of_a_recording_is_said_and_is_no_failure(self, market: Market) -> None:
        book = await market.start()
        market.provider.emit(
            FeedNotice(state=NoticeState.ENDED, reason="The recording is over.", ts_event=NOW_NS)
        )
        await until(lambda: book.feed_status().state == "ended")
        assert book.quality_now("replay") is Quality.REPLAY
        assert book.market_now_ns() == NOW_NS


class TestMarks:
    """What makes numbers doubtful reaches readers through a real Redis."""

    async def test_a_halt_and_a_gap_are_seen_by_readers_until_they_are_over(
        self, market: Market
    ) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        await book.get_chain(KEY)
        halt = TradingStatus(
            symbol="SPY",
            state=TradingState.HALTED,
            reason="LUDP",
            source="test",
            ts_event=NOW_NS,
            ts_received=NOW_NS,
        )
        market.provider.emit(halt)
        await until(lambda: book.quotes["SPY"].trading_state is TradingState.HALTED)
        assert book.quotes["SPY"].trading_reason == "LUDP"
        await until(lambda: book.chains[KEY].header["trading"] == "halted")
        market.provider.emit(
            FeedNotice(state=NoticeState.GAP, reason="The line was lost.", ts_event=NOW_NS)
        )
        await until(lambda: book.quotes["SPY"].quote.quality is Quality.STALE)
        await until(lambda: book.chains[KEY].header["quality"] == "stale")
        sequence = book.chains[KEY].sequence
        later = NOW_NS + 1_000_000_000
        table = market.provider.chains[KEY]
        market.provider.emit(replace(table, ts_event=later, spot=spot_of(ts_event=later)))
        await until(lambda: book.chains[KEY].header["quality"] == "realtime")
        await until(lambda: book.quotes["SPY"].quote.quality is Quality.REALTIME)
        assert book.chains[KEY].sequence > sequence

    async def test_the_surface_of_a_followed_chain_is_told_in_its_header(
        self, market: Market
    ) -> None:
        market.provider.list_small_chain()
        book = await market.start()
        await book.get_chain(KEY)
        await until(lambda: KEY in market.provider.demand.chains)
        later = NOW_NS + 1_000_000_000
        market.provider.emit(replace(market.provider.chains[KEY], ts_event=later))
        await until(lambda: "sound quotes" in book.chains[KEY].header["roots"][0]["surface_reason"])
