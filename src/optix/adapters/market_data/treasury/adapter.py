"""The Treasury behind the port of reference data: the latest curve, and those of the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from optix.adapters.market_data.bars import new_york_date
from optix.adapters.market_data.treasury.client import TreasuryClient
from optix.adapters.market_data.treasury.translate import translate_year
from optix.kernel.clock import NANOSECONDS, Clock
from optix.ports.market_data import ProviderUnavailable
from optix.ports.reference_data import ParYields

KEPT_SECONDS = 3_600  # a curve is published once a day, in the late afternoon
FIRST_YEAR = 1990


def build_source(clock: Clock) -> TreasuryRates:
    """Return the source; it needs no account."""
    return TreasuryRates(TreasuryClient(clock), clock)


class TreasuryRates:
    """Implements `ports.reference_data.RateCurveSource`."""

    def __init__(self, client: TreasuryClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._latest: ParYields | None = None
        self._fetched_ns = 0

    async def close(self) -> None:
        await self._client.rest.close()

    async def fetch_par_yields(self) -> ParYields:
        """Return the latest curve, from memory for an hour. Raises ProviderUnavailable."""
        now_ns = self._clock.now_ns()
        if self._latest and now_ns - self._fetched_ns < KEPT_SECONDS * NANOSECONDS:
            return self._latest
        today = new_york_date(now_ns)
        # In the first days of January the new year has no file, or an empty one.
        for year in (today.year, today.year - 1):
            curves = [curve for curve in await self._year(year) if curve.day <= today]
            if curves:
                self._latest, self._fetched_ns = curves[-1], now_ns
                return curves[-1]
        raise ProviderUnavailable("The US Treasury publishes no par yields of this year or last.")

    async def fetch_history(self, *, start: date, end: date) -> Sequence[ParYields]:
        """Return the curves with start <= day <= end, ascending. Raises ProviderUnavailable."""
        curves: list[ParYields] = []
        for year in range(max(start.year, FIRST_YEAR), end.year + 1):
            curves += await self._year(year)
        return [curve for curve in curves if start <= curve.day <= end]

    async def _year(self, year: int) -> Sequence[ParYields]:
        body = await self._client.fetch_year(year)
        return translate_year(body) if body and body.strip() else []
