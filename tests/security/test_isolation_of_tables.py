"""Every table of the database is either held apart by PostgreSQL itself, or named with a reason.

The walk asks the server which tables there are, so a new one fails here until it is protected or
explained. That the wall holds is tried with rows: a user's transaction sees the own one, a second
user's sees none.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.fixtures.api import empty

from optix.kernel.ids import UserId, new_uuid
from optix.platform.audit import SecurityEvent, record
from optix.platform.db import Base, Database, WriteSession
from optix.platform.origin import SYSTEM_ORIGIN
from optix.platform.row_security import TENANT_ROLE

pytestmark = pytest.mark.stores

NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
WITHOUT_OWNER = {
    "alembic_version": "which migration the database is at",
    "security_chain": "one row: both ends of the chain of all events",
    "registration": "somebody who has no account yet",
    "password_reset": "asked for by somebody who is not signed in",
    "sandbox_holder": "a customer of the paper brokerage, who is no account of OPTIX",
    "sandbox_account": "a holder's",
    "sandbox_activity": "a holder's",
    "sandbox_order": "a holder's",
    "sandbox_grant": "a holder's",
    "jobs.pgqueuer": "the queue holds ids of rows; the worker reads it as the system",
    "jobs.pgqueuer_log": "what became of jobs, without their content",
    "jobs.pgqueuer_schedules": "when regular jobs run",
    "jobs.pgqueuer_statistics": "how many jobs there were",
}
# What a made-up row needs beyond its types. Everything not named here is made from the column.
VALUES: dict[str, dict[str, Any]] = {
    "user_account": {"role": "user"},
    "user_session": {"client": "web"},
}

TABLES = text(
    "SELECT CASE n.nspname WHEN current_schema() THEN c.relname "
    "ELSE n.nspname || '.' || c.relname END AS name, "
    "c.relrowsecurity AND c.relforcerowsecurity AS forced, "
    "array(SELECT polname::text FROM pg_policy WHERE polrelid = c.oid ORDER BY 1) AS policies, "
    f"has_table_privilege('{TENANT_ROLE}', c.oid, 'SELECT') AS readable "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' "
    "AND n.nspname <> 'information_schema' ORDER BY 1"
)


async def walk(database: Database) -> list[sa.Row[Any]]:
    async with database.reading() as session:
        return list((await session.execute(TABLES)).all())


async def test_every_table_is_protected_or_named_with_a_reason(database: Database) -> None:
    wrong: list[str] = []
    for table in await walk(database):
        if table.name in WITHOUT_OWNER:
            if table.readable:
                wrong.append(f"{table.name} belongs to nobody, but users' transactions read it")
        elif not table.forced or table.policies != ["system", "tenant"]:
            wrong.append(f"{table.name}: protect it in its migration, or say here whose it is")
    assert not wrong


async def test_the_list_of_tables_without_an_owner_names_only_tables_that_exist(
    database: Database,
) -> None:
    assert WITHOUT_OWNER.keys() <= {table.name for table in await walk(database)}


async def test_no_other_function_runs_with_more_rights_than_its_caller(
    database: Database,
) -> None:
    """A function with the owner's rights is a door in the wall; this is the list of doors."""
    query = text(
        "SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    async with database.reading() as session:
        assert set(await session.scalars(query)) == {"optix_append_security_event"}


async def test_a_second_user_sees_no_row_of_the_first_in_any_table(database: Database) -> None:
    await empty(database)
    ada, mallory = UserId(new_uuid()), UserId(new_uuid())
    async with database.writing() as session:
        for owner in (ada, mallory):
            await fill_every_table(session, owner)
    wrong: list[str] = []
    for table in owned_tables():
        count = sa.select(sa.func.count()).select_from(table)
        async with database.reading() as session:
            total = await session.scalar(count) or 0
        seen = []
        for owner in (ada, mallory, UserId(new_uuid())):
            async with database.reading(owner=owner) as session:
                seen.append(await session.scalar(count) or 0)
        if not (seen[0] == seen[1] > 0 and seen[2] == 0 and sum(seen) == total):
            wrong.append(f"{table.name}: of {total} rows the users see {seen}")
    assert not wrong


async def test_a_second_user_changes_no_row_of_the_first_in_any_table(database: Database) -> None:
    await empty(database)
    ada, mallory = UserId(new_uuid()), UserId(new_uuid())
    async with database.writing() as session:
        await fill_every_table(session, ada)
    wrong: list[str] = []
    for table in owned_tables():
        key = next(iter(table.primary_key.columns))
        for statement in (sa.update(table).values({key: key}), sa.delete(table)):
            changed = await attempt(database, mallory, statement)
            if changed:
                wrong.append(f"{table.name}: {changed} rows by {statement}")
    assert not wrong


async def attempt(database: Database, owner: UserId, statement: sa.Update | sa.Delete) -> int:
    """Return how many rows `statement` changed for `owner`; none where it may not even try."""
    try:
        async with database.writing(owner=owner) as session:
            done: Any = await session.execute(statement)
            return int(done.rowcount)
    except DBAPIError as error:
        if "permission denied" not in str(error):
            raise
        return 0


def owned_tables() -> list[sa.Table]:
    return [table for table in Base.metadata.sorted_tables if table.name not in WITHOUT_OWNER]


async def fill_every_table(session: WriteSession, owner: UserId) -> None:
    """Put a row of `owner` into every owned table, parents first."""
    rows: dict[str, dict[str, Any]] = {}
    for table in owned_tables():
        if table.name == "security_event":
            event = SecurityEvent(kind="a.b", user_id=owner)
            await record(session, event, SYSTEM_ORIGIN, NOW)
            continue
        row = VALUES.get(table.name, {}) | {
            column.name: _value(column, owner, rows)
            for column in table.columns
            if column.name not in VALUES.get(table.name, {})
        }
        rows[table.name] = row
        await session.execute(sa.insert(table).values(row))


def _value(column: sa.Column[Any], owner: UserId, rows: dict[str, dict[str, Any]]) -> Any:
    if column.table.name == "user_account" and column.primary_key:
        return owner
    for key in column.foreign_keys:
        return rows[key.column.table.name][key.column.name]
    if column.name == "user_id":
        return owner
    return None if column.nullable else _sample(column.type)


def _sample(kind: sa.types.TypeEngine[Any]) -> Any:
    samples: dict[type, Any] = {
        bytes: new_uuid().bytes * 2,  # 32 of them, as hashes are
        str: f"text {new_uuid()}",
        int: new_uuid().int % 1_000_000,
        bool: False,
        list: [],
        date: NOW.date(),
        Decimal: Decimal(1),
    }
    if isinstance(kind, sa.DateTime):
        return NOW
    if isinstance(kind, sa.JSON):
        return {}
    return new_uuid() if isinstance(kind, sa.Uuid) else samples[kind.python_type]
