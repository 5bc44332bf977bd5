"""Which stores a program gets, and what is said when it cannot have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from optix.platform.embedded import stores as module
from optix.platform.embedded.lease import StoreUnavailable
from optix.platform.embedded.stores import (
    StoreUrls,
    asyncpg_dsn,
    check_servers,
    embedded_stores,
    normal_database_url,
    open_stores,
    without_password,
)
from optix.platform.secrets import embedded_passwords
from optix.platform.settings import Settings, checkout_root, load_settings

PASSWORD = "kN4-vQz81_xw"


def settings_with(folder: Path, **stores: object) -> Settings:
    settings = load_settings(data_dir=folder)
    blank: dict[str, object] = {"database_url": None, "redis_url": None, "pg_bin": None}
    own = settings.stores.model_copy(update=blank | {"valkey_bin": None} | stores)
    return settings.model_copy(update={"stores": own})


async def refusal(settings: Settings) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        async with open_stores(settings):
            pytest.fail("the stores opened")
    return caught.value.detail


def script(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.stores
class TestGivenServers:
    async def test_are_used_and_nothing_is_started(self, stores: StoreUrls, folder: Path) -> None:
        said: list[str] = []
        given = settings_with(
            folder,
            database_url=SecretStr(stores.dsn),
            redis_url=SecretStr(stores.redis_url),
        )
        async with open_stores(given, say=said.append) as urls:
            assert urls.origin == "given"
            assert urls.database_url.startswith("postgresql+asyncpg://")
        assert not list(folder.parent.glob("data/*"))
        assert len(said) == 2
        assert not any(PASSWORD in line or ":***" in line for line in said)

    async def test_embedded_stores_start_even_then(self, stores: StoreUrls, folder: Path) -> None:
        given = settings_with(folder, database_url=SecretStr(stores.dsn))
        async with embedded_stores(given) as urls:
            assert urls.dsn != stores.dsn
            connection = await asyncpg.connect(urls.dsn)
            assert await connection.fetchval("SELECT current_database()") == "optix"
            assert await connection.fetchval("SHOW shared_buffers") == "24MB"
            await connection.close()

    async def test_only_the_missing_one_is_started(self, stores: StoreUrls, folder: Path) -> None:
        given = settings_with(folder, database_url=SecretStr(stores.dsn))
        async with open_stores(given):
            assert (folder / "valkey" / "data").exists()
            assert not (folder / "postgresql").exists()

    async def test_that_are_too_old_are_refused(
        self, stores: StoreUrls, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "POSTGRESQL_VERSION_MIN", 99)
        with pytest.raises(StoreUnavailable, match="needs 99 or newer"):
            await check_servers(stores.database_url, stores.redis_url)
        monkeypatch.undo()
        monkeypatch.setattr(module, "REDIS_VERSION_MIN", 99)
        with pytest.raises(StoreUnavailable, match="needs 99 or newer"):
            await check_servers(stores.database_url, stores.redis_url)

    async def test_that_refuse_the_password_are_named_without_it(self, stores: StoreUrls) -> None:
        user = stores.database_url.replace("://optix:", f"://optix:{PASSWORD}", 1)
        with pytest.raises(StoreUnavailable, match="OPTIX_DATABASE_URL") as database:
            await check_servers(user, stores.redis_url)
        wrong = stores.redis_url.replace("://:", f"://:{PASSWORD}", 1)
        with pytest.raises(StoreUnavailable, match="the password is wrong") as redis:
            await check_servers(stores.database_url, wrong)
        assert PASSWORD not in database.value.detail + redis.value.detail


class TestUnreachable:
    async def test_a_database_that_does_not_answer(self, folder: Path) -> None:
        url = f"postgresql://optix:{PASSWORD}@127.0.0.1:9/optix"
        said = await refusal(
            settings_with(folder, database_url=SecretStr(url), redis_url=SecretStr("redis://x"))
        )
        assert "OPTIX_DATABASE_URL" in said
        assert "127.0.0.1:9" in said
        assert PASSWORD not in said

    @pytest.mark.stores
    async def test_a_redis_that_does_not_answer(self, stores: StoreUrls, folder: Path) -> None:
        said = await refusal(
            settings_with(
                folder,
                database_url=SecretStr(stores.dsn),
                redis_url=SecretStr(f"redis://:{PASSWORD}@127.0.0.1:9/0"),
            )
        )
        assert "OPTIX_REDIS_URL" in said
        assert PASSWORD not in said


class TestPrograms:
    async def test_a_folder_without_postgresql_is_refused(self, folder: Path) -> None:
        said = await refusal(settings_with(folder, pg_bin=folder))
        assert "OPTIX_PG_BIN" in said

    async def test_a_missing_valkey_is_refused(self, folder: Path) -> None:
        said = await refusal(settings_with(folder, valkey_bin=folder / "none"))
        assert "OPTIX_VALKEY_BIN" in said

    async def test_an_old_postgresql_is_refused(self, folder: Path, tmp_path: Path) -> None:
        postgres = script(tmp_path / "bin" / "postgres", "postgres (PostgreSQL) 13.4")
        said = await refusal(settings_with(folder, pg_bin=postgres.parent))
        assert "13" in said
        assert "OPTIX_PG_BIN" in said

    async def test_an_old_redis_is_refused(self, folder: Path, tmp_path: Path) -> None:
        redis = script(tmp_path / "redis-server", "Redis server v=6.2.5 sha=0")
        said = await refusal(settings_with(folder, valkey_bin=redis))
        assert "6.2.5" in said
        assert "OPTIX_VALKEY_BIN" in said

    async def test_a_program_that_is_none_is_refused(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "postgres").write_bytes(b"\x7fELF broken")
        said = await refusal(settings_with(folder, pg_bin=tmp_path / "bin"))
        assert "cannot be run" in said

    async def test_a_machine_without_packages_is_told_what_to_set(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_packaged", lambda *_: None)
        assert "OPTIX_DATABASE_URL" in await refusal(settings_with(folder))
        url = SecretStr("postgresql://h/optix")
        assert "OPTIX_REDIS_URL" in await refusal(settings_with(folder, database_url=url))


class TestFolders:
    async def test_a_file_in_place_of_the_folder_is_refused(self, folder: Path) -> None:
        settings = settings_with(folder)
        embedded_passwords(settings)
        (folder / "postgresql").write_text("")
        said = await refusal(settings)
        assert "OPTIX_DATA_DIR" in said

    async def test_data_of_another_version_is_refused(self, folder: Path) -> None:
        data = folder / "postgresql" / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("12\n")
        said = await refusal(settings_with(folder))
        assert "made by PostgreSQL 12" in said

    async def test_a_folder_with_other_things_is_not_overwritten(self, folder: Path) -> None:
        data = folder / "postgresql" / "data"
        data.mkdir(parents=True)
        (data / "thesis.txt").write_text("years of work")
        assert "is not empty" in await refusal(settings_with(folder))
        assert (data / "thesis.txt").read_text() == "years of work"


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "postgres://u:p@h:1/d?sslmode=require",
            "postgresql://u:p@h:1/d?sslmode=require",
            "postgresql+asyncpg://u:p@h:1/d?ssl=require",
        ],
    )
    def test_each_spelling_fits_both_clients(self, url: str) -> None:
        assert normal_database_url(url) == "postgresql+asyncpg://u:p@h:1/d?ssl=require"
        assert asyncpg_dsn(url) == "postgresql://u:p@h:1/d?sslmode=require"

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            (f"postgresql+asyncpg://u:{PASSWORD}@h:1/d?x={PASSWORD}", "postgresql://u@h:1/d"),
            (f"redis://:{PASSWORD}@h:1/0", "redis://h:1/0"),
            (f"redis://:a@{PASSWORD}@h:1/0", "redis://h:1/0"),
            ("redis://h", "redis://h"),
        ],
    )
    def test_people_see_no_password(self, url: str, shown: str) -> None:
        assert without_password(url) == shown
        assert PASSWORD not in repr(StoreUrls(database_url=url, redis_url=url))


def test_the_keeper_stays_small() -> None:
    root = checkout_root()
    assert root is not None
    code = (
        f"import sys; sys.path.insert(0, {str(root / 'src')!r}); "
        "import optix.platform.embedded.keeper; print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    heavy = {"asyncio", "pydantic", "hashlib", "shutil", "ssl", "dataclasses", "inspect", "logging"}
    assert not heavy & set(loaded.split())
