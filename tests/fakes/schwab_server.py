"""Schwab and its streamer on this machine, as their documentation tells it."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import orjson
from pydantic import SecretStr
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fakes.stream_server import Frame, StreamServer
from websockets.asyncio.server import ServerConnection

from optix.kernel.instrument import Spelling, format_option, parse_option

APP_KEY = "app-key-of-a-test"
APP_SECRET = SecretStr("app-secret-of-a-test")
REFRESH_TOKEN = SecretStr("refresh-token-of-a-test")
DATES = ("2025-12-19", "2026-01-16")
STRIKES = (645_000, 650_000, 655_000)
QUOTED_MS = 1763650800123


def contract_row(symbol: str, **changes: Any) -> dict[str, Any]:
    """Return one contract of a chain, by its padded symbol, of 20 November 2025."""
    right, strike = symbol[12], int(symbol[13:]) / 1000
    row: dict[str, Any] = {
        "putCall": "CALL" if right == "C" else "PUT",
        "symbol": symbol,
        "exchangeName": "OPR",
        "bid": 1.05,
        "ask": 1.07,
        "last": 1.06,
        "mark": 1.06,
        "bidSize": 10,
        "askSize": 12,
        "closePrice": 1.1,
        "totalVolume": 8,
        "tradeTimeInLong": QUOTED_MS - 9_000,
        "quoteTimeInLong": QUOTED_MS,
        "volatility": 18.658,
        "delta": 0.41 if right == "C" else -0.59,
        "gamma": 0.0061,
        "theta": -0.028,
        "vega": 0.64,
        "rho": 0.2,
        "openInterest": 8133,
        "theoreticalOptionValue": 1.055,
        "strikePrice": strike,
        "optionDeliverablesList": [
            {"symbol": symbol[:6].strip(), "assetType": "STOCK", "deliverableUnits": 100.0}
        ],
        "multiplier": 100.0,
        "settlementType": "P",
        "exerciseType": "A",
        "optionRoot": symbol[:6].strip(),
        "nonStandard": False,
        "mini": False,
    }
    return row | changes


def usual_symbols(
    root: str = "SPY", dates: tuple[str, ...] = DATES, strikes: tuple[int, ...] = STRIKES
) -> list[str]:
    return [
        f"{root:<6}{day[2:].replace('-', '')}{right}{strike:08d}"
        for day in dates
        for strike in strikes
        for right in "CP"
    ]


def chain_document(rows: list[dict[str, Any]], **header: Any) -> dict[str, Any]:
    """Return a chain around rows: date:days → strike → list of contracts."""
    document: dict[str, Any] = {
        "symbol": "SPY",
        "status": "SUCCESS",
        "strategy": "SINGLE",
        "isDelayed": False,
        "isIndex": False,
        "interestRate": 4.738,
        "underlyingPrice": 650.5,
        "volatility": 29.0,
        "numberOfContracts": len(rows),
        "isChainTruncated": False,
        "underlying": {
            "symbol": "SPY",
            "bid": 650.49,
            "ask": 650.51,
            "last": 650.5,
            "quoteTime": QUOTED_MS,
            "tradeTime": QUOTED_MS - 100,
        },
        "callExpDateMap": {},
        "putExpDateMap": {},
    } | header
    for row in rows:
        symbol = row["symbol"]
        day = f"20{symbol[6:8]}-{symbol[8:10]}-{symbol[10:12]}"
        days = (date.fromisoformat(day) - date(2025, 11, 20)).days
        side = document["callExpDateMap" if row["putCall"] == "CALL" else "putExpDateMap"]
        strikes = side.setdefault(f"{day}:{days}", {})
        strikes.setdefault(str(row["strikePrice"]), []).append(row)
    return document


def quote_row(symbol: str = "SPY", *, realtime: bool = True, **quote: Any) -> dict[str, Any]:
    """Return one row of the quotes."""
    usual: dict[str, Any] = {
        "bidPrice": 650.49,
        "bidSize": 3,
        "askPrice": 650.51,
        "askSize": 5,
        "lastPrice": 650.5,
        "openPrice": 648.0,
        "highPrice": 652.0,
        "lowPrice": 647.0,
        "closePrice": 646.2,
        "totalVolume": 31_204_551,
        "quoteTime": QUOTED_MS,
        "tradeTime": QUOTED_MS - 100,
        "securityStatus": "Normal",
    }
    return {"symbol": symbol, "realtime": realtime, "quote": usual | quote}


class _Rest(ProviderServer):
    """Answers whoever has a valid access token."""

    def __init__(self) -> None:
        super().__init__()
        self.access = 0
        self.refused = False
        self.rotate = ""
        self.refresh = REFRESH_TOKEN.get_secret_value()
        self.stream_url = ""
        self.rows = [contract_row(symbol) for symbol in usual_symbols()]
        self.header: dict[str, Any] = {}
        self.rows_max = 10_000  # of one answer; more is a 502
        self.truncates = False  # instead of the 502
        self.quotes = {"SPY": quote_row()}
        self.candles: dict[str, list[dict[str, Any]]] = {}
        self.route("POST", "/v1/oauth/token", self._token)
        self.route("GET", "/trader/v1/userPreference", self._preference)
        self.route("GET", "/marketdata/v1/chains", self._chain)
        self.route("GET", "/marketdata/v1/expirationchain", self._expirations)
        self.route("GET", "/marketdata/v1/quotes", self._quotes)
        self.route("GET", "/marketdata/v1/pricehistory", self._history)

    def _answer(self, request: Request) -> Reply:
        expected = f"Bearer access-{self.access}"
        token = request.path == "/v1/oauth/token"
        if not token and not self.scripted and request.headers.get("authorization") != expected:
            self.asked.append(request)
            return Reply({"errors": [{"status": 401}]}, status=401)
        return super()._answer(request)

    def _token(self, request: Request) -> Reply:
        pair = f"{APP_KEY}:{APP_SECRET.get_secret_value()}".encode()
        basic = f"Basic {base64.b64encode(pair).decode()}"
        wanted = {"grant_type": "refresh_token", "refresh_token": self.refresh}
        if request.headers.get("authorization") != basic:
            return Reply({"error": "invalid_client"}, status=401)
        if self.refused or dict(request.form()) != wanted:
            return Reply({"error": "refresh_token_authentication_error"}, status=400)
        self.access += 1
        if self.rotate:
            self.refresh, self.rotate = self.rotate, ""
        body = {"access_token": f"access-{self.access}", "expires_in": 1800}
        return Reply(body | {"refresh_token": self.refresh})

    def _preference(self, _: Request) -> Reply:
        info = {
            "streamerSocketUrl": self.stream_url,
            "schwabClientCustomerId": "customer",
            "schwabClientCorrelId": "correl",
            "schwabClientChannel": "N9",
            "schwabClientFunctionId": "APIAPP",
        }
        return Reply({"streamerInfo": [info]})

    def _chain(self, request: Request) -> Reply:
        query = request.query
        if query["symbol"].strip("$") not in self.known():
            return Reply(chain_document([], status="FAILED", underlying=None))
        rows = [
            row
            for row in self._of(query["symbol"])
            if query["fromDate"] <= _day(row["symbol"]) <= query["toDate"]
            and query["contractType"] in {"ALL", row["putCall"]}
        ]
        if len(rows) > self.rows_max:
            if self.truncates:
                return Reply(chain_document(rows[: self.rows_max], isChainTruncated=True))
            fault = {"fault": {"faultstring": "Body buffer overflow"}}
            return Reply(fault, status=502)
        return Reply(chain_document(rows, **self.header))

    def known(self) -> set[str]:
        return {row["symbol"][:6].strip().rstrip("W1") for row in self.rows}

    def _of(self, symbol: str) -> list[dict[str, Any]]:
        name = symbol.strip("$")
        return [row for row in self.rows if row["symbol"][:6].strip().rstrip("W1") == name]

    def _expirations(self, request: Request) -> Reply:
        days = sorted({_day(row["symbol"]) for row in self._of(request.query["symbol"])})
        return Reply({"expirationList": [{"expirationDate": day} for day in days]})

    def _quotes(self, request: Request) -> Reply:
        names = request.query["symbols"].split(",")
        found: dict[str, Any] = {name: self.quotes[name] for name in names if name in self.quotes}
        missing = [name for name in names if name not in self.quotes]
        return Reply(found | ({"errors": {"invalidSymbols": missing}} if missing else {}))

    def _history(self, request: Request) -> Reply:
        query = request.query
        rows = self.candles.get(f"{query['symbol']} {query['frequencyType']}", [])
        start, end = int(query["startDate"]), int(query["endDate"])
        rows = [row for row in rows if start <= row["datetime"] <= end]
        return Reply({"symbol": query["symbol"], "empty": not rows, "candles": rows})


def _day(symbol: str) -> str:
    return f"20{symbol[6:8]}-{symbol[8:10]}-{symbol[10:12]}"


class FakeSchwab(StreamServer):
    """REST and streamer together."""

    def __init__(self) -> None:
        super().__init__()
        self.rest = _Rest()
        self.keys: dict[ServerConnection, dict[str, set[str]]] = defaultdict(dict)
        self.logins = 0
        self.symbols_max = 500  # of one service

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeSchwab]:
        async with self.rest.serve_http(), self.serve_stream():
            self.rest.stream_url = self.stream_url
            yield self

    async def sign_in(self, connection: ServerConnection) -> bool:
        for _ in range(2):
            (request,) = orjson.loads(await connection.recv())["requests"]
            assert (request["service"], request["command"]) == ("ADMIN", "LOGIN")
            assert request["SchwabClientCustomerId"] == "customer"
            self.logins += 1
            token = request["parameters"]["Authorization"]
            if token == f"access-{self.rest.access}" and not self.refuse:
                await connection.send(_response(request, 0, "server=s1;status=NP"))
                return True
            await connection.send(_response(request, 3, "Login Denied.: token is invalid"))
        return False

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        for request in orjson.loads(frame)["requests"]:
            service, command = request["service"], request["command"]
            named = set(request["parameters"]["keys"].split(","))
            known = self.keys[connection].get(service, set())
            after = {"SUBS": named, "ADD": known | named, "UNSUBS": known - named}[command]
            if len(after) > self.symbols_max:
                await connection.send(_response(request, 19, "reached symbol limit"))
                continue
            self.keys[connection][service] = after
            await connection.send(_response(request, 0, f"{command} command succeeded"))

    def gone(self, connection: ServerConnection) -> None:
        self.keys.pop(connection, None)

    def subscribed(self) -> set[str]:
        names = [
            name for services in self.keys.values() for keys in services.values() for name in keys
        ]
        return {parse_option(name).key if len(name) > 15 else name for name in names}

    def data_frame(self, service: str, *contents: dict[str, Any]) -> str:
        entry = {"service": service, "timestamp": QUOTED_MS, "command": "SUBS"}
        return orjson.dumps({"data": [entry | {"content": list(contents)}]}).decode()

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        key = format_option(parse_option(symbol), Spelling.OSI)
        content = {"key": key, "2": bid, "3": ask, "38": ts_event // 1_000_000}
        return self.data_frame("LEVELONE_OPTIONS", content)

    def trade_frame(
        self, symbol: str, price: float, size: float, ts_event: int
    ) -> Frame | None:  # there are none
        return None

    async def expire_token(self) -> None:
        self.rest.access += 1  # the one in use is worth nothing now
        request = {"service": "ADMIN", "command": "LOGIN", "requestid": "1"}
        await self.send(_response(request, 3, "token has expired"))


def _response(request: dict[str, Any], code: int, words: str) -> str:
    named = {name: request[name] for name in ("service", "command", "requestid")}
    answer = named | {"timestamp": QUOTED_MS, "content": {"code": code, "msg": words}}
    return orjson.dumps({"response": [answer]}).decode()
