"""Alpaca as its documentation describes it: two REST hosts in one, and the MessagePack stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import msgpack
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fakes.stream_server import Frame, StreamServer
from websockets.asyncio.server import ServerConnection

from optix.adapters.market_data.bars import NEW_YORK
from optix.kernel.clock import SystemClock, to_datetime
from optix.kernel.instrument import parse_option

KEY, SECRET = "PK-documented-key", "a-secret-that-must-not-show"
SPOT = 600.0
STRIKES = (590, 595, 600, 605, 610)


def rfc3339(instant_ns: int) -> str:
    """Return an instant as Alpaca writes it: trailing zeros trimmed."""
    seconds = to_datetime(instant_ns).strftime("%Y-%m-%dT%H:%M:%S")
    rest = f"{instant_ns % 1_000_000_000:09d}".rstrip("0")
    return f"{seconds}.{rest}Z" if rest else f"{seconds}Z"


class FakeAlpaca(ProviderServer, StreamServer):
    """One account. Contracts on SPY for two expirations; the last contract never traded."""

    def __init__(self) -> None:
        ProviderServer.__init__(self)
        StreamServer.__init__(self)
        self.clock = SystemClock()
        today = datetime.now(NEW_YORK).date()  # house: allow(clock) because listings end with today
        self.expirations = (today + timedelta(days=7), today + timedelta(days=35))
        self.page_size = 4
        self.symbols_max = 200
        self.subscriptions: dict[ServerConnection, dict[str, set[str]]] = {}
        self.route("GET", "/v2/options/contracts", self._contracts)
        self.route("GET", "/v1beta1/options/snapshots/*", self._chain)
        self.route("GET", "/v2/stocks/snapshots", self._stocks)
        self.route("GET", "/v2/stocks/bars", self._bars)
        self.route("GET", "/v1beta1/options/bars", self._bars)

    def contracts(self, expiration: Any = None) -> list[str]:
        return [
            f"SPY{day:%y%m%d}{right}{strike * 1000:08d}"
            for day in self.expirations
            for strike in STRIKES
            for right in "CP"
            if expiration in {None, day}
        ]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeAlpaca]:
        async with self.serve_http(), self.serve_stream():
            yield self

    # REST

    def _answer(self, request: Request) -> Reply:
        keys = request.headers.get("apca-api-key-id"), request.headers.get("apca-api-secret-key")
        if keys != (KEY, SECRET):
            self.asked.append(request)
            return Reply({"message": "forbidden."}, status=403)
        return super()._answer(request)

    def _contracts(self, request: Request) -> Reply:
        keys = self.contracts() if request.query["underlying_symbols"] == "SPY" else []
        rows = [
            {
                "id": f"id-{key}",
                "symbol": key,
                "name": "SPY option",
                "status": "active",
                "tradable": True,
                "expiration_date": parse_option(key).expiration.isoformat(),
                "root_symbol": "SPY",
                "underlying_symbol": "SPY",
                "type": "call" if parse_option(key).right == "C" else "put",
                "style": "american",
                "strike_price": str(parse_option(key).strike),
                "multiplier": "100",
                "size": "100",
                "open_interest": "237",
                "open_interest_date": "2026-11-20",
            }
            for key in keys
        ]
        return self._page(request, "option_contracts", rows)

    def _chain(self, request: Request) -> Reply:
        underlying = request.path.rpartition("/")[2]
        keys = self.contracts() if underlying == "SPY" else []
        wanted = request.query["expiration_date"]
        keys = [k for k in keys if parse_option(k).expiration.isoformat() == wanted]
        snapshots = {key: self.snapshot(key) for key in keys[:-1]}
        return self._page(request, "snapshots", snapshots)

    def snapshot(self, key: str) -> dict[str, Any]:
        now_ns = self.clock.now_ns()
        sign = 1 if parse_option(key).right == "C" else -1
        return {
            "latestQuote": {
                "t": rfc3339(now_ns - 2_000_000_017),
                "ax": "N",
                "ap": 1.2,
                "as": 40,
                "bx": "X",
                "bp": 1.1,
                "bs": 20,
                "c": "A",
            },
            "latestTrade": {
                "t": rfc3339(now_ns - 9_000_000_000),
                "x": "N",
                "p": 1.15,
                "s": 2,
                "c": "I",
            },
            "impliedVolatility": 0.21,
            "greeks": {
                "delta": 0.5 * sign,
                "gamma": 0.02,
                "rho": 0.05 * sign,
                "theta": -0.1,
                "vega": 0.3,
            },
        }

    def _stocks(self, request: Request) -> Reply:
        now_ns = self.clock.now_ns()
        known = {
            "latestTrade": {"t": rfc3339(now_ns - 1_000_000_000), "p": SPOT, "s": 100, "x": "V"},
            "latestQuote": {
                "t": rfc3339(now_ns - 500_000_000),
                "bp": SPOT - 0.01,
                "bs": 3,
                "ap": SPOT + 0.01,
                "as": 2,
            },
            "dailyBar": {
                "t": "2026-11-20T05:00:00Z",
                "o": 598.0,
                "h": 602.5,
                "l": 597.1,
                "c": SPOT,
                "v": 5e6,
            },
            "prevDailyBar": {
                "t": "2026-11-19T05:00:00Z",
                "o": 1,
                "h": 1,
                "l": 1,
                "c": 597.5,
                "v": 1,
            },
        }
        return Reply({name: known for name in request.query["symbols"].split(",") if name == "SPY"})

    def _bars(self, request: Request) -> Reply:
        rows = [
            {
                "t": f"2026-11-{day}T05:00:00Z",
                "o": 590 + day,
                "h": 600 + day,
                "l": 589 + day,
                "c": 595 + day,
                "v": 1000 * day,
                "n": 5,
                "vw": 595.5,
            }
            for day in (18, 19, 20)
            if request.query["start"][:10] <= f"2026-11-{day}" <= request.query["end"][:10]
        ]
        symbol = request.query["symbols"]
        known = symbol == "SPY" or symbol in self.contracts()
        bars = {symbol: rows[::-1]} if known and rows else {}
        return Reply({"bars": bars, "next_page_token": None})

    def _page(self, request: Request, name: str, rows: Any) -> Reply:
        start = int(request.query.get("page_token", "0"))
        end = start + self.page_size
        keys = list(rows)
        page = {k: rows[k] for k in keys[start:end]} if isinstance(rows, dict) else rows[start:end]
        token = str(end) if end < len(keys) else None
        return Reply({name: page, "next_page_token": token}, headers=self._allowance())

    def _allowance(self) -> dict[str, str]:
        reset = self.clock.now_ns() // 1_000_000_000 + 60
        return {
            "X-Ratelimit-Limit": "200",
            "X-Ratelimit-Remaining": "190",
            "X-Ratelimit-Reset": str(reset),
        }

    # Stream

    async def sign_in(self, connection: ServerConnection) -> bool:
        await _send(connection, {"T": "success", "msg": "connected"})
        message = _read(await connection.recv())
        if self.refuse or (message["key"], message["secret"]) != (KEY, SECRET):
            await _send(connection, {"T": "error", "code": 402, "msg": "auth failed"})
            return False
        await _send(connection, {"T": "success", "msg": "authenticated"})
        self.subscriptions[connection] = {"quotes": set(), "trades": set()}
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        if isinstance(frame, str):
            words = "option messages are only available in MsgPack"
            await _send(connection, {"T": "error", "code": 412, "msg": words})
            return
        message = _read(frame)
        held = self.subscriptions[connection]
        if "*" in message.get("quotes", ()):
            words = "star subscription is not allowed for option quotes"
            await _send(connection, {"T": "error", "code": 413, "msg": words})
            return
        for name, symbols in list(held.items()):
            asked = set(message.get(name, ()))
            if message["action"] == "unsubscribe":
                held[name] = symbols - asked
            elif name == "quotes" and len(symbols | asked) > self.symbols_max:
                await _send(connection, {"T": "error", "code": 405, "msg": "symbol limit exceeded"})
                return
            else:
                held[name] = symbols | asked
        told = {name: sorted(symbols) for name, symbols in held.items()}
        await _send(connection, {"T": "subscription", **told})

    def gone(self, connection: ServerConnection) -> None:
        self.subscriptions.pop(connection, None)

    def subscribed(self) -> set[str]:
        return {symbol for held in self.subscriptions.values() for symbol in held["quotes"]}

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        stamp = msgpack.Timestamp.from_unix_nano(ts_event)
        quote = {
            "T": "q",
            "S": symbol,
            "t": stamp,
            "bx": "X",
            "bp": bid,
            "bs": 5,
            "ax": "N",
            "ap": ask,
            "as": 7,
            "c": "A",
        }
        return bytes(msgpack.packb([quote]))

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        stamp = msgpack.Timestamp.from_unix_nano(ts_event)
        trade = {"T": "t", "S": symbol, "t": stamp, "p": price, "s": int(size), "x": "N", "c": "I"}
        return bytes(msgpack.packb([trade]))

    def malformed_frame(self) -> Frame:
        return b"\xc1 not MessagePack"

    async def complain(self, code: int, words: str) -> None:
        await self.send(bytes(msgpack.packb([{"T": "error", "code": code, "msg": words}])))


async def _send(connection: ServerConnection, message: dict[str, Any]) -> None:
    await connection.send(bytes(msgpack.packb([message])))


def _read(frame: Frame) -> dict[str, Any]:
    assert isinstance(frame, bytes)
    message: dict[str, Any] = msgpack.unpackb(frame)
    return message
