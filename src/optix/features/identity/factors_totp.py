"""Setting up and removing the authenticator app, and the recovery codes that come with it.

A new key waits in Redis, sealed, under the session that asked for it, until a code of it was right:
the factor in use keeps working meanwhile.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime

from optix.features.identity import repository_factors as repository
from optix.features.identity import schemas_factors as wire
from optix.features.identity.accounts import get_account
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.challenges import TrialRecords
from optix.features.identity.factors_passkeys import locked_account
from optix.features.identity.factors_proofs import SECRET_PLACE
from optix.features.identity.mails import notify
from optix.features.identity.models_factors import TotpFactor
from optix.features.identity.recovery_codes import code_hashes, new_codes
from optix.features.identity.totp import matching_step, new_secret, otpauth_uri
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, InvalidInput, NotFound
from optix.platform.audit import SecurityEvent, record
from optix.platform.db import Database, WriteSession
from optix.platform.origin import Origin
from optix.platform.vault import Vault


class TotpSetupMissing(Conflict):
    code = "totp_setup_missing"
    next_step = "Begin setting up again and scan the new QR code."


class TotpCodeWrong(InvalidInput):
    code = "totp_code_wrong"
    next_step = "Type the code that the app shows now. Check that the phone's clock is right."


class TotpMissing(NotFound):
    code = "totp_missing"
    next_step = "There is nothing to remove."


class NoFactor(Conflict):
    code = "no_factor"
    next_step = "Set up an authenticator app or a passkey first."


class TotpService:
    """Effects: writes totp_factor, recovery_code, user_account; keeps set-ups; mails a notice."""

    def __init__(
        self, database: Database, *, setups: TrialRecords, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._setups = setups
        self._vault = vault
        self._clock = clock

    async def set_up(self, user: AuthenticatedUser) -> wire.TotpSetup:
        """Return a new key for the authenticator app; nothing is asked for until it is verified."""
        async with self._database.reading(owner=user.id) as session:
            account = await get_account(session, user.id)
        secret = new_secret()
        table, column = SECRET_PLACE
        sealed = await self._vault.seal(secret.encode(), table=table, row=user.id, column=column)
        await self._setups.put(str(user.session_id), {"sealed": b64encode(sealed).decode()})
        return wire.TotpSetup(
            otpauth_uri=otpauth_uri(secret, account.email),
            manual_key=secret,
            expires_in=limits.TOTP_SETUP_SECONDS,
        )

    async def verify(
        self, user: AuthenticatedUser, code: str, origin: Origin
    ) -> wire.RecoveryCodes:
        """Make the new key the account's and return a new set of recovery codes.

        Errors: TotpSetupMissing, TotpCodeWrong.
        """
        kept = await self._setups.attempt(str(user.session_id))
        if kept is None:
            raise TotpSetupMissing("No authenticator app is being set up.")
        sealed = b64decode(kept["sealed"])
        table, column = SECRET_PLACE
        secret = await self._vault.open(sealed, table=table, row=user.id, column=column)
        step = matching_step(secret.decode(), code, self._clock.now_ns(), after_step=-1)
        if step is None:
            raise TotpCodeWrong("The code is not right.", fields={"code": "is not right"})
        if not await self._setups.end(str(user.session_id)):
            raise TotpSetupMissing("No authenticator app is being set up.")
        now = self._now()
        factor = TotpFactor(
            user_id=user.id,
            secret_sealed=sealed,
            last_step=step,  # the code that was just shown is used
            created_at=now,
            last_used_at=None,
        )
        async with self._database.writing() as session:
            account = await locked_account(session, user.id)
            await repository.replace_totp(session, factor)
            account.second_factor = True
            return await self._new_codes(session, user, "factor.totp_added", origin)

    async def remove(self, user: AuthenticatedUser, origin: Origin) -> None:
        """Errors: TotpMissing."""
        async with self._database.writing() as session:
            account = await locked_account(session, user.id)
            if not await repository.delete_totp(session, user.id):
                raise TotpMissing("No authenticator app is set up.")
            ways = await repository.get_ways(session, user.id)
            account.second_factor = ways.has_factor
            if not ways.has_factor:
                await repository.replace_recovery_codes(session, user.id, (), self._now())
            await self._record(session, "factor.totp_removed", user, origin)

    async def renew_recovery_codes(
        self, user: AuthenticatedUser, origin: Origin
    ) -> wire.RecoveryCodes:
        """Return a new set; the former one is worth nothing any more. Errors: NoFactor."""
        async with self._database.writing() as session:
            await locked_account(session, user.id)
            ways = await repository.get_ways(session, user.id)
            if not ways.has_factor:
                raise NoFactor("Recovery codes stand in for a factor, and there is none.")
            return await self._new_codes(session, user, "factor.recovery_codes_made", origin)

    async def _new_codes(
        self, session: WriteSession, user: AuthenticatedUser, kind: str, origin: Origin
    ) -> wire.RecoveryCodes:
        codes = new_codes()
        await repository.replace_recovery_codes(session, user.id, code_hashes(codes), self._now())
        await self._record(session, kind, user, origin)
        return wire.RecoveryCodes(codes=codes)

    async def _record(
        self, session: WriteSession, kind: str, user: AuthenticatedUser, origin: Origin
    ) -> None:
        await notify(session, user.id, "factors_changed")
        event = SecurityEvent(kind=kind, user_id=user.id, session_id=user.session_id)
        await record(session, event, origin, self._now())

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())
