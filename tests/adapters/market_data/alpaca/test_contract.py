"""The provider keeps the cards of every provider, and of every stream, on Alpaca's protocol."""

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
from tests.fakes.alpaca_server import KEY, SECRET, FakeAlpaca

from optix.adapters.market_data.alpaca.adapter import AlpacaMarketData
from optix.kernel.clock import SystemClock
from optix.ports.market_data import ChainKey


def provider_of(server: FakeAlpaca, *, feed: str = "indicative") -> AlpacaMarketData:
    return AlpacaMarketData(
        key_id=KEY,
        secret_key=SECRET,
        feed=feed,
        clock=SystemClock(),
        data_url=server.base_url,
        trading_url=server.base_url,
        stream_url=server.stream_url,
        timings=CHAOS_TIMINGS,
        ticking=lambda _: True,
    )


class TestAlpaca(MarketDataContract):
    @pytest.fixture
    async def market(self) -> AsyncIterator[Market]:
        async with FakeAlpaca().serve() as server:
            provider = provider_of(server)
            await provider.open()
            chain, other = (ChainKey("SPY", day) for day in server.expirations)
            bars = (date(2026, 11, 19), date(2026, 11, 20))
            yield Market(provider, Known("SPY", chain, other, bars))
            await provider.close()


class TestAlpacaChaos(StreamingProviderContract):
    @pytest.fixture
    async def streamed(self) -> AsyncIterator[Streamed]:
        async with FakeAlpaca().serve() as server:
            provider = provider_of(server)
            await provider.open()
            day = server.expirations[0]
            chain = ChainKey("SPY", day)
            yield Streamed(provider, server, chain, server.contracts(day), tokens=False)
            await provider.close()
