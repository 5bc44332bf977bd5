"""Rolls and wheels: what follows what, and that their cash is all of it, to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.portfolio.structures.labelled_books import ACCOUNT, trade

from optix.features.portfolio.structures.chains import Chain, ChainKind, StepKind, chains_of
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.money import Money


def lines(*rows: tuple[str, str]) -> list[Activity]:
    return [
        replace(trade(number, text), cash=Money.parse(cash))
        for number, (text, cash) in enumerate(rows)
    ]


def chains(*rows: tuple[str, str]) -> tuple[Chain, ...]:
    return chains_of(ACCOUNT, lines(*rows))


def kinds(chain: Chain) -> list[StepKind]:
    return [step.kind for step in chain.steps]


class TestRolls:
    def test_one_order_that_closes_and_opens_is_a_roll(self) -> None:
        """By a short put rolled out and down, worked by hand: 300 - 120 + 250 - 40."""
        (chain,) = chains(
            ("9-01 14:30:00 a -1 590P Nov", "300"),
            ("11-10 14:30:00 b 1 590P Nov", "-120"),
            ("11-10 14:30:00 b -1 580P Dec", "250"),
            ("12-10 14:30:00 c 1 580P Dec", "-40"),
        )
        assert chain.kind is ChainKind.ROLL
        assert kinds(chain) == [StepKind.OPENED, StepKind.ROLLED, StepKind.CLOSED]
        assert [step.premium for step in chain.steps] == [300, 130, -40]
        assert (chain.premium, chain.profit, chain.is_open) == (Decimal(390), Decimal(390), False)

    def test_two_orders_within_minutes_are_a_roll(self) -> None:
        """By an order that opens STRUCTURE_WINDOW_SECONDS after the one that closed."""
        rows = lines(
            ("9-01 14:30:00 a -1 590P Nov", "300"),
            ("11-10 14:30:00 b 1 590P Nov", "-120"),
            ("11-10 14:30:00 c -1 580P Dec", "250"),
        )
        last = rows[-1]
        assert last.at is not None
        edge = timedelta(seconds=limits.STRUCTURE_WINDOW_SECONDS)
        inside = [*rows[:2], replace(last, at=last.at + edge)]
        beyond = [*rows[:2], replace(last, at=last.at + edge + timedelta(seconds=1))]
        assert len(chains_of(ACCOUNT, inside)) == 1
        assert chains_of(ACCOUNT, beyond) == ()

    def test_another_right_or_direction_is_no_roll(self) -> None:
        """By a put that gives way to a call, and to a put that is bought."""
        for opened in ("-1 620C Dec", "1 580P Dec"):
            found = chains(
                ("9-01 14:30:00 a -1 590P Nov", "300"),
                ("11-10 14:30:00 b 1 590P Nov", "-120"),
                (f"11-10 14:30:00 b {opened}", "250"),
            )
            assert found == ()

    def test_both_legs_of_a_spread_are_rolled_each_for_itself(self) -> None:
        """By a put spread rolled in one order: two chains, one for each leg."""
        found = chains(
            ("9-01 14:30:00 a -2 590P Nov", "400"),
            ("9-01 14:30:00 a 2 580P Nov", "-200"),
            ("11-10 14:30:00 c 2 590P Nov", "-100"),
            ("11-10 14:30:00 c -2 580P Nov", "50"),
            ("11-10 14:30:00 c -2 585P Dec", "300"),
            ("11-10 14:30:00 c 2 575P Dec", "-100"),
        )
        assert sorted(chain.premium for chain in found) == [-250, 600]
        assert {chain.holds[0][1] for chain in found} == {-2, 2}

    def test_a_part_that_is_rolled_leaves_the_rest_in_the_chain(self) -> None:
        """By three calls of which one is rolled, and two are closed later."""
        (chain,) = chains(
            ("9-01 14:30:00 a -3 610C Nov", "300"),
            ("11-10 14:30:00 b 1 610C Nov", "-20"),
            ("11-10 14:30:00 b -1 620C Dec", "90"),
            ("11-15 14:30:00 c 2 610C Nov", "-10"),
        )
        assert kinds(chain) == [StepKind.OPENED, StepKind.ROLLED, StepKind.CLOSED]
        assert [(asset.symbol[-9:], many) for asset, many in chain.holds] == [
            ("C00620000", Decimal(-1))
        ]
        assert (chain.cash, chain.profit) == (Decimal(360), None)

    def test_two_openings_rolled_at_once_share_the_cash_to_the_cent(self) -> None:
        """By one and two calls closed and rolled together: 100 of cash in thirds."""
        found = chains(
            ("9-01 14:30:00 a -1 610C Nov", "100"),
            ("9-02 14:30:00 b -2 610C Nov", "220"),
            ("11-10 14:30:00 c 3 610C Nov", "-100"),
            ("11-10 14:30:00 c -3 620C Dec", "100"),
        )
        assert len(found) == 2
        assert sum(chain.cash for chain in found) == 320
        assert {chain.holds[0][1] for chain in found} == {-1, -2}
        rolled = [chain.steps[1].cash for chain in found]
        assert sum(rolled) == 0

    def test_an_expiry_ends_a_chain(self) -> None:
        """By a rolled call that expires."""
        rows = lines(
            ("9-01 14:30:00 a -1 610C Nov", "100"),
            ("11-10 14:30:00 b 1 610C Nov", "-20"),
            ("11-10 14:30:00 b -1 620C Dec", "90"),
            ("12-18 21:00:00 - 1 620C Dec", "0"),
        )
        rows[-1] = replace(rows[-1], kind=ActivityKind.EXPIRATION)
        (chain,) = chains_of(ACCOUNT, rows)
        assert kinds(chain)[-1] is StepKind.EXPIRED
        assert chain.profit == 170

    def test_a_trade_turned_around_within_minutes_is_two_events(self) -> None:
        """By a call bought and sold in one minute: nothing of it is left open."""
        found = chains(
            ("9-01 14:30:00 a -1 610C Nov", "100"),
            ("11-10 14:30:00 b 1 610C Nov", "-20"),
            ("11-10 14:30:10 c -1 620C Dec", "90"),
            ("11-10 14:30:20 d 1 620C Dec", "-95"),
        )
        assert [chain.profit for chain in found] == [75]


class TestWheels:
    ASSIGNED = (
        ("9-01 14:30:00 a -1 600P Nov", "900"),
        ("11-20 21:00:00 x 1 600P Nov assignment", "0"),
        ("11-20 21:00:00 x 100 shares assignment", "-60000"),
    )

    def test_put_shares_call_and_called_away_are_one_chain(self) -> None:
        """By a whole turn worked by hand: 900 - 60,000 + 500 + 60,500, and the next put."""
        (chain,) = chains(
            *self.ASSIGNED,
            ("11-23 15:00:00 c -1 605C Dec", "500"),
            ("12-18 21:00:00 y 1 605C Dec assignment", "0"),
            ("12-18 21:00:00 y -100 shares assignment", "60500"),
            ("12-21 15:00:00 d -1 590P Jan", "700"),
        )
        assert chain.kind is ChainKind.WHEEL
        assert kinds(chain) == [
            *(StepKind.OPENED, StepKind.ASSIGNED, StepKind.OPENED),
            *(StepKind.CALLED_AWAY, StepKind.OPENED),
        ]
        assert (chain.premium, chain.cash) == (Decimal(2100), Decimal(2600))
        assert [many for _, many in chain.holds] == [-1]

    def test_called_away_it_has_a_profit(self) -> None:
        """By the same turn without the next put."""
        (chain,) = chains(
            *self.ASSIGNED,
            ("11-23 15:00:00 c -1 605C Dec", "500"),
            ("12-18 21:00:00 y 1 605C Dec assignment", "0"),
            ("12-18 21:00:00 y -100 shares assignment", "60500"),
        )
        assert (chain.is_open, chain.profit) == (False, Decimal(1900))

    def test_a_covered_call_that_is_rolled_stays_in_its_wheel(self) -> None:
        """By a roll between assignment and delivery."""
        (chain,) = chains(
            *self.ASSIGNED,
            ("11-23 15:00:00 c -1 605C Dec", "500"),
            ("12-10 15:00:00 d 1 605C Dec", "-200"),
            ("12-10 15:00:00 d -1 610C Jan", "450"),
        )
        assert kinds(chain)[-1] is StepKind.ROLLED
        assert chain.premium == 1650

    def test_one_of_two_puts_is_assigned(self) -> None:
        """By a part of a position: the call goes with the shares, the put stays."""
        (chain,) = chains(
            ("9-01 14:30:00 a -2 600P Nov", "1800"),
            ("11-20 21:00:00 x 1 600P Nov assignment", "0"),
            ("11-20 21:00:00 x 100 shares assignment", "-60000"),
            ("11-23 15:00:00 c -1 605C Dec", "500"),
        )
        assert sorted(many for _, many in chain.holds) == [-1, -1, 100]
        assert chain.premium == 2300

    def test_shares_that_are_sold_leave_the_wheel(self) -> None:
        """By a sale in the market at a loss."""
        (chain,) = chains(*self.ASSIGNED, ("11-25 15:00:00 c -100 shares", "58000"))
        assert kinds(chain)[-1] is StepKind.SHARES_SOLD
        assert chain.profit == -1100

    def test_a_second_call_on_the_same_shares_is_its_own(self) -> None:
        """By one call more than the shares cover: it is no part of the wheel."""
        (chain,) = chains(
            *self.ASSIGNED,
            ("11-23 15:00:00 c -1 605C Dec", "500"),
            ("11-24 15:00:00 d -1 615C Dec", "300"),
        )
        assert chain.premium == 1400

    def test_an_exercise_of_ones_own_call_is_no_wheel(self) -> None:
        """By a long call that became shares."""
        found = chains(
            ("9-01 14:30:00 a 1 600C Nov", "-900"),
            ("11-20 21:00:00 x -1 600C Nov exercise", "0"),
            ("11-20 21:00:00 x 100 shares exercise", "-60000"),
        )
        assert found == ()


class TestWhatIsRead:
    def test_what_was_cancelled_never_happened(self) -> None:
        """By a roll that the broker took back."""
        rows = lines(
            ("9-01 14:30:00 a -1 590P Nov", "300"),
            ("11-10 14:30:00 b 1 590P Nov", "-120"),
            ("11-10 14:30:00 b -1 580P Dec", "250"),
        )
        gone = [rows[0], *(replace(row, status=ActivityStatus.CANCELLED) for row in rows[1:])]
        assert chains_of(ACCOUNT, gone) == ()

    @settings(max_examples=50, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(-3, 3).filter(bool), st.integers(1, 28)),
            max_size=14,
        )
    )
    def test_no_cash_is_told_twice(self, wanted: list[tuple[int, int, int]]) -> None:
        """By any history of four puts: the lines' own cash bounds what all chains tell."""
        rows = [
            (f"9-{day:02d} 14:30:00 o{day} {many} {570 + strike * 10}P Dec", str(-100 * many))
            for strike, many, day in wanted
        ]
        found = chains(*rows)
        told = sum((abs(step.cash) for chain in found for step in chain.steps), Decimal(0))
        assert told <= sum(abs(Decimal(cash)) for _, cash in rows)
        for chain in found:
            assert chain.cash == sum(step.cash for step in chain.steps)
            assert all(many for _, many in chain.holds)
