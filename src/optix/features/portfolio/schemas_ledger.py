"""What the API says of the ledger. Money and quantities are decimal texts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from optix.features.portfolio.ledger.gains import Term
from optix.features.portfolio.ledger.reconciling import Cause
from optix.features.portfolio.ledger.values import (
    Book,
    DisposalKind,
    EntryKind,
    LotMethod,
    ProblemCode,
)
from optix.kernel import limits
from optix.kernel.activity import ActivityKind

Quantity = Annotated[
    Decimal, Field(max_digits=20, decimal_places=8, description="Signed: negative is owed.")
]
Cents = Annotated[Decimal, Field(max_digits=18, decimal_places=6)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lot(_Answer):
    id: UUID
    account_id: UUID
    symbol: str
    kind: str
    currency: str
    quantity: str = Field(description="What is left of it; negative is owed.")
    basis: str = Field(description="Of what is left, with fees; negative was received.")
    rolled: str = Field(description="The part of the basis that came from an option.")
    opened: date
    held_since: date = Field(description="Where the holding period begins.")
    opening: bool = Field(description="From before the history.")
    line_id: UUID


class LotList(_Answer):
    lots: list[Lot]
    next: str | None


class Posting(_Answer):
    book: Book
    amount: str
    currency: str
    asset: str | None
    quantity: str | None


class JournalEntry(_Answer):
    id: UUID
    account_id: UUID
    day: date
    kind: EntryKind
    line_id: UUID = Field(description="The record it comes from.")
    postings: list[Posting] = Field(description="They sum to zero in each currency.")
    booked_at: datetime
    superseded_at: datetime | None = Field(description="Since when another entry stands for it.")


class Journal(_Answer):
    entries: list[JournalEntry]
    next: str | None


class LedgerProblem(_Answer):
    id: UUID
    account_id: UUID
    code: ProblemCode
    line_id: UUID
    asset: str | None
    detail: str
    quantity: str | None
    amount: str | None


class ProblemList(_Answer):
    problems: list[LedgerProblem]


class GainSum(_Answer):
    account_id: UUID
    currency: str
    term: Term
    count: int
    proceeds: str
    basis: str = Field(description="With losses that wash sales deferred into it.")
    disallowed: str = Field(description="Losses that wash sales disallow.")
    lost: str = Field(description="The part of them that nothing will give back.")
    gain: str = Field(description="Proceeds - basis + disallowed.")


class Gain(_Answer):
    disposal_id: UUID
    account_id: UUID
    symbol: str
    kind: DisposalKind
    term: Term
    opened: date
    closed: date
    quantity: str
    proceeds: str
    basis: str
    disallowed: str
    gain: str
    currency: str


class IndexContracts(_Answer):
    """Section 1256 contracts of a year and account: 60 % long, 40 % short, whatever the days."""

    account_id: UUID
    currency: str
    gain: str
    short: str
    long: str


class Gains(_Answer):
    year: int
    years: list[int] = Field(description="Those with gains or losses, the newest first.")
    totals: list[GainSum]
    index_contracts: list[IndexContracts]
    gains: list[Gain] = Field(description="A page of them, by day of closing.")
    next: str | None
    unmarked: int = Field(description="Index contracts whose price at a year's end is not known.")
    notice: str


class LedgerSetting(_Answer):
    account_id: UUID
    lot_method: LotMethod
    tax_advantaged: bool = Field(description="Its gains are not taxed, as in an IRA.")


class LedgerSettingList(_Answer):
    accounts: list[LedgerSetting]


class LedgerSettingUpdate(_Answer):
    """What is left out stays."""

    lot_method: LotMethod | None = None
    tax_advantaged: bool | None = None


class OwnLineCreate(_Answer):
    """What was there before the history begins: a position with its cost, or cash."""

    account_id: UUID
    day: date
    symbol: str | None = Field(
        None, max_length=limits.CONTRACT_TEXT_LENGTH_MAX, description="None is cash."
    )
    quantity: Quantity | None = None
    price: Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=6)] | None = Field(
        None, description="What one unit cost."
    )
    cash: Cents | None = None
    currency: str = Field("USD", pattern="^[A-Z]{3}$")
    note: str = Field("", max_length=limits.OWN_LINE_NOTE_LENGTH_MAX)


class OwnLine(_Answer):
    id: UUID
    account_id: UUID
    kind: ActivityKind
    day: date
    symbol: str | None
    quantity: str | None
    price: str | None
    cash: str
    currency: str
    note: str
    created_at: datetime


class OwnLineList(_Answer):
    lines: list[OwnLine]


class ProposedLine(_Answer):
    kind: ActivityKind
    day: date
    symbol: str | None
    quantity: str | None
    price: str | None
    cash: str
    currency: str


class Difference(_Answer):
    key: str = Field(description="Names it as long as it is the same.")
    cause: Cause
    symbol: str | None = Field(description="Null is cash.")
    currency: str
    ledger: str = Field(description="What the history comes to.")
    broker: str = Field(description="What the broker says.")
    evidence: str
    proposal: list[ProposedLine] = Field(description="Lines that would settle it, if any.")


class ComparedAccount(_Answer):
    account_id: UUID
    state: Literal["equal", "differs", "booking", "not_compared"]
    as_of: datetime | None = Field(description="Of the snapshot that was compared.")
    stale: bool
    differences: list[Difference]


class Reconciliation(_Answer):
    accounts: list[ComparedAccount]


class DifferenceAccept(_Answer):
    account_id: UUID
    key: str = Field(min_length=24, max_length=24, pattern="^[0-9a-f]+$")
