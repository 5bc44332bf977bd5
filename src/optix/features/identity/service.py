"""The public face of identity: what other features and the wiring take from it.

What happens is in the module of each use case: `sign_in`, `sessions`, `registrations`,
`password_reset`, `accounts`, `own_data`, `administration`, `factors`, `factors_totp`,
`factors_passkeys`, `step_up`, `issuers`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self, TypedDict

from redis.asyncio import Redis

from optix.features.identity import repository
from optix.features.identity.accounts import Accounts
from optix.features.identity.administration import Administration
from optix.features.identity.authentication import AuthenticatedUser, Authenticator, SessionEnded
from optix.features.identity.challenges import KEYS, ProofAttempts, TrialRecords
from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.factors import FactorService
from optix.features.identity.factors_passkeys import PasskeyCeremonies, PasskeyService
from optix.features.identity.factors_proofs import ProofVerifier
from optix.features.identity.factors_totp import TotpService
from optix.features.identity.issuers import IssuerService
from optix.features.identity.native_apps import NativeApps
from optix.features.identity.own_data import OwnData, Section
from optix.features.identity.passkeys import RelyingParty
from optix.features.identity.password_reset import PasswordResets
from optix.features.identity.passwords import COST_DEFAULT, PasswordHasher
from optix.features.identity.registrations import Registrations
from optix.features.identity.schemas import Method
from optix.features.identity.sessions import Sessions, SessionStarter
from optix.features.identity.sign_in import SignInService
from optix.features.identity.step_up import StepUpService
from optix.features.identity.strength import PasswordRules
from optix.features.identity.throttle import LoginThrottle
from optix.features.identity.tokens import AccessTokenSigner, AccessTokenVerifier, KeyRing
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.ids import UserId
from optix.platform.bus import Bus
from optix.platform.db import Database, ReadSession
from optix.platform.one_time import OneTimeRecords
from optix.platform.vault import Vault
from optix.ports.issuers import Issuer

__all__ = ["AuthenticatedUser", "Authenticator", "Identity", "NativeApps", "SessionEnded"]

NO_NATIVE_APPS = NativeApps()


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything of identity that one process needs, wired."""

    database: Database
    authenticator: Authenticator
    sign_in: SignInService
    starter: SessionStarter
    sessions: Sessions
    ended: EndedSessions
    registrations: Registrations
    resets: PasswordResets
    accounts: Accounts
    own_data: OwnData
    administration: Administration
    passwords: PasswordRules
    hasher: PasswordHasher
    keys: KeyRing
    factors: FactorService
    totp: TotpService
    passkeys: PasskeyService
    step_up: StepUpService
    issuers: IssuerService
    native_apps: NativeApps
    clock: Clock

    @classmethod
    def wire(
        cls,
        *,
        database: Database,
        redis: Redis,
        keys: KeyRing,
        clock: Clock,
        vault: Vault,
        base_url: str,
        passkey_origins: Sequence[str] = (),
        native_apps: NativeApps = NO_NATIVE_APPS,
        issuers: Sequence[Issuer] = (),
        bcrypt_cost: int = COST_DEFAULT,
        breached_passwords_file: Path | None = None,
        sections: Mapping[str, Section] | None = None,
    ) -> Self:
        """Build the services. `sections` are what other features add to an export of own data."""
        hasher = PasswordHasher(cost=bcrypt_cost)
        passwords = PasswordRules(full_list=breached_passwords_file)
        verifier = AccessTokenVerifier([key.public for key in keys.keys], clock)
        ended = EndedSessions(Bus(redis, clock), clock)
        starter = SessionStarter(AccessTokenSigner(keys.signing, clock), clock)
        sessions = Sessions(database, starter=starter, ended=ended, clock=clock)
        late = _wire_factors(
            database,
            redis,
            vault=vault,
            hasher=hasher,
            starter=starter,
            party=RelyingParty(base_url, [*passkey_origins, *native_apps.origins]),
            issuers=issuers,
            base_url=base_url,
            clock=clock,
        )
        exported = {**_sections(late), **(sections or {})}
        rules: _Rules = {"hasher": hasher, "passwords": passwords, "clock": clock}
        return cls(
            database=database,
            authenticator=Authenticator(verifier, ended),
            sign_in=SignInService(
                database,
                hasher=hasher,
                starter=starter,
                throttle=LoginThrottle(redis, clock),
                factors=late.factors,
                clock=clock,
            ),
            starter=starter,
            sessions=sessions,
            ended=ended,
            registrations=Registrations(database, starter=starter, **rules),
            resets=PasswordResets(database, sessions=sessions, **rules),
            accounts=Accounts(database, sessions=sessions, **rules),
            own_data=OwnData(database, sessions=sessions, clock=clock, sections=exported),
            administration=Administration(database, sessions=sessions, clock=clock),
            passwords=passwords,
            hasher=hasher,
            keys=keys,
            factors=late.factors,
            totp=late.totp,
            passkeys=late.passkeys,
            step_up=late.step_up,
            issuers=late.issuers,
            native_apps=native_apps,
            clock=clock,
        )

    async def step_up_methods(self, owner: UserId) -> Sequence[Method]:
        """Return how `owner` can prove again who they are."""
        return await self.factors.step_up_methods(owner)

    async def find_address(self, owner: UserId) -> str | None:
        """Return where mails to somebody go; None for an account that is gone or disabled."""
        async with self.database.reading() as session:
            account = await repository.find_account(session, owner)
        return None if account is None or account.disabled_at is not None else account.email

    async def close(self) -> None:
        await self.issuers.close()
        await asyncio.to_thread(self.hasher.close)
        await asyncio.to_thread(self.passwords.close)


