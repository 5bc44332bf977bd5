"""What a gateway's book does when the server behind the bus, or the feed, dies and comes back.

Server, feed, book, fan and a client's socket are real. After each fault the row that the client has
last is compared with what the feed holds: late is allowed, wrong is not.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator

import orjson
import pytest
from tests.fixtures.chains import spot_of
from tests.fixtures.market import Market
from tests.fixtures.waiting import until

from optix.features.market import wire
from optix.features.market.quote_slots import QuoteSlots
from optix.kernel import limits
from optix.kernel.quote import Quality
from optix.platform.bus import Bus, BusUnavailable, connect
from optix.platform.embedded.stores import packaged_valkey

pytestmark = pytest.mark.stores

SYMBOLS = ("SPY", "QQQ", "IWM")
LAST, AS_OF = wire.QUOTE_COLUMNS.index("last"), wire.QUOTE_COLUMNS.index("as_of")
WAIT_SECONDS = 30.0


class Server:
    """A server without memory: what it held is gone with it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        binary = packaged_valkey()
        assert binary is not None, "the product brings its server along"
        self._process = await asyncio.create_subprocess_exec(
            binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--loglevel", "warning", stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None


class World:
    """One feed, one book and one client that follows three symbols."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.redis = connect(f"redis://127.0.0.1:{server.port}/0")
        self.market = Market(self.redis)
        self._price = 600.0
        self._second = 0
        for symbol in SYMBOLS:
            self.market.provider.quotes[symbol] = spot_of(symbol)
        self.theirs, self._ours = socket.socketpair()
        self.theirs.setblocking(False)
        self._received = b""
        self.shown: dict[str, tuple[float, int]] = {}
        self.went_back = 0

    async def begin(self) -> None:
        book = await self.market.start()
        self.fan = book.fan
        self._handle = self.fan.add_client(self._ours.fileno(), binary=False, interval_slices=1)
        book.hold(map(wire.quote_topic, SYMBOLS))
        slots = [(await book.open_quote(symbol)).slot for symbol in SYMBOLS]
        self.fan.subscribe(self._handle, 1, slots, -1, b"{}", layout=1)
        self._slice = 0
        await until(lambda: set(SYMBOLS) <= self.market.provider.demand.quotes)

    def emit(self) -> None:
        """Every symbol gets another price, later than the one before."""
        self._second += 1
        self._price += 1.0
        for symbol in SYMBOLS:
            base = spot_of(symbol)
            quote = spot_of(symbol, self._price, ts_event=base.ts_event + self._second)
            self.market.provider.quotes[symbol] = quote
            self.market.provider.emit(quote)

    def read(self) -> None:
        """Let the fan write, and keep what the client is shown."""
        self._slice += 1
        self.fan.tick(self._slice, self._slice * 10)
        try:
            self._received += self.theirs.recv(1 << 20)
        except BlockingIOError:
            return
        while (frame := _frame_of(self._received)) is not None:
            body, self._received = frame
            for row in orjson.loads(body)[4 if b'["snapshot"' in body else 3]:
                before = self.shown.get(row[0], (0.0, 0))
                self.went_back += row[LAST] < before[0]
                self.shown[row[0]] = row[LAST], row[AS_OF]

    async def is_shown(self) -> None:
        """Return once the client has the price that was emitted last, of every symbol."""

        def caught_up() -> bool:
            self.read()
            return [self.shown.get(s, (0, 0))[0] for s in SYMBOLS] == [self._price] * len(SYMBOLS)

        await until(caught_up, seconds=WAIT_SECONDS)

    async def end(self) -> None:
        await self.market.close()
        self.fan.remove_client(self._handle)
        self.theirs.close()
        self._ours.close()
        await self.redis.connection_pool.disconnect()


def _frame_of(data: bytes) -> tuple[bytes, bytes] | None:
    """Return the payload of the first frame and what follows it."""
    if len(data) < 4:
        return None
    size, begin = data[1], 2
    if size == 126:
        size, begin = int.from_bytes(data[2:4], "big"), 4
    whole = begin + size
    return (data[begin:whole], data[whole:]) if len(data) >= whole else None


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_FIRST", limits.RECONNECT_SECONDS_FIRST / 10)
    monkeypatch.setattr(limits, "RECONNECT_SECONDS_MAX", limits.RECONNECT_SECONDS_FIRST * 4)
    server = Server()
    await server.start()
    world = World(server)
    await until(lambda: _listens(server.port), seconds=WAIT_SECONDS)
    await world.begin()
    world.emit()
    await world.is_shown()
    yield world
    await world.end()
    await server.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class TestRedis:
    async def test_killed_and_back_without_memory_the_client_catches_up(self, world: World) -> None:
        """Numbers that changed while it was away, and those that did not, are the feed's again."""
        book = world.market.book
        for _ in range(2):
            await world.server.kill()
            world.emit()
            for symbol in SYMBOLS:  # what is here is still shown
                assert (await book.get_quote(symbol)).quote.last >= 600.0
            await until(lambda: book.quality_now("realtime") is Quality.STALE, seconds=WAIT_SECONDS)
            await world.server.start()
            await until(lambda: book.feed_status().state == "live", seconds=WAIT_SECONDS)
            await world.is_shown()
            world.emit()
            await world.is_shown()
        assert not world.went_back

    async def test_what_could_not_be_loaded_again_at_once_is_loaded_later(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the feed says again came too early, and its next change may be far."""
        book = world.market.book
        refused = 0

        async def refuse(bus: Bus, topics: object) -> None:
            nonlocal refused
            refused += 1
            raise BusUnavailable("The cache server does not answer.")

        def miss(slots: QuoteSlots, batch: bytes) -> None:
            """Lose what the feed says again, where it is not said before anybody listens."""

        await world.server.kill()
        world.emit()
        await until(lambda: book.quality_now("realtime") is Quality.STALE, seconds=WAIT_SECONDS)
        with monkeypatch.context() as patched:
            patched.setattr(Bus, "lease", refuse)
            patched.setattr(QuoteSlots, "take", miss)
            await world.server.start()
            await until(lambda: refused > 0, seconds=WAIT_SECONDS)
            await until(lambda: book.feed_status().state == "live", seconds=WAIT_SECONDS)
        await world.is_shown()

    async def test_a_late_joiner_finds_everything_after_it(self, world: World) -> None:
        await world.server.kill()
        await world.server.start()
        late = await world.market.start_book()
        await until(lambda: late.feed_status().state == "live", seconds=WAIT_SECONDS)
        for symbol in SYMBOLS:
            found = (await late.get_quote(symbol)).quote.last
            assert found == world.market.provider.quotes[symbol].last


class TestFeed:
    async def test_killed_and_back_the_client_catches_up(self, world: World) -> None:
        book = world.market.book
        await world.market.kill(world.market.feed)
        await until(lambda: book.feed_status().state == "down", seconds=WAIT_SECONDS)
        assert book.quality_now("realtime") is Quality.STALE
        await world.market.start_feed()
        await until(lambda: book.feed_status().state == "live", seconds=WAIT_SECONDS)
        await until(lambda: set(SYMBOLS) <= world.market.provider.demand.quotes)
        world.emit()
        await world.is_shown()
        assert not world.went_back

    async def test_of_two_feeds_the_newest_is_believed_and_the_other_follows_it(
        self, world: World
    ) -> None:
        """Each numbers symbols for itself: rows of the one never go by the numbers of the other."""
        book, older = world.market.book, world.market.provider
        before = book.feed_status().epoch
        other = Market(world.redis)
        other.provider.quotes = dict(reversed(older.quotes.items()))
        await other.start_feed()
        await until(lambda: book.feed_status().epoch > before, seconds=WAIT_SECONDS)
        world.market.provider = other.provider
        await until(lambda: set(SYMBOLS) <= other.provider.demand.quotes, seconds=WAIT_SECONDS)
        for _ in range(3):
            world.emit()
            for symbol in SYMBOLS:
                older.emit(spot_of(symbol, 1.0, ts_event=older.quotes[symbol].ts_event + 10**9))
            await world.is_shown()
        await world.market.kill(world.market.feed)
        world.emit()
        await world.is_shown()
        assert not world.went_back
        await other.close()
