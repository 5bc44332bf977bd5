"""Identifiers: distinct types, so that the id of one thing is never passed for another."""

from __future__ import annotations

import secrets
import uuid
from typing import NewType

from optix.kernel.clock import SystemClock

UserId = NewType("UserId", uuid.UUID)
SessionId = NewType("SessionId", uuid.UUID)
RequestId = NewType("RequestId", str)

# Ids are made by the wall clock, also while a recording is replayed: they must rise.
_WALL = SystemClock()


def new_uuid() -> uuid.UUID:
    """Return a UUID of version 7: random, but rising with time, which keeps index pages warm.

    Made here and not in the database because PostgreSQL has `uuidv7()` only from version 18 on.
    """
    milliseconds = _WALL.now_ns() // 1_000_000
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= secrets.randbits(12) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return uuid.UUID(int=value)


def new_request_id() -> RequestId:
    """Return a short random id that a person can read out to support."""
    return RequestId(secrets.token_hex(8))
