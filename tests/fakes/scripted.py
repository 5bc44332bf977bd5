"""A market data provider that does what a test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import date

from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of

from optix.kernel.chain import ChainTable
from optix.kernel.clock import Clock, ScaledClock, SystemClock
from optix.kernel.instrument import ExerciseStyle, Settlement
from optix.kernel.quote import Quality, Quote, SecurityKind
from optix.ports.market_data import (
    BarInterval,
    Bars,
    Capabilities,
    ChainKey,
    Demand,
    Expiration,
    MarketUpdate,
    ProviderUnavailable,
    SymbolInfo,
    UnknownExpiration,
    UnknownSymbol,
    UnsupportedRequest,
)

SMALL_CONTRACTS = contracts_of([590, 600, 610])
SMALL_BIDS = [22.0, 9.5, 15.7, 13.2, 10.6, 18.0]


class ScriptedProvider:
    """Answers from `quotes` and `chains`; yields what `emit` is given; breaks on `fail`."""

    def __init__(
        self, *, clock: Clock | None = None, silence_seconds_max: float | None = None
    ) -> None:
        self.capabilities = Capabilities(
            name="scripted",
            label="Scripted market",
            quality=Quality.REALTIME,
            streaming=True,
            silence_seconds_max=silence_seconds_max,
        )
        self.clock: Clock = clock or ScaledClock(SystemClock(), origin_ns=NOW_NS, speed=1)
        self.quotes: dict[str, Quote] = {}
        self.chains: dict[ChainKey, ChainTable] = {}
        self.bars: dict[str, Bars] = {}
        self.demand = Demand()
        self.asked: list[str] = []
        self.opened = 0
        self.opening = asyncio.Event()  # clear it, and opening waits
        self.opening.set()
        self._script: asyncio.Queue[MarketUpdate | Exception] = asyncio.Queue()

    def list_small_chain(self) -> ChainKey:
        """List three strikes of SPY, quoted on both sides, and return their expiration."""
        key = ChainKey("SPY", EXPIRATION)
        self.quotes["SPY"] = spot_of()
        self.chains[key] = table_of(
            SMALL_CONTRACTS,
            {
                "bid": SMALL_BIDS,
                "ask": [bid + 0.1 for bid in SMALL_BIDS],
                "open_interest": [10.0] * len(SMALL_BIDS),
            },
            spot=spot_of(),
        )
        return key

    def emit(self, update: MarketUpdate) -> None:
        self._script.put_nowait(update)

    def fail(self, sentence: str) -> None:
        self._script.put_nowait(ProviderUnavailable(sentence))

    async def open(self) -> None:
        await self.opening.wait()
        self.opened += 1

    async def close(self) -> None:
        pass

    def set_demand(self, demand: Demand) -> None:
        self.demand = demand

    async def iter_updates(self) -> AsyncIterator[MarketUpdate]:
        while True:
            update = await self._script.get()
            if isinstance(update, Exception):
                raise update
            yield update

    async def fetch_quote(self, symbol: str) -> Quote:
        self.asked.append(symbol)
        if symbol not in self.quotes:
            raise UnknownSymbol(f"{symbol} is not known here.")
        return self.quotes[symbol]

    async def fetch_expirations(self, underlying: str) -> Sequence[Expiration]:
        if underlying not in self.quotes:
            raise UnknownSymbol(f"{underlying} is not known here.")
        return [
            Expiration(
                date=key.expiration,
                root=underlying,
                style=ExerciseStyle.AMERICAN,
                settlement=Settlement.PM,
                contracts=len(table),
            )
            for key, table in sorted(self.chains.items(), key=lambda item: item[0])
            if key.underlying == underlying
        ]

    async def fetch_chain(self, key: ChainKey) -> ChainTable:
        if key not in self.chains:
            raise UnknownExpiration(f"{key.underlying} has nothing on {key.expiration}.")
        return self.chains[key]

    async def fetch_bars(
        self, symbol: str, interval: BarInterval, *, start: date, end: date
    ) -> Bars:
        if symbol in self.bars and self.bars[symbol].interval is interval:
            return self.bars[symbol]
        raise UnsupportedRequest(f"No bars of {symbol} from {start} to {end} by {interval}.")

    async def search(self, text: str, *, limit: int) -> Sequence[SymbolInfo]:
        names = [symbol for symbol in self.quotes if symbol.startswith(text.upper())]
        return [SymbolInfo(symbol=s, name=f"{s} Inc.", kind=SecurityKind.STOCK) for s in names][
            :limit
        ]
