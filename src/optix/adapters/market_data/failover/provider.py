"""Several market data providers behind the port of one. See README.md for the rules it keeps."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeVar

from optix.adapters.market_data.failover.member import Member, Sleep
from optix.adapters.market_data.failover.outbox import Outbox
from optix.adapters.market_data.failover.plan import Plan
from optix.adapters.market_data.failover.questions import Questions
from optix.adapters.market_data.failover.summary import capabilities_of
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.corporate import CorporateAction
from optix.kernel.errors import OptixError
from optix.kernel.quote import Quote
from optix.ports.market_data import (
    BarInterval,
    Bars,
    Capabilities,
    ChainHistorySource,
    ChainKey,
    CorporateActionSource,
    DataKind,
    Demand,
    Expiration,
    FeedNotice,
    MarketDataProvider,
    MarketUpdate,
    NoticeState,
    ProviderHealth,
    ProviderSwitch,
    ProviderUnavailable,
    SymbolInfo,
    UnsupportedRequest,
)

T = TypeVar("T")


class FailoverMarketData:
    """Implements `ports.market_data.MarketDataProvider`, and its optional parts where members do.

    `orders` names the members of a kind by preference; a kind without an own order has that of
    `providers`. `is_ticking` tells whether prices should move at an instant. `sleep` waits as
    `asyncio.sleep` does; tests bring their own time.
    """

    def __init__(
        self,
        providers: Sequence[MarketDataProvider],
        *,
        clock: Clock,
        orders: Mapping[DataKind, Sequence[str]] | None = None,
        keep_order: bool = False,
        is_ticking: Callable[[int], bool] = lambda _: True,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        assert 0 < len(providers) <= limits.FAILOVER_MEMBERS_MAX, "too many or no providers"
        self._clock = clock
        self._sleep = sleep
        self._outbox = Outbox()
        self._members = {
            provider.capabilities.name: Member(
                provider, clock, sink=self._take, is_ticking=is_ticking, sleep=sleep
            )
            for provider in providers
        }
        assert len(self._members) == len(providers), "two providers of one name"
        self._is_ticking = is_ticking
        self._plan = Plan(
            list(self._members.values()), orders or {}, keep_order=keep_order, now_ns=clock.now_ns()
        )
        self._questions = Questions(clock)
        self._switches: deque[ProviderSwitch] = deque(maxlen=limits.FAILOVER_SWITCHES_KEPT_MAX)
        self._tasks: list[asyncio.Task[None]] = []
        self._fetching: dict[object, asyncio.Task[None]] = {}
        self._fetched_ns: dict[object, int] = {}  # when it was tried, by topic
        self._polled_ns: dict[object, int] = {}  # when that gave an answer
        self._lost_since_ns: int | None = None
        self._uncertain_since_ns: dict[object, int] = {}
        self._last_taken_ns = 0
        self._closed = True

    # The port

    @property
    def clock(self) -> Clock:
        return next(iter(self._members.values())).provider.clock

    @property
    def capabilities(self) -> Capabilities:
        """What the members can do together, under the name of the one whose quotes are shown."""
        return capabilities_of(
            self._plan.shown(),
            self._plan.preferred(),
            list(self._members.values()),
            is_ticking=self._is_ticking(self._clock.now_ns()),
        )

    async def open(self) -> None:
        """Open all members; return when the preferred one is, or after a moment any other.

        The others go on trying. Errors: ProviderUnavailable when the first try of each has failed.
        """
        if self._tasks:
            return
        self._closed = False
        self._lost_since_ns = None
        for member in self._members.values():
            member.begin()
            self._tasks.append(asyncio.create_task(member.run(), name=f"feed.{member.name}"))
        self._tasks.append(asyncio.create_task(self._watch(), name="feed.failover"))
        try:
            await self._wait_for_one()
        except BaseException:
            await self.close()
            raise
        self._check()

    async def _wait_for_one(self) -> None:
        """Return when questions can be asked. Raises ProviderUnavailable when none could be opened.

        A question right after would else go to whoever opens fastest.
        """
        members, preferred = self._members.values(), self._plan.preferred()
        trying = {asyncio.ensure_future(member.tried.wait()) for member in members}
        moment = asyncio.ensure_future(self._sleep(limits.FAILOVER_START_SECONDS))
        waiting: set[asyncio.Future[Any]] = {*trying, moment}
        try:
            while not preferred.is_open and waiting - {moment}:
                if moment.done() and any(member.is_open for member in members):
                    break
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if not any(member.is_open for member in members):
            raise self._all_away()

    async def close(self) -> None:
        self._closed = True
        self._outbox.wake()
        await self._questions.close()
        tasks = [*self._tasks, *self._fetching.values()]
        self._tasks, self._fetching = [], {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._outbox.clear()

    def set_demand(self, demand: Demand) -> None:
        self._plan.demand = demand
        self._plan.share_out()

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        while not self._closed:
            update = self._outbox.take()
            if update is not None:
                yield update
                continue
            if self._is_lost():
                raise self._all_away()
            await self._outbox.wait()

    async def fetch_quote(self, symbol: str) -> Quote:
        member, quote = await self._ask(
            DataKind.QUOTES, symbol, lambda provider: provider.fetch_quote(symbol)
        )
        return self._plan.gate.answer_quote(member.name, quote)

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        _, found = await self._ask(
            DataKind.CHAINS,
            ("expirations", underlying),
            lambda provider: provider.fetch_expirations(underlying),
        )
        self._plan.learn_sizes(underlying, found)
        return found

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        member, table = await self._ask(
            DataKind.CHAINS, key, lambda provider: provider.fetch_chain(key)
        )
        return self._plan.gate.answer_chain(member.name, key, table)

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        members = [
            member
            for member in self._plan.ordered(DataKind.BARS)
            if interval in member.capabilities.intervals
        ]
        if not members:
            raise UnsupportedRequest(f"None of the market feeds has bars of {interval}.")
        _, bars = await self._ask(
            DataKind.BARS,
            (symbol, interval, start, end),
            lambda provider: provider.fetch_bars(symbol, interval, start=start, end=end),
            members,
        )
        return bars

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        _, found = await self._ask(
            DataKind.SEARCH, (text, limit), lambda provider: provider.search(text, limit=limit)
        )
        return found

    async def fetch_corporate_actions(
        self, symbol: str, *, start: date, end: date
    ) -> Sequence[CorporateAction]:
        async def fetch(provider: MarketDataProvider) -> Sequence[CorporateAction]:
            assert isinstance(provider, CorporateActionSource), "the plan names only such"
            return await provider.fetch_corporate_actions(symbol, start=start, end=end)

        _, actions = await self._ask(DataKind.CORPORATE_ACTIONS, (symbol, start, end), fetch)
        return actions

    async def iter_chain_history(
        self, underlying: str, *, start: date, end: date
    ) -> AsyncIterator[ChainTable]:
        """Yield from the first member that can begin: two halves of two sources are no history."""
        refusal: OptixError = UnsupportedRequest("None of the market feeds has past chains.")
        for member in self._plan.ordered(DataKind.CHAIN_HISTORY):
            provider = member.provider
            assert isinstance(provider, ChainHistorySource), "the plan names only such"
            begun = False
            try:
                async for table in provider.iter_chain_history(underlying, start=start, end=end):
                    begun = True
                    yield table
            except OptixError as error:
                if begun:
                    raise
                refusal = error
            else:
                return
        raise refusal

    # What it says of itself

    def health(self) -> Sequence[ProviderHealth]:
        return [
            member.health(self._plan.serves(member), self._plan.subscribed(member))
            for member in self._members.values()
        ]

    def switches(self) -> Sequence[ProviderSwitch]:
        oldest_ns = self._clock.now_ns() - 3_600 * NANOSECONDS
        return [switch for switch in self._switches if switch.ts >= oldest_ns]

    # Inside

    async def _ask(
        self,
        kind: DataKind,
        name: object,
        call: Callable[[MarketDataProvider], Awaitable[T]],
        members: Sequence[Member] | None = None,
    ) -> tuple[Member, T]:
        asked = self._plan.ordered(kind) if members is None else members
        return await self._questions.ask(kind, name, asked, call)

    async def _take(self, member: Member, update: MarketUpdate) -> None:
        """Pass on what a member sent, as far as it may pass."""
        await self._outbox.wait_for_room()
        if isinstance(update, FeedNotice):
            if update.state is NoticeState.GAP and self._plan.serves(member):
                self._outbox.say(update)
            return
        self._last_taken_ns = max(self._last_taken_ns, update.ts_received)
        for passed in self._plan.gate.take(member.name, update):
            self._plan.learn_size(passed)
            self._outbox.say(passed)

    async def _watch(self) -> None:
        while True:
            await self._sleep(limits.FAILOVER_CHECK_SECONDS)
            self._check()

    def _check(self) -> None:
        """Look at all members: who serves what, what is stale, what must be fetched."""
        now_ns = self._clock.now_ns()
        for member in self._members.values():
            member.check_silence(now_ns)
        for switch in self._plan.choose(now_ns):
            self._switches.append(switch)
            if switch.source:
                self._outbox.say(self._gap_of(switch))
        self._plan.share_out()
        self._say_stale(now_ns)
        self._fetch_missing(now_ns)
        if any(member.is_open for member in self._members.values()):
            self._lost_since_ns = None
        elif self._lost_since_ns is None:
            self._lost_since_ns = now_ns
        self._outbox.wake()

    def _gap_of(self, switch: ProviderSwitch) -> FeedNotice:
        source, target = (
            self._members[n].capabilities.label for n in (switch.source, switch.target)
        )
        return FeedNotice(
            state=NoticeState.GAP,
            reason=f"{target} serves {switch.kind} instead of {source}: {switch.reason}",
            ts_event=switch.ts,
            ts_from=min(self._last_taken_ns, switch.ts),
            symbols=self._plan.symbols_of(switch.kind),
        )

    def _say_stale(self, now_ns: int) -> None:
        """Say of numbers whose provider is gone, or no longer theirs, that they are stale."""
        oldest_ns = now_ns - int(3 * limits.FAILOVER_POLL_SECONDS * NANOSECONDS)
        polled = [t for t in self._plan.polled() if self._polled_ns.get(t, 0) < oldest_ns]
        uncertain = [*self._plan.uncertain(), *polled]
        self._uncertain_since_ns = {
            topic: self._uncertain_since_ns.get(topic, now_ns) for topic in uncertain
        }
        oldest_ns = now_ns - int(limits.FAILOVER_STALE_SECONDS * NANOSECONDS)
        due = [topic for topic in uncertain if self._uncertain_since_ns[topic] <= oldest_ns]
        for update in self._plan.gate.stale(due):
            self._outbox.say(update)

    def _fetch_missing(self, now_ns: int) -> None:
        """Fetch whole chains that begin anew, and in turns what nobody has room to follow."""
        every_ns = int(limits.FAILOVER_POLL_SECONDS * NANOSECONDS)
        wanted = [*self._plan.missing(), *self._plan.polled()]
        for seen in (self._fetched_ns, self._polled_ns):
            for topic in seen.keys() - set(wanted):
                del seen[topic]
        due = [t for t in wanted if now_ns - self._fetched_ns.get(t, -every_ns) >= every_ns]
        due.sort(key=lambda topic: self._fetched_ns.get(topic, 0))
        room = limits.FAILOVER_FETCHES_AT_ONCE_MAX - len(self._fetching)
        for topic in [topic for topic in due if topic not in self._fetching][: max(0, room)]:
            self._fetched_ns[topic] = now_ns
            task = asyncio.create_task(self._fetch(topic))
            self._fetching[topic] = task
            task.add_done_callback(partial(self._fetched, topic))

    def _fetched(self, topic: str | ChainKey, task: asyncio.Task[None]) -> None:
        if self._fetching.get(topic) is task:
            del self._fetching[topic]

    async def _fetch(self, topic: str | ChainKey) -> None:
        kind = DataKind.QUOTES if isinstance(topic, str) else DataKind.CHAINS
        owner = self._plan.owner_of(topic)
        members = self._plan.ordered(kind) if owner is None else [owner]

        async def call(provider: MarketDataProvider) -> Quote | ChainTable:
            if isinstance(topic, str):
                return await provider.fetch_quote(topic)
            return await provider.fetch_chain(topic)

        try:
            member, update = await self._ask(kind, ("missing", topic), call, members)
        except OptixError:
            return  # what was given turns stale, and it is tried again
        self._polled_ns[topic] = self._clock.now_ns()
        for passed in self._plan.gate.fetched(member.name, update):
            self._plan.learn_size(passed)
            self._outbox.say(passed)

    def _is_lost(self) -> bool:
        """True where nobody has been there for longer than numbers need to turn stale."""
        since_ns = self._lost_since_ns
        if since_ns is None:
            return False
        return self._clock.now_ns() - since_ns > limits.FAILOVER_LOST_SECONDS * NANOSECONDS

    def _all_away(self) -> ProviderUnavailable:
        said = " ".join(f"{m.capabilities.label}: {m.reason}" for m in self._members.values())
        return ProviderUnavailable(f"No market feed answers. {said}")
