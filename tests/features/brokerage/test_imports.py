"""Importing files over HTTP on real stores: what is shown, what is written, what is taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from tests.adapters.imports.statements import statement_files as files
from tests.fakes.brokers.tradier import FakeTradierBroker
from tests.features.brokerage.conftest import Desk, trade
from tests.fixtures.api import Caller, client_of
from tests.fixtures.factors import fresh_user

from optix.adapters.imports.statements import build_readers
from optix.features.brokerage import repository
from optix.features.brokerage.imports import StatementImports, exported_imports
from optix.features.brokerage.merging import merge
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.brokerage.models_imports import BrokerImport, BrokerImportRow
from optix.features.brokerage.router_imports import IMPORTS_PATH, router
from optix.features.identity.service import Identity
from optix.kernel import limits
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database

pytestmark = pytest.mark.stores

HEADER = "Run Date,Action,Symbol,Quantity,Price ($),Amount ($)\n"
BUY = "01/19/2024,YOU BOUGHT,AAPL,1,190,-190\n"
SELL = "01/22/2024,YOU SOLD,AAPL,-1,191,191\n"


@dataclass
class Importer:
    """One user at the API."""

    client: httpx.AsyncClient
    database: Database
    caller: Caller

    async def preview(self, text: str, **query: Any) -> dict[str, Any]:
        answer = await self.client.post(
            IMPORTS_PATH,
            content=text.encode(),
            params=query,
            headers={**self.caller.headers, "X-File-Name": "history%20of%20mine.csv"},
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def confirm(self, shown: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(
            f"{IMPORTS_PATH}/{shown['id']}/confirm", headers=self.caller.headers
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def bring(self, text: str, **query: Any) -> dict[str, Any]:
        return await self.confirm(await self.preview(text, **query))

    async def remove(self, shown: dict[str, Any]) -> int:
        answer = await self.client.delete(
            f"{IMPORTS_PATH}/{shown['id']}", headers=self.caller.headers
        )
        return answer.status_code

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.reading() as session:
            return list((await session.scalars(select(table).order_by(table.id))).all())

    async def cash(self) -> list[str]:
        return sorted(format(row.cash, "f") for row in await self.rows(BrokerActivity))


@pytest.fixture
async def importer(
    api_app: FastAPI, database: Database, identity: Identity, clock: ScaledClock
) -> AsyncIterator[Importer]:
    api_app.state.statement_imports = StatementImports(
        database, readers=build_readers(), clock=clock
    )
    api_app.include_router(router)
    async with client_of(api_app) as client:
        yield Importer(client, database, await fresh_user(identity))


async def test_a_preview_writes_nothing_and_says_what_every_row_is(importer: Importer) -> None:
    shown = await importer.preview(files.FIDELITY)
    assert shown["state"] == "preview"
    assert shown["format"] == "fidelity_csv"
    assert shown["file_name"] == "history of mine.csv"
    assert shown["counts"] == {"new": 5, "known": 0, "unreadable": 1, "ignored": 4}
    assert [each["account"] for each in shown["accounts"]] == [None, None]
    first = shown["rows"][0]
    assert first["verdict"] == "new"
    assert first["line"] == 6
    assert first["activity"]["symbol"] == "SPY240126C00480000"
    assert first["activity"]["cash"] == "-259.38"
    assert await importer.rows(BrokerActivity) == []
    assert await importer.rows(BrokerAccountRow) == []


@pytest.mark.parametrize("name", files.ALL)
async def test_what_is_confirmed_is_written_once_and_again_adds_none(
    importer: Importer, name: str
) -> None:
    shown = await importer.preview(files.ALL[name])
    done = await importer.confirm(shown)
    assert done["state"] == "confirmed"
    before = await importer.cash()
    assert len(before) == shown["counts"]["new"] > 0
    assert (await importer.confirm(done))["counts"] == done["counts"]
    again = await importer.preview(files.ALL[name])
    assert again["counts"]["new"] == 0
    assert again["counts"]["known"] == len(before)
    await importer.confirm(again)
    assert await importer.cash() == before


async def test_undoing_takes_back_exactly_what_came(importer: Importer) -> None:
    one = await importer.bring(HEADER + BUY + BUY)
    two = await importer.bring(HEADER + BUY + SELL)
    assert await importer.cash() == ["-190", "-190", "191"]
    assert await importer.remove(one) == 204
    assert await importer.cash() == ["-190", "191"]
    assert {row.import_id for row in await importer.rows(BrokerActivity)} == {UUID(two["id"])}
    assert await importer.remove(two) == 204
    assert await importer.rows(BrokerActivity) == []
    assert await importer.rows(BrokerImportRow) == []
    assert await importer.rows(BrokerAccountRow) == []
    assert await importer.remove(two) == 404


async def test_verdicts_are_made_anew_when_a_preview_is_confirmed(importer: Importer) -> None:
    one = await importer.preview(HEADER + BUY)
    two = await importer.preview(HEADER + BUY)
    await importer.confirm(one)
    assert (await importer.confirm(two))["counts"]["known"] == 1
    assert await importer.cash() == ["-190"]


async def test_a_discarded_preview_leaves_nothing(importer: Importer) -> None:
    await importer.bring(HEADER + BUY)
    shown = await importer.preview(HEADER + SELL)
    assert await importer.remove(shown) == 204
    assert await importer.cash() == ["-190"]
    assert len(await importer.rows(BrokerImport)) == 1


async def test_accounts_are_chosen_or_made(importer: Importer) -> None:
    await importer.bring(files.FIDELITY)
    made = {row.number: row for row in await importer.rows(BrokerAccountRow)}
    assert set(made) == {"…5678", "…4321"}
    other = made["…4321"]
    shown = await importer.preview(HEADER + BUY, account=str(other.id))
    assert shown["accounts"][0]["account"] == str(other.id)
    await importer.confirm(shown)
    kept = await importer.rows(BrokerActivity)
    assert sum(row.account_id == other.id for row in kept) == 3
    for wrong in ["x", "00000000-0000-0000-0000-000000000000"]:
        answer = await importer.client.post(
            IMPORTS_PATH,
            content=(HEADER + BUY).encode(),
            params={"account": wrong},
            headers=importer.caller.headers,
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "import_account_unknown")
    new = await importer.preview(files.FIDELITY, account="new")
    assert new["accounts"][0]["account"] is None


async def test_a_file_that_cannot_be_read_is_a_problem(importer: Importer) -> None:
    answer = await importer.client.post(
        IMPORTS_PATH, content=b"hello", headers=importer.caller.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "statement_unreadable")


async def test_rows_come_in_pages(importer: Importer) -> None:
    most = limits.STATEMENT_PAGE_MAX
    shown = await importer.preview(HEADER + BUY * (most + 3))
    assert len(shown["rows"]) == most
    answer = await importer.client.get(
        f"{IMPORTS_PATH}/{shown['id']}",
        params={"cursor": shown["next"]},
        headers=importer.caller.headers,
    )
    rest = answer.json()
    assert [row["line"] for row in rest["rows"]] == [most + 2, most + 3, most + 4]
    assert rest["next"] is None


async def test_only_the_newest_previews_are_kept(importer: Importer) -> None:
    kept = await importer.bring(HEADER + SELL)
    shown = [
        await importer.preview(HEADER + BUY)
        for _ in range(limits.STATEMENT_PREVIEWS_PER_USER_MAX + 1)
    ]
    answer = await importer.client.get(IMPORTS_PATH, headers=importer.caller.headers)
    listed = {each["id"] for each in answer.json()["imports"]}
    assert listed == {each["id"] for each in [*shown[1:], kept]}


async def test_a_user_has_at_most_so_many_imports(importer: Importer) -> None:
    first = await importer.bring(HEADER + BUY)
    async with importer.database.writing() as session:
        kept = await session.get_one(BrokerImport, UUID(first["id"]))
        values = {column.name: getattr(kept, column.name) for column in kept.__table__.columns}
        for _ in range(limits.STATEMENT_IMPORTS_PER_USER_MAX - 1):
            session.add(BrokerImport(**values | {"id": new_uuid()}))
    answer = await importer.client.post(
        IMPORTS_PATH, content=(HEADER + SELL).encode(), headers=importer.caller.headers
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_imports")
    assert await importer.remove(first) == 204
    await importer.preview(HEADER + SELL)


async def test_another_user_sees_and_changes_nothing(
    importer: Importer, identity: Identity
) -> None:
    mine = await importer.bring(HEADER + BUY)
    (account,) = await importer.rows(BrokerAccountRow)
    caller = await fresh_user(identity, "mallory@example.com")
    stranger = Importer(importer.client, importer.database, caller)
    one = f"{IMPORTS_PATH}/{mine['id']}"
    assert (await importer.client.get(one, headers=caller.headers)).status_code == 404
    confirming = await importer.client.post(f"{one}/confirm", headers=caller.headers)
    assert confirming.status_code == 404
    assert await stranger.remove(mine) == 404
    listed = await importer.client.get(IMPORTS_PATH, headers=caller.headers)
    assert listed.json() == {"imports": []}
    taken = await importer.client.post(
        IMPORTS_PATH,
        content=(HEADER + SELL).encode(),
        params={"account": str(account.id)},
        headers=caller.headers,
    )
    assert taken.status_code == 422
    assert (await importer.client.get(IMPORTS_PATH)).status_code == 401
    theirs = await stranger.bring(HEADER + BUY)
    assert theirs["counts"]["new"] == 1  # what others have is not known
    async with importer.database.reading() as session:
        exported = await exported_imports(session, UserId(UUID(caller.id)))
    assert [len(each["rows"]) for each in exported] == [1]


async def test_an_account_that_is_synced_gains_no_second_copy(
    desk: Desk, server: FakeTradierBroker
) -> None:
    """One purchase by Tradier's API, and a file that has it twice."""
    day = to_datetime(desk.clock.now_ns()).date() - timedelta(days=5)
    server.events = [trade(day)]
    imports = StatementImports(desk.database, readers=build_readers(), clock=desk.clock)
    connection = await desk.connect()
    await desk.sync.read(connection)
    (account,) = await desk.rows(BrokerAccountRow)
    assert await desk.cash() == ["-129.05"]
    row = f"{day:%m/%d/%Y},YOU BOUGHT,-SPY270115C700,1,1.29,-129.05\n"
    shown = await imports.preview(
        desk.owner, (HEADER + row * 2).encode(), file_name="", accounts=[str(account.id)]
    )
    assert shown.counts == {"known": 1, "new": 1}  # twins stay two
    await imports.confirm(desk.owner, shown.found.id)
    assert await desk.cash() == ["-129.05", "-129.05"]
    server.events = [trade(day), trade(day)]  # the broker posts the second one late
    connection.next_sync_at = to_datetime(desk.clock.now_ns())
    await desk.sync.read(connection)
    assert await desk.cash() == ["-129.05", "-129.05"]
    await imports.remove(desk.owner, shown.found.id)
    assert await desk.cash() == ["-129.05", "-129.05"]


