"""A personal grant of tastytrade is connected, read into the database, and read again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.tastytrade import PERSONAL, FakeTastytrade
from tests.fakes.brokers.tastytrade_rows import ADJUSTED, ORDER, POSITIONS, TRANSACTIONS, position
from tests.features.brokerage.conftest import Desk

from optix.adapters.brokers.tastytrade import TastytradeApp, TastytradeBroker
from optix.features.brokerage.connections import ConnectionService
from optix.platform.origin import SYSTEM_ORIGIN
from optix.ports.broker import SignInKind

pytestmark = pytest.mark.stores


@pytest.fixture
async def tastytrade(desk: Desk) -> AsyncIterator[FakeTastytrade]:
    async with FakeTastytrade().serve() as tastytrade:
        yesterday = str(desk.sync._today() - timedelta(days=1))
        rows: list[Any] = [{**row, "transaction-date": yesterday} for row in TRANSACTIONS]
        adjusted = position(ADJUSTED, "Equity Option", "1", "Long", multiplier=100)
        tastytrade.positions, tastytrade.orders = [*POSITIONS, adjusted], [ORDER]
        tastytrade.transactions = rows
        # Its second account is closed; a closed one is known, and not read.
        tastytrade.accounts[1]["account"]["is-closed"] = True
        yield tastytrade


async def test_twin_fills_stay_two_and_a_second_reading_adds_none(
    desk: Desk, redis: Redis, tastytrade: FakeTastytrade
) -> None:
    app = TastytradeApp(live_url=tastytrade.base_url)
    desk.brokers["tastytrade"] = TastytradeBroker(app, quick_wiring(desk.clock))
    service = ConnectionService(
        desk.database,
        redis,
        brokers=desk.brokers,
        vault=desk.vault,
        clock=desk.clock,
        base_url="https://optix.example",
    )
    begun = await service.begin(desk.owner, "tastytrade", kind=SignInKind.PERSONAL_TOKEN)
    connection = await service.finish(
        desk.owner,
        "tastytrade",
        handle=begun.handle,
        code=begun.code,
        typed={**PERSONAL, "sandbox": "no"},
        origin=SYSTEM_ORIGIN,
    )
    for _ in range(2):
        assert await desk.sync.read(connection) is None
        assert await desk.cash() == ["127.85", "127.85", "2500"]
        tastytrade.end_access_tokens()
