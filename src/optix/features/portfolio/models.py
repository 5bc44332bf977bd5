"""The tables of the ledger: the journal, what it comes to, and what is to be booked.

The journal is only appended to: an entry that is no longer derived from the history is marked with
`superseded_at`, and the one that takes its place is a new row. Lots, disposals and problems are
what the current entries come to; they are written anew with their family. Amounts are NUMERIC
without a scale, and text in JSON.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Numeric, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base

USER = "user_account.id"
ACCOUNT = "broker_account.id"
_CURRENT = text("superseded_at IS NULL")


class LedgerChange(Base):
    """One line that is to be booked: `symbol` is what it names now, or named before.

    Written by a trigger on `broker_activity`, and with what owners enter. Without a line and a
    symbol, all is to be booked anew.
    """

    __tablename__ = "ledger_change"
    __table_args__ = (Index("ix_ledger_change_owner", "user_id", "id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line_id: Mapped[UUID | None]
    symbol: Mapped[str | None]


class LedgerSymbol(Base):
    """Which family a symbol is of. `name` is that of its underlying.

    A line without an asset that is a part of an event stands here as `~` and its id.
    """

    __tablename__ = "ledger_symbol"
    __table_args__ = (Index("ix_ledger_symbol_family", "user_id", "family"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    family: Mapped[str]


class LedgerEntry(Base):
    """One entry of the journal, or what it was until `superseded_at`."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        Index(
            "uq_ledger_entry_current",
            "user_id",
            "entry_id",
            unique=True,
            postgresql_where=_CURRENT,
        ),
        Index("ix_ledger_entry_family", "user_id", "family", postgresql_where=_CURRENT),
        Index("ix_ledger_entry_days", "user_id", "day", "id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID]
    family: Mapped[str]
    line_id: Mapped[UUID]
    also: Mapped[list[UUID]] = mapped_column(ARRAY(PG_UUID))
    day: Mapped[date]
    at: Mapped[datetime | None]
    kind: Mapped[str]
    postings: Mapped[list[Any]] = mapped_column(JSONB)
    digest: Mapped[str]
    booked_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]


class LedgerLot(Base):
    """What is left of one acquisition."""

    __tablename__ = "ledger_lot"
    __table_args__ = (Index("ix_ledger_lot_family", "user_id", "family"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    family: Mapped[str]
    line_id: Mapped[UUID]
    symbol: Mapped[str]
    asset: Mapped[dict[str, Any]] = mapped_column(JSONB)
    opened: Mapped[date]
    opened_at: Mapped[datetime | None]
    held_since: Mapped[date]
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    basis: Mapped[Decimal] = mapped_column(Numeric)
    rolled: Mapped[Decimal] = mapped_column(Numeric)
    bought: Mapped[UUID | None]  # the line of the purchase, through transfers and changes of name
    opening: Mapped[bool]


class LedgerDisposal(Base):
    """A part of one lot that was closed."""

    __tablename__ = "ledger_disposal"
    __table_args__ = (
        Index("ix_ledger_disposal_family", "user_id", "family"),
        Index("ix_ledger_disposal_closed", "user_id", "closed", "id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    family: Mapped[str]
    line_id: Mapped[UUID]
    lot_id: Mapped[UUID]
    opening_line_id: Mapped[UUID]
    kind: Mapped[str]
    symbol: Mapped[str]
    asset: Mapped[dict[str, Any]] = mapped_column(JSONB)
    opened: Mapped[date]
    held_since: Mapped[date]
    closed: Mapped[date]
    closed_at: Mapped[datetime | None]
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    proceeds: Mapped[Decimal] = mapped_column(Numeric)
    basis: Mapped[Decimal] = mapped_column(Numeric)
    taxable: Mapped[bool]
    bought: Mapped[UUID | None]
    opening: Mapped[bool]


class LedgerProblem(Base):
    """What could not be booked as its line says."""

    __tablename__ = "ledger_problem"
    __table_args__ = (Index("ix_ledger_problem_family", "user_id", "family"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    family: Mapped[str]
    line_id: Mapped[UUID]
    code: Mapped[str]
    asset: Mapped[str | None]
    detail: Mapped[str]
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)
    amount: Mapped[Decimal | None] = mapped_column(Numeric)


class OwnLine(Base):
    """A line that its owner entered: an opening position, a correction, an accepted proposal."""

    __tablename__ = "own_line"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    symbol: Mapped[str | None]
    record: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class AccountSetting(Base):
    """How the lots of an account are chosen, and whether its gains are taxed."""

    __tablename__ = "account_setting"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey(ACCOUNT, ondelete="CASCADE"), primary_key=True, index=True
    )
    lot_method: Mapped[str]
    tax_advantaged: Mapped[bool]


class LotChoice(Base):
    """The lots that an owner named for one closing line: `[[lot, quantity], …]`."""

    __tablename__ = "lot_choice"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey(ACCOUNT, ondelete="CASCADE"), index=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    lots: Mapped[list[Any]] = mapped_column(JSONB)
