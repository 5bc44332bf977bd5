"""What is half done and must end soon: records in Redis under a handle that only its holder knows.

`OneTimeRecords` are taken once (a passkey ceremony, a sign-in at an issuer). `Challenges` are
logins that wait for a second factor: they bear a few attempts and end with the first right one.
Redis sees the SHA-256 of a handle, never the handle. Without Redis nothing half done goes on.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from optix.features.identity.schemas import Client, Method
from optix.kernel import limits
from optix.kernel.errors import Unauthenticated, Unavailable
from optix.kernel.ids import UserId

RecordKind = Literal["passkey", "issuer_flow", "issuer_code"]

# One look, one count, one answer: two attempts at once cannot share one count.
_ATTEMPT: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
if redis.call('HINCRBY', KEYS[1], 'attempts', 1) > tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[1])
  return false
end
return redis.call('HGET', KEYS[1], 'record')
"""


class ChallengeInvalid(Unauthenticated):
    """Unknown, ended, used up, or another client's: the answer does not say which."""

    code = "challenge_invalid"
    next_step = "Sign in again from the beginning."


class ChallengesUnavailable(Unavailable):
    code = "challenges_unavailable"
    next_step = "Try again in a moment."


@dataclass(frozen=True, slots=True)
class Challenge:
    """Who gave a right password (or came from an issuer) and now owes a second factor."""

    user_id: UserId
    client: Client
    methods: Sequence[Method]  # proven so far


class OneTimeRecords:
    """Keeps a record for a while; whoever brings the handle takes it, once."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(self, kind: RecordKind, record: Mapping[str, Any], *, seconds: int) -> str:
        """Return the handle of `record`."""
        handle = secrets.token_urlsafe(32)
        try:
            await self._redis.set(_key(kind, handle), orjson.dumps(dict(record)), ex=seconds)
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        return handle

    async def take(self, kind: RecordKind, handle: str) -> dict[str, Any] | None:
        """Return the record and forget it; None if there is none (any more)."""
        try:
            found = await self._redis.getdel(_key(kind, handle))
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        return None if found is None else dict(orjson.loads(found))


class Challenges:
    """Logins that wait for a second factor."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def begin(self, challenge: Challenge) -> str:
        """Return the handle that goes to the client. It is 256 random bits."""
        handle = secrets.token_urlsafe(32)
        record = orjson.dumps(
            {
                "user_id": str(challenge.user_id),
                "client": challenge.client,
                "methods": list(challenge.methods),
            }
        )
        key = _key("challenge", handle)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(key, mapping={"record": record, "attempts": 0})
                pipeline.expire(key, limits.CHALLENGE_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        return handle

    async def attempt(self, handle: str, client: Client) -> Challenge:
        """Count one attempt and return the challenge. Errors: ChallengeInvalid."""
        try:
            found = await self._redis.eval(
                _ATTEMPT, 1, _key("challenge", handle), limits.CHALLENGE_ATTEMPTS_MAX
            )
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        return _challenge(found, client)

    async def look(self, handle: str, client: Client) -> Challenge:
        """Return the challenge without counting: for what a device must be asked first."""
        try:
            found = await self._redis.hget(_key("challenge", handle), "record")
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        return _challenge(found, client)

    async def end(self, handle: str) -> None:
        """Use the challenge up. Errors: ChallengeInvalid for all but the first who does."""
        try:
            ended = await self._redis.delete(_key("challenge", handle))
        except (RedisError, OSError) as error:
            raise _unavailable() from error
        if not ended:
            raise _invalid()


def _challenge(found: bytes | str | None, client: Client) -> Challenge:
    if not found:
        raise _invalid()
    record = orjson.loads(found)
    if record["client"] != client:
        raise _invalid()
    return Challenge(UserId(UUID(record["user_id"])), client, record["methods"])


def _key(kind: str, handle: str) -> str:
    return f"identity:{kind}:{hashlib.sha256(handle.encode()).hexdigest()}"


def _invalid() -> ChallengeInvalid:
    return ChallengeInvalid("This sign-in has ended or was used.")


def _unavailable() -> ChallengesUnavailable:
    return ChallengesUnavailable("Signing in is not possible right now.")
