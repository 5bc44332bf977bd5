"""A provider on servers that speak Schwab's words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contracts.streaming_provider import CHAOS_TIMINGS
from tests.fakes.schwab_server import APP_KEY, APP_SECRET, REFRESH_TOKEN, FakeSchwab

from optix.adapters.market_data.schwab.adapter import SchwabMarketData
from optix.adapters.market_data.schwab.client import SchwabClient
from optix.kernel.clock import SystemClock


@pytest.fixture
async def server() -> AsyncIterator[FakeSchwab]:
    async with FakeSchwab().serve() as server:
        yield server


@pytest.fixture
async def client(server: FakeSchwab) -> AsyncIterator[SchwabClient]:
    client = SchwabClient(
        APP_KEY, APP_SECRET, REFRESH_TOKEN, SystemClock(), base_url=server.rest.base_url
    )
    yield client
    await client.rest.close()
    await client.sign_in.close()


@pytest.fixture
async def provider(
    server: FakeSchwab,  # it runs as long as the provider
    client: SchwabClient,
) -> AsyncIterator[SchwabMarketData]:
    provider = SchwabMarketData(
        client, clock=SystemClock(), timings=CHAOS_TIMINGS, ticking=lambda _: True
    )
    await provider.open()
    yield provider
    await provider.close()
