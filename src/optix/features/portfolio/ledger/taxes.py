"""Taxes of one family: marks, then short sales, then wash sales, then gains by year and term."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from optix.features.portfolio.ledger.gains import TaxableGain, taxable_gains
from optix.features.portfolio.ledger.section_1256 import (
    Form6781,
    Marks,
    form_6781,
    mark_to_market,
)
from optix.features.portfolio.ledger.securities import WashRules
from optix.features.portfolio.ledger.short_sales import apply_short_sales
from optix.features.portfolio.ledger.values import FamilyBook, Lot, Problem
from optix.features.portfolio.ledger.wash_sales import WashSale, find_wash_sales


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyTaxes:
    """What a book is to taxes. `lots` are what is open, with deferred losses in basis and days.

    `problems` are those that the book does not have already. `unjudged` are lots of puts sold whose
    depth nobody knows (`WashRules.prices`).
    """

    gains: tuple[TaxableGain, ...]
    washes: tuple[WashSale, ...]
    index_contracts: tuple[Form6781, ...]
    lots: tuple[Lot, ...]
    problems: tuple[Problem, ...]
    unjudged: tuple[UUID, ...]


def tax_family(book: FamilyBook, marks: Marks, rules: WashRules) -> FamilyTaxes:
    """Return the taxes of a family that `book_family` booked."""
    marked = mark_to_market(book, marks)
    after = apply_short_sales(marked.book, rules.sheltered)
    found = find_wash_sales(after.book, rules)
    return FamilyTaxes(
        gains=taxable_gains(found.disposals, rules.sheltered, after.long_losses),
        washes=found.sales,
        index_contracts=form_6781(marked, rules.sheltered),
        lots=found.lots,
        problems=marked.book.problems[len(book.problems) :],
        unjudged=found.unjudged,
    )
