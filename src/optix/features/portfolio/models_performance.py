"""The table of what accounts were worth. A projection: it can be made again at any time."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class AccountDay(Base):
    """One session of one account in one currency; the fields are those of `equity.EquityDay`."""

    __tablename__ = "account_day"
    __table_args__ = (
        Index("ix_account_day_owner", "user_id", "day"),
        UniqueConstraint("account_id", "currency", "day"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("broker_account.id", ondelete="CASCADE"))
    currency: Mapped[str]
    day: Mapped[date]
    value: Mapped[Decimal | None] = mapped_column(Numeric)
    quality: Mapped[str]
    reason: Mapped[str]
    source: Mapped[str]
    as_of: Mapped[datetime | None]
    inflow: Mapped[Decimal] = mapped_column(Numeric)
    outflow: Mapped[Decimal] = mapped_column(Numeric)
    inner_in: Mapped[Decimal] = mapped_column(Numeric)
    inner_out: Mapped[Decimal] = mapped_column(Numeric)
    flows_known: Mapped[bool]
    positions: Mapped[int]
    covered: Mapped[int]
