"""What the feed encodes and what readers make of it: every number comes back, once encoded."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from tests.fakes.bus import read_message
from tests.fixtures.chains import NOW_NS, spot_of

from optix.features.market import wire
from optix.features.market.quote_batches import QuoteBatches, gathering_seconds, load_kept
from optix.features.market.quote_slots import QuoteSlots
from optix.kernel import limits
from optix.kernel.quote import Quote, TradingState, TradingStatus
from optix.platform.fanout.rows import decode_quotes
from optix.processes.market import open_fan

HALTED = TradingStatus(
    symbol="SPY",
    state=TradingState.HALTED,
    reason='LUDP "5"',
    source="test",
    ts_event=NOW_NS,
    ts_received=NOW_NS,
)


def sent(batches: QuoteBatches, number: int, *quotes: Quote) -> tuple[dict[str, int], bytes]:
    message, _ = batches.message(number, quotes, {"SPY": HALTED})
    head, _, batch = message.partition(b"\n")
    named: dict[str, int] = read_message(head + b"\n")["n"]
    return named, batch


class TestMessages:
    def test_a_symbol_is_named_in_the_first_message_that_has_it(self) -> None:
        batches = QuoteBatches("e")
        assert sent(batches, 1, spot_of("SPY"), spot_of("QQQ"))[0] == {"SPY": 0, "QQQ": 1}
        assert sent(batches, 2, spot_of("QQQ"), spot_of("IWM"))[0] == {"IWM": 2}

    def test_one_that_was_only_kept_is_named_when_it_is_first_sent(self) -> None:
        batches = QuoteBatches("e")
        batches.encode([spot_of("SPY")], {})
        assert sent(batches, 1, spot_of("QQQ"))[0] == {"SPY": 0, "QQQ": 1}

    def test_a_message_without_quotes_has_its_number_all_the_same(self) -> None:
        message, rows = QuoteBatches("e").message(7, [], {})
        assert (read_message(message)["b"], rows) == (7, [])


class TestSlots:
    @pytest.fixture
    def slots(self) -> QuoteSlots:
        return QuoteSlots(open_fan())

    def test_a_reader_finds_everything_that_the_feed_knew(self, slots: QuoteSlots) -> None:
        quote = replace(
            spot_of("SPY"),
            bid_size=5.0,
            ask_size=7.0,
            volume=1e6,
            ts_received=NOW_NS + 3_000_000,
        )
        named, batch = sent(QuoteBatches("e"), 1, quote)
        slots.get_slot("SPY")
        slots.bind_held(named)
        slots.take(batch)
        found = slots["SPY"]
        assert repr(found.quote) == repr(quote)
        assert (found.trading_state, found.trading_reason) == (TradingState.HALTED, 'LUDP "5"')

    def test_clients_get_the_columns_of_the_protocol_and_no_more(self, slots: QuoteSlots) -> None:
        named, batch = sent(QuoteBatches("e"), 1, spot_of("SPY"))
        slots.get_slot("SPY")
        slots.bind_held(named)
        slots.take(batch)
        row = orjson.loads(slots["SPY"].fragment)
        assert (len(row), row[0], row[-1]) == (len(wire.QUOTE_COLUMNS), "SPY", "halted")

    def test_binary_rows_have_the_number_that_clients_were_told_whatever_the_feeds_is(
        self, slots: QuoteSlots
    ) -> None:
        """Another run of the feed numbers its symbols anew: clients never notice."""
        for symbol in ("AAA", "SPY"):
            slots.get_slot(symbol)
        told = slots.get_slot("SPY")
        for epoch, order in (("e", ("SPY", "AAA")), ("f", ("AAA", "SPY"))):
            slots.unbind()
            named, batch = sent(QuoteBatches(epoch), 1, *map(spot_of, order))
            slots.bind_held(named)
            slots.take(batch)
            binary = slots._fan.binary(told.slot)
            [row] = decode_quotes(binary, quality=wire.QUALITY_WORDS, trading=wire.TRADING_WORDS)
            assert row[0] == told.number
            assert slots["SPY"].quote.symbol == "SPY"

    def test_a_number_is_kept_for_a_symbol_that_comes_back(self, slots: QuoteSlots) -> None:
        first = slots.get_slot("SPY")
        slots.remove("SPY")
        other = slots.get_slot("QQQ")
        assert slots.get_slot("SPY").number == first.number != other.number

    def test_rows_of_what_was_let_go_go_nowhere(self, slots: QuoteSlots) -> None:
        named, batch = sent(QuoteBatches("e"), 1, spot_of("SPY"))
        slots.get_slot("SPY")
        slots.bind_held(named)
        slots.remove("SPY")
        slots.get_slot("QQQ")
        slots.take(batch)
        assert "QQQ" not in slots
        assert "SPY" not in slots

    def test_the_same_row_again_is_no_change(self, slots: QuoteSlots) -> None:
        kept = load_kept(keep(followed=True))
        slots.set("SPY", kept.json, kept.binary, kept.tail)
        before = slots["SPY"].sequence
        slots.set("SPY", kept.json, kept.binary, kept.tail)
        assert slots["SPY"].sequence == before


def keep(*, followed: bool) -> bytes:
    batches = QuoteBatches("e" * 20)
    [rows] = batches.encode([spot_of("SPY")], {})
    return batches.kept(rows, followed=followed)


class TestKept:
    @pytest.mark.parametrize("followed", [True, False])
    def test_what_is_kept_says_whose_it_is_and_whether_it_is_renewed(self, followed: bool) -> None:
        kept = load_kept(keep(followed=followed))
        assert (kept.epoch, kept.followed, kept.number) == ("e" * 20, followed, 0)
        assert kept.json.startswith(b'["SPY",')
        assert len(kept.binary) == 56

    def test_what_is_cut_off_or_somebody_elses_is_refused(self) -> None:
        whole = keep(followed=True)
        for data in (b"", b"[]", whole + b"x", b'["SPY",600.0]'):
            with pytest.raises(ValueError, match="kept"):
                load_kept(data)
        for end in range(len(whole)):
            with pytest.raises(ValueError, match="kept"):
                load_kept(whole[:end])


def test_the_busier_the_market_the_longer_changes_are_gathered() -> None:
    least, most = limits.QUOTE_PUBLISH_SECONDS_MIN, limits.QUOTE_PUBLISH_SECONDS_MAX
    assert gathering_seconds(0) == gathering_seconds(1) == least
    assert gathering_seconds(10**6) == most
    between = (least + most) / 2
    rows = int(between * limits.QUOTE_ROWS_PER_SECOND_MAX)
    assert gathering_seconds(rows) == pytest.approx(between)
