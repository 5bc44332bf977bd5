"""A failover keeps the cards of every provider: over two simulated markets, and over one that is
left alone because the other cannot be opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest
from tests.adapters.market_data.sim.world import FIRST_DAY, PROGRAMS, SEED, SESSIONS, new_york
from tests.contracts.market_data import Known, Market, MarketDataContract

from optix.adapters.market_data.failover import FailoverMarketData
from optix.adapters.market_data.sim import SimulatedMarket
from optix.kernel.clock import Clock, ScaledClock, SystemClock
from optix.ports.market_data import ChainKey, ProviderUnavailable

FRIDAY, THIRD_FRIDAY = date(2026, 11, 27), date(2026, 12, 18)


class Named(SimulatedMarket):
    """A simulated market under another name, which may be shut."""

    def __init__(self, clock: Clock, name: str, *, shut: bool) -> None:
        super().__init__(clock, SESSIONS, PROGRAMS, seed=SEED, first_day=FIRST_DAY)
        self.capabilities = replace(SimulatedMarket.capabilities, name=name)
        self._shut = shut

    async def open(self) -> None:
        if self._shut:
            raise ProviderUnavailable("It is shut.")
        await super().open()


class TestFailover(MarketDataContract):
    @pytest.fixture(params=[False, True], ids=["both", "one"])
    async def market(self, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
        clock = ScaledClock(SystemClock(), origin_ns=new_york(2026, 11, 18, 12))
        members = [Named(clock, "first", shut=request.param), Named(clock, "second", shut=False)]
        provider = FailoverMarketData(members, clock=clock)
        await provider.open()
        yield Market(
            provider,
            Known(
                symbol="AAPL",
                chain=ChainKey("AAPL", FRIDAY),
                other_chain=ChainKey("AAPL", THIRD_FRIDAY),
                bars=(date(2026, 11, 9), date(2026, 11, 17)),
                search=("AAPL", "AAPL"),
            ),
        )
        await provider.close()
