"""The command line, run as a person runs it, before the small product of tests/processes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.platform.embedded.conftest import end_all_of, eventually, servers_of
from tools.ports import free_port

GIVEN_SERVERS = ("OPTIX_DATABASE_URL", "OPTIX_REDIS_URL")
PROGRAM = Path(__file__).parent / "processes" / "small_product.py"


class Terminal:
    """One run of the command line, with what it printed."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        self._log = log
        # Its own embedded stores, also where the suite runs against given servers.
        own = {k: v for k, v in os.environ.items() if k not in GIVEN_SERVERS}
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=own | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self._log.read_text()

    def wait(self) -> int:
        return self.process.wait(180)

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.printed or self.process.poll() is not None, text)
        assert text in self.printed, self.printed


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    end_all_of(tmp_path / "data")


@pytest.fixture
def optix(tmp_path: Path, folder: Path) -> Iterator[Callable[..., Terminal]]:
    runs: list[Terminal] = []

    def begin(*arguments: str, **environment: str) -> Terminal:
        environment = {"OPTIX_DATA_DIR": str(folder), "OPTIX_FEED": "sim"} | environment
        runs.append(Terminal(tmp_path / f"{len(runs)}.log", *arguments, **environment))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.kill()
        run.process.wait()


class TestQuestions:
    def test_the_version_is_told_without_loading_the_product(self) -> None:
        code = "import sys; from optix import cli; print(*sys.modules)"
        loaded = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        assert not {"fastapi", "sqlalchemy", "numpy", "rich", "pydantic", "asyncpg"} & set(loaded)

    def test_version_and_help(self, optix: Callable[..., Terminal]) -> None:
        version = optix("--version")
        assert version.wait() == 0
        assert re.match(r"optix \d+\.\d+\.\d+$", version.printed.strip())
        asked = optix("--help")
        assert asked.wait() == 0
        for command in ("up", "run", "migrate", "doctor", "openapi", "chain", "record"):
            assert f"  {command} " in asked.printed

    def test_openapi_is_json_on_the_output_or_in_a_file(
        self, optix: Callable[..., Terminal], tmp_path: Path
    ) -> None:
        printed = optix("openapi")
        assert printed.wait() == 0
        assert json.loads(printed.printed)["openapi"] == "3.1.0"
        assert optix("openapi", "--out", str(tmp_path / "api.json")).wait() == 0
        assert json.loads((tmp_path / "api.json").read_text())["paths"] == {}

    def test_chain_and_record_pass_their_options_on(self, optix: Callable[..., Terminal]) -> None:
        chain = optix("chain", "IWM", "--expiration", "2026-12-18", "--json")
        assert chain.wait() == 0
        assert chain.printed.strip() == "IWM 2026-12-18 True"
        recorded = optix("record", "--out", "x.parquet", "--symbols", "SPY, IWM", "--seconds", "2")
        assert recorded.wait() == 0
        assert "recording SPY,IWM for 2.0" in recorded.printed
        assert "7 rows in x.parquet" in recorded.printed

    def test_doctor_says_what_it_found(self, optix: Callable[..., Terminal], folder: Path) -> None:
        healthy = optix("doctor", "--offline")
        assert healthy.wait() in (0, 1)
        assert "Data folder" in healthy.printed
        ill = optix("doctor", "--offline", OPTIX_PG_BIN=str(folder / "none"))
        assert ill.wait() == 1
        assert re.search(r"missing\s+PostgreSQL", ill.printed)
        assert "OPTIX_DATABASE_URL" in ill.printed


