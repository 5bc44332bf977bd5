"""The ledger over HTTP on a real database: what an owner reads of it, and enters."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from tests.features.portfolio.ledger.golden_book import asset_of
from tests.fixtures.api import Caller, client_of, signed_in_user
from tests.fixtures.broker_books import add_account, trade

from optix.features.identity.service import Identity
from optix.features.portfolio.books import LedgerBooks
from optix.kernel import limits
from optix.kernel.activity import PositionEffect
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.platform.db import Database

pytestmark = pytest.mark.stores

PATH = "/api/v1/portfolio"
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


@pytest.fixture
async def account(caller: Caller, database: Database, books: LedgerBooks, at: datetime) -> UUID:
    """Two shares in 2025: one sold at a gain, one at a loss that is bought back in a week."""
    lines = [
        trade(DAY, asset_of("AAA"), "10", "-1000.00", "b1"),
        trade(DAY + timedelta(days=30), asset_of("AAA"), "-4", "600.00", "s1"),
        trade(DAY, asset_of("BBB"), "10", "-1000.00", "b2"),
        trade(DAY + timedelta(days=60), asset_of("BBB"), "-10", "700.00", "s2"),
        trade(DAY + timedelta(days=67), asset_of("BBB"), "10", "-720.00", "b3"),
    ]
    account = await add_account(database, owner_of(caller), at, lines=lines)
    await books.book(owner_of(caller))
    return account


async def ask(client: httpx.AsyncClient, caller: Caller, path: str, **query: Any) -> Any:
    answer = await client.get(f"{PATH}/{path}", params=query, headers=caller.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestReading:
    async def test_lots_are_what_is_left_of_each_purchase(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID
    ) -> None:
        found = await ask(client, caller, "lots")
        told = [(lot["symbol"], lot["quantity"], lot["basis"]) for lot in found["lots"]]
        assert sorted(told) == [("AAA", "6", "600.00"), ("BBB", "10", "720.00")]
        only = await ask(client, caller, "lots", symbol="aaa", account=str(account))
        assert [lot["symbol"] for lot in only["lots"]] == ["AAA"]
        assert (await ask(client, caller, "lots", account=str(uuid4())))["lots"] == []

    async def test_long_lists_come_in_pages(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        database: Database,
        books: LedgerBooks,
        at: datetime,
    ) -> None:
        """One more of each than a page holds; the pages together have each once."""
        count = limits.LEDGER_PAGE_MAX + 1
        lines = []
        for number in range(count):
            asset = asset_of(f"A{chr(65 + number // 26)}{chr(65 + number % 26)}")
            lines.append(trade(DAY, asset, "2", "-20.00", f"b{number}"))
            lines.append(trade(DAY + timedelta(days=1), asset, "-1", "15.00", f"s{number}"))
        await add_account(database, owner_of(caller), at, lines=lines)
        await books.book(owner_of(caller))
        for path, key, query in (
            ("lots", "lots", {}),
            ("journal", "entries", {}),
            ("gains", "gains", {"year": 2025}),
        ):
            seen: list[str] = []
            cursor: str | None = None
            while True:
                more = {"cursor": cursor} if cursor else {}
                page = await ask(client, caller, path, **query, **more)
                assert len(page[key]) <= limits.LEDGER_PAGE_MAX
                seen += [each.get("id") or each["disposal_id"] for each in page[key]]
                cursor = page["next"]
                if cursor is None:
                    break
            assert len(seen) == len(set(seen)) == (2 * count if path == "journal" else count)

    @pytest.mark.parametrize("path", ["lots", "journal", "gains?year=2025&"])
    async def test_a_cursor_of_nobodys_making_is_refused(
        self, client: httpx.AsyncClient, caller: Caller, path: str
    ) -> None:
        path = path if "?" in path else f"{path}?"
        answer = await client.get(f"{PATH}/{path}cursor=nonsense", headers=caller.headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unreadable")

    async def test_every_entry_of_the_journal_balances_and_names_its_record(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID
    ) -> None:
        entries = (await ask(client, caller, "journal", account=str(account)))["entries"]
        assert len(entries) == 5
        for entry in entries:
            assert sum(Decimal(each["amount"]) for each in entry["postings"]) == 0
            assert entry["line_id"]
            assert entry["superseded_at"] is None

    async def test_what_cannot_be_booked_says_why(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        database: Database,
        books: LedgerBooks,
        at: datetime,
    ) -> None:
        line = replace(
            trade(DAY, asset_of("AAA"), "-10", "500.00", "s1"), effect=PositionEffect.CLOSING
        )
        await add_account(database, owner_of(caller), at, lines=[line])
        await books.book(owner_of(caller))
        [problem] = (await ask(client, caller, "problems"))["problems"]
        assert (problem["code"], problem["amount"]) == ("closes_more_than_open", "500.00")
        assert "history" in problem["detail"]

    async def test_another_user_reads_nothing_of_it(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID, identity: Identity
    ) -> None:
        other = await signed_in_user(identity, "grace@example.com", display_name="Grace")
        assert (await ask(client, other, "lots", account=str(account)))["lots"] == []
        assert (await ask(client, other, "journal"))["entries"] == []
        assert (await ask(client, other, "gains", year=2025))["gains"] == []


class TestGains:
    async def test_a_year_has_its_gains_and_a_wash_sale_defers_the_loss(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID
    ) -> None:
        """600 - 400 is gained; the 300 lost are disallowed, for as many came back in a week."""
        found = await ask(client, caller, "gains", year=2025)
        [total] = found["totals"]
        assert (total["term"], total["count"]) == ("short", 2)
        assert Decimal(total["gain"]) == Decimal("200.00")
        assert Decimal(total["disallowed"]) == Decimal("300.00")
        assert [Decimal(each["gain"]) for each in found["gains"]] == [200, 0]
        assert found["years"] == [2025]
        assert "not tax advice" in found["notice"]
        assert (await ask(client, caller, "gains", year=2024))["totals"] == []

    async def test_form_8949_is_a_file_with_its_adjustment(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID
    ) -> None:
        answer = await client.get(
            f"{PATH}/gains/form-8949", params={"year": 2025}, headers=caller.headers
        )
        assert answer.headers["content-disposition"].endswith('"form-8949-2025.csv"')
        rows = answer.text.strip().splitlines()
        assert len(rows) == 3
        assert "W" in rows[2].split(",")

    async def test_an_account_whose_gains_are_not_taxed_has_none(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID
    ) -> None:
        changed = await client.patch(
            f"{PATH}/settings/{account}", json={"tax_advantaged": True}, headers=caller.headers
        )
        assert changed.json()["tax_advantaged"] is True
        assert (await ask(client, caller, "gains", year=2025))["gains"] == []


class TestSettings:
    async def test_another_method_books_the_history_anew(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        database: Database,
        books: LedgerBooks,
        at: datetime,
    ) -> None:
        lines = [
            trade(DAY, asset_of("AAA"), "10", "-1000.00", "b1"),
            trade(DAY + timedelta(days=1), asset_of("AAA"), "10", "-1200.00", "b2"),
            trade(DAY + timedelta(days=2), asset_of("AAA"), "-10", "1500.00", "s1"),
        ]
        account = await add_account(database, owner_of(caller), at, lines=lines)
        await books.book(owner_of(caller))
        assert (await ask(client, caller, "lots"))["lots"][0]["basis"] == "1200.00"
        [before] = (await ask(client, caller, "settings"))["accounts"]
        assert (before["account_id"], before["lot_method"]) == (str(account), "fifo")
        body = {"lot_method": "lifo"}
        path = f"{PATH}/settings/{account}"
        assert (await client.patch(path, json=body, headers=caller.headers)).status_code == 200
        assert await books.book(owner_of(caller))
        assert (await ask(client, caller, "lots"))["lots"][0]["basis"] == "1000.00"
        await client.patch(path, json=body, headers=caller.headers)
        assert not await books.book(owner_of(caller))  # nothing changed

    async def test_an_account_of_nobody_is_not_found(
        self, client: httpx.AsyncClient, caller: Caller
    ) -> None:
        answer = await client.patch(
            f"{PATH}/settings/{uuid4()}", json={"lot_method": "lifo"}, headers=caller.headers
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


class TestOwnLines:
    async def test_a_position_from_before_the_history_has_the_cost_that_was_entered(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID, books: LedgerBooks
    ) -> None:
        body = {
            "account_id": str(account),
            "day": "2020-03-02",
            "symbol": "msft",
            "quantity": "12.5",
            "price": "150.25",
            "note": "from the paper statement",
        }
        created = await client.post(f"{PATH}/lines", json=body, headers=caller.headers)
        assert created.status_code == 201
        read = await client.get(created.headers["location"], headers=caller.headers)
        assert read.json() == created.json()
        assert await books.book(owner_of(caller))
        [lot] = (await ask(client, caller, "lots", symbol="MSFT"))["lots"]
        assert (lot["basis"], lot["opened"], lot["opening"]) == ("1878.125", "2020-03-02", True)
        gone = await client.delete(created.headers["location"], headers=caller.headers)
        assert gone.status_code == 204
        assert await books.book(owner_of(caller))
        assert (await ask(client, caller, "lots", symbol="MSFT"))["lots"] == []
        again = await client.delete(created.headers["location"], headers=caller.headers)
        assert (again.status_code, again.json()["code"]) == (404, "own_line_not_found")

    async def test_cash_from_before_the_history_and_contracts(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID, books: LedgerBooks
    ) -> None:
        for more in (
            {"cash": "2500.00"},
            {"symbol": "AAPL261218C00200000", "quantity": "-2", "price": "3.10"},
        ):
            body = {"account_id": str(account), "day": "2020-03-02", **more}
            created = await client.post(f"{PATH}/lines", json=body, headers=caller.headers)
            assert created.status_code == 201, created.text
        listed = (await ask(client, caller, "lines"))["lines"]
        assert [line["cash"] for line in listed] == ["2500.00", "0"]
        assert await books.book(owner_of(caller))
        [lot] = (await ask(client, caller, "lots", symbol="AAPL"))["lots"]
        assert (lot["quantity"], lot["basis"]) == ("-2", "-620.00")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"cash": "0"},
            {"symbol": "MSFT"},
            {"symbol": "MSFT", "quantity": "0"},
            {"symbol": "MSFT", "quantity": "1", "cash": "5"},
            {"symbol": "no such thing", "quantity": "1"},
            {"cash": "5", "price": "1"},
            {"cash": "5", "note": "x" * (limits.OWN_LINE_NOTE_LENGTH_MAX + 1)},
            {"cash": "5", "currency": "dollars"},
            {"symbol": "MSFT", "quantity": "1e30"},
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self, client: httpx.AsyncClient, caller: Caller, account: UUID, body: dict[str, Any]
    ) -> None:
        told = {"account_id": str(account), "day": "2020-03-02", **body}
        answer = await client.post(f"{PATH}/lines", json=told, headers=caller.headers)
        assert answer.status_code == 422, answer.text

    async def test_there_is_a_limit(
        self,
        client: httpx.AsyncClient,
        caller: Caller,
        account: UUID,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "OWN_LINES_MAX", 1)
        assert limits.OWN_LINES_MAX == 1
        body = {"account_id": str(account), "day": "2020-03-02", "cash": "5"}
        assert (
            await client.post(f"{PATH}/lines", json=body, headers=caller.headers)
        ).status_code == 201
        full = await client.post(f"{PATH}/lines", json=body, headers=caller.headers)
        assert (full.status_code, full.json()["code"]) == (409, "too_many_own_lines")
