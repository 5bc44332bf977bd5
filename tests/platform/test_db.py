"""Units of work on a real server: who may write, when it counts, and what "not now" becomes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from optix.platform import db
from optix.platform.db import (
    Database,
    DatabaseUnavailable,
    ReadSessionDep,
    WriteSessionDep,
    async_url,
)
from optix.platform.edge import EdgeMiddleware
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics, new_registry

pytestmark = pytest.mark.stores

# The unique constraint is checked at commit only, so that a commit can be made to fail.
TABLE = "CREATE TABLE note (word text UNIQUE DEFERRABLE INITIALLY DEFERRED)"


@pytest.fixture
async def database(fresh_database: str) -> AsyncIterator[Database]:
    database = Database.from_url(fresh_database, pool_size=2)
    async with database.writing() as session:
        await session.execute(text(TABLE))
    yield database
    await database.close()


async def words(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(text("SELECT word FROM note ORDER BY word")))


async def add(session: db.WriteSession, word: str) -> None:
    await session.execute(text("INSERT INTO note VALUES (:word)"), {"word": word})


class TestUnitsOfWork:
    async def test_the_end_of_the_block_commits(self, database: Database) -> None:
        async with database.writing() as session:
            await add(session, "one")
        assert await words(database) == ["one"]

    async def test_an_exception_undoes_everything(self, database: Database) -> None:
        async def fail_half_way() -> None:
            async with database.writing() as session:
                await add(session, "one")
                raise KeyError

        with pytest.raises(KeyError):
            await fail_half_way()
        assert await words(database) == []

    async def test_the_server_itself_refuses_a_write_in_a_read(self, database: Database) -> None:
        with pytest.raises(DBAPIError, match="read-only"):
            async with database.reading() as session:
                await add(db.WriteSession(session), "one")
        async with database.writing() as session:  # the connection is not read-only for ever
            await add(session, "two")

    async def test_a_wrong_statement_stays_a_bug(self, database: Database) -> None:
        with pytest.raises(ProgrammingError):
            async with database.reading() as session:
                await session.execute(text("SELECT nothing FROM user_account"))

    async def test_the_session_speaks_utc(self, database: Database) -> None:
        async with database.reading() as session:
            assert await session.scalar(text("SHOW timezone")) == "UTC"


class TestNotNow:
    async def test_a_statement_that_takes_too_long_is_unavailable(
        self, fresh_database: str
    ) -> None:
        database = Database.from_url(fresh_database, statement_milliseconds_max=50)
        with pytest.raises(DatabaseUnavailable):
            async with database.reading() as session:
                await session.execute(text("SELECT pg_sleep(5)"))
        await database.close()

    async def test_a_lock_that_is_held_too_long_is_unavailable(self, fresh_database: str) -> None:
        database = Database.from_url(fresh_database, lock_milliseconds_max=50)
        async with database.writing() as holder:
            await holder.execute(text("LOCK TABLE user_account"))
            with pytest.raises(DatabaseUnavailable):
                async with database.writing() as session:
                    await session.execute(text("LOCK TABLE user_account"))
        await database.close()

    async def test_more_units_at_once_than_connections_wait_and_then_are_refused(
        self, fresh_database: str
    ) -> None:
        database = Database.from_url(fresh_database, pool_size=1, pool_wait_seconds_max=0.05)
        async with database.reading() as holder:
            await holder.execute(text("SELECT 1"))
            with pytest.raises(DatabaseUnavailable) as refused:
                await database.ping()
        assert refused.value.code == "database_busy"
        await database.ping()
        await database.close()

    async def test_a_database_before_its_migration_is_unavailable(
        self, fresh_database: str
    ) -> None:
        database = Database.from_url(fresh_database)
        with pytest.raises(DatabaseUnavailable) as refused:
            async with database.reading() as session:
                await session.execute(text("SELECT * FROM table_of_the_next_release"))
        assert refused.value.code == "database_not_migrated"
        await database.close()

    async def test_a_server_that_is_not_there_is_tried_again_then_unavailable(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(db, "CONNECT_RETRY_SECONDS", (0.01, 0.01))
        database = Database.from_url("postgresql://nobody@127.0.0.1:1/none")
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            await database.ping()
        await database.close()

    async def test_a_server_that_comes_back_in_time_is_not_noticed(
        self, fresh_database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, attempts = asyncpg.connect, 0

        async def connect(*args: object, **kwargs: object) -> object:
            nonlocal attempts
            attempts += 1
            if attempts < 3:
                raise ConnectionRefusedError
            return await real(*args, **kwargs)

        monkeypatch.setattr(db, "CONNECT_RETRY_SECONDS", (0.01, 0.01))
        monkeypatch.setattr(asyncpg, "connect", connect)
        database = Database.from_url(fresh_database)
        await database.ping()
        assert attempts == 3
        await database.close()

    async def test_a_connection_cut_in_use_is_unavailable_and_then_replaced(
        self, database: Database
    ) -> None:
        with pytest.raises(DatabaseUnavailable):
            async with database.reading() as session:
                await cut(database, await session.scalar(text("SELECT pg_backend_pid()")))
        await database.ping()

    async def test_a_connection_cut_while_idle_is_replaced_unnoticed(
        self, database: Database
    ) -> None:
        async with database.reading() as session:
            idle = await session.scalar(text("SELECT pg_backend_pid()"))
            async with database.reading() as other:
                assert await other.scalar(text("SELECT pg_backend_pid()")) != idle
        await cut(database, idle)
        await asyncio.gather(database.ping(), database.ping())


async def cut(database: Database, process: int | None) -> None:
    """End a server process other than the one that is asked to."""
    url = database.engine.url.set(drivername="postgres").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", process)
    await connection.close()


class TestRoutes:
    @pytest.fixture
    async def client(self, database: Database) -> AsyncIterator[httpx.AsyncClient]:
        app = FastAPI()
        app.state.database = database
        app.add_middleware(EdgeMiddleware, metrics=HttpMetrics(new_registry()), production=False)
        install_problems(app)

        @app.post("/notes/{word}")
        async def add_note(word: str, session: WriteSessionDep) -> dict[str, str]:
            await add(session, word)
            return {"word": word}

        @app.get("/notes")
        async def count_notes(session: ReadSessionDep) -> int:
            return int(await session.scalar(text("SELECT count(*) FROM note")) or 0)

        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    async def test_what_a_route_answered_is_committed(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/notes/one")).status_code == 200
        assert (await client.get("/notes")).json() == 1

    async def test_a_commit_that_fails_is_a_500_and_never_a_success(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await client.post("/notes/one")
        failed = await client.post("/notes/one")
        assert failed.status_code == 500
        assert failed.json()["code"] == "internal_error"
        assert await words(database) == ["one"]

    async def test_that_failure_really_comes_at_commit(self, database: Database) -> None:
        async with database.writing() as session:
            await add(session, "one")
        reached_the_end = False

        async def add_again() -> None:
            nonlocal reached_the_end
            async with database.writing() as session:
                await add(session, "one")
                reached_the_end = True

        with pytest.raises(IntegrityError):
            await add_again()
        assert reached_the_end


@pytest.mark.parametrize(
    ("given", "driver_url"),
    [
        ("postgres://u:p@h:1/d", "postgresql+asyncpg://u:p@h:1/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+asyncpg://u:p@h/d?ssl=require"),
        ("postgresql+asyncpg://u:p%40@h/d", "postgresql+asyncpg://u:p%40@h/d"),
    ],
)
def test_the_usual_spellings_of_an_address_are_understood(given: str, driver_url: str) -> None:
    assert async_url(given).render_as_string(hide_password=False) == driver_url