class TestRefusals:
    def test_wrong_settings_are_told_in_sentences(self, optix: Callable[..., Terminal]) -> None:
        run = optix("up", OPTIX_PORT="eighty", OPTIX_FEED="bloomberg")
        assert run.wait() == 2
        assert "OPTIX_PORT" in run.printed
        assert "OPTIX_FEED" in run.printed
        assert "Traceback" not in run.printed

    def test_an_unknown_component_is_told_with_the_known_ones(
        self, optix: Callable[..., Terminal]
    ) -> None:
        run = optix("run", "web,printer")
        assert run.wait() == 2
        assert "printer" in run.printed
        assert "web, rows" in run.printed

    def test_production_refuses_to_start_bare(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        run = optix("up", OPTIX_ENV="production", OPTIX_ALLOW_EMBEDDED_STORES="true")
        assert run.wait() == 2
        assert "OPTIX_SIGNING_KEY is missing" in run.printed
        assert "made" not in run.printed
        assert servers_of(folder) == []

    def test_a_busy_port_is_named_with_its_holder(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            run = optix("up", "--port", str(port))
            assert run.wait() == 2
            assert f"Port {port} is in use" in run.printed
            if sys.platform == "linux":
                assert f"(process {os.getpid()})" in run.printed
            assert "--any-port" in run.printed
        assert not folder.exists()

    def test_a_store_that_cannot_start_is_told(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        run = optix("migrate", OPTIX_PG_BIN=str(folder))
        assert run.wait() == 1
        assert "OPTIX_PG_BIN" in run.printed
        assert "Traceback" not in run.printed


@pytest.mark.stores
class TestUp:
    def test_says_what_it_does_answers_and_stops_cleanly(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        port = free_port()
        run = optix("up", "--port", str(port))
        run.wait_for("Press Ctrl-C to stop.")
        for said in (
            f"made 5 secrets in {folder / 'secrets'}, mode 0600",
            "started PostgreSQL on 127.0.0.1:",
            "started Valkey on 127.0.0.1:",
            "1 applied",
            "web is ready",
            "rows is ready",
            f"Open http://localhost:{port}",
            f"http://localhost:{port}/docs",
            "somebody@optix.io / Somebody123!",
        ):
            assert said in run.printed
        with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
            assert link.recv(16) == b"hello\n"
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0
        assert run.printed.index("rows closed") < run.printed.index("web closed")
        assert run.printed.rstrip().endswith("Stopped.")
        assert "Traceback" not in run.printed
        assert servers_of(folder) == []

        again = optix("up", "--port", str(port))
        again.wait_for("Press Ctrl-C to stop.")
        assert "found the secrets" in again.printed
        assert "nothing to do" in again.printed
        again.process.send_signal(signal.SIGTERM)
        assert again.wait() == 0
        assert servers_of(folder) == []

    def test_takes_the_next_free_port_when_allowed(self, optix: Callable[..., Terminal]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            run = optix("up", "--port", str(port), "--any-port")
            run.wait_for("Press Ctrl-C to stop.")
            assert f"Open http://localhost:{port}\n" not in run.printed

    def test_stops_while_it_is_still_starting(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        run = optix("up", "--port", str(free_port()), SMALL_PRODUCT="slow")
        run.wait_for("started PostgreSQL")
        run.wait_for("started Valkey")
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0
        assert "Traceback" not in run.printed
        assert servers_of(folder) == []

    def test_a_component_that_does_not_stay_up_ends_the_program(
        self, optix: Callable[..., Terminal], folder: Path
    ) -> None:
        run = optix("up", "--port", str(free_port()), SMALL_PRODUCT="broken")
        assert run.wait() == 1
        assert "The component web does not stay up: the disk is on fire" in run.printed
        assert servers_of(folder) == []

    def test_run_shares_the_stores_of_up(self, optix: Callable[..., Terminal]) -> None:
        port = free_port()
        first = optix("up", "--port", str(port))
        first.wait_for("Press Ctrl-C to stop.")
        second = optix("run", "rows")
        second.wait_for("rows is ready")
        assert "reused PostgreSQL" in second.printed
        first.process.send_signal(signal.SIGINT)
        assert first.wait() == 0
        second.process.send_signal(signal.SIGINT)
        assert second.wait() == 0

    def test_known_passwords_on_an_open_address_are_warned_of(
        self, optix: Callable[..., Terminal]
    ) -> None:
        run = optix("up", "--host", "0.0.0.0", "--port", str(free_port()), OPTIX_FEDE="sim")
        run.wait_for("Press Ctrl-C to stop.")
        assert "OPTIX_DEVELOPMENT_ACCOUNTS=false" in run.printed
        assert "Did you mean OPTIX_FEED?" in run.printed


@pytest.mark.stores
def test_migrate_tells_what_it_applied(optix: Callable[..., Terminal], folder: Path) -> None:
    first = optix("migrate")
    assert first.wait() == 0
    assert "applied 0001" in first.printed
    second = optix("migrate")
    assert second.wait() == 0
    assert "nothing to do" in second.printed
    assert servers_of(folder) == []
