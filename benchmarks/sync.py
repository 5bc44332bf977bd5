"""Reading brokers: `make -s bench NAME=sync`, or one part of it with `ARGS="--parts histories"`.

Three parts. `histories` tells generated histories to the merging and counts what is there twice and
what is missing. `user` reads five connections of one user with 300 positions and 5,000 transactions
from a broker that takes 150 ms for each call, first and again. `schedule` keeps 3,000 connections
of 1,000 users on their minute with two workers, and looks how late they begin. Workers and broker
are processes; engine, adapter, HTTP and PostgreSQL are the product's own. Progress goes to stderr;
the last line of stdout is one JSON object. The exit code is 1 when a figure is over its budget.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import psutil
from benchmarks.sync_broker import EVENTS, POSITIONS
from sqlalchemy import func, insert, select, update
from tests.fixtures.broker_histories import Ledger, generate

from optix.features.brokerage.models import (
    BrokerAccountRow,
    BrokerActivity,
    BrokerConnection,
    BrokerSnapshot,
)
from optix.features.brokerage.sync import NEW_YORK, SEALED
from optix.features.identity.models import UserAccount
from optix.kernel.clock import SystemClock, to_datetime
from optix.kernel.ids import new_uuid
from optix.platform.db import Database
from optix.platform.embedded.stores import open_stores
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.migrations import run_migrations
from optix.platform.settings import load_settings
from optix.platform.vault import Vault

HISTORIES: Final = 20_000
CONNECTIONS_OF_ONE: Final = 5
USERS: Final = 1_000
CONNECTIONS_EACH: Final = 3
WORKERS: Final = 2
PERIOD_SECONDS: Final = 60.0
WARM_SECONDS: Final = 40.0
MEASURED_SECONDS: Final = 75.0
PATIENCE_SECONDS: Final = 60.0
BUDGETS: Final[dict[str, tuple[float, float]]] = {
    "first_sync_s": (0.0, 15.0),
    "refresh_s": (0.0, 5.0),
    "schedule_lag_p99_s": (0.0, 30.0),
    "histories_generated": (10_000, float("inf")),
    "duplicates": (0, 0),
    "losses": (0, 0),
}

Figures = dict[str, float]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def measure_histories(count: int) -> Figures:
    """Tell histories, and hold every ledger against the truth."""
    began = time.perf_counter()
    duplicates = losses = tellings = lines = 0
    for seed in range(count):
        history = generate(seed)
        ledger = Ledger()
        for telling in history.tellings:
            ledger.hear(telling)
        duplicates += (ledger.contents - history.truth).total()
        losses += (history.truth - ledger.contents).total()
        losses += sum(row.absent for row in ledger.rows)
        tellings += len(history.tellings)
        lines += history.truth.total()
    took = time.perf_counter() - began
    say(f"{count} histories of {lines} lines, told in {tellings} readings: {took:.1f} s")
    return {
        "histories_generated": count,
        "histories_lines": lines,
        "duplicates": duplicates,
        "losses": losses,
    }


class Ground:
    """A database, a broker and workers, apart from everything else on this machine."""

    def __init__(self, database_url: str, broker_url: str) -> None:
        self.database_url = database_url
        self.broker_url = broker_url
        self.database = Database.from_url(database_url)
        self.ring = base64.b64encode(secrets.token_bytes(32)).decode()
        clock = SystemClock()
        self.vault = Vault(RingKeys(GivenRing(self.ring), clock), clock)

    def now(self) -> datetime:
        return to_datetime(SystemClock().now_ns())

    async def add(self, size: str, users: int, each: int, *, known: bool) -> None:
        """Add connections that are due within the next period; `known` ones were read before."""
        now = self.now()
        people: list[dict[str, Any]] = []
        logins: list[dict[str, Any]] = []
        accounts: list[dict[str, Any]] = []
        for _ in range(users):
            owner = new_uuid()
            people.append(_person(owner, now))
            for _ in range(each):
                spread = PERIOD_SECONDS * len(logins) / (users * each) if known else 0.0
                login = await self._login(owner, f"{size}.{new_uuid().hex}", now, spread)
                logins.append(login)
                if known:
                    accounts.append(_account(login, now))
        async with self.database.writing() as session:
            await session.execute(insert(UserAccount), people)
            await session.execute(insert(BrokerConnection), logins)
            if accounts:
                await session.execute(insert(BrokerAccountRow), accounts)

    async def _login(self, owner: Any, token: str, now: datetime, spread: float) -> dict[str, Any]:
        row = new_uuid()
        plain = orjson.dumps({"access_token": token})
        return {
            "id": row,
            "user_id": owner,
            "broker": "tradier",
            "login_key": token,
            "label": "Tradier",
            "state": "connected",
            "sign_in": "personal_token",
            "credentials": await self.vault.seal(plain, row=row, **SEALED),
            "scope": "",
            "created_at": now,
            "signed_in_at": now,
            "next_sync_at": now + timedelta(seconds=spread),
            "failures": 0,
            "warned": 0,
        }

    @asynccontextmanager
    async def workers(self, count: int, readings: list[Any]) -> AsyncIterator[None]:
        """Run workers; what they noted is in `readings` once they have ended."""
        module = "benchmarks.sync_worker"
        arguments = (self.database_url, self.broker_url, self.ring)
        processes = [await _python(module, *arguments) for _ in range(count)]
        try:
            yield
        finally:
            for process in processes:
                if process.returncode is None:
                    process.terminate()
            for process in processes:
                printed, _ = await process.communicate()
                readings += orjson.loads(printed.splitlines()[-1])

    async def until(self, done: Callable[[], Awaitable[bool]]) -> float:
        began = time.perf_counter()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await done():  # noqa: ASYNC110  # other processes bring it about
                await asyncio.sleep(0.05)
        return time.perf_counter() - began

    async def count(self, what: Any, *where: Any) -> int:
        async with self.database.reading() as session:
            return int(await session.scalar(select(what).where(*where)) or 0)


def _person(owner: Any, now: datetime) -> dict[str, Any]:
    address = f"{owner.hex}@example.com"
    return {
        "id": owner,
        "email": address,
        "email_key": address,
        "display_name": "A User",
        "role": "user",
        "preferences": {},
        "created_at": now,
        "updated_at": now,
    }


def _account(login: dict[str, Any], now: datetime) -> dict[str, Any]:
    today = now.astimezone(NEW_YORK).date()
    return {
        "id": new_uuid(),
        "user_id": login["user_id"],
        "connection_id": login["id"],
        "broker": "tradier",
        "stable_key": login["login_key"],
        "call_key": login["login_key"],
        "brokerage": "",
        "number": "",
        "name": "",
        "kind": "cash",
        "currency": "USD",
        "status": "active",
        "simulated": False,
        "created_at": now,
        "history_first": today - timedelta(days=5_000),
        "history_last": today,
    }


async def _python(module: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 2**20,
    )


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(load_settings(data_dir=folder)))
        await run_migrations(stores.database_url)
        broker = await _python("benchmarks.sync_broker")
        stack.callback(broker.terminate)
        assert broker.stdout is not None
        port = int(await broker.stdout.readline())
        made = Ground(stores.database_url, f"http://127.0.0.1:{port}")
        stack.push_async_callback(made.database.close)
        yield made


async def measure_user(on: Ground) -> Figures:
    """Read one user's five connections for the first time, and once more on demand."""
    readings: list[Any] = []
    async with on.workers(1, readings):
        await asyncio.sleep(5.0)  # a worker that is there already, as it is in the product
        await on.add("full", 1, CONNECTIONS_OF_ONE, known=False)
        read = BrokerConnection.last_sync_at.is_not(None)

        async def all_read() -> bool:
            return await on.count(func.count(BrokerConnection.id), read) == CONNECTIONS_OF_ONE

        first = await on.until(all_read)
        held = await on.count(func.sum(func.jsonb_array_length(BrokerSnapshot.positions)))
        kept = await on.count(func.count(BrokerActivity.id))
        assert held == POSITIONS["full"] * CONNECTIONS_OF_ONE, held
        assert kept == EVENTS["full"] * CONNECTIONS_OF_ONE, kept
        asked = on.now()
        async with on.database.writing() as session:
            await session.execute(update(BrokerConnection).values(next_sync_at=asked))

        async def all_again() -> bool:
            fresh = BrokerConnection.last_sync_at > asked
            return await on.count(func.count(BrokerConnection.id), fresh) == CONNECTIONS_OF_ONE

        again = await on.until(all_again)
        assert await on.count(func.count(BrokerActivity.id)) == kept
    say(f"first {first:.1f} s, again {again:.1f} s; {held} positions, {kept} transactions")
    return {"first_sync_s": first, "refresh_s": again, "positions": held, "transactions": kept}


