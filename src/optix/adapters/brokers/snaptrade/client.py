"""SnapTrade's endpoints: one method each, vendor names, decoded JSON out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from optix.adapters.brokers.exact import load_exact
from optix.adapters.brokers.snaptrade.words import LABEL
from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, SignInNeeded

API_URL: Final = "https://api.snaptrade.com"
REQUESTS_PER_MINUTE: Final = 250  # of all users of one client id together
PAGE_ROWS: Final = 1_000
PORTAL_SECONDS: Final = 300
ORDER_DAYS: Final = 1  # back from now: the orders of the day
OPEN_ORDER_DAYS: Final = 90  # the most that SnapTrade looks back

NOT_SYNCED: Final = 425
# Whoever may only read has no orders with some brokerages, and some have none to give.
_WITHOUT_ORDERS: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_IMPLEMENTED})
_NOTHING_ABSENT: Final[frozenset[int]] = frozenset()
_IDS = re.compile(r"(?<=/accounts/)[^/]+|(?<=/connection/)[^/]+")
_OURS: Final = ("signature", "timestamp", "clientid", "client id", "consumer")


class SnapTradeClient:
    """Asks for one user, or for the application."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_brokerages(self) -> Any:
        return await self._get("/brokerages")

    async def register_user(self, user_id: str) -> Any:
        return await self.rest.post_json("/snapTrade/registerUser", json={"userId": user_id})

    async def delete_user(self, user_id: str) -> None:
        await self.rest.delete(f"/snapTrade/deleteUser?{urlencode({'userId': user_id})}")

    async def login(self, asked: Mapping[str, Any]) -> Any:
        """Return the address of the portal. Asked for once: each answer is another session."""
        return await self.rest.post_json("/snapTrade/login", json=dict(asked))

    async def fetch_connections(self) -> Any:
        return await self._get("/authorizations")

    async def delete_connection(self, connection: str) -> None:
        await self.rest.delete(f"/connection/{connection}")

    async def fetch_accounts(self) -> Any:
        return await self._get("/accounts")

    async def fetch_balances(self, account: str) -> Any:
        return await self._get(f"/accounts/{account}/balances")

    async def fetch_positions(self, account: str) -> Any:
        return await self._get(f"/accounts/{account}/positions/all")

    async def fetch_orders(self, account: str, state: str, days: int) -> Any:
        """Return orders that are that many days old, None where the brokerage has none to give."""
        params: Params = {"state": state, "days": days}
        path = f"/accounts/{account}/orders"
        return await self.rest.get_json(path, params, absent=_WITHOUT_ORDERS)

    async def fetch_activities(self, account: str, first: str, last: str, offset: int) -> Any:
        """Return a page of the lines of whole days, the newest first."""
        params: Params = {"startDate": first, "endDate": last, "offset": offset, "limit": PAGE_ROWS}
        path = f"/accounts/{account}/activities"
        return await self.rest.get_json(path, params, absent=_NOTHING_ABSENT)

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str) -> Any:
        return await self.rest.get_json(path, absent=_NOTHING_ABSENT)


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: whether the user, the operator or time has to mend it."""
    if answer.status == HTTPStatus.PAYMENT_REQUIRED:
        return SignInNeeded(f"{LABEL} has lost its connection to the brokerage.")
    if answer.status == NOT_SYNCED:
        return BrokerUnavailable(f"{LABEL} is still reading this account for the first time.")
    if answer.status == HTTPStatus.FORBIDDEN:
        return BrokerUnavailable(f"{LABEL} does not allow this with the plan of this installation.")
    if answer.status == HTTPStatus.UNAUTHORIZED and any(word in _detail(answer) for word in _OURS):
        return BrokerUnavailable(
            f"{LABEL} refuses the signature of this installation: its key or its clock is wrong."
        )
    return None


def path_note(path: str) -> str:
    """Return a path without the ids of accounts and connections."""
    return _IDS.sub("…", path)


def _detail(answer: Answer) -> str:
    try:
        told = load_exact(answer.body[:2_000])
    except ValueError:
        return ""
    return str(told.get("detail", "")).lower() if isinstance(told, Mapping) else ""
