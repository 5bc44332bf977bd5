"""A fan with real sockets at its clients' ends, each read by a strict reader."""

from __future__ import annotations

import json
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.stream_reader import Layout, Reader

from optix.platform.fanout.core import FanOut
from optix.platform.fanout.python_fan import PythonFan

try:
    from optix.platform.fanout._fan import Fan
except ImportError:  # nothing is compiled here
    CORES: dict[str, Any] = {"python": PythonFan}
else:
    CORES = {"python": PythonFan, "compiled": Fan}

BOUNDS = {"wheel_slices": 8, "stalled_ms_max": 400, "control_bytes_max": 2000, "ids_max": 64}
ROW = struct.Struct("<II40x")
LAYOUT = Layout(ROW.size, lambda data: list(ROW.unpack(data)))
SLICE_MS = 10


def json_row(slot: int, value: int, padding: int = 0) -> bytes:
    return json.dumps([slot, value, *(["x" * padding] if padding else [])]).encode()


def binary_row(slot: int, value: int) -> bytes:
    return ROW.pack(slot, value)


def batch(*rows: tuple[int, bytes, bytes]) -> bytes:
    """Return rows as the bus carries them: (number, JSON, binary row)."""
    return b"".join(
        struct.pack("<IHH", number, len(js), len(binary)) + js + binary
        for number, js, binary in rows
    )


@dataclass
class End:
    """The other end of a client's connection."""

    near: socket.socket
    far: socket.socket
    binary: bool
    reader: Reader = field(default_factory=lambda: Reader({1: LAYOUT, 2: LAYOUT}))
    got: bytearray = field(default_factory=bytearray)
    is_gone: bool = False  # the far end hung up

    def read(self, size: int) -> int:
        try:
            data = b"" if self.is_gone else self.far.recv(size)
        except (BlockingIOError, ConnectionResetError):
            return 0
        self.got += data
        self.reader.feed(data)
        return len(data)

    def close(self) -> None:
        self.near.close()
        self.far.close()


class Rig:
    """One fan, its clients and the time."""

    def __init__(self, core: str, **bounds: int) -> None:
        self.fan: FanOut = CORES[core](**(BOUNDS | bounds))
        self.ends: dict[int, End] = {}
        self.slice = 0

    def add(self, *, binary: bool = False, interval: int = 1, buffer: int = 100_000) -> int:
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        far.setblocking(False)
        handle = self.fan.add_client(near.fileno(), binary=binary, interval_slices=interval)
        self.ends[handle] = End(near, far, binary)
        return handle

    def remove(self, handle: int) -> None:
        self.fan.remove_client(handle)
        self.ends.pop(handle).close()

    def slots(self, count: int) -> list[int]:
        return [self.fan.add_slot() for _ in range(count)]

    def set(self, slot: int, value: int, padding: int = 0) -> None:
        self.fan.set(slot, json_row(slot, value, padding), binary_row(slot, value))

    def subscribe(
        self, handle: int, number: int, slots: list[int], *, header: int = -1, seen: int = -1
    ) -> None:
        """Subscribe, and let the reader expect it."""
        self.ends[handle].reader.expect(number, None if seen < 0 else {})
        self.fan.subscribe(handle, number, slots, header, b'{"k":1}', layout=1, seen=seen)

    def tick(self, slices: int = 1) -> list[tuple[int, int]]:
        self.slice += slices
        return self.fan.tick(self.slice, self.slice * SLICE_MS)

    def read(self, handle: int, size: int = 1_000_000) -> Reader:
        """Read all that is there, or up to a size."""
        end = self.ends[handle]
        while size > 0 and (taken := end.read(size)):
            size -= taken
        return end.reader

    def turn(self, handle: int) -> Reader:
        """Let every client be due once, and read what this one got."""
        assert self.tick(BOUNDS["wheel_slices"]) == []
        return self.read(handle)

    def close(self) -> None:
        for handle in list(self.ends):
            self.remove(handle)
