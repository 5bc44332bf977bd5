"""The table of watchlists: one row a list, with every field's stamp (`rules`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class WatchlistRow(Base):
    """`fields` and `entries` are `{name: [value, at_ms, edit]}`, of the list and by entry.

    Devices choose the ids of lists, so an id is one list of one user only.
    """

    __tablename__ = "watchlist"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB)
    entries: Mapped[dict[str, Any]] = mapped_column(JSONB)
    changed_at: Mapped[datetime]
