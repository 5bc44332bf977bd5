"""The real program as a subprocess, for benchmarks and end-to-end tests.

Started as a person starts it, on a free port and in a data folder of its own; what it prints goes
to a file. Always stop it: `with Program.up(folder) as program: …`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psutil
from tools.ports import free_port

from optix.platform.security_settings import LimitSettings

OPTIX: Final = Path(sys.executable).parent / "optix"
READY_SECONDS_MAX: Final = 180.0
STOP_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.02
# A measurement asks faster than any person; what a limit costs is measured in `rate_limits`.
_NO_LIMITS: Final = {
    f"OPTIX_RATE_LIMIT_{rule.upper()}": "10000000" for rule in LimitSettings().per_minute
}
_KEPT: Final = ("OPTIX_DATABASE_URL", "OPTIX_REDIS_URL", "OPTIX_PG_BIN", "OPTIX_VALKEY_BIN")


class DidNotStart(RuntimeError):
    """The program ended, or did not answer in time; the message is what it printed."""


class Program:
    """One `optix …` and everything it starts."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        port: int | None = None,
        health_port: int | None = None,
        variables: Mapping[str, str] | None = None,
        command: Sequence[str] = (str(OPTIX),),
    ) -> None:
        self.port = port
        self._health_port = health_port or port
        self.log = folder.with_name(f"{folder.name}-{arguments[0]}-{port or 0}.log")
        self.started = time.perf_counter()
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *arguments],
                env=environment(folder) | dict(variables or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @classmethod
    def up(
        cls, folder: Path, *, feed: str = "sim", replay: Path | None = None, **variables: str
    ) -> Self:
        """Start `optix up`; `folder` is its data folder, `variables` are further settings."""
        port = free_port()
        market = ["--replay", str(replay)] if replay else ["--feed", feed]
        arguments = ["up", "--port", str(port), *market]
        return cls(arguments, folder=folder, port=port, variables=variables)

    @classmethod
    def component(
        cls,
        name: str,
        folder: Path,
        *options: str,
        command: Sequence[str] = (str(OPTIX),),
        port: int | None = None,
    ) -> Self:
        """Start `optix run name`; what listens gets a free port, the stream one for its health."""
        if port is None and name not in ("feed", "worker"):
            port = free_port()
        health_port = free_port() if name == "stream" else None
        return cls(
            ["run", name, *(["--port", str(port)] if port else []), *options],
            folder=folder,
            port=port,
            health_port=health_port,
            variables={"OPTIX_METRICS_PORT": str(health_port)} if health_port else None,
            command=command,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return self.log.read_text(errors="replace")

    def wait_until_ready(self, seconds: float = READY_SECONDS_MAX) -> float:
        """Return the seconds from the start to the first good answer of /health/ready.

        Errors: DidNotStart.
        """
        deadline = self.started + seconds
        ready = f"http://127.0.0.1:{self._health_port}/health/ready"
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            while time.perf_counter() < deadline:
                if self._process.poll() is not None:
                    break
                try:
                    if client.get(ready).status_code == 200:
                        return time.perf_counter() - self.started
                except httpx.TransportError:
                    pass
                time.sleep(POLL_SECONDS)
        self.kill()
        raise DidNotStart(self.output)

    def everything(self) -> list[psutil.Process]:
        """Return the program, its keepers and the servers they keep."""
        own = psutil.Process(self.pid)
        return [own, *own.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time of the program itself, without the servers."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def stop(self) -> int:
        """End it as Ctrl-C does and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(STOP_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def optix(*arguments: str, folder: Path, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run one command of the program to its end."""
    return subprocess.run(
        [str(OPTIX), *arguments],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def environment(folder: Path) -> dict[str, str]:
    """Return the shell's variables without those that would change what is started."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if (not name.startswith("OPTIX_") or name in _KEPT)
        # Without cached bytecode every start would compile the libraries anew.
        and name != "PYTHONDONTWRITEBYTECODE"
    }
    return kept | _NO_LIMITS | {"OPTIX_DATA_DIR": str(folder), "COLUMNS": "250"}
