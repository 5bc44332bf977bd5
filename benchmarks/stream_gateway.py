"""The gateway of the stream's benchmarks: `python -m benchmarks.stream_gateway PORT ROUND_PORT`.

It is `optix run stream --port PORT`, and one component beside it: a datagram to ROUND_PORT makes
the quiet symbol change and its followers be written to at once, which is a round of the broadcast.
The writing is the product's own, to its own sockets.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.stream_market import QUIET

from optix.cli import main as optix
from optix.features.market.book import MarketBook
from optix.kernel import limits
from optix.processes import wiring
from optix.processes.supervisor import Component

# A frame of 100 bytes around it: ["changes",1,12345,[…],null,1234567]
ROW: Final = b'["ZZZZ",123.45,123.47,100,200,123.46,1,2,3,4,5,1795013400000]'
SLICES: Final = round(limits.SOCKET_INTERVAL_MS_MIN / 1000 / limits.SOCKET_SLICE_SECONDS)


class Rounds(asyncio.DatagramProtocol):
    """Writes to everybody when it is told to."""

    name = "rounds"

    def __init__(self, book: MarketBook, port: int) -> None:
        self._book = book
        self._port = port
        self._slot = -1
        self._asked = asyncio.Event()
        self._slice = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self._port))
        await self._asked.wait()  # its followers are there by then
        self._slot = (await self._book.open_quote(QUIET)).slot
        self._write()
        await asyncio.Event().wait()

    async def ping(self) -> None:
        """It needs nothing."""

    def datagram_received(self, *_: Any) -> None:
        self._asked.set()
        if self._slot >= 0:
            self._write()

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        # One interval of theirs ahead of all ticks so far, the product's own among them: everybody
        # is due once, now.
        now = int(loop.time() / limits.SOCKET_SLICE_SECONDS)
        self._slice = max(self._slice, now) + SLICES
        self._book.fan.set(self._slot, ROW, b"")
        self._book.fan.tick(self._slice, int(loop.time() * 1000))


def main(port: str, round_port: str) -> None:
    """Run until terminated."""
    build = wiring.build_components

    def with_rounds(*arguments: Any, **options: Any) -> Sequence[Component]:
        components = build(*arguments, **options)
        books = [each for each in components if isinstance(each, MarketBook)]
        return [*components, *(Rounds(book, int(round_port)) for book in books)]

    wiring.build_components = with_rounds  # type: ignore[assignment]  # a list, with more in it
    optix(["run", "stream", "--port", port])


if __name__ == "__main__":
    main(*sys.argv[1:])
