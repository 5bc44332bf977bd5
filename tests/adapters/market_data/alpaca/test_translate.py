"""Payloads of Alpaca become what they mean: written by us as documented, and recorded by others."""

from __future__ import annotations

from datetime import date
from math import isnan, nan
from typing import Any, ClassVar

import msgpack
import orjson
import pytest
from structlog.testing import capture_logs
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.alpaca import translate, wire
from optix.adapters.market_data.alpaca.stream import AlpacaStream
from optix.adapters.market_data.streaming import (
    Ack,
    Channel,
    Complaint,
    MalformedFrame,
    Tick,
    Topic,
    Trouble,
)
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime
from optix.kernel.instrument import ExerciseStyle
from optix.kernel.quote import Quality, QuoteFlag
from optix.kernel.trade import Trade, TradeAction

RECEIVED_NS = 1_714_075_300_000_000_000  # 2024-04-25 20:01:40 UTC
AAPL_PUT = "AAPL240503P00155000"
EXPIRATION = date(2024, 5, 3)


def listed(symbol: str, **changes: Any) -> dict[str, Any]:
    return {"symbol": symbol, "style": "american", "open_interest": "512", **changes}


def chain_of(
    snapshots: dict[str, Any], rows: list[Any] | None = None, *, received_ns: int = RECEIVED_NS
) -> ChainTable:
    listing = translate.Listing("AAPL", rows if rows is not None else [listed(AAPL_PUT)])
    return translate.translate_chain(
        listing,
        EXPIRATION,
        snapshots,
        received_ns=received_ns,
        quality=Quality.DELAYED,
        spot=None,
        flags=QuoteFlag.INDICATIVE,
    )


def stream() -> AlpacaStream:
    return AlpacaStream(
        credentials=lambda: ("k", "s"), feed="opra", quality=Quality.REALTIME, symbols_max=9
    )


def frame(*messages: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb(list(messages)))


class TestInstants:
    @pytest.mark.parametrize(
        ("text", "nanoseconds"),
        [
            ("2024-03-12T13:55:39.17011584Z", 170_115_840),
            ("2024-03-12T13:55:39.170115841Z", 170_115_841),
            ("2024-03-12T13:55:39.5Z", 500_000_000),
            ("2024-03-12T13:55:39Z", 0),
        ],
    )
    def test_trimmed_digits_of_a_second_keep_their_worth(self, text: str, nanoseconds: int) -> None:
        instant = translate.instant_of(text, RECEIVED_NS)
        assert instant % 1_000_000_000 == nanoseconds
        assert to_datetime(instant).strftime("%H:%M:%S") == "13:55:39"

    @pytest.mark.parametrize(
        "odd",
        [
            "",
            "soon",
            "2024-03-12T13:55:39",
            "2024-13-12T13:55:39Z",
            "…Z",
            None,
            5,
            1.5,
            [],
            "2024-03-12T13:55:39.1234567891Z",
            "2024-03-12T13:55:39.-5Z",
        ],
    )
    def test_what_is_no_instant_is_none(self, odd: object) -> None:
        assert translate.instant_of(odd, RECEIVED_NS) == 0

    def test_a_messagepack_timestamp_keeps_its_nanoseconds(self) -> None:
        stamp = msgpack.Timestamp(1_710_251_739, 170_115_841)
        assert translate.instant_of(stamp, RECEIVED_NS) == 1_710_251_739_170_115_841

    def test_nothing_is_after_its_arrival(self) -> None:
        assert translate.instant_of("2030-01-01T00:00:00Z", RECEIVED_NS) == RECEIVED_NS


