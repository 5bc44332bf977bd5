"""Waiting after failures, on a real Redis and a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from optix.features.identity.throttle import LoginThrottle, ThrottleUnavailable, TooManyFailures
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock

pytestmark = pytest.mark.stores

ADA, BOB, HOME = "ada@example.com", "bob@example.com", "192.0.2.1"


@pytest.fixture
def throttle(redis: Redis, clock: ScaledClock) -> LoginThrottle:
    return LoginThrottle(redis, clock)


def wait(clock: ScaledClock, seconds: float) -> None:
    clock.advance_to(clock.now_ns() + int(seconds * NANOSECONDS))


async def fail(
    throttle: LoginThrottle, times: int, account: str = ADA, address: str = HOME
) -> None:
    for _ in range(times):
        await throttle.attempt(account, address)


async def refused_for(throttle: LoginThrottle, account: str = ADA, address: str = HOME) -> int:
    with pytest.raises(TooManyFailures) as held:
        await throttle.attempt(account, address)
    seconds = held.value.retry_after_seconds
    assert seconds is not None
    return seconds


class TestOneAddress:
    async def test_each_failure_beyond_the_free_ones_doubles_the_wait_up_to_a_bound(
        self, throttle: LoginThrottle, clock: ScaledClock
    ) -> None:
        await fail(throttle, limits.LOGIN_FAILURES_MAX)
        waits = []
        for _ in range(10):
            waits.append(await refused_for(throttle))
            wait(clock, waits[-1])
            await fail(throttle, 1)
        first = limits.LOGIN_WAIT_SECONDS_FIRST
        doubling = [min(first * 2**n, limits.LOGIN_WAIT_SECONDS_MAX) for n in range(10)]
        assert waits == doubling
        assert waits[-1] == limits.LOGIN_WAIT_SECONDS_MAX

    async def test_a_second_too_early_is_too_early(
        self, throttle: LoginThrottle, clock: ScaledClock
    ) -> None:
        await fail(throttle, limits.LOGIN_FAILURES_MAX)
        wait(clock, limits.LOGIN_WAIT_SECONDS_FIRST - 1)
        assert await refused_for(throttle) == 1
        wait(clock, 1)
        await fail(throttle, 1)

    async def test_many_at_once_are_no_more_than_one_after_the_other(
        self, throttle: LoginThrottle
    ) -> None:
        tries = (throttle.attempt(ADA, HOME) for _ in range(30))
        done = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(result is None for result in done) == limits.LOGIN_FAILURES_MAX

    async def test_another_account_or_address_does_not_wait(self, throttle: LoginThrottle) -> None:
        await fail(throttle, limits.LOGIN_FAILURES_MAX)
        await throttle.attempt(ADA, "192.0.2.2")
        await throttle.attempt(BOB, HOME)

    async def test_success_forgets_the_failures(self, throttle: LoginThrottle) -> None:
        await fail(throttle, limits.LOGIN_FAILURES_MAX - 1)
        await throttle.succeeded(ADA, HOME)
        await fail(throttle, limits.LOGIN_FAILURES_MAX)

    async def test_failures_are_forgotten_after_a_day(
        self, throttle: LoginThrottle, redis: Redis
    ) -> None:
        await fail(throttle, 1)
        lives = [await redis.ttl(key) for key in await redis.keys("identity:*")]
        assert all(0 < life <= limits.LOGIN_FAILURES_REMEMBERED_SECONDS for life in lives)
        assert len(lives) == 2


class TestManyAddresses:
    async def guess(self, throttle: LoginThrottle, times: int) -> None:
        for n in range(times):
            await throttle.attempt(ADA, f"198.51.100.{n}")

    async def test_guesses_from_everywhere_together_are_slowed(
        self, throttle: LoginThrottle, clock: ScaledClock
    ) -> None:
        await self.guess(throttle, limits.LOGIN_ACCOUNT_FAILURES_MAX)
        waits = []
        for n in range(8):
            waits.append(await refused_for(throttle, address=f"203.0.113.{n}"))
            wait(clock, waits[-1])
            await throttle.attempt(ADA, f"203.0.113.{n}")
        assert waits == [1, 2, 4, 8, 16, 32, 60, limits.LOGIN_ACCOUNT_WAIT_SECONDS_MAX]

    async def test_the_owner_at_a_known_address_is_not(
        self, throttle: LoginThrottle, redis: Redis
    ) -> None:
        await throttle.attempt(ADA, HOME)
        await throttle.succeeded(ADA, HOME)
        await self.guess(throttle, limits.LOGIN_ACCOUNT_FAILURES_MAX)
        await refused_for(throttle, address="203.0.113.1")
        await throttle.attempt(ADA, HOME)
        (known,) = await redis.keys("identity:known_address:*")
        assert 0 < await redis.ttl(known) <= limits.LOGIN_KNOWN_ADDRESS_SECONDS


async def test_redis_does_not_show_who_signs_in(throttle: LoginThrottle, redis: Redis) -> None:
    await fail(throttle, 1)
    await throttle.succeeded(BOB, HOME)
    keys = b" ".join(key for key in await redis.keys("*") if isinstance(key, bytes))
    assert b"ada" not in keys
    assert HOME.encode() not in keys


async def test_without_redis_nobody_signs_in(clock: ScaledClock) -> None:
    async with Redis(host="127.0.0.1", port=1) as gone:
        throttle = LoginThrottle(gone, clock)
        with pytest.raises(ThrottleUnavailable):
            await throttle.attempt(ADA, HOME)
        with pytest.raises(ThrottleUnavailable):
            await throttle.succeeded(ADA, HOME)
