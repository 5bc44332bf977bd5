"""Gains by tax year, account and term, from disposals that wash sales have been through.

Sources: 26 U.S.C. §1222 (more than one year is long-term), §1234 (options), §1233 (short sales);
Rev. Rul. 66-7 (a year of holding begins on the day after the purchase); IRS Publication 550,
"Holding Period", "Options" and "Short Sales".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.section_1256 import is_section_1256
from optix.features.portfolio.ledger.values import Disposal
from optix.features.portfolio.ledger.wash_sales import AdjustedDisposal

TAX_NOTICE: Final = (
    "An aid for your own records, not tax advice. It follows the rules named in its documents and "
    "knows only the accounts that are connected here. Compare it with your broker's Form 1099-B, "
    "and ask a tax adviser before you file."
)


class Term(StrEnum):
    SHORT = "short"  # one year or less
    LONG = "long"


def first_long_day(held_since: date) -> date:
    """Return the first day on which a sale is long-term, of what was acquired on `held_since`.

    The year begins on the day after; a year from 29 February, which most years have not, ends with
    February.
    """
    begins = held_since + timedelta(days=1)
    if (begins.month, begins.day) == (2, 29):
        return date(begins.year + 1, 3, 1)
    return begins.replace(year=begins.year + 1)


def term_of(disposal: Disposal, *, against_long_held: bool = False) -> Term:
    """Return the term of a gain that is not of a section 1256 contract.

    A written option that expires or is bought back is short-term (§1234(b)); so is a short sale,
    as what closes it was bought for that (§1233(a)), unless it is a loss `against_long_held` shares
    of the same owner (§1233(d)).
    """
    if disposal.quantity < 0:
        is_long = against_long_held and disposal.gain < 0
    else:
        is_long = disposal.closed >= first_long_day(disposal.held_since)
    return Term.LONG if is_long else Term.SHORT


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxableGain:
    """One taxed disposal in its year and term."""

    year: int
    term: Term
    found: AdjustedDisposal


@dataclass(frozen=True, slots=True, kw_only=True)
class GainTotal:
    """Sums of one year, account, currency and term: `gain` = proceeds - basis + disallowed.

    `basis` has the deferred losses in it, `washed` is their sum; `lost` is the part of `disallowed`
    that no replacement keeps.
    """

    year: int
    account: UUID
    currency: str
    term: Term
    count: int = 0
    proceeds: Decimal = Decimal(0)
    basis: Decimal = Decimal(0)
    washed: Decimal = Decimal(0)
    disallowed: Decimal = Decimal(0)
    lost: Decimal = Decimal(0)

    @property
    def gain(self) -> Decimal:
        return self.proceeds - self.basis + self.disallowed


def taxable_gains(
    disposals: Iterable[AdjustedDisposal],
    sheltered: frozenset[UUID] = frozenset(),
    long_losses: frozenset[UUID] = frozenset(),
) -> tuple[TaxableGain, ...]:
    """Return what belongs on Form 8949, by day of closing. `short_sales` finds `long_losses`.

    Left out are accounts in `sheltered`, section 1256 contracts (Form 6781 has them), and what is
    not taxable: an option that was exercised or assigned, whose premium went into the shares, and
    what left for elsewhere. The year is that of the trade. (Rev. Rul. 2002-44 puts the loss, not
    the gain, of a short sale on the day of delivery, which a book does not know.)
    """
    found = [
        TaxableGain(
            year=each.disposal.closed.year,
            term=term_of(each.disposal, against_long_held=each.source in long_losses),
            found=each,
        )
        for each in disposals
        if each.disposal.taxable
        and each.disposal.account not in sheltered
        and not is_section_1256(each.disposal.asset)
    ]
    return tuple(sorted(found, key=lambda each: each.found.disposal.closed))


def total_gains(gains: Iterable[TaxableGain]) -> tuple[GainTotal, ...]:
    """Return the sums, by year, account, currency and term (short before long). All exact."""
    sums: dict[tuple[int, str, str, bool], GainTotal] = {}
    for each in gains:
        disposal = each.found.disposal
        currency = disposal.asset.currency
        place = (each.year, str(disposal.account), currency, each.term is Term.LONG)
        row = sums.get(place) or GainTotal(
            year=each.year, account=disposal.account, currency=currency, term=each.term
        )
        sums[place] = replace(
            row,
            count=row.count + 1,
            proceeds=row.proceeds + disposal.proceeds,
            basis=row.basis + disposal.basis,
            washed=row.washed + each.found.washed,
            disallowed=row.disallowed + each.found.disallowed,
            lost=row.lost + each.found.lost,
        )
    return tuple(sums[place] for place in sorted(sums))
