"""The SQL of accounts, their sessions and tokens. Nothing here decides; nothing here commits.

What is under way before it is an account is in `repository_pending`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.kernel.ids import SessionId, UserId
from optix.platform.db import ReadSession, WriteSession


class FoundToken(NamedTuple):
    token: RefreshToken
    session: UserSession
    account: UserAccount


async def find_account(session: ReadSession, owner: UserId) -> UserAccount | None:
    return await session.get(UserAccount, owner)


async def find_account_for_update(session: WriteSession, owner: UserId) -> UserAccount | None:
    return await session.get(UserAccount, owner, with_for_update=True)


async def find_account_by_email_key(session: ReadSession, key: str) -> UserAccount | None:
    return await session.scalar(select(UserAccount).where(UserAccount.email_key == key))


async def add_account(session: WriteSession, account: UserAccount) -> UserAccount | None:
    """Insert `account` and return its row; None if its e-mail is taken, even if two try at once."""
    values = {
        column.key: value
        for column in UserAccount.__table__.columns
        if (value := getattr(account, column.key)) is not None
    }
    return await session.scalar(
        insert(UserAccount)
        .values(values)
        .on_conflict_do_nothing(index_elements=[UserAccount.email_key])
        .returning(UserAccount)
    )


async def move_account(
    session: WriteSession, account: UserAccount, email: str, email_key: str, at: datetime
) -> bool:
    """Give `account` another address; False if somebody has it."""
    try:
        async with session.begin_nested():
            account.email, account.email_key, account.updated_at = email, email_key, at
    except IntegrityError:
        return False
    return True


async def delete_account(session: WriteSession, owner: UserId) -> bool:
    """Delete an account with everything that belongs to it; False if there is none."""
    deleted = await session.scalar(
        delete(UserAccount).where(UserAccount.id == owner).returning(UserAccount.id)
    )
    return deleted is not None


async def add_session(session: WriteSession, row: UserSession, token: RefreshToken) -> None:
    session.add(row)
    await session.flush()  # the token's foreign key needs the row; there is no ORM relationship
    session.add(token)


async def add_refresh_token(session: WriteSession, token: RefreshToken) -> None:
    session.add(token)


async def find_refresh_token(session: ReadSession, token_hash: bytes) -> RefreshToken | None:
    return await session.scalar(select(RefreshToken).where(RefreshToken.token_hash == token_hash))


async def find_refresh_token_for_update(
    session: WriteSession, token_hash: bytes
) -> FoundToken | None:
    """Return the token with its session and account, locked: rotations come one by one."""
    found = await session.execute(
        select(RefreshToken, UserSession, UserAccount)
        .join(UserSession, UserSession.id == RefreshToken.session_id)
        .join(UserAccount, UserAccount.id == UserSession.user_id)
        .where(RefreshToken.token_hash == token_hash)
        .with_for_update(of=(RefreshToken, UserSession))
    )
    row = found.one_or_none()
    return None if row is None else FoundToken(row[0], row[1], row[2])


async def end_sessions(
    session: WriteSession, owner: UserId, ids: Sequence[SessionId], at: datetime, because: str
) -> Sequence[SessionId]:
    """End those of `ids` that are the owner's and have not ended; return them."""
    if not ids:
        return []
    ended = await session.scalars(
        update(UserSession)
        .where(
            UserSession.id.in_(ids),
            UserSession.user_id == owner,
            UserSession.ended_at.is_(None),
        )
        .values(ended_at=at, ended_because=because)
        .returning(UserSession.id)
    )
    return [SessionId(session_id) for session_id in ended]


async def delete_dead_sessions(session: WriteSession, owner: UserId, now: datetime) -> None:
    """Delete what can never be used again: expired sessions with their tokens."""
    await session.execute(
        delete(UserSession).where(UserSession.user_id == owner, UserSession.expires_at <= now)
    )


async def list_live_sessions(
    session: ReadSession, owner: UserId, now: datetime
) -> Sequence[UserSession]:
    """Return the sessions that can still be refreshed, newest first."""
    found = await session.scalars(
        select(UserSession)
        .where(
            UserSession.user_id == owner,
            UserSession.ended_at.is_(None),
            UserSession.expires_at > now,
        )
        .order_by(UserSession.created_at.desc(), UserSession.id.desc())
    )
    return found.all()


async def list_sessions(session: ReadSession, owner: UserId) -> Sequence[UserSession]:
    """Return all sessions that are kept, also ended ones, newest first."""
    found = await session.scalars(
        select(UserSession)
        .where(UserSession.user_id == owner)
        .order_by(UserSession.created_at.desc(), UserSession.id.desc())
    )
    return found.all()


async def list_live_session_ids(
    session: ReadSession, owner: UserId, now: datetime
) -> Sequence[SessionId]:
    return [SessionId(row.id) for row in await list_live_sessions(session, owner, now)]


async def find_session(session: ReadSession, session_id: SessionId) -> UserSession | None:
    return await session.get(UserSession, session_id)


async def has_used_device(
    session: ReadSession, owner: UserId, client: str, user_agent: str
) -> bool | None:
    """Say whether `owner` has a session of this kind of device; None: no session at all."""
    query = select(UserSession.client == client, UserSession.user_agent == user_agent).where(
        UserSession.user_id == owner
    )
    seen = (await session.execute(query)).all()
    return any(all(row) for row in seen) if seen else None
