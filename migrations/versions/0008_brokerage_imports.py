"""brokerage: imports of files, and their rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from optix.platform.row_security import protect, unprotect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "broker_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("broker", sa.Text(), nullable=False),
        sa.Column("broker_label", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("accounts", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("confirmed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broker_import")),
        _refers("broker_import", "user_id", "user_account", "CASCADE"),
    )
    op.create_index(op.f("ix_broker_import_user_id"), "broker_import", ["user_id"])
    table = "broker_import_row"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("record", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        _refers(table, "user_id", "user_account", "CASCADE"),
        _refers(table, "import_id", "broker_import", "CASCADE"),
        _refers(table, "activity_id", "broker_activity", "SET NULL"),
    )
    op.create_index(f"ix_{table}_place", table, ["import_id", "place"], unique=True)
    op.create_index(f"ix_{table}_activity_id", table, ["activity_id"])
    op.create_index(f"ix_{table}_line_id", table, ["user_id", "line_id"])
    op.create_index(
        "ix_broker_activity_import_id",
        "broker_activity",
        ["import_id"],
        postgresql_where=sa.text("import_id IS NOT NULL"),
    )
    for each in ("broker_import", table):
        protect(op.get_bind(), each)


def downgrade() -> None:
    op.drop_index("ix_broker_activity_import_id", "broker_activity")
    for table in ("broker_import_row", "broker_import"):
        unprotect(op.get_bind(), table)
        op.drop_table(table)


def _refers(table: str, column: str, other: str, then: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=then)
