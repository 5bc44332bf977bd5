"""Tradier as its documentation describes it: REST with the habits of XML, sessions, the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fakes.stream_server import Frame, StreamServer
from websockets.asyncio.server import ServerConnection

from optix.adapters.market_data.bars import NEW_YORK
from optix.kernel.clock import SystemClock
from optix.kernel.instrument import parse_option

TOKEN = "a-token-that-must-not-show"
STRIKES = (590, 595, 600, 605, 610)


class FakeTradier(ProviderServer, StreamServer):
    """One account. Contracts on SPY for two expirations, the second with one contract only."""

    def __init__(self) -> None:
        ProviderServer.__init__(self)
        StreamServer.__init__(self)
        self.clock = SystemClock()
        today = datetime.now(NEW_YORK).date()  # house: allow(clock) because listings end with today
        self.expirations = (today + timedelta(days=7), today + timedelta(days=35))
        self.session = 0  # the only one that counts: a new one ends it
        self.sessions_refused = False
        self.prints = 0
        self.topics: dict[ServerConnection, dict[str, Any]] = {}
        self.route("GET", "/markets/quotes", self._quotes)
        self.route("GET", "/markets/options/lookup", self._lookup)
        self.route("GET", "/markets/options/chains", self._chain)
        self.route("GET", "/markets/history", self._history)
        self.route("GET", "/markets/timesales", self._time_sales)
        self.route("POST", "/markets/events/session", self._open_session)

    def contracts(self, expiration: date | None = None) -> list[str]:
        first, second = self.expirations
        keys = [f"SPY{first:%y%m%d}{r}{strike * 1000:08d}" for strike in STRIKES for r in "CP"]
        keys.append(f"SPY{second:%y%m%d}C00600000")
        return [k for k in keys if expiration in {None, parse_option(k).expiration}]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTradier]:
        async with self.serve_http(), self.serve_stream():
            yield self

    # REST

    def _answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            self.asked.append(request)
            return Reply(b"Invalid access token", status=401)
        if request.headers.get("accept") != "application/json":
            return Reply(b"<?xml version='1.0'?><quotes/>")
        reply = super()._answer(request)
        if reply.status != 200:
            return reply
        expiry = self.clock.now_ns() // 1_000_000 + 60_000
        allowance = {
            "X-Ratelimit-Allowed": "120",
            "X-Ratelimit-Used": "1",
            "X-Ratelimit-Available": "119",
            "X-Ratelimit-Expiry": str(expiry),
        }
        return Reply(reply.body, headers=allowance, cut=reply.cut, stall=reply.stall)

    def _quotes(self, request: Request) -> Reply:
        symbols = request.query.get("symbols", "").split(",")
        found = [self.security(name) for name in symbols if name in {"SPY", "BRK/B", "SPX"}]
        unmatched = [name for name in symbols if name not in {"SPY", "BRK/B", "SPX"}]
        quotes: dict[str, Any] = {}
        if found:
            quotes["quote"] = found[0] if len(found) == 1 else found
        if unmatched:
            quotes["unmatched_symbols"] = {"symbol": unmatched}
        return Reply({"quotes": quotes})

    def security(self, symbol: str) -> dict[str, Any]:
        now_ms = self.clock.now_ns() // 1_000_000
        return {
            "symbol": symbol,
            "description": "a security",
            "type": "index" if symbol == "SPX" else "etf",
            "last": 600.0,
            "volume": 0 if symbol == "SPX" else 31_000_000,
            "open": 598.0,
            "high": 602.5,
            "low": 597.1,
            "close": None,
            "bid": 599.99,
            "ask": 600.01,
            "prevclose": 597.5,
            "trade_date": now_ms - 900,
            "bidsize": 4,
            "bid_date": now_ms - 800,
            "asksize": 6,
            "ask_date": now_ms - 700,
        }

    def _lookup(self, request: Request) -> Reply:
        if request.query["underlying"] != "SPY":
            return Reply({"symbols": None})
        root = {"rootSymbol": "SPY", "options": self.contracts()}
        return Reply({"symbols": [root]})

    def _chain(self, request: Request) -> Reply:
        keys = self.contracts() if request.query["symbol"] == "SPY" else []
        wanted = request.query["expiration"]
        rows = [self.option(k) for k in keys if str(parse_option(k).expiration) == wanted]
        if not rows:
            return Reply({"options": None})
        return Reply({"options": {"option": rows[0] if len(rows) == 1 else rows}})

    def option(self, key: str, **changes: Any) -> dict[str, Any]:
        now_ms = self.clock.now_ns() // 1_000_000
        contract = parse_option(key)
        call = contract.right == "C"
        greeks = {
            "delta": 0.5 if call else -0.5,
            "gamma": 0.02,
            "theta": -0.1,
            "vega": 0.3,
            "rho": 0.05,
            "phi": -0.05,
            "bid_iv": 0.0,
            "mid_iv": 0.21,
            "ask_iv": 0.22,
            "smv_vol": 0.208,
            "updated_at": "2026-11-20 20:59:27",
        }
        return {
            "symbol": key,
            "type": "option",
            "exch": "Z",
            "last": 1.15,
            "volume": 17,
            "open": None,
            "bid": 1.1,
            "ask": 1.2,
            "underlying": "SPY",
            "strike": contract.strike,
            "greeks": greeks,
            "trade_date": now_ms - 90_000_000,
            "prevclose": 1.12,
            "bidsize": 20,
            "bidexch": "X",
            "bid_date": now_ms - 2_000,
            "asksize": 40,
            "askexch": "N",
            "ask_date": now_ms - 1_000,
            "open_interest": 237,
            "contract_size": 100,
            "expiration_date": str(contract.expiration),
            "expiration_type": "weeklys",
            "option_type": "call" if call else "put",
            "root_symbol": contract.root,
        } | changes

    def _history(self, request: Request) -> Reply:
        days = [
            {
                "date": f"2026-11-{day}",
                "open": 590 + day,
                "high": 600 + day,
                "low": 589 + day,
                "close": 595 + day,
                "volume": 1_000 * day,
            }
            for day in (18, 19, 20)
            if request.query["start"] <= f"2026-11-{day}" <= request.query["end"]
        ]
        if request.query["symbol"] != "SPY" or not days:
            return Reply({"history": None})
        return Reply({"history": {"day": days[0] if len(days) == 1 else days}})

    def _time_sales(self, request: Request) -> Reply:
        if request.query["symbol"] != "SPY":
            return Reply({"series": None})
        step = int(request.query["interval"].removesuffix("min"))
        rows = [
            {
                "time": f"2026-11-20T{9 + minute // 60:02d}:{minute % 60:02d}:00",
                "price": 600.5,
                "open": 600,
                "high": 601,
                "low": 599,
                "close": 600.5,
                "volume": 10,
                "vwap": 600.2,
            }
            for minute in range(30, 120, step)
        ]
        return Reply({"series": {"data": rows}})

    def _open_session(self, request: Request) -> Reply:
        assert not request.body, "the body of a new session is empty"
        if self.sessions_refused:
            return Reply(b"Unauthorized", status=401)
        self.session += 1
        url = "https://stream.tradier.com/v1/markets/events"
        return Reply({"stream": {"url": url, "sessionid": f"session-{self.session}"}})

    # Stream

    async def sign_in(self, connection: ServerConnection) -> bool:
        """There is none: the first message holds the session."""
        self.topics[connection] = {"symbols": [], "filter": []}
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        message = orjson.loads(frame)
        if message["sessionid"] != f"session-{self.session}":
            await _send(connection, {"error": "Session not found"})
            await connection.close()
            return
        if not message["symbols"]:
            await _send(connection, {"error": "no symbols"})
            return
        self.topics[connection] = message  # what was asked before is gone

    def gone(self, connection: ServerConnection) -> None:
        self.topics.pop(connection, None)

    def subscribed(self) -> set[str]:
        return {symbol for held in self.topics.values() for symbol in held["symbols"]}

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        instant = str(ts_event // 1_000_000)
        quote = {
            "type": "quote",
            "symbol": symbol,
            "bid": bid,
            "bidsz": 5,
            "bidexch": "X",
            "biddate": instant,
            "ask": ask,
            "asksz": 7,
            "askexch": "N",
            "askdate": instant,
        }
        return orjson.dumps(quote).decode() + "\n"

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        self.prints += 1
        sale = {
            "type": "timesale",
            "symbol": symbol,
            "exch": "N",
            "bid": str(price - 0.05),
            "ask": str(price + 0.05),
            "last": str(price),
            "size": str(int(size)),
            "date": str(ts_event // 1_000_000),
            "seq": self.prints,
            "flag": "",
            "cancel": False,
            "correction": False,
            "session": "normal",
        }
        return orjson.dumps(sale).decode()

    async def expire_token(self) -> None:
        """Another session of the same account was opened."""
        self.session += 1
        await self.send(orjson.dumps({"error": "Session not found"}).decode())


async def _send(connection: ServerConnection, message: dict[str, Any]) -> None:
    await connection.send(orjson.dumps(message).decode())
