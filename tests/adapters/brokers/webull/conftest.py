"""A server of Webull's protocol, and its user by either way of signing in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.adapters.brokers.webull.worlds import (
    HISTORY,
    ORIGIN,
    POSITIONS,
    world_of,
)
from tests.contracts.broker import (
    BrokerWorld,
)
from tests.fakes.brokers.webull import (
    FakeWebull,
)

from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock


@pytest.fixture
def clock() -> ScaledClock:
    return ScaledClock(SystemClock(), origin_ns=int(ORIGIN.timestamp()) * NANOSECONDS)


@pytest.fixture
async def server(clock: ScaledClock) -> AsyncIterator[FakeWebull]:
    async with FakeWebull(clock).serve() as server:
        server.positions, server.groups = POSITIONS, HISTORY
        yield server


@pytest.fixture
async def world(server: FakeWebull, clock: ScaledClock) -> AsyncIterator[BrokerWorld]:
    async with world_of(server, clock) as world:
        yield world


@pytest.fixture
async def keyed(server: FakeWebull, clock: ScaledClock) -> AsyncIterator[BrokerWorld]:
    async with world_of(server, clock, keys=True) as world:
        yield world
