"""A market whose past is known exactly: flat smiles, one volatility for each session."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from math import erf, exp, log, sqrt

from optix.features.market import calendar
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.instrument import OptionContract, Right
from optix.kernel.quote import Quality, Quote, SecurityKind

RATE = 0.04
SPOT = 5_000.0
EXPIRY_DAYS = (5, 12, 26, 47, 75, 110, 200, 400)


def flat_chain(day: date, vol: float, *, underlying: str = "SPX", root: str = "SPXW") -> ChainTable:
    """The closing chain of European options, priced by hand at one volatility, a tick wide."""
    now_ns = calendar.closes_at(day)
    contracts, bids, asks = [], [], []
    for days in EXPIRY_DAYS:
        expiration = calendar.session_on_or_before(day + timedelta(days=days))
        years = (calendar.settles_at(root, expiration) - now_ns) / (365 * 86_400 * 1e9)
        for strike in range(3_000, 7_001, 100):
            for right in (Right.CALL, Right.PUT):
                price = _price(strike, years, vol, call=right is Right.CALL)
                contracts.append(OptionContract(root, expiration, right, strike * 1000))
                bids.append(max(0.0, price - 0.005))
                asks.append(price + 0.005)
    columns = {name: nan_column(len(contracts)) for name in CHAIN_COLUMNS}
    columns |= {"bid": array("d", bids), "ask": array("d", asks)}
    columns["open_interest"] = array("d", [10.0]) * len(contracts)
    spot = Quote(
        symbol=underlying,
        kind=SecurityKind.INDEX,
        last=SPOT,
        source="past",
        quality=Quality.DELAYED,
        ts_event=now_ns,
        ts_received=now_ns,
    )
    return ChainTable(
        underlying=underlying,
        contracts=contracts,
        columns=columns,
        source="past",
        quality=Quality.DELAYED,
        ts_event=now_ns,
        ts_received=now_ns,
        spot=spot,
    )


def _price(strike: float, years: float, vol: float, *, call: bool) -> float:
    """Black and Scholes without dividends."""
    root = vol * sqrt(years)
    d1 = (log(SPOT / strike) + RATE * years) / root + root / 2
    discounted = strike * exp(-RATE * years)
    value = SPOT * _normal(d1) - discounted * _normal(d1 - root)
    return value if call else value - SPOT + discounted


def _normal(x: float) -> float:
    return 0.5 * (1 + erf(x / sqrt(2)))


class PastMarket:
    """Implements ports.market_data.ChainHistorySource: sessions whose volatility it was given."""

    def __init__(self, vols: dict[date, float], fails_after: int | None = None) -> None:
        self.vols = vols
        self.ranges: list[tuple[date, date]] = []
        self._left = fails_after

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        self.ranges.append((start, end))
        for day in self.known(start, end):
            if self._left == 0:
                raise ConnectionError("cut off")
            if self._left is not None:
                self._left -= 1
            yield flat_chain(day, self.vols[day], underlying=underlying)

    def known(self, start: date, end: date) -> Sequence[date]:
        return sorted(day for day in self.vols if start <= day <= end)
