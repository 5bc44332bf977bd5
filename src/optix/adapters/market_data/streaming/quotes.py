"""Quotes of securities: a provider's answers, and ticks over them, newest first."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import isnan, nan
from typing import Any

from optix.adapters.market_data.streaming.book import Change
from optix.kernel.quote import Quote
from optix.kernel.symbols import kind_of
from optix.ports.market_data import Capabilities

_FIELDS = frozenset(
    (
        "bid",
        "ask",
        "bid_size",
        "ask_size",
        "last",
        "open",
        "high",
        "low",
        "previous_close",
        "volume",
    )
)
# What an older answer still knows better than the ticks: the day, not the moment.
_OF_THE_DAY = ("open", "high", "low", "previous_close", "volume")


class QuoteStore:
    """The last quote of each followed security. Times of one symbol never go back."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._quotes: dict[str, Quote] = {}
        self._fresh: set[str] = set()

    def get(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def spot(self, symbol: str) -> float:
        """Return the price nearest to now, NaN where none is known."""
        quote = self._quotes.get(symbol)
        if quote is None:
            return nan
        if quote.bid > 0 and quote.ask >= quote.bid:
            return (quote.bid + quote.ask) / 2.0
        return quote.previous_close if isnan(quote.last) else quote.last

    def take(self, quote: Quote) -> None:
        """Take an answer in. Where ticks are newer, only what they do not carry counts."""
        known = self._quotes.get(quote.symbol)
        if known is not None and known.ts_event > quote.ts_event:
            given = {name: getattr(quote, name) for name in _OF_THE_DAY}
            changes = {name: value for name, value in given.items() if not isnan(value)}
            quote = replace(known, **changes, ts_received=max(known.ts_received, quote.ts_received))
        self._quotes[quote.symbol] = quote
        self._fresh.add(quote.symbol)

    def take_change(self, change: Change, received_ns: int) -> None:
        known = self._quotes.get(change.symbol) or Quote(
            symbol=change.symbol,
            kind=kind_of(change.symbol),
            source=self._capabilities.name,
            quality=self._capabilities.quality,
            ts_event=change.ts_event,
            ts_received=received_ns,
        )
        fields: dict[str, Any] = {
            name: value for name, value in change.fields.items() if name in _FIELDS
        }
        ts_event = max(known.ts_event, change.ts_event)
        self._quotes[change.symbol] = replace(
            known, **fields, ts_event=ts_event, ts_received=max(received_ns, ts_event)
        )
        self._fresh.add(change.symbol)

    def pop(self, symbols: Collection[str]) -> list[Quote]:
        """Return the quotes of `symbols` that are new since the last call."""
        fresh, self._fresh = self._fresh, set()
        return [self._quotes[symbol] for symbol in sorted(fresh) if symbol in symbols]

    def keep_only(self, symbols: Collection[str]) -> None:
        for symbol in [symbol for symbol in self._quotes if symbol not in symbols]:
            del self._quotes[symbol]
            self._fresh.discard(symbol)
