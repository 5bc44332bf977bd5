"""What tastytrade and dxFeed document becomes ours: one case for each quirk of their pages.

There is no recording of this vendor: every payload here is written in the documented format.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from math import isnan
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contracts.market_data import check_chain
from tests.fakes.tastytrade_server import market_item, nested_item

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import MalformedFrame, Tick
from optix.adapters.market_data.tastytrade import translate, wire
from optix.adapters.market_data.tastytrade.events import FIELDS, translate_event
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols, vendor_symbol
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import parse_option
from optix.kernel.quote import Quality, TradingState, TradingStatus
from optix.kernel.trade import Trade, TradeAction
from optix.ports.market_data import ChainKey

NOW_NS = 1_763_650_860_000_000_000  # 2025-11-20 15:01 UTC
NOW_MS = NOW_NS // 1_000_000
KEY = ChainKey("SPY", date(2025, 12, 19))
CALL, NAME = "SPY251219C00650000", ".SPY251219C650"
OSI = "SPY   251219C00650000"


def event(kind: str, quality: Quality = Quality.REALTIME, **fields: Any) -> Any:
    return translate_event(
        kind,
        {"eventSymbol": NAME} | fields,
        StreamerSymbols(),
        received_ns=NOW_NS,
        quality=quality,
    )


def chain(*items: object, nested: list[Any] | None = None) -> ChainTable:
    listing = translate.translate_listing([nested_item()] if nested is None else nested, "SPY")
    return translate.translate_chain(
        listing, items, key=KEY, spot=None, received_ns=NOW_NS, quality=Quality.REALTIME
    )


ORDER = {"Quote": ("eventSymbol", "bidPrice", "askPrice"), "Trade": ("eventSymbol", "price")}
NEW_PRINT: dict[str, Any] = {
    "index": 7_426_000_000_000_000_001,
    "time": NOW_MS - 1,
    "timeNanoPart": 123_456,
    "exchangeCode": "C",
    "price": 1.06,
    "size": 5,
    "bidPrice": 1.05,
    "askPrice": 1.07,
    "exchangeSaleConditions": "  f ",
    "validTick": True,
    "type": "NEW",
}


class TestSymbols:
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [
            ("SPY230731C00393000", ".SPY230731C393"),
            ("BAC260821P00037500", ".BAC260821P37.5"),
            ("AAPL1251219C00005000", ".AAPL1251219C5"),
            ("SPY7251219C00450000", ".SPY7251219C450"),
            ("SPY", "SPY"),
            ("SPX", "SPX"),
            ("BRK.B", "BRK/B"),
        ],
    )
    def test_they_go_there_and_back_by_the_rule(self, ours: str, theirs: str) -> None:
        symbols = StreamerSymbols()
        assert symbols.theirs(ours) == theirs
        assert symbols.ours(theirs) == ours

    def test_the_chains_own_name_counts_more_than_the_rule(self) -> None:
        symbols = StreamerSymbols()
        contract = parse_option("AAPL1251219C00005000")
        symbols.learn(contract, ".AAPL1_ADJ251219C5")
        assert symbols.theirs(contract.key) == ".AAPL1_ADJ251219C5"
        assert symbols.ours(".AAPL1_ADJ251219C5") == contract.key
        symbols.learn(contract, ".AAPL1251219C5")
        assert symbols.ours(".AAPL1_ADJ251219C5") is None, "an old name is forgotten"

    def test_memory_is_bounded_and_the_oldest_goes(self) -> None:
        symbols = StreamerSymbols(count_max=2)
        contracts = [parse_option(f"SPY251219C0065{n}000") for n in range(3)]
        for number, contract in enumerate(contracts):
            symbols.learn(contract, f".x{number}")
        assert symbols.ours(".x0") is None
        assert [symbols.ours(f".x{n}") for n in (1, 2)] == [c.key for c in contracts[1:]]

    @pytest.mark.parametrize("name", ["", ".", ".SPY", "=SPY", ".SPY251219C0", "/ESU6:XCME", "☃"])
    def test_what_is_no_symbol_is_none(self, name: str) -> None:
        assert StreamerSymbols().ours(name) is None

    def test_a_security_keeps_its_class(self) -> None:
        assert vendor_symbol("BF.B") == "BF/B"


class TestCompactEvents:
    def test_three_events_lie_end_to_end(self) -> None:
        data = ["Quote", ["A", 1, 2, "B", 3, 4, "C", 5, 6]]
        found = list(wire.iter_events(data, ORDER))
        assert [fields["eventSymbol"] for _, fields in found] == ["A", "B", "C"]
        assert found[2][1]["askPrice"] == 6

    def test_two_types_share_one_frame(self) -> None:
        data = ["Quote", ["A", 1, 2], "Trade", ["A", 7]]
        assert [kind for kind, _ in wire.iter_events(data, ORDER)] == ["Quote", "Trade"]

    def test_full_events_are_objects(self) -> None:
        data = [{"eventType": "Quote", "eventSymbol": "A", "bidPrice": 1}]
        assert next(wire.iter_events(data, {}))[1]["bidPrice"] == 1

    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            ["Quote"],
            ["Quote", ["A", 1]],
            ["Quote", "A"],
            ["Greeks", ["A", 1]],
            [7, ["A"]],
            [{"eventType": "Quote"}, 7],
            [{"no": "type"}],
        ],
    )
    def test_what_does_not_fit_is_refused(self, data: object) -> None:
        with pytest.raises(MalformedFrame):
            list(wire.iter_events(data, ORDER))

    @pytest.mark.parametrize("fields", [[], {"Quote": []}, {"Quote": [1]}, {"Quote": "x"}])
    def test_an_order_that_is_none_is_refused(self, fields: object) -> None:
        with pytest.raises(MalformedFrame):
            wire.read_fields({"eventFields": fields})

    @pytest.mark.parametrize(
        "value", ["NaN", "Infinity", "-Infinity", "x", None, True, [], 10**400]
    )
    def test_a_number_that_is_none_is_missing(self, value: object) -> None:
        assert isnan(wire.number(value))

    def test_every_asked_type_names_its_symbol(self) -> None:
        assert all("eventSymbol" in names for names in FIELDS.values())


class TestQuotes:
    def test_the_later_side_is_the_time(self) -> None:
        tick = event("Quote", bidPrice=1.05, askPrice=1.07, bidTime=NOW_MS - 9, askTime=NOW_MS - 4)
        assert tick == Tick(CALL, (NOW_MS - 4) * 1_000_000, tick.fields)
        assert (tick.fields["bid"], tick.fields["ask"]) == (1.05, 1.07)

    def test_sizes_of_spx_are_missing(self) -> None:
        tick = event("Quote", bidPrice=1.0, askPrice=2.0, bidSize="NaN", askSize="NaN")
        assert isnan(tick.fields["bid_size"])

    def test_without_a_time_it_is_as_old_as_it_came(self) -> None:
        assert event("Quote", bidTime=0, askTime=0).ts_event == NOW_NS
        late = event("Quote", Quality.DELAYED, bidTime=0, askTime=0)
        assert late.ts_event == NOW_NS - 900 * 10**9

    def test_nobody_buying_is_zero_and_unknown_is_missing(self) -> None:
        tick = event("Quote", bidPrice=0.0, askPrice="NaN")
        assert tick.fields["bid"] == 0.0
        assert isnan(tick.fields["ask"])


class TestOtherEvents:
    def test_greeks_are_fractions_and_their_price_is_theoretical(self) -> None:
        tick = event(
            "Greeks", time=NOW_MS, price=1.04, volatility=0.1857, delta=0.41, vega=0.64, rho="NaN"
        )
        assert tick.kind == "greeks"
        assert tick.fields["vendor_iv"] == 0.1857
        assert tick.fields["vendor_price"] == 1.04
        assert isnan(tick.fields["vendor_rho"])

    @pytest.mark.parametrize("volatility", [0, 1e-5, "NaN", -1, 1e9])
    def test_a_volatility_that_is_none_is_missing(self, volatility: object) -> None:
        tick = event("Greeks", time=NOW_MS, volatility=volatility, delta=7)
        assert isnan(tick.fields["vendor_iv"])
        assert isnan(tick.fields["vendor_delta"])

    def test_a_security_has_no_greeks(self) -> None:
        assert event("Greeks", eventSymbol="SPY", delta=1.0) is None

    def test_open_interest_is_only_in_the_summary(self) -> None:
        tick = event("Summary", openInterest=8133, prevDayClosePrice=1.1, dayOpenPrice=1.0)
        assert tick.fields == {"open_interest": 8133, "previous_close": 1.1}

    def test_a_security_has_the_prices_of_its_day(self) -> None:
        tick = event("Summary", eventSymbol="SPY", dayOpenPrice=648, dayHighPrice="NaN")
        assert tick.fields == {"open": 648}

    def test_an_empty_summary_takes_nothing_away(self) -> None:
        assert event("Summary", openInterest="NaN", prevDayClosePrice="NaN") is None

    def test_the_last_price_has_the_volume_of_the_day(self) -> None:
        tick = event("Trade", price=1.06, dayVolume=812, time=NOW_MS)
        assert tick.fields == {"last": 1.06, "volume": 812}

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("ACTIVE", TradingState.OPEN),
            ("HALTED", TradingState.HALTED),
            ("UNDEFINED", TradingState.UNKNOWN),
        ],
    )
    def test_a_profile_tells_halts(self, word: str, state: TradingState) -> None:
        start = NOW_MS - 60_000
        status = event(
            "Profile",
            eventSymbol="SPY",
            tradingStatus=word,
            statusReason="LUDP",
            haltStartTime=start,
        )
        assert isinstance(status, TradingStatus)
        assert (status.symbol, status.state, status.reason) == ("SPY", state, "LUDP")
        halted = state is TradingState.HALTED
        assert status.ts_event == (start * 1_000_000 if halted else NOW_NS)

    def test_an_unknown_state_is_told_once(self) -> None:
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                status = event("Profile", eventSymbol="SPY", tradingStatus="NAPPING")
        assert status.state is TradingState.UNKNOWN
        assert len(logs) == 1

    def test_types_that_nobody_asked_for_say_nothing(self) -> None:
        assert event("Underlying", volatility=0.2) is None


class TestPrints:
    def test_a_print_has_the_market_at_its_time(self) -> None:
        trade = event("TimeAndSale", **NEW_PRINT)
        assert isinstance(trade, Trade)
        assert (trade.bid, trade.ask, trade.exchange, trade.conditions) == (1.05, 1.07, "C", "f")
        assert trade.ts_event == (NOW_MS - 1) * 1_000_000 + 123_456
        assert trade.sequence == 7_426_000_000_000_000_001, "an index is beyond a float"
        assert trade.refers_to == 0

    @pytest.mark.parametrize(
        ("word", "action"),
        [("CORRECTION", TradeAction.CORRECTION), ("CANCEL", TradeAction.CANCEL)],
    )
    def test_a_change_names_the_print_it_changes(self, word: str, action: TradeAction) -> None:
        trade = event("TimeAndSale", **NEW_PRINT | {"type": word, "validTick": False})
        assert (trade.action, trade.refers_to) == (action, NEW_PRINT["index"])

    def test_what_is_no_price_of_the_market_is_left_out(self) -> None:
        assert event("TimeAndSale", **NEW_PRINT | {"validTick": False}) is None

    def test_no_exchange_is_the_character_zero(self) -> None:
        assert event("TimeAndSale", **NEW_PRINT | {"exchangeCode": "\x00"}).exchange == ""

    def test_a_stocks_conditions_are_not_opras(self) -> None:
        trade = event("TimeAndSale", **NEW_PRINT | {"eventSymbol": "SPY"})
        assert trade.conditions == ""

    @pytest.mark.parametrize(
        "change", [{"price": "NaN"}, {"size": 0}, {"time": 0}, {"type": "LATER"}, {"type": None}]
    )
    def test_a_print_that_cannot_be_one_is_refused(self, change: dict[str, Any]) -> None:
        with pytest.raises(MalformedFrame):
            event("TimeAndSale", **NEW_PRINT | change)


class TestChains:
    def test_decimals_are_texts(self) -> None:
        table = chain(market_item(OSI, bid="1.05"))
        check_chain(table)
        row = [contract.key for contract in table.contracts].index(CALL)
        assert table.columns["bid"][row] == 1.05
        assert table.columns["open_interest"][row] == 8133

    def test_a_listed_contract_without_a_quote_is_served_without_one(self) -> None:
        table = chain(market_item(OSI))
        assert len(table) == 6
        assert sum(isnan(bid) for bid in table.columns["bid"]) == 5

    def test_the_time_of_a_row_is_its_own(self) -> None:
        table = chain(
            market_item(OSI), market_item("SPY   251219P00650000", **{"updated-at": "never"})
        )
        assert table.row_ts_event is not None
        assert table.ts_event == 1_763_650_800_123_456_000

    def test_nan_is_missing_and_a_word_is_refused(self) -> None:
        table = chain(market_item(OSI, bid="NaN"), market_item("SPY   251219P00650000", ask="dear"))
        assert [row.code for row in table.rejected] == ["not_a_number"]
        assert len(table) == 5

    def test_roots_of_one_underlying_are_items_of_their_own(self) -> None:
        items = [nested_item(root, dates=("2025-12-19",)) for root in ("SPX", "SPXW")]
        listing = translate.translate_listing(items, "SPX")
        roots = {listed.contract.root for listed in listing.contracts}
        assert roots == {"SPX", "SPXW"}
        assert len(listing.of(date(2025, 12, 19))) == 12

    def test_an_adjusted_root_is_listed_and_a_hidden_one_rejected(self) -> None:
        adjusted = nested_item("SPY1") | {"shares-per-contract": 33}
        hidden = nested_item(strikes=(700_000,)) | {"shares-per-contract": 33}
        table = chain(nested=[nested_item(), adjusted, hidden])
        assert {contract.root for contract in table.contracts} == {"SPY", "SPY1"}
        assert {row.code for row in table.rejected} == {"nonstandard_deliverable"}
        assert len(table.rejected) == 2

    @pytest.mark.parametrize(
        ("item", "code"),
        [
            (nested_item("QQQ"), "other_underlying"),
            (nested_item(), "duplicate_contract"),
            ({"expirations": [{"strikes": [{"call": "nonsense"}]}]}, "malformed_symbol"),
            ({"expirations": [{"strikes": [{"put": 17}]}]}, "malformed_symbol"),
        ],
    )
    def test_what_cannot_be_listed_says_why(self, item: dict[str, Any], code: str) -> None:
        table = chain(nested=[nested_item(), item])
        assert len(table) == 6
        assert {row.code for row in table.rejected} == {code}

    def test_an_index_without_a_price_has_no_quote(self) -> None:
        item = market_item("SPX", bid="0", ask="0", last="6712.5", volume="0")
        quote = translate.translate_quote(
            item, symbol="SPX", received_ns=NOW_NS, quality=Quality.REALTIME
        )
        assert isnan(quote.bid)
        assert isnan(quote.volume)
        with pytest.raises(Unreadable):
            translate.translate_quote(
                {"symbol": "SPX"}, symbol="SPX", received_ns=NOW_NS, quality=Quality.REALTIME
            )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


class TestHostileInput:
    @settings(max_examples=100, deadline=None)
    @given(items=st.lists(JSON | st.fixed_dictionaries({"expirations": JSON})))
    def test_no_listing_breaks(self, items: list[object]) -> None:
        listing = translate.translate_listing(items, "SPY")
        assert listing.contracts == ()

    @settings(max_examples=100, deadline=None)
    @given(
        changes=st.dictionaries(st.sampled_from(["bid", "volume", "updated-at", "symbol"]), JSON)
    )
    def test_no_quote_breaks_a_chain(self, changes: dict[str, Any]) -> None:
        table = chain(market_item(OSI) | changes, market_item("SPY   251219P00650000"))
        assert len(table) >= 5

    @settings(max_examples=200, deadline=None)
    @given(kind=st.sampled_from(sorted(FIELDS)), data=st.data())
    def test_no_event_breaks_the_stream(self, kind: str, data: st.DataObject) -> None:
        values: Any = {name: data.draw(JSON) for name in FIELDS[kind][2:]}
        with suppress(MalformedFrame):
            event(kind, **values)

    @pytest.mark.parametrize("frame", ["", "{", "[]", "{}", '{"type":7}', b"\xff", "null"])
    def test_a_frame_that_is_none_is_refused(self, frame: str | bytes) -> None:
        with pytest.raises(MalformedFrame):
            wire.read_message(frame)

    @pytest.mark.parametrize("answer", [None, [], {"data": []}, {"data": {"items": {}}}])
    def test_an_answer_that_is_none_is_refused(self, answer: object) -> None:
        with pytest.raises(Unreadable):
            wire.read_items(answer)
