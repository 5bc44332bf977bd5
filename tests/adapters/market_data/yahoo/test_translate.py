"""Documents in Yahoo's format, one for each quirk, and the recorded ones where they are present."""

from __future__ import annotations

import csv
import gzip
from datetime import UTC, date, datetime
from math import isnan
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain, check_quote
from tests.fakes.yahoo_server import chart, epoch_of, option_row, quote_fields
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.yahoo import translate, wire
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.corporate import ActionKind
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quality, QuoteFlag, SecurityKind
from optix.ports.market_data import BarInterval, ChainKey

DAY = date(2026, 7, 17)
NOW = 1_781_717_460 * NANOSECONDS  # a minute after the quote
CALL, PUT = "IWM260717C00295000", "IWM260717P00295000"


def page(*rows: Any, quote: dict[str, Any] | None = None, day: date = DAY) -> wire.ChainPage:
    return wire.ChainPage(
        expirations=[epoch_of(day)],
        expiration=epoch_of(day),
        rows=rows,
        quote=quote_fields() if quote is None else quote,
    )


def chain(*rows: Any, quote: dict[str, Any] | None = None, symbol: str = "IWM") -> ChainTable:
    return translate.translate_chain(
        page(*rows, quote=quote), key=ChainKey(symbol, DAY), received_ns=NOW
    )


class TestSymbols:
    @pytest.mark.parametrize(
        ("ours", "theirs"), [("SPY", "SPY"), ("SPX", "^SPX"), ("VIX", "^VIX"), ("BRK.B", "BRK-B")]
    )
    def test_both_ways(self, ours: str, theirs: str) -> None:
        assert translate.vendor_symbol(ours) == theirs
        assert translate.symbol_of({"symbol": theirs}) == ours

    def test_what_is_no_symbol_is_none(self) -> None:
        assert translate.symbol_of({}) is None
        assert translate.symbol_of({"symbol": "EURUSD=X"}) is None


class TestDates:
    def test_an_expiration_is_a_date_in_utc(self) -> None:
        # In New York this instant is the evening of 20 August.
        assert translate.expiration_of(1_787_270_400) == date(2026, 8, 21)
        assert translate.expiration_of(translate.epoch_of(DAY)) == DAY

    def test_dates_come_in_any_order_and_leave_ascending(self) -> None:
        months = [date(2026, 9, 18), date(2026, 7, 17), date(2026, 8, 21)]
        given = wire.ChainPage(
            expirations=[epoch_of(month) for month in months], expiration=None, rows=[], quote={}
        )
        listed = translate.translate_expirations(given, underlying="IWM", counts={})
        assert [entry.date for entry in listed] == sorted(months)
        assert {entry.contracts for entry in listed} == {0}

    def test_an_index_has_its_weekly_root_and_on_the_third_friday_both(self) -> None:
        days = [date(2026, 7, 16), date(2026, 7, 17)]
        given = wire.ChainPage(
            expirations=[epoch_of(day) for day in days], expiration=None, rows=[], quote={}
        )
        seen = {ChainKey("SPX", days[0]): {"SPXW": 300}}
        listed = translate.translate_expirations(given, underlying="SPX", counts=seen)
        assert [(entry.date.day, entry.root, entry.contracts) for entry in listed] == [
            (16, "SPXW", 300),
            (17, "SPX", 0),
            (17, "SPXW", 0),
        ]
        unseen = translate.translate_expirations(given, underlying="SPX", counts={})
        assert [entry.root for entry in unseen] == ["SPXW", "SPX", "SPXW"]


