"""What the market endpoints say, made of plain values. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from optix.features.market import calendar, schemas
from optix.kernel.clock import to_datetime
from optix.ports.market_data import BarInterval


def calendar_day(day: date) -> schemas.CalendarDay:
    """Return one weekday of the exchange."""
    is_open = calendar.is_trading_day(day)
    return schemas.CalendarDay(
        date=day,
        open=is_open,
        opens_at=to_datetime(calendar.opens_at(day)) if is_open else None,
        closes_at=to_datetime(calendar.closes_at(day)) if is_open else None,
        early_close=is_open and calendar.is_early_close(day),
    )


def history_of(symbol: str, interval: BarInterval, answer: dict[str, Any]) -> schemas.History:
    """Return the feed's answer as bars."""
    return schemas.History(
        symbol=symbol,
        interval=interval,
        adjusted=answer["adjusted"],
        source=answer["source"],
        quality=answer["quality"],
        bars=[
            schemas.Bar(
                at=datetime.fromtimestamp(at / 1000, tz=UTC),
                open=open_,
                high=high,
                low=low,
                close=close,
                volume=volume,
            )
            for at, open_, high, low, close, volume in answer["rows"]
            if None not in (open_, high, low, close)  # a bar without its prices is none
        ],
    )
