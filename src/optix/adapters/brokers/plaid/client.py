"""Plaid's endpoints: one method each, vendor names, decoded JSON out. Every call is a POST."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from optix.adapters.brokers.exact import load_exact
from optix.adapters.brokers.plaid.words import LABEL
from optix.adapters.brokers.webhooks import WebhookRefused
from optix.adapters.web.rest import Answer, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, SignInNeeded

PRODUCTION_URL: Final = "https://production.plaid.com"
SANDBOX_URL: Final = "https://sandbox.plaid.com"
VERSION: Final = "2020-09-14"
REQUESTS_PER_MINUTE: Final = 15  # of one login, holdings and transactions alike
PAGE_ROWS: Final = 500

_USER_MENDS: Final = frozenset(
    {
        "ITEM_LOGIN_REQUIRED",
        "OAUTH_CONSENT_EXPIRED",
        "INVALID_ACCESS_TOKEN",
        "INVALID_PUBLIC_TOKEN",
        "INVALID_LINK_TOKEN",
        "INVALID_CREDENTIALS",
        "INVALID_UPDATED_USERNAME",
        "INSUFFICIENT_CREDENTIALS",
        "INVALID_MFA",
        "ITEM_LOCKED",
        "ITEM_NOT_FOUND",
        "USER_PERMISSION_REVOKED",
        "USER_SETUP_REQUIRED",
        "ACCESS_NOT_GRANTED",
    }
)
_NO_SUCH_KEY: Final = "INVALID_WEBHOOK_VERIFICATION_KEY_ID"
_MEANINGS: Final[Mapping[str, str]] = {
    "PRODUCT_NOT_READY": "is still reading this login for the first time.",
    "PRODUCTS_NOT_SUPPORTED": "cannot read investments of this institution.",
    "NO_INVESTMENT_ACCOUNTS": "finds no investment account in this login.",
    "INSTITUTION_DOWN": "cannot reach the institution, which is down.",
    "INSTITUTION_NOT_RESPONDING": "gets no answer from the institution.",
    "INSTITUTION_NOT_AVAILABLE": "cannot reach the institution now.",
    "INVALID_API_KEYS": "refuses the keys of this installation.",
    "UNAUTHORIZED_ENVIRONMENT": "refuses the keys of this installation for this environment.",
}


class PlaidClient:
    """Asks for the application, or for one login with its access token."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def create_link_token(self, asked: Mapping[str, Any]) -> Any:
        """Return a page of Plaid's. Asked for once: each answer is another session."""
        return await self.rest.post_json("/link/token/create", json=dict(asked))

    async def fetch_link(self, link_token: str) -> Any:
        return await self.rest.query_json("/link/token/get", json={"link_token": link_token})

    async def exchange(self, public_token: str) -> Any:
        """Return the token that stays, for the one that holds half an hour and works once."""
        body = {"public_token": public_token}
        return await self.rest.post_json("/item/public_token/exchange", json=body)

    async def remove_item(self, access_token: str) -> Any:
        return await self.rest.post_json("/item/remove", json={"access_token": access_token})

    async def fetch_item(self, access_token: str) -> Any:
        return await self.rest.query_json("/item/get", json={"access_token": access_token})

    async def fetch_accounts(self, access_token: str) -> Any:
        return await self.rest.query_json("/accounts/get", json={"access_token": access_token})

    async def fetch_holdings(self, access_token: str, account: str) -> Any:
        body = {"access_token": access_token, "options": {"account_ids": [account]}}
        return await self.rest.query_json("/investments/holdings/get", json=body)

    async def fetch_transactions(
        self, access_token: str, account: str, first: str, last: str, *, offset: int
    ) -> Any:
        """Return a page of the lines of whole days, the newest first."""
        body = {
            "access_token": access_token,
            "start_date": first,
            "end_date": last,
            "options": {"account_ids": [account], "count": PAGE_ROWS, "offset": offset},
        }
        return await self.rest.query_json("/investments/transactions/get", json=body)

    async def fetch_webhook_key(self, key_id: str) -> Any:
        return await self.rest.query_json("/webhook_verification_key/get", json={"key_id": key_id})

    async def close(self) -> None:
        await self.rest.close()


def error_code(answer: Answer) -> str:
    """Return Plaid's own word for what is wrong, '' where the body has none."""
    try:
        told = load_exact(answer.body[:20_000])
    except ValueError:
        return ""
    return str(told.get("error_code", "")) if isinstance(told, Mapping) else ""


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: whether the user, the operator or time has to mend it."""
    code = error_code(answer)
    if code in _USER_MENDS:
        return SignInNeeded(f"{LABEL} needs the user's sign-in at the institution.")
    if code == _NO_SUCH_KEY:
        return WebhookRefused(f"{LABEL} does not know the key that its webhook names.")
    if code:
        meaning = _MEANINGS.get(code, "refuses the request.")
        return BrokerUnavailable(f"{LABEL} {meaning}")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return BrokerUnavailable(f"{LABEL} refuses the keys of this installation.")
    return None
