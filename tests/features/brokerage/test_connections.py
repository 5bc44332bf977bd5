"""Connecting a brokerage over a real broker's page, and everything that must not work."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.tradier import CLIENT_ID, CLIENT_SECRET, FakeTradierBroker
from tests.features.brokerage.conftest import Desk, trade
from tests.fixtures.factors import fresh_user

from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.features.brokerage.connections import (
    NATIVE_ADDRESS,
    BrokerNotFound,
    Client,
    ConnectionNotFound,
    ConnectionService,
    FlowInvalid,
    OtherLogin,
    TooManyConnections,
)
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity, BrokerConnection
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.ids import UserId
from optix.platform.origin import SYSTEM_ORIGIN
from optix.ports.broker import SignInKind, SignInRefused

pytestmark = pytest.mark.stores

BASE = "https://optix.example"


@pytest.fixture
def service(desk: Desk, redis: Redis, server: FakeTradierBroker) -> ConnectionService:
    app = TradierApp(
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        production_url=server.base_url,
        sandbox_url=server.base_url,
    )
    desk.brokers["tradier"] = TradierBroker(app, quick_wiring(desk.clock))
    return ConnectionService(
        desk.database,
        redis,
        brokers=desk.brokers,
        vault=desk.vault,
        clock=desk.clock,
        base_url=f"{BASE}/",
    )


class Trip:
    """A user on the way through the broker's page."""

    def __init__(
        self, service: ConnectionService, server: FakeTradierBroker, owner: UserId
    ) -> None:
        self.service, self.server, self.owner = service, server, owner
        self.handle = self.code = self.address = ""

    async def go(self, client: Client = "web", connection_id: UUID | None = None) -> Trip:
        begun = await self.service.begin(
            self.owner, "tradier", client=client, connection_id=connection_id
        )
        self.handle = begun.handle
        came = self.server.allow(begun.start.url)
        self.address = await self.service.return_address("tradier", came)
        parts = urlsplit(self.address)
        self.code = parse_qs(parts.fragment or parts.query).get("code", [""])[0]
        return self

    async def finish(
        self, *, owner: UserId | None = None, changed: dict[str, str] | None = None
    ) -> BrokerConnection:
        given = {"handle": self.handle, "code": self.code, **(changed or {})}
        return await self.service.finish(
            owner or self.owner, "tradier", typed={}, origin=SYSTEM_ORIGIN, **given
        )


@pytest.fixture
def trip(service: ConnectionService, server: FakeTradierBroker, desk: Desk) -> Trip:
    return Trip(service, server, desk.owner)


