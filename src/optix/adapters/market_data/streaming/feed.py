"""Demand in, updates out: what every provider with a stream does the same way.

REST answers are the ground and fill what the stream has no place for; ticks lie over them; after
every gap the ground is laid anew. A provider gives its `Source` and its `StreamVendor`, hands its
demand here and yields what comes out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.streaming.assembler import ChainAssembler
from optix.adapters.market_data.streaming.book import StreamBook
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.polling import Poller, PollTimes, Tape, Thing
from optix.adapters.market_data.streaming.protocol import (
    Channel,
    StreamTimings,
    StreamVendor,
    Topic,
)
from optix.adapters.market_data.streaming.quotes import QuoteStore
from optix.adapters.market_data.streaming.selection import select_symbols
from optix.adapters.market_data.streaming.session import Gap, StreamSession, StreamState
from optix.adapters.web.rest import Outcomes
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock
from optix.kernel.errors import OptixError
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quote
from optix.kernel.roots import underlying_of
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.market_data import (
    Capabilities,
    ChainKey,
    Demand,
    Expiration,
    FeedNotice,
    MarketUpdate,
    NoticeState,
    ProviderHealth,
    UnknownSymbol,
)

TAPE_EXPIRATIONS = 2  # of an underlying whose prints are wanted and none of whose chains is


class Source(Protocol):
    """The REST side of a provider."""

    async def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes of at most QUOTE_SYMBOLS_PER_REQUEST_MAX securities, without those
        that the provider does not know. Raises ProviderUnavailable.
        """

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        """Return one whole expiration. Raises UnknownSymbol, UnknownExpiration or
        ProviderUnavailable.
        """

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        """Return the listed dates, ascending. Raises UnknownSymbol, ProviderUnavailable."""


