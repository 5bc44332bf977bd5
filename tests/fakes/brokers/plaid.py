"""Plaid as its documentation describes it: everything a POST, keys in headers, a hosted page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.provider_server import ProviderServer, Reply, Request

CLIENT_ID, SECRET = "an-app", "a-plaid-secret-that-must-not-show"
ACCOUNT = "JqMLm4rJwpF6gMPJwBqdh9ZjjPvvpDcb7kDK1"


def error(code: str, *, status: int = 400, kind: str = "ITEM_ERROR") -> Reply:
    told = {"error_type": kind, "error_code": code, "error_message": "words", "request_id": "r"}
    return Reply(told, status=status)


class FakePlaid(ProviderServer):
    """One institution, where each login has one account that invests."""

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, dict[str, Any]] = {}  # by access token
        self.links: dict[str, dict[str, Any]] = {}
        self.public_tokens: set[str] = set()
        self.accounts: list[Any] = []
        self.holdings: list[Any] = []
        self.securities: list[Any] = []
        self.transactions: list[Any] = []
        self.keys: dict[str, Any] = {}
        self.page_rows = 2  # a server may give fewer than it is asked for
        self.updated = "2026-03-02T22:00:00Z"
        routes: dict[str, Callable[[dict[str, Any]], Reply]] = {
            "/link/token/create": self._create_link,
            "/link/token/get": self._link,
            "/item/public_token/exchange": self._exchange,
            "/item/get": self._item,
            "/item/remove": self._remove,
            "/accounts/get": self._accounts,
            "/investments/holdings/get": self._holdings,
            "/investments/transactions/get": self._transactions,
            "/webhook_verification_key/get": self._key,
        }
        for path, handler in routes.items():
            self.route("POST", path, self._of_body(handler))

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakePlaid]:
        async with self.serve_http():
            yield self

    def finish(self, address: str) -> dict[str, str]:
        """Be the user who links a login on Plaid's page: return the query of the callback."""
        link = self.links[parse_qs(urlsplit(address).query)["token"][0]]
        if "access_token" in link["asked"]:
            self.items[link["asked"]["access_token"]]["error"] = None
        else:
            token = f"public-{len(self.links)}"
            self.public_tokens.add(token)
            link["added"] = [{"public_token": token}]
        return self.leave(address)

    def leave(self, address: str) -> dict[str, str]:
        """Be the user who closes Plaid's page: the browser comes back all the same."""
        link = self.links[parse_qs(urlsplit(address).query)["token"][0]]
        back = link["asked"]["hosted_link"]["completion_redirect_uri"]
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def end_items(self) -> None:
        self.items.clear()

    # The server

    @staticmethod
    def _of_body(handler: Callable[[dict[str, Any]], Reply]) -> Callable[[Request], Reply]:
        return lambda request: handler(json.loads(request.body))

    def _answer(self, request: Request) -> Reply:
        if not (self.scripted or self.down):
            given = (request.headers.get("plaid-client-id"), request.headers.get("plaid-secret"))
            assert request.headers.get("plaid-version") == "2020-09-14"
            if given != (CLIENT_ID, SECRET):
                return error("INVALID_API_KEYS", kind="INVALID_INPUT")
        return super()._answer(request)

    def _create_link(self, body: dict[str, Any]) -> Reply:
        name = f"link-{len(self.links)}"
        self.links[name] = {"asked": body, "added": []}
        url = f"https://secure.plaid.example/hl/x?token={name}"
        return Reply({"link_token": name, "hosted_link_url": url, "request_id": "r"})

    def _link(self, body: dict[str, Any]) -> Reply:
        link = self.links.get(body["link_token"])
        if link is None:
            return error("INVALID_LINK_TOKEN", kind="INVALID_INPUT")
        sessions = [{"results": None}, {"results": {"item_add_results": link["added"]}}]
        return Reply({"link_token": body["link_token"], "link_sessions": sessions})

    def _exchange(self, body: dict[str, Any]) -> Reply:
        if body["public_token"] not in self.public_tokens:
            return error("INVALID_PUBLIC_TOKEN", kind="INVALID_INPUT")
        self.public_tokens.discard(body["public_token"])
        token = f"access-token-that-must-not-show-{len(self.items)}"
        self.items[token] = {
            "item_id": f"item-{len(self.items)}",
            "institution_id": "ins_3",
            "institution_name": "A House",
            "consent_expiration_time": None,
            "error": None,
        }
        return Reply({"access_token": token, "item_id": self.items[token]["item_id"]})

    def _of(self, body: dict[str, Any], answer: Callable[[dict[str, Any]], Any]) -> Reply:
        item = self.items.get(body["access_token"])
        if item is None:
            return error("INVALID_ACCESS_TOKEN", kind="INVALID_INPUT")
        return Reply(answer(item))

    def _item(self, body: dict[str, Any]) -> Reply:
        updates = {"investments": {"last_successful_update": self.updated}}
        return self._of(body, lambda item: {"item": item, "status": updates})

    def _remove(self, body: dict[str, Any]) -> Reply:
        reply = self._of(body, lambda _: {"request_id": "r"})
        self.items.pop(body["access_token"], None)
        return reply

    def _accounts(self, body: dict[str, Any]) -> Reply:
        return self._of(body, lambda item: {"accounts": self.accounts, "item": item})

    def _holdings(self, body: dict[str, Any]) -> Reply:
        wanted = body["options"]["account_ids"]
        answer = {
            "accounts": [each for each in self.accounts if each["account_id"] in wanted],
            "holdings": [each for each in self.holdings if each["account_id"] in wanted],
            "securities": self.securities,
        }
        return self._of(body, lambda item: {**answer, "item": item})

    def _transactions(self, body: dict[str, Any]) -> Reply:
        rows = [
            row
            for row in self.transactions
            if body["start_date"] <= row["date"] <= body["end_date"]
        ]
        begin = body["options"].get("offset", 0)
        answer = {
            "investment_transactions": rows[begin : begin + self.page_rows],
            "securities": self.securities,
            "total_investment_transactions": len(rows),
        }
        return self._of(body, lambda _: answer)

    def _key(self, body: dict[str, Any]) -> Reply:
        key = self.keys.get(body["key_id"])
        if key is None:
            return error("INVALID_WEBHOOK_VERIFICATION_KEY_ID", kind="INVALID_INPUT")
        return Reply({"key": key, "request_id": "r"})