class _Rules(TypedDict):
    """What everything that sets a password takes."""

    hasher: PasswordHasher
    passwords: PasswordRules
    clock: Clock


class _Factors(NamedTuple):
    """What comes after the password."""

    factors: FactorService
    totp: TotpService
    passkeys: PasskeyService
    step_up: StepUpService
    issuers: IssuerService


def _sections(late: _Factors) -> dict[str, Section]:
    """Return what factors add to the export of one's own data: no key and no code is in it."""

    async def factors(session: ReadSession, owner: UserId) -> Any:
        return (await late.factors.get_factors(session, owner)).model_dump(mode="json")

    async def passkeys(session: ReadSession, owner: UserId) -> Any:
        return (await late.passkeys.list_own(session, owner)).model_dump(mode="json")["passkeys"]

    async def linked(session: ReadSession, owner: UserId) -> Any:
        return (await late.issuers.list_linked(session, owner)).model_dump(mode="json")["linked"]

    return {"factors": factors, "passkeys": passkeys, "linked_issuers": linked}


def _wire_factors(
    database: Database,
    redis: Redis,
    *,
    vault: Vault,
    hasher: PasswordHasher,
    starter: SessionStarter,
    party: RelyingParty,
    issuers: Sequence[Issuer],
    base_url: str,
    clock: Clock,
) -> _Factors:
    records = OneTimeRecords(redis, KEYS)
    ceremonies = PasskeyCeremonies(database, records, party, clock)
    proofs = ProofVerifier(
        database,
        vault=vault,
        hasher=hasher,
        ceremonies=ceremonies,
        attempts=ProofAttempts(redis),
        clock=clock,
    )
    challenges = TrialRecords(
        redis,
        "challenge",
        seconds=limits.CHALLENGE_SECONDS,
        attempts_max=limits.CHALLENGE_ATTEMPTS_MAX,
    )
    setups = TrialRecords(
        redis,
        "totp_setup",
        seconds=limits.TOTP_SETUP_SECONDS,
        attempts_max=limits.TOTP_SETUP_ATTEMPTS_MAX,
    )
    factors = FactorService(
        database,
        challenges=challenges,
        proofs=proofs,
        ceremonies=ceremonies,
        starter=starter,
        clock=clock,
    )
    return _Factors(
        factors=factors,
        totp=TotpService(database, setups=setups, vault=vault, clock=clock),
        passkeys=PasskeyService(database, ceremonies, clock),
        step_up=StepUpService(
            database, proofs=proofs, ceremonies=ceremonies, starter=starter, clock=clock
        ),
        issuers=IssuerService(
            database,
            issuers=issuers,
            records=records,
            factors=factors,
            starter=starter,
            base_url=base_url,
            clock=clock,
        ),
    )
