"""factors: authenticator apps, recovery codes, passkeys, and accounts linked at outside issuers."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from optix.platform.row_security import protect, unprotect

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("totp_factor", "recovery_code", "passkey", "issuer_link")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_totp_factor()
    _create_recovery_code()
    _create_passkey()
    _create_issuer_link()
    for table in TABLES:
        if table != "totp_factor":  # whose key is its owner
            op.create_index(op.f(f"ix_{table}_user_id"), table, ["user_id"])
        protect(op.get_bind(), table)


def downgrade() -> None:
    for table in reversed(TABLES):
        unprotect(op.get_bind(), table)
        op.drop_table(table)


def _create_totp_factor() -> None:
    op.create_table(
        "totp_factor",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        *_owned("totp_factor", "user_id"),
    )


def _create_recovery_code() -> None:
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.CheckConstraint("octet_length(code_hash) = 32", name=op.f("ck_recovery_code_code_hash")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_code_code_hash")),
        *_owned("recovery_code"),
    )


def _create_passkey() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.Column("suspect_since", TIME, nullable=True),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
        *_owned("passkey"),
    )


def _create_issuer_link() -> None:
    op.create_table(
        "issuer_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_issuer_link_issuer_subject")),
        *_owned("issuer_link"),
    )


def _owned(table: str, key: str = "id") -> Sequence[sa.Constraint]:
    return (
        sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f(f"fk_{table}_user_id_user_account"),
            ondelete="CASCADE",
        ),
    )
