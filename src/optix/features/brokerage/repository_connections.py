"""The SQL of what the API shows of connections, their accounts and their log."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CursorResult, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerExchange,
    BrokerOrder,
    BrokerSnapshot,
)
from optix.kernel import limits
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession

Owned = TypeVar(
    "Owned",
    BrokerConnection,
    BrokerAccountRow,
    BrokerActivity,
    BrokerSnapshot,
    BrokerOrder,
)


@dataclass(frozen=True, slots=True)
class SnapshotHead:
    """What is said of the last snapshot of an account, without its positions."""

    as_of: datetime
    complete: bool
    positions: int
    balances: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class HistoryHead:
    count: int
    first: date


async def list_accounts(
    session: ReadSession, owner: UserId, connections: Collection[UUID]
) -> Sequence[BrokerAccountRow]:
    """Return the accounts of some connections, the oldest first."""
    found = await session.scalars(
        select(BrokerAccountRow)
        .where(BrokerAccountRow.user_id == owner, BrokerAccountRow.connection_id.in_(connections))
        .order_by(BrokerAccountRow.created_at, BrokerAccountRow.id)
    )
    return found.all()


async def load_snapshot_heads(
    session: ReadSession, owner: UserId, accounts: Collection[UUID]
) -> dict[UUID, SnapshotHead]:
    """Return the last snapshot of each account that has one."""
    found = await session.execute(
        select(
            BrokerSnapshot.account_id,
            BrokerSnapshot.as_of,
            BrokerSnapshot.complete,
            func.jsonb_array_length(BrokerSnapshot.positions),
            BrokerSnapshot.balances,
        )
        .ext(distinct_on(BrokerSnapshot.account_id))
        .where(BrokerSnapshot.user_id == owner, BrokerSnapshot.account_id.in_(accounts))
        .order_by(BrokerSnapshot.account_id, BrokerSnapshot.as_of.desc())
    )
    return {account: SnapshotHead(*values) for account, *values in found}


async def load_history_heads(
    session: ReadSession, owner: UserId, accounts: Collection[UUID]
) -> dict[UUID, HistoryHead]:
    """Return how much history each account has that its broker still shows."""
    found = await session.execute(
        select(BrokerActivity.account_id, func.count(), func.min(BrokerActivity.day))
        .where(
            BrokerActivity.user_id == owner,
            BrokerActivity.account_id.in_(accounts),
            BrokerActivity.absent_since.is_(None),
        )
        .group_by(BrokerActivity.account_id)
    )
    return {account: HistoryHead(count, first) for account, count, first in found}


async def rename(session: WriteSession, owner: UserId, connection_id: UUID, label: str) -> bool:
    """Give a living connection another name; False where there is none."""
    changed: CursorResult[Any] = await session.execute(  # type: ignore[assignment]  # an update's result counts
        update(BrokerConnection)
        .where(
            BrokerConnection.user_id == owner,
            BrokerConnection.id == connection_id,
            BrokerConnection.state != "disconnected",
        )
        .values(label=label)
    )
    return changed.rowcount == 1


async def hasten_login(session: WriteSession, broker: str, login_key: str, now: datetime) -> int:
    """Let all connections of a login be read soon, whoever has them; return how many.

    One that was read a moment ago is read again a moment later: what the hint tells of may have
    happened in between.
    """
    pause = timedelta(seconds=limits.BROKER_EAGER_SECONDS_MIN)
    soon = func.greatest(now, func.coalesce(BrokerConnection.last_sync_at, now - pause) + pause)
    changed: CursorResult[Any] = await session.execute(  # type: ignore[assignment]  # an update's result counts
        update(BrokerConnection)
        .where(
            BrokerConnection.broker == broker,
            BrokerConnection.login_key == login_key,
            BrokerConnection.state == "connected",
        )
        .values(next_sync_at=func.least(BrokerConnection.next_sync_at, soon))
    )
    return changed.rowcount


async def list_exchanges(
    session: ReadSession,
    owner: UserId,
    connection_id: UUID,
    *,
    before: tuple[datetime, UUID] | None,
    most: int,
) -> Sequence[BrokerExchange]:
    """Return lines of the log, the newest first, after the one that `before` names."""
    wanted = [BrokerExchange.user_id == owner, BrokerExchange.connection_id == connection_id]
    if before is not None:
        at, last = before
        older = and_(BrokerExchange.at == at, BrokerExchange.id < last)
        wanted.append(or_(BrokerExchange.at < at, older))
    found = await session.scalars(
        select(BrokerExchange)
        .where(*wanted)
        .order_by(BrokerExchange.at.desc(), BrokerExchange.id.desc())
        .limit(most)
    )
    return found.all()


async def list_own(session: ReadSession, owner: UserId, table: type[Owned]) -> Sequence[Owned]:
    """Return all that somebody has in one table, in the order in which it came."""
    found = await session.scalars(select(table).where(table.user_id == owner).order_by(table.id))
    return found.all()
