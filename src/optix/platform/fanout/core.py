"""The fan-out core: what changed goes to who follows it, one write per client (docs/streaming.md).

A slot holds one row as it goes over the wire, as JSON and in the binary layout; a client follows
slots; a tick sends each client that is due what changed since its last frame, in one write that
never waits. What a socket does not take is not kept: the next tick sends the latest rows instead.

The compiled core is `native/fan.hpp`; `PythonFan` is its oracle and its stand-in, with the same
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, Protocol

IDS_MAX: Final = 2**22  # of rows on the bus, which a fan can bind


class Opcode(IntEnum):
    """Kinds of WebSocket frames that can be pushed (RFC 6455 section 5.2)."""

    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class Ending(IntEnum):
    """Why a client has to be closed and removed."""

    GONE = 1  # its connection is broken
    STALLED = 2  # it reads nothing
    OVERFULL = 3  # it does not read what is ordered for it
    CLOSED = 4  # the socket has the close frame


class FanOut(Protocol):
    """What both implementations do. Handles are never used twice.

    Errors: IndexError for a handle or a slot that never was; ValueError for what is not allowed.
    One thread at a time may use a fan.
    """

    @property
    def sequence(self) -> int:
        """The number of the last change of any row."""

    @property
    def clients(self) -> int: ...
    @property
    def stats(self) -> dict[str, int]: ...

    def add_slot(self) -> int:
        """Return a new, empty slot."""

    def remove_slot(self, slot: int) -> None:
        """Raises ValueError while somebody follows it."""

    def set(self, slot: int, json: bytes, binary: bytes) -> None:
        """Give a slot its newest row."""

    def clear(self, slot: int) -> None:
        """Take the row away; the slot stays."""

    def json(self, slot: int) -> bytes:
        """Return the row of a slot as JSON, empty where there is none."""

    def binary(self, slot: int) -> bytes:
        """Return the row of a slot in the binary layout, empty where there is none."""

    def sequence_of(self, slot: int) -> int:
        """Return the number of the slot's last change."""

    def bind(self, number: int, slot: int, name: int = -1) -> None:
        """Let the row that the bus calls `number` (below IDS_MAX) go into `slot`.

        With a `name`, the first four bytes of its binary rows become that number: what the bus
        calls it is the feed's and may change, clients are told a name once.
        """

    def unbind(self, number: int) -> None: ...
    def set_many(self, batch: bytes) -> int:
        """Set bound slots from a batch of the bus; return how many. Others are passed over.

        A batch is, again and again: u32 number, u16 length of the JSON, u16 length of the binary
        row (little endian), JSON, binary row. Errors: ValueError where it is cut off.
        """

    def set_slots(self, batch: bytes) -> None:
        """Set slots from a batch whose numbers are slots."""

    def set_parts(self, slot: int, parts: Sequence[tuple[str, int]]) -> None:
        """Make a header of slots with one JSON value each, by the names that they have in it.

        Changes then say those members whose slots changed. A part is kept like a slot that somebody
        follows until its header is removed. Errors: ValueError for a part that has parts itself.
        """

    def add_client(self, descriptor: int, *, binary: bool, interval_slices: int) -> int:
        """Return a handle. Who gave the descriptor removes the client before closing it."""

    def remove_client(self, handle: int) -> bytes:
        """Forget a client. Return what is left of a frame of which its socket has a part."""

    def set_interval(self, handle: int, interval_slices: int) -> None: ...

    def subscribe(
        self,
        handle: int,
        number: int,
        slots: Sequence[int],
        header: int,
        head: bytes,
        *,
        layout: int,
        seen: int = -1,
    ) -> None:
        """Send a snapshot with the object `head`, and from then on changes.

        `header` is a slot whose JSON object is sent when it changes, or those of its parts that
        did, or -1. `layout` is the byte that names the binary rows. With `seen`, a sequence up to
        which the client has everything, no snapshot is sent.
        """

    def unsubscribe(self, handle: int, number: int) -> bool: ...

    def push(self, handle: int, payload: bytes, *, opcode: int = Opcode.TEXT) -> None:
        """Send one frame in order with all others that were pushed, with the next tick.

        After a close frame nothing more is sent. Errors: ValueError for a frame that RFC 6455 does
        not know, or a control frame of more than 125 bytes.
        """

    def broadcast(self, payload: bytes, *, part: int = 0, parts: int = 1) -> None:
        """Send one frame to every client of a part of them, each with its next flush."""

    def pending(self, handle: int) -> int:
        """Return how many bytes of pushed and begun frames wait."""

    def tick(self, slice_number: int, now_ms: int) -> list[tuple[int, int]]:
        """Flush who is due up to a slice; return who has to be closed, and its `Ending`."""
