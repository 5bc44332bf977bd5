"""What a market is asked rarely and kept for the day: daily closes, events to come.

Nothing waits longer than `HISTORIES_WAIT_SECONDS_MAX`: what is late is `pending` and there for the
next answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from optix.features.market import calendar
from optix.features.market.schemas import ComingEvents
from optix.features.market.service import MarketService
from optix.features.portfolio.comovement import BENCHMARK, WINDOW, Beta, Closes, beta_of
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_ns
from optix.kernel.errors import OptixError
from optix.ports.market_data import BarInterval

PENDING: Final = "pending"
_SPAN: Final = timedelta(days=WINDOW * 365 // 252 + 14)

Told = TypeVar("Told")
Fetch = Callable[[MarketService, str, date], Awaitable[Told]]


async def fetch_closes(market: MarketService, symbol: str, today: date) -> Closes:
    """Return the closes of whole days before `today`. Raises as MarketService.get_history."""
    history = await market.get_history(symbol, BarInterval.DAY_1, today - _SPAN, today)
    days = [calendar.exchange_date(to_ns(bar.at)) for bar in history.bars]
    return {
        day: bar.close
        for day, bar in zip(days, history.bars, strict=True)
        if day < today and bar.close > 0
    }


async def fetch_events(market: MarketService, symbol: str, _: date) -> ComingEvents:
    """Return what is known to come. Raises as MarketService.list_events."""
    return await market.list_events(symbol)


@dataclass(slots=True)
class _OfMarket(Generic[Told]):
    """What one market told, or the code of why not, of which day, until when it holds."""

    told: OrderedDict[str, tuple[Told | str, date, int]] = field(default_factory=OrderedDict)
    loading: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(limits.HISTORIES_AT_ONCE_MAX)
    )


class KeptAnswers(Generic[Told]):
    """Answers by symbol, of each market apart."""

    def __init__(self, clock: Clock, fetch: Fetch[Told]) -> None:
        self._clock = clock
        self._fetch = fetch
        self._kept: WeakKeyDictionary[MarketService, _OfMarket[Told]] = WeakKeyDictionary()

    def find(
        self, market: MarketService, symbols: Iterable[str], today: date
    ) -> dict[str, Told | str]:
        """Return what is known now, or why it is not; begin to ask for the rest."""
        kept = self._kept.setdefault(market, _OfMarket())
        now_ns = self._clock.now_ns()
        found: dict[str, Told | str] = {}
        for symbol in set(symbols):
            told = kept.told.get(symbol)
            if told is None or told[1] != today or now_ns >= told[2]:
                self._load(market, kept, symbol, today)
            found[symbol] = PENDING if told is None else told[0]
        return found

    async def get(
        self, market: MarketService, symbols: Iterable[str], today: date
    ) -> Mapping[str, Told | str]:
        """Return the same once all are there or have taken their time."""
        wanted = set(symbols)
        self.find(market, wanted, today)
        loading = self._kept[market].loading
        late = [loading[symbol] for symbol in wanted if symbol in loading]
        if late:
            await asyncio.wait(late, timeout=limits.HISTORIES_WAIT_SECONDS_MAX)
        return self.find(market, wanted, today)

    def _load(self, market: MarketService, kept: _OfMarket[Told], symbol: str, today: date) -> None:
        if symbol in kept.loading:
            return
        task = asyncio.ensure_future(self._ask(market, kept, symbol, today))
        kept.loading[symbol] = task
        task.add_done_callback(lambda _: kept.loading.pop(symbol, None))

    async def _ask(
        self, market: MarketService, kept: _OfMarket[Told], symbol: str, today: date
    ) -> None:
        seconds = limits.HISTORIES_SECONDS
        told: Told | str
        async with kept.places:
            try:
                told = await self._fetch(market, symbol, today)
            except OptixError as error:
                told, seconds = error.code, limits.MARKS_RETRY_SECONDS
        until_ns = self._clock.now_ns() + int(seconds * NANOSECONDS)
        kept.told[symbol] = (told, today, until_ns)
        kept.told.move_to_end(symbol)
        if len(kept.told) > limits.HISTORIES_KEPT_MAX:
            kept.told.popitem(last=False)


class Betas:
    """Betas to the benchmark, computed once for the closes they are made of."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Closes, Closes, Beta]] = {}

    def of(self, closes: Mapping[str, Closes | str]) -> dict[str, Beta]:
        """Return the betas of all symbols, of which the benchmark is one."""
        benchmark = closes.get(BENCHMARK, PENDING)
        found = {}
        for symbol, own in closes.items():
            if isinstance(own, str) or isinstance(benchmark, str):
                why = own if isinstance(own, str) else benchmark
                found[symbol] = Beta(None, None, 0, str(why))
                continue
            told = self._kept.get(symbol)
            if told is None or told[0] is not own or told[1] is not benchmark:
                told = self._kept[symbol] = (own, benchmark, beta_of(own, benchmark))
            found[symbol] = told[2]
        if len(self._kept) > limits.HISTORIES_KEPT_MAX:
            self._kept.clear()
        return found
