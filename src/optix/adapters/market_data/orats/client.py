"""ORATS over HTTP: one method for each endpoint, its names, rows out.

The token travels in the query, as ORATS wants it: addresses are therefore in no error and no log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import SecretStr

from optix.adapters.market_data.failures import PROVIDER_ERRORS, Unreadable
from optix.adapters.market_data.orats.translate import LABEL
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel.clock import Clock

BASE_URL = "https://api.orats.io/datav2"
REQUESTS_PER_MINUTE = 1000
TICKERS_MAX = 10  # of one question about several

Row = Mapping[str, Any]


class OratsClient:
    """Asks ORATS with one token."""

    def __init__(self, token: SecretStr, clock: Clock, *, base_url: str = BASE_URL) -> None:
        pacing = Pacing(LABEL, clock, errors=PROVIDER_ERRORS, requests=REQUESTS_PER_MINUTE)
        self.rest = RestClient(LABEL, base_url=base_url, pacing=pacing, clock=clock)
        self._token = token

    async def fetch_strikes(self, ticker: str) -> Sequence[Row]:
        """Return the whole chain as it is now, one row for a call and its put."""
        return await self._ask("/strikes", {"ticker": ticker})

    async def fetch_past_strikes(self, ticker: str, day: date) -> Sequence[Row]:
        return await self._ask("/hist/strikes", {"ticker": ticker, "tradeDate": f"{day}"})

    async def fetch_summaries(self, tickers: Sequence[str]) -> Sequence[Row]:
        """Return the price of the underlying and when it was, for each ticker that is known."""
        fields = "ticker,tradeDate,stockPrice,updatedAt"
        return await self._ask("/summaries", {"ticker": ",".join(tickers), "fields": fields})

    async def fetch_days(self, ticker: str, start: date, end: date) -> Sequence[Row]:
        return await self._ask("/hist/dailies", {"ticker": ticker, "tradeDate": f"{start},{end}"})

    async def fetch_dividends(self, ticker: str) -> Sequence[Row]:
        return await self._ask("/hist/divs", {"ticker": ticker})

    async def fetch_splits(self, ticker: str) -> Sequence[Row]:
        return await self._ask("/hist/splits", {"ticker": ticker})

    async def fetch_earnings(self, ticker: str) -> Sequence[Row]:
        return await self._ask("/hist/earnings", {"ticker": ticker})

    async def fetch_cores(self, ticker: str) -> Sequence[Row]:
        """Return what is known of the next earnings."""
        fields = "ticker,tradeDate,nextErn,nextErnTod"
        return await self._ask("/cores", {"ticker": ticker, "fields": fields})

    async def _ask(self, path: str, params: Params) -> Sequence[Row]:
        """Return the rows; none for an unknown ticker or date, which is answered with 404."""
        document = await self.rest.get_json(
            path, {**params, "token": self._token.get_secret_value()}
        )
        if document is None:
            return []
        rows = document.get("data") if isinstance(document, dict) else None
        if not isinstance(rows, list):
            raise Unreadable("ORATS' answer has no data.")
        return [row for row in rows if isinstance(row, dict)]
