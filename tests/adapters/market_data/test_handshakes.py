"""Sign-ins that go wrong: a refusal is final, everything else is a line to make anew.

One card for each vendor's words; what a good sign-in is, the contract tests show on servers.
"""

from __future__ import annotations

import orjson
import pytest
from pydantic import SecretStr
from tests.fakes.scripted_wire import ScriptedWire

from optix.adapters.market_data.polygon.stream import PolygonStream
from optix.adapters.market_data.schwab.client import StreamerInfo
from optix.adapters.market_data.schwab.stream import SchwabStream
from optix.adapters.market_data.streaming import StreamLost, StreamRefused
from optix.adapters.market_data.tastytrade.client import QuoteToken
from optix.adapters.market_data.tastytrade.stream import DxLinkStream
from optix.adapters.market_data.tastytrade.symbols import StreamerSymbols
from optix.kernel.clock import SystemClock
from optix.kernel.quote import Quality


def status(word: str) -> str:
    return orjson.dumps([{"ev": "status", "status": word, "message": ""}]).decode()


def dx(kind: str, **content: object) -> str:
    return orjson.dumps({"type": kind, "channel": 0, **content}).decode()


def login(code: object) -> str:
    answer = {"service": "ADMIN", "command": "LOGIN", "content": {"code": code, "msg": "words"}}
    return orjson.dumps({"response": [answer]}).decode()


class Tokens:
    """Every token is another one."""

    def __init__(self) -> None:
        self.count = 0

    async def fetch_quote_token(self) -> QuoteToken:
        self.count += 1
        return QuoteToken(SecretStr(f"quote-{self.count}"), "wss://stream.example", "api")

    async def fetch_streamer_info(self) -> StreamerInfo:
        return StreamerInfo("wss://stream.example", "customer", "correl", "N9", "APIAPP")

    async def access_token(self) -> str:
        return f"access-{self.count}"

    async def renew_access(self) -> None:
        self.count += 1


def dxlink(tokens: Tokens) -> DxLinkStream:
    return DxLinkStream(tokens, StreamerSymbols(), clock=SystemClock(), quality=Quality.REALTIME)


class TestPolygon:
    @pytest.mark.parametrize(
        ("says", "error"),
        [
            ([status("auth_failed")], StreamRefused),
            ([status("connected"), status("auth_failed")], StreamRefused),
            ([status("connected"), status("auth_timeout")], StreamLost),
            ([status("max_connections")], StreamLost),
            (["hello"], StreamLost),
            ([], StreamLost),
        ],
    )
    async def test_a_sign_in_that_fails(self, says: list[str], error: type[Exception]) -> None:
        stream = PolygonStream(SecretStr("the-key"), quality=Quality.REALTIME)
        with pytest.raises(error) as caught:
            await stream.handshake(ScriptedWire(*says))
        assert "the-key" not in str(caught.value)
        assert stream.heartbeat() is None


class TestDxLink:
    @pytest.mark.parametrize(
        "says",
        [
            ["no json"],
            [dx("ERROR", error="UNSUPPORTED_PROTOCOL", message="version")],
            [dx("SETUP"), dx("ERROR")],
            [dx("SETUP"), dx("AUTH_STATE", state="AUTHORIZED"), dx("CHANNEL_CLOSED")],
            [],
        ],
    )
    async def test_a_sign_in_that_breaks_off(self, says: list[str]) -> None:
        stream = dxlink(Tokens())
        await stream.endpoint()
        with pytest.raises(StreamLost):
            await stream.handshake(ScriptedWire(*says))

    async def test_a_second_new_token_that_is_refused_is_a_refusal(self) -> None:
        tokens, unauthorized = Tokens(), dx("AUTH_STATE", state="UNAUTHORIZED")
        stream = dxlink(tokens)
        await stream.endpoint()
        wire = ScriptedWire(dx("SETUP"), unauthorized, unauthorized, unauthorized)
        with pytest.raises(StreamRefused) as caught:
            await stream.handshake(wire)
        assert tokens.count == 2
        assert "quote-" not in str(caught.value)

    async def test_a_server_that_wants_no_token_gets_none(self) -> None:
        stream = dxlink(Tokens())
        await stream.endpoint()
        wire = ScriptedWire(dx("SETUP"), dx("AUTH_STATE", state="AUTHORIZED"), dx("CHANNEL_OPENED"))
        await stream.handshake(wire)
        told = [orjson.loads(frame)["type"] for frame in wire.heard]
        assert told == ["SETUP", "CHANNEL_REQUEST", "FEED_SETUP"], "in this order"


class TestSchwab:
    @pytest.mark.parametrize("says", [["no json"], [login(9)], [login("0")], []])
    async def test_a_login_that_breaks_off(self, says: list[str]) -> None:
        stream = SchwabStream(Tokens())
        await stream.endpoint()
        with pytest.raises(StreamLost):
            await stream.handshake(ScriptedWire(*says))

    async def test_a_login_that_is_denied_with_a_new_token_too(self) -> None:
        tokens = Tokens()
        stream = SchwabStream(tokens)
        await stream.endpoint()
        with pytest.raises(StreamRefused) as caught:
            await stream.handshake(ScriptedWire(login(3), login(3)))
        assert tokens.count == 1
        assert "Log in" in caught.value.next_step

    async def test_a_streamer_that_closes_after_a_denial_is_not_asked_for_ever(self) -> None:
        tokens = Tokens()
        stream = SchwabStream(tokens)
        await stream.endpoint()
        with pytest.raises(StreamLost):
            await stream.handshake(ScriptedWire(login(3)))
        with pytest.raises(StreamRefused):
            await stream.handshake(ScriptedWire(login(3)))
        assert tokens.count == 1

    async def test_a_login_that_works_allows_another_renewal(self) -> None:
        tokens = Tokens()
        stream = SchwabStream(tokens)
        await stream.endpoint()
        for _ in range(2):
            await stream.handshake(ScriptedWire(login(3), login(0)))
        assert tokens.count == 2
