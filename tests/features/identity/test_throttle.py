"""Failed logins are counted per account and address, and nobody signs in without the counter."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from optix.features.identity.throttle import LoginThrottle, ThrottleUnavailable, TooManyFailures

pytestmark = pytest.mark.stores


@pytest.fixture
def throttle(redis: Redis) -> LoginThrottle:
    return LoginThrottle(redis, failures_max=3, window_seconds=60)


async def test_after_the_last_allowed_failure_one_has_to_wait(throttle: LoginThrottle) -> None:
    for _ in range(3):
        await throttle.check("ada@example.com", "192.0.2.1")
        await throttle.failed("ada@example.com", "192.0.2.1")
    with pytest.raises(TooManyFailures) as refused:
        await throttle.check("ada@example.com", "192.0.2.1")
    assert refused.value.retry_after_seconds is not None
    assert 0 < refused.value.retry_after_seconds <= 60


async def test_another_address_and_another_account_are_not_held_back(
    throttle: LoginThrottle,
) -> None:
    for _ in range(3):
        await throttle.failed("ada@example.com", "192.0.2.1")
    await throttle.check("ada@example.com", "192.0.2.2")
    await throttle.check("bob@example.com", "192.0.2.1")


async def test_success_forgets_the_failures(throttle: LoginThrottle) -> None:
    for _ in range(3):
        await throttle.failed("ada@example.com", "192.0.2.1")
    await throttle.succeeded("ada@example.com", "192.0.2.1")
    await throttle.check("ada@example.com", "192.0.2.1")


async def test_the_window_begins_with_the_first_failure_and_ends(
    throttle: LoginThrottle, redis: Redis
) -> None:
    await throttle.failed("ada@example.com", "192.0.2.1")
    (key,) = await redis.keys("*")
    await redis.expire(key, 5)
    await throttle.failed("ada@example.com", "192.0.2.1")
    assert await redis.ttl(key) <= 5, "a second failure must not lengthen the window"


async def test_redis_does_not_show_who_signs_in(throttle: LoginThrottle, redis: Redis) -> None:
    await throttle.failed("ada@example.com", "192.0.2.1")
    (key,) = await redis.keys("*")
    assert b"ada" not in key
    assert b"192" not in key


async def test_without_redis_nobody_signs_in() -> None:
    async with Redis(host="127.0.0.1", port=1) as gone:
        throttle = LoginThrottle(gone)
        with pytest.raises(ThrottleUnavailable):
            await throttle.check("ada@example.com", "192.0.2.1")
        with pytest.raises(ThrottleUnavailable):
            await throttle.failed("ada@example.com", "192.0.2.1")
        with pytest.raises(ThrottleUnavailable):
            await throttle.succeeded("ada@example.com", "192.0.2.1")
