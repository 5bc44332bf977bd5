"""Rows and frames in ThetaData's format, one for each quirk, and the recorded captures."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import isnan
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain, check_quote
from tests.fakes.thetadata_server import (
    close_row,
    csv_of,
    day_row,
    greeks_row,
    interest_row,
    ohlc_row,
    quote_row,
    security_ohlc,
    security_row,
)

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.thetadata import translate, wire
from optix.adapters.market_data.thetadata.translate import Beside
from optix.kernel import opra
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality, QuoteFlag
from optix.kernel.trade import Trade, TradeAction
from optix.kernel.trade_tape import tape_of
from optix.ports.market_data import ChainKey

CALL, PUT = "AAPL260116C00275000", "AAPL260116P00275000"
DAY = date(2026, 1, 16)
AT = "2025-08-20T15:59:59.805"
NOW = to_ns(datetime(2025, 8, 20, 21, 0, tzinfo=UTC))
EMPTY = Beside({}, {}, {})


def rows_of(*rows: dict[str, Any]) -> list[dict[str, str]]:
    return list(wire.read_rows(csv_of(list(rows)), required=frozenset()))


def contracts(*rows: dict[str, Any]) -> translate.Contracts:
    return translate.by_contract(rows_of(*rows))


def chain(*rows: dict[str, Any], beside: Beside = EMPTY) -> ChainTable:
    return translate.translate_chain(
        rows_of(*rows),
        key=ChainKey("AAPL", DAY),
        beside=beside,
        quality=Quality.REALTIME,
        spot=None,
        received_ns=NOW,
    )


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "hour"),
        [
            ("2026-03-06T15:59:59.805", 20),  # before the clocks change
            ("2026-03-09T15:59:59.805", 19),  # after it
            ("2026-03-09T15:59:59.805-04:00", 19),
            ("2026-03-09T15:59:59.8", 19),
            ("2026-03-09T15:59:59", 19),
        ],
    )
    def test_they_are_of_new_york(self, text: str, hour: int) -> None:
        later = to_ns(datetime(2026, 4, 1, tzinfo=UTC))
        assert to_datetime(translate.instant_of(text, received_ns=later)).hour == hour

    def test_what_is_none_or_from_the_future_is_not_told(self) -> None:
        for text in ("", "yesterday", "2027-01-01T00:00:00"):
            assert translate.instant_of(text, received_ns=NOW) == 0
        ahead = to_datetime(NOW + 2_000_000_000).isoformat()
        assert translate.instant_of(ahead, received_ns=NOW) == NOW

    def test_milliseconds_of_a_day_are_those_of_its_wall_clock(self) -> None:
        # 8 March 2026 has 23 hours: half past nine is half past nine all the same.
        half_past_nine = (9 * 60 + 30) * 60_000
        instant = translate.moment_of(20260308, half_past_nine)
        assert to_datetime(instant) == datetime(2026, 3, 8, 13, 30, tzinfo=UTC)
        for ms in (-1, 86_400_000):
            with pytest.raises(ValueError, match="beyond"):
                translate.moment_of(20260308, ms)


class TestCSV:
    def test_lines_end_with_cr_lf(self) -> None:
        body = b"symbol,strike\r\nAAPL,80.000\r\n"
        rows = wire.read_rows(body, required=frozenset(("symbol",)))
        assert rows == [{"symbol": "AAPL", "strike": "80.000"}]

    @pytest.mark.parametrize(
        "body",
        [b"", b"strike\r\n", b"symbol\r\nA,B\r\n", b"\xff\xfe", b'symbol\r\n"A\r\n', b"<html>"],
    )
    def test_what_is_no_table_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            wire.read_rows(body, required=frozenset(("symbol",)))


class TestChain:
    def test_answers_about_one_contract_become_one_row(self) -> None:
        beside = Beside(
            contracts(ohlc_row(CALL, AT)),
            contracts(interest_row(CALL, "2025-08-20T06:30:13")),
            contracts(greeks_row(CALL, AT)),
        )
        table = chain(quote_row(CALL, AT), quote_row(PUT, AT, right="P"), beside=beside)
        check_chain(table)
        assert [contract.key for contract in table.contracts] == [CALL, PUT]
        first = {name: values[0] for name, values in table.columns.items()}
        assert (first["bid"], first["ask"], first["bid_size"], first["ask_size"]) == (
            1.47,
            1.5,
            5,
            25,
        )
        assert (first["last"], first["volume"], first["open_interest"]) == (1.51, 202, 8066)
        assert isnan(table.columns["open_interest"][1])
        assert table.ts_event == translate.instant_of(AT, received_ns=NOW)

    def test_vega_and_rho_become_per_point_and_theta_stays(self) -> None:
        beside = Beside({}, {}, contracts(greeks_row(CALL, AT)))
        table = chain(quote_row(CALL, AT), beside=beside)
        values = {name: table.columns[f"vendor_{name}"][0] for name in ("vega", "rho", "theta")}
        assert values == pytest.approx({"vega": 0.317235, "rho": 1.032513, "theta": -0.0352})
        assert table.columns["vendor_iv"][0] == 0.3075

    @pytest.mark.parametrize(
        "changes",
        [
            {"implied_vol": 0.0, "iv_error": 0.006},
            {"implied_vol": 0.0, "iv_error": 100.0},
            {"implied_vol": 0.4, "iv_error": -0.5},
            {"implied_vol": "", "iv_error": ""},
            {"implied_vol": "nan", "iv_error": 0.0},
        ],
    )
    def test_what_was_not_solved_is_missing_with_its_greeks(self, changes: Any) -> None:
        beside = Beside({}, {}, contracts(greeks_row(CALL, AT, **changes)))
        table = chain(quote_row(CALL, AT), beside=beside)
        assert isnan(table.columns["vendor_iv"][0])
        assert isnan(table.columns["vendor_delta"][0])

    def test_a_zero_bid_is_a_quote_and_no_trade_is_no_last(self) -> None:
        beside = Beside(contracts(ohlc_row(CALL, AT, close="0.0000", volume=0)), {}, {})
        table = chain(quote_row(CALL, AT, bid="0.00"), beside=beside)
        assert table.columns["bid"][0] == 0.0
        assert isnan(table.columns["last"][0])
        assert table.columns["volume"][0] == 0

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"expiration": "2026-02-20"}, "other_expiration"),
            ({"expiration": "soon"}, "malformed_symbol"),
            ({"strike": "275.0005"}, "malformed_symbol"),
            ({"right": "X"}, "malformed_symbol"),
            ({"symbol": "MSFT"}, "other_underlying"),
            ({"bid": "abc"}, "not_a_number"),
            ({"ask": "-1"}, "negative_number"),
            ({}, "duplicate_contract"),
        ],
    )
    def test_what_cannot_be_served_is_listed_with_its_reason(self, changes: Any, code: str) -> None:
        row = quote_row(PUT if changes else CALL, AT) | changes
        table = chain(quote_row(CALL, AT), row)
        assert [row.code for row in table.rejected] == [code]

    def test_both_roots_of_an_index_stay_distinct(self) -> None:
        rows = rows_of(*(quote_row(f"{root}260116C05000000", AT) for root in ("SPX", "SPXW")))
        table = translate.translate_chain(
            rows,
            key=ChainKey("SPX", DAY),
            beside=EMPTY,
            quality=Quality.REALTIME,
            spot=None,
            received_ns=NOW,
        )
        assert [contract.root for contract in table.contracts] == ["SPX", "SPXW"]


class TestClose:
    def close(self, *rows: dict[str, Any]) -> ChainTable:
        later = to_ns(datetime(2025, 8, 21, tzinfo=UTC))
        return translate.translate_close(
            rows_of(*rows),
            underlying="AAPL",
            day=date(2025, 8, 20),
            interest=contracts(interest_row(CALL, "2025-08-20T06:30:13")),
            spot=None,
            received_ns=later,
        )

    def test_a_close_holds_all_dates_and_is_true_when_its_report_was_made(self) -> None:
        other = "AAPL260220C00275000"
        rows = (close_row(CALL, date(2025, 8, 20)), close_row(other, date(2025, 8, 20)))
        table = self.close(*rows)
        check_chain(table)
        assert {contract.expiration.month for contract in table.contracts} == {1, 2}
        assert to_datetime(table.ts_event).isoformat() == "2025-08-20T21:15:39.187000+00:00"
        assert table.columns["last"].tolist() == [1.48, 1.48]
        assert table.columns["volume"].tolist() == [683, 683]
        assert table.columns["open_interest"][0] == 8066
        assert isnan(table.columns["vendor_iv"][0])

    def test_an_early_report_is_not_served_before_a_quarter_past_five(self) -> None:
        row = close_row(CALL, date(2025, 8, 20), created="2025-08-20T13:05:00")
        assert to_datetime(self.close(row).ts_event).hour == 21


class TestSecurities:
    def quote(self, quoted: Any, traded: Any, symbol: str = "IWM") -> Any:
        first = rows_of(quoted)[0] if quoted else None
        second = rows_of(traded)[0] if traded else None
        return translate.translate_security(
            symbol, first, second, quality=Quality.DELAYED, received_ns=NOW
        )

    def test_quote_and_day_become_one(self) -> None:
        quote = self.quote(security_row("IWM", AT), security_ohlc("IWM", "2025-08-20T15:59:00"))
        check_quote(quote)
        assert (quote.bid, quote.ask, quote.last, quote.volume) == (
            295.39,
            295.41,
            295.4,
            31_204_551,
        )
        assert quote.ts_event == translate.instant_of(AT, received_ns=NOW)

    def test_an_index_has_neither_sides_nor_volume(self) -> None:
        quote = self.quote(None, security_ohlc("SPX", AT, volume=0), "SPX")
        assert quote.flags is QuoteFlag.NO_QUOTE
        assert isnan(quote.volume)

    def test_prices_of_zero_are_missing(self) -> None:
        quote = self.quote(
            security_row("IWM", AT, bid=0, ask=0), security_ohlc("IWM", AT, close="0.0000")
        )
        assert isnan(quote.bid)
        assert isnan(quote.last)


class TestBars:
    def test_a_day_is_named_by_its_report_and_begins_at_midnight(self) -> None:
        rows = rows_of(
            day_row("IWM", date(2025, 8, 19)),
            day_row("IWM", date(2025, 8, 20), open="0.0000"),
        )
        bars, odd = translate.translate_bars(
            rows, column="created", symbol="IWM", daily=True, received_ns=NOW
        )
        assert [to_datetime(bar.ts_event).isoformat() for bar in bars] == [
            "2025-08-19T04:00:00+00:00"
        ]
        assert odd == 1

    def test_a_minute_keeps_its_time(self) -> None:
        row = {"timestamp": "2025-08-20T09:30:00", "volume": 5} | dict.fromkeys(
            ("open", "high", "low", "close"), 2.0
        )
        bars, odd = translate.translate_bars(
            rows_of(row), column="timestamp", symbol="IWM", daily=False, received_ns=NOW
        )
        assert to_datetime(bars[0].ts_event).hour == 13
        assert (bars[0].volume, odd) == (5, 0)


class TestTrades:
    def trade(self, **changes: Any) -> Trade | None:
        row = {
            "trade_timestamp": AT,
            "quote_timestamp": AT,
            "sequence": -1986932228,
            "ext_condition1": 255,
            "condition": 130,
            "size": 10,
            "exchange": 6,
            "price": 41.71,
            "bid": 41.2,
            "ask": 42.09,
        }
        return translate.translate_trade(
            rows_of(row | changes)[0],
            contract=parse_option(CALL),
            quality=Quality.REALTIME,
            received_ns=NOW,
        )

    def test_a_print_says_opras_words(self) -> None:
        trade = self.trade()
        assert trade is not None
        assert (trade.symbol, trade.price, trade.size) == (CALL, 41.71, 10)
        assert (trade.conditions, trade.exchange, trade.bid, trade.ask) == ("f", "I", 41.2, 42.09)
        # Their sequence is 32 bits with a sign.
        assert trade.sequence == 2**32 - 1986932228
        assert trade.action is TradeAction.NEW

    def test_a_cancel_is_one(self) -> None:
        trade = self.trade(condition=41)
        assert trade is not None
        assert (trade.action, trade.conditions) == (TradeAction.CANCEL, "C")
        before = self.trade(sequence=5, trade_timestamp="2025-08-20T15:59:58.805")
        assert before is not None
        assert tape_of([before, trade]).volume == 0.0

    def test_no_condition_is_a_regular_print(self) -> None:
        for code in (255, 0):
            trade = self.trade(condition=code)
            assert trade is not None
            assert trade.conditions == ""

    def test_unknown_numbers_are_told_once_and_set_no_price(self) -> None:
        with structlog.testing.capture_logs() as logs:
            for _ in range(2):
                trade = self.trade(condition=9_999, exchange=9_999)
        assert trade is not None
        assert not opra.may_set_last(trade.conditions)
        assert trade.exchange == ""
        assert len(logs) == 2

    @pytest.mark.parametrize(
        "changes",
        [
            {"price": 0},
            {"price": "x"},
            {"size": 0},
            {"size": -1},
            {"sequence": "x"},
            {"trade_timestamp": ""},
            {"exchange": ""},
        ],
    )
    def test_what_is_no_print_is_none(self, changes: Any) -> None:
        assert self.trade(**changes) is None


@given(row=st.dictionaries(st.sampled_from([*quote_row(CALL, AT)]), st.text(max_size=12)))
def test_whatever_a_cell_says_the_chain_is_one(row: dict[str, str]) -> None:
    rows = rows_of(quote_row(PUT, AT))
    rows.append({**{name: str(value) for name, value in quote_row(CALL, AT).items()}, **row})
    table = translate.translate_chain(
        rows,
        key=ChainKey("AAPL", DAY),
        beside=EMPTY,
        quality=Quality.REALTIME,
        spot=None,
        received_ns=NOW,
    )
    check_chain(table)
    assert len(table) + len(table.rejected) == 2
