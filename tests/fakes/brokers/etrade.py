"""E*TRADE as its documentation describes it: signed requests, codes to copy, XML turned to JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit

from pydantic import SecretStr
from tests.fakes.provider_server import ProviderServer, Reply, Request

from optix.adapters.brokers.etrade import EtradeApp
from optix.adapters.brokers.etrade.signing import base_string, signature
from optix.kernel.clock import NANOSECONDS, Clock, to_datetime

CONSUMER_KEY, CONSUMER_SECRET = "a-consumer", "a-consumer-secret-that-must-not-show"
KEY = "6_Dpy0rmuQ9cu9IbTfvF2A"
SKEW_SECONDS_MAX = 300
NO_CONTENT = Reply(b"", status=204)


class FakeEtrade(ProviderServer):
    """One user with an account, one that is closed, and one of the bank."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.tokens: dict[str, str] = {}  # with their secrets, for access
        self.asleep: set[str] = set()
        self.request_tokens: dict[str, str] = {}
        self.verifiers: dict[str, str] = {}
        self.nonces: set[str] = set()
        self.issued = 0
        self.page_rows = 2
        self.accounts: Any = [
            account("70700418", KEY),
            account("83515143", "xj1Dc18FTqWPqkEEVUr5rw", accountStatus="CLOSED"),
            account("12345678", "a-key-of-the-bank", institutionType="BANK"),
        ]
        self.positions: list[Any] = []
        self.transactions: list[Any] = []
        self.orders: list[Any] = []
        self.route("GET", "/oauth/request_token", self._request_token)
        self.route("GET", "/oauth/access_token", self._access_token)
        self.route("GET", "/oauth/renew_access_token", self._renew)
        self.route("GET", "/oauth/revoke_access_token", self._revoke)
        self.route("GET", "/v1/accounts/list.json", self._list)
        self.route("GET", f"/v1/accounts/{KEY}/balance.json", self._balance)
        self.route("GET", f"/v1/accounts/{KEY}/portfolio.json", self._portfolio)
        self.route("GET", f"/v1/accounts/{KEY}/transactions.json", self._transactions)
        self.route("GET", f"/v1/accounts/{KEY}/orders.json", self._orders)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeEtrade]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees, and copies the five characters."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["key"] == CONSUMER_KEY
        self.verifiers[asked["token"]] = "WXYZ9"
        return {"code": "WXYZ9"}

    def end_tokens(self) -> None:
        """Let midnight pass."""
        self.tokens.clear()

    def fall_asleep(self) -> None:
        """Let two hours pass without a request."""
        self.asleep |= set(self.tokens)

    # The server

    def _answer(self, request: Request) -> Reply:
        if self.scripted or self.down:
            return super()._answer(request)
        problem = self._problem(request)
        if problem:
            self.asked.append(request)
            return Reply(f"oauth_problem={problem}".encode(), status=401)
        return super()._answer(request)

    def _problem(self, request: Request) -> str:
        said = self._said(request)
        if said.get("oauth_consumer_key") != CONSUMER_KEY:
            return "consumer_key_unknown"
        now = self.clock.now_ns() / NANOSECONDS
        if abs(now - int(said["oauth_timestamp"])) > SKEW_SECONDS_MAX:
            return "timestamp_refused"
        if said["oauth_nonce"] in self.nonces:
            return "nonce_used"
        self.nonces.add(said["oauth_nonce"])
        token = said.get("oauth_token", "")
        known = {"": "", **self.request_tokens, **self.tokens}
        if token not in known or (request.path.startswith("/v1/") and token not in self.tokens):
            return "token_rejected"
        given = said.pop("oauth_signature")
        query = parse_qsl(urlencode(dict(request.query)))
        address = f"{self.base_url}{quote(request.path)}"
        base = base_string(request.method, address, [*query, *said.items()])
        if signature(base, SecretStr(CONSUMER_SECRET), SecretStr(known[token])) != given:
            return "signature_invalid"
        if token in self.asleep and not request.path.startswith("/oauth/"):
            return "token_expired"
        return ""

    @staticmethod
    def _said(request: Request) -> dict[str, str]:
        scheme, _, words = request.headers.get("authorization", "").partition(" ")
        assert scheme == "OAuth", "the signature is in the header"
        pairs = (word.partition("=") for word in words.split(","))
        said = {name: unquote(value.strip('"')) for name, _, value in pairs}
        assert said.pop("realm") == ""
        return said

    def _issue(self, where: dict[str, str]) -> Reply:
        self.issued += 1
        token, secret = f"/token+{self.issued}=", f"/secret+that-must-not-show+{self.issued}="
        where[token] = secret
        form = {"oauth_token": token, "oauth_token_secret": secret}
        return Reply(urlencode({**form, "oauth_callback_confirmed": "true"}).encode())

    def _request_token(self, request: Request) -> Reply:
        if self._said(request).get("oauth_callback") != "oob":
            return Reply(b"oauth_problem=parameter_rejected", status=401)
        return self._issue(self.request_tokens)

    def _access_token(self, request: Request) -> Reply:
        said = self._said(request)
        token = said["oauth_token"]
        if self.verifiers.pop(token, None) != said.get("oauth_verifier"):
            return Reply(b"oauth_problem=token_rejected", status=401)
        del self.request_tokens[token]
        return self._issue(self.tokens)

    def _renew(self, request: Request) -> Reply:
        token = self._said(request)["oauth_token"]
        if token not in self.tokens:
            return Reply(b"oauth_problem=token_rejected", status=401)
        self.asleep.discard(token)
        return Reply(b"Access Token has been renewed")

    def _revoke(self, request: Request) -> Reply:
        self.tokens.pop(self._said(request)["oauth_token"], None)
        return Reply(b"Revoked Access Token")

    def _list(self, _: Request) -> Reply:
        return Reply({"AccountListResponse": {"Accounts": {"Account": self.accounts}}})

    def _balance(self, request: Request) -> Reply:
        assert request.query == {"instType": "BROKERAGE", "realTimeNAV": "true"}
        body = b"""{"BalanceResponse": {"accountId": "70700418", "accountType": "MARGIN",
            "Computed": {"netCash": -740.450013, "cashBalance": 0, "cashBuyingPower": 100.5,
            "marginBuyingPower": 201.0, "settledCashForInvestment": 10,
            "cashAvailableForWithdrawal": 0,
            "RealTimeValues": {"totalAccountValue": 12500.25, "netMv": 13240.7}}}}"""
        return Reply(body)

    def _portfolio(self, request: Request) -> Reply:
        assert request.query["view"] == "COMPLETE", "the view that tells multipliers"
        page = int(request.query["pageNumber"])
        rows = self.positions[(page - 1) * self.page_rows : page * self.page_rows]
        if not rows:
            return NO_CONTENT
        portfolio: dict[str, Any] = {"accountId": "70700418", "Position": single(rows)}
        if len(self.positions) > page * self.page_rows:
            portfolio["nextPageNo"] = str(page + 1)
        return Reply({"PortfolioResponse": {"AccountPortfolio": portfolio}})

    def _transactions(self, request: Request) -> Reply:
        first, last = (_date(request.query[name]) for name in ("startDate", "endDate"))
        rows = [row for row in self.transactions if first <= day_of(row) <= last]
        return self._by_marker(request, rows, "TransactionListResponse", "Transaction")

    def _orders(self, request: Request) -> Reply:
        asked = request.query
        if "status" in asked:
            rows = [each for each in self.orders if _status(each) == asked["status"]]
        else:
            rows = [each for each in self.orders if asked["fromDate"] == "03032026"]
        return self._by_marker(request, rows, "OrdersResponse", "Order")

    def _by_marker(self, request: Request, rows: list[Any], envelope: str, key: str) -> Reply:
        if not rows:
            return NO_CONTENT
        begin = int(request.query.get("marker", "0"))
        page = rows[begin : begin + self.page_rows]
        more = begin + self.page_rows < len(rows)
        told = {
            key: single(page),
            "marker": str(begin + self.page_rows) if more else "",
            "moreTransactions": False,
            "totalCount": len(rows),
        }
        return Reply({envelope: told})


