"""Bytes of the two formats of the stream, on frames that the product sends.

Pairs of clients of one program follow the same things with the same interval, one with JSON and one
with binary frames; what they are sent is counted by row, headers included, because a frame of one
client may carry a row more than its neighbour's.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson
from benchmarks.program import Program
from benchmarks.reader import Reader
from websockets.sync.client import ClientConnection, connect

from optix.platform.fanout.rows import decode_frame

SECONDS: Final = 15.0
QUOTES: Final = 50
WATCHLISTS: Final = 0.8  # share of clients that follow quotes; the others follow a chain
INTERVAL_MS: Final = 250
_FORMATS: Final = ("json", "binary")
_ROWS: Final = ("snapshot", "changes")


def measure(seconds: float = SECONDS, *, recording: Path | None = None) -> dict[str, float]:
    """Return bytes of binary over bytes of JSON frames, of quotes, of a chain, and of both.

    Both are weighted by how many clients follow what. With `recording` a replay of it is followed
    instead of the simulated market, and there only its chain.
    """
    with TemporaryDirectory() as name:
        place = Path(name) / "data"
        program = Program.up(place, replay=recording) if recording else Program.up(place)
        with program:
            program.wait_until_ready()
            with Reader.try_it(program.url) as reader:
                wanted = dict(_subscriptions(reader, quotes=recording is None))
                found = {
                    what: _count(program, reader.token, wanted[what], seconds) for what in wanted
                }
    figures: dict[str, float] = {}
    for what, counts in found.items():
        for form in _FORMATS:
            figures[f"{what}_{form}_bytes_per_row"] = counts[form] / counts[form + " rows"]
            figures[f"{what}_{form}_kb"] = counts[form] / 1024
        ratio = figures[f"{what}_binary_bytes_per_row"] / figures[f"{what}_json_bytes_per_row"]
        figures[f"binary_bytes_vs_json_{what}"] = ratio
    if len(found) > 1:
        sums = {
            form: WATCHLISTS * figures[f"quotes_{form}_kb"]
            + (1 - WATCHLISTS) * figures[f"chain_{form}_kb"]
            for form in _FORMATS
        }
        figures["binary_bytes_vs_json"] = sums["binary"] / sums["json"]
    return figures


def _subscriptions(reader: Reader, *, quotes: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is followed: a watchlist, and the first expiration of the market's main symbol."""
    listed: list[str] = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        found = reader.get("/api/v1/symbols/search", q=letter, limit=QUOTES)["results"]
        listed += [each["symbol"] for each in found if each["symbol"] not in listed]
    if quotes:
        yield "quotes", {"quotes": listed[:QUOTES]}
    symbol = next(s for s in ("SPY", "IWM", *listed) if s in listed)
    day = reader.get(f"/api/v1/options/expirations/{symbol}")["expirations"][0]["date"]
    yield "chain", {"chain": {"underlying": symbol, "expiration": day}}


def _count(
    program: Program, token: str, subscription: dict[str, Any], seconds: float
) -> Counter[str]:
    """Return bytes and rows of each format, of the frames with rows or headers."""
    found: Counter[str] = Counter()
    with ExitStack() as open_:
        sockets: dict[str, ClientConnection] = {}
        for form in _FORMATS:
            url = f"ws://127.0.0.1:{program.port}/ws/quotes"
            socket = open_.enter_context(connect(url, compression=None, max_size=None))
            sockets[form] = socket
            auth = {"op": "auth", "token": token, "format": form, "interval_ms": INTERVAL_MS}
            socket.send(orjson.dumps(auth).decode())
            socket.send(orjson.dumps({"op": "subscribe", "id": 1, **subscription}).decode())
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for form, socket in sockets.items():
                for data in _waiting(socket):
                    size, rows = _size(data)
                    found[form] += size
                    found[form + " rows"] += rows
    return found


def _waiting(socket: ClientConnection) -> Iterator[str | bytes]:
    while True:
        try:
            yield socket.recv(timeout=0.02)
        except TimeoutError:
            return


def _size(data: str | bytes) -> tuple[int, int]:
    """Return the bytes and rows of a frame; none of one that both formats send alike."""
    if isinstance(data, bytes):
        return len(data), decode_frame(data).count
    frame = orjson.loads(data)
    if frame[0] not in _ROWS:
        return 0, 0
    return len(data.encode()), len(frame[4] if frame[0] == "snapshot" else frame[3])


if __name__ == "__main__":
    recorded = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    print(json.dumps(measure(recording=recorded), indent=1))
