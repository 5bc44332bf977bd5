"""Speed of the alerts: `make -s bench NAME=alerts` (ARGS="--rounds 3").

A million watches on five thousand series, some series far busier than others, in three processes:
the kernel, the same with sorted containers, and a scan with NumPy. Every round asks them one after
the other for the same ticks, of which they must fire the same, and ratios are taken within a round.
What stands beside the figures goes to stderr; the last line of stdout is one JSON object of figure
→ number. The exit code is 1 when a figure misses its budget (docs/budgets.md).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from benchmarks.alerts_market import make_market
from benchmarks.libraries import Library, peers_python, say

SERIES: Final = 5_000
WATCHES: Final = 1_000_000
TICKS: Final = 4_000_000
WARMING_TICKS: Final = 400_000  # at first much fires that was near when it was made
TICKS_OF_ROUND: Final = 200_000
KERNELS: Final = ("optix", "sorted-containers", "numpy")
AT_LEAST: Final = {"ticks_per_s": 2_000_000.0, "vs_sorted_containers": 5.0}
AT_MOST: Final = {"bytes_per_alert": 64.0, "load_s": 2.0}


def measure(rounds: int) -> dict[str, float]:
    rates: dict[str, list[float]] = {name: [] for name in KERNELS}
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as folder, ExitStack() as stack:
        path = Path(folder) / "market.npz"
        np.savez(path, **make_market(SERIES, WATCHES, TICKS))  # type: ignore[arg-type]  # by name
        peers, kernels = peers_python(), []
        for name in KERNELS:
            python = Path(sys.executable) if name == "optix" else peers
            kernels.append(Library(name, python, "alerts_peers.py", path))
            stack.callback(kernels[-1].close)
        loads = {kernel.name: kernel.ask("load") for kernel in kernels}
        ask_all(kernels, WARMING_TICKS)
        for _ in range(rounds):
            for name, rate in ask_all(kernels, TICKS_OF_ROUND).items():
                rates[name].append(rate)
        for name in KERNELS:
            say(f"  {name:<18} {statistics.median(rates[name]):>12,.0f} ticks/s")
        again = [kernels[0].ask("load")["seconds"] for _ in range(3)]
    return {
        "ticks_per_s": statistics.median(rates["optix"]),
        "vs_naive": _ratio(rates["optix"], rates["numpy"]),
        "vs_sorted_containers": _ratio(rates["optix"], rates["sorted-containers"]),
        "bytes_per_alert": loads["optix"]["bytes"] / WATCHES,
        "load_s": statistics.median([loads["optix"]["seconds"], *again]),
    }


def ask_all(kernels: list[Library], ticks: int) -> dict[str, float]:
    """Let each do the same ticks; return ticks per second by kernel."""
    found = {kernel.name: kernel.ask(f"ticks {ticks}") for kernel in kernels}
    fired = {name: answer["fired"] for name, answer in found.items()}
    if len(set(fired.values())) != 1:
        raise SystemExit(f"They do not agree on what fires: {fired}.")
    say(f"  {ticks} ticks fire {fired['optix']} watches")
    return {name: ticks / answer["seconds"] for name, answer in found.items()}


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of the alerts")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f}")
    figures = measure(given.rounds)
    missed = [
        f"{name} is {value:.4g}, its budget {AT_LEAST.get(name, AT_MOST.get(name)):g}"
        for name, value in figures.items()
        if value < AT_LEAST.get(name, value) or value > AT_MOST.get(name, value)
    ]
    for sentence in missed:
        say(f"missed: {sentence}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
