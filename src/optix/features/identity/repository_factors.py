"""The SQL of factors, passkeys and linked issuers.

What must happen once is one conditional UPDATE: of two attempts at once the database lets one win.
What compares several tables (the last way to sign in, the first factor) locks the account first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from optix.features.identity.models import UserAccount
from optix.features.identity.models_factors import IssuerLink, Passkey, RecoveryCode, TotpFactor
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody can sign in, and how many recovery codes are left."""

    password: bool
    totp_since: datetime | None
    passkeys: int
    issuers: int
    recovery_codes: int

    @property
    def has_factor(self) -> bool:
        return self.totp_since is not None or self.passkeys > 0

    @property
    def any_left(self) -> bool:
        """Whether there is any way to sign in: an authenticator app alone is none."""
        return self.password or self.passkeys > 0 or self.issuers > 0


async def find_ways(session: ReadSession, owner: UserId) -> Ways | None:
    """Return how `owner` can sign in; None where there is no such account."""
    found = await session.execute(
        select(
            UserAccount.password_hash.is_not(None),
            select(TotpFactor.created_at).where(TotpFactor.user_id == owner).scalar_subquery(),
            select(func.count()).where(Passkey.user_id == owner).scalar_subquery(),
            select(func.count()).where(IssuerLink.user_id == owner).scalar_subquery(),
            select(func.count())
            .where(RecoveryCode.user_id == owner, RecoveryCode.used_at.is_(None))
            .scalar_subquery(),
        ).where(UserAccount.id == owner)
    )
    row = found.one_or_none()
    return None if row is None else Ways(*row)


async def get_ways(session: ReadSession, owner: UserId) -> Ways:
    """The same for an account that the caller has locked."""
    ways = await find_ways(session, owner)
    assert ways is not None, "the account is locked"
    return ways


# --- authenticator app -------------------------------------------------------------------------


async def find_totp(session: ReadSession, owner: UserId) -> TotpFactor | None:
    return await session.get(TotpFactor, owner)


async def replace_totp(session: WriteSession, factor: TotpFactor) -> None:
    """Insert `factor`, in place of the one the account has."""
    values = {column.key: getattr(factor, column.key) for column in TotpFactor.__table__.columns}
    changes = {name: value for name, value in values.items() if name != "user_id"}
    await session.execute(
        insert(TotpFactor)
        .values(values)
        .on_conflict_do_update(index_elements=[TotpFactor.user_id], set_=changes)
    )


async def use_totp_step(
    session: WriteSession, factor: TotpFactor, step: int, now: datetime
) -> bool:
    """Use up `step` and all before it; False if it was used, or the key is another by now."""
    used = await session.scalar(
        update(TotpFactor)
        .where(
            TotpFactor.user_id == factor.user_id,
            TotpFactor.created_at == factor.created_at,
            TotpFactor.last_step < step,
        )
        .values(last_step=step, last_used_at=now)
        .returning(TotpFactor.user_id)
    )
    return used is not None


async def delete_totp(session: WriteSession, owner: UserId) -> bool:
    deleted = await session.scalar(
        delete(TotpFactor).where(TotpFactor.user_id == owner).returning(TotpFactor.user_id)
    )
    return deleted is not None


# --- recovery codes ----------------------------------------------------------------------------


async def replace_recovery_codes(
    session: WriteSession, owner: UserId, hashes: Sequence[bytes], now: datetime
) -> None:
    """Make `hashes` the only codes of `owner`; none end the set."""
    await session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == owner))
    session.add_all(
        RecoveryCode(id=new_uuid(), user_id=owner, code_hash=each, created_at=now)
        for each in hashes
    )


async def use_recovery_code(
    session: WriteSession, owner: UserId, code_hash: bytes, now: datetime
) -> bool:
    """Use up a code of `owner`; False if there is none, or it was used."""
    used = await session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == owner,
            RecoveryCode.code_hash == code_hash,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    return used is not None


# --- passkeys ----------------------------------------------------------------------------------