class TestConnecting:
    async def test_through_the_brokers_page_into_an_account_that_is_read(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        server.events = [trade(desk.sync._today())]
        await trip.go()
        assert trip.address.startswith(f"{BASE}/brokerages/connected#code=")
        connection = await trip.finish()
        assert connection.login_ends is not None
        assert await desk.sync.read(connection) is None
        assert await desk.cash() == ["-129.05"]

    async def test_an_app_is_opened_by_its_own_address(self, trip: Trip) -> None:
        await trip.go(client="native")
        assert trip.address.startswith(f"{NATIVE_ADDRESS}?code=")

    async def test_a_typed_token_needs_no_page(
        self, service: ConnectionService, desk: Desk
    ) -> None:
        begun = await service.begin(desk.owner, "tradier", kind=SignInKind.PERSONAL_TOKEN)
        assert [field.name for field in begun.start.fields] == ["token", "sandbox"]
        connection = await service.finish(
            desk.owner,
            "tradier",
            handle=begun.handle,
            code=begun.code,
            typed={"token": "a-personal-token-that-must-not-show"},
            origin=SYSTEM_ORIGIN,
        )
        assert connection.state == "connected"

    async def test_the_same_login_again_is_the_same_connection_and_loses_nothing(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        server.events = [trade(desk.sync._today())]
        first = await (await trip.go()).finish()
        await desk.sync.read(first)
        server.end_tokens()
        await desk.sync.read(first)
        again = await (await trip.go(connection_id=first.id)).finish()
        assert again.id == first.id
        (row,) = await desk.rows(BrokerConnection)
        assert (row.state, row.failure_code) == ("connected", None)
        assert await desk.sync.read(again) is None
        assert await desk.cash() == ["-129.05"]

    async def test_reconnecting_with_another_login_is_refused(self, trip: Trip, desk: Desk) -> None:
        other = await desk.connect()  # of a login that is not the page's
        await trip.go(connection_id=other.id)
        with pytest.raises(OtherLogin):
            await trip.finish()


class TestStrangers:
    async def test_who_did_not_begin_cannot_finish(
        self, trip: Trip, identity: Identity, desk: Desk
    ) -> None:
        stranger = UserId(UUID((await fresh_user(identity, "eve@example.com")).id))
        await trip.go()
        with pytest.raises(FlowInvalid):
            await trip.finish(owner=stranger)
        assert await desk.rows(BrokerConnection) == []
        with pytest.raises(FlowInvalid):
            await trip.finish()  # one try is all there is

    @pytest.mark.parametrize("changed", [{"handle": "x" * 43}, {"code": "x" * 43}, {"code": ""}])
    async def test_neither_half_is_enough(self, trip: Trip, changed: dict[str, str]) -> None:
        await trip.go()
        with pytest.raises(FlowInvalid):
            await trip.finish(changed=changed)

    async def test_a_state_that_nobody_made_leads_nowhere(self, service: ConnectionService) -> None:
        address = await service.return_address("tradier", {"state": "made-up", "code": "a-code"})
        assert address == f"{BASE}/brokerages/connected#error=broker_flow_invalid"

    async def test_what_came_back_waits_for_its_app_for_a_moment(
        self, trip: Trip, redis: Redis
    ) -> None:
        await trip.go()
        (key,) = [key async for key in redis.scan_iter("brokerage:answer:*")]
        left = await redis.ttl(key)
        assert limits.BROKER_CODE_SECONDS - 60 < left <= limits.BROKER_CODE_SECONDS

    async def test_saying_no_at_the_broker_is_told(
        self, service: ConnectionService, desk: Desk
    ) -> None:
        begun = await service.begin(desk.owner, "tradier")
        state = parse_qs(urlsplit(begun.start.url).query)["state"][0]
        came = {"state": state, "error": "access_denied"}
        assert (await service.return_address("tradier", came)).endswith("#error=cancelled")

    async def test_a_code_that_the_broker_refuses_connects_nothing(
        self, trip: Trip, server: FakeTradierBroker, desk: Desk
    ) -> None:
        await trip.go()
        server.codes.clear()
        with pytest.raises(SignInRefused):
            await trip.finish()
        assert await desk.rows(BrokerConnection) == []

    async def test_a_brokerage_that_is_not_here(self, trip: Trip) -> None:
        with pytest.raises(BrokerNotFound):
            await trip.service.begin(trip.owner, "nobody")

    async def test_somebody_elses_connection_is_not_there(
        self, trip: Trip, identity: Identity, desk: Desk
    ) -> None:
        own = await desk.connect()
        stranger = UserId(UUID((await fresh_user(identity, "eve@example.com")).id))
        with pytest.raises(ConnectionNotFound):
            await trip.service.begin(stranger, "tradier", connection_id=own.id)
        with pytest.raises(ConnectionNotFound):
            await trip.service.ask_for_sync(stranger, own.id)
        with pytest.raises(ConnectionNotFound):
            await trip.service.disconnect(
                stranger, own.id, delete_history=True, origin=SYSTEM_ORIGIN
            )

    async def test_so_many_connections_and_no_more(
        self, trip: Trip, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_CONNECTIONS_PER_USER_MAX", 2)
        for _ in range(limits.BROKER_CONNECTIONS_PER_USER_MAX):
            await desk.connect()
        with pytest.raises(TooManyConnections):
            await trip.go()


class TestDisconnecting:
    async def read_one(self, trip: Trip, desk: Desk, server: FakeTradierBroker) -> BrokerConnection:
        server.events = [trade(desk.sync._today())]
        connection = await (await trip.go()).finish()
        await desk.sync.read(connection)
        return connection

    async def test_the_tokens_go_and_the_history_stays(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await self.read_one(trip, desk, server)
        await trip.service.disconnect(
            desk.owner, connection.id, delete_history=False, origin=SYSTEM_ORIGIN
        )
        (row,) = await desk.rows(BrokerConnection)
        assert (row.state, row.credentials) == ("disconnected", None)
        assert await desk.cash() == ["-129.05"]

    async def test_connected_anew_it_finds_its_history_again(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await self.read_one(trip, desk, server)
        await trip.service.disconnect(
            desk.owner, connection.id, delete_history=False, origin=SYSTEM_ORIGIN
        )
        again = await (await trip.go()).finish()
        assert again.id != connection.id
        assert await desk.sync.read(again) is None
        assert await desk.cash() == ["-129.05"]
        assert len(await desk.rows(BrokerAccountRow)) == 1

    async def test_or_everything_goes(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await self.read_one(trip, desk, server)
        await trip.service.disconnect(
            desk.owner, connection.id, delete_history=True, origin=SYSTEM_ORIGIN
        )
        assert await desk.rows(BrokerActivity) == []
        assert await desk.rows(BrokerAccountRow) == []

    async def test_a_reading_under_way_does_not_bring_it_back(
        self, trip: Trip, desk: Desk, server: FakeTradierBroker
    ) -> None:
        connection = await self.read_one(trip, desk, server)
        await trip.service.disconnect(
            desk.owner, connection.id, delete_history=False, origin=SYSTEM_ORIGIN
        )
        await desk.sync.read(connection)  # as a worker that claimed it before
        (row,) = await desk.rows(BrokerConnection)
        assert row.state == "disconnected"
        with pytest.raises(ConnectionNotFound):
            await trip.service.ask_for_sync(desk.owner, connection.id)