async def measure_schedule(on: Ground) -> Figures:
    """Keep 3,000 connections on their minute and look how late each reading begins."""
    await on.add("small", USERS, CONNECTIONS_EACH, known=True)
    readings: list[Any] = []
    broker_began = psutil.cpu_times()
    async with on.workers(WORKERS, readings):
        await asyncio.sleep(WARM_SECONDS)
        since = SystemClock().now_ns() / 1e9
        await asyncio.sleep(MEASURED_SECONDS)
    spent = psutil.cpu_times()
    busy = (spent.user + spent.system - broker_began.user - broker_began.system) / (
        (WARM_SECONDS + MEASURED_SECONDS) * (psutil.cpu_count() or 1)
    )
    counted = [each for each in readings if each[1] >= since]
    lags = np.array([began - due for due, began, _, _ in counted])
    took = np.array([each[2] for each in counted])
    failed = sum(bool(each[3]) for each in counted)
    due = await on.count(
        func.count(BrokerConnection.id),
        BrokerConnection.next_sync_at < on.now() - timedelta(seconds=BUDGETS_LAG),
    )
    say(f"{len(counted)} readings, {failed} failed, {due} left behind; the machine {busy:.0%} busy")
    assert failed == 0, [each[3] for each in counted if each[3]][:5]
    return {
        "schedule_lag_p50_s": float(np.percentile(lags, 50)),
        "schedule_lag_p99_s": float(np.percentile(lags, 99)),
        "readings_per_s": len(counted) / MEASURED_SECONDS,
        "reading_p50_s": float(np.percentile(took, 50)),
        "left_behind": due,
    }


