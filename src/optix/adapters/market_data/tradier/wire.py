"""What Tradier sends: JSON that was XML once, opened, nothing translated yet.

One element is not a list of one, nothing at all is null or the word "null", and numbers of the
stream are texts.
"""

from __future__ import annotations

from typing import Any

import orjson

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming import Frame, MalformedFrame


def elements(document: Any, *path: str) -> list[Any]:
    """Return the elements at `path`: none for null, one where the list collapsed.

    Raises Unreadable where something else stands on the way.
    """
    value = document
    for name in path:
        if value is None or value == "null":
            return []
        if not isinstance(value, dict):
            raise Unreadable(f"Tradier's answer has no {name}.")
        value = value.get(name)
    if value is None or value == "null":
        return []
    return value if isinstance(value, list) else [value]


def session_id(document: Any) -> str:
    """Return the id of a new session. Raises Unreadable."""
    stream = document.get("stream") if isinstance(document, dict) else None
    session = stream.get("sessionid") if isinstance(stream, dict) else None
    if not isinstance(session, str) or not session:
        raise Unreadable("Tradier opened no session.")
    return session


def read_messages(frame: Frame) -> list[dict[str, Any]]:
    """Return the messages of a frame, one a line. Raises MalformedFrame."""
    messages = []
    for line in frame.splitlines():
        if not line.strip():
            continue
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise MalformedFrame(f"not JSON: {error.msg}") from error
        if not isinstance(message, dict):
            raise MalformedFrame("not an object")
        messages.append(message)
    return messages
