"""Servers and readers of the stream's benchmark as processes, each kept on a core of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

SERVER_CORE: Final = 0
LOAD_CORE: Final = 1  # the readers, and whatever else is no server that is measured
STOP_SECONDS_MAX: Final = 20.0
ROOT: Final = Path(__file__).resolve().parents[1]
CACHE: Final = ROOT / ".bench"
FRAME_BYTES: Final = 100


class DidNotAnswer(RuntimeError):
    """A process ended, or said something else than it should."""


def cores() -> tuple[int, int]:
    """Return the cores of the server and of the load; the same one where there is only one."""
    there = sorted(os.sched_getaffinity(0))
    return there[SERVER_CORE], there[min(LOAD_CORE, len(there) - 1)]


class Pinned:
    """A process on one core that tells its port in the first line of its output."""

    def __init__(self, command: Sequence[str], core: int, **variables: str) -> None:
        self._name = " ".join(command)
        self.process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=ROOT,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """Return the next line of its output. Errors: DidNotAnswer."""
        assert self.process.stdout is not None, "a pipe was asked for"
        line = self.process.stdout.readline()
        if not line:
            raise DidNotAnswer(f"{self._name} ended with {self.process.wait()}")
        return line.strip()

    def cpu_seconds(self) -> float:
        """Return the processor time of the process and its threads."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def rss_kb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1024

    def stop(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Server(Pinned):
    """A server on its core; `url` is that of its stream."""

    def __init__(self, command: Sequence[str], **variables: str) -> None:
        super().__init__(command, cores()[0], **variables)
        self.url = f"ws://127.0.0.1:{int(self.line())}/ws/quotes"


class Readers(Pinned):
    """Readers on the other core, or on one that is named.

    `plan` has the fields of LoadPlan, with `url` for its target.
    """

    def __init__(self, *, core: int | None = None, **plan: Any) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(plan, file)
        self._plan = Path(file.name)
        command = [sys.executable, "-m", "benchmarks.stream_reader", file.name]
        super().__init__(command, cores()[1] if core is None else core)

    def do(self, command: str) -> dict[str, Any]:
        """Give one command and return its answer."""
        self.tell(command)
        return self.answer()

    def tell(self, command: str) -> None:
        assert self.process.stdin is not None, "a pipe was asked for"
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.line())
        return answer

    def stop(self) -> None:
        super().stop()
        self._plan.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a server spent while readers read."""

    found: dict[str, Any]
    cpu_seconds: float
    seconds: float

    @property
    def share(self) -> float:
        return self.cpu_seconds / self.seconds


def measure(server: Pinned, readers: Readers, command: str) -> Cost:
    """Let readers do something and return it with the server's processor time meanwhile."""
    cpu, began = server.cpu_seconds(), time.perf_counter()
    found = readers.do(command)
    return Cost(found, server.cpu_seconds() - cpu, time.perf_counter() - began)


def idle_share(server: Pinned, seconds: float) -> float:
    """Return what share of a core a server spends with nobody there."""
    cpu, began = server.cpu_seconds(), time.perf_counter()
    time.sleep(seconds)
    return (server.cpu_seconds() - cpu) / (time.perf_counter() - began)


def c_floor() -> list[str]:
    """Return the command of the C floor, compiled where it is not yet."""
    source = ROOT / "benchmarks" / "native" / "stream_floor.c"
    program = CACHE / "stream_floor"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        CACHE.mkdir(exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    return [str(program), str(FRAME_BYTES)]


def node_ws() -> list[str]:
    """Return the command of the peer on Node's `ws`, installed by its lock where it is not yet."""
    peers, folder = ROOT / "benchmarks" / "peers", CACHE / "peers"
    lock = (peers / "package-lock.json").read_text()
    mark = folder / ".made-from"
    if not mark.exists() or mark.read_text() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(peers / name, folder / name)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            check=True,
            stdout=sys.stderr,
        )
        mark.write_text(lock)
    return ["node", str(peers / "ws_broadcast.cjs"), str(folder), str(FRAME_BYTES)]


def uvicorn_broadcast(implementation: str) -> list[str]:
    """Return the command of the broadcast on uvicorn with one of its WebSocket implementations."""
    module = "benchmarks.peers.uvicorn_broadcast"
    return [sys.executable, "-m", module, str(FRAME_BYTES), implementation]


def fastapi_quotes(mode: str) -> list[str]:
    """Return the command of the FastAPI idiom, `naive` or `conflated`."""
    return [sys.executable, "-m", "benchmarks.peers.fastapi_quotes", mode]
