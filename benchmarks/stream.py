"""The streaming gateway beside its peers: `make -s bench NAME=stream`.

One run on two cores, the servers on one and the readers, the feed and the stores on the other. What
is measured is the product: `optix run stream` with real tokens, PostgreSQL, Valkey and feed. Ratios
are medians of interleaved rounds. The last line of stdout is one JSON object of figure → number;
the exit code is 1 when a figure misses its budget (docs/budgets.md).
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from contextlib import ExitStack
from typing import Final

from benchmarks.stream_broadcast import measure_broadcast
from benchmarks.stream_clients import (
    CouldNotMeasure,
    measure_chain_memory,
    measure_clients,
    measure_crowd,
    measure_handshakes,
    measure_stalled,
)
from benchmarks.stream_market import SYMBOLS, UPDATES_PER_S
from benchmarks.stream_product import Gateway, product

LEAST: Final = {
    "clients_per_core": 20_000.0,
    "clients_vs_fastapi_conflated": 4.0,
    "clients_vs_fastapi_naive": 25.0,
    "deliveries_vs_c_floor": 0.85,
    "deliveries_vs_node_ws": 1.3,
    "deliveries_vs_uvicorn": 2.5,
    "chain_rps_vs_response_model": 3.0,
}
MOST: Final = {
    "p99_over_flush_ms": 10.0,
    "p99_core_share": 0.7,
    "rss_kb_per_conn": 12.0,
    "rss_kb_per_chain_conn": 18.0,
    "handshake_us": 250.0,
    "slow_client_rss_kb": 32.0,
    "others_p99_ratio": 1.5,
    "bus_core_share_100k_ticks": 0.05,
    "binary_bytes_vs_json": 0.55,
    "chain_p99_ms": 3.0,
    "gaps": 0.0,
}
# Parts with a module of their own, which has `measure() -> dict[str, float]`.
BESIDES: Final = ("benchmarks.stream_bus", "benchmarks.chain_rest", "benchmarks.stream_bytes")
PARTS: Final = {
    "broadcast": measure_broadcast,
    "handshakes": measure_handshakes,
    "chain": measure_chain_memory,
    "stalled": measure_stalled,
    "crowd": measure_crowd,
    "clients": measure_clients,
}
QUIET_PARTS: Final = {"broadcast"}  # the market is no part of it

Figures = dict[str, float]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main(wanted: list[str]) -> int:
    """Measure all parts, or those named; return the exit code."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began = time.perf_counter()
    figures: Figures = {}
    failed: list[str] = []
    parts = [name for name in PARTS if not wanted or name in wanted]
    if parts:
        with product(SYMBOLS * UPDATES_PER_S) as there:
            for name in parts:
                # Each part has a gateway of its own: memory of the one before is not its.
                with ExitStack() as stack:
                    gateway = stack.enter_context(Gateway(there.folder))
                    if name not in QUIET_PARTS:
                        stack.enter_context(there.everything_followed(gateway))
                    try:
                        figures |= PARTS[name](there, gateway, say)
                    except CouldNotMeasure as error:
                        say(f"{name}: {error}")
                        failed.append(name)
                say(f"{name}: done after {time.perf_counter() - began:.0f} s")
    for name in BESIDES:
        if not wanted or name.rpartition(".")[2] in wanted:
            figures |= importlib.import_module(name).measure()
            say(f"{name}: done after {time.perf_counter() - began:.0f} s")
    figures["load_average"] = os.getloadavg()[0]
    missed = [
        *(name for name, least in LEAST.items() if name in figures and figures[name] < least),
        *(name for name, most in MOST.items() if name in figures and figures[name] > most),
    ]
    for name in missed:
        say(f"over budget: {name} = {figures[name]:.3g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
