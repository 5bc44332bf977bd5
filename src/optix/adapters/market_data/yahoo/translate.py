"""Yahoo's documents into kernel values. Pure: no network, no clock.

At this door: expirations are dates in UTC (in New York they would be the evening before); an absent
key is missing, never zero; a quote of zero on both sides is no quote; `impliedVolatility` is a
fraction whose start points are taken out; dividends, which Yahoo divides by every later split, are
given back as they were paid. Options are 15 minutes late, whatever the underlying says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from math import isfinite, log2, nan
from typing import Any

import structlog

from optix.adapters.market_data.bars import MINUTES, bar_start, new_york_date
from optix.adapters.market_data.rows import (
    RawRows,
    amount_of,
    check_rows,
    instant_of,
    price_of,
    table_of,
)
from optix.adapters.market_data.yahoo.wire import ChainPage, Chart, Fields
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, to_datetime, to_ns
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quality, Quote, SecurityKind, quote_flags
from optix.kernel.roots import roots_of, settlement_of, style_of
from optix.kernel.symbols import MalformedSymbol, kind_of, parse_symbol
from optix.ports.market_data import Bar, BarInterval, ChainKey, Expiration

SOURCE = "yahoo"
DELAY_SECONDS = 15 * 60
VOLUME_MAX = 1e12

_KINDS = {
    "EQUITY": SecurityKind.STOCK,
    "ETF": SecurityKind.ETF,
    "INDEX": SecurityKind.INDEX,
}
_COLUMNS = {
    "bid": "bid",
    "ask": "ask",
    "lastPrice": "last",
    "volume": "volume",
    "openInterest": "open_interest",
    "impliedVolatility": "vendor_iv",
}
INTERVALS = {
    BarInterval.MINUTE_1: "1m",
    BarInterval.MINUTE_5: "5m",
    BarInterval.MINUTE_30: "30m",
    BarInterval.HOUR_1: "60m",
    BarInterval.DAY_1: "1d",
    BarInterval.WEEK_1: "1d",  # ours are joined from days
}
_SIZES = frozenset(map(repr, (None, "REGULAR", "MINI")))
_SENTINEL_STEP = 2e-5  # Yahoo's solver starts from powers of two plus about this
_THIRD_WEEK = range(15, 22)
_FRIDAY = 4
_told: set[str] = set()
_TOLD_MAX = 50
_log = structlog.get_logger(__name__)


def vendor_symbol(symbol: str) -> str:
    """Return Yahoo's name of a security: ^SPX, BRK-B, SPY."""
    if kind_of(symbol) is SecurityKind.INDEX:
        return f"^{symbol}"
    return symbol.replace(".", "-")


def expiration_of(instant: int) -> date:
    """Return the expiration date of epoch seconds, which is a date in UTC."""
    return datetime.fromtimestamp(instant, tz=UTC).date()


def epoch_of(expiration: date) -> int:
    return int(datetime(expiration.year, expiration.month, expiration.day, tzinfo=UTC).timestamp())


def translate_chain(page: ChainPage, *, key: ChainKey, received_ns: int) -> ChainTable:
    """Return one expiration. Rows of another date, money or size are listed as rejected."""
    rows: Sequence[Mapping[str, Any]] = [row if isinstance(row, dict) else {} for row in page.rows]
    columns = {ours: [row.get(theirs) for row in rows] for theirs, ours in _COLUMNS.items()}
    _drop_empty_quotes(columns)
    _drop_sentinels(columns)
    _drop_reset_interest(columns)
    raw = RawRows(
        contracts=[row.get("contractSymbol") for row in rows],
        columns=columns,
        describe=lambda position: repr(page.rows[position]),
        early=_early_faults(rows, key.expiration),
    )
    spot = translate_quote(page.quote, symbol=key.underlying, received_ns=received_ns)
    return table_of(
        key.underlying,
        check_rows(key.underlying, raw),
        instants=[0] * len(rows),
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=_quoted_ns(page.quote, rows, received_ns),
        ts_received=received_ns,
        spot=spot,
    )


