"""The feed: the only part of OPTIX that talks to a market data provider.

    leases in Redis → demand → provider → updates → flags, IV and Greeks → bus

It follows one provider, turns its updates into published state, answers questions, and says once a
second how it is. It knows nothing of users, sockets or alerts.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import structlog

from optix.features.market import wire
from optix.features.market.answers import Answers
from optix.features.market.chain_state import ChainState, split_by_expiration
from optix.features.market.pricing import RootTerms, price_chains
from optix.features.market.summaries import Summaries, TermsSource
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError, Unavailable
from optix.kernel.quote import Quote, TradingStatus, quote_flags
from optix.kernel.trade import Trade
from optix.platform import bus as keys
from optix.platform.bus import Bus, BusUnavailable, Question
from optix.ports.market_data import (
    ChainKey,
    Demand,
    FeedNotice,
    MarketDataProvider,
    MarketUpdate,
    NoticeState,
    ProviderUnavailable,
    UnknownExpiration,
)

log = structlog.get_logger(__name__)


class FeedEngine:
    """The feed component. One instance per provider; the sole writer of `md.*` on the bus."""

    name = "feed"

    def __init__(
        self,
        provider: MarketDataProvider,
        bus: Bus,
        *,
        terms: TermsSource,
        clock: Clock,
        rate_fallback: float,
    ) -> None:
        self._provider = provider
        self._bus = bus
        self._terms = terms
        self._clock = clock
        self._rate_fallback = rate_fallback
        self._epoch = secrets.token_hex(6)
        self._batch = 0
        self._quotes: dict[str, Quote] = {}
        self._chains: dict[ChainKey, ChainState] = {}
        self._dirty_quotes: set[str] = set()
        self._dirty_chains: set[ChainKey] = set()
        self._quotes_wake = asyncio.Event()
        self._chains_wake = asyncio.Event()
        self._demand = Demand()
        self._pricing = asyncio.Lock()
        self._state = "connecting"
        self._reason = "Connecting to the market feed."
        self._since_ns = clock.now_ns()
        self._last_update_ns = clock.now_ns()
        self._tried = asyncio.Event()  # the provider has been opened, or has failed to
        self._restart = asyncio.Event()
        self._status_wake = asyncio.Event()
        summaries = Summaries(provider, terms, clock, rate_fallback=rate_fallback)
        self._answers = Answers(provider, self, summaries)

    async def run(self) -> None:
        """Run until cancelled.

        Effects: writes `md.*` in Redis. Retries: a lost provider is opened again with a growing
        pause; a lost Redis is waited for.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_provider())
                tasks.create_task(self._reconcile_demand())
                tasks.create_task(self._publish_quotes())
                tasks.create_task(self._publish_chains())
                tasks.create_task(self._beat())
                tasks.create_task(self._bus.serve(self._answer))
        finally:
            await self._answers.close()
            await self._provider.close()

    async def ping(self) -> None:
        """Raise Unavailable until the provider was reached, or is known to be away.

        A provider that is away is this engine's work: it says so and tries again.
        """
        if self._state == "connecting":
            raise Unavailable(self._reason)

    # Provider

    async def _follow_provider(self) -> None:
        pause = limits.RECONNECT_SECONDS_FIRST
        while True:
            started_ns = self._clock.now_ns()
            try:
                await self._provider.open()
                self._last_update_ns = self._clock.now_ns()  # its silence begins anew
                self._set_state("live", "")
                reason = await self._consume()
            except OptixError as error:
                reason = error.detail
            except Exception:
                log.exception("feed.provider_failed", provider=self._provider.capabilities.name)
                reason = "The adapter of this market feed failed."
            if self._state == "ended":
                await asyncio.Event().wait()  # a recording that is over stays as it ended
            if self._clock.now_ns() - started_ns > 60 * NANOSECONDS:
                pause = limits.RECONNECT_SECONDS_FIRST
            self._set_state("down", f"{reason} Trying again in {pause:g} s.")
            await self._provider.close()
            await asyncio.sleep(pause)
            pause = min(pause * 2, limits.RECONNECT_SECONDS_MAX)

    async def _consume(self) -> str:
        """Take updates until the source ends or is found silent; return why it is over."""

        async def take_all() -> None:
            async for update in self._provider.iter_updates():
                self._take(update)

        self._restart.clear()
        taking = asyncio.ensure_future(take_all())
        silence = asyncio.ensure_future(self._restart.wait())
        try:
            await asyncio.wait({taking, silence}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                return "The source was connected but silent."
            await taking
            return "The source ended its stream."
        finally:
            for task in (taking, silence):
                task.cancel()
            await asyncio.gather(taking, silence, return_exceptions=True)

    def _take(self, update: MarketUpdate) -> None:
        if isinstance(update, FeedNotice):
            ended = update.state is NoticeState.ENDED
            self._set_state("ended" if ended else "live", update.reason if ended else "")
            return
        self._last_update_ns = self._clock.now_ns()
        if self._state not in {"live", "ended"}:  # an ended recording still shows its last state
            self._set_state("live", "")
        if isinstance(update, Quote):
            self.take_quote(update)
        elif not isinstance(update, Trade | TradingStatus):  # which nobody follows yet
            self.take_chain(update)

    def take_quote(self, quote: Quote) -> Quote:
        """Take a quote in: flag it, keep it, mark it to be published."""
        quote = replace(quote, flags=quote.flags | quote_flags(quote.bid, quote.ask))
        self._quotes[quote.symbol] = quote
        self._dirty_quotes.add(quote.symbol)
        self._quotes_wake.set()
        return quote

    def take_chain(self, table: ChainTable) -> None:
        """Take a chain update in, which may span several expirations.

        Raises ProviderUnavailable for a table that no market has.
        """
        if len(table) > limits.CHAIN_CONTRACTS_MAX:
            raise ProviderUnavailable(
                f"The source sent {len(table):,} contracts of {table.underlying} at once; "
                f"at most {limits.CHAIN_CONTRACTS_MAX:,} are taken."
            )
        if table.spot is not None:
            self.take_quote(table.spot)
        now_ns = self._clock.now_ns()
        for expiration, part in split_by_expiration(table).items():
            key = ChainKey(table.underlying, expiration)
            state = self._chains.get(key)
            if state is not None:
                state.merge(part)
            elif part.complete:
                self._chains[key] = state = ChainState.of(key, part)
            else:
                continue  # some rows of a chain that was never seen whole are not that chain
            state.loaded_ns = now_ns
            self._dirty_chains.add(key)
        self._evict(now_ns)
        self._chains_wake.set()

    def _evict(self, now_ns: int) -> None:
        """Forget what nobody follows, oldest first; never what came just now."""
        if len(self._chains) <= limits.CHAINS_KEPT_MAX:
            return
        idle = [
            key
            for key, state in self._chains.items()
            if key not in self._demand.chains and state.loaded_ns != now_ns
        ]
        idle.sort(key=lambda k: self._chains[k].loaded_ns)
        for key in idle[: len(self._chains) - limits.CHAINS_KEPT_MAX]:
            del self._chains[key]
            self._dirty_chains.discard(key)

    # Demand

    async def _reconcile_demand(self) -> None:
        while True:
            try:
                topics = await self._bus.leased()
            except BusUnavailable:
                await asyncio.sleep(limits.RECONNECT_SECONDS_FIRST)
                continue
            demand = _demand_of(topics)
            if demand != self._demand:
                if self._demand == Demand():  # until now there was nothing to be silent about
                    self._last_update_ns = self._clock.now_ns()
                self._demand = demand
                self._provider.set_demand(demand)
                self._chains_wake.set()
            await asyncio.sleep(limits.DEMAND_RECONCILE_SECONDS)

    # Publishing

    async def _publish_quotes(self) -> None:
        while True:
            await self._quotes_wake.wait()
            self._quotes_wake.clear()
            symbols, self._dirty_quotes = self._dirty_quotes, set()
            rows = [wire.dump_quote(self._quotes[symbol]) for symbol in sorted(symbols)]
            keep = {keys.QUOTES: {row[0]: orjson.dumps(row) for row in rows}}
            await self._broadcast({"q": rows}, keep=keep)
            await asyncio.sleep(limits.QUOTE_PUBLISH_SECONDS)

    async def _publish_chains(self) -> None:
        while True:
            await self._chains_wake.wait()
            self._chains_wake.clear()
            started_ns = self._clock.now_ns()
            await self._publish_followed(sorted(self._dirty_chains & self._demand.chains))
            spent_seconds = (self._clock.now_ns() - started_ns) / NANOSECONDS
            # Twice the work is rest: many chains at once slow down instead of taking the core that
            # quotes and heartbeats need.
            await asyncio.sleep(max(limits.CHAIN_PUBLISH_SECONDS, 2 * spent_seconds))

    async def _publish_followed(self, chain_keys: Sequence[ChainKey]) -> None:
        """Publish what is followed; one chain that cannot be priced must not end the others."""
        try:
            await self.publish_chains(chain_keys)
        except Exception as error:
            if len(chain_keys) > 1:
                for key in chain_keys:
                    await self._publish_followed([key])
            elif isinstance(error, OptixError):
                log.info("feed.chain_not_published", chain=chain_keys[0], because=error.detail)
            else:
                log.exception("feed.pricing_failed", chain=chain_keys[0])

    async def publish_chain(self, key: ChainKey) -> int:
        """Publish one expiration, and keep its whole state in Redis for a reader about to load it.

        Returns its sequence. Raises UnknownExpiration when it was forgotten meanwhile,
        BusUnavailable.
        """
        await self.publish_chains([key])
        async with self._pricing:  # sequence and rows of one state
            state = self._chains.get(key)
            if state is None:
                raise UnknownExpiration(f"{key.underlying} on {key.expiration} is not loaded.")
            body = await asyncio.to_thread(orjson.dumps, state.dump(self._epoch))
            await self._bus.keep(keys.CHAIN + wire.chain_field(key), body)
            return state.sequence

    async def publish_chains(self, chain_keys: Sequence[ChainKey]) -> None:
        """Price what changed of these expirations, some at a time, and publish it."""
        for begin in range(0, len(chain_keys), limits.PRICING_CHAINS_MAX):
            some = chain_keys[begin : begin + limits.PRICING_CHAINS_MAX]
            async with self._pricing:  # numpy uses one core at a time; the loop keeps the other
                due = {key: self._chains[key] for key in some if key in self._chains}
                due = {
                    k: s for k, s in due.items() if k in self._dirty_chains or not s.is_published
                }
                self._dirty_chains.difference_update(due)
                if not due:
                    continue
                try:
                    await self._price(list(due.values()))
                except BaseException:
                    if len(due) > 1:  # each is tried by itself
                        self._dirty_chains.update(due)
                    raise

    async def _price(self, states: Sequence[ChainState]) -> None:
        tables = [state.snapshot() for state in states]
        terms = [self._terms_of(table) for table in tables]
        priced = await asyncio.to_thread(
            price_chains,
            tables,
            now_ns=[self._pricing_instant(*pair) for pair in zip(tables, terms, strict=True)],
            terms={pair: term for own in terms for pair, term in own.items()},
            rate_fallback=self._rate_fallback,
        )
        relisted: list[list[Any]] = []
        changed: list[dict[str, Any]] = []
        for state, table, chain, own in zip(states, tables, priced, terms, strict=True):
            changes = state.publish(table, chain, own)
            if changes is None:
                continue
            name = [state.key.underlying, state.key.expiration.isoformat()]
            if changes.relisted:
                relisted.append([*name, changes.sequence])
                continue
            row = {"u": name[0], "x": name[1], "s": changes.sequence, "h": changes.header}
            changed.append({**row, "r": changes.rows})
        if relisted or changed:
            await self._broadcast({"l": relisted, "c": changed})

    def _pricing_instant(
        self, table: ChainTable, terms: Mapping[tuple[str, date], RootTerms]
    ) -> int:
        """Return when the quotes were true, or the market's now once a series has settled.

        An IV belongs to the instant of its quote: a delayed or paused feed must not see time decay
        that its prices do not have.
        """
        now_ns = self._provider.clock.now_ns()
        settled = any(term.settles_at_ns <= now_ns for term in terms.values())
        return now_ns if settled else min(now_ns, table.ts_event)

    def _terms_of(self, table: ChainTable) -> Mapping[tuple[str, date], RootTerms]:
        pairs = {(contract.root, contract.expiration) for contract in table.contracts}
        return {pair: self._terms.terms_of(*pair) for pair in pairs}

    async def _broadcast(
        self, body: dict[str, Any], *, keep: Mapping[str, dict[str, bytes]] | None = None
    ) -> None:
        self._batch += 1  # counted even when Redis is away: readers see the gap and load anew
        message = orjson.dumps({"k": "u", "e": self._epoch, "b": self._batch, **body})
        try:
            await self._bus.publish(message, keep=dict(keep or {}))
        except BusUnavailable:
            log.warning("feed.publish_failed")
            await asyncio.sleep(limits.RECONNECT_SECONDS_FIRST)

    # Status

    async def _beat(self) -> None:
        while True:
            self._check_silence()
            status = self._status()
            try:
                await self._bus.publish(status.dump(), keep={})
                await self._bus.keep(keys.STATUS, status.dump())
            except BusUnavailable:
                log.warning("feed.publish_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.FEED_HEARTBEAT_SECONDS):
                    await self._status_wake.wait()
            self._status_wake.clear()

    def _check_silence(self) -> None:
        longest = self._provider.capabilities.silence_seconds_max
        wanted = self._demand.quotes or self._demand.chains
        if longest is None or not wanted or self._state not in {"live", "stale"}:
            return
        silent_seconds = (self._clock.now_ns() - self._last_update_ns) / NANOSECONDS
        if silent_seconds > longest and self._state == "live":
            self._set_state("stale", "The feed is connected but silent.")
        if silent_seconds > 3 * longest:
            self._restart.set()

    def _set_state(self, state: str, reason: str) -> None:
        if state != self._state:
            level = log.info if state in {"live", "ended"} else log.warning
            level(
                "feed.state", provider=self._provider.capabilities.name, state=state, reason=reason
            )
            self._since_ns = self._clock.now_ns()
            self._status_wake.set()
        self._state, self._reason = state, reason
        self._tried.set()

    def _status(self) -> wire.FeedStatusMessage:
        capabilities = self._provider.capabilities
        market_clock = self._provider.clock
        return wire.FeedStatusMessage(
            epoch=self._epoch,
            state=self._state,
            source=capabilities.name,
            label=capabilities.label,
            quality=capabilities.quality,
            delay_seconds=capabilities.delay_seconds,
            notice=capabilities.notice,
            reason=self._reason,
            since=self._since_ns,
            market=market_clock.now_ns(),
            market_speed=getattr(market_clock, "speed", 1.0),
            sent=self._clock.now_ns(),
        )

    # Questions

    async def _answer(self, question: Question) -> Any:
        # A provider that is just being opened knows nothing yet: it would deny what it will have.
        await self._tried.wait()
        return await self._answers.answer(question)

    def find_chain(self, key: ChainKey) -> ChainState | None:
        """Return the state of an expiration, if the feed holds it."""
        return self._chains.get(key)

    async def ensure_chain(self, key: ChainKey, *, age_seconds_max: float) -> None:
        """Hold an expiration that is followed live or was fetched at most that long ago.

        Raises UnknownSymbol, UnknownExpiration or ProviderUnavailable.
        """
        state = self._chains.get(key)
        if state is not None:
            age_ns = self._clock.now_ns() - state.loaded_ns
            if key in self._demand.chains or age_ns <= age_seconds_max * NANOSECONDS:
                return
        self.take_chain(await self._provider.fetch_chain(key))
        if key not in self._chains:
            raise UnknownExpiration(f"{key.underlying} has no contracts on {key.expiration}.")


def _demand_of(topics: list[str]) -> Demand:
    """Return what leases ask for. A chain brings its underlying's quote with it."""
    quotes: set[str] = set()
    chains: set[ChainKey] = set()
    for topic in topics:
        meaning = wire.parse_topic(topic)
        if isinstance(meaning, ChainKey):
            chains.add(meaning)
            quotes.add(meaning.underlying)
        elif meaning is not None:
            quotes.add(meaning)
    return Demand(quotes=frozenset(quotes), chains=frozenset(chains))
