"""Alpaca's REST endpoints: one method each, vendor names, decoded JSON out.

Market data and the list of contracts are on two hosts and share one key. The feed of an answer is
not said in it, so the caller keeps what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx

from optix.adapters.market_data.alpaca.wire import pages_of
from optix.adapters.market_data.failures import PROVIDER_ERRORS
from optix.adapters.web.pacing import X_RATELIMIT, Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel.clock import Clock

DATA_URL = "https://data.alpaca.markets"
TRADING_URL = "https://paper-api.alpaca.markets"  # the list of contracts is the same on both hosts

# What a symbol that Alpaca does not know, or cannot read, is answered with.
_ABSENT = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, 422))
_CONTRACTS_PER_PAGE = 10_000
_SNAPSHOTS_PER_PAGE = 1_000
_BARS_PER_PAGE = 10_000


class AlpacaClient:
    """Asks Alpaca. `headers` gives the key; `transport` is for tests."""

    def __init__(
        self,
        *,
        headers: Callable[[], Mapping[str, str]],
        feed: str,
        stock_feed: str,
        requests_per_minute: int,
        clock: Clock,
        data_url: str = DATA_URL,
        trading_url: str = TRADING_URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        def rest(url: str) -> RestClient:
            # The hosts count apart.
            pacing = Pacing(
                "Alpaca",
                clock,
                errors=PROVIDER_ERRORS,
                requests=requests_per_minute,
                headers=X_RATELIMIT,
            )
            return RestClient(
                "Alpaca",
                base_url=url,
                pacing=pacing,
                clock=clock,
                headers=headers,
                transport=transport,
            )

        self.data = rest(data_url)
        self.trading = rest(trading_url)
        self._feed = feed
        self._stock_feed = stock_feed

    async def fetch_chain(self, underlying: str, expiration: str) -> dict[str, Any]:
        """Return the snapshots of one expiration by contract. What has no data is not there."""
        return await pages_of(
            self.data.iter_pages(
                f"/v1beta1/options/snapshots/{underlying}",
                {"feed": self._feed, "expiration_date": expiration, "limit": _SNAPSHOTS_PER_PAGE},
                token_of=_next,
                absent=_ABSENT,
            ),
            "snapshots",
        )

    async def fetch_contracts(self, underlying: str, since: str) -> list[Any]:
        """Return the listed contracts that expire on `since` or later."""
        rows: list[Any] = []
        params: Params = {
            "underlying_symbols": underlying,
            "expiration_date_gte": since,
            "status": "active",
            "limit": _CONTRACTS_PER_PAGE,
        }
        pages = self.trading.iter_pages(
            "/v2/options/contracts", params, token_of=_next, absent=_ABSENT
        )
        async for page in pages:
            found = page.get("option_contracts") if isinstance(page, dict) else None
            rows += found if isinstance(found, list) else []
        return rows

    async def fetch_stock_snapshots(self, symbols: Sequence[str]) -> dict[str, Any]:
        """Return the snapshots of the stocks that Alpaca knows."""
        params: Params = {"symbols": ",".join(symbols), "feed": self._stock_feed}
        found = await self.data.get_json("/v2/stocks/snapshots", params, absent=_ABSENT)
        if found is None and len(symbols) > 1:
            # One name it cannot read spoils the answer of all: each gets its own.
            parts = [await self.fetch_stock_snapshots([symbol]) for symbol in symbols]
            return {symbol: value for part in parts for symbol, value in part.items()}
        return found if isinstance(found, dict) else {}

    async def fetch_stock_bars(
        self, symbol: str, timeframe: str, *, start: str, end: str
    ) -> list[Any]:
        """Return bars of a stock from the tape of all exchanges, not adjusted, newest first."""
        span = {"start": start, "end": end, "feed": "sip", "adjustment": "raw"}
        return await self._bars("/v2/stocks/bars", symbol, timeframe, span)

    async def fetch_option_bars(
        self, symbol: str, timeframe: str, *, start: str, end: str
    ) -> list[Any]:
        """Return bars of a contract, newest first."""
        span = {"start": start, "end": end}
        return await self._bars("/v1beta1/options/bars", symbol, timeframe, span)

    async def close(self) -> None:
        await self.data.close()
        await self.trading.close()

    async def _bars(
        self, path: str, symbol: str, timeframe: str, span: Mapping[str, str]
    ) -> list[Any]:
        params: Params = {
            "symbols": symbol,
            "timeframe": timeframe,
            "limit": _BARS_PER_PAGE,
            "sort": "desc",
            **span,
        }
        # One page holds more than anybody is given.
        found = await self.data.get_json(path, params, absent=_ABSENT)
        bars = found.get("bars") if isinstance(found, dict) else None
        rows = bars.get(symbol) if isinstance(bars, dict) else None
        return rows if isinstance(rows, list) else []


def _next(page: Any) -> str | None:
    token = page.get("next_page_token") if isinstance(page, dict) else None
    return token if isinstance(token, str) else None
