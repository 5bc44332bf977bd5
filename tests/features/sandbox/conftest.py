"""A holder with an empty-handed start: the sandbox on real stores, with quotes that tests set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from tests.fakes.brokers.sandbox import GivenQuotes, sandbox_app

from optix.features.sandbox.schemas import PaperOrderAsked
from optix.features.sandbox.service import Sandbox
from optix.kernel.clock import ScaledClock
from optix.platform.db import Database


@dataclass
class Desk:
    """One holder at the sandbox."""

    app: FastAPI
    sandbox: Sandbox
    quotes: GivenQuotes
    clock: ScaledClock
    holder: UUID
    account: UUID

    async def place(self, *legs: tuple[str, str], limit: str | None = None) -> UUID:
        asked = PaperOrderAsked.model_validate(
            {
                "kind": "market" if limit is None else "limit",
                "legs": [{"symbol": symbol, "quantity": count} for symbol, count in legs],
                "net_limit": limit,
            }
        )
        return await self.sandbox.place(self.holder, self.account, asked)

    async def outcome(self, order: UUID) -> tuple[str, str]:
        found = await self.sandbox.list_orders(self.holder, self.account)
        return next((row.status, row.reason) for row, _ in found if row.id == order)

    async def held(self, symbol: str) -> str:
        found = await self.sandbox.list_positions(self.holder, self.account)
        return next((each.quantity for each in found if each.symbol == symbol), "0")


@pytest.fixture
async def desk(database: Database, clock: ScaledClock) -> Desk:
    quotes = GivenQuotes()
    app = sandbox_app(database, clock, quotes)
    sandbox: Sandbox = app.state.sandbox
    holder = await sandbox.find_holder(await sandbox.open_account())
    assert holder is not None
    account = (await sandbox.list_accounts(holder))[0]
    return Desk(app, sandbox, quotes, clock, holder, account.id)


@pytest.fixture
async def browser(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that never was here."""
    transport = httpx.ASGITransport(desk.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://optix.example") as browser:
        yield browser
