"""What administrators do: look users up, disable them, sign them out, change their role.

Every change is in the trail with who made it, ends the user's sessions at once, and is undone by
the same call. Nothing here signs in as somebody else, and nobody removes the last administrator.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from optix.features.identity import mails, repository, repository_admin
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.models import UserAccount
from optix.features.identity.schemas import Role, SessionList
from optix.features.identity.schemas_admin import (
    AdminUser,
    AdminUserList,
    AdminUserUpdate,
    AuditEvent,
    AuditPage,
    AuditVerification,
)
from optix.features.identity.sessions import Sessions, to_session
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput, NotFound
from optix.kernel.ids import UserId
from optix.platform import audit
from optix.platform.audit import Outcome, RecordedEvent, SecurityEvent
from optix.platform.db import Database, WriteSession
from optix.platform.origin import Origin


class UserNotFound(NotFound):
    code = "user_not_found"
    next_step = "Look the user up again."


class LastAdministrator(Conflict):
    code = "last_administrator"
    next_step = "Make somebody else an administrator first."


class CursorUnreadable(InvalidInput):
    code = "cursor_unreadable"
    next_step = "Send `next_cursor` of the page before, or begin without one."


class Administration:
    """Effects: writes user_account, user_session and the trail; leaves jobs."""

    def __init__(self, database: Database, *, sessions: Sessions, clock: Clock) -> None:
        self._database = database
        self._sessions = sessions
        self._clock = clock

    async def list_users(self, words: str, cursor: str | None) -> AdminUserList:
        """Return a page of users. Errors: CursorUnreadable."""
        before = _uuid(cursor)
        limit = limits.ADMIN_PAGE_MAX
        async with self._database.reading() as session:
            found = await repository_admin.list_accounts(
                session, words=words, before=before, limit=limit + 1
            )
        users = [_to_admin_user(*seen) for seen in found[:limit]]
        more = len(found) > limit
        return AdminUserList(users=users, next_cursor=str(users[-1].id) if more else None)

    async def get_user(self, user_id: UUID) -> AdminUser:
        """Errors: UserNotFound."""
        async with self._database.reading() as session:
            seen = await repository_admin.find_account(session, user_id)
        if seen is None:
            raise _user_not_found()
        return _to_admin_user(*seen)

    async def change_user(
        self, admin: AuthenticatedUser, user_id: UUID, change: AdminUserUpdate, origin: Origin
    ) -> AdminUser:
        """Change role or disabling; the user is signed out everywhere.

        Errors: UserNotFound, LastAdministrator.
        """
        owner = UserId(user_id)
        async with self._database.writing() as session:
            admins = await repository_admin.lock_admins(session)
            account = await repository.find_account_for_update(session, owner)
            if account is None:
                raise _user_not_found()
            now = self._now()
            before = _state(account)
            was_enabled = account.disabled_at is None
            _apply(account, change, now)
            if _state(account) == before:
                return await self.get_user(user_id)
            loses = account.role != "admin" or account.disabled_at is not None
            if loses and [a.id for a in admins] == [account.id]:
                raise LastAdministrator("Nobody else could administer this server.")
            ended = await self._sessions.end_all(session, owner, "changed by an administrator")
            if was_enabled and account.disabled_at is not None:
                await mails.notify(session, owner, "account_disabled")
            event = SecurityEvent(kind="account.changed", user_id=owner, detail=_state(account))
            await self._record(session, event, admin, origin)
        await self._sessions.announce(ended)
        return await self.get_user(user_id)

    async def list_sessions(self, user_id: UUID) -> SessionList:
        """Return the live sessions of a user. Errors: UserNotFound."""
        owner = UserId(user_id)
        async with self._database.reading() as session:
            if await repository.find_account(session, owner) is None:
                raise _user_not_found()
            rows = await repository.list_live_sessions(session, owner, self._now())
        return SessionList(sessions=[to_session(row, None) for row in rows])

    async def end_sessions(self, admin: AuthenticatedUser, user_id: UUID, origin: Origin) -> int:
        """Sign a user out everywhere; return how many sessions ended. Errors: UserNotFound."""
        owner = UserId(user_id)
        async with self._database.writing() as session:
            if await repository.find_account(session, owner) is None:
                raise _user_not_found()
            ended = await self._sessions.end_all(session, owner, "ended by an administrator")
            event = SecurityEvent(
                kind="session.all_revoked", user_id=owner, detail={"sessions": len(ended)}
            )
            await self._record(session, event, admin, origin)
        await self._sessions.announce(ended)
        return len(ended)

    async def list_events(
        self,
        *,
        user_id: UUID | None,
        kind: str,
        outcome: Outcome | None,
        since: datetime | None,
        until: datetime | None,
        cursor: str | None,
    ) -> AuditPage:
        """Return a page of the trail, newest first. Errors: CursorUnreadable."""
        limit = limits.ADMIN_PAGE_MAX
        async with self._database.reading() as session:
            found = await audit.list_events(
                session,
                user_id=UserId(user_id) if user_id else None,
                kind_prefix=kind,
                outcome=outcome,
                since=since,
                until=until,
                before_seq=_number(cursor),
                limit=limit + 1,
            )
        events = [_to_event(recorded) for recorded in found[:limit]]
        more = len(found) > limit
        return AuditPage(events=events, next_cursor=str(events[-1].seq) if more else None)

    async def verify_trail(self, admin: AuthenticatedUser, origin: Origin) -> AuditVerification:
        """Compute the chain of the trail anew, and record that somebody did."""
        report = await audit.verify(self._database)
        event = SecurityEvent(
            kind="audit.verified",
            outcome="success" if report.intact else "failure",
            user_id=admin.id,
            session_id=admin.session_id,
            detail={"checked": report.checked, "broken_at": report.broken_at},
        )
        await audit.record_alone(self._database, event, origin, self._now())
        return AuditVerification(
            intact=report.intact, checked=report.checked, broken_at=report.broken_at
        )

    async def _record(
        self,
        session: WriteSession,
        event: SecurityEvent,
        admin: AuthenticatedUser,
        origin: Origin,
    ) -> None:
        by = replace(event, actor_id=admin.id, session_id=admin.session_id)
        await audit.record(session, by, origin, self._now())

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _apply(account: UserAccount, change: AdminUserUpdate, now: datetime) -> None:
    if change.role is not None:
        account.role = change.role
    if change.disabled is not None and change.disabled != (account.disabled_at is not None):
        account.disabled_at = now if change.disabled else None


def _state(account: UserAccount) -> dict[str, str | int | bool | None]:
    return {"role": account.role, "disabled": account.disabled_at is not None}


def _to_admin_user(account: UserAccount, last_seen_at: datetime | None) -> AdminUser:
    return AdminUser(
        id=account.id,
        email=account.email,
        display_name=account.display_name,
        role=cast("Role", account.role),
        created_at=account.created_at,
        disabled_at=account.disabled_at,
        second_factor=account.second_factor,
        last_seen_at=last_seen_at,
    )


def _to_event(recorded: RecordedEvent) -> AuditEvent:
    event, origin = recorded.event, recorded.origin
    return AuditEvent(
        seq=recorded.seq,
        at=recorded.at,
        kind=event.kind,
        outcome=event.outcome,
        user_id=event.user_id,
        actor_id=event.actor_id,
        session_id=event.session_id,
        address=origin.address or None,
        user_agent=origin.user_agent or None,
        detail=event.detail,
    )


def _uuid(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError as error:
        raise _unreadable() from error


def _number(cursor: str | None) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= limits.CURSOR_DIGITS_MAX):
        raise _unreadable()
    return int(cursor)


def _unreadable() -> CursorUnreadable:
    return CursorUnreadable("This is no cursor of ours.", fields={"cursor": "cannot be read"})


def _user_not_found() -> UserNotFound:
    return UserNotFound("There is no such user.")
