"""What a fan-out core does, on both: real sockets at one end, a strict reader at the other."""

from __future__ import annotations

import pytest
from tests.fakes.fan_rig import BOUNDS, CORES, Rig, batch, binary_row, json_row
from tests.fakes.stream_reader import CLOSE, PING, PONG

from optix.platform.fanout.core import Ending, Opcode
from optix.platform.fanout.fan import new_fan

TURN = BOUNDS["wheel_slices"]


def test_a_snapshot_has_every_row_and_changes_only_what_changed(rig: Rig) -> None:
    one, two, empty = rig.slots(3)
    rig.set(one, 1)
    rig.set(two, 2)
    client = rig.add()
    rig.subscribe(client, 7, [two, one, empty])
    assert rig.turn(client).shown[7].rows == {two: [two, 2], one: [one, 1]}
    rig.set(two, 3)
    got = len(rig.ends[client].got)
    shown = rig.turn(client).shown[7]
    assert rig.ends[client].got[got + 2 :] == b'["changes",7,1,[[%d, 3]],null,3]' % two
    assert shown.rows == {two: [two, 3], one: [one, 1]}
    assert (shown.n, shown.seen, shown.header) == (1, 3, {"k": 1})


def test_binary_rows_carry_the_same_state(rig: Rig) -> None:
    slots = rig.slots(3)
    client = rig.add(binary=True)
    header = rig.fan.add_slot()
    rig.subscribe(client, 1, slots, header=header)
    for value, slot in enumerate(slots):
        rig.set(slot, value)
    assert rig.turn(client).shown[1].rows == {slot: [slot, n] for n, slot in enumerate(slots)}
    rig.set(slots[1], 9)
    rig.fan.set(header, b'{"spot":4}', b"")
    shown = rig.turn(client).shown[1]
    assert shown.rows[slots[1]] == [slots[1], 9]
    assert shown.header == {"k": 1, "spot": 4}


def test_nothing_is_said_when_nothing_changed(rig: Rig) -> None:
    (slot,) = rig.slots(1)
    client = rig.add()
    rig.subscribe(client, 1, [slot])
    rig.turn(client)
    sends = rig.fan.stats["sends"]
    for _ in range(5):
        rig.turn(client)
    assert rig.fan.stats["sends"] == sends


def test_between_two_flushes_only_the_newest_row_counts(rig: Rig) -> None:
    (slot,) = rig.slots(1)
    client = rig.add(interval=4)
    rig.subscribe(client, 1, [slot])
    rig.turn(client)
    for value in range(50):
        rig.set(slot, value)
    shown = rig.turn(client).shown[1]
    assert (shown.rows[slot], shown.n) == ([slot, 49], 1)


def test_a_header_that_changed_before_its_snapshot_left_is_told_after_it(rig: Rig) -> None:
    """The head is made when the client subscribes; a slow one is sent it much later."""
    header, slot = rig.slots(2)
    rig.fan.set(header, b'{"k":1}', b"")
    client = rig.add()
    rig.subscribe(client, 1, [slot], header=header)
    rig.fan.set(header, b'{"k":2}', b"")
    rig.turn(client)
    assert rig.turn(client).shown[1].header == {"k": 2}


def test_who_lost_the_connection_before_the_header_came_is_told_it_later(rig: Rig) -> None:
    header, slot = rig.slots(2)
    rig.add()  # takes the first slice of the wheel
    client = rig.add(interval=TURN - 1)
    rig.subscribe(client, 1, [slot], header=header)
    rig.fan.set(header, b'{"k":2}', b"")
    rig.tick()
    shown = rig.read(client).shown[1]
    assert shown.header == {"k": 1}
    rig.remove(client)
    client = rig.add()
    rig.subscribe(client, 1, [slot], header=header, seen=shown.seen)
    assert rig.turn(client).shown[1].header == {"k": 2}


def test_a_header_is_told_once(rig: Rig) -> None:
    header, slot = rig.slots(2)
    client = rig.add()
    rig.fan.set(header, b'{"k":1}', b"")
    rig.subscribe(client, 1, [slot], header=header)
    rig.turn(client)
    rig.set(slot, 1)
    rig.turn(client)
    assert b"null" in rig.ends[client].got
    rig.fan.set(header, b'{"k":3}', b"")
    assert rig.turn(client).shown[1].n == 2
    assert rig.turn(client).shown[1].n == 2


