"""Quotes as the feed sends them: each encoded once, for all readers and all their clients.

A message is its head, a line of JSON, and a batch for `FanOut.set_many`. A symbol has a number as
long as the feed runs: its row goes by twice that, and what only readers want (`wire.QUOTE_TAIL`) by
the next one. What is kept for late readers is the same two rows, behind whose they are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np
import orjson

from optix.features.market import wire
from optix.kernel import limits
from optix.kernel.quote import Quote, TradingStatus

_NS_PER_MS: Final = 1_000_000
_HEAD: Final = struct.Struct("<IHH")  # number, bytes of JSON, bytes of the binary row
_VALUES: Final = attrgetter(
    "bid", "ask", "bid_size", "ask_size", "last", "open", "high", "low", "previous_close", "volume"
)
_QUALITY: Final = {word: code for code, word in enumerate(wire.QUALITY_WORDS)}
_TRADING: Final = {word: code for code, word in enumerate(wire.TRADING_WORDS)}
_NO_CODE: Final = 255
_FOLLOWED: Final = b"+"  # how something begins that was kept
_ASKED: Final = b"-"


class QuoteBatches:
    """Numbers symbols and encodes their quotes. One per run of a feed."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch.encode()
        self._followed, self._asked = (
            b"%b%b\n" % (mark, self._epoch) for mark in (_FOLLOWED, _ASKED)
        )
        self._numbers: dict[str, int] = {}
        self._names: dict[str, bytes] = {}  # symbols as JSON
        self._untold: list[str] = []
        self._sources: dict[tuple[str, str], bytes] = {}  # how their tails begin

    def message(
        self, number: int, quotes: Sequence[Quote], trading: Mapping[str, TradingStatus]
    ) -> tuple[bytes, list[bytes]]:
        """Return message `number` of the feed, and the rows of each quote in it."""
        rows = self.encode(quotes, trading)
        named = {symbol: self._numbers[symbol] for symbol in self._untold}
        self._untold = []
        head = b'{"k":"q","e":"%b","b":%d,"n":%b}\n' % (self._epoch, number, orjson.dumps(named))
        return head + b"".join(rows), rows

    def kept(self, rows: bytes, *, followed: bool) -> bytes:
        """Return rows as they are kept. Only what is followed is still the newest later on."""
        return (self._followed if followed else self._asked) + rows

    def encode(self, quotes: Sequence[Quote], trading: Mapping[str, TradingStatus]) -> list[bytes]:
        """Return the two rows of each quote."""
        if not quotes:
            return []
        states = [trading.get(quote.symbol) for quote in quotes]
        numbers = self._number(quote.symbol for quote in quotes)
        batch = wire.ROWS.quotes(
            numbers=np.array(numbers, np.uint32) * 2,
            symbols=[self._names[quote.symbol] for quote in quotes],
            values=np.ascontiguousarray(np.array(list(map(_VALUES, quotes)), np.float64).T),
            as_of=np.array([quote.ts_event for quote in quotes], np.int64) // _NS_PER_MS,
            quality=np.array([_QUALITY[quote.quality] for quote in quotes], np.uint8),
            flags=np.array([int(quote.flags) for quote in quotes], np.uint8),
            trading=np.array(
                [_NO_CODE if state is None else _TRADING[state.state] for state in states], np.uint8
            ),
        )
        return self._with_tails(batch, numbers, quotes, states)

    def _with_tails(
        self,
        batch: bytes,
        numbers: Sequence[int],
        quotes: Sequence[Quote],
        states: Sequence[TradingStatus | None],
    ) -> list[bytes]:
        """Cut a batch into its rows, each with its tail. This runs for every quote that is sent."""
        rows = []
        begin = 0
        sources, unpack, pack, size = self._sources, _HEAD.unpack_from, _HEAD.pack, _HEAD.size
        for number, quote, state in zip(numbers, quotes, states, strict=True):
            _, json, binary = unpack(batch, begin)
            end = begin + size + json + binary
            source = sources.get((quote.kind, quote.source))
            if source is None:
                source = orjson.dumps((quote.kind, quote.source))[:-1]
                sources[quote.kind, quote.source] = source
            reason = b'""' if state is None else orjson.dumps(state.reason)
            tail = b"%b,%d,%b]" % (source, quote.ts_received // _NS_PER_MS, reason)
            rows.append(batch[begin:end] + pack(number * 2 + 1, len(tail), 0) + tail)
            begin = end
        return rows

    def _number(self, symbols: Iterable[str]) -> list[int]:
        found = []
        for symbol in symbols:
            number = self._numbers.get(symbol)
            if number is None:
                number = self._numbers[symbol] = len(self._numbers)
                self._names[symbol] = orjson.dumps(symbol)
                self._untold.append(symbol)
            found.append(number)
        return found


class KeptQuote(NamedTuple):
    """A quote as it was kept."""

    epoch: str  # of the feed that kept it
    followed: bool  # it was, when it was kept, and was to be written anew when it changed
    number: int
    json: bytes
    binary: bytes
    tail: bytes


def load_kept(data: bytes) -> KeptQuote:
    """Raises ValueError for what nobody kept."""
    head, _, rows = data.partition(b"\n")
    try:
        double, json, binary = _HEAD.unpack_from(rows)
        middle, end = _HEAD.size + json, _HEAD.size + json + binary
        _, tail, _ = _HEAD.unpack_from(rows, end)
    except struct.error as error:
        raise ValueError("no kept quote") from error
    if len(rows) != end + _HEAD.size + tail:
        raise ValueError("no kept quote")
    return KeptQuote(
        epoch=head[1:].decode(),
        followed=head[:1] == _FOLLOWED,
        number=double // 2,
        json=rows[_HEAD.size : middle],
        binary=rows[middle:end],
        tail=rows[end + _HEAD.size :],
    )


def gathering_seconds(rows: int) -> float:
    """Return how long changes are gathered after so many rows were said: more of them are conflated
    where the market is busy, and nothing waits where it is quiet.
    """
    at_pace = rows / limits.QUOTE_ROWS_PER_SECOND_MAX
    return min(max(at_pace, limits.QUOTE_PUBLISH_SECONDS_MIN), limits.QUOTE_PUBLISH_SECONDS_MAX)