class TestQuote:
    def test_it_is_what_yahoo_says_of_regular_hours(self) -> None:
        quote = translate.translate_quote(quote_fields(), symbol="IWM", received_ns=NOW)
        assert (quote.bid, quote.ask, quote.last) == (295.39, 295.41, 295.4)
        assert (quote.open, quote.high, quote.low, quote.previous_close) == (
            293.1,
            296.2,
            292.8,
            292.08,
        )
        assert quote.ts_event == 1_781_717_400 * NANOSECONDS
        assert quote.kind is SecurityKind.ETF
        # Its own claim of being real time is not taken over.
        assert quote.quality is Quality.DELAYED
        check_quote(quote)

    def test_after_hours_zeros_are_no_quote(self) -> None:
        fields = quote_fields(bid=0.0, ask=0.0, marketState="POST")
        quote = translate.translate_quote(fields, symbol="IWM", received_ns=NOW)
        assert isnan(quote.bid)
        assert isnan(quote.ask)
        assert quote.flags is QuoteFlag.NO_QUOTE

    def test_an_index_has_no_volume(self) -> None:
        fields = quote_fields("^SPX", quoteType="INDEX", regularMarketVolume=0)
        quote = translate.translate_quote(fields, symbol="SPX", received_ns=NOW)
        assert quote.kind is SecurityKind.INDEX
        assert isnan(quote.volume)

    def test_missing_keys_are_missing_and_a_missing_time_is_fifteen_minutes_ago(self) -> None:
        quote = translate.translate_quote({}, symbol="IWM", received_ns=NOW)
        assert isnan(quote.last)
        assert isnan(quote.volume)
        assert NOW - quote.ts_event == translate.DELAY_SECONDS * NANOSECONDS

    def test_a_kind_of_security_that_is_new_is_told_once(self) -> None:
        with structlog.testing.capture_logs() as logs:
            for _ in range(2):
                fields = quote_fields(quoteType="MOONBOND")
                quote = translate.translate_quote(fields, symbol="IWM", received_ns=NOW)
        assert quote.kind is SecurityKind.ETF  # as our own list says
        assert len(logs) == 1


class TestChain:
    def test_a_row_becomes_a_row(self) -> None:
        table = chain(option_row(CALL), option_row(PUT, bid=1.0, ask=1.2))
        check_chain(table)
        assert [contract.key for contract in table.contracts] == [CALL, PUT]
        assert table.columns["bid"].tolist() == [2.31, 1.0]
        assert table.columns["open_interest"].tolist() == [1203, 1203]
        assert table.columns["vendor_iv"].tolist() == [0.2375, 0.2375]
        assert all(isnan(size) for size in table.columns["bid_size"])
        assert table.spot is not None
        assert table.spot.last == 295.4
        assert (table.quality, table.source, table.complete) == (Quality.DELAYED, "yahoo", True)

    def test_in_the_session_its_quotes_are_fifteen_minutes_old(self) -> None:
        assert chain(option_row(CALL)).ts_event == NOW - 900 * NANOSECONDS

    def test_outside_the_session_they_are_of_the_last_trade(self) -> None:
        closed = quote_fields(marketState="CLOSED", regularMarketTime=1_781_640_000)
        table = chain(option_row(CALL, lastTradeDate=1_781_640_855), quote=closed)
        assert table.ts_event == 1_781_640_855 * NANOSECONDS

    def test_an_absent_key_is_missing_and_not_zero(self) -> None:
        row = option_row(CALL, volume=None, openInterest=None, bid=None)
        other = option_row(PUT)
        table = chain(row, other)
        for name in ("volume", "open_interest", "bid"):
            assert isnan(table.columns[name][0])
        assert table.columns["ask"][0] == 2.36

    def test_a_zero_bid_is_a_quote_and_zero_on_both_sides_is_none(self) -> None:
        table = chain(option_row(CALL, bid=0.0), option_row(PUT, bid=0.0, ask=0.0))
        assert table.columns["bid"][0] == 0.0
        assert isnan(table.columns["bid"][1])
        assert isnan(table.columns["ask"][1])

    @pytest.mark.parametrize("iv", [1.0000000000000003e-05, 0.0, 0.0625, 0.125009, 0.5000050, 1.0])
    def test_start_points_of_the_solver_are_no_volatility(self, iv: float) -> None:
        table = chain(option_row(CALL, bid=0.0, impliedVolatility=iv), option_row(PUT))
        assert isnan(table.columns["vendor_iv"][0])

    def test_a_volatility_without_a_quote_is_none(self) -> None:
        table = chain(option_row(CALL, bid=0.0, ask=0.0, impliedVolatility=0.31), option_row(PUT))
        assert isnan(table.columns["vendor_iv"][0])

    @pytest.mark.parametrize("iv", [0.5, 10.312503554687503, 0.87500125])
    def test_a_volatility_of_a_two_sided_quote_stays(self, iv: float) -> None:
        assert chain(option_row(CALL, impliedVolatility=iv)).columns["vendor_iv"][0] == iv

    def test_an_open_interest_of_zero_everywhere_is_a_reset(self) -> None:
        table = chain(option_row(CALL, openInterest=0), option_row(PUT, openInterest=0))
        assert all(isnan(value) for value in table.columns["open_interest"])
        mixed = chain(option_row(CALL, openInterest=0), option_row(PUT))
        assert mixed.columns["open_interest"].tolist() == [0, 1203]

    @pytest.mark.parametrize(
        ("row", "code"),
        [
            (option_row("IWM260918C00295000"), "other_expiration"),
            (option_row(PUT, currency="CAD"), "other_currency"),
            (option_row(PUT, bid=-1.0), "negative_number"),
            (option_row(PUT, ask="2"), "not_a_number"),
            (option_row("SPY260717C00295000"), "other_underlying"),
            (option_row(CALL), "duplicate_contract"),
            (option_row(PUT) | {"contractSymbol": "IWM"}, "malformed_symbol"),
            (option_row(PUT) | {"contractSymbol": None}, "malformed_symbol"),
            ("text", "not_a_row"),
            ({}, "not_a_row"),
        ],
    )
    def test_what_cannot_be_served_is_listed_with_its_reason(self, row: Any, code: str) -> None:
        table = chain(option_row(CALL), row)
        assert [rejected.code for rejected in table.rejected] == [code]
        assert len(table) == 1

    def test_both_roots_of_an_index_stay_distinct(self) -> None:
        rows = [option_row(f"{root}260717C05000000") for root in ("SPX", "SPXW")]
        table = chain(*rows, symbol="SPX")
        assert translate.count_roots(table) == {"SPX": 1, "SPXW": 1}


