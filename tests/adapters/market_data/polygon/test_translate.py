"""What Polygon documents becomes ours: on its documentation's examples and on one case per quirk.

The examples are read in place where they are; every quirk has a row of its own here, in the
documented format.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from math import isnan
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain
from tests.fakes.polygon_server import chain_row
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.polygon import codes, translate, wire
from optix.adapters.market_data.streaming.protocol import MalformedFrame
from optix.kernel import opra
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality, SecurityKind
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import ChainKey

KEY = ChainKey("SPY", date(2025, 12, 19))
NOW_NS = 1_763_650_860_000_000_000  # 2025-11-20 15:01 UTC
CALL = "O:SPY251219C00650000"


def chain(*rows: object, key: ChainKey = KEY, plan: Quality = Quality.REALTIME) -> Any:
    return translate.translate_chain(rows, key=key, received_ns=NOW_NS, plan=plan)


def message(**fields: Any) -> Any:
    usual = {"ev": "Q", "sym": CALL, "bp": 1.05, "ap": 1.07, "bs": 3, "as": 4, "t": 1763650859123}
    return translate.translate_message(usual | fields, received_ns=NOW_NS, quality=Quality.REALTIME)


class TestDocumentedExamples:
    @pytest.mark.recorded
    def test_the_chain_of_the_documentation_is_served_whole(self) -> None:
        body = recorded("market/polygon/v3_snapshot_options_AAPL.json").read_bytes()
        page = wire.read_page(orjson.loads(body))
        key = ChainKey("AAPL", date(2023, 6, 16))
        table = chain(*page.rows, key=key)
        check_chain(table)
        assert [contract.key for contract in table.contracts] == ["AAPL230616C00150000"]
        assert table.columns["vendor_iv"][0] == 0.3570277203465058
        assert isnan(table.columns["vendor_rho"][0])
        assert table.columns["open_interest"][0] == 8133
        assert table.ts_event == 1651254260800059648, "a nanosecond that no float holds"
        assert table.spot is not None
        assert table.spot.last == 159.9606
        assert table.quality is Quality.REALTIME

    @pytest.mark.recorded
    def test_vega_is_per_point_and_theta_per_day(self) -> None:
        # Black-Scholes of the example: 414 days, 160 dollars, 36 %; a vega per 1.00 would be 64.
        page = wire.read_page(
            orjson.loads(recorded("market/polygon/v3_snapshot_options_AAPL.json").read_bytes())
        )
        table = chain(*page.rows, key=ChainKey("AAPL", date(2023, 6, 16)))
        assert table.columns["vendor_vega"][0] == pytest.approx(0.64, abs=0.05)
        assert -0.06 < table.columns["vendor_theta"][0] < -0.01

    @pytest.mark.recorded
    def test_every_contract_of_the_reference_is_read(self) -> None:
        page = wire.read_page(
            orjson.loads(
                recorded("market/polygon/v3_reference_options_contracts.json").read_bytes()
            )
        )
        assert len(translate.translate_listing(page.rows, "A")) == len(page.rows) == 10
        assert page.next_url is not None

    @pytest.mark.recorded
    def test_the_universal_snapshot_has_a_stock(self) -> None:
        body = recorded("market/polygon/v3_snapshot.json").read_bytes()
        row = next(r for r in wire.read_page(orjson.loads(body)).rows if r["ticker"] == "AAPL")
        quote = translate.translate_quote(
            row, symbol="AAPL", received_ns=NOW_NS, plan=Quality.DELAYED
        )
        assert (quote.bid, quote.ask, quote.last) == (20.9, 21.25, 0.05)
        assert quote.quality is Quality.REALTIME, "the quote itself says so, whatever the plan"
        assert quote.ts_event == 1675280958783136800


class TestMissingIsNotZero:
    def test_a_snapshot_without_a_trade_has_the_price_of_its_session(self) -> None:
        def quote(row: dict[str, Any]) -> Any:
            return translate.translate_quote(
                row, symbol="SPY", received_ns=NOW_NS, plan=Quality.DELAYED
            )

        assert quote({"session": {"close": 650.5}}).last == 650.5
        with pytest.raises(Unreadable):
            quote({"session": {}})

    def test_greeks_without_a_solution_are_missing(self) -> None:
        row = chain_row(CALL, greeks={})
        del row["implied_volatility"]
        table = chain(row)
        for name in ("iv", "delta", "gamma", "theta", "vega", "rho"):
            assert isnan(table.columns[f"vendor_{name}"][0])
        assert table.columns["bid"][0] == 1.05

    def test_what_a_plan_leaves_out_is_missing(self) -> None:
        row = chain_row(CALL)
        for name in ("last_quote", "last_trade"):
            del row[name]
        del row["underlying_asset"]["price"]
        table = chain(row)
        assert isnan(table.columns["bid"][0])
        assert isnan(table.columns["last"][0])
        assert table.spot is None
        assert table.columns["open_interest"][0] == 8133
        assert table.ts_event == NOW_NS

    def test_nobody_buying_is_a_zero_bid(self) -> None:
        table = chain(chain_row(CALL, last_quote={"bid": 0, "ask": 0.01, "timeframe": "DELAYED"}))
        assert table.columns["bid"][0] == 0.0

    def test_an_index_has_a_value_instead_of_a_price(self) -> None:
        key = ChainKey("SPX", date(2025, 12, 19))
        asset = {"value": 6712.5, "ticker": "I:SPX", "timeframe": "REAL-TIME"}
        table = chain(chain_row("O:SPXW251219C06700000", underlying_asset=asset), key=key)
        assert table.spot is not None
        assert (table.spot.last, table.spot.kind) == (6712.5, SecurityKind.INDEX)

    def test_an_undated_delayed_table_is_as_old_as_the_delay(self) -> None:
        row = chain_row(CALL)
        del row["last_quote"], row["underlying_asset"]
        table = chain(row, plan=Quality.DELAYED)
        assert table.ts_event == NOW_NS - 900 * 10**9


class TestTimeframe:
    def test_the_quotes_own_word_decides(self) -> None:
        late = chain_row(CALL, last_quote={"bid": 1, "ask": 2, "timeframe": "DELAYED"})
        assert chain(late, plan=Quality.REALTIME).quality is Quality.DELAYED
        live = chain_row(CALL, last_quote={"bid": 1, "ask": 2, "timeframe": "REAL-TIME"})
        assert chain(live, plan=Quality.DELAYED).quality is Quality.REALTIME

    def test_one_late_quote_makes_the_table_late(self) -> None:
        late = chain_row(
            "O:SPY251219P00650000", last_quote={"bid": 1, "ask": 2, "timeframe": "DELAYED"}
        )
        assert chain(chain_row(CALL), late).quality is Quality.DELAYED

    def test_an_unknown_word_counts_as_none_and_is_told_once(self) -> None:
        odd = {"bid": 1, "ask": 2, "timeframe": "NEARLY-LIVE"}
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                table = chain(chain_row(CALL, last_quote=odd), plan=Quality.DELAYED)
        assert table.quality is Quality.DELAYED
        assert len(logs) == 1


class TestSessions:
    def test_the_volume_of_an_earlier_day_is_not_todays(self) -> None:
        old = {"volume": 8, "previous_close": 31.4, "last_updated": 1763442000000000000}  # 11-18
        table = chain(chain_row(CALL, day=old))
        assert isnan(table.columns["volume"][0])
        assert isnan(table.columns["previous_close"][0])

    def test_the_volume_of_the_chains_day_is(self) -> None:
        assert chain(chain_row(CALL)).columns["volume"][0] == 8


class TestContracts:
    def test_two_roots_of_one_day_stay_apart(self) -> None:
        key = ChainKey("SPX", date(2025, 12, 19))
        rows = [chain_row(f"O:{root}251219C06700000") for root in ("SPX", "SPXW")]
        assert {contract.root for contract in chain(*rows, key=key).contracts} == {"SPX", "SPXW"}

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"shares_per_contract": 33}, "nonstandard_deliverable"),
            ({"additional_underlyings": [{"amount": 12.5}]}, "nonstandard_deliverable"),
            ({"ticker": "O:SPY251226C00650000"}, "other_expiration"),
            ({"ticker": "O:QQQ251219C00650000"}, "other_underlying"),
            ({"ticker": "SPY of nothing"}, "malformed_symbol"),
            ({"ticker": 17}, "malformed_symbol"),
        ],
    )
    def test_what_cannot_be_served_is_listed(self, change: dict[str, Any], code: str) -> None:
        row = chain_row(CALL)
        row["details"] |= change
        table = chain(row, chain_row("O:SPY251219P00650000"))
        assert len(table) == 1
        assert [rejected.code for rejected in table.rejected] == [code]

    def test_an_adjusted_root_may_deliver_what_it_likes(self) -> None:
        row = chain_row("O:SPY1251219C00650000")
        row["details"]["shares_per_contract"] = 33
        assert chain(row).contracts[0].root == "SPY1"

    def test_symbols_go_there_and_back(self) -> None:
        for text in ("O:SPXW251219C06700000", "O:BRKB251219P00492500", "O:AAPL1251219C00005000"):
            assert translate.vendor_contract(parse_option(text)) == text
        assert translate.vendor_symbol("SPX") == "I:SPX"
        assert translate.vendor_symbol("BRK.B") == "BRK.B"

    def test_the_listing_leaves_out_what_the_chain_rejects(self) -> None:
        rows: list[object] = [
            {"ticker": CALL, "shares_per_contract": 100},
            {"ticker": CALL, "shares_per_contract": 100},
            {"ticker": "O:SPY251219C00660000", "shares_per_contract": 50},
            {"ticker": "O:QQQ251219C00660000"},
            {"ticker": None},
            "row",
        ]
        assert translate.translate_listing(rows, "SPY") == [parse_option(CALL)]


class TestCodes:
    @pytest.mark.parametrize(
        ("number", "letter"),
        [(201, "A"), (209, "I"), (210, "J"), (219, "S"), (227, "a"), (232, "f"), (248, "v")],
    )
    def test_conditions_are_opra_letters(self, number: int, letter: str) -> None:
        assert codes.conditions_of([number]) == letter

    @pytest.mark.parametrize(
        ("number", "letter"), [(300, "A"), (302, "C"), (313, "N"), (316, "Q"), (325, "Z")]
    )
    def test_exchanges_are_opra_letters(self, number: int, letter: str) -> None:
        assert codes.exchange_of(number) == letter

    @pytest.mark.parametrize("number", [0, 200, 211, 249, -1, "209", None, 209.5, True, [209]])
    def test_another_number_is_left_out(self, number: object) -> None:
        assert codes.conditions_of([number]) == ""

    def test_every_letter_of_opra_has_a_number(self) -> None:
        assert set(codes.CONDITIONS.values()) == set(opra.CONDITIONS)
        assert set(codes.EXCHANGES.values()) == {*opra.EXCHANGES, "O"}

    def test_an_unknown_number_is_told_once(self) -> None:
        with structlog.testing.capture_logs() as logs:
            assert [codes.exchange_of(3777) for _ in range(3)] == ["", "", ""]
        assert [entry["number"] for entry in logs] == ["3777"]


class TestMessages:
    def test_a_quote_has_milliseconds(self) -> None:
        quote = message()
        assert quote.ts_event == 1763650859123 * 1_000_000
        assert quote.symbol == "SPY251219C00650000"
        assert quote.fields == {"bid": 1.05, "ask": 1.07, "bid_size": 3, "ask_size": 4}

    def test_a_print_keeps_what_the_venue_said(self) -> None:
        trade = message(ev="T", p=1.06, s=5, x=302, c=[219, 232], q=2**53 + 1)
        assert isinstance(trade, Trade)
        assert (trade.exchange, trade.conditions, trade.sequence) == ("C", "Sf", 2**53 + 1)
        assert (trade.symbol, trade.action) == ("SPY251219C00650000", TradeAction.NEW)

    @pytest.mark.parametrize("number", [201, 203, 205, 207])
    def test_a_cancel_says_so(self, number: int) -> None:
        trade = message(ev="T", p=1.06, s=5, x=302, c=[number], q=7)
        assert trade.action is TradeAction.CANCEL

    @pytest.mark.parametrize(
        ("number", "price", "sets"),
        [
            (209, 1.06, True),
            (219, 1.06, True),
            (204, 1.06, False),
            (203, 1.06, False),
            (209, 0, False),
        ],
    )
    def test_a_print_in_its_time_is_the_last_price(
        self, number: int, price: float, sets: bool
    ) -> None:
        trade = message(ev="T", p=price, s=5, x=302, c=[number], q=7)
        tick = translate.last_of(trade)
        assert (tick is not None) == sets
        if tick is not None:
            assert (tick.fields, tick.kind) == ({"last": price}, "trade")

    @pytest.mark.parametrize("kind", ["A", "AM", "FMV", "status", "new"])
    def test_other_messages_say_nothing_here(self, kind: str) -> None:
        assert message(ev=kind) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"sym": "SPY?"},
            {"sym": None},
            {"t": None},
            {"t": 1763650859123.0},
            {"t": 5},
            {"t": 1763650859123 * 1_000_000},  # nanoseconds in place of milliseconds
            {"ev": "T", "p": -1, "s": 1},
            {"ev": "T", "p": 1, "s": 0},
        ],
    )
    def test_a_message_that_cannot_be_one_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(MalformedFrame):
            message(**change)

    def test_a_side_that_is_no_number_is_missing(self) -> None:
        quote = message(bp="1.05", ap=float("inf"))
        assert isnan(quote.fields["bid"])
        assert isnan(quote.fields["ask"])


class TestBars:
    def test_bars_start_where_they_say_and_ascend(self) -> None:
        rows: list[object] = [
            {"t": 1763614800000, "o": 2, "h": 3, "l": 1, "c": 2.5, "v": 10},
            {"t": 1763528400000, "o": 1, "h": 2, "l": 1, "c": 2, "v": 5},
            {"t": 1763528400000, "o": 1, "h": 2, "l": 1, "c": 0, "v": 5},
            {"t": "x", "o": 1, "h": 2, "l": 1, "c": 2, "v": 5},
            None,
        ]
        bars, odd = translate.translate_bars(rows)
        assert [bar.ts_event for bar in bars] == [1763528400 * 10**9, 1763614800 * 10**9]
        assert odd == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = ("details", "greeks", "day", "last_quote", "last_trade", "underlying_asset")


class TestHostileInput:
    @settings(max_examples=150, deadline=None)
    @given(rows=st.lists(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))))
    def test_no_row_breaks_a_chain(self, rows: list[object]) -> None:
        table = chain(chain_row(CALL), *rows)
        assert len(table) == 1
        assert len(table.rejected) == len(rows)

    @settings(max_examples=150, deadline=None)
    @given(changes=st.dictionaries(st.sampled_from(["sym", "bp", "ap", "t", "p", "s", "c"]), JSON))
    def test_no_message_breaks_the_stream(self, changes: dict[str, Any]) -> None:
        for kind in "QT":
            with suppress(MalformedFrame):
                message(**{"p": 1.0, "s": 1} | changes | {"ev": kind})

    @pytest.mark.parametrize(
        "frame",
        ["", "{", "{}", "[1]", '[{"ev":1}]', "[[]]", b"\xff\xfe", '[{"ev":"Q"},null]', "nul"],
    )
    def test_a_frame_that_is_none_is_refused(self, frame: str | bytes) -> None:
        with pytest.raises(MalformedFrame):
            wire.read_frame(frame)

    @pytest.mark.parametrize("answer", [None, [], 7, {"results": {}}, {"results": "no"}])
    def test_an_answer_that_is_none_is_refused(self, answer: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_page(answer)
