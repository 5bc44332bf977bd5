"""What the endpoints of watchlists take and say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from optix.features.watchlists.registers import Column, Refusal, Verdict
from optix.kernel import limits

Symbols = Annotated[list[str], Field(max_length=limits.WATCHLIST_SYMBOLS_MAX)]
EntryText = Annotated[
    str,
    Field(
        max_length=64,
        description="A symbol, or `section:` and a UUID for a headline.",
        examples=["SPY"],
    ),
]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WatchlistCreate(Schema):
    name: str = Field(max_length=limits.WATCHLIST_NAME_LENGTH_MAX * 2)
    symbols: Symbols = Field(default=[], description="What it begins with, in this order.")
    columns: list[Column] = Field(default=[], max_length=len(Column))


class WatchlistUpdate(Schema):
    """What is left out stays."""

    name: str | None = Field(None, max_length=limits.WATCHLIST_NAME_LENGTH_MAX * 2)
    columns: list[Column] | None = Field(None, max_length=len(Column))
    after: UUID | None = Field(
        None, description="Place the list behind this one; the list itself: at the beginning."
    )


class WatchlistSymbolsAdd(Schema):
    symbols: list[str] = Field(min_length=1, max_length=limits.WATCHLIST_SYMBOLS_MAX)
    section: str | None = Field(
        None, max_length=64, description="Key of the headline to put them under; else at the end."
    )


class WatchlistEntryUpdate(Schema):
    note: str = Field(max_length=limits.WATCHLIST_NOTE_LENGTH_MAX * 2)


class WatchlistOrder(Schema):
    entries: list[EntryText] = Field(
        min_length=1,
        max_length=limits.WATCHLIST_SYMBOLS_MAX + limits.WATCHLIST_SECTIONS_MAX,
        description="Keys in their new order. What is not named stays behind those that are.",
    )


class WatchlistEntry(Schema):
    key: str = Field(description="A symbol, or `section:` and a UUID.")
    kind: Literal["symbol", "section"]
    rank: str = Field(description="Text that orders entries; a rank between two moves one.")
    note: str = Field(description="A note of the owner; of a section its headline.")


class Watchlist(Schema):
    id: UUID
    name: str
    rank: str
    columns: list[Column]
    entries: list[WatchlistEntry] = Field(description="In their order.")


class WatchlistList(Schema):
    items: list[Watchlist] = Field(description="In their order.")
    symbols_max: int = Field(description="How many symbols one list may have here.")


class WatchlistEdit(Schema):
    """One change made on a device, perhaps while it was offline.

    Each field of a list (`name`, `rank`, `columns`, `alive`) or of one of its entries (`rank`,
    `note`, `alive`) is decided by itself: the change that was made last stands. The same edit sent
    again changes nothing.
    """

    id: UUID = Field(description="Chosen by the device, once for each edit.")
    made_at: datetime = Field(description="When it was made; a moment to come counts as now.")
    list_id: UUID = Field(description="A new list is one whose first edit sets `alive`.")
    entry: EntryText | None = None
    changes: dict[str, Any] = Field(min_length=1, max_length=8)


class WatchlistEditBatch(Schema):
    edits: list[WatchlistEdit] = Field(min_length=1, max_length=limits.WATCHLIST_EDITS_MAX)


class WatchlistEditOutcome(Schema):
    id: UUID
    verdict: Verdict
    refusal: Refusal | None


class WatchlistEditAnswer(Schema):
    outcomes: list[WatchlistEditOutcome] = Field(description="In the order of the edits.")
    items: list[Watchlist] = Field(description="All lists as they are now.")
    symbols_max: int


class WatchlistImportText(Schema):
    text: str = Field(max_length=limits.WATCHLIST_TEXT_LENGTH_MAX)


class WatchlistImportRow(Schema):
    line: int = Field(description="Counted from 1.")
    text: str
    symbol: str | None
    section: str
    note: str
    verdict: Literal["ok", "repeated", "unreadable"]
    problem: str | None


class WatchlistImportPreview(Schema):
    """What a text would bring; nothing is written."""

    rows: list[WatchlistImportRow]
    symbols: list[str] = Field(description="Those that can be added, each once, in order.")
