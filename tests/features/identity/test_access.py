"""The own sessions are proven by a route that asks PostgreSQL who it is there."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from tests.fixtures.api import client_of

from optix.features.identity.access import OwnReadSessionDep, OwnWriteSessionDep, current_user
from optix.features.identity.service import AuthenticatedUser
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.db import Database, ReadSession

pytestmark = pytest.mark.stores

ADA = AuthenticatedUser(UserId(new_uuid()), "user", SessionId(new_uuid()), 0)
WHO = text("SELECT current_user, optix_current_owner(), current_setting('transaction_read_only')")


async def who(session: ReadSession) -> list[str]:
    return [str(value) for value in (await session.execute(WHO)).one()]


@pytest.fixture
def app(database: Database) -> FastAPI:
    app = FastAPI()
    app.state.database = database
    app.dependency_overrides[current_user] = lambda: ADA

    @app.get("/read")
    async def read(session: OwnReadSessionDep) -> list[str]:
        return await who(session)

    @app.get("/write")
    async def write(session: OwnWriteSessionDep) -> list[str]:
        return await who(session)

    return app


async def answer(app: FastAPI, path: str) -> httpx.Response:
    async with client_of(app) as client:
        return await client.get(path)


async def test_the_own_sessions_are_the_signed_in_users_and_say_whether_they_write(
    app: FastAPI,
) -> None:
    assert (await answer(app, "/read")).json() == ["optix_tenant", str(ADA.id), "on"]
    assert (await answer(app, "/write")).json() == ["optix_tenant", str(ADA.id), "off"]
