"""The line that follows the bus, on a real server and on one that behaves badly on purpose."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import pytest
import uvloop
from redis.asyncio import Redis
from structlog.testing import capture_logs
from tests.fixtures.waiting import until

from optix.kernel import limits
from optix.platform.bus import BusUnavailable, connect
from optix.platform.bus_reader import BusReader
from optix.platform.embedded.stores import StoreUrls

CHANNEL = "test.line"
WAIT_SECONDS = 30.0


class Follower:
    """A running reader and what it was told."""

    def __init__(self, redis: Redis) -> None:
        self.told: list[bytes | None] = []
        self.reader = BusReader(redis, CHANNEL, self.take)
        self._running = asyncio.ensure_future(self.reader.run())

    def take(self, message: bytes | None) -> None:
        self.told.append(message)

    def beside(self, value: bytes) -> tuple[int, bytes | None]:
        """Return an answer with the last message before it."""
        return int(value), self.told[-1]

    async def hears(self, *messages: bytes | None) -> None:
        await until(lambda: self.told[-len(messages) :] == list(messages), seconds=WAIT_SECONDS)

    async def end(self) -> None:
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running


@asynccontextmanager
async def following(redis: Redis) -> AsyncIterator[Follower]:
    follower = Follower(redis)
    try:
        yield follower
    finally:
        await follower.end()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", limits.RECONNECT_SECONDS_FIRST / 50)


class TestFollowing:
    async def test_it_says_that_it_hears_and_then_every_message_in_order(
        self, redis: Redis
    ) -> None:
        async with following(redis) as follower:
            await follower.hears(None)
            sent = [b"%d" % number for number in range(500)]
            for message in sent:
                await redis.publish(CHANNEL, message)
            await follower.hears(None, *sent)

    async def test_a_message_larger_than_any_buffer_comes_whole(self, redis: Redis) -> None:
        body = bytes(range(256)) * 60_000
        async with following(redis) as follower:
            await follower.hears(None)
            await redis.publish(CHANNEL, body)
            await follower.hears(None, body)

    async def test_an_answer_comes_between_the_messages_around_it(self, redis: Redis) -> None:
        """What is set before a message is published is in the answer of whoever heard it."""
        async with following(redis) as follower:
            await follower.hears(None)
            for number in range(50):
                await redis.set("test.state", number)
                await redis.publish(CHANNEL, b"%d" % number)
                seen = await follower.reader.ask("GET", "test.state", take=follower.beside)
                assert seen == (number, b"%d" % number)

    async def test_it_works_in_the_database_of_its_address(self, stores: StoreUrls) -> None:
        parts = urlsplit(stores.redis_url)
        number = (int(parts.path.strip("/") or 0) + 1) % 16
        redis = connect(urlunsplit(parts._replace(path=f"/{number}")))
        await redis.set("test.place", b"here")
        async with following(redis) as follower:
            found = await follower.reader.ask("GET", "test.place", take=bytes)
        assert found == b"here"
        await redis.delete("test.place")
        await redis.connection_pool.disconnect()


class TestLosses:
    async def test_a_line_that_was_cut_is_made_anew_and_said(self, redis: Redis) -> None:
        async with following(redis) as follower:
            await follower.hears(None)
            for number in range(1, 4):
                await redis.client_kill_filter(_type="pubsub")
                await until(lambda n=number: len(follower.told) > n, seconds=WAIT_SECONDS)  # type: ignore[misc]  # bound now
            await redis.publish(CHANNEL, b"again")
            await follower.hears(None, b"again")
            assert follower.told == [None, None, None, None, b"again"]

    async def test_who_asks_on_a_line_that_is_lost_is_told(self, redis: Redis) -> None:
        async with following(redis) as follower:
            await follower.hears(None)
            asking = asyncio.ensure_future(follower.reader.ask("BLPOP", "no.list", 0, take=list))
            await redis.publish(CHANNEL, b"1")
            await redis.client_kill_filter(_type="pubsub")
            with pytest.raises(BusUnavailable):
                await asking
            await follower.hears(None)
            assert await follower.reader.ask("PING", take=lambda word: word) == b"PONG"

    async def test_a_message_that_cannot_be_taken_makes_the_line_anew(self, redis: Redis) -> None:
        """What was to be made of it is missing: the reader is told to load."""

        class Picky(Follower):
            def take(self, message: bytes | None) -> None:
                if message == b"bad":
                    raise ZeroDivisionError
                super().take(message)

        follower = Picky(redis)
        try:
            await follower.hears(None)
            await redis.publish(CHANNEL, b"bad")
            await follower.hears(None, None)
        finally:
            await follower.end()

    async def test_nobody_there_is_an_error_for_who_asks(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BUS_SILENCE_SECONDS_MAX", 0.2)
        async with following(connect("redis://127.0.0.1:1/0")) as follower:
            with pytest.raises(BusUnavailable):
                await follower.reader.ask("PING", take=bytes)
            assert follower.told == []

    async def test_a_wrong_password_is_told_with_what_to_do_and_without_a_secret(
        self, stores: StoreUrls
    ) -> None:
        parts = urlsplit(stores.redis_url)
        wrong = parts._replace(netloc=f"someone:not-this-one@{parts.hostname}:{parts.port}")
        with capture_logs() as logs:
            async with following(connect(urlunsplit(wrong))) as follower:
                await until(lambda: len(logs) >= 2, seconds=WAIT_SECONDS)
                assert follower.told == []
        assert "WRONGPASS" in logs[0]["error"]
        assert "OPTIX_REDIS_URL" in logs[0]["error"]
        assert "not-this-one" not in str(logs)
        assert "someone" not in str(logs)


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SUBSCRIBED = b">3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(CHANNEL), CHANNEL.encode())


def pushed(body: bytes) -> bytes:
    return b">3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (
        len(CHANNEL),
        CHANNEL.encode(),
        len(body),
        body,
    )


@asynccontextmanager
async def a_server(serve: Serve) -> AsyncIterator[Redis]:
    """A server that greets as Redis does and then does as `serve`."""
    places: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        places.add(task := asyncio.current_task())  # type: ignore[arg-type]  # it is one
        try:
            await reader.readuntil(b"HELLO\r\n$1\r\n3\r\n")
            writer.write(b"%1\r\n+server\r\n+redis\r\n")
            await reader.readuntil(CHANNEL.encode() + b"\r\n")
            await serve(reader, writer)
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            places.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = connect(f"redis://127.0.0.1:{port}/0")
    try:
        yield redis
    finally:
        server.close()
        await asyncio.sleep(0.05)  # one that was just accepted begins
        for task in tuple(places):
            task.cancel()
        await asyncio.gather(*places, return_exceptions=True)
        await server.wait_closed()
        await redis.aclose()


class TestBadServers:
    async def test_a_line_that_brings_byte_after_byte_brings_the_same(self) -> None:
        async def drop_by_drop(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for byte in SUBSCRIBED + pushed(b"one") + pushed(b"two"):
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(0)
            await asyncio.Event().wait()

        async with a_server(drop_by_drop) as redis, following(redis) as follower:
            await follower.hears(None, b"one", b"two")

    async def test_a_half_open_line_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The server is there, takes everything and says nothing, not even to a ping."""
        monkeypatch.setattr(limits, "BUS_SILENCE_SECONDS_MAX", 0.2)
        asked: list[bytes] = []

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SUBSCRIBED)
            while data := await reader.read(100):
                asked.append(data)

        async with a_server(mute) as redis, following(redis) as follower:
            await follower.hears(None, None)
        assert b"PING" in asked[0]

    def test_what_came_while_this_process_was_busy_is_read_before_it_is_missed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BUS_SILENCE_SECONDS_MAX", 0.4)
        busy, over = threading.Event(), threading.Event()

        def talk(listener: socket.socket) -> None:
            line, _ = listener.accept()
            with line, suppress(OSError):  # until it is closed
                line.recv(1000)
                line.sendall(b"+OK\r\n")
                line.recv(1000)
                line.sendall(SUBSCRIBED)
                busy.wait()
                while not over.wait(0.05):  # never silent for long while the other end is busy
                    line.sendall(pushed(b"hi"))

        def be_busy(woken: socket.socket) -> None:
            woken.recv(1)
            busy.set()
            time.sleep(0.8)  # as thousands of connections that end at once

        async def follow(port: int) -> None:
            loop = asyncio.get_running_loop()
            waking, woken = socket.socketpair()
            with waking, woken:
                async with following(connect(f"redis://127.0.0.1:{port}/0")) as follower:
                    await follower.hears(None)
                    loop.add_reader(woken, be_busy, woken)
                    waking.send(b"!")
                    await until(lambda: b"hi" in follower.told, seconds=WAIT_SECONDS)
                    assert follower.told.count(None) == 1
                    loop.remove_reader(woken)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            talking = threading.Thread(target=talk, args=(listener,))
            talking.start()
            # The loop of the product looks at clocks before sockets; that of the other tests does
            # not count what is computed.
            uvloop.run(follow(listener.getsockname()[1]))
            over.set()
            talking.join()

    async def test_a_line_that_only_answers_pings_is_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BUS_SILENCE_SECONDS_MAX", 0.4)
        pings = 0

        async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal pings
            writer.write(SUBSCRIBED)
            while await reader.read(100):
                pings += 1
                writer.write(b"+PONG\r\n")

        async with a_server(quiet) as redis, following(redis) as follower:
            await until(lambda: pings > 4, seconds=WAIT_SECONDS)
            assert follower.told == [None]

    @pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64])
    async def test_what_is_not_redis_is_no_message(self, noise: bytes) -> None:
        async def noisy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(SUBSCRIBED + noise)
            await asyncio.Event().wait()

        async with a_server(noisy) as redis, following(redis) as follower:
            await follower.hears(None, None)

    async def test_a_subscription_that_is_refused_is_no_connection(self) -> None:
        async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"-NOPERM this user has no permissions\r\n")
            await asyncio.Event().wait()

        with capture_logs() as logs:
            async with a_server(refuse) as redis, following(redis) as follower:
                await until(lambda: len(logs) >= 2, seconds=WAIT_SECONDS)
                assert follower.told == []
        assert "NOPERM" in logs[0]["error"]

    async def test_pauses_grow_up_to_their_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "RECONNECT_SECONDS_MAX", limits.RECONNECT_SECONDS_FIRST * 4)
        with capture_logs() as logs:
            async with following(connect("redis://127.0.0.1:1/0")):
                await until(lambda: len(logs) >= 5, seconds=WAIT_SECONDS)
        pauses = [entry["retry_seconds"] / limits.RECONNECT_SECONDS_FIRST for entry in logs[:5]]
        assert pauses == [1, 2, 4, 4, 4]

    async def test_a_server_that_does_not_greet_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "BUS_CONNECT_SECONDS_MAX", limits.BUS_CONNECT_SECONDS_MAX / 50)
        with socket.create_server(("127.0.0.1", 0)) as mute, capture_logs() as logs:
            redis = connect(f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
            async with following(redis) as follower:
                await until(lambda: len(logs) >= 2, seconds=WAIT_SECONDS)
                assert follower.told == []
        assert "does not answer" in logs[0]["error"]
