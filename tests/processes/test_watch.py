"""Proven by what is printed: a server says what each test writes down, over real sockets."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from rich.console import Console
from websockets.asyncio.server import ServerConnection, serve

from optix.kernel import limits
from optix.kernel.errors import OptixError
from optix.kernel.symbols import MalformedSymbol
from optix.processes import watch as watching
from optix.processes.stream_client import StreamClient
from optix.processes.stream_state import CONTRACT_COLUMNS, QUOTE_COLUMNS
from optix.processes.watch import (
    CHAIN_COLUMNS,
    BadChain,
    NothingShown,
    NothingToWatch,
    NotInTime,
    Wish,
    watch,
)

NOW_MS = 1_763_800_000_000
STATUS = {
    "state": "live", "label": "Simulated market", "quality": "simulated", "notice": "",
    "reason": "",
}  # fmt: skip
Handler = Callable[[ServerConnection], Awaitable[None]]


def quote(symbol: str, last: float | None, before: float | None, **more: Any) -> list[Any]:
    row = dict.fromkeys(QUOTE_COLUMNS) | {
        "symbol": symbol, "bid": 612.3, "ask": 612.31, "last": last, "previous_close": before,
        "volume": 1_234_567, "as_of": NOW_MS - 3_000, "quality": "realtime", "flags": 0,
        "trading": "open",
    }  # fmt: skip
    return list((row | more).values())


class Server:
    """Serves one client: hello, status, heartbeat, and what `answers` say to each subscription."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = dict(STATUS)
        self.answers: dict[str, Callable[[int], list[Any]]] = {}
        self.asked: list[dict[str, Any]] = []
        self.later: list[list[Any]] = []
        self.url = ""

    def give_quotes(
        self, rows: list[list[Any]], missing: list[dict[str, str]] | None = None
    ) -> None:
        header = {"kind": "quotes", "columns": QUOTE_COLUMNS, "ids": {}, "missing": missing or []}
        self.answers["quotes"] = lambda id_: ["snapshot", id_, 0, header, rows, 1]

    async def __call__(self, connection: ServerConnection) -> None:
        async for text in connection:
            said = orjson.loads(text)
            self.asked.append(said)
            if said["op"] == "auth":
                await self._say(connection, "hello", {"version": 2, "stream": "s", "words": {}})
                await self._say(connection, "status", self.status)
                await self._say(connection, "heartbeat", NOW_MS, NOW_MS)
            for what, answer in self.answers.items():
                if what in said:
                    await self._say(connection, *answer(said["id"]))
                    for frame in self.later:
                        await self._say(connection, *frame)

    async def _say(self, connection: ServerConnection, *parts: Any) -> None:
        await connection.send(orjson.dumps(parts).decode())


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    async with serve(server, "127.0.0.1", 0) as listening:
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ws/quotes"
        yield server


async def _token(*, fresh: bool) -> str:  # it never ends
    return "token"


async def _printed(server: Server, symbols: str = "", chain: str | None = None) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    client = StreamClient(server.url, _token)
    await watch(client, Wish.parse(symbols, chain), console, once=True)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _line(printed: str, symbol: str) -> str:
    return " ".join(next(line for line in printed.splitlines() if symbol in line).split())


class TestQuotes:
    async def test_a_row_has_sign_arrow_age_and_quality(self, server: Server) -> None:
        server.give_quotes([quote("SPY", 612.5, 610.0), quote("IWM", 200.0, 202.0)])
        printed = await _printed(server, "iwm,SPY")
        assert _line(printed, "SPY") == (
            "SPY 612.50 612.30 × 612.31 ▲ +2.50 (+0.41%) 1,234,567 3 s realtime"
        )
        assert "▼ −2.00 (−0.99%)" in _line(printed, "IWM")
        assert "Simulated market · live · simulated" in printed
        assert server.asked[1]["quotes"] == ["IWM", "SPY"]

    async def test_what_does_not_exist_is_a_dash(self, server: Server) -> None:
        server.give_quotes([quote("SPY", None, None, bid=None, volume=None, as_of=None)])
        printed = await _printed(server, "SPY")
        assert _line(printed, "SPY") == "SPY — — × 612.31 • — — — realtime"

    async def test_an_unchanged_price_has_neither_sign_nor_direction(self, server: Server) -> None:
        server.give_quotes([quote("SPY", 610.0, 610.0)])
        assert "• +0.00" in _line(await _printed(server, "SPY"), "SPY")

    async def test_stale_numbers_say_so(self, server: Server) -> None:
        server.status = STATUS | {"state": "down", "reason": "The source does not answer."}
        server.give_quotes([quote("SPY", 612.5, 610.0)])
        printed = await _printed(server, "SPY")
        assert _line(printed, "SPY").endswith("stale")
        assert "down · simulated · The source does not answer." in printed

    async def test_a_narrow_terminal_has_everything_but_the_volume(self, server: Server) -> None:
        server.give_quotes([quote("SPY", 612.5, 610.0)])
        console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
        await watch(StreamClient(server.url, _token), Wish.parse("SPY", None), console, once=True)
        assert isinstance(console.file, io.StringIO)
        assert _line(console.file.getvalue(), "SPY") == (
            "SPY 612.50 612.30 × 612.31 ▲ +2.50 (+0.41%) 3 s realtime"
        )

    async def test_a_halt_is_shown(self, server: Server) -> None:
        server.give_quotes([quote("SPY", 612.5, 610.0, trading="halted")])
        assert _line(await _printed(server, "SPY"), "SPY").endswith("realtime halted")

    async def test_a_symbol_that_is_unknown_is_told_beside_the_others(self, server: Server) -> None:
        missing = [{"symbol": "XQZ", "code": "unknown_symbol", "detail": "XQZ is not known."}]
        server.give_quotes([quote("SPY", 612.5, 610.0)], missing)
        assert _line(await _printed(server, "SPY,XQZ"), "XQZ") == "XQZ — unknown symbol"

    async def test_only_unknown_symbols_are_an_error(self, server: Server) -> None:
        missing = [{"symbol": "XQZ", "code": "unknown_symbol", "detail": "XQZ is not known."}]
        server.give_quotes([], missing)
        with pytest.raises(NothingShown, match="XQZ is not known"):
            await _printed(server, "XQZ")

    async def test_a_refused_subscription_is_an_error(self, server: Server) -> None:
        refused = {"code": "too_many", "detail": "Too many.", "next_step": "Wait."}
        server.answers["quotes"] = lambda id_: ["error", {"id": id_, **refused}]
        with pytest.raises(OptixError, match="Too many") as error:
            await _printed(server, "SPY")
        assert error.value.next_step == "Wait."

    async def test_what_is_pending_is_waited_for(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watching, "FIRST_SECONDS_MAX", 0.3)
        missing = [{"symbol": "SPY", "code": "pending", "detail": "It comes."}]
        server.give_quotes([], missing)
        with pytest.raises(NotInTime):
            await _printed(server, "SPY")
        server.later = [["changes", 1, 1, [quote("SPY", 612.5, 610.0)], {"missing": []}, 2]]
        monkeypatch.setattr(watching, "FIRST_SECONDS_MAX", 30.0)
        assert "612.50" in await _printed(server, "SPY")

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_200, "2 h"), (90_000, "1 d")],
    )
    def test_ages_are_told_in_the_largest_unit(self, seconds: int, said: str) -> None:
        assert watching._age(NOW_MS - seconds * 1000, NOW_MS) == said


