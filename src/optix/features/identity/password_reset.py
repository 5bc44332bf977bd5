"""A new password for who forgot the old one: by a link that works once, for 30 minutes.

Asking answers and costs the same whether the address has an account: the worker finds out. A reset
ends all sessions, and leaves second factors alone: the mailbox replaces the password, no more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from optix.features.identity import mails, repository, repository_pending, rules
from optix.features.identity.models import PasswordReset
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.sessions import Sessions
from optix.features.identity.strength import PasswordRules
from optix.features.identity.tokens import token_hash
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import InvalidInput
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit, jobs
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database
from optix.platform.origin import Origin


class ResetTokenInvalid(InvalidInput):
    """Unknown, expired or used."""

    code = "reset_token_invalid"
    next_step = "Ask for a new mail, and use its link within 30 minutes."


class PasswordResets:
    """Effects: writes password_reset, user_account, user_session; leaves jobs."""

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

    async def start(self, email: str, origin: Origin) -> None:
        """Have a link mailed to `email`, if that is somebody's."""
        now = self._now()
        row = PasswordReset(
            id=new_uuid(),
            email_key=rules.email_key(email),
            created_at=now,
            expires_at=now + timedelta(seconds=limits.PASSWORD_RESET_SECONDS),
        )
        async with self._database.writing() as session:
            session.add(row)
            await jobs.enqueue(session, mails.MAIL_PASSWORD_RESET, {"id": str(row.id)})
            event = SecurityEvent(kind="password_reset.started", detail={"reset": str(row.id)})
            await audit.record(session, event, origin, now)

    async def finish(self, token: str, new_password: str, origin: Origin) -> None:
        """Choose the new password. Errors: ResetTokenInvalid, PasswordTooWeak,
        PasswordHashingBusy.
        """
        async with self._database.reading() as reading:
            reset = await repository_pending.find_live_reset(
                reading, token_hash(token), self._now()
            )
            account = (
                await repository.find_account_by_email_key(reading, reset.email_key)
                if reset
                else None
            )
        if reset is None or account is None:
            event = SecurityEvent(kind="password_reset.finished", outcome="failure")
            await audit.record_alone(self._database, event, origin, self._now())
            raise _invalid()
        await self._passwords.check(
            new_password, email=account.email, display_name=account.display_name
        )
        hashed = await self._hasher.hash(new_password)
        owner = UserId(account.id)
        async with self._database.writing() as session:
            if not await repository_pending.use_resets(session, reset, self._now()):
                raise _invalid()
            current = await repository.find_account_for_update(session, owner)
            if current is None or current.email_key != reset.email_key:
                raise _invalid()
            current.password_hash, current.updated_at = hashed, self._now()
            ended = await self._sessions.end_all(session, owner, "password reset")
            await mails.notify(session, owner, "password_changed")
            done = SecurityEvent(
                kind="password_reset.finished", user_id=owner, detail={"sessions": len(ended)}
            )
            await audit.record(session, done, origin, self._now())
        await self._sessions.announce(ended)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _invalid() -> ResetTokenInvalid:
    return ResetTokenInvalid(
        "The link of the mail cannot be used any more.", fields={"token": "is not valid"}
    )
