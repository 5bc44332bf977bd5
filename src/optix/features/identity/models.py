"""Tables of identity: accounts, their sessions, and what is under way before it becomes one.

A session is one sign-in on one device; all refresh tokens descending from that sign-in belong to
it (a "family"), so ending the session ends them all. No table holds a token, a code or a password,
only hashes. Second factors have their tables in `models_factors`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from optix.platform.db import Base


class UserAccount(Base):
    __tablename__ = "user_account"
    __table_args__ = (CheckConstraint("role IN ('user', 'admin')", name="role"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)  # the form in which e-mails are compared
    display_name: Mapped[str]
    role: Mapped[str]
    # Null for who only signs in by a passkey or an outside issuer.
    password_hash: Mapped[str | None]
    preferences: Mapped[dict[str, Any]] = mapped_column(
        JSONB, default=dict, server_default=text("'{}'::jsonb")
    )
    # Whether signing in takes more than a password; kept true by what adds and removes factors.
    second_factor: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class UserSession(Base):
    __tablename__ = "user_session"
    __table_args__ = (
        CheckConstraint("client IN ('web', 'native')", name="client"),
        Index(None, "user_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    client: Mapped[str]
    device_name: Mapped[str] = mapped_column(default="", server_default="")
    user_agent: Mapped[str | None]  # of the last request that used the refresh token
    address: Mapped[str | None]  # the same
    methods: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'::text[]")
    )
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]  # null in rows from before it was kept
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class RefreshToken(Base):
    __tablename__ = "refresh_token"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        CheckConstraint("octet_length(successor_salt) = 32", name="successor_salt"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(
        ForeignKey("user_session.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # With the token itself it makes the next one, so that a retry is given the same. See tokens.py.
    successor_salt: Mapped[bytes | None] = mapped_column(LargeBinary)


class Registration(Base):
    """An account that somebody wants, until the code sent to its address comes back."""

    __tablename__ = "registration"
    __table_args__ = (Index(None, "email_key"), Index(None, "expires_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    email_key: Mapped[str]
    display_name: Mapped[str]
    password_hash: Mapped[str]
    code_hash: Mapped[str | None]  # null until the mail is on its way
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    mails: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class PasswordReset(Base):
    """A wish to choose a new password. Whether the address has an account only the worker asks."""

    __tablename__ = "password_reset"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
        Index(None, "email_key"),
        Index(None, "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email_key: Mapped[str]
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class EmailChange(Base):
    """A new address that somebody wants, until the code sent to it comes back."""

    __tablename__ = "email_change"
    __table_args__ = (Index(None, "user_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    email: Mapped[str]
    email_key: Mapped[str]
    code_hash: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
