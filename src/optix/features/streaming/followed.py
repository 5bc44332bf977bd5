"""What the sockets of one market follow: each topic is held and opened on the book once for all.

A watchlist of a client is a tuple of these, so that a symbol costs one object, however many follow
it. What is open already is subscribed to without waiting; the rest is opened so many at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, KeysView
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from optix.features.market import wire
from optix.kernel import limits
from optix.kernel.errors import OptixError, Unavailable
from optix.ports.market_data import ChainKey

if TYPE_CHECKING:
    from optix.features.market.book import MarketBook
    from optix.features.market.chain_slots import ChainSlots
    from optix.features.market.quote_slots import QuoteSlot

log = structlog.get_logger(__name__)


class Waiting(Protocol):
    """A subscription that wants to know when a topic of its is open, or is refused."""

    def topic_opened(self) -> None: ...


class Openings:
    """Runs what has to wait for the book, so many at a time: a storm of clients is a queue here."""

    def __init__(self) -> None:
        self._queue: deque[Callable[[], Coroutine[Any, Any, None]]] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` when its turn comes. It handles its own errors."""
        self._queue.append(work)
        self._next()

    def _next(self) -> None:
        while self._queue and len(self._running) < limits.SOCKET_OPENINGS_AT_ONCE_MAX:
            task = asyncio.get_running_loop().create_task(self._queue.popleft()())
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("stream.opening_failed", exc_info=error)
        self._next()

    async def close(self) -> None:
        self._queue.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


class _Followed:
    """One topic: who waits for it, and how many follow it."""

    __slots__ = ("error", "followers", "opening", "waiting")

    def __init__(self) -> None:
        self.followers = 0
        self.opening = False
        self.error: OptixError | None = None
        self.waiting: list[Waiting] = []

    def opened(self) -> None:
        """Tell who waits: it is open, or refused."""
        self.opening = False
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each.topic_opened()


class FollowedQuote(_Followed):
    """The quote of one symbol."""

    __slots__ = ("slot", "symbol")

    def __init__(self, symbol: str) -> None:
        super().__init__()
        self.symbol = symbol
        self.slot: QuoteSlot | None = None


class FollowedChain(_Followed):
    """One expiration in one choice of columns, and the subscriptions to it."""

    __slots__ = ("columns", "key", "listings", "slots", "subscriptions")

    def __init__(self, key: ChainKey, columns: tuple[str, ...]) -> None:
        super().__init__()
        self.key = key
        self.columns = columns
        self.listings = 0  # how often it was listed anew
        self.slots: ChainSlots | None = None
        self.subscriptions: set[ListedAnew] = set()


class ListedAnew(Protocol):
    """A subscription to a chain."""

    def listed_anew(self) -> None:
        """Contracts came or went: begin again."""

    def recentre(self) -> None:
        """Begin again if the money has moved away from the strikes that are shown."""


class FollowedTopics:
    """Everything that is followed in one market."""

    def __init__(self, book: MarketBook, openings: Openings) -> None:
        self._book = book
        self._openings = openings
        self._quotes: dict[str, FollowedQuote] = {}
        self._chains: dict[tuple[ChainKey, tuple[str, ...]], FollowedChain] = {}

    @property
    def topics(self) -> set[str]:
        """What is held on the book."""
        chains = {topic for key, _ in self._chains for topic in _chain_topics(key)}
        return {wire.quote_topic(symbol) for symbol in self._quotes} | chains

    @property
    def symbols(self) -> KeysView[str]:
        """Whose quotes somebody follows."""
        return self._quotes.keys()

    # Quotes

    def follow_quotes(self, symbols: Iterable[str]) -> tuple[FollowedQuote, ...]:
        """Hold these quotes; those that are not open yet are being opened."""
        quotes = tuple([self._quotes.get(each) or self._hold_quote(each) for each in symbols])
        for quote in quotes:
            quote.followers += 1
            if quote.slot is None:
                self._open_quote(quote)
        return quotes

    def _hold_quote(self, symbol: str) -> FollowedQuote:
        quote = self._quotes[symbol] = FollowedQuote(symbol)
        self._book.hold([wire.quote_topic(symbol)])
        return quote

    def unfollow_quotes(self, quotes: Iterable[FollowedQuote]) -> None:
        for quote in quotes:
            quote.followers -= 1
            if not quote.followers:
                del self._quotes[quote.symbol]
                self._book.release([wire.quote_topic(quote.symbol)])

    def _open_quote(self, quote: FollowedQuote) -> None:
        if quote.opening:
            return
        quote.opening = True

        async def opening() -> None:
            try:
                if quote.followers:
                    quote.slot = await self._book.open_quote(quote.symbol)
                quote.error = None
            except OptixError as error:
                quote.error = error
            except Exception:
                log.exception("stream.quote_failed", symbol=quote.symbol)
                quote.error = OptixError("Something went wrong on our side.")
            finally:
                quote.opened()

        self._openings.start(opening)

    def retry(self) -> None:
        """Open what could not be opened while something was away."""
        for quote in self._quotes.values():
            if quote.slot is None and isinstance(quote.error, Unavailable):
                self._open_quote(quote)
        for chain in self._chains.values():
            if chain.slots is None and isinstance(chain.error, Unavailable):
                self._open_chain(chain)

    # Chains

    def follow_chain(self, key: ChainKey, columns: tuple[str, ...]) -> FollowedChain:
        """Hold a chain and its underlying's quote; open it unless it is open."""
        chain = self._chains.get((key, columns))
        if chain is None:
            chain = self._chains[key, columns] = FollowedChain(key, columns)
            self._book.hold(_chain_topics(key))
        chain.followers += 1
        if chain.slots is None:
            self._open_chain(chain)
        return chain

    def unfollow_chain(self, chain: FollowedChain, subscription: ListedAnew) -> None:
        chain.subscriptions.discard(subscription)
        chain.followers -= 1
        if not chain.followers:
            del self._chains[chain.key, chain.columns]
            self._book.release(_chain_topics(chain.key))

    def _open_chain(self, chain: FollowedChain) -> None:
        if chain.opening:
            return
        chain.opening = True

        async def opening() -> None:
            listings = -1
            try:
                while chain.followers and listings != chain.listings:  # again if it was meanwhile
                    listings = chain.listings
                    chain.slots = await self._book.open_chain(chain.key, chain.columns)
                chain.error = None
            except OptixError as error:
                chain.error = error
            except Exception:
                log.exception("stream.chain_failed", chain=wire.chain_topic(chain.key))
                chain.error = OptixError("Something went wrong on our side.")
            begun = tuple(chain.subscriptions)
            chain.opened()
            if chain.slots is not None:
                for subscription in begun:
                    subscription.listed_anew()

        self._openings.start(opening)

    def listed(self, topic: str) -> None:
        """A chain was listed anew: its slots are others, open it again."""
        for chain in self._chains.values():
            if wire.chain_topic(chain.key) == topic:
                chain.slots = None
                chain.listings += 1
                self._open_chain(chain)

    def recentre(self) -> None:
        """Let the subscriptions around the money follow it."""
        for chain in self._chains.values():
            for subscription in tuple(chain.subscriptions):
                subscription.recentre()


def _chain_topics(key: ChainKey) -> tuple[str, str]:
    return wire.chain_topic(key), wire.quote_topic(key.underlying)
