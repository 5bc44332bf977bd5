"""Tradier passes the cards of every brokerage, and what is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import SecretStr
from tests.contracts.broker import (
    BrokerCards,
    BrokerWorld,
    Notes,
    quick_wiring,
    read_activities,
)
from tests.fakes.brokers.tradier import CLIENT_ID, CLIENT_SECRET, FakeTradierBroker, shaped
from tests.fakes.provider_server import Reply, Request
from tests.fakes.stepping_clock import SteppingClock

from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.ports.broker import (
    BrokerBusy,
    BrokerUnavailable,
    BrokerUnreadable,
    Grant,
    SignInKind,
    SignInNeeded,
)

OPTION = "SPY260918P00550000"
EVENTS = [
    {
        "amount": -129.05,
        "date": "2026-03-03T00:00:00Z",
        "type": "trade",
        "trade": {"price": 1.29, "quantity": 1.0, "symbol": OPTION, "commission": 0.0},
    },
    {
        "amount": -129.05,
        "date": "2026-03-03T00:00:00Z",
        "type": "trade",
        "trade": {"price": 1.29, "quantity": 1.0, "symbol": OPTION, "commission": 0.0},
    },
    {
        "amount": 12.5,
        "date": "2026-03-02T00:00:00Z",
        "type": "DIVADJ",
        "adjustment": {"description": "A FUND", "quantity": 0.0},
    },
    {
        "amount": 2500,
        "date": "2026-03-02T00:00:00Z",
        "type": "ach",
        "ach": {"description": "FROM A BANK", "quantity": 0.0},
    },
    {
        "amount": 0,
        "date": "2026-03-01T00:00:00Z",
        "type": "option",
        "option": {"option_type": "OPTEXP", "description": "Expired", "quantity": -1.0},
    },
]
POSITIONS = [
    {"id": 1, "symbol": "BRK/B", "quantity": 13.5, "cost_basis": 5400.0, "date_acquired": ""},
    {"id": 2, "symbol": OPTION, "quantity": -2.0, "cost_basis": -258.0, "date_acquired": ""},
]
ORDER = {
    "id": 229123,
    "type": "credit",
    "symbol": "SPY",
    "side": "buy",
    "quantity": 1.0,
    "status": "filled",
    "duration": "day",
    "price": 1.2,
    "class": "multileg",
    "create_date": "2026-03-03T15:00:00.000Z",
    "leg": {
        "id": 229124,
        "symbol": "SPY",
        "side": "sell_to_open",
        "quantity": 1.0,
        "status": "filled",
        "class": "option",
        "option_symbol": OPTION,
        "exec_quantity": 1.0,
        "avg_fill_price": 1.25,
    },
}


@pytest.fixture
async def server() -> AsyncIterator[FakeTradierBroker]:
    async with FakeTradierBroker().serve() as server:
        server.events, server.positions, server.orders = EVENTS, POSITIONS, [ORDER]
        yield server


def world_of(server: FakeTradierBroker, *, partner: bool = False) -> BrokerWorld:
    app = TradierApp(
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        partner=partner,
        production_url=server.base_url,
        sandbox_url=server.base_url,
    )

    def hold_nothing() -> None:
        server.events = server.positions = server.orders = []

    return BrokerWorld(
        broker=TradierBroker(app, quick_wiring(SystemClock())),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(EVENTS),
        secrets=(CLIENT_SECRET, "that-must-not-show"),
        agree=server.allow,
        end_access=server.end_tokens,
        hold_nothing=hold_nothing,
    )


@pytest.fixture
async def world(server: FakeTradierBroker) -> AsyncIterator[BrokerWorld]:
    async with world_of(server) as world:
        yield world


def endless_orders(request: Request) -> Reply:
    return Reply({"orders": shaped("order", [{**ORDER, "id": int(request.query["page"])}])})


class TestCards(BrokerCards):
    """TC-B01 and following."""


class TestSigningIn:
    async def test_a_personal_token_is_enough_and_says_which_house(
        self, server: FakeTradierBroker
    ) -> None:
        world = world_of(server)
        world.agree = None
        world.typed = {"token": "a-personal-token-that-must-not-show", "sandbox": "yes"}
        world.broker = TradierBroker(
            TradierApp(sandbox_url=server.base_url, production_url="http://127.0.0.1:1"),
            quick_wiring(SystemClock()),
        )
        assert world.kind is SignInKind.PERSONAL_TOKEN
        grant = await world.sign_in()
        assert grant.login_ends is None, "a personal token does not end"

    async def test_without_partnership_the_login_ends_with_its_token(
        self, world: BrokerWorld
    ) -> None:
        grant = await world.sign_in()
        assert grant.login_ends == grant.access_ends is not None
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_a_partner_renews_in_the_middle_and_the_grant_is_kept_first(
        self, server: FakeTradierBroker
    ) -> None:
        server.partner = True
        async with world_of(server, partner=True) as world:
            session = await world.open()
            server.end_tokens()
            assert await session.list_accounts()
        assert [grant.login_ends for grant in world.grants] == [None]


class TestLimitsAndRefusals:
    """The gateway before Tradier speaks in its own ways."""

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(b"Quota Violation", status=400),
            Reply({"fault": {"detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}, 400),
            Reply(b"slow down", status=429),
        ],
    )
    async def test_a_quota_is_told_with_400_too(self, world: BrokerWorld, reply: Reply) -> None:
        session = await world.open()
        world.server.scripted.append(reply)
        with pytest.raises(BrokerBusy):
            await session.list_accounts()

    @pytest.mark.parametrize("status", [400, 401])
    @pytest.mark.parametrize(
        "body",
        [
            b"Invalid Access Token",
            b'{"fault":{"detail":{"errorcode":"keymanagement.service.invalid_access_token"}}}',
        ],
    )
    async def test_a_token_that_is_refused_is_told_as_text_or_as_an_object(
        self, world: BrokerWorld, status: int, body: bytes
    ) -> None:
        session = await world.open()
        world.server.scripted.append(Reply(body, status=status))
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_bad_parameters_are_no_end_of_the_sign_in(self, world: BrokerWorld) -> None:
        session = await world.open()
        world.server.scripted.append(Reply(b"Invalid parameter, page", status=400))
        with pytest.raises(BrokerUnavailable):
            await session.list_accounts()

    async def test_what_is_left_is_told_in_milliseconds(self, server: FakeTradierBroker) -> None:
        clock = SteppingClock(datetime(2026, 3, 3, 16, tzinfo=UTC))
        wiring = replace(quick_wiring(clock), sleep=clock.sleep)
        broker = TradierBroker(TradierApp(production_url=server.base_url), wiring)
        credentials = {"access_token": "a-personal-token-that-must-not-show"}

        async def never(grant: Grant) -> None:
            raise AssertionError(grant)

        session = broker.open(credentials, renew=never, log=Notes())
        server.scripted.append(
            Reply(
                {"profile": {"id": "id-user", "account": "null"}},
                headers={
                    "X-Ratelimit-Allowed": "60",
                    "X-Ratelimit-Available": "0",
                    "X-Ratelimit-Expiry": str(clock.now_ns() // 1_000_000 + 9_000),
                },
            )
        )
        assert await session.list_accounts() == []
        before = clock.now_ns()
        await session.list_accounts()
        await session.close()
        assert clock.now_ns() - before == 9 * 10**9

    async def test_json_is_asked_for_because_xml_is_the_default(self, world: BrokerWorld) -> None:
        session = await world.open()
        await session.list_accounts()
        assert {request.headers["accept"] for request in world.server.asked} == {"application/json"}


class TestHistory:
    async def test_more_pages_than_any_account_has_are_an_error(
        self, world: BrokerWorld, server: FakeTradierBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        session = await world.open()
        account = (await session.list_accounts())[0]
        before = len(server.asked)
        with pytest.raises(BrokerUnreadable, match="more history"):
            await read_activities(session, account, world)
        assert len(server.asked) - before == limits.BROKER_PAGES_MAX
        server.routes.insert(0, ("GET", "/accounts/*", endless_orders))
        with pytest.raises(BrokerUnreadable, match="more orders"):
            await session.fetch_orders(account)

    async def test_an_access_that_ends_in_the_middle_of_paging_yields_nothing(
        self, world: BrokerWorld, server: FakeTradierBroker
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]

        def end(request: Request) -> Reply:
            if request.query["page"] == "1":
                return server._history(request)
            return Reply(b"Invalid Access Token", status=401)

        server.routes.insert(0, ("GET", "/accounts/*", end))
        with pytest.raises(SignInNeeded):
            await read_activities(session, account, world)

    async def test_a_history_that_never_stands_still_is_an_error(
        self, world: BrokerWorld, server: FakeTradierBroker
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        amounts = iter(range(1, 100))

        def moving(request: Request) -> Reply:
            events = [{**EVENTS[0], "amount": next(amounts)}] if request.query["page"] < "3" else []
            return Reply({"history": shaped("event", events)})

        server.routes.insert(0, ("GET", "/accounts/*", moving))
        before = len(server.asked)
        with pytest.raises(BrokerUnavailable, match="changed"):
            await read_activities(session, account, world)
        pages, once_more = 3, 1
        assert len(server.asked) - before == limits.BROKER_READINGS_MAX * (pages + once_more)

    async def test_a_reading_during_which_lines_moved_is_read_again(
        self, world: BrokerWorld, server: FakeTradierBroker
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        newest = {**EVENTS[0], "amount": -300.0}
        real = server._history

        def move(request: object) -> object:
            reply = real(request)  # type: ignore[arg-type]  # as the server has it
            if request.query["page"] == "1" and len(server.events) == len(EVENTS):  # type: ignore[attr-defined]  # a request
                server.events = [newest, *EVENTS]  # every page after this one has moved by one
            return reply

        server.routes = [
            (method, path, move if path.endswith("/history") else handler)  # type: ignore[misc]  # a handler
            for method, path, handler in server.routes
        ]
        rows = await read_activities(session, account, world)
        assert sorted(row.cash.amount for row in rows) == sorted(
            Decimal(str(event["amount"])) for event in server.events
        )

    async def test_a_server_that_does_not_page_is_not_counted_twice(
        self, world: BrokerWorld, server: FakeTradierBroker
    ) -> None:
        server.routes = [
            (
                method,
                path,
                (lambda _: server._history_all()) if path.endswith("/history") else handler,
            )
            for method, path, handler in server.routes
        ]
        session = await world.open()
        account = (await session.list_accounts())[0]
        assert len(await read_activities(session, account, world)) == len(EVENTS)