def translate_quote(fields: Fields, *, symbol: str, received_ns: int) -> Quote:
    """Return the quote of a security: of regular hours, as its options are."""
    kind = _kind(fields.get("quoteType"), symbol)
    bid, ask = amount_of(fields.get("bid")), amount_of(fields.get("ask"))
    if not bid > 0 and not ask > 0:
        bid = ask = nan
    traded_ns = instant_of(fields.get("regularMarketTime"), NANOSECONDS, received_ns=received_ns)
    return Quote(
        symbol=symbol,
        kind=kind,
        bid=bid,
        ask=ask,
        bid_size=amount_of(fields.get("bidSize"), VOLUME_MAX),
        ask_size=amount_of(fields.get("askSize"), VOLUME_MAX),
        last=price_of(fields.get("regularMarketPrice")),
        open=price_of(fields.get("regularMarketOpen")),
        high=price_of(fields.get("regularMarketDayHigh")),
        low=price_of(fields.get("regularMarketDayLow")),
        previous_close=price_of(fields.get("regularMarketPreviousClose")),
        # An index does not trade; its zero is no volume.
        volume=nan
        if kind is SecurityKind.INDEX
        else amount_of(fields.get("regularMarketVolume"), VOLUME_MAX),
        source=SOURCE,
        quality=Quality.DELAYED,
        ts_event=traded_ns or received_ns - DELAY_SECONDS * NANOSECONDS,
        ts_received=received_ns,
        flags=quote_flags(bid, ask),
    )


def symbol_of(fields: Fields) -> str | None:
    """Return our symbol of a quote, None where it names none."""
    name = fields.get("symbol")
    try:
        return parse_symbol(name) if isinstance(name, str) else None
    except MalformedSymbol:
        return None


def translate_expirations(
    page: ChainPage, *, underlying: str, counts: Mapping[ChainKey, Mapping[str, int]]
) -> list[Expiration]:
    """Return all dates, ascending. `counts` has the contracts by root of dates that were seen.

    Yahoo names the contracts of one date at a time: an unseen one has 0, with its likely roots.
    """
    listed = []
    for day in sorted({expiration_of(instant) for instant in page.expirations}):
        roots = counts.get(ChainKey(underlying, day))
        if roots is None:
            roots = dict.fromkeys(_likely_roots(underlying, day), 0)
        listed += [
            Expiration(
                date=day,
                root=root,
                style=style_of(root),
                settlement=settlement_of(root, day),
                contracts=roots[root],
            )
            for root in sorted(roots)
        ]
    return listed


def translate_bars(chart: Chart, interval: BarInterval, *, symbol: str) -> tuple[list[Bar], int]:
    """Return bars, ascending, and how many rows were none.

    Prices are adjusted for splits, not for dividends. A day is stamped with its opening bell, a
    moving bar with now: both begin where their interval does. The first row of an interval counts;
    a second one is Yahoo's live price, which is in the first already.
    """
    base = BarInterval.DAY_1 if interval not in MINUTES else interval
    index = kind_of(symbol) is SecurityKind.INDEX
    bars: dict[int, Bar] = {}
    columns = chart.columns
    for position, instant in enumerate(chart.timestamps):
        if type(instant) is not int or not 0 < instant < 1 << 33:
            continue
        values = [price_of(columns[name][position]) for name in ("open", "high", "low", "close")]
        if not all(isfinite(value) for value in values):
            continue
        start = to_ns(bar_start(to_datetime(instant * NANOSECONDS), base).astimezone(UTC))
        bars.setdefault(
            start,
            Bar(
                ts_event=start,
                open=values[0],
                high=max(values),
                low=min(values),
                close=values[3],
                volume=nan if index else amount_of(columns["volume"][position], VOLUME_MAX),
            ),
        )
    return [bars[start] for start in sorted(bars)], len(chart.timestamps) - len(bars)


def translate_actions(chart: Chart, *, symbol: str) -> list[CorporateAction]:
    """Return dividends and splits, ascending. The chart must reach to the present day."""
    splits = [split for event in chart.splits if (split := _split(event, symbol)) is not None]
    actions = list(splits)
    for event in chart.dividends:
        day, amount = _day_of(event), price_of(event.get("amount"))
        if day is None or not amount > 0:
            continue
        for split in splits:
            if split.ex_date > day and split.ratio is not None:
                amount *= split.ratio
        actions.append(
            CorporateAction(
                symbol=symbol,
                kind=ActionKind.CASH_DIVIDEND,
                ex_date=day,
                amount=round(amount, 6),  # their division left digits that nobody paid
                source=SOURCE,
            )
        )
    return sorted(actions, key=lambda action: (action.ex_date, action.kind))


