"""The development accounts: made once, never in production."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select
from tests.fixtures.api import ORIGIN

from optix.features.identity.development import DevelopmentOnly, seed_development_accounts
from optix.features.identity.models import UserAccount
from optix.features.identity.service import Identity
from optix.features.identity.sessions import SignedIn
from optix.platform.db import Database

pytestmark = pytest.mark.stores


async def seed(database: Database, identity: Identity) -> list[str]:
    async with database.writing() as session:
        return await seed_development_accounts(
            session, environment="development", hasher=identity.hasher
        )


async def test_both_accounts_are_made_once_and_can_sign_in(
    database: Database, identity: Identity
) -> None:
    assert await seed(database, identity) == ["admin@optix.io", "test@optix.io"]
    assert await seed(database, identity) == []
    admin = await identity.sign_in.log_in(
        "admin@optix.io", "Admin123!", client="native", origin=ORIGIN
    )
    user = await identity.sign_in.log_in(
        "test@optix.io", "Test123!", client="native", origin=ORIGIN
    )
    assert isinstance(admin, SignedIn)
    assert isinstance(user, SignedIn)
    assert (admin.user.role, user.user.role) == ("admin", "user")


async def test_two_starts_at_once_make_them_once(database: Database, identity: Identity) -> None:
    made = await asyncio.gather(seed(database, identity), seed(database, identity))
    assert sorted(made[0] + made[1]) == ["admin@optix.io", "test@optix.io"]


async def test_a_changed_password_survives_the_next_start(
    database: Database, identity: Identity
) -> None:
    await seed(database, identity)
    changed = await identity.hasher.hash("another password")
    async with database.writing() as session:
        account = (
            await session.scalars(select(UserAccount).where(UserAccount.email == "test@optix.io"))
        ).one()
        account.password_hash = changed
    await seed(database, identity)
    await identity.sign_in.log_in(
        "test@optix.io", "another password", client="native", origin=ORIGIN
    )


async def test_production_refuses_them(database: Database, identity: Identity) -> None:
    with pytest.raises(DevelopmentOnly):
        async with database.writing() as session:
            await seed_development_accounts(
                session, environment="production", hasher=identity.hasher
            )
    async with database.reading() as session:
        assert (await session.scalars(select(UserAccount))).all() == []
