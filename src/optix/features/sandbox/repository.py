"""The SQL of the sandbox brokerage. Every read of a holder's rows takes the holder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import delete, func, select, update

from optix.features.sandbox.models import (
    SandboxAccount,
    SandboxActivity,
    SandboxGrant,
    SandboxHolder,
    SandboxOrder,
)
from optix.features.sandbox.rules import asset_of
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect
from optix.kernel.money import Money, Price
from optix.platform.db import ReadSession, WriteSession


async def find_holder(session: ReadSession, key_digest: str) -> SandboxHolder | None:
    return await session.scalar(select(SandboxHolder).where(SandboxHolder.key_digest == key_digest))


async def list_accounts(session: ReadSession, holder: UUID) -> Sequence[SandboxAccount]:
    found = await session.scalars(
        select(SandboxAccount)
        .where(SandboxAccount.holder_id == holder)
        .order_by(SandboxAccount.number)
    )
    return found.all()


async def find_account(
    session: ReadSession, holder: UUID, account: UUID, *, lock: bool = False
) -> SandboxAccount | None:
    """Return an account; with `lock` it is this transaction's until it ends."""
    query = select(SandboxAccount).where(
        SandboxAccount.holder_id == holder, SandboxAccount.id == account
    )
    return await session.scalar(query.with_for_update() if lock else query)


async def list_history(
    session: ReadSession,
    account: UUID,
    *,
    after: int = -1,
    first: date = date.min,
    last: date = date.max,
    most: int | None = None,
) -> list[tuple[int, Activity]]:
    """Return lines with their places, the oldest first."""
    rows = await session.scalars(
        select(SandboxActivity)
        .where(
            SandboxActivity.account_id == account,
            SandboxActivity.place > after,
            SandboxActivity.day.between(first, last),
        )
        .order_by(SandboxActivity.place)
        .limit(most)
    )
    return [(row.place, _activity(row)) for row in rows]


async def add_history(
    session: WriteSession, account: SandboxAccount, lines: Sequence[Activity]
) -> None:
    """Append lines. The caller holds the account's lock, or has just made it."""
    place = await session.scalar(
        select(func.coalesce(func.max(SandboxActivity.place) + 1, 0)).where(
            SandboxActivity.account_id == account.id
        )
    )
    session.add_all(_row(account, (place or 0) + step, line) for step, line in enumerate(lines))
    await session.flush()  # the next lines of this transaction count from these


async def list_orders(session: ReadSession, account: UUID, since: datetime) -> list[SandboxOrder]:
    """Return the orders placed or changed since then, and those that still work."""
    found = await session.scalars(
        select(SandboxOrder)
        .where(
            SandboxOrder.account_id == account,
            (SandboxOrder.updated_at >= since) | (SandboxOrder.status == "working"),
        )
        .order_by(SandboxOrder.placed_at)
    )
    return list(found)


async def list_working(session: ReadSession, most: int) -> list[SandboxOrder]:
    """Return orders that rest, of all holders, the oldest first."""
    found = await session.scalars(
        select(SandboxOrder)
        .where(SandboxOrder.status == "working")
        .order_by(SandboxOrder.placed_at)
        .limit(most)
    )
    return list(found)


async def count_working(session: ReadSession, account: UUID) -> int:
    query = select(func.count()).where(
        SandboxOrder.account_id == account, SandboxOrder.status == "working"
    )
    return await session.scalar(query) or 0


async def find_order(session: ReadSession, holder: UUID, order: UUID) -> SandboxOrder | None:
    return await session.scalar(
        select(SandboxOrder).where(SandboxOrder.holder_id == holder, SandboxOrder.id == order)
    )


async def take_grant(
    session: WriteSession, digest: str, kind: str, now: datetime
) -> SandboxGrant | None:
    """Mark a code or refresh token as used and return it; None where it is none that holds."""
    return await session.scalar(
        update(SandboxGrant)
        .where(
            SandboxGrant.digest == digest,
            SandboxGrant.kind == kind,
            SandboxGrant.used_at.is_(None),
            SandboxGrant.expires_at > now,
        )
        .values(used_at=now)
        .returning(SandboxGrant)
    )


async def find_grant(session: ReadSession, digest: str) -> SandboxGrant | None:
    return await session.scalar(select(SandboxGrant).where(SandboxGrant.digest == digest))


async def end_family(session: WriteSession, family: UUID) -> None:
    await session.execute(delete(SandboxGrant).where(SandboxGrant.family == family))


async def forget_expired(session: WriteSession, now: datetime) -> None:
    await session.execute(delete(SandboxGrant).where(SandboxGrant.expires_at < now))


def _activity(row: SandboxActivity) -> Activity:
    return Activity(
        id=str(row.id),
        kind=ActivityKind(row.kind),
        status=ActivityStatus.POSTED,
        day=row.day,
        at=row.at,
        cash=Money(row.cash),
        asset=None if row.symbol is None else asset_of(row.symbol),
        quantity=row.quantity,
        price=None if row.price is None else Price(row.price),
        fees=Money(row.fees),
        effect=None if row.effect is None else PositionEffect(row.effect),
        order_id=row.order_id,
        group=row.activity_group,
        description=row.description,
    )


def _row(account: SandboxAccount, place: int, line: Activity) -> SandboxActivity:
    assert line.at is not None, "the sandbox knows when"
    return SandboxActivity(
        id=UUID(line.id),
        holder_id=account.holder_id,
        account_id=account.id,
        place=place,
        kind=line.kind,
        day=line.day,
        at=line.at,
        symbol=None if line.asset is None else line.asset.symbol,
        quantity=line.quantity,
        price=None if line.price is None else line.price.value,
        cash=line.cash.amount,
        fees=Decimal(0) if line.fees is None else line.fees.amount,
        effect=line.effect,
        order_id=line.order_id,
        activity_group=line.group,
        description=line.description,
    )
