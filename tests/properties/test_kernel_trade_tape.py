"""Whatever order prints come in, and however often, a tape ends the same and takes no more than
was traded. The prints are drawn; cancels and corrections name any of them, or none.
"""

from __future__ import annotations

from math import isnan
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from optix.kernel.quote import Quality
from optix.kernel.trade import Trade, TradeAction
from optix.kernel.trade_tape import TradeTape, tape_of

sequences = st.integers(1, 12)
prices = st.sampled_from([0.01, 1.0, 1.05, 2.0])
letters = st.sampled_from(["", "", "I", "S", "B", "D", "F", "f", "u", "v", "A", "C", "E", "G", "?"])


@st.composite
def prints(draw: Any) -> list[Trade]:
    numbers = draw(st.lists(sequences, unique=True, max_size=12))
    trades = []
    for number in numbers:
        action = draw(st.sampled_from([TradeAction.NEW] * 3 + list(TradeAction)))
        named = action is not TradeAction.NEW
        trades.append(
            Trade(
                symbol="SPY240621C00500000",
                price=draw(prices),
                size=float(draw(st.integers(1, 3))),
                conditions="" if named else draw(letters),
                sequence=number,
                action=action,
                refers_to=draw(sequences) if named else 0,
                source="test",
                quality=Quality.REALTIME,
                ts_event=number // 3,
                ts_received=number,
            )
        )
    return trades


@given(trades=prints(), data=st.data())
def test_any_order_gives_the_same_end(trades: list[Trade], data: st.DataObject) -> None:
    expected = tape_of(trades)
    shuffled = data.draw(st.permutations(trades))
    assert repr(tape_of(shuffled)) == repr(expected)


@given(trades=prints(), data=st.data())
def test_prints_that_come_again_change_nothing(trades: list[Trade], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(trades), max_size=6)) if trades else []
    assert repr(tape_of([*trades, *again])) == repr(tape_of(trades))


@given(trades=prints())
def test_reading_in_between_changes_nothing(trades: list[Trade]) -> None:
    tape = TradeTape()
    for trade in trades:
        tape.add(trade)
        tape.summary()
    assert repr(tape.summary()) == repr(tape_of(trades))


@given(trades=prints())
def test_nothing_is_invented(trades: list[Trade]) -> None:
    summary = tape_of(trades)
    assert 0 <= summary.trades <= sum(trade.action is TradeAction.NEW for trade in trades)
    assert 0 <= summary.volume <= sum(trade.size for trade in trades)
    told = {trade.price for trade in trades}
    for price in (summary.last, summary.high, summary.low):
        assert isnan(price) or price in told
    assert isnan(summary.high) == isnan(summary.low)
    assert isnan(summary.high) or summary.low <= summary.high
    assert isnan(summary.last) or summary.low <= summary.last <= summary.high
