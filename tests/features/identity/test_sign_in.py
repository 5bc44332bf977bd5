"""Signing in with a password: right, wrong, outdated, changed meanwhile, with a second factor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text, update
from tests.fixtures.api import BCRYPT_COST, ORIGIN, PASSWORD, add_user

from optix.features.identity.models import UserAccount, UserSession
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.schemas import Client, Method, SecondFactorNeeded
from optix.features.identity.service import Identity
from optix.features.identity.sessions import AccountDisabled, SignedIn
from optix.features.identity.sign_in import SignInService, WrongCredentials
from optix.features.identity.throttle import LoginThrottle
from optix.kernel.clock import ScaledClock
from optix.kernel.ids import UserId
from optix.platform import audit
from optix.platform.db import Database

pytestmark = pytest.mark.stores
EMAIL = "ada@example.com"


async def log_in(
    service: SignInService, email: str = EMAIL, password: str = PASSWORD
) -> SignedIn | SecondFactorNeeded:
    return await service.log_in(email, password, client="native", origin=ORIGIN)


async def stored_hash(database: Database) -> str | None:
    async with database.reading() as session:
        return await session.scalar(select(UserAccount.password_hash))


async def change_password_behind(database: Database, hashed: str) -> None:
    async with database.writing() as session:
        await session.execute(update(UserAccount).values(password_hash=hashed))


@pytest.fixture
def dearer(identity: Identity, redis: Redis, clock: ScaledClock) -> SignInService:
    """The service after the operator raised the cost."""
    return SignInService(
        identity.database,
        hasher=PasswordHasher(cost=BCRYPT_COST + 1, threads=1),
        starter=identity.starter,
        throttle=LoginThrottle(redis, clock),
        factors=None,
        clock=clock,
    )


class SlowHasher(PasswordHasher):
    """Stops after a password was found right until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__(cost=BCRYPT_COST, threads=1)
        self.verified, self.go_on = asyncio.Event(), asyncio.Event()

    async def verify(self, password: str, stored: str | None) -> bool:
        right = await super().verify(password, stored)
        self.verified.set()
        await self.go_on.wait()
        return right


class Asking:
    """A second factor that is always asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Client, Sequence[Method]]] = []

    async def challenge(
        self, account: UserAccount, *, client: Client, device_name: str, proved: Sequence[Method]
    ) -> SecondFactorNeeded:
        self.asked.append((account.email, client, proved))
        return SecondFactorNeeded(challenge="c", methods=["totp"], expires_in=300)

    async def step_up_methods(self, owner: UserId) -> Sequence[Method]:
        return ["totp"]


async def test_a_hash_of_lower_cost_is_replaced_at_login(
    identity: Identity, dearer: SignInService, database: Database
) -> None:
    await add_user(identity)
    before = await stored_hash(database)
    await log_in(dearer)
    after = await stored_hash(database)
    assert before is not None
    assert after is not None
    assert (before[:9], after[:9]) == ("v1$$2b$04", "v1$$2b$05")
    await log_in(dearer)
    assert await stored_hash(database) == after


async def test_two_logins_at_once_with_an_outdated_hash_both_work(
    identity: Identity, dearer: SignInService
) -> None:
    await add_user(identity)
    outcomes = await asyncio.gather(log_in(dearer), log_in(dearer))
    assert all(isinstance(outcome, SignedIn) for outcome in outcomes)


async def test_an_unknown_account_and_a_wrong_password_say_the_same(identity: Identity) -> None:
    await add_user(identity)
    await add_user(identity, "key@example.com", password=None)
    said = []
    for email in (EMAIL, "nobody@example.com", "key@example.com"):
        with pytest.raises(WrongCredentials) as refused:
            await log_in(identity.sign_in, email, "not the password")
        said.append((refused.value.code, refused.value.detail, refused.value.next_step))
    assert len(set(said)) == 1


async def test_a_password_changed_while_the_old_one_was_verified_does_not_sign_in(
    identity: Identity, redis: Redis, clock: ScaledClock, database: Database
) -> None:
    await add_user(identity)
    hasher = SlowHasher()
    service = SignInService(
        database,
        hasher=hasher,
        starter=identity.starter,
        throttle=LoginThrottle(redis, clock),
        factors=None,
        clock=clock,
    )
    attempt = asyncio.create_task(log_in(service))
    await hasher.verified.wait()
    await change_password_behind(database, await identity.hasher.hash("something else entirely"))
    hasher.go_on.set()
    with pytest.raises(WrongCredentials):
        await attempt
    hasher.close()


async def test_a_disabled_account_is_told_only_to_who_knows_its_password(
    identity: Identity, database: Database
) -> None:
    await add_user(identity)
    async with database.writing() as session:
        await session.execute(text("UPDATE user_account SET disabled_at = now()"))
    with pytest.raises(AccountDisabled):
        await log_in(identity.sign_in)
    with pytest.raises(WrongCredentials):
        await log_in(identity.sign_in, password="not the password")


async def test_with_a_second_factor_a_password_begins_no_session(
    identity: Identity, redis: Redis, clock: ScaledClock, database: Database
) -> None:
    await add_user(identity)
    async with database.writing() as session:
        await session.execute(text("UPDATE user_account SET second_factor = true"))
    asking = Asking()
    service = SignInService(
        database,
        hasher=identity.hasher,
        starter=identity.starter,
        throttle=LoginThrottle(redis, clock),
        factors=asking,
        clock=clock,
    )
    assert isinstance(await log_in(service), SecondFactorNeeded)
    assert asking.asked == [(EMAIL, "native", ["password"])]
    with pytest.raises(WrongCredentials):
        await log_in(service, password="not the password")
    assert len(asking.asked) == 1
    async with database.reading() as session:
        assert (await session.scalars(select(UserSession))).all() == []


async def test_the_trail_tells_of_success_and_failure_without_the_password(
    identity: Identity, database: Database
) -> None:
    owner = await add_user(identity)
    with pytest.raises(WrongCredentials):
        await log_in(identity.sign_in, password="not the password")
    signed_in = await log_in(identity.sign_in)
    assert isinstance(signed_in, SignedIn)
    async with database.reading() as session:
        events = await audit.list_events(session, user_id=owner)
    assert [(e.event.kind, e.event.outcome) for e in reversed(events)] == [
        ("sign_in.password", "failure"),
        ("session.started", "success"),
    ]
    assert events[0].event.session_id == signed_in.session_id
    assert events[0].origin == ORIGIN
    assert PASSWORD not in repr(events)
