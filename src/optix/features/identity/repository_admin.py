"""The SQL of administration: it reads across users, which nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ScalarSelect, func, or_, select

from optix.features.identity.models import UserAccount, UserSession
from optix.platform.db import ReadSession, WriteSession


class SeenAccount(NamedTuple):
    account: UserAccount
    last_seen_at: datetime | None


def _seen() -> ScalarSelect[datetime]:
    return (
        select(func.max(func.coalesce(UserSession.last_seen_at, UserSession.created_at)))
        .where(UserSession.user_id == UserAccount.id)
        .correlate(UserAccount)
        .scalar_subquery()
    )


async def list_accounts(
    session: ReadSession, *, words: str, before: UUID | None, limit: int
) -> Sequence[SeenAccount]:
    """Return accounts whose address or name holds `words`, newest first (ids rise with time)."""
    query = select(UserAccount, _seen()).order_by(UserAccount.id.desc()).limit(limit)
    if words:
        query = query.where(
            or_(
                UserAccount.email_key.contains(words.casefold(), autoescape=True),
                func.lower(UserAccount.display_name).contains(words.lower(), autoescape=True),
            )
        )
    if before is not None:
        query = query.where(UserAccount.id < before)
    return [SeenAccount(row[0], row[1]) for row in await session.execute(query)]


async def find_account(session: ReadSession, user_id: UUID) -> SeenAccount | None:
    found = (
        await session.execute(select(UserAccount, _seen()).where(UserAccount.id == user_id))
    ).one_or_none()
    return None if found is None else SeenAccount(found[0], found[1])


async def lock_admins(session: WriteSession) -> Sequence[UserAccount]:
    """Return the administrators who can sign in, locked, so that the last one cannot slip away."""
    found = await session.scalars(
        select(UserAccount)
        .where(UserAccount.role == "admin", UserAccount.disabled_at.is_(None))
        .order_by(UserAccount.id)
        .with_for_update()
    )
    return found.all()
