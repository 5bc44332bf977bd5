"""`optix record`: writes what a market feed delivers to a file that `replay` plays back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from optix.kernel.chain import ChainTable
from optix.kernel.clock import SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.symbols import parse_symbol
from optix.platform.settings import Settings
from optix.ports.market_data import (
    ChainKey,
    Demand,
    FeedNotice,
    MarketDataProvider,
    NoticeState,
)
from optix.processes.feed import choose_provider

EXPIRATIONS_PER_SYMBOL = 4


class NothingToRecord(InvalidInput):
    """A recording without a symbol would stay empty for ever."""

    code = "nothing_to_record"
    next_step = "Name symbols, separated by commas: --symbols SPY,IWM."


async def record_feed(
    settings: Settings,
    *,
    out: Path,
    symbols: Sequence[str],
    seconds: float | None,
    say: Callable[[str], None],
) -> int:
    """Record the quotes and nearest chains of `symbols`; return the number of rows.

    Ends after `seconds`, at the end of the source, or when cancelled; the file is whole either way.
    Effects: writes `out`. Errors: NothingToRecord, MalformedSymbol, UnknownSymbol,
    RecordingExists.
    """
    from optix.adapters.market_data.recording import RecordingWriter

    wanted = [parse_symbol(symbol) for symbol in symbols]
    if not wanted:
        raise NothingToRecord("No symbol is named.")
    provider = await choose_provider(settings, SystemClock())
    rows = 0
    try:
        await provider.open()
        demand = await _demand_of(provider, wanted)
        say(f"recording {len(demand.quotes)} symbols and {len(demand.chains)} chains to {out}")
        provider.set_demand(demand)
        with RecordingWriter(out) as writer, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for update in provider.iter_updates():
                    if isinstance(update, FeedNotice):
                        say(update.reason)
                        if update.state is not NoticeState.GAP:
                            break
                    writer.append(update, provider.clock.now_ns())
                    rows += len(update) if isinstance(update, ChainTable) else 1
    finally:
        await provider.close()
    return rows


async def _demand_of(provider: MarketDataProvider, symbols: Sequence[str]) -> Demand:
    chains: set[ChainKey] = set()
    for symbol in symbols:
        dates = sorted({listed.date for listed in await provider.fetch_expirations(symbol)})
        chains |= {ChainKey(symbol, day) for day in dates[:EXPIRATIONS_PER_SYMBOL]}
    return Demand(quotes=frozenset(symbols), chains=frozenset(chains))
