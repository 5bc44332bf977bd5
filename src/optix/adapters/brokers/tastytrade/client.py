"""tastytrade's account endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from optix.adapters.brokers.exact import load_exact
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, SignInNeeded

LABEL: Final = "tastytrade"
LIVE_URL: Final = "https://api.tastyworks.com"
SANDBOX_URL: Final = "https://api.cert.tastyworks.com"
AUTHORISE_URL: Final = "https://my.tastytrade.com/auth.html"
SANDBOX_AUTHORISE_URL: Final = "https://cert-my.staging-tasty.works/auth.html"
# Without product/version the gateway turns every request away, those for tokens too.
USER_AGENT: Final = "optix/1.0"
REQUESTS_PER_MINUTE: Final = 120  # tastytrade publishes no numbers: ours
PAGE_ROWS: Final = 250
_NOTHING_ABSENT: Final[frozenset[int]] = frozenset()
_NUMBER = re.compile(r"(?<=/accounts/)[^/]+")
_WORD_LENGTH_MAX: Final = 60


class TastytradeClient:
    """Asks for one signed-in user."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_accounts(self) -> Any:
        return await self._get("/customers/me/accounts")

    async def fetch_balances(self, account: str) -> Any:
        return await self._get(f"/accounts/{account}/balances")

    async def fetch_positions(self, account: str) -> Any:
        return await self._get(f"/accounts/{account}/positions", {"include-marks": "true"})

    async def fetch_live_orders(self, account: str, page: int) -> Any:
        """Return a page of the orders of today, and those of before that still work."""
        params: Params = {"page-offset": page, "per-page": PAGE_ROWS}
        return await self._get(f"/accounts/{account}/orders/live", params)

    async def fetch_transactions(self, account: str, first: str, last: str, page: int) -> Any:
        """Return a page of the lines of whole days, the newest first."""
        params: Params = {
            "start-date": first,
            "end-date": last,
            "sort": "Desc",
            "page-offset": page,
            "per-page": PAGE_ROWS,
        }
        return await self._get(f"/accounts/{account}/transactions", params)

    async def fetch_chain(self, underlying: str) -> Any:
        """Return what is listed on an underlying by roots, None where nothing is."""
        return await self.rest.get_json(f"/option-chains/{quote(underlying, safe='')}/nested")

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str, params: Params | None = None) -> Any:
        return await self.rest.get_json(path, params, absent=_NOTHING_ABSENT)


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means, by the code in its body, which is a text or a number."""
    try:
        told = load_exact(answer.body)
    except ValueError:
        if answer.status in {401, 403}:
            # The gateway's own page, not the service's word on the sign-in.
            return BrokerUnavailable(f"{LABEL}'s gateway turned the request away.")
        return None
    error = told.get("error") if isinstance(told, dict) else None
    code = str(error.get("code", ""))[:_WORD_LENGTH_MAX] if isinstance(error, dict) else ""
    if answer.status == 401:
        return SignInNeeded(f"{LABEL} does not take the sign-in any more.")
    if answer.status == 403:
        # One account may be closed to a login that may read the others.
        return BrokerUnavailable(
            f"{LABEL} does not permit this to be read ({code or 'no reason'})."
        )
    if code and answer.status < 500:
        return BrokerUnavailable(f"{LABEL} refuses the question ({code}).")
    return None


def path_note(path: str) -> str:
    """Return a path without the account's number."""
    return _NUMBER.sub("…", path)
