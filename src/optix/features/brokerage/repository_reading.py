"""The SQL of what other features read: the latest snapshots and pages of history of one owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerSnapshot,
)
from optix.features.brokerage.models_imports import BrokerImport
from optix.kernel.activity import ActivityKind
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession

# Lines without a moment stand before those of their day that have one.
_NO_MOMENT = datetime(1, 1, 2, tzinfo=UTC)


async def list_latest(
    session: ReadSession, owner: UserId
) -> list[tuple[BrokerAccountRow, BrokerConnection | None, BrokerSnapshot | None]]:
    """Return all accounts, the oldest first, each with its connection and last whole snapshot."""
    accounts = await session.execute(
        select(BrokerAccountRow, BrokerConnection)
        .outerjoin(BrokerConnection, BrokerConnection.id == BrokerAccountRow.connection_id)
        .where(BrokerAccountRow.user_id == owner)
        .order_by(BrokerAccountRow.created_at, BrokerAccountRow.id)
    )
    latest = await session.scalars(
        select(BrokerSnapshot)
        .where(BrokerSnapshot.user_id == owner, BrokerSnapshot.complete)
        .order_by(BrokerSnapshot.account_id, BrokerSnapshot.as_of.desc())
        .ext(distinct_on(BrokerSnapshot.account_id))
    )
    by_account = {snapshot.account_id: snapshot for snapshot in latest}
    return [(account, connection, by_account.get(account.id)) for account, connection in accounts]


async def list_lines(
    session: ReadSession,
    owner: UserId,
    *,
    account_id: UUID | None,
    kinds: Collection[ActivityKind],
    text: str,
    first: date | None,
    last: date | None,
    before: tuple[date, datetime | None, UUID] | None,
    limit: int,
) -> Sequence[BrokerActivity]:
    """Return lines, the newest first; `before` is the place of the last one that was shown."""
    moment = func.coalesce(BrokerActivity.at, _NO_MOMENT)
    wanted = [BrokerActivity.user_id == owner]
    if account_id is not None:
        wanted.append(BrokerActivity.account_id == account_id)
    if kinds:
        wanted.append(BrokerActivity.kind.in_(sorted(kinds)))
    if text:
        wanted.append(BrokerActivity.symbol.icontains(text, autoescape=True))
    if first is not None:
        wanted.append(BrokerActivity.day >= first)
    if last is not None:
        wanted.append(BrokerActivity.day <= last)
    if before is not None:
        day, at, name = before
        place = tuple_(BrokerActivity.day, moment, BrokerActivity.id)
        wanted.append(place < tuple_(day, at or _NO_MOMENT, name))
    found = await session.scalars(
        select(BrokerActivity)
        .where(*wanted)
        .order_by(BrokerActivity.day.desc(), moment.desc(), BrokerActivity.id.desc())
        .limit(limit)
    )
    return found.all()


async def list_whole(session: ReadSession, owner: UserId, account: UUID) -> list[BrokerSnapshot]:
    """Return the whole snapshots of one account, the oldest first."""
    found = await session.scalars(
        select(BrokerSnapshot)
        .where(
            BrokerSnapshot.user_id == owner,
            BrokerSnapshot.account_id == account,
            BrokerSnapshot.complete,
        )
        .order_by(BrokerSnapshot.as_of)
    )
    return list(found)


async def list_all(session: ReadSession, owner: UserId) -> list[BrokerActivity]:
    """Return every line of every account, the oldest first."""
    moment = func.coalesce(BrokerActivity.at, _NO_MOMENT)
    found = await session.scalars(
        select(BrokerActivity)
        .where(BrokerActivity.user_id == owner)
        .order_by(BrokerActivity.day, moment, BrokerActivity.id)
    )
    return list(found)


async def list_owners(session: ReadSession, read_since: datetime | None) -> list[UserId]:
    """Return who has accounts, or those with a sync or an import since then. For the worker."""
    wanted = select(BrokerAccountRow.user_id).distinct().order_by(BrokerAccountRow.user_id)
    if read_since is not None:
        synced = select(BrokerConnection.user_id).where(BrokerConnection.last_sync_at >= read_since)
        imported = select(BrokerImport.user_id).where(BrokerImport.confirmed_at >= read_since)
        owner = BrokerAccountRow.user_id
        wanted = wanted.where(or_(owner.in_(synced), owner.in_(imported)))
    return [UserId(each) for each in await session.scalars(wanted)]
