"""Short sales against owned shares: terms by the examples of §1233, and what always holds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from tests.features.portfolio.ledger.tax_books import (
    IRA,
    XYZ,
    book,
    closed,
    day,
    held,
    named,
    share,
)

from optix.features.portfolio.ledger.gains import Term, taxable_gains, term_of
from optix.features.portfolio.ledger.short_sales import apply_short_sales
from optix.features.portfolio.ledger.values import FamilyBook
from optix.features.portfolio.ledger.wash_sales import find_wash_sales


class TestHoldingPeriod:
    def test_shares_held_for_less_than_a_year_begin_anew(self) -> None:
        """By 100 shares bought on day 0 and sold on day 400, with 100 sold short from 100 to 300:
        they are held since day 300 and so for 100 days.
        """
        found = apply_short_sales(
            book(closed("s", 100, 300, -100, 900, 1000), closed("a", 0, 400, 100, 1000, 1500))
        ).book
        sale = found.disposals[1]
        assert sale.held_since == day(300)
        assert sale.opened == day(0)
        assert term_of(sale) is Term.SHORT

    def test_shares_bought_while_it_is_open_begin_anew(self) -> None:
        """By a purchase between the short sale and its closing."""
        found = apply_short_sales(
            book(closed("s", 100, 300, -100, 900, 1000), held("a", 200, 100, 1000))
        ).book
        assert found.lots[0].held_since == day(300)

    def test_shares_bought_after_its_closing_do_not(self) -> None:
        """By a purchase the day after."""
        made = book(closed("s", 100, 300, -100, 900, 1000), held("a", 301, 100, 1000))
        assert apply_short_sales(made).book == made

    def test_shares_sold_while_it_is_open_have_no_period_at_all(self) -> None:
        """By shares of 200 days when it was opened, sold on day 390 before it was closed."""
        found = apply_short_sales(
            book(closed("a", 0, 390, 100, 1000, 1500), closed("s", 200, 400, -100, 900, 1000))
        ).book
        assert found.disposals[0].held_since == day(390)

    def test_only_as_many_as_were_sold_short_and_the_oldest_first(self) -> None:
        """By 150 sold short against lots of 100 and 100."""
        found = apply_short_sales(
            book(
                closed("s", 100, 300, -150, 900, 1000),
                held("a", 0, 100, 1000),
                held("b", 9, 100, 900),
            )
        ).book
        assert [(lot.quantity, lot.basis, lot.held_since) for lot in found.lots] == [
            (Decimal(100), Decimal(1000), day(300)),
            (Decimal(50), Decimal(450), day(300)),
            (Decimal(50), Decimal(450), day(9)),
        ]
        assert found.lots[2].id == named("lot b")

    def test_the_later_of_two_short_sales_counts(self) -> None:
        """By two that were open one after the other, of 100 and of 40 shares."""
        found = apply_short_sales(
            book(
                closed("s", 100, 150, -100, 900, 1000),
                closed("t", 160, 200, -40, 900, 1000),
                held("a", 0, 100, 1000),
            )
        ).book
        assert [(lot.quantity, lot.held_since) for lot in found.lots] == [
            (Decimal(40), day(200)),
            (Decimal(60), day(150)),
        ]

    def test_one_that_is_open_moves_nothing_that_is_open(self) -> None:
        made = book(held("s", 100, -100, -1000), held("a", 0, 100, 1000))
        assert apply_short_sales(made).book == made

    def test_other_shares_and_retirement_accounts_stand_apart(self) -> None:
        """By a short sale of each."""
        made = book(
            closed("s", 100, 300, -100, 900, 1000, asset=share("ABC")),
            closed("t", 100, 300, -100, 900, 1000, account=IRA),
            held("a", 0, 100, 1000, asset=XYZ),
        )
        assert apply_short_sales(made, frozenset({IRA})).book == made


class TestLongTermLoss:
    def test_it_is_of_as_many_shares_as_were_held_for_more_than_a_year(self) -> None:
        """By 100 sold short while 60 were owned since 400 days: three fifths of the loss."""
        found = apply_short_sales(
            book(closed("s", 400, 450, -100, 1300, 1000), held("a", 0, 60, 600))
        )
        gains = taxable_gains(find_wash_sales(found.book).disposals, long_losses=found.long_losses)
        assert {(each.term, each.found.recognised) for each in gains} == {
            (Term.LONG, Decimal(-180)),
            (Term.SHORT, Decimal(-120)),
        }

    def test_shares_of_exactly_a_year_are_not_long_held(self) -> None:
        """By the day before and the day itself: a year ends with day 365."""
        for opened, is_long in ((365, False), (366, True)):
            found = apply_short_sales(
                book(closed("s", opened, 450, -100, 1300, 1000), held("a", 0, 100, 600))
            )
            assert bool(found.long_losses) is is_long


trades = st.lists(
    st.tuples(
        st.integers(0, 500),
        st.one_of(st.none(), st.integers(0, 500)),
        st.integers(-5, 5).filter(bool),
        st.integers(1, 999),
        st.integers(1, 999),
    ),
    max_size=8,
)


def made_of(all_trades: list[tuple[int, int | None, int, int, int]]) -> FamilyBook:
    return book(
        *(
            held(f"{number}", opened, size, paid if size > 0 else -paid)
            if length is None
            else closed(f"{number}", opened, opened + length, size, paid, received)
            for number, (opened, length, size, paid, received) in enumerate(all_trades)
        )
    )


class TestEveryBook:
    @given(trades)
    def test_no_cent_and_no_share_is_made_or_lost(
        self, all_trades: list[tuple[int, int | None, int, int, int]]
    ) -> None:
        """By sums before and after, and by ids that are all different."""
        before = made_of(all_trades)
        after = apply_short_sales(before).book
        for name in ("quantity", "proceeds", "basis"):
            assert sum(getattr(each, name) for each in after.disposals) == sum(
                getattr(each, name) for each in before.disposals
            )
        for name in ("quantity", "basis"):
            assert sum(getattr(each, name) for each in after.lots) == sum(
                getattr(each, name) for each in before.lots
            )
        found = find_wash_sales(after)
        ids = [each.disposal.id for each in found.disposals] + [lot.id for lot in found.lots]
        assert len(set(ids)) == len(ids)

    @given(trades)
    def test_no_holding_period_grows(
        self, all_trades: list[tuple[int, int | None, int, int, int]]
    ) -> None:
        """By the day it begins on: never before the purchase, never after the sale."""
        after = apply_short_sales(made_of(all_trades)).book
        assert all(each.opened <= each.held_since <= each.closed for each in after.disposals)
        assert all(lot.opened <= lot.held_since for lot in after.lots)