BUDGETS_LAG: Final = BUDGETS["schedule_lag_p99_s"][1]


async def measure(parts: list[str], histories: int) -> Figures:
    figures: Figures = {}
    if "histories" in parts:
        figures |= measure_histories(histories)
    for part, measured in (("user", measure_user), ("schedule", measure_schedule)):
        if part in parts:
            with tempfile.TemporaryDirectory(prefix="optix-sync-") as name:
                async with ground(Path(name)) as on:
                    figures |= await measured(on)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description="Reading brokers: complete, fast, on time")
    everything = ["histories", "user", "schedule"]
    parser.add_argument("--parts", nargs="+", default=everything, choices=everything)
    parser.add_argument("--histories", type=int, default=HISTORIES)
    given = parser.parse_args()
    load, _, _ = psutil.getloadavg()
    say(f"{psutil.cpu_count()} cores, load {load:.1f}")
    figures = asyncio.run(measure(given.parts, given.histories))
    missed = [
        f"{name} is {figures[name]:.4g}, not within {least:g} to {most:g}"
        for name, (least, most) in BUDGETS.items()
        if name in figures and not least <= figures[name] <= most
    ]
    for sentence in missed:
        say(f"MISSED {sentence}")
    print(json.dumps({name: float(f"{value:.6g}") for name, value in figures.items()}))
    return int(bool(missed))


if __name__ == "__main__":
    raise SystemExit(main())
