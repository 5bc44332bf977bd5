"""What is half done and must end soon: records in Redis under a handle that only its holder knows.

Whoever brings the handle takes the record, once. Redis sees the SHA-256 of a handle, never the
handle. Without Redis nothing half done goes on.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from optix.kernel.errors import Unavailable

T = TypeVar("T")


class ChallengesUnavailable(Unavailable):
    code = "challenges_unavailable"
    next_step = "Try again in a moment."


class OneTimeRecords:
    """Keeps records for a while. `keys` names the beginnings of their keys by kind."""

    def __init__(self, redis: Redis, keys: Mapping[str, str]) -> None:
        self._redis = redis
        self._keys = keys

    async def keep(self, kind: str, record: Mapping[str, Any], *, seconds: int) -> str:
        """Return the handle of `record`: 256 random bits. Errors: ChallengesUnavailable."""
        handle = new_handle()
        await self.keep_as(kind, handle, record, seconds=seconds)
        return handle

    async def keep_as(
        self, kind: str, handle: str, record: Mapping[str, Any], *, seconds: int
    ) -> None:
        """Keep a record under a handle that was made before it. Errors: ChallengesUnavailable."""
        key = self._keys[kind] + digest_of(handle)
        await asked(self._redis.set(key, orjson.dumps(dict(record)), ex=seconds))

    async def take(self, kind: str, handle: str) -> dict[str, Any] | None:
        """Return the record and forget it; None if there is none (any more)."""
        found = await asked(self._redis.getdel(self._keys[kind] + digest_of(handle)))
        return dict(orjson.loads(found)) if found else None


def new_handle() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest_of(handle: str) -> str:
    return hashlib.sha256(handle.encode()).hexdigest()


async def asked(answer: Awaitable[T]) -> T:
    """Return what Redis says. Errors: ChallengesUnavailable."""
    try:
        return await answer
    except (RedisError, OSError) as error:
        raise ChallengesUnavailable("This cannot be begun or finished right now.") from error
