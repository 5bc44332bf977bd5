"""Daily closes of what is held, fetched rarely and kept for the day: what betas are made of.

Nothing waits for a history longer than `HISTORIES_WAIT_SECONDS_MAX`: what is late is `pending` and
there for the next answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from weakref import WeakKeyDictionary

from optix.features.market import calendar
from optix.features.market.service import MarketService
from optix.features.portfolio.comovement import BENCHMARK, WINDOW, Beta, Closes, beta_of
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, Clock, to_ns
from optix.kernel.errors import OptixError
from optix.ports.market_data import BarInterval

PENDING: Final = "pending"
_SPAN: Final = timedelta(days=WINDOW * 365 // 252 + 14)


@dataclass(slots=True)
class _Kept:
    """What one market told: closes or the code of why not, until when they hold."""

    closes: OrderedDict[str, tuple[Closes | str, date, int]] = field(default_factory=OrderedDict)
    betas: dict[str, tuple[Closes, Closes, Beta]] = field(default_factory=dict)
    loading: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    places: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(limits.HISTORIES_AT_ONCE_MAX)
    )


class DailyCloses:
    """Closes by symbol, of each market apart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: WeakKeyDictionary[MarketService, _Kept] = WeakKeyDictionary()

    def find(
        self, market: MarketService, symbols: Iterable[str], today: date
    ) -> dict[str, Closes | str]:
        """Return what is known now, or why it is not; begin to fetch the rest."""
        kept = self._kept.setdefault(market, _Kept())
        now_ns = self._clock.now_ns()
        found: dict[str, Closes | str] = {}
        for symbol in set(symbols):
            told = kept.closes.get(symbol)
            if told is None or told[1] != today or now_ns >= told[2]:
                self._load(market, kept, symbol, today)
            found[symbol] = PENDING if told is None else told[0]
        return found

    async def get(
        self, market: MarketService, symbols: Iterable[str], today: date
    ) -> Mapping[str, Closes | str]:
        """Return the same once all are there or have taken their time."""
        wanted = set(symbols)
        self.find(market, wanted, today)
        loading = self._kept[market].loading
        late = [loading[symbol] for symbol in wanted if symbol in loading]
        if late:
            await asyncio.wait(late, timeout=limits.HISTORIES_WAIT_SECONDS_MAX)
        return self.find(market, wanted, today)

    def betas_of(
        self, market: MarketService, closes: Mapping[str, Closes | str]
    ) -> dict[str, Beta]:
        """Return the betas of all symbols to the benchmark, which is among them."""
        kept = self._kept.setdefault(market, _Kept()).betas
        benchmark = closes.get(BENCHMARK, PENDING)
        found = {}
        for symbol, own in closes.items():
            if isinstance(own, str) or isinstance(benchmark, str):
                why = own if isinstance(own, str) else benchmark
                found[symbol] = Beta(None, None, 0, str(why))
                continue
            told = kept.get(symbol)
            if told is None or told[0] is not own or told[1] is not benchmark:
                told = kept[symbol] = (own, benchmark, beta_of(own, benchmark))
            found[symbol] = told[2]
        if len(kept) > limits.HISTORIES_KEPT_MAX:
            kept.clear()
        return found

    def _load(self, market: MarketService, kept: _Kept, symbol: str, today: date) -> None:
        if symbol in kept.loading:
            return
        task = asyncio.ensure_future(self._fetch(market, kept, symbol, today))
        kept.loading[symbol] = task
        task.add_done_callback(lambda _: kept.loading.pop(symbol, None))

    async def _fetch(self, market: MarketService, kept: _Kept, symbol: str, today: date) -> None:
        seconds = limits.HISTORIES_SECONDS
        told: Closes | str
        async with kept.places:
            try:
                history = await market.get_history(symbol, BarInterval.DAY_1, today - _SPAN, today)
            except OptixError as error:
                told, seconds = error.code, limits.MARKS_RETRY_SECONDS
            else:
                days = [calendar.exchange_date(to_ns(bar.at)) for bar in history.bars]
                told = {
                    day: bar.close
                    for day, bar in zip(days, history.bars, strict=True)
                    if day < today and bar.close > 0
                }
        until_ns = self._clock.now_ns() + int(seconds * NANOSECONDS)
        kept.closes[symbol] = (told, today, until_ns)
        kept.closes.move_to_end(symbol)
        if len(kept.closes) > limits.HISTORIES_KEPT_MAX:
            kept.closes.popitem(last=False)
