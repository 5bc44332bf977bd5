"""Answers from the market's memory: bars, volatility, past chains, and what is there at all.

Reads the store in threads and asks the feed only for bars that are not stored. No answer about a
past instant knows anything that came after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import isfinite
from typing import Annotated, Any, Final, cast
from zlib import crc32

from fastapi import Depends
from starlette.requests import HTTPConnection

from optix.features.market import calendar, schemas, wire
from optix.features.market import schemas_history as answers
from optix.features.market.chain_replica import ChainReplica, flag_names
from optix.features.market.chain_view import ChainFilter, encode_chain
from optix.features.market.history.rules import (
    RANK_SESSIONS,
    RANK_SESSIONS_MIN,
    coverage_of,
    rank_of,
)
from optix.features.market.quotes import spot_price_of
from optix.features.market.service import EncodedChain, MarketService, price_once
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import to_datetime, to_ns
from optix.kernel.errors import InvalidInput, NotFound, OptixError
from optix.kernel.quote import Quote
from optix.kernel.symbols import parse_symbol
from optix.ports.history import DatasetName, HistoryKeeper, HistoryReader, IvPoint
from optix.ports.market_data import Bar, BarInterval, Bars, ChainKey, UnknownExpiration

DEFAULT_SESSIONS: Final = RANK_SESSIONS
_IMPLIED: Final = (
    "atm_iv",
    "call25_iv",
    "put25_iv",
    "rr25",
    "fly25",
    "expected_move",
    "model_free_iv",
)
_REALISED: Final = ("realised_close", "realised_parkinson", "realised_yang_zhang")


class NoPastChain(NotFound):
    """Nothing of an underlying is stored at or shortly before an instant."""

    code = "no_past_chain"
    next_step = "Ask its coverage for what is there, or import or backfill that time."


class NoHistory(NotFound):
    """Nothing of a symbol is stored."""

    code = "no_history"
    next_step = "Import files (`optix import`), or let it be captured (OPTIX_CAPTURE_SYMBOLS)."


class BadCursor(InvalidInput):
    code = "cursor_unreadable"
    next_step = "Send `next_cursor` of the page before, or begin without one."


class MarketHistory:
    """One per process, without state of any user.

    `market_now_ns` is the market clock: during a replay the past ends where the recording is.
    """

    def __init__(
        self, keeper: HistoryKeeper, market_now_ns: Callable[[], int], *, rate: float
    ) -> None:
        self._keeper = keeper
        self._market_now_ns = market_now_ns
        self._rate = rate

    @cached_property
    def _reader(self) -> HistoryReader:
        return self._keeper.reader()

    def _today(self) -> date:
        return calendar.exchange_date(self._market_now_ns())

    # Bars

    async def get_bars(
        self,
        market: MarketService,
        symbol: str,
        interval: BarInterval,
        start: date | None,
        end: date | None,
        *,
        adjusted: bool,
    ) -> answers.StoredHistory:
        """Return bars from the store, and from the feed what is not stored.

        The feed's bars go on where the stored ones end, if they are on the same footing. Where
        nothing is stored they are the answer as they are, and `adjusted` says what they are.
        Raises what MarketService.get_history raises, but an absent feed only where nothing is
        stored.
        """
        symbol = parse_symbol(symbol)
        today = self._today()
        last = min(end or today, today)
        if min(start or last, last).year < limits.HISTORY_YEAR_MIN:
            raise InvalidInput(f"No market is known before {limits.HISTORY_YEAR_MIN}.")
        first = start or last - timedelta(days=limits.HISTORY_SPAN_DAYS_MAX)
        stored = await asyncio.to_thread(
            self._reader.bars,
            symbol,
            interval,
            start=first,
            end=last,
            adjusted_to=today if adjusted else None,
        )
        if stored is None or start is None:
            fed = await self._fed(market, symbol, interval, start, end, required=stored is None)
        elif calendar.exchange_date(stored.rows[-1].ts_event) < calendar.session_on_or_before(last):
            tail = calendar.exchange_date(stored.rows[-1].ts_event)
            fed = await self._fed(market, symbol, interval, tail, end, required=False)
        else:
            fed = None
        return _joined(symbol, interval, stored, fed, start=start)

    async def _fed(
        self,
        market: MarketService,
        symbol: str,
        interval: BarInterval,
        start: date | None,
        end: date | None,
        *,
        required: bool,
    ) -> schemas.History | None:
        try:
            return await market.get_history(symbol, interval, start, end)
        except OptixError:
            if required:
                raise
            return None

    # Volatility

    async def get_volatility(
        self,
        symbol: str,
        *,
        tenor_days: int,
        realised_sessions: int,
        start: date | None,
        end: date | None,
        limit: int,
        cursor: str | None,
    ) -> answers.VolatilityHistory:
        """Return sessions oldest first, a page of them. Raises NoHistory, BadCursor."""
        symbol = parse_symbol(symbol)
        last = end or self._today()
        first = start or last - timedelta(days=2 * DEFAULT_SESSIONS)
        _ordered(first, last)
        # A rank needs its own past, whatever was asked for.
        since = min(first, last - timedelta(days=2 * RANK_SESSIONS))
        points = await asyncio.to_thread(self._reader.iv_history, symbol, start=since, end=last)
        if not points:
            raise NoHistory(f"No volatility of {symbol} is stored from {since} to {last}.")
        wanted = [
            point
            for point in points
            if point.tenor_days == (realised_sessions if point.measure in _REALISED else tenor_days)
        ]
        begin = max(first, _day_of(cursor)) if cursor else first
        sessions = [entry for entry in _by_session(wanted) if entry.date >= begin]
        page, rest = sessions[:limit], sessions[limit:]
        return answers.VolatilityHistory(
            symbol=symbol,
            tenor_days=tenor_days,
            realised_sessions=realised_sessions,
            sessions=page,
            rank=_rank(wanted, last),
            next_cursor=rest[0].date.isoformat() if rest else None,
        )

    # Past chains

    async def get_chain(
        self,
        symbol: str,
        expiration: date | None,
        chain_filter: ChainFilter,
        as_of: datetime,
    ) -> EncodedChain:
        """Return one expiration as it was known at `as_of`, priced as chains are today.

        Only rows of the last session that has any count, so that quotes of different days are never
        one chain. Raises NoPastChain, UnknownExpiration, InvalidInput.
        """
        underlying = parse_symbol(symbol)
        at_ns = to_ns(as_of)
        if at_ns > self._market_now_ns():
            raise InvalidInput(
                f"{as_of:%Y-%m-%d %H:%M} UTC has not come yet.",
                fields={"as_of": "is in the future"},
            )
        return await asyncio.to_thread(self._chain, underlying, expiration, chain_filter, at_ns)

    def _chain(
        self, underlying: str, expiration: date | None, chain_filter: ChainFilter, at_ns: int
    ) -> EncodedChain:
        newest = self._reader.last_instant(underlying, at_ns)
        oldest_ns = at_ns - limits.HISTORY_LOOKBACK_DAYS_MAX * 86_400 * 1_000_000_000
        if newest is None or newest < oldest_ns:
            raise NoPastChain(
                f"No chain of {underlying} is stored within {limits.HISTORY_LOOKBACK_DAYS_MAX} "
                f"days before {to_datetime(at_ns):%Y-%m-%d %H:%M} UTC."
            )
        day = calendar.exchange_date(newest)
        since_ns = to_ns(datetime.combine(day, time(), tzinfo=calendar.NEW_YORK))
        tables = self._reader.chain_as_of(underlying, expiration, at_ns, since_ns=since_ns)
        table = next((found for found in tables if _is_open(found, at_ns)), None)
        if expiration is not None and tables:
            table = tables[0]
        if table is None:
            named = f"that expire on {expiration}" if expiration else "that were still open"
            raise UnknownExpiration(f"{underlying} had no stored contracts {named} on {day}.")
        key = ChainKey(underlying, table.contracts[0].expiration)
        replica = price_once(key, table, rate_fallback=self._rate)
        spot = table.spot or Quote(
            symbol=underlying,
            source=table.source,
            quality=table.quality,
            ts_event=table.ts_event,
            ts_received=table.ts_received,
        )
        body = _encode(replica, spot, chain_filter, today=calendar.exchange_date(at_ns))
        return EncodedChain(key, body, f'"past-{crc32(body)}"')

    # What is there

    async def get_coverage(
        self,
        symbol: str,
        dataset: DatasetName,
        *,
        start: date | None,
        end: date | None,
        limit: int,
        cursor: str | None,
    ) -> answers.HistoryCoverage:
        """Return which sessions are stored. Raises NoHistory, BadCursor, OutsideCalendar."""
        symbol = parse_symbol(symbol)
        rows = await asyncio.to_thread(self._reader.days, dataset, symbol)
        if not rows:
            raise NoHistory(f"Nothing of {symbol} is stored in {dataset}.")
        first, last = start or rows[0].date, end or rows[-1].date
        _ordered(first, last)
        sessions = list(calendar.iter_sessions(first, last))
        found = coverage_of(rows, sessions)
        begin = _day_of(cursor) if cursor else first
        missing = [day for day in found.missing if day >= begin]
        return answers.HistoryCoverage(
            symbol=symbol,
            dataset=dataset,
            start=first,
            end=last,
            first=found.first,
            last=found.last,
            sessions=len(sessions),
            present=found.present,
            missing=missing[:limit],
            thin=list(found.thin[:limit]),
            rows=found.rows,
            sources=list(found.sources),
            next_cursor=missing[limit].isoformat() if len(missing) > limit else None,
        )


def history_of_app(connection: HTTPConnection) -> MarketHistory:
    """Return the memory of the app that serves this request."""
    return cast("MarketHistory", connection.app.state.market_history)


History = Annotated[MarketHistory, Depends(history_of_app)]


def _joined(
    symbol: str,
    interval: BarInterval,
    stored: Bars | None,
    fed: schemas.History | None,
    *,
    start: date | None,
) -> answers.StoredHistory:
    """Return stored bars, then those of the feed that begin after them."""
    own = [] if stored is None else [_bar(bar) for bar in stored.rows]
    if start is None and fed is not None and fed.bars:
        own = [bar for bar in own if bar.at >= fed.bars[0].at]  # the feed chose the usual span
    same = stored is None or not own or fed is None or fed.adjusted == stored.adjusted
    newer = [bar for bar in (fed.bars if fed and same else []) if not own or bar.at > own[-1].at]
    sources = []
    if stored is not None and own:
        sources.append(_source(stored.source, stored.quality, own, stored=True))
    if fed is not None and newer:
        sources.append(_source(fed.source, fed.quality, newer, stored=False))
    origin = sources[-1] if sources else None
    whole = stored if stored is not None and own else fed
    assert whole is not None, "either the store or the feed has answered"
    return answers.StoredHistory(
        symbol=symbol,
        interval=interval,
        adjusted=whole.adjusted,
        bars=[*own, *newer][-limits.HISTORY_BARS_MAX :],
        source=origin.source if origin else whole.source,
        quality=origin.quality if origin else whole.quality,
        sources=sources,
    )


def _bar(bar: Bar) -> schemas.Bar:
    return schemas.Bar(
        at=datetime.fromtimestamp(bar.ts_event // 1_000_000_000, tz=UTC),
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume if isfinite(bar.volume) else None,
    )


def _source(
    source: str, quality: Any, bars: Sequence[schemas.Bar], *, stored: bool
) -> answers.BarSource:
    return answers.BarSource(
        source=source, quality=quality, stored=stored, first=bars[0].at, last=bars[-1].at
    )


def _by_session(points: Sequence[IvPoint]) -> list[answers.VolatilitySession]:
    """Return points of ascending dates as one row a session; of several sources the fullest."""
    days: dict[date, dict[str, list[IvPoint]]] = {}
    for point in points:
        days.setdefault(point.date, {}).setdefault(point.source, []).append(point)
    sessions = []
    for day, by_source in sorted(days.items()):
        implied = {
            source: [point for point in found if point.measure in _IMPLIED]
            for source, found in by_source.items()
        }
        source = max(sorted(implied), key=lambda name: len(implied[name]))
        own = by_source[source]
        realised = {
            point.measure: point.value
            for found in by_source.values()
            for point in found
            if point.measure in _REALISED
        }
        values = {point.measure: point.value for point in implied[source]}
        sessions.append(
            answers.VolatilitySession(
                date=day,
                as_of=to_datetime(max(point.ts_event for point in own)),
                source=source,
                quality=own[0].quality,
                **{name: values.get(name) for name in _IMPLIED},
                **{name: realised.get(name) for name in _REALISED},
            )
        )
    return sessions


def _rank(points: Sequence[IvPoint], last: date) -> answers.VolatilityRank | None:
    values = {entry.date: entry.atm_iv for entry in _by_session(points) if entry.atm_iv is not None}
    if not values:
        return None
    today = min(last, max(values))
    sessions = list(calendar.iter_sessions(today - timedelta(days=2 * RANK_SESSIONS), today))
    found = rank_of(values, sessions)
    if found is None:
        return None
    reason = ""
    if found.percentile is None:
        reason = f"{found.sessions} sessions are known; a rank needs {RANK_SESSIONS_MIN}."
    elif found.rank is None:
        reason = "All of these sessions have the same value."
    return answers.VolatilityRank(
        **{entry.name: getattr(found, entry.name) for entry in fields(found)}, reason=reason
    )


def _is_open(table: ChainTable, at_ns: int) -> bool:
    return any(
        calendar.settles_at(contract.root, contract.expiration) > at_ns
        for contract in table.contracts
    )


def _encode(replica: ChainReplica, spot: Quote, chain_filter: ChainFilter, *, today: date) -> bytes:
    header = replica.header
    positions = chain_filter.select(replica, spot_price_of(spot))
    head = {
        "underlying": replica.key.underlying,
        "expiration": replica.key.expiration.isoformat(),
        "days": (replica.key.expiration - today).days,
        "spot": _quote(spot).model_dump(mode="json"),
        "roots": header["roots"],
        "rejected": replica.rejected,
        "trading_state": header["trading"],
        "reason": header["reason"],
        "contracts_total": len(replica.contracts),
        "sequence": replica.sequence,
        "source": header["source"],
        "as_of": wire.iso_ms(header["as_of"]),
        "received_at": wire.iso_ms(header["received"]),
        "quality": header["quality"],
        "delay_seconds": 0,
    }
    return encode_chain(replica, positions, head)


def _quote(quote: Quote) -> schemas.Quote:
    """Return a quote of the past: as good as it was stored, never stale."""
    names = (
        *("bid", "ask", "bid_size", "ask_size", "last"),
        *("open", "high", "low", "previous_close", "volume"),
    )
    known: dict[str, Any] = {
        name: value if isfinite(value := getattr(quote, name)) else None for name in names
    }
    last, previous = known["last"], known["previous_close"]
    change = last - previous if last is not None and previous else None
    return schemas.Quote(
        symbol=quote.symbol,
        kind=quote.kind,
        change=change,
        change_fraction=change / previous if change is not None and previous else None,
        flags=flag_names(quote.flags),
        source=quote.source,
        as_of=to_datetime(quote.ts_event),
        received_at=to_datetime(quote.ts_received),
        quality=quote.quality,
        delay_seconds=0,
        trading_state=None,  # nobody stored it
        trading_reason="",
        **known,
    )


def _ordered(start: date, end: date) -> None:
    if start > end:
        raise InvalidInput(
            f"start {start} is after end {end}.", fields={"start": "must not be after end"}
        )


def _day_of(cursor: str) -> date:
    try:
        return date.fromisoformat(cursor)
    except ValueError as error:
        raise BadCursor("The cursor is none of ours.") from error