async def list_passkeys(session: ReadSession, owner: UserId) -> Sequence[Passkey]:
    """Return the passkeys of `owner`, oldest first. At most PASSKEYS_PER_USER_MAX exist."""
    found = await session.scalars(
        select(Passkey).where(Passkey.user_id == owner).order_by(Passkey.created_at, Passkey.id)
    )
    return found.all()


async def find_passkey(session: ReadSession, owner: UserId, passkey_id: UUID) -> Passkey | None:
    return await session.scalar(
        select(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == owner)
    )


async def find_passkey_by_credential(session: ReadSession, credential_id: bytes) -> Passkey | None:
    """Return whose ever passkey this is: at sign-in the passkey says who somebody is."""
    return await session.scalar(select(Passkey).where(Passkey.credential_id == credential_id))


async def add_passkey(session: WriteSession, passkey: Passkey) -> bool:
    """Insert `passkey`; False if any account has its credential already."""
    values = {column.key: getattr(passkey, column.key) for column in Passkey.__table__.columns}
    added = await session.scalar(
        insert(Passkey)
        .values(values)
        .on_conflict_do_nothing(index_elements=[Passkey.credential_id])
        .returning(Passkey.id)
    )
    return added is not None


async def use_passkey(
    session: WriteSession, passkey: Passkey, sign_count: int, now: datetime, *, backed_up: bool
) -> bool:
    """Store a use of `passkey`; False if its counter did not rise, as with a copy.

    Most passkeys do not count and always say 0.
    """
    rises = Passkey.sign_count < sign_count
    if sign_count == 0:
        rises = Passkey.sign_count == 0
    used = await session.scalar(
        update(Passkey)
        .where(Passkey.id == passkey.id, rises)
        .values(sign_count=sign_count, last_used_at=now, backed_up=backed_up)
        .returning(Passkey.id)
    )
    return used is not None


async def suspect_passkey(session: WriteSession, passkey_id: UUID, now: datetime) -> None:
    await session.execute(
        update(Passkey)
        .where(Passkey.id == passkey_id, Passkey.suspect_since.is_(None))
        .values(suspect_since=now)
    )


async def delete_passkey(session: WriteSession, owner: UserId, passkey_id: UUID) -> bool:
    deleted = await session.scalar(
        delete(Passkey)
        .where(Passkey.id == passkey_id, Passkey.user_id == owner)
        .returning(Passkey.id)
    )
    return deleted is not None


# --- linked issuers ----------------------------------------------------------------------------


async def find_issuer_link(session: ReadSession, issuer: str, subject: str) -> IssuerLink | None:
    """Return whose ever link this is: at sign-in the issuer says who somebody is."""
    return await session.scalar(
        select(IssuerLink).where(IssuerLink.issuer == issuer, IssuerLink.subject == subject)
    )


async def list_issuer_links(session: ReadSession, owner: UserId) -> Sequence[IssuerLink]:
    """Return the links of `owner`, oldest first. At most ISSUERS_PER_USER_MAX exist."""
    found = await session.scalars(
        select(IssuerLink)
        .where(IssuerLink.user_id == owner)
        .order_by(IssuerLink.created_at, IssuerLink.id)
    )
    return found.all()


async def add_issuer_link(session: WriteSession, link: IssuerLink) -> bool:
    """Insert `link`; False if any account is linked to that person already."""
    values = {column.key: getattr(link, column.key) for column in IssuerLink.__table__.columns}
    added = await session.scalar(
        insert(IssuerLink)
        .values(values)
        .on_conflict_do_nothing(index_elements=[IssuerLink.issuer, IssuerLink.subject])
        .returning(IssuerLink.id)
    )
    return added is not None


async def delete_issuer_link(
    session: WriteSession, owner: UserId, link_id: UUID
) -> IssuerLink | None:
    """Return what was deleted, None if `owner` has no such link."""
    return await session.scalar(
        delete(IssuerLink)
        .where(IssuerLink.id == link_id, IssuerLink.user_id == owner)
        .returning(IssuerLink)
    )
