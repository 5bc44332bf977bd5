"""Subscriptions of one socket: what it has seen, and the frames that bring it up to date.

There is no queue. A subscription remembers the book's version it has sent; a flush sends what
changed since. A reader that is slow simply flushes less often and skips states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.features.market.chain_replica import ChainReplica
from optix.features.streaming import protocol
from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.ports.market_data import ChainKey


class Subscription(Protocol):
    """One subscription. `flush` is called whenever one of `topics` may have changed."""

    id: int

    @property
    def topics(self) -> Sequence[str]:
        """What the book calls the things this subscription follows."""

    async def open(self) -> bytes:
        """Load what is asked for and return the snapshot frame. Raises OptixError."""

    def flush(self) -> bytes | None:
        """Return the frame with everything new, None when there is nothing."""


class QuotesSubscription:
    """Quotes of some symbols."""

    def __init__(
        self, number: int, book: MarketBook, symbols: list[str], refused: dict[str, OptixError]
    ) -> None:
        self.id = number
        self.topics = [wire.quote_topic(symbol) for symbol in symbols]
        self._book = book
        self._symbols = symbols
        self._refused = refused
        self._sequence = 0
        self._rows_seen = 0

    async def open(self) -> bytes:
        loads = {s: asyncio.ensure_future(self._book.get_quote(s)) for s in self._symbols}
        for load in loads.values():  # late ones too, whose rows come as changes
            load.add_done_callback(_forget_failure)
        if loads:
            await asyncio.wait(loads.values(), timeout=limits.SOCKET_SNAPSHOT_SECONDS_MAX)
        missing = [_missing(text, error) for text, error in self._refused.items()]
        for symbol, load in loads.items():
            if not load.done():
                missing.append({"symbol": symbol, "code": "pending", "detail": "Still loading."})
            elif (error := load.exception()) is not None:
                if not isinstance(error, OptixError):
                    raise error
                missing.append(_missing(symbol, error))
        self._rows_seen = self._book.fan.sequence
        found = (self._book.quotes.find(symbol) for symbol in self._symbols)
        present = [quote for quote in found if quote is not None]
        header = {"kind": "quotes", "columns": wire.QUOTE_COLUMNS, "missing": missing}
        return protocol.snapshot_frame(self.id, header, [quote.fragment for quote in present])

    def flush(self) -> bytes | None:
        seen, self._rows_seen = self._rows_seen, self._book.fan.sequence
        quotes = self._book.quotes
        rows = [
            replica.fragment
            for symbol in self._symbols
            if (replica := quotes.find(symbol)) is not None and replica.sequence > seen
        ]
        if not rows:
            return None
        self._sequence += 1
        return protocol.changes_frame(self.id, self._sequence, rows, None)


class ChainSubscription:
    """One expiration, whole: every strike and root, and its underlying's quote."""

    def __init__(self, number: int, book: MarketBook, key: ChainKey) -> None:
        self.id = number
        self.topics = [wire.chain_topic(key), wire.quote_topic(key.underlying)]
        self._book = book
        self._key = key
        self._sequence = 0
        self._seen = 0
        self._rows_seen = 0
        self._loaded = 0

    async def open(self) -> bytes:
        replica = await self._book.get_chain(self._key)
        await self._book.get_quote(self._key.underlying)
        return self._snapshot(replica)

    def _snapshot(self, replica: ChainReplica) -> bytes:
        self._sequence, self._seen = 0, self._book.version
        self._rows_seen = self._book.fan.sequence
        self._loaded = replica.loaded_version
        header = {
            "kind": "chain",
            **self._changing(replica),
            "underlying": self._key.underlying,
            "expiration": self._key.expiration,
            "delay_seconds": self._book.feed_status().delay_seconds,
            "contracts": replica.contracts,
            "columns": wire.CHAIN_ROW_COLUMNS,
        }
        rows = [replica.stream_row(position) for position in range(len(replica.rows))]
        return protocol.snapshot_frame(self.id, header, rows)

    def _changing(self, replica: ChainReplica) -> dict[str, Any]:
        return {
            "source": replica.header["source"],
            "quality": replica.header["quality"],
            "as_of": replica.header["as_of"],
            "roots": replica.header["roots"],
            "spot": self._spot(),
        }

    def _spot(self) -> orjson.Fragment | None:
        quote = self._book.quotes.find(self._key.underlying)
        return None if quote is None else orjson.Fragment(quote.fragment)

    def flush(self) -> bytes | None:
        replica = self._book.chains.get(self._key)
        if replica is None:
            return None
        if replica.loaded_version != self._loaded:
            return self._snapshot(replica)
        seen, self._seen = self._seen, self._book.version
        rows_seen, self._rows_seen = self._rows_seen, self._book.fan.sequence
        header = self._header_since(replica, seen, rows_seen)
        positions = replica.changed_since(seen) if replica.version > seen else []
        if not positions and header is None:
            return None
        self._sequence += 1
        rows = [replica.stream_row(position) for position in positions]
        return protocol.changes_frame(self.id, self._sequence, rows, header)

    def _header_since(
        self, replica: ChainReplica, seen: int, rows_seen: int
    ) -> dict[str, Any] | None:
        if replica.header_version > seen:
            return self._changing(replica)
        quote = self._book.quotes.find(self._key.underlying)
        if quote is not None and quote.sequence > rows_seen:
            return {"spot": self._spot()}
        return None


def _missing(symbol: str, error: OptixError) -> dict[str, str]:
    return {"symbol": symbol, "code": error.code, "detail": error.detail}


def _forget_failure(load: asyncio.Future[Any]) -> None:
    """Read the failure of a load whose reader may be gone, or asyncio reports it as lost."""
    if not load.cancelled():
        load.exception()
