"""Terms by a table of days, and sums by year, account and term."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.features.portfolio.ledger.tax_books import (
    CALL,
    IRA,
    OTHER,
    SPX,
    TAXED,
    book,
    closed,
    exact,
    held,
    named,
)

from optix.features.portfolio.ledger.gains import (
    TAX_NOTICE,
    Term,
    first_long_day,
    taxable_gains,
    term_of,
    total_gains,
)
from optix.features.portfolio.ledger.values import DisposalKind, FamilyBook
from optix.features.portfolio.ledger.wash_sales import find_wash_sales


class TestTerm:
    @pytest.mark.parametrize(
        ("bought", "first_long"),
        [
            (date(2024, 1, 5), date(2025, 1, 6)),
            (date(2024, 12, 31), date(2026, 1, 1)),
            (date(2024, 2, 27), date(2025, 2, 28)),
            (date(2024, 2, 28), date(2025, 3, 1)),
            (date(2024, 2, 29), date(2025, 3, 1)),
            (date(2023, 2, 28), date(2024, 3, 1)),
            (date(2023, 3, 1), date(2024, 3, 2)),
            (date(2023, 4, 30), date(2024, 5, 1)),
        ],
    )
    def test_more_than_a_year_begins_on_the_day_after(self, bought: date, first_long: date) -> None:
        """By Rev. Rul. 66-7's way of counting, with both ends of February."""
        assert first_long_day(bought) == first_long
        sale = replace(closed("a", 0, 1, 1, 10, 11), held_since=bought)
        assert term_of(replace(sale, closed=first_long)) is Term.LONG
        assert term_of(replace(sale, closed=first_long - timedelta(days=1))) is Term.SHORT

    @given(st.dates(date(2000, 1, 1), date(2090, 1, 1)))
    def test_a_year_is_never_shorter_than_it_is(self, bought: date) -> None:
        """By the length in days; and a later purchase is never long-term earlier."""
        assert 366 <= (first_long_day(bought) - bought).days <= 367
        assert first_long_day(bought) <= first_long_day(bought + timedelta(days=1))

    @pytest.mark.parametrize("kind", [DisposalKind.EXPIRY, DisposalKind.COVER])
    def test_a_written_option_is_short_term_however_long_it_was_open(
        self, kind: DisposalKind
    ) -> None:
        sale = closed("a", 0, 700, -1, 0, 100, asset=CALL, kind=kind)
        assert term_of(sale) is Term.SHORT

    def test_a_short_sale_is_short_term(self) -> None:
        assert term_of(closed("a", 0, 700, -100, 900, 1000)) is Term.SHORT

    def test_a_loss_on_a_short_sale_against_long_held_shares_is_long_term(self) -> None:
        """By §1233(d): a loss, never a gain."""
        loss, gain = closed("a", 0, 9, -1, 12, 10), closed("a", 0, 9, -1, 9, 10)
        assert term_of(loss, against_long_held=True) is Term.LONG
        assert term_of(gain, against_long_held=True) is Term.SHORT

    def test_tacked_days_make_a_replacement_long_term(self) -> None:
        """By shares held 350 days, sold at a loss, and bought back for 40."""
        found = find_wash_sales(
            book(closed("a", 0, 350, 10, 100, 90), closed("b", 360, 400, 10, 80, 120))
        )
        terms = {each.source: term_of(each.disposal) for each in found.disposals}
        assert terms == {named("a"): Term.SHORT, named("b"): Term.LONG}


class TestTotals:
    def year_of_all_kinds(self) -> FamilyBook:
        exercise = DisposalKind.EXERCISE
        return book(
            closed("short", 0, 50, 100, 1000, 800),
            closed("back", 60, 70, 100, 800, 850),
            closed("long", 0, 400, 10, 500, 700),
            closed("other", 0, 50, 10, 100, 130, account=OTHER),
            closed("sheltered", 0, 50, 10, 100, 130, account=IRA),
            closed("index", 0, 50, 1, 100, 130, asset=SPX),
            closed("call", 0, 50, 1, 100, 100, asset=CALL, kind=exercise, taxable=False),
            held("open", 0, 10, 100),
        )

    def test_sums_are_by_year_account_and_term(self) -> None:
        """By one of each kind. The loss of 200 is washed and comes back with the second sale."""
        found = find_wash_sales(self.year_of_all_kinds())
        rows = total_gains(taxable_gains(found.disposals, frozenset({IRA})))
        assert {(row.account, row.year, row.term): row.gain for row in rows} == {
            (TAXED, 2025, Term.SHORT): Decimal(-150),
            (TAXED, 2026, Term.LONG): Decimal(200),
            (OTHER, 2025, Term.SHORT): Decimal(30),
        }
        mine = next(row for row in rows if row.account == TAXED and row.year == 2025)
        assert mine.count == 2
        assert (mine.proceeds, mine.basis) == exact(1650, 2000)
        assert (mine.washed, mine.disallowed, mine.lost) == exact(200, 200, 0)

    def test_gains_are_listed_by_day(self) -> None:
        """By the days of the same book."""
        found = taxable_gains(find_wash_sales(self.year_of_all_kinds()).disposals)
        days = [each.found.disposal.closed for each in found]
        assert days == sorted(days)
        assert len(found) == 5

    def test_currencies_are_not_added(self) -> None:
        """By the same sale in two."""
        sale = closed("a", 0, 1, 1, 10, 11)
        euro = replace(sale, id=named("b"), asset=replace(sale.asset, currency="EUR"))
        rows = total_gains(taxable_gains(find_wash_sales(book(sale, euro)).disposals))
        assert {(row.currency, row.gain) for row in rows} == {
            ("USD", Decimal(1)),
            ("EUR", Decimal(1)),
        }


def test_the_notice_says_what_it_is() -> None:
    """By its words."""
    assert "not tax advice" in TAX_NOTICE
