"""The tables of the sandbox brokerage: holders, their accounts, what happened, and leave to read.

A holder is a customer of the paper brokerage and no account of OPTIX: the two meet over HTTP only,
like any brokerage. So no row here is a user's, and a transaction of a user sees none of them.
Keys, codes and tokens are kept as digests only.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base

HOLDER = "sandbox_holder.id"


class SandboxHolder(Base):
    """One customer, known by the key in the cookie of one browser."""

    __tablename__ = "sandbox_holder"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    key_digest: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]


class SandboxAccount(Base):
    """One paper account. What it holds is the sum of its activities and is kept nowhere else."""

    __tablename__ = "sandbox_account"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey(HOLDER, ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    seed: Mapped[str]
    opened_on: Mapped[date]


class SandboxActivity(Base):
    """One line of an account's history. `place` orders the lines of an account; they stay."""

    __tablename__ = "sandbox_activity"
    __table_args__ = (UniqueConstraint("account_id", "place"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey(HOLDER, ondelete="CASCADE"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("sandbox_account.id", ondelete="CASCADE"))
    place: Mapped[int]
    kind: Mapped[str]
    day: Mapped[date]
    at: Mapped[datetime]
    symbol: Mapped[str | None]
    quantity: Mapped[Decimal | None]
    price: Mapped[Decimal | None]
    cash: Mapped[Decimal]
    fees: Mapped[Decimal]
    effect: Mapped[str | None]
    order_id: Mapped[str]
    activity_group: Mapped[str]
    description: Mapped[str]


class SandboxOrder(Base):
    """One paper order. `legs` is what was asked for; its fills are activities with its id."""

    __tablename__ = "sandbox_order"
    __table_args__ = (
        Index("ix_sandbox_order_working", "placed_at", postgresql_where="status = 'working'"),
        Index("ix_sandbox_order_account", "account_id", "placed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey(HOLDER, ondelete="CASCADE"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("sandbox_account.id", ondelete="CASCADE"))
    status: Mapped[str]
    kind: Mapped[str]
    legs: Mapped[list[Any]] = mapped_column(JSONB)
    net_limit: Mapped[Decimal | None]
    reason: Mapped[str]
    placed_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SandboxGrant(Base):
    """A code, an access token or a refresh token, as a digest.

    All that came from one consent share a `family`; a code or a refresh token is used once, and a
    second use ends the family.
    """

    __tablename__ = "sandbox_grant"

    digest: Mapped[str] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(ForeignKey(HOLDER, ondelete="CASCADE"), index=True)
    family: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    redirect_uri: Mapped[str]
    challenge: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