class TestChain:
    async def test_calls_and_puts_stand_at_their_strike(self, server: Server) -> None:
        contracts = [
            dict(zip(CONTRACT_COLUMNS, [0, "c", "SPY", "C", 600.0, 1, 1.0], strict=True)),
            dict(zip(CONTRACT_COLUMNS, [1, "p", "SPY", "P", 600.0, 1, 1.0], strict=True)),
            dict(zip(CONTRACT_COLUMNS, [2, "x", "SPYW", "C", 605.5, 1, 1.0], strict=True)),
        ]
        header = {
            "kind": "chain",
            "columns": ["i", *CHAIN_COLUMNS],
            "contracts": [list(each.values()) for each in contracts],
            "spot": quote("SPY", 602.0, 600.0),
        }
        rows = [[0, 5.0, 5.1, 0.2, 0.55], [1, 3.0, 3.1, None, -0.45], [2, 1.0, 1.1, 0.1, 0.2]]
        server.answers["chain"] = lambda id_: ["snapshot", id_, 0, header, rows, 1]
        printed = await _printed(server, chain="SPY:2026-12-18")
        assert _line(printed, "600 ") == "0.55 20.0 5.10 5.00 600 3.00 3.10 — −0.45"
        assert _line(printed, "605.5") == "0.20 10.0 1.10 1.00 605.5 SPYW — — — —"
        assert "SPY 602.00 · 2026-12-18" in printed
        assert server.asked[1]["chain"] == {
            "underlying": "SPY",
            "expiration": "2026-12-18",
            "strikes": {"around": watching.STRIKES_AROUND},
            "columns": list(CHAIN_COLUMNS),
        }


class TestLive:
    async def test_it_draws_what_changes_and_that_the_line_was_lost(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", 30.0)
        server.give_quotes([quote("SPY", 612.5, 610.0)])
        server.later = [["changes", 1, 1, [quote("SPY", 599.0, 610.0)], None, 2]]
        output = io.StringIO()
        console = Console(file=output, width=120, force_terminal=True)
        client = StreamClient(server.url, _token)
        drawing = asyncio.create_task(watch(client, Wish.parse("SPY", None), console))
        async with asyncio.timeout(30):
            while "599.00" not in output.getvalue():  # noqa: ASYNC110  # a terminal has no event
                await asyncio.sleep(0.02)
            client.drop()
            while "trying again" not in output.getvalue():  # noqa: ASYNC110  # the same
                await asyncio.sleep(0.02)
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)
        assert "offline" in output.getvalue()

    async def test_nothing_at_all_ends_it_with_an_error(self, server: Server) -> None:
        missing = [{"symbol": "XQZ", "code": "unknown_symbol", "detail": "XQZ is not known."}]
        server.give_quotes([], missing)
        console = Console(file=io.StringIO(), width=120, force_terminal=True)
        with pytest.raises(NothingShown):
            await watch(StreamClient(server.url, _token), Wish.parse("XQZ", None), console)


class TestWish:
    def test_symbols_are_read_once_each(self) -> None:
        assert Wish.parse("spy,IWM,,SPY", None) == Wish(("SPY", "IWM"))
        assert Wish.parse("", "spy:2026-12-18") == Wish((), ("SPY", "2026-12-18"))

    @pytest.mark.parametrize(
        ("symbols", "chain", "error"),
        [
            ("", None, NothingToWatch),
            ("S PY", None, MalformedSymbol),
            ("SPY", "SPY", BadChain),
            ("SPY", "SPY:soon", BadChain),
            ("", "!:2026-12-18", MalformedSymbol),
        ],
    )
    def test_what_is_none_is_refused(
        self, symbols: str, chain: str | None, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            Wish.parse(symbols, chain)
