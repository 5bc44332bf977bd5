"""The commands of upkeep, run on the test's own database."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Column, LargeBinary, Table, Uuid, text
from tests.fixtures.api import empty

from optix.cli import main
from optix.kernel.clock import SystemClock
from optix.kernel.ids import new_uuid
from optix.platform.audit import SecurityEvent, record
from optix.platform.db import Base, Database
from optix.platform.embedded.stores import StoreUrls
from optix.platform.key_providers import key_provider
from optix.platform.origin import SYSTEM_ORIGIN
from optix.platform.secrets import load_secrets
from optix.platform.settings import load_settings
from optix.platform.vault import Vault
from optix.platform.vault_rotation import SEALED

pytestmark = pytest.mark.stores

LONG_AGO = datetime(2020, 1, 2, tzinfo=UTC)

Run = Callable[..., Result]
Work = Callable[[Database], Awaitable[object]]


@pytest.fixture
def on_database(stores: StoreUrls) -> Callable[[Work], None]:
    """Do something on the database, outside of any loop: the commands run their own."""

    def run(work: Work) -> None:
        async def with_database() -> None:
            database = Database.from_url(stores.database_url)
            await work(database)
            await database.close()

        asyncio.run(with_database())

    return run


@pytest.fixture
def optix(
    stores: StoreUrls,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_database: Callable[[Work], None],
) -> Run:
    monkeypatch.setenv("OPTIX_DATABASE_URL", stores.dsn)
    monkeypatch.setenv("OPTIX_REDIS_URL", stores.redis_url)
    monkeypatch.setenv("OPTIX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("optix.platform.telemetry.configure_logging", lambda _settings: None)
    on_database(empty)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def add_events(*at: datetime) -> Work:
    async def work(database: Database) -> None:
        for instant in at:
            async with database.writing() as session:
                await record(session, SecurityEvent(kind="a.b"), SYSTEM_ORIGIN, instant)

    return work


class TestAudit:
    def test_an_intact_trail_is_said_with_its_head(
        self, optix: Run, on_database: Callable[[Work], None]
    ) -> None:
        on_database(add_events(LONG_AGO, LONG_AGO))
        done = optix("audit", "verify")
        assert done.exit_code == 0, done.output
        assert "2 events, 1 to 2, are what was recorded. Head: " in done.output

    def test_a_broken_one_is_said_with_the_event_and_an_exit_code(
        self, optix: Run, on_database: Callable[[Work], None]
    ) -> None:
        async def break_it(database: Database) -> None:
            await add_events(LONG_AGO, LONG_AGO)(database)
            async with database.writing() as session:
                for statement in (
                    "ALTER TABLE security_event DISABLE TRIGGER append_only",
                    "UPDATE security_event SET kind = 'x' WHERE seq = 1",
                    "ALTER TABLE security_event ENABLE TRIGGER append_only",
                ):
                    await session.execute(text(statement))

        on_database(break_it)
        done = optix("audit", "verify")
        assert done.exit_code == 1
        assert "broken at event 1" in done.output

    def test_retention_takes_away_what_is_older_than_the_setting(
        self, optix: Run, on_database: Callable[[Work], None]
    ) -> None:
        on_database(add_events(LONG_AGO, LONG_AGO, datetime.now(UTC)))
        done = optix("audit", "retain")
        assert "2 events taken away" in done.output
        assert optix("audit", "verify").exit_code == 0


class TestVault:
    @pytest.fixture
    def sealed(self, optix: Run, on_database: Callable[[Work], None]) -> Iterator[None]:
        """A table with one value sealed by the key of the data folder."""
        table = Table(
            "upkeep_token",
            Base.metadata,
            Column("id", Uuid, primary_key=True),
            Column("secret", LargeBinary, info=SEALED),
        )

        async def make(database: Database) -> None:
            settings, clock, row = load_settings(), SystemClock(), new_uuid()
            vault = Vault(key_provider(settings, load_secrets(settings), clock), clock)
            envelope = await vault.seal(b"x", table=table.name, row=row, column="secret")
            async with database.writing() as session:
                connection = await session.connection()
                await connection.run_sync(table.create)
                await session.execute(table.insert().values(id=row, secret=envelope))

        async def drop(database: Database) -> None:
            async with database.writing() as session:
                await session.execute(text("DROP TABLE upkeep_token"))

        on_database(make)
        yield
        on_database(drop)
        Base.metadata.remove(table)

    @pytest.mark.usefixtures("sealed")
    def test_a_new_key_renews_everything_and_then_the_old_one_can_go(self, optix: Run) -> None:
        before = optix("vault", "status")
        assert "upkeep_token.secret: 1 sealed by ring:" in before.output, before.output
        rotated = optix("vault", "rotate", "--new-key")
        assert "1 sealed anew, 0 were current" in rotated.output, rotated.output
        assert "0 sealed anew, 1 were current" in optix("vault", "rotate").output
        assert "1 old keys taken away" in optix("vault", "forget").output
        assert optix("vault", "status").output != before.output
        assert optix("vault", "rotate").exit_code == 0

    @pytest.mark.usefixtures("sealed")
    def test_a_key_that_still_seals_something_is_not_forgotten(
        self, optix: Run, tmp_path: Path
    ) -> None:
        key = tmp_path / "data" / "secrets" / "vault_key"
        old = key.read_text()
        key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" + old)
        refused = optix("vault", "forget")
        assert refused.exit_code == 1
        assert "still seal" in refused.output

    @pytest.mark.usefixtures("sealed")
    def test_a_value_whose_key_is_gone_is_named(self, optix: Run, tmp_path: Path) -> None:
        key = tmp_path / "data" / "secrets" / "vault_key"
        key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        done = optix("vault", "rotate")
        assert done.exit_code == 1
        assert "cannot be opened: upkeep_token.secret" in done.output

    def test_a_given_key_is_not_changed_here(
        self, optix: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPTIX_VAULT_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        done = optix("vault", "rotate", "--new-key")
        assert done.exit_code == 2
        assert "given by a variable" in done.output


def test_the_commands_know_the_sealed_columns_of_every_feature() -> None:
    """In a program of its own: a test run has imported every table, the commands have not."""
    code = (
        "from optix.processes.upkeep import _tables\n"
        "from optix.platform.vault_rotation import sealed_columns\n"
        "print(*sealed_columns(_tables()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "totp_factor.secret_sealed" in found.stdout.split()
