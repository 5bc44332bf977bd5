"""How often one address may fail to sign in to one account before it has to wait.

A counter in Redis per e-mail and address, which disappears by itself. Without Redis nobody signs
in: guessing must not become free because a server is down.
"""

from __future__ import annotations

import hashlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

from optix.kernel import limits
from optix.kernel.errors import RateLimited, Unavailable


class TooManyFailures(RateLimited):
    code = "too_many_failed_logins"
    next_step = "Wait, then try again with the right password."


class ThrottleUnavailable(Unavailable):
    code = "login_throttle_unavailable"
    next_step = "Try again in a moment."


class LoginThrottle:
    """Counts failed logins. The window begins with the first failure."""

    def __init__(
        self,
        redis: Redis,
        *,
        failures_max: int = limits.LOGIN_FAILURES_MAX,
        window_seconds: int = limits.LOGIN_FAILURE_WINDOW_SECONDS,
    ) -> None:
        self._redis = redis
        self._failures_max = failures_max
        self._window_seconds = window_seconds

    async def check(self, email_key: str, address: str) -> None:
        """Errors: TooManyFailures with the seconds to wait, ThrottleUnavailable."""
        key = _key(email_key, address)
        try:
            failures = int(await self._redis.get(key) or 0)
            if failures < self._failures_max:
                return
            wait_seconds = max(1, int(await self._redis.ttl(key)))
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        raise TooManyFailures(
            f"There were {failures} failed logins. Waiting {wait_seconds} s is needed.",
            retry_after_seconds=wait_seconds,
        )

    async def failed(self, email_key: str, address: str) -> None:
        key = _key(email_key, address)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, self._window_seconds, nx=True)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise _unavailable() from error

    async def succeeded(self, email_key: str, address: str) -> None:
        try:
            await self._redis.delete(_key(email_key, address))
        except (RedisError, OSError) as error:
            raise _unavailable() from error


def _key(email_key: str, address: str) -> str:
    # Hashed, so that a look into Redis does not show who tries to sign in from where.
    digest = hashlib.sha256(f"{email_key}\n{address}".encode()).hexdigest()
    return f"identity:login_failures:{digest[:40]}"


def _unavailable() -> ThrottleUnavailable:
    return ThrottleUnavailable("Signing in is not possible right now.")
