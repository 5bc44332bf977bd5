"""Making an account: only by the code, only where it was begun, and nobody else is told."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select
from tests.fixtures.api import ORIGIN, PASSWORD, add_user
from tests.fixtures.mail import BASE_URL, Post

from optix.features.identity.mail_codes import MailCodeOver, MailCodeWrong
from optix.features.identity.models import Registration, UserAccount
from optix.features.identity.rules import PasswordTooWeak
from optix.features.identity.schemas import RegistrationStarted
from optix.features.identity.service import Identity
from optix.features.identity.sessions import SignedIn
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import new_uuid
from optix.platform.db import Database

pytestmark = pytest.mark.stores
EMAIL = "ada@example.com"


async def begin(identity: Identity, email: str = EMAIL) -> RegistrationStarted:
    return await identity.registrations.start(email, PASSWORD, "Ada", ORIGIN)


async def verify(identity: Identity, registration_id: UUID, code: str) -> SignedIn:
    return await identity.registrations.verify(
        registration_id, code, client="native", device_name="phone", origin=ORIGIN
    )


async def accounts(database: Database) -> list[UserAccount]:
    async with database.reading() as session:
        return list(await session.scalars(select(UserAccount)))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


async def test_the_code_makes_the_account_and_signs_in(
    identity: Identity, database: Database, post: Post
) -> None:
    started = await begin(identity)
    assert await accounts(database) == []
    code = await post.code_for(EMAIL)
    signed_in = await verify(identity, started.registration_id, f" {code[:4]} {code[4:]} ")
    assert (signed_in.user.email, signed_in.user.display_name) == (EMAIL, "Ada")
    assert signed_in.user.has_password
    assert not signed_in.user.second_factor
    again = await identity.sign_in.log_in(EMAIL, PASSWORD, client="native", origin=ORIGIN)
    assert isinstance(again, SignedIn)
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Registration)) == 0


async def test_a_code_works_once_also_when_it_is_sent_twice_at_once(
    identity: Identity, database: Database, post: Post
) -> None:
    started = await begin(identity)
    code = await post.code_for(EMAIL)
    outcomes = await asyncio.gather(
        *(verify(identity, started.registration_id, code) for _ in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        *["MailCodeOver"] * 3,
        "SignedIn",
    ]
    assert len(await accounts(database)) == 1
    with pytest.raises(MailCodeOver):
        await verify(identity, started.registration_id, code)


async def test_after_the_last_wrong_try_even_the_right_code_is_over(
    identity: Identity, post: Post
) -> None:
    started = await begin(identity)
    code = await post.code_for(EMAIL)
    for _ in range(limits.MAIL_CODE_ATTEMPTS_MAX):
        with pytest.raises(MailCodeWrong):
            await verify(identity, started.registration_id, wrong(code))
    with pytest.raises(MailCodeOver):
        await verify(identity, started.registration_id, code)


async def test_tries_made_at_once_are_all_counted(identity: Identity, post: Post) -> None:
    started = await begin(identity)
    code = await post.code_for(EMAIL)
    outcomes = await asyncio.gather(
        *(verify(identity, started.registration_id, wrong(code)) for _ in range(20)),
        return_exceptions=True,
    )
    names = [type(outcome).__name__ for outcome in outcomes]
    assert names.count("MailCodeWrong") == limits.MAIL_CODE_ATTEMPTS_MAX
    assert names.count("MailCodeOver") == 20 - limits.MAIL_CODE_ATTEMPTS_MAX


async def test_a_code_ends_after_half_an_hour(
    identity: Identity, post: Post, clock: ScaledClock
) -> None:
    started = await begin(identity)
    code = await post.code_for(EMAIL)
    clock.advance_to(clock.now_ns() + limits.REGISTRATION_SECONDS * NANOSECONDS)
    with pytest.raises(MailCodeOver):
        await verify(identity, started.registration_id, code)


async def test_the_code_of_one_registration_is_nothing_to_another(
    identity: Identity, database: Database, post: Post
) -> None:
    """Somebody who prepares an account for another's address never learns the id that counts."""
    prepared = await begin(identity)
    await post.deliver()
    own = await begin(identity)
    code = await post.code_for(EMAIL)
    with pytest.raises(MailCodeWrong):
        await verify(identity, prepared.registration_id, code)
    await verify(identity, own.registration_id, code)
    assert len(await accounts(database)) == 1


