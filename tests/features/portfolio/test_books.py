"""Booking on a real database: step by step, from scratch, and through everything that changes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from tests.features.portfolio.ledger.golden_book import asset_of
from tests.fixtures.broker_books import add_account, add_lines, trade
from tests.fixtures.factors import fresh_user

from optix.features.brokerage import records
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity
from optix.features.identity.service import Identity
from optix.features.portfolio import books as books_module
from optix.features.portfolio.books import LedgerBooks
from optix.features.portfolio.engine import LedgerEngine
from optix.features.portfolio.models import (
    LedgerChange,
    LedgerDisposal,
    LedgerEntry,
    LedgerLot,
    LedgerProblem,
    LedgerSymbol,
)
from optix.features.portfolio.repository import lock_owner
from optix.features.sandbox.seeding import year_of
from optix.kernel import limits
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.ids import UserId
from optix.kernel.money import Money, Price
from optix.platform.db import Base, Database

pytestmark = pytest.mark.stores

DERIVED = (LedgerEntry, LedgerLot, LedgerDisposal, LedgerProblem, LedgerSymbol)
FIRST = date(2025, 1, 6)


@pytest.fixture
async def owner(identity: Identity, database: Database) -> UserId:
    return UserId(UUID((await fresh_user(identity)).id))


@pytest.fixture
def books(database: Database, clock: ScaledClock) -> LedgerBooks:
    return LedgerBooks(database, clock)


@pytest.fixture
def at(clock: ScaledClock) -> datetime:
    return to_datetime(clock.now_ns())


async def current(database: Database, table: type[Base]) -> list[dict[str, Any]]:
    """Return what a table says now, without when it was written."""
    when = {"booked_at", "superseded_at"}
    columns = [each for each in table.__table__.c if each.name not in when]
    if table is LedgerEntry:
        columns = [each for each in columns if each.name != "id"]
    query = sa.select(*columns)
    if table is LedgerEntry:
        query = query.where(LedgerEntry.superseded_at.is_(None))
    async with database.reading() as session:
        rows = [dict(row._mapping) for row in await session.execute(query)]
    return sorted(rows, key=str)


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {table.__tablename__: await current(database, table) for table in DERIVED}


async def revise(database: Database, name: str, **values: Any) -> None:
    async with database.writing() as session:
        await session.execute(
            sa.update(BrokerActivity).where(BrokerActivity.ids.contains([name])).values(values)
        )


async def waiting(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(sa.select(sa.func.count()).select_from(LedgerChange)) or 0


def invent(dice: random.Random, number: int) -> Activity:
    """Return a line of any kind about a few assets, so that events meet."""
    symbols = (
        *("AAA", "BBB", "CCC", "AAA250321C00100000", "BBB250321P00100000", "CCC250321C00100000"),
        *("AAA1250321C00100000", "SPXW250321C05000000"),
    )
    kinds = [ActivityKind.TRADE] * 6 + list(ActivityKind)
    quantity = Decimal(dice.choice(["1", "2", "100", "-1", "-2", "-100", "0.5"]))
    named = dice.random() < 0.85
    symbol = dice.choice(symbols)
    return Activity(
        id=f"n{number}",
        kind=dice.choice(kinds),
        status=dice.choice([ActivityStatus.POSTED] * 9 + [ActivityStatus.CANCELLED]),
        day=FIRST + timedelta(days=dice.randrange(10)),
        cash=Money(Decimal(dice.randrange(-500_000, 500_000)) / 100),
        asset=asset_of(symbol, "AAA:33,DDD:5" if symbol.startswith("AAA1") else "")
        if named
        else None,
        quantity=quantity if dice.random() < 0.9 else None,
        price=Price(Decimal("12.34")) if dice.random() < 0.5 else None,
        group=dice.choice(["", "", "", "g1", "g2"]),
        replaces=dice.choice([""] * 8 + [f"n{dice.randrange(30)}"]),
    )


class TestIncremental:
    @pytest.mark.parametrize("seed", range(12))
    async def test_what_is_booked_step_by_step_is_what_a_rebuild_gives(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime, seed: int
    ) -> None:
        """Lines come in any order, are revised and taken away; all current rows are compared."""
        dice = random.Random(seed)
        accounts = [await add_account(database, owner, at) for _ in range(2)]
        lines = [invent(dice, number) for number in range(30)]
        for step in range(6):
            batch = lines[step * 5 : step * 5 + 5]
            await add_lines(database, dice.choice(accounts), batch, at + timedelta(seconds=step))
            if step and dice.random() < 0.6:
                name = f"n{dice.randrange(step * 5)}"
                other = invent(dice, 99)
                await revise(
                    database,
                    name,
                    **{
                        each: value
                        for each, value in records.dump_activity(other).items()
                        if each in {"kind", "asset", "symbol", "quantity", "cash", "day"}
                    },
                )
            if step and dice.random() < 0.3:
                async with database.writing() as session:
                    gone = BrokerActivity.ids.contains([f"n{dice.randrange(step * 5)}"])
                    await session.execute(sa.delete(BrokerActivity).where(gone))
            assert await books.book(owner)
            assert await waiting(database) == 0
            stepwise = await everything(database)
            await books.rebuild(owner)
            assert await everything(database) == stepwise

    async def test_a_second_booking_of_nothing_new_writes_nothing(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        await add_account(
            database, owner, at, lines=[trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")]
        )
        assert await books.book(owner)
        assert not await books.book(owner)

    async def test_only_the_family_of_a_new_line_is_written_again(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        lines = [
            trade(FIRST, asset_of(symbol), "10", "-100.00", f"{symbol}{number}")
            for symbol in ("AAA", "BBB")
            for number in range(2)
        ]
        account = await add_account(database, owner, at, lines=lines)
        await books.book(owner)
        async with database.reading() as session:
            before = set(await session.scalars(sa.select(LedgerEntry.id)))
        new = trade(FIRST + timedelta(days=1), asset_of("AAA"), "-5", "60.00", "s1")
        await add_lines(database, account, [new], at)
        await books.book(owner)
        async with database.reading() as session:
            rows = (await session.scalars(sa.select(LedgerEntry))).all()
        assert {row.id for row in rows} > before
        assert all(row.superseded_at is None for row in rows)
        assert len(rows) == 5

    async def test_many_changes_at_once_are_booked_with_everything(
        self,
        database: Database,
        books: LedgerBooks,
        owner: UserId,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The bound is made small; what is booked beyond it is what is booked below it."""
        lines = [trade(FIRST, asset_of(s), "1", "-10.00", s) for s in ("AAA", "BBB", "CCC", "DDD")]
        account = await add_account(database, owner, at, lines=lines[:2])
        await books.book(owner)
        monkeypatch.setattr(limits, "LEDGER_CHANGES_MAX", 1)
        assert len(lines[2:]) > limits.LEDGER_CHANGES_MAX
        monkeypatch.setattr(books_module, "_gather", None)
        await add_lines(database, account, lines[2:], at)
        assert await books.book(owner)
        beyond = await everything(database)
        monkeypatch.undo()
        await books.rebuild(owner)
        assert await everything(database) == beyond
        assert len(beyond["ledger_entry"]) == 4


