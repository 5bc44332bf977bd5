"""Who may open the socket, what it makes of nonsense, and how it ends: over a real server."""

from __future__ import annotations

import asyncio

import pytest
from tests.features.streaming.conftest import ALICE, BOB, Reader, Stream, Tokens, signed_in
from tests.fixtures.api import Caller
from tests.fixtures.waiting import until
from websockets.exceptions import InvalidStatus

from optix.features.identity.tokens import ACCESS_TOKEN_SECONDS
from optix.features.streaming import protocol
from optix.kernel import limits
from optix.kernel.clock import NANOSECONDS, ScaledClock

pytestmark = pytest.mark.stores


class TestSigningIn:
    async def test_a_registered_users_token_opens_it_and_the_feed_is_told(
        self, stream: Stream, caller: Caller
    ) -> None:
        reader = await stream.connect()
        await reader.say(op="auth", token=caller.tokens["access_token"])
        name, hello = await reader.frame()
        assert name == "hello"
        assert hello["version"] == protocol.VERSION
        assert hello["heartbeat_seconds"] == protocol.HEARTBEAT_SECONDS
        name, status = await reader.frame()
        assert (name, status["state"], status["source"]) == ("status", "live", "scripted")
        assert hello["stream"]

    async def test_a_client_that_says_nothing_is_closed_in_time(
        self, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "SOCKET_AUTH_SECONDS_MAX", limits.SOCKET_AUTH_SECONDS_MAX / 100)
        reader = await stream.connect()
        assert await reader.closed() == protocol.CLOSE_SILENT
        assert reader.frames == []

    @pytest.mark.parametrize("token", ["", "garbage", "a.b.c", "x" * 4000])
    async def test_a_token_that_is_none_is_refused_with_a_sentence(
        self, stream: Stream, token: str
    ) -> None:
        reader = await stream.connect()
        await reader.say(op="auth", token=token)
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED
        [[name, error]] = reader.frames
        assert (name, error["code"]) == ("error", "access_token_invalid")
        assert error["next_step"]

    async def test_an_ended_token_is_refused_by_its_name(
        self, stream: Stream, tokens: Tokens, clock: ScaledClock
    ) -> None:
        token = tokens.of()
        clock.advance_to(clock.now_ns() + ACCESS_TOKEN_SECONDS * NANOSECONDS)
        reader = await stream.connect()
        await reader.say(op="auth", token=token)
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED
        assert reader.frames[0][1]["code"] == "access_token_expired"

    @pytest.mark.parametrize(
        "text",
        ['{"op":"subscribe","id":1,"quotes":["SPY"]}', '{"op":"ping"}', "not json", "[]", ""],
    )
    async def test_anything_else_first_is_refused(self, stream: Stream, text: str) -> None:
        reader = await stream.connect()
        await reader.connection.send(text)
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED
        assert all(frame[0] == "error" for frame in reader.frames)
        assert stream.gateway.sockets == 0

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://["]
    )
    async def test_a_page_of_another_site_cannot_open_it(self, stream: Stream, origin: str) -> None:
        with pytest.raises(InvalidStatus) as refused:
            await stream.connect(origin)
        assert refused.value.response.status_code == 403
        assert stream.gateway.sockets == 0

    async def test_our_own_page_can(self, stream: Stream, tokens: Tokens) -> None:
        reader = await stream.connect(f"http://127.0.0.1:{stream.port}")
        await reader.say(op="auth", token=tokens.of())
        assert (await reader.frame())[0] == "hello"

    async def test_a_client_that_leaves_before_signing_in_leaves_nothing(
        self, stream: Stream
    ) -> None:
        reader = await stream.connect()
        await reader.connection.close()
        assert stream.gateway.sockets == 0


class TestStayingSignedIn:
    async def test_the_socket_ends_with_its_token(self, reader: Reader, clock: ScaledClock) -> None:
        clock.advance_to(clock.now_ns() + ACCESS_TOKEN_SECONDS * NANOSECONDS)
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED

    async def test_a_new_token_keeps_it_open_past_the_end_of_the_old(
        self, reader: Reader, tokens: Tokens, clock: ScaledClock
    ) -> None:
        clock.advance_to(clock.now_ns() + (ACCESS_TOKEN_SECONDS - 60) * NANOSECONDS)
        await reader.say(op="auth", token=tokens.of(ALICE))
        await reader.say(op="ping", t=1)
        assert await reader.next("pong") == ["pong", 1]
        clock.advance_to(clock.now_ns() + 120 * NANOSECONDS)
        await reader.say(op="ping", t=2)
        assert await reader.next("pong") == ["pong", 2]

    async def test_another_users_token_ends_it(self, reader: Reader, tokens: Tokens) -> None:
        await reader.say(op="auth", token=tokens.of(BOB))
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED

    async def test_a_bad_new_token_ends_it(self, reader: Reader) -> None:
        await reader.say(op="auth", token="garbage")
        assert await reader.closed() == protocol.CLOSE_UNAUTHENTICATED


