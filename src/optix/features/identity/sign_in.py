"""Signing in with a password, and from there to a second factor where the account has one.

Opens its own short units of work, because verifying a password takes longer than any query and must
not hold a connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from optix.features.identity import repository, rules
from optix.features.identity.models import UserAccount
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Client, Method, SecondFactorNeeded
from optix.features.identity.sessions import AccountDisabled, SessionStarter, SignedIn
from optix.features.identity.throttle import LoginThrottle
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import NotFound, Unauthenticated
from optix.kernel.ids import UserId
from optix.platform import audit
from optix.platform.audit import Outcome, SecurityEvent
from optix.platform.db import Database
from optix.platform.origin import Origin

TRY_EMAIL: Final = "test@optix.io"


class WrongCredentials(Unauthenticated):
    code = "wrong_credentials"
    next_step = "Check the e-mail address and the password."


class TryAccountMissing(NotFound):
    code = "try_account_missing"
    next_step = "Start OPTIX in development with OPTIX_DEVELOPMENT_ACCOUNTS left out."


class SecondFactors(Protocol):
    """What comes after the password (`factors`)."""

    async def challenge(
        self, account: UserAccount, *, client: Client, device_name: str, proved: Sequence[Method]
    ) -> SecondFactorNeeded:
        """Ask for a second factor of `account`, which has one."""

    async def step_up_methods(self, owner: UserId) -> Sequence[Method]:
        """Return how `owner` can prove again who they are."""


class SignInService:
    """Effects: writes user_session, refresh_token, user_account; counts failures in Redis."""

    def __init__(
        self,
        database: Database,
        *,
        hasher: PasswordHasher,
        starter: SessionStarter,
        throttle: LoginThrottle,
        factors: SecondFactors | None,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._starter = starter
        self._throttle = throttle
        self._factors = factors
        self._clock = clock

    async def log_in(
        self, email: str, password: str, *, client: Client, device_name: str = "", origin: Origin
    ) -> SignedIn | SecondFactorNeeded:
        """Errors: WrongCredentials, AccountDisabled, TooManyFailures, ThrottleUnavailable,
        PasswordHashingBusy.
        """
        key = rules.email_key(email)
        await self._throttle.attempt(key, origin.address)
        async with self._database.reading() as reading:
            account = await repository.find_account_by_email_key(reading, key)
        stored = account.password_hash if account else None
        right = await self._hasher.verify(password, stored)
        if account is None or stored is None or not right:
            await self._record("failure", account, origin)
            raise WrongCredentials("The e-mail address or the password is wrong.")
        if account.disabled_at is not None:
            raise AccountDisabled("This account is disabled.")
        await self._throttle.succeeded(key, origin.address)
        outdated = self._hasher.is_outdated(stored)
        rehashed = await self._hasher.hash(password) if outdated else None
        async with self._database.writing() as session:
            current = await repository.find_account_for_update(session, UserId(account.id))
            # Unless another sign-in has just hashed it anew, the password was changed meanwhile.
            if current is None or (current.password_hash != stored and not outdated):
                raise WrongCredentials("The e-mail address or the password is wrong.")
            if rehashed and current.password_hash == stored:
                current.password_hash = rehashed
            if not current.second_factor:
                return await self._starter.begin(
                    session,
                    current,
                    client=client,
                    device_name=device_name,
                    methods=["password"],
                    origin=origin,
                )
        await self._record("success", current, origin)
        assert self._factors is not None, "an account has a factor where none can be asked for"
        return await self._factors.challenge(
            current, client=client, device_name=device_name, proved=["password"]
        )

    async def try_out(self, client: Client, origin: Origin) -> SignedIn:
        """Sign in to the development account. The route exists in development only."""
        async with self._database.writing() as session:
            account = await repository.find_account_by_email_key(
                session, rules.email_key(TRY_EMAIL)
            )
            if account is None:
                raise TryAccountMissing("There is no development account.")
            return await self._starter.begin(
                session,
                account,
                client=client,
                device_name="",
                methods=["development"],
                origin=origin,
            )

    async def _record(self, outcome: Outcome, account: UserAccount | None, origin: Origin) -> None:
        event = SecurityEvent(
            kind="sign_in.password",
            outcome=outcome,
            user_id=UserId(account.id) if account else None,
        )
        now = to_datetime(self._clock.now_ns())
        await audit.record_alone(self._database, event, origin, now)
