"""Option chains as columns: what a provider delivers, before OPTIX adds its own analytics.

Columns are `array('d')` (numpy reads them without a copy), aligned with `contracts`. NaN means "the
source did not say". Vendor analytics stay in `vendor_*` columns and are never mixed with ours.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan

from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote, QuoteFlag

CHAIN_COLUMNS = (
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "last",
    "previous_close",
    "volume",
    "open_interest",
    "vendor_iv",
    "vendor_delta",
    "vendor_gamma",
    "vendor_theta",
    "vendor_vega",
    "vendor_rho",
    "vendor_price",
)


def nan_column(length: int) -> array[float]:
    """Return a column of `length` missing values."""
    return array("d", [nan]) * length


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row of the source that cannot be served, with the reason in one sentence."""

    raw: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTable:
    """Contracts of one underlying with their quotes at one instant.

    Units: prices per share in dollars; sizes, volume and open interest in contracts; vendor IV a
    fraction; vendor Greeks in the conventions of FORMULAS (vega per point, theta per calendar day,
    rho per point of rate), which every adapter establishes at its door.
    `ts_event` is one instant for the table; `row_ts_event`, where given, is per row.
    """

    underlying: str
    contracts: Sequence[OptionContract]
    columns: dict[str, array[float]]  # keys are CHAIN_COLUMNS
    source: str
    quality: Quality
    ts_event: int
    ts_received: int
    row_ts_event: array[int] | None = None
    spot: Quote | None = None
    complete: bool = True  # True: a contract of these expirations that is absent is gone
    rejected: Sequence[RejectedRow] = field(default=())
    flags: QuoteFlag = QuoteFlag.NONE  # of every row, by the word of the source: INDICATIVE

    def __post_init__(self) -> None:
        count = len(self.contracts)
        for name in CHAIN_COLUMNS:
            assert len(self.columns[name]) == count, f"column {name} is not aligned"

    def __len__(self) -> int:
        return len(self.contracts)
