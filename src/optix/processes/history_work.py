"""`optix history`: coverage of the store, and filling it from a feed that knows the past."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from optix.features.market import calendar
from optix.features.market.history import Filled, backfill, coverage_of
from optix.kernel.clock import Clock, SystemClock
from optix.kernel.errors import InvalidInput
from optix.kernel.symbols import parse_symbol
from optix.platform.settings import Settings
from optix.ports.history import DatasetName, HistoryKeeper
from optix.ports.market_data import ChainHistorySource, UnsupportedRequest
from optix.processes.feed import choose_provider

SHOWN_DAYS_MAX = 20


class NoRange(InvalidInput):
    """Nobody said from when on, and nothing stored tells."""

    code = "no_range"
    next_step = "Name the first session: --start 2024-01-02."


def coverage_rows(
    keeper: HistoryKeeper, dataset: DatasetName, symbols: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what is stored of each symbol, against the sessions between its first and last."""
    reader = keeper.reader()
    rows = []
    for symbol in [parse_symbol(text) for text in symbols] or reader.names(dataset):
        days = reader.days(dataset, symbol)
        sessions = _sessions(days[0].date, days[-1].date) if days else []
        found = coverage_of(days, sessions)
        rows.append(
            {
                "symbol": symbol,
                "dataset": str(dataset),
                "first": found.first,
                "last": found.last,
                "sessions": len(sessions),
                "present": found.present,
                "missing": list(found.missing),
                "thin": list(found.thin),
                "rows": found.rows,
                "sources": list(found.sources),
            }
        )
    return rows


def _sessions(first: date, last: date) -> list[date]:
    """Return the sessions of a range, as far as the calendar knows them."""
    start, end = max(first, calendar.first_day()), min(last, calendar.last_day())
    return list(calendar.iter_sessions(start, end))


def print_coverage(rows: Sequence[Mapping[str, Any]], say: Callable[[str], None]) -> None:
    say(f"{'symbol':<10}{'first':>12}{'last':>12}{'sessions':>10}{'missing':>9}{'rows':>14}")
    for row in rows:
        first, last = row["first"] or "—", row["last"] or "—"
        say(
            f"{row['symbol']:<10}{first!s:>12}{last!s:>12}{row['present']:>10,}"
            f"{len(row['missing']):>9,}{row['rows']:>14,}  {', '.join(row['sources'])}"
        )
        for word in ("missing", "thin"):
            days = [f"{day}" for day in row[word][:SHOWN_DAYS_MAX]]
            more = len(row[word]) - len(days)
            if days:
                say(f"  {word}: {' '.join(days)}" + (f" and {more} more" if more else ""))
    if not rows:
        say("Nothing is stored: import files with `optix import`.")


async def fill(
    settings: Settings,
    keeper: HistoryKeeper,
    symbols: Sequence[str],
    *,
    start: date | None,
    end: date | None,
    only_gaps: bool,
    say: Callable[[str], None],
) -> dict[str, Filled]:
    """Backfill each symbol; with `only_gaps` the sessions between what is stored.

    Effects: asks the feed, writes the history. Retries: run it again.
    Errors: UnsupportedRequest where the feed does not know the past, NoRange, HistoryBusy.
    """
    clock = SystemClock()
    provider = await choose_provider(settings, clock)
    try:
        if not isinstance(provider, ChainHistorySource):
            raise UnsupportedRequest(
                f"{provider.capabilities.label} does not know chains of the past.",
                next_step="Choose a feed that does (OPTIX_FEED): thetadata or orats.",
            )
        await provider.open()
        names = [parse_symbol(text) for text in symbols]
        names = names or list(keeper.reader().names(DatasetName.OPTION_QUOTES))
        done: dict[str, Filled] = {}
        for name in names:
            sessions = _wanted(keeper, name, start, end, clock, only_gaps=only_gaps)
            say(f"{name}: {len(sessions)} sessions to look at")
            done[name] = await backfill(
                keeper, provider, name, sessions, rate=settings.market.risk_free_rate, say=say
            )
        return done
    finally:
        await provider.close()


def _wanted(
    keeper: HistoryKeeper,
    symbol: str,
    start: date | None,
    end: date | None,
    clock: Clock,
    *,
    only_gaps: bool,
) -> list[date]:
    """Return the sessions to fill: the last one asked for is one whose day is over."""
    yesterday = calendar.exchange_date(clock.now_ns()) - timedelta(days=1)
    if not only_gaps:
        if start is None:
            raise NoRange("Nobody said from when on.")
        return _sessions(start, min(end or yesterday, yesterday))
    days = keeper.reader().days(DatasetName.OPTION_QUOTES, symbol)
    if not days:
        raise NoRange(f"Nothing of {symbol} is stored, so nothing is missing between.")
    first, last = start or days[0].date, min(end or days[-1].date, yesterday)
    return list(coverage_of(days, _sessions(first, last)).missing)
