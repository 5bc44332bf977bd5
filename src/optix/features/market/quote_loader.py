"""Loads quotes into their slots: many readers at once, few questions.

What is wanted within one turn of the loop is asked for together: first of Redis, where the feed
keeps what it follows, then the feed itself for what is not there. Rows are loaded on the line that
brings their changes, so none is older than what came before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from optix.features.market import wire
from optix.features.market.quote_batches import KeptQuote, load_kept
from optix.features.market.quote_slots import QuoteSlots
from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.platform import bus as keys
from optix.platform.bus import Bus, FeedUnavailable, Updates, rebuild_error

log = structlog.get_logger(__name__)

Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]


class QuoteLoader:
    """Loads for one book. `ask` puts a question to the feed, `epoch` tells its run."""

    def __init__(
        self,
        slots: QuoteSlots,
        bus: Bus,
        updates: Updates,
        *,
        ask: Ask,
        epoch: Callable[[], str],
    ) -> None:
        self._slots = slots
        self._bus = bus
        self._updates = updates
        self._ask = ask
        self._epoch = epoch
        self._wanted: dict[str, asyncio.Future[None]] = {}
        self._next: dict[str, bool] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def load(self, symbol: str, *, anew: bool = False) -> None:
        """Return once there is a row. With `anew` the feed is asked whatever Redis has.

        Raises UnknownSymbol, FeedUnavailable or BusUnavailable.
        """
        loop = asyncio.get_running_loop()
        wanted = self._wanted.get(symbol)
        if wanted is None:
            wanted = self._wanted[symbol] = loop.create_future()
            if not self._next:
                loop.call_soon(self._start)
            self._next[symbol] = anew
        await asyncio.shield(wanted)

    def _start(self) -> None:
        """Begin with everything that was wanted in this turn."""
        wanted, self._next = self._next, {}
        for anew in (False, True):
            symbols = [symbol for symbol, how in wanted.items() if how is anew]
            for begin in range(0, len(symbols), limits.QUOTES_PER_QUESTION_MAX):
                some = symbols[begin : begin + limits.QUOTES_PER_QUESTION_MAX]
                task = asyncio.ensure_future(self._load_some(some, anew=anew))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _load_some(self, symbols: Sequence[str], *, anew: bool) -> None:
        failure: BaseException = FeedUnavailable("The market feed lost this quote. Ask again.")
        try:
            await self._bus.lease(map(wire.quote_topic, symbols))
            left = symbols if anew else await self._load_kept(symbols, self._is_newest)
            if left:
                await self._load_asked(left)
        except OptixError as error:
            failure = error
        except BaseException as error:
            failure = error
            raise
        finally:
            for symbol in symbols:
                self._settle(symbol, failure)

    async def _load_asked(self, symbols: Sequence[str]) -> None:
        """Ask the feed until it has said something of each; take what was kept if it is away."""
        try:
            async with asyncio.timeout(limits.FEED_REQUEST_SECONDS_MAX):
                while symbols:
                    answer = await self._ask("quotes", {"symbols": symbols})
                    for symbol, error in answer["failed"].items():
                        self._settle(symbol, rebuild_error(error))
                    pending = set(answer["pending"])
                    there = [s for s in symbols if s not in pending and s not in answer["failed"]]
                    # Of two feeds an older one may have answered, whose rows nobody follows.
                    left = await self._load_kept(there, lambda kept: kept.epoch >= self._epoch())
                    symbols = [*answer["pending"], *left]
                    if left:
                        await asyncio.sleep(limits.QUOTE_PUBLISH_SECONDS_MAX)
        except (FeedUnavailable, TimeoutError) as error:
            left = await self._load_kept(symbols, lambda _: True)
            for symbol in left:
                late = FeedUnavailable("The market feed did not bring this quote in time.")
                self._settle(symbol, error if isinstance(error, OptixError) else late)

    def _is_newest(self, kept: KeptQuote) -> bool:
        return kept.followed and kept.epoch == self._epoch()

    async def _load_kept(
        self, symbols: Sequence[str], believed: Callable[[KeptQuote], bool]
    ) -> list[str]:
        """Take what Redis keeps of these and is believed; return what is left."""
        left: list[str] = []

        def take(rows: list[bytes | None]) -> None:
            for symbol, row in zip(symbols, rows, strict=True):
                kept = None if row is None else _parse(symbol, row)
                if kept is None or not believed(kept):
                    left.append(symbol)
                    continue
                self._slots.set(symbol, kept.json, kept.binary, kept.tail)
                if kept.epoch == self._epoch():
                    self._slots.bind(symbol, kept.number)
                self._settle(symbol, None)

        if symbols:
            await self._updates.kept_fields(keys.QUOTES, symbols, take)
        return left

    def _settle(self, symbol: str, failure: BaseException | None) -> None:
        wanted = self._wanted.pop(symbol, None)
        if wanted is None or wanted.done():
            return
        if failure is None:
            wanted.set_result(None)
        elif isinstance(failure, Exception):
            wanted.set_exception(failure)
            wanted.exception()  # who wanted it may be gone
        else:
            wanted.cancel()


def _parse(symbol: str, row: bytes) -> KeptQuote | None:
    try:
        return load_kept(row)
    except ValueError:
        log.warning("book.kept_unreadable", symbol=symbol)
        return None
