"""A Theta Terminal as far as it is documented: CSV over HTTP, status 472, and the stream v1.

Tables are lists of rows; a question is answered with those that its parameters name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from tests.fakes.provider_server import ProviderServer, Reply, Request
from tests.fakes.stream_server import Frame, StreamServer
from websockets.asyncio.server import ServerConnection

from optix.kernel.clock import to_datetime
from optix.kernel.instrument import contract_of, parse_option

NEW_YORK = ZoneInfo("America/New_York")
HEARTBEAT_SECONDS = 0.1
Row = dict[str, Any]


class FakeTerminal(ProviderServer):
    """`tables` has the rows of each path; `statuses` has a status for a path that answers none."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[Row]] = {}
        self.statuses: dict[str, int] = {}
        self.route("GET", "/v3/*", self._table)

    @property
    def url(self) -> str:
        return f"{self.base_url}/v3"

    def _table(self, request: Request) -> Reply:
        path = request.path.removeprefix("/v3")
        if path in self.statuses:
            return Reply(b"no", status=self.statuses[path])
        rows = [row for row in self.tables.get(path, ()) if _asked(row, request.query)]
        if not rows:
            return Reply(b"No data found for your request", status=472)
        return Reply(csv_of(rows), headers={"Content-Type": "text/csv"})


def csv_of(rows: Sequence[Row]) -> bytes:
    header = [name for name in rows[0] if not name.startswith("_")]
    lines = [",".join(header), *(",".join(str(row[name]) for name in header) for row in rows)]
    return ("\r\n".join(lines) + "\r\n").encode()


def _asked(row: Row, query: Any) -> bool:
    symbols = query.get("symbol", "").split(",")
    if "symbol" in row and row["symbol"] not in symbols:
        return False
    if "_of" in row and row["_of"] not in symbols:
        return False
    expiration = query.get("expiration", "*")
    own = str(row.get("expiration", expiration)).replace("-", "")
    if expiration not in {"*", own}:
        return False
    told = row.get("_date") or row.get("created") or ""
    day = str(told)[:10].replace("-", "")
    if not day:
        return True
    if "date" in query:
        return bool(day == query["date"])
    return bool(query.get("start_date", day) <= day <= query.get("end_date", day))


def quote_row(symbol: str, at: str, **changes: Any) -> Row:
    contract = parse_option(symbol)
    row = {
        "timestamp": at,
        "symbol": contract.root,
        "expiration": contract.expiration,
        "strike": f"{contract.strike:.3f}",
        "right": contract.right.name,
        "bid_size": 5,
        "bid_exchange": 6,
        "bid": 1.47,
        "bid_condition": 50,
        "ask_size": 25,
        "ask_exchange": 6,
        "ask": 1.5,
        "ask_condition": 50,
    }
    return row | changes


def ohlc_row(symbol: str, at: str, **changes: Any) -> Row:
    base = {name: quote_row(symbol, at)[name] for name in _KEY}
    day = {"open": 1.78, "high": 1.78, "low": 1.51, "close": 1.51, "volume": 202, "count": 29}
    return {"timestamp": at, **base, **day} | changes


def interest_row(symbol: str, at: str, **changes: Any) -> Row:
    base = {name: quote_row(symbol, at)[name] for name in _KEY}
    return {"timestamp": at, **base, "open_interest": 8066} | changes


def greeks_row(symbol: str, at: str, **changes: Any) -> Row:
    base = {name: quote_row(symbol, at)[name] for name in _KEY}
    values = {
        "delta": 0.9085,
        "theta": -0.0352,
        "vega": 31.7235,
        "rho": 103.2513,
        "implied_vol": 0.3075,
        "iv_error": 0.0,
        "underlying_timestamp": at,
        "underlying_price": 225.74,
    }
    return {**base, "timestamp": at, "bid": 1.47, "ask": 1.5, **values} | changes


def close_row(symbol: str, day: date, **changes: Any) -> Row:
    row = quote_row(symbol, "")
    del row["timestamp"]
    base = {name: row[name] for name in _KEY}
    rest = {name: value for name, value in row.items() if name not in _KEY}
    made = {
        "created": f"{day}T17:15:39.187",
        "last_trade": f"{day}T15:59:12.295",
        "open": 1.2,
        "high": 1.9,
        "low": 1.1,
        "close": 1.48,
        "volume": 683,
        "count": 99,
    }
    return {**base, **made, **rest} | changes


def security_row(symbol: str, at: str, **changes: Any) -> Row:
    row = quote_row("SPY260618C00290000", at)
    kept = {name: value for name, value in row.items() if name not in {*_KEY, "timestamp"}}
    return {"timestamp": at, "symbol": symbol, **kept, "bid": 295.39, "ask": 295.41} | changes


