"""What a socket shows of the market: snapshots, then every change, in order, or what is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.features.streaming.conftest import Frame, Reader, Stream, Tokens, signed_in
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of
from tests.fixtures.waiting import until

from optix.features.market import wire
from optix.kernel import limits
from optix.ports.market_data import ChainKey

pytestmark = pytest.mark.stores

KEY = ChainKey("SPY", EXPIRATION)
CHAIN = {"underlying": "SPY", "expiration": EXPIRATION.isoformat()}
LAST = wire.QUOTE_COLUMNS.index("last")
BID = wire.CHAIN_ROW_COLUMNS.index("bid")


async def follow_quote(stream: Stream, reader: Reader, number: int = 1) -> Frame:
    await reader.say(op="subscribe", id=number, quotes=["SPY"])
    snapshot = await reader.next("snapshot")
    await until(lambda: "SPY" in stream.market.provider.demand.quotes)
    return snapshot


async def follow_chain(stream: Stream, reader: Reader, number: int = 1) -> Frame:
    await reader.say(op="subscribe", id=number, chain=CHAIN)
    snapshot = await reader.next("snapshot")
    await until(lambda: KEY in stream.market.provider.demand.chains)
    return snapshot


def quote(price: float) -> Any:
    return spot_of(price=price, ts_event=NOW_NS + int(price * 1_000_000))


def call_590(bid: float, second: int) -> Any:
    """Return an update of the first contract alone."""
    return table_of(
        SMALL_CONTRACTS[:1],
        {"bid": [bid], "ask": [bid + 0.1], "open_interest": [10.0]},
        complete=False,
        ts_event=NOW_NS + second * 1_000_000_000,
    )


class TestQuotes:
    async def test_a_snapshot_names_its_columns_and_has_the_row(
        self, stream: Stream, reader: Reader
    ) -> None:
        _, number, sequence, header, rows, _ = await follow_quote(stream, reader)
        assert (number, sequence) == (1, 0)
        assert header == {
            "kind": "quotes",
            "columns": list(wire.QUOTE_COLUMNS),
            "ids": {"SPY": 1},
            "missing": [],
        }
        [row] = rows
        assert dict(zip(header["columns"], row, strict=True)) == {
            "symbol": "SPY",
            "bid": 599.99,
            "ask": 600.01,
            "bid_size": 5.0,
            "ask_size": 7.0,
            "last": 600.0,
            "open": None,
            "high": None,
            "low": None,
            "previous_close": 595.0,
            "volume": 1_000_000.0,
            "as_of": NOW_NS // 1_000_000,
            "quality": "realtime",
            "flags": 0,
            "trading": None,
        }

    async def test_every_change_comes_in_order_and_numbers_have_no_gap(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader)
        for price in range(601, 611):
            stream.market.provider.emit(quote(price))
            changes = await reader.next("changes")
            assert changes[2] == price - 600
            assert changes[3][0][LAST] == price
            assert changes[4] is None

    async def test_ticks_faster_than_frames_are_conflated_to_the_newest(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader)
        # Long enough for the feed to publish several times between two frames.
        await reader.say(op="tune", interval_ms=1000)
        await reader.say(op="ping")
        await reader.next("pong")
        sequence = stream.market.book.fan.sequence
        for price in range(601, 631):
            stream.market.provider.emit(quote(price))
            await asyncio.sleep(limits.QUOTE_PUBLISH_SECONDS_MIN / 2)
        prices: list[float] = []
        numbers: list[int] = []
        while not prices or prices[-1] != 630:
            changes = await reader.next("changes")
            numbers.append(changes[2])
            prices.append(changes[3][0][LAST])
        assert numbers == list(range(1, len(numbers) + 1))
        assert prices == sorted(prices)
        assert len(numbers) < stream.market.book.fan.sequence - sequence

    async def test_two_subscriptions_of_one_symbol_each_count_for_themselves(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader, 1)
        stream.market.provider.emit(quote(601))
        await reader.next("changes")
        await follow_quote(stream, reader, 2)
        stream.market.provider.emit(quote(602))
        seen = {tuple((await reader.next("changes"))[1:3]) for _ in range(2)}
        assert seen == {(1, 2), (2, 1)}
        await reader.say(op="unsubscribe", id=1)
        assert await reader.next("ended") == ["ended", 1]
        stream.market.provider.emit(quote(603))
        assert (await reader.next("changes"))[1:3] == [2, 2]

    async def test_what_nobody_follows_any_more_costs_the_provider_nothing(
        self, stream: Stream, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "INTEREST_SECONDS", limits.INTEREST_SECONDS / 100)
        await follow_quote(stream, reader)
        await reader.say(op="unsubscribe", id=1)
        await reader.next("ended")
        await stream.market.bus.redis.delete("md.demand")  # what the last lease left
        await until(lambda: not stream.market.provider.demand.quotes, seconds=20)

    async def test_what_cannot_be_shown_is_named_with_the_reason(
        self, stream: Stream, reader: Reader
    ) -> None:
        await reader.say(op="subscribe", id=1, quotes=["ZZZZ", "no such!", "spy"])
        _, _, _, header, rows, _ = await reader.next("snapshot")
        assert [row[0] for row in rows] == ["SPY"]
        reasons = {missing["symbol"]: missing["code"] for missing in header["missing"]}
        assert reasons == {"ZZZZ": "unknown_symbol", "no such!": "malformed_symbol"}
        assert all(missing["detail"] for missing in header["missing"])

    async def test_a_crossed_quote_is_served_with_its_flag(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader)
        stream.market.provider.emit(replace(quote(601), bid=601.2, ask=601.1))
        changes = await reader.next("changes")
        assert changes[3][0][wire.QUOTE_COLUMNS.index("flags")] == 1


class TestChains:
    async def test_a_snapshot_holds_the_whole_expiration(
        self, stream: Stream, reader: Reader
    ) -> None:
        _, _, sequence, header, rows, _ = await follow_chain(stream, reader)
        assert sequence == 0
        assert header["kind"] == "chain"
        assert (header["underlying"], header["expiration"]) == ("SPY", EXPIRATION.isoformat())
        assert (header["source"], header["quality"], header["delay_seconds"]) == (
            "test",
            "realtime",
            0,
        )
        assert header["columns"] == list(wire.CHAIN_ROW_COLUMNS)
        assert header["spot"][LAST] == 600.0
        assert [root["root"] for root in header["roots"]] == ["SPY"]
        assert sorted(contract[1] for contract in header["contracts"]) == sorted(
            contract.key for contract in SMALL_CONTRACTS
        )
        assert [row[0] for row in rows] == list(range(len(SMALL_CONTRACTS)))
        assert all(len(row) == len(wire.CHAIN_ROW_COLUMNS) for row in rows)
        assert all(row[wire.CHAIN_ROW_COLUMNS.index("status")] == "ok" for row in rows)

    async def test_changes_name_the_row_and_follow_each_other(
        self, stream: Stream, reader: Reader
    ) -> None:
        _, _, _, header, _, _ = await follow_chain(stream, reader)
        numbers = [0]
        for step in range(1, 5):
            stream.market.provider.emit(call_590(22.0 + step, step))
            bids: dict[str, float] = {}
            while bids.get(SMALL_CONTRACTS[0].key) != 22.0 + step:  # a spot may come alone before
                _, number, n, rows, changed, _ = await reader.next("changes")
                assert (number, n) == (1, numbers[-1] + 1)
                numbers.append(n)
                bids = {header["contracts"][row[0]][1]: row[BID] for row in rows}
            assert changed["as_of"] == NOW_NS // 1_000_000 + 1000 * step

    async def test_a_moving_spot_alone_changes_the_header_alone(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_chain(stream, reader)

        async def changes_until(last: float) -> list[tuple[Any, Any]]:
            stream.market.provider.emit(quote(last))
            found: list[tuple[Any, Any]] = []
            while not found or found[-1][1].get("spot", {LAST: 0})[LAST] != last:
                _, _, _, rows, changed, _ = await reader.next("changes")
                found.append((rows, changed))
            return found

        for price in range(601, 611):  # rows that are still being priced at first come between
            found = await changes_until(price)
            if not any(rows for rows, _ in found):
                break
        assert {tuple(changed) for _, changed in found} == {("spot",)}
        assert not any(rows for rows, _ in found)

    async def test_a_new_listing_is_a_new_snapshot_and_numbers_start_again(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_chain(stream, reader)
        stream.market.provider.emit(call_590(23.0, 1))
        while not (await reader.next("changes"))[3]:  # a spot may come alone before
            pass
        more = contracts_of([590, 600, 610, 620])
        bids = [*SMALL_BIDS, 6.0, 25.0]
        listed = table_of(
            more,
            {"bid": bids, "ask": [bid + 0.1 for bid in bids], "open_interest": [10.0] * 8},
            spot=spot_of(),
            ts_event=NOW_NS + 2_000_000_000,
        )
        stream.market.provider.chains[KEY] = listed
        stream.market.provider.emit(listed)
        _, number, sequence, header, rows, _ = await reader.next("snapshot")
        assert (number, sequence) == (1, 0)
        assert len(header["contracts"]) == len(rows) == 8
        stream.market.provider.emit(call_590(24.0, 3))
        changes = await reader.next("changes", "snapshot")
        assert (changes[0], changes[2]) == ("changes", 1)

    async def test_quotes_and_a_chain_live_on_one_socket(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader, 1)
        await follow_chain(stream, reader, 2)
        stream.market.provider.emit(quote(605))
        seen: set[int] = set()
        while seen != {1, 2}:  # the reader gives up where one of them never comes
            seen.add((await reader.next("changes"))[1])

    async def test_late_readers_join_the_same_numbers(
        self, stream: Stream, reader: Reader, tokens: Tokens
    ) -> None:
        await follow_chain(stream, reader)
        stream.market.provider.emit(call_590(25.0, 1))
        while not (await reader.next("changes"))[3]:  # a spot may come alone before
            pass
        other = await signed_in(stream, tokens.of())
        _, _, _, header, rows, _ = await follow_chain(stream, other, 9)
        bids = {header["contracts"][row[0]][1]: row[BID] for row in rows}
        assert bids[SMALL_CONTRACTS[0].key] == 25.0

    @pytest.mark.parametrize(
        ("chain", "code"),
        [
            ({"underlying": "SPY", "expiration": "2026-12-24"}, "unknown_expiration"),
            ({"underlying": "ZZZZ", "expiration": "2026-12-18"}, "unknown_expiration"),
            ({"underlying": "no such!", "expiration": "2026-12-18"}, "malformed_symbol"),
        ],
    )
    async def test_a_chain_that_is_not_is_an_error_and_its_id_is_free_again(
        self, stream: Stream, reader: Reader, chain: dict[str, str], code: str
    ) -> None:
        await reader.say(op="subscribe", id=4, chain=chain)
        _, error = await reader.next("error")
        assert (error["id"], error["code"]) == (4, code)
        await follow_chain(stream, reader, 4)


class TestBounds:
    async def test_an_id_in_use_is_refused_and_the_first_goes_on(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_quote(stream, reader)
        await reader.say(op="subscribe", id=1, chain=CHAIN)
        _, error = await reader.next("error")
        assert (error["id"], error["code"]) == (1, "duplicate_subscription")
        stream.market.provider.emit(quote(601))
        assert (await reader.next("changes"))[1:3] == [1, 1]

    async def test_one_chain_too_many_is_refused(self, stream: Stream, reader: Reader) -> None:
        for number in range(1, limits.SOCKET_CHAINS_MAX + 1):
            await reader.say(op="subscribe", id=number, chain=CHAIN)
            await reader.next("snapshot")
        await reader.say(op="subscribe", id=99, chain=CHAIN)
        assert (await reader.next("error"))[1]["code"] == "too_many_subscriptions"
        await reader.say(op="unsubscribe", id=1)
        await reader.next("ended")
        await reader.say(op="subscribe", id=99, chain=CHAIN)
        assert (await reader.next("snapshot"))[1] == 99

    @pytest.mark.parametrize("symbol", ["SPY", "no such!"])
    async def test_the_same_symbol_or_none_again_and_again_is_refused_in_the_end(
        self, stream: Stream, reader: Reader, symbol: str
    ) -> None:
        for number in range(1, limits.SOCKET_QUOTES_MAX + 2):
            await reader.say(op="subscribe", id=number, quotes=[symbol])
        _, error = await reader.next("error")
        assert error["id"] == limits.SOCKET_QUOTES_MAX + 1
        assert error["code"] == "too_many_subscriptions"


class TestTheFeed:
    async def test_its_death_is_told_in_time_and_its_return_by_itself(
        self, stream: Stream, reader: Reader
    ) -> None:
        await follow_chain(stream, reader)
        feed = stream.market.feed
        await stream.market.kill(feed)
        async with asyncio.timeout(10):
            while (await reader.next("status"))[1]["state"] == "live":
                pass
        assert reader.frames[-1][1]["state"] == "down"
        assert reader.frames[-1][1]["reason"]
        await reader.say(op="subscribe", id=2, quotes=["SPY"])
        assert (await reader.next("snapshot"))[4][0][LAST] == 600.0  # the old number, marked above
        await stream.market.start_feed()
        while (await reader.next("status"))[1]["state"] != "live":
            pass
        stream.market.provider.emit(call_590(26.0, 9))
        while True:
            frame = await reader.next("changes", "snapshot")
            rows = frame[3] if frame[0] == "changes" else frame[4]
            if any(row[BID] == 26.0 for row in rows):
                break

    async def test_a_quote_that_could_not_be_had_comes_when_the_feed_does(
        self, stream: Stream, reader: Reader
    ) -> None:
        await stream.market.kill(stream.market.feed)
        await until(lambda: stream.market.book.feed_status().state == "down")
        await reader.say(op="subscribe", id=1, quotes=["SPY"])
        _, _, _, header, rows, _ = await reader.next("snapshot")
        assert rows == []
        assert header["missing"][0]["symbol"] == "SPY"
        await stream.market.start_feed()
        assert (await reader.next("snapshot"))[4][0][LAST] == 600.0

    async def test_a_lost_provider_is_told_with_its_reason(
        self, stream: Stream, reader: Reader
    ) -> None:
        while (await reader.next("status"))[1]["state"] != "live":
            pass
        stream.market.provider.fail("The line is cut.")
        _, status = await reader.next("status")
        assert status["state"] == "down"
        assert "The line is cut." in status["reason"]
        assert (await reader.next("status"))[1]["state"] == "live"
