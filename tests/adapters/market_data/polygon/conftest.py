"""A provider on a server that speaks Polygon's words."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.contracts.streaming_provider import CHAOS_TIMINGS
from tests.fakes.polygon_server import KEY, FakePolygon

from optix.adapters.market_data.polygon.adapter import PolygonMarketData
from optix.adapters.market_data.polygon.client import PolygonClient
from optix.adapters.market_data.polygon.stream import PolygonStream
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality


@pytest.fixture
async def server() -> AsyncIterator[FakePolygon]:
    async with FakePolygon().serve() as server:
        yield server


@pytest.fixture
async def client(server: FakePolygon) -> AsyncIterator[PolygonClient]:
    client = PolygonClient(KEY, SystemClock(), base_url=server.rest.base_url)
    yield client
    await client.rest.close()


@pytest.fixture
async def provider(server: FakePolygon, client: PolygonClient) -> AsyncIterator[PolygonMarketData]:
    provider = PolygonMarketData(
        client,
        PolygonStream(KEY, quality=Quality.REALTIME, url=server.stream_url),
        quality=Quality.REALTIME,
        clock=SystemClock(),
        timings=CHAOS_TIMINGS,
        ticking=lambda _: True,
    )
    await provider.open()
    yield provider
    await provider.close()
