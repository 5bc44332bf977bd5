"""One user with keys of his own, and his server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.adapters.brokers.ibkr.worlds import IbkrWorld, worlds
from tests.fakes.brokers.ibkr import FakeIbkr

from optix.ports.broker import BrokerSession, SignInKind


@pytest.fixture
async def world() -> AsyncIterator[IbkrWorld]:
    async with worlds(SignInKind.SIGNED_KEYS) as world:
        yield world


@pytest.fixture
def server(world: IbkrWorld) -> FakeIbkr:
    assert isinstance(world.server, FakeIbkr)
    return world.server


@pytest.fixture
async def session(world: IbkrWorld) -> BrokerSession:
    return await world.open()