class TestBars:
    OPEN = 1_781_703_000  # 17 June 2026, 09:30 in New York

    def test_a_day_begins_at_midnight_in_new_york(self) -> None:
        document = wire.read_chart(
            {"chart": {"result": [chart([(self.OPEN, 1.0, 3.0, 0.5, 2.0, 7)])], "error": None}}
        )
        assert document is not None
        (bar,), odd = translate.translate_bars(document, BarInterval.DAY_1, symbol="IWM")
        assert new_york_date(bar.ts_event) == date(2026, 6, 17)
        midnight = datetime.fromtimestamp(bar.ts_event / NANOSECONDS, tz=UTC)
        assert (midnight.hour, midnight.minute) == (4, 0)
        assert (bar.open, bar.high, bar.low, bar.close, bar.volume, odd) == (1, 3, 0.5, 2, 7, 0)

    def test_the_live_row_does_not_count_twice(self) -> None:
        rows = [(self.OPEN, 1.0, 3.0, 0.5, 2.0, 7), (self.OPEN + 90, 2.0, 2.0, 2.0, 2.0, 0)]
        document = wire.read_chart({"chart": {"result": [chart(rows)], "error": None}})
        assert document is not None
        bars, odd = translate.translate_bars(document, BarInterval.MINUTE_5, symbol="IWM")
        assert [(bar.volume, odd) for bar in bars] == [(7, 1)]

    def test_rows_without_prices_or_times_are_no_bars(self) -> None:
        rows: list[Any] = [
            (self.OPEN, None, None, None, None, None),
            (None, 1.0, 1.0, 1.0, 1.0, 1),
            (self.OPEN + 86_400, 1.0, 1.0, 1.0, 1.0, None),
        ]
        document = wire.read_chart({"chart": {"result": [chart(rows)], "error": None}})
        assert document is not None
        bars, odd = translate.translate_bars(document, BarInterval.DAY_1, symbol="SPX")
        assert odd == 2
        assert isnan(bars[0].volume)

    def test_a_span_without_bars_is_empty(self) -> None:
        document = wire.read_chart({"chart": {"result": [chart([])], "error": None}})
        assert document is not None
        assert translate.translate_bars(document, BarInterval.DAY_1, symbol="IWM") == ([], 0)


class TestActions:
    def test_dividends_are_given_back_as_they_were_paid(self) -> None:
        # AAPL paid 3.29 on 8 May 2014 and was split 7:1 on 9 June: Yahoo says 0.47 for it. Both
        # were divided by four once more on 31 August 2020.
        may, june = 1_399_555_800, 1_402_320_600
        august, later = 1_598_880_600, 1_604_673_000
        document = wire.read_chart(
            {
                "chart": {
                    "result": [
                        chart(
                            [],
                            dividends={may: 0.1175, later: 0.205},
                            splits={june: (7, 1), august: (4, 1)},
                        )
                    ],
                    "error": None,
                }
            }
        )
        assert document is not None
        actions = translate.translate_actions(document, symbol="AAPL")
        told = [(action.kind, action.ex_date, action.amount or action.ratio) for action in actions]
        assert told == [
            (ActionKind.CASH_DIVIDEND, date(2014, 5, 8), 3.29),
            (ActionKind.SPLIT, date(2014, 6, 9), 7.0),
            (ActionKind.SPLIT, date(2020, 8, 31), 4.0),
            (ActionKind.CASH_DIVIDEND, date(2020, 11, 6), 0.205),
        ]
        assert {action.source for action in actions} == {"yahoo"}
        assert not any(action.estimated for action in actions)

    @pytest.mark.parametrize(
        "event",
        [
            {"amount": 0.0, "date": 1_399_555_800},
            {"amount": "1", "date": 1_399_555_800},
            {"amount": 1.0},
            {"amount": 1.0, "date": 1 << 60},
            {"numerator": 0, "denominator": 1, "date": 1_399_555_800},
            {"numerator": 1, "denominator": None, "date": 1_399_555_800},
        ],
    )
    def test_events_that_are_none_are_left_out(self, event: dict[str, Any]) -> None:
        document = wire.Chart(timestamps=[], columns={}, dividends=[event], splits=[event])
        assert translate.translate_actions(document, symbol="IWM") == []


