"""Resetting a password: one link, once, for its time; what ends with it and what does not."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text
from tests.fixtures.api import ORIGIN, PASSWORD, add_user, sign_in
from tests.fixtures.mail import BASE_URL, Post

from optix.features.identity.models import PasswordReset
from optix.features.identity.password_reset import ResetTokenInvalid
from optix.features.identity.rules import PasswordTooWeak
from optix.features.identity.service import Identity, SessionEnded
from optix.features.identity.sessions import RefreshTokenInvalid, SignedIn
from optix.features.identity.sign_in import WrongCredentials
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform.db import Database

pytestmark = pytest.mark.stores
EMAIL = "ada@example.com"
NEW = "seven quiet marble bicycles"


async def log_in(identity: Identity, password: str, email: str = EMAIL) -> object:
    return await identity.sign_in.log_in(email, password, client="native", origin=ORIGIN)


async def test_the_link_sets_the_password_and_ends_all_sessions(
    identity: Identity, post: Post
) -> None:
    there = await sign_in(identity, await add_user(identity))
    await identity.resets.start(EMAIL, ORIGIN)
    token = await post.reset_token_for(EMAIL)
    await identity.resets.finish(token, NEW, ORIGIN)
    assert isinstance(await log_in(identity, NEW), SignedIn)
    with pytest.raises(WrongCredentials):
        await log_in(identity, PASSWORD)
    with pytest.raises(RefreshTokenInvalid):
        await identity.sessions.refresh(there.refresh_token, "native", ORIGIN)
    with pytest.raises(SessionEnded):
        identity.authenticator.verify(there.access_token)
    await post.deliver()
    assert any("password was changed" in mail.subject for mail in post.outbox.to(EMAIL))


async def test_a_token_works_once_also_when_it_is_used_twice_at_once(
    identity: Identity, post: Post
) -> None:
    await add_user(identity)
    await identity.resets.start(EMAIL, ORIGIN)
    token = await post.reset_token_for(EMAIL)
    outcomes = await asyncio.gather(
        *(identity.resets.finish(token, f"{NEW} {n}", ORIGIN) for n in range(4)),
        return_exceptions=True,
    )
    assert [type(o).__name__ for o in outcomes].count("ResetTokenInvalid") == 3
    assert outcomes.count(None) == 1
    with pytest.raises(ResetTokenInvalid):
        await identity.resets.finish(token, NEW, ORIGIN)


async def test_using_one_link_ends_the_others_of_the_address(
    identity: Identity, post: Post
) -> None:
    await add_user(identity)
    tokens = []
    for _ in range(2):
        await identity.resets.start(EMAIL, ORIGIN)
        tokens.append(await post.reset_token_for(EMAIL))
    await identity.resets.finish(tokens[1], NEW, ORIGIN)
    with pytest.raises(ResetTokenInvalid):
        await identity.resets.finish(tokens[0], NEW, ORIGIN)


async def test_a_link_ends_after_half_an_hour(
    identity: Identity, post: Post, clock: ScaledClock
) -> None:
    await add_user(identity)
    await identity.resets.start(EMAIL, ORIGIN)
    token = await post.reset_token_for(EMAIL)
    clock.advance_to(clock.now_ns() + limits.PASSWORD_RESET_SECONDS * NANOSECONDS)
    with pytest.raises(ResetTokenInvalid):
        await identity.resets.finish(token, NEW, ORIGIN)


@pytest.mark.parametrize("token", ["", "guess", "x" * 128, "\x00"])
async def test_a_token_that_never_was_is_refused(identity: Identity, token: str) -> None:
    with pytest.raises(ResetTokenInvalid):
        await identity.resets.finish(token, NEW, ORIGIN)


async def test_a_weak_password_uses_no_link_up(identity: Identity, post: Post) -> None:
    await add_user(identity)
    await identity.resets.start(EMAIL, ORIGIN)
    token = await post.reset_token_for(EMAIL)
    with pytest.raises(PasswordTooWeak):
        await identity.resets.finish(token, "password12345", ORIGIN)
    await identity.resets.finish(token, NEW, ORIGIN)


async def test_nobody_is_mailed_where_there_is_no_account(
    identity: Identity, post: Post, database: Database
) -> None:
    await identity.resets.start("nobody@example.com", ORIGIN)
    await post.deliver()
    assert post.outbox.sent == []
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(PasswordReset)) == 0


async def test_a_disabled_account_gets_no_link(
    identity: Identity, post: Post, database: Database
) -> None:
    await add_user(identity)
    async with database.writing() as session:
        await session.execute(text("UPDATE user_account SET disabled_at = now()"))
    await identity.resets.start(EMAIL, ORIGIN)
    await post.deliver()
    assert post.outbox.sent == []


async def test_one_address_is_mailed_so_often_whoever_asks(identity: Identity, post: Post) -> None:
    await add_user(identity)
    for _ in range(limits.MAILS_PER_ADDRESS_MAX + 2):
        await identity.resets.start(EMAIL, ORIGIN)
    await post.deliver()
    assert len(post.outbox.to(EMAIL)) == limits.MAILS_PER_ADDRESS_MAX


async def test_the_token_is_behind_the_hash_sign_and_nowhere_in_the_database(
    identity: Identity, post: Post, database: Database
) -> None:
    await add_user(identity)
    await identity.resets.start(EMAIL, ORIGIN)
    token = await post.reset_token_for(EMAIL)
    assert f"{BASE_URL}/reset-password#token={token}" in post.outbox.sent[-1].text
    assert "?" not in post.outbox.sent[-1].text.split("#token")[0].rsplit("/", 1)[1]
    async with database.reading() as session:
        row = (await session.scalars(select(PasswordReset))).one()
    assert token.encode() not in (row.token_hash or b"")


async def test_a_job_that_runs_twice_leaves_the_newer_link(identity: Identity, post: Post) -> None:
    await add_user(identity)
    await identity.resets.start(EMAIL, ORIGIN)
    first = await post.reset_token_for(EMAIL)
    async with identity.database.reading() as session:
        reset_id = await session.scalar(select(PasswordReset.id))
    await post.tasks.mail_password_reset({"id": str(reset_id)})
    with pytest.raises(ResetTokenInvalid):
        await identity.resets.finish(first, NEW, ORIGIN)
    await identity.resets.finish(await post.reset_token_for(EMAIL), NEW, ORIGIN)


async def test_somebody_without_a_password_gets_one_by_the_link(
    identity: Identity, post: Post
) -> None:
    await add_user(identity, password=None)
    await identity.resets.start(EMAIL, ORIGIN)
    await identity.resets.finish(await post.reset_token_for(EMAIL), NEW, ORIGIN)
    assert isinstance(await log_in(identity, NEW), SignedIn)
