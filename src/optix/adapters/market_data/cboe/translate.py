"""Cboe documents into kernel values. Pure: no network, no clock.

Units at this door: an option's `iv` is a fraction and stays one, while the header's `iv30` is in
percent and is not used; delta, gamma, vega per point, theta per calendar day and rho per point are
FORMULAS conventions already. They are Cboe's theoretical values, consistent with `theo` and not
with the mid, and they stay in the `vendor_*` columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from math import isfinite, nan
from typing import Any

from optix.adapters.market_data.cboe.times import (
    NEW_YORK,
    BadTime,
    instant_ns,
    latest_trade,
    parse_new_york,
    parse_published,
    quote_instant,
)
from optix.adapters.market_data.cboe.wire import (
    BarsDocument,
    OptionsDocument,
    QuoteDocument,
    UnreadableDocument,
)
from optix.adapters.market_data.rows import COUNT_MAX, PRICE_MAX, RawRows, check_rows
from optix.adapters.market_data.tables import Snapshot
from optix.kernel.clock import to_datetime
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol, root_of
from optix.ports.market_data import Bar

SOURCE = "cboe"

# Cboe's key to ours. What is left out (change, open, high, low, tick) is of the contract's own day
# and has no column.
_COLUMNS = {
    "bid": "bid",
    "ask": "ask",
    "bid_size": "bid_size",
    "ask_size": "ask_size",
    "last_trade_price": "last",
    "prev_day_close": "previous_close",
    "volume": "volume",
    "open_interest": "open_interest",
    "iv": "vendor_iv",
    "delta": "vendor_delta",
    "gamma": "vendor_gamma",
    "theta": "vendor_theta",
    "vega": "vendor_vega",
    "rho": "vendor_rho",
    "theo": "vendor_price",
}
_ROW_REQUIRED = frozenset(("option", "bid", "ask"))
_NO_ROW: dict[str, Any] = {}


def vendor_symbols(symbol: str) -> tuple[str, str]:
    """Return the two names under which Cboe may have a symbol, the likelier one first."""
    plain = root_of(symbol)
    marked = f"_{plain}"
    return (marked, plain) if kind_of(symbol) is SecurityKind.INDEX else (plain, marked)


def translate_options(
    document: OptionsDocument,
    *,
    fetched_ns: int | None,
    quality: Quality = Quality.DELAYED,
    symbol: str | None = None,
) -> Snapshot:
    """Return the chain in `document`. Raises UnreadableDocument.

    `symbol` is what was asked for; without it the document must say what it is, or its contracts.
    `fetched_ns` is None for a recorded document, whose publication then counts as its arrival.
    """
    rows = _rows(document)
    quote, published_ns = translate_header(
        document, fetched_ns=fetched_ns, quality=quality, symbol=symbol
    )
    underlying = quote.symbol
    raw = RawRows(
        contracts=[row.get("option") for row in rows],
        columns={ours: [row.get(theirs) for row in rows] for theirs, ours in _COLUMNS.items()},
        describe=lambda position: repr(document.options[position]),
        early=_early_faults(rows),
    )
    checked = check_rows(underlying, raw)
    return Snapshot(
        underlying=underlying,
        quote=quote,
        contracts=checked.contracts,
        columns=checked.columns,
        rejections=checked.rejections,
        rows=len(rows),
        source=SOURCE,
        quality=quality,
        ts_event=quote.ts_event,
        ts_received=quote.ts_received,
        published_ns=published_ns,
        blanked=checked.blanked,
    )


def translate_header(
    document: OptionsDocument,
    *,
    fetched_ns: int | None,
    quality: Quality = Quality.DELAYED,
    symbol: str | None = None,
) -> tuple[Quote, int]:
    """Return the underlying's quote in a chain document, and when that was published.

    The quote's `ts_event` is also the instant of the contracts. Raises UnreadableDocument.
    """
    rows = _rows(document)
    underlying = symbol or _underlying(document, rows)
    published, quoted = _times(document, rows, fetched_ns)
    published_ns = instant_ns(published)
    received_ns = published_ns if fetched_ns is None else fetched_ns
    quote = _quote(underlying, document.header, instant_ns(quoted), received_ns, quality)
    return quote, published_ns


def _rows(document: OptionsDocument) -> list[dict[str, Any]]:
    return [row if isinstance(row, dict) else _NO_ROW for row in document.options]


def translate_quote(
    document: QuoteDocument, *, symbol: str, fetched_ns: int, quality: Quality = Quality.DELAYED
) -> Quote:
    """Return the quote in `document`. Raises UnreadableDocument."""
    _, quoted = _times(document, [], fetched_ns)
    return _quote(symbol, document.header, instant_ns(quoted), fetched_ns, quality)


def translate_daily(document: BarsDocument) -> tuple[list[Bar], int]:
    """Return daily bars, ascending, and how many rows were no bars.

    A bar starts at midnight in New York of its date. Numbers come as numbers or as texts.
    """
    bars: dict[int, Bar] = {}
    for row in document.rows:
        if isinstance(row, dict) and (bar := _bar(_midnight(row.get("date")), row, row)):
            bars[bar.ts_event] = bar
    return [bars[instant] for instant in sorted(bars)], len(document.rows) - len(bars)


def translate_minutes(document: BarsDocument) -> tuple[list[Bar], int]:
    """Return the minute bars of the latest session, ascending, and how many rows were no bars."""
    bars: dict[int, Bar] = {}
    for row in document.rows:
        if not isinstance(row, dict) or not isinstance(price := row.get("price"), dict):
            continue
        volume = row.get("volume")
        counts = {"volume": volume.get("stock_volume")} if isinstance(volume, dict) else {}
        if bar := _bar(parse_new_york(row.get("datetime")), price, counts):
            bars[bar.ts_event] = bar
    return [bars[instant] for instant in sorted(bars)], len(document.rows) - len(bars)


def _underlying(document: OptionsDocument, rows: Sequence[Mapping[str, object]]) -> str:
    if document.symbol is not None:
        try:
            return parse_symbol(document.symbol)
        except MalformedSymbol as error:
            raise UnreadableDocument(f"The Cboe document's symbol: {error.detail}") from error
    counts: Counter[str] = Counter()
    for row in rows:
        try:
            counts[underlying_of(parse_option(row.get("option")).root)] += 1  # type: ignore[arg-type]  # refuses what is no text
        except MalformedContract:
            continue
    if not counts:
        raise UnreadableDocument("The Cboe document names neither its symbol nor any contract.")
    return counts.most_common(1)[0][0]


def _times(
    document: OptionsDocument | QuoteDocument,
    rows: Sequence[Mapping[str, object]],
    fetched_ns: int | None,
) -> tuple[datetime, datetime]:
    """Return when the document was published and when its numbers were true."""
    told = (source.get("last_trade_time") for source in (document.header, *rows))
    trades = {text for text in told if isinstance(text, str)}
    fetched = None if fetched_ns is None else to_datetime(fetched_ns)
    try:
        published = parse_published(
            document.timestamp, latest=latest_trade(trades), fetched=fetched
        )
    except BadTime as error:
        raise UnreadableDocument(f"The Cboe document cannot be dated: {error}.") from error
    ceiling = published.astimezone(NEW_YORK).strftime("%Y-%m-%dT%H:%M:%S")
    past = (text for text in trades if text <= ceiling)
    return published, quote_instant(published, latest_trade(past))


def _early_faults(rows: Sequence[Mapping[str, object]]) -> dict[int, tuple[str, str]]:
    faults: dict[int, tuple[str, str]] = {}
    for position, row in enumerate(rows):
        if not row.keys() >= _ROW_REQUIRED:
            if row is _NO_ROW:
                faults[position] = ("not_a_row", "It is not an object with named fields.")
            else:
                missing = ", ".join(sorted(_ROW_REQUIRED - row.keys()))
                faults[position] = ("missing_field", f"It has no {missing}.")
    return faults


def _quote(
    symbol: str, header: Mapping[str, Any], ts_event: int, ts_received: int, quality: Quality
) -> Quote:
    is_index = header.get("security_type") == "index"
    kind = SecurityKind.INDEX if is_index else kind_of(symbol)
    bid, ask = _amount(header.get("bid")), _amount(header.get("ask"))
    if not bid > 0 and not ask > 0:
        bid = ask = nan  # an unquoted index says 0 and 0
    return Quote(
        symbol=symbol,
        kind=kind,
        bid=bid,
        ask=ask,
        bid_size=_amount(header.get("bid_size"), COUNT_MAX),
        ask_size=_amount(header.get("ask_size"), COUNT_MAX),
        last=_price(header.get("current_price")),
        open=_price(header.get("open")),
        high=_price(header.get("high")),
        low=_price(header.get("low")),
        previous_close=_price(header.get("prev_day_close")),
        # An index does not trade; its zero is no volume.
        volume=nan if kind is SecurityKind.INDEX else _amount(header.get("volume"), 1e12),
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=ts_received,
        flags=quote_flags(bid, ask),
    )


def _amount(value: object, ceiling: float = PRICE_MAX) -> float:
    """Return a number of a header, NaN where it is absent or cannot be one."""
    if isinstance(value, str):
        value = _number_of(value)
    if type(value) not in {float, int}:
        return nan
    try:
        number = float(value)  # type: ignore[arg-type]  # the line above leaves float and int
    except OverflowError:
        return nan
    return number if isfinite(number) and 0 <= number <= ceiling else nan


def _number_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _price(value: object) -> float:
    number = _amount(value)
    return number if number > 0 else nan


def _midnight(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    if day.year < 1971:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).astimezone(UTC)


def _bar(
    start: datetime | None, prices: Mapping[str, object], counts: Mapping[str, object]
) -> Bar | None:
    values = [_price(prices.get(key)) for key in ("open", "high", "low", "close")]
    if start is None or any(value != value for value in values):  # noqa: PLR0124 - NaN test
        return None
    return Bar(
        ts_event=instant_ns(start),
        open=values[0],
        high=max(values),  # known bad points have a high below the close
        low=min(values),
        close=values[3],
        volume=_amount(counts.get("volume"), 1e12),
    )
