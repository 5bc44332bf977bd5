"""A load on one address from a process of its own: `python -m benchmarks.load URL PATH TOKEN N`.

A few connections that are kept alive, each asking again as soon as it has its answer. Prints one
JSON object with the number of requests, of bytes, and percentiles of the latency.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

CONNECTIONS = 4
WARM_UP_REQUESTS = 20


class BadAnswer(RuntimeError):
    """The server answered with something else than 200 and a length."""


async def main(url: str, path: str, token: str, requests: int) -> dict[str, float]:
    """Return what the load measured."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
        f"Authorization: Bearer {token}\r\nAccept-Encoding: identity\r\n\r\n"
    ).encode()
    await _ask_repeatedly(url, request, WARM_UP_REQUESTS)
    begin = time.perf_counter()
    each = requests // CONNECTIONS
    found = await asyncio.gather(*(_ask_repeatedly(url, request, each) for _ in range(CONNECTIONS)))
    elapsed = time.perf_counter() - begin
    seconds = [second for some, _ in found for second in some]
    cuts = statistics.quantiles(seconds, n=100)
    return {
        "requests": len(seconds),
        "seconds": elapsed,
        "bytes": found[0][1],
        "p50_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
    }


async def _ask_repeatedly(url: str, request: bytes, times: int) -> tuple[list[float], int]:
    """Return the latencies, and the size of the last answer."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    seconds = []
    size = 0
    for _ in range(times):
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        size = _length(head)
        await reader.readexactly(size)
        seconds.append(time.perf_counter() - begin)
    writer.close()
    return seconds, size


def _length(head: bytes) -> int:
    status, *fields = head.decode("latin-1").split("\r\n")
    for field in fields:
        name, _, value = field.partition(":")
        if name.lower() == "content-length" and " 200 " in status:
            return int(value)
    raise BadAnswer(status)


if __name__ == "__main__":
    server, address, bearer, count = sys.argv[1:]
    print(json.dumps(asyncio.run(main(server, address, bearer, int(count)))))
