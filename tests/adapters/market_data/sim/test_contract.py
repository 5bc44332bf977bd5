"""The simulated market keeps the cards of every provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from tests.adapters.market_data.sim.world import make_market, new_york
from tests.contracts.market_data import Known, Market, MarketDataContract

from optix.ports.market_data import ChainKey

KNOWN = Known(
    symbol="SPY",
    chain=ChainKey("SPY", date(2026, 11, 20)),
    other_chain=ChainKey("SPY", date(2026, 12, 18)),
    bars=(date(2026, 11, 10), date(2026, 11, 17)),
    search=("SPY", "SPY"),
)


class TestSim(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        provider, _ = make_market(new_york(2026, 11, 18, 12), first_day=date(2026, 10, 1))
        await provider.open()
        yield Market(provider, KNOWN)
        await provider.close()
