"""The provider keeps the cards of every provider, and of every stream, on Tradier's protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from tests.contracts.market_data import Known, Market, MarketDataContract
from tests.contracts.streaming_provider import (
    CHAOS_TIMINGS,
    Streamed,
    StreamingProviderContract,
)
from tests.fakes.tradier_server import TOKEN, FakeTradier

from optix.adapters.market_data.tradier.adapter import TradierMarketData
from optix.kernel.clock import SystemClock
from optix.ports.market_data import ChainKey


def provider_of(server: FakeTradier, *, environment: str = "production") -> TradierMarketData:
    return TradierMarketData(
        token=TOKEN,
        environment=environment,
        clock=SystemClock(),
        base_url=server.base_url,
        stream_url=server.stream_url,
        timings=CHAOS_TIMINGS,
        ticking=lambda _: True,
    )


@pytest.mark.parametrize("environment", ["production", "sandbox"])
class TestTradier(MarketDataContract):
    @pytest.fixture
    async def market(self, environment: str) -> AsyncIterator[Market]:
        async with FakeTradier().serve() as server:
            provider = provider_of(server, environment=environment)
            await provider.open()
            chain, other = (ChainKey("SPY", day) for day in server.expirations)
            bars = (date(2026, 11, 19), date(2026, 11, 20))
            yield Market(provider, Known("SPY", chain, other, bars))
            await provider.close()


class TestTradierChaos(StreamingProviderContract):
    @pytest.fixture
    async def streamed(self) -> AsyncIterator[Streamed]:
        async with FakeTradier().serve() as server:
            provider = provider_of(server)
            await provider.open()
            day = server.expirations[0]
            chain, contracts = ChainKey("SPY", day), server.contracts(day)
            # Signing in is a REST question; that a refused one is not repeated is tested beside.
            yield Streamed(provider, server, chain, contracts, refusals=False)
            await provider.close()
