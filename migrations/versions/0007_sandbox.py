"""sandbox: the paper brokerage's own holders, accounts, history, orders and grants."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
# Holders are nobody's accounts of OPTIX: users' transactions have no right to read these at all.
TABLES = (
    "sandbox_holder",
    "sandbox_account",
    "sandbox_activity",
    "sandbox_order",
    "sandbox_grant",
)


def upgrade() -> None:
    _create(
        "sandbox_holder",
        _column("id", sa.Uuid()),
        _column("key_digest", sa.Text()),
        _column("created_at", TIME),
        unique=("key_digest",),
    )
    _create(
        "sandbox_account",
        _column("id", sa.Uuid()),
        _column("holder_id", sa.Uuid()),
        _column("number", sa.Text()),
        _column("name", sa.Text()),
        _column("seed", sa.Text()),
        _column("opened_on", sa.Date()),
        unique=("number",),
    )
    _activities()
    _orders()
    _create(
        "sandbox_grant",
        _column("digest", sa.Text()),
        _column("holder_id", sa.Uuid()),
        _column("family", sa.Uuid()),
        _column("kind", sa.Text()),
        _column("redirect_uri", sa.Text()),
        _column("challenge", sa.Text()),
        _column("expires_at", TIME),
        _column("used_at", TIME, null=True),
        key="digest",
    )
    for column in ("family", "expires_at"):
        op.create_index(op.f(f"ix_sandbox_grant_{column}"), "sandbox_grant", [column])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _activities() -> None:
    table = "sandbox_activity"
    _create(
        table,
        _column("id", sa.Uuid()),
        _column("holder_id", sa.Uuid()),
        _column("account_id", sa.Uuid()),
        _column("place", sa.Integer()),
        _column("kind", sa.Text()),
        _column("day", sa.Date()),
        _column("at", TIME),
        _column("symbol", sa.Text(), null=True),
        _column("quantity", sa.Numeric(), null=True),
        _column("price", sa.Numeric(), null=True),
        _column("cash", sa.Numeric()),
        _column("fees", sa.Numeric()),
        _column("effect", sa.Text(), null=True),
        _column("order_id", sa.Text()),
        _column("activity_group", sa.Text()),
        _column("description", sa.Text()),
        unique=("account_id", "place"),
    )


def _orders() -> None:
    table = "sandbox_order"
    _create(
        table,
        _column("id", sa.Uuid()),
        _column("holder_id", sa.Uuid()),
        _column("account_id", sa.Uuid()),
        _column("status", sa.Text()),
        _column("kind", sa.Text()),
        _column("legs", postgresql.JSONB()),
        _column("net_limit", sa.Numeric(), null=True),
        _column("reason", sa.Text()),
        _column("placed_at", TIME),
        _column("updated_at", TIME),
    )
    op.create_index(
        f"ix_{table}_working", table, ["placed_at"], postgresql_where=sa.text("status = 'working'")
    )
    op.create_index(f"ix_{table}_account", table, ["account_id", "placed_at"])


def _column(name: str, kind: Any, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def _create(
    table: str, *columns: sa.Column[Any], key: str = "id", unique: tuple[str, ...] = ()
) -> None:
    names = {column.name for column in columns}
    references = {"holder_id": "sandbox_holder", "account_id": "sandbox_account"}
    constraints: list[Any] = [
        sa.ForeignKeyConstraint(
            [column],
            [f"{other}.id"],
            name=op.f(f"fk_{table}_{column}_{other}"),
            ondelete="CASCADE",
        )
        for column, other in references.items()
        if column in names
    ]
    if unique:
        name = op.f(f"uq_{table}_{'_'.join(unique)}")
        constraints.append(sa.UniqueConstraint(*unique, name=name))
    primary = sa.PrimaryKeyConstraint(key, name=op.f(f"pk_{table}"))
    op.create_table(table, *columns, primary, *constraints)
    if "holder_id" in names:
        op.create_index(op.f(f"ix_{table}_holder_id"), table, ["holder_id"])
