"""What is left of what opened a position, after everything that closed some of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.structures.labelled_books import leg_of, trade

from optix.features.portfolio.structures.openings import holding_of, openings_of
from optix.features.portfolio.structures.values import Opening
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Position

CALL = leg_of("1 600C Dec")[0].key


def lines(*texts: str) -> list[Activity]:
    return [trade(number, text) for number, text in enumerate(texts)]


def left(*texts: str) -> list[tuple[str, Decimal, Decimal]]:
    return [
        (each.order, each.quantity, each.opened)
        for each in openings_of(lines(*texts)).get(CALL, ())
    ]


class TestClosing:
    def test_what_was_opened_first_is_closed_first(self) -> None:
        assert left(
            "9-01 14:30:00 a 2 600C Dec",
            "9-02 14:30:00 b 2 600C Dec",
            "9-03 14:30:00 c -3 600C Dec",
        ) == [("b", Decimal(1), Decimal(2))]

    def test_an_order_takes_from_the_one_that_opened_the_same_legs(self) -> None:
        """By a spread closed while an older single call is open: the single one stays."""
        assert left(
            "9-01 14:30:00 a 1 600C Dec",
            "9-02 14:30:00 b 1 600C Dec",
            "9-02 14:30:00 b -1 610C Dec",
            "9-03 14:30:00 c -1 600C Dec",
            "9-03 14:30:00 c 1 610C Dec",
        ) == [("a", Decimal(1), Decimal(1))]

    def test_more_than_is_open_turns_the_position_around(self) -> None:
        assert left("9-01 14:30:00 a 1 600C Dec", "9-02 14:30:00 b -3 600C Dec") == [
            ("b", Decimal(-2), Decimal(-2))
        ]

    def test_fills_of_one_order_are_one_opening(self) -> None:
        assert left("9-01 14:30:00 a 1 600C Dec", "9-01 15:30:00 a 2 600C Dec") == [
            ("a", Decimal(3), Decimal(3))
        ]

    def test_lines_without_an_order_are_openings_of_their_own(self) -> None:
        assert len(left("9-01 14:30:00 - 1 600C Dec", "9-01 14:30:00 - 2 600C Dec")) == 2

    def test_lines_are_read_in_the_order_of_their_time(self) -> None:
        """By a history that comes the newest first, as brokers send it."""
        told = lines("9-01 14:30:00 a 2 600C Dec", "9-03 14:30:00 b -1 600C Dec")
        assert openings_of(told[::-1]) == openings_of(told)


class TestWhatCounts:
    def test_an_order_that_lost_a_leg_is_not_whole(self) -> None:
        both = lines("9-01 14:30:00 a 1 600C Dec", "9-01 14:30:00 a -1 610C Dec")
        assert [each.whole for each in openings_of(both)[CALL]] == [True]
        closed = [*both, *lines("9-02 14:30:00 b 1 610C Dec")]
        assert [each.whole for each in openings_of(closed)[CALL]] == [False]

    def test_cancelled_lines_and_cash_move_nothing(self) -> None:
        (line,) = lines("9-01 14:30:00 a 1 600C Dec")
        cancelled = replace(line, status=ActivityStatus.CANCELLED)
        dividend = replace(line, kind=ActivityKind.DIVIDEND)
        without = replace(line, asset=None)
        assert openings_of([cancelled, dividend, without]) == {}

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(1, 28), st.sampled_from("ab-"), st.integers(-4, 4).filter(bool)),
            max_size=12,
        )
    )
    def test_what_is_left_is_the_sum_of_all(self, moves: list[tuple[int, str, int]]) -> None:
        """By adding up any history: all openings left have one direction and that sum."""
        texts = [
            f"9-{day:02d} 14:30:00 {order if order == '-' else f'{order}{place}'} {many} 600C Dec"
            for place, (day, order, many) in enumerate(moves)
        ]
        found = [quantity for _, quantity, _ in left(*texts)]
        assert sum(found, Decimal(0)) == sum(many for _, _, many in moves)
        assert len({quantity > 0 for quantity in found}) <= 1


class TestHoldings:
    def test_a_position_has_its_openings(self) -> None:
        asset, quantity = leg_of("1 600C Dec")
        position = Position(asset=asset, quantity=quantity, size=quantity)
        known = {asset.key: (Opening(quantity=quantity, opened=quantity),)}
        found = holding_of(position, known)
        assert found is not None
        assert found.openings == known[asset.key]

    def test_one_without_a_direction_is_no_holding(self) -> None:
        asset, _ = leg_of("1 600C Dec")
        assert holding_of(Position(asset=asset, quantity=None, size=Decimal(3)), {}) is None
