"""Section 1256: which contracts, the mark at year's end, 60/40, Form 6781, by hand and in sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.features.portfolio.ledger.tax_books import (
    CALL,
    IRA,
    SPX,
    TAXED,
    XYZ,
    book,
    closed,
    day,
    exact,
    held,
    named,
    option,
)

from optix.features.portfolio.ledger.section_1256 import (
    BROAD_INDEX_ROOTS,
    Marks,
    form_6781,
    is_section_1256,
    mark_to_market,
    sixty_forty,
)
from optix.features.portfolio.ledger.values import DisposalKind, FamilyBook, ProblemCode
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.roots import INDEX_CLASSES

NEXT_YEAR = 400  # a day of 2026


def marks(through: int, **prices: str) -> Marks:
    """Prices of SPX by year, written y2025="12.5"."""
    return Marks(
        through=through,
        prices={(SPX.key, int(year[1:])): Decimal(price) for year, price in prices.items()},
    )


class TestWhichContracts:
    @pytest.mark.parametrize(
        "key",
        [
            *("SPX251219C06000000", "SPXW251219P06000000", "XSP251219C00600000"),
            *("NDX251219C20000000", "NDXP251219C20000000", "RUT251219C02000000"),
            *("VIX251217C00020000", "MRUT251219C00200000", "OEX251219C03000000"),
            *("XEO251219C03000000", "DJX251219C00400000", "2SPX251219C06000000"),
        ],
    )
    def test_options_on_broad_indices_are(self, key: str) -> None:
        assert is_section_1256(option(key))

    @pytest.mark.parametrize(
        "key", ["SPY251219C00600000", "QQQ251219C00500000", "XYZ251219C00050000"]
    )
    def test_options_on_shares_and_funds_are_not(self, key: str) -> None:
        assert not is_section_1256(option(key))

    @pytest.mark.parametrize("kind", list(AssetKind))
    def test_of_what_is_no_listed_option_only_futures_are(self, kind: AssetKind) -> None:
        asset = Asset(kind=kind, symbol="ES")
        futures = {AssetKind.FUTURE, AssetKind.FUTURE_OPTION}
        assert is_section_1256(asset) is (kind in futures)

    def test_every_cash_settled_class_that_the_kernel_knows_is_judged(self) -> None:
        """By the kernel's table: a class added there is looked at here."""
        assert set(INDEX_CLASSES) <= BROAD_INDEX_ROOTS


class TestSixtyForty:
    @given(st.decimals(-10_000_000, 10_000_000, places=2))
    def test_the_terms_sum_to_the_gain(self, gain: Decimal) -> None:
        terms = sixty_forty(gain)
        assert terms.long_term + terms.short_term == gain
        assert terms.long_term * 2 == terms.short_term * 3


