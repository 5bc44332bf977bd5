"""Making an account: nobody has one before a code sent to the address comes back.

Whatever the address, beginning answers and costs the same: whether it has an account only the mail
says. The code counts where the registration was begun, because only there its id is known; so
nobody can prepare an account for somebody else's address.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from optix.features.identity import mail_codes, repository, repository_pending, rules, schemas
from optix.features.identity.accounts import new_account
from optix.features.identity.mails import MAIL_REGISTRATION
from optix.features.identity.models import Registration
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Client
from optix.features.identity.sessions import SessionStarter, SignedIn
from optix.features.identity.strength import PasswordRules
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.ids import UserId, new_uuid
from optix.platform import audit, jobs
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database
from optix.platform.origin import Origin


class Registrations:
    """Effects: writes registration, user_account, user_session, refresh_token; leaves jobs."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHasher,
        passwords: PasswordRules,
        starter: SessionStarter,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._passwords = passwords
        self._starter = starter
        self._clock = clock

    async def start(
        self, email: str, password: str, display_name: str, origin: Origin
    ) -> schemas.RegistrationStarted:
        """Errors: PasswordTooWeak, DisplayNameUnusable, PasswordHashingBusy."""
        name = rules.clean_display_name(display_name)
        await self._passwords.check(password, email=email, display_name=name)
        hashed = await self._hasher.hash(password)
        now = self._now()
        row = Registration(
            id=new_uuid(),
            email=email,
            email_key=rules.email_key(email),
            display_name=name,
            password_hash=hashed,
            created_at=now,
            expires_at=now + timedelta(seconds=limits.REGISTRATION_SECONDS),
        )
        async with self._database.writing() as session:
            session.add(row)
            await jobs.enqueue(session, MAIL_REGISTRATION, {"id": str(row.id)})
            event = SecurityEvent(kind="registration.started", detail={"registration": str(row.id)})
            await audit.record(session, event, origin, now)
        return schemas.RegistrationStarted(registration_id=row.id, expires_at=row.expires_at)

    async def resend(self, registration_id: UUID) -> None:
        """Have another mail sent, while the registration lives. Says nothing about either."""
        async with self._database.writing() as session:
            row = await repository_pending.find_registration(session, registration_id)
            if row is not None and row.expires_at > self._now():
                key = f"{MAIL_REGISTRATION}:{row.id}"
                await jobs.enqueue(session, MAIL_REGISTRATION, {"id": str(row.id)}, dedupe_key=key)

    async def verify(
        self, registration_id: UUID, code: str, *, client: Client, device_name: str, origin: Origin
    ) -> SignedIn:
        """Make the account and sign in.

        Errors: MailCodeWrong, MailCodeOver, PasswordHashingBusy.
        """
        async with self._database.writing() as session:
            row = await repository_pending.count_attempt(
                session, Registration, registration_id, self._now()
            )
        right = await self._hasher.verify(mail_codes.cleaned(code), row.code_hash if row else None)
        if row is None or not right:
            await self._refused(registration_id, origin)
            raise mail_codes.code_over() if row is None else mail_codes.wrong_code()
        async with self._database.writing() as session:
            taken = await repository_pending.take_registration(session, registration_id)
            # The code is looked at again: another mail may have replaced it meanwhile.
            if taken is None or taken.code_hash != row.code_hash:
                raise mail_codes.code_over()
            account = await repository.add_account(
                session,
                new_account(
                    taken.email, taken.password_hash, taken.display_name, "user", self._now()
                ),
            )
            if account is None:  # verified elsewhere a moment ago
                raise mail_codes.code_over()
            event = SecurityEvent(kind="account.created", user_id=UserId(account.id))
            signed_in = await self._starter.begin(
                session,
                account,
                client=client,
                device_name=device_name,
                methods=["password"],
                origin=origin,
            )
            await audit.record(session, event, origin, self._now())
        return signed_in

    async def _refused(self, registration_id: UUID, origin: Origin) -> None:
        event = SecurityEvent(
            kind="registration.verified",
            outcome="failure",
            detail={"registration": str(registration_id)},
        )
        await audit.record_alone(self._database, event, origin, self._now())

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())
