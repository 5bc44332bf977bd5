"""What Yahoo sends, as far as OPTIX reads it. Keys that are absent are absent: never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optix.adapters.market_data.failures import Unreadable

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPage:
    """One expiration of one underlying, with the list of all of them."""

    expirations: Sequence[int]  # epoch seconds, midnight UTC; no order is promised
    expiration: int | None  # of the rows; None where the page has none
    rows: Sequence[object]  # calls, then puts
    quote: Fields  # of the underlying


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars of one symbol. Columns are aligned with `timestamps`."""

    timestamps: Sequence[object]  # epoch seconds
    columns: Mapping[str, Sequence[object]]
    dividends: Sequence[Fields]
    splits: Sequence[Fields]


def read_chain(document: object) -> ChainPage | None:
    """Return the page, None where Yahoo has no such symbol. Raises Unreadable."""
    result = _result(document, "optionChain")
    if result is None:
        return None
    expirations = _list(result, "expirationDates")
    if not all(type(instant) is int for instant in expirations):
        raise Unreadable("Yahoo's expiration dates are not whole seconds.")
    options = _list(result, "options")
    page: Fields = options[0] if options and isinstance(options[0], dict) else {}
    rows = [*page.get("calls", ()), *page.get("puts", ())]
    expiration = page.get("expirationDate")
    return ChainPage(
        expirations=expirations,
        expiration=expiration if type(expiration) is int else None,
        rows=rows,
        quote=_object(result, "quote"),
    )


def read_quotes(document: object) -> Sequence[Fields]:
    """Return the quotes that Yahoo knows of those asked for. Raises Unreadable."""
    response = _envelope(document, "quoteResponse")
    return [row for row in _list(response, "result") if isinstance(row, dict)]


def read_chart(document: object) -> Chart | None:
    """Return the bars, None where Yahoo has no such symbol. Raises Unreadable."""
    result = _result(document, "chart")
    if result is None:
        return None
    indicators = _object(result, "indicators")
    quotes = _list(indicators, "quote")
    columns = quotes[0] if quotes and isinstance(quotes[0], dict) else {}
    # A span without any bar has neither timestamps nor columns.
    timestamps = _list(result, "timestamp")
    for name in ("open", "high", "low", "close", "volume"):
        if len(columns.get(name, ())) != len(timestamps):
            raise Unreadable(f"Yahoo's chart has another number of {name} than of times.")
    events = _object(result, "events")
    return Chart(
        timestamps=timestamps,
        columns=columns,
        dividends=_events(events, "dividends"),
        splits=_events(events, "splits"),
    )


def _envelope(document: object, name: str) -> Fields:
    inner = document.get(name) if isinstance(document, dict) else None
    if not isinstance(inner, dict):
        raise Unreadable(f"Yahoo's answer has no {name}.")
    return inner


def _result(document: object, name: str) -> Fields | None:
    """Return the only result; None where Yahoo knows no such symbol."""
    inner = _envelope(document, name)
    error = inner.get("error")
    if isinstance(error, dict) and error.get("code") not in {None, "Not Found"}:
        raise Unreadable(f"Yahoo answers with the error {str(error.get('code'))[:60]}.")
    results = inner.get("result")
    if not results:
        return None
    if not isinstance(results, list) or not isinstance(results[0], dict):
        raise Unreadable(f"Yahoo's {name} has no result.")
    return results[0]


def _list(fields: Fields, name: str) -> Sequence[Any]:
    value = fields.get(name)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Unreadable(f"Yahoo's {name} is no list.")
    return value


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable(f"Yahoo's {name} has no fields.")
    return value


def _events(events: Fields, name: str) -> Sequence[Fields]:
    return [event for event in _object(events, name).values() if isinstance(event, dict)]
