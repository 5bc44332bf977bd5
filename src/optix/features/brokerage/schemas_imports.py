"""What the API says of imports. Amounts are decimal texts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ImportedActivity(_Answer):
    """The line of history that a row is."""

    kind: str
    day: date = Field(description="In the broker's calendar.")
    at: datetime | None
    symbol: str | None = Field(description="Canonical; for an option the OCC key of its contract.")
    asset_kind: str | None
    quantity: str | None = Field(description="Positive for what came in.")
    price: str | None = Field(description="Per unit, in the currency.")
    cash: str = Field(description="With all fees; positive is received.")
    fees: str | None = Field(description="Part of `cash`, never positive.")
    currency: str
    effect: Literal["opening", "closing"] | None
    description: str


class ImportRow(_Answer):
    line: int = Field(description="Line of the file, or the how-manieth record of a document.")
    account: int = Field(description="Place in `accounts`, from 0.")
    verdict: Literal["new", "known", "unreadable", "ignored"]
    why: str
    activity: ImportedActivity | None


class ImportAccount(_Answer):
    number: str = Field(description="As the file has it, masked to its end.")
    name: str
    currency: str
    account: UUID | None = Field(description="Where it goes; null: to an account that is made.")


class ImportCounts(_Answer):
    new: int
    known: int
    unreadable: int
    ignored: int


class ImportSummary(_Answer):
    id: UUID
    format: str
    broker: str
    broker_label: str
    file_name: str
    state: Literal["preview", "confirmed"]
    accounts: list[ImportAccount]
    counts: ImportCounts
    created_at: datetime
    confirmed_at: datetime | None


class Import(ImportSummary):
    """An import with a page of its rows."""

    rows: list[ImportRow]
    next: str | None = Field(description="The cursor of the next rows; null after the last.")


class ImportList(_Answer):
    imports: list[ImportSummary]
