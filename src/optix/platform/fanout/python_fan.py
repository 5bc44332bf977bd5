"""The fan-out core in Python: the oracle of the compiled one, and its stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from optix.platform.fanout.core import Ending, Opcode

_WHOLE = 0x80  # the bit of a frame that is not continued: RFC 6455 section 5.2
_SNAPSHOT, _CHANGES = 1, 2
_U32_MAX = 2**32 - 1
_NAME_BYTES = 4


@dataclass(slots=True)
class _Slot:
    json: bytes = b""
    binary: bytes = b""
    sequence: int = 0
    number: int = -1
    name: int = -1
    followers: int = 0
    parts: tuple[tuple[str, int], ...] = ()
    used: bool = True


@dataclass(slots=True)
class _Subscription:
    id: int
    slots: list[int]
    header: int
    head: bytes
    layout: int
    seen: int
    told: int  # the sequence up to which the client has the header
    snapshot: bool
    number: int = 0


@dataclass(slots=True)
class _Client:
    descriptor: int
    binary: bool
    interval: int
    control: bytearray = field(default_factory=bytearray)
    remainder: bytes = b""
    subscriptions: list[_Subscription] = field(default_factory=list)
    skipped: int = 0
    stuck_since_ms: int = 0
    urgent: bool = False
    ended: bool = False
    closing: bool = False


@dataclass(slots=True)
class _Flight:
    """What one write carries: a begun frame, ordered ones, and composed ones."""

    data: bytes
    begun: int  # bytes of the frame of which the socket has a part
    ordered: int  # bytes up to which nothing was composed
    told: int  # and up to which nothing was composed of a subscription
    news: list[tuple[_Subscription, int]]  # and where the frame of each ends


class PythonFan:
    """The fan-out core in Python. Errors and bounds are those of the compiled one."""

    def __init__(
        self, *, wheel_slices: int, stalled_ms_max: int, control_bytes_max: int, ids_max: int
    ) -> None:
        if wheel_slices < 1:
            raise ValueError("a wheel has slices")
        self._stalled_ms_max = stalled_ms_max
        self._control_bytes_max = control_bytes_max
        self._ids_max = ids_max
        self._bound: dict[int, int] = {}
        self._wheel: list[list[int]] = [[] for _ in range(wheel_slices)]
        self._slots: list[_Slot] = []
        self._free_slots: list[int] = []
        self._clients: dict[int, _Client] = {}
        self._generations: list[int] = []
        self._free_places: list[int] = []
        self._urgent: list[int] = []
        self._slice = 0
        self.sequence = 0
        self.stats = dict.fromkeys(("frames", "rows", "bytes", "sends", "skipped"), 0)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def add_slot(self) -> int:
        if self._free_slots:
            place = self._free_slots.pop()
            self._slots[place] = _Slot()
            return place
        self._slots.append(_Slot())
        return len(self._slots) - 1

    def remove_slot(self, slot: int) -> None:
        each = self._used(slot)
        if each.followers:
            raise ValueError("somebody follows this slot")
        self._bound.pop(each.number, None)
        self.set_parts(slot, ())
        self._slots[slot] = _Slot(used=False)
        self._free_slots.append(slot)

    def set(self, slot: int, json: bytes, binary: bytes) -> None:
        each = self._used(slot)
        self.sequence += 1
        each.json, each.binary, each.sequence = json, binary, self.sequence

    def clear(self, slot: int) -> None:
        each = self._used(slot)
        each.json = each.binary = b""

    def json(self, slot: int) -> bytes:
        return self._used(slot).json

    def binary(self, slot: int) -> bytes:
        return self._used(slot).binary

    def sequence_of(self, slot: int) -> int:
        return self._used(slot).sequence

    def bind(self, number: int, slot: int, name: int = -1) -> None:
        each = self._used(slot)
        if not 0 <= number < self._ids_max:
            raise ValueError("the id is beyond the bound")
        self.unbind(number)
        self.unbind(each.number)
        self._bound[number] = slot
        each.number, each.name = number, name

    def unbind(self, number: int) -> None:
        slot = self._bound.pop(number, None)
        if slot is not None:
            self._slots[slot].number = -1

    def set_many(self, batch: bytes) -> int:
        taken = 0
        for number, json, row in iter_batch(batch):
            slot = self._bound.get(number)
            if slot is not None:
                name = self._slots[slot].name
                named = name >= 0 and len(row) >= _NAME_BYTES
                head = name.to_bytes(_NAME_BYTES, "little") if named else row[:_NAME_BYTES]
                self.set(slot, json, head + row[_NAME_BYTES:])
                taken += 1
        return taken

    def set_slots(self, batch: bytes) -> None:
        for slot, json, binary in iter_batch(batch):
            self.set(slot, json, binary)

    def set_parts(self, slot: int, parts: Sequence[tuple[str, int]]) -> None:
        each = self._used(slot)
        for _, part in parts:
            if self._used(part).parts or part == slot:
                raise ValueError("a part has no parts")
        for _, part in parts:
            self._slots[part].followers += 1
        for _, part in each.parts:
            self._slots[part].followers -= 1
        each.parts = tuple(parts)

    def add_client(self, descriptor: int, *, binary: bool, interval_slices: int) -> int:
        self._check_interval(interval_slices)
        if descriptor < 0:
            raise ValueError("there is no such descriptor")
        os.set_blocking(descriptor, False)
        if self._free_places:
            place = self._free_places.pop()
        else:
            place = len(self._generations)
            self._generations.append(0)
        handle = self._generations[place] << 32 | place
        self._clients[handle] = _Client(descriptor, binary, interval_slices)
        slot = (self._slice + 1 + place % interval_slices) % len(self._wheel)
        self._wheel[slot].append(handle)
        return handle

    def remove_client(self, handle: int) -> bytes:
        each = self._client(handle)
        for subscription in each.subscriptions:
            self._follow(subscription, -1)
        del self._clients[handle]
        place = handle & 0xFFFFFFFF
        self._generations[place] += 1
        self._free_places.append(place)
        return bytes(each.remainder)

    def set_interval(self, handle: int, interval_slices: int) -> None:
        self._check_interval(interval_slices)
        self._client(handle).interval = interval_slices

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
        each = self._client(handle)
        for slot in (*slots, *([header] if header >= 0 else [])):
            self._used(slot)
        if not (0 <= number <= _U32_MAX and 0 <= layout <= 0xFF):
            raise ValueError("the number does not fit the binary layout")
        self.unsubscribe(handle, number)
        snapshot = seen < 0
        subscription = _Subscription(
            number,
            list(slots),
            header,
            head if snapshot else b"",
            layout,
            max(seen, 0),
            # The head of a snapshot is as old as the subscription, so it may be older than the
            # frame; who continues is told the header again.
            self.sequence if snapshot else 0,
            snapshot,
        )
        self._follow(subscription, 1)
        each.subscriptions.append(subscription)
        self._hurry(handle, each)

    def unsubscribe(self, handle: int, number: int) -> bool:
        each = self._client(handle)
        for subscription in each.subscriptions:
            if subscription.id == number:
                self._follow(subscription, -1)
                each.subscriptions.remove(subscription)
                return True
        return False

    def push(self, handle: int, payload: bytes, *, opcode: int = Opcode.TEXT) -> None:
        kind = Opcode(opcode)
        if kind >= Opcode.CLOSE and len(payload) >= 126:
            raise ValueError("a control frame is short")
        each = self._client(handle)
        if each.closing:
            return
        each.closing = opcode == Opcode.CLOSE
        each.control += _frame(opcode, payload)
        self._hurry(handle, each)

    def broadcast(self, payload: bytes, *, part: int = 0, parts: int = 1) -> None:
        if not 0 <= part < parts:
            raise ValueError("there is no such part")
        frame = _frame(Opcode.TEXT, payload)
        for handle, each in self._clients.items():
            if (handle & 0xFFFFFFFF) % parts == part and not (each.ended or each.closing):
                each.control += frame

    def pending(self, handle: int) -> int:
        each = self._client(handle)
        return len(each.control) + len(each.remainder)

    def tick(self, slice_number: int, now_ms: int) -> list[tuple[int, int]]:
        ended: list[tuple[int, int]] = []
        urgent, self._urgent = self._urgent, []
        for handle in urgent:
            each = self._clients.get(handle)
            if each is not None and not each.ended:
                each.urgent = False
                self._flush(handle, each, now_ms, ended)
                self._go_on(handle, each)
        wheel = self._wheel
        begin = max(self._slice + 1, slice_number - len(wheel) + 1, 1)
        for number in range(begin, slice_number + 1):
            due, wheel[number % len(wheel)] = wheel[number % len(wheel)], []
            self._slice = number
            for handle in due:
                each = self._clients.get(handle)
                if each is None or each.ended:
                    continue
                self._flush(handle, each, now_ms, ended)
                self._go_on(handle, each)
                if not each.ended:
                    wheel[(number + each.interval) % len(wheel)].append(handle)
        self._slice = max(self._slice, slice_number)
        return ended

    # Below the surface

    def _used(self, slot: int) -> _Slot:
        if not 0 <= slot < len(self._slots):
            raise IndexError("there is no such slot")
        if not self._slots[slot].used:
            raise ValueError("there is no such slot")
        return self._slots[slot]

    def _client(self, handle: int) -> _Client:
        if handle not in self._clients:
            raise IndexError("there is no such client")
        return self._clients[handle]

    def _check_interval(self, interval_slices: int) -> None:
        if not 0 < interval_slices < len(self._wheel):
            raise ValueError("the interval is not within the wheel")

    def _follow(self, subscription: _Subscription, by: int) -> None:
        for slot in subscription.slots:
            self._slots[slot].followers += by
        if subscription.header >= 0:
            self._slots[subscription.header].followers += by

    def _hurry(self, handle: int, each: _Client) -> None:
        if not each.urgent:
            each.urgent = True
            self._urgent.append(handle)

    def _go_on(self, handle: int, each: _Client) -> None:
        # A frame of which the socket takes parts is finished with the next ticks, not with the
        # interval; one that takes nothing is left alone until then.
        if each.remainder and not (each.ended or each.stuck_since_ms):
            self._hurry(handle, each)

    def _flush(self, handle: int, each: _Client, now_ms: int, ended: list[tuple[int, int]]) -> None:
        if len(each.control) > self._control_bytes_max:
            self._end(handle, each, Ending.OVERFULL, ended)
            return
        begun = len(each.remainder)
        frames = [each.remainder, bytes(each.control)]
        told = ordered = begun + len(each.control)
        news: list[tuple[_Subscription, int]] = []
        if not begun and not each.closing:
            composed = [(news_of, self._compose(each, news_of)) for news_of in each.subscriptions]
            if each.skipped and any(frame for _, frame in composed):
                frames.append(_frame(Opcode.TEXT, b'["slow",%d]' % each.skipped))
                told += len(frames[-1])
            end = told
            for subscription, frame in composed:
                if frame is not None:
                    frames.append(frame)
                    end += len(frame)
                    news.append((subscription, end))
        data = b"".join(frames)
        if not data:
            each.stuck_since_ms = 0
            if each.closing:
                self._end(handle, each, Ending.CLOSED, ended)
            return
        try:
            taken = os.write(each.descriptor, data)
        except BlockingIOError:
            taken = 0
        except OSError:
            self.stats["sends"] += 1
            self._end(handle, each, Ending.GONE, ended)
            return
        self.stats["sends"] += 1
        self.stats["bytes"] += taken
        if not taken:
            self._skip(each)
            each.stuck_since_ms = each.stuck_since_ms or now_ms
            if now_ms > each.stuck_since_ms + self._stalled_ms_max:
                self._end(handle, each, Ending.STALLED, ended)
            return
        each.stuck_since_ms = 0
        self._taken(each, taken, _Flight(data, begun, ordered, told, news))
        if each.closing and not (each.control or each.remainder):
            self._end(handle, each, Ending.CLOSED, ended)

    def _taken(self, each: _Client, taken: int, flight: _Flight) -> None:
        """Move what the socket took out of what waits."""
        begun, ordered = flight.begun, flight.ordered
        if taken < ordered or (taken == ordered and ordered != len(flight.data)):
            if taken < begun:
                each.remainder = each.remainder[taken:]
                return
            # What was ordered goes first and whole; the rest is composed anew later.
            each.remainder = flight.data[taken:ordered]
            each.control.clear()
            if taken == ordered:
                self._skip(each)
            return
        each.control.clear()
        if not begun:
            each.skipped = 0
        # One frame that was begun is all that a slow reader keeps here; those behind it are
        # composed anew.
        end = flight.told
        for subscription, its_end in flight.news:
            if taken <= end:
                break
            end = its_end
            if subscription.snapshot:
                subscription.number = 0
                subscription.head = b""
            else:
                subscription.number += 1
                subscription.told = self.sequence
            subscription.snapshot = False
            subscription.seen = self.sequence
        each.remainder = flight.data[taken:end]

    def _end(
        self, handle: int, each: _Client, ending: Ending, ended: list[tuple[int, int]]
    ) -> None:
        each.ended = True
        ended.append((handle, ending))

    def _skip(self, each: _Client) -> None:
        self.stats["skipped"] += 1
        each.skipped += 1

    def _header_since(self, header: _Slot, seen: int) -> bytes:
        if not header.parts:
            return header.json if header.sequence > seen else b""
        members = [
            b'"%b":%b' % (name.encode(), slot.json)
            for name, part in header.parts
            if (slot := self._slots[part]).json and slot.sequence > seen
        ]
        return b"{%b}" % b",".join(members) if members else b""

    def _compose(self, each: _Client, subscription: _Subscription) -> bytes | None:
        rows = [
            slot
            for place in subscription.slots
            if (slot := self._slots[place]).json
            and (subscription.snapshot or slot.sequence > subscription.seen)
        ]
        header = b""
        if subscription.header >= 0:
            header = self._header_since(self._slots[subscription.header], subscription.told)
        if not (subscription.snapshot or rows or header):
            return None
        self.stats["frames"] += 1
        self.stats["rows"] += len(rows)
        number = 0 if subscription.snapshot else subscription.number + 1
        if each.binary:
            kind = _SNAPSHOT if subscription.snapshot else _CHANGES
            numbers = b"".join(
                value.to_bytes(4, "little") for value in (subscription.id, number, len(rows))
            )
            end = subscription.head if subscription.snapshot else header
            body = bytes((kind, subscription.layout, 0, 0)) + numbers
            body += self.sequence.to_bytes(8, "little")
            return _frame(Opcode.BINARY, body + b"".join(slot.binary for slot in rows) + end)
        joined = b",".join(slot.json for slot in rows)
        if subscription.snapshot:
            parts = (subscription.id, subscription.head, joined, self.sequence)
            return _frame(Opcode.TEXT, b'["snapshot",%d,0,%b,[%b],%d]' % parts)
        changes = (subscription.id, number, joined, header or b"null", self.sequence)
        return _frame(Opcode.TEXT, b'["changes",%d,%d,[%b],%b,%d]' % changes)


def iter_batch(batch: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, JSON and binary row of each row of a batch, as far as it is whole."""
    at = 0
    while at < len(batch):
        number = int.from_bytes(batch[at : at + 4], "little")
        json = int.from_bytes(batch[at + 4 : at + 6], "little")
        binary = int.from_bytes(batch[at + 6 : at + 8], "little")
        begin, end = at + 8, at + 8 + json + binary
        if end > len(batch):
            raise ValueError("the batch is cut off")
        yield number, batch[begin : begin + json], batch[begin + json : end]
        at = end


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    opcode |= _WHOLE
    if size < 126:
        return bytes((opcode, size)) + payload
    if size <= 0xFFFF:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload
