"""A client of a fan reaches nobody else, and a slow one costs nobody else anything: both cores."""

from __future__ import annotations

import pytest
from tests.fakes.fan_rig import BOUNDS, Rig

from optix.platform.fanout.core import Ending

TURN = BOUNDS["wheel_slices"]


class TestHandles:
    def test_a_handle_that_is_over_reaches_nobody(self, rig: Rig) -> None:
        """The next client has the same place, and the same number of a file."""
        (slot,) = rig.slots(1)
        rig.set(slot, 41)
        old = rig.add()
        rig.subscribe(old, 1, [slot])
        rig.fan.push(old, b'["of the one before"]')
        rig.remove(old)
        new = rig.add()
        assert new != old
        assert new & 0xFFFFFFFF == old & 0xFFFFFFFF
        rig.tick(2 * TURN)
        assert rig.read(new).heard == []
        assert rig.ends[new].got == b""
        for call in (
            lambda: rig.fan.push(old, b"x"),
            lambda: rig.fan.subscribe(old, 1, [slot], -1, b"{}", layout=1),
            lambda: rig.fan.unsubscribe(old, 1),
            lambda: rig.fan.set_interval(old, 2),
            lambda: rig.fan.pending(old),
            lambda: rig.fan.remove_client(old),
        ):
            with pytest.raises(IndexError):
                call()
        assert rig.fan.clients == 1

    def test_what_is_left_of_a_begun_frame_is_given_to_who_closes(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        rig.set(slot, 1, 5000)
        client = rig.add(buffer=2304)
        rig.subscribe(client, 1, [slot])
        rig.tick()
        waiting = rig.fan.pending(client)
        end = rig.ends.pop(client)
        rest = rig.fan.remove_client(client)
        assert len(rest) == waiting > 0
        while end.read(100_000):
            pass
        end.reader.feed(rest)
        assert end.reader.shown[1].rows[slot][1] == 1
        assert end.reader.is_whole
        end.close()

    def test_no_descriptor_is_closed_or_written_to_after_its_client(self, rig: Rig) -> None:
        client = rig.add()
        end = rig.ends.pop(client)
        rig.fan.push(client, b'["late"]')
        assert rig.fan.remove_client(client) == b""
        rig.tick(2 * TURN)
        end.near.send(b"x")
        assert end.far.recv(100) == b"x"
        end.close()

    def test_a_connection_that_broke_ends(self, rig: Rig) -> None:
        client = rig.add()
        rig.ends[client].far.close()
        rig.ends[client].is_gone = True
        rig.fan.push(client, b'["a"]')
        assert rig.tick() == [(client, Ending.GONE)]
        assert rig.tick(TURN) == []
        rig.fan.push(client, b'["b"]')
        assert rig.tick(TURN) == []

    def test_a_descriptor_that_is_none_is_refused(self, rig: Rig) -> None:
        with pytest.raises(ValueError, match="descriptor"):
            rig.fan.add_client(-1, binary=False, interval_slices=1)
        assert rig.fan.clients == 0
        assert rig.add() == 0


class TestSlowReaders:
    def test_they_are_sent_the_newest_and_told_what_was_skipped(self, rig: Rig) -> None:
        slots = rig.slots(20)
        client = rig.add(buffer=2304)
        rig.subscribe(client, 1, slots)
        for value in range(30):
            for slot in slots:
                rig.set(slot, value, 50)
            assert rig.tick() == []
        assert rig.fan.stats["skipped"] > 0
        reader = rig.read(client)
        for _ in range(8):
            reader = rig.turn(client)
        assert reader.is_whole
        assert {row[1] for row in reader.shown[1].rows.values()} == {29}
        assert any(frame[0] == "slow" and frame[1] > 0 for frame in reader.heard)

    def test_one_that_takes_nothing_is_given_up(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(buffer=2304)
        rig.subscribe(client, 1, [slot])
        slices = 0
        ended: list[tuple[int, int]] = []
        while not ended:
            rig.set(slot, slices, 400)
            ended = rig.tick()
            slices += 1
            assert slices < 1000
        assert ended == [(client, Ending.STALLED)]
        assert slices * 10 > BOUNDS["stalled_ms_max"]

    def test_one_that_takes_a_little_is_not_stalled(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(buffer=2304)
        rig.subscribe(client, 1, [slot])
        for value in range(300):
            rig.set(slot, value, 400)
            assert rig.tick() == []
            if value % 20 == 0:
                rig.read(client, 2000)

    def test_a_clock_that_falls_back_gives_nobody_up(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(buffer=2304)
        rig.subscribe(client, 1, [slot])
        for value in range(30):
            rig.set(slot, value, 400)
            rig.tick()
        rig.set(slot, 99, 400)
        assert rig.fan.tick(rig.slice + 1, 1) == []

    def test_what_they_keep_here_is_one_frame(self, rig: Rig) -> None:
        """Many snapshots at once do not wait in memory: they are composed anew, and newer."""
        slots = rig.slots(8)
        for slot in slots:
            rig.set(slot, 0, 3000)
        client = rig.add(buffer=4608)
        for number, slot in enumerate(slots, 1):
            rig.subscribe(client, number, [slot])
        rig.tick()
        assert 0 <= rig.fan.pending(client) < 3100
        for slot in slots:
            rig.set(slot, 1, 3000)
        for _ in range(60):
            reader = rig.turn(client)
        assert {row[1] for shown in reader.shown.values() for row in shown.rows.values()} == {1}
        assert len(reader.shown) == 8

    def test_numbers_behind_an_ordered_frame_are_not_kept(self, core: str) -> None:
        """The socket takes a part of what was pushed: its rest waits, the numbers are made anew."""
        rig = Rig(core, control_bytes_max=20_000)
        try:
            (slot,) = rig.slots(1)
            rig.set(slot, 1, 1_500)
            client = rig.add(buffer=2304)
            pushed = b'["%b"]' % (b"x" * 12_000)
            rig.fan.push(client, pushed)
            rig.subscribe(client, 1, [slot])
            rig.tick()
            waiting = rig.fan.pending(client)
            assert 0 < waiting < len(pushed)
            rig.set(slot, 2, 1_500)
            reader = rig.read(client)
            assert len(rig.ends[client].got) + waiting == 4 + len(pushed)  # and not one byte more
            assert reader.shown[1].n is None
            while not reader.shown[1].rows:
                reader = rig.turn(client)
            assert [len(frame[0]) for frame in reader.heard if frame[0] != "slow"] == [12_000]
            assert reader.shown[1].rows[slot][1] == 2
            assert reader.shown[1].snapshots == 1
        finally:
            rig.close()

    def test_what_is_ordered_for_them_is_bounded(self, rig: Rig) -> None:
        client = rig.add(buffer=2304)
        bound = BOUNDS["control_bytes_max"]
        ended: list[tuple[int, int]] = []
        while not ended:
            rig.fan.push(client, b'["%s"]' % (b"x" * 300))
            assert rig.fan.pending(client) <= 2 * bound + 400
            ended = rig.tick()
        assert ended == [(client, Ending.OVERFULL)]

    def test_they_slow_nobody_else(self, rig: Rig) -> None:
        slots = rig.slots(10)
        slow, quick = rig.add(buffer=2304), rig.add()
        for client in (slow, quick):
            rig.subscribe(client, 1, slots)
        for value in range(30):
            for slot in slots:
                rig.set(slot, value, 50)
            rig.tick()
            shown = rig.read(quick).shown[1]
            assert {row[1] for row in shown.rows.values()} == {value}
            assert shown.n == value
