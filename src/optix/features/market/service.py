"""The market as the API serves it: quotes, chains, expirations, history, search and status.

Reads the book and asks the feed; writes nothing. Every answer carries its source, its time and its
quality, and a quality is "stale" whenever the feed is not alive.
"""

from __future__ import annotations

import asyncio
from calendar import SATURDAY
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from typing import Any
from zlib import crc32

import orjson

from optix.features.market import calendar, schemas, views, wire
from optix.features.market.book import MarketBook
from optix.features.market.chain_replica import ChainReplica, flag_names
from optix.features.market.chain_view import ChainFilter, encode_chain
from optix.features.market.feed_state import FeedState, price_works
from optix.features.market.inputs import NoInputs
from optix.features.market.marks import Marks
from optix.features.market.provider_health import report_providers
from optix.features.market.quote_slots import QuoteReplica
from optix.features.market.quotes import spot_price_of
from optix.features.market.schemas_admin import MarketProviders
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime
from optix.kernel.errors import InvalidInput, NotFound, OptixError
from optix.kernel.instrument import MalformedContract, OptionContract, parse_option
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import parse_symbol
from optix.ports.market_data import BarInterval, ChainKey, UnknownExpiration

_CACHED_CHAINS_MAX = 256
_NAMES_MAX = 5_000
_HISTORY_SECONDS = 15.0
_HISTORY_MAX = 512
_DEFAULT_SPAN_DAYS = {
    BarInterval.MINUTE_1: 1,
    BarInterval.MINUTE_5: 5,
    BarInterval.MINUTE_30: 30,
    BarInterval.HOUR_1: 60,
    BarInterval.DAY_1: 365,
    BarInterval.WEEK_1: 5 * 365,
}


class ContractSymbol(InvalidInput):
    """An option contract where a stock or index is asked for."""

    code = "contract_symbol"


class ExpiredContract(NotFound):
    """The contract has been settled and is no longer quoted."""

    code = "expired_contract"
    next_step = "Choose a listed expiration of its underlying."


class UnknownContract(NotFound):
    """No such contract is listed."""

    code = "unknown_contract"
    next_step = "Choose a strike from the chain of its expiration."


@dataclass(frozen=True, slots=True)
class EncodedChain:
    """The bytes of a chain response and its entity tag."""

    key: ChainKey
    body: bytes
    etag: str


