"""Migrations on databases of their own: once, whole, and never backwards by accident."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import downgrade
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from optix.platform import migrations
from optix.platform.db import Base, async_url
from optix.platform.migrations import (
    DatabaseTooNew,
    MigrationBusy,
    alembic_config,
    migrations_folder,
    pending_migrations,
    run_migrations,
)

pytestmark = pytest.mark.stores
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[str]:
    """The address of a database in which nothing was ever made."""
    parts = urlsplit(database_url)
    name = f"{parts.path.strip('/')}_empty"
    server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres", scheme="postgres")))
    await server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    yield urlunsplit(parts._replace(path=f"/{name}"))
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(urlunsplit(urlsplit(url)._replace(scheme="postgres")))
    await connection.execute(statement)
    await connection.close()


def all_steps() -> tuple[str, ...]:
    script = ScriptDirectory.from_config(alembic_config())
    return tuple(reversed([step.revision for step in script.walk_revisions()]))


def test_the_newest_step_is_told_by_the_names_of_the_files() -> None:
    """A start that finds nothing to do trusts the names; alembic reads the same inside."""
    assert migrations.newest_step() == all_steps()[-1]


def test_the_history_is_one_line() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
    assert not any(step.is_branch_point or step.is_merge_point for step in script.walk_revisions())


async def test_an_empty_database_gets_every_step_and_a_second_run_none(
    empty_database: str,
) -> None:
    assert await pending_migrations(empty_database) == all_steps()
    first = await run_migrations(empty_database)
    assert first.applied == all_steps()
    assert await pending_migrations(empty_database) == ()
    second = await run_migrations(empty_database)
    assert (second.applied, second.revision) == ((), first.revision)


async def test_of_several_starters_one_migrates_and_all_succeed(empty_database: str) -> None:
    done = await asyncio.gather(*(run_migrations(empty_database) for _ in range(4)))
    assert sorted(len(run.applied) for run in done) == [0, 0, 0, len(all_steps())]


async def test_a_database_of_a_newer_release_is_refused_with_a_sentence(
    fresh_database: str,
) -> None:
    await execute(fresh_database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match="9999") as refused:
        await run_migrations(fresh_database)
    assert "newer release" in refused.value.next_step
    with pytest.raises(DatabaseTooNew):
        await pending_migrations(fresh_database)


async def test_a_starter_that_holds_the_lock_for_ever_is_named(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "OTHER_STARTER_SECONDS_MAX", 0.2)
    url = urlunsplit(urlsplit(fresh_database)._replace(scheme="postgres"))
    holder = await asyncpg.connect(url)
    await holder.execute("SELECT pg_advisory_lock($1)", migrations._ADVISORY_LOCK)
    with pytest.raises(MigrationBusy):
        await run_migrations(fresh_database)
    await holder.close()
    await run_migrations(fresh_database)


async def test_the_tables_are_what_the_models_say(fresh_database: str) -> None:
    load_environment_script()

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    engine = create_async_engine(async_url(fresh_database), poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


def load_environment_script() -> None:
    """Import every model the way the alembic command line does."""
    text = (migrations_folder() / "env.py").read_text()
    module = ModuleType("env")
    exec(text[: text.index("def run(")], module.__dict__)
    module.import_all_models()


async def test_every_step_can_be_taken_back_on_an_empty_database(empty_database: str) -> None:
    await run_migrations(empty_database)

    def take_back(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        downgrade(config, "base")

    engine = create_async_engine(async_url(empty_database), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(take_back)
    await engine.dispose()
    assert await pending_migrations(empty_database) == all_steps()


async def test_steps_say_nothing_that_postgresql_15_does_not_know() -> None:
    newer = ("uuidv7", "uuidv4(", "VIRTUAL", "MERGE INTO", "JSON_TABLE", "WITHOUT OVERLAPS")
    for step in (migrations_folder() / "versions").glob("*.py"):
        text = step.read_text()
        assert not [word for word in newer if word.lower() in text.lower()], step.name


def test_an_installed_wheel_brings_the_steps_with_it(tmp_path: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path)),
            *("-C", "wheel.cmake=false", "-C", "wheel.py-api=py3", str(ROOT)),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = "from optix.platform import migrations as m; print(m._pending, m.migrations_folder())"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys_path(tmp_path)}; {code}"],
        check=True,
        capture_output=True,
        text=True,
    )
    folder = Path(done.stdout.split()[-1])
    assert folder == tmp_path / "site" / "optix" / "_migrations"
    assert {step.name for step in (folder / "versions").glob("*.py")} == {
        step.name for step in (ROOT / "migrations" / "versions").glob("*.py")
    }
    assert (folder / "env.py").is_file()


def sys_path(tmp_path: Path) -> list[str]:
    """Return a path on which the unpacked wheel comes first and the checkout is missing."""
    packages = [entry for entry in sys.path if entry.endswith("site-packages")]
    return [str(tmp_path / "site"), *packages]
