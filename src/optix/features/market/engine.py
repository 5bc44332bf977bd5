"""The feed: the only part of OPTIX that talks to a market data provider.

    leases in Redis → demand → provider → updates → flags, IV and Greeks → bus

It follows one provider, turns its updates into published state, answers questions, and says once a
second how it is. What it knows of the market is in `feed_state`; here is what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog

from optix.features.market import wire
from optix.features.market.answers import Answers
from optix.features.market.chain_state import ChainState
from optix.features.market.feed_metrics import FeedCounts, FeedMetrics
from optix.features.market.feed_state import FeedState, TermsSource, Work, demand_of, price_works
from optix.features.market.inputs import MarketInputs
from optix.features.market.quote_batches import gathering_seconds
from optix.features.market.summaries import Summaries
from optix.features.market.surfaces import Surfaces, rest_seconds, slices_of
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError, Unavailable
from optix.kernel.quote import Quality, Quote, TradingStatus
from optix.kernel.trade import Trade
from optix.platform import bus as keys
from optix.platform.bus import Bus, BusUnavailable, Question
from optix.ports.market_data import (
    ChainKey,
    CorporateActionSource,
    Demand,
    FeedNotice,
    MarketDataProvider,
    MarketUpdate,
    NoticeState,
    UnknownExpiration,
)
from optix.ports.reference_data import EarningsSource, RateCurveSource

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
        rates: RateCurveSource | None = None,
        earnings: EarningsSource | None = None,
    ) -> None:
        self._provider = provider
        self._bus = bus
        self._clock = clock
        self._epoch = wire.new_epoch(clock)
        self._inputs = MarketInputs(
            provider.clock,
            rate_fallback=rate_fallback,
            actions=provider if isinstance(provider, CorporateActionSource) else None,
            rates=rates,
            earnings=earnings,
            # The simulator's own prices carry dividends as a yield: in cash calls and puts of one
            # strike would disagree.
            cash_dividends=provider.capabilities.quality is not Quality.SIMULATED,
        )
        self._market = FeedState(
            terms=terms,
            inputs=self._inputs,
            market_now_ns=provider.clock.now_ns,
            wall_now_ns=clock.now_ns,
            epoch=self._epoch,
        )
        self._surfaces = Surfaces()
        self._counts = FeedCounts()
        self.metrics = FeedMetrics(
            counts=self._counts,
            rejects=self._market.rejects,
            now_ns=clock.now_ns,
            pricing_backlog=lambda: len(self._due_keys()),
            surface_backlog=lambda: self._surfaces.backlog,
            chains_held=lambda: len(self._market.chains),
        )
        self._quotes_wake = asyncio.Event()
        self._chains_wake = asyncio.Event()
        self._surfaces_wake = asyncio.Event()
        self._pricing = asyncio.Lock()
        self._keeping = asyncio.Lock()  # of quotes: an older one must not be kept after a newer
        self._state = "connecting"
        self._reason = "Connecting to the market feed."
        self._since_ns = clock.now_ns()
        self._last_update_ns = clock.now_ns()
        self._tried = asyncio.Event()  # the provider has been opened, or has failed to
        self._restart = asyncio.Event()
        self._status_wake = asyncio.Event()
        summaries = Summaries(provider, terms, clock, rate_fallback=rate_fallback)
        self._answers = Answers(provider, self, summaries, self._inputs)

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
                tasks.create_task(self._fit_surfaces())
                tasks.create_task(self._inputs.run(self._followed))
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
            self._take_notice(update)
            return
        now_ns = self._clock.now_ns()
        self._last_update_ns = self._counts.last_update_ns = now_ns
        self._counts.receive_lag_seconds = (update.ts_received - update.ts_event) / NANOSECONDS
        if self._state not in {"live", "ended"}:  # an ended recording still shows its last state
            self._set_state("live", "")
        if isinstance(update, Quote):
            self.take_quote(update)
        elif isinstance(update, Trade):
            self._market.take_trade(update)
            self._wake()
        elif isinstance(update, TradingStatus):
            self._market.take_status(update)
            self._wake()
        else:
            self.take_chain(update)

    def _take_notice(self, notice: FeedNotice) -> None:
        if notice.state is NoticeState.GAP:
            self._counts.gaps += 1
        else:
            ended = notice.state is NoticeState.ENDED
            self._set_state("ended" if ended else "live", notice.reason if ended else "")
        self._market.take_notice(notice)
        self._wake()

    def _wake(self) -> None:
        self._counts.updates = self._market.updates
        if self._market.dirty_quotes:
            self._quotes_wake.set()
        if self._market.dirty_chains:
            self._chains_wake.set()

    def take_quote(self, quote: Quote) -> Quote:
        """Take a quote in: flag it, keep it, mark it to be published."""
        held = self._market.take_quote(quote)
        self._wake()
        return held

    def take_chain(self, table: ChainTable) -> None:
        """Take a chain update in, which may span several expirations.

        Raises ProviderUnavailable for a table that no market has.
        """
        self._market.take_chain(table)
        self._wake()

    def rejects(self) -> Mapping[str, int]:
        """What was not taken in, by reason, since the feed began."""
        return self._market.rejects.by_reason

    # Demand

    async def _reconcile_demand(self) -> None:
        while True:
            try:
                topics = await self._bus.leased()
            except BusUnavailable:
                await asyncio.sleep(limits.RECONNECT_SECONDS_FIRST)
                continue
            demand = demand_of(topics)
            if demand != self._market.demand:
                before, self._market.demand = self._market.demand, demand
                if before == Demand():  # until now there was nothing to be silent about
                    self._last_update_ns = self._clock.now_ns()
                self._surfaces.keep(frozenset(demand.chains))
                self._provider.set_demand(demand)
                self._chains_wake.set()
                await self.keep_quotes(before.quotes - demand.quotes)  # which may be old from now
            await asyncio.sleep(limits.DEMAND_RECONCILE_SECONDS)

    # Publishing

    def _followed(self) -> set[str]:
        return {key.underlying for key in self._market.demand.chains}

    def _due_keys(self) -> list[ChainKey]:
        """Return the followed chains that changed, the one that waits longest first."""
        dirty = self._market.dirty_chains
        return sorted(dirty.keys() & self._market.demand.chains, key=lambda key: (dirty[key], key))

    async def _publish_quotes(self) -> None:
        while True:
            await self._quotes_wake.wait()
            self._quotes_wake.clear()
            async with self._keeping:
                message, kept = self._market.quotes_message()
                self._counts.quotes_published += len(kept)
                if not await self._broadcast(message, {keys.QUOTES: kept}):
                    self._say_all_quotes()
            await asyncio.sleep(gathering_seconds(len(kept)))

    async def keep_quotes(self, symbols: Collection[str]) -> None:
        """Keep quotes as they are now for readers that ask."""
        async with self._keeping:
            try:
                await self._bus.keep_fields(keys.QUOTES, self._market.kept_quotes(symbols))
            except BusUnavailable:
                self._say_all_quotes()

    def _say_all_quotes(self) -> None:
        """Say everything again: what Redis has, if it comes back, may be older or nothing."""
        self._market.dirty_quotes = dict.fromkeys(self._market.quotes)
        self._quotes_wake.set()

    async def _publish_chains(self) -> None:
        while True:
            await self._chains_wake.wait()
            self._chains_wake.clear()
            started_ns = self._clock.now_ns()
            due = self._due_keys()
            while due:
                some, due = self._batch_of(due)
                await self._publish_followed(some)
                spent_seconds = (self._clock.now_ns() - started_ns) / NANOSECONDS
                if due and spent_seconds > limits.PRICING_CYCLE_SECONDS_MAX:
                    self._chains_wake.set()  # what is left waits longest, and is first next time
                    break
            spent_seconds = (self._clock.now_ns() - started_ns) / NANOSECONDS
            # Twice the work is rest: many chains at once slow down instead of taking the core that
            # quotes and heartbeats need.
            await asyncio.sleep(max(limits.CHAIN_PUBLISH_SECONDS, 2 * spent_seconds))

    def _batch_of(self, chain_keys: list[ChainKey]) -> tuple[list[ChainKey], list[ChainKey]]:
        """Return the keys of one call of the pricing, at least one, and the others."""
        cost = 0
        for number, key in enumerate(chain_keys):
            cost += self._market.cost_of(key)
            if number and cost > limits.PRICING_COST_MAX:
                return chain_keys[:number], chain_keys[number:]
        return chain_keys, []

    async def _publish_followed(self, chain_keys: Sequence[ChainKey]) -> None:
        """Publish what is followed; one chain that cannot be priced must not end the others."""
        try:
            await self._publish_some(chain_keys)
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
            state = self._market.chains.get(key)
            if state is None:
                raise UnknownExpiration(f"{key.underlying} on {key.expiration} is not loaded.")
            body = await asyncio.to_thread(self._market.chain_body, key)
            await self._bus.keep(keys.CHAIN + wire.chain_field(key), body)
            return state.sequence

    async def publish_chains(self, chain_keys: Sequence[ChainKey]) -> None:
        """Price what changed of these expirations, some at a time, and publish it."""
        left = list(chain_keys)
        while left:
            some, left = self._batch_of(left)
            await self._publish_some(some)

    async def _publish_some(self, chain_keys: Sequence[ChainKey]) -> None:
        async with self._pricing:  # numpy uses one core at a time; the loop keeps the other
            works = self._market.due(chain_keys)
            if not works:
                return
            try:
                await self._price(works)
            except BaseException:
                if len(works) > 1:  # each is tried by itself
                    self._market.give_back(works)
                raise

    async def _price(self, works: Sequence[Work]) -> None:
        started_ns = self._clock.now_ns()
        priced = await asyncio.to_thread(price_works, works)
        spent_seconds = (self._clock.now_ns() - started_ns) / NANOSECONDS
        self._counts.pricing_runs += 1
        self._counts.pricing_seconds += spent_seconds
        self._counts.pricing_seconds_last = spent_seconds
        for work, chain in zip(works, priced, strict=True):
            if work.state.key in self._market.demand.chains:
                self._surfaces.offer(work.state.key.underlying, slices_of(work, chain))
                self._surfaces_wake.set()
        message = self._market.chains_message(works, priced)
        if message is not None:
            self._counts.chains_published += len(works)
            await self._broadcast(message, {})

    async def _fit_surfaces(self) -> None:
        """Fit surfaces one after the other, with rests that leave the core to quotes."""
        while True:
            underlying = self._surfaces.next_due()
            if underlying is None:
                self._surfaces_wake.clear()
                await self._surfaces_wake.wait()
                continue
            started_ns = self._clock.now_ns()
            try:
                headers = await asyncio.to_thread(self._surfaces.fit, underlying)
            except Exception:
                log.exception("feed.surface_failed", underlying=underlying)
                headers = {}
            spent_seconds = (self._clock.now_ns() - started_ns) / NANOSECONDS
            self._counts.surface_runs += 1
            self._counts.surface_seconds += spent_seconds
            self._market.say_surfaces(underlying, headers)
            self._wake()
            await asyncio.sleep(rest_seconds(spent_seconds))

    async def _broadcast(self, message: bytes, keep: Mapping[str, dict[str, bytes]]) -> bool:
        """Publish, and tell whether it was."""
        self._counts.messages += 1
        self._counts.message_bytes += len(message)
        try:
            await self._bus.publish(message, keep=dict(keep))
        except BusUnavailable:
            log.warning("feed.publish_failed")
            await asyncio.sleep(limits.RECONNECT_SECONDS_FIRST)
            return False
        return True

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
        demand = self._market.demand
        wanted = demand.quotes or demand.chains
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

    async def _answer(self, question: Question) -> Any:
        # A provider that is just being opened knows nothing yet: it would deny what it will have.
        await self._tried.wait()
        return await self._answers.answer(question)

    def follows_quote(self, symbol: str) -> bool:
        """Tell whether a quote is here that the provider keeps up to date."""
        return symbol in self._market.quotes and symbol in self._market.demand.quotes

    def find_chain(self, key: ChainKey) -> ChainState | None:
        """Return the state of an expiration, if the feed holds it."""
        return self._market.chains.get(key)

    async def ensure_chain(self, key: ChainKey, *, age_seconds_max: float) -> None:
        """Hold an expiration that is followed live or was fetched at most that long ago.

        Raises UnknownSymbol, UnknownExpiration or ProviderUnavailable.
        """
        state = self._market.chains.get(key)
        if state is not None:
            age_ns = self._clock.now_ns() - state.loaded_ns
            if key in self._market.demand.chains or age_ns <= age_seconds_max * NANOSECONDS:
                return
        self.take_chain(await self._provider.fetch_chain(key))
        if key not in self._market.chains:
            raise UnknownExpiration(f"{key.underlying} has no contracts on {key.expiration}.")
