"""platform: the audit trail, and row security of the tables that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from optix.platform.row_security import (
    TENANT_ROLE,
    ensure_tenant_role,
    protect,
    protect_through,
    unprotect,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Runs with the rights of the tables' owner, so that a user's own transaction can record an event
# without seeing the chain. The row of security_chain is the one lock of the trail.
APPEND = """
CREATE FUNCTION optix_append_security_event(
    _at timestamptz, _kind text, _outcome text, _user_id uuid, _actor_id uuid, _session_id uuid,
    _address text, _user_agent text, _request_id text, _detail text, _digest bytea
) RETURNS TABLE (seq bigint, chain_hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    _seq bigint;
    _hash bytea;
BEGIN
    SELECT c.head_seq + 1, c.head_hash INTO _seq, _hash
        FROM security_chain c WHERE c.id = 1 FOR UPDATE;
    _hash := sha256(_hash || int8send(_seq) || _digest);
    INSERT INTO security_event VALUES (
        _seq, _at, _kind, _outcome, _user_id, _actor_id, _session_id, _address, _user_agent,
        _request_id, _detail, _hash
    );
    UPDATE security_chain SET head_seq = _seq, head_hash = _hash WHERE id = 1;
    RETURN QUERY SELECT _seq, _hash;
END $$
"""

# Only a whole run of events from the old end goes, and never the newest one.
RETAIN = """
CREATE FUNCTION optix_retain_security_events(_before timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
DECLARE
    _last bigint;
    _taken bigint;
BEGIN
    PERFORM 1 FROM security_chain WHERE id = 1 FOR UPDATE;
    SELECT least(
        coalesce((SELECT min(e.seq) FROM security_event e WHERE e.at >= _before), c.head_seq + 1),
        c.head_seq
    ) - 1 INTO _last FROM security_chain c WHERE c.id = 1;
    UPDATE security_chain c SET anchor_seq = e.seq, anchor_hash = e.chain_hash
        FROM security_event e WHERE c.id = 1 AND e.seq = _last;
    DELETE FROM security_event e
        WHERE e.seq <= (SELECT c.anchor_seq FROM security_chain c WHERE c.id = 1);
    GET DIAGNOSTICS _taken = ROW_COUNT;
    RETURN _taken;
END $$
"""

REFUSE = """
CREATE FUNCTION optix_refuse_change_of_security_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW'
        AND OLD.seq <= (SELECT c.anchor_seq FROM security_chain c WHERE c.id = 1) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'security events are only appended' USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    connection = op.get_bind()
    ensure_tenant_role(connection)
    protect(connection, "user_account", owner="id")
    protect(connection, "user_session")
    protect_through(connection, "refresh_token", "session_id", "user_session")
    op.create_table(
        "security_event",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("chain_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('success', 'failure')", name=op.f("ck_security_event_outcome")
        ),
        sa.CheckConstraint(
            "octet_length(chain_hash) = 32", name=op.f("ck_security_event_chain_hash")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_security_event")),
    )
    op.create_index(op.f("ix_security_event_user_id_seq"), "security_event", ["user_id", "seq"])
    op.create_index(op.f("ix_security_event_at"), "security_event", ["at"])
    op.create_table(
        "security_chain",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("head_seq", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.Column("anchor_seq", sa.BigInteger(), nullable=False),
        sa.Column("anchor_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_security_chain_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_chain")),
    )
    op.execute(
        "INSERT INTO security_chain "
        "SELECT 1, 0, zeros, 0, zeros FROM decode(repeat('00', 32), 'hex') AS zeros"
    )
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    for function in (APPEND, RETAIN, REFUSE):
        op.execute(function.format(schema=schema))
    for event, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        name = "append_only" if level == "ROW" else "no_truncate"
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON security_event FOR EACH {level} "
            "EXECUTE FUNCTION optix_refuse_change_of_security_event()"
        )
    protect(connection, "security_event")
    # A user may read the own events, and add one only through the function.
    op.execute(f"REVOKE INSERT, UPDATE, DELETE ON security_event FROM {TENANT_ROLE}")
    for name in ("optix_append_security_event", "optix_retain_security_events"):
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION optix_append_security_event TO {TENANT_ROLE}")


def downgrade() -> None:
    op.drop_table("security_event")
    op.drop_table("security_chain")
    for name in (
        "optix_append_security_event",
        "optix_retain_security_events",
        "optix_refuse_change_of_security_event",
    ):
        op.execute(f"DROP FUNCTION {name}")
    connection = op.get_bind()
    for table in ("refresh_token", "user_session", "user_account"):
        unprotect(connection, table)
    op.execute("DROP FUNCTION optix_current_owner")
    # The role stays: it belongs to the server, and other databases of it may use it.
