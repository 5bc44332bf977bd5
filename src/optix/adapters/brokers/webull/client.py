"""Webull's endpoints: one method each, vendor names, decoded JSON out; addresses in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from optix.adapters.brokers.exact import load_exact
from optix.adapters.web.rest import Answer, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, SignInNeeded

LABEL: Final = "Webull"
API_URL: Final = "https://api.webull.com"
CONNECT_URL: Final = "https://us-oauth-open-api.webull.com"
CONNECT_API_URL: Final = f"{CONNECT_URL}/oauth-openapi"
AUTHORISE_URL: Final = "https://passport.webull.com/oauth2/authenticate/login"
TOKEN_PATH: Final = "/oauth2/tokens/create"  # noqa: S105  # a path
SCOPE: Final = "user:trade:wr"  # there is no smaller one
SIGN_IN_VERSION: Final = "v2"
SIGN_IN_REQUESTS: Final = 10
SIGN_IN_SECONDS: Final = 30.0
PAGE_ROWS: Final = 100  # of a page at most
_NOTHING_ABSENT: Final[frozenset[int]] = frozenset()
_BODY_BYTES_READ: Final = 2_000


class Generation(StrEnum):
    """Which of its three families of addresses Webull gave an application."""

    V3 = "v3"
    V2 = "v2"
    V1 = "v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """The addresses of one generation and how they are asked; '' is what it has not.

    `cursor` is what a page of orders is asked for by; `days` names the first and the last day of a
    history; `requests` are allowed in `per_seconds`.
    """

    version: str
    accounts: str
    balance: str
    positions: str
    open_orders: str = ""
    history: str = ""
    token_create: str = ""
    token_check: str = ""
    cursor: str = ""
    days: tuple[str, str] = ("", "")
    moments: bool = False  # days are asked for by their moments
    requests: int = 2
    per_seconds: float = 2.0


PATHS: Final[Mapping[Generation, Paths]] = {
    Generation.V3: Paths(
        version="v3",
        accounts="/trading/accounts/list",
        balance="/trading/assets/balances/get",
        positions="/trading/assets/positions/list",
        open_orders="/trading/orders/open-orders/list",
        history="/trading/orders/historical-orders/list",
        token_create="/auth/tokens/create",  # noqa: S106  # a path
        token_check="/auth/tokens/check",  # noqa: S106  # a path
        cursor="pagination_key",
        days=("start_time", "end_time"),
        moments=True,
    ),
    Generation.V2: Paths(
        version="v2",
        accounts="/openapi/account/list",
        balance="/openapi/assets/balance",
        positions="/openapi/assets/positions",
        open_orders="/openapi/trade/order/open",
        history="/openapi/trade/order/history",
        token_create="/openapi/auth/token/create",  # noqa: S106  # a path
        token_check="/openapi/auth/token/check",  # noqa: S106  # a path
        cursor="last_client_order_id",
        days=("start_date", "end_date"),
    ),
    Generation.V1: Paths(
        version="v1",
        accounts="/app/subscriptions/list",
        balance="/account/balance",
        positions="/account/positions",
        cursor="last_instrument_id",
        requests=10,
        per_seconds=30.0,
    ),
}


class WebullClient:
    """Asks for one signed-in user. `renew` is asked once for each question that was refused.

    It is asked here and not below, because a token that ended is told by 401 and by 417.
    """

    def __init__(
        self, rest: RestClient, paths: Paths, renew: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        self.rest = rest
        self.paths = paths
        self._renew = renew

    async def fetch_accounts(self) -> Any:
        return await self._get(self.paths.accounts)

    async def fetch_balance(self, account: str) -> Any:
        return await self._get(self.paths.balance, {"account_id": account})

    async def fetch_positions(self, account: str, cursor: str = "") -> Any:
        """Return the positions; of the oldest generation a page of them, behind the cursor."""
        asked: dict[str, str | int] = {"account_id": account}
        if self.paths.version == Generation.V1:
            asked["page_size"] = PAGE_ROWS
        return await self._get(self.paths.positions, self._behind(asked, cursor))

    async def fetch_open_orders(self, account: str, cursor: str = "") -> Any:
        asked: dict[str, str | int] = {"account_id": account, "page_size": PAGE_ROWS}
        return await self._get(self.paths.open_orders, self._behind(asked, cursor))

    async def fetch_history(
        self, account: str, since: datetime, until: datetime, cursor: str = ""
    ) -> Any:
        """Return a page of the orders of a time, the end of which is not in it."""
        first, last = self.paths.days
        asked: dict[str, str | int] = {
            "account_id": account,
            "page_size": PAGE_ROWS,
            first: self._time(since),
            last: self._time(until - timedelta(milliseconds=1)),
        }
        return await self._get(self.paths.history, self._behind(asked, cursor))

    async def create_token(self) -> Any:
        """Ask for a token, which its user then lets in with the app."""
        return await self.rest.post_json(self.paths.token_create)

    async def check_token(self, token: str) -> Any:
        return await self.rest.query_json(self.paths.token_check, json={"token": token})

    async def close(self) -> None:
        await self.rest.close()

    async def _get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        for renewed in (False, True):
            try:
                return await self.rest.get_json(path, params, absent=_NOTHING_ABSENT)
            except SignInNeeded:
                if renewed or self._renew is None or not await self._renew():
                    raise
        raise AssertionError("the second attempt returns or raises")

    def _behind(self, asked: dict[str, str | int], cursor: str) -> dict[str, str | int]:
        return {**asked, self.paths.cursor: cursor} if cursor else asked

    def _time(self, moment: datetime) -> str:
        utc = moment.astimezone(UTC)
        if self.paths.moments:
            return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1_000:03d}Z"
        return f"{utc:%Y-%m-%d}"


_CLOCK: Final = ("TIMESTAMP", "NONCE")
_KEYS: Final = ("SIGN", "APP_KEY", "CLIENT_ID", "CLIENT_SECRET")
_ENDED: Final = ("TOKEN", "UNAUTHORIZED")
_THROTTLED: Final = frozenset(("TOO_MANY_REQUESTS", "RATE_LIMITED", "RATE_LIMIT_EXCEEDED"))
_REFUSED: Final = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.EXPECTATION_FAILED))


def explain(
    answer: Answer, *, own_keys: bool = False, signing_in: bool = False
) -> OptixError | None:
    """Return what a refusal means; its code counts more than its status.

    `own_keys` says that a user's key signs: one that is wrong is theirs to mend, and else the
    installation's. `signing_in` says that a code or a token was asked about.
    """
    code = error_code(answer)
    if any(word in code for word in _CLOCK):
        return BrokerUnavailable(f"{LABEL} refuses the time of this machine's clock ({code}).")
    if any(word in code for word in _KEYS) and not own_keys:
        return BrokerUnavailable(f"{LABEL} does not take what OPTIX signs ({code}).")
    ended = any(word in code for word in (*_KEYS, *_ENDED)) or answer.status == 401
    if code and (ended or (signing_in and answer.status in _REFUSED)):
        return SignInNeeded(f"{LABEL} refuses the sign-in ({code}).")
    if code:
        return BrokerUnavailable(f"{LABEL} refuses the question ({code}).")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return BrokerUnavailable(f"{LABEL}'s gateway turned the request away.")
    return None


def is_throttled(answer: Answer) -> bool:
    """The limit is told by 429, perhaps by a code."""
    too_many = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return too_many or (answer.status >= 400 and error_code(answer) in _THROTTLED)


def error_code(answer: Answer) -> str:
    """Return the code of an error body, '' where there is none. Never its message."""
    try:
        told = load_exact(answer.body[:_BODY_BYTES_READ])
    except ValueError:
        return ""
    code = told.get("error_code") if isinstance(told, Mapping) else None
    known = isinstance(code, str) and code.isascii() and len(code) <= 60
    return str(code).upper() if known and str(code).replace("_", "").isalnum() else ""
