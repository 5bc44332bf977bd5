"""The book: a replica in memory of what the feed publishes, for the API and the stream.

Readers never ask Redis per request. The book follows the bus, loads what somebody is interested in,
renews the leases for it, and lets go of what nobody looks at. It is the only place that decides
whether the market is alive: a feed that says nothing for five seconds is down, whatever its last
word was.

What clients are sent is kept in the slots of a fan-out, as rows of the wire: whoever asks for a
quote or a chain of the stream is told where its slots are, and hears of them again only when a
chain is listed anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan
from typing import Any

import orjson
import structlog

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.chain_slots import ChainSlots, ListedChains, Surroundings
from optix.features.market.quote_loader import QuoteLoader
from optix.features.market.quote_slots import QuoteReplica, QuoteSlot, QuoteSlots
from optix.features.market.quotes import spot_price_of
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock
from optix.kernel.errors import NotFound, OptixError, Unavailable
from optix.kernel.quote import Quality
from optix.platform import bus as keys
from optix.platform.bus import Bus, BusUnavailable, FeedUnavailable
from optix.platform.fanout.core import FanOut
from optix.ports.market_data import ChainKey

log = structlog.get_logger(__name__)

Listener = Callable[[str], None]  # called with the topic that changed, or "status"


@dataclass(slots=True)
class _Loading:
    """A chain on its way: changes that arrive meanwhile wait here."""

    task: asyncio.Task[ChainReplica]
    changes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listed: tuple[str, int] = ("", 0)  # the last listing told of: epoch and sequence
    again: bool = False  # what was loaded is not the last: load once more

    def is_behind(self, replica: ChainReplica) -> bool:
        """Tell whether what was loaded is older than a listing that was told of meanwhile."""
        epoch, sequence = self.listed
        return bool(epoch) and (epoch != replica.epoch or sequence > replica.sequence)


class MarketBook:
    """The component that keeps the replica. One per process, shared by all its readers."""

    def __init__(self, bus: Bus, clock: Clock, *, fan: FanOut, name: str = "book") -> None:
        self.name = name
        self.fan = fan
        self._bus = bus
        self._clock = clock
        self.quotes = QuoteSlots(fan)
        self.chains: dict[ChainKey, ChainReplica] = {}
        self._listed = ListedChains(fan)
        self._loading: dict[ChainKey, _Loading] = {}
        self._status: wire.FeedStatusMessage | None = None
        self._heard_ns = clock.now_ns()
        self._told: tuple[str, ...] = ()
        self._epoch = ""
        self._batch = 0
        self._held: Counter[str] = Counter()
        self._touched: dict[str, int] = {}
        self._listeners: set[Listener] = set()
        self._background: set[asyncio.Future[Any]] = set()
        self._is_behind = False  # something could not be loaded again
        self._updates = bus.follow(self._receive)
        self._loader = QuoteLoader(
            self.quotes, bus, self._updates, ask=self.ask, epoch=lambda: self._epoch
        )

    async def run(self) -> None:
        """Follow the bus until cancelled. Effects: renews leases in `md.demand`."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._updates.run())
            tasks.create_task(self._renew_leases())
            tasks.create_task(self._watch())

    async def ping(self) -> None:
        """Raise Unavailable when the bus is away. A feed that is away is told, not waited for."""
        await self._bus.ping()

    async def ping_feed(self) -> None:
        """Raise Unavailable when the feed is not alive."""
        status = self.feed_status()
        if status.state in {"down", "connecting"}:
            raise Unavailable(status.reason)

    # State of the feed

    def feed_status(self) -> wire.FeedStatusMessage:
        """Return the feed's status as it is now, by its own word or by its silence."""
        silent = self._is_silent()
        status = self._status
        if status is None:
            return _no_status(self._clock.now_ns(), self._heard_ns, silent=silent)
        if not silent or status.state in {"down", "ended"}:
            return status
        return replace(
            status,
            state="down",
            reason="The market feed has stopped. Waiting for it to come back.",
            since=self._heard_ns,
        )

    def quality_now(self, quality: str) -> Quality:
        """Return what a number of `quality` is worth now: stale when its feed is not alive."""
        if self.feed_status().state in {"live", "ended"}:
            return Quality(quality)
        return Quality.STALE

    def market_now_ns(self) -> int:
        """Return the market clock; the wall clock before any feed was heard."""
        status = self._status
        return self._clock.now_ns() if status is None else status.market_now_ns(self._clock)

    # Interest

    def hold(self, topics: Iterable[str]) -> None:
        """Keep topics alive until `release`: a socket looks at them."""
        self._held.update(topics)

    def release(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self._held[topic] -= 1
            if self._held[topic] <= 0:
                del self._held[topic]
                self._touched[topic] = self._clock.now_ns()

    def _touch(self, topic: str) -> None:
        self._touched[topic] = self._clock.now_ns()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each topic that changes; return the function that ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def _tell(self, topic: str) -> None:
        for listener in tuple(self._listeners):
            listener(topic)

    # Reading

    async def get_quote(self, symbol: str) -> QuoteReplica:
        """Return a quote that is followed from now on.

        Raises UnknownSymbol (a NotFound), FeedUnavailable or BusUnavailable.
        """
        await self._open_quote(symbol)
        return self.quotes[symbol]

    def find_quote(self, symbol: str) -> int:
        """Return when a quote that is followed last changed, and keep it so; 0: load it."""
        topic = wire.quote_topic(symbol)
        if topic not in self._held and topic not in self._touched:
            return 0
        self._touch(topic)
        return self.quotes.sequence_of(symbol) if symbol in self.quotes else 0

    async def open_quote(self, symbol: str) -> QuoteSlot:
        """Return where a quote's rows are that is followed from now on, like `get_quote`.

        The slot lives while its topic is held, and a while longer.
        """
        await self._open_quote(symbol)
        return self.quotes.get_slot(symbol)

    async def _open_quote(self, symbol: str) -> None:
        topic = wire.quote_topic(symbol)
        followed = topic in self._held or topic in self._touched
        self._touch(topic)
        if not followed or symbol not in self.quotes:
            try:
                await self._loader.load(symbol)
            except OptixError:
                if symbol not in self.quotes:
                    self._touched.pop(topic, None)
                    raise

    async def get_chain(self, key: ChainKey) -> ChainReplica:
        """Return a chain that is followed from now on.

        Raises UnknownSymbol or UnknownExpiration (both NotFound), FeedUnavailable, BusUnavailable.
        """
        found = self.find_chain(key)
        if found is not None:
            return found
        topic = wire.chain_topic(key)
        self._touch(topic)
        replica = self.chains.get(key)
        try:
            await self._bus.lease([topic])
            loaded = self.chains.get(key)
            if loaded is not None and loaded is not replica:  # by another reader meanwhile
                return loaded
            return await self._load_chain(key)
        except OptixError as error:
            if replica is not None and not isinstance(error, NotFound):
                return replica  # served as stale: the status says that the feed is away
            self._touched.pop(topic, None)
            raise

    def find_chain(self, key: ChainKey) -> ChainReplica | None:
        """Return a chain that is followed, and keep it so; None where it is to be loaded."""
        topic = wire.chain_topic(key)
        if topic not in self._held and topic not in self._touched:
            return None
        self._touch(topic)
        return self.chains.get(key)

    async def open_chain(self, key: ChainKey, columns: Sequence[str] = ()) -> ChainSlots:
        """Return where a chain's rows are that is followed from now on, like `get_chain`.

        Their JSON has the named columns, all where none are named, and more where a chain is
        followed with too many sets of them. The slots live while the topic is held, and a while
        longer. When the chain is listed anew, listeners hear its topic: the slots are others then.
        """
        underlying = key.underlying
        with contextlib.suppress(OptixError):  # a chain is worth having without its spot
            await self.open_quote(underlying)
        replica = await self.get_chain(key)
        around = Surroundings(
            spot_slot=self.quotes.get_slot(underlying).slot,
            money=lambda: self._money(underlying),
            delay_seconds=lambda: self.feed_status().delay_seconds,
        )
        return self._listed.open(self.chains.get(key, replica), columns, around)

    def _money(self, underlying: str) -> float | None:
        replica = self.quotes.find(underlying)
        price = nan if replica is None else spot_price_of(replica.quote)
        return price if isfinite(price) else None

    async def _load_chain(self, key: ChainKey) -> ChainReplica:
        loading = self._loading.get(key)
        if loading is None:
            loading = _Loading(asyncio.ensure_future(self._fetch_chain(key)))
            self._loading[key] = loading
            loading.task.add_done_callback(lambda _: self._loaded(key))
        return await asyncio.shield(loading.task)

    def _loaded(self, key: ChainKey) -> None:
        if self._loading.pop(key).again:
            self._reload_chain(key)

    async def _fetch_chain(self, key: ChainKey) -> ChainReplica:
        arguments = {"underlying": key.underlying, "expiration": key.expiration.isoformat()}
        failure: OptixError | None = None
        try:
            await self.ask("chain", arguments)
        except FeedUnavailable as error:
            failure = error
        body = await self._bus.kept(keys.CHAIN + wire.chain_field(key))
        if body is None:
            raise failure or FeedUnavailable("The market feed lost this chain. Ask again.")
        if key.underlying not in self.quotes:
            with contextlib.suppress(FeedUnavailable):
                await self._loader.load(key.underlying)
        replica = ChainReplica.load(key, orjson.loads(body))
        loading = self._loading[key]
        behind = loading.is_behind(replica)
        for epoch, change in loading.changes:
            if behind or epoch != replica.epoch or change["s"] <= replica.sequence:
                continue
            behind = change["s"] != replica.sequence + 1
            if not behind:
                replica.apply(change)
        self.chains[key] = replica
        if self._listed.replace(replica):
            self._tell(wire.chain_topic(key))
        loading.again = behind  # a listing in between was missed: rows of the next do not fit
        return replica

    async def ask(self, kind: str, arguments: dict[str, Any]) -> Any:
        """Ask the feed a question, at once refused when the feed is known to be gone."""
        if self._is_silent():
            raise FeedUnavailable(self.feed_status().reason)
        return await self._bus.ask(kind, arguments)

    def _is_silent(self) -> bool:
        return self._clock.now_ns() - self._heard_ns > _SILENCE_NS

    # Following the bus

    def _receive(self, message: bytes | None) -> None:
        if message is None:
            self._reload(anew=True)
        elif message.startswith(wire.QUOTES_HEAD):
            head, _, batch = message.partition(b"\n")
            self._take_quotes(orjson.loads(head), batch)
        else:
            body = orjson.loads(message)
            if body["k"] == "s":
                self._take_status(wire.load_status(body))
            else:
                self._take_update(body)

    def _take_status(self, status: wire.FeedStatusMessage) -> None:
        if self._is_of_older(status.epoch):
            return
        self._heard_ns = self._clock.now_ns()
        self._status = status
        if status.epoch != self._epoch:
            self._begin(status.epoch, 0)
        if self._is_behind:  # the bus carries messages again
            self._reload(anew=True)
        self._tell_status()

    def _is_of_older(self, epoch: str) -> bool:
        """Tell whether a newer feed than this one is there: of two, the newest is believed."""
        return epoch < self._epoch and not self._is_silent()

    def _begin(self, epoch: str, batch: int) -> None:
        """Another run of the feed is heard, which has said this many messages."""
        self._epoch, self._batch = epoch, batch
        self.quotes.unbind()
        self._reload()

    def _is_next(self, epoch: str, batch: int) -> bool:
        """Count a message in. Tell whether it is to be taken; what was missed is loaded."""
        if self._is_of_older(epoch):
            return False
        if epoch != self._epoch:
            self._begin(epoch, batch)
        elif self._batch and batch <= self._batch:
            return False  # told twice
        elif self._batch and batch != self._batch + 1:
            self._reload()
        self._batch = batch
        return True

    def _tell_status(self) -> None:
        status = self.feed_status()
        said = (status.epoch, status.source, status.state, status.reason, status.notice)
        if said != self._told:
            self._told = said
            self._tell("status")

    def _take_update(self, body: dict[str, Any]) -> None:
        if not self._is_next(body["e"], body["b"]):
            return
        for change in body.get("c", ()):
            self._take_change(body["e"], change)
        for underlying, expiration, sequence in body.get("l", ()):
            self._take_listing(_key_of(underlying, expiration), body["e"], sequence)

    def _take_quotes(self, head: dict[str, Any], batch: bytes) -> None:
        if self._is_next(head["e"], head["b"]):
            self.quotes.bind_held(head["n"])
            self.quotes.take(batch)

    def _take_change(self, epoch: str, change: dict[str, Any]) -> None:
        key = _key_of(change["u"], change["x"])
        loading = self._loading.get(key)
        if loading is not None:
            loading.changes.append((epoch, change))
        replica = self.chains.get(key)
        if replica is None:
            return
        if epoch != replica.epoch or change["s"] > replica.sequence + 1:
            self._reload_chain(key)
        elif change["s"] == replica.sequence + 1:
            positions = replica.apply(change)
            self._listed.change(key, positions, header=change["h"] is not None)

    def _take_listing(self, key: ChainKey, epoch: str, sequence: int) -> None:
        loading = self._loading.get(key)
        if loading is not None:
            loading.listed = (epoch, sequence)
            return
        replica = self.chains.get(key)
        if replica is not None and (epoch != replica.epoch or sequence > replica.sequence):
            self._reload_chain(key)

    def _reload(self, *, anew: bool = False) -> None:
        """Load everything that somebody looks at: messages may have been missed.

        With `anew` not even what Redis keeps is believed: it may be an earlier state.
        """
        self._is_behind = False
        for key in tuple(self.chains):
            self._reload_chain(key)
        symbols = set(self.quotes.symbols)
        for topic in self._held:
            symbol = wire.parse_topic(topic)
            if isinstance(symbol, str):  # also one that could not be loaded before
                symbols.add(symbol)
        for symbol in symbols:
            self._in_background(self._loader.load(symbol, anew=anew))

    def _reload_chain(self, key: ChainKey) -> None:
        if key not in self.chains or key in self._loading:
            return
        topic = wire.chain_topic(key)
        if topic in self._held or topic in self._touched:
            self._in_background(self._load_chain(key))
        else:
            self._drop_chain(key)

    def _in_background(self, work: Any) -> None:
        """Run `work`, whose failure the next reader will meet and report.

        Where the bus failed it is done again with the next word of the feed: without another
        change nothing else would tell that a number is old.
        """
        task = asyncio.ensure_future(work)
        self._background.add(task)

        def done(finished: asyncio.Future[Any]) -> None:
            self._background.discard(finished)
            if not finished.cancelled() and (error := finished.exception()) is not None:
                self._is_behind = self._is_behind or isinstance(error, BusUnavailable)
                log.info("book.reload_failed", error=str(error))

        task.add_done_callback(done)

    # Upkeep

    async def _renew_leases(self) -> None:
        while True:
            self._forget()
            topics = [*self._held, *self._touched]
            with contextlib.suppress(BusUnavailable):
                await self._bus.lease(topics)
            await asyncio.sleep(limits.LEASE_RENEW_SECONDS)

    def _drop_chain(self, key: ChainKey) -> None:
        del self.chains[key]
        self._listed.drop(key)

    def _forget(self) -> None:
        for underlying in self._listed.underlyings:  # who looks at a chain looks at its spot
            self._touch(wire.quote_topic(underlying))
        oldest_ns = self._clock.now_ns() - int(limits.INTEREST_SECONDS * NANOSECONDS)
        for topic in [t for t, at in self._touched.items() if at < oldest_ns]:
            del self._touched[topic]
        for key in tuple(self.chains):
            topic = wire.chain_topic(key)
            if topic not in self._held and topic not in self._touched:
                self._drop_chain(key)
        self._listed.sweep()
        # An old number must not be there when somebody begins to look at it again.
        for symbol in self.quotes.symbols:
            topic = wire.quote_topic(symbol)
            if topic not in self._held and topic not in self._touched:
                self.quotes.remove(symbol)

    async def _watch(self) -> None:
        """Tell listeners when the feed falls silent: nobody else would."""
        loop, pause = asyncio.get_running_loop(), limits.FEED_HEARTBEAT_SECONDS / 2
        while True:
            began = loop.time()
            await asyncio.sleep(pause)
            # Nor is the feed silent while this process does not listen.
            self._heard_ns += int(max(loop.time() - began - pause, 0) * NANOSECONDS)
            self._tell_status()


_SILENCE_NS = int(limits.FEED_SILENCE_SECONDS_MAX * NANOSECONDS)


def _key_of(underlying: str, expiration: str) -> ChainKey:
    key = wire.parse_topic(f"c:{underlying}:{expiration}")
    assert isinstance(key, ChainKey), "the feed names chains by underlying and date"
    return key


def _no_status(now_ns: int, since_ns: int, *, silent: bool) -> wire.FeedStatusMessage:
    reason = "Waiting for the market feed." if not silent else "No market feed is running."
    return wire.FeedStatusMessage(
        epoch="",
        state="down" if silent else "connecting",
        source="",
        label="No market feed",
        quality=Quality.STALE,
        delay_seconds=0,
        notice="",
        reason=reason,
        since=since_ns,
        market=now_ns,
        market_speed=1.0,
        sent=now_ns,
    )
