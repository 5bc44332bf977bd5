"""Updates of chains as columns: one part for each expiration, in the order the feed keeps.

A source sends the same contracts in the same order again and again. How they fall apart into
expirations, and how each of those is ordered, is worked out once and remembered. Pure.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optix.features.market.listing import Listing, Positions, listing_of
from optix.kernel import limits
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import OptionContract
from optix.quant.arrays import FloatArray

COLUMN: Final = {name: number for number, name in enumerate(CHAIN_COLUMNS)}

Instants = NDArray[np.int64]


class ChainPart(NamedTuple):
    """The rows of one expiration in an update.

    Shapes:  values (columns of `CHAIN_COLUMNS`, rows), ts_event (rows,); both are the part's own.
    """

    expiration: date
    listing: Listing
    values: FloatArray
    ts_event: Instants

    def keep(self, rows: NDArray[np.bool_]) -> ChainPart:
        """Return the part of some rows."""
        chosen = np.flatnonzero(rows)
        contracts = [self.listing.contracts[row] for row in chosen.tolist()]
        return ChainPart(
            self.expiration, listing_of(contracts), self.values[:, chosen], self.ts_event[chosen]
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a list of contracts falls apart."""

    contracts: list[OptionContract]
    parts: tuple[tuple[date, Listing, Positions], ...]


class PartsMaker:
    """Makes parts of tables; remembers how the tables of late fell apart."""

    def __init__(self) -> None:
        self._plans: OrderedDict[tuple[OptionContract, OptionContract, int], _Plan] = OrderedDict()

    def parts_of(self, table: ChainTable) -> list[ChainPart]:
        """Return one part per expiration, by date, its rows by strike, root and right."""
        if not table.contracts:
            return []
        plan = self._plan_of(table.contracts)
        values = np.array([_floats(table.columns[name]) for name in CHAIN_COLUMNS])
        if table.row_ts_event is None:
            instants = np.full(len(table), table.ts_event, dtype=np.int64)
        else:
            instants = np.array(table.row_ts_event, dtype=np.int64)
        return [
            ChainPart(day, listing, values[:, order], instants[order])
            for day, listing, order in plan.parts
        ]

    def _plan_of(self, contracts: Sequence[OptionContract]) -> _Plan:
        name = (contracts[0], contracts[-1], len(contracts))
        plan = self._plans.get(name)
        if plan is not None and plan.contracts == contracts:
            self._plans.move_to_end(name)
            return plan
        plan = self._plans[name] = _plan_of(list(contracts))
        if len(self._plans) > limits.CHAINS_KEPT_MAX:
            self._plans.popitem(last=False)
        return plan


def _plan_of(contracts: list[OptionContract]) -> _Plan:
    order = sorted(range(len(contracts)), key=lambda row: _place(contracts[row]))
    days = [contracts[row].expiration for row in order]
    first = [row for row in range(len(days)) if row == 0 or days[row] != days[row - 1]]
    parts = []
    for begin, end in zip(first, [*first[1:], len(days)], strict=True):
        rows = order[begin:end]
        listing = listing_of([contracts[row] for row in rows])
        parts.append((days[begin], listing, np.array(rows, dtype=np.intp)))
    return _Plan(contracts, tuple(parts))


def joined(old: ChainPart, new: ChainPart) -> ChainPart:
    """Return `old` overwritten and extended by the rows of `new`, in order."""
    kept = np.array([contract not in new.listing.index for contract in old.listing.contracts])
    before = old.keep(kept)
    contracts = [*before.listing.contracts, *new.listing.contracts]
    order = sorted(range(len(contracts)), key=lambda row: _place(contracts[row]))
    return ChainPart(
        old.expiration,
        listing_of([contracts[row] for row in order]),
        np.concatenate((before.values, new.values), axis=1)[:, order],
        np.concatenate((before.ts_event, new.ts_event))[order],
    )


def take_rows(table: ChainTable, positions: Sequence[int]) -> ChainTable:
    """Return the table of some rows, in the order given."""
    stamps = table.row_ts_event
    return ChainTable(
        underlying=table.underlying,
        contracts=[table.contracts[p] for p in positions],
        columns={
            name: array("d", [column[p] for p in positions])
            for name, column in table.columns.items()
        },
        source=table.source,
        quality=table.quality,
        ts_event=table.ts_event,
        ts_received=table.ts_received,
        row_ts_event=None if stamps is None else array("q", [stamps[p] for p in positions]),
        spot=table.spot,
        complete=table.complete,
        rejected=table.rejected,
    )


def _place(contract: OptionContract) -> tuple[date, int, str, str]:
    return contract.expiration, contract.strike_milli, contract.root, contract.right


def _floats(column: array[float]) -> FloatArray:
    return np.frombuffer(column, dtype=np.float64) if len(column) else np.empty(0)
