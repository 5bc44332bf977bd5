"""What else happens while a connection is read: it ends, its user goes, clocks are off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, text, update
from tests.fakes.brokers.scripted import ScriptedBroker, account_named, deposit
from tests.features.brokerage.conftest import Desk

from optix.features.brokerage import repository
from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerExchange,
    BrokerOrder,
    BrokerSnapshot,
)
from optix.features.brokerage.rules import WINDOW_DAYS
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS
from optix.ports.broker import Grant, SignInNeeded

pytestmark = pytest.mark.stores

STEPS = ("accounts", "snapshot", "orders", "history")


@pytest.fixture
def broker(desk: Desk) -> ScriptedBroker:
    broker = ScriptedBroker(name="tradier", lines=[deposit(desk.sync._today(), "5", "id1")])
    desk.brokers["tradier"] = broker
    return broker


async def disconnect(desk: Desk, connection: BrokerConnection, *, delete_history: bool) -> None:
    """End a connection as its user does."""
    async with desk.database.writing() as session:
        await session.execute(
            update(BrokerConnection).values(state="disconnected", credentials=None)
        )
        if delete_history:
            await repository.delete_accounts(session, connection.id)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("before", [False, True])
async def test_a_connection_that_is_ended_with_its_history_does_not_bring_it_back(
    desk: Desk, broker: ScriptedBroker, step: str, before: bool
) -> None:
    connection = await desk.connect()
    if before:
        await desk.sync.read(connection)

    async def end(call: str, account: str) -> None:
        del account
        if call == step:
            await disconnect(desk, connection, delete_history=True)

    broker.before = end
    await desk.sync.read(connection)
    for table in (BrokerAccountRow, BrokerSnapshot, BrokerActivity, BrokerOrder):
        assert await desk.rows(table) == [], table.__tablename__
    (row,) = await desk.rows(BrokerConnection)
    assert (row.state, row.credentials) == ("disconnected", None)
    assert broker.open_sessions == 0


@pytest.mark.parametrize("step", STEPS)
async def test_a_user_who_is_deleted_meanwhile_leaves_nothing(
    desk: Desk, broker: ScriptedBroker, step: str
) -> None:
    connection = await desk.connect()

    async def delete_all(call: str, account: str) -> None:
        del account
        if call == step:
            async with desk.database.writing() as session:
                await session.execute(delete(BrokerConnection))
                await session.execute(delete(BrokerAccountRow))

    broker.before = delete_all
    await desk.sync.read(connection)
    for table in (BrokerConnection, BrokerAccountRow, BrokerSnapshot, BrokerExchange):
        assert await desk.rows(table) == []


@pytest.mark.parametrize("how", ["refused", "renewed"])
async def test_who_signed_in_anew_meanwhile_is_not_undone_by_the_old_sign_in(
    desk: Desk, broker: ScriptedBroker, how: str
) -> None:
    connection = await desk.connect()

    async def sign_in_anew(call: str, account: str) -> None:
        del account
        if call == "snapshot":
            values = {"signed_in_at": connection.signed_in_at + timedelta(seconds=1)}
            async with desk.database.writing() as session:
                await session.execute(
                    update(BrokerConnection).values(
                        **values, claimed_until=None, credentials=b"the new ones"
                    )
                )
            if how == "refused":
                raise SignInNeeded("The old one has ended.")
            grant = Grant(credentials={"access_token": "old"}, access_ends=None, login_ends=None)
            await desk.sync.keep_grant(connection, grant)

    broker.before = sign_in_anew
    error = await desk.sync.read(connection)
    assert error is not None
    (row,) = await desk.rows(BrokerConnection)
    assert (row.state, row.credentials) == ("connected", b"the new ones")
    assert row.claimed_until is None


async def test_a_renewal_of_a_reading_that_lost_its_claim_is_kept_all_the_same(
    desk: Desk, broker: ScriptedBroker
) -> None:
    connection = await desk.connect()
    sealed = connection.credentials
    async with desk.database.writing() as session:
        until = connection.created_at + timedelta(hours=1)
        await session.execute(update(BrokerConnection).values(claimed_until=until))
    broker.grant = Grant(credentials={"access_token": "new"}, access_ends=None, login_ends=None)
    error = await desk.sync.read(connection)
    assert error is not None
    assert error.code == "broker_claim_lost"
    (row,) = await desk.rows(BrokerConnection)
    assert row.credentials not in (None, sealed), "the only ones that still work"


async def test_a_history_without_an_end_is_an_error_and_hides_nothing(
    desk: Desk, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROKER_PAGES_MAX", 25)
    connection = await desk.connect()
    await desk.sync.read(connection)
    broker.endless = True
    error = await desk.sync.read(connection)
    assert error is not None
    assert error.code == "broker_format_changed"
    assert await desk.cash() == ["5"]


async def test_beyond_so_many_empty_days_nothing_more_is_looked_for(
    desk: Desk, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BROKER_EMPTY_DAYS_MAX", 2 * WINDOW_DAYS)
    broker.history_days = None
    connection = await desk.connect()
    await desk.sync.read(connection)
    # The window with the line, and as many empty ones as make up the days.
    assert broker.calls["history"] == 1 + limits.BROKER_EMPTY_DAYS_MAX // WINDOW_DAYS
    (account,) = await desk.rows(BrokerAccountRow)
    assert account.history_first < desk.sync._today() - timedelta(days=3_000)


async def test_an_account_that_vanishes_and_returns_is_the_same_one(
    desk: Desk, broker: ScriptedBroker
) -> None:
    broker.accounts = [account_named("one"), account_named("two")]
    connection = await desk.connect()
    await desk.sync.read(connection)
    before = {row.name: row.id for row in await desk.rows(BrokerAccountRow)}
    broker.accounts = [account_named("two")]
    assert await desk.sync.read(connection) is None
    assert len(await desk.cash()) == 2, "nothing is deleted for that"
    assert len(await desk.rows(BrokerSnapshot)) == 2
    broker.accounts = [account_named("two"), account_named("one")]
    broker.lines.append(deposit(desk.sync._today(), "6", "id2"))
    assert await desk.sync.read(connection) is None
    assert {row.name: row.id for row in await desk.rows(BrokerAccountRow)} == before
    assert await desk.cash() == ["5", "5", "6", "6"]


async def test_a_renamed_account_says_so_and_stays(desk: Desk, broker: ScriptedBroker) -> None:
    connection = await desk.connect()
    await desk.sync.read(connection)
    (before,) = await desk.rows(BrokerAccountRow)
    broker.accounts = [account_named("one")]
    told = broker.accounts[0]
    broker.accounts = [type(told)(key="k2", stable_key="one", number="…9", name="New", kind="cash")]
    await desk.sync.read(connection)
    (after,) = await desk.rows(BrokerAccountRow)
    assert (after.id, after.name, after.call_key) == (before.id, "New", "k2")


async def test_a_line_of_the_brokers_tomorrow_waits_for_its_day(
    desk: Desk, broker: ScriptedBroker
) -> None:
    ahead = desk.sync._today() + timedelta(days=1)
    real = broker.open

    def open_ahead(*given: object, **more: object) -> object:
        session = real(*given, **more)  # type: ignore[arg-type]  # as they come
        ask = session.iter_activities

        async def with_tomorrow(account, first, last):  # type: ignore[no-untyped-def]  # as the port
            async for page in ask(account, first, last + timedelta(days=1)):
                yield page

        session.iter_activities = with_tomorrow  # type: ignore[method-assign]  # watched
        return session

    broker.open = open_ahead  # type: ignore[method-assign,assignment]  # watched
    broker.lines.append(deposit(ahead, "7", "id2"))
    connection = await desk.connect()
    assert await desk.sync.read(connection) is None
    assert await desk.cash() == ["5"]
    desk.clock.advance_to(desk.clock.now_ns() + 24 * 3600 * NANOSECONDS)
    assert await desk.sync.read(connection) is None
    assert await desk.cash() == ["5", "7"]


async def test_a_clock_that_went_back_reads_on_and_loses_nothing(
    desk: Desk, broker: ScriptedBroker
) -> None:
    connection = await desk.connect()
    await desk.sync.read(connection)
    (account,) = await desk.rows(BrokerAccountRow)
    later = account.history_last + timedelta(days=40)
    async with desk.database.writing() as session:
        await session.execute(text("UPDATE broker_account SET history_last = :day"), {"day": later})
    broker.lines.append(deposit(desk.sync._today(), "6", "id2"))
    assert await desk.sync.read(connection) is None
    assert await desk.cash() == ["5", "6"]
    assert not any(row.absent_since for row in await desk.rows(BrokerActivity))
