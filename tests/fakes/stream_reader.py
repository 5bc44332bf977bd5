"""A reader of the stream, written from RFC 6455 and docs/streaming.md alone.

It shares nothing with the product, and it is strict: what a lenient client would pass over is a
failed test here. `Frames` cuts bytes into frames; `Reader` keeps what a client would show, and
refuses a number that skips.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
HEAD = struct.Struct("<BBHIIIQ")


class Broken(AssertionError):
    """The bytes are not what the documents say."""


def check(holds: object, what: str) -> None:
    if not holds:
        raise Broken(what)


class Frames:
    """Cuts what a server sent into frames: whole, unmasked, in the shortest form."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.closed = False

    @property
    def rest(self) -> int:
        """How many bytes of a frame are here that is not whole yet."""
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield (opcode, payload) of each frame that is whole."""
        self._bytes += data
        while (size := self._size()) is not None and len(self._bytes) >= sum(size):
            head, length = size
            opcode = self._bytes[0] & 0x0F
            payload = bytes(self._bytes[head : head + length])
            del self._bytes[: head + length]
            check(not self.closed, "a frame behind the close frame")
            self.closed = opcode == CLOSE
            if opcode == TEXT:
                payload.decode()
            yield opcode, payload

    def _size(self) -> tuple[int, int] | None:
        """Return the bytes of head and payload, None where the head is not whole."""
        have = self._bytes
        if not have:
            return None
        check(have[0] & 0x80, "the server fragments nothing")
        check(not have[0] & 0x70, "a reserved bit is set")
        opcode = have[0] & 0x0F
        check(opcode in {TEXT, BINARY, CLOSE, PING, PONG}, f"opcode {opcode}")
        if len(have) < 2:
            return None
        check(not have[1] & 0x80, "a server does not mask")
        short = have[1] & 0x7F
        if short < 126:
            return 2, short
        check(opcode < CLOSE, "a control frame of more than 125 bytes")
        wide = 8 if short == 127 else 2
        if len(have) < 2 + wide:
            return None
        length = int.from_bytes(have[2 : 2 + wide], "big")
        check(length > (0xFFFF if wide == 8 else 125), "a length that is not the shortest")
        return 2 + wide, length


@dataclass
class Layout:
    """How rows of one binary layout are read: a size, and a row with its key first."""

    size: int
    row: Callable[[bytes], list[Any]]


@dataclass
class Shown:
    """What a client shows of one subscription."""

    rows: dict[Any, list[Any]] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    n: int | None = None  # None until something stands
    seen: int = -1
    snapshots: int = 0


class Reader:
    """Applies frames in order. Rows are kept under their first column."""

    def __init__(self, layouts: dict[int, Layout] | None = None) -> None:
        self._frames = Frames()
        self._layouts = layouts or {}
        self.shown: dict[int, Shown] = {}
        self.heard: list[list[Any]] = []  # frames that are not numbers, in order
        self.control: list[tuple[int, bytes]] = []
        self.close_code: int | None = None

    @property
    def is_whole(self) -> bool:
        return self._frames.rest == 0

    def feed(self, data: bytes) -> None:
        for opcode, payload in self._frames.feed(data):
            self.take(opcode, payload)

    def take(self, opcode: int, payload: bytes) -> None:
        if opcode == BINARY:
            self._binary(payload)
        elif opcode == TEXT:
            frame = json.loads(payload, parse_constant=lambda word: check(False, word))
            check(isinstance(frame, list) and frame, "a frame is an array with a name")
            self._text(frame)
        else:
            self.control.append((opcode, payload))
            if opcode == CLOSE:
                check(len(payload) != 1, "a close code has two bytes")
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                payload[2:].decode()

    def expect(self, number: int, rows: dict[Any, list[Any]] | None = None) -> Shown:
        """Begin a subscription; with `rows` one that may be resumed."""
        shown = self.shown[number] = Shown()
        if rows is not None:
            shown.rows, shown.n = dict(rows), 0
        return shown

    def _text(self, frame: list[Any]) -> None:
        name = frame[0]
        if name == "snapshot":
            _, number, n, header, rows, seen = frame
            self._snapshot(number, n, header, rows, seen)
        elif name == "changes":
            _, number, n, rows, header, seen = frame
            self._changes(number, n, rows, header, seen)
        else:
            self.heard.append(frame)
            if name == "resumed":
                shown = self.shown[frame[1]]
                check(shown.n is None, "resumed what stands")
                shown.n = 0

    def _binary(self, payload: bytes) -> None:
        kind, layout, zero, number, n, count, seen = HEAD.unpack_from(payload)
        check(kind in {1, 2} and zero == 0, "the head of a binary frame")
        way = self._layouts[layout]
        end = HEAD.size + count * way.size
        check(len(payload) >= end, "fewer rows than counted")
        rows = [way.row(payload[at : at + way.size]) for at in range(HEAD.size, end, way.size)]
        header = json.loads(payload[end:]) if len(payload) > end else None
        if kind == 1:
            self._snapshot(number, n, header, rows, seen)
        else:
            self._changes(number, n, rows, header, seen)

    def _snapshot(self, number: int, n: int, header: Any, rows: list[Any], seen: int) -> None:
        shown = self.shown[number]
        check(n == 0, "a snapshot has number 0")
        check(isinstance(header, dict), "a snapshot has a header")
        check(seen >= shown.seen, "seen falls")
        shown.rows = {row[0]: row for row in rows}
        check(len(shown.rows) == len(rows), "a row comes twice")
        shown.header, shown.n, shown.seen = header, 0, seen
        shown.snapshots += 1

    def _changes(self, number: int, n: int, rows: list[Any], header: Any, seen: int) -> None:
        shown = self.shown[number]
        check(shown.n is not None, "changes of what does not stand")
        check(n == (shown.n or 0) + 1, f"from number {shown.n} to {n}")
        check(rows or header, "changes of nothing")
        check(seen >= shown.seen, "seen falls")
        shown.rows |= {row[0]: row for row in rows}
        shown.header |= header or {}
        shown.n, shown.seen = n, seen