class MarketService:
    """Answers of the market endpoints. One per process, without state of any user."""

    def __init__(self, book: MarketBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._names: OrderedDict[str, str | None] = OrderedDict()
        self._encoded: OrderedDict[tuple[ChainKey, ChainFilter], tuple[Any, EncodedChain]] = (
            OrderedDict()
        )
        self._history: OrderedDict[tuple[str, ...], tuple[int, schemas.History]] = OrderedDict()

    def _today(self) -> date:
        """The exchange's date by the market clock."""
        return calendar.exchange_date(self._book.market_now_ns())

    def now_ns(self) -> int:
        """Return the market clock: the recording's during a replay."""
        return self._book.market_now_ns()

    # Status

    def status(self) -> schemas.MarketStatus:
        now_ns = self._book.market_now_ns()
        session = calendar.session_at(now_ns)
        return schemas.MarketStatus(
            feed=self.feed_status(),
            market=schemas.MarketSession(
                session=session.session,
                trading_day=session.trading_day,
                opens_at=to_datetime(session.opens_at),
                closes_at=to_datetime(session.closes_at),
                early_close=session.early_close,
            ),
        )

    def feed_status(self) -> schemas.FeedStatus:
        status = self._book.feed_status()
        return schemas.FeedStatus.model_validate(
            {
                "source": status.source,
                "label": status.label,
                "state": status.state,
                "quality": status.quality,
                "delay_seconds": status.delay_seconds,
                "notice": status.notice,
                "reason": status.reason,
                "since": to_datetime(status.since),
                "market_time": to_datetime(status.market_now_ns(self._clock)),
                "market_speed": status.market_speed,
            }
        )

    def calendar(self, start: date | None, end: date | None) -> schemas.MarketCalendar:
        """Return the weekdays from `start` to `end`. Raises InvalidInput, OutsideCalendar."""
        first, last = calendar.first_day(), calendar.last_day()
        start = start or self._today()
        end = end or min(start + timedelta(days=365), last)
        if start > end:
            raise InvalidInput(
                f"start {start} is after end {end}.", fields={"start": "must not be after end"}
            )
        if (end - start).days > limits.CALENDAR_DAYS_MAX:
            raise InvalidInput(
                f"{(end - start).days} days are more than {limits.CALENDAR_DAYS_MAX}.",
                fields={"end": f"at most {limits.CALENDAR_DAYS_MAX} days after start"},
            )
        days = (start + timedelta(days=ahead) for ahead in range((end - start).days + 1))
        return schemas.MarketCalendar(
            exchange="XNYS",
            source="exchange_calendars",
            start=start,
            end=end,
            covered_from=first,
            covered_to=last,
            days=[views.calendar_day(day) for day in days if day.weekday() < SATURDAY],
        )

    async def list_providers(self) -> MarketProviders:
        """Return how the providers behind the feed do. Raises BusUnavailable."""
        return await report_providers(self._book, self.feed_status(), self._clock)

    # Quotes

    async def get_quote(self, symbol: str) -> schemas.Quote:
        """Raises MalformedSymbol, ContractSymbol, UnknownSymbol, FeedUnavailable."""
        symbol = _stock_symbol(symbol)
        replica = await self._book.get_quote(symbol)
        return self._quote(replica, await self._name_of(symbol))

    async def get_quotes(self, symbols: list[str]) -> schemas.QuoteList:
        """Return the quotes that exist, and for each other symbol why it does not."""
        wanted = list(dict.fromkeys(symbols))
        if len(wanted) > limits.QUOTE_SYMBOLS_PER_REQUEST_MAX:
            raise InvalidInput(
                f"{len(wanted)} symbols are more than the "
                f"{limits.QUOTE_SYMBOLS_PER_REQUEST_MAX} of one request.",
                fields={"symbols": f"at most {limits.QUOTE_SYMBOLS_PER_REQUEST_MAX}"},
                next_step="Ask in several requests, or open the stream.",
            )
        answers = await asyncio.gather(
            *(self.get_quote(symbol) for symbol in wanted), return_exceptions=True
        )
        quotes: list[schemas.Quote] = []
        failures: list[schemas.QuoteFailure] = []
        for symbol, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, schemas.Quote):
                quotes.append(answer)
            elif isinstance(answer, OptixError):
                failures.append(
                    schemas.QuoteFailure(symbol=symbol, code=answer.code, detail=answer.detail)
                )
            else:
                raise answer
        return schemas.QuoteList(quotes=quotes, failures=failures)

    def _quote(self, replica: QuoteReplica, name: str | None) -> schemas.Quote:
        quote = replica.quote
        last, previous = _known(quote.last), _known(quote.previous_close)
        change = last - previous if last is not None and previous else None
        return schemas.Quote(
            symbol=quote.symbol,
            name=name,
            kind=quote.kind,
            bid=_known(quote.bid),
            ask=_known(quote.ask),
            bid_size=_known(quote.bid_size),
            ask_size=_known(quote.ask_size),
            last=last,
            open=_known(quote.open),
            high=_known(quote.high),
            low=_known(quote.low),
            previous_close=previous,
            change=change,
            change_fraction=change / previous if change is not None and previous else None,
            volume=_known(quote.volume),
            flags=flag_names(quote.flags),
            source=quote.source,
            as_of=to_datetime(quote.ts_event),
            received_at=to_datetime(quote.ts_received),
            quality=self._book.quality_now(quote.quality),
            delay_seconds=self._book.feed_status().delay_seconds,
            trading_state=replica.trading_state,
            trading_reason=replica.trading_reason,
        )

    async def _name_of(self, symbol: str) -> str | None:
        """Return the name of a symbol for people, asked once. None when nobody knows it."""
        if symbol in self._names:
            return self._names[symbol]
        try:
            found = await self._book.ask("search", {"text": symbol, "limit": 5})
        except OptixError:
            return None  # a name is not worth failing a quote; it is asked for again
        name = next((row["name"] for row in found if row["symbol"] == symbol), None)
        self._names[symbol] = name
        if len(self._names) > _NAMES_MAX:
            self._names.popitem(last=False)
        return name

    # Chains

    async def list_expirations(self, symbol: str) -> schemas.ExpirationList:
        underlying = _stock_symbol(symbol)
        answer = await self._book.ask("expirations", {"underlying": underlying})
        today = self._today()
        by_date: dict[date, list[dict[str, Any]]] = {}
        for row in answer["rows"]:
            by_date.setdefault(date.fromisoformat(row["date"]), []).append(row)
        return schemas.ExpirationList(
            underlying=underlying,
            expirations=[
                schemas.Expiration(
                    date=day,
                    days=(day - today).days,
                    cycle=calendar.cycle_of(day, today=today, underlying=underlying),
                    roots=[self._root(row, day) for row in rows],
                    atm_iv=rows[0]["atm_iv"],
                    expected_move=rows[0]["expected_move"],
                )
                for day, rows in sorted(by_date.items())
            ],
            source=answer["source"],
            as_of=to_datetime(answer["as_of"] * 1_000_000),
        )

    def _root(self, row: dict[str, Any], day: date) -> schemas.ExpirationRoot:
        return schemas.ExpirationRoot(
            root=row["root"],
            style=row["style"],
            settlement=row["settlement"],
            settles_at=to_datetime(calendar.settles_at(row["root"], day)),
            contracts=row["contracts"],
        )

    async def get_chain(
        self, symbol: str, expiration: date | None, chain_filter: ChainFilter
    ) -> EncodedChain:
        """Return one expiration, the next one that is not settled when none is named.

        Raises MalformedSymbol, UnknownSymbol, UnknownExpiration, BadChainFilter, FeedUnavailable.
        """
        underlying = _stock_symbol(symbol)
        if expiration is None:
            expiration = await self._next_expiration(underlying)
        replica = await self._book.get_chain(ChainKey(underlying, expiration))
        if underlying not in self._book.quotes:
            await self._book.get_quote(underlying)
        return self._encoded_chain(replica, chain_filter)

    def find_chain(self, key: ChainKey, chain_filter: ChainFilter) -> EncodedChain | None:
        """Return the same of a chain that is followed; None where that takes a question."""
        replica = self._book.find_chain(key)
        if replica is None or key.underlying not in self._book.quotes:
            return None
        return self._encoded_chain(replica, chain_filter)

    def _encoded_chain(self, replica: ChainReplica, chain_filter: ChainFilter) -> EncodedChain:
        underlying = replica.key.underlying
        changes = (replica.epoch, replica.sequence, self._book.quotes.sequence_of(underlying))
        state, today = self._book.feed_status().state, self._today()
        stamp = (*changes, state, today)
        name = (replica.key, chain_filter)
        cached = self._encoded.get(name)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        spot = self._book.quotes[underlying]
        # The sequence of the spot counts in this process alone, and tags go to all of them.
        parts = (replica.epoch, replica.sequence, crc32(spot.fragment), state, today)
        encoded = self._encode(replica, spot, chain_filter, "-".join(map(str, parts)))
        self._encoded[name] = (stamp, encoded)
        if len(self._encoded) > _CACHED_CHAINS_MAX:
            self._encoded.popitem(last=False)
        return encoded

    def _encode(
        self, replica: ChainReplica, spot: QuoteReplica, chain_filter: ChainFilter, tag: str
    ) -> EncodedChain:
        header = replica.header
        today = self._today()
        spot_price = spot_price_of(spot.quote)
        positions = chain_filter.select(replica, spot_price)
        name = self._names.get(replica.key.underlying)
        head = {
            "underlying": replica.key.underlying,
            "expiration": replica.key.expiration.isoformat(),
            "days": (replica.key.expiration - today).days,
            "spot": self._quote(spot, name).model_dump(mode="json"),
            "roots": header["roots"],
            "rejected": replica.rejected,
            "trading_state": header["trading"],
            "reason": header["reason"],
            "contracts_total": len(replica.contracts),
            "sequence": replica.sequence,
            "source": header["source"],
            "as_of": wire.iso_ms(header["as_of"]),
            "received_at": wire.iso_ms(header["received"]),
            "quality": self._book.quality_now(header["quality"]),
            "delay_seconds": self._book.feed_status().delay_seconds,
        }
        return EncodedChain(replica.key, encode_chain(replica, positions, head), f'"{tag}"')

    async def get_contract(self, text: str) -> schemas.ContractQuote:
        """Return one contract. Raises MalformedContract, ExpiredContract, UnknownContract."""
        contract = parse_option(text)
        try:
            settles_at_ns = calendar.settles_at(contract.root, contract.expiration)
        except calendar.OutsideCalendar as error:
            raise UnknownContract(f"{contract.key} is not listed: {error.detail}") from error
        if settles_at_ns + NANOSECONDS * 86_400 < self._book.market_now_ns():
            raise ExpiredContract(
                f"{contract.key} expired on {contract.expiration:%b %-d, %Y}.",
            )
        key = ChainKey(underlying_of(contract.root), contract.expiration)
        try:
            replica = await self._book.get_chain(key)
        except NotFound as error:
            if error.code != UnknownExpiration.code:  # the class does not travel over the bus
                raise
            raise UnknownContract(f"{contract.key} is not listed: {error.detail}") from error
        return self._contract(replica, contract)

    def _contract(self, replica: ChainReplica, contract: OptionContract) -> schemas.ContractQuote:
        position = replica.position_of(contract.key)
        if position is None:
            raise UnknownContract(
                f"{contract.key} is not among the {len(replica.contracts)} contracts of "
                f"{replica.key.underlying} on {replica.key.expiration}."
            )
        header = replica.header
        root = next((r for r in header["roots"] if r["root"] == contract.root), None)
        return schemas.ContractQuote.model_validate(
            {
                "underlying": replica.key.underlying,
                "expiration": replica.key.expiration,
                "contract": replica.contract(position),
                "root": root,
                "source": header["source"],
                "quality": self._book.quality_now(header["quality"]),
                "delay_seconds": self._book.feed_status().delay_seconds,
            }
        )

    def marks_of(self, symbols: Iterable[str], contracts: Iterable[OptionContract]) -> Marks:
        """Return what reads all of these at once, in columns. Nothing is followed yet."""
        return Marks(self._book, self._clock, symbols, contracts)

    async def _next_expiration(self, underlying: str) -> date:
        answer = await self._book.ask("expirations", {"underlying": underlying})
        now_ns = self._book.market_now_ns()
        for row in sorted(answer["rows"], key=lambda row: str(row["date"])):
            day = date.fromisoformat(row["date"])
            if calendar.settles_at(row["root"], day) > now_ns:
                return day
        raise UnknownExpiration(f"{underlying} has no listed expiration that is still open.")

    # History and search

    async def get_history(
        self, symbol: str, interval: BarInterval, start: date | None, end: date | None
    ) -> schemas.History:
        """Return bars of exchange dates start to end. Raises UnsupportedRequest, UnknownSymbol."""
        symbol = _stock_symbol(symbol)
        today = self._today()
        end = min(end or today, today)
        if start is None:  # a calendar has a first day
            span_days = min(_DEFAULT_SPAN_DAYS[interval], (end - date.min).days)
            start = end - timedelta(days=span_days)
        if start > end:
            raise InvalidInput(
                f"start {start} is after end {end}.", fields={"start": "must not be after end"}
            )
        if (end - start).days > limits.HISTORY_SPAN_DAYS_MAX:
            raise InvalidInput(
                f"{(end - start).days} days are more than {limits.HISTORY_SPAN_DAYS_MAX}.",
                fields={"start": f"at most {limits.HISTORY_SPAN_DAYS_MAX} days before end"},
            )
        arguments = {
            "symbol": symbol,
            "interval": str(interval),
            "start": start.isoformat(),
            "end": end.isoformat(),
        }
        name = tuple(arguments.values())
        now_ns = self._clock.now_ns()
        kept = self._history.get(name)
        if kept is not None and now_ns - kept[0] < _HISTORY_SECONDS * NANOSECONDS:
            return kept[1]
        history = views.history_of(symbol, interval, await self._book.ask("bars", arguments))
        self._history[name] = (now_ns, history)
        if len(self._history) > _HISTORY_MAX:
            self._history.popitem(last=False)
        return history

    async def list_events(self, symbol: str) -> schemas.ComingEvents:
        """Return the ex-dates and reports to come of one underlying. Raises FeedUnavailable."""
        told = await self._book.ask("events", {"symbol": _stock_symbol(symbol)})
        return schemas.ComingEvents(
            dividends=[
                schemas.ComingDividend(ex_date=day, amount=amount, estimated=guess, source=source)
                for day, amount, guess, source in told["dividends"]
            ],
            dividends_reason=told["dividends_reason"],
            earnings=told["earnings"],
            earnings_reason=told["earnings_reason"],
        )

    async def search(self, text: str, limit: int) -> schemas.SymbolMatches:
        found = await self._book.ask("search", {"text": text, "limit": limit})
        return schemas.SymbolMatches(
            results=[schemas.SymbolMatch(**row) for row in found],
            source=self._book.feed_status().source,
        )


def price_once(key: ChainKey, table: ChainTable, *, rate_fallback: float) -> ChainReplica:
    """Return one expiration priced and encoded, without feed or bus: for the terminal."""
    feed = FeedState(
        terms=ListedTerms(),
        inputs=NoInputs(rate_fallback),
        market_now_ns=lambda: table.ts_event,
        wall_now_ns=lambda: table.ts_event,
        epoch="once",
    )
    feed.take_chain(table)
    works = feed.due([key])
    feed.chains_message(works, price_works(works))
    return ChainReplica.load(key, orjson.loads(feed.chain_body(key)))


def _stock_symbol(text: str) -> str:
    """Return the canonical symbol. An option contract is refused with a word on where to ask."""
    try:
        contract = parse_option(text)
    except MalformedContract:
        return parse_symbol(text)
    raise ContractSymbol(
        f"{contract.key} is an option contract.",
        next_step=f"Ask GET /api/v1/options/contracts/{contract.key}.",
    )


def _known(value: float) -> float | None:
    return value if isfinite(value) else None
