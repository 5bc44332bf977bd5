"""Chains out of snapshots and single contracts.

A provider's stream speaks of one contract at a time; its REST answer is a chain of a moment ago.
Here the answer is the ground, ticks lie over it, and what goes out is either a whole expiration or
only the contracts that changed, each with all its columns and its own time.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from optix.adapters.market_data.streaming.book import Change
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quote
from optix.ports.market_data import ChainKey


class _Cell(NamedTuple):
    value: float
    ts_event: int


@dataclass(slots=True)
class _Chain:
    table: ChainTable  # its columns are this chain's own copy
    row_ts: array[int]
    ts_event: int  # of the newest thing that went out
    overlay: dict[int, dict[str, _Cell]] = field(default_factory=dict)  # what ticks said, by row
    changed: set[int] = field(default_factory=set)


class ChainAssembler:
    """Keeps the demanded chains of one provider."""

    def __init__(self) -> None:
        self._chains: dict[ChainKey, _Chain] = {}
        self._places: dict[str, tuple[_Chain, int]] = {}

    def contracts(self, key: ChainKey) -> Sequence[OptionContract] | None:
        """Return the contracts of a chain, None where it was not seen whole yet."""
        chain = self._chains.get(key)
        return None if chain is None else chain.table.contracts

    def take_snapshot(self, key: ChainKey, table: ChainTable) -> ChainTable:
        """Make `table` the ground of its chain and return it with the newer ticks over it."""
        before = self._chains.get(key)
        row_ts = array("q", table.row_ts_event or [table.ts_event] * len(table))
        own = replace(
            table, columns={name: array("d", table.columns[name]) for name in table.columns}
        )
        chain = _Chain(own, row_ts, max(table.ts_event, before.ts_event if before else 0))
        if before is not None:
            self._drop(before)
            self._carry_over(before, chain)
        for row, contract in enumerate(table.contracts):
            self._places[contract.key] = (chain, row)
        self._chains[key] = chain
        chain.ts_event = max(chain.ts_event, *row_ts) if row_ts else chain.ts_event
        return replace(
            own,
            columns={name: array("d", own.columns[name]) for name in CHAIN_COLUMNS},
            row_ts_event=array("q", row_ts),
            ts_event=chain.ts_event,
            ts_received=max(table.ts_received, chain.ts_event),
        )

    def take_change(self, change: Change) -> bool:
        """Apply a contract's change; False where no chain has the contract."""
        place = self._places.get(change.symbol)
        if place is None:
            return False
        chain, row = place
        overlay = chain.overlay.setdefault(row, {})
        for name, value in change.fields.items():
            if name in chain.table.columns:
                chain.table.columns[name][row] = value
                overlay[name] = _Cell(value, change.ts_event)
        chain.row_ts[row] = max(chain.row_ts[row], change.ts_event)
        chain.changed.add(row)
        return True

    def pop_partials(self, keys: Collection[ChainKey], received_ns: int) -> list[ChainTable]:
        """Return the changed contracts of `keys`, one table for each chain, and forget they did."""
        tables = []
        for key in sorted(keys):
            chain = self._chains.get(key)
            if chain is not None and chain.changed:
                tables.append(_partial(chain, received_ns))
        return tables

    def forget_ticks(self) -> None:
        """After a gap, what ticks said before it must not lie over what a snapshot says now."""
        for chain in self._chains.values():
            chain.overlay.clear()

    def keep_only(self, keys: Collection[ChainKey]) -> None:
        """Forget chains that nobody wants."""
        for key in [key for key in self._chains if key not in keys]:
            self._drop(self._chains.pop(key))

    def spot(self, key: ChainKey) -> Quote | None:
        chain = self._chains.get(key)
        return None if chain is None else chain.table.spot

    def _drop(self, chain: _Chain) -> None:
        for contract in chain.table.contracts:
            place = self._places.get(contract.key)
            if place is not None and place[0] is chain:
                del self._places[contract.key]

    @staticmethod
    def _carry_over(before: _Chain, chain: _Chain) -> None:
        """Put ticks that are newer than the snapshot's row over it, column by column."""
        rows = {contract.key: row for row, contract in enumerate(chain.table.contracts)}
        for old_row, cells in before.overlay.items():
            row = rows.get(before.table.contracts[old_row].key)
            if row is None:
                continue
            newer = {
                name: cell for name, cell in cells.items() if cell.ts_event > chain.row_ts[row]
            }
            for name, cell in newer.items():
                chain.table.columns[name][row] = cell.value
            if newer:
                chain.overlay[row] = newer
                newest = max(cell.ts_event for cell in newer.values())
                chain.row_ts[row] = max(chain.row_ts[row], newest)


def _partial(chain: _Chain, received_ns: int) -> ChainTable:
    rows = sorted(chain.changed)
    chain.changed.clear()
    row_ts = array("q", [chain.row_ts[row] for row in rows])
    chain.ts_event = max(chain.ts_event, *row_ts)
    table = chain.table
    return ChainTable(
        underlying=table.underlying,
        contracts=[table.contracts[row] for row in rows],
        columns={
            name: array("d", [table.columns[name][row] for row in rows]) for name in CHAIN_COLUMNS
        },
        source=table.source,
        quality=table.quality,
        ts_event=chain.ts_event,
        ts_received=max(received_ns, chain.ts_event),
        row_ts_event=row_ts,
        complete=False,
        flags=table.flags,
    )
