"""What Polygon sends: answers and frames opened, and their shape checked. Nothing translated yet.

Hand-checked and not pydantic: a chain has thousands of rows, whose values are checked over whole
columns in `rows`. Whole numbers stay whole: a time in nanoseconds is beyond what a float can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming.protocol import MalformedFrame

NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Page:
    """One page of results. The pages of a chain are not of one instant."""

    rows: list[Any]
    next_url: str | None


def read_page(answer: object) -> Page:
    """Return a page of results; an answer without results is an empty page. Raises Unreadable."""
    if not isinstance(answer, dict):
        raise Unreadable("Polygon's answer is not an object.")
    rows = answer.get("results")
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise Unreadable("Polygon's answer has no list of results.")
    next_url = answer.get("next_url")
    return Page(rows, next_url if isinstance(next_url, str) and next_url else None)


def read_frame(frame: str | bytes) -> list[Mapping[str, Any]]:
    """Return the messages of one frame, which is an array. Raises MalformedFrame.

    A frame with one message that is no object with a kind (`ev`) is unreadable as a whole.
    """
    try:
        messages = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise MalformedFrame(f"Polygon's frame is not JSON: {error.msg}.") from None
    if not isinstance(messages, list):
        raise MalformedFrame("Polygon's frame is not an array.")
    if not all(isinstance(m, dict) and isinstance(m.get("ev"), str) for m in messages):
        raise MalformedFrame("Polygon's frame holds what is no message.")
    return messages


def part(row: object, name: str) -> Mapping[str, Any]:
    """Return an object within a row, empty where it is absent: plans leave parts out."""
    value = row.get(name) if isinstance(row, dict) else None
    return value if isinstance(value, dict) else NONE
