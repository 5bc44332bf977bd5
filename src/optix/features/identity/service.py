"""The public face of identity: what other features and the wiring take from it.

What happens is in the module of each use case: `sign_in`, `sessions`, `registrations`,
`password_reset`, `accounts`, `own_data`, `administration`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from redis.asyncio import Redis

from optix.features.identity.authentication import AuthenticatedUser, Authenticator, SessionEnded
from optix.features.identity.ended_sessions import EndedSessions
from optix.features.identity.passwords import COST_DEFAULT, PasswordHasher
from optix.features.identity.schemas import Method
from optix.features.identity.sessions import Sessions, SessionStarter
from optix.features.identity.sign_in import SecondFactors, SignInService
from optix.features.identity.throttle import LoginThrottle
from optix.features.identity.tokens import AccessTokenSigner, AccessTokenVerifier, KeyRing
from optix.kernel.clock import Clock
from optix.kernel.ids import UserId
from optix.platform.bus import Bus
from optix.platform.db import Database

__all__ = ["AuthenticatedUser", "Authenticator", "Identity", "SessionEnded"]


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything of identity that one process needs, wired."""

    database: Database
    authenticator: Authenticator
    sign_in: SignInService
    starter: SessionStarter
    sessions: Sessions
    ended: EndedSessions
    hasher: PasswordHasher
    keys: KeyRing
    factors: SecondFactors | None
    clock: Clock

    @classmethod
    def wire(
        cls,
        *,
        database: Database,
        redis: Redis,
        keys: KeyRing,
        clock: Clock,
        bcrypt_cost: int = COST_DEFAULT,
    ) -> Self:
        """Build the services."""
        hasher = PasswordHasher(cost=bcrypt_cost)
        verifier = AccessTokenVerifier([key.public for key in keys.keys], clock)
        ended = EndedSessions(Bus(redis, clock), clock)
        starter = SessionStarter(AccessTokenSigner(keys.signing, clock), clock)
        sessions = Sessions(database, starter=starter, ended=ended, clock=clock)
        factors: SecondFactors | None = None
        return cls(
            database=database,
            authenticator=Authenticator(verifier, ended),
            sign_in=SignInService(
                database,
                hasher=hasher,
                starter=starter,
                throttle=LoginThrottle(redis),
                factors=factors,
            ),
            starter=starter,
            sessions=sessions,
            ended=ended,
            hasher=hasher,
            keys=keys,
            factors=factors,
            clock=clock,
        )

    async def step_up_methods(self, owner: UserId) -> Sequence[Method]:
        """Return how `owner` can prove again who they are."""
        if self.factors is None:
            return ["password"]
        return await self.factors.step_up_methods(owner)

    async def close(self) -> None:
        await asyncio.to_thread(self.hasher.close)
