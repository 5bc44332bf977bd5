"""The feed's quotes as the paper brokerage trades on them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Final, Protocol

from optix.features.market.lanes import MarketLanes
from optix.features.market.service import MarketService
from optix.features.sandbox.rules import PaperOrderRefused, PaperQuote, asset_of
from optix.kernel.errors import OptixError
from optix.kernel.money import Price
from optix.kernel.quote import Quality, TradingState

_TICK: Final = Decimal("0.0001")
_TRADING: Final = frozenset((None, TradingState.OPEN, TradingState.UNKNOWN))


class PaperQuotes(Protocol):
    """What paper orders are filled on."""

    async def quote(self, symbol: str) -> PaperQuote:
        """Raises PaperOrderRefused where it cannot be traded now, with why."""


class FeedQuotes:
    """Quotes of the feed: of the delayed one where real-time prices need a declaration.

    A holder of paper has declared nothing, because it is no account of OPTIX.
    """

    def __init__(self, lanes: MarketLanes) -> None:
        self._lanes = lanes

    async def quote(self, symbol: str) -> PaperQuote:
        try:
            return await self._quote(symbol)
        except PaperOrderRefused:
            raise
        except OptixError as error:
            raise PaperOrderRefused(f"{symbol} has no quote: {error.detail}") from error

    async def _quote(self, symbol: str) -> PaperQuote:
        market = self._market()
        if asset_of(symbol).contract is not None:
            told = await market.get_contract(symbol)
            bid, ask, quality = told.contract.bid, told.contract.ask, told.quality
        else:
            quote = await market.get_quote(symbol)
            if quote.trading_state not in _TRADING:
                raise PaperOrderRefused(f"{symbol} is not traded now: {quote.trading_state}.")
            bid, ask, quality = quote.bid, quote.ask, quote.quality
        if quality is Quality.STALE:
            raise PaperOrderRefused(f"{symbol} has no fresh quote.")
        return PaperQuote(_side(bid), _side(ask))

    def _market(self) -> MarketService:
        if not self._lanes.needed:
            return self._lanes.main.market
        if self._lanes.delayed is None:
            raise PaperOrderRefused("This server has no prices that paper may be filled on.")
        return self._lanes.delayed.market


def _side(price: float | None) -> Decimal | None:
    """Return a side of a quote that somebody trades on; a zero is nobody."""
    if price is None or not isfinite(price) or not price > 0:
        return None
    return Price.from_float(price, _TICK).value


async def quotes_of(source: PaperQuotes, symbols: Iterable[str]) -> dict[str, PaperQuote]:
    """Return the quotes of all symbols. Raises PaperOrderRefused."""
    return {symbol: await source.quote(symbol) for symbol in symbols}
