"""What it costs to follow the whole market over the bus: `python -m benchmarks.stream_bus`.

A server, a feed that says 100,000 ticks/s of 5,000 symbols at its own interval, and a book that has
all of them, each a process of its own. A share is CPU time of a process per 100,000 ticks, so that
a machine with other work measures the same. Beside it stands the same book that is handed its
messages by the usual client. The last line of stdout is one JSON object of figure → number.

The feed's messages are made by its own code before they are sent, because a machine of two cores
has none left for a third process; what making them costs is measured then, and printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, cast

import uvloop
from benchmarks.feed import SYMBOLS, Hand, say
from benchmarks.feed_market import quote_stream
from redis.asyncio import Redis

from optix.features.market import wire
from optix.features.market.book import MarketBook
from optix.kernel import limits
from optix.kernel.clock import SystemClock
from optix.platform import bus as keys
from optix.platform.bus import Bus, Updates, connect
from optix.platform.bus_reader import Receive
from optix.platform.embedded.stores import open_stores
from optix.platform.fanout.fan import new_fan
from optix.platform.settings import load_settings
from optix.ports.market_data import Demand

MOST: Final = {"bus_core_share_100k_ticks": 0.05}
TICKS: Final = 100_000  # a second
PREPARED_SECONDS: Final = 2
FOLLOWED_SECONDS: Final = 4.0
URL: Final = "OPTIX_BENCHMARK_REDIS_URL"

Figures = dict[str, float]


class Publisher:
    """Sends prepared messages of a feed again and again, each with the next number."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._clock = SystemClock()
        self._epoch = wire.new_epoch(self._clock)
        self._messages: list[tuple[bytes, dict[str, bytes]]] = []
        self._number = 0

    def prepare(self) -> float:
        """Make the messages. Returns the CPU seconds of 100,000 ticks."""
        names = [f"S{number:04d}" for number in range(SYMBOLS)]
        hand = Hand(epoch=self._epoch)
        hand.state.demand = Demand(quotes=frozenset(names))
        count = TICKS * PREPARED_SECONDS
        quotes = list(quote_stream(SYMBOLS, count, PREPARED_SECONDS))
        every = int(TICKS * limits.QUOTE_PUBLISH_SECONDS_MAX)
        cpu = time.process_time()
        for begin in range(0, count, every):
            for quote in quotes[begin : begin + every]:
                hand.now_ns = quote.ts_event
                hand.state.take_quote(quote)
            self._messages.append(hand.state.quotes_message())
        return (time.process_time() - cpu) / PREPARED_SECONDS

    async def run(self) -> None:
        await asyncio.gather(self._beat(), self._publish())

    async def _beat(self) -> None:
        while True:
            await self._bus.publish(self._status().dump(), keep={})
            await asyncio.sleep(limits.FEED_HEARTBEAT_SECONDS)

    async def _publish(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            message, kept = self._messages[self._number % len(self._messages)]
            self._number += 1
            batch = message[message.index(b"\n") :]
            head = b'{"k":"q","e":"%b","b":%d,"n":{}}' % (self._epoch.encode(), self._number)
            await self._bus.publish(head + batch, keep={keys.QUOTES: kept})
            due += limits.QUOTE_PUBLISH_SECONDS_MAX
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _status(self) -> wire.FeedStatusMessage:
        now_ns = self._clock.now_ns()
        return wire.FeedStatusMessage(
            epoch=self._epoch,
            state="live",
            source="benchmark",
            label="Benchmark",
            quality="realtime",
            delay_seconds=0,
            notice="",
            reason="",
            since=now_ns,
            market=now_ns,
            market_speed=1.0,
            sent=now_ns,
        )


class CountingBus(Bus):
    """A bus that knows how many messages with quotes it handed on."""

    messages = 0

    def follow(self, receive: Receive) -> Updates:
        def counted(message: bytes | None) -> None:
            if message is not None and message.startswith(wire.QUOTES_HEAD):
                self.messages += 1
            receive(message)

        return self.updates_for(counted)

    def updates_for(self, receive: Receive) -> Updates:
        return super().follow(receive)


class PlainUpdates(Updates):
    """The same as the usual client brings it."""

    def __init__(self, redis: Redis, channel: str, receive: Receive) -> None:
        self._redis = redis
        self._name = channel
        self._hand = receive

    async def run(self) -> None:
        pubsub = self._redis.pubsub()
        await pubsub.subscribe(self._name)
        async for message in pubsub.listen():
            if message["type"] == "message":
                self._hand(message["data"])

    async def kept_fields(
        self, key: str, fields: object, take: Callable[[list[bytes | None]], None]
    ) -> None:
        assert isinstance(fields, list), "as the loader gives them"
        take(cast("list[bytes | None]", await self._redis.hmget(key, fields)))


class PlainBus(CountingBus):
    """A bus whose broadcast is followed by the usual client."""

    def updates_for(self, receive: Receive) -> Updates:
        return PlainUpdates(self.redis, self._updates, receive)


async def follow(bus: CountingBus) -> Figures:
    """Follow every symbol for a while. Returns what 100,000 ticks cost."""
    fan = new_fan(wheel_slices=256, stalled_ms_max=30_000, control_bytes_max=262_144)
    book = MarketBook(bus, SystemClock(), fan=fan)
    running = asyncio.ensure_future(book.run())
    while book.feed_status().state != "live":  # noqa: ASYNC110  # once, before anything is measured
        await asyncio.sleep(0.05)
    names = [f"S{number:04d}" for number in range(SYMBOLS)]
    book.hold(map(wire.quote_topic, names))
    await asyncio.gather(*(book.open_quote(name) for name in names))
    cpu, wall, first = time.process_time(), time.perf_counter(), bus.messages
    rows = book.fan.sequence
    await asyncio.sleep(FOLLOWED_SECONDS)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    ticks = (bus.messages - first) * TICKS * limits.QUOTE_PUBLISH_SECONDS_MAX
    rows = book.fan.sequence - rows
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bus.close()
    return {
        "share": cpu / ticks * TICKS,
        "ticks_per_s": ticks / wall,
        "rows_per_s": rows / 2 / wall,
    }


async def publish(bus: Bus) -> Figures:
    publisher = Publisher(bus)
    made = await asyncio.to_thread(publisher.prepare)
    print(json.dumps({"made": made}), flush=True)
    cpu, wall = time.process_time(), time.perf_counter()
    running = asyncio.ensure_future(publisher.run())
    await asyncio.to_thread(sys.stdin.read)  # until the parent has seen enough
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bus.close()
    return {"sent": cpu / wall}


ROLES: Final[dict[str, tuple[type[CountingBus], Callable[[CountingBus], Awaitable[Figures]]]]] = {
    "publish": (CountingBus, publish),
    "follow": (CountingBus, follow),
    "follow-plain": (PlainBus, follow),
}


async def play(role: str) -> None:
    kind, work = ROLES[role]
    print(json.dumps(await work(kind(connect(os.environ[URL]), SystemClock()))), flush=True)


def _start(role: str, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.stream_bus", role]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, URL: url},
    )


def _last_line(process: subprocess.Popen[str]) -> Figures:
    output, _ = process.communicate(timeout=60)
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


async def _measure() -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        async with open_stores(load_settings(data_dir=Path(folder))) as stores:
            publisher = _start("publish", stores.redis_url)
            assert publisher.stdout is not None, "it is a pipe"
            made = json.loads(await asyncio.to_thread(publisher.stdout.readline))["made"]
            try:
                ours: list[Figures] = []
                plain: list[Figures] = []
                for _ in range(2):
                    for role, found in (("follow", ours), ("follow-plain", plain)):
                        follower = _start(role, stores.redis_url)
                        found.append(await asyncio.to_thread(_last_line, follower))
            finally:
                sent = await asyncio.to_thread(_last_line, publisher)
    best = min(ours, key=lambda figures: figures["share"])
    say(
        f"followed {best['ticks_per_s']:,.0f} ticks/s as {best['rows_per_s']:,.0f} rows/s; shares "
        f"{[round(each['share'], 4) for each in ours]}, by the usual client "
        f"{[round(each['share'], 4) for each in plain]}"
    )
    return {
        "bus_core_share_100k_ticks": best["share"],
        "bus_core_share_redis_py": min(each["share"] for each in plain),
        "feed_core_share_100k_ticks": made,
        "feed_core_share_sending": sent["sent"],
    }


def measure() -> Figures:
    """Return the figures of this benchmark."""
    return {name: round(value, 4) for name, value in asyncio.run(_measure()).items()}


def main() -> int:
    if len(sys.argv) > 1:
        uvloop.run(play(sys.argv[1]))
        return 0
    figures = measure()
    print(json.dumps(figures), flush=True)
    return 1 if any(figures[name] > bound for name, bound in MOST.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
