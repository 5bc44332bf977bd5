"""What Cboe sends: documents opened and their required keys checked, nothing translated yet.

Hand-checked and not pydantic: a chain has up to 30,000 rows of 20 values, whose checks run over
whole columns in `rows`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import orjson

from optix.ports.market_data import ProviderUnavailable

ROW_KEYS_REQUIRED = ("option", "bid", "ask", "iv", "open_interest", "volume")
BAR_KEYS_REQUIRED = ("open", "high", "low", "close")


class UnreadableDocument(ProviderUnavailable):
    """A document that is not what Cboe used to send."""

    code = "provider_format_changed"
    next_step = "Wait for the next document. If it stays, this version of OPTIX needs an update."


@dataclass(frozen=True, slots=True)
class OptionsDocument:
    timestamp: object
    symbol: str | None
    header: dict[str, Any]
    options: list[Any]


@dataclass(frozen=True, slots=True)
class QuoteDocument:
    timestamp: object
    symbol: str | None
    header: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BarsDocument:
    symbol: str | None
    rows: list[Any]


def read_options(body: bytes) -> OptionsDocument:
    """Return the chain document in `body`. Raises UnreadableDocument."""
    document = _read_object(body)
    header = _read_header(document)
    options = header.pop("options", None)
    if not isinstance(options, list):
        raise UnreadableDocument("The Cboe document has no list of options.")
    _check_rows(options)
    return OptionsDocument(document["timestamp"], _symbol(document, header), header, options)


def read_quote(body: bytes) -> QuoteDocument:
    """Return the quote document in `body`. Raises UnreadableDocument."""
    document = _read_object(body)
    header = _read_header(document)
    return QuoteDocument(document["timestamp"], _symbol(document, header), header)


def read_bars(body: bytes) -> BarsDocument:
    """Return the chart document in `body`. Raises UnreadableDocument."""
    document = _read_object(body)
    rows = document.get("data")
    if not isinstance(rows, list):
        raise UnreadableDocument("The Cboe chart has no list of bars.")
    return BarsDocument(_symbol(document, {}), rows)


def _read_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise UnreadableDocument("The Cboe document is empty.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        document = _read_loosely(body, error)
    if not isinstance(document, dict):
        raise UnreadableDocument("The Cboe document is not an object.")
    return document


def _read_loosely(body: bytes, error: orjson.JSONDecodeError) -> Any:
    # orjson refuses NaN, Infinity and numbers beyond a double, which Python's writers put into
    # JSON. Such a row is rejected alone later on. What is cut off fails here as well.
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as second:
        where = "ends too early" if "end of data" in error.msg else "is not JSON"
        raise UnreadableDocument(f"The Cboe document {where}: {error.msg}.") from second


def _read_header(document: dict[str, Any]) -> dict[str, Any]:
    header = document.get("data")
    if not isinstance(header, dict):
        raise UnreadableDocument("The Cboe document has no data object.")
    if "timestamp" not in document:
        raise UnreadableDocument("The Cboe document has no timestamp.")
    if "current_price" not in header:
        raise UnreadableDocument("The Cboe document has no current_price.")
    return dict(header)


def _check_rows(options: list[Any]) -> None:
    """Refuse a document whose rows have lost a key. One odd row is not the document's fault."""
    rows = [row for row in options if isinstance(row, dict)]
    if len(rows) * 2 < len(options):
        raise UnreadableDocument("Most options of the Cboe document are not objects.")
    for key in ROW_KEYS_REQUIRED:
        if sum(key in row for row in rows) * 2 < len(rows):
            raise UnreadableDocument(f"The options of the Cboe document have lost their {key!r}.")


def _symbol(document: dict[str, Any], header: dict[str, Any]) -> str | None:
    for symbol in (header.get("symbol"), document.get("symbol")):
        if isinstance(symbol, str) and symbol:
            return symbol
    return None