class TestChains:
    def test_a_listed_contract_without_data_is_a_row_without_numbers(self) -> None:
        table = chain_of({})
        assert [contract.key for contract in table.contracts] == [AAPL_PUT]
        assert isnan(table.columns["bid"][0])
        assert table.columns["open_interest"][0] == 512.0
        assert table.complete

    def test_absent_greeks_are_missing_and_no_bid_is_zero(self) -> None:
        quote = {"bp": 0, "bs": 0, "ap": 0.05, "as": 12, "t": "2024-04-25T19:59:00Z"}
        table = chain_of({AAPL_PUT: {"latestQuote": quote}})
        assert table.columns["bid"][0] == 0.0
        assert isnan(table.columns["vendor_delta"][0])
        assert isnan(table.columns["vendor_iv"][0])
        assert isnan(table.columns["last"][0])

    def test_a_contract_that_is_not_listed_yet_is_served_too(self) -> None:
        quote = {"bp": 1.0, "ap": 1.1, "t": "2024-04-25T19:59:00Z"}
        table = chain_of({"AAPL240503C00160000": {"latestQuote": quote}})
        assert len(table) == 2
        assert isnan(table.columns["open_interest"][1])

    def test_what_is_no_contract_and_what_is_of_another_underlying_is_rejected(self) -> None:
        table = chain_of({"O:AAPL": {}, "MSFT240503P00155000": {}})
        assert [row.code for row in table.rejected] == ["other_underlying", "malformed_symbol"]

    def test_every_row_of_the_indicative_feed_says_that_it_is(self) -> None:
        assert chain_of({}).flags is QuoteFlag.INDICATIVE

    def test_a_daily_bar_of_an_earlier_day_means_no_volume_today(self) -> None:
        quote = {"bp": 1.0, "ap": 1.1, "t": "2024-04-25T19:59:00Z"}
        old = {"t": "2024-04-24T04:00:00Z", "c": 1.4, "v": 77}
        new = {"t": "2024-04-25T04:00:00Z", "c": 1.5, "v": 12}
        table = chain_of({AAPL_PUT: {"latestQuote": quote, "dailyBar": old}})
        assert (table.columns["volume"][0], table.columns["previous_close"][0]) == (0.0, 1.4)
        row = {"latestQuote": quote, "dailyBar": new, "prevDailyBar": old}
        table = chain_of({AAPL_PUT: row})
        assert (table.columns["volume"][0], table.columns["previous_close"][0]) == (12.0, 1.4)

    def test_damaged_parts_of_a_row_are_missing(self) -> None:
        table = chain_of({AAPL_PUT: {"latestQuote": "late", "greeks": [1]}})
        assert isnan(table.columns["bid"][0])

    def test_a_listing_reads_texts_and_leaves_out_what_it_cannot(self) -> None:
        rows = [
            listed(AAPL_PUT),
            listed("AAPL1240503P00155000", open_interest="?"),
            {},
            5,
            listed("MSFT240503P00155000"),
        ]
        listing = translate.Listing("AAPL", rows)
        assert sorted(c.key for c in listing.open_interest) == ["AAPL1240503P00155000", AAPL_PUT]
        expirations = listing.expirations()
        assert [(e.root, e.contracts, e.style) for e in expirations] == [
            ("AAPL", 1, ExerciseStyle.AMERICAN),
            ("AAPL1", 1, ExerciseStyle.AMERICAN),
        ]

    def test_a_style_that_differs_from_the_roots_is_told_once(self) -> None:
        rows = [listed(f"AAPL240503P00{strike}000", style="bermudan") for strike in (150, 155)]
        with capture_logs() as logs:
            for _ in range(2):
                assert len(translate.Listing("AAPL", rows).open_interest) == 2
        assert [line["what"] for line in logs] == ["style bermudan of AAPL"]


class TestStocks:
    SNAPSHOT: ClassVar = {
        "latestQuote": {"t": "2024-04-25T19:59:59.5Z", "bp": 169.8, "bs": 2, "ap": 169.9, "as": 1},
        "latestTrade": {"t": "2024-04-25T19:59:59.9Z", "p": 169.89},
        "dailyBar": {"o": 169.5, "h": 170.6, "l": 168.1, "c": 169.89, "v": 50_000},
        "prevDailyBar": {"c": 169.02},
    }

    def quote(self, snapshot: Any, *, whole_market: bool = True) -> Any:
        return translate.translate_stock(
            "AAPL",
            snapshot,
            received_ns=RECEIVED_NS,
            quality=Quality.REALTIME,
            whole_market=whole_market,
        )

    def test_a_snapshot_is_a_quote_of_its_newest_part(self) -> None:
        quote = self.quote(self.SNAPSHOT)
        assert (quote.bid, quote.ask, quote.last) == (169.8, 169.9, 169.89)
        assert (quote.open, quote.high, quote.low, quote.previous_close) == (
            169.5,
            170.6,
            168.1,
            169.02,
        )
        assert quote.volume == 50_000
        assert quote.ts_event % 1_000_000_000 == 900_000_000

    def test_the_volume_of_one_exchange_is_not_the_markets(self) -> None:
        assert isnan(self.quote(self.SNAPSHOT, whole_market=False).volume)

    def test_an_empty_snapshot_is_no_quote(self) -> None:
        assert self.quote({}) is None
        assert self.quote(None) is None

    def test_a_quote_without_both_sides_says_so(self) -> None:
        part = {"t": "2024-04-25T19:59:59.5Z", "bp": 0, "ap": 0}
        quote = self.quote({"latestQuote": part})
        assert isnan(quote.bid)
        assert quote.flags is QuoteFlag.NO_QUOTE


