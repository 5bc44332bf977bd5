"""Polygon on this machine, as its documentation tells it: pages, plans, and the options socket."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import orjson
from pydantic import SecretStr
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fakes.stream_server import Frame, StreamServer
from websockets.asyncio.server import ServerConnection

KEY = SecretStr("polygon-key-of-a-test")
CONTRACTS = [
    f"O:SPY{day}{right}{strike:08d}"
    for day in ("251219", "260116")
    for strike in (645_000, 650_000, 655_000)
    for right in "CP"
]


def chain_row(ticker: str, **changes: Any) -> dict[str, Any]:
    """Return one contract of a chain snapshot, of 20 November 2025 in New York."""
    body = ticker.removeprefix("O:")
    expiration, right, strike = body[-15:-9], body[-9], int(body[-8:]) / 1000
    row: dict[str, Any] = {
        "break_even_price": 651.06,
        "day": {
            "change": -2.4,
            "change_percent": -7.6,
            "close": 1.06,
            "high": 1.2,
            "last_updated": 1763614800000000000,
            "low": 0.9,
            "open": 1.0,
            "previous_close": 1.1,
            "volume": 8,
            "vwap": 1.04,
        },
        "details": {
            "contract_type": "call" if right == "C" else "put",
            "exercise_style": "american",
            "expiration_date": f"20{expiration[:2]}-{expiration[2:4]}-{expiration[4:]}",
            "shares_per_contract": 100,
            "strike_price": strike,
            "ticker": ticker,
        },
        "greeks": {
            "delta": 0.41 if right == "C" else -0.59,
            "gamma": 0.0061,
            "theta": -0.028,
            "vega": 0.64,
        },
        "implied_volatility": 0.357,
        "last_quote": {
            "ask": 1.07,
            "ask_size": 209,
            "bid": 1.05,
            "bid_size": 294,
            "last_updated": 1763650800123456789,
            "midpoint": 1.06,
            "timeframe": "REAL-TIME",
        },
        "last_trade": {
            "price": 1.06,
            "sip_timestamp": 1763650790123456789,
            "size": 1,
            "conditions": [209],
            "exchange": 309,
            "timeframe": "REAL-TIME",
        },
        "open_interest": 8133,
        "underlying_asset": {
            "change_to_break_even": 1.0,
            "last_updated": 1763650799123456789,
            "price": 650.5,
            "ticker": "SPY",
            "timeframe": "REAL-TIME",
        },
    }
    return row | changes


def stock_row(ticker: str = "SPY", **changes: Any) -> dict[str, Any]:
    """Return one row of the universal snapshot."""
    row: dict[str, Any] = {
        "ticker": ticker,
        "type": "stocks",
        "last_quote": {
            "bid": 650.49,
            "bid_size": 3,
            "ask": 650.51,
            "ask_size": 5,
            "last_updated": 1763650799123456789,
            "timeframe": "REAL-TIME",
        },
        "last_trade": {"price": 650.5, "size": 10, "last_updated": 1763650799000000001},
        "session": {
            "open": 648.0,
            "high": 652.0,
            "low": 647.0,
            "close": 650.5,
            "previous_close": 646.2,
            "volume": 31_204_551,
        },
    }
    return row | changes


class _Rest(ProviderServer):
    """Answers whoever has the key."""

    def _answer(self, request: Request) -> Reply:
        authorization = request.headers.get("authorization")
        if not self.scripted and authorization != f"Bearer {KEY.get_secret_value()}":
            self.asked.append(request)
            return Reply({"status": "ERROR", "error": "Unknown API Key"}, status=401)
        return super()._answer(request)


class FakePolygon(StreamServer):
    """REST and socket together. `page_rows` is how many rows a page has at most."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = _Rest()
        self.rows = [chain_row(ticker) for ticker in CONTRACTS]
        self.stocks = {"SPY": stock_row()}
        self.bars: dict[str, list[dict[str, Any]]] = {}
        self.page_rows = 250
        self.next_host = ""  # of the next page, where it should be another one
        self.topics: dict[ServerConnection, set[str]] = defaultdict(set)
        self.sequence = count(1_000, 7)  # rises, not by one
        self.rest.route("GET", "/v3/snapshot/options/*", self._chain)
        self.rest.route("GET", "/v3/snapshot", self._snapshot)
        self.rest.route("GET", "/v3/reference/options/contracts", self._contracts)
        self.rest.route("GET", "/v3/reference/exchanges", lambda _: Reply({"status": "OK"}))
        self.rest.route("GET", "/v2/aggs/ticker/*", self._bars)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakePolygon]:
        async with self.rest.serve_http(), self.serve_stream():
            yield self

    def _chain(self, request: Request) -> Reply:
        underlying = request.path.rpartition("/")[2].removeprefix("I:")
        day = request.query["expiration_date"]
        rows = [
            row
            for row in self.rows
            if row["details"]["expiration_date"] == day
            and row["details"]["ticker"].startswith(f"O:{underlying}")
        ]
        return self._page(request, rows, 250)

    def _contracts(self, request: Request) -> Reply:
        name = request.query["underlying_ticker"]
        rows = [
            row["details"] for row in self.rows if row["details"]["ticker"].startswith(f"O:{name}")
        ]
        return self._page(request, rows, 1_000)

    def _page(self, request: Request, rows: list[dict[str, Any]], rows_max: int) -> Reply:
        """Return the page at the cursor. The next address never has the key in it."""
        start = int(request.query.get("cursor", "0"))
        end = start + min(int(request.query.get("limit", "10")), rows_max, self.page_rows)
        body: dict[str, Any] = {"status": "OK", "results": rows[start:end]}
        if end < len(rows):
            kept = "&".join(f"{k}={v}" for k, v in request.query.items() if k != "cursor")
            host = self.next_host or self.rest.base_url
            body["next_url"] = f"{host}{request.path}?{kept}&cursor={end}"
        return Reply(body)

    def _snapshot(self, request: Request) -> Reply:
        tickers = request.query["ticker.any_of"].split(",")
        missing = {"error": "NOT_FOUND", "message": "Ticker not found."}
        rows = [self.stocks.get(name, missing | {"ticker": name}) for name in tickers]
        return Reply({"status": "OK", "results": rows})

    def _bars(self, request: Request) -> Reply:
        parts = request.path.split("/")
        rows = self.bars.get(f"{parts[4]} {parts[6]} {parts[7]}", [])
        return Reply({"status": "OK", "adjusted": False, "results": rows[::-1]})

    async def sign_in(self, connection: ServerConnection) -> bool:
        await connection.send(_status("connected", "Connected Successfully"))
        message = orjson.loads(await connection.recv())
        if self.refuse or message != {"action": "auth", "params": KEY.get_secret_value()}:
            await connection.send(_status("auth_failed", "authentication failed"))
            return False
        for other in list(self.signed_in):
            await other.send(_status("max_connections", "Maximum number of connections exceeded."))
            await other.close(1008)
        await connection.send(_status("auth_success", "authenticated"))
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        message = orjson.loads(frame)
        names = set(message["params"].split(","))
        topics = self.topics[connection]
        if message["action"] == "unsubscribe":
            topics -= names
        else:
            quotes = {name for name in topics | names if name.startswith("Q.")}
            assert len(quotes) <= 1_000, "more quotes than a connection may have"
            topics |= names
        await connection.send(_status("success", f"{message['action']}d to: {message['params']}"))

    def gone(self, connection: ServerConnection) -> None:
        self.topics.pop(connection, None)

    def subscribed(self) -> set[str]:
        names = {name for topics in self.topics.values() for name in topics}
        return {name.removeprefix("Q.O:") for name in names if name.startswith("Q.")}

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        quote = {"ev": "Q", "sym": f"O:{symbol}", "bx": 302, "ax": 302, "bp": bid, "ap": ask}
        return _frame(quote | {"bs": 1, "as": 2, "t": ts_event // 1_000_000, "q": 1})

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        trade = {"ev": "T", "sym": f"O:{symbol}", "x": 302, "p": price, "s": size, "c": [209]}
        return _frame(trade | {"t": ts_event // 1_000_000, "q": next(self.sequence)})

    async def expire_token(self) -> None:
        raise AssertionError("a key of Polygon has no end")


def _frame(message: dict[str, Any]) -> str:
    return orjson.dumps([message]).decode()


def _status(status: str, words: str) -> str:
    return _frame({"ev": "status", "status": status, "message": words})
