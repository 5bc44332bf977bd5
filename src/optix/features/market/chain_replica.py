"""A reader's copy of one expiration: columns as they travelled, and objects made when asked for.

Rows stay columns from the feed to the wire. Only the object of the REST chain is made row by row,
when it is first asked for, and kept until its row changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from optix.features.market import wire
from optix.features.market.schemas import FlagName
from optix.kernel.instrument import Right
from optix.kernel.quote import QuoteFlag
from optix.ports.market_data import ChainKey

_FLAG_NAMES: Final[dict[QuoteFlag, FlagName]] = {
    QuoteFlag.CROSSED: "crossed",
    QuoteFlag.LOCKED: "locked",
    QuoteFlag.NO_BID: "no_bid",
    QuoteFlag.NO_ASK: "no_ask",
    QuoteFlag.WIDE: "wide",
    QuoteFlag.NO_QUOTE: "no_quote",
    QuoteFlag.OUTLIER: "outlier",
    QuoteFlag.INDICATIVE: "indicative",
}
_DELTA: Final = wire.ANALYSED_COLUMNS.index("delta")


@dataclass(slots=True)
class ChainReplica:
    """One expiration as published. `columns` holds every row, in the order of `contracts`."""

    key: ChainKey
    epoch: str
    sequence: int
    header: dict[str, Any]
    contracts: list[list[Any]]  # wire.CONTRACT_COLUMNS
    columns: wire.ChainColumns
    rejected: list[dict[str, str]]
    strikes: npt.NDArray[np.float64]
    is_call: npt.NDArray[np.bool_]
    _objects: list[bytes | None]

    @classmethod
    def load(cls, key: ChainKey, body: dict[str, Any]) -> ChainReplica:
        """Return the replica of a whole state as kept in Redis."""
        contracts = body["contracts"]
        columns = wire.load_columns(body["rows"])
        assert columns.positions.tolist() == list(range(len(contracts))), "a state is whole"
        return cls(
            key=key,
            epoch=body["e"],
            sequence=body["s"],
            header=body["h"],
            contracts=contracts,
            columns=columns,
            rejected=body["rejected"],
            strikes=np.array([contract[3] for contract in contracts], dtype=np.float64),
            is_call=np.array([contract[2] == Right.CALL for contract in contracts], dtype=np.bool_),
            _objects=[None] * len(contracts),
        )

    def __len__(self) -> int:
        return len(self.contracts)

    def apply(self, change: dict[str, Any]) -> npt.NDArray[np.intp]:
        """Take one published change in; return which rows changed. Its sequence was checked."""
        self.sequence = change["s"]
        if change["h"] is not None:
            self.header = change["h"]
        rows = wire.load_columns(change["r"])
        places = rows.positions
        columns = self.columns
        if rows.vendor is not None and columns.vendor is None:
            missing = np.full((len(wire.VENDOR_COLUMNS), len(self)), np.nan)
            columns = self.columns = columns._replace(vendor=missing)
        columns.quotes[:, places] = rows.quotes
        columns.analytics[:, places] = rows.analytics
        columns.status[places] = rows.status
        columns.flags[places] = rows.flags
        columns.as_of[places] = rows.as_of
        if columns.vendor is not None:
            columns.vendor[:, places] = np.nan if rows.vendor is None else rows.vendor
        for position in places.tolist():
            self._objects[position] = None
        return places

    def differing(self, other: ChainReplica) -> npt.NDArray[np.intp]:
        """Return which rows are not the same in another copy of the same contracts."""
        mine, others = self.columns, other.columns
        same = (mine.status == others.status) & (mine.flags == others.flags)
        same &= mine.as_of == others.as_of
        for a, b in ((mine.quotes, others.quotes), (mine.analytics, others.analytics)):
            same &= ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=0)
        return np.flatnonzero(~same)

    def object_row(self, position: int) -> bytes:
        """Return the `ChainContract` object of the REST chain."""
        fragment = self._objects[position]
        if fragment is None:
            fragment = orjson.dumps(self.contract(position))
            self._objects[position] = fragment
        return fragment

    def deltas(self) -> npt.NDArray[np.float64]:
        """Return OPTIX deltas, NaN where there is none."""
        deltas: npt.NDArray[np.float64] = self.columns.analytics[_DELTA]
        return deltas

    def position_of(self, key: str) -> int | None:
        """Return the position of a contract, None if it is not listed."""
        return next((i for i, contract in enumerate(self.contracts) if contract[0] == key), None)

    def contract(self, position: int) -> dict[str, Any]:
        """Return the `ChainContract` of a row as plain values."""
        columns = self.columns
        quoted = dict(zip(wire.QUOTED_COLUMNS, _known(columns.quotes[:, position]), strict=True))
        vendor = None if columns.vendor is None else _known(columns.vendor[:, position])
        told = vendor is not None and any(value is not None for value in vendor)
        return {
            **dict(zip(wire.CONTRACT_COLUMNS, self.contracts[position], strict=True)),
            **quoted,
            **dict(zip(wire.ANALYSED_COLUMNS, _known(columns.analytics[:, position]), strict=True)),
            "mid": mid_of(quoted["bid"], quoted["ask"]),
            "status": wire.STATUS_WORDS[columns.status[position]],
            "flags": flag_names(QuoteFlag(int(columns.flags[position]))),
            "as_of": wire.iso_ms(int(columns.as_of[position])),
            "vendor": dict(zip(wire.VENDOR_COLUMNS, vendor or (), strict=True)) if told else None,
        }


def _known(values: npt.NDArray[np.float64]) -> Sequence[float | None]:
    return [None if isnan(value) else value for value in values.tolist()]


def mid_of(bid: float | None, ask: float | None) -> float | None:
    """Return the mid of a two-sided quote, None where a side is missing or the quote is crossed."""
    if not bid or not ask or bid > ask:
        return None
    return (bid + ask) / 2


def flag_names(flags: QuoteFlag) -> list[FlagName]:
    """Return the names of the set flags, as the API writes them."""
    return [name for flag, name in _FLAG_NAMES.items() if flag in flags]
