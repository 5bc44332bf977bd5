"""What Schwab sends: answers and frames opened, and their shape checked. Nothing translated yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite, nan
from typing import Any

import orjson

from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.streaming.protocol import MalformedFrame

SENTINEL = -999.0  # "not computable", beside the text "NaN"


@dataclass(frozen=True, slots=True)
class ChainDocument:
    """A chain: its header, and each contract with the date under which it stands."""

    header: Mapping[str, Any]
    rows: list[tuple[date | None, object]]

    @property
    def failed(self) -> bool:
        return self.header.get("status") == "FAILED"

    @property
    def truncated(self) -> bool:
        return self.header.get("isChainTruncated") is True


def read_chain(answer: object) -> ChainDocument:
    """Return a chain. Raises Unreadable.

    Both maps go date → strike → list: contracts of several roots may share a strike.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        raise Unreadable("Schwab's chain is not an object with a status.")
    rows: list[tuple[date | None, object]] = []
    for name in ("callExpDateMap", "putExpDateMap"):
        dates = answer.get(name)
        if dates is None and answer["status"] == "FAILED":
            continue
        if not isinstance(dates, dict):
            raise Unreadable(f"Schwab's chain has no {name}.")
        for key, strikes in dates.items():
            expiration = _date_of(key)
            for contracts in strikes.values() if isinstance(strikes, dict) else ():
                found = contracts if isinstance(contracts, list) else [contracts]
                rows += [(expiration, contract) for contract in found]
    return ChainDocument(answer, rows)


def read_expirations(answer: object) -> list[date]:
    """Return the dates of an expiration list, ascending. Raises Unreadable."""
    entries = answer.get("expirationList") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        raise Unreadable("Schwab's answer has no list of expirations.")
    dates = {
        day
        for entry in entries
        if isinstance(entry, dict) and (day := _date_of(entry.get("expirationDate"))) is not None
    }
    if entries and not dates:
        raise Unreadable("Schwab's list of expirations has no dates.")
    return sorted(dates)


def read_quotes(answer: object) -> Mapping[str, Mapping[str, Any]]:
    """Return quotes by Schwab's symbol, without the unknown ones. Raises Unreadable."""
    if not isinstance(answer, dict):
        raise Unreadable("Schwab's quotes are not an object.")
    return {
        symbol: row
        for symbol, row in answer.items()
        if symbol != "errors" and isinstance(row, dict) and isinstance(row.get("quote"), dict)
    }


def read_candles(answer: object) -> list[Any]:
    """Return the rows of a price history. Raises Unreadable."""
    candles = answer.get("candles") if isinstance(answer, dict) else None
    if not isinstance(candles, list):
        raise Unreadable("Schwab's price history has no candles.")
    return candles


def read_frame(frame: str | bytes) -> Mapping[str, Any]:
    """Return one frame of the streamer. Raises MalformedFrame."""
    try:
        message = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise MalformedFrame(f"Schwab's frame is not JSON: {error.msg}.") from None
    if not isinstance(message, dict) or not message.keys() & {
        "data",
        "notify",
        "response",
        "snapshot",
    }:
        raise MalformedFrame("Schwab's frame is no message.")
    return message


def entries(message: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects under a name of a frame. Raises MalformedFrame."""
    found = message.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise MalformedFrame(f"Schwab's frame has a {name} that is no list of objects.")
    return found


def number(value: object) -> float:
    """Return a number; NaN for the sentinels -999 and "NaN", and for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return nan
    try:
        parsed = float(value)
    except OverflowError:
        return nan
    return parsed if isfinite(parsed) and parsed != SENTINEL else nan


def _date_of(value: object) -> date | None:
    """Return the date of "2025-01-17" or of "2025-01-17:1", whose rest is the days to it."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.partition(":")[0][:10])
    except ValueError:
        return None
