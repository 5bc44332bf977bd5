"""Tables of imports: files that a user took from a broker."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class BrokerImport(Base):
    """One file, as a preview or confirmed. `accounts` has one entry for each account of the file.

    What is undone or discarded is deleted.
    """

    __tablename__ = "broker_import"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    format: Mapped[str]
    broker: Mapped[str]
    broker_label: Mapped[str]
    file_name: Mapped[str]
    state: Mapped[str]  # preview, confirmed
    accounts: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class BrokerImportRow(Base):
    """One row of a file with its verdict. `record` is the line of history that it is.

    `activity_id` is the line of the ledger that it shows, once confirmed: a line that came by
    imports stays for as long as one of them shows it.
    """

    __tablename__ = "broker_import_row"
    __table_args__ = (
        Index("ix_broker_import_row_place", "import_id", "place", unique=True),
        Index("ix_broker_import_row_activity_id", "activity_id"),
        Index("ix_broker_import_row_line_id", "user_id", "line_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    import_id: Mapped[UUID] = mapped_column(ForeignKey("broker_import.id", ondelete="CASCADE"))
    place: Mapped[int]
    line: Mapped[int]
    account: Mapped[int]  # its place in the accounts of the import
    verdict: Mapped[str]
    why: Mapped[str]
    line_id: Mapped[str]
    record: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    activity_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("broker_activity.id", ondelete="SET NULL")
    )
