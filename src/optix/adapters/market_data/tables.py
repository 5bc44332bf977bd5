"""Chain tables as adapters build them: one whole underlying, cut into its expirations.

A document or a file names every contract of an underlying at one instant. `Snapshot` keeps that,
its rejected rows beside it, and hands out one expiration at a time, which is what the feed wants.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import numpy.typing as npt

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote
from optix.kernel.roots import settlement_of, style_of
from optix.ports.market_data import Expiration, UnknownExpiration

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected row and the contract it names, where that could be read."""

    row: RejectedRow
    contract: OptionContract | None

    @property
    def expiration(self) -> date | None:
        return None if self.contract is None else self.contract.expiration


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All contracts of one underlying at one instant. Columns are aligned with `contracts`."""

    underlying: str
    quote: Quote
    contracts: Sequence[OptionContract]
    columns: Mapping[str, Floats]
    rejections: Sequence[Rejection]
    rows: int  # how many rows the source had
    source: str
    quality: Quality
    ts_event: int
    ts_received: int
    published_ns: int  # when the source published it
    blanked: Mapping[str, int] = field(default_factory=dict)  # unusable vendor analytics, by field
    _positions: dict[date, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for position, contract in enumerate(self.contracts):
            self._positions.setdefault(contract.expiration, []).append(position)

    def dates(self) -> list[date]:
        """Return the expiration dates that have contracts, ascending."""
        return sorted(self._positions)

    def expirations(self) -> list[Expiration]:
        return expirations_of(self.contracts)

    def chain(self, expiration: date) -> ChainTable:
        """Return one whole expiration. Raises UnknownExpiration."""
        positions = self._positions.get(expiration)
        if positions is None:
            raise unknown_expiration(self.underlying, expiration)
        taken = np.asarray(positions)
        return ChainTable(
            underlying=self.underlying,
            contracts=[self.contracts[position] for position in positions],
            columns={name: column_of(self.columns[name][taken]) for name in CHAIN_COLUMNS},
            source=self.source,
            quality=self.quality,
            ts_event=self.ts_event,
            ts_received=self.ts_received,
            spot=self.quote,
            complete=True,
            # A row whose expiration cannot be read may belong to any date: every one shows it.
            rejected=[
                rejection.row
                for rejection in self.rejections
                if rejection.expiration in {None, expiration}
            ],
        )

    def whole(self, *, ts_event: int) -> ChainTable:
        """Return all expirations in one table, true at `ts_event`."""
        return ChainTable(
            underlying=self.underlying,
            contracts=self.contracts,
            columns={name: column_of(self.columns[name]) for name in CHAIN_COLUMNS},
            source=self.source,
            quality=self.quality,
            ts_event=ts_event,
            ts_received=self.ts_received,
            spot=self.quote,
            rejected=[rejection.row for rejection in self.rejections],
        )

    def chains(self) -> list[ChainTable]:
        return [self.chain(expiration) for expiration in self.dates()]


def column_of(values: Floats) -> array[float]:
    """Return numpy values as a kernel column."""
    column = array("d")
    column.frombytes(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return column


def instants_of(values: npt.NDArray[np.int64]) -> array[int]:
    """Return nanosecond instants as a kernel column."""
    column = array("q")
    column.frombytes(np.ascontiguousarray(values, dtype=np.int64).tobytes())
    return column


def expirations_of(contracts: Iterable[OptionContract]) -> list[Expiration]:
    """Return the expirations of `contracts`, one for each date and root, ascending."""
    counts = Counter((contract.expiration, contract.root) for contract in contracts)
    return [
        Expiration(
            date=expiration,
            root=root,
            style=style_of(root),
            settlement=settlement_of(root, expiration),
            contracts=count,
        )
        for (expiration, root), count in sorted(counts.items())
    ]


def unknown_expiration(underlying: str, expiration: date) -> UnknownExpiration:
    return UnknownExpiration(f"{underlying} has no contracts that expire on {expiration:%Y-%m-%d}.")