class TestStreamMessages:
    def test_a_quote_keeps_its_nanoseconds(self) -> None:
        stamp = msgpack.Timestamp(1_710_251_739, 170_115_841)
        message = {"T": "q", "S": AAPL_PUT, "t": stamp, "bp": 1.0, "bs": 3, "ap": 1.1, "as": 4}
        events = stream().decode(frame(message), RECEIVED_NS)
        assert events == [
            Tick(
                AAPL_PUT,
                1_710_251_739_170_115_841,
                {"bid": 1.0, "ask": 1.1, "bid_size": 3.0, "ask_size": 4.0},
            )
        ]

    @pytest.mark.parametrize(
        ("letter", "action", "sets_last"),
        [
            ("I", "new", True),
            (" ", "new", True),
            ("S", "new", True),
            ("D", "new", False),
            ("C", "cancel", False),
        ],
    )
    def test_a_print_sets_the_last_price_only_where_its_condition_lets_it(
        self, letter: str, action: str, sets_last: bool
    ) -> None:
        stamp = msgpack.Timestamp(1_710_251_739, 1)
        message = {"T": "t", "S": AAPL_PUT, "t": stamp, "p": 1.05, "s": 2, "x": "N", "c": letter}
        trade, *ticks = stream().decode(frame(message), RECEIVED_NS)
        assert isinstance(trade, Trade)
        assert (trade.price, trade.size, trade.exchange) == (1.05, 2.0, "N")
        assert trade.conditions == letter.strip()
        assert trade.action is TradeAction(action)
        assert bool(ticks) is sets_last
        assert all(isinstance(tick, Tick) and tick.fields == {"last": 1.05} for tick in ticks)

    @pytest.mark.parametrize(
        "message",
        [
            {"T": "q", "S": AAPL_PUT, "bp": nan, "ap": "1"},
            {"T": "q", "S": "*", "bp": 1.0, "ap": 1.1},
            {"T": "q", "bp": 1.0, "ap": 1.1},
            {"T": "t", "S": AAPL_PUT, "p": 0, "s": 1},
            {"T": "t", "S": AAPL_PUT, "p": 1.0, "s": -1},
        ],
    )
    def test_a_message_without_what_it_must_have_is_malformed(self, message: Any) -> None:
        with pytest.raises(MalformedFrame):
            stream().decode(frame(message), RECEIVED_NS)

    @pytest.mark.parametrize(
        "bad",
        ["[]", b"", b"\xc1", frame({"T": "q"})[:-1], msgpack.packb({"T": "q"}), msgpack.packb([1])],
    )
    def test_what_is_no_frame_is_malformed(self, bad: Any) -> None:
        with pytest.raises(MalformedFrame):
            wire.read_messages(bad)

    def test_an_acknowledgement_holds_all_that_is_subscribed(self) -> None:
        message = {"T": "subscription", "quotes": [AAPL_PUT], "trades": [AAPL_PUT]}
        assert stream().decode(frame(message), RECEIVED_NS) == [
            Ack(frozenset((Topic(AAPL_PUT, Channel.QUOTE), Topic(AAPL_PUT, Channel.TRADE))))
        ]

    @pytest.mark.parametrize(
        ("code", "trouble"),
        [
            (402, Trouble.REFUSED),
            (405, Trouble.SYMBOLS_MAX),
            (406, Trouble.RECONNECT),
            (407, Trouble.RECONNECT),
            (409, Trouble.REFUSED),
            (413, Trouble.OTHER),
            (500, Trouble.RECONNECT),
            ("?", Trouble.OTHER),
        ],
    )
    def test_each_error_code_has_its_meaning(self, code: Any, trouble: Trouble) -> None:
        events = stream().decode(frame({"T": "error", "code": code, "msg": "words"}), RECEIVED_NS)
        assert events == [Complaint(trouble, f"words ({code})")]

    def test_an_unknown_message_is_counted_and_a_success_is_nothing(self) -> None:
        events = stream().decode(frame({"T": "success"}, {"T": "new"}), RECEIVED_NS)
        assert [type(event) for event in events] == [Complaint]

    def test_stars_and_stocks_are_not_accepted(self) -> None:
        vendor = stream()
        assert vendor.accepts(Topic(AAPL_PUT, Channel.QUOTE))
        assert not vendor.accepts(Topic("*", Channel.QUOTE))
        assert not vendor.accepts(Topic("AAPL", Channel.TRADE))

    def test_what_is_said_is_packed_by_channel(self) -> None:
        topics = [Topic(AAPL_PUT, Channel.QUOTE), Topic(AAPL_PUT, Channel.TRADE)]
        said = [msgpack.unpackb(f) for f in stream().subscribe(topics)]
        assert said == [{"action": "subscribe", "quotes": [AAPL_PUT], "trades": [AAPL_PUT]}]


