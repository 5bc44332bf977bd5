"""Second factors of an account: what it has, and the half of signing in that asks for them.

A login whose first half was right waits as a challenge: five minutes, five attempts, one success,
for the kind of client that began it. Passkeys also sign in alone, without a name or a password.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from optix.features.identity import repository_factors as repository
from optix.features.identity import schemas_factors as wire
from optix.features.identity.accounts import AccountGone
from optix.features.identity.challenges import TrialRecords
from optix.features.identity.factors_passkeys import (
    Holder,
    PasskeyCeremonies,
    locked_account,
)
from optix.features.identity.factors_proofs import Asked, ProofVerifier, ProofWrong
from optix.features.identity.models import UserAccount
from optix.features.identity.passkeys import PasskeyRefused
from optix.features.identity.repository_factors import Ways
from optix.features.identity.schemas import Client, Method, SecondFactorNeeded
from optix.features.identity.schemas_factors import FactorMethod, StepUpMethod
from optix.features.identity.sessions import SessionStarter, SignedIn
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import UserId
from optix.platform.audit import SecurityEvent, record_alone
from optix.platform.db import Database, ReadSession
from optix.platform.one_time import new_handle
from optix.platform.origin import Origin


class ChallengeInvalid(Unauthenticated):
    """Unknown, ended, used up, or another client's: the answer does not say which."""

    code = "challenge_invalid"
    next_step = "Sign in again from the beginning."


class FactorService:
    """Effects: keeps challenges; writes user_session, refresh_token; uses up proofs."""

    def __init__(
        self,
        database: Database,
        *,
        challenges: TrialRecords,
        proofs: ProofVerifier,
        ceremonies: PasskeyCeremonies,
        starter: SessionStarter,
        clock: Clock,
    ) -> None:
        self._database = database
        self._challenges = challenges
        self._proofs = proofs
        self._ceremonies = ceremonies
        self._starter = starter
        self._clock = clock

    async def challenge(
        self, account: UserAccount, *, client: Client, device_name: str, proved: Sequence[Method]
    ) -> SecondFactorNeeded:
        """Ask for a second factor of `account`, which has one."""
        owner = UserId(account.id)
        async with self._database.reading(owner=owner) as session:
            ways = await repository.get_ways(session, owner)
        handle = new_handle()
        kept = {
            "user_id": str(owner),
            "client": client,
            "device_name": device_name,
            "methods": list(proved),
            "password": _password_mark(account),
        }
        await self._challenges.put(handle, kept)
        return SecondFactorNeeded(
            challenge=handle, methods=factor_methods(ways), expires_in=limits.CHALLENGE_SECONDS
        )

    async def step_up_methods(self, owner: UserId) -> Sequence[Method]:
        """Return how `owner` can prove again who they are."""
        async with self._database.reading(owner=owner) as session:
            ways = await repository.find_ways(session, owner)
        return [] if ways is None else step_up_methods(ways)

    async def get_factors(self, session: ReadSession, owner: UserId) -> wire.Factors:
        """Return what `owner` has set up. Errors: AccountGone."""
        ways = await repository.find_ways(session, owner)
        if ways is None:
            raise AccountGone("The account of this access token does not exist any more.")
        return wire.Factors(
            totp=ways.totp_since is not None,
            totp_since=ways.totp_since,
            passkeys=ways.passkeys,
            recovery_codes_left=ways.recovery_codes,
            step_up_methods=step_up_methods(ways),
        )

    async def passkey_options(self, body: wire.PasskeyOptionsRequest) -> wire.PasskeyOptions:
        """Ask a device to sign in alone, or as the second factor of a login.

        Errors: ChallengeInvalid, PasskeysImpossible.
        """
        if body.challenge is None:
            return await self._ceremonies.begin_signing(Holder("sign_in", body.client))
        kept = await self._challenges.look(body.challenge.get_secret_value())
        owner, _ = _checked(kept, body.client)
        return await self._ceremonies.begin_signing(_second_factor(owner, body.client))

    async def finish_login(self, body: wire.SecondFactor, origin: Origin) -> SignedIn:
        """Sign in with the second factor of a login.

        Errors: ChallengeInvalid, ProofWrong, TooManyProofs, AccountDisabled.
        """
        handle = body.challenge.get_secret_value()
        owner, kept = _checked(await self._challenges.attempt(handle), body.client)
        asked = Asked("sign_in.factor", owner, _second_factor(owner, body.client))
        method = await self._proofs.verify(body.proof, asked, origin)
        if not await self._challenges.end(handle):
            raise ChallengeInvalid("This sign-in has ended or was used.")
        return await self._begin(
            owner,
            client=body.client,
            device_name=body.device_name or kept["device_name"],
            methods=[*cast("list[Method]", kept["methods"]), method],
            origin=origin,
            password_mark=kept["password"],
        )

    async def sign_in_by_passkey(self, body: wire.PasskeySignIn, origin: Origin) -> SignedIn:
        """Sign in with a passkey alone. Errors: ProofWrong, AccountDisabled."""
        try:
            owner = await self._ceremonies.verify(
                body.handle.get_secret_value(),
                body.credential,
                Holder("sign_in", body.client),
                origin,
            )
        except PasskeyRefused as error:
            event = SecurityEvent(kind="sign_in.passkey", outcome="failure")
            await record_alone(self._database, event, origin, self._now())
            raise ProofWrong("This passkey cannot sign in here.") from error
        return await self._begin(
            owner,
            client=body.client,
            device_name=body.device_name,
            methods=["passkey"],
            origin=origin,
        )

    async def _begin(
        self,
        owner: UserId,
        *,
        client: Client,
        device_name: str,
        methods: Sequence[Method],
        origin: Origin,
        password_mark: str | None = None,
    ) -> SignedIn:
        async with self._database.writing() as session:
            account = await locked_account(session, owner)
            if password_mark not in {None, _password_mark(account)}:
                # Whoever changed the password wants those out who know the former one.
                raise ChallengeInvalid("The password was changed meanwhile.")
            return await self._starter.begin(
                session,
                account,
                client=client,
                device_name=device_name,
                methods=methods,
                origin=origin,
            )

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def factor_methods(ways: Ways) -> list[FactorMethod]:
    """Return what can be the second factor, the usual one first."""
    methods: list[FactorMethod] = []
    if ways.totp_since is not None:
        methods.append("totp")
    if ways.passkeys:
        methods.append("passkey")
    if ways.recovery_codes:
        methods.append("recovery_code")
    return methods


def step_up_methods(ways: Ways) -> Sequence[StepUpMethod]:
    """Return what proves again who somebody is: a factor where there is one, else the password."""
    if ways.has_factor:
        return factor_methods(ways)
    return ["password"] if ways.password else []


def _password_mark(account: UserAccount) -> str:
    """Return what tells whether the password is still the same, and nothing else about it."""
    return hashlib.sha256((account.password_hash or "").encode()).hexdigest()[:16]


def _second_factor(owner: UserId, client: Client) -> Holder:
    return Holder("second_factor", client, owner)


def _checked(kept: dict[str, object] | None, client: Client) -> tuple[UserId, dict[str, str]]:
    if kept is None or kept["client"] != client:
        raise ChallengeInvalid("This sign-in has ended or was used.")
    return UserId(UUID(str(kept["user_id"]))), cast("dict[str, str]", kept)
