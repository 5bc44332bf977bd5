"""Signing in at Webull: OAuth 2, App Keys with tokens to let in, signatures; over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.adapters.brokers.webull.worlds import (
    ACTIVITIES,
    HISTORY,
    ORIGIN,
    keep,
    world_of,
)
from tests.contracts.broker import (
    CALLBACK,
    STATE,
    BrokerWorld,
    Notes,
    read_activities,
)
from tests.fakes.brokers.webull import (
    IDENTITY,
    USER_KEY,
    FakeWebull,
    error,
)
from tests.fakes.provider_server import Handler, Reply, Request

from optix.adapters.brokers.webull.adapter import APPROVAL_CHECKS
from optix.adapters.brokers.webull.client import PATHS, Generation
from optix.adapters.brokers.webull.signing import Algorithm
from optix.kernel.clock import NANOSECONDS, ScaledClock, SystemClock
from optix.kernel.errors import InvalidInput
from optix.ports.broker import (
    BrokerUnavailable,
    BrokerUnreadable,
    SignInKind,
    SignInNeeded,
    SignInRefused,
    SignInRequest,
)


class TestSigningIn:
    async def test_without_an_application_only_own_keys_are_taken(self, keyed: BrokerWorld) -> None:
        assert keyed.broker.capabilities.sign_in == (SignInKind.SIGNED_KEYS,)
        request = SignInRequest(kind=SignInKind.OAUTH2, callback_url=CALLBACK, state=STATE)
        with pytest.raises(InvalidInput):
            await keyed.broker.begin(request)
        start = await keyed.broker.begin(replace(request, kind=SignInKind.SIGNED_KEYS))
        assert [(each.name, each.secret) for each in start.fields] == [
            ("app_key", False),
            ("app_secret", True),
        ]

    async def test_both_lives_are_read_from_texts(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        assert grant.login_key == IDENTITY
        assert grant.access_ends is not None
        assert grant.login_ends is not None
        between = grant.login_ends - grant.access_ends
        assert abs(between - timedelta(days=15, minutes=-30)) < timedelta(seconds=1)
        assert grant.scope == "user:trade:wr"

    async def test_an_answer_without_a_refresh_token_is_unreadable(
        self, world: BrokerWorld
    ) -> None:
        world.server.scripted.append(Reply({"access_token": "one"}))
        with pytest.raises(BrokerUnreadable):
            await world.sign_in()

    async def test_a_user_who_says_no_is_heard(self, world: BrokerWorld) -> None:
        with pytest.raises(SignInRefused):
            await world.sign_in(error="access_denied")

    async def test_a_new_pair_is_kept_before_it_is_used_in_the_middle_of_pages(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await world.open()
        account = (await session.list_accounts())[0]
        for status in (401, 417):  # each is told for a token that ended
            server.ended_status = status
            server.groups = list(HISTORY)
            real = server._history

            def end_behind_the_first(request: Request, real: Handler = real) -> Reply:
                reply = real(request)
                if "pagination_key" not in request.query:
                    server.end_half_hour()
                return reply

            path = f"/connect/oauth-openapi{PATHS[Generation.V3].history}"
            server.routes = [
                (method, known, end_behind_the_first if known == path else handler)
                for method, known, handler in server.routes
            ]
            assert len(await read_activities(session, account, world)) == ACTIVITIES
        assert len(world.grants) == 2
        assert world.grants[0].credentials != world.grants[1].credentials

    async def test_a_refresh_token_that_ended_asks_the_user_back(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        grant = await world.sign_in()
        server.end_access()
        with pytest.raises(SignInNeeded):
            await world.broker.renew(grant.credentials)

    async def test_nothing_is_asked_to_end_a_leave(self, world: BrokerWorld) -> None:
        grant = await world.sign_in()
        asked = len(world.server.asked)
        await world.broker.revoke(grant.credentials)
        assert len(world.server.asked) == asked
        assert not world.broker.capabilities.revocable


class TestApproval:
    async def test_a_token_is_asked_about_until_its_user_lets_it_in(
        self, keyed: BrokerWorld, server: FakeWebull, clock: ScaledClock
    ) -> None:
        server.checks_until_approved = 3
        begun = clock.now_ns()
        grant = await keyed.sign_in()
        assert server.counts["/auth/tokens/check"] == 3
        assert clock.now_ns() - begun >= 15 * NANOSECONDS, "it is asked every five seconds"
        assert grant.login_key == "a-user"
        assert grant.access_ends is None, "nothing renews it"
        assert grant.login_ends is not None
        assert grant.login_ends.date() == date(2026, 3, 18)

    async def test_one_of_the_test_system_is_let_in_at_once(
        self, keyed: BrokerWorld, server: FakeWebull
    ) -> None:
        server.checks_until_approved = 0
        assert (await keyed.sign_in()).credentials["token"]
        assert server.counts["/auth/tokens/check"] == 0

    async def test_one_that_nobody_lets_in_is_refused_in_the_end(
        self, keyed: BrokerWorld, server: FakeWebull
    ) -> None:
        server.checks_until_approved = None
        with pytest.raises(SignInRefused, match="app was not told"):
            await keyed.sign_in()
        assert server.counts["/auth/tokens/check"] == APPROVAL_CHECKS

    @pytest.mark.parametrize("state", ["INVALID", "EXPIRED"])
    async def test_one_that_has_ended_asks_the_user_back(
        self, keyed: BrokerWorld, server: FakeWebull, state: str
    ) -> None:
        grant = await keyed.sign_in()
        server.tokens[grant.credentials["token"]] = state
        with pytest.raises(SignInNeeded, match=state.lower()):
            await keyed.broker.renew(grant.credentials)

    async def test_one_that_waits_again_does_not_end_the_connection(
        self, keyed: BrokerWorld, server: FakeWebull
    ) -> None:
        grant = await keyed.sign_in()
        server.checks_until_approved = None
        server.tokens[grant.credentials["token"]] = "PENDING"
        with pytest.raises(BrokerUnavailable) as waiting:
            await keyed.broker.renew(grant.credentials)
        assert "Webull app" in waiting.value.next_step

    async def test_a_state_nobody_knows_is_an_error(self, keyed: BrokerWorld) -> None:
        odd = {"token": "t", "expires_at": 1, "status": "RESTING"}
        keyed.server.scripted.append(Reply(odd))
        with pytest.raises(BrokerUnreadable, match="RESTING"):
            await keyed.sign_in()
        for ends in (10**18, -(10**18)):
            keyed.server.scripted.append(Reply({**odd, "status": "NORMAL", "expires_at": ends}))
            with pytest.raises(BrokerUnreadable):
                await keyed.sign_in()

    async def test_a_key_whose_secret_is_wrong_is_refused(self, keyed: BrokerWorld) -> None:
        with pytest.raises(SignInRefused):
            await keyed.sign_in(app_secret="another")

    async def test_a_key_that_was_deleted_asks_the_user_back(
        self, keyed: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await keyed.open()
        del server.secrets[USER_KEY]
        with pytest.raises(SignInNeeded):
            await session.list_accounts()

    async def test_a_token_that_does_not_work_is_no_sign_in(
        self, keyed: BrokerWorld, server: FakeWebull
    ) -> None:
        ends = int(ORIGIN.timestamp()) * 1_000
        server.scripted.append(Reply({"token": "t", "expires_at": ends, "status": "NORMAL"}))
        with pytest.raises(SignInRefused, match="sign-in"):
            await keyed.sign_in()


class TestSignatures:
    @pytest.mark.parametrize("algorithm", Algorithm)
    async def test_each_pair_of_digests_is_taken_by_a_server_of_its_time(
        self, server: FakeWebull, clock: ScaledClock, algorithm: Algorithm
    ) -> None:
        server.algorithm = algorithm
        async with world_of(server, clock, keys=True, algorithm=algorithm) as world:
            assert await (await world.open()).list_accounts()

    async def test_the_other_pair_is_refused_and_not_the_user(
        self, server: FakeWebull, clock: ScaledClock
    ) -> None:
        async with world_of(server, clock) as world:
            session = await world.open()
            server.algorithm = Algorithm.SHA256
            with pytest.raises(BrokerUnavailable, match="INVALID_SIGNATURE") as refusal:
                await session.list_accounts()
            assert not isinstance(refusal.value, SignInNeeded)

    @pytest.mark.parametrize("keys", [False, True])
    async def test_a_clock_that_is_wrong_does_not_end_the_sign_in(
        self, server: FakeWebull, clock: ScaledClock, keys: bool
    ) -> None:
        async with world_of(server, clock, keys=keys) as world:
            grant = await world.sign_in()
        late = ScaledClock(SystemClock(), origin_ns=clock.now_ns() + 3_600 * NANOSECONDS)
        async with world_of(server, late, keys=keys) as world:
            session = world.broker.open(grant.credentials, renew=keep, log=Notes())
            world.sessions.append(session)
            with pytest.raises(BrokerUnavailable, match="clock"):
                await session.list_accounts()
            with pytest.raises(BrokerUnavailable, match="clock"):
                await world.broker.renew(grant.credentials)

    async def test_a_nonce_that_was_used_is_refused(self, world: BrokerWorld) -> None:
        world.server.scripted.append(error("NONCE_USED", 401))
        with pytest.raises(BrokerUnavailable, match="NONCE_USED"):
            await world.sign_in()

    async def test_an_attempt_that_is_repeated_is_signed_anew(
        self, world: BrokerWorld, server: FakeWebull
    ) -> None:
        session = await world.open()
        server.scripted.append(Reply(b"", status=503))
        assert await session.list_accounts()
        first, second = server.asked[-2:]
        assert first.headers["x-signature-nonce"] != second.headers["x-signature-nonce"]
