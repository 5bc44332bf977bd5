"""A user with a connection to a Tradier on this machine, on real stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import select
from tests.contracts.broker import quick_wiring
from tests.fakes.brokers.tradier import FakeTradierBroker
from tests.fixtures.factors import fresh_user

from optix.adapters.brokers.tradier import TradierApp, TradierBroker
from optix.features.brokerage.models import BrokerAccountRow, BrokerActivity, BrokerConnection
from optix.features.brokerage.sync import SEALED, BrokerSync, Progress
from optix.features.identity.service import Identity
from optix.kernel.clock import ScaledClock, to_datetime
from optix.kernel.errors import OptixError
from optix.kernel.ids import UserId, new_uuid
from optix.platform.db import Database
from optix.platform.key_providers import GivenRing, RingKeys
from optix.platform.vault import Vault
from optix.ports.broker import Broker

TOKEN = "a-personal-token-that-must-not-show"
RING = "b3B0aXgtdGVzdC1rZXktb2YtMzItYnl0ZXMtLS0tLS0="


@dataclass
class Heard:
    """What a listener was told."""

    progress: list[Progress] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    ends: list[OptixError | None] = field(default_factory=list)

    async def progressed(self, progress: Progress) -> None:
        self.progress.append(progress)

    async def changed(self, account: BrokerAccountRow, what: str) -> None:
        del account
        self.changes.append(what)

    async def finished(self, connection: BrokerConnection, error: OptixError | None) -> None:
        del connection
        self.ends.append(error)


@dataclass
class Desk:
    """The parts of brokerage around one user."""

    database: Database
    clock: ScaledClock
    vault: Vault
    brokers: dict[str, Broker]
    sync: BrokerSync
    heard: Heard
    owner: UserId

    async def connect(self, token: str = TOKEN) -> BrokerConnection:
        now = to_datetime(self.clock.now_ns())
        identity = new_uuid()
        plain = orjson.dumps({"access_token": token})
        connection = BrokerConnection(
            id=identity,
            user_id=self.owner,
            broker="tradier",
            login_key=str(identity),
            label="Tradier",
            state="connected",
            sign_in="personal_token",
            credentials=await self.vault.seal(plain, row=identity, **SEALED),
            access_ends=None,
            login_ends=None,
            scope="",
            created_at=now,
            signed_in_at=now,
            last_sync_at=None,
            next_sync_at=now,
            claimed_until=None,
            failures=0,
            failing_since=None,
            failure_code=None,
            failure_detail=None,
            warned=0,
            disconnected_at=None,
        )
        async with self.database.writing() as session:
            session.add(connection)
        return connection

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.reading() as session:
            return list((await session.scalars(select(table).order_by(table.id))).all())

    async def cash(self) -> list[str]:
        found = await self.rows(BrokerActivity)
        return sorted(format(row.cash, "f") for row in found)


def always_open(at: datetime) -> bool:
    del at
    return True


@pytest.fixture
async def server() -> AsyncIterator[FakeTradierBroker]:
    async with FakeTradierBroker().serve() as server:
        yield server


@pytest.fixture
async def desk(
    database: Database, identity: Identity, clock: ScaledClock, server: FakeTradierBroker
) -> Desk:
    caller = await fresh_user(identity)
    vault = Vault(RingKeys(GivenRing(RING), clock), clock)
    app = TradierApp(production_url=server.base_url, sandbox_url=server.base_url)
    brokers: dict[str, Broker] = {"tradier": TradierBroker(app, quick_wiring(clock))}
    heard = Heard()
    sync = BrokerSync(
        database,
        brokers=brokers,
        vault=vault,
        clock=clock,
        listener=heard,
        market_open=always_open,
        dice=lambda: 0.5,
    )
    return Desk(database, clock, vault, brokers, sync, heard, UserId(UUID(caller.id)))


def trade(day: date, amount: str = "-129.05") -> dict[str, Any]:
    """Return a purchase of one contract as Tradier writes it."""
    return {
        "amount": float(amount),
        "date": f"{day}T00:00:00Z",
        "type": "trade",
        "trade": {"price": 1.29, "quantity": 1.0, "symbol": "SPY270115C00700000"},
    }
