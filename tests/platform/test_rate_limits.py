"""Limits on a real Redis and a clock that the test moves; and without Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from ipaddress import ip_network

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.types import Message
from tests.contracts.openapi import problem_faults

from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock
from optix.platform import rate_limits as module
from optix.platform.edge import EdgeMiddleware
from optix.platform.http import install_problems
from optix.platform.metrics import HttpMetrics
from optix.platform.rate_limits import (
    LocalWindows,
    RateLimiter,
    RateLimiterUnavailable,
    RateLimitMetrics,
    RateLimitMiddleware,
    Window,
    rule_of,
)
from optix.platform.security_settings import LimitSettings

pytestmark = pytest.mark.stores

LOGIN, READ = "/api/v1/auth/login", "/api/v1/quotes/SPY"
PER_MINUTE = {**LimitSettings().per_minute, "default": 8}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def limiter(redis: Redis, clock: ScaledClock, registry: CollectorRegistry) -> RateLimiter:
    return RateLimiter(redis, clock, RateLimitMetrics(registry))


@pytest.fixture
async def limiter_without_redis(
    clock: ScaledClock, registry: CollectorRegistry
) -> AsyncIterator[RateLimiter]:
    async with Redis(host="127.0.0.1", port=1) as gone:
        yield RateLimiter(gone, clock, RateLimitMetrics(registry))


def wait(clock: ScaledClock, seconds: float) -> None:
    clock.advance_to(clock.now_ns() + int(seconds * NANOSECONDS))


async def allowed(limiter: RateLimiter, *windows: Window, times: int) -> int:
    verdicts = [await limiter.check(windows, closed=False) for _ in range(times)]
    return sum(verdict.allowed for verdict in verdicts)


THREE = Window("login", "address 192.0.2.1", 3)


class TestTheWindow:
    """Both keepers hold the same window."""

    @pytest.fixture(params=["limiter", "limiter_without_redis"])
    def either(self, request: pytest.FixtureRequest) -> RateLimiter:
        limiter: RateLimiter = request.getfixturevalue(request.param)
        return limiter

    async def test_as_many_as_the_rule_says_and_no_more(self, either: RateLimiter) -> None:
        assert await allowed(either, THREE, times=5) == 3

    async def test_it_slides_and_a_burst_at_its_edge_is_not_doubled(
        self, either: RateLimiter, clock: ScaledClock
    ) -> None:
        assert await allowed(either, THREE, times=1) == 1
        wait(clock, 59)
        assert await allowed(either, THREE, times=5) == 2
        wait(clock, 1)  # the first one has left the window, the other two have not
        assert await allowed(either, THREE, times=5) == 1

    async def test_what_was_refused_counts_nowhere(
        self, either: RateLimiter, clock: ScaledClock
    ) -> None:
        wide = Window("default", "user 1", 100)
        await allowed(either, wide, THREE, times=50)
        verdict = await either.check([wide], closed=False)
        assert verdict.remaining == 100 - 3 - 1
        wait(clock, 60)
        assert await allowed(either, THREE, times=1) == 1

    async def test_it_says_how_many_are_left_and_when_the_next_place_is_free(
        self, either: RateLimiter, clock: ScaledClock
    ) -> None:
        first = await either.check([THREE], closed=False)
        assert (first.remaining, first.seconds) == (2, 60)
        wait(clock, 20)
        await allowed(either, THREE, times=2)
        full = await either.check([THREE], closed=False)
        assert (full.allowed, full.remaining, full.seconds) == (False, 0, 40)

    async def test_the_tightest_window_speaks(self, either: RateLimiter) -> None:
        wide = Window("default", "user 1", 100)
        assert (await either.check([wide, THREE], closed=False)).window == THREE
        assert (await either.check([THREE, wide], closed=False)).window == THREE

    async def test_a_lower_limit_takes_effect_on_a_window_that_is_fuller(
        self, either: RateLimiter, clock: ScaledClock
    ) -> None:
        await allowed(either, Window("r", "s", 5), times=3)
        wait(clock, 10)
        await allowed(either, Window("r", "s", 5), times=2)
        verdict = await either.check([Window("r", "s", 2)], closed=False)
        assert (verdict.allowed, verdict.seconds) == (False, 60)

    async def test_subjects_and_rules_have_windows_of_their_own(self, either: RateLimiter) -> None:
        await allowed(either, THREE, times=3)
        assert await allowed(either, Window("login", "address 192.0.2.2", 3), times=1) == 1
        assert await allowed(either, Window("refresh", THREE.subject, 3), times=1) == 1

    async def test_requests_at_once_are_no_more_than_one_after_the_other(
        self, either: RateLimiter
    ) -> None:
        done = await asyncio.gather(*(either.check([THREE], closed=False) for _ in range(40)))
        assert sum(verdict.allowed for verdict in done) == 3


class TestRedis:
    async def test_processes_share_it_and_it_goes_by_itself(
        self, limiter: RateLimiter, redis: Redis, clock: ScaledClock
    ) -> None:
        other = RateLimiter(redis, clock, RateLimitMetrics(CollectorRegistry()))
        await allowed(limiter, THREE, times=2)
        assert await allowed(other, THREE, times=5) == 1
        (key,) = await redis.keys("*")
        assert 0 < await redis.pttl(key) <= module.WINDOW_MS
        assert b"192.0.2.1" not in key

    async def test_where_somebody_proves_who_they_are_its_loss_closes(
        self, limiter_without_redis: RateLimiter, registry: CollectorRegistry
    ) -> None:
        with pytest.raises(RateLimiterUnavailable):
            await limiter_without_redis.check([THREE], closed=True)
        assert counted(registry, "login", "closed", "local") == 1

    async def test_the_metrics_say_who_keeps_the_window(
        self, redis: Redis, clock: ScaledClock, registry: CollectorRegistry
    ) -> None:
        server = Switch(redis)
        limiter = RateLimiter(server, clock, RateLimitMetrics(registry))  # type: ignore[arg-type]  # only what it uses
        await allowed(limiter, THREE, times=4)
        assert registry.get_sample_value("optix_rate_limit_redis_up") == 1
        server.is_down = True
        await allowed(limiter, THREE, times=4)
        assert registry.get_sample_value("optix_rate_limit_redis_up") == 0
        server.is_down = False
        limiter._redis_from = 0  # the pause is over
        await allowed(limiter, THREE, times=1)
        assert registry.get_sample_value("optix_rate_limit_redis_up") == 1
        for kept_by, refused in (("redis", 2), ("local", 1)):
            assert counted(registry, "login", "allowed", kept_by) == 3
            assert counted(registry, "login", "refused", kept_by) == refused

    async def test_a_silent_server_is_given_up_soon_and_left_alone_for_a_moment(
        self,
        redis: Redis,
        clock: ScaledClock,
        registry: CollectorRegistry,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "REDIS_SECONDS_MAX", 0.05)
        server = Switch(redis)
        server.is_silent = True
        limiter = RateLimiter(server, clock, RateLimitMetrics(registry))  # type: ignore[arg-type]  # only what it uses
        assert await allowed(limiter, THREE, times=20) == 3
        assert server.asked == 1


class Switch:
    """A Redis that can be taken away: it refuses, or says nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.is_down = self.is_silent = False
        self.asked = 0

    def register_script(self, script: str) -> object:
        real = self._redis.register_script(script)

        async def call(**arguments: object) -> object:
            self.asked += 1
            if self.is_silent:
                await asyncio.Event().wait()
            if self.is_down:
                raise ConnectionRefusedError
            return await real(**arguments)  # type: ignore[arg-type]  # passed through

        return call


