"""How embedded servers live and die with the programs that use them, proven by killing things.

Each test ends real processes and then looks at what still runs in the data folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from tests.fixtures.waiting import WAIT_SECONDS, until
from tests.platform.embedded.conftest import (
    Program,
    eventually,
    keepers_of,
    postmaster_of,
    servers_of,
)

pytestmark = [pytest.mark.stores, pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")]

Start = Callable[[], Program]


async def write(dsn: str, text: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
    await connection.execute("INSERT INTO note VALUES ($1)", text)
    await connection.close()


async def read(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT text FROM note")
    await connection.close()
    return [row["text"] for row in rows]


async def answers(said: dict[str, str]) -> bool:
    """True if both servers answer at the addresses the program was given."""
    try:
        connection = await asyncpg.connect(said["database"], timeout=WAIT_SECONDS)
        await connection.close()
        async with Redis.from_url(said["redis"], socket_timeout=WAIT_SECONDS) as client:
            await client.ping()
    except (OSError, TimeoutError, asyncpg.PostgresError, RedisConnectionError):
        return False
    return True


async def eventually_answers(said: dict[str, str]) -> None:
    await until(lambda: answers(said))


class TestOneProgram:
    async def test_starts_both_servers_and_leaves_nothing_behind(
        self, start: Start, folder: Path
    ) -> None:
        program = start()
        assert program.said["origin"] == "started"
        await write(program.said["database"], "kept")
        program.leave()
        assert servers_of(folder) == []
        again = start()
        assert await read(again.said["database"]) == ["kept"]
        again.leave()
        assert servers_of(folder) == []

    def test_gives_nothing_away(self, start: Start, folder: Path) -> None:
        program = start()
        assert program.said["origin"] == "started"
        secrets = [path.read_text() for path in (folder / "secrets").iterdir()]
        for process in servers_of(folder):
            seen = " ".join(process.cmdline()) + str(process.environ())
            assert not any(secret in seen for secret in secrets)
            addresses = {link.laddr.ip for link in process.net_connections("inet")}
            assert addresses <= {"127.0.0.1"}
        for name in ("secrets", "postgresql", "postgresql/data", "valkey", "valkey/data"):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700, name
        for path in (folder / "secrets").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        logs = [path.read_text() for path in folder.glob("*/server.log")]
        assert not any(secret in text for secret in secrets for text in logs)
        program.leave()

    async def test_wrong_passwords_are_refused(self, start: Start) -> None:
        said = start().said
        database = said["database"].replace("optix:", "optix:x", 1)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(database)
        async with Redis.from_url(said["redis"].replace("redis://:", "redis://:x")) as client:
            with pytest.raises(RedisConnectionError):
                await client.ping()


class TestTwoPrograms:
    async def test_started_at_once_one_starts_and_the_other_joins(
        self, start: Start, folder: Path
    ) -> None:
        first, second = start(), start()
        assert first.said["database"] == second.said["database"]
        assert len(keepers_of(folder)) == 2  # one for each store
        first.leave()
        assert await answers(second.said)
        second.leave()
        assert servers_of(folder) == []

    async def test_the_starter_may_leave_first(self, start: Start, folder: Path) -> None:
        starter = start()
        assert starter.said["origin"] == "started"
        joiner = start()
        assert joiner.said["origin"] == "reused"
        starter.kill()
        assert await answers(joiner.said)
        joiner.leave()
        assert servers_of(folder) == []


class TestKilling:
    def test_a_killed_program_leaves_no_server(self, start: Start, folder: Path) -> None:
        program = start()
        assert program.said
        assert servers_of(folder)
        program.kill()
        eventually(lambda: servers_of(folder) == [], "servers ended after their program")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
    def test_a_signalled_program_leaves_no_server(
        self, start: Start, folder: Path, number: int
    ) -> None:
        if signal.getsignal(number) is signal.SIG_IGN:
            pytest.skip("who started the tests has this signal ignored, and children inherit that")
        program = start()
        assert program.said
        program.process.send_signal(number)
        program.process.wait()
        eventually(lambda: servers_of(folder) == [], "servers ended after their program")

    async def test_a_killed_server_comes_back_at_the_same_address_with_its_data(
        self, start: Start, folder: Path
    ) -> None:
        program = start()
        await write(program.said["database"], "committed")
        killed = postmaster_of(folder)
        os.kill(killed, signal.SIGKILL)
        cache = set(servers_of(folder / "valkey")) - set(keepers_of(folder))
        assert len(cache) == 1
        cache.pop().kill()
        eventually(lambda: _new_postmaster(folder, killed), "a new postmaster")
        await eventually_answers(program.said)
        assert await read(program.said["database"]) == ["committed"]
        program.leave()
        assert servers_of(folder) == []

    async def test_a_killed_keeper_takes_its_server_along_and_is_replaced(
        self, start: Start, folder: Path
    ) -> None:
        program = start()
        await write(program.said["database"], "committed")
        old = keepers_of(folder)
        for keeper in old:
            keeper.kill()
        eventually(lambda: len(set(keepers_of(folder)) - set(old)) == 2, "new keepers")
        await eventually_answers(program.said)
        assert await read(program.said["database"]) == ["committed"]
        program.leave()
        assert servers_of(folder) == []

    async def test_everything_killed_at_once_starts_again(self, start: Start, folder: Path) -> None:
        program = start()
        await write(program.said["database"], "committed")
        for process in [*keepers_of(folder), psutil.Process(postmaster_of(folder))]:
            process.kill()
        program.kill()
        again = start()
        assert await read(again.said["database"]) == ["committed"]
        again.leave()
        assert servers_of(folder) == []


class TestLeftovers:
    async def test_a_lock_file_with_a_strangers_number_is_no_obstacle(
        self, start: Start, folder: Path
    ) -> None:
        start().leave()
        stranger = sleeping_stranger()
        lock = folder / "postgresql" / "data" / "postmaster.pid"
        lock.write_text(f"{stranger.pid}\n{lock.parent}\n1\n5432\n\n127.0.0.1\n\nready\n")
        again = start()
        assert await answers(again.said)
        assert stranger.poll() is None
        stranger.kill()
        stranger.communicate()
        again.leave()

    async def test_an_interrupted_first_start_is_begun_anew(
        self, start: Start, folder: Path
    ) -> None:
        half = folder / "postgresql" / "data.new"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18\n")
        program = start()
        assert await answers(program.said)
        assert not half.exists()
        program.leave()

    async def test_lost_passwords_are_made_again_and_the_data_stays(
        self, start: Start, folder: Path
    ) -> None:
        first = start()
        await write(first.said["database"], "kept")
        first.leave()
        shutil.rmtree(folder / "secrets")
        again = start()
        assert again.said["database"] != first.said["database"]
        assert await read(again.said["database"]) == ["kept"]
        again.leave()

    async def test_an_unreadable_log_of_the_cache_is_put_aside(
        self, start: Start, folder: Path
    ) -> None:
        start().leave()
        log = next((folder / "valkey" / "data" / "appendonlydir").glob("*.incr.aof"))
        log.write_bytes(b"this is no log of writes\r\n" * 20)
        again = start()
        assert await answers(again.said)
        assert (folder / "valkey" / "data" / "appendonlydir.unreadable").exists()
        again.leave()

    async def test_a_port_taken_meanwhile_is_replaced_by_another(
        self, start: Start, folder: Path
    ) -> None:
        first = start()
        first.leave()
        state = json.loads((folder / "postgresql" / "state.json").read_text())
        with socket.create_server(("127.0.0.1", state["port"])):
            again = start()
            assert f":{state['port']}/" not in again.said["database"]
            assert await answers(again.said)
            again.leave()


def sleeping_stranger() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def _new_postmaster(folder: Path, old: int) -> bool:
    try:
        return postmaster_of(folder) != old
    except (OSError, IndexError, ValueError):
        return False
