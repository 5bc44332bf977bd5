"""A provider on servers that speak tastytrade's and dxLink's words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contracts.streaming_provider import CHAOS_TIMINGS
from tests.fakes.tastytrade_server import CLIENT_SECRET, REFRESH_TOKEN, FakeTastytrade

from optix.adapters.market_data.tastytrade.adapter import TastytradeMarketData
from optix.adapters.market_data.tastytrade.client import TastytradeClient
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality


@pytest.fixture
async def server() -> AsyncIterator[FakeTastytrade]:
    async with FakeTastytrade().serve() as server:
        yield server


@pytest.fixture
async def client(server: FakeTastytrade) -> AsyncIterator[TastytradeClient]:
    client = TastytradeClient(
        CLIENT_SECRET, REFRESH_TOKEN, SystemClock(), base_url=server.rest.base_url
    )
    yield client
    await client.rest.close()
    await client.sign_in.close()


@pytest.fixture
async def provider(
    server: FakeTastytrade,  # it runs as long as the provider
    client: TastytradeClient,
) -> AsyncIterator[TastytradeMarketData]:
    provider = TastytradeMarketData(
        client,
        quality=Quality.REALTIME,
        clock=SystemClock(),
        timings=CHAOS_TIMINGS,
        ticking=lambda _: True,
    )
    await provider.open()
    yield provider
    await provider.close()
