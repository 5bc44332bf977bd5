"""The CSV twin of a chain document: quotedata.csv, as the delayed-quote page downloads it.

Two preamble lines (the underlying; the date and its quote), a header whose names repeat, then one
line for each strike: eleven columns of the call, the strike, ten of the put. The first line may be
blank and the date has two formats. A line has two contracts, so a bad line costs two rows. The file
names its underlying in words only: the roots of its contracts say the symbol.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from math import nan
from typing import NamedTuple

from optix.adapters.market_data.cboe.times import (
    BadTime,
    instant_ns,
    parse_csv_date,
    quote_instant,
)
from optix.adapters.market_data.cboe.translate import SOURCE
from optix.adapters.market_data.cboe.wire import UnreadableDocument
from optix.adapters.market_data.rows import COUNT_MAX, PRICE_MAX, RawRows, check_rows
from optix.adapters.market_data.tables import Floats, Snapshot
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import kind_of

_SIDE = ("Last Sale", "Net", "Bid", "Ask", "Volume", "IV", "Delta", "Gamma", "Open Interest")
HEADER = ("Expiration Date", "Calls", *_SIDE, "Strike", "Puts", *_SIDE)
_LINE_LENGTH = len(HEADER)
_CALL, _PUT, _STRIKE = 1, 12, 11

# Ours, with the place of the value after the contract's own column.
_PLACES = {
    "last": 1,
    "net": 2,
    "bid": 3,
    "ask": 4,
    "volume": 5,
    "vendor_iv": 6,
    "vendor_delta": 7,
    "vendor_gamma": 8,
    "open_interest": 9,
}
_AMOUNT = r"(-?\d+(?:,\d{3})*(?:\.\d+)?)"
_LAST = re.compile(rf"Last: *{_AMOUNT},\"?Change: *{_AMOUNT}", re.ASCII)
_QUOTE = re.compile(rf"Bid: *{_AMOUNT},\"?Ask: *{_AMOUNT}", re.ASCII)
_SIZE = re.compile(r"Size: *(\d+)\*(\d+)", re.ASCII)
_VOLUME = re.compile(r"Volume: *([0-9,]+)", re.ASCII)
MARKS = ("Expiration Date,Calls,", "Last: ")


class QuoteData(NamedTuple):
    name: str  # the preamble's first line
    stamp: str  # its second
    lines: list[list[str]]


def looks_like_quotedata(head: str) -> bool:
    return all(mark in head for mark in MARKS)


def read_quotedata(body: bytes) -> QuoteData:
    """Return preamble and lines. Raises UnreadableDocument."""
    text = body.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise UnreadableDocument("The quotedata file is empty.")
    if len(lines) < 3:
        raise UnreadableDocument("The quotedata file ends within its preamble.")
    name, stamp, header = lines[0], lines[1], lines[2]
    if tuple(part.strip() for part in header.split(",")) != HEADER:
        raise UnreadableDocument("The quotedata file's third line has not the known column names.")
    return QuoteData(name, stamp, list(csv.reader(io.StringIO("\n".join(lines[3:])))))


def published(data: QuoteData) -> datetime:
    """Return when the file was published. Raises UnreadableDocument."""
    try:
        return parse_csv_date(data.stamp)
    except BadTime as error:
        raise UnreadableDocument(f"The quotedata file cannot be dated: {error}.") from error


def translate_quotedata(data: QuoteData, *, quality: Quality = Quality.DELAYED) -> Snapshot:
    """Return the chain in `data`. Raises UnreadableDocument."""
    raw = _raw_rows(data.lines)
    underlying = _underlying(raw.contracts)
    quote = translate_preamble(underlying, data, quality=quality)
    checked = check_rows(underlying, raw)
    columns = dict(checked.columns)
    net = _net_by_contract(raw)
    columns["previous_close"] = _previous_close(checked.contracts, columns["last"], net)
    return Snapshot(
        underlying=underlying,
        quote=quote,
        contracts=checked.contracts,
        columns=columns,
        rejections=checked.rejections,
        rows=len(raw.contracts),
        source=SOURCE,
        quality=quality,
        ts_event=quote.ts_event,
        ts_received=quote.ts_received,
        published_ns=quote.ts_received,
        blanked=checked.blanked,
    )


def translate_preamble(
    symbol: str, data: QuoteData, *, quality: Quality = Quality.DELAYED
) -> Quote:
    """Return the underlying's quote above the lines. Raises UnreadableDocument.

    It was received when the file was published; its `ts_event` is also that of the contracts.
    """
    stamp = published(data)
    return _quote(symbol, data, instant_ns(quote_instant(stamp, None)), instant_ns(stamp), quality)


def _raw_rows(lines: Sequence[Sequence[str]]) -> RawRows:
    contracts: list[object] = []
    columns: dict[str, list[object]] = {name: [] for name in _PLACES}
    early: dict[int, tuple[str, str]] = {}
    for line in lines:
        whole = len(line) == _LINE_LENGTH
        for first in (_CALL, _PUT):
            position = len(contracts)
            contract = _contract(line[first]) if whole else None
            contracts.append(contract)
            for name, place in _PLACES.items():
                columns[name].append(_value(line[first + place]) if whole else None)
            if not whole:
                reason = f"Its line has {len(line)} columns instead of {_LINE_LENGTH}."
                early[position] = ("short_line", reason)
            elif isinstance(contract, OptionContract) and (fault := _fault(line, contract)):
                early[position] = ("inconsistent_row", fault)
    return RawRows(contracts, columns, lambda position: ",".join(lines[position // 2]), early)


def _value(text: str) -> object:
    """Return the number in `text`, None where there is none, or the text if it is no number."""
    stripped = text.strip().replace(",", "")
    if stripped in {"", "--"}:
        return None
    try:
        return float(stripped)
    except ValueError:
        return text


def _contract(text: str) -> OptionContract | str:
    """Return the contract; a text that is none stays, for the check that names what is wrong."""
    try:
        return parse_option(text)
    except MalformedContract:
        return text


def _fault(line: Sequence[str], contract: OptionContract) -> str:
    """Say where the contract's symbol and its line differ; empty when they agree."""
    if _stated_date(line[0].strip()) != contract.expiration:
        return f"{contract.key} does not expire on {line[0]}, which its line says."
    if _value(line[_STRIKE]) != contract.strike:
        return f"{contract.key} has not the strike {line[_STRIKE]}, which its line says."
    return ""


