"""Both fan-out cores do the same, and what a client shows is what the slots hold.

A Hypothesis state machine drives the compiled core and its oracle through the same operations, with
sockets so small that frames are cut anywhere. After every step the bytes, the endings, what waits
and the counts are the same; strict readers (tests/fakes/stream_reader.py) refuse what no client may
be sent; and whenever everything is read, every client shows the newest rows.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from tests.fakes.fan_rig import BOUNDS, CORES, Rig, batch, binary_row, json_row
from tests.fakes.stream_reader import CLOSE
from tests.fixtures.effort import effort

from optix.platform.fanout.core import Ending

pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="nothing is compiled on this machine")

TURN = BOUNDS["wheel_slices"]
CLIENTS_MAX = 6
CONTROL_MAX = 8000  # longer than the parts in which a small socket takes bytes
# Slots, header slot, rows, header and `seen` of a client that is away.
Away = tuple[list[int], int, dict[int, list[Any]], dict[str, Any], int]
paddings = st.sampled_from([0, 0, 20, 200, 900])
intervals = st.integers(1, TURN - 1)


class Cores(RuleBasedStateMachine):
    slots = Bundle("slots")
    headers = Bundle("headers")
    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.rigs = [Rig(core, control_bytes_max=CONTROL_MAX) for core in CORES]
        self.value = 0
        self.there = 0
        self.rows: dict[int, list[Any]] = {}  # of slots that are there and have one
        self.header_values: dict[int, dict[str, int]] = {}
        self.numbers = 0
        self.follows: dict[int, dict[int, tuple[list[int], int]]] = {}  # client -> number -> what
        self.away: list[Away] = []
        self.bound: dict[int, int] = {}
        self.closing: set[int] = set()

    def both(self, call: Any) -> Any:
        """Do it on each, and return what they agree on."""
        answers = []
        for rig in self.rigs:
            try:
                answers.append(call(rig))
            except (ValueError, IndexError) as error:
                answers.append(type(error))
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]

    # Slots

    @initialize(target=slots)
    def first_slots(self) -> Any:
        return multiple(*[self.add_slot() for _ in range(6)])

    @initialize(target=headers)
    def first_header(self) -> Any:
        return self.add_header()

    @initialize(target=clients, binary=st.booleans())
    def first_clients(self, binary: bool) -> Any:
        return multiple(self.connect(binary, 1, 2304), self.connect(not binary, 3, 2304))

    @rule(target=slots)
    def add_slot(self) -> int:
        self.there += 1
        return int(self.both(lambda rig: rig.fan.add_slot()))

    @rule(target=headers)
    def add_header(self) -> int:
        slot = int(self.both(lambda rig: rig.fan.add_slot()))
        self.set_header(slot)
        return slot

    @precondition(lambda self: self.there > 4)
    @rule(slot=consumes(slots))
    def remove_slot(self, slot: int) -> None:
        for followed in self.follows.values():
            for number in [n for n, (slots, _) in followed.items() if slot in slots]:
                self.both(lambda rig: rig.fan.remove_slot(slot))  # is refused
                self.end(next(c for c, f in self.follows.items() if f is followed), number)
        assert self.both(lambda rig: rig.fan.remove_slot(slot)) is None
        self.there -= 1
        self.rows.pop(slot, None)
        self.away = [each for each in self.away if slot not in each[0]]
        self.bound = {n: s for n, s in self.bound.items() if s != slot}

    def next_row(self, slot: int, padding: int) -> tuple[bytes, bytes]:
        self.value += 1
        self.rows[slot] = [slot, self.value]
        return json_row(slot, self.value, padding), binary_row(slot, self.value)

    @rule(slot=slots, padding=paddings)
    def set(self, slot: int, padding: int) -> None:
        row = self.next_row(slot, padding)
        self.both(lambda rig: rig.fan.set(slot, *row))

    @rule(slot=headers)
    def set_header(self, slot: int) -> None:
        self.value += 1
        self.header_values[slot] = {"h": self.value}
        self.both(lambda rig: rig.fan.set(slot, b'{"h":%d}' % self.value, b""))

    @rule(number=st.integers(0, 65), slot=slots)
    def bind(self, number: int, slot: int) -> None:
        if self.both(lambda rig: rig.fan.bind(number, slot)) is None:
            self.bound = {n: s for n, s in self.bound.items() if s != slot} | {number: slot}

    @rule(number=st.integers(0, 65))
    def unbind(self, number: int) -> None:
        self.both(lambda rig: rig.fan.unbind(number))
        self.bound.pop(number, None)

    @rule(numbers=st.lists(st.integers(0, 65), max_size=8), padding=paddings)
    def set_many(self, numbers: list[int], padding: int) -> None:
        rows = [
            (n, *(self.next_row(self.bound[n], padding) if n in self.bound else (b"[]", b"")))
            for n in numbers
        ]
        taken = self.both(lambda rig: rig.fan.set_many(batch(*rows)))
        assert taken == sum(n in self.bound for n in numbers)

    # Clients

    @precondition(lambda self: len(self.follows) < CLIENTS_MAX)
    @rule(
        target=clients,
        binary=st.booleans(),
        interval=intervals,
        buffer=st.sampled_from([2304, 2304, 4608, 100_000]),
    )
    def connect(self, binary: bool, interval: int, buffer: int) -> int:
        add = lambda rig: rig.add(binary=binary, interval=interval, buffer=buffer)  # noqa: E731  # one call for both
        client = int(self.both(add))
        assert client not in self.follows
        self.follows[client] = {}
        return client

    @precondition(lambda self: len(self.follows) > 2)
    @rule(client=consumes(clients))
    def disconnect(self, client: int) -> None:
        if client in self.follows:
            self.remember(client)
            self.remove(client)
        assert self.both(lambda rig: rig.fan.remove_client(client)) is IndexError
        assert self.both(lambda rig: rig.fan.push(client, b"x")) is IndexError

    @rule(client=clients, interval=intervals)
    def tune(self, client: int, interval: int) -> None:
        if client in self.follows:
            self.both(lambda rig: rig.fan.set_interval(client, interval))

    @rule(client=clients, slots=st.lists(slots, max_size=6, unique=True), header=headers)
    def subscribe(self, client: int, slots: list[int], header: int) -> None:
        self.begin(client, slots, header)

    @rule(client=clients, slots=st.lists(slots, max_size=6, unique=True))
    def subscribe_without_header(self, client: int, slots: list[int]) -> None:
        self.begin(client, slots, -1)

    def begin(self, client: int, slots: list[int], header: int) -> None:
        if client not in self.follows:
            return
        self.numbers += 1
        number = self.numbers
        head = self.header_values.get(header, {})
        for rig in self.rigs:
            rig.ends[client].reader.expect(number)
            text = b'{"h":%d}' % head["h"] if head else b"{}"
            rig.fan.subscribe(client, number, slots, header, text, layout=1 + number % 2)
        self.follows[client][number] = (slots, header)

    @precondition(lambda self: self.away)
    @rule(client=clients, data=st.data())
    def resume(self, client: int, data: st.DataObject) -> None:
        if client not in self.follows:
            return
        self.begin_again(client, data.draw(st.sampled_from(self.away)))

    @rule(
        target=clients,
        client=consumes(clients),
        size=st.sampled_from([0, 40, 100, 1000]),
        buffer=st.sampled_from([2304, 100_000]),
    )
    def reconnect(self, client: int, size: int, buffer: int) -> Any:
        """A connection is lost after a few bytes; the next one goes on with what was shown."""
        if client not in self.follows:
            return multiple()
        self.read(client, size)
        known = len(self.away)
        self.remember(client)
        self.remove(client)
        again: int = self.connect(self.numbers % 2 == 0, 1, buffer)  # type: ignore[assignment]  # a rule called directly gives what it gives
        for each in self.away[known:]:
            self.begin_again(again, each)
        return again

    def begin_again(self, client: int, what: Away) -> None:
        slots, header, rows, head, seen = what
        self.numbers += 1
        number = self.numbers
        for rig in self.rigs:
            rig.ends[client].reader.expect(number, rows).header = dict(head)
            rig.fan.subscribe(client, number, slots, header, b"{}", layout=1, seen=seen)
        self.follows[client][number] = (slots, header)

    @rule(client=clients, data=st.data())
    def subscribe_again(self, client: int, data: st.DataObject) -> None:
        """The same number anew: frames of before may be on their way, a snapshot follows."""
        if not self.follows.get(client):
            return
        number = data.draw(st.sampled_from(sorted(self.follows[client])))
        slots, header = self.follows[client][number]
        head = self.header_values.get(header)
        text = b'{"h":%d}' % head["h"] if head else b"{}"
        self.both(lambda rig: rig.fan.subscribe(client, number, slots, header, text, layout=1))

    @rule(client=clients, data=st.data())
    def unsubscribe(self, client: int, data: st.DataObject) -> None:
        assert self.both(lambda rig: rig.fan.unsubscribe(client, 0)) in {False, IndexError}
        if self.follows.get(client):
            number = data.draw(st.sampled_from(sorted(self.follows[client])))
            self.remember(client, number)
            self.end(client, number)

    @rule(
        client=clients,
        size=st.sampled_from([0, 3, 119, 900, 2500]),
        opcode=st.sampled_from([1, 1, 1, 9, 10]),
    )
    def push(self, client: int, size: int, opcode: int) -> None:
        payload = b'["e",%d,"%s"]' % (self.value, b"y" * size)
        self.both(lambda rig: rig.fan.push(client, payload, opcode=opcode))

    @rule(client=clients, opcode=st.sampled_from([0, 3, 11, 15]))
    def push_what_is_no_frame(self, client: int, opcode: int) -> None:
        assert self.both(lambda rig: rig.fan.push(client, b"", opcode=opcode)) is not None

    @rule(client=clients)
    def push_close(self, client: int) -> None:
        if client in self.follows:
            self.both(lambda rig: rig.fan.push(client, b"\x03\xe8", opcode=CLOSE))
            self.closing.add(client)

    @rule(client=clients, size=st.sampled_from([1, 10, 500, 3000, 100_000]))
    def read(self, client: int, size: int) -> None:
        if client in self.follows:
            self.both(lambda rig: rig.read(client, size) and None)

    # Time

    @rule(slices=st.sampled_from([1, 1, 1, 2, 3, TURN, 3 * TURN + 1]))
    def tick(self, slices: int) -> None:
        for client, ending in self.both(lambda rig: rig.tick(slices)):
            assert ending in set(Ending)
            if ending == Ending.CLOSED:
                assert client in self.closing
            self.remove(client)

    @rule()
    def settle(self) -> None:
        """Everybody reads everything: what they show is what is there."""
        for _ in range(200):
            self.tick(TURN)
            before = [end.got.copy() for end in self.rigs[0].ends.values()]
            for client in self.follows:
                self.read(client, 10_000_000)
            if before == [end.got for end in self.rigs[0].ends.values()]:
                break
        for client, followed in self.follows.items():
            for rig in self.rigs:
                assert rig.fan.pending(client) == 0
                assert rig.ends[client].reader.is_whole
            if client not in self.closing:
                self.compare(client, followed)

    def compare(self, client: int, followed: dict[int, tuple[list[int], int]]) -> None:
        for rig in self.rigs:
            for number, (slots, header) in followed.items():
                shown = rig.ends[client].reader.shown[number]
                assert shown.n is not None
                held = {slot: self.rows[slot] for slot in slots if slot in self.rows}
                assert {slot: row[:2] for slot, row in shown.rows.items()} == held
                assert shown.header == self.header_values.get(header, {})

    @invariant()
    def they_are_the_same(self) -> None:
        one, *others = self.rigs
        for rig in others:
            assert rig.fan.stats == one.fan.stats
            assert rig.fan.sequence == one.fan.sequence
            assert rig.fan.clients == one.fan.clients == len(self.follows)
            for client, end in one.ends.items():
                assert rig.ends[client].got == end.got
                assert rig.fan.pending(client) == one.fan.pending(client)

    @invariant()
    def what_is_kept_for_one_client_is_bounded(self) -> None:
        largest = 6 * 1000 + 200  # six of the longest rows in one frame
        for client in self.follows:
            assert self.rigs[0].fan.pending(client) <= 2 * CONTROL_MAX + largest

    def end(self, client: int, number: int) -> None:
        assert self.both(lambda rig: rig.fan.unsubscribe(client, number)) is True
        del self.follows[client][number]

    def remember(self, client: int, number: int | None = None) -> None:
        """Keep what a client has, as one does that comes back later."""
        for own, (slots, header) in self.follows[client].items():
            shown = self.rigs[0].ends[client].reader.shown[own]
            if number in {None, own} and shown.n is not None and shown.seen >= 0:
                rows = {slot: list(row) for slot, row in shown.rows.items()}
                self.away.append((slots, header, rows, dict(shown.header), shown.seen))

    def remove(self, client: int) -> None:
        for rig in self.rigs:
            rig.remove(client)
        del self.follows[client]
        self.closing.discard(client)

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            for rig in self.rigs:
                rig.close()


TestCores = Cores.TestCase
TestCores.settings = settings(
    max_examples=effort(60), stateful_step_count=80, deadline=None, print_blob=True
)