class TestWire:
    @pytest.mark.parametrize(
        "document",
        [
            None,
            [],
            {},
            {"optionChain": None},
            {"optionChain": {"result": {"a": 1}}},
            {"optionChain": {"result": [7]}},
            {"optionChain": {"result": [{"expirationDates": "x"}]}},
            {"optionChain": {"result": [{"expirationDates": ["x"]}]}},
            {"optionChain": {"result": [{"quote": []}]}},
            {"optionChain": {"result": [], "error": {"code": "Internal Server Error"}}},
        ],
    )
    def test_what_is_no_chain_is_unreadable(self, document: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_chain(document)

    def test_an_empty_result_is_an_unknown_symbol(self) -> None:
        assert wire.read_chain({"optionChain": {"result": [], "error": None}}) is None

    def test_columns_of_different_lengths_are_unreadable(self) -> None:
        broken = chart([(1, 1.0, 1.0, 1.0, 1.0, 1)])
        broken["timestamp"] = [1, 2]
        with pytest.raises(Unreadable):
            wire.read_chart({"chart": {"result": [broken], "error": None}})


_odd = st.sampled_from(
    [None, True, 0, -1, 1 << 70, 0.5, 1e308, -0.0, "", "1", CALL, "USD", [], [1], {}, {"a": 1}]
)


@given(
    row=st.dictionaries(st.sampled_from([*option_row(CALL)]), _odd, max_size=14),
    quote=st.dictionaries(st.sampled_from([*quote_fields()]), _odd, max_size=8),
)
def test_whatever_comes_is_a_table_or_an_error_of_ours(
    row: dict[str, Any], quote: dict[str, Any]
) -> None:
    try:
        table = chain(option_row(PUT), row, quote=quote)
    except OptixError:
        return
    check_chain(table)


@pytest.mark.recorded
def test_the_recorded_answer_is_read_whole() -> None:
    document = orjson.loads(
        recorded("market/yahoo/wire_v7_options_APRN_2018-05-11.json").read_bytes()
    )
    found = wire.read_chain(document)
    assert found is not None
    received = 1_526_046_900 * NANOSECONDS
    day = date(2018, 5, 11)
    table = translate.translate_chain(found, key=ChainKey("APRN", day), received_ns=received)
    assert len(table) == len(found.rows) == 6
    assert not table.rejected
    assert table.columns["vendor_iv"][0] == pytest.approx(10.3125, abs=1e-4)
    assert translate.translate_expirations(found, underlying="APRN", counts={})[-1].date == date(
        2020, 1, 17
    )
    check_chain(table)


@pytest.mark.recorded
def test_a_recorded_day_of_spy_loses_no_row() -> None:
    path = recorded("market/yahoo/SPY_options_2025-08-22.csv.gz")
    with gzip.open(path, "rt", newline="") as lines:
        rows = list(csv.DictReader(lines))
    by_date: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        made: dict[str, Any] = {"contractSymbol": row["contractSymbol"], "currency": "USD"}
        for name in ("lastPrice", "bid", "ask", "volume", "openInterest", "impliedVolatility"):
            if row[name]:
                made[name] = float(row[name])
        by_date.setdefault(date.fromisoformat(row["Expiration_Date"]), []).append(made)
    served = rejected = sentinels = 0
    for day, made_rows in by_date.items():
        table = translate.translate_chain(
            page(*made_rows, quote={}, day=day), key=ChainKey("SPY", day), received_ns=NOW
        )
        check_chain(table)
        served += len(table)
        rejected += len(table.rejected)
        sentinels += sum(isnan(iv) for iv in table.columns["vendor_iv"])
    assert served + rejected == len(rows)
    assert rejected == 0
    assert sentinels > 0
