"""The provider keeps the cards of every provider and of every stream, on servers of its words."""

from __future__ import annotations

from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.contracts.streaming_provider import Streamed, StreamingProviderContract
from tests.fakes.tastytrade_server import STRIKES, FakeTastytrade

from optix.adapters.market_data.tastytrade.adapter import TastytradeMarketData
from optix.ports.market_data import ChainKey

CHAIN = ChainKey("SPY", date(2025, 12, 19))
KNOWN = Known(
    symbol="SPY",
    chain=CHAIN,
    other_chain=ChainKey("SPY", date(2026, 1, 16)),
    search=("SPY", "SPY"),
)


class TestTastytrade(MarketDataContract):
    @pytest.fixture
    def market(self, provider: TastytradeMarketData) -> Market:
        return Market(provider, KNOWN)


class TestTastytradeChaos(StreamingProviderContract):
    @pytest.fixture
    def streamed(self, server: FakeTastytrade, provider: TastytradeMarketData) -> Streamed:
        contracts = [f"SPY251219{right}{strike:08d}" for strike in STRIKES for right in "CP"]
        return Streamed(provider, server, CHAIN, contracts)
