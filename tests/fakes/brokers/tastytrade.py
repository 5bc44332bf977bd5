"""tastytrade as its documentation describes it: OAuth 2 in JSON, a gateway before it, envelopes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from tests.fakes.provider_server import ProviderServer, Reply, Request

CLIENT_ID, CLIENT_SECRET = "a-partner", "a-client-secret-that-must-not-show"
PERSONAL = {
    "refresh_token": "a-personal-refresh-token-that-must-not-show",
    "client_secret": "a-personal-secret-that-must-not-show",
}
ACCOUNT = "5WT00001"
GATEWAY = Reply(b"<html><title>401</title>nginx</html>", status=401)


def paged(rows: list[Any], request: Request, rows_max: int) -> Reply:
    """Return one page of `rows` with its numbers; the server gives fewer than it is asked for."""
    size = min(int(request.query["per-page"]), rows_max)
    offset = int(request.query["page-offset"])
    pagination = {
        "per-page": size,
        "page-offset": offset,
        "total-items": len(rows),
        "total-pages": -(-len(rows) // size),
    }
    items = rows[offset * size : (offset + 1) * size]
    return Reply({"data": {"items": items}, "context": request.path, "pagination": pagination})


class FakeTastytrade(ProviderServer):
    """One user with two accounts, the first of which is shared."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()
        self.refresh_tokens = {PERSONAL["refresh_token"]: PERSONAL["client_secret"]}
        self.codes: set[str] = set()
        self.issued = 0
        self.page_rows = 2
        self.accounts: list[Any] = [
            {"account": account(ACCOUNT, opened="2021-02-01"), "authority-level": "owner"},
            {
                "account": account("5WT00002", opened="2019-05-01", kind="Joint"),
                "authority-level": "owner",
            },
        ]
        self.balances: Any = {
            "account-number": ACCOUNT,
            "cash-balance": "-1250.25",
            "net-liquidating-value": "25000.5",
            "equity-buying-power": "40000.0",
            "derivative-buying-power": 20000,
            "cash-available-to-withdraw": "0.0",
            "maintenance-requirement": "NaN",
            "pending-cash": "12.0",
            "pending-cash-effect": "Debit",
            "currency": "USD",
        }
        self.positions: list[Any] = []
        self.transactions: list[Any] = []
        self.orders: list[Any] = []
        self.chains: dict[str, list[Any]] = {}
        self.route("POST", "/oauth/token", self._token)
        self.route("GET", "/customers/me/accounts", lambda _: self._items(self.accounts))
        self.route("GET", f"/accounts/{ACCOUNT}/balances", lambda _: Reply({"data": self.balances}))
        self.route("GET", f"/accounts/{ACCOUNT}/positions", self._positions)
        self.route("GET", f"/accounts/{ACCOUNT}/orders/live", self._orders)
        self.route("GET", f"/accounts/{ACCOUNT}/transactions", self._transactions)
        self.route("GET", "/option-chains/*", self._chain)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTastytrade]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees: return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["scope"] == "read", "no more than reading is asked for"
        assert asked["redirect_uri"]
        code = f"code-{len(self.codes)}"
        self.codes.add(code)
        return {"code": code, "state": asked["state"]}

    def end_access_tokens(self) -> None:
        """Let a quarter of an hour pass."""
        self.tokens.clear()

    def delete_grant(self) -> None:
        """Be the user who deletes the grant."""
        self.tokens.clear()
        self.refresh_tokens.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        if self.scripted or self.down:
            return super()._answer(request)
        if not re.fullmatch(r"\S+/\S+", request.headers.get("user-agent", "")):
            return GATEWAY
        if request.headers.get("content-type") != "application/json":
            return Reply(_error("unsupported_media_type"), status=415)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if request.path != "/oauth/token" and (scheme != "Bearer" or token not in self.tokens):
            self.asked.append(request)
            return Reply(_error("invalid_token"), status=401)
        return super()._answer(request)

    def _token(self, request: Request) -> Reply:
        asked = orjson.loads(request.body)
        if asked["grant_type"] == "authorization_code":
            named = (asked["client_id"], asked["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
            if not named or asked["code"] not in self.codes or not asked["redirect_uri"]:
                return Reply(_error("invalid_grant"), status=400)
            self.codes.discard(asked["code"])
            fresh = "refresh-token-that-must-not-show"
            self.refresh_tokens[fresh] = CLIENT_SECRET
            return Reply({**self._issue(), "refresh_token": fresh})
        secret = self.refresh_tokens.get(asked["refresh_token"])
        if secret is None or asked["client_secret"] != secret:
            return Reply(_error("invalid_grant"), status=400)
        return Reply(self._issue())

    def _issue(self) -> dict[str, Any]:
        self.issued += 1
        token = f"access-token-that-must-not-show-{self.issued}"
        self.tokens.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": 900}

    def _items(self, rows: list[Any]) -> Reply:
        return Reply({"data": {"items": rows}, "api-version": "v1"})

    def _positions(self, request: Request) -> Reply:
        assert request.query["include-marks"] == "true", "otherwise there are no marks"
        return self._items(self.positions)

    def _orders(self, request: Request) -> Reply:
        return paged(self.orders, request, self.page_rows)

    def _transactions(self, request: Request) -> Reply:
        first, last = request.query["start-date"], request.query["end-date"]
        rows = [row for row in self.transactions if first <= row["transaction-date"] <= last]
        return paged(rows, request, self.page_rows)

    def _chain(self, request: Request) -> Reply:
        rows = self.chains.get(request.path.split("/")[2])
        if rows is None:
            return Reply(_error("not_found"), status=404)
        return self._items(rows)


def account(number: str, *, opened: str, kind: str = "Individual") -> dict[str, Any]:
    return {
        "account-number": number,
        "account-type-name": kind,
        "margin-or-cash": "Margin",
        "nickname": "",
        "is-closed": False,
        "day-trader-status": "false",
        "opened-at": f"{opened}T00:00:00.000+00:00",
    }


def _error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "words of tastytrade"}}
