"""One session of one underlying into the store: its chains, open interest and measures.

What is written is the same however often it is done: rows are known by source, time and contract.
Blocking: from an event loop, call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from optix.features.market import calendar
from optix.features.market.history.measures import Measure, implied_measures, realised_measures
from optix.kernel.chain import ChainTable
from optix.kernel.quote import Quality
from optix.ports.history import DatasetName, HistoryKeeper, HistoryReader, HistoryWriter
from optix.ports.market_data import Bar, BarInterval, Bars

BAR_DAYS: Final = 400  # of the calendar, which hold the longest window of realised volatility
CAPTURED: Final = "atm_iv"  # the measure that tells whether a session was captured


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What one session added."""

    rows: int
    measures: int


def store_session(
    keeper: HistoryKeeper,
    who: str,
    *,
    underlying: str,
    day: date,
    tables: Sequence[ChainTable],
    bars: Bars | None,
    rate: float,
) -> Stored:
    """Write the closing chains of a session, what follows from them, and daily bars as traded.

    Bars that their source has adjusted serve the realised volatilities and are not stored, because
    the store keeps prices as they were traded.
    Effects: writes the history. Errors: HistoryBusy, HistoryUnavailable.
    """
    implied = implied_measures(tables, rate=rate)
    with keeper.writing(who) as writer:
        rows = sum(writer.write_chain(table).stored for table in tables)
        rows += sum(write_open_interest(writer, table, day) for table in tables)
        if bars is not None and not bars.adjusted:
            rows += write_bars(writer, bars)
        writer.flush()
        first = tables[0]
        count = write_measures(
            writer,
            implied,
            underlying=underlying,
            day=day,
            ts_event=max(table.ts_event for table in tables),
            source=first.source,
            quality=first.quality,
        )
        closes = _adjusted(keeper.reader(), underlying, day, bars)
        if closes is not None and closes.rows:
            last = calendar.exchange_date(closes.rows[-1].ts_event)
            count += write_measures(
                writer,
                realised_measures(closes.rows),
                underlying=underlying,
                day=last,
                ts_event=calendar.closes_at(calendar.session_on_or_before(last)),
                source=closes.source,
                quality=closes.quality,
            )
    return Stored(rows=rows, measures=count)


def _adjusted(reader: HistoryReader, underlying: str, day: date, bars: Bars | None) -> Bars | None:
    """Return daily bars up to `day` on its own footing: nothing that went ex later counts."""
    if bars is not None and bars.adjusted:
        return bars
    start = day - timedelta(days=BAR_DAYS)
    return reader.bars(underlying, BarInterval.DAY_1, start=start, end=day, adjusted_to=day)


def write_open_interest(writer: HistoryWriter, table: ChainTable, day: date) -> int:
    """Write the open interest beside a chain of `day`: that of the end of the session before."""
    known = [
        (contract, value)
        for contract, value in zip(table.contracts, table.columns["open_interest"], strict=True)
        if value >= 0  # NaN compares false
    ]
    if not known:
        return 0
    count = len(known)
    contracts = [contract for contract, _ in known]
    columns: dict[str, Sequence[Any]] = {
        "ts_event": [table.ts_event] * count,
        "date": [calendar.previous_session(day)] * count,
        "underlying": [table.underlying] * count,
        "root": [contract.root for contract in contracts],
        "expiration": [contract.expiration for contract in contracts],
        "right": [str(contract.right) for contract in contracts],
        "strike_milli": [contract.strike_milli for contract in contracts],
        "open_interest": [value for _, value in known],
        "source": [table.source] * count,
        "quality": [str(table.quality)] * count,
    }
    return writer.write_columns(DatasetName.OPEN_INTEREST, columns).stored


def write_bars(writer: HistoryWriter, bars: Bars) -> int:
    """Write bars as traded."""
    rows: Sequence[Bar] = bars.rows
    count = len(rows)
    columns: dict[str, Sequence[Any]] = {
        "ts_event": [bar.ts_event for bar in rows],
        "underlying": [bars.symbol] * count,
        "symbol": [bars.symbol] * count,
        "interval": [str(bars.interval)] * count,
        "open": [bar.open for bar in rows],
        "high": [bar.high for bar in rows],
        "low": [bar.low for bar in rows],
        "close": [bar.close for bar in rows],
        "volume": [bar.volume if bar.volume >= 0 else None for bar in rows],
        "source": [bars.source] * count,
        "quality": [str(bars.quality)] * count,
    }
    return writer.write_columns(DatasetName.BARS, columns).stored


def write_measures(
    writer: HistoryWriter,
    measures: Sequence[Measure],
    *,
    underlying: str,
    day: date,
    ts_event: int,
    source: str,
    quality: Quality,
) -> int:
    count = len(measures)
    columns: dict[str, Sequence[Any]] = {
        "ts_event": [ts_event] * count,
        "underlying": [underlying] * count,
        "date": [day] * count,
        "measure": [measure.name for measure in measures],
        "tenor_days": [measure.tenor_days for measure in measures],
        "value": [measure.value for measure in measures],
        "quality": [str(quality)] * count,
        "source": [source] * count,
    }
    return writer.write_columns(DatasetName.IV_HISTORY, columns).stored


def captured_days(reader: HistoryReader, underlying: str, start: date, end: date) -> set[date]:
    """Return the sessions whose measures are stored: these are done."""
    points = reader.iv_history(underlying, start=start, end=end)
    return {point.date for point in points if point.measure == CAPTURED}
