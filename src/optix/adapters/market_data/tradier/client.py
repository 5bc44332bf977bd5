"""Tradier's REST endpoints: one method each, vendor names, decoded JSON out.

The default body is XML, so every request asks for JSON. The host says whether data are delayed: the
sandbox is by 15 minutes, and nothing in an answer tells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

import httpx

from optix.adapters.market_data.failures import PROVIDER_ERRORS
from optix.adapters.web.pacing import AllowanceHeaders, Pacing
from optix.adapters.web.rest import Answer, RestClient
from optix.kernel.clock import Clock

PRODUCTION_URL = "https://api.tradier.com/v1"
SANDBOX_URL = "https://sandbox.tradier.com/v1"

HEADERS = AllowanceHeaders(
    limit="X-Ratelimit-Allowed",
    remaining="X-Ratelimit-Available",
    reset="X-Ratelimit-Expiry",
    reset_unit_ns=1_000_000,
)
# A symbol that Tradier cannot read is answered with 400, one it does not know with null.
_ABSENT = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND))


class TradierClient:
    """Asks Tradier. `token` gives the access token; `transport` is for tests."""

    def __init__(
        self,
        *,
        token: Callable[[], str],
        base_url: str,
        requests_per_minute: int,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.rest = RestClient(
            "Tradier",
            base_url=base_url,
            pacing=Pacing(
                "Tradier",
                clock,
                errors=PROVIDER_ERRORS,
                requests=requests_per_minute,
                headers=HEADERS,
            ),
            clock=clock,
            headers=lambda: {
                "Authorization": f"Bearer {token()}",
                "Accept": "application/json",
            },
            is_throttled=_is_throttled,
            transport=transport,
        )

    async def fetch_quotes(self, symbols: Sequence[str]) -> Any:
        params = {"symbols": ",".join(symbols), "greeks": "false"}
        return await self.rest.get_json("/markets/quotes", params, absent=_ABSENT)

    async def fetch_option_symbols(self, underlying: str) -> Any:
        """Return all contracts of an underlying, by root."""
        params = {"underlying": underlying}
        return await self.rest.get_json("/markets/options/lookup", params, absent=_ABSENT)

    async def fetch_chain(self, underlying: str, expiration: str) -> Any:
        params = {"symbol": underlying, "expiration": expiration, "greeks": "true"}
        return await self.rest.get_json("/markets/options/chains", params, absent=_ABSENT)

    async def fetch_history(self, symbol: str, interval: str, *, start: str, end: str) -> Any:
        """Return bars of days or weeks. `start` and `end` are dates."""
        params = {"symbol": symbol, "interval": interval, "start": start, "end": end}
        return await self.rest.get_json("/markets/history", params, absent=_ABSENT)

    async def fetch_time_sales(self, symbol: str, interval: str, *, start: str, end: str) -> Any:
        """Return bars of minutes. `start` and `end` are wall clock times of New York."""
        params = {
            "symbol": symbol,
            "interval": interval,
            "start": start,
            "end": end,
            "session_filter": "open",
        }
        return await self.rest.get_json("/markets/timesales", params, absent=_ABSENT)

    async def create_session(self) -> Any:
        """Open the only streaming session of the account; it must be used within five minutes."""
        return await self.rest.post_json("/markets/events/session", data={})

    async def close(self) -> None:
        await self.rest.close()


def _is_throttled(answer: Answer) -> bool:
    """Old gateways say 400 and words instead of 429."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    return answer.status == HTTPStatus.BAD_REQUEST and b"quota violation" in answer.body.lower()