def app_of(server: FakeEtrade) -> EtradeApp:
    """Return the application that the server knows."""
    return EtradeApp(
        consumer_key=CONSUMER_KEY,
        consumer_secret=SecretStr(CONSUMER_SECRET),
        api_url=f"{server.base_url}/v1",
        oauth_url=server.base_url,
    )


Routes = list[tuple[str, str, Callable[[Request], Reply]]]


def replaced(server: ProviderServer, path: str, handler: Callable[[Request], Reply]) -> Routes:
    """Return the routes of a server with another handler for what ends in `path`."""
    return [
        (method, known, handler if known.endswith(path) else before)
        for method, known, before in server.routes
    ]


def single(rows: list[Any]) -> Any:
    """Return rows as XML turned to JSON has them: one of them is no list."""
    return rows[0] if len(rows) == 1 else rows


def account(number: str, key: str, **more: str) -> dict[str, Any]:
    return {
        "accountId": number,
        "accountIdKey": key,
        "accountMode": "MARGIN",
        "accountDesc": "Brokerage",
        "accountName": " ",
        "accountType": "INDIVIDUAL",
        "institutionType": "BROKERAGE",
        "accountStatus": "ACTIVE",
        "closedDate": 0,
        **more,
    }


def day_of(row: dict[str, Any]) -> str:
    """Return the day of a transaction, which is noon in New York in these rows."""
    return f"{to_datetime(row['transactionDate'] * 1_000_000):%Y-%m-%d}"


def _date(text: str) -> str:
    return f"{text[4:]}-{text[:2]}-{text[2:4]}"


def _status(row: dict[str, Any]) -> str:
    return str(row["OrderDetail"][0]["status"])
