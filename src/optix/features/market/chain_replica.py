"""A reader's copy of one expiration, with every row encoded at most once per change.

Rows are kept as they travelled (`wire.CHAIN_ROW_COLUMNS`, then vendor columns). From them come two
encodings, made when first asked for and kept until the row changes: the array row of the stream and
the object of the REST chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import orjson

from optix.features.market import wire
from optix.features.market.schemas import FlagName
from optix.kernel.quote import QuoteFlag
from optix.ports.market_data import ChainKey

_STREAM_WIDTH: Final = len(wire.CHAIN_ROW_COLUMNS)
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
(_BID, _ASK, _DELTA, _STATUS, _FLAGS, _AS_OF) = (
    wire.CHAIN_ROW_COLUMNS.index(name)
    for name in ("bid", "ask", "delta", "status", "flags", "as_of")
)


@dataclass(slots=True)
class ChainReplica:
    """One expiration as published. `version` is the book's when it last changed."""

    key: ChainKey
    epoch: str
    sequence: int
    header: dict[str, Any]
    contracts: list[list[Any]]  # wire.CONTRACT_COLUMNS
    rows: list[list[Any]]
    rejected: list[dict[str, str]]
    version: int
    loaded_version: int  # the listing is of this version: readers of an older one start anew
    header_version: int
    row_versions: npt.NDArray[np.int64]
    strikes: npt.NDArray[np.float64]
    _stream: list[bytes | None]
    _objects: list[bytes | None]

    @classmethod
    def load(cls, key: ChainKey, body: dict[str, Any], version: int) -> ChainReplica:
        """Return the replica of a whole state as kept in Redis."""
        contracts, rows = body["contracts"], wire.load_rows(body["rows"])
        return cls(
            key=key,
            epoch=body["e"],
            sequence=body["s"],
            header=body["h"],
            contracts=contracts,
            rows=rows,
            rejected=body["rejected"],
            version=version,
            loaded_version=version,
            header_version=version,
            row_versions=np.full(len(rows), version, dtype=np.int64),
            strikes=np.array([contract[3] for contract in contracts], dtype=np.float64),
            _stream=[None] * len(rows),
            _objects=[None] * len(rows),
        )

    def apply(self, change: dict[str, Any], version: int) -> None:
        """Take one published change in. The caller has checked its sequence."""
        self.sequence = change["s"]
        self.version = version
        if change["h"] is not None:
            self.header = change["h"]
            self.header_version = version
        for row in wire.load_rows(change["r"]):
            position = row[0]
            self.rows[position] = row
            self.row_versions[position] = version
            self._stream[position] = None
            self._objects[position] = None

    def changed_since(self, version: int) -> list[int]:
        """Return the positions of rows that changed after `version`."""
        positions: list[int] = np.flatnonzero(self.row_versions > version).tolist()
        return positions

    def stream_row(self, position: int) -> bytes:
        """Return the row of docs/streaming.md."""
        fragment = self._stream[position]
        if fragment is None:
            fragment = orjson.dumps(self.rows[position][:_STREAM_WIDTH])
            self._stream[position] = fragment
        return fragment

    def object_row(self, position: int) -> bytes:
        """Return the `ChainContract` object of the REST chain."""
        fragment = self._objects[position]
        if fragment is None:
            fragment = orjson.dumps(self.contract(position))
            self._objects[position] = fragment
        return fragment

    def deltas(self) -> npt.NDArray[np.float64]:
        """Return OPTIX deltas, NaN where there is none."""
        return np.array([row[_DELTA] for row in self.rows], dtype=np.float64)

    def position_of(self, key: str) -> int | None:
        """Return the position of a contract, None if it is not listed."""
        return next((i for i, contract in enumerate(self.contracts) if contract[0] == key), None)

    def contract(self, position: int) -> dict[str, Any]:
        """Return the `ChainContract` of a row as plain values."""
        row = self.rows[position]
        contract = dict(zip(wire.CONTRACT_COLUMNS, self.contracts[position], strict=True))
        numbers = dict(zip(wire.CHAIN_ROW_COLUMNS[1:_STATUS], row[1:_STATUS], strict=True))
        vendor = row[_STREAM_WIDTH:]
        flags = QuoteFlag(row[_FLAGS])
        return {
            **contract,
            **numbers,
            "mid": mid_of(row[_BID], row[_ASK]),
            "status": row[_STATUS],
            "flags": flag_names(flags),
            "as_of": wire.iso_ms(row[_AS_OF]),
            "vendor": dict(zip(wire.VENDOR_COLUMNS, vendor, strict=True)) if vendor else None,
        }


def mid_of(bid: float | None, ask: float | None) -> float | None:
    """Return the mid of a two-sided quote, None where a side is missing or the quote is crossed."""
    if not bid or not ask or bid > ask:
        return None
    return (bid + ask) / 2


def flag_names(flags: QuoteFlag) -> list[FlagName]:
    """Return the names of the set flags, as the API writes them."""
    return [name for flag, name in _FLAG_NAMES.items() if flag in flags]
