"""Proven by real sign-ins and changes of an account: the worker publishes what they left."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from tests.fixtures.api import ORIGIN, PASSWORD, add_user, sign_in

from optix.features.identity.authentication import AuthenticatedUser
from optix.features.identity.service import Identity
from optix.features.identity.sessions import SignedIn
from optix.kernel.clock import to_datetime
from optix.kernel.ids import UserId, new_uuid
from optix.platform import account_events, audit, user_events
from optix.platform.audit import SecurityEvent
from optix.platform.db import Database
from optix.platform.user_events import Position, UserEvents

TAKE = text(
    "DELETE FROM jobs.pgqueuer WHERE entrypoint LIKE 'events.%' RETURNING id, entrypoint, payload"
)
Told = list[tuple[str, dict[str, Any]]]


class Worker:
    """Does the jobs about events when the test says so, and reads what came of them."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self._database = database
        self.events = UserEvents(redis)

    async def told(self, user: UserId) -> Told:
        """Do what waits; return kind and body of all events of a user."""
        start = await self.events.position(user)
        async with self._database.writing() as session:
            waiting = sorted((await session.execute(TAKE)).all())
        for _, name, payload in waiting:
            await self.events.handlers[name](orjson.loads(payload))
        page = await self.events.read(user, Position(start.epoch, 0))
        assert {each.channel for each in page.events} <= {"account"}
        return [(each.kind, orjson.loads(each.body)) for each in page.events]


@pytest.fixture
def worker(database: Database, redis: Redis) -> Worker:
    return Worker(database, redis)


def _user(identity: Identity, signed_in: SignedIn) -> AuthenticatedUser:
    return identity.authenticator.verify(signed_in.access_token)


async def test_sessions_that_begin_and_end_are_told(identity: Identity, worker: Worker) -> None:
    owner = await add_user(identity)
    here = await sign_in(identity, owner, client="web")
    there = await sign_in(identity, owner)
    others = await sign_in(identity, owner)
    user = _user(identity, here)
    await identity.sessions.end(user, there.session_id, ORIGIN)
    await identity.sessions.log_out(others.refresh_token, ORIGIN)
    await sign_in(identity, owner)
    await identity.sessions.end_others(user, ORIGIN)
    told = await worker.told(owner)
    assert told[:5] == [
        ("session_started", {"session_id": str(here.session_id), "client": "web"}),
        ("session_started", {"session_id": str(there.session_id), "client": "native"}),
        ("session_started", {"session_id": str(others.session_id), "client": "native"}),
        ("session_ended", {"session_id": str(there.session_id)}),
        ("session_ended", {"session_id": str(others.session_id)}),
    ]
    assert told[-1] == ("sessions_ended", {"sessions": 1})


async def test_a_new_password_is_told_without_a_word_of_it(
    identity: Identity, worker: Worker
) -> None:
    owner = await add_user(identity)
    user = _user(identity, await sign_in(identity, owner))
    await identity.accounts.change_password(user, "seven other purple mountains", ORIGIN)
    told = await worker.told(owner)
    assert told[-1] == ("password_changed", {})
    assert "purple" not in str(told)
    assert PASSWORD not in str(told)


async def test_what_failed_and_what_is_about_nobody_is_not_told(
    database: Database, identity: Identity, worker: Worker
) -> None:
    owner = await add_user(identity)
    now = to_datetime(identity.clock.now_ns())
    for event in (
        SecurityEvent(kind="password.changed", outcome="failure", user_id=owner),
        SecurityEvent(kind="password.changed"),
        SecurityEvent(kind="sign_in.password", user_id=owner),
    ):
        await audit.record_alone(database, event, ORIGIN, now)
    assert await worker.told(owner) == []


@pytest.mark.parametrize("trail", sorted(account_events.KINDS))
async def test_every_kind_of_the_table_reaches_the_user_without_an_address(
    database: Database, identity: Identity, worker: Worker, trail: tuple[str, str]
) -> None:
    kind, outcome = trail
    owner = UserId(new_uuid())
    event = SecurityEvent(
        kind=kind,
        outcome=outcome,  # type: ignore[arg-type]  # of the table
        user_id=owner,
        detail={"client": "web", "sessions": 2, "version": 3, "professional": False, "x": "y"},
    )
    await audit.record_alone(database, event, ORIGIN, to_datetime(identity.clock.now_ns()))
    ((told, body),) = await worker.told(owner)
    assert told == account_events.KINDS[trail][0]
    assert "y" not in body.values()
    assert ORIGIN.address not in str(body)


async def test_an_account_that_is_deleted_leaves_no_events(
    database: Database, identity: Identity, worker: Worker
) -> None:
    owner = await add_user(identity)
    await worker.events.publish(owner, "fills", "filled", {}, identity.clock.now_ns())
    event = SecurityEvent(kind=account_events.DELETED, user_id=owner)
    await audit.record_alone(database, event, ORIGIN, to_datetime(identity.clock.now_ns()))
    async with database.reading() as session:
        left = (await session.execute(text("SELECT entrypoint FROM jobs.pgqueuer"))).scalars().all()
    assert left == [user_events.FORGET]
    assert await worker.told(owner) == []
