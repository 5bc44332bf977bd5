"""Looks at the machine: what OPTIX needs, what is missing, and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from optix.kernel.errors import OptixError
from optix.platform.embedded.privilege import Refused, choose
from optix.platform.embedded.stores import packaged_postgresql, packaged_valkey
from optix.platform.settings import Settings, checkout_root, misspelled
from optix.processes.ports import holder_of, is_free
from optix.quant import kernels

PYTHON_MIN = (3, 11)
NODE_MIN = 20
NODE_REMEDY = f"Install Node {NODE_MIN} or newer (nodejs.org)."
CBOE_URL = "https://cdn.cboe.com/api/global/delayed_quotes/quotes/_SPX.json"
CBOE_SECONDS_MAX = 5.0
DISK_BYTES_MIN = 500 * 1024 * 1024
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Verdict(StrEnum):
    OK = "ok"
    OPTIONAL = "optional"  # something is missing that OPTIX can do without
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    said: str
    remedy: str = ""


def examine(settings: Settings, *, offline: bool = False) -> Iterator[Finding]:
    """Yield a finding for each thing OPTIX needs here, as soon as it is known.

    `offline` leaves out the look at the network. Effects: writes and removes one file in the data
    folder; may send one request to Cboe.
    """
    yield _python()
    yield _kernels()
    if checkout_root() is not None:
        yield from _build_tools()
    yield _data_folder(settings.data_dir)
    yield _port(settings)
    yield _postgresql(settings)
    yield _valkey(settings)
    yield _browser()
    yield _web_app(settings.http.web_dir)
    yield from _variables()
    if not offline:
        yield _cboe()


def is_healthy(findings: Sequence[Finding]) -> bool:
    return all(finding.verdict is not Verdict.MISSING for finding in findings)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < PYTHON_MIN:
        return Finding("Python", Verdict.MISSING, version, "Install Python 3.11 or newer.")
    return Finding("Python", Verdict.OK, version)


def _kernels() -> Finding:
    if kernels.active() == kernels.NUMPY:
        return Finding(
            "Kernels",
            Verdict.OPTIONAL,
            kernels.describe(),
            "Install a C++ compiler (Debian: apt-get install g++; macOS: xcode-select --install) "
            f"and run `make setup`; unset {kernels.VARIABLE}.",
        )
    return Finding("Kernels", Verdict.OK, kernels.describe())


def _build_tools() -> Iterator[Finding]:
    node = version_of("node", "--version")
    if node is None:
        yield Finding(
            "Node", Verdict.MISSING, "not found", "Install Node 20 or newer (nodejs.org)."
        )
    elif node[0] < NODE_MIN:
        yield Finding(
            "Node",
            Verdict.MISSING,
            _dotted(node),
            f"Install Node {NODE_MIN} or newer (nodejs.org).",
        )
    else:
        yield Finding("Node", Verdict.OK, _dotted(node))
    mac = "On macOS: xcode-select --install."
    yield _tool("npm", ("npm",), "It comes with Node; on Debian: apt-get install npm.")
    yield _tool("make", ("make",), f"On Debian: apt-get install make. {mac}")
    compilers = ("cc", "gcc", "clang")
    yield _tool("C compiler", compilers, f"On Debian: apt-get install gcc libc6-dev. {mac}")


def _tool(name: str, programs: Sequence[str], remedy: str) -> Finding:
    found = next((path for program in programs if (path := shutil.which(program))), None)
    if found is None:
        return Finding(name, Verdict.MISSING, "not found", remedy)
    return Finding(name, Verdict.OK, found)


def version_of(program: str, argument: str) -> tuple[int, ...] | None:
    """Return the numbers that a program gives as its version, None if it cannot be run."""
    path = shutil.which(program)
    if path is None:
        return None
    try:
        said = subprocess.run(  # noqa: S603  # found on the PATH, no shell
            [path, argument], capture_output=True, text=True, timeout=30, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+(\.\d+)+", said)
    return tuple(int(part) for part in found.group().split(".")) if found else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def _data_folder(folder: Path) -> Finding:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "Data folder",
            Verdict.MISSING,
            f"{folder} cannot be written ({error.strerror})",
            "Correct its rights, or set OPTIX_DATA_DIR to a folder that you own.",
        )
    if free < DISK_BYTES_MIN:
        return Finding(
            "Data folder",
            Verdict.MISSING,
            f"{folder} has only {free // 1_000_000} MB left",
            "Free some space, or set OPTIX_DATA_DIR to another disk.",
        )
    return Finding("Data folder", Verdict.OK, str(folder))


def _port(settings: Settings) -> Finding:
    host, port = settings.http.host, settings.http.port
    try:
        free = is_free(host, port)
    except OptixError as error:
        return Finding("Port", Verdict.MISSING, error.detail, error.next_step)
    except OSError as error:
        said = f"{host} is no address of this machine ({error.strerror})"
        return Finding("Port", Verdict.MISSING, said, "Set OPTIX_HOST to 127.0.0.1 or 0.0.0.0.")
    if free:
        return Finding("Port", Verdict.OK, f"{port} is free")
    holder = holder_of(port)
    return Finding(
        "Port",
        Verdict.OPTIONAL,
        f"{port} is in use{f' by {holder}' if holder else ''}",
        "End that program, or use `optix up --any-port`.",
    )


def _postgresql(settings: Settings) -> Finding:
    if settings.stores.database_url is not None:
        return Finding("PostgreSQL", Verdict.OK, "yours, by OPTIX_DATABASE_URL")
    binaries = settings.stores.pg_bin or packaged_postgresql()
    if binaries is None or not (binaries / "postgres").is_file():
        return Finding(
            "PostgreSQL",
            Verdict.MISSING,
            "nothing to start on this machine",
            "Set OPTIX_DATABASE_URL to a PostgreSQL 15 or newer, or OPTIX_PG_BIN to its programs.",
        )
    try:
        launch = choose()
    except Refused as error:
        return Finding("PostgreSQL", Verdict.MISSING, "cannot be started by root here", str(error))
    how = {
        "direct": "as you",
        "namespace": "for root, in a user namespace",
        "setuid": 'for root, as "nobody" (user namespaces are refused here)',
    }[launch.name]
    return Finding("PostgreSQL", Verdict.OK, f"starts {how}: {binaries}")


def _valkey(settings: Settings) -> Finding:
    if settings.stores.redis_url is not None:
        return Finding("Redis", Verdict.OK, "yours, by OPTIX_REDIS_URL")
    binary = settings.stores.valkey_bin or packaged_valkey()
    if binary is None or not os.access(binary, os.X_OK):
        return Finding(
            "Redis",
            Verdict.MISSING,
            "nothing to start on this machine",
            "Set OPTIX_REDIS_URL to a Redis 7 or newer, or OPTIX_VALKEY_BIN to a server program.",
        )
    return Finding("Redis", Verdict.OK, f"Valkey: {binary}")


def _browser() -> Finding:
    found = next((path for program in BROWSERS if (path := shutil.which(program))), None)
    if found is None:
        return Finding(
            "Chromium",
            Verdict.OPTIONAL,
            "not found: only the browser tests need it",
            "`make test` gets one by itself where it may. On Debian: apt-get install chromium.",
        )
    return Finding("Chromium", Verdict.OK, found)


def _web_app(folder: Path) -> Finding:
    if (folder / "index.html").is_file():
        return Finding("Web app", Verdict.OK, str(folder))
    return Finding(
        "Web app",
        Verdict.OPTIONAL,
        f"not built in {folder}: the API works without it",
        "Run `make up`, which builds it, or set OPTIX_WEB_DIR.",
    )


def _variables() -> Iterator[Finding]:
    for sentence in misspelled():
        yield Finding("Variable", Verdict.OPTIONAL, sentence, "Correct its name.")


def _cboe(get: Callable[..., httpx.Response] = httpx.get) -> Finding:
    try:
        answer = get(CBOE_URL, timeout=CBOE_SECONDS_MAX, follow_redirects=True)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return Finding(
            "Cboe",
            Verdict.OPTIONAL,
            f"delayed quotes do not answer ({type(error).__name__})",
            "OPTIX uses its simulated market meanwhile (OPTIX_FEED=sim).",
        )
    return Finding("Cboe", Verdict.OK, "delayed quotes answer")