def test_who_was_away_is_sent_what_changed_since(rig: Rig) -> None:
    slots = rig.slots(4)
    for slot in slots:
        rig.set(slot, 1)
    seen = rig.fan.sequence
    rig.set(slots[2], 2)
    client = rig.add()
    rig.subscribe(client, 1, slots, seen=seen)
    shown = rig.turn(client).shown[1]
    assert shown.rows == {slots[2]: [slots[2], 2]}
    assert (shown.n, shown.snapshots) == (1, 0)


def test_who_missed_nothing_is_sent_nothing(rig: Rig) -> None:
    slots = rig.slots(2)
    rig.set(slots[0], 1)
    client = rig.add()
    rig.subscribe(client, 1, slots, seen=rig.fan.sequence)
    rig.turn(client)
    assert rig.ends[client].got == b""


def test_a_subscription_ends_and_its_slots_are_free(rig: Rig) -> None:
    (slot,) = rig.slots(1)
    client = rig.add()
    rig.subscribe(client, 1, [slot, slot])
    with pytest.raises(ValueError, match="follows"):
        rig.fan.remove_slot(slot)
    assert rig.fan.unsubscribe(client, 1)
    assert not rig.fan.unsubscribe(client, 1)
    rig.fan.remove_slot(slot)
    with pytest.raises(ValueError, match="no such slot"):
        rig.fan.set(slot, b"[]", b"")


def test_a_client_that_leaves_follows_nothing(rig: Rig) -> None:
    slot, header = rig.slots(2)
    client = rig.add()
    rig.subscribe(client, 1, [slot], header=header)
    rig.remove(client)
    rig.fan.remove_slot(slot)
    rig.fan.remove_slot(header)
    assert rig.fan.clients == 0


def test_a_refused_subscription_changes_nothing(rig: Rig) -> None:
    (slot,) = rig.slots(1)
    client = rig.add()
    rig.subscribe(client, 1, [slot])
    for slots, header in (([slot, 99], -1), ([slot], 99), ([slot], 2**32 + slot)):
        with pytest.raises(IndexError):
            rig.fan.subscribe(client, 1, slots, header, b"{}", layout=1)
    rig.set(slot, 5)
    assert rig.turn(client).shown[1].rows == {slot: [slot, 5]}
    rig.fan.unsubscribe(client, 1)
    rig.fan.remove_slot(slot)


@pytest.mark.parametrize(("number", "layout"), [(2**32, 1), (-1, 1), (1, 256)])
def test_what_does_not_fit_a_binary_frame_is_refused(rig: Rig, number: int, layout: int) -> None:
    client = rig.add(binary=True)
    with pytest.raises((ValueError, TypeError)):
        rig.fan.subscribe(client, number, [], -1, b"{}", layout=layout)
    rig.fan.subscribe(client, 2**32 - 1, [], -1, b"{}", layout=255)


def test_a_new_slot_knows_nothing_of_the_one_before(rig: Rig) -> None:
    (slot,) = rig.slots(1)
    rig.set(slot, 1)
    rig.fan.bind(3, slot)
    rig.fan.remove_slot(slot)
    assert rig.fan.add_slot() == slot
    assert (rig.fan.json(slot), rig.fan.binary(slot), rig.fan.sequence_of(slot)) == (b"", b"", 0)
    assert rig.fan.set_many(batch((3, b"[1]", b""))) == 0


def test_a_cleared_row_is_in_no_snapshot(rig: Rig) -> None:
    one, two = rig.slots(2)
    rig.set(one, 1)
    rig.set(two, 2)
    rig.fan.clear(one)
    client = rig.add()
    rig.subscribe(client, 1, [one, two])
    assert rig.turn(client).shown[1].rows == {two: [two, 2]}


