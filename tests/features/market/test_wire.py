"""Rows of the bus are proven by going there and back."""

from datetime import date
from math import isnan, nan
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.bus import read_message

from optix.features.market import wire
from optix.features.market.quote_batches import QuoteBatches
from optix.kernel.clock import ScaledClock, SystemClock
from optix.kernel.quote import Quality, Quote, QuoteFlag, SecurityKind
from optix.ports.market_data import ChainKey

numbers = st.floats(allow_nan=True, allow_infinity=False)
quotes = st.builds(
    Quote,
    symbol=st.sampled_from(["SPY", "BRK.B", "SPX"]),
    kind=st.sampled_from(SecurityKind),
    bid=numbers,
    ask=numbers,
    bid_size=numbers,
    ask_size=numbers,
    last=numbers,
    open=numbers,
    high=numbers,
    low=numbers,
    previous_close=numbers,
    volume=numbers,
    source=st.just("test"),
    quality=st.sampled_from(Quality),
    ts_event=st.integers(0, 2**41).map(lambda ms: ms * 1_000_000),
    ts_received=st.integers(0, 2**41).map(lambda ms: ms * 1_000_000),
    flags=st.sampled_from([QuoteFlag.NONE, QuoteFlag.CROSSED, QuoteFlag.LOCKED | QuoteFlag.WIDE]),
)


def travelled(quote: Quote) -> list[Any]:
    """Return the row of a quote after its way over the bus."""
    message, _ = QuoteBatches("e").message(1, [quote], {})
    row: list[Any] = read_message(message)["q"][0]
    return row


class TestQuoteRows:
    @given(quotes)
    def test_a_quote_survives_the_bus(self, quote: Quote) -> None:
        row = travelled(quote)
        assert repr(wire.load_quote(row)) == repr(quote)  # repr, because NaN is not itself

    def test_a_missing_number_is_null_on_the_wire_and_never_zero(self) -> None:
        quote = Quote(
            symbol="SPX",
            source="test",
            quality=Quality.DELAYED,
            ts_event=0,
            ts_received=0,
            bid=nan,
        )
        row = travelled(quote)
        assert row[wire.QUOTE_COLUMNS.index("bid")] is None
        assert isnan(wire.load_quote(row).bid)


class TestTopics:
    @given(st.sampled_from(["SPY", "BRK.B", "^X"]), st.dates())
    def test_a_topic_reads_back(self, symbol: str, day: date) -> None:
        key = ChainKey(symbol, day)
        assert wire.parse_topic(wire.chain_topic(key)) == key
        assert wire.parse_topic(wire.quote_topic(symbol)) == symbol

    @pytest.mark.parametrize(
        "topic", ["", "q:", "c:SPY", "c:SPY:tomorrow", "x:SPY", "c::2026-01-01"]
    )
    def test_an_unreadable_topic_means_nothing(self, topic: str) -> None:
        assert wire.parse_topic(topic) is None


class TestFeedStatus:
    def status(self, *, sent: int, speed: float) -> wire.FeedStatusMessage:
        return wire.FeedStatusMessage(
            epoch="e",
            state="live",
            source="replay",
            label="Replay",
            quality="replay",
            delay_seconds=0,
            notice="",
            reason="",
            since=0,
            market=1_000,
            market_speed=speed,
            sent=sent,
        )

    def test_a_status_survives_the_bus(self) -> None:
        status = self.status(sent=5, speed=2.0)
        assert wire.load_status(orjson.loads(status.dump())) == status

    def test_the_market_clock_is_carried_forward_at_its_speed(self) -> None:
        clock = ScaledClock(SystemClock(), origin_ns=3_000_000_000, speed=0)
        status = self.status(sent=1_000_000_000, speed=10.0)
        assert status.market_now_ns(clock) == 1_000 + 20_000_000_000

    def test_the_market_clock_of_a_dead_feed_stands_still(self) -> None:
        clock = ScaledClock(SystemClock(), origin_ns=900_000_000_000, speed=0)
        status = self.status(sent=0, speed=1.0)
        assert status.market_now_ns(clock) == 1_000 + 5_000_000_000
