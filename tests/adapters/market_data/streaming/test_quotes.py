"""Quotes of securities: answers and ticks, newest first."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

from tests.fakes.plain_stream import CAPABILITIES
from tests.fixtures.chains import NOW_NS, spot_of

from optix.adapters.market_data.streaming.book import Change
from optix.adapters.market_data.streaming.quotes import QuoteStore
from optix.kernel.quote import SecurityKind


def store() -> QuoteStore:
    return QuoteStore(CAPABILITIES)


def test_a_tick_changes_what_it_names() -> None:
    quotes = store()
    quotes.take(spot_of(price=600.0))
    quotes.take_change(Change("SPY", NOW_NS + 5, {"bid": 601.0, "vendor_iv": 1.0}), NOW_NS + 9)
    (quote,) = quotes.pop({"SPY"})
    assert (quote.bid, quote.ask) == (601.0, 600.01)
    assert (quote.ts_event, quote.ts_received) == (NOW_NS + 5, NOW_NS + 9)
    assert quotes.pop({"SPY"}) == []


def test_a_tick_before_any_answer_makes_a_quote() -> None:
    quotes = store()
    quotes.take_change(Change("SPX", NOW_NS, {"last": 6000.0}), NOW_NS)
    quote = quotes.get("SPX")
    assert quote is not None
    assert (quote.kind, quote.source) == (SecurityKind.INDEX, "plain")
    assert isnan(quote.bid)
    assert quotes.spot("SPX") == 6000.0


def test_an_older_answer_adds_the_day_and_leaves_the_moment() -> None:
    quotes = store()
    quotes.take_change(Change("SPY", NOW_NS + 50, {"bid": 601.0, "ask": 601.2}), NOW_NS + 60)
    quotes.take(replace(spot_of(price=590.0), previous_close=588.0, volume=5.0, high=nan))
    (quote,) = quotes.pop({"SPY"})
    assert (quote.bid, quote.previous_close, quote.volume) == (601.0, 588.0, 5.0)
    assert quote.ts_event == NOW_NS + 50
    quotes.take(spot_of(price=590.0, ts_event=NOW_NS + 70))
    assert quotes.pop({"SPY"})[0].bid == 589.99


def test_the_spot_is_the_mid_else_the_last_else_the_close() -> None:
    quotes = store()
    assert isnan(quotes.spot("SPY"))
    quotes.take(spot_of(price=600.0))
    assert quotes.spot("SPY") == 600.0
    quotes.take(replace(spot_of(), bid=nan, last=599.0))
    assert quotes.spot("SPY") == 599.0
    quotes.take(replace(spot_of(), bid=nan, last=nan, previous_close=598.0))
    assert quotes.spot("SPY") == 598.0


def test_only_what_is_asked_for_is_handed_out_and_the_rest_forgotten() -> None:
    quotes = store()
    quotes.take(spot_of("QQQ"))
    assert quotes.pop({"SPY"}) == []
    quotes.keep_only({"SPY"})
    assert quotes.get("QQQ") is None
