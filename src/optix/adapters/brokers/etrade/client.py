"""E*TRADE's endpoints: one method each, vendor names, decoded JSON out; None for no content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from optix.adapters.web.rest import Answer, Params, RestClient
from optix.kernel.errors import OptixError
from optix.ports.broker import BrokerUnavailable, BrokerUnreadable, SignInNeeded

LABEL: Final = "E*TRADE"
LIVE_URL: Final = "https://api.etrade.com/v1"
SANDBOX_URL: Final = "https://apisb.etrade.com/v1"  # canned answers, whatever is asked
OAUTH_URL: Final = "https://api.etrade.com"  # of the sandbox too
AUTHORISE_URL: Final = "https://us.etrade.com/e/t/etws/authorize"
SPACING_SECONDS: Final = 0.5  # two requests a second of accounts, and of orders
REQUESTS_PER_HOUR: Final = 7_000
PORTFOLIO_PAGE_ROWS: Final = 50
TRANSACTION_PAGE_ROWS: Final = 50
ORDER_PAGE_ROWS: Final = 100
OPEN_STATUSES: Final = ("OPEN", "INDIVIDUAL_FILLS")
_NO_CONTENT: Final = frozenset((HTTPStatus.NO_CONTENT,))
_ALWAYS: Final[frozenset[int]] = frozenset()
_BODY_BYTES_READ = 2_000
_KEY = re.compile(r"(?<=/accounts/)(?!list\.json)[^/]+")
_PROBLEM = re.compile(r"oauth_problem=\"?([a-z_]+)")
_OURS: Final = frozenset(
    ("signature_invalid", "nonce_used", "consumer_key_unknown", "consumer_key_rejected")
)
_CODE = re.compile(r"\"code\"\s*:\s*\"?(\d+)|<code>(\d+)</code>", re.IGNORECASE)


class EtradeClient:
    """Asks for one signed-in user."""

    def __init__(self, rest: RestClient) -> None:
        self.rest = rest

    async def fetch_accounts(self) -> Any:
        return await self.rest.get_json("/accounts/list.json", absent=_ALWAYS)

    async def fetch_balance(self, account: str) -> Any:
        params: Params = {"instType": "BROKERAGE", "realTimeNAV": "true"}
        return await self.rest.get_json(_path(account, "balance"), params, absent=_ALWAYS)

    async def fetch_portfolio(self, account: str, page: str) -> Any:
        """Return a page of positions with the view that tells multipliers."""
        params: Params = {"count": PORTFOLIO_PAGE_ROWS, "view": "COMPLETE", "pageNumber": page}
        return await self.rest.get_json(_path(account, "portfolio"), params, absent=_NO_CONTENT)

    async def fetch_transactions(
        self, account: str, first: date, last: date, marker: str = ""
    ) -> Any:
        """Return a page of the lines of whole days, the newest first."""
        params: dict[str, str | int] = {
            "startDate": _day(first),
            "endDate": _day(last),
            "count": TRANSACTION_PAGE_ROWS,
            "sortOrder": "DESC",
        }
        if marker:
            params["marker"] = marker
        path = _path(account, "transactions")
        return await self.rest.get_json(path, params, absent=_NO_CONTENT)

    async def fetch_orders(self, account: str, asked: Mapping[str, str], marker: str = "") -> Any:
        params: dict[str, str | int] = {"count": ORDER_PAGE_ROWS, **asked}
        if marker:
            params["marker"] = marker
        return await self.rest.get_json(_path(account, "orders"), params, absent=_NO_CONTENT)

    async def close(self) -> None:
        await self.rest.close()


def orders_of_day(day: date) -> Mapping[str, str]:
    """Return the question for the orders of one day."""
    return {"fromDate": _day(day), "toDate": _day(day)}


def read_tokens(answer: Answer | None) -> tuple[str, str]:
    """Return a token and its secret, decoded: they hold / + and =. Raises BrokerUnreadable."""
    body = b"" if answer is None else answer.body
    form = dict(parse_qsl(body.decode("latin-1").strip()))
    token, secret = form.get("oauth_token", ""), form.get("oauth_token_secret", "")
    if not token or not secret:
        raise BrokerUnreadable(f"{LABEL} gave no token.")
    return token, secret


def explain(answer: Answer) -> OptixError | None:
    """Return what a refusal means: a problem of the signature, or a code in JSON or XML."""
    text = answer.body[:_BODY_BYTES_READ].decode("utf-8", "replace")
    said = f"{answer.headers.get('www-authenticate', '')} {text}"
    problem = _PROBLEM.search(said)
    if problem is not None and problem[1] == "timestamp_refused":
        return BrokerUnavailable(f"{LABEL} refuses the time of this machine's clock.")
    if problem is not None and problem[1] in _OURS:
        # Signing in again would not help: the keys of this installation are wrong, or the signing.
        return BrokerUnavailable(f"{LABEL} does not take what OPTIX signs ({problem[1]}).")
    if problem is None and (answer.status == 403 or b"<html" in answer.body[:200].lower()):
        return BrokerUnavailable(f"{LABEL}'s gateway turned the request away.")
    if answer.status == 401:
        return SignInNeeded(f"{LABEL} has ended the sign-in.")
    if code := _CODE.search(text):
        number = code[1] or code[2]
        if answer.status >= 500 and number == "100":
            return BrokerUnavailable(f"{LABEL} is out of service, as it is around midnight.")
        return BrokerUnavailable(f"{LABEL} refuses the question (code {number}).")
    return None


def is_throttled(answer: Answer) -> bool:
    """The limit is told by 429, or in the words of another refusal."""
    if answer.status == 429:
        return True
    said = answer.body[:_BODY_BYTES_READ].lower()
    return answer.status >= 400 and b"rate limit" in said


def path_note(path: str) -> str:
    """Return a path without the account's key."""
    return _KEY.sub("…", path)


def _path(account: str, what: str) -> str:
    return f"/accounts/{quote(account, safe='')}/{what}.json"


def _day(day: date) -> str:
    return f"{day:%m%d%Y}"
