"""The ledger held against a broker's snapshot over HTTP, and differences that are settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from tests.features.portfolio.ledger.golden_book import asset_of
from tests.fixtures.api import Caller, client_of, signed_in_user
from tests.fixtures.broker_books import add_account, add_lines, position, trade

from optix.features.identity.service import Identity
from optix.features.portfolio.books import LedgerBooks
from optix.features.sandbox.seeding import year_of
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.holding import Position
from optix.kernel.ids import UserId
from optix.kernel.money import Money
from optix.platform.db import Database

pytestmark = pytest.mark.stores

PATH = "/api/v1/portfolio/reconciliation"
DAY = date(2025, 1, 6)


@pytest.fixture
async def client(api_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api_app) as client:
        yield client


@pytest.fixture
def at(clock: ScaledClock) -> datetime:
    return to_datetime(clock.now_ns())


@pytest.fixture
def books(database: Database, clock: ScaledClock) -> LedgerBooks:
    return LedgerBooks(database, clock)


def owner_of(caller: Caller) -> UserId:
    return UserId(UUID(caller.id))


async def differences(client: httpx.AsyncClient, caller: Caller) -> list[dict[str, Any]]:
    answer = await client.get(PATH, headers=caller.headers)
    assert answer.status_code == 200, answer.text
    accounts: list[dict[str, Any]] = answer.json()["accounts"]
    return accounts


def deposit(amount: str) -> Activity:
    return Activity(
        id="deposit",
        kind=ActivityKind.DEPOSIT,
        status=ActivityStatus.POSTED,
        day=DAY,
        cash=Money(Decimal(amount)),
    )


def worth(lines: list[Activity]) -> tuple[list[Position], str]:
    """Return what a broker would hold after a year of the paper brokerage, and its cash."""
    held: dict[str, tuple[Any, Decimal]] = {}
    for line in lines:
        if line.asset is not None and line.quantity:
            _, before = held.get(line.asset.key, (line.asset, Decimal(0)))
            held[line.asset.key] = (line.asset, before + line.quantity)
    cash = sum((line.cash.amount for line in lines), Decimal(0))
    return [position(asset, str(size)) for asset, size in held.values() if size], f"{cash:.2f}"


async def test_a_year_of_the_paper_brokerage_ends_equal(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    """The snapshot is added up from the lines alone, not from the ledger."""
    for seed in ("one", "two"):
        lines = list(year_of(seed, date(2026, 11, 20), {}))
        positions, cash = worth(lines)
        await add_account(
            database, owner_of(caller), at, lines=lines, positions=positions, cash=cash
        )
    assert {each["state"] for each in await differences(client, caller)} == {"booking"}
    await books.book(owner_of(caller))
    accounts = await differences(client, caller)
    assert [(each["state"], each["differences"]) for each in accounts] == [("equal", [])] * 2


async def test_a_position_from_before_the_history_is_proposed_and_settled_by_one_tap(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    account = await add_account(
        database,
        owner_of(caller),
        at,
        lines=[deposit("1000.00")],
        positions=[position(asset_of("MSFT"), "10", "4200.00")],
    )
    await books.book(owner_of(caller))
    [found] = await differences(client, caller)
    [difference] = found["differences"]
    assert (found["state"], difference["cause"], difference["symbol"]) == (
        "differs",
        "opening",
        "MSFT",
    )
    assert (difference["ledger"], difference["broker"]) == ("0", "10")
    assert difference["proposal"][0]["price"] == "420.000000"
    body = {"account_id": str(account), "key": difference["key"]}
    accepted = await client.post(f"{PATH}/accept", json=body, headers=caller.headers)
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["lines"][0]["note"] == difference["evidence"]
    await books.book(owner_of(caller))
    [after] = await differences(client, caller)
    assert (after["state"], after["differences"]) == ("equal", [])
    again = await client.post(f"{PATH}/accept", json=body, headers=caller.headers)
    assert (again.status_code, again.json()["code"]) == (404, "difference_gone")
    lots = await client.get("/api/v1/portfolio/lots", headers=caller.headers)
    assert Decimal(lots.json()["lots"][0]["basis"]) == Decimal(4200)
    taken = await client.delete(
        f"/api/v1/portfolio/lines/{accepted.json()['lines'][0]['id']}", headers=caller.headers
    )
    assert taken.status_code == 204
    await books.book(owner_of(caller))
    assert (await differences(client, caller))[0]["differences"] == [difference]


async def test_two_taps_settle_a_difference_once(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    """Both at once, and one more before it is booked: the position is entered once."""
    account = await add_account(
        database,
        owner_of(caller),
        at,
        lines=[deposit("1000.00")],
        positions=[position(asset_of("MSFT"), "10", "4200.00")],
    )
    await books.book(owner_of(caller))
    [found] = await differences(client, caller)
    body = {"account_id": str(account), "key": found["differences"][0]["key"]}
    answers = await asyncio.gather(
        *(client.post(f"{PATH}/accept", json=body, headers=caller.headers) for _ in range(3))
    )
    late = await client.post(f"{PATH}/accept", json=body, headers=caller.headers)
    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert (late.status_code, late.json()["code"]) == (409, "ledger_still_booking")
    await books.book(owner_of(caller))
    assert [each["state"] for each in await differences(client, caller)] == ["equal"]


async def test_a_snapshot_that_is_older_than_the_history_is_not_held_against_it(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    account = await add_account(database, owner_of(caller), at, lines=[deposit("1000.00")])
    later = trade(at.date() + timedelta(days=3), asset_of("MSFT"), "2", "-840.00", "later")
    await add_lines(database, account, [later], at)
    await books.book(owner_of(caller))
    [found] = await differences(client, caller)
    assert (found["state"], found["differences"]) == ("not_compared", [])


async def test_what_nobody_can_tell_is_shown_and_cannot_be_accepted(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    account = await add_account(
        database,
        owner_of(caller),
        at,
        lines=[deposit("2000.00"), trade(DAY, asset_of("AAA"), "10", "-1000.00", "b1")],
    )
    await books.book(owner_of(caller))
    [found] = await differences(client, caller)
    [difference] = found["differences"]
    assert (difference["cause"], difference["proposal"]) == ("unknown", [])
    body = {"account_id": str(account), "key": difference["key"]}
    refused = await client.post(f"{PATH}/accept", json=body, headers=caller.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_proposed")


async def test_a_transfer_that_one_account_lacks_is_known_by_the_other(
    client: httpx.AsyncClient, caller: Caller, database: Database, books: LedgerBooks, at: datetime
) -> None:
    gone = Activity(
        id="out",
        kind=ActivityKind.TRANSFER,
        status=ActivityStatus.POSTED,
        day=DAY + timedelta(days=2),
        cash=Money(Decimal(0)),
        asset=asset_of("AAA"),
        quantity=Decimal(-10),
    )
    bought = [deposit("2000.00"), trade(DAY, asset_of("AAA"), "10", "-1000.00", "b1")]
    one = await add_account(database, owner_of(caller), at, lines=bought)
    await add_account(
        database,
        owner_of(caller),
        at,
        lines=[deposit("1000.00")],
        positions=[position(asset_of("AAA"), "10")],
    )
    await books.book(owner_of(caller))
    accounts = await differences(client, caller)
    causes = [[each["cause"] for each in account["differences"]] for account in accounts]
    assert causes == [["transfer"], ["transfer"]]
    await add_lines(database, one, [gone], at)
    await books.book(owner_of(caller))
    states = [each["state"] for each in await differences(client, caller)]
    assert states == ["equal", "differs"]


async def test_an_account_that_was_not_read_whole_is_not_compared(
    client: httpx.AsyncClient, caller: Caller, database: Database, at: datetime
) -> None:
    await add_account(database, owner_of(caller), at, read=False)
    [found] = await differences(client, caller)
    assert (found["state"], found["as_of"]) == ("not_compared", None)


async def test_another_user_sees_and_accepts_nothing_of_it(
    client: httpx.AsyncClient,
    caller: Caller,
    database: Database,
    books: LedgerBooks,
    identity: Identity,
    at: datetime,
) -> None:
    account = await add_account(
        database, owner_of(caller), at, positions=[position(asset_of("MSFT"), "10")]
    )
    await books.book(owner_of(caller))
    key = (await differences(client, caller))[0]["differences"][0]["key"]
    other = await signed_in_user(identity, "grace@example.com", display_name="Grace")
    assert await differences(client, other) == []
    body = {"account_id": str(account), "key": key}
    refused = await client.post(f"{PATH}/accept", json=body, headers=other.headers)
    assert refused.status_code == 404
