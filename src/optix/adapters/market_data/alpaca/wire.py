"""What Alpaca sends: answers opened, MessagePack read, nothing translated yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgpack

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import Frame, MalformedFrame


async def pages_of(pages: AsyncIterator[Any], key: str) -> dict[str, Any]:
    """Return the maps under `key` of all pages as one. Raises Unreadable where a page has none."""
    joined: dict[str, Any] = {}
    async for page in pages:
        found = page.get(key) if isinstance(page, dict) else None
        if not isinstance(found, dict):
            raise Unreadable(f"Alpaca's answer has no {key}.")
        joined.update(found)
    return joined


def read_messages(frame: Frame) -> list[dict[str, Any]]:
    """Return the messages of a frame. Raises MalformedFrame.

    Times are MessagePack timestamps (extension -1) and stay `msgpack.Timestamp`, which keeps their
    nanoseconds.
    """
    if isinstance(frame, str):
        raise MalformedFrame("a text frame on a MessagePack stream")
    try:
        messages = msgpack.unpackb(frame, timestamp=0)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise MalformedFrame(f"not MessagePack: {type(error).__name__}") from error
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        raise MalformedFrame("not a list of messages")
    return messages


def pack(message: dict[str, Any]) -> bytes:
    packed: bytes = msgpack.packb(message)
    return packed
