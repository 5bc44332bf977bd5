"""Sessions on a real database: rotation, retries, reuse, limits, races, ends."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select, text
from tests.fixtures.api import ORIGIN, add_user, sign_in

from optix.features.identity import sessions
from optix.features.identity.models import RefreshToken, UserAccount, UserSession
from optix.features.identity.schemas import Method
from optix.features.identity.service import Identity, SessionEnded
from optix.features.identity.sessions import RefreshTokenInvalid, RefreshTokenReused, SignedIn
from optix.features.identity.tokens import REFRESH_TOKEN_SECONDS, successor_of, token_hash
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.kernel.ids import SessionId, UserId, new_uuid
from optix.platform.db import Database
from optix.platform.origin import Origin

pytestmark = pytest.mark.stores

GRACE_NS = limits.REFRESH_GRACE_SECONDS * NANOSECONDS


@pytest.fixture
async def signed_in(identity: Identity) -> SignedIn:
    return await sign_in(identity, await add_user(identity))


async def refresh(identity: Identity, token: str) -> SignedIn:
    return await identity.sessions.refresh(token, "native", ORIGIN)


async def count(database: Database, table: type[UserAccount | UserSession | RefreshToken]) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def ended_because(database: Database) -> list[str | None]:
    async with database.reading() as session:
        found = await session.scalars(select(UserSession.ended_because))
        return list(found)


def let_pass(clock: ScaledClock, nanoseconds: int) -> None:
    clock.advance_to(clock.now_ns() + nanoseconds)


class TestBeginning:
    async def test_nothing_is_stored_that_could_be_replayed(
        self, signed_in: SignedIn, database: Database
    ) -> None:
        async with database.reading() as session:
            token = (await session.scalars(select(RefreshToken))).one()
        assert token.token_hash == token_hash(signed_in.refresh_token)
        assert signed_in.refresh_token.encode() not in token.token_hash

    async def test_more_sessions_than_the_limit_end_the_oldest(
        self, identity: Identity, database: Database, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        for _ in range(limits.REFRESH_TOKENS_PER_USER_MAX):
            let_pass(clock, NANOSECONDS)
            last = await sign_in(identity, UserId(signed_in.user.id))
        assert (await ended_because(database)).count(None) == limits.REFRESH_TOKENS_PER_USER_MAX
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, signed_in.refresh_token)
        await refresh(identity, last.refresh_token)

    async def test_expired_sessions_are_cleared_away(
        self, identity: Identity, database: Database, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        let_pass(clock, REFRESH_TOKEN_SECONDS * NANOSECONDS)
        await sign_in(identity, UserId(signed_in.user.id))
        assert await count(database, UserSession) == 1
        assert await count(database, RefreshToken) == 1

    @pytest.mark.parametrize(
        ("methods", "stepped_up"),
        [(["password"], False), (["password", "totp"], True), (["passkey"], True)],
    )
    async def test_only_a_strong_way_to_sign_in_counts_as_a_step_up(
        self, identity: Identity, methods: list[Method], stepped_up: bool
    ) -> None:
        begun = await sign_in(identity, await add_user(identity), methods=methods)
        user = identity.authenticator.verify(begun.access_token)
        assert (user.stepped_up_at_ns is not None) is stepped_up
        assert list(user.methods) == methods
        later = await refresh(identity, begun.refresh_token)
        refreshed = identity.authenticator.verify(later.access_token)
        assert refreshed.stepped_up_at_ns is None, "a refresh proves nothing"
        assert refreshed.methods == user.methods
        assert refreshed.signed_in_at_ns == user.signed_in_at_ns

    async def test_a_step_up_adds_its_method_and_its_time(
        self, identity: Identity, signed_in: SignedIn, clock: ScaledClock
    ) -> None:
        user = identity.authenticator.verify(signed_in.access_token)
        let_pass(clock, 60 * NANOSECONDS)
        fresh = identity.authenticator.verify(identity.starter.step_up(user, "totp"))
        assert fresh.methods == ("password", "totp")
        assert fresh.stepped_up_at_ns == clock.now_ns() // NANOSECONDS * NANOSECONDS
        assert (fresh.session_id, fresh.signed_in_at_ns) == (user.session_id, user.signed_in_at_ns)

    async def test_nobody_signs_in_to_a_disabled_account(
        self, identity: Identity, database: Database
    ) -> None:
        owner = await add_user(identity)
        async with database.writing() as session:
            await session.execute(text("UPDATE user_account SET disabled_at = now()"))
        with pytest.raises(sessions.AccountDisabled):
            await sign_in(identity, owner)


class TestRefresh:
    async def test_each_token_works_once_and_the_next_one_goes_on(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        for _ in range(3):
            following = await refresh(identity, signed_in.refresh_token)
            assert following.refresh_token != signed_in.refresh_token
            assert following.user == signed_in.user
            signed_in = following

    async def test_a_retry_within_the_grace_is_given_the_same_next_token(
        self, identity: Identity, database: Database, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        first = await refresh(identity, signed_in.refresh_token)
        let_pass(clock, GRACE_NS)
        again = await refresh(identity, signed_in.refresh_token)
        assert again.refresh_token == first.refresh_token
        assert again.session_id == first.session_id
        assert await count(database, RefreshToken) == 2, "the family does not fork"

    async def test_a_token_used_again_later_ends_the_session_for_both_holders(
        self, identity: Identity, database: Database, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        stolen = signed_in.refresh_token
        following = await refresh(identity, stolen)
        let_pass(clock, GRACE_NS + 1_000_000)
        with pytest.raises(RefreshTokenReused):
            await refresh(identity, stolen)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, following.refresh_token)
        assert await ended_because(database) == ["refresh token reused"]
        with pytest.raises(SessionEnded):
            identity.authenticator.verify(following.access_token)

    async def test_a_thief_who_is_quick_is_found_at_the_refresh_after(
        self, identity: Identity, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        """Within the grace both get the same next token: only one of them can use that in time."""
        owner = await refresh(identity, signed_in.refresh_token)
        thief = await refresh(identity, signed_in.refresh_token)
        assert thief.refresh_token == owner.refresh_token
        let_pass(clock, 15 * 60 * NANOSECONDS)
        await refresh(identity, owner.refresh_token)
        let_pass(clock, 60 * NANOSECONDS)
        with pytest.raises(RefreshTokenReused):
            await refresh(identity, thief.refresh_token)

    async def test_a_late_tab_is_led_to_the_newest_token_of_the_family(
        self, identity: Identity, database: Database, signed_in: SignedIn
    ) -> None:
        second = await refresh(identity, signed_in.refresh_token)
        third = await refresh(identity, second.refresh_token)
        late = await refresh(identity, signed_in.refresh_token)
        assert late.refresh_token == third.refresh_token
        assert await count(database, RefreshToken) == 3

    async def test_a_family_is_followed_only_so_far(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        token = signed_in.refresh_token
        for _ in range(limits.REFRESH_RETRIES_FOLLOWED_MAX):
            token = (await refresh(identity, token)).refresh_token
        await refresh(identity, signed_in.refresh_token)
        await refresh(identity, token)
        with pytest.raises(RefreshTokenReused):
            await refresh(identity, signed_in.refresh_token)

    async def test_reuse_ends_only_its_own_session(
        self, identity: Identity, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        elsewhere = await sign_in(identity, UserId(signed_in.user.id))
        await refresh(identity, signed_in.refresh_token)
        let_pass(clock, GRACE_NS + 1_000_000)
        with pytest.raises(RefreshTokenReused):
            await refresh(identity, signed_in.refresh_token)
        await refresh(identity, elsewhere.refresh_token)

    async def test_tabs_that_refresh_at_once_all_stay_signed_in_with_one_token(
        self, identity: Identity, database: Database, signed_in: SignedIn
    ) -> None:
        outcomes = await asyncio.gather(
            *(refresh(identity, signed_in.refresh_token) for _ in range(5))
        )
        assert len({outcome.refresh_token for outcome in outcomes}) == 1
        assert await count(database, RefreshToken) == 2
        await refresh(identity, outcomes[0].refresh_token)

    async def test_a_session_lives_thirty_days_from_its_last_refresh(
        self, identity: Identity, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        let_pass(clock, (REFRESH_TOKEN_SECONDS - 1) * NANOSECONDS)
        following = await refresh(identity, signed_in.refresh_token)
        let_pass(clock, REFRESH_TOKEN_SECONDS * NANOSECONDS)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, following.refresh_token)

    async def test_a_session_ends_at_last_however_often_it_is_refreshed(
        self, identity: Identity, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        token, days = signed_in.refresh_token, 20
        for _ in range(limits.SESSION_DAYS_MAX // days - 1):
            let_pass(clock, days * 86_400 * NANOSECONDS)
            token = (await refresh(identity, token)).refresh_token
        let_pass(clock, (days * 86_400 + 1) * NANOSECONDS)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, token)

    async def test_a_web_token_is_refused_from_another_kind_of_client(
        self, identity: Identity
    ) -> None:
        begun = await sign_in(identity, await add_user(identity), client="web")
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, begun.refresh_token)
        await identity.sessions.refresh(begun.refresh_token, "web", ORIGIN)

    async def test_a_disabled_account_cannot_refresh(
        self, identity: Identity, database: Database, signed_in: SignedIn
    ) -> None:
        async with database.writing() as session:
            await session.execute(text("UPDATE user_account SET disabled_at = now()"))
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, signed_in.refresh_token)

    @pytest.mark.parametrize("token", ["", "garbage", "x" * 512, "\x00"])
    async def test_a_token_that_never_was_is_refused(self, identity: Identity, token: str) -> None:
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, token)

    async def test_a_guessed_successor_without_the_salt_is_no_token(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        await refresh(identity, signed_in.refresh_token)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, successor_of(signed_in.refresh_token, bytes(32)))

    async def test_the_list_shows_where_the_session_was_last_used(
        self, identity: Identity, database: Database, clock: ScaledClock, signed_in: SignedIn
    ) -> None:
        let_pass(clock, 60 * NANOSECONDS)
        elsewhere = Origin(address="198.51.100.7", user_agent="another", request_id="r")
        await identity.sessions.refresh(signed_in.refresh_token, "native", elsewhere)
        user = identity.authenticator.verify(signed_in.access_token)
        async with database.reading(owner=user.id) as session:
            (listed,) = (await identity.sessions.list_own(session, user)).sessions
        assert (listed.address, listed.user_agent, listed.current) == (
            "198.51.100.7",
            "another",
            True,
        )
        assert listed.last_seen_at > listed.created_at


class TestEnding:
    async def test_logging_out_ends_the_session_and_others_go_on(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        there = await sign_in(identity, UserId(signed_in.user.id))
        await identity.sessions.log_out(signed_in.refresh_token, ORIGIN)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, signed_in.refresh_token)
        with pytest.raises(SessionEnded):
            identity.authenticator.verify(signed_in.access_token)
        await refresh(identity, there.refresh_token)
        identity.authenticator.verify(there.access_token)

    async def test_logging_out_twice_and_an_unknown_token_are_no_error(
        self, identity: Identity, database: Database, signed_in: SignedIn
    ) -> None:
        await identity.sessions.log_out(signed_in.refresh_token, ORIGIN)
        await identity.sessions.log_out(signed_in.refresh_token, ORIGIN)
        await identity.sessions.log_out("unknown", ORIGIN)
        assert await ended_because(database) == ["logout"]

    async def test_one_session_is_ended_from_another(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        there = await sign_in(identity, UserId(signed_in.user.id))
        user = identity.authenticator.verify(signed_in.access_token)
        await identity.sessions.end(user, there.session_id, ORIGIN)
        with pytest.raises(SessionEnded):
            identity.authenticator.verify(there.access_token)
        with pytest.raises(RefreshTokenInvalid):
            await refresh(identity, there.refresh_token)
        with pytest.raises(sessions.SessionNotFound):
            await identity.sessions.end(user, there.session_id, ORIGIN)

    async def test_nobody_ends_the_session_of_somebody_else(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        bob = await sign_in(identity, await add_user(identity, "bob@example.com"))
        user = identity.authenticator.verify(bob.access_token)
        for target in (signed_in.session_id, SessionId(new_uuid())):
            with pytest.raises(sessions.SessionNotFound):
                await identity.sessions.end(user, target, ORIGIN)
        await refresh(identity, signed_in.refresh_token)

    async def test_all_others_are_ended_and_the_current_one_goes_on(
        self, identity: Identity, signed_in: SignedIn
    ) -> None:
        others = [await sign_in(identity, UserId(signed_in.user.id)) for _ in range(3)]
        bob = await sign_in(identity, await add_user(identity, "bob@example.com"))
        user = identity.authenticator.verify(signed_in.access_token)
        assert await identity.sessions.end_others(user, ORIGIN) == 3
        for other in others:
            with pytest.raises(SessionEnded):
                identity.authenticator.verify(other.access_token)
        identity.authenticator.verify(signed_in.access_token)
        identity.authenticator.verify(bob.access_token)
        assert await identity.sessions.end_others(user, ORIGIN) == 0
