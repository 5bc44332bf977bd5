"""Whether a proof of who somebody is holds: the one place where codes and signatures are judged.

Signing in and stepping up ask the same question. Each proof is used up where it is found right, in
the database, so that of two at once one wins. Guesses are counted per account before a proof is
looked at; a wrong one leaves a trace in the audit trail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optix.features.identity import repository as accounts
from optix.features.identity import repository_factors as repository
from optix.features.identity.challenges import ProofAttempts
from optix.features.identity.factors_passkeys import Holder, PasskeyCeremonies
from optix.features.identity.passkeys import PasskeyRefused
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.recovery_codes import code_hash
from optix.features.identity.schemas import Method
from optix.features.identity.schemas_factors import (
    PasskeyProof,
    PasswordProof,
    RecoveryCodeProof,
    TotpProof,
)
from optix.features.identity.totp import matching_step
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Unauthenticated
from optix.kernel.ids import UserId
from optix.platform.audit import SecurityEvent, record_alone
from optix.platform.db import Database
from optix.platform.origin import Origin
from optix.platform.vault import Vault

Proof = PasswordProof | TotpProof | RecoveryCodeProof | PasskeyProof

SECRET_PLACE = ("totp_factor", "secret_sealed")  # what the vault binds a key to, with its owner


class ProofWrong(Unauthenticated):
    """Wrong, ended, used before, or not set up: the answer does not say which."""

    code = "proof_wrong"
    next_step = "Try again with a new code, or prove who you are in another way."


@dataclass(frozen=True, slots=True)
class Asked:
    """For what somebody has to prove who they are. `kind` names it in the audit trail."""

    kind: str
    owner: UserId
    passkey: Holder


class ProofVerifier:
    """Judges proofs. Effects: uses up codes; writes passkey; counts attempts; records failures."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        hasher: PasswordHasher,
        ceremonies: PasskeyCeremonies,
        attempts: ProofAttempts,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._hasher = hasher
        self._ceremonies = ceremonies
        self._attempts = attempts
        self._clock = clock

    async def verify(self, proof: Proof, asked: Asked, origin: Origin) -> Method:
        """Return what was proved. Errors: ProofWrong, TooManyProofs."""
        if isinstance(proof, PasskeyProof):
            right = await self._passkey(proof, asked, origin)  # a signature cannot be guessed
        else:
            await self._attempts.begin(asked.owner)
            right = await self._guessable(proof, asked.owner)
            if right:
                await self._attempts.succeeded(asked.owner)
        if not right:
            event = SecurityEvent(
                kind=asked.kind,
                outcome="failure",
                user_id=asked.owner,
                detail={"method": proof.method},
            )
            await record_alone(self._database, event, origin, self._now())
            raise ProofWrong("This does not prove who you are.")
        return proof.method

    async def _guessable(
        self, proof: PasswordProof | TotpProof | RecoveryCodeProof, owner: UserId
    ) -> bool:
        match proof:
            case TotpProof():
                return await self._totp(owner, proof.code.get_secret_value())
            case RecoveryCodeProof():
                return await self._recovery_code(owner, proof.code.get_secret_value())
            case PasswordProof():
                return await self._password(owner, proof.password.get_secret_value())

    async def _totp(self, owner: UserId, code: str) -> bool:
        async with self._database.reading(owner=owner) as reading:
            factor = await repository.find_totp(reading, owner)
        if factor is None:
            return False
        table, column = SECRET_PLACE
        secret = await self._vault.open(factor.secret_sealed, table=table, row=owner, column=column)
        step = matching_step(
            secret.decode(), code, self._clock.now_ns(), after_step=factor.last_step
        )
        if step is None:
            return False
        async with self._database.writing(owner=owner) as session:
            return await repository.use_totp_step(session, factor, step, self._now())

    async def _recovery_code(self, owner: UserId, code: str) -> bool:
        hashed = code_hash(code)
        if hashed is None:
            return False
        async with self._database.writing(owner=owner) as session:
            return await repository.use_recovery_code(session, owner, hashed, self._now())

    async def _password(self, owner: UserId, password: str) -> bool:
        async with self._database.reading(owner=owner) as reading:
            account = await accounts.find_account(reading, owner)
            ways = await repository.find_ways(reading, owner)
        if account is None or ways is None or ways.has_factor:
            return False  # what a thief of the password has must not stand in for the factor
        return await self._hasher.verify(password, account.password_hash)

    async def _passkey(self, proof: PasskeyProof, asked: Asked, origin: Origin) -> bool:
        handle = proof.handle.get_secret_value()
        try:
            await self._ceremonies.verify(handle, proof.credential, asked.passkey, origin)
        except PasskeyRefused:
            return False
        return True

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())