class TestNonsense:
    @pytest.mark.parametrize(
        "message",
        ["{", "[1,2]", '{"op":"dance"}', '{"op":"ping","t":"now"}', ""],
    )
    async def test_one_bad_message_is_answered_and_forgiven(
        self, reader: Reader, message: str
    ) -> None:
        await reader.connection.send(message)
        _, error = await reader.next("error")
        assert (error["id"], error["code"]) == (None, "malformed_message")
        await reader.say(op="ping", t=7)
        assert await reader.next("pong") == ["pong", 7]

    async def test_a_message_as_long_as_allowed_and_one_byte_more(self, reader: Reader) -> None:
        text = '{"op":"ping","t":1'
        text += " " * (limits.SOCKET_MESSAGE_BYTES_MAX - len(text) - 1) + "}"
        await reader.connection.send(text)
        assert await reader.next("pong") == ["pong", 1]
        await reader.connection.send(text + " ")
        assert await reader.closed() == 1009

    async def test_messages_are_text(self, reader: Reader) -> None:
        await reader.connection.send(b"{}")
        assert await reader.closed() == 1003

    async def test_a_huge_message_is_not_even_read(self, stream: Stream, reader: Reader) -> None:
        await reader.connection.send(" " * 64 * limits.SOCKET_MESSAGE_BYTES_MAX)
        assert await reader.closed() == 1009
        await until(lambda: stream.gateway.sockets == 0)

    async def test_a_client_that_only_sends_nonsense_is_closed(self, reader: Reader) -> None:
        for _ in range(limits.SOCKET_BAD_FRAMES_MAX):
            await reader.connection.send("nonsense")
        assert await reader.closed() == protocol.CLOSE_MALFORMED

    async def test_one_less_is_still_forgiven(self, reader: Reader) -> None:
        for _ in range(limits.SOCKET_BAD_FRAMES_MAX - 1):
            await reader.connection.send("nonsense")
            await reader.next("error")
        await reader.say(op="ping", t=1)
        assert await reader.next("pong") == ["pong", 1]


class TestCounting:
    async def test_one_socket_too_many_is_refused_and_a_closed_one_makes_room(
        self, stream: Stream, tokens: Tokens
    ) -> None:
        readers = [await signed_in(stream, tokens.of()) for _ in range(limits.SOCKETS_PER_USER_MAX)]
        extra = await stream.connect()
        await extra.say(op="auth", token=tokens.of())
        assert await extra.closed() == protocol.CLOSE_TOO_MANY
        await signed_in(stream, tokens.of(BOB))  # another account is not concerned
        await readers[0].connection.close()
        await until(lambda: stream.gateway.sockets == limits.SOCKETS_PER_USER_MAX)
        await signed_in(stream, tokens.of())


class TestLiveness:
    async def test_a_ping_comes_back_as_it_was(self, reader: Reader) -> None:
        for t in (0, 123, 1795000000123, 0.5, 1e30):
            await reader.say(op="ping", t=t)
            assert await reader.next("pong") == ["pong", t]

    async def test_the_heart_beats_at_once_and_then_by_the_clock(
        self, reader: Reader, clock: ScaledClock, stream: Stream
    ) -> None:
        _, server_ms, market_ms = await reader.next("heartbeat")
        assert server_ms == clock.now_ns() // 1_000_000
        assert market_ms == stream.market.provider.clock.now_ns() // 1_000_000
        await reader.say(op="ping", t=1)
        assert (await reader.frame())[0] == "pong"  # the clock stands: no other beat
        clock.advance_to(clock.now_ns() + protocol.HEARTBEAT_SECONDS * NANOSECONDS)
        await reader.say(op="ping", t=2)
        _, later_ms, _ = await reader.next("heartbeat")
        assert later_ms == server_ms + protocol.HEARTBEAT_SECONDS * 1000

    async def test_the_server_says_that_it_goes_away(self, stream: Stream, reader: Reader) -> None:
        stream.running.cancel()
        assert (await reader.next("going_away"))[1]["reconnect_after_ms"] >= 0
        assert await reader.closed() == protocol.CLOSE_GOING_AWAY
        await until(lambda: stream.gateway.sockets == 0)

    async def test_a_client_whose_line_is_cut_leaves_nothing(
        self, stream: Stream, reader: Reader
    ) -> None:
        await reader.say(op="subscribe", id=1, quotes=["SPY"])
        await reader.next("snapshot")
        reader.connection.transport.abort()
        await until(lambda: stream.gateway.sockets == 0)
        await asyncio.sleep(0)
        assert not stream.gateway.topics
