"""SnapTrade as its documentation describes it: signed requests, a portal, pages, its limits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.provider_server import Handler, ProviderServer, Reply, Request

from optix.kernel.clock import NANOSECONDS, Clock

CLIENT_ID, CONSUMER_KEY = "AN-APP", "a-consumer-key-that-must-not-show"
ACCOUNT = "917c8734-0000-4a3e-a18f-57c3f2ee6631"
SKEW_SECONDS_MAX = 60


def signed(content: object) -> str:
    """Return a signature, made here from the documentation and not by the adapter."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    digest = hmac.new(CONSUMER_KEY.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def error(status: int, detail: str, code: str = "0000") -> Reply:
    return Reply({"detail": detail, "status_code": status, "code": code}, status=status)


class FakeSnapTrade(ProviderServer):
    """One brokerage behind it, where each user has one account."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.users: dict[str, str] = {}
        self.connections: dict[str, dict[str, Any]] = {}  # of each user
        self.sent_to_portal: list[dict[str, Any]] = []
        self.brokerages: list[dict[str, Any]] = []
        self.account: dict[str, Any] = {}
        self.balances: list[Any] = []
        self.positions: list[Any] = []
        self.activities: list[Any] = []
        self.orders: list[Any] = []
        self.page_rows = 2  # a server may give fewer than it is asked for
        self.limit_headers: dict[str, str] = {}
        below = f"/accounts/{ACCOUNT}"
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/brokerages", lambda _: Reply(self.brokerages)),
            ("POST", "/snapTrade/registerUser", self._register),
            ("DELETE", "/snapTrade/deleteUser", self._delete_user),
            ("POST", "/snapTrade/login", self._login),
            ("GET", "/authorizations", self._authorizations),
            ("DELETE", "/connection/*", self._delete_connection),
            ("GET", "/accounts", self._accounts),
            ("GET", f"{below}/balances", lambda _: Reply(self.balances)),
            ("GET", f"{below}/positions/all", self._positions),
            ("GET", f"{below}/orders", self._orders),
            ("GET", f"{below}/activities", self._activities),
        ]
        for route in routes:
            self.route(*route)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeSnapTrade]:
        async with self.serve_http():
            yield self

    def allow(self, address: str) -> dict[str, str]:
        """Be the user who agrees at the portal: return the query of the callback."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        session = self.sent_to_portal[int(asked["sessionId"])]
        assert session["connectionType"] == "read", "no more than reading is asked for"
        back = {
            name: values[0]
            for name, values in parse_qs(urlsplit(session["customRedirect"]).query).items()
        }
        user = session["user"]
        if user not in self.connections:
            name = session.get("reconnect") or f"connection-{len(self.connections)}"
            self.connections[user] = {
                "id": name,
                "brokerage": {"slug": "ROBINHOOD", "name": "Robinhood"},
                "type": "read",
                "disabled": False,
                "data_freshness_mode": {"institution": "realtime", "snaptrade": "realtime"},
            }
        self.connections[user]["disabled"] = False
        return {**back, "status": "SUCCESS", "connection_id": self.connections[user]["id"]}

    def disable(self) -> None:
        for connection in self.connections.values():
            connection["disabled"] = True

    def end_users(self) -> None:
        self.users.clear()

    # The server

    def _answer(self, request: Request) -> Reply:
        if self.scripted or self.down:
            return super()._answer(request)
        refusal = self._refusal(request)
        if refusal is not None:
            self.asked.append(request)
            return refusal
        reply = super()._answer(request)
        return Reply(reply.body, reply.status, {**self.limit_headers, **reply.headers})

    def _refusal(self, request: Request) -> Reply | None:
        path, _, query = request.target.partition("?")
        content = json.loads(request.body) if request.body else None
        wanted = signed({"content": content or None, "path": path, "query": query})
        if request.headers.get("signature") != wanted or request.query["clientId"] != CLIENT_ID:
            return error(401, "Unable to verify signature sent", "1076")
        sent_seconds = int(request.query["timestamp"])
        if abs(self.clock.now_ns() // NANOSECONDS - sent_seconds) > SKEW_SECONDS_MAX:
            return error(401, "Invalid timestamp", "1077")
        partner = path.endswith(("User", "/brokerages"))
        user = request.query.get("userId", "")
        if not partner and (
            user not in self.users or self.users[user] != request.query.get("userSecret")
        ):
            return error(401, "Invalid userID or userSecret provided", "1083")
        return None

    def _register(self, request: Request) -> Reply:
        user = json.loads(request.body)["userId"]
        assert user not in self.users, "a secret is shown once"
        self.users[user] = f"a-user-secret-that-must-not-show-{len(self.users)}"
        return Reply({"userId": user, "userSecret": self.users[user]})

    def _delete_user(self, request: Request) -> Reply:
        gone = self.users.pop(request.query["userId"], None)
        return Reply({"status": "deleted"}) if gone else error(404, "No such user")

    def _login(self, request: Request) -> Reply:
        session = {**json.loads(request.body), "user": request.query["userId"]}
        self.sent_to_portal.append(session)
        number = len(self.sent_to_portal) - 1
        url = f"https://portal.example/redeem?token=a%2Ftoken%3D%3D&sessionId={number}"
        return Reply({"redirectURI": url, "sessionId": str(number)})

    def _own(self, request: Request) -> dict[str, Any] | None:
        return self.connections.get(request.query["userId"])

    def _authorizations(self, request: Request) -> Reply:
        own = self._own(request)
        return Reply([own] if own else [])

    def _delete_connection(self, request: Request) -> Reply:
        own = self._own(request)
        if own is None or request.path != f"/connection/{own['id']}":
            return error(404, "No such connection")
        del self.connections[request.query["userId"]]
        return Reply({"detail": "Connection queued for deletion"})

    def _accounts(self, request: Request) -> Reply:
        own = self._own(request)
        other = {**self.account, "id": "another-account", "brokerage_authorization": "another"}
        mine = {**self.account, "brokerage_authorization": own["id"] if own else ""}
        return Reply([other, mine] if own else [])

    def _positions(self, _: Request) -> Reply:
        return Reply({"results": self.positions, "data_freshness": {"as_of": "2026-03-03T15:30Z"}})

    def _orders(self, request: Request) -> Reply:
        rows = self.orders
        if request.query["state"] == "open":
            rows = [row for row in rows if row["status"] in {"ACCEPTED", "PENDING"}]
        elif int(request.query["days"]) < 90:
            rows = [row for row in rows if row["time_placed"] >= "2026-03-03"]
        return Reply(rows)

    def _activities(self, request: Request) -> Reply:
        first, last = request.query["startDate"], request.query["endDate"]
        rows = [row for row in self.activities if first <= row["trade_date"][:10] <= last]
        begin = int(request.query["offset"])
        return Reply(
            {
                "data": rows[begin : begin + self.page_rows],
                "pagination": {"offset": begin, "limit": self.page_rows, "total": len(rows)},
            }
        )
