"""The sandbox adapter passes the cards of every brokerage, on the real sandbox over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr
from tests.contracts.broker import BrokerCards, BrokerWorld, quick_wiring, read_activities
from tests.fakes.brokers.sandbox import (
    CLIENT_ID,
    CLIENT_SECRET,
    FrontedSandbox,
    GivenQuotes,
    sandbox_app,
)

from optix.adapters.brokers.sandbox import SandboxApp, SandboxBroker
from optix.features.market import calendar
from optix.features.sandbox.rules import holdings_of
from optix.features.sandbox.seeding import year_of
from optix.kernel.clock import ScaledClock
from optix.kernel.limits import PAPER_PAGE_ROWS_MAX
from optix.platform.db import Database
from optix.ports.broker import SignInNeeded

pytestmark = pytest.mark.stores


@pytest.fixture
def quotes() -> GivenQuotes:
    return GivenQuotes()


@pytest.fixture
async def server(
    database: Database, clock: ScaledClock, quotes: GivenQuotes
) -> AsyncIterator[FrontedSandbox]:
    app = sandbox_app(database, clock, quotes)
    async with FrontedSandbox(app, database).serve() as server:
        yield server


@pytest.fixture
async def world(server: FrontedSandbox, clock: ScaledClock) -> AsyncIterator[BrokerWorld]:
    broker = SandboxBroker(
        SandboxApp(
            client_id=CLIENT_ID,
            client_secret=SecretStr(CLIENT_SECRET),
            api_url=server.base_url,
            authorise_url="https://optix.example/sandbox/authorize",
        ),
        quick_wiring(clock),
    )
    today = calendar.exchange_date(clock.now_ns())
    async with BrokerWorld(
        broker=broker,
        server=server,
        days=(today - timedelta(days=400), today),
        activities=len(year_of("any", today, {})),
        secrets=(CLIENT_SECRET,),
        agree=server.allow,
        end_access=server.end_grants,
        hold_nothing=server.forget_history,
    ) as world:
        yield world


class TestCards(BrokerCards):
    """TC-B01 and following."""

    async def test_b07_nothing_held_is_a_whole_snapshot_of_nothing(
        self, world: BrokerWorld
    ) -> None:
        await world.sign_in()  # the account is made with its history, so it must be there first
        await super().test_b07_nothing_held_is_a_whole_snapshot_of_nothing(world)


async def test_an_access_that_ended_is_renewed_in_the_middle_and_the_grant_kept(
    world: BrokerWorld, server: FrontedSandbox
) -> None:
    session = await world.open()
    await server.end_access_tokens()
    assert await session.list_accounts()
    assert len(world.grants) == 1
    assert world.grants[0].credentials["refresh_token"]


async def test_a_refresh_token_used_twice_ends_the_sign_in(world: BrokerWorld) -> None:
    grant = await world.sign_in()
    renewed = await world.broker.renew(grant.credentials)
    with pytest.raises(SignInNeeded):
        await world.broker.renew(grant.credentials)
    with pytest.raises(SignInNeeded):
        await world.broker.renew(renewed.credentials)


async def test_revoking_ends_the_leave_and_again_is_no_error(world: BrokerWorld) -> None:
    session = await world.open()
    grant = await world.sign_in()
    await world.broker.revoke(grant.credentials)
    await world.broker.revoke(grant.credentials)
    with pytest.raises(SignInNeeded):
        await world.broker.renew(grant.credentials)
    assert await session.list_accounts(), "another sign-in of the same holder stays"


async def test_what_is_held_is_the_sum_of_what_is_told(world: BrokerWorld) -> None:
    session = await world.open()
    account = (await session.list_accounts())[0]
    rows = await read_activities(session, account, world)
    snapshot = await session.fetch_snapshot(account)
    told = {position.asset.symbol: position.quantity for position in snapshot.positions}
    assert told == {symbol: each.quantity for symbol, each in holdings_of(rows).items()}
    cash = snapshot.balances[0].cash
    assert cash is not None
    assert cash.amount == sum((row.cash.amount for row in rows), Decimal(0))


async def test_history_of_many_lines_comes_in_pages(
    world: BrokerWorld, server: FrontedSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optix.kernel.limits.PAPER_PAGE_ROWS_MAX", 7)
    assert PAPER_PAGE_ROWS_MAX > 7
    session = await world.open()
    account = (await session.list_accounts())[0]
    pages = [page async for page in session.iter_activities(account, date.min, date.max)]
    assert [len(page.rows) for page in pages[:-1]] == [7] * (len(pages) - 1)
    assert sum(len(page.rows) for page in pages) == world.activities
    assert account.simulated
    del server
