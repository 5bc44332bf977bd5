"""Schwab's answers into kernel values. Pure: no network, no clock.

Units at this door: volatility is in percent points and becomes a fraction; Greeks are per share,
vega and rho per point, theta per day; times are epoch milliseconds. -999 and "NaN" mean that
nothing was computed, and a volatility that is not positive does too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date
from math import isnan, nan
from typing import Any

from optix.adapters.market_data.bars import bar_start
from optix.adapters.market_data.failures import Unreadable
from optix.adapters.market_data.rows import (
    COUNT_MAX,
    RawRows,
    amount_of,
    check_rows,
    instant_of,
    price_of,
    table_of,
)
from optix.adapters.market_data.schwab.wire import SENTINEL, ChainDocument, number
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, to_datetime, to_ns
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import is_adjusted, underlying_of
from optix.kernel.symbols import kind_of
from optix.ports.market_data import Bar, BarInterval, ChainKey

SOURCE = "schwab"
DELAY_SECONDS = 900
MILLISECOND_NS = 1_000_000
SHARES_MAX = 1e12
PERCENT = 100.0

_COLUMNS = {
    "bid": "bid",
    "ask": "ask",
    "bidSize": "bid_size",
    "askSize": "ask_size",
    "last": "last",
    "closePrice": "previous_close",
    "totalVolume": "volume",
    "openInterest": "open_interest",
    "volatility": "vendor_iv",
    "delta": "vendor_delta",
    "gamma": "vendor_gamma",
    "theta": "vendor_theta",
    "vega": "vendor_vega",
    "rho": "vendor_rho",
    "theoreticalOptionValue": "vendor_price",
}


def translate_chain(
    documents: Sequence[ChainDocument], *, key: ChainKey, received_ns: int
) -> ChainTable:
    """Return one expiration out of the documents that hold it (both sides, or one each)."""
    found = [row for document in documents for row in document.rows]
    rows = [row if isinstance(row, dict) else {} for _, row in found]
    late = any(document.header.get("isDelayed") is True for document in documents)
    quality = Quality.DELAYED if late else Quality.REALTIME
    instants = [
        instant_of(row.get("quoteTimeInLong"), MILLISECOND_NS, received_ns=received_ns)
        for row in rows
    ]
    spot = _spot(documents, key.underlying, quality, received_ns)
    ts_event = max(instants, default=0) or undated_ns(received_ns, quality)
    contracts, early = _contracts(found, key.expiration)
    raw = RawRows(
        contracts=contracts,
        columns={
            ours: [_raw(ours, row.get(theirs)) for row in rows] for theirs, ours in _COLUMNS.items()
        },
        describe=lambda position: repr(found[position][1]),
        early=early,
    )
    return table_of(
        key.underlying,
        check_rows(key.underlying, raw),
        instants=instants,
        source=SOURCE,
        quality=quality,
        ts_event=ts_event,
        ts_received=received_ns,
        spot=spot,
    )


def undated_ns(received_ns: int, quality: Quality) -> int:
    """Return how old what came without a time is at least."""
    late = DELAY_SECONDS if quality is Quality.DELAYED else 0
    return received_ns - late * NANOSECONDS


def percent(value: object) -> float:
    """Return percent points as a fraction, NaN where nothing was computed."""
    points = number(value)
    return points / PERCENT if points > 0 else nan


def _raw(column: str, value: object) -> object:
    """Return a value for the check of the rows: None stands for "the source did not say"."""
    if isinstance(value, str):
        return None if value == "NaN" else value
    if value == SENTINEL:  # an int of -999 is equal to it
        return None
    if column == "vendor_iv" and isinstance(value, (int, float)):
        fraction = percent(value)
        return None if isnan(fraction) else fraction
    return value


def _contracts(
    found: Sequence[tuple[date | None, object]], expiration: date
) -> tuple[list[object], dict[int, tuple[str, str]]]:
    contracts: list[object] = []
    early: dict[int, tuple[str, str]] = {}
    for position, (listed_under, row) in enumerate(found):
        name = row.get("symbol") if isinstance(row, dict) else None
        contracts.append(name)
        try:
            contract = parse_option(name)  # type: ignore[arg-type]  # refuses what is no text
        except MalformedContract:
            continue  # the check of the rows says so
        contracts[position] = contract
        if contract.expiration != expiration or listed_under != expiration:
            reason = f"It expires on {contract.expiration} and stands under {listed_under}."
            early[position] = ("other_expiration", reason)
        elif _delivers_else(row, contract):
            reason = "It delivers something else than a contract of its root does."
            early[position] = ("nonstandard_deliverable", reason)
    return contracts, early


def _delivers_else(row: object, contract: OptionContract) -> bool:
    """Tell whether a contract is adjusted although its root does not show it."""
    assert isinstance(row, dict), "a row with a symbol is an object"
    return row.get("nonStandard") is True and not is_adjusted(contract.root)


def _spot(
    documents: Sequence[ChainDocument], symbol: str, quality: Quality, received_ns: int
) -> Quote | None:
    for document in documents:
        told = document.header.get("underlying")
        row = told if isinstance(told, dict) else {}
        last = price_of(number(row.get("last")))
        if isnan(last):
            last = price_of(number(document.header.get("underlyingPrice")))
        if isnan(last):
            continue
        times = [
            instant_of(row.get(name), MILLISECOND_NS, received_ns=received_ns)
            for name in ("quoteTime", "tradeTime")
        ]
        bid, ask = _sides(symbol, row.get("bid"), row.get("ask"))
        return Quote(
            symbol=symbol,
            kind=kind_of(symbol),
            bid=bid,
            ask=ask,
            last=last,
            source=SOURCE,
            quality=quality,
            ts_event=max(times) or undated_ns(received_ns, quality),
            ts_received=received_ns,
            flags=quote_flags(bid, ask),
        )
    return None


def _sides(symbol: str, bid: object, ask: object) -> tuple[float, float]:
    """Return both sides; an index says 0 and 0, which is no quote."""
    sides = amount_of(number(bid)), amount_of(number(ask))
    if kind_of(symbol) is SecurityKind.INDEX and not sides[0] > 0 and not sides[1] > 0:
        return nan, nan
    return sides


def translate_quote(row: Mapping[str, Any], *, symbol: str, received_ns: int) -> Quote:
    """Return a security's quote. Raises Unreadable where it has no price at all."""
    quote = row["quote"]
    bid, ask = _sides(symbol, quote.get("bidPrice"), quote.get("askPrice"))
    last = price_of(number(quote.get("lastPrice")))
    if isnan(last) and isnan(bid) and isnan(ask):
        raise Unreadable(f"Schwab's quote of {symbol} has no price.")
    quality = Quality.DELAYED if row.get("realtime") is False else Quality.REALTIME
    times = [
        instant_of(quote.get(name), MILLISECOND_NS, received_ns=received_ns)
        for name in ("quoteTime", "tradeTime")
    ]
    is_index = kind_of(symbol) is SecurityKind.INDEX
    return Quote(
        symbol=symbol,
        kind=kind_of(symbol),
        bid=bid,
        ask=ask,
        bid_size=amount_of(number(quote.get("bidSize")), COUNT_MAX),
        ask_size=amount_of(number(quote.get("askSize")), COUNT_MAX),
        last=last,
        open=price_of(number(quote.get("openPrice"))),
        high=price_of(number(quote.get("highPrice"))),
        low=price_of(number(quote.get("lowPrice"))),
        previous_close=price_of(number(quote.get("closePrice"))),
        volume=nan if is_index else amount_of(number(quote.get("totalVolume")), SHARES_MAX),
        source=SOURCE,
        quality=quality,
        ts_event=max(times) or undated_ns(received_ns, quality),
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def translate_listing(documents: Sequence[ChainDocument], underlying: str) -> list[OptionContract]:
    """Return the contracts of chains, each once; a chain of one date lists what it rejects."""
    contracts: dict[OptionContract, None] = {}
    for document in documents:
        for expiration in {day for day, _ in document.rows if day is not None}:
            rows = [row for row in document.rows if row[0] == expiration]
            names, early = _contracts(rows, expiration)
            for position, contract in enumerate(names):
                if not isinstance(contract, OptionContract) or position in early:
                    continue
                if underlying_of(contract.root) == underlying:
                    contracts[contract] = None
    return list(contracts)


def translate_candles(rows: Sequence[object], interval: BarInterval) -> tuple[list[Bar], int]:
    """Return bars, ascending, and how many rows were none. A day starts at midnight in New York."""
    bars: dict[int, Bar] = {}
    for row in rows:
        if not isinstance(row, dict):
            continue
        start = instant_of(row.get("datetime"), MILLISECOND_NS, received_ns=2**62)
        prices = [price_of(number(row.get(name))) for name in ("open", "high", "low", "close")]
        if start == 0 or any(isnan(price) for price in prices):
            continue
        if interval is BarInterval.DAY_1:
            start = to_ns(bar_start(to_datetime(start), interval).astimezone(UTC))
        bars[start] = Bar(
            ts_event=start,
            open=prices[0],
            high=max(prices),
            low=min(prices),
            close=prices[3],
            volume=amount_of(number(row.get("volume")), SHARES_MAX),
        )
    return [bars[start] for start in sorted(bars)], len(rows) - len(bars)
