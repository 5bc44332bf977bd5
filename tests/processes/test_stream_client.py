"""Proven against a server that says what each test writes down, over real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from optix.kernel import limits
from optix.kernel.errors import Unauthenticated, Unavailable
from optix.processes import stream_client
from optix.processes.stream_client import StreamClient, StreamRefused, StreamSignInRefused

HELLO = ["hello", {"version": 2, "stream": "g1", "words": {}}]
HEADER = {"kind": "quotes", "columns": ["symbol", "last"], "ids": {}, "missing": []}
Handler = Callable[["Peer"], Awaitable[None]]


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: ServerConnection, number: int) -> None:
        self.connection = connection
        self.number = number  # 1 is the first connection

    async def say(self, *parts: Any) -> None:
        await self.connection.send(orjson.dumps(parts).decode())

    async def hear(self, op: str) -> dict[str, Any]:
        """Return the next message of this kind."""
        async for text in self.connection:
            message: dict[str, Any] = orjson.loads(text)
            if message["op"] == op:
                return message
        raise AssertionError(f"the client left without {op}")

    async def greet(self) -> dict[str, Any]:
        auth = await self.hear("auth")
        await self.say(*HELLO)
        return auth


class Script:
    """A server whose connections are served by `handler`."""

    def __init__(self) -> None:
        self.handler: Handler | None = None
        self.connections = 0
        self.heard: list[dict[str, Any]] = []
        self.url = ""

    async def __call__(self, connection: ServerConnection) -> None:
        self.connections += 1
        assert self.handler is not None
        await self.handler(Peer(connection, self.connections))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", 0.01)
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_MAX", 0.02)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    script = Script()
    server: Server
    async with serve(script, "127.0.0.1", 0) as server:
        script.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/quotes"
        yield script


class Tokens:
    """Hands out numbered tokens and remembers how they were asked for."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    async def __call__(self, *, fresh: bool) -> str:
        self.asked.append(fresh)
        return f"token-{len(self.asked)}"


def _client(script: Script, **options: Any) -> StreamClient:
    return StreamClient(script.url, Tokens(), randomness=random.Random(1), **options)


