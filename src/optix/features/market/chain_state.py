"""The feed's side of one expiration: the merged quotes, their analytics, and what was published.

Not here: any I/O. The engine feeds updates in and publishes what comes out.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from optix.features.market import wire
from optix.features.market.pricing import STATUS_WORDS, PricedChain, RootAnalytics, RootTerms
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable
from optix.kernel.instrument import OptionContract
from optix.ports.market_data import ChainKey

FloatArray = npt.NDArray[np.float64]
Terms = Mapping[tuple[str, date], RootTerms]

_QUOTE_COLUMNS: Final = ("bid", "ask", "bid_size", "ask_size", "last", "volume")
_ANALYTICS: Final = ("iv", "delta", "gamma", "theta", "vega", "rho")
# Analytics are sent again when they moved by more than this share of their size (or the floor):
# every repricing moves the tenth digit of every row, which nobody sees and every phone would pay.
_MOVED_SHARE: Final = 2e-4
_MOVED_FLOOR: Final = {
    "iv": 1e-2,
    "delta": 1e-1,
    "gamma": 1e-3,
    "theta": 1e-3,
    "vega": 1e-2,
    "rho": 1e-2,
}


@dataclass(slots=True)
class ChainChanges:
    """What a publication of one chain says: rows, and the header where it changed."""

    sequence: int
    rows: list[list[Any]]
    header: dict[str, Any] | None
    relisted: bool


@dataclass(frozen=True, slots=True)
class _Published:
    """The state readers have: one consistent set of quotes, analytics and listing."""

    table: ChainTable
    matrix: FloatArray
    header: dict[str, Any]


@dataclass(slots=True)
class ChainState:
    """One expiration of one underlying as the feed holds it."""

    key: ChainKey
    table: ChainTable
    index: dict[OptionContract, int]
    sequence: int = 0
    loaded_ns: int = 0  # wall time of the last update
    _published: _Published | None = None

    @classmethod
    def of(cls, key: ChainKey, table: ChainTable) -> ChainState:
        table = _ordered(table)
        return cls(key=key, table=table, index=_index(table))

    @property
    def is_published(self) -> bool:
        return self._published is not None

    @property
    def header(self) -> dict[str, Any] | None:
        """The published header, None before the first publication."""
        return None if self._published is None else self._published.header

    def merge(self, update: ChainTable) -> None:
        """Take an update in: a whole expiration replaces, a partial one overwrites its rows."""
        if not update.complete and all(c in self.index for c in update.contracts):
            self._overwrite(update)
            return
        table = _ordered(update if update.complete else _joined(self.table, update))
        if table.contracts != self.table.contracts:
            self.index = _index(table)
        self.table = table

    def _overwrite(self, update: ChainTable) -> None:
        positions = [self.index[contract] for contract in update.contracts]
        stamps = self.table.row_ts_event
        assert stamps is not None, "ordered tables have stamps"
        for name in CHAIN_COLUMNS:
            mine, theirs = self.table.columns[name], update.columns[name]
            for position, value in zip(positions, theirs, strict=True):
                mine[position] = value
        given = update.row_ts_event
        for row, position in enumerate(positions):
            stamps[position] = given[row] if given is not None else update.ts_event
        self.table = replace(
            self.table,
            ts_event=max(self.table.ts_event, update.ts_event),
            ts_received=update.ts_received,
            spot=update.spot or self.table.spot,
        )

    def snapshot(self) -> ChainTable:
        """Return a copy whose columns no later update touches, for pricing in another thread."""
        stamps = self.table.row_ts_event
        assert stamps is not None, "ordered tables have stamps"
        return replace(
            self.table,
            columns={name: array("d", column) for name, column in self.table.columns.items()},
            row_ts_event=array("q", stamps),
        )

    def publish(self, table: ChainTable, priced: PricedChain, terms: Terms) -> ChainChanges | None:
        """Make a priced snapshot the public state; return what changed for readers, if anything."""
        before = self._published
        relisted = before is None or _listing_differs(table, before.table)
        matrix = _matrix(table, priced)
        header = self._make_header(table, priced, terms)
        changed = np.arange(0)
        if before is not None and not relisted:
            changed = np.flatnonzero(_rows_differ(matrix, before.matrix))
            header_same = header == before.header
            if header_same and changed.size == 0:
                return None
            # Rows that moved too little to be sent keep the values readers have, or else many
            # small moves would never add up to one that is sent.
            kept = before.matrix.copy()
            kept[changed] = matrix[changed]
            matrix = kept
        else:
            header_same = False
        self.sequence += 1
        self._published = _Published(table, matrix, header)
        return ChainChanges(
            sequence=self.sequence,
            rows=_rows(table, matrix, changed),
            header=None if header_same else header,
            relisted=relisted,
        )

    def dump(self, epoch: str) -> dict[str, Any]:
        """Return the whole published state, as kept in Redis for late readers."""
        assert self._published is not None, "dump before the first publication"
        table = self._published.table
        columns = table.columns
        return {
            "e": epoch,
            "s": self.sequence,
            "h": self._published.header,
            "contracts": [
                [contract.key, contract.root, contract.right, contract.strike, oi, previous]
                for contract, oi, previous in zip(
                    table.contracts,
                    columns["open_interest"],
                    columns["previous_close"],
                    strict=True,
                )
            ],
            "rows": _rows(table, self._published.matrix, np.arange(len(table))),
            "rejected": [
                {"raw": row.raw, "code": row.code, "reason": row.reason} for row in table.rejected
            ],
        }

    def _make_header(self, table: ChainTable, priced: PricedChain, terms: Terms) -> dict[str, Any]:
        return {
            "underlying": self.key.underlying,
            "expiration": self.key.expiration.isoformat(),
            "source": table.source,
            "quality": table.quality,
            "as_of": table.ts_event // 1_000_000,
            "received": table.ts_received // 1_000_000,
            "roots": [
                _root_header(priced.roots[name], terms[name]) for name in sorted(priced.roots)
            ],
        }


def _matrix(table: ChainTable, priced: PricedChain) -> FloatArray:
    stamps = table.row_ts_event
    assert stamps is not None, "ordered tables have stamps"
    columns = [np.array(table.columns[name]) for name in _QUOTE_COLUMNS]
    columns += [round_significant(getattr(priced, name)) for name in _ANALYTICS]
    columns += [
        priced.status.astype(np.float64),
        priced.flags.astype(np.float64),
        (np.array(stamps, dtype=np.int64) // 1_000_000).astype(np.float64),
    ]
    return np.column_stack(columns)


def _rows(
    table: ChainTable, matrix: FloatArray, positions: npt.NDArray[np.intp]
) -> list[list[Any]]:
    vendor = [table.columns["vendor_" + name] for name in wire.VENDOR_COLUMNS]
    has_vendor = not all(np.isnan(column).all() for column in vendor)
    rows: list[list[Any]] = []
    for position, values in zip(positions.tolist(), matrix[positions].tolist(), strict=True):
        row = [position, *values[:12]]
        row += [STATUS_WORDS[int(values[12])], int(values[13]), int(values[14])]
        if has_vendor:
            row += [column[position] for column in vendor]
        rows.append(row)
    return rows


def split_by_expiration(table: ChainTable) -> dict[date, ChainTable]:
    """Return one table per expiration; rejected rows go with the first, so that none is lost."""
    groups: dict[date, list[int]] = {}
    for position, contract in enumerate(table.contracts):
        groups.setdefault(contract.expiration, []).append(position)
    if len(groups) == 1:
        return {next(iter(groups)): table}
    parts: dict[date, ChainTable] = {}
    for number, expiration in enumerate(sorted(groups)):
        part = take_rows(table, groups[expiration])
        parts[expiration] = part if number == 0 else replace(part, rejected=())
    return parts


def round_significant(values: FloatArray, digits: int = 7) -> FloatArray:
    """Return `values` rounded to `digits` significant digits: what travels, not what is computed.

    Seven digits are more than a quote can support and half the bytes of sixteen.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    # Beyond 290 the scale would overflow; a gamma as small as that is nothing.
    exponent = np.clip(np.where(np.isfinite(exponent), exponent, 0.0), -290.0, 290.0)
    scale = np.power(10.0, digits - 1 - exponent)
    rounded: FloatArray = np.round(values * scale) / scale
    return rounded