class TestBatchesOfTheBus:
    def test_a_batch_sets_bound_slots_and_passes_over_others(self, rig: Rig) -> None:
        one, two = rig.slots(2)
        rig.fan.bind(10, one)
        rig.fan.bind(11, two)
        rows = batch((10, b"[1]", b"a"), (12, b"[2]", b"b"), (11, b"[3]", b""), (10, b"[4]", b"d"))
        assert rig.fan.set_many(rows) == 3
        assert (rig.fan.json(one), rig.fan.binary(one)) == (b"[4]", b"d")
        assert (rig.fan.json(two), rig.fan.sequence_of(two)) == (b"[3]", 2)

    def test_the_last_binding_of_a_number_and_of_a_slot_holds(self, rig: Rig) -> None:
        one, two = rig.slots(2)
        rig.fan.bind(10, one)
        rig.fan.bind(10, two)
        rig.fan.bind(11, two)
        assert rig.fan.set_many(batch((10, b"[1]", b""), (11, b"[2]", b""))) == 1
        assert (rig.fan.json(one), rig.fan.json(two)) == (b"", b"[2]")
        rig.fan.unbind(11)
        rig.fan.unbind(63)
        assert rig.fan.set_many(batch((11, b"[3]", b""))) == 0

    def test_a_number_beyond_the_bound_is_refused(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        rig.fan.bind(BOUNDS["ids_max"] - 1, slot)
        with pytest.raises(ValueError, match="bound"):
            rig.fan.bind(BOUNDS["ids_max"], slot)
        assert rig.fan.set_many(batch((2**32 - 1, b"[1]", b""))) == 0

    def test_a_batch_that_is_cut_off_is_refused_wherever_it_is_cut(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        rig.fan.bind(1, slot)
        whole = batch((1, b"[1]", b"ab"))
        for cut in range(1, len(whole)):
            with pytest.raises(ValueError, match="cut off"):
                rig.fan.set_many(whole[:cut])
        assert rig.fan.sequence_of(slot) == 0
        with pytest.raises(ValueError, match="cut off"):
            rig.fan.set_many(whole + b"\xff" * 8)
        assert rig.fan.json(slot) == b"[1]"

    def test_the_longest_row_of_a_batch_arrives_whole(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        rig.fan.bind(1, slot)
        long = json_row(slot, 1, 65_000)
        rig.fan.set_many(batch((1, long, b"b" * 0xFFFF)))
        assert (rig.fan.json(slot), len(rig.fan.binary(slot))) == (long, 0xFFFF)
        client = rig.add(buffer=1_000_000)
        rig.subscribe(client, 1, [slot])
        assert len(rig.turn(client).shown[1].rows[slot][2]) == 65_000


class TestOrderedFrames:
    def test_they_come_with_the_next_tick_in_order_before_numbers(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(interval=7)
        rig.subscribe(client, 1, [slot])
        rig.fan.push(client, b'["a",1]')
        rig.fan.push(client, b"now", opcode=Opcode.PING)
        rig.fan.push(client, b'["b",2]')
        rig.tick()
        reader = rig.read(client)
        assert reader.heard == [["a", 1], ["b", 2]]
        assert reader.control == [(PING, b"now")]
        assert reader.shown[1].snapshots == 1

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
    def test_every_length_has_its_shortest_form(self, core: str, size: int) -> None:
        rig = Rig(core, control_bytes_max=100_000)
        client = rig.add(buffer=1_000_000)
        rig.fan.push(client, b'["' + b"x" * size + b'"]')
        rig.turn(client)
        assert len(rig.ends[client].reader.heard[0][0]) == size
        rig.close()

    def test_nothing_comes_after_the_close_frame(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add()
        rig.subscribe(client, 1, [slot])
        rig.turn(client)
        rig.fan.push(client, b'["last"]')
        rig.fan.push(client, (4401).to_bytes(2, "big") + b"bye", opcode=Opcode.CLOSE)
        rig.fan.push(client, b'["never"]')
        rig.set(slot, 1)
        assert rig.tick(TURN) == [(client, Ending.CLOSED)]
        reader = rig.read(client)
        assert (reader.heard, reader.close_code) == ([["last"]], 4401)
        assert rig.tick(TURN) == []

    @pytest.mark.parametrize("opcode", [0, 3, 7, 11, 15, 200])
    def test_frames_that_the_standard_does_not_know_are_refused(
        self, rig: Rig, opcode: int
    ) -> None:
        client = rig.add()
        with pytest.raises(ValueError):
            rig.fan.push(client, b"", opcode=opcode)
        assert rig.fan.pending(client) == 0

    @pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
    def test_a_control_frame_has_at_most_125_bytes(self, rig: Rig, opcode: int) -> None:
        client = rig.add()
        with pytest.raises(ValueError, match="short"):
            rig.fan.push(client, b"x" * 126, opcode=opcode)
        rig.fan.push(client, b"\x03\xe8" + b"x" * 123, opcode=opcode)
        rig.tick()
        assert rig.read(client).control[0][0] == opcode

    def test_who_does_not_take_them_is_given_up(self, rig: Rig) -> None:
        client = rig.add()
        bound = BOUNDS["control_bytes_max"]
        rig.fan.push(client, b"x" * (bound - 4))  # with its head of four bytes
        assert rig.tick() == []
        rig.fan.push(client, b"x" * (bound - 3))
        assert rig.tick() == [(client, Ending.OVERFULL)]


class TestTheWheel:
    def test_a_client_is_served_once_per_interval(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(interval=4)
        rig.subscribe(client, 1, [slot])
        rig.turn(client)
        before = rig.read(client).shown[1].n or 0
        for value in range(16):
            rig.set(slot, value)
            rig.tick()
        assert (rig.read(client).shown[1].n or 0) - before == 4

    def test_another_interval_holds_from_the_next_flush(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add(interval=1)
        rig.subscribe(client, 1, [slot])
        rig.turn(client)
        rig.fan.set_interval(client, 6)
        rig.turn(client)
        before = rig.read(client).shown[1].n or 0
        for value in range(12):
            rig.set(slot, value)
            rig.tick()
        assert (rig.read(client).shown[1].n or 0) - before == 2

    def test_clients_are_spread_over_the_slices(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        clients = [rig.add(interval=4) for _ in range(8)]
        for client in clients:
            rig.subscribe(client, 1, [slot])
        rig.tick(TURN)
        rig.set(slot, 1)
        frames = []
        for _ in range(4):
            before = rig.fan.stats["frames"]
            rig.tick()
            frames.append(rig.fan.stats["frames"] - before)
        assert frames == [2, 2, 2, 2]

    @pytest.mark.parametrize("late", [1, TURN - 1, TURN, TURN + 1, 5 * TURN, 10**12])
    def test_a_late_tick_loses_nobody(self, rig: Rig, late: int) -> None:
        (slot,) = rig.slots(1)
        clients = [rig.add(interval=1 + n % 7) for n in range(14)]
        for client in clients:
            rig.subscribe(client, 1, [slot])
        rig.tick(late)
        rig.set(slot, 1)
        rig.tick(late)
        rig.set(slot, 2)
        rig.tick(TURN)
        for client in clients:
            assert rig.read(client).shown[1].rows == {slot: [slot, 2]}

    def test_a_tick_of_the_past_sends_only_what_is_urgent(self, rig: Rig) -> None:
        (slot,) = rig.slots(1)
        client = rig.add()
        rig.subscribe(client, 1, [slot])
        rig.tick(100)
        rig.set(slot, 1)
        rig.fan.tick(50, 500)
        assert rig.read(client).shown[1].rows == {}
        rig.fan.push(client, b'["a"]')
        rig.fan.tick(50, 500)
        assert rig.read(client).heard == [["a"]]
        rig.tick()
        rig.set(slot, 2)
        rig.tick()
        assert rig.read(client).shown[1].rows == {slot: [slot, 2]}

    @pytest.mark.parametrize("interval", [0, TURN])
    def test_an_interval_beyond_the_wheel_is_refused(self, rig: Rig, interval: int) -> None:
        with pytest.raises(ValueError, match="wheel"):
            rig.fan.add_client(0, binary=False, interval_slices=interval)
        client = rig.add(interval=TURN - 1)
        with pytest.raises(ValueError, match="wheel"):
            rig.fan.set_interval(client, interval)

    def test_a_wheel_has_slices(self, core: str) -> None:
        with pytest.raises(ValueError, match="slices"):
            CORES[core](**(BOUNDS | {"wheel_slices": 0}))


def test_the_core_of_this_machine_is_the_compiled_one_where_it_is() -> None:
    fan = new_fan(wheel_slices=8, stalled_ms_max=1, control_bytes_max=1)
    assert type(fan) is CORES.get("compiled", CORES["python"])
    slot = fan.add_slot()
    fan.set(slot, b"[1]", binary_row(0, 1))
    assert fan.json(slot) == b"[1]"
