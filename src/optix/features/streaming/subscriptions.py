"""Subscriptions of one socket to numbers: what they follow, and when they begin (again).

After the beginning there is nothing to do: the fan sends what changes. Both kinds begin with a
snapshot, or go on where an earlier connection stood if what it had still holds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import orjson

from optix.features.market import wire
from optix.features.streaming import protocol
from optix.features.streaming.followed import FollowedQuote, FollowedTopics
from optix.kernel import limits
from optix.platform.fanout.core import FanOut

if TYPE_CHECKING:
    from optix.features.market.chain_slots import ChainSlots

LAYOUT_QUOTES: Final = 1
NO_HEADER: Final = -1


class Market(Protocol):
    """What subscriptions need of the market they are in."""

    stream: str
    fan: FanOut
    followed: FollowedTopics


class Reader(Protocol):
    """The socket of a subscription."""

    handle: int

    @property
    def market(self) -> Market: ...
    def send(self, payload: bytes) -> None: ...
    def drop(self, number: int) -> None:
        """End a subscription, which cannot go on."""


def _leave(reader: Reader, number: int) -> None:
    if reader.handle >= 0:  # else its whole client was taken out
        reader.market.fan.unsubscribe(reader.handle, number)


def _may_resume(market: Market, resume: protocol.Resume | None) -> bool:
    return (
        resume is not None and resume.stream == market.stream and resume.seen <= market.fan.sequence
    )


class QuotesSubscription:
    """Quotes of some symbols."""

    __slots__ = ("_quotes", "_reader", "_refused", "_resume", "_shown", "_timer", "id")

    def __init__(
        self,
        reader: Reader,
        number: int,
        symbols: list[str],
        refused: list[protocol.Missing],
        resume: protocol.Resume | None,
    ) -> None:
        self.id = number
        self._reader = reader
        # As bytes: somebody may name nothing else, and objects would take ten times as much.
        self._refused = orjson.dumps(refused) if refused else b""
        self._resume = resume
        self._shown = -1  # how many had a row when it began, -1 before
        self._timer: asyncio.TimerHandle | None = None
        self._quotes = reader.market.followed.follow_quotes(symbols)

    @property
    def cost(self) -> int:
        """How many of the symbols of its socket it takes: one that names none takes memory too."""
        return max(1, len(self._quotes))

    def open(self) -> None:
        """Begin at once, or when all symbols are there or a moment has passed."""
        opening = self._opening()
        for quote in opening:
            quote.waiting.append(self)
        if not opening:
            self._begin()
            return
        self._timer = asyncio.get_running_loop().call_later(
            limits.SOCKET_SNAPSHOT_SECONDS_MAX, self._begin
        )

    def close(self) -> None:
        self._stop_waiting()
        _leave(self._reader, self.id)
        self._reader.market.followed.unfollow_quotes(self._quotes)
        for quote in self._quotes:
            if self in quote.waiting:
                quote.waiting.remove(self)
        self._quotes = ()

    def topic_opened(self) -> None:
        """Begin with the last one, and again with those that come after their time."""
        if self._shown >= 0 and self._slots_shown() == self._shown:
            self._wait_for_the_rest()
        elif not self._opening():
            self._begin()
        elif self._timer is None:  # late ones together: each anew is a snapshot
            self._timer = asyncio.get_running_loop().call_later(
                limits.SOCKET_SNAPSHOT_SECONDS_MAX, self._begin
            )

    def _slots_shown(self) -> int:
        return sum(quote.slot is not None for quote in self._quotes)

    def _wait_for_the_rest(self) -> None:
        for quote in self._quotes:  # which come late, or when what is away is back
            if quote.slot is None and self not in quote.waiting:
                quote.waiting.append(self)

    def _opening(self) -> list[FollowedQuote]:
        return [quote for quote in self._quotes if quote.slot is None and quote.opening]

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._stop_waiting()
        if self._reader.handle < 0:
            return  # its socket is on its way out: the fan has let go of it
        market, reader, resume = self._reader.market, self._reader, self._resume
        self._resume = None
        shown = [(quote.symbol, quote.slot) for quote in self._quotes if quote.slot is not None]
        self._shown = len(shown)
        missing = self._missing()
        if resume is not None and _may_resume(market, resume):
            reader.send(protocol.frame("resumed", self.id, {"missing": missing}))
            head, seen = b"{}", resume.seen
        else:
            header = {
                "kind": "quotes",
                "columns": wire.QUOTE_COLUMNS,
                "ids": {symbol: slot.number for symbol, slot in shown},
                "missing": missing,
            }
            head, seen = orjson.dumps(header), -1
        slots = [slot.slot for _, slot in shown]
        market.fan.subscribe(
            reader.handle, self.id, slots, NO_HEADER, head, layout=LAYOUT_QUOTES, seen=seen
        )
        if len(shown) < len(self._quotes):
            self._wait_for_the_rest()

    def _missing(self) -> list[protocol.Missing]:
        missing: list[protocol.Missing] = orjson.loads(self._refused) if self._refused else []
        if self._shown == len(self._quotes):
            return missing
        for quote in self._quotes:
            if quote.slot is None and quote.error is not None and not quote.opening:
                missing.append(protocol.missing(quote.symbol, quote.error))
            elif quote.slot is None:
                missing.append(
                    {"symbol": quote.symbol, "code": "pending", "detail": "Still loading."}
                )
        return missing


class ChainSubscription:
    """One expiration: all of its strikes, those of a range, or those around the money."""

    __slots__ = ("_chain", "_money_at", "_reader", "_resume", "_strikes", "id")

    def __init__(
        self,
        reader: Reader,
        number: int,
        request: protocol.ChainRequest,
        resume: protocol.Resume | None,
    ) -> None:
        self.id = number
        self._reader = reader
        self._resume = resume
        self._strikes = request.strikes
        self._money_at: int | None = None  # the place of the strike in the middle
        columns = tuple(dict.fromkeys(request.columns))
        self._chain = reader.market.followed.follow_chain(request.key(), columns)

    def open(self) -> None:
        if self._chain.slots is None:
            self._chain.waiting.append(self)
        else:
            self._enter()

    def close(self) -> None:
        if self in self._chain.waiting:
            self._chain.waiting.remove(self)
        _leave(self._reader, self.id)
        self._reader.market.followed.unfollow_chain(self._chain, self)

    def topic_opened(self) -> None:
        if self._chain.slots is not None:
            self._enter()
            return
        assert self._chain.error is not None, "what did not open was refused"
        self._reader.send(protocol.error_frame(self._chain.error, self.id))
        self._reader.drop(self.id)

    def listed_anew(self) -> None:
        self._begin()

    def recentre(self) -> None:
        slots, wanted = self._chain.slots, self._strikes
        if slots is None or not isinstance(wanted, protocol.Around):
            return
        money_at = _place_of_money(slots)
        if money_at is None:
            return
        if self._money_at is None or abs(money_at - self._money_at) > wanted.around / 4:
            self._begin()

    def _enter(self) -> None:
        self._chain.subscriptions.add(self)
        self._begin()

    def _begin(self) -> None:
        slots = self._chain.slots
        assert slots is not None, "it is open"
        if self._reader.handle < 0:
            return  # as above
        market, reader, resume = self._reader.market, self._reader, self._resume
        self._resume = None
        positions = self._positions(slots)
        seen = -1
        if resume is not None and _may_resume(market, resume) and self._still_holds(resume, slots):
            reader.send(protocol.frame("resumed", self.id, {"missing": []}))
            seen = resume.seen
        market.fan.subscribe(
            reader.handle,
            self.id,
            [slots.slots[position] for position in positions],
            slots.header_slot,
            slots.head(positions) if seen < 0 else b"{}",
            layout=slots.layout,
            seen=seen,
        )

    def _still_holds(self, resume: protocol.Resume, slots: ChainSlots) -> bool:
        # Which strikes were around the money then is not known here any more.
        return resume.seen >= slots.listed and not isinstance(self._strikes, protocol.Around)

    def _positions(self, slots: ChainSlots) -> list[int]:
        wanted = self._strikes
        if isinstance(wanted, protocol.Between):
            chosen = (slots.strikes >= wanted.from_) & (slots.strikes <= wanted.to)
            return np.flatnonzero(chosen).tolist()
        if isinstance(wanted, protocol.Around):
            self._money_at = _place_of_money(slots)
            if self._money_at is not None:
                strikes = np.unique(slots.strikes)
                low = strikes[max(0, self._money_at - wanted.around)]
                high = strikes[min(len(strikes) - 1, self._money_at + wanted.around)]
                chosen = (slots.strikes >= low) & (slots.strikes <= high)
                return np.flatnonzero(chosen).tolist()
        return list(range(len(slots.slots)))


def _place_of_money(slots: ChainSlots) -> int | None:
    """Return the place of the strike next to the money among all, None while there is none."""
    money = slots.money()
    strikes = np.unique(slots.strikes)
    if money is None or not len(strikes):
        return None
    return int(np.abs(strikes - money).argmin())


Subscription = QuotesSubscription | ChainSubscription
