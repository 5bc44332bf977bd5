"""The part of a provider that is the same wherever a `DemandFeed` does the following."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from optix.adapters.market_data import directory
from optix.adapters.market_data.streaming.feed import DemandFeed, Source
from optix.adapters.market_data.streaming.hours import is_ticking
from optix.adapters.market_data.streaming.polling import PollTimes
from optix.adapters.market_data.streaming.protocol import StreamTimings, StreamVendor
from optix.adapters.web.rest import RestClient
from optix.kernel.clock import Clock
from optix.kernel.instrument import MalformedContract, parse_option
from optix.kernel.quote import Quote
from optix.kernel.symbols import MalformedSymbol, parse_symbol
from optix.ports.market_data import (
    Capabilities,
    Demand,
    MarketUpdate,
    ProviderHealth,
    SymbolInfo,
    UnknownSymbol,
)


class FollowedProvider(Source, Protocol):
    """Base of a provider: it answers as a `Source`, this follows the demand.

    Subclasses call `_follow` at the end of their construction, and define `open`, `fetch_bars` and
    what a `Source` has.
    """

    capabilities: Capabilities
    clock: Clock
    feed: DemandFeed
    _rests: Sequence[RestClient]

    def _follow(
        self,
        capabilities: Capabilities,
        clock: Clock,
        rests: Sequence[RestClient],
        *,
        vendor: StreamVendor | None = None,
        timings: StreamTimings | None = None,
        polls: PollTimes | None = None,
        ticking: Callable[[int], bool] = is_ticking,
    ) -> None:
        self.capabilities = capabilities
        self.clock = clock
        self._rests = rests
        self.feed = DemandFeed(
            self,
            capabilities,
            clock=clock,
            outcomes=rests[0].outcomes,
            requests_left=lambda: rests[0].pacing.left,
            vendor=vendor,
            timings=timings,
            polls=polls,
            ticking=ticking,
        )

    async def close(self) -> None:
        self.feed.close()
        for rest in self._rests:
            await rest.close()

    def set_demand(self, demand: Demand) -> None:
        self.feed.set_demand(demand)

    def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        """Yield updates of what is demanded until closed (see the port)."""
        return self.feed.iter_updates()

    def health(self) -> Sequence[ProviderHealth]:
        return [self.feed.health()]

    async def fetch_quote(self, symbol: str) -> Quote:
        """Return the current quote. Raises UnknownSymbol or ProviderUnavailable."""
        symbol = canonical(symbol)
        quote = (await self.fetch_quotes([symbol])).get(symbol)
        if quote is None:
            raise UnknownSymbol(f"{self.capabilities.label} has no {symbol}.")
        return quote

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        return directory.search(text, limit)


def canonical(symbol: str) -> str:
    """Return the symbol of a security in our spelling. Raises UnknownSymbol."""
    try:
        return parse_symbol(symbol)
    except MalformedSymbol as error:
        raise UnknownSymbol(error.detail) from error


def canonical_instrument(symbol: str) -> str:
    """Return a security or a contract in our spelling. Raises UnknownSymbol."""
    try:
        return parse_option(symbol).key
    except MalformedContract:
        return canonical(symbol)
