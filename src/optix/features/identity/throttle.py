"""How long one has to wait after failing to sign in: longer each time.

Two counters in Redis, which disappear by themselves. One is for an account and an address: after a
few failures that address waits, and twice as long with every further one. The other is for an
account and all addresses it never signed in from: who guesses from many places is slowed too, but
the owner, at an address that is known, is not. An attempt counts before the password is looked at
and is forgotten when it was right, so that many at once are no more than one after the other.

Without Redis nobody signs in: guessing must not become free because a server is down.
"""

from __future__ import annotations

import hashlib
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.kernel.errors import RateLimited, Unavailable


class TooManyFailures(RateLimited):
    code = "too_many_failed_logins"
    next_step = "Wait, then try again with the right password."


class ThrottleUnavailable(Unavailable):
    code = "login_throttle_unavailable"
    next_step = "Try again in a moment."


# KEYS: failures of account and address, failures of the account, mark of a known address.
# ARGV: now in ms, seconds to remember, then for each counter: free attempts, first wait, longest.
# Gives the milliseconds to wait; 0 counts the attempt.
_ATTEMPT: Final = """
local now, known = tonumber(ARGV[1]), redis.call('EXISTS', KEYS[3]) == 1
local counters = known and 1 or 2
local wait = 0
for i = 1, counters do
  local till = tonumber(redis.call('HGET', KEYS[i], 'till') or '0')
  wait = math.max(wait, till - now)
end
if wait > 0 then return wait end
for i = 1, counters do
  local free, first, most = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]),
    tonumber(ARGV[3 * i + 2])
  local count = redis.call('HINCRBY', KEYS[i], 'count', 1)
  if count >= free then
    local pause = math.min(most, first * 2 ^ math.min(count - free, 20)) * 1000
    redis.call('HSET', KEYS[i], 'till', now + pause)
  end
  redis.call('EXPIRE', KEYS[i], ARGV[2])
end
return 0
"""


class LoginThrottle:
    """Counts attempts to sign in, and says how long the next one has to wait."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._attempt = redis.register_script(_ATTEMPT)

    async def attempt(self, email_key: str, address: str) -> None:
        """Count an attempt. Errors: TooManyFailures with the seconds to wait, ThrottleUnavailable.

        Whoever was right calls `succeeded` afterwards; a failure stands as counted.
        """
        arguments: list[int] = [
            self._clock.now_ns() // 1_000_000,
            limits.LOGIN_FAILURES_REMEMBERED_SECONDS,
            limits.LOGIN_FAILURES_MAX,
            limits.LOGIN_WAIT_SECONDS_FIRST,
            limits.LOGIN_WAIT_SECONDS_MAX,
            limits.LOGIN_ACCOUNT_FAILURES_MAX,
            1,
            limits.LOGIN_ACCOUNT_WAIT_SECONDS_MAX,
        ]
        try:
            wait_ms = int(await self._attempt(keys=_keys(email_key, address), args=arguments))
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        if wait_ms:
            wait_seconds = -(-wait_ms // 1_000)
            raise TooManyFailures(
                f"There were too many failed logins. Waiting {wait_seconds} s is needed.",
                retry_after_seconds=wait_seconds,
            )

    async def succeeded(self, email_key: str, address: str) -> None:
        """Forget the failures, and know the address from now on. Errors: ThrottleUnavailable."""
        own, account, known = _keys(email_key, address)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(own, account)
                pipeline.set(known, 1, ex=limits.LOGIN_KNOWN_ADDRESS_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise _unavailable() from error


def _keys(email_key: str, address: str) -> list[str]:
    # Hashed, so that a look into Redis does not show who tries to sign in from where.
    both = hashlib.sha256(f"{email_key}\n{address}".encode()).hexdigest()[:40]
    account = hashlib.sha256(email_key.encode()).hexdigest()[:40]
    return [
        f"identity:login_failures:{both}",
        f"identity:account_failures:{account}",
        f"identity:known_address:{both}",
    ]


def _unavailable() -> ThrottleUnavailable:
    return ThrottleUnavailable("Signing in is not possible right now.")
