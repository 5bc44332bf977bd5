"""The SQL of what other features read: the latest snapshots and pages of history of one owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, tuple_
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
from optix.platform.db import ReadSession, is_one_of

# Lines without a moment stand before those of their day that have one.
_NO_MOMENT = datetime(1, 1, 2, tzinfo=UTC)


async def list_latest(
    session: ReadSession, owner: UserId
) -> list[tuple[BrokerAccountRow, BrokerConnection | None, UUID | None]]:
    """Return all accounts, the oldest first, each with its connection and last whole snapshot's id.

    What snapshots hold is large and never changes: `load_snapshots` reads those not read before.
    """
    accounts = await session.execute(
        select(BrokerAccountRow, BrokerConnection)
        .outerjoin(BrokerConnection, BrokerConnection.id == BrokerAccountRow.connection_id)
        .where(BrokerAccountRow.user_id == owner)
        .order_by(BrokerAccountRow.created_at, BrokerAccountRow.id)
    )
    latest = await session.execute(
        select(BrokerSnapshot.account_id, BrokerSnapshot.id)
        .where(BrokerSnapshot.user_id == owner, BrokerSnapshot.complete)
        .order_by(BrokerSnapshot.account_id, BrokerSnapshot.as_of.desc())
        .ext(distinct_on(BrokerSnapshot.account_id))
    )
    by_account = {row.account_id: row.id for row in latest}
    return [(account, connection, by_account.get(account.id)) for account, connection in accounts]


async def load_snapshots(
    session: ReadSession, owner: UserId, ids: Collection[UUID]
) -> Sequence[BrokerSnapshot]:
    """Return snapshots of an owner by their ids."""
    found = await session.scalars(
        select(BrokerSnapshot).where(BrokerSnapshot.user_id == owner, BrokerSnapshot.id.in_(ids))
    )
    return found.all()


async def list_of_day(session: ReadSession, owner: UserId, day: date) -> Sequence[BrokerActivity]:
    """Return all lines of one day in all accounts."""
    found = await session.scalars(
        select(BrokerActivity)
        .where(BrokerActivity.user_id == owner, BrokerActivity.day == day)
        .order_by(BrokerActivity.account_id, BrokerActivity.id)
    )
    return found.all()


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


_LINE = BrokerActivity.__table__.c


async def list_history(
    session: ReadSession,
    owner: UserId,
    *,
    symbols: Collection[str] | None = None,
    ids: Collection[UUID] = (),
) -> Sequence[Row[Any]]:
    """Return lines with these symbols or ids, or all of them, in the order they were first seen.

    Rows, not objects: a whole history is some ten thousand of them.
    """
    wanted = [_LINE.user_id == owner]
    if symbols is not None:
        wanted.append(or_(is_one_of(_LINE.symbol, symbols), is_one_of(_LINE.id, ids)))
    found = await session.execute(
        select(BrokerActivity.__table__).where(*wanted).order_by(_LINE.first_seen_at, _LINE.id)
    )
    return found.all()


async def list_partners(
    session: ReadSession,
    owner: UserId,
    *,
    groups: Collection[str],
    days: Collection[date],
    kinds: Collection[ActivityKind],
    names: Collection[str],
    replaced: Collection[str],
) -> Sequence[Row[UUID, str | None]]:
    """Return (id, symbol) of lines that may be one event with others.

    Those of the groups; those of the kinds on the days; those that replace one of the names; and
    those that are called by one of the names in `replaced`.
    """
    found = await session.execute(
        select(_LINE.id, _LINE.symbol).where(
            _LINE.user_id == owner,
            or_(
                is_one_of(_LINE.activity_group, groups),
                is_one_of(_LINE.kind, kinds) & is_one_of(_LINE.day, days),
                is_one_of(_LINE.replaces, names),
                _LINE.ids.overlap(sorted(replaced)),
            ),
        )
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
