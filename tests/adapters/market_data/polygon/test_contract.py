"""The provider keeps the cards of every provider and of every stream, on a server of its words."""

from __future__ import annotations

from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.contracts.streaming_provider import Streamed, StreamingProviderContract
from tests.fakes.polygon_server import CONTRACTS, FakePolygon

from optix.adapters.market_data.polygon.adapter import PolygonMarketData
from optix.ports.market_data import ChainKey

CHAIN = ChainKey("SPY", date(2025, 12, 19))
KNOWN = Known(
    symbol="SPY",
    chain=CHAIN,
    other_chain=ChainKey("SPY", date(2026, 1, 16)),
    bars=(date(2025, 11, 18), date(2025, 11, 19)),
    search=("SPY", "SPY"),
)
DAYS = [1763355600000, 1763442000000, 1763528400000]  # midnights of 17 to 19 November


class TestPolygon(MarketDataContract):
    @pytest.fixture
    def market(self, server: FakePolygon, provider: PolygonMarketData) -> Market:
        server.bars["SPY 1 day"] = [
            {"t": day, "o": 640.0, "h": 652.0, "l": 639.0, "c": 650.0, "v": 1e6} for day in DAYS
        ]
        return Market(provider, KNOWN)


class TestPolygonChaos(StreamingProviderContract):
    @pytest.fixture
    def streamed(self, server: FakePolygon, provider: PolygonMarketData) -> Streamed:
        contracts = [name.removeprefix("O:") for name in CONTRACTS if "251219" in name]
        return Streamed(provider, server, CHAIN, contracts, tokens=False)
