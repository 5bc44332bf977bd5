"""Schwab's trader endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable

LABEL: Final = "Charles Schwab"
BASE_URL: Final = "https://api.schwabapi.com"
AUTHORISE_URL: Final = f"{BASE_URL}/v1/oauth/authorize"
TOKEN_PATH: Final = "/v1/oauth/token"  # noqa: S105  # a path
REQUESTS_PER_MINUTE: Final = 120
ROWS_MAX: Final = 3_000  # of one answer; more are left out without a word
TYPES: Final = (
    "TRADE",
    "RECEIVE_AND_DELIVER",
    "DIVIDEND_OR_INTEREST",
    "ACH_RECEIPT",
    "ACH_DISBURSEMENT",
    "CASH_RECEIPT",
    "CASH_DISBURSEMENT",
    "ELECTRONIC_FUND",
    "WIRE_OUT",
    "WIRE_IN",
    "JOURNAL",
    "MEMORANDUM",
    "MARGIN_CALL",
    "MONEY_MARKET",
    "SMA_ADJUSTMENT",
)

_TRADER: Final = "/trader/v1"
_ACCOUNT = re.compile(r"(?<=/accounts/)(?!accountNumbers)[^/]+")
_reference = re.compile(r"[\w-]{1,64}", re.ASCII).fullmatch
_NOTHING_ABSENT: Final[frozenset[int]] = frozenset()


class SchwabClient:
    """Asks for one signed-in user. An account is addressed by its hash, never by its number."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_account_numbers(self) -> Any:
        return await self._get("/accounts/accountNumbers")

    async def fetch_accounts(self) -> Any:
        return await self._get("/accounts")

    async def fetch_account(self, account: str) -> Any:
        """Return one account with its positions, which come only when they are asked for."""
        return await self._get(f"/accounts/{account}", {"fields": "positions"})

    async def fetch_preferences(self) -> Any:
        return await self._get("/userPreference")

    async def fetch_transactions(self, account: str, first: datetime, last: datetime) -> Any:
        """Return what was entered between two moments, both included, at most ROWS_MAX."""
        params: Params = {
            "startDate": _zulu(first),
            "endDate": _zulu(last),
            "types": ",".join(TYPES),
        }
        return await self._get(f"/accounts/{account}/transactions", params)

    async def fetch_orders(self, account: str, first: datetime, last: datetime) -> Any:
        """Return the orders entered between two moments, both included, at most ROWS_MAX."""
        params: Params = {
            "fromEnteredTime": _zulu(first),
            "toEnteredTime": _zulu(last),
            "maxResults": ROWS_MAX,
        }
        return await self._get(f"/accounts/{account}/orders", params)

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str, params: Params | None = None) -> Any:
        return await self.rest.get_json(f"{_TRADER}{path}", params, absent=_NOTHING_ABSENT)


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: the gateway's own pages are none of the account's business.

    Schwab's reference of an exchange is what its support asks for.
    """
    of_gateway = not answer.body.lstrip().startswith((b"{", b"["))
    if answer.status == 403 and of_gateway:
        return BrokerUnavailable(f"{LABEL}'s gateway lets nobody in just now.")
    reference = answer.headers.get("Schwab-Client-CorrelId", "")
    if answer.status in {401, 403} or not _reference(reference):
        return None
    return BrokerUnavailable(
        f"{LABEL} answered with status {answer.status} (its reference is {reference})."
    )


def path_note(path: str) -> str:
    """Return a path without the account's name."""
    return _ACCOUNT.sub("…", path)


def _zulu(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
