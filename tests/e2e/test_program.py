"""`optix up` as a person meets it: restarts, wrong recordings, a busy port, the terminal."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from benchmarks.program import DidNotStart, Program, optix
from benchmarks.reader import Reader
from tests.fakes.cboe import options_document, usual_rows

ACCOUNT = {"email": "ada@example.com", "password": "a long walk by the sea"}


def test_a_second_start_keeps_accounts_and_stores(folder: Path) -> None:
    """What was registered before the restart can sign in after it; nothing is made twice."""
    with Program.up(folder) as first:
        first.wait_until_ready()
        with Reader.register(first.url, folder, **ACCOUNT) as reader:
            token = reader.token
            me = reader.get("/api/v1/users/me")
    cluster = (folder / "postgresql" / "data" / "global" / "pg_control").stat().st_ino
    with Program.up(folder) as second:
        second.wait_until_ready()
        with Reader(second.url, token=token) as reader:
            assert reader.get("/api/v1/users/me") == me, "the old token still counts"
            assert reader.post("/api/v1/auth/login", ACCOUNT)["access_token"]
            again = reader.post("/api/v1/auth/register", ACCOUNT)
            assert set(again) == {"registration_id", "expires_at"}, "says nothing of the account"
        output = second.output
    assert "applied" in first.output
    assert "nothing to do" in output
    assert "made 5 secrets" in first.output
    assert "made" not in output
    assert (folder / "postgresql" / "data" / "global" / "pg_control").stat().st_ino == cluster
    assert second.output.rstrip().endswith("Stopped.")
    assert "Traceback" not in first.output + second.output
    assert "setup plugin" not in first.output, "the start speaks to a person"


def test_a_busy_port_is_named_with_its_holder(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = optix("up", "--feed", "sim", "--port", str(port), folder=folder)
    assert ended.returncode == 2
    assert f"Port {port} is in use by " in ended.stderr
    assert "--any-port" in ended.stderr
    assert "Traceback" not in ended.stderr


class TestTerminal:
    def test_a_chain_is_printed_for_people(self, folder: Path) -> None:
        ended = optix("chain", "SPY", "--feed", "sim", folder=folder)
        assert ended.returncode == 0, ended.stderr
        assert "SPY" in ended.stdout
        assert "Strike" in ended.stdout
        assert "Simulated market" in ended.stdout

    def test_a_chain_is_printed_for_programs(self, folder: Path) -> None:
        ended = optix("chain", "SPY", "--feed", "sim", "--json", folder=folder)
        assert ended.returncode == 0, ended.stderr
        chain = orjson.loads(ended.stdout)
        assert len(chain["contracts"]) > 200
        assert chain["quality"] == "simulated"
        keys = [contract["key"] for contract in chain["contracts"]]
        assert len(set(keys)) == len(keys)
        assert all(contract["iv"] or contract["status"] != "ok" for contract in chain["contracts"])

    def test_an_unknown_symbol_is_a_sentence(self, folder: Path) -> None:
        ended = optix("chain", "ZZZZ", "--feed", "sim", folder=folder)
        assert ended.returncode == 2
        assert "ZZZZ" in ended.stderr
        assert "Traceback" not in ended.stderr


def cut_off(path: Path) -> None:
    whole = gzip.compress(orjson.dumps(options_document(usual_rows())))
    path.write_bytes(whole[: len(whole) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def strange(path: Path) -> None:
    path.write_bytes(b"These are no quotes.\n" * 50)


class TestWrongRecordings:
    """A recording that cannot be played ends the program with its reason, before it serves."""

    @pytest.mark.parametrize(
        ("name", "spoil", "reason"),
        [
            ("IWM.json.gz", cut_off, "cut off"),
            ("IWM.json", empty, "empty"),
            ("IWM.bin", strange, "IWM.bin"),
        ],
    )
    def test_a_spoilt_recording_is_said(
        self, name: str, spoil: Callable[[Path], None], reason: str, folder: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / name
        spoil(path)
        for ended in (
            optix("chain", "IWM", "--replay", str(path), folder=folder),
            optix("up", "--any-port", "--replay", str(path), folder=folder),
        ):
            assert ended.returncode == 1
            assert reason in ended.stderr
            assert "Set OPTIX_REPLAY to another recording" in ended.stderr
            assert "Traceback" not in ended.stderr

    def test_a_missing_recording_is_said(self, folder: Path, tmp_path: Path) -> None:
        program = Program.up(folder, replay=tmp_path / "nothing.parquet")
        with pytest.raises(DidNotStart, match="does not exist") as caught:
            program.wait_until_ready()
        assert program.stop() == 2
        assert "Traceback" not in str(caught.value)
