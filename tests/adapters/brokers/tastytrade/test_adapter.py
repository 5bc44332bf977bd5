"""tastytrade passes the cards of every brokerage, and what is its own; over real HTTP."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr
from tests.contracts.broker import (
    CALLBACK,
    STATE,
    BrokerCards,
    BrokerWorld,
    quick_wiring,
    read_activities,
)
from tests.fakes.brokers.tastytrade import (
    CLIENT_ID,
    CLIENT_SECRET,
    GATEWAY,
    PERSONAL,
    FakeTastytrade,
)
from tests.fakes.brokers.tastytrade_rows import (
    ADJUSTED,
    OPTION,
    ORDER,
    POSITIONS,
    TRANSACTIONS,
    leg,
    order,
    position,
    transaction,
)
from tests.fakes.provider_server import Reply, Request

from optix.adapters.brokers import tastytrade
from optix.adapters.brokers.tastytrade import TastytradeApp, TastytradeBroker
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.holding import Deliverable
from optix.kernel.money import Money
from optix.kernel.order import OrderStatus
from optix.ports.broker import (
    BrokerUnavailable,
    BrokerUnreadable,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)


@pytest.fixture
async def server() -> AsyncIterator[FakeTastytrade]:
    async with FakeTastytrade().serve() as server:
        server.positions, server.transactions, server.orders = POSITIONS, TRANSACTIONS, [ORDER]
        yield server


def world_of(server: FakeTastytrade) -> BrokerWorld:
    app = TastytradeApp(
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        live_url=server.base_url,
        sandbox_url="http://127.0.0.1:1",
    )

    def hold_nothing() -> None:
        server.positions = server.transactions = server.orders = []

    return BrokerWorld(
        broker=TastytradeBroker(app, quick_wiring(SystemClock())),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(TRANSACTIONS),
        secrets=(CLIENT_SECRET, "that-must-not-show"),
        agree=server.allow,
        end_access=server.delete_grant,
        hold_nothing=hold_nothing,
    )


@pytest.fixture
async def world(server: FakeTastytrade) -> AsyncIterator[BrokerWorld]:
    async with world_of(server) as world:
        yield world


@pytest.fixture
async def personal(server: FakeTastytrade) -> AsyncIterator[BrokerWorld]:
    async with world_of(server) as world:
        app = TastytradeApp(sandbox_url=server.base_url, live_url="http://127.0.0.1:1")
        world.broker = TastytradeBroker(app, quick_wiring(SystemClock()))
        world.agree = None
        world.typed = {**PERSONAL, "sandbox": "yes"}
        yield world


class TestCards(BrokerCards):
    """TC-B01 and following, as the application of a partner."""

    def test_the_quality_file_says_what_the_adapter_does(self, world: BrokerWorld) -> None:
        text = Path(tastytrade.__file__).with_name("quality.toml").read_text(encoding="utf-8")
        told, is_ = tomllib.loads(text)["capabilities"], world.broker.capabilities
        assert (told["name"], told["label"]) == (is_.name, is_.label)
        assert set(told["reads"]) == is_.reads
        assert told["history_days"] == (is_.history_days or 0)


class TestSigningIn:
    async def test_without_a_partnership_a_personal_grant_is_what_there_is(
        self, personal: BrokerWorld
    ) -> None:
        assert personal.broker.capabilities.sign_in == (SignInKind.PERSONAL_TOKEN,)
        grant = await personal.sign_in()
        assert grant.login_ends is None, "a grant holds until it is deleted"
        assert grant.access_ends is not None
        with pytest.raises(InvalidInput):
            await personal.broker.begin(
                SignInRequest(kind=SignInKind.OAUTH2, callback_url=CALLBACK, state=STATE)
            )

    async def test_the_sandbox_is_another_house_with_money_that_is_not_real(
        self, personal: BrokerWorld
    ) -> None:
        accounts = await (await personal.open()).list_accounts()
        assert all(account.simulated for account in accounts)

    async def test_a_personal_grant_is_renewed_by_its_own_secret(
        self, personal: BrokerWorld, server: FakeTastytrade
    ) -> None:
        session = await personal.open()
        server.end_access_tokens()
        assert await session.list_accounts()
        (grant,) = personal.grants
        assert grant.credentials["refresh_token"] == PERSONAL["refresh_token"], "not rotated"
        asked = [orjson.loads(each.body) for each in server.asked if each.path == "/oauth/token"]
        assert all("client_id" not in form for form in asked)

    @pytest.mark.parametrize("name", ["refresh_token", "client_secret"])
    async def test_a_personal_grant_that_does_not_fit_is_refused(
        self, personal: BrokerWorld, name: str
    ) -> None:
        for wrong in ("", "something-else"):
            with pytest.raises(SignInRefused):
                await personal.sign_in(**{name: wrong})

    async def test_a_quarter_of_an_hour_in_the_middle_of_pages_is_not_noticed(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        real = server._transactions

        def end_after_the_first(request: Request) -> Reply:
            if request.query["page-offset"] == "0":
                server.end_access_tokens()
            return real(request)

        server.routes = [
            (method, path, end_after_the_first if path.endswith("/transactions") else handler)
            for method, path, handler in server.routes
        ]
        assert len(await read_activities(session, account, world)) == len(TRANSACTIONS)
        assert len(world.grants) == 1, "kept before it was used"

    async def test_a_login_is_known_by_its_oldest_own_account(self, world: BrokerWorld) -> None:
        assert (await world.sign_in()).login_key == "5WT00001", "the older one is shared"

    async def test_the_grant_is_taken_back_at_tastytrade(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        asked = len(world.server.asked)
        assert not world.broker.capabilities.revocable
        await world.broker.revoke(grant.credentials)
        assert len(world.server.asked) == asked


class TestGateway:
    async def test_a_page_of_the_gateway_is_no_word_on_the_sign_in(
        self, world: BrokerWorld
    ) -> None:
        session = await world.open()
        for reply in (Reply(GATEWAY.body, status=403), Reply(GATEWAY.body, status=403)):
            world.server.scripted.append(reply)
            with pytest.raises(BrokerUnavailable):
                await session.list_accounts()
        assert await session.list_accounts()

    async def test_a_grant_outlives_a_gateway_that_turns_its_renewal_away(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        session = await world.open()
        server.end_access_tokens()
        ended = Reply({"error": {"code": "invalid_token"}}, status=401)
        for status in (401, 403):
            page = Reply(GATEWAY.body, status=status)
            server.scripted.extend([ended, page] * (limits.PROVIDER_RETRIES_MAX + 1))
            with pytest.raises(BrokerUnavailable, match="gateway"):
                await session.list_accounts()
        assert await session.list_accounts()

    async def test_an_account_that_may_not_be_read_does_not_end_the_sign_in(
        self, world: BrokerWorld
    ) -> None:
        session = await world.open()
        refusal = {"error": {"code": "not_permitted", "message": "User not permitted access"}}
        world.server.scripted.append(Reply(refusal, status=403))
        with pytest.raises(BrokerUnavailable, match="not_permitted"):
            await session.list_accounts()

    async def test_a_code_of_an_error_may_be_a_number(self, world: BrokerWorld) -> None:
        session = await world.open()
        refusal = {"error": {"code": 406, "message": "unknown version"}}
        world.server.scripted.append(Reply(refusal, status=406))
        with pytest.raises(BrokerUnavailable, match="406"):
            await session.list_accounts()

    async def test_a_sign_in_that_ended_is_told_as_such(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        session = await world.open()
        server.delete_grant()
        with pytest.raises(SignInNeeded):
            await session.list_accounts()


class TestSnapshot:
    async def test_what_an_adjusted_contract_delivers_is_asked_for(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        server.positions = [
            position(
                ADJUSTED, "Equity Option", "1", "Long", multiplier=100, underlying_symbol="AAPL"
            )
        ]
        parts = [
            {"amount": "50.0", "deliverable-type": "Shares", "symbol": "AAPL"},
            {"amount": "12.5", "deliverable-type": "Cash", "symbol": "USD"},
        ]
        server.chains["AAPL"] = [
            {"root-symbol": "AAPL", "option-chain-type": "Standard", "deliverables": []},
            {
                "root-symbol": "AAPL1",
                "option-chain-type": "Non-standard",
                "deliverables": parts,
            },
        ]
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        assert snapshot.positions[0].asset.deliverables == (
            Deliverable("AAPL", Decimal(50)),
            Deliverable("", Decimal("12.5")),
        )
        assert snapshot.warnings == ()

    async def test_an_unlisted_adjusted_contract_is_warned_of(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        server.positions = [position(ADJUSTED, "Equity Option", "1", "Long", multiplier=100)]
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        assert len(snapshot.warnings) == 1
        assert snapshot.complete

    async def test_balances_may_be_a_list_by_currency(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        server.balances = {"items": [server.balances, {**server.balances, "currency": "CAD"}]}
        session = await world.open()
        snapshot = await session.fetch_snapshot((await session.list_accounts())[0])
        assert [each.cash for each in snapshot.balances] == [
            Money(Decimal("-1250.25"), currency) for currency in ("USD", "CAD")
        ]


class TestOrders:
    async def test_a_filled_order_without_its_executions_is_read_again(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        server.orders = [order(1, "Filled", leg("SPY", "Buy to Open", 2, (1, "500.0")))]
        session = await world.open()
        account = (await session.list_accounts())[0]
        real = server._orders

        def fill_later(request: Request) -> Reply:
            reply = real(request)
            whole = leg("SPY", "Buy to Open", 2, (1, "500.0"), (1, "501.0"))
            server.orders = [order(1, "Filled", whole)]
            return reply

        server.routes = [
            (method, path, fill_later if path.endswith("/live") else handler)
            for method, path, handler in server.routes
        ]
        (found,) = await session.fetch_orders(account)
        assert found.legs[0].filled == 2
        assert found.legs[0].average_price is not None
        assert found.legs[0].average_price.value == Decimal("500.5")

    async def test_executions_that_do_not_come_are_not_waited_for_without_end(
        self, world: BrokerWorld, server: FakeTastytrade
    ) -> None:
        server.orders = [order(1, "Filled", leg(OPTION, "Buy to Open", 2))]
        session = await world.open()
        account = (await session.list_accounts())[0]
        asked = len(server.asked)
        (found,) = await session.fetch_orders(account)
        assert found.status is OrderStatus.FILLED
        assert found.legs[0].filled == 0
        assert len(server.asked) - asked == limits.BROKER_READINGS_MAX

    async def test_all_pages_are_read_but_not_without_end(
        self, world: BrokerWorld, server: FakeTastytrade, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.orders = [order(number, "Live", leg("SPY", "Buy to Open", 1)) for number in range(5)]
        session = await world.open()
        account = (await session.list_accounts())[0]
        found = await session.fetch_orders(account)
        assert [each.id for each in found] == ["0", "1", "2", "3", "4"]
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        with pytest.raises(BrokerUnreadable, match="more orders"):
            await session.fetch_orders(account)


class TestHistory:
    @pytest.mark.parametrize("times", [1, limits.BROKER_READINGS_MAX])
    async def test_pages_that_move_are_read_again_but_not_for_ever(
        self, world: BrokerWorld, server: FakeTastytrade, times: int
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        real = server._transactions
        moved = 0

        def move(request: Request) -> Reply:
            nonlocal moved
            reply = real(request)
            if request.query["page-offset"] == "0" and moved < times:
                moved += 1
                fresh = transaction(100 + moved, "Money Movement", "Fee", day="2026-03-03")
                server.transactions = [fresh, *server.transactions]
            return reply

        server.routes = [
            (method, path, move if path.endswith("/transactions") else handler)
            for method, path, handler in server.routes
        ]
        if times == 1:
            rows = await read_activities(session, account, world)
            assert len({row.id for row in rows}) == len(rows) == len(TRANSACTIONS) + 1
        else:
            with pytest.raises(BrokerUnavailable, match="changed"):
                await read_activities(session, account, world)

    async def test_a_history_without_end_is_an_error(
        self, world: BrokerWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 1)
        with pytest.raises(BrokerUnreadable, match="more history"):
            await read_activities(session, account, world)

    async def test_a_page_without_its_count_is_all_there_is(self, world: BrokerWorld) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        world.server.scripted.append(Reply({"data": {"items": TRANSACTIONS}, "pagination": None}))
        assert len(await read_activities(session, account, world)) == len(TRANSACTIONS)