def _rows_differ(new: FloatArray, old: FloatArray) -> npt.NDArray[np.bool_]:
    exact = [0, 1, 2, 3, 4, 5, 12, 13]
    same = (new[:, exact] == old[:, exact]) | (np.isnan(new[:, exact]) & np.isnan(old[:, exact]))
    differ: npt.NDArray[np.bool_] = ~same.all(axis=1)
    for offset, name in enumerate(_ANALYTICS):
        a, b = new[:, 6 + offset], old[:, 6 + offset]
        size = np.maximum(np.abs(b), _MOVED_FLOOR[name])
        moved = np.abs(a - b) > _MOVED_SHARE * size
        differ |= moved | (np.isnan(a) != np.isnan(b))
    return differ


def _root_header(analytics: RootAnalytics, terms: RootTerms) -> dict[str, Any]:
    def number(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.7g}")

    return {
        "root": terms.root,
        "style": terms.style,
        "settlement": terms.settlement,
        "settles_at": wire.iso_ns(terms.settles_at_ns),
        "expiry_years": number(analytics.expiry_years),
        "forward": number(analytics.forward),
        "rate": number(analytics.rate),
        "forward_method": analytics.forward_method,
        "forward_pairs": analytics.forward_pairs,
        "atm_iv": number(analytics.atm_iv),
        "expected_move": number(analytics.expected_move),
        "model": analytics.model,
    }