def counted(registry: CollectorRegistry, rule: str, outcome: str, kept_by: str) -> float | None:
    labels = {"rule": rule, "outcome": outcome, "kept_by": kept_by}
    return registry.get_sample_value("optix_rate_limit_checks_total", labels)


class TestCountingAhead:
    """Who asks fast is counted for several requests at once, and never let through for more."""

    @pytest.fixture
    async def asked(self, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many requests each question to Redis counted."""
        found: list[int] = []
        real = RateLimiter._wanted

        def wanted(self: RateLimiter, windows: Sequence[Window], now_ms: int) -> int:
            found.append(real(self, windows, now_ms))
            return found[-1]

        monkeypatch.setattr(RateLimiter, "_wanted", wanted)
        return found

    async def test_each_question_counts_twice_as_many_up_to_a_bound(
        self, limiter: RateLimiter, asked: list[int]
    ) -> None:
        wide = Window("default", "user 1", 100_000)
        assert await allowed(limiter, wide, times=200) == 200
        most = limits.RATE_LIMIT_AHEAD_MAX
        assert asked == [1, 2, 4, 8, 16, 32, most, most, most]

    async def test_who_asks_slowly_is_counted_one_by_one(
        self, limiter: RateLimiter, clock: ScaledClock, asked: list[int]
    ) -> None:
        wide = Window("default", "user 1", 100_000)
        for _ in range(5):
            assert await allowed(limiter, wide, times=1) == 1
            wait(clock, 1.5)
        assert asked == [1] * 5

    async def test_what_is_left_falls_by_one_for_each_request(self, limiter: RateLimiter) -> None:
        wide = Window("default", "user 1", 1_000)
        verdicts = [await limiter.check([wide], closed=False) for _ in range(20)]
        assert [verdict.remaining for verdict in verdicts] == list(range(999, 979, -1))

    @pytest.mark.parametrize("most", [3, 10, 100])
    async def test_no_window_is_exceeded_and_all_of_it_can_be_used(
        self, limiter: RateLimiter, most: int
    ) -> None:
        window = Window("default", "user 1", most)
        assert await allowed(limiter, window, times=most + 20) == most

    async def test_processes_that_share_a_window_do_not_exceed_it_together(
        self, limiter: RateLimiter, redis: Redis, clock: ScaledClock
    ) -> None:
        other = RateLimiter(redis, clock, RateLimitMetrics(CollectorRegistry()))
        window = Window("default", "user 1", 200)
        passed = 0
        for _ in range(150):
            passed += await allowed(limiter, window, times=1)
            passed += await allowed(other, window, times=1)
        assert passed == 200

    async def test_what_was_counted_ahead_lapses(
        self, limiter: RateLimiter, clock: ScaledClock, asked: list[int]
    ) -> None:
        wide = Window("default", "user 1", 100_000)
        await allowed(limiter, wide, times=8)  # 1, 2, 4, and 8 of which one came
        wait(clock, 1.5)
        verdict = await limiter.check([wide], closed=False)
        assert asked == [1, 2, 4, 8, 1]
        assert verdict.remaining == 100_000 - 16

    async def test_subjects_that_are_counted_ahead_are_bounded(
        self, limiter: RateLimiter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RATE_LIMIT_LOCAL_SUBJECTS_MAX", 3)
        for user in range(5):
            await allowed(limiter, Window("default", f"user {user}", 1_000), times=2)
        assert len(limiter._ahead) == 3


def test_memory_holds_a_bounded_number_of_subjects() -> None:
    windows = LocalWindows()
    for n in range(limits.RATE_LIMIT_LOCAL_SUBJECTS_MAX + 5):
        windows.take([Window("default", str(n), 1)], 0)
    assert len(windows._held) == limits.RATE_LIMIT_LOCAL_SUBJECTS_MAX


@pytest.mark.parametrize(
    ("called", "rule"),
    [
        ("POST /api/v1/auth/login", "login"),
        ("POST /api/v1/auth/passkeys/authentication", "login"),
        ("POST /api/v1/auth/passkeys/authentication/options", "login"),
        ("POST /api/v1/auth/login/factor", "factor"),
        ("POST /api/v1/auth/step-up", "factor"),
        ("POST /api/v1/auth/mfa/verify", "factor"),
        ("POST /api/v1/auth/register", "register"),
        ("POST /api/v1/auth/register/resend", "mail"),
        ("POST /api/v1/auth/verify-email", "mail"),
        ("POST /api/v1/auth/password-reset", "mail"),
        ("POST /api/v1/auth/password-reset/confirm", "mail"),
        ("POST /api/v1/users/me/email", "mail"),
        ("POST /api/v1/users/me/email/confirm", "mail"),
        ("POST /api/v1/auth/refresh", "refresh"),
        ("POST /api/v1/auth/logout", "default"),
        ("POST /api/v1/auth/passkeys/registration", "account"),
        ("DELETE /api/v1/auth/sessions/1", "account"),
        ("POST /api/v1/auth/whatever-comes-later", "account"),
        ("GET /api/v1/auth/login", "default"),
        ("GET /api/v1/auth/sessions", "default"),
        ("POST /api/v1/authority", "default"),
        ("POST /api/v1/auth/login/", "account"),
    ],
)
def test_every_request_has_a_rule_and_every_rule_a_setting(called: str, rule: str) -> None:
    method, path = called.split()
    assert rule_of(method, path) == rule
    assert rule in PER_MINUTE


def new_client(
    limiter: RateLimiter, *, peer: str = "192.0.2.1", per_minute: Mapping[str, int] = PER_MINUTE
) -> httpx.AsyncClient:
    """Return a client of a small app behind the middleware; tokens are `user-<name>`."""
    app = FastAPI()
    app.add_middleware(
        RateLimitMiddleware,
        limiter=limiter,
        per_minute=per_minute,
        identify=lambda token: token if token.startswith("user-") else None,
        trusted_proxies=(ip_network("10.0.0.0/8"),),
    )
    app.add_middleware(EdgeMiddleware, metrics=HttpMetrics(CollectorRegistry()), production=False)
    install_problems(app)

    @app.post(LOGIN)
    @app.get(READ)
    @app.patch(READ)
    @app.get("/somewhere/else")
    async def answer() -> str:
        return "done"

    transport = httpx.ASGITransport(app, client=(peer, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def statuses(
    client: httpx.AsyncClient, method: str, path: str, times: int, **headers: str
) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [(await client.request(method, path, headers=named)).status_code for _ in range(times)]


class TestHTTP:
    async def test_a_refusal_is_a_problem_that_says_when_to_come_again(
        self, limiter: RateLimiter
    ) -> None:
        client = new_client(limiter)
        assert await statuses(client, "POST", LOGIN, 5) == [200] * 5
        refused = await client.post(LOGIN)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert not list(problem_faults(refused))
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["ratelimit-policy"] == "5;w=60"
        assert refused.headers["ratelimit-remaining"] == "0"

    async def test_an_answer_says_how_many_are_left(self, limiter: RateLimiter) -> None:
        response = await new_client(limiter).get(READ)
        assert response.headers["ratelimit-limit"] == "8"
        assert response.headers["ratelimit-remaining"] == "7"
        assert response.headers["ratelimit-reset"] == "60"

    async def test_who_is_not_signed_in_is_held_by_address(self, limiter: RateLimiter) -> None:
        assert await statuses(new_client(limiter), "GET", READ, 9) == [200] * 8 + [429]
        assert await statuses(new_client(limiter, peer="192.0.2.2"), "GET", READ, 1) == [200]

    async def test_a_user_is_held_at_every_address_together(self, limiter: RateLimiter) -> None:
        for n in range(8):
            client = new_client(limiter, peer=f"192.0.2.{n}")
            await statuses(client, "GET", READ, 1, authorization="Bearer user-ada")
        client = new_client(limiter, peer="192.0.2.99")
        assert await statuses(client, "GET", READ, 1, authorization="Bearer user-ada") == [429]
        assert await statuses(client, "GET", READ, 1, authorization="Bearer user-bob") == [200]

    async def test_a_new_unverified_token_for_each_request_wins_nothing(
        self, limiter: RateLimiter
    ) -> None:
        client = new_client(limiter)
        done = [
            (await statuses(client, "GET", READ, 1, authorization=f"Bearer forged-{n}"))[0]
            for n in range(9)
        ]
        assert done == [200] * 8 + [429]

    async def test_guesses_of_a_signed_in_user_are_held_by_address_and_by_user(
        self, limiter: RateLimiter
    ) -> None:
        many = {**PER_MINUTE, "default": 1_000}
        same = [
            (await statuses(c, "POST", LOGIN, 1, authorization=f"Bearer user-{n}"))[0]
            for n in range(6)
            for c in (new_client(limiter, per_minute=many),)
        ]
        assert same == [200] * 5 + [429]
        moving = [
            (await statuses(c, "POST", LOGIN, 1, authorization="Bearer user-x"))[0]
            for n in range(6)
            for c in (new_client(limiter, peer=f"198.51.100.{n}", per_minute=many),)
        ]
        assert moving == [200] * 5 + [429]

    async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
        self, limiter: RateLimiter
    ) -> None:
        proxy, stranger = new_client(limiter, peer="10.0.0.1"), new_client(limiter)
        done = [
            [
                (await statuses(c, "POST", LOGIN, 1, x_forwarded_for=f"203.0.113.{n}"))[0]
                for n in range(6)
            ]
            for c in (proxy, stranger)
        ]
        assert done == [[200] * 6, [200] * 5 + [429]]

    async def test_the_addresses_of_one_ipv6_subscriber_count_as_one(
        self, limiter: RateLimiter
    ) -> None:
        done = [
            (await statuses(new_client(limiter, peer=f"2001:db8::{n:x}"), "POST", LOGIN, 1))[0]
            for n in range(1, 7)
        ]
        assert done == [200] * 5 + [429]
        other = new_client(limiter, peer="2001:db8:0:1::1")
        assert await statuses(other, "POST", LOGIN, 1) == [200]

    async def test_what_is_not_of_the_api_is_not_counted(self, limiter: RateLimiter) -> None:
        assert await statuses(new_client(limiter), "GET", "/somewhere/else", 20) == [200] * 20

    async def test_without_redis_reads_go_on_with_a_local_limit_and_sign_in_does_not(
        self, limiter_without_redis: RateLimiter
    ) -> None:
        client = new_client(limiter_without_redis)
        refused = await client.post(LOGIN)
        assert (refused.status_code, refused.json()["code"]) == (503, "rate_limiter_unavailable")
        assert refused.headers["retry-after"]
        assert not list(problem_faults(refused))
        assert await statuses(client, "GET", READ, 9) == [200] * 8 + [429]

    async def test_writes_elsewhere_go_on_with_the_local_limit_too(
        self, limiter_without_redis: RateLimiter
    ) -> None:
        client = new_client(limiter_without_redis)
        assert await statuses(client, "PATCH", READ, 9) == [200] * 8 + [429]


async def test_a_socket_that_comes_too_often_is_closed_before_it_opens(
    limiter: RateLimiter,
) -> None:
    sent: list[Message] = []

    async def socket_app(_scope: object, _receive: object, send: object) -> None:
        sent.append({"type": "websocket.accept"})

    async def send(message: Message) -> None:  # an ASGI callable
        sent.append(dict(message))

    async def receive() -> Message:  # an ASGI callable
        return {"type": "websocket.connect"}

    middleware = RateLimitMiddleware(
        socket_app, limiter=limiter, per_minute={"default": 1}, identify=lambda _token: None
    )
    scope = {"type": "websocket", "path": "/ws/quotes", "headers": [], "client": ("192.0.2.1", 1)}
    await middleware(scope, receive, send)
    await middleware(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
