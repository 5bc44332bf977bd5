"""A broker for the benchmark of reading: Tradier's answers, each 150 ms late, from own memory.

`python -m benchmarks.sync_broker` prints its port. The token says whose account is asked and how
large it is: `full.7` has positions and two years of history, `small.7` little of both.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import orjson
import uvloop

NEW_YORK: Final = ZoneInfo("America/New_York")
DELAY_SECONDS: Final = 0.15
POSITIONS: Final = {"full": 60, "small": 10}
EVENTS: Final = {"full": 1_000, "small": 6}
DAYS: Final = {"full": 730, "small": 9}
PAGE_ROWS: Final = 100
TODAY: Final = datetime.now(NEW_YORK).date()
STRIKES: Final = 40


class Connection(asyncio.Protocol):
    """One client; requests have no bodies."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not derived from it
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            reply = answer(head.decode("latin-1"))
            asyncio.get_running_loop().call_later(DELAY_SECONDS, self._send, reply)

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def answer(head: str) -> bytes:
    lines = head.split("\r\n")
    target = urlsplit(lines[0].split(" ")[1])
    token = next(
        line.partition("Bearer ")[2] for line in lines if line.lower().startswith("authorization:")
    )
    size, query = token.partition(".")[0], parse_qs(target.query)
    last = target.path.rsplit("/", 1)[-1]
    if last == "history":
        return _history(size, query["start"][0], query["end"][0], int(query["page"][0]))
    if last == "positions":
        return _positions(size)
    if last == "orders":
        return _reply({"orders": "null"})
    if last == "balances":
        return _reply(
            {
                "balances": {
                    "account_number": token,
                    "account_type": "cash",
                    "total_equity": 12500.25,
                    "total_cash": 2500.25,
                    "cash": {"cash_available": 2500.25},
                }
            }
        )
    account = {
        "account_number": token,
        "classification": "individual",
        "status": "active",
        "type": "cash",
    }
    return _reply({"profile": {"id": token, "name": "A User", "account": account}})


@cache
def _history(size: str, first: str, last: str, page: int) -> bytes:
    rows = [event for event in _events(size) if first <= event["date"][:10] <= last]
    shown = rows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return _reply({"history": {"event": shown} if shown else "null"})


@cache
def _events(size: str) -> list[dict[str, Any]]:
    """Trades, the newest first; two in a row are alike, as fills of one second are."""
    return [
        {
            "amount": -100.0 - number // 2,
            "date": f"{_day(size, number)}T00:00:00Z",
            "type": "trade",
            "trade": {"price": 1.0 + number // 2 / 100, "quantity": 1.0, "symbol": _symbol(number)},
        }
        for number in range(EVENTS[size])
    ]


def _day(size: str, number: int) -> date:
    return TODAY - timedelta(days=number // 2 * 2 * DAYS[size] // EVENTS[size])


@cache
def _positions(size: str) -> bytes:
    rows = [
        {"id": number, "symbol": _symbol(2 * number), "quantity": 1.0, "cost_basis": 100.0}
        for number in range(POSITIONS[size])
    ]
    return _reply({"positions": {"position": rows}})


def _symbol(number: int) -> str:
    pair = number // 2
    month, strike = 1 + pair // STRIKES % 12, 600 + pair % STRIKES
    return f"SPY28{month:02}21C{strike * 1000:08}"


def _reply(body: Any) -> bytes:
    content = orjson.dumps(body)
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"X-Ratelimit-Allowed: 120\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
