"""A phone on a bare socket: what it follows, what it shows, and where it may go on.

Written from docs/streaming.md alone. What it is sent is read by the strict reader, when the test
lets it read and not before.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal

from tests.fakes.raw_socket import RawSocket
from tests.fakes.stream_reader import Layout, Shown

NO_PRICE: Final = -(2**31)
AS_FLOAT: Final = 255
# Rows are kept as bytes beside their key, so that every column can be compared.
LAYOUTS: Final = {
    "_1": Layout(56, lambda data: [int.from_bytes(data[:4], "little"), data]),
    "_2": Layout(60, lambda data: [int.from_bytes(data[:2], "little"), data]),
}
How = Literal["right", "with an old number", "of another gateway", "of the future"]
Prices = tuple[float | None, ...]


@dataclass
class Followed:
    """One subscription in one connection. `how` says as what it continues an earlier one."""

    about: dict[str, Any]
    stream: str
    shown: Shown
    how: str = ""
    began_at: int = -1  # the first number it was told as seen
    numbers: set[int] = field(default_factory=set)

    @property
    def quotes(self) -> bool:
        return "quotes" in self.about


class FollowingClient:
    """Follows, leaves and comes back. `left` is what it followed when it left."""

    _ids = count(1)

    def __init__(self, *, binary: bool, receive_buffer: int = 0) -> None:
        self.binary = binary
        self.socket: RawSocket | None = None
        self.followed: dict[int, Followed] = {}
        self.left: list[Followed] = []
        self._receive_buffer = receive_buffer

    @property
    def on(self) -> RawSocket:
        assert self.socket is not None, "it is connected"
        return self.socket

    @property
    def stream(self) -> str:
        return str(self.on.frames("hello")[0][1]["stream"])

    async def connect(self, port: int, token: str) -> None:
        self.socket = await RawSocket.connect(port, receive_buffer=self._receive_buffer)
        self.socket.layouts(**LAYOUTS)
        words = "binary" if self.binary else "json"
        await self.socket.sign_in(token, format=words, interval_ms=100)

    def subscribe(self, about: dict[str, Any]) -> Followed:
        number = next(self._ids)
        followed = Followed(about, self.stream, self.on.heard.expect(number))
        self.followed[number] = followed
        self.on.say(op="subscribe", id=number, **about)
        return followed

    def unsubscribe(self, number: int) -> None:
        """Ask for the end, and be deaf to the subscription from the answer on."""
        del self.followed[number]
        self.on.say(op="unsubscribe", id=number)

    def disconnect(self) -> None:
        """Lose the connection without a word; what was not read is lost with it."""
        if self.socket is not None:
            self.socket.abort()
        self.gone()

    def gone(self) -> None:
        """Keep what the connection that ended has shown."""
        self.left = list(self.followed.values())
        self.followed, self.socket = {}, None

    def come_back(self, earlier: Followed, how: How, other_stream: str) -> Followed:
        """Follow the same as in an earlier connection, and ask to go on there."""
        if earlier.shown.n is None:  # nothing stood there
            return self.subscribe(earlier.about)
        number = next(self._ids)
        shown = self.on.heard.expect(number)
        shown.rows, shown.header = dict(earlier.shown.rows), dict(earlier.shown.header)
        seen, stream = earlier.shown.seen, earlier.stream
        match how:
            case "with an old number":
                seen = max(earlier.began_at, 0)
            case "of another gateway":
                stream = other_stream
            case "of the future":
                seen = 2**50
        followed = Followed(earlier.about, self.stream, shown, how, began_at=seen)
        self.followed[number] = followed
        resume = {"stream": stream, "seen": seen}
        self.on.say(op="subscribe", id=number, resume=resume, **earlier.about)
        return followed

    # What is on its screen

    def quotes(self, followed: Followed) -> dict[str, Prices]:
        """Return bid, ask and last by symbol."""
        header, rows = followed.shown.header, followed.shown.rows
        if self.binary:
            names = {number: symbol for symbol, number in header["ids"].items()}
            return {names[key]: _prices(row[1], 4, 3, 52) for key, row in rows.items()}
        places = [header["columns"].index(name) for name in ("bid", "ask", "last")]
        return {key: tuple(row[place] for place in places) for key, row in rows.items()}

    def chain(self, followed: Followed) -> dict[str, Prices]:
        """Return bid and ask by contract."""
        header, rows = followed.shown.header, followed.shown.rows
        names = {contract[0]: contract[1] for contract in header["contracts"]}
        if self.binary:
            return {names[key]: _prices(row[1], 4, 2, 2) for key, row in rows.items()}
        places = [header["columns"].index(name) for name in ("bid", "ask")]
        return {names[key]: tuple(row[place] for place in places) for key, row in rows.items()}


def _prices(row: bytes, at: int, number: int, scale_at: int) -> Prices:
    scale = row[scale_at]
    if scale == AS_FLOAT:
        floats = struct.unpack_from(f"<{number}f", row, at)
        return tuple(None if math.isnan(value) else value for value in floats)
    whole = struct.unpack_from(f"<{number}i", row, at)
    return tuple(None if value == NO_PRICE else value / 10**scale for value in whole)
