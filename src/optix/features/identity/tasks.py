"""What the worker does for identity: mails with codes and links, notices, and clearing away.

A job names a row. The code or token is made here, when it is sent, and only its hash is stored: it
never lies in the queue. A job that runs twice sends two mails, of which the newer one counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from optix.features.identity import mail_codes, mails, repository, repository_pending
from optix.features.identity.models import EmailChange, Registration
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Preferences
from optix.features.identity.tokens import new_token, token_hash
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import SessionId, UserId
from optix.platform.db import Database
from optix.platform.jobs import Arguments, Handler
from optix.ports.mail import MailSender

CLEAR_AWAY: Final = "identity.clear_away"
SCHEDULES: Final[Mapping[str, str]] = {CLEAR_AWAY: "17 * * * *"}


class IdentityTasks:
    """Effects: sends mail; writes registration, password_reset, email_change."""

    def __init__(
        self,
        database: Database,
        *,
        mail: MailSender,
        hasher: PasswordHasher,
        base_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._mail = mail
        self._hasher = hasher
        self._base_url = base_url
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {
            mails.MAIL_REGISTRATION: self.mail_registration,
            mails.MAIL_PASSWORD_RESET: self.mail_password_reset,
            mails.MAIL_EMAIL_CHANGE: self.mail_email_change,
            mails.MAIL_NOTICE: self.mail_notice,
            CLEAR_AWAY: self.clear_away,
        }

    async def mail_registration(self, arguments: Arguments) -> None:
        """Send a code; an address that has an account gets a mail that says so instead."""
        row_id = UUID(arguments["id"])
        async with self._database.reading() as reading:
            row = await repository_pending.find_registration(reading, row_id)
            if row is None or row.expires_at <= self._now():
                return
            sent = await repository_pending.count_registration_mails(
                reading, row.email_key, self._now()
            )
            account = await repository.find_account_by_email_key(reading, row.email_key)
        if row.mails >= limits.REGISTRATION_MAILS_MAX or sent >= limits.MAILS_PER_ADDRESS_MAX:
            return
        if account is None:
            code = mail_codes.new_code()
            await self._store_code(Registration, row.id, code)
            await self._mail.send(mails.registration_code(row.email, code))
        else:
            await self._mail.send(mails.already_registered(account.email, self._base_url))
        async with self._database.writing() as session:
            current = await repository_pending.find_registration(session, row_id)
            if current is not None:
                current.mails += 1

    async def mail_password_reset(self, arguments: Arguments) -> None:
        """Send a link, if the address has an account that may sign in."""
        row_id = UUID(arguments["id"])
        async with self._database.writing() as session:
            row = await repository_pending.find_reset(session, row_id)
            if row is None or row.used_at is not None or row.expires_at <= self._now():
                return
            account = await repository.find_account_by_email_key(session, row.email_key)
            sent = await repository_pending.count_reset_mails(session, row.email_key, self._now())
            again = row.token_hash is not None  # this job failed after this point before
            if account is None or account.disabled_at is not None:
                await session.delete(row)
                return
            if sent - again >= limits.MAILS_PER_ADDRESS_MAX:
                return
            token = new_token()
            row.token_hash = token_hash(token)
        await self._mail.send(mails.reset_link(account.email, self._base_url, token))

    async def mail_email_change(self, arguments: Arguments) -> None:
        """Send a code to the address that somebody wants to move to."""
        row_id = UUID(arguments["id"])
        async with self._database.reading() as reading:
            row = await repository_pending.find_email_change(reading, row_id)
            if row is None or row.used_at is not None or row.expires_at <= self._now():
                return
            taken = await repository.find_account_by_email_key(reading, row.email_key)
        if taken is not None:
            await self._mail.send(mails.already_registered(taken.email, self._base_url))
            return
        code = mail_codes.new_code()
        await self._store_code(EmailChange, row.id, code)
        await self._mail.send(mails.email_change_code(row.email, code))

    async def mail_notice(self, arguments: Arguments) -> None:
        """Tell somebody what happened to their account."""
        owner = UserId(UUID(arguments["user_id"]))
        kind, to, about = arguments["notice"], arguments.get("to"), ""
        async with self._database.reading() as reading:
            account = await repository.find_account(reading, owner)
            if account is not None and kind == "new_sign_in":
                if not Preferences.model_validate(account.preferences).security_mails:
                    return
                row = await repository.find_session(
                    reading, SessionId(UUID(arguments["session_id"]))
                )
                if row is None:
                    return
                about = f"{row.user_agent or 'Unknown program'}, from {row.address or 'unknown'}."
        if to is None and account is None:
            return
        to = to or (account.email if account else "")
        await self._mail.send(mails.notice(to, kind, self._base_url, about))

    async def clear_away(self, _: Arguments) -> None:
        """Delete what nobody can finish any more."""
        async with self._database.writing() as session:
            await repository_pending.delete_over(session, self._now())

    async def _store_code(
        self, table: type[Registration | EmailChange], row_id: UUID, code: str
    ) -> None:
        hashed = await self._hasher.hash(code)
        async with self._database.writing() as session:
            await repository_pending.store_code(session, table, row_id, hashed)

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())