def security_ohlc(symbol: str, at: str, **changes: Any) -> Row:
    row = {
        "timestamp": at,
        "symbol": symbol,
        "open": 293.1,
        "high": 296.2,
        "low": 292.8,
        "close": 295.4,
        "volume": 31_204_551,
        "count": 9,
    }
    return row | changes


def day_row(symbol: str, day: date, **changes: Any) -> Row:
    """Return a day of a security. `_of` names it to the server: the real answer does not."""
    row = {
        "created": f"{day}T17:15:51.877",
        "last_trade": f"{day}T16:00:02",
        "open": 292.0,
        "high": 294.0,
        "low": 291.0,
        "close": 293.0,
        "volume": 900,
        "count": 3,
        "_of": symbol,
    }
    return row | changes


_KEY = ("symbol", "expiration", "strike", "right")


class FakeStream(StreamServer):
    """The terminal's WebSocket: one message for one contract, STATUS as heartbeat."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[ServerConnection, set[tuple[str, str]]] = {}
        self.status = "CONNECTED"
        self.answer = "SUBSCRIBED"
        self.sequence = 0

    @asynccontextmanager
    async def serve_all(self) -> AsyncIterator[None]:
        async with self.serve_stream():
            beating = asyncio.create_task(self._beat())
            try:
                yield
            finally:
                beating.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await beating

    async def _beat(self) -> None:
        while True:
            await self.send(_frame({"header": {"type": "STATUS", "status": self.status}}))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def sign_in(self, connection: ServerConnection) -> bool:
        self.topics[connection] = set()
        return True

    async def on_frame(self, connection: ServerConnection, frame: Frame) -> None:
        message = orjson.loads(frame)
        assert message["msg_type"] == "STREAM"
        topic = (symbol_of(message["contract"]), message["req_type"])
        if self.answer == "SUBSCRIBED":
            change = self.topics[connection].add if message["add"] else self._discard(connection)
            change(topic)
        header = {"type": "REQ_RESPONSE", "response": self.answer, "req_id": message["id"]}
        await connection.send(_frame({"header": header}))

    def _discard(self, connection: ServerConnection) -> Any:
        return self.topics[connection].discard

    def gone(self, connection: ServerConnection) -> None:
        self.topics.pop(connection, None)

    def subscribed(self) -> set[str]:
        return {
            symbol
            for topics in self.topics.values()
            for symbol, channel in topics
            if channel == "QUOTE"
        }

    def quote_frame(self, symbol: str, bid: float, ask: float, ts_event: int) -> Frame:
        day, ms = _moment(ts_event)
        quote = {
            "ms_of_day": ms,
            "bid_size": 7,
            "bid_exchange": 5,
            "bid": bid,
            "bid_condition": 50,
            "ask_size": 9,
            "ask_exchange": 5,
            "ask": ask,
            "ask_condition": 50,
            "date": day,
        }
        return self._message("QUOTE", symbol, quote)

    def trade_frame(self, symbol: str, price: float, size: float, ts_event: int) -> Frame | None:
        day, ms = _moment(ts_event)
        self.sequence += 1
        trade = {
            "ms_of_day": ms,
            "sequence": self.sequence,
            "size": size,
            "condition": 18,
            "price": price,
            "exchange": 31,
            "date": day,
        }
        return self._message("TRADE", symbol, trade)

    def _message(self, kind: str, symbol: str, fields: Row) -> Frame:
        header = {"type": kind, "status": "CONNECTED"}
        return _frame({"header": header, "contract": wire_contract(symbol), kind.lower(): fields})


def _frame(message: Any) -> str:
    return orjson.dumps(message).decode()


def wire_contract(symbol: str) -> Row:
    contract = parse_option(symbol)
    return {
        "security_type": "OPTION",
        "root": contract.root,
        "expiration": int(f"{contract.expiration:%Y%m%d}"),
        "strike": contract.strike_milli,
        "right": str(contract.right),
    }


def symbol_of(fields: Row) -> str:
    if "expiration" not in fields:
        return str(fields["root"])
    day = date.fromisoformat(str(fields["expiration"]))
    return contract_of(fields["root"], day, fields["right"], f"{fields['strike'] / 1000:.3f}").key


def _moment(ts_event: int) -> tuple[int, int]:
    local = to_datetime(ts_event).astimezone(NEW_YORK)
    seconds = (local.hour * 60 + local.minute) * 60 + local.second
    return int(f"{local:%Y%m%d}"), seconds * 1000 + local.microsecond // 1000