async def test_of_two_registrations_of_one_address_one_becomes_the_account(
    identity: Identity, database: Database, post: Post
) -> None:
    first = await begin(identity)
    first_code = await post.code_for(EMAIL)
    second = await begin(identity, "ADA@example.com")
    second_code = await post.code_for("ADA@example.com")
    await verify(identity, first.registration_id, first_code)
    with pytest.raises(MailCodeOver):
        await verify(identity, second.registration_id, second_code)
    assert len(await accounts(database)) == 1


async def test_an_address_with_an_account_is_told_so_by_mail_only(
    identity: Identity, post: Post
) -> None:
    await add_user(identity)
    taken, free = await begin(identity), await begin(identity, "new@example.com")
    assert set(taken.model_dump()) == set(free.model_dump())
    assert taken.expires_at == free.expires_at
    await post.deliver()
    (told,) = post.outbox.to(EMAIL)
    assert "account already" in told.subject
    assert BASE_URL in told.text
    (code,) = post.outbox.to("new@example.com")
    assert "code" in code.subject
    with pytest.raises(MailCodeWrong):  # no code was ever made
        await verify(identity, taken.registration_id, "00000000")


async def test_an_unknown_registration_says_what_an_ended_one_says(identity: Identity) -> None:
    with pytest.raises(MailCodeOver):
        await verify(identity, new_uuid(), "12345678")


async def test_another_mail_brings_another_code_and_only_that_counts(
    identity: Identity, post: Post
) -> None:
    started = await begin(identity)
    first = await post.code_for(EMAIL)
    await identity.registrations.resend(started.registration_id)
    await identity.registrations.resend(started.registration_id)
    second = await post.code_for(EMAIL)
    assert len(post.outbox.to(EMAIL)) == 2, "a mail that waits is not asked for twice"
    if first != second:
        with pytest.raises(MailCodeWrong):
            await verify(identity, started.registration_id, first)
    await verify(identity, started.registration_id, second)


async def test_one_registration_mails_so_often_and_no_more(identity: Identity, post: Post) -> None:
    started = await begin(identity)
    for _ in range(limits.REGISTRATION_MAILS_MAX + 2):
        await post.deliver()
        await identity.registrations.resend(started.registration_id)
    await post.deliver()
    assert len(post.outbox.to(EMAIL)) == limits.REGISTRATION_MAILS_MAX


async def test_one_address_is_mailed_so_often_whoever_asks(identity: Identity, post: Post) -> None:
    for _ in range(limits.MAILS_PER_ADDRESS_MAX + 2):
        await begin(identity)
        await post.deliver()
    assert len(post.outbox.to(EMAIL)) == limits.MAILS_PER_ADDRESS_MAX


async def test_a_mail_for_nobody_is_not_asked_for(identity: Identity, post: Post) -> None:
    await identity.registrations.resend(new_uuid())
    assert await post.deliver() == []


async def test_a_guessed_password_is_refused_before_anything_is_kept(
    identity: Identity, database: Database
) -> None:
    with pytest.raises(PasswordTooWeak):
        await identity.registrations.start(EMAIL, "password12345", "", ORIGIN)
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Registration)) == 0


async def test_neither_the_code_nor_the_password_is_stored_or_queued(
    identity: Identity, database: Database, post: Post
) -> None:
    started = await begin(identity)
    async with database.reading() as session:
        queued = await session.execute(select(func.count()).select_from(Registration))
        assert queued.scalar() == 1
    code = await post.code_for(EMAIL)
    async with database.reading() as session:
        row = await session.get(Registration, started.registration_id)
    assert row is not None
    stored = repr({c.key: getattr(row, c.key) for c in Registration.__table__.columns})
    assert code not in stored
    assert PASSWORD not in stored


async def test_what_is_over_is_cleared_away(
    identity: Identity, database: Database, post: Post, clock: ScaledClock
) -> None:
    await begin(identity)
    clock.advance_to(clock.now_ns() + limits.REGISTRATION_SECONDS * NANOSECONDS)
    alive = await begin(identity, "alive@example.com")
    await post.tasks.clear_away({})
    async with database.reading() as session:
        assert list(await session.scalars(select(Registration.id))) == [alive.registration_id]