@pytest.mark.recorded
class TestRecorded:
    def payload(self, name: str) -> Any:
        path = recorded("market/alpaca") / f"{name}_0.json"
        return orjson.loads(path.read_bytes())["response"]

    def test_a_chain_reads_whole_and_its_greeks_are_in_our_units(self) -> None:
        table = chain_of(self.payload("get_option_chain")["snapshots"])
        value = {name: column[0] for name, column in table.columns.items()}
        assert (value["bid"], value["bid_size"]) == (0.32, 73.0)
        assert (value["ask"], value["ask_size"]) == (0.35, 119.0)
        assert value["last"] == 0.34
        assert value["vendor_iv"] == 0.4584478444465036
        assert value["vendor_delta"] < 0
        # Theta per day of a short-dated option is near -gamma·S²·σ²/2/365; per year it would not.
        per_day = value["vendor_gamma"] * 169.9**2 * value["vendor_iv"] ** 2 / 2 / 365
        assert -value["vendor_theta"] == pytest.approx(per_day, rel=0.1)
        assert table.row_ts_event is not None
        assert table.row_ts_event[0] % 1_000_000_000 == 259_610_112

    def test_a_snapshot_without_greeks_is_a_quote_alone(self) -> None:
        snapshots = self.payload("get_snapshot_latest_quote_only")["snapshots"]
        listing = translate.Listing("AAPL", [listed(name) for name in snapshots])
        table = translate.translate_chain(
            listing,
            date(2024, 1, 26),
            snapshots,
            received_ns=RECEIVED_NS,
            quality=Quality.REALTIME,
            spot=None,
        )
        assert table.columns["ask"][0] == 0.59
        assert isnan(table.columns["vendor_vega"][0])

    def test_bars_read_and_an_empty_answer_has_none(self) -> None:
        rows = self.payload("get_bars")["bars"]["SPY240426C00555000"]
        bars = translate.translate_bars(rows, RECEIVED_NS)
        assert [bar.close for bar in bars] == [0.21, 0.3]
        assert bars[0].volume == 21
        assert self.payload("get_bars_multi_empty_response")["bars"] == {}

    def test_recorded_prints_read_as_those_of_the_stream(self) -> None:
        rows = self.payload("get_trades")["trades"]["SPY240426C00555000"]
        prints = [
            translate.translate_trade(
                {"S": "SPY240426C00555000", **row}, RECEIVED_NS, quality=Quality.DELAYED
            )[0]
            for row in rows
        ]
        assert [(p.conditions, p.exchange) for p in prints if isinstance(p, Trade)] == [
            ("I", "M"),
            ("j", "B"),
        ]
