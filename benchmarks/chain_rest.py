"""The chain over REST beside FastAPI's usual way: the same rows, guards and process, in turns.

16 clients on one core ask for 200 rows as fast as they are answered, with a token, while the feed
changes the chain from another process. The server has the other core to itself.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
from benchmarks.chain_rest_peer import PATH as PEER
from benchmarks.program import Program
from benchmarks.reader import Reader

STRIKES: Final = 100  # a call and a put each
CLIENTS: Final = 16
SECONDS: Final = 3.0
ROUNDS: Final = 5
ROOT: Final = Path(__file__).resolve().parents[1]
_PRODUCT: Final = "/api/v1/options/chain"


def measure(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, float]:
    """Return the figures of the product and of its peer. Rates are of one core of the server.

    The ratio is the median of the rounds; a latency is that of the quietest round, because the
    machine's other work only ever adds to it.
    """
    with TemporaryDirectory() as name:
        place = Path(name)
        load = compile_load(place)
        folder = place / "data"
        with Program.up(folder) as market:
            market.wait_until_ready()
            with Reader.try_it(market.url) as reader:
                query = _query(reader)
                token = reader.token
            peer = (sys.executable, "-m", "benchmarks.chain_rest_peer")
            with Program.component("api", folder, command=peer) as api:
                api.wait_until_ready()
                psutil.Process(api.pid).cpu_affinity([0])
                return _rounds(_Load(load, api, token, seconds), query, rounds)


class _Load:
    """The load generator on one program."""

    def __init__(self, binary: Path, program: Program, token: str, seconds: float) -> None:
        self._binary = binary
        self._program = program
        self._token = token
        self._seconds = seconds

    def run(self, path: str, *, tag: str = "") -> dict[str, float]:
        """Return what the generator says, and answers for each second of CPU of the server."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._token}"]
        lines += [f"If-None-Match: {tag}"] if tag else []
        request = "\r\n".join([*lines, "", ""]).encode()
        before = self._program.cpu_seconds()
        done = subprocess.run(
            [self._binary, str(self._program.port), str(CLIENTS), str(self._seconds)],
            input=request,
            capture_output=True,
            timeout=60,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {os.cpu_count() - 1}),  # type: ignore[operator]  # known here
        )
        found: dict[str, float] = json.loads(done.stdout)
        if found["other"]:
            raise RuntimeError(f"{found['other']} answers of {path} were neither 200 nor 304")
        return found | {"rps": found["answered"] / (self._program.cpu_seconds() - before)}


def _query(reader: Reader) -> str:
    """Return the query for an expiration that has as many rows as are wanted."""
    for expiration in reader.get("/api/v1/options/expirations/SPY")["expirations"]:
        day = expiration["date"]
        chain = reader.get(f"{_PRODUCT}/SPY", expiration=day, strikes=STRIKES)
        if len(chain["contracts"]) == 2 * STRIKES:
            return f"SPY?expiration={day}&strikes={STRIKES}"
    raise RuntimeError(f"no expiration has {STRIKES} strikes")


def _rounds(load: _Load, query: str, rounds: int) -> dict[str, float]:
    paths = {"product": f"{_PRODUCT}/{query}", "peer": f"{PEER}/{query}"}
    found: dict[str, list[dict[str, float]]] = {"product": [], "peer": [], "unchanged": []}
    for path in paths.values():
        load.run(path)  # warm
    for _ in range(rounds):
        for name, path in paths.items():
            found[name].append(load.run(path))
        found["unchanged"].append(load.run(paths["product"], tag="*"))
    ratios = [
        ours["rps"] / theirs["rps"]
        for ours, theirs in zip(found["product"], found["peer"], strict=True)
    ]
    return {
        "chain_rps_vs_response_model": statistics.median(ratios),
        "chain_rps": _median(found["product"], "rps"),
        "chain_p99_ms": _median(found["product"], "p99_ms"),
        "chain_p50_ms": _median(found["product"], "p50_ms"),
        "chain_304_rps": _median(found["unchanged"], "rps"),
        "response_model_rps": _median(found["peer"], "rps"),
        "response_model_p99_ms": _median(found["peer"], "p99_ms"),
        "chain_body_kb": found["product"][0]["bytes"] / found["product"][0]["good"] / 1024,
    }


def _median(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.median(each[name] for each in rounds)


def compile_load(place: Path) -> Path:
    """Return the load generator, compiled into `place`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("a C compiler is needed for the load generator")
    binary = place / "http_load"
    source = ROOT / "benchmarks" / "native" / "http_load.c"
    subprocess.run([compiler, "-O2", "-o", binary, source], check=True)
    return binary


if __name__ == "__main__":
    arguments: dict[str, Any] = {"rounds": int(sys.argv[1])} if len(sys.argv) > 1 else {}
    print(json.dumps(measure(**arguments), indent=1))
