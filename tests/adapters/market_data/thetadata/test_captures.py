"""The recorded captures of a terminal: prints with their quotes, Greeks, the close, code tables."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from math import isnan

import pytest
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.thetadata import codes, translate, wire
from optix.adapters.market_data.thetadata.translate import Beside
from optix.kernel import opra
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality
from optix.kernel.trade_tape import TradeSide, tape_of, trade_side

CALL, PUT = "AAPL260116C00275000", "AAPL260116P00275000"
DAY = date(2026, 1, 16)
AT = "2025-08-20T15:59:59.805"
NOW = to_ns(datetime(2025, 8, 20, 21, 0, tzinfo=UTC))
EMPTY = Beside({}, {}, {})


PRINTED = parse_option("SPY240621C00500000")


def captured(name: str) -> list[dict[str, str]]:
    body = recorded(f"market/thetadata/captures/{name}.csv").read_bytes()
    return list(wire.read_rows(body, required=frozenset(("symbol",))))


@pytest.mark.recorded
def test_the_recorded_prints_are_read_with_their_sides() -> None:
    rows = captured("option_history_trade_quote")
    trades = [
        trade
        for row in rows
        if (
            trade := translate.translate_trade(
                row, contract=PRINTED, quality=Quality.DELAYED, received_ns=NOW
            )
        )
    ]
    assert len(trades) == len(rows) == 98
    letters = [trade.conditions for trade in trades]
    counted = {letter: letters.count(letter) for letter in set(letters)}
    assert counted == {"f": 70, "I": 15, "g": 7, "a": 5, "S": 1}
    assert all(trade.exchange in opra.EXCHANGES for trade in trades)
    assert sum(opra.is_package(letter) for letter in letters) == 77
    summary = tape_of(trades)
    assert summary.trades == 98
    # The report of the close has one print more: the last one, which the capture lacks.
    (close,) = captured("option_history_greeks_eod")
    missing = replace(trades[-1], price=float(close["close"]), size=1.0, sequence=0)
    assert (float(close["volume"]), float(close["count"])) == (683, 99)
    assert summary.volume == 682
    assert tape_of([*trades, missing]).volume == 683
    assert tape_of([*trades, missing]).high == float(close["high"])
    assert summary.low == float(close["low"])
    sides = []
    for row, trade in zip(rows, trades, strict=True):
        quoted = translate.instant_of(row["quote_timestamp"], received_ns=NOW)
        sides.append(
            trade_side(
                trade.price,
                bid=trade.bid,
                ask=trade.ask,
                trade_ns=trade.ts_event,
                quote_ns=quoted,
            )
        )
    assert set(sides) <= set(TradeSide)
    assert sides.count(TradeSide.MID) > len(sides) / 2


@pytest.mark.recorded
def test_recorded_greeks_are_missing_where_nothing_was_solved() -> None:
    rows = captured("option_history_greeks_all")
    (first, *rest) = [translate.by_contract([row]) for row in rows]
    assert len(rest) == 78
    unsolved = [
        translate._analytics(row) for each in (first, *rest) for row in each.values()
    ]  # the rule itself
    assert unsolved[0] == {}, "delta 0.99999 with a volatility of 0 and an error of 100"
    for values in unsolved:
        if values:
            iv = values["vendor_iv"]
            assert isinstance(iv, float)
            assert 0.0 < iv < 5.0


@pytest.mark.recorded
def test_a_recorded_volatility_of_a_print_has_vega_per_point() -> None:
    (row,) = captured("option_history_trade_greeks_all")
    values = translate._analytics(row)  # the rule itself
    assert values["vendor_iv"] == 0.2001
    assert values["vendor_vega"] == pytest.approx(1.64371)
    assert values["vendor_theta"] == pytest.approx(-0.1037)


@pytest.mark.recorded
def test_the_recorded_close_is_stamped_after_a_quarter_past_five() -> None:
    rows = captured("option_history_greeks_eod")
    table = translate.translate_close(
        rows,
        underlying="SPY",
        day=date(2024, 6, 14),
        interest={},
        spot=None,
        received_ns=NOW,
    )
    assert to_datetime(table.ts_event).isoformat().startswith("2024-06-14T21:15:39.187")
    assert table.columns["last"][0] == 42.78
    assert isnan(table.columns["vendor_iv"][0]), "a volatility of 0 is none"
    assert isnan(table.columns["vendor_delta"][0])


@pytest.mark.recorded
def test_the_tables_of_codes_agree_with_the_recorded_ones() -> None:
    def table(name: str) -> list[dict[str, str]]:
        with recorded(f"market/thetadata/{name}.csv").open(newline="") as lines:
            return list(csv.DictReader(lines))

    for row in table("trade-conditions"):
        letter = codes.CONDITIONS.get(int(row["Code"]))
        if letter is None:
            continue
        assert (row["Cancel"] == "true") == opra.is_cancel(letter), row["Name"]
        if row["Name"] not in {"OPRA_EXT_HOURS", "OPEN_REPORT_IN_SEQ"}:
            assert (row["Volume"] == "true") == opra.counts_for_volume(letter), row["Name"]
            assert (row["Last"] == "true") == opra.may_set_last(letter), row["Name"]
    names = {int(row["code"]): row["symbol"] for row in table("exchanges")}
    assert {names[code] for code in codes.EXCHANGES} == {
        *("NQEX", "AMEX", "CBOE", "ISEX", "PACF", "PHIL", "BOST", "MRCY", "GEMI", "C2", "MIAX"),
        *("EMLD", "NQBX", "BATS", "EDGX", "PERL", "MEMX"),
    }
    assert set(codes.EXCHANGES.values()) == set(opra.EXCHANGES) - {"S"}  # younger than the table
