"""Rows of chains that somebody streams, in the slots of the fan-out.

A chain is listed once: each contract has a slot, and the header has one whose parts are the fields
that can change; the spot is the slot of the underlying's quote, which the book fills anyway. A
change of the chain is one call to the codec per set of JSON columns, whoever follows it. Another
listing of contracts gets slots of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.kernel import limits
from optix.platform.fanout.core import FanOut
from optix.platform.fanout.rows import LAYOUT_CHAIN
from optix.ports.market_data import ChainKey

_BITS: Final = {name: 1 << place for place, name in enumerate(wire.CHAIN_ROW_COLUMNS[1:])}
_ALL: Final = (1 << len(_BITS)) - 1
_CHANGING: Final = ("source", "quality", "as_of", "roots")  # of the header, beside the spot


class ChainSlots:
    """Where the rows of a chain are, with one set of columns in their JSON.

    `slots`, `contracts` and `strikes` are by position, which is what rows call a contract.
    """

    layout: Final = LAYOUT_CHAIN

    def __init__(self, listing: _Listing, columns: int, slots: Sequence[int]) -> None:
        self._listing = listing
        self._bits = columns
        self._numbers = np.array(slots, np.uint32)
        self.slots = list(slots)
        self.columns = ("i", *(name for name, bit in _BITS.items() if columns & bit))

    @property
    def header_slot(self) -> int:
        return self._listing.header_slot

    @property
    def listed(self) -> int:
        """The fan's sequence when this listing began: who has seen it may resume."""
        return self._listing.listed

    @property
    def contracts(self) -> list[list[Any]]:
        return self._listing.replica.contracts

    @property
    def strikes(self) -> NDArray[np.float64]:
        return self._listing.replica.strikes

    def money(self) -> float | None:
        """Return the price of the underlying now, None where there is none."""
        return self._listing.money()

    def head(self, positions: Sequence[int]) -> bytes:
        """Return the header of a snapshot of some rows (docs/streaming.md), as it is now."""
        return self._listing.head(positions, self.columns)

    def put(self, columns: wire.ChainColumns) -> None:
        """Give rows to their slots."""
        self._listing.fan.set_slots(
            wire.ROWS.chain(
                numbers=self._numbers[columns.positions],
                positions=columns.positions.astype(np.uint32),
                quotes=columns.quotes,
                analytics=columns.analytics,
                status=columns.status,
                flags=columns.flags,
                as_of=columns.as_of,
                columns=self._bits,
            )
        )


@dataclass(slots=True)
class Surroundings:
    """What the book knows and a header says of an underlying."""

    spot_slot: int
    money: Callable[[], float | None]
    delay_seconds: Callable[[], int]


class _Listing:
    """The slots of one chain for as long as its contracts stay what they are."""

    def __init__(self, fan: FanOut, replica: ChainReplica, around: Surroundings) -> None:
        self.fan = fan
        self.replica = replica
        self.money = around.money
        self.sets: dict[int, ChainSlots] = {}
        self._around = around
        self._fields = {name: fan.add_slot() for name in _CHANGING}
        self._contracts: list[bytes] = []
        self.header_slot = fan.add_slot()
        fan.set_parts(self.header_slot, [*self._fields.items(), ("spot", around.spot_slot)])
        self.put_header()
        self.listed = fan.sequence

    def open(self, bits: int) -> ChainSlots:
        if bits not in self.sets and len(self.sets.keys() - {_ALL}) >= limits.CHAIN_COLUMN_SETS_MAX:
            bits = _ALL
        found = self.sets.get(bits)
        if found is None:
            slots = [self.fan.add_slot() for _ in range(len(self.replica))]
            found = self.sets[bits] = ChainSlots(self, bits, slots)
            found.put(self.replica.columns)
        return found

    def put_header(self) -> None:
        for name, slot in self._fields.items():
            json = orjson.dumps(self.replica.header[name])
            if json != self.fan.json(slot):
                self.fan.set(slot, json, b"")

    def put_rows(self, positions: NDArray[np.intp]) -> None:
        if positions.size:
            rows = self.replica.columns.take(positions)
            for each in self.sets.values():
                each.put(rows)

    def head(self, positions: Sequence[int], columns: tuple[str, ...]) -> bytes:
        if not self._contracts:
            self._contracts = [
                orjson.dumps([place, *contract])
                for place, contract in enumerate(self.replica.contracts)
            ]
        fixed = {
            "kind": "chain",
            "underlying": self.replica.key.underlying,
            "expiration": self.replica.key.expiration,
            "delay_seconds": self._around.delay_seconds(),
            "columns": columns,
        }
        changing = b"".join(
            b',"%b":%b' % (name.encode(), self.fan.json(slot))
            for name, slot in self._fields.items()
        )
        spot = self.fan.json(self._around.spot_slot) or b"null"
        contracts = b",".join([self._contracts[position] for position in positions])
        parts = (orjson.dumps(fixed)[:-1], changing, spot, contracts)
        return b'%b%b,"spot":%b,"contracts":[%b]}' % parts

    def close(self) -> list[int]:
        """End it; return its slots, which go once nobody follows them any more."""
        self.fan.set_parts(self.header_slot, ())  # nothing of it changes from now on
        rows = [slot for each in self.sets.values() for slot in each.slots]
        return [self.header_slot, *self._fields.values(), *rows]


class ListedChains:
    """The slots of all chains that somebody streams, in one fan-out."""

    def __init__(self, fan: FanOut) -> None:
        self._fan = fan
        self._listings: dict[ChainKey, _Listing] = {}
        self._leaving: list[int] = []

    def __contains__(self, key: ChainKey) -> bool:
        return key in self._listings

    @property
    def underlyings(self) -> set[str]:
        """Whose quotes are parts of headers."""
        return {key.underlying for key in self._listings}

    def open(
        self, replica: ChainReplica, columns: Sequence[str], around: Surroundings
    ) -> ChainSlots:
        """Return the slots of a chain with these columns in JSON; none named are all.

        Names that are no columns are passed over. A chain has few sets of columns: who comes later
        is given all of them.
        """
        listing = self._listings.get(replica.key)
        if listing is None:
            listing = self._listings[replica.key] = _Listing(self._fan, replica, around)
        bits = sum(_BITS[name] for name in set(columns) if name in _BITS)
        return listing.open(bits or _ALL)

    def replace(self, replica: ChainReplica) -> bool:
        """Take a chain that was loaded anew; tell whether its slots are others from now on."""
        listing = self._listings.get(replica.key)
        if listing is None:
            return False
        if listing.replica.contracts != replica.contracts:
            self.drop(replica.key)
            return True
        changed = replica.differing(listing.replica)
        listing.replica = replica
        listing.put_header()
        listing.put_rows(changed)
        return False

    def change(self, key: ChainKey, positions: NDArray[np.intp], *, header: bool) -> None:
        """Rows of a chain changed, and its header where `header` says so."""
        listing = self._listings.get(key)
        if listing is not None:
            if header:
                listing.put_header()
            listing.put_rows(positions)

    def drop(self, key: ChainKey) -> None:
        """Forget a chain. Its slots stay until nobody follows them: see `sweep`."""
        listing = self._listings.pop(key, None)
        if listing is not None:
            self._leaving += listing.close()
            self.sweep()

    def sweep(self) -> None:
        """Remove slots of chains that are gone and that nobody follows any more."""
        followed = []
        for slot in self._leaving:
            try:
                self._fan.remove_slot(slot)
            except ValueError:
                followed.append(slot)
        self._leaving = followed
