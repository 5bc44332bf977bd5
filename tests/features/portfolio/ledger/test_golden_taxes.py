"""The golden book of taxes: what a person worked out by hand is what the rules give, to the cent.

Beside what `golden_book` says of a case, those of `golden/taxes.toml` have `[[case.tax]]` tables:

    readings   ["narrow", "conservative"]: for which of them it is expected
    ira        ["I"]: accounts that owe no tax
    prices     ["XYZ 2025-02-20 40.00"]: of underlyings, on days
    marks      ["SPX251219C06000000 2025 15.00"]: at the ends of years; `through` is the last one
    washes     ["A XYZ 2025-02-05 100 200.00 by A 2025-02-20 days=30"], or ` lost`: account, symbol,
               day of the sale, shares, what is disallowed, account and day of the replacement
    gains      ["2025 A short 800.00 1000.00 200.00 0.00"]: year, account, term, proceeds, basis,
               disallowed, gain
    form_6781  ["2025 A 400.00 0.00 500.00 900.00 540.00 360.00"]: year, account, realised,
               unrealised before and after, gain, its long and short terms
    lots       as in `golden_book`, with ` washed=200.00`
    problems   ["price_unknown"]
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.features.portfolio.ledger.golden_book import (
    Case,
    account_of,
    asset_of,
    cases,
    lines_of,
    plain,
    rules_of,
    shown_lot,
)

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.gains import total_gains
from optix.features.portfolio.ledger.section_1256 import Marks
from optix.features.portfolio.ledger.securities import WashReading, WashRules
from optix.features.portfolio.ledger.short_sales import apply_short_sales
from optix.features.portfolio.ledger.taxes import FamilyTaxes, tax_family
from optix.features.portfolio.ledger.values import FamilyBook, Lot
from optix.features.portfolio.ledger.wash_sales import find_wash_sales

CASES = [
    (case, tax, WashReading(reading))
    for case in cases()
    for tax in case.told.get("tax", ())
    for reading in tax["readings"]
]


def booked(case: Case) -> FamilyBook:
    return book_family(lines_of(case), rules_of(case, []))


def taxed(case: Case, tax: dict[str, Any], reading: WashReading) -> FamilyTaxes:
    prices = {}
    for text in tax.get("prices", ()):
        symbol, on, price = text.split()
        prices[symbol, date.fromisoformat(on)] = Decimal(price)
    marks = {}
    for text in tax.get("marks", ()):
        symbol, year, price = text.split()
        marks[asset_of(symbol).key, int(year)] = Decimal(price)
    rules = WashRules(
        reading=reading,
        sheltered=frozenset(account_of(name) for name in tax.get("ira", ())),
        prices=prices,
    )
    return tax_family(booked(case), Marks(through=tax.get("through", 2025), prices=marks), rules)


def names(case: Case) -> dict[str, str]:
    return {str(account_of(line.split()[1])): line.split()[1] for line in case.told["lines"]}


def shown_washes(case: Case, found: FamilyTaxes) -> list[str]:
    known = names(case)
    sold = {each.id: each.asset.symbol for each in booked(case).disposals}
    rows = []
    for each in found.washes:
        text = (
            f"{known[str(each.account)]} {sold.get(each.disposal, '?')} {each.sold} "
            f"{plain(each.shares)[1:]} {each.disallowed:.2f} "
            f"by {known[str(each.replacement_account)]} {each.acquired}"
        )
        text += " lost" if each.lost else ""
        rows.append(text + (f" days={each.days_tacked}" if each.days_tacked else ""))
    return rows


def shown_gains(case: Case, found: FamilyTaxes) -> list[str]:
    known = names(case)
    return [
        f"{row.year} {known[str(row.account)]} {row.term} {row.proceeds:.2f} {row.basis:.2f} "
        f"{row.disallowed:.2f} {row.gain:.2f}"
        for row in total_gains(found.gains)
    ]


def shown_forms(case: Case, found: FamilyTaxes) -> list[str]:
    known = names(case)
    return [
        f"{row.year} {known[str(row.account)]} {row.realised:.2f} {row.unrealised_before:.2f} "
        f"{row.unrealised_after:.2f} {row.gain:.2f} {row.terms.long_term:.2f} "
        f"{row.terms.short_term:.2f}"
        for row in found.index_contracts
    ]


def shown_taxed_lot(case: Case, lot: Lot) -> str:
    text = f"{names(case)[str(lot.account)]} {shown_lot(lot)}"
    return text + (f" washed={lot.washed:.2f}" if lot.washed else "")


def test_there_are_at_least_eighteen_cases() -> None:
    """By their titles."""
    assert len({case.title for case, _, _ in CASES}) >= 18


@pytest.mark.parametrize(
    ("case", "tax", "reading"), CASES, ids=lambda each: each.title if hasattr(each, "title") else ""
)
class TestCase:
    def test_wash_sales_are_those_worked_out(
        self, case: Case, tax: dict[str, Any], reading: WashReading
    ) -> None:
        """Also in their order: losses as they were sold, replacements as they were bought."""
        assert shown_washes(case, taxed(case, tax, reading)) == tax.get("washes", [])

    def test_gains_are_those_worked_out(
        self, case: Case, tax: dict[str, Any], reading: WashReading
    ) -> None:
        found = shown_gains(case, taxed(case, tax, reading))
        assert sorted(found) == sorted(tax.get("gains", []))

    def test_form_6781_is_what_was_worked_out(
        self, case: Case, tax: dict[str, Any], reading: WashReading
    ) -> None:
        assert shown_forms(case, taxed(case, tax, reading)) == tax.get("form_6781", [])

    def test_lots_and_problems_are_those_worked_out(
        self, case: Case, tax: dict[str, Any], reading: WashReading
    ) -> None:
        found = taxed(case, tax, reading)
        lots = [shown_taxed_lot(case, lot) for lot in found.lots]
        assert sorted(lots) == sorted(tax.get("lots", []))
        assert [each.code.value for each in found.problems] == tax.get("problems", [])


@pytest.mark.parametrize("reading", list(WashReading))
@pytest.mark.parametrize(
    "case",
    [case for case in cases() if "choices" not in case.told],  # whose lots need a booking first
    ids=lambda case: case.title,
)
def test_no_case_makes_or_loses_a_cent(case: Case, reading: WashReading) -> None:
    """By every case of the golden book, of whatever it tells: gains before and after short sales
    and wash sales, and what lies in lots.
    """
    book = booked(case)
    after = apply_short_sales(book).book
    found = find_wash_sales(after, WashRules(reading=reading, short_puts=True))
    before = sum((each.gain for each in book.disposals if each.taxable), Decimal(0))
    recognised = sum((each.recognised for each in found.disposals), Decimal(0))
    assert before == recognised - found.deferred - found.lost - found.left
    held = sum((lot.basis for lot in book.lots), Decimal(0))
    assert sum((lot.basis for lot in found.lots), Decimal(0)) == held + found.deferred
