"""Small chains for tests of the market feature."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import date

from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, RejectedRow, nan_column
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, SecurityKind

EXPIRATION = date(2026, 12, 18)
NOW_NS = 1_795_000_000_000_000_000  # 2026-11-18 11:06:40 UTC


def contracts_of(
    strikes: Sequence[int], *, root: str = "SPY", expiration: date = EXPIRATION
) -> list[OptionContract]:
    """Return a call and a put per strike (in dollars)."""
    return [
        OptionContract(root, expiration, right, strike * 1000)
        for strike in strikes
        for right in (Right.CALL, Right.PUT)
    ]


def table_of(
    contracts: Sequence[OptionContract],
    values: Mapping[str, Sequence[float]] | None = None,
    *,
    complete: bool = True,
    ts_event: int = NOW_NS,
    spot: Quote | None = None,
    rejected: Sequence[RejectedRow] = (),
    underlying: str = "SPY",
) -> ChainTable:
    """Return a table whose columns are `values`, missing where none are given."""
    columns = {name: nan_column(len(contracts)) for name in CHAIN_COLUMNS}
    for name, numbers in (values or {}).items():
        columns[name] = array("d", numbers)
    return ChainTable(
        underlying=underlying,
        contracts=contracts,
        columns=columns,
        source="test",
        quality=Quality.REALTIME,
        ts_event=ts_event,
        ts_received=ts_event,
        spot=spot,
        complete=complete,
        rejected=rejected,
    )


def spot_of(symbol: str = "SPY", price: float = 600.0, *, ts_event: int = NOW_NS) -> Quote:
    return Quote(
        symbol=symbol,
        kind=SecurityKind.ETF,
        bid=price - 0.01,
        ask=price + 0.01,
        bid_size=5,
        ask_size=7,
        last=price,
        previous_close=price - 5,
        volume=1_000_000,
        source="test",
        quality=Quality.REALTIME,
        ts_event=ts_event,
        ts_received=ts_event,
    )
