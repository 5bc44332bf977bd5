"""Sign-in and its sessions on a real database: rotation, reuse, limits, races."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select
from tests.fixtures.api import PASSWORD

from optix.features.identity import service
from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.features.identity.passwords import PasswordHasher
from optix.features.identity.service import Identity
from optix.features.identity.tokens import REFRESH_TOKEN_SECONDS, refresh_token_hash
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform.db import Database

pytestmark = pytest.mark.stores
ADDRESS = "192.0.2.1"


async def sign_up(identity: Identity, email: str = "ada@example.com") -> service.SignedIn:
    return await identity.sign_in.register(email, PASSWORD, "Ada", "native")


async def count(database: Database, table: type[UserAccount | UserSession | RefreshToken]) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def ended_because(database: Database) -> list[str | None]:
    async with database.reading() as session:
        found = await session.scalars(select(UserSession.ended_because))
        return list(found)


GRACE_NS = int(service.REUSE_GRACE.total_seconds()) * NANOSECONDS


class TestRegister:
    async def test_two_who_register_one_address_at_once_make_one_account(
        self, identity: Identity, database: Database
    ) -> None:
        outcomes = await asyncio.gather(
            *(sign_up(identity, email) for email in ("ada@example.com", "ADA@example.com")),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EmailTaken", "SignedIn"]
        assert await count(database, UserAccount) == 1

    async def test_nothing_is_stored_that_could_be_replayed(
        self, identity: Identity, database: Database
    ) -> None:
        signed_in = await sign_up(identity)
        async with database.reading() as session:
            account = (await session.scalars(select(UserAccount))).one()
            token = (await session.scalars(select(RefreshToken))).one()
        assert PASSWORD not in account.password_hash
        assert token.token_hash == refresh_token_hash(signed_in.refresh_token)
        assert signed_in.refresh_token.encode() not in token.token_hash


class TestLogIn:
    async def test_a_hash_of_lower_cost_is_replaced_at_login(
        self, identity: Identity, database: Database
    ) -> None:
        await sign_up(identity)
        identity.sign_in._hasher = PasswordHasher(cost=5, threads=1)
        await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        async with database.reading() as session:
            stored = await session.scalar(select(UserAccount.password_hash))
        assert stored is not None
        assert stored.startswith("v1$$2b$05$")
        await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        identity.sign_in._hasher.close()

    async def test_an_unknown_account_and_a_wrong_password_say_the_same(
        self, identity: Identity
    ) -> None:
        await sign_up(identity)
        said = []
        for email in ("ada@example.com", "nobody@example.com"):
            with pytest.raises(service.WrongCredentials) as refused:
                await identity.sign_in.log_in(email, "not the password", "native", ADDRESS)
            said.append((refused.value.code, refused.value.detail, refused.value.next_step))
        assert said[0] == said[1]

    async def test_more_sessions_than_the_limit_end_the_oldest(
        self, identity: Identity, database: Database, clock: ScaledClock
    ) -> None:
        first = await sign_up(identity)
        for _ in range(limits.REFRESH_TOKENS_PER_USER_MAX):
            clock.advance_to(clock.now_ns() + NANOSECONDS)
            last = await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        assert (await ended_because(database)).count(None) == limits.REFRESH_TOKENS_PER_USER_MAX
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(first.refresh_token, "native")
        await identity.sign_in.refresh(last.refresh_token, "native")

    async def test_expired_sessions_are_cleared_away(
        self, identity: Identity, database: Database, clock: ScaledClock
    ) -> None:
        await sign_up(identity)
        clock.advance_to(clock.now_ns() + REFRESH_TOKEN_SECONDS * NANOSECONDS)
        await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        assert await count(database, UserSession) == 1
        assert await count(database, RefreshToken) == 1


class TestRefresh:
    async def test_each_token_works_once_and_the_next_one_goes_on(self, identity: Identity) -> None:
        signed_in = await sign_up(identity)
        for _ in range(3):
            following = await identity.sign_in.refresh(signed_in.refresh_token, "native")
            assert following.refresh_token != signed_in.refresh_token
            assert following.user == signed_in.user
            signed_in = following

    async def test_a_token_used_again_later_ends_the_session_for_both_holders(
        self, identity: Identity, database: Database, clock: ScaledClock
    ) -> None:
        stolen = (await sign_up(identity)).refresh_token
        following = await identity.sign_in.refresh(stolen, "native")
        clock.advance_to(clock.now_ns() + GRACE_NS)
        await identity.sign_in.refresh(stolen, "native")  # still within the grace
        clock.advance_to(clock.now_ns() + 1_000_000)
        with pytest.raises(service.RefreshTokenReused):
            await identity.sign_in.refresh(stolen, "native")
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(following.refresh_token, "native")
        assert await ended_because(database) == ["refresh token reused"]

    async def test_reuse_ends_only_its_own_session(
        self, identity: Identity, clock: ScaledClock
    ) -> None:
        stolen = (await sign_up(identity)).refresh_token
        elsewhere = await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        await identity.sign_in.refresh(stolen, "native")
        clock.advance_to(clock.now_ns() + GRACE_NS + 1_000_000)
        with pytest.raises(service.RefreshTokenReused):
            await identity.sign_in.refresh(stolen, "native")
        await identity.sign_in.refresh(elsewhere.refresh_token, "native")

    async def test_tabs_that_refresh_at_once_all_stay_signed_in(self, identity: Identity) -> None:
        token = (await sign_up(identity)).refresh_token
        outcomes = await asyncio.gather(
            *(identity.sign_in.refresh(token, "native") for _ in range(5))
        )
        assert len({outcome.refresh_token for outcome in outcomes}) == 5
        for outcome in outcomes:
            await identity.sign_in.refresh(outcome.refresh_token, "native")

    async def test_a_session_lives_thirty_days_from_its_last_refresh(
        self, identity: Identity, clock: ScaledClock
    ) -> None:
        signed_in = await sign_up(identity)
        clock.advance_to(clock.now_ns() + (REFRESH_TOKEN_SECONDS - 1) * NANOSECONDS)
        following = await identity.sign_in.refresh(signed_in.refresh_token, "native")
        clock.advance_to(clock.now_ns() + REFRESH_TOKEN_SECONDS * NANOSECONDS)
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(following.refresh_token, "native")

    async def test_a_web_token_is_refused_from_another_kind_of_client(
        self, identity: Identity
    ) -> None:
        signed_in = await identity.sign_in.register("ada@example.com", PASSWORD, "", "web")
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(signed_in.refresh_token, "native")
        await identity.sign_in.refresh(signed_in.refresh_token, "web")

    @pytest.mark.parametrize("token", ["", "garbage", "x" * 512, "\x00"])
    async def test_a_token_that_never_was_is_refused(self, identity: Identity, token: str) -> None:
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(token, "native")


class TestLogOut:
    async def test_the_session_ends_and_others_go_on(self, identity: Identity) -> None:
        here = await sign_up(identity)
        there = await identity.sign_in.log_in("ada@example.com", PASSWORD, "native", ADDRESS)
        await identity.sign_in.log_out(here.refresh_token)
        with pytest.raises(service.RefreshTokenInvalid):
            await identity.sign_in.refresh(here.refresh_token, "native")
        await identity.sign_in.refresh(there.refresh_token, "native")

    async def test_a_second_time_and_an_unknown_token_are_no_error(
        self, identity: Identity, database: Database
    ) -> None:
        token = (await sign_up(identity)).refresh_token
        await identity.sign_in.log_out(token)
        await identity.sign_in.log_out(token)
        await identity.sign_in.log_out("unknown")
        assert await ended_because(database) == ["logout"]
