"""One documented quirk of Cboe's documents per test, on documents written here."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isnan, nan
from typing import Any

import orjson
import pytest
from tests.fakes.cboe import (
    daily_document,
    minutes_document,
    option_row,
    options_document,
    quote_document,
    usual_rows,
)

from optix.adapters.market_data.cboe import translate, wire
from optix.adapters.market_data.cboe.wire import UnreadableDocument
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.quote import Quality, QuoteFlag, SecurityKind

CALL = "IWM260717C00295000"
PUT = "IWM260717P00295000"


def read(document: Any, *, fetched_ns: int | None = None) -> Snapshot:
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return translate.translate_options(wire.read_options(body), fetched_ns=fetched_ns)


def row(**changes: Any) -> dict[str, Any]:
    return option_row(CALL, **changes)


def value(snapshot: Snapshot, column: str) -> float:
    return float(snapshot.columns[column][0])


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day …


class TestUnits:
    def test_an_option_keeps_its_numbers_and_its_vendor_greeks(self) -> None:
        snapshot = read(options_document([row()]))
        assert {name: value(snapshot, name) for name in snapshot.columns} == {
            "bid": 2.31,
            "ask": 2.36,
            "bid_size": 12.0,
            "ask_size": 30.0,
            "last": 2.34,
            "previous_close": 2.24,
            "volume": 17.0,
            "open_interest": 1203.0,
            "vendor_iv": 0.2375,  # a fraction, although the header's iv30 is in percent
            "vendor_delta": 0.51,
            "vendor_gamma": 0.021,
            "vendor_theta": -0.118,
            "vendor_vega": 0.33,
            "vendor_rho": 0.13,
            "vendor_price": 2.335,
        }

    @pytest.mark.parametrize("iv", [0.0, 1.0000000000000003e-05, 1e-5, -0.2, 1e9])
    def test_an_iv_that_is_none_becomes_nan_and_not_zero(self, iv: float) -> None:
        assert isnan(value(read(options_document([row(iv=iv)])), "vendor_iv"))

    @pytest.mark.parametrize("iv", [0.0002, 3.4, 21.51])
    def test_a_wild_iv_stays(self, iv: float) -> None:
        assert value(read(options_document([row(iv=iv)])), "vendor_iv") == iv

    def test_greeks_of_a_row_without_volatility_stay_unless_nothing_was_computed(self) -> None:
        nothing = dict.fromkeys(("iv", "delta", "gamma", "vega", "theta", "rho", "theo"), 0.0)
        snapshot = read(options_document([row(iv=0.0), option_row(PUT, **nothing)]))
        assert snapshot.columns["vendor_delta"][0] == 0.51
        for name in ("vendor_delta", "vendor_theta", "vendor_price"):
            assert isnan(snapshot.columns[name][1])

    def test_an_unusable_greek_is_blanked_and_counted_but_the_quote_is_served(self) -> None:
        snapshot = read(options_document([row(delta=7.0, gamma="much", vega=-1.0)]))
        assert snapshot.blanked == {"vendor_delta": 1, "vendor_gamma": 1, "vendor_vega": 1}
        assert value(snapshot, "bid") == 2.31
        assert isnan(value(snapshot, "vendor_delta"))

    def test_never_traded_is_no_price(self) -> None:
        snapshot = read(
            options_document([row(last_trade_price=0.0, last_trade_time=None, prev_day_close=0)])
        )
        assert isnan(value(snapshot, "last"))
        assert isnan(value(snapshot, "previous_close"))

    def test_zero_bid_zero_ask_and_crossed_quotes_are_served_as_they_are(self) -> None:
        rows = [
            row(bid=0.0, bid_size=0.0),
            option_row(PUT, bid=0.0, ask=0.0),
            option_row("IWM260717C00300000", bid=3.0, ask=2.0),
        ]
        snapshot = read(options_document(rows))
        assert list(snapshot.columns["bid"]) == [0.0, 0.0, 3.0]
        assert list(snapshot.columns["ask"]) == [2.36, 0.0, 2.0]
        assert not snapshot.rejections

    def test_a_missing_number_is_missing(self) -> None:
        snapshot = read(options_document([row(bid=None, open_interest=None)]))
        assert isnan(value(snapshot, "bid"))
        assert isnan(value(snapshot, "open_interest"))


class TestRejectedRows:
    @pytest.mark.parametrize(
        ("bad", "code"),
        [
            (row(bid=-0.05), "negative_number"),
            (row(volume=-1), "negative_number"),
            (row(ask=4e9), "absurd_number"),
            (row(open_interest=1e300), "absurd_number"),
            (row(bid="2.31"), "not_a_number"),
            (row(ask=True), "not_a_number"),
            (row(ask=[2]), "not_a_number"),
            (row(bid=10**400), "not_a_number"),
            (row(bid=nan), "not_a_number"),
            (row(ask=float("inf")), "not_a_number"),
            (option_row("IWM260717X00295000"), "malformed_symbol"),
            (option_row("IWM260732C00295000"), "malformed_symbol"),
            (option_row("IWM260717C00000000"), "malformed_symbol"),
            (option_row("IWM"), "malformed_symbol"),
            (option_row(""), "malformed_symbol"),
            (option_row(17), "malformed_symbol"),  # type: ignore[arg-type]  # as vendors err
            ("not a row", "not_a_row"),
            (None, "not_a_row"),
            (option_row("SPY260717C00295000"), "other_underlying"),
            ({"option": CALL, "ask": 1.0}, "missing_field"),
        ],
    )
    def test_a_row_that_cannot_be_served_is_listed_with_its_reason(
        self, bad: Any, code: str
    ) -> None:
        import json

        body = json.dumps(options_document([option_row(PUT), option_row(PUT[:-5] + "96000"), bad]))
        snapshot = read(body.encode())
        assert [rejection.row.code for rejection in snapshot.rejections] == [code]
        assert snapshot.rejections[0].row.reason.endswith(".")
        assert snapshot.rejections[0].row.raw
        assert (snapshot.rows, len(snapshot.contracts)) == (3, 2)

    def test_the_second_of_two_equal_contracts_is_listed(self) -> None:
        snapshot = read(options_document([row(bid=1.0), row(bid=2.0), option_row(PUT)]))
        assert [rejection.row.code for rejection in snapshot.rejections] == ["duplicate_contract"]
        assert value(snapshot, "bid") == 1.0

    def test_roots_that_share_a_strike_are_both_served(self) -> None:
        rows = [option_row(f"{root}260619C05000000") for root in ("SPX", "SPXW")]
        snapshot = read(options_document(rows, symbol="_SPX"))
        assert [contract.root for contract in snapshot.contracts] == ["SPX", "SPXW"]
        assert snapshot.underlying == "SPX"
        assert [(entry.root, entry.contracts) for entry in snapshot.expirations()] == [
            ("SPX", 1),
            ("SPXW", 1),
        ]

    def test_an_adjusted_root_belongs_to_its_underlying(self) -> None:
        snapshot = read(options_document([row(), option_row("IWM1260717C00295000")]))
        assert [contract.root for contract in snapshot.contracts] == ["IWM", "IWM1"]

    def test_a_chain_shows_the_rejected_rows_of_its_date_and_those_of_none(self) -> None:
        odd = [option_row(f"IWM{day}C00400000", ask=-1) for day in ("260717", "260618")]
        rows = [*usual_rows(), *odd, "odd"]
        snapshot = read(options_document(rows))
        july = snapshot.chain(date(2026, 7, 17)).rejected
        june = snapshot.chain(date(2026, 6, 18)).rejected
        assert [entry.code for entry in july] == ["negative_number", "not_a_row"]
        assert [entry.code for entry in june] == ["negative_number", "not_a_row"]
        assert july[0].raw != june[0].raw


class TestTimes:
    def test_the_timestamp_is_utc_and_the_numbers_are_fifteen_minutes_older(self) -> None:
        snapshot = read(options_document([row()]))
        assert to_datetime(snapshot.published_ns) == utc(2026, 6, 17, 17, 44, 24)
        assert to_datetime(snapshot.ts_event) == utc(2026, 6, 17, 17, 29, 24)

    def test_a_recorded_document_arrived_when_it_was_published(self) -> None:
        snapshot = read(options_document([row()]))
        assert snapshot.ts_received == snapshot.published_ns
        fetched = to_ns(utc(2026, 6, 17, 18, 0))
        assert read(options_document([row()]), fetched_ns=fetched).ts_received == fetched

    def test_a_time_without_date_is_of_the_day_of_the_fetch(self) -> None:
        document = options_document([row()], timestamp="18:47:30")
        same_day = read(document, fetched_ns=to_ns(utc(2026, 6, 17, 18, 50)))
        assert to_datetime(same_day.published_ns) == utc(2026, 6, 17, 18, 47, 30)
        after_midnight = read(document, fetched_ns=to_ns(utc(2026, 6, 18, 0, 10)))
        assert to_datetime(after_midnight.published_ns) == utc(2026, 6, 17, 18, 47, 30)

    def test_a_recorded_time_without_date_follows_the_latest_trade(self) -> None:
        document = options_document([row()], timestamp="18:47:30")
        assert to_datetime(read(document).published_ns) == utc(2026, 6, 17, 18, 47, 30)
        early = options_document([row()], timestamp="02:00:00")
        assert to_datetime(read(early).published_ns) == utc(2026, 6, 18, 2, 0)

    def test_a_holiday_document_is_of_the_session_of_its_last_trade(self) -> None:
        document = options_document(
            [row(last_trade_time="2026-06-18T16:14:57", ask=0.0)],
            timestamp="2026-06-19 20:17:50",
            last_trade_time="2026-06-18T15:59:59",
        )
        assert to_datetime(read(document).ts_event) == utc(2026, 6, 18, 20, 14, 57)

    def test_a_document_without_trades_on_a_weekend_is_of_friday(self) -> None:
        document = options_document(
            [row(last_trade_time=None)], timestamp="2026-06-20 12:00:00", last_trade_time=None
        )
        assert to_datetime(read(document).ts_event) == utc(2026, 6, 19, 20, 15)

    def test_winter_trades_are_five_hours_behind_utc(self) -> None:
        document = options_document(
            [option_row("IWM270115C00295000", last_trade_time="2026-12-01T15:30:00")],
            timestamp="2026-12-02 14:00:00",
            last_trade_time=None,
        )
        assert to_datetime(read(document).ts_event) == utc(2026, 12, 1, 20, 30)

    def test_a_trade_time_of_the_future_or_of_no_kind_is_not_believed(self) -> None:
        rows = [
            row(last_trade_time="2031-01-01T00:00:00"),
            option_row(PUT, last_trade_time="2026-02-31T00:00:00"),
            option_row(PUT[:-4] + "6000", last_trade_time="1990"),
        ]
        document = options_document(rows, last_trade_time=7)
        assert to_datetime(read(document).ts_event) == utc(2026, 6, 17, 17, 29, 24)

    def test_an_expired_series_is_still_served(self) -> None:
        rows = [option_row("IWM260616C00295000", iv=0, delta=1.0, gamma=0, vega=0), row()]
        assert read(options_document(rows)).dates() == [date(2026, 6, 16), date(2026, 7, 17)]


class TestQuotes:
    def test_the_header_is_the_quote(self) -> None:
        quote = read(options_document([row()])).quote
        assert (quote.bid, quote.ask, quote.last) == (295.39, 295.41, 295.4)
        assert (quote.open, quote.high, quote.low) == (293.1, 296.2, 292.8)
        assert (quote.previous_close, quote.volume) == (292.08, 31_204_551)
        assert (quote.kind, quote.quality) == (SecurityKind.ETF, Quality.DELAYED)

    def test_an_index_has_no_volume_and_zero_sides_are_no_quote(self) -> None:
        document = options_document(
            [option_row("SPXW260717C05000000")],
            symbol="_SPX",
            security_type="index",
            bid=0,
            ask=0,
            volume=0,
        )
        quote = read(document).quote
        assert quote.symbol == "SPX"
        assert quote.kind is SecurityKind.INDEX
        assert isnan(quote.volume)
        assert isnan(quote.bid)
        assert quote.flags is QuoteFlag.NO_QUOTE

    def test_a_header_with_nothing_but_a_price_is_enough(self) -> None:
        document = {
            "timestamp": "2026-06-17 17:44:24",
            "data": {"options": [row()], "symbol": "IWM", "current_price": 295.4},
        }
        quote = read(document).quote
        assert quote.last == 295.4
        assert isnan(quote.bid)

    def test_share_classes_lose_and_get_back_their_dot(self) -> None:
        snapshot = read(options_document([option_row("BRKB260717C00500000")], symbol="BRKB"))
        assert snapshot.underlying == "BRK.B"
        assert translate.vendor_symbols("BRK.B") == ("BRKB", "_BRKB")
        assert translate.vendor_symbols("SPX") == ("_SPX", "SPX")

    def test_a_document_without_symbol_is_of_its_contracts(self) -> None:
        rows = [option_row("odd"), row(), option_row(PUT), option_row("SPY260717C00295000")]
        snapshot = read(options_document(rows, symbol=None))
        assert snapshot.underlying == "IWM"

    def test_the_quote_document_is_the_header_alone(self) -> None:
        document = wire.read_quote(orjson.dumps(quote_document()))
        quote = translate.translate_quote(
            document, symbol="IWM", fetched_ns=to_ns(utc(2026, 6, 17, 17, 45))
        )
        assert quote.last == 295.4
        assert to_datetime(quote.ts_event) == utc(2026, 6, 17, 17, 29, 24)

    @pytest.mark.parametrize("price", [None, -3, "x", 0, 10**400, True])
    def test_a_price_that_is_none_is_missing(self, price: Any) -> None:
        import json

        document = options_document([row()], current_price=price)
        assert isnan(read(json.dumps(document).encode()).quote.last)


class TestUnreadableDocuments:
    @pytest.mark.parametrize(
        ("body", "says"),
        [
            (b"", "empty"),
            (b"   \n", "empty"),
            (b"<?xml version='1.0'?>", "not JSON"),
            (b"[1, 2]", "not an object"),
            (b"null", "not an object"),
            (b'{"data": {}}', "no timestamp"),
            (b'{"timestamp": "2026-06-17 17:44:24"}', "no data"),
            (b'{"timestamp": "2026-06-17 17:44:24", "data": {"options": []}}', "current_price"),
            (
                b'{"timestamp": "2026-06-17 17:44:24", "data": {"current_price": 1}}',
                "list of options",
            ),
            (
                orjson.dumps(options_document([row()], timestamp="yesterday")),
                "cannot be dated",
            ),
            (orjson.dumps(options_document([row()], timestamp="2026-06-37 17:44:24")), "dated"),
            (orjson.dumps(options_document([row()], timestamp="27:44:24")), "dated"),
            (orjson.dumps(options_document([], symbol=None)), "names neither"),
            (orjson.dumps(options_document([row()], symbol="??")), "symbol"),
            (orjson.dumps(options_document(["x", "y", row()])), "not objects"),
            (
                orjson.dumps(
                    options_document([{"option": CALL, "bid": 1, "ask": 2, "iv": 0.2}] * 3)
                ),
                "lost their 'open_interest'",
            ),
            (b'{"timestamp": NaN, "data": ', "not JSON"),
        ],
    )
    def test_says_what_is_wrong(self, body: bytes, says: str) -> None:
        with pytest.raises(UnreadableDocument) as caught:
            read(body)
        assert says in caught.value.detail
        assert caught.value.next_step

    def test_a_document_cut_anywhere_is_an_error(self) -> None:
        body = orjson.dumps(options_document(usual_rows()))
        for length in range(0, len(body) - 1, 97):
            with pytest.raises(UnreadableDocument):
                read(body[:length])

    def test_a_time_without_date_and_without_trades_cannot_be_dated(self) -> None:
        document = options_document(
            [row(last_trade_time=None)], timestamp="18:47:30", last_trade_time=None
        )
        with pytest.raises(UnreadableDocument, match="no date"):
            read(document)


class TestBars:
    def test_days_come_as_numbers_or_texts_and_ascend(self) -> None:
        document = daily_document(
            [
                ("2026-06-17", "293.1", "296.2", "292.8", "295.4", "31204551"),
                ("2026-06-16", 292.0, 294.0, 291.0, 292.08, 28_000_000),
            ]
        )
        bars, odd = translate.translate_daily(wire.read_bars(orjson.dumps(document)))
        assert odd == 0
        assert [bar.close for bar in bars] == [292.08, 295.4]
        assert to_datetime(bars[0].ts_event) == utc(2026, 6, 16, 4, 0)

    @pytest.mark.parametrize(
        "day",
        [
            ("2026-06-xx", 1, 1, 1, 1, 1),
            ("2026-06-17", 0, 1, 1, 1, 1),
            ("2026-06-17", 1, "high", 1, 1, 1),
            (None, 1, 1, 1, 1, 1),
            ("0001-01-01", 1, 1, 1, 1, 1),
        ],
    )
    def test_a_row_that_is_no_bar_is_counted_and_left_out(self, day: Any) -> None:
        bars, odd = translate.translate_daily(wire.read_bars(orjson.dumps(daily_document([day]))))
        assert (bars, odd) == ([], 1)

    def test_a_high_below_the_close_is_widened(self) -> None:
        document = daily_document([("2026-06-17", 10.0, 9.0, 9.5, 11.0, 1)])
        bars, _ = translate.translate_daily(wire.read_bars(orjson.dumps(document)))
        assert (bars[0].low, bars[0].high) == (9.0, 11.0)

    def test_minutes_are_new_york_time_with_the_volume_of_the_stock(self) -> None:
        document = minutes_document([("2026-06-17T09:31:00", 1.0, 2.0, 0.5, 1.5, 77)])
        document["data"] += [{"datetime": "2026-06-17T09:32:00"}, 5]
        bars, odd = translate.translate_minutes(wire.read_bars(orjson.dumps(document)))
        assert to_datetime(bars[0].ts_event) == utc(2026, 6, 17, 13, 31)
        assert bars[0].volume == 77
        assert odd == 2

    def test_a_chart_without_bars_is_unreadable(self) -> None:
        with pytest.raises(UnreadableDocument, match="no list of bars"):
            wire.read_bars(b'{"data": {}}')