class TestJournal:
    async def test_a_revised_line_supersedes_its_entry_and_deletes_nothing(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        await add_account(database, owner, at, lines=[line])
        await books.book(owner)
        await revise(database, "n1", cash=Decimal("-101.00"))
        await books.book(owner)
        async with database.reading() as session:
            rows = (await session.scalars(sa.select(LedgerEntry).order_by(LedgerEntry.id))).all()
            lot = await session.scalar(sa.select(LedgerLot.basis))
        assert [row.superseded_at is None for row in rows] == [False, True]
        assert rows[0].entry_id == rows[1].entry_id
        assert [row.postings[0]["amount"] for row in rows] == ["-100.00", "-101.00"]
        assert lot == Decimal("101.00")

    async def test_a_year_of_the_paper_brokerage_leaves_no_problem(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        for seed in ("one", "two", "three"):
            await add_account(database, owner, at, lines=year_of(seed, date(2026, 11, 20), {}))
        await books.book(owner)
        assert await current(database, LedgerProblem) == []
        kinds = {row["kind"] for row in await current(database, LedgerDisposal)}
        assert kinds == {"sale", "cover", "expiry", "assignment"}
        assert len(await current(database, LedgerLot)) >= 3 * 5

    async def test_an_account_that_goes_takes_its_books_along(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        account = await add_account(database, owner, at, lines=[line])
        await books.book(owner)
        async with database.writing() as session:
            await session.execute(sa.delete(BrokerAccountRow).where(BrokerAccountRow.id == account))
        assert await books.book(owner)
        assert set(map(len, (await everything(database)).values())) == {0}

    async def test_a_user_who_goes_leaves_nothing_to_book(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        await add_account(database, owner, at, lines=[line])
        await books.book(owner)
        async with database.writing() as session:
            await session.execute(sa.text("DELETE FROM user_account WHERE id = :id"), {"id": owner})
        assert await waiting(database) == 0
        assert await books.list_waiting(10) == []


class TestFaults:
    async def test_a_booking_that_breaks_leaves_all_as_it_was(
        self,
        database: Database,
        books: LedgerBooks,
        owner: UserId,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        account = await add_account(database, owner, at, lines=[line])
        await books.book(owner)
        before = await everything(database)
        await add_lines(database, account, [replace(line, id="n2")], at)

        def broken(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        with monkeypatch.context() as patch:
            patch.setattr(books_module, "_books_of", broken)
            with pytest.raises(RuntimeError):
                await books.book(owner)
        assert await everything(database) == before
        assert await waiting(database) == 1
        assert await books.book(owner)
        assert len(await current(database, LedgerEntry)) == 2

    async def test_two_workers_book_an_owner_once(
        self, database: Database, books: LedgerBooks, owner: UserId, at: datetime
    ) -> None:
        """The second finds the books taken, and goes on to somebody else."""
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        await add_account(database, owner, at, lines=[line])
        async with database.writing() as session:
            assert await lock_owner(session, owner)
            assert not await books.book(owner)
        assert await books.book(owner)

    async def test_one_owner_who_cannot_be_booked_keeps_nobody_waiting(
        self,
        database: Database,
        books: LedgerBooks,
        identity: Identity,
        at: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The first owner's booking breaks each time; it is tried again after a rest only."""
        assert limits.LEDGER_RETRY_SECONDS > 1
        assert limits.LEDGER_OWNERS_AT_ONCE_MAX >= 2
        people = [await fresh_user(identity, f"{name}@example.com") for name in ("ada", "grace")]
        owners = [UserId(UUID(each.id)) for each in people]
        line = trade(FIRST, asset_of("AAA"), "10", "-100.00", "n1")
        for owner in owners:
            await add_account(database, owner, at, lines=[line])
        tried = []
        real = books.book

        async def book(owner: UserId) -> bool:
            tried.append(owner)
            if owner == owners[0]:
                raise RuntimeError("a fault of ours")
            return await real(owner)

        monkeypatch.setattr(books, "book", book)
        engine = LedgerEngine(books)
        assert await engine._round()
        assert not await engine._round()
        assert tried == owners
