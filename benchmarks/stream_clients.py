"""How many clients a core serves: watchlists of 50 symbols of 5,000 that change twice a second.

Linear from the processor time at a measured number of clients:

    clients per core = clients x (share of frames that came) x (1 - idle) / (share of a core - idle)

`idle` is what the server spends without clients, the market included. Where a machine is too busy
for all frames to be sent, the share that came counts, so that waiting is no saving.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.stream_market import FOLLOWED, INTERVAL_MS, UPDATES_PER_S, watchlists
from benchmarks.stream_processes import (
    Cost,
    Readers,
    Server,
    fastapi_quotes,
    idle_share,
    measure,
)
from benchmarks.stream_product import Gateway, Product

from optix.processes.stream_load import script

ROUNDS: Final = 3
CLIENTS: Final = 14_000  # near a full core: the line through the origin is short
CLIENTS_OF: Final = {"conflated": 1_500, "naive": 150}
FRAMES_PER_S: Final = {"conflated": 1_000 / INTERVAL_MS, "naive": FOLLOWED * UPDATES_PER_S}
SETTLE_SECONDS: Final = 2.0
SECONDS: Final = 4.0
CROWD: Final = 16_000
WINDOWS: Final = 5
HANDSHAKES: Final = 2_000
CHAIN_CLIENTS: Final = 1_000
STALL_CLIENTS: Final = 3_000
STALLED_SHARE: Final = 0.1
STALL_WINDOWS: Final = 4

Say = Callable[[str], None]
Figures = dict[str, float]


class CouldNotMeasure(RuntimeError):
    """The machine was too busy for this part, or the server refused its readers."""


def measure_clients(product: Product, gateway: Gateway, say: Say) -> Figures:
    """Return `clients_per_core` and how it compares, the median of interleaved rounds."""
    found: dict[str, list[float]] = {name: [] for name in ("binary", "json", *CLIENTS_OF)}
    for _ in range(ROUNDS):
        found["binary"].append(_gateway_once(product, gateway, say, binary=True))
        found["conflated"].append(_fastapi_once("conflated", say))
        found["json"].append(_gateway_once(product, gateway, say, binary=False))
        found["naive"].append(_fastapi_once("naive", say))

    def over(ours: str, theirs: str) -> float:
        return statistics.median(a / b for a, b in zip(found[ours], found[theirs], strict=True))

    return {
        "clients_per_core": statistics.median(found["binary"]),
        "clients_per_core_json": statistics.median(found["json"]),
        "clients_vs_fastapi_conflated": over("binary", "conflated"),
        "clients_vs_fastapi_naive": over("binary", "naive"),
        "clients_json_vs_fastapi_conflated": over("json", "conflated"),
        "clients_json_vs_fastapi_naive": over("json", "naive"),
    }


def per_core(cost: Cost, clients: int, idle: float, frames_per_s: float) -> float:
    """Return the clients of a full core."""
    came = min(float(cost.found["frames_per_s"]) / (clients * frames_per_s), 1.0)
    return clients * came * (1 - idle) / max(cost.share - idle, 1e-3)


def _gateway_once(product: Product, gateway: Gateway, say: Say, *, binary: bool) -> float:
    idle = idle_share(gateway, SETTLE_SECONDS)
    with product.readers(gateway, CLIENTS, binary=binary) as readers:
        connect(readers, CLIENTS)
        settle(readers)
        cost = measure(gateway, readers, f"measure {SECONDS}")
    fits = per_core(cost, CLIENTS, idle, FRAMES_PER_S["conflated"])
    say(f"optix, {'binary' if binary else 'JSON'}: {_told(cost, CLIENTS, idle, fits)}")
    return fits


def _fastapi_once(mode: str, say: Say) -> float:
    clients = CLIENTS_OF[mode]
    lists = watchlists(clients)
    scripts = [
        script("none", [{"quotes": each}], binary=False, interval_ms=INTERVAL_MS) for each in lists
    ]
    with Server(fastapi_quotes(mode)) as server:
        time.sleep(SETTLE_SECONDS)
        idle = idle_share(server, 1.0)
        with Readers(url=server.url, connections=clients, scripts=scripts) as readers:
            connect(readers, clients)
            settle(readers)
            cost = measure(server, readers, f"measure {SECONDS}")
    fits = per_core(cost, clients, idle, FRAMES_PER_S[mode])
    say(f"FastAPI, {mode}: {_told(cost, clients, idle, fits)}")
    return fits


def connect(readers: Readers, clients: int) -> dict[str, Any]:
    """Connect everybody. Errors: CouldNotMeasure where somebody was refused."""
    found = readers.do("connect")
    if found["connected"] < clients:
        raise CouldNotMeasure(f"{found['connected']} of {clients} connected: {found}")
    return found


def settle(readers: Readers) -> None:
    """Let the first rows be read: what lies in sockets since the connecting is no steady state."""
    readers.do(f"measure {2 * SETTLE_SECONDS}")


def _told(cost: Cost, clients: int, idle: float, fits: float) -> str:
    frames, readers = cost.found["frames_per_s"], cost.found["generator_cpu_share"]
    size = cost.found["bytes_per_s"] / max(frames, 1)
    return (
        f"{clients:,} clients, {cost.share:.0%} of a core (idle {idle:.1%}), "
        f"{frames:,.0f} frames/s of {size:,.0f} bytes, readers {readers:.0%}, "
        f"{fits:,.0f} clients a core"
    )


def measure_handshakes(product: Product, gateway: Gateway, say: Say) -> Figures:
    """Return the processor time of connecting, signing in, subscribing and the first rows."""
    spent = []
    idle = idle_share(gateway, 2 * SETTLE_SECONDS)
    for _ in range(ROUNDS):
        # The longest interval there is, so that changes are a small part of it.
        with product.readers(gateway, HANDSHAKES, interval_ms=2_000, per_second=0) as readers:
            cpu, began = gateway.cpu_seconds(), time.perf_counter()
            found = connect(readers, HANDSHAKES)
            cpu = gateway.cpu_seconds() - cpu - idle * (time.perf_counter() - began)
            spent.append(cpu / HANDSHAKES * 1e6)
        say(f"handshake: {spent[-1]:.0f} us of CPU, {found['handshake_ms']} ms of waiting")
        time.sleep(SETTLE_SECONDS)  # they are taken out meanwhile
    return {"handshake_us": statistics.median(spent)}


def measure_crowd(product: Product, gateway: Gateway, say: Say) -> Figures:
    """16,000 clients on one gateway: how late, how much memory, how much of the core."""
    before = gateway.rss_kb()
    with product.readers(gateway, CROWD) as readers:
        connect(readers, CROWD)
        settle(readers)
        windows = [measure(gateway, readers, f"measure {SECONDS}") for _ in range(WINDOWS)]
        rss = (gateway.rss_kb() - before) / CROWD
    late = [over_flush(window.found) for window in windows]
    gaps = max(window.found["gaps"] for window in windows)
    say(
        f"{CROWD:,} clients: p99 over the flush {_listed(late)} ms, "
        f"core {_listed([w.share * 100 for w in windows])} %, {gaps} gaps, "
        f"readers {windows[-1].found['generator_cpu_share']:.0%}, "
        f"ended {windows[-1].found['ended']}"
    )
    return {
        "p99_over_flush_ms": statistics.median(late),
        "p99_over_flush_best_ms": min(late),
        "p99_core_share": statistics.median(window.share for window in windows),
        "rss_kb_per_conn": rss,
        "gaps": float(gaps),
    }


def over_flush(found: Mapping[str, Any], interval_ms: int = INTERVAL_MS) -> float:
    """Return how much later than its interval the 99th percentile of rows comes."""
    latency = found["latency_ms"]
    if latency is None:
        raise CouldNotMeasure(f"no row has come: {found}")
    return float(latency["p99"]) - interval_ms


def measure_chain_memory(product: Product, gateway: Gateway, say: Say) -> Figures:
    """Return what a client of a chain of 200 rows costs."""
    with product.readers(gateway, 1, chain=True) as readers:  # the chain itself is not counted
        connect(readers, 1)
        readers.do(f"measure {SETTLE_SECONDS}")
    idle, before = idle_share(gateway, 1.0), gateway.rss_kb()
    with product.readers(gateway, CHAIN_CLIENTS, chain=True) as readers:
        connect(readers, CHAIN_CLIENTS)
        settle(readers)
        cost = measure(gateway, readers, f"measure {SECONDS}")
        rss = (gateway.rss_kb() - before) / CHAIN_CLIENTS
    rows = cost.found["rows_per_s"] / CHAIN_CLIENTS
    say(
        f"chain: {rss:.1f} KB a client, {rows:.0f} rows/s each, {cost.share:.0%} of a core "
        f"(idle {idle:.1%}), gaps {cost.found['gaps']}"
    )
    return {
        "rss_kb_per_chain_conn": rss,
        "chain_clients_per_core": CHAIN_CLIENTS * (1 - idle) / max(cost.share - idle, 1e-3),
    }


def measure_stalled(product: Product, gateway: Gateway, say: Say) -> Figures:
    """A tenth of the clients stops reading: what it costs, and what the others notice."""
    late: dict[float, list[float]] = {0.0: [], STALLED_SHARE: []}
    growth = 0.0
    for share, windows in late.items():
        with product.readers(gateway, STALL_CLIENTS, stalled_share=share) as readers:
            connect(readers, STALL_CLIENTS)
            settle(readers)
            before = gateway.rss_kb()
            for _ in range(STALL_WINDOWS):
                windows.append(_p99(readers.do(f"measure {SECONDS / 2}")))
            if share:
                growth = max(gateway.rss_kb() - before, 0.0) / (STALL_CLIENTS * share)
    say(f"p99 without stalled clients {_listed(late[0.0])}, with {_listed(late[STALLED_SHARE])} ms")
    return {
        "slow_client_rss_kb": growth,
        "others_p99_ratio": statistics.median(late[STALLED_SHARE]) / statistics.median(late[0.0]),
    }


def _p99(found: Mapping[str, Any]) -> float:
    return over_flush(found) + INTERVAL_MS


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)
