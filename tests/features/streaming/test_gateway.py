"""The gateway over real sockets: who is let in, who may stay, how clients are moved away, and what
a client that does not read costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace

import orjson
import pytest
from tests.fakes.scripted import SMALL_CONTRACTS
from tests.features.streaming.conftest import ALICE, BOB, Reader, Stream, Tokens, signed_in
from tests.fixtures.chains import EXPIRATION, spot_of
from tests.fixtures.waiting import until
from websockets.exceptions import InvalidStatus

from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS
from optix.features.market import wire
from optix.features.streaming import protocol
from optix.features.streaming.gateway import GatewayRules
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock

pytestmark = pytest.mark.stores

CHAIN = {"underlying": "SPY", "expiration": EXPIRATION.isoformat()}
LAST = wire.QUOTE_COLUMNS.index("last")


class TestLettingIn:
    async def test_another_version_is_refused_with_the_one_that_is_spoken(
        self, stream: Stream, tokens: Tokens
    ) -> None:
        reader = await stream.connect()
        await reader.say(op="auth", token=tokens.of(), version=99, format="telepathy")
        _, error = await reader.frame()
        assert error["code"] == "version_not_spoken"
        assert str(protocol.VERSION) in error["detail"]
        assert await reader.closed() == protocol.CLOSE_VERSION

    async def test_hello_says_what_was_agreed_on(self, stream: Stream, tokens: Tokens) -> None:
        reader = await stream.connect()
        assert (await signed_in(stream, tokens.of())).frames[0][1]["interval_ms"] == (
            limits.SOCKET_INTERVAL_MS_FIRST
        )
        asked = {"format": "binary", "interval_ms": 500}
        await reader.say(op="auth", token=tokens.of(), **asked)
        _, hello = await reader.frame()
        assert {name: hello[name] for name in asked} == asked
        assert hello["words"]["quality"] == list(wire.QUALITY_WORDS)

    @pytest.mark.parametrize(
        "interval_ms", [limits.SOCKET_INTERVAL_MS_MIN - 1, limits.SOCKET_INTERVAL_MS_MAX + 1]
    )
    async def test_an_interval_beyond_the_bounds_is_refused(
        self, stream: Stream, tokens: Tokens, interval_ms: int
    ) -> None:
        reader = await stream.connect()
        await reader.say(op="auth", token=tokens.of(), interval_ms=interval_ms)
        assert (await reader.frame())[1]["code"] == "malformed_message"

    async def test_what_is_said_with_the_token_waits_for_it(
        self, stream: Stream, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKETS_SIGNING_IN_SECONDS_MIN", 0.0)  # one token for one turn
        assert limits.SOCKETS_SIGNING_IN_SECONDS_MIN == 0
        readers = [await stream.connect() for _ in range(5)]
        for reader in readers:
            await reader.say(op="auth", token=tokens.of())
            await reader.say(op="ping", t=1)
        for reader in readers:
            assert (await reader.frame())[0] == "hello"
            assert await reader.next("pong") == ["pong", 1]

    async def test_what_waits_for_the_token_is_bounded(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream.gateway._arrivals, "_some", lambda: None)  # its turn never comes
        reader = await stream.connect()
        await reader.say(op="auth", token="of nobody")
        for number in range(limits.SOCKET_MESSAGES_HELD_MAX):
            await reader.say(op="ping", t=number)
        await until(lambda: _held(stream) == limits.SOCKET_MESSAGES_HELD_MAX, seconds=30)
        await reader.say(op="ping", t=0)
        assert await reader.closed() == protocol.CLOSE_TOO_MANY

    @pytest.mark.parametrize("path", ["/ws/quotes", "/ws/portfolio", "/ws/elsewhere"])
    async def test_both_addresses_speak_and_no_other(self, stream: Stream, path: str) -> None:
        line = await _ask(stream.port, path)
        assert line.startswith(b"HTTP/1.1 404" if "else" in path else b"HTTP/1.1 101")

    async def test_what_is_no_handshake_is_answered_and_cut(self, stream: Stream) -> None:
        line = await _ask(stream.port, "/ws/quotes", wanted="close")
        assert line.startswith((b"HTTP/1.1 404", b"HTTP/1.1 426"))


class TestBounds:
    async def test_an_address_that_connects_too_often_is_told_how_long_to_wait(
        self, stream: Stream
    ) -> None:
        stream.gateway._admission._seconds_each = 30.0
        for _ in range(2):
            await stream.connect()
        with pytest.raises(InvalidStatus) as refused:
            await stream.connect()
        answer = refused.value.response
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert orjson.loads(answer.body or b"")["code"] == "rate_limited"

    async def test_a_full_gateway_says_so_and_has_room_again(
        self, stream: Stream, tokens: Tokens
    ) -> None:
        stream.gateway._rules = replace(stream.gateway._rules, sockets_max=1)
        first = await signed_in(stream, tokens.of())
        assert await (await stream.connect()).closed() == protocol.CLOSE_FULL
        await first.connection.close()
        await until(lambda: stream.gateway.sockets + stream.gateway.waiting == 0, seconds=30)
        await signed_in(stream, tokens.of())

    async def test_those_who_have_not_signed_in_are_bounded(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKETS_WAITING_MAX", 2)
        for _ in range(limits.SOCKETS_WAITING_MAX):
            await stream.connect()
        assert await (await stream.connect()).closed() == protocol.CLOSE_FULL

    async def test_an_address_has_so_many_sockets(self, stream: Stream) -> None:
        stream.gateway._admission._sockets_per_address = 1
        await stream.connect()
        assert await (await stream.connect()).closed() == protocol.CLOSE_TOO_MANY

    async def test_too_many_messages_end_the_socket(
        self, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKET_MESSAGES_AT_ONCE_MAX", 5)
        monkeypatch.setattr(limits, "SOCKET_MESSAGES_PER_SECOND_MAX", 0.01)
        assert limits.SOCKET_MESSAGES_PER_SECOND_MAX < 1  # none comes back meanwhile
        for number in range(limits.SOCKET_MESSAGES_AT_ONCE_MAX + 3):
            with contextlib.suppress(Exception):
                await reader.say(op="ping", t=number)
        assert await reader.closed() == protocol.CLOSE_TOO_MANY
        pongs = [frame for frame in reader.frames if frame[0] == "pong"]
        assert 0 < len(pongs) <= limits.SOCKET_MESSAGES_AT_ONCE_MAX

    async def test_topics_are_opened_so_many_at_a_time(
        self, stream: Stream, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKET_OPENINGS_AT_ONCE_MAX", 1)
        await reader.say(op="subscribe", id=1, quotes=["SPY", "ZZZZ", "YYYY"])
        header = (await reader.next("snapshot"))[3]
        assert limits.SOCKET_OPENINGS_AT_ONCE_MAX == 1
        assert list(header["ids"]) == ["SPY"]
        assert len(header["missing"]) == 2


class TestStaying:
    async def test_a_silent_client_is_closed(
        self, stream: Stream, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "SOCKET_SILENCE_SECONDS_MAX", limits.SOCKET_SILENCE_SECONDS_MAX / 90
        )
        reader = await signed_in(stream, tokens.of())
        assert await reader.closed() == protocol.CLOSE_SILENT

    async def test_the_end_of_the_token_is_announced(
        self,
        stream: Stream,
        tokens: Tokens,
        clock: ScaledClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits, "SOCKET_CHECK_SECONDS", limits.SOCKET_CHECK_SECONDS / 50)
        reader = await signed_in(stream, tokens.of())
        left = limits.SOCKET_HINT_SECONDS - 1
        clock.advance_to(clock.now_ns() + (ACCESS_TOKEN_SECONDS - left) * NANOSECONDS)
        _, seconds = await reader.next("authenticate")
        assert 0 < seconds <= left
        await reader.say(op="auth", token=tokens.of(ALICE))
        clock.advance_to(clock.now_ns() + (left + 5) * NANOSECONDS)
        await reader.say(op="ping", t=1)
        assert await reader.next("pong", "authenticate") == ["pong", 1]

    async def test_an_unanswered_goodbye_ends_in_time(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            limits, "SOCKET_CLOSE_SECONDS_MAX", limits.SOCKET_CLOSE_SECONDS_MAX / 15
        )
        monkeypatch.setattr(limits, "SOCKET_AUTH_SECONDS_MAX", limits.SOCKET_AUTH_SECONDS_MAX / 50)
        _, writer = await _open(stream.port)  # and never a word
        await until(lambda: stream.gateway.waiting == 1, seconds=30)
        await until(lambda: stream.gateway.waiting == 0, seconds=30)
        writer.close()

    async def test_a_client_that_reads_nothing_is_cut_off_and_others_go_on(
        self, stream: Stream, tokens: Tokens, reader: Reader
    ) -> None:
        plug = socket.socket()
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(plug, ("127.0.0.1", stream.port))
        await loop.sock_sendall(plug, _request("/ws/quotes"))
        assert (await loop.sock_recv(plug, 4096)).startswith(b"HTTP/1.1 101")
        await loop.sock_sendall(plug, _masked({"op": "auth", "token": tokens.of(BOB)}))
        await until(lambda: stream.gateway.sockets == 2, seconds=30)
        [stalled] = [c for c in stream.gateway.streams[0].connections if c.owner == BOB]
        unread = "x" * limits.SOCKET_SEND_BUFFER_BYTES_MAX
        while stalled.handle >= 0:
            stalled.send(orjson.dumps(["unread", unread]))
            await asyncio.sleep(0.01)
        assert stalled.close_code == protocol.CLOSE_NOT_READING
        await reader.say(op="ping", t=5)
        assert await reader.next("pong") == ["pong", 5]
        plug.close()
        await until(lambda: stream.gateway.sockets == 1, seconds=30)


class TestResuming:
    async def test_a_watchlist_goes_on_where_it_stood(
        self, stream: Stream, reader: Reader, tokens: Tokens
    ) -> None:
        hello = reader.frames[0][1]
        await reader.say(op="subscribe", id=1, quotes=["SPY"])
        seen = (await reader.next("snapshot"))[5]
        resume = {"stream": hello["stream"], "seen": seen}
        other = await signed_in(stream, tokens.of())
        await other.say(op="subscribe", id=1, quotes=["SPY"], resume=resume)
        assert await other.next("resumed", "snapshot") == ["resumed", 1, {"missing": []}]
        stream.market.provider.emit(spot_of(price=601))
        _, number, n, rows, _, _ = await other.next("changes", "snapshot")
        assert (number, n, rows[0][LAST]) == (1, 1, 601)

    @pytest.mark.parametrize("resume", [{"stream": "another", "seen": 0}, {"seen": 2**50}])
    async def test_what_cannot_go_on_begins_anew(
        self, reader: Reader, resume: dict[str, object]
    ) -> None:
        given = {"stream": reader.frames[0][1]["stream"], **resume}
        await reader.say(op="subscribe", id=1, quotes=["SPY"], resume=given)
        assert (await reader.next("resumed", "snapshot"))[0] == "snapshot"

    async def test_a_chain_goes_on_where_it_stood(
        self, stream: Stream, reader: Reader, tokens: Tokens
    ) -> None:
        hello = reader.frames[0][1]
        await reader.say(op="subscribe", id=1, chain=CHAIN)
        seen = (await reader.next("snapshot"))[5]
        resume = {"stream": hello["stream"], "seen": seen}
        other = await signed_in(stream, tokens.of())
        await other.say(op="subscribe", id=2, chain=CHAIN, resume=resume)
        assert (await other.next("resumed", "snapshot"))[:2] == ["resumed", 2]


class TestWindows:
    async def test_strikes_of_a_range_and_columns_are_what_comes(self, reader: Reader) -> None:
        chain = {**CHAIN, "strikes": {"from": 600, "to": 600}, "columns": ["ask", "bid"]}
        await reader.say(op="subscribe", id=1, chain=chain)
        _, _, _, header, rows, _ = await reader.next("snapshot")
        assert {contract[4] for contract in header["contracts"]} == {600}
        assert header["columns"] == ["i", "bid", "ask"]
        assert [row[0] for row in rows] == [contract[0] for contract in header["contracts"]]
        assert all(len(row) == 3 for row in rows)

    async def test_strikes_around_the_money_follow_it(
        self, stream: Stream, reader: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        strikes = sorted({float(contract.strike) for contract in SMALL_CONTRACTS})
        await reader.say(op="subscribe", id=1, chain={**CHAIN, "strikes": {"around": 1}})
        first = (await reader.next("snapshot"))[3]
        assert {contract[4] for contract in first["contracts"]} == set(strikes)
        stream.market.provider.emit(spot_of(price=strikes[0]))
        second = (await reader.next("snapshot"))[3]
        assert {contract[4] for contract in second["contracts"]} == set(strikes[:2])
        assert limits.SOCKET_RECENTRE_SECONDS > 0

    async def test_more_strikes_than_there_may_be_are_refused(self, reader: Reader) -> None:
        around = {"around": limits.SOCKET_STRIKES_AROUND_MAX + 1}
        await reader.say(op="subscribe", id=1, chain={**CHAIN, "strikes": around})
        assert (await reader.next("error"))[1]["code"] == "malformed_message"


class TestGoingAway:
    @pytest.fixture
    def rules(self, rules: GatewayRules) -> GatewayRules:
        return replace(rules, drain_seconds=1.0)

    async def test_clients_are_told_when_to_come_back_and_closed_one_by_one(
        self, stream: Stream, tokens: Tokens
    ) -> None:
        readers = [await signed_in(stream, tokens.of()) for _ in range(8)]
        stream.running.cancel()
        after = [(await reader.next("going_away"))[1]["reconnect_after_ms"] for reader in readers]
        assert len(set(after)) > 1
        most = max(1.0, limits.SOCKET_RECONNECT_SPREAD_SECONDS) * 1000
        assert all(0 <= each <= most for each in after)
        late = await stream.connect()
        assert await late.closed() == protocol.CLOSE_FULL
        for reader in readers:
            assert await reader.closed() == protocol.CLOSE_GOING_AWAY
        await asyncio.gather(stream.running, return_exceptions=True)
        assert stream.gateway.sockets == stream.gateway.waiting == 0
        assert not stream.gateway.topics


def _held(stream: Stream) -> int:
    return max((len(connection._held) for connection in stream.gateway._waiting), default=0)


def _request(path: str, wanted: str = "Upgrade") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: {wanted}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()


def _masked(message: dict[str, object]) -> bytes:
    payload = orjson.dumps(message)
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + b"\x00" * 4 + payload


async def _open(
    port: int, path: str = "/ws/quotes"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path))
    return reader, writer


async def _ask(port: int, path: str, wanted: str = "Upgrade") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path, wanted))
    async with asyncio.timeout(30):
        line = await reader.readline()
    writer.close()
    return line
