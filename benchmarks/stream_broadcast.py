"""One frame of 100 bytes to 1,000 connections, in a closed loop: the product beside its peers.

A round is over when everybody has the frame, and the next one begins. Counted are deliveries for
each second of the server's processor time, so that a busy machine stretches the run and not the
figure; what a server spends without rounds is taken off. All stay connected and take turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from benchmarks.stream_market import QUIET
from benchmarks.stream_processes import (
    Pinned,
    Readers,
    Server,
    c_floor,
    idle_share,
    measure,
    node_ws,
    uvicorn_broadcast,
)
from benchmarks.stream_product import Gateway, Product

from optix.kernel import limits

CONNECTIONS: Final = 1_000
ROUNDS: Final = 9
SECONDS: Final = 2.0
LEAST_SECONDS: Final = 0.02  # of processor time, which is counted in hundredths

Say = Callable[[str], None]


def measure_broadcast(product: Product, gateway: Gateway, say: Say) -> dict[str, float]:
    """Return the figures `deliveries_…`."""
    with ExitStack() as stack:
        pairs: dict[str, tuple[Pinned, Readers]] = {}
        peers = {
            "c_floor": c_floor(),
            "node_ws": node_ws(),
            "uvicorn": uvicorn_broadcast("websockets"),
            "uvicorn_sansio": uvicorn_broadcast("websockets-sansio"),
        }
        for name, command in peers.items():
            server: Pinned = stack.enter_context(peer := Server(command))
            plain = Readers(
                url=peer.url,
                connections=CONNECTIONS,
                scripts=[[]],
                speaks=False,
                round="go",
            )
            pairs[name] = server, stack.enter_context(plain)
        readers = product.readers(
            gateway,
            CONNECTIONS,
            quotes=[[QUIET]],
            binary=False,
            interval_ms=limits.SOCKET_INTERVAL_MS_MIN,
            round="go",
            round_port=gateway.round_port,
        )
        pairs["optix"] = gateway, stack.enter_context(readers)
        for _, each in pairs.values():
            each.do("connect")
        idle = {name: idle_share(server, 1.0) for name, (server, _) in pairs.items()}
        rates: dict[str, list[float]] = {name: [] for name in pairs}
        for _ in range(ROUNDS):
            for name, (server, each) in pairs.items():
                cost = measure(server, each, f"rounds {SECONDS}")
                deliveries = cost.found["frames_per_s"] * cost.found["seconds"]
                # On a busy machine a round takes little of the time, and the market goes on.
                spent = cost.cpu_seconds - idle[name] * cost.seconds
                rates[name].append(deliveries / max(spent, LEAST_SECONDS))
    for name, found in rates.items():
        say(f"deliveries per CPU second, {name}: {', '.join(f'{rate:,.0f}' for rate in found)}")
    return {
        "deliveries_per_core": statistics.median(rates["optix"]),
        **{
            f"deliveries_vs_{name}": statistics.median(
                ours / theirs for ours, theirs in zip(rates["optix"], rates[name], strict=True)
            )
            for name in peers
        },
    }
