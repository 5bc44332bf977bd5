"""A tape is given prints by hand; what it adds up to is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from typing import Any

import pytest

from optix.kernel import limits
from optix.kernel.quote import Quality
from optix.kernel.trade import Trade, TradeAction
from optix.kernel.trade_tape import TapeSummary, TradeSide, TradeTape, tape_of, trade_side

CANCEL, CORRECTION = TradeAction.CANCEL, TradeAction.CORRECTION
SECOND = 1_000_000_000


def a_print(sequence: int, price: float = 2.0, size: float = 1.0, **changes: Any) -> Trade:
    fields: dict[str, Any] = {
        "symbol": "SPY240621C00500000",
        "price": price,
        "size": size,
        "sequence": sequence,
        "source": "test",
        "quality": Quality.REALTIME,
        "ts_event": sequence * SECOND,
        "ts_received": sequence * SECOND,
    }
    return Trade(**fields | changes)


def tape(*trades: Trade) -> TapeSummary:
    return tape_of(trades)


class TestPlainPrints:
    def test_an_empty_tape_has_no_price(self) -> None:
        summary = tape()
        assert (summary.volume, summary.trades, summary.last_ts_event) == (0.0, 0, 0)
        assert isnan(summary.last)
        assert isnan(summary.high)
        assert isnan(summary.low)

    def test_prints_add_up(self) -> None:
        summary = tape(a_print(1, 2.0, 10), a_print(2, 3.0, 5), a_print(3, 2.5, 1))
        assert (summary.volume, summary.trades) == (16.0, 3)
        assert (summary.last, summary.high, summary.low) == (2.5, 3.0, 2.0)
        assert summary.last_ts_event == 3 * SECOND

    def test_the_last_is_the_latest_and_not_the_one_that_came_last(self) -> None:
        assert tape(a_print(3, 2.5), a_print(1, 2.0)).last == 2.5

    def test_prints_of_one_instant_keep_their_sequence(self) -> None:
        one, two = a_print(1, 2.0, ts_event=5), a_print(2, 3.0, ts_event=5)
        assert tape(two, one).last == 3.0

    def test_a_print_that_comes_again_counts_once(self) -> None:
        folded = TradeTape()
        assert folded.add(a_print(1))
        assert not folded.add(a_print(1))
        assert folded.summary().volume == 1.0

    def test_prints_without_a_sequence_are_different_ones(self) -> None:
        same = a_print(0, ts_event=7)
        assert tape(same, same).volume == 2.0

    @pytest.mark.parametrize(
        "changes",
        [
            {"price": nan},
            {"price": 0.0},
            {"price": -1.0},
            {"price": float("inf")},
            {"size": 0.0},
            {"size": -3.0},
            {"size": nan},
            {"action": CORRECTION},
            {"action": CANCEL, "price": nan},
        ],
    )
    def test_what_is_no_print_changes_nothing(self, changes: dict[str, Any]) -> None:
        folded = TradeTape()
        assert not folded.add(replace(a_print(1), **changes))
        assert folded.summary() == tape()


class TestConditions:
    def test_a_late_print_counts_but_is_not_the_last(self) -> None:
        summary = tape(a_print(1, 2.0), a_print(2, 5.0, conditions="B"))
        assert (summary.last, summary.high, summary.volume) == (2.0, 5.0, 2.0)

    def test_prints_off_the_market_or_its_hours_count_for_volume_only(self) -> None:
        summary = tape(a_print(1, 2.0), a_print(2, 9.0, conditions="u"), a_print(3, conditions="v"))
        assert (summary.last, summary.high, summary.volume) == (2.0, 2.0, 3.0)

    def test_an_unknown_letter_sets_no_price(self) -> None:
        summary = tape(a_print(1, 2.0), a_print(2, 9.0, conditions="?"))
        assert (summary.last, summary.high, summary.volume) == (2.0, 2.0, 2.0)


class TestCancels:
    def test_a_named_cancel_gives_everything_back(self) -> None:
        before = tape(a_print(1, 2.0, 4))
        after = tape(
            a_print(1, 2.0, 4), a_print(2, 9.0, 7), a_print(3, 9.0, 7, action=CANCEL, refers_to=2)
        )
        assert replace(after, cancelled=0) == before
        assert after.cancelled == 1

    def test_a_cancel_may_come_before_its_print_and_twice(self) -> None:
        undo = a_print(3, nan, nan, action=CANCEL, refers_to=2)
        summary = tape(undo, undo, a_print(1), a_print(2, 9.0))
        assert (summary.volume, summary.high, summary.cancelled) == (1.0, 2.0, 1)

    def test_two_cancels_of_one_print_take_it_once(self) -> None:
        undo = a_print(3, action=CANCEL, refers_to=2)
        again = a_print(4, action=CANCEL, refers_to=2)
        summary = tape(a_print(1), a_print(2), undo, again)
        assert (summary.volume, summary.cancelled) == (1.0, 1)

    def test_a_cancel_without_its_print_is_counted_and_takes_nothing(self) -> None:
        summary = tape(a_print(1), a_print(3, action=CANCEL, refers_to=2))
        assert (summary.volume, summary.unmatched) == (1.0, 1)

    @pytest.mark.parametrize(
        ("letter", "left"), [("A", [1, 2]), ("C", [1, 2]), ("G", [1, 2]), ("E", [2, 3])]
    )
    def test_a_cancel_by_kind_takes_the_first_or_the_latest_of_its_price_and_size(
        self, letter: str, left: list[int]
    ) -> None:
        prints = [a_print(number, 2.0, 5, ts_event=number) for number in (1, 2, 3)]
        summary = tape(*prints, a_print(4, 2.0, 5, ts_event=4, conditions=letter))
        assert (summary.volume, summary.cancelled) == (10.0, 1)
        assert summary.last_ts_event == max(left)

    def test_a_cancel_by_kind_keeps_to_price_size_exchange_and_time(self) -> None:
        prints = (
            a_print(1, 2.0, 5, exchange="C"),
            a_print(2, 2.0, 6, exchange="C"),
            a_print(3, 2.1, 5, exchange="C"),
            a_print(9, 2.0, 5, exchange="C"),
        )
        undo = a_print(4, 2.0, 5, exchange="C", conditions="A")
        assert tape(*prints, undo).volume == 16.0
        assert tape(*prints[1:], undo).unmatched == 1
        assert tape(*prints, replace(undo, exchange="N")).unmatched == 1
        assert tape(*prints, replace(undo, exchange="")).cancelled == 1


class TestCorrections:
    def test_a_correction_says_what_its_print_was(self) -> None:
        fixed = a_print(3, 2.2, 7, action=CORRECTION, refers_to=1)
        summary = tape(a_print(1, 9.0, 70), a_print(2, 2.1), fixed)
        assert (summary.volume, summary.high, summary.last) == (8.0, 2.2, 2.1)
        assert summary.corrected == 1

    def test_the_latest_correction_counts_also_of_a_correction(self) -> None:
        first = a_print(2, 3.0, action=CORRECTION, refers_to=1)
        second = a_print(3, 4.0, action=CORRECTION, refers_to=2)
        for order in ((a_print(1), first, second), (second, first, a_print(1))):
            summary = tape(*order)
            assert (summary.volume, summary.last, summary.corrected) == (1.0, 4.0, 1)

    def test_a_cancel_wins_over_a_correction(self) -> None:
        fixed = a_print(2, 3.0, action=CORRECTION, refers_to=1)
        undo = a_print(3, action=CANCEL, refers_to=1)
        for order in ((a_print(1), fixed, undo), (undo, fixed, a_print(1))):
            summary = tape(*order)
            assert (summary.volume, summary.cancelled, summary.corrected) == (0.0, 1, 0)
        late = a_print(4, 3.0, action=CORRECTION, refers_to=1)
        assert tape(a_print(1), undo, late).volume == 0.0

    def test_a_correction_without_its_print_waits(self) -> None:
        summary = tape(a_print(3, action=CORRECTION, refers_to=1))
        assert (summary.volume, summary.unmatched) == (0.0, 1)

    def test_corrections_in_a_circle_end(self) -> None:
        one = a_print(1, action=CORRECTION, refers_to=2)
        two = a_print(2, action=CORRECTION, refers_to=1)
        assert tape(one, two).unmatched == 2


class TestMemory:
    def test_old_prints_are_settled_and_still_counted(self) -> None:
        folded = TradeTape(prints_max=4)
        for number in range(1, 11):
            folded.add(a_print(number, float(number)))
        summary = folded.summary()
        assert (summary.volume, summary.high, summary.low, summary.last) == (10.0, 10.0, 1.0, 10.0)

    def test_a_settled_print_is_neither_counted_again_nor_cancelled(self) -> None:
        folded = TradeTape(prints_max=4)
        for number in range(1, 6):
            folded.add(a_print(number))
        assert not folded.add(a_print(1))
        assert folded.add(a_print(6, action=CANCEL, refers_to=1))
        summary = folded.summary()
        assert (summary.volume, summary.refused, summary.unmatched) == (5.0, 1, 1)

    def test_what_was_undone_before_settling_stays_undone(self) -> None:
        folded = TradeTape(prints_max=4)
        undo = a_print(4, action=CANCEL, refers_to=1)
        for trade in (a_print(1, 9.0), a_print(2), a_print(3), undo, a_print(5), a_print(6)):
            folded.add(trade)
        assert not folded.add(undo)
        summary = folded.summary()
        assert (summary.volume, summary.high, summary.cancelled) == (4.0, 2.0, 1)
        assert summary.unmatched == 0

    def test_a_print_can_be_cancelled_as_long_as_it_is_remembered(self) -> None:
        folded = TradeTape(prints_max=4)
        for number in range(1, 6):
            folded.add(a_print(number))
        folded.add(a_print(6, action=CANCEL, refers_to=5))
        assert folded.summary().volume == 4.0
        folded.add(a_print(7))  # settles once more, and the cancel is still remembered
        summary = folded.summary()
        assert (summary.volume, summary.cancelled, summary.last_ts_event) == (5.0, 1, 7 * SECOND)

    def test_the_bound_of_the_product_is_reached(self) -> None:
        folded = TradeTape()
        one = a_print(1)
        for number in range(1, limits.TAPE_PRINTS_MAX + 2):
            folded.add(replace(one, sequence=number, ts_event=number))
        assert folded.add(replace(one, sequence=1, ts_event=1)) is False
        assert folded.summary().refused == 1
        assert folded.summary().volume == limits.TAPE_PRINTS_MAX + 1


class TestSide:
    @pytest.mark.parametrize(
        ("price", "side"),
        [
            (1.99, TradeSide.SELLER),
            (2.0, TradeSide.SELLER),
            (2.05, TradeSide.MID),
            (2.1, TradeSide.BUYER),
            (2.2, TradeSide.BUYER),
            (nan, TradeSide.UNKNOWN),
            (0.0, TradeSide.UNKNOWN),
        ],
    )
    def test_who_began(self, price: float, side: TradeSide) -> None:
        assert trade_side(price, bid=2.0, ask=2.1, trade_ns=SECOND, quote_ns=SECOND) is side

    def test_without_a_bid_a_trade_below_the_ask_names_nobody(self) -> None:
        assert trade_side(0.05, bid=0.0, ask=0.1, trade_ns=1, quote_ns=1) is TradeSide.MID
        assert trade_side(0.1, bid=0.0, ask=0.1, trade_ns=1, quote_ns=1) is TradeSide.BUYER

    @pytest.mark.parametrize(
        ("bid", "ask"), [(2.1, 2.0), (2.0, 2.0), (nan, 2.0), (2.0, nan), (2.0, 0.0), (2, 1e999)]
    )
    def test_a_quote_that_is_none_names_nobody(self, bid: float, ask: float) -> None:
        assert trade_side(2.0, bid=bid, ask=ask, trade_ns=1, quote_ns=1) is TradeSide.UNKNOWN

    def test_a_quote_after_the_trade_or_long_before_it_names_nobody(self) -> None:
        old = round(limits.TRADE_SIDE_QUOTE_SECONDS_MAX * SECOND)

        def side(quote_ns: int) -> TradeSide:
            return trade_side(2.1, bid=2.0, ask=2.1, trade_ns=100 * SECOND, quote_ns=quote_ns)

        assert side(100 * SECOND + 1) is TradeSide.UNKNOWN
        assert side(100 * SECOND - old) is TradeSide.BUYER
        assert side(100 * SECOND - old - 1) is TradeSide.UNKNOWN


class TestCountingOn:
    """Reading in between changes nothing: what is counted on equals what is counted anew."""

    @pytest.mark.parametrize("late", [False, True])
    def test_prints_after_a_cancel_are_counted_on(self, late: bool) -> None:
        undo = a_print(3, action=CANCEL, refers_to=1)
        after = a_print(2 if late else 4, 9.0)
        trades = (a_print(1), undo, after, a_print(5, 3.0))
        folded = TradeTape()
        for trade in trades:
            folded.add(trade)
            folded.summary()
        assert folded.summary() == tape(*trades)
        assert folded.summary().volume == 2.0

    def test_a_print_for_which_a_cancel_waits_is_taken_by_it(self) -> None:
        folded = TradeTape()
        for trade in (a_print(1), a_print(2, action=CANCEL, refers_to=7)):
            folded.add(trade)
            folded.summary()
        folded.add(a_print(7, 9.0))
        assert (folded.summary().volume, folded.summary().high) == (1.0, 2.0)
