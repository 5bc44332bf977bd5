"""Polygon's REST endpoints that OPTIX asks. One method per endpoint, vendor names.

The key travels in a header and is in no address. A page names the next one as an absolute address:
it is followed on Polygon's own hosts only, and asked of the host that was asked before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote as url_quote
from urllib.parse import urlsplit

import httpx

from optix.adapters.market_data.failures import PROVIDER_ERRORS, ProviderRefused, Unreadable
from optix.adapters.market_data.polygon import wire
from optix.adapters.web.pacing import Pacing
from optix.adapters.web.rest import Params, RestClient
from optix.kernel import limits
from optix.kernel.clock import Clock
from optix.platform.setting_types import OptionalSecret

BASE_URL = "https://api.massive.com"
HOSTS = frozenset(("api.massive.com", "api.polygon.io"))  # the second one is its old name
REQUESTS_PER_SECOND_MAX = 50  # paid plans ask for less than 100; the free one answers 429 beyond 5
SNAPSHOT_ROWS_MAX = 250
CONTRACT_ROWS_MAX = 1_000
BAR_ROWS_MAX = 50_000


class PolygonClient:
    """Asks Polygon. `base_url` and `transport` are for tests."""

    def __init__(
        self,
        api_key: OptionalSecret,
        clock: Clock,
        *,
        base_url: str = BASE_URL,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        assert api_key is not None, "without a key there is no client"
        authorization = f"Bearer {api_key.get_secret_value()}"
        self._hosts = HOSTS | {urlsplit(base_url).netloc}
        self.rest = RestClient(
            "Polygon",
            base_url=base_url,
            pacing=Pacing(
                "Polygon",
                clock,
                errors=PROVIDER_ERRORS,
                requests=REQUESTS_PER_SECOND_MAX,
                per_seconds=1.0,
            ),
            clock=clock,
            headers=lambda: {"Authorization": authorization},
            transport=transport,
        )

    async def fetch_chain(self, underlying: str, expiration: date) -> list[Any]:
        """Return all contracts of one expiration, from as many pages as there are."""
        path = f"/v3/snapshot/options/{url_quote(underlying, safe='')}"
        asked: Params = {
            "expiration_date": expiration.isoformat(),
            "limit": SNAPSHOT_ROWS_MAX,
            "order": "asc",
            "sort": "ticker",
        }
        return [row async for page in self._pages(path, asked) for row in page.rows]

    async def check(self) -> None:
        """Ask something small. Raises ProviderRefused for a key that is none."""
        await self.rest.get_json("/v3/reference/exchanges", {"asset_class": "options"})

    async def fetch_snapshots(self, tickers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the universal snapshot's rows by ticker, without those that do not exist."""
        assert len(tickers) <= SNAPSHOT_ROWS_MAX, "the caller asks in batches"
        asked: Params = {"ticker.any_of": ",".join(tickers), "limit": SNAPSHOT_ROWS_MAX}
        answer = await self.rest.get_json("/v3/snapshot", asked)
        rows = [] if answer is None else wire.read_page(answer).rows
        found: dict[str, Mapping[str, Any]] = {}
        refused = ""
        for row in rows:
            ticker = row.get("ticker") if isinstance(row, dict) else None
            if not isinstance(ticker, str) or ticker not in tickers:
                continue
            if not row.get("error"):
                found[ticker] = row
            elif row["error"] != "NOT_FOUND":
                refused = f"Polygon gives no snapshot of {ticker}: {_word(row['error'])}."
        if refused and not found:  # others of the batch may be in the plan
            raise ProviderRefused(
                refused, next_step="Check that the plan covers the underlyings, not only options."
            )
        return found

    async def fetch_contracts(self, underlying: str) -> list[Any]:
        """Return all listed contracts. Here an index is named without its prefix."""
        asked: Params = {
            "underlying_ticker": underlying,
            "expired": "false",
            "limit": CONTRACT_ROWS_MAX,
        }
        pages = self._pages("/v3/reference/options/contracts", asked)
        return [row async for page in pages for row in page.rows]

    async def fetch_bars(
        self, ticker: str, multiple: int, span: str, start: date, end: date
    ) -> list[Any]:
        """Return bars, newest first, at least as many as a caller may have."""
        path = (
            f"/v2/aggs/ticker/{url_quote(ticker, safe='')}/range/{multiple}/{span}"
            f"/{start.isoformat()}/{end.isoformat()}"
        )
        asked: Params = {"adjusted": "false", "sort": "desc", "limit": BAR_ROWS_MAX}
        rows: list[Any] = []
        async for page in self._pages(path, asked):
            rows += page.rows
            # A week is joined from seven days at most.
            if len(rows) >= 7 * limits.HISTORY_BARS_MAX:
                break
        return rows

    async def _pages(self, path: str, params: Params) -> AsyncIterator[wire.Page]:
        def next_of(answer: object) -> str | None:
            next_url = wire.read_page(answer).next_url
            return None if next_url is None else self._next_path(next_url)

        async for answer in self.rest.iter_pages(path, params, token_of=next_of, token_param=None):
            yield wire.read_page(answer)

    def _next_path(self, next_url: str) -> str:
        """Return the next page's path and query. Raises Unreadable for a foreign address."""
        try:
            parts = urlsplit(next_url)
        except ValueError:
            raise Unreadable("Polygon's next page has an address that is none.") from None
        if parts.netloc not in self._hosts or not parts.path.startswith("/"):
            raise Unreadable("Polygon's next page is at another host: not followed.")
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _word(value: object) -> str:
    return value[:60] if isinstance(value, str) else "no reason"
