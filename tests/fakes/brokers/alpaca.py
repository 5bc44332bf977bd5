"""Alpaca's trading API as its specification describes it: OAuth 2 or keys, live and paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.provider_server import ProviderServer, Reply, Request

CLIENT_ID, CLIENT_SECRET = "an-app", "a-client-secret-that-must-not-show"
CALLBACK = "https://optix.example/api/v1/brokerages/it/callback"
KEY_ID, KEY_SECRET = "PKTEST", "a-key-secret-that-must-not-show"
ACCOUNTS = {
    "live": "1d9eed04-be39-4e01-9b84-a48ac5bbafcf",
    "paper": "2b0c7f11-be39-4e01-9b84-a48ac5bbafcf",
}

OPTION = "AAPL260320C00250000"


def position(symbol: str = "SLM", **changed: Any) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "asset_class": "us_equity",
        "side": "long",
        "qty": "0.173011547",
        "avg_entry_price": "10",
        "cost_basis": "1.73011547",
        "market_value": "1.8",
        **changed,
    }


def fill(number: int, at: str, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"20260303000000000::{number}",
        "activity_type": "FILL",
        "transaction_time": at,
        "type": "fill",
        "price": "2.5",
        "qty": "2",
        "side": "buy",
        "symbol": OPTION,
        "order_id": "an-order",
        **changed,
    }


def line(number: int, day: str, entered: str, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"20260303000000000::n{number}",
        "activity_type": "FEE",
        "date": day,
        "created_at": entered,
        "net_amount": "-0.02",
        "status": "executed",
        **changed,
    }


def order(name: str, placed: str, status: str = "new", **changed: Any) -> dict[str, Any]:
    return {
        "id": name,
        "status": status,
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "side": "buy",
        "order_class": "",
        "type": "limit",
        "qty": "2",
        "filled_qty": "0",
        "submitted_at": placed,
        "legs": None,
        **changed,
    }


class FakeAlpacaBroker(ProviderServer):
    """One user with an account in each environment, who lets apps into `granted` of them."""

    def __init__(self) -> None:
        super().__init__()
        self.granted = ["live"]
        self.codes: set[str] = set()
        self.tokens: dict[str, list[str]] = {}
        self.keys: dict[str, str] = {KEY_ID: KEY_SECRET}
        self.positions: list[Any] = []
        self.activities: list[Any] = []  # the newest first
        self.orders: list[Any] = []
        self.contracts: dict[str, Any] = {}
        self.account: dict[str, Any] = {
            "account_number": "PALPACA_123",
            "currency": "USD",
            "cash": "122086.5",
            "equity": "123346.11",
            "buying_power": "245432.61",
            "options_buying_power": "122716.305",
            "maintenance_margin": "377.88",
            "multiplier": "2",
        }
        self.route("POST", "/live/oauth/token", self._token)
        for environment in ACCOUNTS:
            self.route("GET", f"/{environment}/v2/account", self._account)
            self.route("GET", f"/{environment}/v2/positions", lambda _: Reply(self.positions))
            self.route("GET", f"/{environment}/v2/account/activities", self._activities)
            self.route("GET", f"/{environment}/v2/orders", self._orders)
            self.route("GET", f"/{environment}/v2/options/contracts/*", self._contract)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeAlpacaBroker]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees: return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == CALLBACK
        assert "scope" not in asked, "reading is given without any scope"
        code = f"code-{len(self.codes)}"
        self.codes.add(code)
        return {"code": code, "state": asked["state"]}

    def end_access(self) -> None:
        """Be the user who takes the leave back in the dashboard."""
        self.tokens.clear()
        self.keys.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        free = request.path.endswith("/oauth/token")
        if not (free or self.scripted or self.down) and not self._lets_in(request):
            self.asked.append(request)
            if "apca-api-key-id" in request.headers:
                return Reply({"message": "forbidden."}, status=403)
            return Reply({"message": "unauthorized."}, status=401)
        return super()._answer(request)

    def _lets_in(self, request: Request) -> bool:
        environment = request.path.split("/")[1]
        key_id = request.headers.get("apca-api-key-id")
        if key_id is not None:  # keys are of one environment
            secret = request.headers.get("apca-api-secret-key")
            return environment == "paper" and self.keys.get(key_id) == secret
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return environment in self.tokens.get(token, ())

    def _token(self, request: Request) -> Reply:
        form = request.form()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return Reply({"code": 40110000, "message": "unauthorized"}, status=401)
        if form.get("code") not in self.codes or form.get("redirect_uri") != CALLBACK:
            return Reply({"code": 40010000, "message": "invalid code"}, status=400)
        self.codes.discard(form["code"])
        token = f"access-token-that-must-not-show-{len(self.tokens)}"
        self.tokens[token] = list(self.granted)
        return Reply({"access_token": token, "token_type": "bearer", "scope": ""})

    def _account(self, request: Request) -> Reply:
        environment = request.path.split("/")[1]
        return Reply({"id": ACCOUNTS[environment], "status": "ACTIVE", **self.account})

    def _activities(self, request: Request) -> Reply:
        after, until = (datetime.fromisoformat(request.query[name]) for name in ("after", "until"))
        rows = [row for row in self.activities if after <= _entered(row) <= until]
        if (token := request.query.get("page_token")) is not None:
            rows = rows[[row["id"] for row in rows].index(token) + 1 :]
        return Reply(rows[: min(int(request.query["page_size"]), 100)])

    def _orders(self, request: Request) -> Reply:
        assert request.query["nested"] == "true", "legs are left out otherwise"
        rows = self.orders
        if request.query.get("status", "open") == "open":
            rows = [row for row in rows if row["status"] not in ("filled", "canceled", "expired")]
        if (before := request.query.get("before_order_id")) is not None:
            rows = rows[[row["id"] for row in rows].index(before) + 1 :]
        return Reply(rows[: min(int(request.query.get("limit", "50")), 500)])

    def _contract(self, request: Request) -> Reply:
        symbol = request.path.rsplit("/", 1)[1]
        if symbol not in self.contracts:
            problem = f"option contract {symbol} not found"
            return Reply({"code": 40410000, "message": problem}, status=404)
        return Reply({"symbol": symbol, **self.contracts[symbol]})


def _entered(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row.get("created_at") or row["transaction_time"])
