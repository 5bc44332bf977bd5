"""Alpaca's trading endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from optix.adapters.brokers.exact import load_exact
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable

LABEL: Final = "Alpaca"
LIVE_URL: Final = "https://api.alpaca.markets"
PAPER_URL: Final = "https://paper-api.alpaca.markets"
AUTHORISE_URL: Final = "https://app.alpaca.markets/oauth/authorize"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105  # a path
REQUESTS_PER_MINUTE: Final = 200
ACTIVITY_ROWS: Final = 100  # of a page at most
ORDER_ROWS: Final = 500

_NOTHING_ABSENT: Final[frozenset[int]] = frozenset()


class AlpacaClient:
    """Asks one environment, live or paper, where a token or a pair of keys has one account."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_account(self) -> Any:
        return await self._get("/v2/account")

    async def fetch_positions(self) -> Any:
        return await self._get("/v2/positions")

    async def fetch_activities(self, after: datetime, until: datetime, token: str) -> Any:
        """Return a page of what was entered between two moments, the newest first.

        `token` is the id of the last line of the page before, '' for the first page.
        """
        params: dict[str, str | int | float] = {
            "after": _zulu(after),
            "until": _zulu(until),
            "direction": "desc",
            "page_size": ACTIVITY_ROWS,
        }
        if token:
            params["page_token"] = token
        return await self._get("/v2/account/activities", params)

    async def fetch_orders(self, status: str, before: str) -> Any:
        """Return a page of orders with their legs, the newest first; `before` is an order's id."""
        params: dict[str, str | int | float] = {
            "status": status,
            "limit": ORDER_ROWS,
            "direction": "desc",
            "nested": "true",
        }
        if before:
            params["before_order_id"] = before
        return await self._get("/v2/orders", params)

    async def fetch_contract(self, symbol: str) -> Any:
        """Return the terms of a contract, None for one that Alpaca does not know."""
        params: Params = {"show_deliverables": "true"}
        return await self.rest.get_json(f"/v2/options/contracts/{symbol}", params)

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str, params: Params | None = None) -> Any:
        return await self.rest.get_json(path, params, absent=_NOTHING_ABSENT)


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: one with a code is about the request, not about the key."""
    code = _code(answer.body)
    if code and not code.startswith("401"):
        return BrokerUnavailable(
            f"{LABEL} refuses the request (status {answer.status}, code {code})."
        )
    if answer.status == 403 and not answer.body.lstrip().startswith(b"{"):
        return BrokerUnavailable(f"{LABEL}'s gateway lets nobody in just now.")
    return None


def _code(body: bytes) -> str:
    try:
        told = load_exact(body)
    except ValueError:
        return ""
    code = told.get("code") if isinstance(told, dict) else None
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else ""


def _zulu(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
