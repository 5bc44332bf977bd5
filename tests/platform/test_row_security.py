"""Row security is proven on real servers: as a superuser, and as a login without special rights."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database
from optix.platform.migrations import run_migrations
from optix.platform.row_security import (
    TENANT_ROLE,
    TenantRoleMissing,
    protect,
    protect_through,
    unprotect,
)

pytestmark = pytest.mark.stores

ADA, BOB = UserId(new_uuid()), UserId(new_uuid())


async def administer(url: str, *statements: str, database: str = "postgres") -> None:
    parts = urlsplit(url)._replace(scheme="postgres", path=f"/{database}")
    connection = await asyncpg.connect(urlunsplit(parts))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@dataclass
class PlainLogin:
    """An empty database that belongs to a login of its own, as an operator gives it out."""

    url: str
    role: str


async def plain_login(server: str, rights: str) -> AsyncIterator[PlainLogin]:
    name = f"optix_plain_{secrets.token_hex(4)}"
    password = secrets.token_hex(16)
    await administer(
        server,
        f"CREATE ROLE {name} LOGIN NOSUPERUSER NOBYPASSRLS {rights} PASSWORD '{password}'",
        f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0",
    )
    parts = urlsplit(server)
    host = f"{parts.hostname}:{parts.port}"
    url = urlunsplit(parts._replace(netloc=f"{name}:{password}@{host}", path=f"/{name}"))
    yield PlainLogin(url, name)
    await administer(server, f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")


@pytest.fixture
async def login_without_rights(database_url: str) -> AsyncIterator[PlainLogin]:
    async for login in plain_login(database_url, "NOCREATEROLE"):
        yield login


@pytest.fixture(params=["superuser", "plain login"])
async def database(
    request: pytest.FixtureRequest, fresh_database: str, login_without_rights: PlainLogin
) -> AsyncIterator[Database]:
    """A migrated database with two notes tables: one owned directly, one through the first."""
    url = fresh_database
    if request.param == "plain login":
        url = login_without_rights.url
        await administer(fresh_database, f"GRANT {TENANT_ROLE} TO {login_without_rights.role}")
        await run_migrations(url)
    database = Database.from_url(url, pool_size=1)  # the same connection each time
    async with database.writing() as session:
        await session.execute(text("CREATE TABLE note (id uuid PRIMARY KEY, user_id uuid)"))
        await session.execute(text("CREATE TABLE line (note_id uuid, word text)"))
        await session.run_sync(lambda s: _protect(s.connection()))
        for owner, word in ((ADA, "one"), (BOB, "two")):
            note = {"id": new_uuid(), "user": owner, "word": word}
            await session.execute(text("INSERT INTO note VALUES (:id, :user)"), note)
            await session.execute(text("INSERT INTO line VALUES (:id, :word)"), note)
    yield database
    await database.close()


def _protect(connection: Connection) -> None:
    protect(connection, "note")
    protect_through(connection, "line", "note_id", "note")


async def owners(database: Database, owner: UserId | None) -> set[UUID]:
    async with database.reading(owner=owner) as session:
        return set(await session.scalars(text("SELECT user_id FROM note")))


async def lines(database: Database, owner: UserId | None) -> set[str]:
    async with database.reading(owner=owner) as session:
        return set(await session.scalars(text("SELECT word FROM line")))


class TestWhatAUserSees:
    async def test_only_the_own_rows_in_a_read(self, database: Database) -> None:
        assert await owners(database, ADA) == {ADA}
        assert await lines(database, BOB) == {"two"}

    async def test_nothing_for_who_owns_nothing(self, database: Database) -> None:
        stranger = UserId(new_uuid())
        assert await owners(database, stranger) == set()
        assert await lines(database, stranger) == set()

    async def test_the_system_sees_all_before_and_after_on_the_same_connection(
        self, database: Database
    ) -> None:
        assert await owners(database, None) == {ADA, BOB}
        assert await owners(database, ADA) == {ADA}
        assert await owners(database, None) == {ADA, BOB}

    async def test_a_transaction_that_failed_leaves_no_user_behind(
        self, database: Database
    ) -> None:
        with pytest.raises(DBAPIError):
            async with database.writing(owner=ADA) as session:
                await session.execute(text("SELECT 1/0"))
        assert await owners(database, None) == {ADA, BOB}


class TestWhatAUserMayWrite:
    async def test_another_users_rows_are_neither_changed_nor_deleted(
        self, database: Database
    ) -> None:
        async with database.writing(owner=ADA) as session:
            for statement in ("DELETE FROM line", "UPDATE note SET id = gen_random_uuid()"):
                done = await session.execute(text(statement))
                assert done.rowcount == 1, statement  # type: ignore[attr-defined]  # a cursor's
        assert await lines(database, None) == {"two"}

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO note VALUES (gen_random_uuid(), :bob)",
            "UPDATE note SET user_id = :bob",
            "INSERT INTO line SELECT gen_random_uuid(), 'x' WHERE cast(:bob AS uuid) IS NOT NULL",
        ],
    )
    async def test_nothing_is_written_in_another_users_name(
        self, database: Database, statement: str
    ) -> None:
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.writing(owner=ADA) as session:
                await session.execute(text(statement), {"bob": BOB})

    async def test_tables_that_belong_to_nobody_are_out_of_reach(self, database: Database) -> None:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.reading(owner=ADA) as session:
                await session.execute(text("SELECT * FROM security_chain"))

    async def test_the_tenant_role_makes_no_tables(self, database: Database) -> None:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.writing(owner=ADA) as session:
                await session.execute(text("CREATE TABLE mine (id int)"))


async def test_protection_can_be_taken_back(database: Database) -> None:
    async with database.writing() as session:
        await session.run_sync(lambda s: unprotect(s.connection(), "line"))
        assert not await session.scalar(
            text("SELECT relrowsecurity OR relforcerowsecurity FROM pg_class WHERE relname='line'")
        )


class TestTheRole:
    async def test_a_login_that_may_make_roles_makes_it_and_takes_it_on(
        self, database_url: str
    ) -> None:
        async for login in plain_login(database_url, "CREATEROLE"):
            # The role exists on this server already; on PostgreSQL 15 such a login may grant it,
            # on 16 and newer only who made it may.
            await administer(database_url, f"GRANT {TENANT_ROLE} TO {login.role} WITH ADMIN OPTION")
            await run_migrations(login.url)
            database = Database.from_url(login.url)
            async with database.reading(owner=ADA) as session:
                assert await session.scalar(text("SELECT current_user")) == TENANT_ROLE
            await database.close()

    async def test_a_login_that_may_not_is_told_the_statements_for_an_administrator(
        self, login_without_rights: PlainLogin
    ) -> None:
        with pytest.raises(TenantRoleMissing) as refused:
            await run_migrations(login_without_rights.url)
        wanted = f"GRANT {TENANT_ROLE} TO {login_without_rights.role}"
        assert wanted in refused.value.detail
        await administer(login_without_rights.url, "SELECT 1", database=login_without_rights.role)

    async def test_after_those_statements_the_same_login_migrates(
        self, login_without_rights: PlainLogin, database_url: str
    ) -> None:
        await administer(database_url, f"GRANT {TENANT_ROLE} TO {login_without_rights.role}")
        assert (await run_migrations(login_without_rights.url)).applied
