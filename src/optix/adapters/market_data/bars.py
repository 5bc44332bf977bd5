"""Bars out of finer bars or out of prints. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from optix.kernel import limits
from optix.kernel.clock import to_datetime, to_ns
from optix.ports.market_data import Bar, BarInterval

NEW_YORK = ZoneInfo("America/New_York")

MINUTES = {
    BarInterval.MINUTE_1: 1,
    BarInterval.MINUTE_5: 5,
    BarInterval.MINUTE_30: 30,
    BarInterval.HOUR_1: 60,
}


def bar_start(instant: datetime, interval: BarInterval) -> datetime:
    """Return when the bar that holds `instant` begins, on the wall clock of New York."""
    local = instant.astimezone(NEW_YORK)
    minutes = MINUTES.get(interval)
    if minutes is not None:
        return local.replace(minute=local.minute - local.minute % minutes, second=0, microsecond=0)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval is BarInterval.DAY_1:
        return midnight
    return midnight - timedelta(days=local.weekday())


def join_bars(bars: Iterable[Bar], interval: BarInterval) -> list[Bar]:
    """Return ascending `bars` joined to a coarser interval."""
    return _join(bars, lambda ts_event: to_ns(_start_utc(ts_event, interval)))


def _start_utc(ts_event: int, interval: BarInterval) -> datetime:
    return bar_start(to_datetime(ts_event), interval).astimezone(UTC)


def _join(bars: Iterable[Bar], start_of: Callable[[int], int]) -> list[Bar]:
    joined: list[Bar] = []
    for bar in bars:
        start = start_of(bar.ts_event)
        if joined and joined[-1].ts_event == start:
            last = joined[-1]
            joined[-1] = Bar(
                ts_event=start,
                open=last.open,
                high=max(last.high, bar.high),
                low=min(last.low, bar.low),
                close=bar.close,
                volume=last.volume + bar.volume,
            )
        else:
            joined.append(
                Bar(
                    ts_event=start,
                    open=bar.open,
                    high=bar.high,
                    low=bar.low,
                    close=bar.close,
                    volume=bar.volume,
                )
            )
    return joined


def within(bars: Sequence[Bar], *, start: date, end: date) -> list[Bar]:
    """Return the bars of the dates from `start` to `end`, at most the latest ones allowed."""
    kept = [bar for bar in bars if start <= new_york_date(bar.ts_event) <= end]
    return kept[-limits.HISTORY_BARS_MAX :]


def new_york_date(instant_ns: int) -> date:
    return to_datetime(instant_ns).astimezone(NEW_YORK).date()
