"""The SQL that reads the ledger for its owner, and keeps what the owner enters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from optix.features.portfolio.models import (
    AccountSetting,
    LedgerDisposal,
    LedgerEntry,
    LedgerLot,
    LedgerProblem,
    OwnLine,
)
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession


async def list_lots(
    session: ReadSession,
    owner: UserId,
    *,
    account: UUID | None,
    symbol: str,
    after: tuple[date, UUID] | None,
    most: int,
) -> Sequence[LedgerLot]:
    """Return open lots, the oldest first; `after` is the place of the last one that was shown."""
    wanted = [LedgerLot.user_id == owner]
    if account is not None:
        wanted.append(LedgerLot.account_id == account)
    if symbol:
        wanted.append(or_(LedgerLot.symbol == symbol, LedgerLot.family == symbol))
    if after is not None:
        wanted.append(tuple_(LedgerLot.opened, LedgerLot.id) > tuple_(*after))
    found = await session.scalars(
        select(LedgerLot).where(*wanted).order_by(LedgerLot.opened, LedgerLot.id).limit(most)
    )
    return found.all()


async def list_entries(
    session: ReadSession,
    owner: UserId,
    *,
    account: UUID | None,
    superseded: bool,
    before: tuple[date, UUID] | None,
    most: int,
) -> Sequence[LedgerEntry]:
    """Return the journal, the newest first; with `superseded` also what it said before."""
    wanted = [LedgerEntry.user_id == owner]
    if account is not None:
        wanted.append(LedgerEntry.account_id == account)
    if not superseded:
        wanted.append(LedgerEntry.superseded_at.is_(None))
    if before is not None:
        wanted.append(tuple_(LedgerEntry.day, LedgerEntry.id) < tuple_(*before))
    found = await session.scalars(
        select(LedgerEntry)
        .where(*wanted)
        .order_by(LedgerEntry.day.desc(), LedgerEntry.id.desc())
        .limit(most)
    )
    return found.all()


async def list_problems(
    session: ReadSession, owner: UserId, account: UUID | None, most: int
) -> Sequence[LedgerProblem]:
    wanted = [LedgerProblem.user_id == owner]
    if account is not None:
        wanted.append(LedgerProblem.account_id == account)
    found = await session.scalars(
        select(LedgerProblem).where(*wanted).order_by(LedgerProblem.id).limit(most)
    )
    return found.all()


async def load_books(
    session: ReadSession, owner: UserId
) -> tuple[Sequence[LedgerEntry], Sequence[LedgerLot], Sequence[LedgerDisposal]]:
    """Return all that is booked now of an owner, in the order of events."""
    entries = await session.scalars(
        select(LedgerEntry)
        .where(LedgerEntry.user_id == owner, LedgerEntry.superseded_at.is_(None))
        .order_by(LedgerEntry.day, LedgerEntry.at.nulls_first(), LedgerEntry.entry_id)
    )
    lots = await session.scalars(
        select(LedgerLot)
        .where(LedgerLot.user_id == owner)
        .order_by(LedgerLot.opened, LedgerLot.opened_at.nulls_first(), LedgerLot.id)
    )
    disposals = await session.scalars(
        select(LedgerDisposal)
        .where(LedgerDisposal.user_id == owner)
        .order_by(LedgerDisposal.closed, LedgerDisposal.closed_at.nulls_first(), LedgerDisposal.id)
    )
    return entries.all(), lots.all(), disposals.all()


async def list_settings(session: ReadSession, owner: UserId) -> Sequence[AccountSetting]:
    found = await session.scalars(select(AccountSetting).where(AccountSetting.user_id == owner))
    return found.all()


async def save_setting(
    session: WriteSession, owner: UserId, account: UUID, values: dict[str, Any]
) -> None:
    """Keep the settings of an account."""
    statement = insert(AccountSetting).values(user_id=owner, account_id=account, **values)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["account_id"], set_=values)
    )


async def add_own_line(session: WriteSession, row: OwnLine) -> None:
    session.add(row)
    await session.flush()  # a foreign key that does not hold is the caller's to know


async def find_own_line(session: ReadSession, owner: UserId, id_: UUID) -> OwnLine | None:
    found: OwnLine | None = await session.scalar(
        select(OwnLine).where(OwnLine.user_id == owner, OwnLine.id == id_)
    )
    return found


async def delete_own_line(session: WriteSession, owner: UserId, id_: UUID) -> OwnLine | None:
    """Delete a line that its owner entered, and return what it was."""
    found: OwnLine | None = await session.scalar(
        delete(OwnLine).where(OwnLine.user_id == owner, OwnLine.id == id_).returning(OwnLine)
    )
    return found
