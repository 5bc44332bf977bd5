"""The second wall between tenants: PostgreSQL itself shows a user's transaction that user's rows.

A transaction with an owner (`Database.reading(owner=…)`) runs as the role `optix_tenant` with
`optix.user_id` set; both end with the transaction. Every table that holds rows of somebody is
protected by its migration with one line here:

    protect(op.get_bind(), "watchlist")                              rows with a user_id
    protect_through(op.get_bind(), "refresh_token", "session_id", "user_session")

Transactions without an owner are the system's own work (sign-in, worker, administration): the login
role passes the policy `system`. The login role may be a superuser (embedded server) or not; rights
come from the role in force, so both are held the same way. FORCE makes that true for the owner of
the tables too.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from optix.kernel.errors import Conflict

TENANT_ROLE = "optix_tenant"
USER_SETTING = "optix.user_id"
CURRENT_OWNER = "optix_current_owner()"

_CURRENT_OWNER_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {CURRENT_OWNER} RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('{USER_SETTING}', true), '')::uuid $$
"""
_NAME = re.compile(r"[a-z_][a-z0-9_]*")


class TenantRoleMissing(Conflict):
    """The login may not make the role that users' transactions run as, and nobody made it."""

    code = "tenant_role_missing"
    next_step = "Let an administrator of the database run the statements above, then start again."


def ensure_tenant_role(connection: Connection) -> None:
    """Make the role if it is missing, and the right of the login role to take it on.

    Effects: CREATE ROLE, GRANT (roles belong to the whole server, so another database of it may
             have made the role before); the function `optix_current_owner` in this database.
    Errors:  TenantRoleMissing with the statements for an administrator.
    """
    if not _may_become_tenant(connection):
        for statement in (
            f"CREATE ROLE {TENANT_ROLE} NOLOGIN",
            f"GRANT {TENANT_ROLE} TO CURRENT_USER",
        ):
            _try(connection, statement)
        if not _may_become_tenant(connection):
            login = connection.scalar(text("SELECT quote_ident(current_user)"))
            raise TenantRoleMissing(
                f"The database login {login} may not make the role {TENANT_ROLE}, which keeps "
                f"users' rows apart. Needed: CREATE ROLE {TENANT_ROLE} NOLOGIN; "
                f"GRANT {TENANT_ROLE} TO {login};"
            )
    schema = connection.scalar(text("SELECT quote_ident(current_schema())"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {TENANT_ROLE}"))
    connection.execute(text(_CURRENT_OWNER_FUNCTION))


def protect(connection: Connection, table: str, *, owner: str = "user_id") -> None:
    """Let a user's transaction see and write only rows of `table` whose `owner` is that user."""
    _check_names(table, owner)
    _protect(connection, table, f"{owner} = {CURRENT_OWNER}")


def protect_through(
    connection: Connection, table: str, column: str, parent: str, *, owner: str = "user_id"
) -> None:
    """The same for rows that name their owner through `parent`, whose id is in `column`."""
    _check_names(table, column, parent, owner)
    above = f"SELECT 1 FROM {parent} WHERE {parent}.id = {table}.{column}"  # noqa: S608  # checked
    _protect(connection, table, f"EXISTS ({above} AND {parent}.{owner} = {CURRENT_OWNER})")


def unprotect(connection: Connection, table: str) -> None:
    """Take `protect` back, for the way down."""
    _check_names(table)
    for statement in (
        f"REVOKE ALL ON {table} FROM {TENANT_ROLE}",
        f"DROP POLICY tenant ON {table}",
        f"DROP POLICY system ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ):
        connection.execute(text(statement))


def _protect(connection: Connection, table: str, owned: str) -> None:
    system = f"current_user <> '{TENANT_ROLE}'"
    for statement in (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} TO {TENANT_ROLE} USING ({owned}) WITH CHECK ({owned})",
        f"CREATE POLICY system ON {table} USING ({system}) WITH CHECK ({system})",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {TENANT_ROLE}",
    ):
        connection.execute(text(statement))


def _may_become_tenant(connection: Connection) -> bool:
    """True if the login role may take on the tenant role: asked by doing it, and undone."""
    return _try(connection, f"SET LOCAL ROLE {TENANT_ROLE}", undo="SET LOCAL ROLE NONE")


def _try(connection: Connection, statement: str, undo: str | None = None) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(text(statement))
            if undo:
                connection.execute(text(undo))
    except DBAPIError:
        return False
    return True


def _check_names(*names: str) -> None:
    # Identifiers cannot be bound as parameters; these come from migrations, never from outside.
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    assert not wrong, f"not a plain name: {wrong}"
