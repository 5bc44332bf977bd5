"""Where the fan keeps the quotes that this process follows, and what its own readers make of them.

A symbol has two slots: the row that clients get, and beside it what only readers in this process
need (`wire.QUOTE_TAIL`). Rows of the bus go into both without Python; a reader parses a row when it
asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from optix.features.market import wire
from optix.kernel.quote import Quote, TradingState
from optix.platform.fanout.core import FanOut

_NAME_BYTES = 4  # of a binary row: its number among the clients of this process


@dataclass(frozen=True, slots=True)
class QuoteSlot:
    """Where a quote is: `number` names it in binary rows, as long as the process lives."""

    number: int
    slot: int


@dataclass(frozen=True, slots=True)
class QuoteReplica:
    """One quote as it is now. `sequence` is the fan's when it last changed."""

    quote: Quote
    sequence: int
    fragment: bytes  # the row of docs/streaming.md
    trading_state: TradingState | None
    trading_reason: str


class QuoteSlots:
    """The slots of the quotes of one market."""

    def __init__(self, fan: FanOut) -> None:
        self._fan = fan
        self._rows: dict[str, int] = {}
        self._tails: dict[str, int] = {}
        self._bound: dict[str, int] = {}  # by which number of the feed
        self._names: dict[str, int] = {}  # kept for good: a client may come back with its own

    @property
    def symbols(self) -> list[str]:
        """What has a slot."""
        return list(self._rows)

    def __contains__(self, symbol: str) -> bool:
        """Tell whether there is a row of a symbol."""
        slot = self._rows.get(symbol)
        return slot is not None and bool(self._fan.json(slot))

    def __getitem__(self, symbol: str) -> QuoteReplica:
        """Raises KeyError where there is no row."""
        replica = self.find(symbol)
        if replica is None:
            raise KeyError(symbol)
        return replica

    def find(self, symbol: str) -> QuoteReplica | None:
        """Return a quote as it is now, None where there is none."""
        slot = self._rows.get(symbol)
        if slot is None:
            return None
        fragment = self._fan.json(slot)
        if not fragment:
            return None
        row = orjson.loads(fragment) + orjson.loads(self._fan.json(self._tails[symbol]))
        trading_state, trading_reason = wire.load_trading(row)
        return QuoteReplica(
            quote=wire.load_quote(row),
            sequence=self._fan.sequence_of(slot),
            fragment=fragment,
            trading_state=trading_state,
            trading_reason=trading_reason,
        )

    def sequence_of(self, symbol: str) -> int:
        """Return the fan's sequence when a row last changed, 0 where there is none."""
        slot = self._rows.get(symbol)
        return 0 if slot is None else self._fan.sequence_of(slot)

    def get_slot(self, symbol: str) -> QuoteSlot:
        """Return where a symbol's rows go, from now on if they went nowhere."""
        if symbol not in self._rows:
            self._rows[symbol] = self._fan.add_slot()
            self._tails[symbol] = self._fan.add_slot()
        name = self._names.setdefault(symbol, len(self._names) + 1)
        return QuoteSlot(name, self._rows[symbol])

    def set(self, symbol: str, json: bytes, binary: bytes, tail: bytes) -> None:
        """Make this the newest row, unless it is that already: clients have it then."""
        place = self.get_slot(symbol)
        named = place.number.to_bytes(_NAME_BYTES, "little") + binary[_NAME_BYTES:]
        if (json, named) != (self._fan.json(place.slot), self._fan.binary(place.slot)):
            self._fan.set(place.slot, json, named)
        self._fan.set(self._tails[symbol], tail, b"")

    def bind(self, symbol: str, number: int) -> None:
        """Let rows go into the slots of a symbol by its number in this run of the feed."""
        place = self.get_slot(symbol)
        self._fan.bind(2 * number, place.slot, place.number)
        self._fan.bind(2 * number + 1, self._tails[symbol])
        self._bound[symbol] = number

    def bind_held(self, numbers: Mapping[str, int]) -> None:
        """Do so for those that have slots."""
        for symbol in numbers.keys() & self._rows.keys():
            self.bind(symbol, numbers[symbol])

    def unbind(self) -> None:
        """Forget all numbers: another run of the feed has its own."""
        for number in self._bound.values():
            self._fan.unbind(2 * number)
            self._fan.unbind(2 * number + 1)
        self._bound = {}

    def take(self, batch: bytes) -> None:
        """Take a batch of the bus. Raises ValueError where it is cut off."""
        self._fan.set_many(batch)

    def remove(self, symbol: str) -> None:
        """Let a symbol go, unless the fan has a client that still follows it."""
        slot = self._rows.get(symbol)
        if slot is None:
            return
        try:
            self._fan.remove_slot(slot)
        except ValueError:
            return  # its client is about to be removed
        self._fan.remove_slot(self._tails[symbol])
        del self._rows[symbol], self._tails[symbol]
        self._bound.pop(symbol, None)