class DemandFeed:
    """Follows the demand of one provider, by stream where there is a `vendor`, else by polling."""

    def __init__(
        self,
        source: Source,
        capabilities: Capabilities,
        *,
        clock: Clock,
        outcomes: Outcomes,
        requests_left: Callable[[], int | None] = lambda: None,
        vendor: StreamVendor | None = None,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
        trades_max: int = limits.STREAM_TRADES_MAX,
    ) -> None:
        self._source = source
        self._capabilities = capabilities
        self._clock = clock
        self._outcomes = outcomes
        self._requests_left = requests_left
        self._timings = timings or StreamTimings()
        self._polls = polls or PollTimes()
        self._vendor = vendor
        self._book = StreamBook(self._wake, trades_max=trades_max)
        self._session = (
            None
            if vendor is None
            else StreamSession(
                vendor,
                self._book,
                label=capabilities.label,
                clock=clock,
                on_gap=self._take_gap,
                timings=self._timings,
                ticking=ticking,
            )
        )
        self._poller = Poller(self._ask, self._interval, self._wake, label=capabilities.label)
        self._assembler = ChainAssembler()
        self._demand = Demand()
        self._tapes: dict[str, tuple[ChainKey, ...]] = {}
        self._quotes = QuoteStore(capabilities)
        self._news = asyncio.Event()
        self._plan = asyncio.Event()
        self._whole: dict[ChainKey, ChainTable] = {}
        self._notices: list[FeedNotice] = []
        self._closed = False
        self._last_update_ns = 0
        self._since_ns = clock.now_ns()
        self._drained_at = 0.0
        self._sent_seen: frozenset[Topic] | None = None
        self._carried: frozenset[ChainKey] = frozenset()

    @property
    def session(self) -> StreamSession | None:
        return self._session

    @property
    def counts(self) -> Mapping[str, int]:
        """What was dropped, by reason: conflated, duplicate, out_of_order, malformed and others."""
        rejects = {} if self._session is None else self._session.rejects
        return {**self._book.counts, **rejects}

    def set_demand(self, demand: Demand) -> None:
        """Replace what is wanted. Symbols that cannot be symbols are ignored."""
        self._demand = Demand(
            quotes=frozenset(filter(_is_symbol, demand.quotes)),
            chains=frozenset(key for key in demand.chains if _is_symbol(key.underlying)),
            trades=frozenset(filter(_is_symbol, demand.trades)),
        )
        self._plan_anew()

    def open(self) -> None:
        """Allow `iter_updates` again after `close`."""
        self._closed = False

    def close(self) -> None:
        """End `iter_updates`."""
        self._closed = True
        self._news.set()

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        """Yield updates until closed. Raises ProviderUnavailable when nothing can be had."""
        self._poller.hurry()  # who listens anew knows nothing of what was said before
        tasks = [asyncio.create_task(self._poller.run()), asyncio.create_task(self._select())]
        if self._session is not None:
            tasks.append(asyncio.create_task(self._session.run()))
        try:
            while not self._closed:
                self._news.clear()
                for update in self._drain():
                    self._last_update_ns = self._clock.now_ns()
                    yield update
                for task in tasks:
                    if task.done():
                        task.result()
                self._raise_if_lost()
                await self._wait_for_news()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def health(self) -> ProviderHealth:
        state, reason = self._state()
        session = self._session
        capabilities = self._capabilities
        streamed = 0 if session is None else session.subscribed
        errors = [self._outcomes] if session is None else [self._outcomes, session.outcomes]
        places = None if session is None else session.places.get(Channel.QUOTE)
        return ProviderHealth(
            name=capabilities.name,
            label=capabilities.label,
            state=state,
            reason=reason,
            serves=capabilities.kinds,
            quality=capabilities.quality,
            since_ns=self._since_ns if session is None else session.since_ns,
            last_update_ns=self._last_update_ns,
            errors_per_minute=sum(outcomes.errors_per_minute for outcomes in errors),
            error_rate=max(outcomes.error_rate for outcomes in errors),
            reconnects=0 if session is None else max(session.connects - 1, 0),
            subscribed=streamed,
            symbols_max=capabilities.symbols_max if places is None else places,
            requests_left=self._requests_left(),
        )

    def _state(self) -> tuple[str, str]:
        session, lost = self._session, self._poller.schedule.lost(_now())
        if self._demand == Demand():
            return "idle", ""
        if session is not None and session.state is StreamState.LIVE:
            return "live", ""
        if lost is not None:
            return "down", lost.detail
        if session is not None and session.state is not StreamState.IDLE:
            # A stream that is refused while questions are answered: late, but not down.
            late = session.state is not StreamState.CONNECTING
            return ("stale" if late else "connecting"), session.reason
        if not self._poller.schedule.loaded:
            return "connecting", ""
        trouble = self._poller.schedule.trouble
        return ("stale" if trouble else "live"), trouble

    # What goes out

    def _drain(self) -> list[MarketUpdate]:
        """Return everything new, gaps before what came after them, chains before their ticks."""
        demand = self._demand
        updates: list[MarketUpdate] = list(self._notices)
        self._notices.clear()
        updates += self._lost_trades()
        whole, self._whole = self._whole, {}
        updates += [self._with_spot(whole[key]) for key in sorted(whole) if key in demand.chains]
        now_ns = self._clock.now_ns()
        for change in self._book.pop_changes():
            if not self._assembler.take_change(change):
                self._quotes.take_change(change, now_ns)
        updates += self._quotes.pop(demand.quotes)
        partials = self._assembler.pop_partials(self._wanted_chains(), now_ns)
        updates += [self._with_spot(table) for table in partials if _key(table) in demand.chains]
        followed = demand.quotes | demand.trades | {key.underlying for key in demand.chains}
        updates += [
            status
            for status in self._book.pop_statuses()
            if underlying_symbol(status.symbol) in followed
        ]
        updates += [
            trade
            for trade in self._book.pop_trades()
            if underlying_symbol(trade.symbol) in demand.trades
        ]
        return updates

    def _with_spot(self, table: ChainTable) -> ChainTable:
        quote = self._quotes.get(table.underlying)
        return table if quote is None else replace(table, spot=quote)

    def _lost_trades(self) -> list[FeedNotice]:
        lost = self._book.pop_lost()
        if not lost:
            return []
        return [
            FeedNotice(
                state=NoticeState.GAP,
                reason=f"{self._capabilities.label}: more prints came than could be taken.",
                ts_event=self._clock.now_ns(),
                ts_from=min(trade.ts_event for trade in lost),
                symbols=frozenset(underlying_symbol(trade.symbol) for trade in lost),
            )
        ]

    def _take_gap(self, gap: Gap) -> None:
        self._notices.append(
            FeedNotice(
                state=NoticeState.GAP,
                reason=gap.reason or f"{self._capabilities.label} was away for a moment.",
                ts_event=gap.ts_event,
                ts_from=gap.ts_from,
                symbols=frozenset(underlying_symbol(symbol) for symbol in gap.symbols),
            )
        )
        self._assembler.forget_ticks()
        self._poller.hurry()
        self._plan_anew()

    def _raise_if_lost(self) -> None:
        lost = self._poller.schedule.lost(_now())
        streaming = self._session is not None and self._session.state is StreamState.LIVE
        if lost is not None and not streaming:
            raise lost.with_traceback(None)

    async def _wait_for_news(self) -> None:
        """Wait for something new, then for more of it: updates go out at a bounded pace."""
        self._drained_at = _now()
        await self._news.wait()
        if not self._closed:
            await asyncio.sleep(max(self._drained_at + self._timings.conflate - _now(), 0.0))

    def _wake(self) -> None:
        self._news.set()

    # What is asked for

    def _plan_anew(self) -> None:
        self._plan.set()
        self._news.set()

    def _wanted_chains(self) -> set[ChainKey]:
        tapes = {key for keys in self._tapes.values() for key in keys}
        return set(self._demand.chains) | tapes

    async def _select(self) -> None:
        """Turn the demand into questions and subscriptions, again and again as prices move."""
        while True:
            self._plan.clear()
            self._follow_demand()
            try:
                async with asyncio.timeout(self._timings.reselect):
                    await self._plan.wait()
            except TimeoutError:
                continue

    def _follow_demand(self) -> None:
        demand = self._demand
        charted = {key.underlying for key in demand.chains}
        tapes = demand.trades - charted
        self._tapes = {name: keys for name, keys in self._tapes.items() if name in tapes}
        chains = self._wanted_chains()
        securities = sorted(demand.quotes | demand.trades | charted)
        things: set[Thing] = {*demand.quotes, *charted, *chains, *map(Tape, tapes)}
        self._poller.want(things)
        self._assembler.keep_only(chains)
        self._quotes.keep_only(frozenset(securities))
        if self._session is not None and self._vendor is not None:
            self._session.want(self._topics(self._vendor, securities, chains))

    def _topics(
        self, vendor: StreamVendor, securities: Sequence[str], chains: Collection[ChainKey]
    ) -> list[Topic]:
        assert self._session is not None
        places = self._session.places
        taped = self._demand.trades
        contracts = {key: self._assembler.contracts(key) or () for key in sorted(chains)}
        spots = {key.underlying: self._quotes.spot(key.underlying) for key in chains}
        quoted = {key: contracts[key] for key in contracts if key in self._demand.chains}
        printed = {key: contracts[key] for key in contracts if key.underlying in taped}
        topics: list[Topic] = []
        for channel, wanted in ((Channel.QUOTE, quoted), (Channel.TRADE, printed)):
            accepted = [name for name in securities if vendor.accepts(Topic(name, channel))]
            chosen = select_symbols(accepted, wanted, spots, places=places.get(channel))
            topics += [
                topic for symbol in chosen if vendor.accepts(topic := Topic(symbol, channel))
            ]
        return topics

    def _interval(self, thing: Thing) -> float:
        match thing:
            case Tape():
                return self._polls.tape
            case ChainKey():
                carried = thing in self._streamed_chains()
                return self._polls.streamed if carried else self._polls.chain
            case _:
                sent = frozenset() if self._session is None else self._session.sent
                carried = Topic(thing, Channel.QUOTE) in sent
                return self._polls.streamed if carried else self._polls.quote

    def _streamed_chains(self) -> frozenset[ChainKey]:
        """Return the chains whose every contract is subscribed."""
        sent = frozenset() if self._session is None else self._session.sent
        if sent is not self._sent_seen:
            self._sent_seen = sent
            self._carried = frozenset(
                key
                for key in self._wanted_chains()
                if (contracts := self._assembler.contracts(key))
                and all(Topic(contract.key, Channel.QUOTE) in sent for contract in contracts)
            )
        return self._carried

    async def _ask(self, things: Sequence[Thing]) -> Mapping[Thing, OptixError]:
        """Ask for quotes together, or for one other thing; return what failed, and why."""
        try:
            match things[0]:
                case Tape(underlying):
                    await self._ask_tape(underlying)
                case ChainKey() as key:
                    self._take_table(key, await self._source.fetch_chain(key))
                case _:
                    return await self._ask_quotes([t for t in things if isinstance(t, str)])
        except OptixError as error:
            return dict.fromkeys(things, error)
        return {}

    async def _ask_quotes(self, symbols: Sequence[str]) -> Mapping[Thing, OptixError]:
        quotes = await self._source.fetch_quotes(symbols)
        for quote in quotes.values():
            self._quotes.take(quote)
        label = self._capabilities.label
        return {s: UnknownSymbol(f"{label} has no {s}.") for s in symbols if s not in quotes}

    async def _ask_tape(self, underlying: str) -> None:
        """Choose the contracts whose prints are followed although no chain of them is."""
        today = new_york_date(self._clock.now_ns())
        expirations = await self._source.fetch_expirations(underlying)
        dates = sorted({entry.date for entry in expirations if entry.date >= today})
        keys = tuple(ChainKey(underlying, day) for day in dates[:TAPE_EXPIRATIONS])
        if underlying in self._demand.trades and self._tapes.get(underlying) != keys:
            self._tapes[underlying] = keys
            self._plan_anew()

    def _take_table(self, key: ChainKey, table: ChainTable) -> None:
        if not self._poller.schedule.wants(key):
            return  # nobody wants it any more
        known = self._assembler.contracts(key)
        if table.spot is not None:
            self._quotes.take(table.spot)
        self._whole[key] = self._assembler.take_snapshot(key, table)
        self._sent_seen = None
        if known != table.contracts:
            self._plan_anew()  # there are contracts to subscribe


def _key(table: ChainTable) -> ChainKey:
    return ChainKey(table.underlying, table.contracts[0].expiration)


@lru_cache(maxsize=65_536)
def underlying_symbol(symbol: str) -> str:
    """Return the underlying of a contract, or the security itself."""
    try:
        return underlying_of(parse_option(symbol).root)
    except MalformedContract:
        return symbol


def _is_symbol(symbol: str) -> bool:
    try:
        return parse_symbol(symbol) == symbol
    except MalformedSymbol:
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()