def _index(table: ChainTable) -> dict[OptionContract, int]:
    return {contract: position for position, contract in enumerate(table.contracts)}


def take_rows(table: ChainTable, positions: list[int]) -> ChainTable:
    """Return the table of some rows, in the order given."""
    stamps = table.row_ts_event
    return replace(
        table,
        contracts=[table.contracts[p] for p in positions],
        columns={
            name: array("d", [column[p] for p in positions])
            for name, column in table.columns.items()
        },
        row_ts_event=None if stamps is None else array("q", [stamps[p] for p in positions]),
    )


def _ordered(table: ChainTable) -> ChainTable:
    """Return the table by strike, root and right, with an instant for every row."""
    contracts = table.contracts
    order = sorted(
        range(len(contracts)),
        key=lambda p: (contracts[p].strike_milli, contracts[p].root, contracts[p].right),
    )
    ordered = take_rows(table, order)
    if ordered.row_ts_event is not None:
        return ordered
    return replace(ordered, row_ts_event=array("q", [table.ts_event]) * len(order))


def _joined(old: ChainTable, new: ChainTable) -> ChainTable:
    """Return `old` overwritten and extended by the rows of `new`."""
    fresh = set(new.contracts)
    kept = take_rows(old, [p for p, c in enumerate(old.contracts) if c not in fresh])
    assert kept.row_ts_event is not None
    stamps = new.row_ts_event
    if stamps is None:
        stamps = array("q", [new.ts_event]) * len(new)
    return replace(
        new,
        contracts=[*kept.contracts, *new.contracts],
        columns={name: kept.columns[name] + new.columns[name] for name in CHAIN_COLUMNS},
        row_ts_event=kept.row_ts_event + stamps,
        ts_event=max(old.ts_event, new.ts_event),
        spot=new.spot or old.spot,
        rejected=(*old.rejected, *new.rejected),
        complete=True,
    )


def _listing_differs(new: ChainTable, old: ChainTable) -> bool:
    """Tell whether what readers load once (contracts, open interest, rejected rows) changed."""
    if list(new.contracts) != list(old.contracts) or len(new.rejected) != len(old.rejected):
        return True
    return not all(
        np.array_equal(np.array(new.columns[name]), np.array(old.columns[name]), equal_nan=True)
        for name in ("open_interest", "previous_close")
    )
