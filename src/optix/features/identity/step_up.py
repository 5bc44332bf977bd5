"""Stepping up: proving again who one is, for what a stolen access token must not do.

The proof is written into a new access token and is fresh for five minutes. Nothing is kept.
"""

from __future__ import annotations

from datetime import datetime

from optix.features.identity import schemas_factors as wire
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.factors_passkeys import Holder, PasskeyCeremonies
from optix.features.identity.factors_proofs import Asked, ProofVerifier, ProofWrong
from optix.features.identity.sessions import SessionStarter
from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Forbidden
from optix.platform.audit import SecurityEvent, record_alone
from optix.platform.db import Database
from optix.platform.origin import Origin


class StepUpRefused(Forbidden):
    """The proof does not hold. The session goes on."""

    code = "step_up_refused"
    next_step = "Try again with a new code, or prove who you are in another way."


class StepUpService:
    """Effects: uses up a proof; records `step_up`."""

    def __init__(
        self,
        database: Database,
        *,
        proofs: ProofVerifier,
        ceremonies: PasskeyCeremonies,
        starter: SessionStarter,
        clock: Clock,
    ) -> None:
        self._database = database
        self._proofs = proofs
        self._ceremonies = ceremonies
        self._starter = starter
        self._clock = clock

    async def step_up(
        self, user: AuthenticatedUser, proof: wire.StepUpProof, origin: Origin
    ) -> wire.SteppedUp:
        """Return an access token that says `user` has just proved who they are.

        Errors: StepUpRefused, TooManyProofs, PasswordHashingBusy.
        """
        asked = Asked("step_up", user.id, _holder(user))
        try:
            method = await self._proofs.verify(proof, asked, origin)
        except ProofWrong as error:
            raise StepUpRefused(error.detail) from error
        event = SecurityEvent(
            kind="step_up",
            user_id=user.id,
            session_id=user.session_id,
            detail={"method": method},
        )
        await record_alone(self._database, event, origin, self._now())
        return wire.SteppedUp(
            access_token=self._starter.step_up(user, method),
            expires_in=ACCESS_TOKEN_SECONDS,
            step_up_expires_in=limits.STEP_UP_SECONDS,
        )

    async def passkey_options(self, user: AuthenticatedUser) -> wire.PasskeyOptions:
        """Ask a device for the signature of one of the user's passkeys."""
        return await self._ceremonies.begin_signing(_holder(user))

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


def _holder(user: AuthenticatedUser) -> Holder:
    return Holder("step_up", str(user.session_id), user.id)
