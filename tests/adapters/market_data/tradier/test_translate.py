"""Payloads of Tradier become what they mean: ours as documented, and those others recorded."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isnan
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs
from tests.fakes.tradier_server import FakeTradier
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import (
    Channel,
    Complaint,
    MalformedFrame,
    Tick,
    Topic,
    Trouble,
)
from optix.adapters.market_data.tradier import translate, wire
from optix.adapters.market_data.tradier.stream import TradierStream
from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock, to_ns
from optix.kernel.quote import Quality, QuoteFlag, SecurityKind
from optix.kernel.trade import Trade, TradeAction

KEY = "SPY261218C00600000"
RECEIVED_NS = 1_795_000_000_000_000_000  # 2026-11-18 11:06:40 UTC
RECEIVED_MS = RECEIVED_NS // 1_000_000


def chain_of(*options: Any, underlying: str = "SPY") -> ChainTable:
    return translate.translate_chain(
        underlying,
        options,
        received_ns=SystemClock().now_ns(),
        quality=Quality.REALTIME,
        spot=None,
    )


def option(**changes: Any) -> dict[str, Any]:
    return FakeTradier().option(KEY, **changes)


async def no_session() -> Any:
    return {"stream": {"url": "…", "sessionid": "s-1"}}


def stream() -> TradierStream:
    return TradierStream(no_session, quality=Quality.REALTIME)


def decode(**message: Any) -> Any:
    return stream().decode(orjson.dumps(message).decode(), RECEIVED_NS)


class TestHabitsOfXml:
    def test_one_element_is_a_list_of_one(self) -> None:
        assert wire.elements({"options": {"option": {"a": 1}}}, "options", "option") == [{"a": 1}]
        assert wire.elements({"e": {"date": "2024-03-15"}}, "e", "date") == ["2024-03-15"]

    @pytest.mark.parametrize("nothing", [None, "null", {}, {"option": None}, {"option": "null"}])
    def test_nothing_is_an_empty_list(self, nothing: Any) -> None:
        assert wire.elements({"options": nothing}, "options", "option") == []
        assert wire.elements(None, "options", "option") == []

    def test_something_else_on_the_way_cannot_be_read(self) -> None:
        with pytest.raises(Unreadable, match="no option"):
            wire.elements({"options": ["?"]}, "options", "option")

    @pytest.mark.parametrize("odd", [None, {}, {"stream": None}, {"stream": {"sessionid": ""}}])
    def test_a_session_without_an_id_is_none(self, odd: Any) -> None:
        with pytest.raises(Unreadable, match="session"):
            wire.session_id(odd)


class TestChains:
    def test_a_row_has_its_own_time_and_hourly_greeks_do_not_change_it(self) -> None:
        row = option()
        table = chain_of(row)
        assert table.row_ts_event is not None
        assert table.row_ts_event[0] == row["ask_date"] * 1_000_000
        assert table.columns["vendor_iv"][0] == 0.21
        assert table.columns["vendor_rho"][0] == 0.05

    def test_the_rho_of_a_put_is_a_calls_and_left_out(self) -> None:
        table = chain_of(option(option_type="put", symbol=KEY.replace("C", "P")))
        assert isnan(table.columns["vendor_rho"][0])
        assert table.columns["vendor_vega"][0] == 0.3

    def test_no_greeks_and_no_trade_are_missing_numbers(self) -> None:
        table = chain_of(option(greeks=None, last=None, volume=None))
        for name in ("vendor_iv", "vendor_delta", "last", "volume"):
            assert isnan(table.columns[name][0])

    def test_numbers_as_texts_are_numbers_and_sentinels_are_none(self) -> None:
        table = chain_of(option(bid="1.05", ask="null", last="", volume="12"))
        assert table.columns["bid"][0] == 1.05
        assert table.columns["volume"][0] == 12.0
        assert isnan(table.columns["ask"][0])
        assert isnan(table.columns["last"][0])

    def test_what_cannot_be_a_row_is_rejected_with_a_reason(self) -> None:
        table = chain_of(
            option(),
            option(),
            option(symbol="?"),
            "text",
            option(symbol=KEY.replace("C", "P"), bid="x"),
        )
        assert len(table) == 1
        codes = [row.code for row in table.rejected]
        assert codes == [
            "duplicate_contract",
            "malformed_symbol",
            "malformed_symbol",
            "not_a_number",
        ]

    def test_an_adjusted_root_is_of_its_underlying(self) -> None:
        assert len(chain_of(option(symbol="SPY1261218C00600000"))) == 1

    def test_a_listing_takes_all_roots_and_no_strangers(self) -> None:
        roots = [
            {"rootSymbol": "SPX", "options": ["SPX261218C06000000"]},
            {"rootSymbol": "SPXW", "options": "SPXW261218C06000000"},
            {"rootSymbol": "SPY", "options": [KEY, "?"]},
            "odd",
        ]
        contracts = translate.translate_listing("SPX", roots)
        assert [contract.root for contract in contracts] == ["SPX", "SPXW"]


class TestQuotes:
    def test_a_quote_says_what_the_security_is(self) -> None:
        server = FakeTradier()
        rows = [server.security(name) for name in ("SPY", "BRK/B", "SPX")]
        quotes = translate.translate_quotes(
            [*rows, {"type": "option", "symbol": KEY}, {"symbol": 5}, "?"],
            received_ns=SystemClock().now_ns(),
            quality=Quality.DELAYED,
        )
        assert list(quotes) == ["SPY", "BRK.B", "SPX"]
        assert quotes["SPY"].kind is SecurityKind.ETF
        assert quotes["SPY"].volume == 31_000_000
        assert isnan(quotes["SPX"].volume)

    def test_a_quote_without_sides_or_times_is_as_old_as_its_answer(self) -> None:
        quotes = translate.translate_quotes(
            [{"symbol": "VIX", "type": "index", "last": 15.2, "bid": 0, "ask": None}],
            received_ns=RECEIVED_NS,
            quality=Quality.REALTIME,
        )
        assert quotes["VIX"].flags is QuoteFlag.NO_QUOTE
        assert quotes["VIX"].ts_event == RECEIVED_NS

    def test_class_shares_have_a_slash(self) -> None:
        assert translate.vendor_symbol("BRK.B") == "BRK/B"
        assert translate.own_symbol("BRK/B") == "BRK.B"
        assert translate.vendor_symbol(KEY) == KEY
        for odd in (None, "", "?? ??"):
            with pytest.raises(MalformedFrame):
                translate.own_symbol(odd)


class TestBars:
    def test_days_begin_at_midnight_and_minutes_on_the_wall_clock_of_new_york(self) -> None:
        prices = {"open": 1, "high": 3, "low": 0.5, "close": 2, "volume": 9}
        days = translate.translate_days([{"date": "2026-11-20", **prices}, {"date": "?"}, 5])
        assert [bar.ts_event for bar in days] == [to_ns(datetime(2026, 11, 20, 5, tzinfo=UTC))]
        rows = [{"time": "2026-07-20T09:30:00", **prices}, {"time": None, **prices}]
        minutes = translate.translate_minutes([*rows, {"time": "2026-07-20T09:31:00"}])
        assert [b.ts_event for b in minutes] == [to_ns(datetime(2026, 7, 20, 13, 30, tzinfo=UTC))]


class TestStreamMessages:
    def test_a_quote_of_texts_is_a_tick(self) -> None:
        assert decode(
            type="quote",
            symbol="BRK/B",
            bid="1.5",
            bidsz="2",
            biddate=str(RECEIVED_MS - 5),
            ask="1.6",
            asksz="3",
            askdate=str(RECEIVED_MS - 2),
        ) == [
            Tick(
                "BRK.B",
                RECEIVED_NS - 2_000_000,
                {"bid": 1.5, "ask": 1.6, "bid_size": 2.0, "ask_size": 3.0},
            )
        ]

    def test_a_trade_is_the_last_price_and_the_days_volume(self) -> None:
        instant = str(RECEIVED_MS)
        assert decode(
            type="trade", symbol=KEY, price="1.1", last="1.1", cvol="40", date=instant
        ) == [Tick(KEY, RECEIVED_NS, {"last": 1.1, "volume": 40.0}, "trade")]

    def test_a_summary_has_what_it_has(self) -> None:
        assert decode(type="summary", symbol="SPY", open="598", high="602", prevClose="0") == [
            Tick("SPY", 0, {"open": 598.0, "high": 602.0}, "summary")
        ]

    @pytest.mark.parametrize(
        ("told", "action"),
        [({}, "new"), ({"cancel": True}, "cancel"), ({"correction": "true"}, "correction")],
    )
    def test_a_print_is_new_or_undoes_the_one_it_names(
        self, told: dict[str, Any], action: str
    ) -> None:
        (trade,) = decode(
            type="timesale",
            symbol=KEY,
            exch="C",
            bid="1.0",
            ask="1.2",
            last="1.2",
            size="7",
            date=str(RECEIVED_MS),
            seq=41,
            flag="",
            **told,
        )
        assert isinstance(trade, Trade)
        assert (trade.price, trade.size, trade.exchange) == (1.2, 7.0, "C")
        assert (trade.bid, trade.ask, trade.sequence) == (1.0, 1.2, 41)
        assert trade.action is TradeAction(action)
        assert trade.refers_to == (0 if action == "new" else 41)

    def test_a_flag_that_is_no_condition_is_left_out_and_told_once(self) -> None:
        sale = {"type": "timesale", "symbol": KEY, "last": 1, "size": 1}
        with capture_logs() as logs:
            for _ in range(2):
                (trade,) = decode(**sale, flag="ODDLOTX")
                assert trade.conditions == ""
        assert len(logs) == 1
        assert decode(**sale, flag="I")[0].conditions == "I"

    @pytest.mark.parametrize(
        "message",
        [
            {"type": "quote", "symbol": KEY},
            {"type": "quote", "bid": 1, "ask": 2},
            {"type": "trade", "symbol": KEY, "price": "-1"},
            {"type": "timesale", "symbol": KEY, "last": "x", "size": 1},
            {"type": "news"},
            {},
        ],
    )
    def test_what_lacks_what_it_must_have_is_malformed(self, message: dict[str, Any]) -> None:
        with pytest.raises(MalformedFrame):
            decode(**message)

    def test_lines_are_messages_and_half_a_line_is_none(self) -> None:
        line = '{"type":"trade","symbol":"SPY","price":"1"}'
        assert len(stream().decode(f"{line}\n\n{line}\n", RECEIVED_NS)) == 2
        for broken in (line[:-5], "[1]"):
            with pytest.raises(MalformedFrame):
                stream().decode(broken, RECEIVED_NS)

    @pytest.mark.parametrize(
        ("words", "trouble", "symbols"),
        [
            ("1234 is not a valid symbol", Trouble.OTHER, frozenset()),
            ("QQXW is not a valid symbol", Trouble.BAD_SYMBOL, frozenset({"QQXW"})),
            ("Session not found", Trouble.TOKEN_EXPIRED, frozenset()),
            ("something else", Trouble.OTHER, frozenset()),
        ],
    )
    def test_sentences_are_errors(
        self, words: str, trouble: Trouble, symbols: frozenset[str]
    ) -> None:
        assert decode(error=words) == [Complaint(trouble, words, symbols)]

    async def test_one_message_names_all_and_holds_the_session(self) -> None:
        vendor = stream()
        await vendor.endpoint()
        quote, sale = Topic("BRK.B", Channel.QUOTE), Topic(KEY, Channel.TRADE)
        (said,) = vendor.subscribe([quote, sale])
        message = orjson.loads(said)
        assert message["symbols"] == ["BRK/B", KEY]
        assert message["sessionid"] == "s-1"
        assert "timesale" in message["filter"]
        (said,) = vendor.subscribe([quote])
        assert "timesale" not in orjson.loads(said)["filter"]


@pytest.mark.recorded
class TestRecorded:
    def test_a_chain_reads_whole(self) -> None:
        path = recorded("market/tradier") / "chain_PLTR_2024-12-20.json"
        options = wire.elements(orjson.loads(path.read_bytes()), "options", "option")
        table = chain_of(*options, underlying="PLTR")
        assert len(table) == len(options)
        assert not table.rejected
        assert {contract.expiration for contract in table.contracts} == {date(2024, 12, 20)}
        rows = {contract.key: row for row, contract in enumerate(table.contracts)}
        call, put = rows["PLTR241220C00017000"], rows["PLTR241220P00003000"]
        assert table.columns["bid"][call] == 11.05
        assert table.columns["vendor_iv"][call] == 0.646343
        assert table.columns["open_interest"][call] == 2356
        assert table.columns["bid"][put] == 0.0, "nobody bids: a quote all the same"
        assert isnan(table.columns["vendor_rho"][put])
        # Vega per point: of a year's option at a spot of 26 it is some cents, not some dollars.
        assert 0.01 < table.columns["vendor_vega"][call] < 0.2

    def test_a_list_of_expirations_reads(self) -> None:
        path = recorded("market/tradier") / "expirations_PLTR_2024-03-09.json"
        dates = wire.elements(orjson.loads(path.read_bytes()), "expirations", "date")
        assert len(dates) == 18
