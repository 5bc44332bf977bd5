"""One provider among others: kept open, listened to, and judged by what comes from it.

A member opens its provider again by itself, with pauses that grow and so many times a minute. It
never stops the others: whatever its provider raises ends here, as a state with a sentence.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from math import inf, nan
from typing import Final

import structlog

from optix.adapters.market_data.failover.door import UNREADABLE, fault_of
from optix.adapters.market_data.failover.health import Breaker, Errors, Outcomes
from optix.adapters.market_data.failover.selection import LIVE_KINDS, Candidate
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quality, Quote
from optix.ports.market_data import (
    Capabilities,
    DataKind,
    Demand,
    FeedNotice,
    HealthReporter,
    MarketDataProvider,
    MarketUpdate,
    ProviderHealth,
)

Sleep = Callable[[float], Awaitable[None]]
Sink = Callable[["Member", MarketUpdate], Awaitable[None]]

REFUSED_KINDS: Final = frozenset({"auth_expired", "unauthenticated", "forbidden"})
LOST: Final = "lost"
SILENT: Final = "silent"
FAILED: Final = "failed"

log = structlog.get_logger(__name__)


class Member:
    """Supervises one provider. `run` works until it is cancelled."""

    def __init__(
        self,
        provider: MarketDataProvider,
        clock: Clock,
        *,
        sink: Sink,
        is_ticking: Callable[[int], bool],
        sleep: Sleep,
    ) -> None:
        self.provider = provider
        self.name = provider.capabilities.name
        self.state = "connecting"
        self.reason = f"{provider.capabilities.label} is being opened."
        self.tried = asyncio.Event()  # it was opened once, or could not be
        self.demand = Demand()
        self.outcomes: defaultdict[DataKind, Outcomes] = defaultdict(Outcomes)
        self.breakers: defaultdict[DataKind, Breaker] = defaultdict(Breaker)
        self.errors = Errors()
        self.reconnects = 0
        self._clock = clock
        self._sink = sink
        self._is_ticking = is_ticking
        self._sleep = sleep
        self._since_ns = self._opened_ns = clock.now_ns()
        # Since when silence counts: of all it sends, and of chains alone.
        self._wanted_ns = self._chains_wanted_ns = self._opened_ns
        self._connecting_ns = self._opened_ns  # by its own word, since when
        self._last_ns: defaultdict[DataKind, int] = defaultdict(int)
        self._well_ns: dict[DataKind, int] = {}
        self._lag_seconds = nan
        self._opens: deque[int] = deque(maxlen=limits.FAILOVER_OPENS_PER_MINUTE_MAX)
        self._restart = asyncio.Event()
        self._jitter = random.Random(self.name)  # noqa: S311  # spreads reconnects, hides nothing

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    @property
    def is_open(self) -> bool:
        return self.state == "live"

    def set_demand(self, demand: Demand) -> None:
        if demand == self.demand:
            return
        if not self.demand.quotes and not self.demand.chains:
            self._wanted_ns = self._clock.now_ns()  # until now there was nothing to be silent about
        self.demand = demand
        self.provider.set_demand(demand)

    # Supervision

    def begin(self) -> None:
        """Forget how it went the last time; what counts against it stays counted."""
        self._set_state("connecting", f"{self.capabilities.label} is being opened.")
        self.tried.clear()

    async def run(self) -> None:
        """Keep the provider open until cancelled. Effects: closes it at the end."""
        pause = limits.RECONNECT_SECONDS_FIRST
        try:
            while True:
                await self._wait_for_a_turn()
                refused = False
                try:
                    reason = await self._live()
                except OptixError as error:
                    refused = error.kind in REFUSED_KINDS
                    reason = f"{error.detail} {error.next_step}" if refused else error.detail
                    self._note_error(LOST)
                except TimeoutError:
                    reason = "It could not be opened in time."
                    self._note_error(LOST)
                except Exception:
                    log.exception("failover.member_failed", provider=self.name)
                    reason = "Its adapter failed."
                    self._note_error(FAILED)
                lived_ns = self._clock.now_ns() - self._opened_ns
                if self.is_open and lived_ns > 60 * NANOSECONDS:
                    pause = limits.RECONNECT_SECONDS_FIRST
                self._set_state("down", reason)
                await self._close()
                waited = limits.FAILOVER_REFUSED_SECONDS if refused else pause
                await self._sleep(waited * self._jitter.uniform(0.8, 1.0))
                pause = min(pause * 2, limits.RECONNECT_SECONDS_MAX)
        finally:
            await self._close()

    async def _wait_for_a_turn(self) -> None:
        """Wait until opening once more keeps to the bound of a minute."""
        while len(self._opens) == self._opens.maxlen:
            age_seconds = (self._clock.now_ns() - self._opens[0]) / NANOSECONDS
            if age_seconds >= 60.0:
                break
            self._set_state("down", self.reason or "It was opened too often and waits a moment.")
            await self._sleep(60.0 - age_seconds)
        self.reconnects += bool(self._opens)
        self._opens.append(self._clock.now_ns())

    async def _live(self) -> str:
        """Open the provider and take its updates until it ends; return why it did."""
        self._restart.clear()
        async with asyncio.timeout(limits.FAILOVER_OPEN_SECONDS_MAX):
            await self.provider.open()
        self._opened_ns = self._wanted_ns = self._clock.now_ns()
        self._last_ns.clear()
        self.provider.set_demand(self.demand)
        self._set_state("live", "")
        listening = asyncio.ensure_future(self._listen())
        silence = asyncio.ensure_future(self._restart.wait())
        try:
            await asyncio.wait({listening, silence}, return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                self._note_error(SILENT)
                return "It was connected but silent."
            await listening
            return "It ended its stream."
        finally:
            for task in (listening, silence):
                task.cancel()
            await asyncio.gather(listening, silence, return_exceptions=True)

    async def _listen(self) -> None:
        async for update in self.provider.iter_updates():
            if isinstance(update, FeedNotice):
                await self._sink(self, update)
                continue
            now_ns = self._clock.now_ns()
            fault = fault_of(update, now_ns)
            for kind in LIVE_KINDS if fault == UNREADABLE else (kind_of(update),):
                self.outcomes[kind].note(now_ns, good=fault is None)
            if fault is not None:
                self.errors.note(fault, now_ns)
                continue
            self._last_ns[kind_of(update)] = now_ns
            self._lag_seconds = (update.ts_received - update.ts_event) / NANOSECONDS
            await self._sink(self, update)

    async def _close(self) -> None:
        try:
            await self.provider.close()
        except Exception:
            log.exception("failover.close_failed", provider=self.name)

    def _note_error(self, reason: str) -> None:
        self.errors.note(reason, self._clock.now_ns())

    def _set_state(self, state: str, reason: str) -> None:
        if state != self.state:
            say = log.info if state == "live" else log.warning
            say("failover.member", provider=self.name, state=state, reason=reason)
            self._since_ns = self._clock.now_ns()
        self.state, self.reason = state, reason
        self.tried.set()

    # Judgement

    def check_silence(self, now_ns: int) -> None:
        """Open the provider anew where it is silent for far too long."""
        if self.is_open and self._silent_for(now_ns) > 3 * self._silence_seconds_max():
            self._restart.set()

    def candidate(self, kind: DataKind, now_ns: int) -> Candidate:
        """Return how this provider stands for one kind of data. Remembers since when."""
        why_not = self._why_not(kind, now_ns)
        if why_not:
            self._well_ns.pop(kind, None)
        else:
            self._well_ns.setdefault(kind, now_ns)
        since_ns = self._well_ns.get(kind)
        ticked = max(self._last_ns.values(), default=0)
        followed = bool(self.demand.quotes or self.demand.chains) and self._is_ticking(now_ns)
        return Candidate(
            name=self.name,
            realtime=self.capabilities.quality is Quality.REALTIME,
            well_since_ns=since_ns,
            proved=not followed or (since_ns is not None and ticked >= since_ns),
            why_not=why_not,
        )

    def _why_not(self, kind: DataKind, now_ns: int) -> str:
        """Return why this provider cannot serve a kind now, empty where it can."""
        if not self.is_open:
            return self.reason
        own = self._own_word(now_ns) if kind in LIVE_KINDS else ""
        if own:
            return own
        if self.outcomes[kind].is_failing(now_ns):
            return "Most of what it sends cannot be used."
        if kind not in LIVE_KINDS:
            return ""  # it answers questions also while nothing moves
        if self._silent_for(now_ns) > self._silence_seconds_max():
            return "It is connected but silent."
        if kind is DataKind.CHAINS and self._chains_silent_for(now_ns) > self._chain_silence():
            return "It is connected but sends no chains."
        return ""

    def _own_word(self, now_ns: int) -> str:
        """Return why a provider that looks after itself says that it is not well.

        One that was just told what is wanted may connect for a moment: it is not left for that.
        """
        own = self._own_health()
        if own is None or own.state != "connecting":
            self._connecting_ns = now_ns
        if own is None or own.state in {"live", "idle"}:
            return ""
        connecting_seconds = (now_ns - self._connecting_ns) / NANOSECONDS
        if own.state == "connecting" and connecting_seconds <= limits.FAILOVER_START_SECONDS:
            return ""
        return own.reason or f"It is {own.state}."

    def _silence_seconds_max(self) -> float:
        named = self.capabilities.silence_seconds_max
        if named is not None:
            return named
        return inf if self.capabilities.streaming else limits.FAILOVER_POLLED_SILENCE_SECONDS

    def _chain_silence(self) -> float:
        return max(limits.FAILOVER_CHAIN_SILENCE_SECONDS, self._silence_seconds_max())

    def _silent_for(self, now_ns: int) -> float:
        """Return for how many seconds nothing came, 0 where nothing should."""
        if not (self.demand.quotes or self.demand.chains) or not self._is_ticking(now_ns):
            self._wanted_ns = now_ns
            return 0.0
        latest = max(self._last_ns.values(), default=0)
        return (now_ns - max(latest, self._wanted_ns)) / NANOSECONDS

    def _chains_silent_for(self, now_ns: int) -> float:
        if not self.demand.chains:
            self._chains_wanted_ns = now_ns
        latest = max(self._last_ns[DataKind.CHAINS], self._wanted_ns, self._chains_wanted_ns)
        return (now_ns - latest) / NANOSECONDS

    def health(self, serves: frozenset[DataKind], subscribed: int) -> ProviderHealth:
        """Return how this provider does now."""
        now_ns = self._clock.now_ns()
        own = self._own_health()
        why_not = next((w for k in DataKind if (w := self._why_not(k, now_ns))), "")
        state = self.state
        if self.is_open and why_not:
            state = "stale"
        elif self.is_open and not (self.demand.quotes or self.demand.chains):
            state = "idle"
        errors = Counter(self.errors.by_reason)
        errors.update(own.errors if own else {})
        return ProviderHealth(
            name=self.name,
            label=self.capabilities.label,
            state=state,
            reason=why_not or self.reason,
            serves=serves,
            quality=self.capabilities.quality,
            since_ns=self._since_ns,
            last_update_ns=max(self._last_ns.values(), default=0),
            errors_per_minute=self.errors.per_minute(now_ns),
            error_rate=max((o.error_rate(now_ns) for o in self.outcomes.values()), default=0.0),
            reconnects=self.reconnects + (own.reconnects if own else 0),
            subscribed=subscribed,
            symbols_max=self.capabilities.symbols_max,
            requests_left=own.requests_left if own else None,
            lag_seconds=self._lag_seconds,
            errors=dict(errors),
        )

    def _own_health(self) -> ProviderHealth | None:
        if not isinstance(self.provider, HealthReporter):
            return None
        return next(iter(self.provider.health()), None)


def kind_of(update: object) -> DataKind:
    """Return the kind of data an update counts for."""
    if isinstance(update, Quote):
        return DataKind.QUOTES
    return DataKind.CHAINS if isinstance(update, ChainTable) else DataKind.TRADES
