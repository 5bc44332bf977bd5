"""The SQL of what is under way: registrations, password resets, changes of address."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update

from optix.features.identity.models import EmailChange, PasswordReset, Registration
from optix.kernel import limits
from optix.kernel.ids import UserId
from optix.platform.db import ReadSession, WriteSession

Guarded = TypeVar("Guarded", Registration, EmailChange)


async def find_registration(session: ReadSession, registration_id: UUID) -> Registration | None:
    return await session.get(Registration, registration_id)


async def take_registration(session: WriteSession, registration_id: UUID) -> Registration | None:
    """Delete a registration and return it: of two that take it at once, one gets it."""
    return await session.scalar(
        delete(Registration).where(Registration.id == registration_id).returning(Registration)
    )


async def count_attempt(
    session: WriteSession,
    table: type[Guarded],
    row_id: UUID,
    now: datetime,
    *only: ColumnElement[bool],
) -> Guarded | None:
    """Count one try of a code and return the row; None when no try is left, or it is over."""
    found: Guarded | None = await session.scalar(
        update(table)
        .where(
            table.id == row_id,
            table.expires_at > now,
            table.attempts < limits.MAIL_CODE_ATTEMPTS_MAX,
            *only,
        )
        .values(attempts=table.attempts + 1)
        .returning(table)
    )
    return found


async def store_code(
    session: WriteSession, table: type[Registration | EmailChange], row_id: UUID, hashed: str
) -> None:
    """Replace the code that counts."""
    await session.execute(update(table).where(table.id == row_id).values(code_hash=hashed))


async def count_registration_mails(session: ReadSession, email_key: str, now: datetime) -> int:
    """Return how many mails live registrations have sent to one address."""
    query = select(func.coalesce(func.sum(Registration.mails), 0)).where(
        Registration.email_key == email_key, Registration.expires_at > now
    )
    return int(await session.scalar(query) or 0)


async def find_reset(session: ReadSession, reset_id: UUID) -> PasswordReset | None:
    return await session.get(PasswordReset, reset_id)


async def count_reset_mails(session: ReadSession, email_key: str, now: datetime) -> int:
    """Return how many live resets of one address have a token."""
    query = select(func.count()).where(
        PasswordReset.email_key == email_key,
        PasswordReset.expires_at > now,
        PasswordReset.token_hash.is_not(None),
    )
    return int(await session.scalar(query) or 0)


async def find_live_reset(
    session: ReadSession, token_hash: bytes, now: datetime
) -> PasswordReset | None:
    return await session.scalar(
        select(PasswordReset).where(
            PasswordReset.token_hash == token_hash,
            PasswordReset.used_at.is_(None),
            PasswordReset.expires_at > now,
        )
    )


async def use_resets(session: WriteSession, reset: PasswordReset, now: datetime) -> bool:
    """Use up a reset, and every other of its address; False if that was done before."""
    used = await session.scalars(
        update(PasswordReset)
        .where(PasswordReset.email_key == reset.email_key, PasswordReset.used_at.is_(None))
        .values(used_at=now)
        .returning(PasswordReset.id)
    )
    return reset.id in used.all()


async def use_email_change(
    session: WriteSession, change_id: UUID, owner: UserId, now: datetime
) -> bool:
    """Use up a change of address; False if that was done before."""
    used = await session.scalar(
        update(EmailChange)
        .where(
            EmailChange.id == change_id,
            EmailChange.user_id == owner,
            EmailChange.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(EmailChange.id)
    )
    return used is not None


async def find_email_change(session: ReadSession, change_id: UUID) -> EmailChange | None:
    return await session.get(EmailChange, change_id)


async def delete_over(session: WriteSession, now: datetime) -> None:
    """Delete what nobody can finish any more."""
    for table in (Registration, PasswordReset, EmailChange):
        await session.execute(delete(table).where(table.expires_at <= now))
