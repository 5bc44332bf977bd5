"""portfolio: what accounts were worth at the end of each session, and what came and went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from optix.platform.row_security import protect, unprotect

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "account_day"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.Numeric(), nullable=True),
        sa.Column("quality", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inflow", sa.Numeric(), nullable=False),
        sa.Column("outflow", sa.Numeric(), nullable=False),
        sa.Column("inner_in", sa.Numeric(), nullable=False),
        sa.Column("inner_out", sa.Numeric(), nullable=False),
        sa.Column("flows_known", sa.Boolean(), nullable=False),
        sa.Column("positions", sa.Integer(), nullable=False),
        sa.Column("covered", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        _refers("user_id", "user_account"),
        _refers("account_id", "broker_account"),
    )
    op.create_index(f"ix_{TABLE}_owner", TABLE, ["user_id", "day"])
    op.create_unique_constraint(
        op.f(f"uq_{TABLE}_account_id_currency_day"), TABLE, ["account_id", "currency", "day"]
    )
    protect(op.get_bind(), TABLE)


def downgrade() -> None:
    unprotect(op.get_bind(), TABLE)
    op.drop_table(TABLE)


def _refers(column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{TABLE}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")
