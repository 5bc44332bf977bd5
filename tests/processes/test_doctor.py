"""The doctor is proven by making the machine ill, one thing at a time."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from optix.platform.settings import Settings, load_settings
from optix.processes import doctor
from optix.processes.doctor import Finding, Verdict, examine, is_healthy
from optix.quant import kernels


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


def finding(name: str, settings: Settings) -> Finding:
    return next(f for f in examine(settings, offline=True) if f.name == name)


def program(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def test_every_finding_that_is_not_well_says_how_to_cure_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = list(examine(settings, offline=True))
    ill = [f for f in findings if f.verdict is not Verdict.OK]
    assert {"Node", "npm", "make", "C compiler", "Chromium"} <= {f.name for f in ill}
    assert all(f.remedy for f in ill)
    assert not is_healthy(findings)


def test_says_what_does_the_arithmetic(
    settings: Settings, use_kernel: Callable[[str], None]
) -> None:
    best = kernels.available()[0]
    use_kernel(best)
    assert finding("Kernels", settings).verdict is (
        Verdict.OPTIONAL if best == kernels.NUMPY else Verdict.OK
    )
    use_kernel(kernels.NUMPY)
    found = finding("Kernels", settings)
    assert found.verdict is Verdict.OPTIONAL
    assert "NumPy" in found.said
    assert "make setup" in found.remedy


def test_an_old_node_is_not_enough(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "node", "v18.19.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    found = finding("Node", settings)
    assert found.verdict is Verdict.MISSING
    assert found.said == "18.19.1"
    program(tmp_path / "bin", "node", "v20.20.2")
    assert finding("Node", settings).verdict is Verdict.OK


def test_a_program_that_gives_no_version_counts_as_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "node", "hello")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    assert doctor.version_of("node", "--version") is None


def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    found = finding("Data folder", load_settings(data_dir=tmp_path / "data"))
    assert found.verdict is Verdict.MISSING
    assert "OPTIX_DATA_DIR" in found.remedy


def test_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_BYTES_MIN", 10**18)
    assert finding("Data folder", settings).verdict is Verdict.MISSING


def test_a_busy_port_is_told_but_no_illness(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = finding("Port", load_settings(data_dir=tmp_path, port=port))
    assert found.verdict is Verdict.OPTIONAL
    assert str(port) in found.said


def test_servers_that_were_given_need_no_programs(tmp_path: Path) -> None:
    given = load_settings(
        data_dir=tmp_path, database_url="postgresql://h/d", redis_url="redis://h", pg_bin=tmp_path
    )
    assert finding("PostgreSQL", given).verdict is Verdict.OK
    assert finding("Redis", given).verdict is Verdict.OK


def test_programs_that_are_not_there(tmp_path: Path) -> None:
    wrong = load_settings(data_dir=tmp_path, pg_bin=tmp_path, valkey_bin=tmp_path / "none")
    for name in ("PostgreSQL", "Redis"):
        assert finding(name, wrong).verdict is Verdict.MISSING


def test_the_web_app_is_told_when_it_is_not_built(tmp_path: Path) -> None:
    built = load_settings(data_dir=tmp_path, web_dir=tmp_path)
    assert finding("Web app", built).verdict is Verdict.OPTIONAL
    (tmp_path / "index.html").write_text("<html>")
    assert finding("Web app", built).verdict is Verdict.OK


def test_a_misspelled_variable_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIX_FEDE", "sim")
    assert "OPTIX_FEED" in finding("Variable", settings).said


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.OK), (503, Verdict.OPTIONAL)])
def test_cboe_answers_or_not(status: int, verdict: Verdict) -> None:
    def get(url: str, **_: object) -> httpx.Response:
        return httpx.Response(status, request=httpx.Request("GET", url))

    assert doctor._cboe(get).verdict is verdict


def test_without_a_network_the_simulated_market_is_offered() -> None:
    def get(url: str, **_: object) -> httpx.Response:
        raise httpx.ConnectError("no network")

    found = doctor._cboe(get)
    assert found.verdict is Verdict.OPTIONAL
    assert "sim" in found.remedy