class TestFollowing:
    async def test_it_signs_in_and_follows_what_it_was_told(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            script.heard.append(await peer.greet())
            script.heard.append(await peer.hear("subscribe"))
            await peer.say("snapshot", 1, 0, HEADER, [["SPY", 1.5]], 10)
            await peer.say("changes", 1, 1, [["SPY", 2.5]], None, 11)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script, binary=True, interval_ms=500)
        spy = await client.quotes(["SPY"])
        async with client.running():
            await client.until(lambda: spy.number == 1)
        auth, asked = script.heard
        assert auth == {
            "op": "auth",
            "token": "token-1",
            "version": 2,
            "format": "binary",
            "interval_ms": 500,
        }
        assert asked == {"op": "subscribe", "id": 1, "quotes": ["SPY"]}
        assert spy.rows["SPY"]["last"] == 2.5

    async def test_what_is_asked_for_while_online_is_sent_at_once(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            await peer.greet()
            script.heard.append(await peer.hear("subscribe"))
            await peer.say("snapshot", 1, 0, {**HEADER, "contracts": []}, [], 1)
            script.heard.append(await peer.hear("tune"))
            script.heard.append(await peer.hear("unsubscribe"))
            await peer.say("ended", 1)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        async with client.running():
            await client.until(lambda: client.where == "online")
            chain = await client.chain(
                "SPY", "2026-12-18", strikes={"around": 5}, columns=["bid", "ask"]
            )
            await client.until(lambda: chain.live)
            await client.tune(1000)
            await client.unfollow(chain)
            await client.until(lambda: not client.state.followed)
        assert script.heard == [
            {
                "op": "subscribe",
                "id": 1,
                "chain": {
                    "underlying": "SPY",
                    "expiration": "2026-12-18",
                    "strikes": {"around": 5},
                    "columns": ["bid", "ask"],
                },
            },
            {"op": "tune", "interval_ms": 1000},
            {"op": "unsubscribe", "id": 1},
        ]

    async def test_a_gap_makes_the_subscription_anew_from_a_snapshot(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            await peer.greet()
            await peer.hear("subscribe")
            await peer.say("snapshot", 1, 0, HEADER, [["SPY", 1.5]], 10)
            await peer.say("changes", 1, 2, [["SPY", 9.0]], None, 12)
            script.heard.append(await peer.hear("unsubscribe"))
            script.heard.append(await peer.hear("subscribe"))
            await peer.say("snapshot", 2, 0, HEADER, [["SPY", 3.5]], 13)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        spy = await client.quotes(["SPY"])
        async with client.running():
            await client.until(lambda: spy.snapshots == 2)
        assert script.heard == [
            {"op": "unsubscribe", "id": 1},
            {"op": "subscribe", "id": 2, "quotes": ["SPY"]},
        ]
        assert spy.rows["SPY"]["last"] == 3.5


class TestComingBack:
    async def test_a_lost_connection_is_resumed_where_it_was(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            await peer.greet()
            script.heard.append(await peer.hear("subscribe"))
            if peer.number == 1:
                await peer.say("snapshot", 1, 0, HEADER, [["SPY", 1.5]], 10)
            else:
                await peer.say("resumed", script.heard[-1]["id"], {"missing": []})
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        spy = await client.quotes(["SPY"])
        async with client.running():
            await client.until(lambda: spy.live)
            client.drop()
            await client.until(lambda: spy.resumes)
        assert script.heard[1]["resume"] == {"stream": "g1", "seen": 10}
        assert spy.rows["SPY"]["last"] == 1.5
        assert client.close_codes[0] == 1006

    async def test_events_are_asked_for_after_the_last_one(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            await peer.greet()
            script.heard.append(await peer.hear("subscribe"))
            id_ = script.heard[-1]["id"]
            await peer.say("events", id_, {"epoch": "e", "offset": 4, "reset": False})
            if peer.number == 1:
                await peer.say("event", id_, 5, 4, "account", "session_ended", {}, 1)
                await peer.connection.close(1012)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        events = await client.events(["account"], after=("e", 4))
        async with client.running():
            await client.until(lambda: client.connections == 2 and events.live)
        assert script.heard[0]["after"] == {"epoch": "e", "offset": 4}
        assert script.heard[1]["after"] == {"epoch": "e", "offset": 5}
        assert len(events.events) == 1

    async def test_a_server_that_goes_away_says_when_to_come_back(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slept: list[float] = []
        sleep = asyncio.sleep

        async def remembering(seconds: float) -> None:
            slept.append(seconds)
            await sleep(600.0 if seconds == stream_client.PING_SECONDS else 0)

        async def handler(peer: Peer) -> None:
            await peer.greet()
            if peer.number == 1:
                await peer.say("going_away", {"reconnect_after_ms": 1234})
                await peer.connection.close(1012)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        monkeypatch.setattr(asyncio, "sleep", remembering)
        async with client.running():
            await client.until(lambda: client.connections == 2)
        assert 1.234 in slept

    async def test_silence_means_that_the_line_is_lost(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream_client, "SILENCE_SECONDS_MAX", 0.2)

        async def handler(peer: Peer) -> None:
            await peer.greet()
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        async with client.running():
            await client.until(lambda: client.connections == 2)
        assert client.close_codes[0] == 1006

    async def test_nobody_there_is_told_and_tried_again(self) -> None:
        client = StreamClient("ws://127.0.0.1:9/ws/quotes", Tokens())
        async with client.running():
            await client.until(lambda: len(client.close_codes) == 2)
        assert isinstance(client.last_error, Unavailable)


class TestTokens:
    async def test_a_refused_token_is_followed_by_a_fresh_one(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            auth = await peer.hear("auth")
            if auth["token"] == "token-1":
                await peer.connection.close(4401)
                return
            await peer.say(*HELLO)
            await peer.connection.wait_closed()

        script.handler = handler
        tokens = Tokens()
        client = StreamClient(script.url, tokens)
        async with client.running():
            await client.until(lambda: client.where == "online")
        assert tokens.asked == [False, True]

    async def test_a_fresh_token_that_is_refused_ends_the_client(self, script: Script) -> None:
        async def handler(peer: Peer) -> None:
            await peer.hear("auth")
            await peer.connection.close(4401)

        script.handler = handler
        client = _client(script)
        async with client.running():
            with pytest.raises(StreamSignInRefused):
                await client.until(lambda: False)
        assert script.connections == 2

    async def test_a_token_that_ends_soon_is_renewed_in_the_connection(
        self, script: Script
    ) -> None:
        async def handler(peer: Peer) -> None:
            await peer.greet()
            await peer.say("authenticate", 60)
            script.heard.append(await peer.hear("auth"))
            await peer.say("heartbeat", 1, 1)
            await peer.connection.wait_closed()

        script.handler = handler
        client = _client(script)
        async with client.running():
            await client.until(lambda: client.state.server_ms)
        assert script.heard == [{"op": "auth", "token": "token-2"}]

    async def test_a_source_that_refuses_ends_the_client(self, script: Script) -> None:
        async def refuse(*, fresh: bool) -> str:
            raise Unauthenticated("The password is wrong.")

        client = StreamClient(script.url, refuse)
        async with client.running():
            with pytest.raises(Unauthenticated, match="password"):
                await client.until(lambda: False)

    async def test_a_source_that_is_away_is_asked_again(self, script: Script) -> None:
        asked = 0

        async def sometimes(*, fresh: bool) -> str:
            nonlocal asked
            asked += 1
            if asked == 1:
                raise Unavailable("Nobody is there.")
            return "token"

        async def handler(peer: Peer) -> None:
            await peer.greet()
            await peer.connection.wait_closed()

        script.handler = handler
        client = StreamClient(script.url, sometimes)
        async with client.running():
            await client.until(lambda: client.where == "online")
        assert asked == 2


@pytest.mark.parametrize("code", sorted(stream_client.FINAL_CODES))
async def test_what_no_reconnecting_mends_ends_the_client(script: Script, code: int) -> None:
    async def handler(peer: Peer) -> None:
        await peer.hear("auth")
        said = {"id": None, "code": "x", "detail": "Too old.", "next_step": "Update."}
        await peer.say("error", said)
        await peer.connection.close(code)

    script.handler = handler
    client = _client(script)
    async with client.running():
        with pytest.raises(StreamRefused, match="Too old") as refused:
            await client.until(lambda: False)
    assert refused.value.next_step == "Update."


async def test_a_frame_that_nobody_can_read_ends_the_connection(script: Script) -> None:
    async def handler(peer: Peer) -> None:
        await peer.greet()
        if peer.number == 1:
            await peer.connection.send("{}")
        await peer.connection.wait_closed()

    script.handler = handler
    client = _client(script)
    async with client.running():
        await client.until(lambda: client.connections == 2)