async def test_an_import_into_a_synced_account_can_be_undone(
    desk: Desk, server: FakeTradierBroker
) -> None:
    day = to_datetime(desk.clock.now_ns()).date() - timedelta(days=5)
    server.events = [trade(day)]
    imports = StatementImports(desk.database, readers=build_readers(), clock=desk.clock)
    await desk.sync.read(await desk.connect())
    (account,) = await desk.rows(BrokerAccountRow)
    row = f"{day:%m/%d/%Y},YOU BOUGHT,-SPY270115C700,1,1.29,-129.05\n"
    shown = await imports.preview(
        desk.owner, (HEADER + row * 2).encode(), file_name="", accounts=[str(account.id)]
    )
    await imports.confirm(desk.owner, shown.found.id)
    await imports.remove(desk.owner, shown.found.id)
    assert await desk.cash() == ["-129.05"]
    assert len(await desk.rows(BrokerAccountRow)) == 1


async def test_a_line_that_the_broker_shows_later_outlives_the_import(importer: Importer) -> None:
    done = await importer.bring(HEADER + BUY + SELL)
    (account,) = await importer.rows(BrokerAccountRow)
    day = date(2024, 1, 19)
    async with importer.database.writing() as session:
        rows = await repository.load_window(session, account.id, day, day, [])
        lines = [repository.line_of(row) for row in rows]
        found = merge(repository.stored_of(rows), lines, first=day, last=day)
        await repository.apply_merge(session, account, rows, found, account.created_at)
    assert await importer.remove(done) == 204
    assert await importer.cash() == ["-190"]
    assert len(await importer.rows(BrokerAccountRow)) == 1