def _split(event: Fields, symbol: str) -> CorporateAction | None:
    day = _day_of(event)
    after, before = amount_of(event.get("numerator")), amount_of(event.get("denominator"))
    if day is None or not after > 0 or not before > 0:
        return None
    return CorporateAction(
        symbol=symbol,
        kind=ActionKind.SPLIT,
        ex_date=day,
        ratio=after / before,
        source=SOURCE,
    )


def _day_of(event: Fields) -> date | None:
    instant = event.get("date")
    if type(instant) is not int or not -(1 << 33) < instant < 1 << 33:
        return None
    return new_york_date(instant * NANOSECONDS)


def _kind(word: object, symbol: str) -> SecurityKind:
    if isinstance(word, str) and word in _KINDS:
        return _KINDS[word]
    if word is not None:
        _tell_once("yahoo_unknown_kind", repr(word)[:60])
    return kind_of(symbol)


def _quoted_ns(quote: Fields, rows: Sequence[Fields], received_ns: int) -> int:
    """Return when the quotes of a chain were true.

    In the session 15 minutes ago; outside it at its last trade, which the market state tells.
    """
    late_ns = received_ns - DELAY_SECONDS * NANOSECONDS
    if quote.get("marketState") == "REGULAR":
        return late_ns
    told = [quote.get("regularMarketTime"), *(row.get("lastTradeDate") for row in rows)]
    instants = [instant_of(value, NANOSECONDS, received_ns=received_ns) for value in told]
    latest = max((instant for instant in instants if instant <= late_ns), default=0)
    return latest or late_ns


def _early_faults(rows: Sequence[Fields], expiration: date) -> dict[int, tuple[str, str]]:
    faults: dict[int, tuple[str, str]] = {}
    for position, row in enumerate(rows):
        if not row:
            faults[position] = ("not_a_row", "It is not an object with named fields.")
            continue
        try:
            day = parse_option(row.get("contractSymbol")).expiration  # type: ignore[arg-type]  # refuses what is no text
        except MalformedContract:
            continue  # the check of the rows says so
        if day != expiration:
            reason = f"It expires on {day}, {expiration} was asked for."
            faults[position] = ("other_expiration", reason)
        elif row.get("currency", "USD") != "USD":
            faults[position] = ("other_currency", "Its prices are not in US dollars.")
        elif (size := repr(row.get("contractSize"))[:60]) not in _SIZES:
            _tell_once("yahoo_unknown_contract_size", size)
    return faults


def _drop_empty_quotes(columns: dict[str, list[Any]]) -> None:
    """Outside the session both sides become 0, which is no market without buyers but no quote."""
    bids, asks = columns["bid"], columns["ask"]
    for position, (bid, ask) in enumerate(zip(bids, asks, strict=True)):
        if not bid and not ask:
            bids[position] = asks[position] = None


def _drop_sentinels(columns: dict[str, list[Any]]) -> None:
    """Blank a volatility that is the solver's start point: there was nothing to solve."""
    ivs = columns["vendor_iv"]
    for position, (iv, bid, ask) in enumerate(
        zip(ivs, columns["bid"], columns["ask"], strict=True)
    ):
        unquoted = bid is None and ask is None
        if unquoted or (not bid and _is_start_point(iv)):
            ivs[position] = None


def _is_start_point(iv: object) -> bool:
    if type(iv) is not float or not 0.01 < iv < 1.1:
        return False
    power = 2.0 ** round(log2(iv))
    return abs(iv - power) <= _SENTINEL_STEP


def _drop_reset_interest(columns: dict[str, list[Any]]) -> None:
    """In the early morning every open interest is 0: that is a reset, not a fact."""
    interest = columns["open_interest"]
    if not any(interest):
        interest[:] = [None] * len(interest)


def _likely_roots(underlying: str, expiration: date) -> Sequence[str]:
    """Return the roots a date probably has: the monthly one on the third Friday only."""
    roots = roots_of(underlying)
    third_friday = expiration.weekday() == _FRIDAY and expiration.day in _THIRD_WEEK
    return roots if len(roots) == 1 or third_friday else roots[1:]


def count_roots(table: ChainTable) -> Mapping[str, int]:
    """Return how many contracts each root of an expiration has."""
    return Counter(contract.root for contract in table.contracts)


def _tell_once(event: str, word: str) -> None:
    if word not in _told and len(_told) < _TOLD_MAX:
        _told.add(word)
        _log.warning(event, word=word)
