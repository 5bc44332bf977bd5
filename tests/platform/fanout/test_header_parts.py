"""Headers in both fan-out cores: changes say what of a header changed since the client was told.

A client's socket is read after each tick; the frames are the claim.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest

from optix.platform.fanout.core import IDS_MAX, FanOut
from optix.platform.fanout.fan import new_fan
from optix.platform.fanout.python_fan import PythonFan

BOUNDS = {"wheel_slices": 8, "stalled_ms_max": 1000, "control_bytes_max": 10_000}


class Reader:
    """A client of a fan, with a subscription to one row whose header has two parts."""

    def __init__(self, fan: FanOut) -> None:
        self.fan = fan
        self._slices = count(1)
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self.handle = fan.add_client(self._ours.fileno(), binary=False, interval_slices=1)
        self.row, self.header, self.spot, self.roots = (fan.add_slot() for _ in range(4))
        fan.set_parts(self.header, [("spot", self.spot), ("roots", self.roots)])
        fan.set(self.row, b"[0]", b"")
        fan.set(self.spot, b"1", b"")
        fan.set(self.roots, b"[2]", b"")

    def subscribe(self, seen: int = -1) -> None:
        self.fan.subscribe(self.handle, 1, [self.row], self.header, b"{}", layout=2, seen=seen)

    def frames(self) -> list[Any]:
        self.fan.tick(next(self._slices), 0)
        try:
            data = self._theirs.recv(100_000)
        except BlockingIOError:
            return []
        found = []
        while data:
            size, begin = data[1], 2
            if size == 126:
                size, begin = int.from_bytes(data[2:4], "big"), 4
            found.append(orjson.loads(data[begin : begin + size]))
            data = data[begin + size :]
        return found

    def close(self) -> None:
        self.fan.remove_client(self.handle)
        self._ours.close()
        self._theirs.close()


@pytest.fixture(params=["python", "of this machine"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    python = request.param == "python"
    fan = PythonFan(**BOUNDS, ids_max=IDS_MAX) if python else new_fan(**BOUNDS)
    reader = Reader(fan)
    yield reader
    reader.close()


def test_changes_say_only_the_members_that_changed(reader: Reader) -> None:
    reader.subscribe()
    assert reader.frames() == [["snapshot", 1, 0, {}, [[0]], 3]]
    reader.fan.set(reader.spot, b"5", b"")
    assert reader.frames() == [["changes", 1, 1, [], {"spot": 5}, 4]]
    reader.fan.set(reader.row, b"[6]", b"")
    assert reader.frames() == [["changes", 1, 2, [[6]], None, 5]]
    reader.fan.set(reader.spot, b"7", b"")
    reader.fan.set(reader.roots, b"[8]", b"")
    assert reader.frames() == [["changes", 1, 3, [], {"spot": 7, "roots": [8]}, 7]]
    assert reader.frames() == []


def test_a_header_that_changed_before_its_snapshot_left_is_told_after_it(reader: Reader) -> None:
    reader.subscribe()
    reader.fan.set(reader.spot, b"5", b"")
    told = [["snapshot", 1, 0, {}, [[0]], 4], ["changes", 1, 1, [], {"spot": 5}, 4]]
    assert reader.frames() == told  # new ones are due at once, and at their slice of the wheel
    assert reader.frames() == []


def test_who_continues_is_told_the_header_again(reader: Reader) -> None:
    reader.subscribe(seen=3)
    assert reader.frames() == [["changes", 1, 1, [], {"spot": 1, "roots": [2]}, 3]]
    assert reader.frames() == []


def test_a_part_without_a_value_is_left_out(reader: Reader) -> None:
    reader.subscribe()
    reader.frames()
    reader.fan.clear(reader.roots)
    reader.fan.set(reader.spot, b"5", b"")
    assert reader.frames() == [["changes", 1, 1, [], {"spot": 5}, 4]]


def test_parts_are_kept_until_their_header_is_removed(reader: Reader) -> None:
    with pytest.raises(ValueError, match="follows"):
        reader.fan.remove_slot(reader.spot)
    reader.fan.remove_slot(reader.header)
    reader.fan.remove_slot(reader.spot)


def test_a_header_that_is_let_go_says_nothing_more(reader: Reader) -> None:
    reader.subscribe()
    reader.frames()
    reader.fan.set_parts(reader.header, [])
    reader.fan.set(reader.spot, b"5", b"")
    assert reader.frames() == []
    reader.fan.remove_slot(reader.spot)


def test_a_part_has_no_parts(reader: Reader) -> None:
    slot = reader.fan.add_slot()
    with pytest.raises(ValueError, match="no parts"):
        reader.fan.set_parts(slot, [("inner", reader.header)])
    with pytest.raises(ValueError, match="no parts"):
        reader.fan.set_parts(slot, [("itself", slot)])


def test_slots_are_set_from_a_batch(reader: Reader) -> None:
    row = reader.row.to_bytes(4, "little") + bytes((3, 0, 2, 0)) + b"[9]ab"
    reader.fan.set_slots(row)
    assert (reader.fan.json(reader.row), reader.fan.binary(reader.row)) == (b"[9]", b"ab")
    with pytest.raises(ValueError, match="cut off"):
        reader.fan.set_slots(row[:-1])
    with pytest.raises(IndexError):
        reader.fan.set_slots(b"\xff\xff\xff\x00" + row[4:])
