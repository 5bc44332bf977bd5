"""Plaid passes the cards of every brokerage, but for orders, which it has none of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr
from tests.adapters.brokers.plaid.rows import (
    ACCOUNTS,
    HOLDINGS,
    SECURITIES,
    TRANSACTIONS,
    line,
)
from tests.contracts.broker import (
    CALLBACK,
    FAULTS,
    READINGS,
    STATE,
    BrokerCards,
    BrokerWorld,
    Reading,
    quick_wiring,
    read_activities,
)
from tests.fakes.brokers.plaid import CLIENT_ID, SECRET, FakePlaid, error
from tests.fakes.provider_server import Reply
from tests.fakes.stepping_clock import SteppingClock

from optix.adapters.brokers.plaid import PlaidApp, PlaidBroker
from optix.adapters.brokers.plaid.client import SANDBOX_URL
from optix.kernel import limits
from optix.kernel.errors import InvalidInput
from optix.ports.broker import (
    BrokerAccount,
    BrokerBusy,
    BrokerRead,
    BrokerSession,
    BrokerUnavailable,
    BrokerUnreadable,
    SignInAnswer,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
    SignInStart,
)

NOW = datetime(2026, 3, 3, 16, tzinfo=UTC)
READS = [reading for reading in READINGS if reading.id != "read_orders"]


class World(BrokerWorld):
    server: FakePlaid
    broker: PlaidBroker


@pytest.fixture
async def server() -> AsyncIterator[FakePlaid]:
    async with FakePlaid().serve() as server:
        server.accounts, server.securities = ACCOUNTS, SECURITIES
        server.holdings, server.transactions = HOLDINGS, TRANSACTIONS
        yield server


def broker_on(server: FakePlaid, **changed: Any) -> PlaidBroker:
    app = PlaidApp(
        client_id=CLIENT_ID, secret=SecretStr(SECRET), api_url=server.base_url, **changed
    )
    return PlaidBroker(app, quick_wiring(SteppingClock(NOW)))


@pytest.fixture
async def world(server: FakePlaid) -> AsyncIterator[World]:
    def hold_nothing() -> None:
        server.holdings = server.transactions = []

    async with World(
        broker=broker_on(server),
        server=server,
        days=(date(2026, 3, 1), date(2026, 3, 2)),
        activities=len(TRANSACTIONS),
        secrets=(SECRET, "that-must-not-show"),
        agree=server.finish,
        end_access=server.end_items,
        hold_nothing=hold_nothing,
    ) as world:
        yield world


def asked(**changed: Any) -> SignInRequest:
    values: dict[str, Any] = {
        "kind": SignInKind.PORTAL,
        "callback_url": CALLBACK,
        "state": STATE,
        **changed,
    }
    return SignInRequest(**values)


def answer_of(start: SignInStart, **secrets: str) -> SignInAnswer:
    return SignInAnswer(
        kind=SignInKind.PORTAL,
        callback_url=CALLBACK,
        values={"state": STATE},
        secrets={**start.secrets, **secrets},
    )


async def opened(world: World) -> tuple[BrokerSession, BrokerAccount]:
    session = await world.open()
    return session, (await session.list_accounts())[0]


class TestCards(BrokerCards):
    """TC-B01 and following. Nothing is asked for orders, so nothing can go wrong with them."""

    async def test_b03_a_login_is_the_same_one_next_time(self, world: BrokerWorld) -> None:
        """Mended in its own page: a sign-in from scratch is another login there."""
        assert isinstance(world, World)
        grant = await world.sign_in()
        start = await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        world.server.finish(start.url)
        assert (await world.broker.complete(answer_of(start))).login_key == grant.login_key

    async def test_b04_what_does_not_fit_is_refused(self, world: BrokerWorld) -> None:
        """Nothing that a browser brings decides: what was linked is asked of Plaid."""
        assert isinstance(world, World)
        start = await world.broker.begin(asked())
        world.server.leave(start.url)
        with pytest.raises(SignInRefused):
            await world.broker.complete(answer_of(start))
        with pytest.raises(SignInRefused) as refusal:
            await world.broker.complete(answer_of(start, link_token="another"))
        self._shows_no_secret(world, str(refusal.value))

    @pytest.mark.parametrize("reading", READS)
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_b09_what_cannot_be_read_is_an_error_and_never_nothing(
        self, world: BrokerWorld, reading: Reading, fault: Reply
    ) -> None:
        await super().test_b09_what_cannot_be_read_is_an_error_and_never_nothing(
            world, reading, fault
        )

    @pytest.mark.parametrize("reading", READS)
    async def test_b10_slowing_down_says_until_when(
        self, world: BrokerWorld, reading: Reading
    ) -> None:
        await super().test_b10_slowing_down_says_until_when(world, reading)

    @pytest.mark.parametrize("reading", READS)
    async def test_b11_an_access_that_has_ended_asks_the_user_back(
        self, world: BrokerWorld, reading: Reading
    ) -> None:
        await super().test_b11_an_access_that_has_ended_asks_the_user_back(world, reading)

    async def test_orders_are_none_and_said_to_be_none(self, world: BrokerWorld) -> None:
        assert BrokerRead.ORDERS not in world.broker.capabilities.reads
        session, account = await self._first(world)
        before = len(world.server.asked)
        assert await session.fetch_orders(account) == []
        assert len(world.server.asked) == before


class TestLinking:
    async def test_plaids_own_page_reads_investments_and_comes_back_to_us(
        self, server: FakePlaid
    ) -> None:
        broker = broker_on(server, webhook_url="https://optix.example/hook")
        start = await broker.begin(asked())
        body = server.links["link-0"]["asked"]
        assert body["products"] == ["investments"]
        assert body["webhook"] == "https://optix.example/hook"
        assert body["hosted_link"] == {
            "completion_redirect_uri": f"{CALLBACK}?state={STATE}",
            "url_lifetime_seconds": limits.BROKER_FLOW_SECONDS_MAX,
        }
        assert start.url.startswith("https://")
        assert "redirect_uri" not in body

    async def test_a_login_that_broke_is_mended_and_stays_the_same(self, world: World) -> None:
        grant = await world.sign_in()
        token = grant.credentials["access_token"]
        world.server.items[token]["error"] = {"error_code": "ITEM_LOGIN_REQUIRED"}
        start = await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        assert "products" not in world.server.links["link-1"]["asked"]
        with pytest.raises(SignInRefused, match="still"):
            await world.broker.complete(answer_of(start))
        world.server.finish(start.url)
        mended = await world.broker.complete(answer_of(start))
        assert mended.credentials == grant.credentials

    async def test_a_consent_that_ends_is_when_the_user_is_needed_again(self, world: World) -> None:
        grant = await world.sign_in()
        assert grant.login_ends is None
        world.server.items[grant.credentials["access_token"]]["consent_expiration_time"] = (
            "2027-01-01T00:00:00Z"
        )
        start = await world.broker.begin(asked(reconnect=dict(grant.credentials)))
        again = await world.broker.complete(answer_of(start))
        assert again.login_ends == datetime(2027, 1, 1, tzinfo=UTC)

    async def test_without_its_own_page_nothing_is_begun(self, world: World) -> None:
        world.server.scripted.append(Reply({"link_token": "link-x"}))
        with pytest.raises(BrokerUnavailable):
            await world.broker.begin(asked())
        with pytest.raises(InvalidInput):
            await world.broker.begin(asked(kind=SignInKind.OAUTH2))

    async def test_ending_a_login_removes_it_there_and_again_does_no_harm(
        self, world: World
    ) -> None:
        grant = await world.sign_in()
        await world.broker.revoke(grant.credentials)
        assert not world.server.items
        await world.broker.revoke(grant.credentials)

    async def test_nothing_is_renewed(self, world: World) -> None:
        with pytest.raises(SignInNeeded):
            await world.broker.renew({})

    def test_the_sandbox_is_money_that_is_not_real(self, server: FakePlaid) -> None:
        assert not broker_on(server).capabilities.simulated
        app = PlaidApp(client_id="", secret=SecretStr(""), api_url=SANDBOX_URL)
        assert PlaidBroker(app, quick_wiring(SteppingClock(NOW))).capabilities.simulated


class TestRefusals:
    @pytest.mark.parametrize(
        "code",
        ["ITEM_LOGIN_REQUIRED", "OAUTH_CONSENT_EXPIRED", "INVALID_ACCESS_TOKEN", "ITEM_LOCKED"],
    )
    async def test_what_only_the_user_can_mend_asks_the_user_back(
        self, world: World, code: str
    ) -> None:
        session = await world.open()
        world.server.scripted.append(error(code))
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    @pytest.mark.parametrize(
        "reply",
        [
            error("PRODUCT_NOT_READY"),
            error("PRODUCTS_NOT_SUPPORTED"),
            error("NO_INVESTMENT_ACCOUNTS"),
            error("INSTITUTION_NOT_RESPONDING", kind="INSTITUTION_ERROR"),
            error("INVALID_API_KEYS", kind="INVALID_INPUT"),
            error("A_CODE_OF_NEXT_YEAR"),
            Reply(b"no", status=401),
            Reply([], status=403),
        ],
    )
    async def test_what_the_user_cannot_mend_does_not(self, world: World, reply: Reply) -> None:
        session = await world.open()
        world.server.scripted.append(reply)
        with pytest.raises(BrokerUnavailable) as failure:
            await session.list_accounts()
        assert not isinstance(failure.value, SignInNeeded)

    async def test_too_many_requests_are_told_with_a_code_too(self, world: World) -> None:
        session = await world.open()
        world.server.scripted.append(error("RATE_LIMIT_EXCEEDED", status=429))
        with pytest.raises(BrokerBusy):
            await session.list_accounts()

    async def test_a_login_with_an_error_is_not_read_although_it_would_answer(
        self, world: World
    ) -> None:
        session, account = await opened(world)
        for item in world.server.items.values():
            item["error"] = {"error_type": "ITEM_ERROR", "error_code": "ITEM_LOGIN_REQUIRED"}
        with pytest.raises(SignInNeeded):
            await session.list_accounts()
        fresh = world.broker.open({}, renew=_never, log=world.notes)
        with pytest.raises(SignInNeeded):
            await fresh.fetch_snapshot(account)
        await fresh.close()


async def _never(grant: object) -> None:
    raise AssertionError(grant)


class TestSnapshot:
    async def test_it_is_as_old_as_plaids_last_reading(self, world: World) -> None:
        session, account = await opened(world)
        snapshot = await session.fetch_snapshot(account)
        assert snapshot.as_of == datetime(2026, 3, 2, 22, tzinfo=UTC)
        world.server.updated = None  # type: ignore[assignment]  # null is what Plaid may send
        await session.list_accounts()
        assert (await session.fetch_snapshot(account)).as_of == NOW

    async def test_cash_is_what_is_held_as_cash_and_the_worth_is_whole(self, world: World) -> None:
        session, account = await opened(world)
        snapshot = await session.fetch_snapshot(account)
        (balance,) = snapshot.balances
        assert balance.cash is not None
        assert balance.net_liquidation is not None
        assert balance.cash.amount == Decimal("312.5")
        assert balance.net_liquidation.amount == Decimal("24580.06")
        assert [each.asset.symbol for each in snapshot.positions] == [
            "DBLTX",
            "SPXW260918P05500000",
        ]

    async def test_an_account_that_is_gone_is_an_error(self, world: World) -> None:
        session, account = await opened(world)
        world.server.accounts = ACCOUNTS[1:]
        with pytest.raises(BrokerUnavailable):
            await session.fetch_snapshot(account)

    async def test_a_portfolio_that_was_typed_in_says_so(self, world: World) -> None:
        session, account = await opened(world)
        told = {"accounts": ACCOUNTS, "holdings": [], "securities": []}
        world.server.scripted.append(Reply({**told, "is_investments_fallback_item": True}))
        snapshot = await session.fetch_snapshot(account)
        assert snapshot.warnings == ("This portfolio was typed in by hand.",)


class TestHistory:
    async def test_a_reading_during_which_lines_moved_is_read_again(self, world: World) -> None:
        session, account = await opened(world)
        real = world.server._transactions

        def move(body: dict[str, Any]) -> Reply:
            reply = real(body)
            if not body["options"]["offset"]:
                world.server.transactions = [line("new", "fee", "1"), *TRANSACTIONS]
            return reply

        route = ("POST", "/investments/transactions/get", world.server._of_body(move))
        world.server.routes.insert(0, route)
        rows = await read_activities(session, account, world)
        assert {row.id for row in rows} == {"new", "a", "b", "c", "d", "e"}

    @pytest.mark.parametrize("change", ["repeats", "ends_early"])
    async def test_a_history_that_never_stands_still_is_an_error(
        self, world: World, change: str
    ) -> None:
        session, account = await opened(world)

        def odd(_: dict[str, Any]) -> Reply:
            rows = TRANSACTIONS[:2] if change == "repeats" else []
            told = {"investment_transactions": rows, "securities": SECURITIES}
            return Reply({**told, "total_investment_transactions": 4})

        route = ("POST", "/investments/transactions/get", world.server._of_body(odd))
        world.server.routes.insert(0, route)
        before = len(world.server.asked)
        with pytest.raises(BrokerUnavailable, match="changed"):
            await read_activities(session, account, world)
        pages = 2 if change == "repeats" else 1
        assert len(world.server.asked) - before == pages * limits.BROKER_READINGS_MAX

    async def test_an_access_that_ends_in_the_middle_of_paging_yields_nothing(
        self, world: World
    ) -> None:
        session, account = await opened(world)
        real = world.server._transactions

        def end(body: dict[str, Any]) -> Reply:
            return error("ITEM_LOGIN_REQUIRED") if body["options"]["offset"] else real(body)

        route = ("POST", "/investments/transactions/get", world.server._of_body(end))
        world.server.routes.insert(0, route)
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
