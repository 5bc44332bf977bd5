"""What tastytrade and dxLink send, opened: REST answers, dxLink messages, the events in them.

dxLink is JSON text; a message has a `type` and a `channel`. Events come as flat arrays whose order
of fields the server announces and may change at any time (`FEED_CONFIG`), or as objects. Numbers
may
be the texts "NaN" and "Infinity". REST keys have dashes and REST decimals are texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite, nan
from typing import Any

import orjson

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming.protocol import MalformedFrame

Dx = Mapping[str, Any]  # one event, by the names of its fields


def read_data(answer: object) -> Mapping[str, Any]:
    """Return the `data` of a REST answer. Raises Unreadable."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise Unreadable("tastytrade's answer has no data object.")
    return data


def read_items(answer: object) -> list[Any]:
    """Return the `items` of a REST answer. Raises Unreadable."""
    items = read_data(answer).get("items")
    if not isinstance(items, list):
        raise Unreadable("tastytrade's answer has no list of items.")
    return items


def read_message(frame: str | bytes) -> Mapping[str, Any]:
    """Return one dxLink message. Raises MalformedFrame."""
    try:
        message = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise MalformedFrame(f"dxLink's frame is not JSON: {error.msg}.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise MalformedFrame("dxLink's frame is no message.")
    return message


def read_fields(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the announced fields of each type of event. Raises MalformedFrame."""
    announced = config.get("eventFields")
    if announced is None:
        return {}
    if not isinstance(announced, dict):
        raise MalformedFrame("dxLink's FEED_CONFIG has fields that are none.")
    fields = {}
    for kind, names in announced.items():
        if (
            not isinstance(names, list)
            or not names
            or not all(isinstance(name, str) for name in names)
        ):
            raise MalformedFrame(f"dxLink's FEED_CONFIG has no names for {kind[:40]}.")
        fields[kind] = tuple(names)
    return fields


def kinds_of(data: object) -> set[str]:
    """Return the types whose order of fields must be known before `data` can be read."""
    if not isinstance(data, list) or (data and isinstance(data[0], dict)):
        return set()
    return {kind for kind in data[::2] if isinstance(kind, str)}


def iter_events(data: object, fields: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Dx]]:
    """Yield the type and the fields of each event of a FEED_DATA. Raises MalformedFrame.

    COMPACT is a type, then one array in which several events lie end to end, then perhaps another
    type with its array. FULL is a list of objects.
    """
    if not isinstance(data, list):
        raise MalformedFrame("dxLink's FEED_DATA has no list.")
    if data and isinstance(data[0], dict):
        for event in data:
            if not isinstance(event, dict) or not isinstance(event.get("eventType"), str):
                raise MalformedFrame("dxLink's FEED_DATA holds what is no event.")
            yield event["eventType"], event
        return
    if len(data) % 2:
        raise MalformedFrame("dxLink's FEED_DATA has a type without events.")
    for kind, values in zip(data[::2], data[1::2], strict=True):
        names = fields.get(kind) if isinstance(kind, str) else None
        if names is None or not isinstance(values, list):
            raise MalformedFrame("dxLink's FEED_DATA has events of an unknown order.")
        if len(values) % len(names):
            raise MalformedFrame(
                f"dxLink's {kind} events have {len(values)} values for {len(names)} fields."
            )
        for start in range(0, len(values), len(names)):
            yield kind, dict(zip(names, values[start : start + len(names)], strict=True))


def number(value: object) -> float:
    """Return a number as dxLink or REST spell it; NaN for "NaN", "Infinity" and what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return nan
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return nan
    return parsed if isfinite(parsed) else nan


def whole(value: object) -> int:
    """Return a whole number, 0 where there is none. An index has 64 bits: never by a float."""
    return value if type(value) is int else 0


def text(value: object) -> str:
    """Return a text without padding; the character zero stands for none."""
    return value.replace("\x00", "").strip() if isinstance(value, str) else ""
