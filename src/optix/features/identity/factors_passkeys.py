"""Passkeys of an account: asking a device, trusting its answer, keeping and removing them.

A ceremony is begun for one purpose and one holder, and its handle works once, for five minutes. The
counter of a passkey is compared where it is stored, in the statement that stores the new one: of
two devices with one key, the one that lags is found out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from optix.features.identity import repository as accounts
from optix.features.identity import repository_factors as repository
from optix.features.identity import schemas_factors as schemas
from optix.features.identity.accounts import AccountGone, get_account
from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.mails import notify
from optix.features.identity.models import UserAccount
from optix.features.identity.models_factors import Passkey
from optix.features.identity.passkeys import (
    KnownPasskey,
    NewPasskey,
    PasskeyRefused,
    RelyingParty,
    credential_id_of,
    decoded,
    encoded,
)
from optix.features.identity.recovery_codes import code_hashes, new_codes
from optix.features.identity.rules import clean_display_name
from optix.kernel import limits
from optix.kernel.clock import Clock, to_datetime
from optix.kernel.errors import Conflict, NotFound
from optix.kernel.ids import UserId, new_uuid
from optix.platform.audit import SecurityEvent, record, record_alone
from optix.platform.db import Database, ReadSession, WriteSession
from optix.platform.one_time import OneTimeRecords
from optix.platform.origin import Origin

Purpose = Literal["registration", "sign_in", "second_factor", "step_up"]


class PasskeyNotFound(NotFound):
    code = "passkey_not_found"
    next_step = "Load the list of passkeys again."


class TooManyPasskeys(Conflict):
    code = "too_many_passkeys"
    next_step = "Remove a passkey that you no longer use."


class LastWayIn(Conflict):
    """Without it nobody could sign in to the account any more."""

    code = "last_way_in"
    next_step = "Set a password or add another passkey first."


@dataclass(frozen=True, slots=True)
class Holder:
    """Who began a ceremony: only they may finish it. `bound` is a session or a kind of client."""

    purpose: Purpose
    bound: str
    owner: UserId | None = None


class PasskeyCeremonies:
    """Asks devices and verifies what they answer. Effects: writes passkey; keeps ceremonies."""

    def __init__(
        self, database: Database, records: OneTimeRecords, party: RelyingParty, clock: Clock
    ) -> None:
        self._database = database
        self._records = records
        self._party = party
        self._clock = clock

    async def begin_registration(self, user: AuthenticatedUser) -> schemas.PasskeyOptions:
        """Ask a device for a new passkey of `user`. Errors: PasskeysImpossible, TooManyPasskeys."""
        async with self._database.reading(owner=user.id) as session:
            account = await get_account(session, user.id)
            known = await repository.list_passkeys(session, user.id)
        _check_count(len(known))
        challenge, options = self._party.registration_options(
            user_handle=user.id.bytes,
            email=account.email,
            display_name=account.display_name,
            known=[_known(each) for each in known],
        )
        return await self._begin(registration_holder(user), challenge, options)

    async def begin_signing(self, holder: Holder) -> schemas.PasskeyOptions:
        """Ask a device to sign, with any passkey or with one of the holder's.

        Errors: PasskeysImpossible.
        """
        known: Sequence[Passkey] = ()
        if holder.owner is not None:
            async with self._database.reading(owner=holder.owner) as session:
                known = await repository.list_passkeys(session, holder.owner)
        challenge, options = self._party.authentication_options([_known(each) for each in known])
        return await self._begin(holder, challenge, options)

    async def verify_new(
        self, handle: str, given: schemas.NewCredential, holder: Holder
    ) -> NewPasskey:
        """Errors: PasskeyRefused."""
        return self._party.verify_registration(given, await self._take(handle, holder))

    async def verify(
        self, handle: str, given: schemas.Assertion, holder: Holder, origin: Origin
    ) -> UserId:
        """Return whose passkey signed. Errors: PasskeyRefused."""
        challenge = await self._take(handle, holder)
        async with self._database.reading() as reading:
            found = await repository.find_passkey_by_credential(reading, credential_id_of(given))
        if found is None or (holder.owner is not None and found.user_id != holder.owner):
            raise PasskeyRefused("This passkey is not known here.")
        owner = UserId(found.user_id)
        signed = self._party.verify_assertion(
            given, challenge, _known(found), user_handle=owner.bytes
        )
        now = self._now()
        async with self._database.writing(owner=owner) as session:
            rose = await repository.use_passkey(
                session, found, signed.sign_count, now, backed_up=signed.backed_up
            )
            if not rose:
                await repository.suspect_passkey(session, found.id, now)
        if not rose:
            detail = {"passkey": str(found.id)}
            event = SecurityEvent(
                kind="passkey.counter_fell", outcome="failure", user_id=owner, detail=detail
            )
            await record_alone(self._database, event, origin, now)
            raise PasskeyRefused("The counter of this passkey went back.")
        return owner

    async def _begin(
        self, holder: Holder, challenge: bytes, options: dict[str, object]
    ) -> schemas.PasskeyOptions:
        seconds = limits.PASSKEY_CEREMONY_SECONDS
        kept = {
            "purpose": holder.purpose,
            "bound": holder.bound,
            "owner": str(holder.owner),
            "challenge": encoded(challenge),
        }
        handle = await self._records.keep("passkey", kept, seconds=seconds)
        return schemas.PasskeyOptions(handle=handle, options=options, expires_in=seconds)

    async def _take(self, handle: str, holder: Holder) -> bytes:
        kept = await self._records.take("passkey", handle)
        wanted = {"purpose": holder.purpose, "bound": holder.bound, "owner": str(holder.owner)}
        if kept is None or any(kept[name] != value for name, value in wanted.items()):
            raise PasskeyRefused("This request to the device has ended or was answered.")
        return decoded(kept["challenge"])

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


class PasskeyService:
    """The passkeys of the signed-in user. Effects: writes passkey, recovery_code,
    user_account; mails a notice.
    """

    def __init__(self, database: Database, ceremonies: PasskeyCeremonies, clock: Clock) -> None:
        self._database = database
        self._ceremonies = ceremonies
        self._clock = clock

    async def begin(self, user: AuthenticatedUser) -> schemas.PasskeyOptions:
        """Ask a device for a new passkey. Errors: PasskeysImpossible, TooManyPasskeys."""
        return await self._ceremonies.begin_registration(user)

    async def add(
        self, user: AuthenticatedUser, body: schemas.PasskeyRegistration, origin: Origin
    ) -> schemas.PasskeyAdded:
        """Keep a new passkey. With the first factor of an account come its recovery codes.

        Errors: PasskeyRefused, TooManyPasskeys, DisplayNameUnusable.
        """
        name = clean_display_name(body.name)
        new = await self._ceremonies.verify_new(
            body.handle.get_secret_value(), body.credential, registration_holder(user)
        )
        row = self._row(user.id, name, new)
        codes: list[str] | None = None
        async with self._database.writing() as session:
            account = await locked_account(session, user.id)
            ways = await repository.get_ways(session, user.id)
            _check_count(ways.passkeys)
            if not await repository.add_passkey(session, row):
                raise PasskeyRefused("This passkey is registered already.")
            if not ways.has_factor:
                codes = new_codes()
                await repository.replace_recovery_codes(
                    session, user.id, code_hashes(codes), row.created_at
                )
            account.second_factor = True
            await self._record(session, "passkey.added", user, row.id, origin)
        return schemas.PasskeyAdded(**to_passkey(row).model_dump(), recovery_codes=codes)

    async def list_own(self, session: ReadSession, owner: UserId) -> schemas.PasskeyList:
        """Return the passkeys of `owner`, oldest first."""
        rows = await repository.list_passkeys(session, owner)
        return schemas.PasskeyList(passkeys=[to_passkey(row) for row in rows])

    async def rename(
        self, session: WriteSession, owner: UserId, passkey_id: UUID, name: str
    ) -> schemas.Passkey:
        """Errors: PasskeyNotFound, DisplayNameUnusable."""
        row = await repository.find_passkey(session, owner, passkey_id)
        if row is None:
            raise PasskeyNotFound("You have no such passkey.")
        row.name = clean_display_name(name)
        return to_passkey(row)

    async def remove(self, user: AuthenticatedUser, passkey_id: UUID, origin: Origin) -> None:
        """Errors: PasskeyNotFound; LastWayIn when nobody could sign in afterwards."""
        async with self._database.writing() as session:
            account = await locked_account(session, user.id)
            if not await repository.delete_passkey(session, user.id, passkey_id):
                raise PasskeyNotFound("You have no such passkey.")
            ways = await repository.get_ways(session, user.id)
            if not ways.any_left:
                raise LastWayIn("This passkey is the only way to sign in to the account.")
            account.second_factor = ways.has_factor
            if not ways.has_factor:
                await repository.replace_recovery_codes(session, user.id, (), self._now())
            await self._record(session, "passkey.removed", user, passkey_id, origin)

    async def _record(
        self,
        session: WriteSession,
        kind: str,
        user: AuthenticatedUser,
        passkey_id: UUID,
        origin: Origin,
    ) -> None:
        await notify(session, user.id, "factors_changed")
        event = SecurityEvent(
            kind=kind,
            user_id=user.id,
            session_id=user.session_id,
            detail={"passkey": str(passkey_id)},
        )
        await record(session, event, origin, self._now())

    def _row(self, owner: UserId, name: str, new: NewPasskey) -> Passkey:
        return Passkey(
            id=new_uuid(),
            user_id=owner,
            credential_id=new.credential_id,
            public_key=new.public_key,
            sign_count=new.sign_count,
            transports=list(new.transports),
            name=name,
            synced=new.synced,
            backed_up=new.backed_up,
            created_at=self._now(),
            last_used_at=None,
            suspect_since=None,
        )

    def _now(self) -> datetime:
        return to_datetime(self._clock.now_ns())


async def locked_account(session: WriteSession, owner: UserId) -> UserAccount:
    """Return the account; what changes how it is signed in to goes one by one from here on.

    Errors: AccountGone.
    """
    account = await accounts.find_account_for_update(session, owner)
    if account is None:
        raise AccountGone("The account of this access token does not exist any more.")
    return account


def registration_holder(user: AuthenticatedUser) -> Holder:
    return Holder("registration", str(user.session_id), user.id)


def to_passkey(row: Passkey) -> schemas.Passkey:
    return schemas.Passkey(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        synced=row.synced,
        backed_up=row.backed_up,
        suspect=row.suspect_since is not None,
    )


def _known(row: Passkey) -> KnownPasskey:
    return KnownPasskey(row.credential_id, row.public_key, row.synced, row.transports)


def _check_count(count: int) -> None:
    if count >= limits.PASSKEYS_PER_USER_MAX:
        raise TooManyPasskeys(f"There are {count} passkeys, which is as many as can be.")
