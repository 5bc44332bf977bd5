"""Schwab's trader API as its documentation and recordings show it: OAuth 2, hashes, dates."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.fakes.provider_server import ProviderServer, Reply, Request

APP_KEY, APP_SECRET = "an-app-key", "an-app-secret-that-must-not-show"
CALLBACK = "https://optix.example/api/v1/brokerages/it/callback"
NUMBER = "12345678"
HASH = "1996EA061B4878E8D0B9063DF74925E5"
CORRELATION = "7f1c0a52-0000-4000-8000-3d1f8a6b2c11"

DEAD_TOKEN = {
    "error": "unsupported_token_type",
    "error_description": '400 Bad Request: "{"error":"refresh_token_authentication_error"}"',
}


class FakeSchwabBroker(ProviderServer):
    """One customer with one account, addressed by its hash and answered by its number."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: set[str] = set()
        self.tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.issued = 0
        self.rows_max = 3_000  # of one answer
        self.kind = "MARGIN"
        self.positions: list[Any] = []
        self.transactions: list[Any] = []
        self.orders: list[Any] = []
        self.balances: dict[str, Any] = {
            "cashBalance": 51420.89,
            "moneyMarketFund": 0.0,
            "liquidationValue": 50946.39,
            "buyingPower": 88853.04,
            "buyingPowerNonMarginableTrade": 44420.89,
            "maintenanceRequirement": 7000.0,
        }
        self.route("POST", "/v1/oauth/token", self._token)
        self.route("GET", "/trader/v1/accounts/accountNumbers", self._numbers)
        self.route("GET", "/trader/v1/accounts", self._accounts)
        self.route("GET", f"/trader/v1/accounts/{HASH}", self._account)
        self.route("GET", f"/trader/v1/accounts/{HASH}/transactions", self._transactions)
        self.route("GET", f"/trader/v1/accounts/{HASH}/orders", self._orders)
        self.route("GET", "/trader/v1/userPreference", self._preferences)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeSchwabBroker]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees: return the query of the callback, decoded once as by the web."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == APP_KEY
        assert asked["redirect_uri"] == CALLBACK, "byte for byte the registered one"
        assert asked["scope"] == "readonly", "no more than reading is asked for"
        code = f"C0.a%2Bcode-{len(self.codes)}@"  # what looks like an escape is part of it
        self.codes.add(code)
        query = f"code={quote(code, safe='')}&session=a-session&state={asked['state']}"
        return {name: values[0] for name, values in parse_qs(query).items()}

    def end_access(self) -> None:
        """End the access tokens; the login goes on."""
        self.tokens.clear()

    def end_login(self) -> None:
        self.tokens.clear()
        self.refresh_tokens.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        open_to_all = request.path == "/v1/oauth/token"
        if not (open_to_all or self.scripted or self.down):
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.tokens:
                self.asked.append(request)
                problem = {"message": "Not authorized", "errors": ["Invalid bearer token"]}
                return Reply(problem, status=401)
        reply = super()._answer(request)
        headers = {"Schwab-Client-CorrelId": CORRELATION, **reply.headers}
        return Reply(
            reply.body, reply.status, headers, cut=reply.cut, stall=reply.stall, drop=reply.drop
        )

    def _token(self, request: Request) -> Reply:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        if base64.b64decode(given).decode() != f"{APP_KEY}:{APP_SECRET}":
            return Reply({"error": "invalid_client"}, status=401)
        form = request.form()
        if form["grant_type"] == "refresh_token":
            if form.get("refresh_token") not in self.refresh_tokens:
                return Reply(DEAD_TOKEN, status=400)
            return self._issue(form["refresh_token"])
        code = form.get("code", "")
        if code not in self.codes or form.get("redirect_uri") != CALLBACK:
            return Reply({"error": "invalid_grant"}, status=400)
        self.codes.discard(code)
        self.end_login()  # a new login of the user ends the one before
        return self._issue(f"refresh-token-that-must-not-show-{self.issued}@")

    def _issue(self, refresh_token: str) -> Reply:
        self.issued += 1
        token = f"I0.access-token-that-must-not-show-{self.issued}@"
        self.tokens.add(token)
        self.refresh_tokens.add(refresh_token)
        return Reply(
            {
                "expires_in": 1800,
                "token_type": "Bearer",
                "scope": "api",
                "refresh_token": refresh_token,
                "access_token": token,
                "id_token": "an-id-token-that-must-not-show",
            }
        )

    def _numbers(self, _: Request) -> Reply:
        return Reply([{"accountNumber": NUMBER, "hashValue": HASH}])

    def _document(self, *, positions: bool) -> dict[str, Any]:
        account: dict[str, Any] = {
            "type": self.kind,
            "accountNumber": NUMBER,
            "isClosingOnlyRestricted": False,
            "initialBalances": {"cashBalance": 1.0, "liquidationValue": 1.0},
            "currentBalances": self.balances,
        }
        if positions and self.positions:  # the key is absent otherwise
            account["positions"] = self.positions
        return {
            "securitiesAccount": account,
            "aggregatedBalance": {"liquidationValue": 51434.86},
        }

    def _accounts(self, _: Request) -> Reply:
        return Reply([self._document(positions=False)])

    def _account(self, request: Request) -> Reply:
        return Reply(self._document(positions=request.query.get("fields") == "positions"))

    def _preferences(self, _: Request) -> Reply:
        return Reply(
            {
                "accounts": [{"accountNumber": NUMBER, "nickName": "Trading Brokerage"}],
                "streamerInfo": [{"schwabClientCustomerId": "a-customer-id"}],
            }
        )

    def _transactions(self, request: Request) -> Reply:
        assert request.query["types"].count(",") == 14, "every type is named"
        return self._between(request, self.transactions, "time", "startDate", "endDate")

    def _orders(self, request: Request) -> Reply:
        assert int(request.query["maxResults"]) == 3_000
        names = ("enteredTime", "fromEnteredTime", "toEnteredTime")
        return self._between(request, self.orders, *names)

    def _between(
        self, request: Request, rows: list[Any], name: str, first: str, last: str
    ) -> Reply:
        begin = datetime.fromisoformat(request.query[first])
        end = datetime.fromisoformat(request.query[last])
        if (end - begin).days > 366:
            return Reply({"message": "at most a year", "errors": []}, status=400)
        found = [row for row in rows if begin <= datetime.fromisoformat(row[name]) <= end]
        return Reply(found[: self.rows_max])
