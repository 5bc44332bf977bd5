"""The provider keeps the cards of every provider and of every stream, on servers of its words."""

from __future__ import annotations

from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.contracts.streaming_provider import Streamed, StreamingProviderContract
from tests.fakes.schwab_server import STRIKES, FakeSchwab

from optix.adapters.market_data.schwab.adapter import SchwabMarketData
from optix.ports.market_data import ChainKey

CHAIN = ChainKey("SPY", date(2025, 12, 19))
KNOWN = Known(
    symbol="SPY",
    chain=CHAIN,
    other_chain=ChainKey("SPY", date(2026, 1, 16)),
    bars=(date(2025, 11, 18), date(2025, 11, 19)),
    search=("SPY", "SPY"),
)
DAYS = [1763359200000, 1763445600000, 1763532000000]  # 01:00 in New York, 17 to 19 November


class TestSchwab(MarketDataContract):
    @pytest.fixture
    def market(self, server: FakeSchwab, provider: SchwabMarketData) -> Market:
        server.rest.candles["SPY daily"] = [
            {"datetime": t, "open": 640.0, "high": 652.0, "low": 639.0, "close": 650.0, "volume": 9}
            for t in DAYS
        ]
        return Market(provider, KNOWN)


class TestSchwabChaos(StreamingProviderContract):
    @pytest.fixture
    def streamed(self, server: FakeSchwab, provider: SchwabMarketData) -> Streamed:
        contracts = [f"SPY251219{right}{strike:08d}" for strike in STRIKES for right in "CP"]
        return Streamed(provider, server, CHAIN, contracts, prints=False)
