"""The simulated market keeps the cards of every provider, in the session and on a Sunday."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from tests.adapters.market_data.sim.world import FIRST_DAY, PROGRAMS, SEED, SESSIONS, new_york
from tests.contracts.market_data import Known, Market, MarketDataContract

from optix.adapters.market_data.sim import SimulatedMarket
from optix.kernel.clock import ScaledClock, SystemClock
from optix.ports.market_data import ChainKey

FRIDAY, THIRD_FRIDAY = date(2026, 11, 27), date(2026, 12, 18)
TIMES = {"session": new_york(2026, 11, 18, 12), "sunday": new_york(2026, 11, 22, 11)}


class TestSimulatedMarket(MarketDataContract):
    @pytest.fixture(
        params=[("SPX", "session"), ("AAPL", "session"), ("IWM", "sunday")], ids="-".join
    )
    async def market(self, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
        symbol, time = request.param
        clock = ScaledClock(SystemClock(), origin_ns=TIMES[time])
        provider = SimulatedMarket(clock, SESSIONS, PROGRAMS, seed=SEED, first_day=FIRST_DAY)
        await provider.open()
        yield Market(
            provider,
            Known(
                symbol=symbol,
                chain=ChainKey(symbol, FRIDAY),
                other_chain=ChainKey(symbol, THIRD_FRIDAY),
                bars=(date(2026, 11, 9), date(2026, 11, 17)),
                search=(symbol, symbol),
            ),
        )
        await provider.close()
