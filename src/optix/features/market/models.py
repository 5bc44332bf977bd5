"""The table of market data agreements. A row is one declaration; it is never changed but ended."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class MarketDataAgreement(Base):
    """What somebody declared about their use of market data, under which text, and until when."""

    __tablename__ = "market_data_agreement"
    __table_args__ = (
        # One that holds at most, whatever two requests at once do.
        Index(
            "uq_market_data_agreement_holds",
            "user_id",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    version: Mapped[str]
    full_name: Mapped[str]
    answers: Mapped[dict[str, bool]] = mapped_column(JSONB)
    professional: Mapped[bool]
    signed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
