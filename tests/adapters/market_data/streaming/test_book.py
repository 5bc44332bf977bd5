"""What a stream said and nobody took yet, kept small."""

from __future__ import annotations

from dataclasses import replace
from math import nan

from optix.adapters.market_data.streaming.book import Change, StreamBook
from optix.adapters.market_data.streaming.protocol import Tick
from optix.kernel import limits
from optix.kernel.quote import Quality, TradingState, TradingStatus
from optix.kernel.trade import Trade, TradeAction

NOW = 1_795_000_000_000_000_000
TRADE = Trade(
    symbol="A",
    price=1.0,
    size=2.0,
    source="t",
    quality=Quality.REALTIME,
    ts_event=NOW + 1,
    ts_received=NOW,
)


def book(**more: int) -> StreamBook:
    return StreamBook(lambda: None, **more)


def tick(at: int, bid: float = 1.0, **more: float) -> Tick:
    return Tick("A", at, {"bid": bid, **more})


def test_the_newest_of_a_symbol_wins_and_fields_add_up() -> None:
    held = book()
    held.take_tick(tick(1, 1.0, ask=2.0), NOW)
    held.take_tick(tick(2, 1.1), NOW)
    held.take_tick(Tick("A", 1, {"last": 1.5}, "trade"), NOW)
    assert held.pop_changes() == [
        Change("A", 2, {"bid": 1.1, "ask": 2.0}),
        Change("A", 1, {"last": 1.5}),
    ]
    assert held.pop_changes() == []
    assert held.counts["conflated"] == 1


def test_what_is_older_or_known_changes_nothing_also_after_it_was_taken() -> None:
    held = book()
    assert held.take_tick(tick(5), NOW)
    held.pop_changes()
    assert not held.take_tick(tick(4, 9.0), NOW)
    assert not held.take_tick(tick(5), NOW)
    assert held.take_tick(tick(5, 2.0), NOW), "two quotes of one instant: the later one counts"
    assert held.counts == {"out_of_order": 1, "duplicate": 1}


def test_a_tick_without_a_time_is_of_now_and_orders_nothing() -> None:
    held = book()
    held.take_tick(tick(0), NOW)
    assert held.pop_changes()[0].ts_event == NOW
    assert not held.take_tick(tick(0), NOW + 5), "the same again is no news"
    assert held.take_tick(tick(NOW - 5, 3.0), NOW + 6)


def test_a_time_in_the_future_is_the_time_of_arrival() -> None:
    held = book()
    held.take_tick(tick(NOW + 10**10), NOW)
    held.take_tick(tick(NOW + 10**8, 2.0), NOW + 1)
    assert held.pop_changes()[0].ts_event == NOW + 1
    assert held.counts["from_future"] == 1, "a tenth of a second is a clock, ten are a fault"


def test_prints_are_kept_one_by_one_and_the_oldest_go_when_there_is_no_room() -> None:
    held = book(trades_max=3)
    for size in range(5):
        held.take_trade(replace(TRADE, size=float(size), ts_event=NOW + 7 + size))
    assert [trade.size for trade in held.pop_trades()] == [2.0, 3.0, 4.0]
    (lost,) = held.pop_lost()
    assert lost.size == 0.0, "the first one says since when"
    assert held.pop_lost() == []
    assert held.counts["trades_lost"] == 2
    assert limits.STREAM_TRADES_MAX > 3


def test_the_products_ring_of_prints_ends_at_its_bound() -> None:
    held = book()
    for number in range(limits.STREAM_TRADES_MAX + 1):
        held.take_trade(replace(TRADE, sequence=number + 1))
    assert len(held.pop_trades()) == limits.STREAM_TRADES_MAX
    assert len(held.pop_lost()) == 1


def test_a_print_is_known_again_by_its_sequence_or_its_nanosecond() -> None:
    held = book()
    for trade, taken in (
        (replace(TRADE, sequence=7), True),
        (replace(TRADE, sequence=7, price=9.0), False),
        (replace(TRADE, sequence=7, action=TradeAction.CANCEL), True),
        (TRADE, True),
        (TRADE, False),
        (replace(TRADE, exchange="C"), True),
    ):
        assert held.take_trade(trade) is taken


def test_equal_prints_of_one_millisecond_are_two() -> None:
    held = book()
    same = replace(TRADE, ts_event=NOW)
    assert held.take_trade(same)
    assert held.take_trade(same)


def test_the_memory_of_prints_ends_at_its_bound() -> None:
    held = book(trades_max=1)
    for number in range(limits.STREAM_TRADE_KEYS_MAX + 1):
        held.take_trade(replace(TRADE, sequence=number + 1))
    assert held.take_trade(replace(TRADE, sequence=1)), "so long ago is forgotten"
    assert not held.take_trade(replace(TRADE, sequence=3))


def test_statuses_are_the_last_ones() -> None:
    held = book()
    for state in (TradingState.HALTED, TradingState.OPEN):
        held.take_status(
            TradingStatus(symbol="A", state=state, source="t", ts_event=1, ts_received=1)
        )
    assert [status.state for status in held.pop_statuses()] == [TradingState.OPEN]
    assert held.pop_statuses() == []


def test_what_nobody_follows_is_forgotten() -> None:
    held = book()
    held.take_tick(tick(5), NOW)
    held.keep_only(frozenset(("B",)))
    assert held.pop_changes() == []
    assert held.take_tick(tick(4, nan), NOW), "a symbol that comes back begins anew"
