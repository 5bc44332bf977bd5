"""The daily capture: after each close, the chains of the chosen underlyings as the feed has them.

It asks the feed over the bus like any other reader, so it works with every provider and follows the
market clock. A session is due once its last options have stopped trading and the feed's delay has
passed, and until the next session opens: after that its closing quotes are gone, and the gap is for
`optix history repair`.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import structlog

from optix.features.market import calendar, wire
from optix.features.market.book import MarketBook
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.history.sessions import (
    BAR_DAYS,
    Stored,
    captured_days,
    store_session,
)
from optix.kernel.chain import CHAIN_COLUMNS, ChainTable, nan_column
from optix.kernel.clock import NANOSECONDS
from optix.kernel.errors import InvalidInput, NotFound, Unavailable
from optix.kernel.instrument import OptionContract, parse_option
from optix.kernel.quote import Quality, Quote
from optix.ports.history import HistoryKeeper
from optix.ports.market_data import Bar, BarInterval, Bars, ChainKey

log = structlog.get_logger(__name__)

WHO: Final = "the daily capture"
SETTLED_NS: Final = 300 * NANOSECONDS  # after the last options stopped trading
_NS_PER_MS: Final = 1_000_000


class NothingToCapture(Unavailable):
    """The feed has no quotes of the session that is due."""

    code = "nothing_to_capture"
    next_step = "Look at the market feed; `optix history repair` fills the gap later."


class HistoryCapture:
    """Effects: writes the history. One per process, because the store has one writer."""

    def __init__(
        self, keeper: HistoryKeeper, book: MarketBook, *, symbols: Sequence[str], rate: float
    ) -> None:
        self._keeper = keeper
        self._book = book
        self._symbols = list(symbols)
        self._rate = rate
        self._turn = asyncio.Lock()

    def due_session(self) -> date | None:
        """Return the session whose closing quotes can be captured now, by the market clock."""
        now_ns = self._book.market_now_ns()
        day = calendar.session_on_or_before(calendar.exchange_date(now_ns))
        if now_ns < calendar.opens_at(day):
            day = calendar.previous_session(day)
        delay_ns = self._book.feed_status().delay_seconds * NANOSECONDS
        # The S&P 500's options are among those that trade longest.
        ready_ns = calendar.options_close_at("SPX", day) + delay_ns + SETTLED_NS
        return day if now_ns >= ready_ns else None

    async def missing(self, day: date) -> list[str]:
        """Return the underlyings of which `day` is not captured yet."""

        def find() -> list[str]:
            reader = self._keeper.reader()
            return [
                symbol
                for symbol in self._symbols
                if day not in captured_days(reader, symbol, day, day)
            ]

        return await asyncio.to_thread(find)

    async def capture(self, underlying: str, day: date) -> Stored:
        """Store the chains of `day`, and what they say.

        Retries: harmless; what is there already is not stored again. Errors: NothingToCapture,
        FeedUnavailable, UnknownSymbol, HistoryBusy, HistoryUnavailable.
        """
        tables = await self._tables(underlying, day)
        if not tables:
            raise NothingToCapture(f"The feed has no quotes of {underlying} from {day}.")
        bars = await self._bars(underlying, day)
        async with self._turn:
            stored = await asyncio.to_thread(
                store_session,
                self._keeper,
                WHO,
                underlying=underlying,
                day=day,
                tables=tables,
                bars=bars,
                rate=self._rate,
            )
        log.info(
            "history.captured", symbol=underlying, date=f"{day}", rows=stored.rows,
            measures=stored.measures,
        )  # fmt: skip
        return stored

    async def _tables(self, underlying: str, day: date) -> list[ChainTable]:
        answer = await self._book.ask("expirations", {"underlying": underlying})
        dates = sorted({date.fromisoformat(row["date"]) for row in answer["rows"]})
        spot = (await self._book.get_quote(underlying)).quote
        tables = []
        for expiration in dates:
            try:
                replica = await self._book.get_chain(ChainKey(underlying, expiration))
            except NotFound:
                continue  # it was settled between the two questions
            table = table_of(replica, spot)
            if calendar.exchange_date(table.ts_event) == day and len(table):
                tables.append(table)
        return tables

    async def _bars(self, underlying: str, day: date) -> Bars | None:
        """Return the daily bars up to `day`; None where the feed has none."""
        start = day - timedelta(days=BAR_DAYS)
        try:
            answer = await self._book.ask(
                "bars",
                {
                    "symbol": underlying,
                    "interval": str(BarInterval.DAY_1),
                    "start": start.isoformat(),
                    "end": day.isoformat(),
                },
            )
        except (InvalidInput, NotFound, Unavailable) as error:
            log.info("history.no_bars", symbol=underlying, code=error.code)
            return None
        return bars_of(underlying, BarInterval.DAY_1, answer)


def bars_of(symbol: str, interval: BarInterval, answer: dict[str, Any]) -> Bars:
    """Return the feed's answer as bars; a bar without its prices is none."""
    return Bars(
        symbol=symbol,
        interval=interval,
        source=answer["source"],
        quality=Quality(answer["quality"]),
        adjusted=answer["adjusted"],
        rows=[
            Bar(
                ts_event=at * _NS_PER_MS,
                open=open_,
                high=high,
                low=low,
                close=close,
                volume=float("nan") if volume is None else volume,
            )
            for at, open_, high, low, close, volume in answer["rows"]
            if None not in (open_, high, low, close)
        ],
    )


def table_of(replica: ChainReplica, spot: Quote) -> ChainTable:
    """Return a published chain as the provider delivered it, to the millisecond."""
    contracts: list[OptionContract] = [parse_option(row[0]) for row in replica.contracts]
    rows = replica.columns
    columns = {name: nan_column(len(contracts)) for name in CHAIN_COLUMNS}
    for name, values in zip(wire.QUOTED_COLUMNS, rows.quotes, strict=True):
        columns[name] = array("d", values.tolist())
    for name in ("open_interest", "previous_close"):
        place = wire.CONTRACT_COLUMNS.index(name)
        columns[name] = _column(row[place] for row in replica.contracts)
    if rows.vendor is not None:
        for name, values in zip(wire.VENDOR_COLUMNS, rows.vendor, strict=True):
            columns[f"vendor_{name}"] = array("d", values.tolist())
    times = array("q", (rows.as_of * _NS_PER_MS).tolist())
    header = replica.header
    return ChainTable(
        underlying=replica.key.underlying,
        contracts=contracts,
        columns=columns,
        source=header["source"],
        quality=Quality(header["quality"]),
        ts_event=header["as_of"] * _NS_PER_MS,
        ts_received=header["received"] * _NS_PER_MS,
        row_ts_event=times,
        spot=spot,
    )


def _column(values: Any) -> array[float]:
    return array("d", [float("nan") if value is None else value for value in values])
