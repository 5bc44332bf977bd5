"""What is half done and must end soon: records in Redis under a handle that only its holder knows.

One-time records are taken once (a passkey ceremony, a sign-in at an issuer). `TrialRecords` bear a
few attempts and end with the first right one (a login that waits for its second factor, a new
authenticator app). `ProofAttempts` counts guesses at one account over all of them. Redis sees the
SHA-256 of a handle, never the handle. Without Redis nothing half done goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson
from redis.asyncio import Redis

from optix.kernel import limits
from optix.kernel.errors import RateLimited
from optix.kernel.ids import UserId
from optix.platform.one_time import asked, digest_of

# Whose digest of a handle follows. Writer: api.
KEYS: Final = {
    "passkey": "identity:passkey:",
    "issuer_flow": "identity:issuer_flow:",
    "issuer_code": "identity:issuer_code:",
    "challenge": "identity:challenge:",
    "totp_setup": "identity:totp_setup:",
    "proof_attempts": "identity:proof_attempts:",
}
TrialKind = Literal["challenge", "totp_setup"]

# One look, one count, one answer: two attempts at once cannot share one count.
_ATTEMPT: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
if redis.call('HINCRBY', KEYS[1], 'attempts', 1) > tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[1])
  return false
end
return redis.call('HGET', KEYS[1], 'record')
"""

# Counted before the proof is looked at, so that many at once gain nothing. Every few attempts
# without a right one there is a pause, each twice as long as the one before.
_PROOF: Final = """
local now = tonumber(redis.call('TIME')[1])
local pause_ends = tonumber(redis.call('HGET', KEYS[1], 'pause_ends') or '0')
if pause_ends > now then return pause_ends - now end
local attempts = redis.call('HINCRBY', KEYS[1], 'attempts', 1)
local each, first, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if attempts % each == 0 then
  local pause = math.min(first * 2 ^ (attempts / each - 1), most)
  redis.call('HSET', KEYS[1], 'pause_ends', string.format('%d', now + pause))
end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[4]))
return 0
"""


class TooManyProofs(RateLimited):
    code = "too_many_proofs"
    next_step = "Wait, then try again. If it was not you who tried, change your password."


class TrialRecords:
    """Keeps records of one kind, each for a bounded time and number of attempts."""

    def __init__(self, redis: Redis, kind: TrialKind, *, seconds: int, attempts_max: int) -> None:
        self._redis = redis
        self._kind = kind
        self._seconds = seconds
        self._attempts_max = attempts_max

    async def put(self, handle: str, record: Mapping[str, Any]) -> None:
        """Keep `record` under `handle`, in place of what was there, with all attempts ahead."""
        key = _key(self._kind, handle)
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hset(key, mapping={"record": orjson.dumps(dict(record)), "attempts": 0})
            pipeline.expire(key, self._seconds)
            await asked(pipeline.execute())

    async def attempt(self, handle: str) -> dict[str, Any] | None:
        """Count one attempt and return the record; None if it is unknown, over or used up."""
        key = _key(self._kind, handle)
        answer = self._redis.eval(_ATTEMPT, 1, key, str(self._attempts_max))
        return _record(await asked(answer))

    async def look(self, handle: str) -> dict[str, Any] | None:
        """Return the record without counting: for what a device must be asked first."""
        answer = self._redis.hget(_key(self._kind, handle), "record")
        return _record(await asked(answer))

    async def end(self, handle: str) -> bool:
        """Forget the record; True for the one who did, of several at once."""
        return bool(await asked(self._redis.delete(_key(self._kind, handle))))


class ProofAttempts:
    """Counts guesses at the second factors of one account, from wherever they come."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, owner: UserId) -> None:
        """Count one attempt. Errors: TooManyProofs with the seconds to wait."""
        answer = self._redis.eval(
            _PROOF,
            1,
            _key("proof_attempts", str(owner)),
            str(limits.PROOF_ATTEMPTS_BETWEEN_PAUSES_MAX),
            str(limits.PROOF_PAUSE_SECONDS_FIRST),
            str(limits.PROOF_PAUSE_SECONDS_MAX),
            str(limits.PROOF_ATTEMPTS_KEPT_SECONDS),
        )
        wait_seconds = int(await asked(answer))
        if wait_seconds:
            raise TooManyProofs(
                f"There were too many wrong codes. Waiting {wait_seconds} s is needed.",
                retry_after_seconds=wait_seconds,
            )

    async def succeeded(self, owner: UserId) -> None:
        """Forget the guesses: the last one was no guess."""
        await asked(self._redis.delete(_key("proof_attempts", str(owner))))


def _key(kind: str, handle: str) -> str:
    return KEYS[kind] + digest_of(handle)


def _record(found: bytes | str | None) -> dict[str, Any] | None:
    return dict(orjson.loads(found)) if found else None
