"""One's own account: profile, preferences, password, e-mail address."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from optix.features.identity import (
    mail_codes,
    mails,
    repository,
    repository_pending,
    rules,
    schemas,
)
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.models import EmailChange, UserAccount
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Role
from optix.features.identity.sessions import Sessions, to_user
from optix.features.identity.strength import PasswordRules
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit, jobs
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database, ReadSession, WriteSession
from optix.platform.origin import Origin


class AccountGone(Unauthenticated):
    code = "account_gone"
    next_step = "Sign in with another account, or register."


async def get_user(session: ReadSession, owner: UserId) -> schemas.User:
    """Return the account of `owner`. Errors: AccountGone."""
    return to_user(await get_account(session, owner))


async def update_user(
    session: WriteSession, owner: UserId, changes: schemas.UserUpdate, clock: Clock
) -> schemas.User:
    """Change the account of `owner`.

    Effects: writes user_account.
    Errors:  AccountGone, DisplayNameUnusable.
    """
    account = await get_account(session, owner)
    if changes.display_name is not None:
        account.display_name = rules.clean_display_name(changes.display_name)
    if changes.preferences is not None:
        account.preferences = changes.preferences.model_dump()
    if changes.model_dump(exclude_none=True):
        account.updated_at = to_datetime(clock.now_ns())
    return to_user(account)


async def get_account(session: ReadSession, owner: UserId) -> UserAccount:
    """Errors: AccountGone."""
    account = await repository.find_account(session, owner)
    if account is None:
        raise AccountGone("The account of this access token does not exist any more.")
    return account


class Accounts:
    """Effects: writes user_account, email_change, user_session; leaves jobs."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHasher,
        passwords: PasswordRules,
        sessions: Sessions,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._passwords = passwords
        self._sessions = sessions
        self._clock = clock

    async def change_password(
        self, user: AuthenticatedUser, new_password: str, origin: Origin
    ) -> None:
        """Set another password; all other devices are signed out.

        Errors: AccountGone, PasswordTooWeak, PasswordHashingBusy.
        """
        async with self._database.reading() as reading:
            account = await get_account(reading, user.id)
        await self._passwords.check(
            new_password, email=account.email, display_name=account.display_name
        )
        hashed = await self._hasher.hash(new_password)
        async with self._database.writing() as session:
            current = await get_account(session, user.id)
            current.password_hash, current.updated_at = hashed, self._now()
            ended = await self._sessions.end_all(
                session, user.id, "password changed", keep=user.session_id
            )
            await mails.notify(session, user.id, "password_changed")
            event = SecurityEvent(
                kind="password.changed",
                user_id=user.id,
                session_id=user.session_id,
                detail={"sessions": len(ended)},
            )
            await audit.record(session, event, origin, self._now())
        await self._sessions.announce(ended)

    async def start_email_change(
        self, user: AuthenticatedUser, email: str, origin: Origin
    ) -> schemas.EmailChangeStarted:
        """Have a code sent to `email` and a notice to the present address. Errors: AccountGone."""
        now = self._now()
        row = EmailChange(
            id=new_uuid(),
            user_id=user.id,
            email=email,
            email_key=rules.email_key(email),
            created_at=now,
            expires_at=now + timedelta(seconds=limits.EMAIL_CHANGE_SECONDS),
        )
        async with self._database.writing() as session:
            await get_account(session, user.id)
            session.add(row)
            await jobs.enqueue(session, mails.MAIL_EMAIL_CHANGE, {"id": str(row.id)})
            await mails.notify(session, user.id, "email_change_started")
            event = SecurityEvent(kind="email.change_started", user_id=user.id)
            await audit.record(session, event, origin, now)
        return schemas.EmailChangeStarted(change_id=row.id, expires_at=row.expires_at)

    async def finish_email_change(
        self, user: AuthenticatedUser, change_id: UUID, code: str, origin: Origin
    ) -> schemas.User:
        """Move the account to the new address. Errors: MailCodeWrong, MailCodeOver, AccountGone,
        PasswordHashingBusy.
        """
        own = EmailChange.user_id == user.id
        async with self._database.writing() as session:
            row = await repository_pending.count_attempt(
                session, EmailChange, change_id, self._now(), own, EmailChange.used_at.is_(None)
            )
        right = await self._hasher.verify(mail_codes.cleaned(code), row.code_hash if row else None)
        if row is None or not right:
            failed = SecurityEvent(kind="email.changed", outcome="failure", user_id=user.id)
            await audit.record_alone(self._database, failed, origin, self._now())
            raise mail_codes.code_over() if row is None else mail_codes.wrong_code()
        async with self._database.writing() as session:
            now = self._now()
            if not await repository_pending.use_email_change(session, change_id, user.id, now):
                raise mail_codes.code_over()
            account = await get_account(session, user.id)
            before = account.email
            if not await repository.move_account(session, account, row.email, row.email_key, now):
                raise mail_codes.code_over()  # somebody else registered the address meanwhile
            await mails.notify(session, user.id, "email_changed", to=before)
            event = SecurityEvent(kind="email.changed", user_id=user.id, session_id=user.session_id)
            await audit.record(session, event, origin, now)
        return to_user(account)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def new_account(
    email: str, password_hash: str | None, display_name: str, role: Role, now: datetime
) -> UserAccount:
    return UserAccount(
        id=new_uuid(),
        email=email,
        email_key=rules.email_key(email),
        display_name=display_name,
        role=role,
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )
