"""Speed of the quant core: `make -s bench NAME=quant` (ARGS="--seconds 60 --only european,grids").

Runs every section, a module `benchmarks/quant_*.py` with `measure(seconds)`, and merges what they
return. What stands beside the figures goes to stderr; the last line of stdout is one JSON object of
figure → number. The exit code is 1 when a figure misses its budget (docs/budgets.md).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

import psutil

from optix.quant import kernels

# What a figure must reach; figures without one are reported.
AT_LEAST: Final[dict[str, float]] = {
    "iv_vs_best_peer": 4.0,
    "iv_vs_vollib": 200.0,
    "greeks12_vs_fast_vollib5": 2.5,
    "greeks_vs_quantlib": 50.0,
    "american_family_vs_qdfp_fast": 75.0,
    "american_single_vs_qdfp_accurate": 5.0,
    "american_iv_greeks_per_s_core": 150_000.0,
    "dividend_fd_vs_quantlib": 10.0,
}
AT_MOST: Final[dict[str, float]] = {
    "chain20k_ms": 10.0,
    "exposure_grid_ms": 30.0,
    "pnl_cube_ms": 10.0,
    "surface50_ms": 100.0,
    "surface_violations": 0.0,
    "import_first_chain_ms": 50.0,
}


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def sections(only: list[str]) -> Iterator[tuple[str, ModuleType]]:
    """Yield the sections by name; `only` may name some of them."""
    for path in sorted(Path(__file__).parent.glob("quant_*.py")):
        name = path.stem.removeprefix("quant_")
        if only and name not in only:
            continue
        module = importlib.import_module(f"benchmarks.{path.stem}")
        if hasattr(module, "measure"):
            yield name, module


def misses(figures: dict[str, float]) -> Iterator[str]:
    for name, value in figures.items():
        # AVX2 has half the width of AVX-512: twice the time is its share.
        share = 1.0 if kernels.active() == "avx512" or not name.startswith("chain") else 2.0
        if value < AT_LEAST.get(name, value):
            yield f"{name} is {value:.4g}, below {AT_LEAST[name]:g}"
        if value > AT_MOST.get(name, value) * share:
            yield f"{name} is {value:.4g}, above {AT_MOST[name] * share:g}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Speed of the quant core")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each section, about")
    parser.add_argument("--only", default="", help="sections, with commas between them")
    given = parser.parse_args()
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f}, {kernels.describe()}")
    figures: dict[str, float] = {}
    for name, module in sections([part for part in given.only.split(",") if part]):
        say(name)
        found = module.measure(given.seconds)
        for figure, value in found.items():
            say(f"  {figure} {value:.4g}")
        figures |= found
    missed = list(misses(figures))
    for sentence in missed:
        say(f"MISSED {sentence}")
    print(json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}))
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
