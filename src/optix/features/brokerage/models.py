"""The tables of brokerage: connections, accounts, and what brokers said of them.

Tokens lie in `broker_connection.credentials` only, sealed by the vault. Amounts are NUMERIC without
a scale: what a broker writes is kept to its last digit.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Numeric, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base

USER = "user_account.id"


class BrokerConnection(Base):
    """One login of one user at one brokerage.

    `state` is `connected`, `sign_in_needed` or `disconnected`. `next_sync_at` is when the worker
    reads it next; `claimed_until` is the lease of the worker that reads it now. `failing_since`,
    `failure_code` and `failure_detail` say what is wrong, null where nothing is.
    """

    __tablename__ = "broker_connection"
    __table_args__ = (
        Index(
            "uq_broker_connection_login",
            "user_id",
            "broker",
            "login_key",
            unique=True,
            postgresql_where="state <> 'disconnected'",
        ),
        Index(
            "ix_broker_connection_due",
            "next_sync_at",
            postgresql_where="state = 'connected'",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), index=True)
    broker: Mapped[str]
    login_key: Mapped[str]
    label: Mapped[str]
    state: Mapped[str]
    sign_in: Mapped[str]  # how it was signed in: the word of SignInKind
    credentials: Mapped[bytes | None] = mapped_column(LargeBinary)
    access_ends: Mapped[datetime | None]
    login_ends: Mapped[datetime | None]
    scope: Mapped[str]
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime]
    last_sync_at: Mapped[datetime | None]
    next_sync_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    failures: Mapped[int]
    failing_since: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]
    warned: Mapped[int]  # how many of the warnings before `login_ends` were sent
    disconnected_at: Mapped[datetime | None]


class BrokerAccountRow(Base):
    """One account. It outlives its connection: `stable_key` finds it when it is connected anew.

    `history_first` to `history_last` are the days whose activities were merged whole.
    """

    __tablename__ = "broker_account"
    __table_args__ = (UniqueConstraint("user_id", "broker", "stable_key"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), index=True)
    connection_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("broker_connection.id", ondelete="SET NULL"), index=True
    )
    broker: Mapped[str]
    stable_key: Mapped[str]
    call_key: Mapped[str]
    brokerage: Mapped[str]
    number: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    currency: Mapped[str]
    status: Mapped[str]
    simulated: Mapped[bool]
    created_at: Mapped[datetime]
    history_first: Mapped[date | None]
    history_last: Mapped[date | None]
    snapshot_at: Mapped[datetime | None]  # of the last complete one
    failure_code: Mapped[str | None]
    failure_detail: Mapped[str | None]


class BrokerSnapshot(Base):
    """What an account held at one moment. The last complete one of each day stays."""

    __tablename__ = "broker_snapshot"
    __table_args__ = (Index("ix_broker_snapshot_latest", "account_id", "as_of"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("broker_account.id", ondelete="CASCADE"))
    as_of: Mapped[datetime]
    complete: Mapped[bool]
    positions: Mapped[list[Any]] = mapped_column(JSONB)
    balances: Mapped[list[Any]] = mapped_column(JSONB)
    warnings: Mapped[list[Any]] = mapped_column(JSONB)


class BrokerActivity(Base):
    """One line of an account's history. `ids` are all that the broker has called it.

    `source` is `broker`, or `import` with `import_id`. `absent_since` is set once a whole window no
    longer showed it; nothing is removed for that. `revisions` keeps what the line said before.
    """

    __tablename__ = "broker_activity"
    __table_args__ = (
        Index("ix_broker_activity_days", "account_id", "day"),
        Index("ix_broker_activity_ids", "ids", postgresql_using="gin"),
        Index("ix_broker_activity_owner", "user_id", "day"),
        Index("ix_broker_activity_symbol", "user_id", "symbol"),
        Index(
            "ix_broker_activity_activity_group",
            "user_id",
            "activity_group",
            postgresql_where=text("activity_group <> ''"),
        ),
        Index(
            "ix_broker_activity_replaces",
            "user_id",
            "replaces",
            postgresql_where=text("replaces <> ''"),
        ),
        Index(
            "ix_broker_activity_import_id",
            "import_id",
            postgresql_where=text("import_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("broker_account.id", ondelete="CASCADE"))
    ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    kind: Mapped[str]
    status: Mapped[str]
    day: Mapped[date]
    at: Mapped[datetime | None]
    settles: Mapped[date | None]
    asset: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    symbol: Mapped[str | None]  # of the asset, for searching
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)
    price: Mapped[Decimal | None] = mapped_column(Numeric)
    cash: Mapped[Decimal] = mapped_column(Numeric)
    fees: Mapped[Decimal | None] = mapped_column(Numeric)
    currency: Mapped[str]
    effect: Mapped[str | None]
    order_id: Mapped[str]
    group: Mapped[str] = mapped_column("activity_group")
    replaces: Mapped[str]
    description: Mapped[str]
    source: Mapped[str]
    import_id: Mapped[UUID | None]
    first_seen_at: Mapped[datetime]
    absent_since: Mapped[datetime | None]
    revisions: Mapped[list[Any]] = mapped_column(JSONB)


class BrokerOrder(Base):
    """One order of the session, or open, as the broker states it now."""

    __tablename__ = "broker_order"
    __table_args__ = (UniqueConstraint("account_id", "order_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("broker_account.id", ondelete="CASCADE"))
    order_id: Mapped[str]
    status: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    seen_at: Mapped[datetime]


class BrokerExchange(Base):
    """One exchange with a broker, for the owner's own eyes. Holds no secret and no number."""

    __tablename__ = "broker_exchange"
    __table_args__ = (Index("ix_broker_exchange_latest", "connection_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey(USER, ondelete="CASCADE"), index=True)
    connection_id: Mapped[UUID] = mapped_column(
        ForeignKey("broker_connection.id", ondelete="CASCADE")
    )
    at: Mapped[datetime]
    method: Mapped[str]
    path: Mapped[str]
    status: Mapped[int | None]
    milliseconds: Mapped[int]
    note: Mapped[str]
