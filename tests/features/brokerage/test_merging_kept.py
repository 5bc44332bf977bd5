"""The histories of the pure merging once more, through the repository and PostgreSQL.

A crash here is one: the transaction of a telling ends before it is committed.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from sqlalchemy import delete
from tests.features.brokerage.conftest import Desk
from tests.fixtures.broker_histories import Telling, generate

from optix.features.brokerage import repository
from optix.features.brokerage.merging import content_key, merge
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity, BrokerConnection
from optix.kernel.clock import to_datetime
from optix.kernel.ids import new_uuid
from optix.ports.broker import BrokerAccount

pytestmark = pytest.mark.stores

HISTORIES = 60


class Crash(Exception):
    """The process ends here."""


def end_if(crashes: bool) -> None:
    if crashes:
        raise Crash


async def account_of(desk: Desk, connection: BrokerConnection) -> BrokerAccountRow:
    told = BrokerAccount(key=new_uuid().hex, stable_key=new_uuid().hex, number="", name="", kind="")
    async with desk.database.writing() as session:
        rows = await repository.save_accounts(
            session, connection, [told], to_datetime(desk.clock.now_ns())
        )
    return next(row for row in rows if row.stable_key == told.stable_key)


async def hear(desk: Desk, account: BrokerAccountRow, telling: Telling) -> None:
    try:
        async with desk.database.writing() as session:
            await repository.lock_account(session, account.id)
            ids = {line.id for line in telling.lines if line.id}
            rows = await repository.load_window(
                session, account.id, telling.first, telling.last, ids
            )
            found = merge(
                repository.stored_of(rows), telling.lines, first=telling.first, last=telling.last
            )
            now = to_datetime(desk.clock.now_ns())
            await repository.apply_merge(session, account, rows, found, now)
            await session.flush()
            end_if(telling.crashes)
    except Crash:
        pass


async def kept(desk: Desk, account_id: UUID) -> list[BrokerActivity]:
    return [row for row in await desk.rows(BrokerActivity) if row.account_id == account_id]


async def test_the_database_ends_at_the_ledger_of_one_clean_import(desk: Desk) -> None:
    connection = await desk.connect()
    crashes = 0
    for seed in range(HISTORIES):
        account = await account_of(desk, connection)
        history = generate(seed)
        for telling in history.tellings:
            await hear(desk, account, telling)
            crashes += telling.crashes
        rows = await kept(desk, account.id)
        contents = Counter(content_key(repository.line_of(row)) for row in rows)
        assert contents == history.truth, f"seed {seed}"
        assert not any(row.absent_since for row in rows), f"seed {seed}"
        names = [row.id for row in rows]
        await hear(desk, account, history.tellings[-1])
        again = await kept(desk, account.id)
        assert [row.id for row in again] == names, f"seed {seed}"
        async with desk.database.writing() as session:
            await session.execute(
                delete(BrokerActivity).where(BrokerActivity.account_id == account.id)
            )
    assert crashes > 10, "histories without crashes would prove less"
