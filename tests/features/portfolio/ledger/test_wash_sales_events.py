"""Wash sales of short sales and written options, through exercise, and what is no purchase."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.features.portfolio.ledger.tax_books import (
    CALL,
    IRA,
    OTHER_CALL,
    TAXED,
    book,
    closed,
    day,
    exact,
    held,
    named,
)

from optix.features.portfolio.ledger.securities import WashReading, WashRules
from optix.features.portfolio.ledger.values import (
    Disposal,
    DisposalKind,
    Entry,
    EntryKind,
    FamilyBook,
    Lot,
)
from optix.features.portfolio.ledger.wash_sales import AdjustedDisposal, WashSales, find_wash_sales

NARROW = WashRules(reading=WashReading.NARROW)


def disallowed(found: WashSales) -> dict[str, Decimal]:
    """Sums by the book's disposals that have any."""
    sums: dict[str, Decimal] = {}
    for each in found.disposals:
        if each.disallowed:
            sums[str(each.source)] = sums.get(str(each.source), Decimal(0)) + each.disallowed
    return sums


def of(found: WashSales, name: str) -> list[AdjustedDisposal]:
    return [each for each in found.disposals if each.source == named(name)]


def only(amounts: dict[str, int | str]) -> dict[str, Decimal]:
    return {str(named(name)): Decimal(amount) for name, amount in amounts.items()}


class TestShortSales:
    def test_a_loss_is_washed_by_another_short_sale(self) -> None:
        """By 100 sold short for 1,000, bought back for 1,200, and sold short again for 1,100: what
        was received for the second counts as 900.
        """
        found = find_wash_sales(
            book(closed("s", 0, 50, -100, 1200, 1000), held("t", 60, -100, -1100)), NARROW
        )
        assert disallowed(found) == only({"s": 200})
        assert found.lots[0].basis == -900

    def test_a_purchase_does_not_replace_a_short_sale(self) -> None:
        """By shares bought instead."""
        found = find_wash_sales(book(closed("s", 0, 50, -100, 1200, 1000), held("b", 60, 100, 900)))
        assert not found.sales

    def test_a_sale_of_shares_after_it_has_the_loss(self) -> None:
        """By shares sold 10 days after the short sale was closed: Publication 550 names a sale."""
        found = find_wash_sales(
            book(closed("s", 0, 50, -100, 1200, 1000), closed("b", 10, 60, 100, 1000, 1500))
        )
        assert disallowed(found) == only({"s": 200})
        assert of(found, "b")[0].recognised == 300
        assert of(found, "b")[0].disposal.held_since == day(10)

    def test_only_a_taxed_sale_of_shares_has_it(self) -> None:
        """By a sale in a retirement account, and by shares that a merger took."""
        loss = closed("s", 0, 50, -100, 1200, 1000)
        rules = WashRules(sheltered=frozenset({IRA}))
        sheltered = closed("b", 10, 60, 100, 1000, 1500, account=IRA)
        merged = closed("b", 10, 60, 100, 1000, 1500, kind=DisposalKind.REORGANISATION)
        assert not find_wash_sales(book(loss, sheltered), rules).sales
        assert not find_wash_sales(book(loss, merged), rules).sales

    def test_whatever_else_was_traded(self) -> None:
        """By the same after other trades, so that no count of purchases is that of sales."""
        before = [closed(f"x{each}", -99, -90, 1, 1, 2, sale="x") for each in range(3)]
        for count in range(4):
            found = find_wash_sales(
                book(
                    *before[:count],
                    closed("b", 10, 60, 100, 1000, 1500),
                    closed("s", 0, 50, -100, 1200, 1000),
                    held("y", -99, 1, 1),
                )
            )
            assert disallowed(found) == only({"s": 200})

    def test_a_written_option_is_replaced_by_one_written(self) -> None:
        """By the same call, bought back at a loss and written again; by another one in the
        conservative reading only.
        """
        loss = closed("w", 0, 50, -1, 300, 100, asset=CALL)
        same = book(loss, held("v", 60, -1, -250, asset=CALL))
        other = book(loss, held("v", 60, -1, -250, asset=OTHER_CALL))
        assert disallowed(find_wash_sales(same, NARROW)) == only({"w": 200})
        assert not find_wash_sales(other, NARROW).sales
        assert find_wash_sales(other).sales


class TestExercise:
    """A washed call that is exercised: the loss moves on into the shares that it brought."""

    def exercised(self, *more: Disposal | Lot) -> FamilyBook:
        event = Entry(
            id=named("exercise"),
            account=TAXED,
            line=named("sell call"),
            day=day(70),
            at=None,
            kind=EntryKind.EXERCISE,
            postings=(),
            also=(named("buy delivered"),),
        )
        return book(
            event,
            closed("a", 0, 50, 100, 1000, 800),
            closed(
                "call",
                60,
                70,
                1,
                300,
                300,
                asset=CALL,
                kind=DisposalKind.EXERCISE,
                taxable=False,
            ),
            *more,
        )

    def test_the_shares_have_it(self) -> None:
        """By shares still open: 5,300 paid with the premium, and 200 of loss."""
        found = find_wash_sales(self.exercised(held("delivered", 70, 100, 5300)))
        (lot,) = found.lots
        assert (lot.basis, lot.washed) == exact(5500, 200)
        assert found.deferred == 200
        (call,) = of(found, "call")
        assert (call.disposal.basis, call.disposal.proceeds) == exact(500, 500)

    def test_the_sale_of_the_shares_has_it(self) -> None:
        """By shares sold much later."""
        found = find_wash_sales(self.exercised(closed("delivered", 70, 200, 100, 5300, 5400)))
        assert of(found, "delivered")[0].recognised == -100

    def test_what_left_the_accounts_took_it_along(self) -> None:
        """By replacement shares that were transferred to elsewhere."""
        gone = closed("b", 60, 70, 100, 750, 750, kind=DisposalKind.TRANSFER, taxable=False)
        found = find_wash_sales(book(closed("a", 0, 50, 100, 1000, 800), gone))
        assert (found.left, found.deferred) == exact(200, 0)


class TestWhatIsNoPurchase:
    @pytest.mark.parametrize(
        ("kind", "washes"),
        [
            (EntryKind.TRADE, True),
            (EntryKind.REINVESTMENT, True),
            (EntryKind.ASSIGNMENT, True),
            (EntryKind.SPIN_OFF, False),
            (EntryKind.REORGANISATION, False),
        ],
    )
    def test_it_replaces_nothing(self, kind: EntryKind, *, washes: bool) -> None:
        """By lots that came by entries of each kind."""
        entry = Entry(
            id=named("entry"),
            account=TAXED,
            line=named("buy b"),
            day=day(60),
            at=None,
            kind=kind,
            postings=(),
        )
        found = find_wash_sales(
            book(entry, closed("a", 0, 50, 100, 1000, 800), held("b", 60, 100, 750))
        )
        assert bool(found.sales) is washes
