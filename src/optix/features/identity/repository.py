"""The only SQL of identity. Nothing here decides; nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.kernel.ids import SessionId, UserId
from optix.platform.db import ReadSession, WriteSession


async def find_account(session: ReadSession, owner: UserId) -> UserAccount | None:
    return await session.get(UserAccount, owner)


async def find_account_by_email_key(session: ReadSession, key: str) -> UserAccount | None:
    return await session.scalar(select(UserAccount).where(UserAccount.email_key == key))


async def add_account(session: WriteSession, account: UserAccount) -> bool:
    """Insert `account`; False if its e-mail is taken, also when two try at once."""
    values = {column.key: getattr(account, column.key) for column in UserAccount.__table__.columns}
    added = await session.scalar(
        insert(UserAccount)
        .values(values)
        .on_conflict_do_nothing(index_elements=[UserAccount.email_key])
        .returning(UserAccount.id)
    )
    return added is not None


async def replace_password_hash(
    session: WriteSession, owner: UserId, *, old: str, new: str
) -> None:
    """Replace the hash unless somebody changed the password meanwhile."""
    await session.execute(
        update(UserAccount)
        .where(UserAccount.id == owner, UserAccount.password_hash == old)
        .values(password_hash=new)
    )


async def add_session(session: WriteSession, row: UserSession, token: RefreshToken) -> None:
    session.add(row)
    await session.flush()  # the token's foreign key needs the row; there is no ORM relationship
    session.add(token)


async def add_refresh_token(session: WriteSession, token: RefreshToken) -> None:
    session.add(token)


async def find_refresh_token_for_update(
    session: WriteSession, token_hash: bytes
) -> tuple[RefreshToken, UserSession, UserAccount] | None:
    """Return the token with its session and account, locked: rotations come one by one."""
    found = await session.execute(
        select(RefreshToken, UserSession, UserAccount)
        .join(UserSession, UserSession.id == RefreshToken.session_id)
        .join(UserAccount, UserAccount.id == UserSession.user_id)
        .where(RefreshToken.token_hash == token_hash)
        .with_for_update(of=(RefreshToken, UserSession))
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def end_session(
    session: WriteSession, owner: UserId, session_id: SessionId, at: datetime, because: str
) -> None:
    await session.execute(
        update(UserSession)
        .where(
            UserSession.id == session_id,
            UserSession.user_id == owner,
            UserSession.ended_at.is_(None),
        )
        .values(ended_at=at, ended_because=because)
    )


async def delete_dead_sessions(session: WriteSession, owner: UserId, now: datetime) -> None:
    """Delete what can never be used again: expired sessions with their tokens."""
    await session.execute(
        delete(UserSession).where(UserSession.user_id == owner, UserSession.expires_at <= now)
    )


async def list_live_session_ids(
    session: ReadSession, owner: UserId, now: datetime
) -> Sequence[UUID]:
    """Return the ids of sessions that can still be refreshed, newest first."""
    found = await session.scalars(
        select(UserSession.id)
        .where(
            UserSession.user_id == owner,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > now,
        )
        .order_by(UserSession.created_at.desc(), UserSession.id.desc())
    )
    return found.all()
