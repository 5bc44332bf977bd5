"""Jobs of the market: the daily capture of chains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from optix.features.market.history.capture import HistoryCapture
from optix.platform.db import Database
from optix.platform.jobs import Arguments, Handler, enqueue

CAPTURE: Final = "market.capture"
CAPTURE_SYMBOL: Final = "market.capture_symbol"
# Often, because when a session is over depends on the calendar and on the market's own clock.
SCHEDULES: Final[Mapping[str, str]] = {CAPTURE: "*/10 * * * *"}


class MarketTasks:
    """Effects: leaves jobs; writes the history."""

    def __init__(self, database: Database, capture: HistoryCapture) -> None:
        self._database = database
        self._capture = capture

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {CAPTURE: self.capture, CAPTURE_SYMBOL: self.capture_symbol}

    async def capture(self, _: Arguments) -> None:
        """Leave a job for every underlying that the session due now lacks."""
        day = self._capture.due_session()
        missing = await self._capture.missing(day) if day is not None else []
        if not missing:
            return
        async with self._database.writing() as session:
            for symbol in missing:
                await enqueue(
                    session,
                    CAPTURE_SYMBOL,
                    {"symbol": symbol, "date": f"{day}"},
                    dedupe_key=f"{CAPTURE_SYMBOL}:{symbol}:{day}",
                )

    async def capture_symbol(self, arguments: Arguments) -> None:
        """Store one session of one underlying, unless that was done or its time has passed."""
        day, symbol = date.fromisoformat(arguments["date"]), arguments["symbol"]
        if self._capture.due_session() == day and symbol in await self._capture.missing(day):
            await self._capture.capture(symbol, day)
