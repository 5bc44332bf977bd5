"""tastytrade and dxLink on this machine, as their documentation tells it.

The order of an event's fields is the server's own (the reverse of what is asked) and is announced
once a type was subscribed, unless `config_late` holds it back.
"""

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

from optix.kernel.instrument import Spelling, format_option, parse_option

CLIENT_SECRET = SecretStr("client-secret-of-a-test")
REFRESH_TOKEN = SecretStr("refresh-token-of-a-test")
DATES = ("2025-12-19", "2026-01-16")
STRIKES = (645_000, 650_000, 655_000)


def nested_item(
    root: str = "SPY",
    *,
    dates: tuple[str, ...] = DATES,
    strikes: tuple[int, ...] = STRIKES,
) -> dict[str, Any]:
    """Return one root of a nested chain."""
    return {
        "underlying-symbol": root,
        "root-symbol": root,
        "option-chain-type": "Standard",
        "shares-per-contract": 100,
        "expirations": [
            {
                "expiration-type": "Regular",
                "expiration-date": day,
                "settlement-type": "PM",
                "strikes": [_strike(root, day, strike) for strike in strikes],
            }
            for day in dates
        ],
    }


def _strike(root: str, day: str, strike: int) -> dict[str, str]:
    row = {"strike-price": f"{strike / 1000:.1f}"}
    for side in ("call", "put"):
        osi = f"{root:<6}{day[2:].replace('-', '')}{side[0].upper()}{strike:08d}"
        row[side] = osi
        row[f"{side}-streamer-symbol"] = format_option(parse_option(osi), Spelling.DXFEED)
    return row


def market_item(symbol: str, **changes: Any) -> dict[str, Any]:
    """Return one quote by type. Decimals are texts."""
    item: dict[str, Any] = {
        "symbol": symbol,
        "updated-at": "2025-11-20T15:00:00.123456+00:00",
        "bid": "1.05",
        "bid-size": "10.0",
        "ask": "1.07",
        "ask-size": "12.0",
        "last": "1.06",
        "open": "1.0",
        "day-high-price": "1.2",
        "day-low-price": "0.9",
        "prev-close": "1.1",
        "volume": "8.0",
        "open-interest": "8133",
    }
    return item | changes


class _Rest(ProviderServer):
    """Answers whoever has a valid access token and says what product asks."""

    def __init__(self) -> None:
        super().__init__()
        self.access = 0
        self.quote_token = 0
        self.refused = False
        self.rotate = ""
        self.stream_url = ""
        self.level = "api"
        self.items = {"SPY": [nested_item()]}
        self.quotes: dict[str, dict[str, Any]] = {
            "SPY": market_item("SPY", bid="650.49", ask="650.51", last="650.5")
        }
        self.route("POST", "/oauth/token", self._token)
        self.route("GET", "/api-quote-tokens", self._quote_token)
        self.route("GET", "/option-chains/*", self._chain)
        self.route("GET", "/market-data/by-type", self._market_data)

    def _answer(self, request: Request) -> Reply:
        assert "/" in request.headers.get("user-agent", ""), "product/version is required"
        expected = f"Bearer access-{self.access}"
        known = request.path == "/oauth/token" or request.headers.get("authorization") == expected
        if not known and not self.scripted:
            self.asked.append(request)
            return Reply({"error": {"code": "token_invalid"}}, status=401)
        return super()._answer(request)

    def _token(self, request: Request) -> Reply:
        wanted = {
            "grant_type": "refresh_token",
            "client_secret": CLIENT_SECRET.get_secret_value(),
            "refresh_token": REFRESH_TOKEN.get_secret_value(),
        }
        if self.refused or dict(request.form()) != wanted:
            return Reply({"error_code": "invalid_grant"}, status=400)
        self.access += 1
        body = {"access_token": f"access-{self.access}", "expires_in": 900, "token_type": "Bearer"}
        return Reply(body | ({"refresh_token": self.rotate} if self.rotate else {}))

    def _quote_token(self, _: Request) -> Reply:
        self.quote_token += 1
        data = {"token": f"quote-{self.quote_token}", "dxlink-url": self.stream_url}
        return Reply({"data": data | {"level": self.level}})

    def _chain(self, request: Request) -> Reply:
        symbol = request.path.removeprefix("/option-chains/").removesuffix("/nested")
        if symbol not in self.items:
            return Reply({"error": {"code": "not_found"}}, status=404)
        return Reply({"data": {"items": self.items[symbol]}})

    def _market_data(self, request: Request) -> Reply:
        names = [name for kind in request.query.values() for name in kind.split(",")]
        assert len(names) <= 100, "more symbols than one request may have"
        for name in request.query.get("equity-option", "").split(","):
            if name:
                self.quotes.setdefault(name, market_item(name))
        return Reply({"data": {"items": [self.quotes[n] for n in names if n in self.quotes]}})


