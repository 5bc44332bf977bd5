"""Tables of second factors, passkeys and linked issuers. All rows belong to one account.

The key of an authenticator app is sealed by the vault; a recovery code is a hash; a passkey is a
public key. So a copy of these tables lets nobody in.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base
from optix.platform.vault_rotation import SEALED


class TotpFactor(Base):
    """The authenticator app of an account."""

    __tablename__ = "totp_factor"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True
    )
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary, info=SEALED)
    last_step: Mapped[int] = mapped_column(BigInteger)  # codes of it and before are used
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """One code of the present set, kept after its use so that the set can be counted."""

    __tablename__ = "recovery_code"
    __table_args__ = (CheckConstraint("octet_length(code_hash) = 32", name="code_hash"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A key pair of a device; we have the public half."""

    __tablename__ = "passkey"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    name: Mapped[str]
    synced: Mapped[bool]
    backed_up: Mapped[bool]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    suspect_since: Mapped[datetime | None]  # its counter went back


class IssuerLink(Base):
    """A person at an outside issuer who is one of our accounts.

    `issuer` is the issuer's own name, not our short one: an operator who gives a short name to
    another issuer must not give away the accounts linked before.
    """

    __tablename__ = "issuer_link"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), index=True
    )
    issuer: Mapped[str]
    subject: Mapped[str]
    email: Mapped[str | None]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