@lru_cache(maxsize=1024)
def _stated_date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%a %b %d %Y").date()  # noqa: DTZ007 - no instant
    except ValueError:
        return None


def _underlying(contracts: Sequence[object]) -> str:
    roots = Counter(entry.root for entry in contracts if isinstance(entry, OptionContract))
    if not roots:
        raise UnreadableDocument("The quotedata file has no contract that can be read.")
    symbols: Counter[str] = Counter()
    for root, count in roots.items():
        symbols[underlying_of(root)] += count
    return symbols.most_common(1)[0][0]


def _net_by_contract(raw: RawRows) -> dict[OptionContract, float]:
    net: dict[OptionContract, float] = {}
    for contract, change in zip(raw.contracts, raw.columns["net"], strict=True):
        if isinstance(contract, OptionContract) and isinstance(change, float) and change:
            net.setdefault(contract, change)
    return net


def _previous_close(
    contracts: Sequence[OptionContract], last: Floats, net: dict[OptionContract, float]
) -> Floats:
    # A net change of zero stands for "not traded today" as well as for "unchanged": no close then.
    previous = last.copy()
    for position, contract in enumerate(contracts):
        change = net.get(contract, nan)
        close = round(float(last[position]) - change, 4)
        previous[position] = close if close > 0 else nan
    return previous


def _quote(
    symbol: str, data: QuoteData, ts_event: int, ts_received: int, quality: Quality
) -> Quote:
    last_found, quote_found = _LAST.search(data.name), _QUOTE.search(data.stamp)
    size_found, volume_found = _SIZE.search(data.stamp), _VOLUME.search(data.stamp)
    last = _bounded(last_found, 1, PRICE_MAX)
    previous = round(last - _signed(last_found, 2), 4)
    bid, ask = _bounded(quote_found, 1, PRICE_MAX), _bounded(quote_found, 2, PRICE_MAX)
    if not bid > 0 and not ask > 0:
        bid = ask = nan
    kind = kind_of(symbol)
    return Quote(
        symbol=symbol,
        kind=kind,
        bid=bid,
        ask=ask,
        bid_size=_bounded(size_found, 1, COUNT_MAX),
        ask_size=_bounded(size_found, 2, COUNT_MAX),
        last=last if last > 0 else nan,
        previous_close=previous if previous > 0 else nan,
        volume=nan if kind is SecurityKind.INDEX else _bounded(volume_found, 1, 1e12),
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=ts_received,
        flags=quote_flags(bid, ask),
    )


def _signed(found: re.Match[str] | None, group: int) -> float:
    value = _value(found[group]) if found is not None else None
    return value if isinstance(value, float) else nan


def _bounded(found: re.Match[str] | None, group: int, ceiling: float) -> float:
    value = _signed(found, group)
    return value if 0 <= value <= ceiling else nan
