"""Tables of the audit trail: the events, and the one row that holds both ends of their chain."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class SecurityEventRow(Base):
    """One event. Written by the function `optix_append_security_event` only."""

    __tablename__ = "security_event"
    __table_args__ = (
        CheckConstraint("outcome IN ('success', 'failure')", name="outcome"),
        CheckConstraint("octet_length(chain_hash) = 32", name="chain_hash"),
        Index(None, "user_id", "seq"),
        Index(None, "at"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    outcome: Mapped[str]
    # No foreign keys: the trail outlives the accounts and sessions it tells of.
    user_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    session_id: Mapped[UUID | None]
    address: Mapped[str]
    user_agent: Mapped[str]
    request_id: Mapped[str]
    detail: Mapped[str]  # JSON as text: the chain covers its bytes
    chain_hash: Mapped[bytes] = mapped_column(LargeBinary)


class SecurityChain(Base):
    """One row: the last event, and the last one that retention took away."""

    __tablename__ = "security_chain"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    head_seq: Mapped[int] = mapped_column(BigInteger)
    head_hash: Mapped[bytes] = mapped_column(LargeBinary)
    anchor_seq: Mapped[int] = mapped_column(BigInteger)
    anchor_hash: Mapped[bytes] = mapped_column(LargeBinary)
