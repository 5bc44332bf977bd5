"""The golden book: what a person worked out by hand is what booking gives, to the cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.features.portfolio.ledger.golden_book import (
    Case,
    account_of,
    cases,
    cash_of,
    lines_of,
    rules_of,
    shown_disposal,
    shown_lot,
)

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.values import BookingRules, FamilyBook

CASES = cases()


def booked(case: Case) -> FamilyBook:
    lines = lines_of(case)
    opened = [line for line in lines if (line.activity.quantity or 0) > 0]
    lots = list(book_family(opened, BookingRules()).lots) if "choices" in case.told else []
    return book_family(lines, rules_of(case, lots))


def names(case: Case) -> dict[str, str]:
    accounts = {line.split()[1] for line in case.told["lines"]}
    return {str(account_of(name)): name for name in accounts}


def test_there_are_at_least_sixty_cases() -> None:
    assert len(CASES) >= 60
    assert len({case.title for case in CASES}) == len(CASES)
    assert all(case.told["rule"] and case.told["working"] for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
class TestCase:
    def test_cash_is_what_came_and_went(self, case: Case) -> None:
        known = names(case)
        found = {known[str(account)]: amount for account, amount in cash_of(booked(case)).items()}
        expected = {name: Decimal(amount) for name, amount in case.told.get("cash", {}).items()}
        zero = Decimal(0)
        assert {k: v for k, v in found.items() if v != zero} == {
            k: v for k, v in expected.items() if v != zero
        }

    def test_lots_are_those_worked_out(self, case: Case) -> None:
        known = names(case)
        found = [f"{known[str(lot.account)]} {shown_lot(lot)}" for lot in booked(case).lots]
        assert sorted(found) == sorted(case.told.get("lots", []))

    def test_disposals_are_those_worked_out(self, case: Case) -> None:
        known = names(case)
        found = [
            f"{known[str(each.account)]} {shown_disposal(each)}" for each in booked(case).disposals
        ]
        assert sorted(found) == sorted(case.told.get("disposals", []))

    def test_problems_are_those_to_be_told(self, case: Case) -> None:
        found = [problem.code.value for problem in booked(case).problems]
        assert sorted(found) == sorted(case.told.get("problems", []))

    def test_the_journal_balances_and_no_order_of_arrival_matters(self, case: Case) -> None:
        """Booked backwards, the same lines give the same book; each entry sums to zero."""
        book = booked(case)
        for entry in book.entries:
            sums: dict[str, Decimal] = {}
            for posting in entry.postings:
                sums[posting.currency] = sums.get(posting.currency, Decimal(0)) + posting.amount
            assert set(sums.values()) <= {Decimal(0)}
        lines = lines_of(case)
        if "choices" not in case.told:
            backwards = [replace(line) for line in reversed(lines)]
            assert book_family(backwards, rules_of(case, [])) == book
