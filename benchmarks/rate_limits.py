"""What counting a request costs: `python -m benchmarks.rate_limits`, and a part of `identity`.

The limiter is called as the edge calls it, with the two windows of a signed-in read, against the
embedded Redis, by several callers at once. What the machine's own round trip to Redis takes is
measured in between and reported beside it.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from optix.kernel.clock import SystemClock
from optix.platform.bus import connect
from optix.platform.embedded.stores import open_stores
from optix.platform.rate_limits import RateLimiter, RateLimitMetrics, Window
from optix.platform.settings import load_settings

USERS: Final = 50
CALLERS: Final = 4
CHECKS_PER_ROUND: Final = 2_000
ROUNDS: Final = 5


async def measure(folder: Path) -> dict[str, float]:
    """Return the figures; the best of several rounds, because others use the machine too."""
    async with open_stores(load_settings(data_dir=folder)) as stores:
        redis = connect(stores.redis_url)
        limiter = RateLimiter(redis, SystemClock(), RateLimitMetrics(CollectorRegistry()))
        kept: set[str] = set()

        async def check(n: int) -> None:
            user = f"user {n % USERS}"
            windows = [Window("default", user, 100), Window("account", user, 100_000)]
            verdict = await limiter.check(windows, closed=True)  # never the local windows
            kept.add(str(verdict.allowed))

        async def ping(_n: int) -> None:
            await redis.ping()

        checks, pings = [], []
        for _ in range(ROUNDS):
            pings.append(await _p95_ms(ping))
            checks.append(await _p95_ms(check))
        await redis.aclose()
        assert kept == {"True", "False"}, "both outcomes belong to the measurement"
    return {
        "rate_limit_check_p95_ms": min(checks),
        "redis_round_trip_p95_ms": min(pings),
    }


async def _p95_ms(call: Callable[[int], Awaitable[None]]) -> float:
    taken: list[float] = []

    async def caller(first: int) -> None:
        for n in range(first, CHECKS_PER_ROUND, CALLERS):
            began = time.perf_counter()
            await call(n)
            taken.append((time.perf_counter() - began) * 1_000)

    await asyncio.gather(*(caller(first) for first in range(CALLERS)))
    return statistics.quantiles(taken, n=20)[-1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="optix-bench-") as name:
        figures = asyncio.run(measure(Path(name)))
    print("best of rounds:", ROUNDS, file=sys.stderr)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
