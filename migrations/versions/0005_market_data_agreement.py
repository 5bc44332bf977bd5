"""market data agreements: who may see real-time prices, by their own signed declaration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from optix.platform.row_security import protect, unprotect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "market_data_agreement"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(), nullable=False),
        sa.Column("professional", sa.Boolean(), nullable=False),
        sa.Column("signed_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["user_account.id"],
            name=op.f(f"fk_{TABLE}_user_id_user_account"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(op.f(f"ix_{TABLE}_user_id"), TABLE, ["user_id"])
    op.create_index(
        f"uq_{TABLE}_holds",
        TABLE,
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    protect(op.get_bind(), TABLE)


def downgrade() -> None:
    unprotect(op.get_bind(), TABLE)
    op.drop_table(TABLE)
