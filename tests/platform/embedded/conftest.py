"""Programs that use the stores, started and ended by the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from optix.platform.embedded.lease import TURN_SECONDS

PROGRAM = Path(__file__).with_name("program.py")
PATIENCE_SECONDS = 180.0


def eventually(claim: Callable[[], bool], what: str) -> None:
    """Wait until `claim` holds. The bound only ends a test that would never pass."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")
        time.sleep(TURN_SECONDS)


def servers_of(folder: Path) -> list[psutil.Process]:
    """Every process that has a file or its working folder below `folder`: servers and keepers."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and str(folder) in process.cwd():
                found.append(process)
        except psutil.Error:
            continue
    return found


def keepers_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in servers_of(folder):
        with suppress(psutil.Error):  # it may end between two looks
            if "embedded.keeper" in " ".join(process.cmdline()):
                found.append(process)
    return found


def end_all_of(folder: Path) -> None:
    """Kill what still runs there; some of it may just be ending by itself."""
    for process in servers_of(folder):
        with suppress(psutil.Error):
            process.kill()


def postmaster_of(folder: Path) -> int:
    return int((folder / "postgresql" / "data" / "postmaster.pid").read_text().split()[0])


class Program:
    """A running program that uses the stores of one folder."""

    def __init__(self, folder: Path) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.endswith(("BASE_URL", "_URL"))}
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self._said: dict[str, str] = {}

    @property
    def said(self) -> dict[str, str]:
        """What the program said when its stores answered."""
        if not self._said:
            assert self.process.stdout is not None
            self._said = json.loads(self.process.stdout.readline())
        return self._said

    def leave(self) -> None:
        """End it the normal way."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE_SECONDS) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An empty data folder; whatever still runs in it afterwards is ended."""
    yield tmp_path / "data"
    end_all_of(tmp_path / "data")


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[[], Program]]:
    programs: list[Program] = []

    def begin() -> Program:
        programs.append(Program(folder))
        return programs[-1]

    yield begin
    for program in programs:
        program.process.kill()
        program.process.wait()
        for channel in (program.process.stdin, program.process.stdout):
            if channel is not None and not channel.closed:
                channel.close()
