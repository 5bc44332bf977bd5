"""Connecting where no state comes back: a code to copy, or a request token; then what is read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from redis.asyncio import Redis
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.etrade import FakeEtrade, app_of
from tests.fakes.brokers.etrade_rows import DAY_MS, ORDER, POSITIONS, transaction
from tests.features.brokerage.conftest import Desk

from optix.adapters.brokers.etrade import EtradeBroker
from optix.features.brokerage.connections import ConnectionService, FlowInvalid
from optix.features.brokerage.models import BrokerAccountRow, BrokerConnection
from optix.platform.origin import SYSTEM_ORIGIN

pytestmark = pytest.mark.stores


@pytest.fixture
async def etrade(desk: Desk) -> AsyncIterator[FakeEtrade]:
    async with FakeEtrade(desk.clock).serve() as etrade:
        now_ms = desk.clock.now_ns() // 1_000_000
        etrade.transactions = [
            transaction("2", "Fee", -1.5, at=now_ms - DAY_MS),
            transaction("1", "Transfer", 100, at=now_ms - 2 * DAY_MS),
        ]
        etrade.positions, etrade.orders = POSITIONS, [ORDER]
        yield etrade


@pytest.fixture
def service(desk: Desk, redis: Redis, etrade: FakeEtrade) -> ConnectionService:
    desk.brokers["etrade"] = EtradeBroker(app_of(etrade), quick_wiring(desk.clock))
    return ConnectionService(
        desk.database,
        redis,
        brokers=desk.brokers,
        vault=desk.vault,
        clock=desk.clock,
        base_url="https://optix.example",
    )


async def read_whole(desk: Desk, connection: BrokerConnection) -> None:
    assert connection.state == "connected"
    assert connection.login_ends is not None
    assert await desk.sync.read(connection) is None
    assert await desk.cash() == ["-1.5", "100"]
    assert len(await desk.rows(BrokerAccountRow)) == 2, "the closed one is known too"


async def test_a_copied_code_connects(
    service: ConnectionService, desk: Desk, etrade: FakeEtrade
) -> None:
    begun = await service.begin(desk.owner, "etrade")
    copied = etrade.allow(begun.start.url)
    connection = await service.finish(
        desk.owner,
        "etrade",
        handle=begun.handle,
        code=begun.code,
        typed=copied,
        origin=SYSTEM_ORIGIN,
    )
    await read_whole(desk, connection)


async def test_a_registered_address_is_found_by_the_request_token(
    service: ConnectionService, desk: Desk, etrade: FakeEtrade
) -> None:
    app = replace(app_of(etrade), callback_registered=True)
    desk.brokers["etrade"] = EtradeBroker(app, quick_wiring(desk.clock))
    begun = await service.begin(desk.owner, "etrade")
    assert begun.code == "", "the browser brings it"
    etrade.allow(begun.start.url)
    came = {"oauth_token": begun.start.state, "oauth_verifier": "WXYZ9"}
    address = await service.return_address("etrade", came)
    code = parse_qs(urlsplit(address).fragment)["code"][0]
    with pytest.raises(FlowInvalid):
        await service.finish(
            desk.owner, "etrade", handle="x" * 43, code="y", typed={}, origin=SYSTEM_ORIGIN
        )
    connection = await service.finish(
        desk.owner, "etrade", handle=begun.handle, code=code, typed={}, origin=SYSTEM_ORIGIN
    )
    await read_whole(desk, connection)
