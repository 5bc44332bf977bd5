"""Filling the past from a provider that knows it: whole ranges, or only the gaps.

Sessions that are stored are not asked for again, so that a run that was cut off goes on where it
was: each session is safe before the next one begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from optix.features.market import calendar
from optix.features.market.history.sessions import captured_days, store_session
from optix.kernel.chain import ChainTable
from optix.ports.history import HistoryKeeper
from optix.ports.market_data import ChainHistorySource

WHO: Final = "`optix history`"


@dataclass(slots=True, kw_only=True)
class Filled:
    """What a run did, session by session."""

    wanted: int
    there: int  # stored before the run
    filled: int = 0
    rows: int = 0
    unknown: int = 0  # the provider has nothing of them


async def backfill(
    keeper: HistoryKeeper,
    source: ChainHistorySource,
    underlying: str,
    sessions: Sequence[date],
    *,
    rate: float,
    say: Callable[[str], None],
) -> Filled:
    """Store those of `sessions` that are not there, oldest first.

    Effects: asks the provider, writes the history. Retries: call it again.
    Errors: UnknownSymbol, UnsupportedRequest, ProviderUnavailable, HistoryBusy.
    """
    filled = Filled(wanted=len(sessions), there=0)
    if not sessions:
        return filled
    done = await asyncio.to_thread(
        captured_days, keeper.reader(), underlying, sessions[0], sessions[-1]
    )
    missing = [day for day in sessions if day not in done]
    filled.there = len(sessions) - len(missing)
    number = 0
    for first, last in _runs(missing):
        held: list[ChainTable] = []
        async for table in source.iter_chain_history(underlying, start=first, end=last):
            if held and _day(held[0]) != _day(table):
                number += 1
                await _store(keeper, underlying, held, filled, rate=rate)
                say(f"[{number}/{len(missing)}] {underlying} {_day(held[0])}: stored")
                held = []
            held.append(table)
        if held:
            number += 1
            await _store(keeper, underlying, held, filled, rate=rate)
            say(f"[{number}/{len(missing)}] {underlying} {_day(held[0])}: stored")
    filled.unknown = len(missing) - filled.filled
    return filled


async def _store(
    keeper: HistoryKeeper,
    underlying: str,
    tables: Sequence[ChainTable],
    filled: Filled,
    *,
    rate: float,
) -> None:
    stored = await asyncio.to_thread(
        store_session,
        keeper,
        WHO,
        underlying=underlying,
        day=_day(tables[0]),
        tables=tables,
        bars=None,
        rate=rate,
    )
    filled.filled += 1
    filled.rows += stored.rows


def _day(table: ChainTable) -> date:
    return calendar.exchange_date(table.ts_event)


def _runs(missing: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Yield sessions as ranges without a gap: one question covers what lies side by side."""
    first = last = missing[0] if missing else None
    for day in missing[1:]:
        assert first is not None
        assert last is not None
        if day != calendar.next_sessions(last, 1)[0]:
            yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last
