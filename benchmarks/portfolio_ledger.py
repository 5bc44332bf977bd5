"""The ledger of ten accounts and 50,000 lines on PostgreSQL: booked anew, and with one line more.

`rebuild_s` is everything from the stored lines to the stored books. `incremental_ms` is from one
new line in the history to its books, the median of new lines of different names.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks.portfolio_lines import DAYS, FIRST, NAMES, histories, name, share
from sqlalchemy import func, insert, select
from tests.features.portfolio.ledger.golden_book import cases
from tests.fixtures.broker_books import add_account, add_lines, trade

from optix.features.identity.models import UserAccount
from optix.features.portfolio.books import LedgerBooks
from optix.features.portfolio.models import LedgerEntry, LedgerLot
from optix.kernel.clock import SystemClock, to_datetime
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database
from optix.platform.embedded.stores import open_stores
from optix.platform.migrations import run_migrations
from optix.platform.settings import load_settings

ACCOUNTS: Final = 10
LINES: Final = 50_000
NEW_LINES: Final = 15
PARTS: Final = ("golden", "ledger")
BUDGETS: Final[dict[str, tuple[float, float]]] = {
    "rebuild_s": (0.0, 10.0),
    "incremental_ms": (0.0, 200.0),
    "golden_cases": (60, float("inf")),
}

Figures = dict[str, float]


async def measure(parts: Collection[str]) -> Figures:
    """Return the figures of some of `PARTS`."""
    figures: Figures = {}
    if "golden" in parts:
        figures["golden_cases"] = len(cases())
    if "ledger" in parts:
        with tempfile.TemporaryDirectory() as folder:
            figures |= await _ledger(Path(folder))
    return figures


async def _ledger(folder: Path) -> Figures:
    async with open_stores(load_settings(data_dir=folder)) as stores:
        await run_migrations(stores.database_url)
        database = Database.from_url(stores.database_url)
        try:
            return await _measured(database)
        finally:
            await database.close()


async def _measured(database: Database) -> Figures:
    clock = SystemClock()
    now = to_datetime(clock.now_ns())
    owner = UserId(new_uuid())
    async with database.writing() as session:
        person = {
            "id": owner,
            "email": "ada@example.com",
            "email_key": "ada@example.com",
            "preferences": {},
            "display_name": "Ada",
            "role": "user",
            "created_at": now,
            "updated_at": now,
        }
        await session.execute(insert(UserAccount), [person])
    accounts = [
        await add_account(database, owner, now, lines=lines) for lines in histories(ACCOUNTS, LINES)
    ]
    books = LedgerBooks(database, clock)
    await books.book(owner)
    began, cpu = time.perf_counter(), time.process_time()
    await books.rebuild(owner)
    rebuild, rebuild_cpu = time.perf_counter() - began, time.process_time() - cpu
    taken = []
    for number in range(NEW_LINES):
        day = FIRST + timedelta(days=DAYS + number)
        line = trade(day, share(name(number * 7 % NAMES)), "10", "-1000.00", f"new{number}")
        await add_lines(database, accounts[number % ACCOUNTS], [line], now)
        began = time.perf_counter()
        await books.book(owner)
        taken.append((time.perf_counter() - began) * 1_000)
    async with database.reading() as session:
        entries = await session.scalar(select(func.count()).select_from(LedgerEntry)) or 0
        lots = await session.scalar(select(func.count()).select_from(LedgerLot)) or 0
    return {
        "rebuild_s": rebuild,
        "rebuild_cpu_s": rebuild_cpu,
        "incremental_ms": statistics.median(taken),
        "incremental_worst_ms": max(taken),
        "ledger_entries": entries,
        "ledger_lots": lots,
    }
