"""Webull as it documents itself: signed requests, OAuth 2 or a token to let in, pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
from pydantic import SecretStr
from tests.fakes.provider_server import ProviderServer, Reply, Request

from optix.adapters.brokers.webull import WebullApp
from optix.adapters.brokers.webull.client import PATHS, Generation
from optix.adapters.brokers.webull.signing import (
    Algorithm,
    SigningKeys,
    signature,
    string_to_sign,
)
from optix.kernel.clock import NANOSECONDS, Clock

CLIENT_ID, CLIENT_SECRET = "a-client", "a-client-secret-that-must-not-show"
APP_KEY, APP_SECRET = "the-apps-key", "the-apps-secret-that-must-not-show"
USER_KEY, USER_SECRET = "a-users-key", "a-users-secret-that-must-not-show"
CALLBACK = "https://optix.example/api/v1/brokerages/it/callback"
ACCOUNT = "AN3R8PJ5MIKHQ0JF1F5HSJSJ69"
IDENTITY = "identity-example"
SKEW_SECONDS_MAX = 300
SIGNED = ("x-app-key", "x-timestamp", "x-signature-version", "x-signature-algorithm")
DAY_SECONDS = 86_400


class FakeWebull(ProviderServer):
    """One user with an account, who signed in through an application or with an own App Key.

    Codes of signatures, clocks and nonces are documented nowhere: these are ours.
    """

    def __init__(self, clock: Clock, generation: Generation = Generation.V3) -> None:
        super().__init__()
        self.clock = clock
        self.generation = generation
        self.algorithm = Algorithm.SHA1
        self.secrets = {APP_KEY: APP_SECRET, USER_KEY: USER_SECRET}
        self.codes: set[str] = set()
        self.issued = 0
        self.access: set[str] = set()
        self.refresh: set[str] = set()
        self.tokens: dict[str, str] = {}  # of App Keys, with their states
        self.checks_until_approved: int | None = 1
        self.ended_status = 401  # that a token has ended is told by 417 as well
        self.nonces: set[str] = set()
        self.page_rows = 2
        self.accounts: Any = [account()]
        self.balance: Any = balance()
        self.positions: Any = []
        self.groups: list[Any] = []  # of orders, the newest first
        paths = PATHS[generation]
        self.route("POST", "/connect/oauth2/tokens/create", self._exchange)
        self.route("POST", paths.token_create or "-", self._create)
        self.route("POST", paths.token_check or "-", self._check)
        for prefix in ("", "/connect/oauth-openapi"):
            self.route("GET", f"{prefix}{paths.accounts}", lambda _: Reply(self.accounts))
            self.route("GET", f"{prefix}{paths.balance}", self._balance)
            self.route("GET", f"{prefix}{paths.positions}", self._positions)
            self.route("GET", f"{prefix}{paths.open_orders or '-'}", self._open)
            self.route("GET", f"{prefix}{paths.history or '-'}", self._history)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeWebull]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees: return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == CALLBACK
        assert asked["scope"] == "user:trade:wr"
        assert asked["response_type"] == "code"
        assert "code_challenge" not in asked, "not documented"
        code = f"code-{len(self.codes)}"
        self.codes.add(code)
        return {"code": code, "state": asked["state"]}

    def end_access(self) -> None:
        """Be the user who takes the leave back, or has let it end."""
        self.access.clear()
        self.refresh.clear()
        self.tokens = dict.fromkeys(self.tokens, "EXPIRED")

    def end_half_hour(self) -> None:
        """Let the access token end, and not what renews it."""
        self.access.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        if self.scripted or self.down:
            return super()._answer(request)
        problem = self._problem(request)
        if problem is not None:
            self.asked.append(request)
            return problem
        return super()._answer(request)

    def _problem(self, request: Request) -> Reply | None:
        said = {name: request.headers.get(name, "") for name in SIGNED}
        nonce = request.headers.get("x-signature-nonce", "")
        secret = self.secrets.get(said["x-app-key"])
        if secret is None:
            return error("INVALID_APP_KEY", 401)
        at = datetime.fromisoformat(said["x-timestamp"])
        assert said["x-timestamp"].endswith("Z")
        if abs(self.clock.now_ns() / NANOSECONDS - at.timestamp()) > SKEW_SECONDS_MAX:
            return error("TIMESTAMP_EXPIRED", 401)
        if not nonce or nonce in self.nonces:
            return error("NONCE_USED", 401)
        self.nonces.add(nonce)
        parameters, body = self._signed_part(request)
        host = request.headers["host"]
        text = string_to_sign(
            request.path,
            [*parameters, *said.items(), ("x-signature-nonce", nonce), ("host", host)],
            body,
            self.algorithm,
        )
        keys = SigningKeys(
            app_key=said["x-app-key"], app_secret=SecretStr(secret), algorithm=self.algorithm
        )
        if request.headers.get("x-signature") != signature(text, keys):
            return error("INVALID_SIGNATURE", 401)
        return self._version_problem(request) or self._token_problem(request)

    @staticmethod
    def _signed_part(request: Request) -> tuple[list[tuple[str, str]], bytes]:
        query = parse_qsl(urlsplit(request.target).query, keep_blank_values=True)
        if request.headers.get("content-type") == "application/x-www-form-urlencoded":
            return query + parse_qsl(request.body.decode(), keep_blank_values=True), b""
        return query, request.body

    def _version_problem(self, request: Request) -> Reply | None:
        wanted = PATHS[self.generation].version
        if request.path.startswith("/connect/oauth2/"):
            wanted = "v2"
        if request.headers.get("x-version") != wanted:
            return error("INVALID_PARAMETER", 417)
        return None

    def _token_problem(self, request: Request) -> Reply | None:
        if request.method == "POST" or self.generation is Generation.V1:
            return None
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.path.startswith("/connect/"):
            is_known = bearer in self.access
        else:
            is_known = self.tokens.get(request.headers.get("x-access-token", "")) == "NORMAL"
        return None if is_known else error("INVALID_TOKEN", self.ended_status)

    def _exchange(self, request: Request) -> Reply:
        form = request.form()
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return error("INVALID_CLIENT_ID", 401)
        assert "redirect_uri" not in form
        held = self.codes if form["grant_type"] == "authorization_code" else self.refresh
        given = form.get("code") or form.get("refresh_token", "")
        if given not in held:
            return error("INVALID_PARAMETER", 417)
        held.discard(given)
        self.issued += 1
        access = f"access-that-must-not-show-{self.issued}"
        refresh = f"refresh-that-must-not-show-{self.issued}"
        self.access, self.refresh = {access}, {refresh}
        return Reply(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": "1800",
                "rt_expires_in": "1296000",
                "refresh_token": refresh,
                "created_at": "2024-09-01T19:37:22.532+0000",
                "identity_id": IDENTITY,
            }
        )

    def _create(self, request: Request) -> Reply:
        if request.headers["x-app-key"] != USER_KEY:
            return error("UNAUTHORIZED", 401)
        self.issued += 1
        token = f"token-that-must-not-show-{self.issued}"
        self.tokens[token] = "NORMAL" if self.checks_until_approved == 0 else "PENDING"
        return self._state_of(token)

    def _check(self, request: Request) -> Reply:
        assert b" " not in request.body, "what is signed is written without blanks"
        token = parse_body(request)["token"]
        waits = self.checks_until_approved
        checks = self.counts[PATHS[self.generation].token_check]
        if self.tokens.get(token) == "PENDING" and waits is not None and checks >= waits:
            self.tokens[token] = "NORMAL"
        return self._state_of(token)

    def _state_of(self, token: str) -> Reply:
        ends = self.clock.now_ns() // 1_000_000 + 15 * DAY_SECONDS * 1_000
        state = self.tokens.get(token, "INVALID")
        return Reply({"token": token, "expires_at": ends, "status": state})

    def _balance(self, request: Request) -> Reply:
        assert request.query == {"account_id": ACCOUNT}
        return Reply(self.balance)

    def _positions(self, request: Request) -> Reply:
        assert request.query["account_id"] == ACCOUNT
        if self.generation is not Generation.V1:
            return Reply(self.positions)
        assert int(request.query["page_size"]) <= 100
        ids = [row["instrument_id"] for row in self.positions]
        begin = 0
        if (cursor := request.query.get("last_instrument_id")) is not None:
            begin = ids.index(cursor) + 1
        page = self.positions[begin : begin + self.page_rows]
        has_next = begin + self.page_rows < len(ids)
        return Reply({"has_next": has_next, "holdings": page})

    def _open(self, request: Request) -> Reply:
        working = ("PENDING", "SUBMITTED", "PARTIAL_FILLED")
        return self._page(
            request, [each for each in self.groups if each["orders"][0]["status"] in working]
        )

    def _history(self, request: Request) -> Reply:
        assert request.query["account_id"] == ACCOUNT
        first, last = PATHS[self.generation].days
        since, until = request.query[first], request.query[last]
        size = len(since)  # whole moments, or days
        return self._page(
            request,
            [each for each in self.groups if since <= placed_at(each)[:size] <= until],
        )

    def _page(self, request: Request, groups: list[Any]) -> Reply:
        if self.generation is Generation.V2:
            assert int(request.query["page_size"]) == 100
            ids = [each["client_order_id"] for each in groups]
            cursor = request.query.get("last_client_order_id")
            begin = 0 if cursor is None else ids.index(cursor) + 1
            return Reply(groups[begin : begin + 100])
        begin = int(request.query.get("pagination_key", "page-0").removeprefix("page-"))
        answer: dict[str, Any] = {"data": groups[begin : begin + self.page_rows]}
        if begin + self.page_rows < len(groups):
            answer["pagination_key"] = f"page-{begin + self.page_rows}"
        return Reply(answer)


def app_of(server: FakeWebull, **changed: Any) -> WebullApp:
    """Return the application that the server knows."""
    return WebullApp(
        **{
            "client_id": CLIENT_ID,
            "client_secret": SecretStr(CLIENT_SECRET),
            "app_key": APP_KEY,
            "app_secret": SecretStr(APP_SECRET),
            "generation": server.generation,
            "api_url": server.base_url,
            "connect_url": f"{server.base_url}/connect",
            "connect_api_url": f"{server.base_url}/connect/oauth-openapi",
            **changed,
        }
    )


def error(code: str, status: int) -> Reply:
    return Reply({"error_code": code, "message": "a sentence"}, status=status)


def parse_body(request: Request) -> Any:
    return orjson.loads(request.body)


def placed_at(group: dict[str, Any]) -> str:
    return str(group["orders"][0]["place_time_at"])


def account(**changed: Any) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "account_number": "5MN61234",
        "account_type": "MARGIN",
        "account_class": "INDIVIDUAL_MRGN",
        "user_id": "a-user",
        **changed,
    }


def balance(**changed: Any) -> dict[str, Any]:
    return {
        "total_asset_currency": "USD",
        "total_cash_balance": "1000.50",
        "total_market_value": "2000",
        "total_unrealized_profit_loss": "1",
        "account_currency_assets": [
            {
                "currency": "USD",
                "cash_balance": "1000.50",
                "settled_cash": "900",
                "unsettled_cash": "100.50",
                "buying_power": "4000",
                "market_value": "2000",
                "available_withdrawal": "800",
            }
        ],
        **changed,
    }


def shares(symbol: str = "AAPL", quantity: str = "1.5", **changed: Any) -> dict[str, Any]:
    return {
        "position_id": f"P-{symbol}",
        "currency": "USD",
        "quantity": quantity,
        "symbol": symbol,
        "option_strategy": "SINGLE",
        "instrument_type": "EQUITY",
        "last_price": "12",
        "cost_price": "10",
        "unrealized_profit_loss": "3",
        **changed,
    }


def group(strategy: str, quantity: str, *legs: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "position_id": f"P-{strategy}",
        "currency": "USD",
        "quantity": quantity,
        "symbol": "AAPL",
        "option_strategy": strategy,
        "instrument_type": "OPTION",
        "legs": list(legs),
        **changed,
    }


def option(
    right: str, strike: str, cost: str, last: str, profit: str, **changed: Any
) -> dict[str, Any]:
    return {
        "symbol": "AAPL",
        "instrument_type": "OPTION",
        "option_type": right,
        "option_exercise_price": strike,
        "option_expire_date": "2026-03-20",
        "cost": cost,
        "last_price": last,
        "unrealized_profit_loss": profit,
        **changed,
    }


def stock_leg(cost: str, last: str, profit: str) -> dict[str, Any]:
    return {
        "symbol": "AAPL",
        "instrument_type": "EQUITY",
        "cost": cost,
        "last_price": last,
        "unrealized_profit_loss": profit,
    }


def order(name: str, placed: str, status: str = "SUBMITTED", **changed: Any) -> dict[str, Any]:
    """Return a group of one order."""
    return {
        "client_order_id": f"client-{name}",
        "combo_type": "NORMAL",
        "orders": [
            {
                "client_order_id": f"client-{name}",
                "order_id": name,
                "symbol": "AAPL",
                "side": "BUY",
                "status": status,
                "order_type": "LIMIT",
                "time_in_force": "DAY",
                "total_quantity": "2",
                "filled_quantity": "0",
                "limit_price": "10",
                "instrument_type": "EQUITY",
                "place_time_at": placed,
                **changed,
            }
        ],
    }


def filled(name: str, at: str, price: str = "10", **changed: Any) -> dict[str, Any]:
    """Return a group of one order that was done at once."""
    done = {"filled_quantity": "2", "filled_price": price, "filled_time_at": at}
    return order(name, at, "FILLED", **{**done, **changed})


def order_leg(side: str, right: str, strike: str, quantity: str = "1") -> dict[str, Any]:
    return {
        "symbol": "AAPL",
        "side": side,
        "quantity": quantity,
        "option_type": right,
        "option_expire_date": "2026-03-20",
        "strike_price": strike,
    }