class FakeTastytrade(StreamServer):
    """REST and dxLink together."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = _Rest()
        self.topics: dict[ServerConnection, set[tuple[str, str]]] = defaultdict(set)
        self.fields: dict[str, list[str]] = {}
        self.config_late = False
        self.keepalive_timeout = 60
        self.keepalives = 0
        self.authorized = 0  # how many AUTH were answered
        self.index = count(7_400_000_000_000_000_001)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTastytrade]:
        async with self.rest.serve_http(), self.serve_stream():
            self.rest.stream_url = self.stream_url
            yield self

    async def sign_in(self, connection: ServerConnection) -> bool:
        setup = orjson.loads(await connection.recv())
        assert (setup["type"], setup["channel"]) == ("SETUP", 0)
        await connection.send(
            _message("SETUP", 0, version="1.0", keepaliveTimeout=self.keepalive_timeout)
        )
        state = "UNAUTHORIZED"
        await connection.send(_message("AUTH_STATE", 0, state=state))
        while state == "UNAUTHORIZED":
            auth = orjson.loads(await connection.recv())
            assert auth["type"] == "AUTH"
            self.authorized += 1
            valid = auth["token"] == f"quote-{self.rest.quote_token}" and self.token_valid
            state = "AUTHORIZED" if valid and not self.refuse else "UNAUTHORIZED"
            await connection.send(_message("AUTH_STATE", 0, state=state))
            self.token_valid = self.token_valid or not self.refuse
        request = orjson.loads(await connection.recv())
        assert request["type"] == "CHANNEL_REQUEST"
        assert request["channel"] % 2 == 1, "a client's channels are odd"
        await connection.send(_message("CHANNEL_OPENED", 1, service="FEED"))
        asked = orjson.loads(await connection.recv())
        assert asked["type"] == "FEED_SETUP"
        self.fields = {kind: names[::-1] for kind, names in asked["acceptEventFields"].items()}
        await connection.send(_message("FEED_CONFIG", 1, dataFormat="COMPACT"))
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        message = orjson.loads(frame)
        if message["type"] == "KEEPALIVE":
            self.keepalives += 1
            return
        if message["type"] != "FEED_SUBSCRIPTION":
            error = {"error": "INVALID_MESSAGE", "message": "unknown type"}
            await connection.send(_message("ERROR", message["channel"], **error))
            return
        topics = self.topics[connection]
        added = {(entry["type"], entry["symbol"]) for entry in message.get("add", ())}
        topics -= {(entry["type"], entry["symbol"]) for entry in message.get("remove", ())}
        topics |= added
        if not self.config_late:
            await connection.send(self.config_frame({kind for kind, _ in added}))

    def gone(self, connection: ServerConnection) -> None:
        self.topics.pop(connection, None)

    def config_frame(self, kinds: set[str]) -> str:
        fields = {kind: self.fields[kind] for kind in sorted(kinds)}
        return _message("FEED_CONFIG", 1, dataFormat="COMPACT", eventFields=fields)

    def asked_of(self, kind: str) -> set[str]:
        """Return the streamer symbols of which a type of event is subscribed."""
        return {name for topics in self.topics.values() for k, name in topics if k == kind}

    def subscribed(self) -> set[str]:
        names = self.asked_of("Quote")
        return {parse_option(name).key if name.startswith(".") else name for name in names}

    def data_frame(self, kind: str, *events: dict[str, Any]) -> str:
        """Return a compact frame: the events of one type end to end, in the server's order."""
        values = [
            ({"eventType": kind, "eventTime": 0} | event).get(name, "NaN")
            for event in events
            for name in self.fields[kind]
        ]
        return _message("FEED_DATA", 1, data=[kind, values])

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        at = ts_event // 1_000_000
        quote = {"eventSymbol": _name(symbol), "bidPrice": bid, "askPrice": ask}
        return self.data_frame(
            "Quote", quote | {"bidTime": at, "askTime": at - 5, "bidSize": "NaN", "askSize": 3}
        )

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        event = {
            "eventSymbol": _name(symbol),
            "index": next(self.index),
            "time": ts_event // 1_000_000,
            "timeNanoPart": ts_event % 1_000_000,
            "exchangeCode": "C",
            "price": price,
            "size": size,
            "bidPrice": price - 0.01,
            "askPrice": price + 0.01,
            "exchangeSaleConditions": "I",
            "validTick": True,
            "type": "NEW",
        }
        return self.data_frame("TimeAndSale", event)

    async def expire_token(self) -> None:
        self.token_valid = False
        await self.send(_message("AUTH_STATE", 0, state="UNAUTHORIZED"))
        self.token_valid = True
        self.rest.quote_token += 1  # what is in use is worth nothing now


def _name(symbol: str) -> str:
    return format_option(parse_option(symbol), Spelling.DXFEED) if len(symbol) > 15 else symbol


def _message(kind: str, channel: int, **content: Any) -> str:
    return orjson.dumps({"type": kind, "channel": channel, **content}).decode()
