"""The portfolio over real sockets: what is told against the endpoint, changes, owners, resuming."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from redis.asyncio import Redis
from tests.features.streaming.conftest import Reader
from tests.fixtures.api import Caller
from tests.fixtures.broker_books import add_account, option, position, stock
from tests.fixtures.chains import spot_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until
from websockets.asyncio.client import connect

from optix.features.brokerage.service import BrokerageService
from optix.features.identity.service import Identity
from optix.features.portfolio.service import PortfolioService
from optix.features.streaming.gateway import Gateway, GatewayRules
from optix.features.streaming.server import StreamServer
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.db import Database
from optix.platform.fanout.rows import LAYOUT_PORTFOLIO, decode_frame
from optix.platform.user_events import UserEvents
from optix.platform.user_notices import UserNotices
from optix.processes.api import ApiDependencies

pytestmark = pytest.mark.stores
CALL = "SPY261218C00600000"
RULES = GatewayRules(
    sockets_max=100, sockets_per_address=100, connects_per_minute=100_000, drain_seconds=0
)


class House:
    """A gateway with portfolios, and the books of whoever asks."""

    def __init__(self, gateway: Gateway, port: int, database: Database, redis: Redis) -> None:
        self.gateway = gateway
        self.port = port
        self.database = database
        self.events = UserEvents(redis)

    async def add(self, who: Caller, *held: Any, at: Any) -> UUID:
        return await add_account(self.database, owner_of(who), at, positions=held)

    @asynccontextmanager
    async def reader(self, who: Caller, *, encoding: str = "json") -> AsyncIterator[Reader]:
        url = f"ws://127.0.0.1:{self.port}/ws/portfolio"
        async with connect(url, compression=None, ping_interval=None) as connection:
            reader = Reader(connection)
            token = who.tokens["access_token"]
            await reader.say(op="auth", token=token, format=encoding, interval_ms=100)
            assert (await reader.frame())[0] == "hello"
            yield reader


def owner_of(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


@pytest.fixture
async def house(
    api_dependencies: ApiDependencies,
    identity: Identity,
    database: Database,
    clock: ScaledClock,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[House]:
    monkeypatch.setattr("optix.kernel.limits.PORTFOLIO_TICK_SECONDS", 0.02)
    events = UserEvents(redis)
    notices = UserNotices(redis, events)
    gateway = Gateway(
        api_dependencies.lanes,
        identity.authenticator,
        clock,
        RULES,
        portfolio=PortfolioService(BrokerageService(database, clock), clock),
        notices=notices,
    )
    server = StreamServer(gateway, host="127.0.0.1", port=0)
    tasks = [asyncio.create_task(each.run()) for each in (notices, gateway, server)]
    await until(lambda: server._server is not None)
    yield House(gateway, server.port, database, redis)
    for task in reversed(tasks):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def at(clock: ScaledClock) -> Any:
    return to_datetime(clock.now_ns())


def named(header: dict[str, Any], row: list[Any]) -> dict[str, Any]:
    return dict(zip(header["columns"], row, strict=True))


class TestSnapshot:
    async def test_says_what_the_endpoint_says(
        self, house: House, caller: Caller, at: Any, client: httpx.AsyncClient
    ) -> None:
        held = [position(stock(), "10", "5500.00"), position(option(CALL), "-2", "-2500.00")]
        account = await house.add(caller, *held, at=at)
        answer = await client.get("/api/v1/portfolio/positions", headers=caller.headers)
        totals = (await client.get("/api/v1/portfolio", headers=caller.headers)).json()
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            _, number, n, header, rows, _ = await reader.next("snapshot")
        assert (number, n, header["kind"]) == (1, 0, "portfolio")
        assert header["positions"] == [
            [0, str(account), "SPY", "10"],
            [1, str(account), CALL, "-2"],
        ]
        for row, told in zip(rows, answer.json()["positions"], strict=True):
            live = named(header, row)
            for name in ("value", "unrealised", "day_change"):
                assert live[name] == told[name]
            assert (live["price"], live["source"], live["quality"]) == (
                told["mark"]["price"],
                told["mark"]["source"],
                told["mark"]["quality"],
            )
            for name in ("delta", "dollar_delta", "gamma_percent", "theta", "vega", "rho"):
                assert live[name] == told["greeks"][name]
        assert header["totals"] == totals["totals"]
        assert header["greeks"]["delta"] == totals["greeks"]["delta"]

    async def test_without_accounts_there_is_nothing_and_it_stays_open(
        self, house: House, caller: Caller, at: Any
    ) -> None:
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            *_, header, rows, _ = await reader.next("snapshot")
            assert (header["positions"], header["totals"], rows) == ([], [], [])

    async def test_binary_rows_hold_the_same(self, house: House, caller: Caller, at: Any) -> None:
        await house.add(caller, position(stock(), "10", "5500.255"), at=at)
        async with house.reader(caller, encoding="binary") as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            async with asyncio.timeout(15):
                while isinstance(data := await reader.connection.recv(), str):
                    pass
        frame = decode_frame(data)
        assert frame.layout == LAYOUT_PORTFOLIO
        place, source, quality, zero, _, price, value, gain, change, delta, *_ = struct.unpack(
            "<IBBHqdqqq8f", frame.rows
        )
        assert (place, source, zero, price, value) == (0, 0, 0, 600.0, 600_000)
        assert (gain, change, delta) == (499_745_000, 5_000, 10.0)
        assert quality == 0  # the first of the words: real time


class TestChanges:
    async def test_a_move_of_the_market_moves_row_and_totals(
        self, house: House, caller: Caller, at: Any, market: Market
    ) -> None:
        await house.add(caller, position(stock(), "10", "5500.00"), at=at)
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            _, _, _, header, _, _ = await reader.next("snapshot")
            market.provider.emit(spot_of(price=601.0))
            _, number, n, rows, head, seen = await reader.next("changes")
        assert (number, n) == (1, 1)
        assert named(header, rows[0])["value"] == "6010.00"
        assert named(header, rows[0])["day_change"] == "50.00"  # its close moved along
        assert head["totals"][0]["positions_value"] == "6010.00"
        assert seen > 0

    async def test_a_sync_brings_a_new_snapshot(
        self, house: House, caller: Caller, at: Any
    ) -> None:
        await house.add(caller, position(stock(), "10"), at=at)
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            await reader.next("snapshot")
            await house.add(caller, position(stock(), "5"), at=at)
            await house.events.publish(owner_of(caller), "portfolio", "changed", {}, 1)
            *_, header, rows, _ = await reader.next("snapshot")
        assert [each[3] for each in header["positions"]] == ["10", "5"]
        assert len(rows) == 2

    async def test_what_nobody_told_is_found_after_a_while(
        self, house: House, caller: Caller, at: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await house.add(caller, position(stock(), "10"), at=at)
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            await reader.next("snapshot")
            await house.add(caller, position(stock(), "5"), at=at)
            assert limits.PORTFOLIO_RELOAD_SECONDS > limits.PORTFOLIO_TICK_SECONDS
            monkeypatch.setattr(limits, "PORTFOLIO_RELOAD_SECONDS", 0.05)
            *_, header, _, _ = await reader.next("snapshot")
        assert len(header["positions"]) == 2


class TestSockets:
    async def test_nobody_is_told_of_another_owner(
        self, house: House, caller: Caller, admin: Caller, at: Any
    ) -> None:
        await house.add(caller, position(stock(), "10"), at=at)
        async with house.reader(caller) as own, house.reader(admin) as other:
            for reader in (own, other):
                await reader.say(op="subscribe", id=1, portfolio={})
            *_, mine, _, _ = await own.next("snapshot")
            *_, theirs, _, _ = await other.next("snapshot")
        assert (len(mine["positions"]), theirs["positions"]) == (1, [])

    async def test_a_client_that_comes_back_goes_on(
        self, house: House, caller: Caller, at: Any, market: Market
    ) -> None:
        """Another socket keeps the portfolio live meanwhile: only what changed comes."""
        await house.add(caller, position(stock(), "10"), position(option(CALL), "1"), at=at)
        async with house.reader(caller) as stays:
            await stays.say(op="subscribe", id=1, portfolio={})
            await stays.next("snapshot")
            async with house.reader(caller) as leaves:
                hello = leaves.frames[0][1]
                await leaves.say(op="subscribe", id=1, portfolio={})
                *_, seen = await leaves.next("snapshot")
            market.provider.emit(spot_of(price=602.0))
            await stays.next("changes")
            async with house.reader(caller) as back:
                resume = {"stream": hello["stream"], "seen": seen}
                await back.say(op="subscribe", id=2, portfolio={}, resume=resume)
                assert (await back.next("resumed", "snapshot"))[0] == "resumed"
                _, number, n, rows, _, _ = await back.next("changes")
        assert (number, n, 0 in [row[0] for row in rows]) == (2, 1, True)

    async def test_what_is_not_followed_any_more_is_let_go(
        self, house: House, caller: Caller, at: Any
    ) -> None:
        await house.add(caller, position(option(CALL), "1"), at=at)
        (stream,) = house.gateway.streams
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            await reader.next("snapshot")
            book = house.gateway._lanes.main.book
            held = set(book._held)
            assert {"q:SPY", "c:SPY:2026-12-18"} <= held
            await reader.say(op="subscribe", id=2, portfolio={})
            error = await reader.next("error")
            assert error[1]["code"] == "too_many_subscriptions"
            await reader.say(op="unsubscribe", id=1)
            await reader.next("ended")
        assert (dict(book._held), stream.portfolios._followed) == ({}, {})

    async def test_a_gateway_without_portfolios_says_so(self, house: House, caller: Caller) -> None:
        house.gateway.streams[0].portfolios._service = None
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            error = await reader.next("error")
        assert error[1]["code"] == "portfolio_unavailable"

    async def test_a_database_that_is_away_ends_the_subscription_and_nothing_else(
        self, house: House, caller: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service = house.gateway.streams[0].portfolios._service
        assert service is not None

        async def broken(*_: object) -> None:
            raise RuntimeError("the database is gone")

        monkeypatch.setattr(service, "compiled", broken)
        async with house.reader(caller) as reader:
            await reader.say(op="subscribe", id=1, portfolio={})
            error = await reader.next("error")
            assert error[1]["id"] == 1
            await reader.say(op="ping", t=1)
            assert (await reader.next("pong"))[1] == 1


def test_frames_are_json() -> None:
    """What a client says names no user, so there is none to name wrongly."""
    from optix.features.streaming import protocol

    said = orjson.dumps({"op": "subscribe", "id": 1, "portfolio": {"owner": "x"}})
    with pytest.raises(protocol.MalformedMessage):
        protocol.parse_request(said)
