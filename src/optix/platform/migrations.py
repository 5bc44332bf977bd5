"""Bringing a database to the schema of this release, in-process and once.

The steps themselves are in the folder `migrations/` of the repository (inside the package in an
installed wheel). The history is linear, and a file is named after its step ("0001_identity.py"). A
step must run beside the previous release.

Alembic is imported only where there is something to apply: most starts find nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from optix.kernel.errors import Unavailable
from optix.platform.db import async_url, connect_with_retry

if TYPE_CHECKING:
    from alembic.config import Config

LOCK_MILLISECONDS_MAX = 4_000
STATEMENT_MILLISECONDS_MAX = 5_000
OTHER_STARTER_SECONDS_MAX = 60.0
POSTGRESQL_VERSION_MIN = 15

_ADVISORY_LOCK = 0x6F70746978  # "optix"
_POLL_SECONDS = 0.1


class DatabaseTooNew(Unavailable):
    """The database was migrated by a newer release than this one."""

    code = "database_too_new"
    next_step = "Start the newer release, or restore the backup made before the upgrade."


class DatabaseTooOld(Unavailable):
    """The server speaks an SQL that is older than what OPTIX is written for."""

    code = "database_too_old"
    next_step = f"Use PostgreSQL {POSTGRESQL_VERSION_MIN} or newer."


class MigrationBusy(Unavailable):
    """Another process holds the migration lock for too long."""

    code = "migration_busy"
    next_step = "Look at the process that migrates, then start again."


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run did: `applied` is empty when the database was current already."""

    revision: str
    applied: tuple[str, ...]


def migrations_folder() -> Path:
    """Return the folder of the steps: in the package when installed, else of the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def newest_step() -> str:
    """Return the newest step of this release, by the names of the files."""
    steps = (path.name.partition("_")[0] for path in migrations_folder().glob("versions/*.py"))
    return max(step for step in steps if step.isdigit())


def alembic_config() -> Config:
    from alembic.config import Config

    config = Config()
    # A percent sign in a path would be read as interpolation.
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


async def run_migrations(url: str) -> Migrated:
    """Bring the database at `url` to the newest step of this release.

    Effects: changes the schema. Two starters at once do it once: the second waits, finds nothing.
    Errors:  DatabaseTooNew, DatabaseTooOld, MigrationBusy, DatabaseUnavailable.
    """
    async with _connection(url) as connection:
        await _take_lock(connection)
        try:
            return await connection.run_sync(_upgrade)
        finally:
            if not connection.invalidated:
                await connection.rollback()
                await connection.execute(text(f"SELECT pg_advisory_unlock({_ADVISORY_LOCK})"))


async def pending_migrations(url: str) -> tuple[str, ...]:
    """Return the steps that the database at `url` still lacks, oldest first.

    Errors: DatabaseTooNew, DatabaseTooOld, DatabaseUnavailable.
    """
    async with _connection(url) as connection:
        return await connection.run_sync(_pending)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(
        async_url(url),
        poolclass=NullPool,
        connect_args={
            "async_creator_fn": connect_with_retry,
            "server_settings": {
                "application_name": "optix migrate",
                "timezone": "UTC",
                "lock_timeout": str(LOCK_MILLISECONDS_MAX),
                "statement_timeout": str(STATEMENT_MILLISECONDS_MAX),
            },
        },
    )
    try:
        async with engine.connect() as connection:
            version = (await connection.scalar(text("SHOW server_version_num"))) or "0"
            if int(version) // 10_000 < POSTGRESQL_VERSION_MIN:
                raise DatabaseTooOld(f"The database server is PostgreSQL {int(version) // 10_000}.")
            await connection.rollback()
            yield connection
    finally:
        await engine.dispose()


async def _take_lock(connection: AsyncConnection) -> None:
    # Asking again instead of waiting inside the server: lock_timeout would end such a wait early.
    for _ in range(int(OTHER_STARTER_SECONDS_MAX / _POLL_SECONDS)):
        if await connection.scalar(text(f"SELECT pg_try_advisory_lock({_ADVISORY_LOCK})")):
            await connection.commit()  # the lock belongs to the session, not the transaction
            return
        await connection.rollback()
        await asyncio.sleep(_POLL_SECONDS)
    raise MigrationBusy("Another process has been migrating this database for a minute.")


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    steps = connection.scalars(text("SELECT version_num FROM alembic_version")).all()
    return list(steps) == [newest_step()]


def _pending(connection: Connection) -> tuple[str, ...]:
    if _is_current(connection):
        return ()
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config())
    current = MigrationContext.configure(connection).get_current_heads()
    newest_first = [step.revision for step in script.walk_revisions()]
    unknown = sorted(set(current) - set(newest_first))
    if unknown:
        raise DatabaseTooNew(
            f"The database is at step {unknown[0]}, which this release does not know."
        )
    done = newest_first.index(current[0]) if current else len(newest_first)
    return tuple(reversed(newest_first[:done]))


def _upgrade(connection: Connection) -> Migrated:
    applied = _pending(connection)
    connection.rollback()
    if applied:
        from alembic import command

        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return Migrated(revision=newest_step(), applied=applied)
