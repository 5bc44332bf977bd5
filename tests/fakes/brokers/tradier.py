"""Tradier's brokerage as its documentation describes it: OAuth 2, the habits of XML, its limits."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.provider_server import ProviderServer, Reply, Request

CLIENT_ID, CLIENT_SECRET = "an-app", "a-client-secret-that-must-not-show"
ACCOUNT = "VA000123"


def shaped(key: str, rows: list[Any]) -> Any:
    """Return rows as Tradier writes them: "null", one object, or a list."""
    if not rows:
        return "null"
    return {key: rows[0] if len(rows) == 1 else rows}


class FakeTradierBroker(ProviderServer):
    """One user with one account."""

    def __init__(self, *, partner: bool = False) -> None:
        super().__init__()
        self.partner = partner
        self.tokens: set[str] = {"a-personal-token-that-must-not-show"}
        self.refresh_tokens: set[str] = set()
        self.codes: set[str] = set()
        self.issued = 0
        self.page_rows = 2  # a server may give fewer than it is asked for
        self.positions: list[Any] = []
        self.events: list[Any] = []
        self.orders: list[Any] = []
        self.route("POST", "/oauth/accesstoken", self._access_token)
        self.route("POST", "/oauth/refreshtoken", self._refresh_token)
        self.route("GET", "/user/profile", self._profile)
        self.route("GET", f"/accounts/{ACCOUNT}/balances", self._balances)
        self.route("GET", f"/accounts/{ACCOUNT}/positions", self._positions)
        self.route("GET", f"/accounts/{ACCOUNT}/history", self._history)
        self.route("GET", f"/accounts/{ACCOUNT}/orders", self._orders)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTradierBroker]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees: return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["scope"] == "read", "no more than reading is asked for"
        code = f"code-{len(self.codes)}"
        self.codes.add(code)
        return {"code": code, "state": asked["state"]}

    def end_tokens(self) -> None:
        self.tokens.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith("/oauth/") or self.scripted or self.down:
            return super()._answer(request)
        if request.headers.get("accept") != "application/json":
            return Reply(b"<html>XML is the default</html>")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            self.asked.append(request)
            fault = {
                "faultstring": "Invalid Access Token",
                "detail": {"errorcode": "keymanagement"},
            }
            return Reply({"fault": fault}, status=401)
        return super()._answer(request)

    def _basic(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"

    def _access_token(self, request: Request) -> Reply:
        code = request.form().get("code", "")
        if not self._basic(request) or code not in self.codes:
            return Reply({"error": "invalid_grant"}, status=400)
        self.codes.discard(code)
        return self._issue()

    def _refresh_token(self, request: Request) -> Reply:
        if request.form().get("refresh_token") not in self.refresh_tokens:
            return Reply({"error": "invalid_grant"}, status=400)
        return self._issue()

    def _issue(self) -> Reply:
        self.issued += 1
        token = f"access-token-that-must-not-show-{self.issued}"
        self.tokens.add(token)
        told = {"access_token": token, "expires_in": 86399, "scope": "read", "status": "approved"}
        if self.partner:
            told["refresh_token"] = "refresh-token-that-must-not-show"
            self.refresh_tokens.add("refresh-token-that-must-not-show")
        return Reply(told)

    def _profile(self, _: Request) -> Reply:
        account = {
            "account_number": ACCOUNT,
            "classification": "individual",
            "status": "active",
            "type": "margin",
        }
        return Reply({"profile": {"id": "id-user", "name": "A User", "account": account}})

    def _balances(self, _: Request) -> Reply:
        body = b"""{"balances": {"account_number": "VA000123", "account_type": "margin",
            "total_equity": 12500.250000000000000000000000, "total_cash": 2500.25, "equity": 0,
            "margin": {"option_buying_power": 2500.25, "stock_buying_power": 5000.5}}}"""
        return Reply(body)

    def _positions(self, _: Request) -> Reply:
        return Reply({"positions": shaped("position", self.positions)})

    def _history(self, request: Request) -> Reply:
        first, last = request.query["start"], request.query["end"]
        events = [event for event in self.events if first <= event["date"][:10] <= last]
        begin = (int(request.query["page"]) - 1) * self.page_rows
        return Reply({"history": shaped("event", events[begin : begin + self.page_rows])})

    def _history_all(self) -> Reply:
        """A server that does not know of pages."""
        return Reply({"history": shaped("event", self.events)})

    def _orders(self, request: Request) -> Reply:
        rows = self.orders if request.query["page"] == "1" else []
        return Reply({"orders": shaped("order", rows)})
