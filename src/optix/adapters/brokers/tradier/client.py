"""Tradier's brokerage endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

import re
from typing import Any, Final

from optix.adapters.web.pacing import AllowanceHeaders
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import SignInNeeded

LABEL: Final = "Tradier"
PRODUCTION_URL: Final = "https://api.tradier.com/v1"
SANDBOX_URL: Final = "https://sandbox.tradier.com/v1"
AUTHORISE_URL: Final = f"{PRODUCTION_URL}/oauth/authorize"
REQUESTS_PER_MINUTE: Final = {PRODUCTION_URL: 120, SANDBOX_URL: 60}
HISTORY_PAGE_ROWS: Final = 100

HEADERS: Final = AllowanceHeaders(
    limit="X-Ratelimit-Allowed",
    remaining="X-Ratelimit-Available",
    reset="X-Ratelimit-Expiry",
    reset_unit_ns=1_000_000,
)
_NUMBER = re.compile(r"(?<=/accounts/)[^/]+")


class TradierClient:
    """Asks for one signed-in user."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_profile(self) -> Any:
        return await self.rest.get_json("/user/profile")

    async def fetch_balances(self, account: str) -> Any:
        return await self.rest.get_json(f"/accounts/{account}/balances", absent=frozenset())

    async def fetch_positions(self, account: str) -> Any:
        return await self.rest.get_json(f"/accounts/{account}/positions", absent=frozenset())

    async def fetch_orders(self, account: str, page: int) -> Any:
        """Return a page of the orders of the session and those good till cancelled."""
        params: Params = {"page": page, "includeTags": "true"}
        return await self.rest.get_json(f"/accounts/{account}/orders", params, absent=frozenset())

    async def fetch_history(self, account: str, first: str, last: str, page: int) -> Any:
        """Return a page of the events of whole days."""
        params: Params = {"page": page, "limit": HISTORY_PAGE_ROWS, "start": first, "end": last}
        return await self.rest.get_json(f"/accounts/{account}/history", params, absent=frozenset())

    async def close(self) -> None:
        await self.rest.close()


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: its body is text or an object of the gateway."""
    body = answer.body[:2_000].lower()
    if b"invalid_access_token" in body or b"invalid access token" in body:
        return SignInNeeded(f"{LABEL} does not take the access token any more.")
    return None


def is_throttled(answer: Answer) -> bool:
    """Old gateways say 400 and words instead of 429."""
    if answer.status == 429:
        return True
    return answer.status == 400 and b"quota" in answer.body[:2_000].lower()


def path_note(path: str) -> str:
    """Return a path without the account's number."""
    return _NUMBER.sub("…", path)
