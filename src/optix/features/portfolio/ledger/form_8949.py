"""Rows of Form 8949, in its columns, and as CSV.

Source: IRS, Instructions for Form 8949, columns (a) to (h), "Short sales", "Options", "Wash sales"
and the boxes above parts I and II (those for digital assets exist since tax year 2025).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.gains import TaxableGain, Term
from optix.features.portfolio.ledger.values import Disposal, DisposalKind
from optix.kernel.holding import Asset, AssetKind
from optix.kernel.instrument import Right
from optix.kernel.money import Rounding

COLUMNS: Final = (
    "Box",
    "(a) Description of property",
    "(b) Date acquired",
    "(c) Date sold or disposed of",
    "(d) Proceeds",
    "(e) Cost or other basis",
    "(f) Code",
    "(g) Adjustment",
    "(h) Gain or loss",
)
EXPIRED: Final = "EXPIRED"
_CENT: Final = Decimal("0.01")
_DIGITAL_SINCE: Final = 2025
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Reported(StrEnum):
    """What the broker's statement says of a sale."""

    WITH_BASIS = "with_basis"  # Form 1099-B, and the basis was reported to the IRS
    WITHOUT_BASIS = "without_basis"  # Form 1099-B, and the basis was not
    NOT = "not"  # no Form 1099-B, or nobody told us of one


_BOXES: Final = {
    (Reported.WITH_BASIS, Term.SHORT): ("A", "G"),
    (Reported.WITHOUT_BASIS, Term.SHORT): ("B", "H"),
    (Reported.NOT, Term.SHORT): ("C", "I"),
    (Reported.WITH_BASIS, Term.LONG): ("D", "J"),
    (Reported.WITHOUT_BASIS, Term.LONG): ("E", "K"),
    (Reported.NOT, Term.LONG): ("F", "L"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """What is known of brokers' statements, by sale (`AdjustedDisposal.source`) and by account."""

    sales: Mapping[UUID, Reported] = field(default_factory=dict)
    accounts: Mapping[UUID, Reported] = field(default_factory=dict)

    def of(self, gain: TaxableGain) -> Reported:
        """Return what is known of one sale; `NOT` where nothing is."""
        by_account = self.accounts.get(gain.found.disposal.account, Reported.NOT)
        return self.sales.get(gain.found.source, by_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form8949Row:
    """One line. Dates are MM/DD/YYYY or, as proceeds and cost may be, a word; money has cents.

    `gain` = proceeds - cost + adjustment in the amounts that stand there, as the form adds them.
    """

    disposal: UUID
    account: UUID
    year: int
    term: Term
    box: str
    description: str
    acquired: str
    sold: str
    proceeds: str
    cost: str
    code: str
    adjustment: str
    gain: str

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            self.box,
            self.description,
            self.acquired,
            self.sold,
            self.proceeds,
            self.cost,
            self.code,
            self.adjustment,
            self.gain,
        )


def form_8949(
    gains: Iterable[TaxableGain], year: int, reporting: Reporting | None = None
) -> tuple[Form8949Row, ...]:
    """Return the rows of one tax year: part I (short-term) before part II, then by day.

    Only gains in dollars have a row: nobody gave a rate for others.
    """
    known = reporting or Reporting()
    mine = [
        each for each in gains if each.year == year and each.found.disposal.asset.currency == "USD"
    ]
    mine.sort(key=lambda each: (each.term is Term.LONG, each.found.disposal.closed))
    return tuple(_row(each, known.of(each)) for each in mine)


def as_csv(rows: Iterable[Form8949Row]) -> str:
    """Return rows as a CSV with a header. No cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_safe(cell) for cell in row.cells] for row in rows)
    return text.getvalue()


def _row(gain: TaxableGain, reported: Reported) -> Form8949Row:
    found, disposal = gain.found, gain.found.disposal
    proceeds, cost = _cents(disposal.proceeds), _cents(disposal.basis)
    adjustment = _cents(found.disallowed)
    acquired, sold = _days(disposal)
    expired = disposal.kind is DisposalKind.EXPIRY
    owned = disposal.quantity > 0
    plain_box, digital_box = _BOXES[reported, gain.term]
    digital = disposal.asset.kind is AssetKind.CRYPTO and gain.year >= _DIGITAL_SINCE
    return Form8949Row(
        disposal=disposal.id,
        account=disposal.account,
        year=gain.year,
        term=gain.term,
        box=digital_box if digital else plain_box,
        description=describe(disposal),
        acquired=acquired,
        sold=sold,
        proceeds=EXPIRED if expired and owned and not proceeds else _plain(proceeds),
        cost=EXPIRED if expired and not owned and not cost else _plain(cost),
        code="W" if adjustment else "",
        adjustment=_plain(adjustment) if adjustment else "",
        gain=_plain(proceeds - cost + adjustment),
    )


def describe(disposal: Disposal) -> str:
    """Return column (a): how much of what, and whether it was a short sale or written."""
    asset = disposal.asset
    count = _plain(abs(disposal.quantity).normalize())
    if asset.contract is not None:
        contract = asset.contract
        side = "CALL" if contract.right is Right.CALL else "PUT"
        strike = _plain(Decimal(contract.strike_milli).scaleb(-3).normalize())
        text = f"{count} {contract.root} {contract.expiration:%m/%d/%Y} {side} {strike}"
        return text if disposal.quantity > 0 else f"{text} written"
    text = f"{count} {_unit(asset)}{asset.symbol}"
    return text if disposal.quantity > 0 else f"{text} short sale"


def _unit(asset: Asset) -> str:
    return "sh. " if asset.kind in {AssetKind.STOCK, AssetKind.ETF, AssetKind.FUND} else ""


def _days(disposal: Disposal) -> tuple[str, str]:
    """Return columns (b) and (c).

    A holding period that was tacked on begins in (b). A short sale has the day on which the shares
    were bought that closed it in (b), and that on which they were delivered in (c): here the same.
    A written option has the day of its expiry or buying back in (b) and that of its writing in (c).
    """
    if disposal.quantity > 0:
        return _day(disposal.held_since), _day(disposal.closed)
    if disposal.asset.contract is not None:
        return _day(disposal.closed), _day(disposal.opened)
    return _day(disposal.closed), _day(disposal.closed)


def _day(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def _plain(amount: Decimal) -> str:
    return format(amount, "f")


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=Rounding.BOOK)


def _safe(cell: str) -> str:
    """A text that a spreadsheet would compute gets a quote in front; a number is one already."""
    if not cell.startswith(_FORMULA):
        return cell
    number = cell.removeprefix("-").replace(".", "", 1)
    return cell if number.isascii() and number.isdigit() else f"'{cell}"
