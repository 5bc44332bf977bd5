"""The table of overrides: legs that their owner put together."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class StructureOverride(Base):
    """Legs of one account that belong together because their owner says so.

    `legs` are `{"asset": Asset.key, "symbol": …, "quantity": signed decimal text}`. A sync never
    touches it: where a leg is gone, the structure is told as fallen until its owner deletes it or
    the leg is back.
    """

    __tablename__ = "structure_override"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    account_id: Mapped[UUID] = mapped_column(
        ForeignKey("broker_account.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    legs: Mapped[list[Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime]
