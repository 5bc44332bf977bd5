"""SnapTrade passes the cards of every brokerage, and what is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr
from tests.adapters.brokers.snaptrade.rows import (
    ACCOUNT_ROW,
    ACTIVITIES,
    BALANCES,
    ORDERS,
    SHORT_OPTION,
    STOCK,
    SWEEP,
    line,
)
from tests.contracts.broker import CALLBACK, STATE, BrokerCards, BrokerWorld, read_activities
from tests.fakes.brokers.snaptrade import ACCOUNT, CLIENT_ID, CONSUMER_KEY, FakeSnapTrade, error
from tests.fakes.provider_server import Reply, Request
from tests.fakes.stepping_clock import SteppingClock

from optix.adapters.brokers.asking import Wiring
from optix.adapters.brokers.snaptrade import SnapTradeApp, SnapTradeBroker
from optix.adapters.brokers.snaptrade.adapter import BROKERAGES_SECONDS
from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.kernel.order import OrderStatus
from optix.ports.broker import (
    BrokerAccount,
    BrokerageLister,
    BrokerBusy,
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    HintReceiver,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)

NOW = datetime(2026, 3, 3, 16, tzinfo=UTC)


class World(BrokerWorld):
    """All users share one allowance, so each sign-in waits until a pause of another is over."""

    server: FakeSnapTrade
    broker: SnapTradeBroker

    async def open(self) -> BrokerSession:
        assert isinstance(self.server.clock, SteppingClock)
        self.server.clock.advance(limits.PROVIDER_PAUSE_SECONDS)
        return await super().open()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(NOW)


@pytest.fixture
async def server(clock: SteppingClock) -> AsyncIterator[FakeSnapTrade]:
    async with FakeSnapTrade(clock).serve() as server:
        server.account = ACCOUNT_ROW
        server.balances, server.positions = BALANCES, [STOCK, SHORT_OPTION, SWEEP]
        server.activities, server.orders = ACTIVITIES, ORDERS
        server.brokerages = [
            {"slug": "ROBINHOOD", "name": "Robinhood", "enabled": True, "is_degraded": True},
            {"slug": "OTHER", "name": "Other", "enabled": True, "maintenance_mode": True},
            {"slug": "GONE", "name": "Gone", "enabled": False},
        ]
        yield server


@pytest.fixture
async def world(server: FakeSnapTrade, clock: SteppingClock) -> AsyncIterator[World]:
    wiring = Wiring(clock=clock, timeout=httpx.Timeout(2.0), sleep=clock.sleep, jitter=lambda: 0.0)
    app = SnapTradeApp(
        client_id=CLIENT_ID, consumer_key=SecretStr(CONSUMER_KEY), api_url=server.base_url
    )

    def hold_nothing() -> None:
        server.positions = server.activities = server.orders = []

    async with World(
        broker=SnapTradeBroker(app, wiring),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 3)),
        activities=len(ACTIVITIES),
        secrets=(CONSUMER_KEY, "that-must-not-show"),
        agree=server.allow,
        answer="connection_id",
        end_access=server.end_users,
        hold_nothing=hold_nothing,
    ) as world:
        yield world


async def opened(world: World) -> tuple[BrokerSession, BrokerAccount]:
    session = await world.open()
    return session, (await session.list_accounts())[0]


def calls(server: FakeSnapTrade) -> list[str]:
    return [f"{request.method} {request.path}" for request in server.asked]


class TestCards(BrokerCards):
    """TC-B01 and following."""

    async def test_b03_a_login_is_the_same_one_next_time(self, world: BrokerWorld) -> None:
        """Through its own connection: a sign-in from scratch is another connection there."""
        assert isinstance(world, World)
        grant = await world.sign_in()
        world.server.disable()
        again = await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        assert world.server.allow(again.url)["connection_id"] == grant.login_key


def asked(**changed: Any) -> SignInRequest:
    values: dict[str, Any] = {
        "kind": SignInKind.PORTAL,
        "callback_url": CALLBACK,
        "state": STATE,
        **changed,
    }
    return SignInRequest(**values)


class TestPortal:
    async def test_the_portal_reads_only_comes_back_to_us_and_holds_five_minutes(
        self, world: World
    ) -> None:
        start = await world.broker.begin(asked(brokerage="ROBINHOOD"))
        session = world.server.sent_to_portal[0]
        assert session["connectionType"] == "read"
        assert session["broker"] == "ROBINHOOD"
        assert session["customRedirect"] == f"{CALLBACK}?state={STATE}"
        assert start.seconds == 300

    async def test_each_connection_has_a_random_user_and_its_secret_stays_sealed(
        self, world: World
    ) -> None:
        first, second = await world.sign_in(), await world.sign_in()
        assert first.credentials["user_id"] != second.credentials["user_id"]
        assert "that-must-not-show" not in repr(first) + repr(second)

    async def test_signing_in_again_mends_the_same_connection(self, world: World) -> None:
        grant = await world.sign_in()
        await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        assert world.server.sent_to_portal[-1]["reconnect"] == grant.login_key
        assert len(world.server.users) == 1, "nobody is registered anew"

    @pytest.mark.parametrize("status", ["ERROR", "ABANDONED", ""])
    async def test_a_portal_that_connected_nothing_is_a_refusal(
        self, world: World, status: str
    ) -> None:
        with pytest.raises(SignInRefused):
            await world.sign_in(status=status)

    async def test_a_connection_of_another_brokerage_does_not_mend_this_one(
        self, world: World
    ) -> None:
        grant = await world.sign_in()
        start = await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        world.server.connections[grant.credentials["user_id"]]["id"] = "another"
        came = world.server.allow(start.url)
        assert came["connection_id"] == "another"
        with pytest.raises(SignInRefused):
            await world.broker.complete(answer_of(start.secrets, came))

    async def test_ending_a_connection_ends_it_and_its_user_there_and_again_does_no_harm(
        self, world: World
    ) -> None:
        grant = await world.sign_in()
        await world.broker.revoke(grant.credentials)
        assert not world.server.users
        assert not world.server.connections
        await world.broker.revoke(grant.credentials)

    async def test_only_the_portal_is_a_way_in(self, world: World) -> None:
        with pytest.raises(InvalidInput):
            await world.broker.begin(asked(kind=SignInKind.OAUTH2))
        with pytest.raises(SignInNeeded):
            await world.broker.renew({})


def answer_of(secrets: Any, came: dict[str, str]) -> SignInAnswer:
    return SignInAnswer(kind=SignInKind.PORTAL, callback_url=CALLBACK, values=came, secrets=secrets)


class TestBrokerages:
    async def test_the_list_is_asked_for_and_kept_for_a_while(
        self, world: World, clock: SteppingClock
    ) -> None:
        assert isinstance(world.broker, BrokerageLister)
        for _ in range(3):
            reached = await world.broker.list_brokerages()
        assert [(each.name, each.available) for each in reached] == [
            ("ROBINHOOD", True),
            ("OTHER", False),
            ("GONE", False),
        ]
        assert all(each.note for each in reached)
        assert calls(world.server).count("GET /brokerages") == 1
        clock.advance(BROKERAGES_SECONDS)
        world.server.brokerages = []
        assert await world.broker.list_brokerages() == []

    async def test_a_list_that_did_not_come_is_an_error_and_is_asked_for_again(
        self, world: World
    ) -> None:
        world.server.scripted.append(Reply({"detail": "no"}, status=410))
        with pytest.raises(BrokerUnavailable):
            await world.broker.list_brokerages()
        assert await world.broker.list_brokerages()

    async def test_what_is_not_reached_or_not_now_is_not_begun(self, world: World) -> None:
        with pytest.raises(InvalidInput):
            await world.broker.begin(asked(brokerage="FIDELITY"))
        with pytest.raises(BrokerUnavailable, match="maintenance"):
            await world.broker.begin(asked(brokerage="OTHER"))
        assert not world.server.users


class TestSigning:
    async def test_what_is_signed_is_what_is_sent_also_with_odd_letters(self, world: World) -> None:
        """The fake checks every signature over the bytes that came; here over awkward ones."""
        grant = await world.sign_in()
        start = await world.broker.begin(
            asked(state="a b+c/ä=&", reconnect=dict(grant.credentials))
        )
        assert world.server.allow(start.url)["state"] == "a b+c/ä=&"

    async def test_paths_have_no_version_and_no_secret_is_told(self, world: World) -> None:
        session, account = await opened(world)
        await session.fetch_snapshot(account)
        assert not any(request.path.startswith("/api/v1") for request in world.server.asked)
        assert all("userSecret" not in line["path"] for line in world.notes.lines)
        assert f"/accounts/{ACCOUNT}" not in str(world.notes.lines)

    async def test_a_clock_that_is_wrong_is_not_the_users_fault(
        self, world: World, server: FakeSnapTrade
    ) -> None:
        session, _ = await opened(world)
        server.clock = SteppingClock(datetime(2026, 3, 3, 17, tzinfo=UTC))
        with pytest.raises(BrokerUnavailable, match="clock"):
            await session.list_accounts()


class TestLimits:
    async def test_seconds_are_read_from_the_words_of_a_429(self, world: World) -> None:
        session, _ = await opened(world)
        world.server.scripted.append(
            error(429, "Request was throttled. Expected available in 7 seconds.")
        )
        with pytest.raises(BrokerBusy) as busy:
            await session.list_accounts()
        assert busy.value.retry_after_seconds == 8  # after the seventh second

    async def test_all_users_share_one_allowance_that_the_headers_tell(
        self, world: World, clock: SteppingClock
    ) -> None:
        one, two = await world.open(), await world.open()
        world.server.limit_headers = {
            "X-RateLimit-Limit": "250",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "12",  # seconds from now, and no moment
        }
        world.server.scripted.clear()
        with_one_left = clock.now_ns()
        await one._client.fetch_accounts()  # type: ignore[attr-defined]  # one question alone
        await two._client.fetch_accounts()  # type: ignore[attr-defined]  # one question alone
        assert clock.now_ns() - with_one_left >= 12 * 10**9

    @pytest.mark.parametrize(
        ("reply", "wanted"),
        [
            (error(402, "BrokerageAuthDisabled"), SignInNeeded),
            (error(425, "not synced yet"), BrokerUnavailable),
            (error(403, "plan"), BrokerUnavailable),
            (error(400, "bad parameters"), BrokerUnavailable),
            (Reply({"other": 1}, status=401), SignInNeeded),
            (Reply(b"no", status=401), SignInNeeded),
        ],
    )
    async def test_refusals_mean_what_they_say(
        self, world: World, reply: Reply, wanted: type[Exception]
    ) -> None:
        session, _ = await opened(world)
        world.server.scripted.append(reply)
        with pytest.raises(wanted):
            await session.list_accounts()


class TestAccounts:
    async def test_a_disabled_connection_is_not_read_although_it_would_answer(
        self, world: World
    ) -> None:
        session = await world.open()
        world.server.disable()
        with pytest.raises(SignInNeeded):
            await session.list_accounts()
        assert "GET /accounts" not in calls(world.server)

    async def test_a_connection_that_was_deleted_there_asks_the_user_back(
        self, world: World
    ) -> None:
        session = await world.open()
        world.server.connections.clear()
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_accounts_of_other_connections_of_the_user_are_passed_by(
        self, world: World
    ) -> None:
        session, account = await opened(world)
        assert [each.key for each in await session.list_accounts()] == [ACCOUNT]
        assert account.stable_key == "Robinhood|54953432"
        assert account.number == "…3003"

    async def test_an_account_that_is_no_longer_listed_is_an_error(self, world: World) -> None:
        session, account = await opened(world)
        world.server.account = {**ACCOUNT_ROW, "id": "new-id"}
        await session.list_accounts()
        with pytest.raises(BrokerUnavailable):
            await session.fetch_snapshot(account)


class TestSnapshot:
    async def test_what_is_counted_as_cash_is_not_counted_twice(self, world: World) -> None:
        session, account = await opened(world)
        snapshot = await session.fetch_snapshot(account)
        assert [each.asset.symbol for each in snapshot.positions] == ["BRK.B", "SPY260918P00550000"]
        assert snapshot.warnings == ("SPAXX is counted as cash.",)
        assert snapshot.as_of == datetime(2026, 3, 3, 15, 30, tzinfo=UTC), "as old as it is"
        assert snapshot.balances[0].cash is not None
        assert snapshot.balances[0].cash.amount == Decimal("-300.71"), "a margin debit"
        assert snapshot.balances[0].net_liquidation is not None
        assert snapshot.balances[0].net_liquidation.amount == Decimal("15363.23")

    @pytest.mark.parametrize(
        "state", [{"initial_sync_completed": False}, {"holdings_unavailable": True}]
    )
    async def test_before_the_first_reading_there_a_snapshot_is_not_whole(
        self, world: World, state: dict[str, bool]
    ) -> None:
        world.server.account = {**ACCOUNT_ROW, "sync_status": {"holdings": state}}
        session, account = await opened(world)
        snapshot = await session.fetch_snapshot(account)
        assert not snapshot.complete
        assert snapshot.warnings

    async def test_a_day_of_nowhere_is_an_error(self, world: World) -> None:
        session, account = await opened(world)
        await session.list_accounts()
        bad = {"results": [], "data_freshness": {"as_of": "lately"}}
        world.server.scripted.extend([Reply(BALANCES), Reply(bad)])
        with pytest.raises(BrokerUnreadable):
            await session.fetch_snapshot(account)


class TestOrders:
    async def test_rows_of_one_id_are_the_legs_of_one_order_and_old_open_ones_are_there(
        self, world: World
    ) -> None:
        session, account = await opened(world)
        orders = await session.fetch_orders(account)
        assert [(order.id, order.status) for order in orders] == [
            ("spread", OrderStatus.FILLED),
            ("old-limit", OrderStatus.WORKING),
        ]
        assert [leg.filled for leg in orders[0].legs] == [Decimal(-2), Decimal(2)]

    @pytest.mark.parametrize("status", [403, 501])
    async def test_a_brokerage_that_gives_no_orders_has_none(
        self, world: World, status: int
    ) -> None:
        session, account = await opened(world)
        world.server.scripted.extend([error(status, "not supported")] * 2)
        assert await session.fetch_orders(account) == []


class TestHistory:
    async def test_no_history_is_read_before_the_first_reading_there(self, world: World) -> None:
        """An empty page would mark the days as read."""
        state = {"transactions": {"initial_sync_completed": False}}
        world.server.account = {**ACCOUNT_ROW, "sync_status": state}
        session, account = await opened(world)
        with pytest.raises(BrokerUnavailable, match="history"):
            await read_activities(session, account, world)

    async def test_a_reading_during_which_lines_moved_is_read_again(self, world: World) -> None:
        session, account = await opened(world)
        newest = line("new", "BUY", symbol=ACTIVITIES[0]["symbol"], amount=-1)
        real = world.server._activities

        def move(request: Request) -> Reply:
            reply = real(request)
            if request.query["offset"] == "0":
                world.server.activities = [newest, *ACTIVITIES]
            return reply

        world.server.routes.insert(0, ("GET", f"/accounts/{ACCOUNT}/activities", move))
        rows = await read_activities(session, account, world)
        assert {row.id for row in rows} == {"new", *(row["id"] for row in ACTIVITIES)}

    @pytest.mark.parametrize("change", ["repeats", "ends_early"])
    async def test_a_history_that_never_stands_still_is_an_error(
        self, world: World, change: str
    ) -> None:
        session, account = await opened(world)

        def odd(_: Request) -> Reply:
            data = ACTIVITIES[:2] if change == "repeats" else []
            return Reply({"data": data, "pagination": {"total": 4}})

        world.server.routes.insert(0, ("GET", f"/accounts/{ACCOUNT}/activities", odd))
        before = len(world.server.asked)
        with pytest.raises(BrokerUnavailable, match="changed"):
            await read_activities(session, account, world)
        pages = 2 if change == "repeats" else 1
        assert len(world.server.asked) - before == pages * limits.BROKER_READINGS_MAX

    async def test_an_access_that_ends_in_the_middle_of_paging_yields_nothing(
        self, world: World
    ) -> None:
        session, account = await opened(world)
        real = world.server._activities

        def end(request: Request) -> Reply:
            if request.query["offset"] == "0":
                return real(request)
            return error(401, "Invalid userID or userSecret provided", "1083")

        world.server.routes.insert(0, ("GET", f"/accounts/{ACCOUNT}/activities", end))
        with pytest.raises(SignInNeeded):
            await read_activities(session, account, world)

    async def test_more_pages_than_any_account_has_are_an_error(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 2)
        session, account = await opened(world)
        before = len(world.server.asked)
        with pytest.raises(BrokerUnreadable, match="more history"):
            await read_activities(session, account, world)
        assert len(world.server.asked) - before == limits.BROKER_PAGES_MAX


def test_it_takes_webhooks() -> None:
    assert issubclass(SnapTradeBroker, HintReceiver)
    assert (
        urlsplit(SnapTradeApp(client_id="", consumer_key=SecretStr("")).api_url).scheme == "https"
    )
