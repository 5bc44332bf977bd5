"""The Treasury's web site over HTTP: one CSV file for each year, no key."""

from __future__ import annotations

from optix.adapters.market_data.failures import PROVIDER_ERRORS
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel.clock import Clock

LABEL = "US Treasury"
BASE_URL = "https://home.treasury.gov/resource-center/data-chart-center/interest-rates"
REQUESTS_PER_MINUTE = 10  # the site says no limit; a curve changes once a day
BODY_BYTES_MAX = 1_000_000  # a year is about 25 kB


class TreasuryClient:
    def __init__(self, clock: Clock, *, base_url: str = BASE_URL) -> None:
        pacing = Pacing(LABEL, clock, errors=PROVIDER_ERRORS, requests=REQUESTS_PER_MINUTE)
        self.rest = RestClient(
            LABEL,
            base_url=base_url,
            pacing=pacing,
            clock=clock,
            body_bytes_max=BODY_BYTES_MAX,
        )

    async def fetch_year(self, year: int) -> bytes | None:
        """Return the par yield curves of a year as CSV; None where there is no such file."""
        params: Params = {
            "type": "daily_treasury_yield_curve",
            "field_tdr_date_value": year,
            "page": "",
            "_format": "csv",
        }
        answer = await self.rest.get(f"/daily-treasury-rates.csv/{year}/all", params)
        return None if answer is None else answer.body
