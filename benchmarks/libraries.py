"""Libraries beside ours: installed on demand, pinned, into `.bench/peers`, a process for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
PEERS: Final = ROOT / ".bench" / "peers"
PINS: Final = ROOT / "benchmarks" / "requirements-peers.txt"
ONE_THREAD: Final = dict.fromkeys(
    ("NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def peers_python() -> Path:
    """Return the peers' interpreter. Effects: installs them where they are not current."""
    python = PEERS / "bin" / "python"
    mark = PEERS / "made-from"
    pins = PINS.read_text()
    if mark.is_file() and mark.read_text() == pins:
        return python
    say("installing the peers into .bench/peers")
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(PEERS)], check=True)
    flags = ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(PINS)]
    subprocess.run([str(python), "-m", "pip", "install", *flags], check=True, stdout=sys.stderr)
    mark.write_text(pins)
    return python


class Library:
    """A library in its own process: it runs `script NAME FILE` and answers one task at a time."""

    def __init__(self, name: str, python: Path, script: str, file: Path) -> None:
        self.name = name
        path = ROOT / "benchmarks" / script
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", str(path), name, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ONE_THREAD,
        )
        if self._read() != "ready":
            raise RuntimeError(f"{name} did not start.")

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, task: str) -> Any:
        assert self._process.stdin is not None
        print(task, file=self._process.stdin, flush=True)
        return json.loads(self._read())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
