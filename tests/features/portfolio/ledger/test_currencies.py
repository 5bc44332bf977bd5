"""Currencies are never added: cash of another one than the security's stands by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from tests.features.portfolio.ledger.golden_book import account_of, asset_of

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.values import (
    Book,
    BookingRules,
    FamilyBook,
    LedgerLine,
    ProblemCode,
)
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.money import Money

STOCK = replace(asset_of("ASML"), currency="EUR")
OPTION = asset_of("ASML250321P00150000")


def line(number: int, kind: ActivityKind, quantity: int, cash: str, currency: str) -> LedgerLine:
    return LedgerLine(
        id=UUID(int=number),
        account=account_of("A"),
        activity=Activity(
            id=f"n{number}",
            kind=kind,
            status=ActivityStatus.POSTED,
            day=date(2025, 1, number),
            asset=STOCK,
            quantity=Decimal(quantity),
            cash=Money(Decimal(cash), currency),
        ),
    )


def booked(*lines: LedgerLine) -> FamilyBook:
    return book_family(lines, BookingRules())


def totals(book: FamilyBook) -> dict[tuple[Book, str], Decimal]:
    found: dict[tuple[Book, str], Decimal] = {}
    for entry in book.entries:
        for each in entry.postings:
            key = (each.book, each.currency)
            found[key] = found.get(key, Decimal(0)) + each.amount
    return {key: amount for key, amount in found.items() if amount}


class TestTradesOfAnotherCurrency:
    def test_a_trade_in_its_own_currency_stays_in_it(self) -> None:
        book = booked(
            line(1, ActivityKind.TRADE, 10, "-6000", "EUR"),
            line(2, ActivityKind.TRADE, -10, "6500", "EUR"),
        )
        assert totals(book) == {(Book.CASH, "EUR"): Decimal(500), (Book.GAINS, "EUR"): -500}
        assert book.problems == ()

    def test_cash_of_another_currency_is_in_suspense_and_told(self) -> None:
        """Bought for euros, sold for dollars: no rate is known, so no gain is made of both."""
        book = booked(
            line(1, ActivityKind.TRADE, 10, "-6000", "EUR"),
            line(2, ActivityKind.TRADE, -10, "6500", "USD"),
        )
        assert totals(book) == {
            (Book.CASH, "EUR"): -6000,
            (Book.GAINS, "EUR"): 6000,
            (Book.CASH, "USD"): 6500,
            (Book.SUSPENSE, "USD"): -6500,
        }
        (problem,) = book.problems
        assert (problem.code, problem.amount) == (ProblemCode.CURRENCY_UNCLEAR, Decimal(6500))
        assert len({entry.id for entry in book.entries}) == 3

    def test_a_line_without_cash_is_of_the_currency_of_what_it_moves(self) -> None:
        """Adapters write no cash as zero dollars: that is no cash of another currency."""
        out = line(2, ActivityKind.TRANSFER, -10, "0", "USD")
        book = booked(line(1, ActivityKind.TRADE, 10, "-6000", "EUR"), out)
        assert book.problems == ()
        assert totals(book)[Book.EXTERNAL, "EUR"] == 6000

    def test_a_dividend_may_be_paid_in_another_currency(self) -> None:
        book = booked(line(1, ActivityKind.DIVIDEND, 10, "15.20", "USD"))
        assert totals(book) == {
            (Book.CASH, "USD"): Decimal("15.20"),
            (Book.DIVIDENDS, "USD"): Decimal("-15.20"),
        }
        assert book.problems == ()


class TestEventsOfTwoCurrencies:
    def test_an_option_in_dollars_takes_no_shares_in_euros(self) -> None:
        """The group joins both, but their money cannot be added: each is booked by itself."""
        sold = line(1, ActivityKind.TRADE, -1, "250", "USD")
        ended = line(2, ActivityKind.ASSIGNMENT, 1, "0", "USD")
        shares = line(3, ActivityKind.ASSIGNMENT, 100, "-15000", "EUR")
        lines = [
            replace(sold, activity=replace(sold.activity, asset=OPTION)),
            replace(ended, activity=replace(ended.activity, asset=OPTION, group="g")),
            replace(shares, activity=replace(shares.activity, group="g")),
        ]
        book = booked(*lines)
        assert [problem.code for problem in book.problems] == [ProblemCode.DELIVERY_MISSING]
        assert [(lot.asset.currency, lot.basis) for lot in book.lots] == [("EUR", Decimal(15000))]
        assert totals(book)[Book.SUSPENSE, "USD"] == -250