class TestMark:
    def test_a_long_contract_is_sold_at_the_mark_and_bought_at_it(self) -> None:
        """By one call of 1,000, worth 1,500 at the end of 2025, sold in 2026 for 1,200."""
        made = book(closed("a", 300, NEXT_YEAR, 1, 1000, 1200, asset=SPX))
        found = mark_to_market(made, marks(2025, y2025="15")).book
        mark, sale = found.disposals
        assert (mark.kind, mark.closed) == (DisposalKind.YEAR_END_MARK, date(2025, 12, 31))
        assert (mark.proceeds, mark.basis, mark.gain) == exact(1500, 1000, 500)
        assert (sale.proceeds, sale.basis, sale.gain) == exact(1200, 1500, -300)
        assert sale.id == named("a")
        assert mark.id != sale.id

    def test_a_short_contract_is_bought_at_the_mark_and_sold_at_it(self) -> None:
        """By two calls written for 2,000, worth 1,400 at the end of the year, bought for 1,900."""
        made = book(closed("a", 300, NEXT_YEAR, -2, 1900, 2000, asset=SPX))
        mark, cover = mark_to_market(made, marks(2025, y2025="7")).book.disposals
        assert (mark.proceeds, mark.basis, mark.gain) == exact(2000, 1400, 600)
        assert (cover.proceeds, cover.basis, cover.gain) == exact(1400, 1900, -500)

    @pytest.mark.parametrize(
        ("quantity", "basis", "marked", "gain"), [(1, 1000, 1500, 500), (-1, -1000, -1500, -500)]
    )
    def test_what_is_open_has_the_mark_for_its_basis(
        self, quantity: int, basis: int, marked: int, gain: int
    ) -> None:
        """By one contract, bought or written for 1,000 and worth 1,500."""
        found = mark_to_market(
            book(held("a", 300, quantity, basis, asset=SPX)), marks(2025, y2025="15")
        ).book
        assert found.lots[0].basis == marked
        assert [each.gain for each in found.disposals] == [gain]

    def test_each_year_has_its_own(self) -> None:
        """By a contract that is held over two ends of years: 500, then -200."""
        found = mark_to_market(
            book(held("a", 300, 1, 1000, asset=SPX)), marks(2026, y2025="15", y2026="13")
        ).book
        assert [(each.closed.year, each.gain) for each in found.disposals] == [
            (2025, Decimal(500)),
            (2026, Decimal(-200)),
        ]

    def test_the_year_that_has_not_ended_is_not_marked(self) -> None:
        """By a price of it that was given too early."""
        found = mark_to_market(
            book(held("a", 300, 1, 1000, asset=SPX)), marks(2024, y2025="15")
        ).book
        assert not found.disposals
        assert found.lots[0].basis == 1000

    def test_a_contract_is_worth_its_own_multiplier(self) -> None:
        """By one future of 50 dollars a point, bought at 6,000 and marked at 6,010."""
        future = Asset(kind=AssetKind.FUTURE, symbol="ESZ5", multiplier=50)
        made = book(held("a", 300, 1, 300_000, asset=future))
        known = Marks(through=2025, prices={(future.key, 2025): Decimal(6010)})
        (mark,) = mark_to_market(made, known).book.disposals
        assert mark.gain == 500

    def test_what_was_closed_is_not_marked_in_a_year_that_has_not_ended(self) -> None:
        """By a contract closed in a year after the last one that the caller speaks of."""
        made = book(closed("a", 300, NEXT_YEAR, 1, 1000, 1200, asset=SPX))
        assert mark_to_market(made, marks(2024, y2025="15")).book.disposals == made.disposals

    def test_without_a_price_nothing_is_invented(self) -> None:
        """By two lots of one contract: one problem, and the gain comes with the sale."""
        made = book(
            closed("a", 300, NEXT_YEAR, 1, 1000, 1200, asset=SPX),
            held("b", 310, 1, 900, asset=SPX),
        )
        found = mark_to_market(made, marks(2025)).book
        assert found.disposals == made.disposals
        assert found.lots == made.lots
        (problem,) = found.problems
        assert problem.code is ProblemCode.PRICE_UNKNOWN
        assert (problem.asset, problem.account) == (SPX.key, TAXED)

    def test_other_things_are_left_alone(self) -> None:
        """By a share and an option on one, held over the end of the year."""
        made = book(held("a", 300, 1, 10), held("b", 300, 1, 10, asset=CALL))
        assert mark_to_market(made, marks(2025)).book == made

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 900),
                st.integers(0, 900),
                st.integers(-5, 5).filter(bool),
                st.integers(1, 9_999),
                st.integers(1, 9_999),
            ),
            max_size=6,
        ),
        st.dictionaries(st.integers(2025, 2028), st.integers(0, 99), max_size=3),
    )
    def test_marks_move_gains_between_years_and_make_none(
        self, trades: list[tuple[int, int, int, int, int]], prices: dict[int, int]
    ) -> None:
        """By the sum over all years, whatever years have a price."""
        made = book(
            *(
                closed(f"{number}", opened, opened + length, size, paid, received, asset=SPX)
                for number, (opened, length, size, paid, received) in enumerate(trades)
            )
        )
        known = Marks(
            through=2028,
            prices={(SPX.key, year): Decimal(price) for year, price in prices.items()},
        )
        found = mark_to_market(made, known)
        before = sum((each.gain for each in made.disposals), Decimal(0))
        assert sum((each.gain for each in found.book.disposals), Decimal(0)) == before
        assert sum((row.gain for row in form_6781(found)), Decimal(0)) == before


class TestForm6781:
    def held_over(self) -> FamilyBook:
        return book(
            closed("a", 100, 200, 1, 1000, 1400, asset=SPX),
            closed("b", 300, NEXT_YEAR, 1, 1000, 1200, asset=SPX),
            closed("c", 300, NEXT_YEAR, 1, 1000, 1200, asset=SPX, account=IRA),
            closed("d", 300, 310, 1, 5, 9, asset=XYZ),
        )

    def test_it_has_the_boxes_of_the_broker_s_form(self) -> None:
        """By 400 closed in 2025 and a contract worth 1,500 at its end and sold for 1,200:
        400 - 0 + 500 = 900 in 2025, 200 - 500 + 0 = -300 in 2026.
        """
        marked = mark_to_market(self.held_over(), marks(2025, y2025="15"))
        first, second = form_6781(marked, frozenset({IRA}))
        assert (first.year, second.year) == (2025, 2026)
        assert (first.realised, first.unrealised_before, first.unrealised_after) == exact(
            400, 0, 500
        )
        assert (second.realised, second.unrealised_before, second.unrealised_after) == exact(
            200, 500, 0
        )
        assert (first.gain, second.gain) == exact(900, -300)
        assert (first.terms.long_term, first.terms.short_term) == exact(540, 360)
        assert (second.terms.long_term, second.terms.short_term) == exact(-180, -120)

    def test_accounts_and_currencies_are_apart(self) -> None:
        """By the same contract in two accounts, and in another currency."""
        euro = replace(SPX, currency="EUR")
        made = book(
            closed("a", 0, 1, 1, 10, 11, asset=SPX),
            closed("b", 0, 1, 1, 10, 12, asset=SPX, account=IRA),
            closed("c", 0, 1, 1, 10, 13, asset=euro),
        )
        rows = form_6781(mark_to_market(made, marks(2025)))
        assert {(row.account, row.currency, row.gain) for row in rows} == {
            (TAXED, "USD", Decimal(1)),
            (IRA, "USD", Decimal(2)),
            (TAXED, "EUR", Decimal(3)),
        }
        assert {row.year for row in rows} == {day(1).year}
