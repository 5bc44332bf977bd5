"""brokerage: connections, accounts, and what brokers say of them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from optix.platform.row_security import protect, unprotect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TABLES = (
    "broker_connection",
    "broker_account",
    "broker_snapshot",
    "broker_activity",
    "broker_order",
    "broker_exchange",
)


def upgrade() -> None:
    _connections()
    _accounts()
    _snapshots()
    _activities()
    _orders()
    _exchanges()
    for table in TABLES:
        protect(op.get_bind(), table)


def downgrade() -> None:
    for table in reversed(TABLES):
        unprotect(op.get_bind(), table)
        op.drop_table(table)


def _column(name: str, kind: Any, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def _create(table: str, *columns: sa.Column[Any], refers: dict[str, tuple[str, str]]) -> None:
    """Create a table with an id, an owner, and references: column to (table, what then)."""
    references = {"user_id": ("user_account", "CASCADE"), **refers}
    op.create_table(
        table,
        _column("id", sa.Uuid()),
        _column("user_id", sa.Uuid()),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{other}.id"],
                name=op.f(f"fk_{table}_{column}_{other}"),
                ondelete=then,
            )
            for column, (other, then) in references.items()
        ),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _connections() -> None:
    table = "broker_connection"
    _create(
        table,
        _column("broker", sa.Text()),
        _column("login_key", sa.Text()),
        _column("label", sa.Text()),
        _column("state", sa.Text()),
        _column("sign_in", sa.Text()),
        _column("credentials", sa.LargeBinary(), null=True),
        _column("access_ends", TIME, null=True),
        _column("login_ends", TIME, null=True),
        _column("scope", sa.Text()),
        _column("created_at", TIME),
        _column("signed_in_at", TIME),
        _column("last_sync_at", TIME, null=True),
        _column("next_sync_at", TIME),
        _column("claimed_until", TIME, null=True),
        _column("failures", sa.Integer()),
        _column("failing_since", TIME, null=True),
        _column("failure_code", sa.Text(), null=True),
        _column("failure_detail", sa.Text(), null=True),
        _column("warned", sa.Integer()),
        _column("disconnected_at", TIME, null=True),
        refers={},
    )
    _index(table, "user_id")
    op.create_index(
        f"uq_{table}_login",
        table,
        ["user_id", "broker", "login_key"],
        unique=True,
        postgresql_where=sa.text("state <> 'disconnected'"),
    )
    op.create_index(
        f"ix_{table}_due",
        table,
        ["next_sync_at"],
        postgresql_where=sa.text("state = 'connected'"),
    )


def _accounts() -> None:
    table = "broker_account"
    _create(
        table,
        _column("connection_id", sa.Uuid(), null=True),
        _column("broker", sa.Text()),
        _column("stable_key", sa.Text()),
        _column("call_key", sa.Text()),
        _column("brokerage", sa.Text()),
        _column("number", sa.Text()),
        _column("name", sa.Text()),
        _column("kind", sa.Text()),
        _column("currency", sa.Text()),
        _column("status", sa.Text()),
        _column("simulated", sa.Boolean()),
        _column("created_at", TIME),
        _column("history_first", sa.Date(), null=True),
        _column("history_last", sa.Date(), null=True),
        _column("snapshot_at", TIME, null=True),
        _column("failure_code", sa.Text(), null=True),
        _column("failure_detail", sa.Text(), null=True),
        refers={"connection_id": ("broker_connection", "SET NULL")},
    )
    _index(table, "user_id")
    _index(table, "connection_id")
    op.create_unique_constraint(
        op.f(f"uq_{table}_user_id_broker_stable_key"), table, ["user_id", "broker", "stable_key"]
    )


def _snapshots() -> None:
    table = "broker_snapshot"
    _create(
        table,
        _column("account_id", sa.Uuid()),
        _column("as_of", TIME),
        _column("complete", sa.Boolean()),
        _column("positions", postgresql.JSONB()),
        _column("balances", postgresql.JSONB()),
        _column("warnings", postgresql.JSONB()),
        refers={"account_id": ("broker_account", "CASCADE")},
    )
    _index(table, "user_id")
    op.create_index(f"ix_{table}_latest", table, ["account_id", "as_of"])


def _activities() -> None:
    table = "broker_activity"
    _create(
        table,
        _column("account_id", sa.Uuid()),
        _column("ids", postgresql.ARRAY(sa.Text())),
        _column("kind", sa.Text()),
        _column("status", sa.Text()),
        _column("day", sa.Date()),
        _column("at", TIME, null=True),
        _column("settles", sa.Date(), null=True),
        _column("asset", postgresql.JSONB(none_as_null=True), null=True),
        _column("symbol", sa.Text(), null=True),
        _column("quantity", sa.Numeric(), null=True),
        _column("price", sa.Numeric(), null=True),
        _column("cash", sa.Numeric()),
        _column("fees", sa.Numeric(), null=True),
        _column("currency", sa.Text()),
        _column("effect", sa.Text(), null=True),
        _column("order_id", sa.Text()),
        _column("activity_group", sa.Text()),
        _column("replaces", sa.Text()),
        _column("description", sa.Text()),
        _column("source", sa.Text()),
        _column("import_id", sa.Uuid(), null=True),
        _column("first_seen_at", TIME),
        _column("absent_since", TIME, null=True),
        _column("revisions", postgresql.JSONB()),
        refers={"account_id": ("broker_account", "CASCADE")},
    )
    op.create_index(f"ix_{table}_days", table, ["account_id", "day"])
    op.create_index(f"ix_{table}_ids", table, ["ids"], postgresql_using="gin")
    op.create_index(f"ix_{table}_owner", table, ["user_id", "day"])


def _orders() -> None:
    table = "broker_order"
    _create(
        table,
        _column("account_id", sa.Uuid()),
        _column("order_id", sa.Text()),
        _column("status", sa.Text()),
        _column("body", postgresql.JSONB()),
        _column("seen_at", TIME),
        refers={"account_id": ("broker_account", "CASCADE")},
    )
    _index(table, "user_id")
    op.create_unique_constraint(
        op.f(f"uq_{table}_account_id_order_id"), table, ["account_id", "order_id"]
    )


def _exchanges() -> None:
    table = "broker_exchange"
    _create(
        table,
        _column("connection_id", sa.Uuid()),
        _column("at", TIME),
        _column("method", sa.Text()),
        _column("path", sa.Text()),
        _column("status", sa.Integer(), null=True),
        _column("milliseconds", sa.Integer()),
        _column("note", sa.Text()),
        refers={"connection_id": ("broker_connection", "CASCADE")},
    )
    _index(table, "user_id")
    op.create_index(f"ix_{table}_latest", table, ["connection_id", "at"])
