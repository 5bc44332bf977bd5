"""What Schwab documents becomes ours: on its recorded answers and on one case for each quirk."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from math import isnan
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain
from tests.fakes.schwab_server import (
    QUOTED_MS,
    chain_document,
    contract_row,
    quote_row,
    usual_symbols,
)
from tests.fixtures.recorded import recorded

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.rows import refuse_drift
from optix.adapters.market_data.schwab import translate, wire
from optix.adapters.market_data.schwab.symbols import optix_symbol, vendor_name
from optix.adapters.market_data.streaming import MalformedFrame
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quality, SecurityKind
from optix.ports.market_data import BarInterval, ChainKey

NOW_NS = 1_763_650_860_000_000_000  # 2025-11-20 15:01 UTC
KEY = ChainKey("SPY", date(2025, 12, 19))
CALL = "SPY   251219C00650000"
JANUARY = ChainKey("AAPL", date(2025, 1, 17))


def chain(*rows: dict[str, Any], key: ChainKey = KEY, **header: Any) -> ChainTable:
    document = wire.read_chain(chain_document(list(rows), **header))
    return translate.translate_chain([document], key=key, received_ns=NOW_NS)


def of_date(document: wire.ChainDocument, day: date) -> wire.ChainDocument:
    return wire.ChainDocument(document.header, [row for row in document.rows if row[0] == day])


def load(name: str) -> Any:
    return orjson.loads(recorded(f"market/schwab/{name}.json").read_bytes())


@pytest.mark.recorded
class TestRecorded:
    def test_every_row_of_the_chain_is_served(self) -> None:
        document = wire.read_chain(load("chain_AAPL_2025-01-16"))
        assert document.header["callExpDateMap"] == {}, "it holds puts only"
        assert len(document.rows) == document.header["numberOfContracts"] == 470
        days = sorted({day for day, _ in document.rows if day is not None})
        tables = [
            translate.translate_chain(
                [of_date(document, day)], key=ChainKey("AAPL", day), received_ns=NOW_NS
            )
            for day in days
        ]
        for table in tables:
            check_chain(table)
            assert not table.rejected
            assert table.quality is Quality.REALTIME
        assert sum(len(table) for table in tables) == 470
        bids = [bid for table in tables for bid in table.columns["bid"]]
        assert sum(bid == 0.0 for bid in bids) == 104, "nobody buying is no missing quote"
        assert len(translate.translate_listing([document], "AAPL")) == 470

    def test_percent_becomes_a_fraction_however_large(self) -> None:
        document = of_date(wire.read_chain(load("chain_AAPL_2025-01-16")), JANUARY.expiration)
        table = translate.translate_chain([document], key=JANUARY, received_ns=NOW_NS)
        keys = [contract.key for contract in table.contracts]
        row = keys.index("AAPL250117P00005000")
        assert table.columns["vendor_iv"][row] == pytest.approx(21.51944)
        assert table.row_ts_event is not None
        assert table.row_ts_event[row] == 1737061199927 * 1_000_000
        assert isnan(table.columns["previous_close"][row]), "no trade has a price of zero"
        assert table.spot is not None
        assert table.spot.last == 228.375

    def test_a_vega_is_per_point(self) -> None:
        quote = load("quote_option_META")["META  250131P00525000"]["quote"]
        # Six days, 647 dollars, 74 %: Black-Scholes has 0.04 per point, 4 per 1.00.
        assert quote["vega"] == pytest.approx(0.04, abs=0.005)

    def test_a_chain_of_impossible_symbols_is_refused(self) -> None:
        document = wire.read_chain(load("chain_ACME_calls"))
        key = ChainKey("ACME", date(2025, 1, 17))
        table = translate.translate_chain([document], key=key, received_ns=NOW_NS)
        assert len(table) == 0
        assert {row.code for row in table.rejected} <= {"malformed_symbol", "other_expiration"}
        assert len(table.rejected) == len(document.rows)
        with pytest.raises(Unreadable):
            refuse_drift("Schwab", table, len(document.rows))

    def test_the_list_of_expirations_is_read_whole(self) -> None:
        answer = load("expirationchain")
        dates = wire.read_expirations(answer)
        assert len(dates) == len(answer["expirationList"])
        assert dates == sorted(dates)


class TestChains:
    def test_two_roots_of_a_strike_are_two_contracts(self) -> None:
        rows = [contract_row(f"{root:<6}251219C06700000") for root in ("SPX", "SPXW")]
        table = chain(*rows, key=ChainKey("SPX", KEY.expiration))
        assert {contract.root for contract in table.contracts} == {"SPX", "SPXW"}

    def test_an_adjusted_root_stands_beside_the_ordinary_one(self) -> None:
        adjusted = contract_row("SPY1  251219C00650000", nonStandard=True)
        table = chain(contract_row(CALL), adjusted)
        assert {contract.root for contract in table.contracts} == {"SPY", "SPY1"}

    def test_an_adjusted_contract_that_does_not_look_it_is_listed_as_rejected(self) -> None:
        table = chain(contract_row(CALL), contract_row("SPY   251219C00655000", nonStandard=True))
        assert len(table) == 1
        assert [row.code for row in table.rejected] == ["nonstandard_deliverable"]

    @pytest.mark.parametrize("value", [-999.0, -999, "NaN", 0, -1.5])
    def test_a_volatility_that_is_none_is_missing(self, value: object) -> None:
        table = chain(contract_row(CALL, volatility=value))
        assert isnan(table.columns["vendor_iv"][0])
        assert table.columns["vendor_delta"][0] == 0.41

    @pytest.mark.parametrize("value", [-999.0, -999, "NaN"])
    def test_a_greek_that_is_none_is_missing(self, value: object) -> None:
        table = chain(contract_row(CALL, delta=value, theoreticalOptionValue=value, rho=value))
        assert len(table) == 1
        for name in ("vendor_delta", "vendor_price", "vendor_rho"):
            assert isnan(table.columns[name][0])

    def test_whole_numbers_are_numbers(self) -> None:
        table = chain(contract_row(CALL, bid=1, ask=2, volatility=19))
        assert (table.columns["bid"][0], table.columns["vendor_iv"][0]) == (1.0, 0.19)

    def test_the_delay_is_said_by_the_answer(self) -> None:
        assert chain(contract_row(CALL), isDelayed=True).quality is Quality.DELAYED
        assert chain(contract_row(CALL), isDelayed=False).quality is Quality.REALTIME

    def test_a_row_under_another_date_is_rejected(self) -> None:
        document = chain_document([contract_row(CALL)])
        document["callExpDateMap"]["2025-12-20:30"] = {"650.0": [contract_row(usual_symbols()[0])]}
        read = wire.read_chain(document)
        table = translate.translate_chain([read], key=KEY, received_ns=NOW_NS)
        assert [row.code for row in table.rejected] == ["other_expiration"]

    def test_without_the_underlying_its_price_is_the_spot(self) -> None:
        table = chain(contract_row(CALL), underlying=None)
        assert table.spot is not None
        assert (table.spot.last, isnan(table.spot.bid)) == (650.5, True)
        assert chain(contract_row(CALL), underlying=None, underlyingPrice="NaN").spot is None

    def test_the_listing_leaves_out_what_a_chain_rejects(self) -> None:
        rows = [
            contract_row(CALL),
            contract_row("SPY   251219C00655000", nonStandard=True),
            contract_row("QQQ   251219C00655000"),
        ]
        document = chain_document(rows)
        document["callExpDateMap"]["2025-12-19:29"]["660.0"] = ["no contract"]
        listed = translate.translate_listing([wire.read_chain(document)], "SPY")
        assert [contract.key for contract in listed] == ["SPY251219C00650000"]

    def test_a_failed_chain_is_empty(self) -> None:
        document = wire.read_chain({"status": "FAILED"})
        assert document.failed
        assert document.rows == []

    @pytest.mark.parametrize(
        "answer",
        [
            None,
            [],
            {},
            {"status": "SUCCESS"},
            {"status": "SUCCESS", "callExpDateMap": []},
            {"status": 7, "callExpDateMap": {}, "putExpDateMap": {}},
        ],
    )
    def test_a_chain_that_is_none_is_refused(self, answer: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_chain(answer)


class TestSymbols:
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("SPX", "$SPX"),
            ("BRK.B", "BRK/B"),
            ("SPY", "SPY"),
            ("AAPL250117P00005000", "AAPL  250117P00005000"),
            ("SPXW250520C05660000", "SPXW  250520C05660000"),
        ],
    )
    def test_they_go_there_and_back(self, ours: str, theirs: str) -> None:
        assert vendor_name(ours) == theirs
        assert optix_symbol(theirs) == ours

    @pytest.mark.parametrize("name", [None, 7, "", "$", "SPY   251219X00650000", "☃"])
    def test_what_is_no_symbol_is_none(self, name: object) -> None:
        assert optix_symbol(name) is None


class TestQuotesAndBars:
    def test_a_quote_says_by_itself_that_it_is_late(self) -> None:
        quote = translate.translate_quote(
            quote_row(realtime=False), symbol="SPY", received_ns=NOW_NS
        )
        assert quote.quality is Quality.DELAYED
        assert quote.previous_close == 646.2
        assert quote.ts_event == QUOTED_MS * 1_000_000

    def test_an_index_is_not_quoted(self) -> None:
        row = quote_row("$SPX", bidPrice=0, askPrice=0, lastPrice=6712.5, quoteTime=0, tradeTime=0)
        quote = translate.translate_quote(row, symbol="SPX", received_ns=NOW_NS)
        assert quote.kind is SecurityKind.INDEX
        assert isnan(quote.bid)
        assert isnan(quote.volume)
        assert quote.ts_event == NOW_NS

    def test_a_quote_without_a_price_is_refused(self) -> None:
        row = {"quote": {"lastPrice": "NaN"}}
        with pytest.raises(Unreadable):
            translate.translate_quote(row, symbol="SPY", received_ns=NOW_NS)

    def test_a_day_begins_at_midnight_in_new_york(self) -> None:
        rows: list[object] = [
            {"datetime": 1737093600000, "open": 1, "high": 2, "low": 1, "close": 2, "volume": 5},
            {"datetime": "no", "open": 1, "high": 2, "low": 1, "close": 2},
            {"datetime": 1737093600000, "open": -999, "high": 2, "low": 1, "close": 2},
            None,
        ]
        bars, odd = translate.translate_candles(rows, BarInterval.DAY_1)
        assert [bar.ts_event for bar in bars] == [1737090000 * 10**9]
        assert odd == 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


class TestHostileInput:
    @settings(max_examples=150, deadline=None)
    @given(
        changes=st.dictionaries(
            st.sampled_from(
                ["symbol", "bid", "volatility", "delta", "quoteTimeInLong", "nonStandard"]
            ),
            JSON,
        )
    )
    def test_no_contract_breaks_a_chain(self, changes: dict[str, Any]) -> None:
        document = chain_document([contract_row(CALL)])
        odd = contract_row("SPY   251219C00655000") | changes
        document["callExpDateMap"]["2025-12-19:29"]["655.0"] = [odd]
        read = wire.read_chain(document)
        table = translate.translate_chain([read], key=KEY, received_ns=NOW_NS)
        assert len(table) + len(table.rejected) == 2

    @settings(max_examples=100, deadline=None)
    @given(maps=JSON, header=st.dictionaries(st.sampled_from(["underlying", "isDelayed"]), JSON))
    def test_no_document_breaks_the_reader(self, maps: object, header: dict[str, Any]) -> None:
        answer = {"status": "SUCCESS", "callExpDateMap": maps, "putExpDateMap": {}} | header
        with suppress(Unreadable):
            document = wire.read_chain(answer)
            table = translate.translate_chain([document], key=KEY, received_ns=NOW_NS)
            assert len(table) == 0

    @pytest.mark.parametrize("answer", [None, [], {"expirationList": [{}]}, {"expirationList": 7}])
    def test_a_list_of_dates_that_is_none_is_refused(self, answer: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_expirations(answer)

    @pytest.mark.parametrize("answer", [None, [], {"candles": {}}])
    def test_quotes_and_candles_that_are_none_are_refused(self, answer: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_candles(answer)
        if not isinstance(answer, dict):
            with pytest.raises(Unreadable):
                wire.read_quotes(answer)

    def test_a_frame_whose_parts_are_none_is_refused(self) -> None:
        with pytest.raises(MalformedFrame):
            wire.entries({"data": [7]}, "data")
        assert isnan(wire.number(10**400))

    @pytest.mark.parametrize("frame", ["", "{", "[]", "{}", '{"news":[]}', b"\xff", "null"])
    def test_a_frame_that_is_none_is_refused(self, frame: str | bytes) -> None:
        with pytest.raises(MalformedFrame):
            wire.read_frame(frame)
