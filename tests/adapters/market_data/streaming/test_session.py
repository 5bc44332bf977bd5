"""One stream kept alive, on a server of this machine: what the chaos suite does not look into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import pairwise

import orjson
import pytest
from tests.contracts.streaming_provider import CHAOS_TIMINGS
from tests.fakes.plain_stream import PlainServer, PlainVendor, plain_server
from tests.fixtures.waiting import WAIT_SECONDS, until
from websockets.asyncio.server import serve

from optix.adapters.market_data.streaming.book import StreamBook
from optix.adapters.market_data.streaming.protocol import (
    Channel,
    Endpoint,
    Frame,
    StreamTimings,
    StreamTraits,
    Topic,
    Wire,
)
from optix.adapters.market_data.streaming.session import Gap, StreamSession, StreamState
from optix.kernel import limits
from optix.kernel.clock import SystemClock

A, B = (Topic(name, Channel.QUOTE) for name in "AB")


class Run:
    """A session on a server, with what it told."""

    def __init__(
        self, server: PlainServer, vendor: PlainVendor, timings: StreamTimings, ticking: bool
    ) -> None:
        self.server, self.vendor = server, vendor
        self.gaps: list[Gap] = []
        self.book = StreamBook(lambda: None)
        self.session = StreamSession(
            vendor,
            self.book,
            label="Plain",
            clock=SystemClock(),
            on_gap=self.gaps.append,
            timings=timings,
            ticking=lambda _: ticking,
        )

    async def live(self, *topics: Topic) -> None:
        self.session.want(topics)
        await until(lambda: {topic.symbol for topic in topics} <= self.server.subscribed())


@contextlib.asynccontextmanager
async def running(
    *,
    traits: StreamTraits | None = None,
    timings: StreamTimings = CHAOS_TIMINGS,
    vendor: type[PlainVendor] = PlainVendor,
    ticking: bool = True,
) -> AsyncIterator[Run]:
    async with plain_server() as server:
        run = Run(server, vendor(server, traits), timings, ticking)
        task = asyncio.create_task(run.session.run())
        try:
            yield run
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_nothing_is_connected_before_anything_is_wanted() -> None:
    async with running() as run:
        await asyncio.sleep(0.1)  # nothing may be connected
        assert str(run.session.state) == "idle"
        assert not run.server.connects
        await run.live(A)
        assert str(run.session.state) == "live"


async def test_without_demand_the_connection_is_given_up_and_that_is_no_gap() -> None:
    assert StreamTimings().idle == limits.STREAM_IDLE_SECONDS
    async with running() as run:
        await run.live(A)
        run.session.want([])
        await until(lambda: run.session.state is StreamState.IDLE)
        await until(lambda: not run.server.signed_in)
        await run.live(A)
        assert not run.gaps
        assert len(run.server.connects) == 2


async def test_ticks_of_what_nobody_asked_for_are_counted() -> None:
    async with running() as run:
        await run.live(A)
        await run.server.quote("B", 1.0, 1.1, 5)
        await until(lambda: run.session.rejects["unasked"] == 1)
        assert run.book.pop_changes() == []


async def test_in_quiet_hours_silence_is_no_muteness() -> None:
    async with running(ticking=False) as run:
        await run.live(A)
        await asyncio.sleep(1.0)  # four times what a busy market may be silent
        assert run.session.state is StreamState.LIVE
        assert len(run.server.connects) == 1


async def test_few_symbols_may_be_silent_for_longer() -> None:
    product = StreamTimings()
    assert product.data_silence == limits.STREAM_DATA_SILENCE_SECONDS_MAX
    timings = replace(CHAOS_TIMINGS, data_silence=0.1)
    async with running(timings=timings) as run:
        many = [Topic(f"S{n}", Channel.QUOTE) for n in range(limits.STREAM_MUTE_SYMBOLS_MIN)]
        await run.live(A)
        await asyncio.sleep(0.4)  # nobody may be found mute
        assert len(run.server.connects) == 1, "one contract may say nothing for twelve times that"
        await run.live(A, *many)
        await until(lambda: len(run.server.connects) == 2)


async def test_a_stream_that_stays_mute_is_asked_less_and_less_often() -> None:
    assert StreamTimings().silence_max == limits.STREAM_SILENCE_SECONDS_MAX
    timings = replace(CHAOS_TIMINGS, data_silence=0.05, silence_max=0.4, stable=0.01)
    async with running(timings=timings) as run:
        await run.live(*(Topic(f"S{n}", Channel.QUOTE) for n in range(30)))
        await until(lambda: len(run.server.connects) >= 5)
        starts = run.server.connects
        pauses = [later - start for start, later in pairwise(starts)]
        assert pauses[3] > 2 * pauses[0]
        assert run.session.state is StreamState.STALE, "a new connection alone proves nothing"
        await until(lambda: bool(run.server.subscribed()))
        await run.server.quote("S0", 1.0, 1.1, SystemClock().now_ns())
        await until(lambda: run.session.state is StreamState.LIVE)


async def test_a_vendors_own_heartbeat_that_fails_is_noticed() -> None:
    traits = StreamTraits(frame_silence_seconds=0.3, heartbeat_seconds=10.0)
    async with running(traits=traits, ticking=False) as run:
        await run.live(A)
        for _ in range(8):
            await asyncio.sleep(0.08)  # together longer than the bound, each shorter
            await run.server.send(orjson.dumps({"type": "beat"}).decode())
        assert len(run.server.connects) == 1
        await until(lambda: len(run.server.connects) == 2 and run.gaps)
        assert run.gaps[0].reason == "Plain sent nothing at all for 0 s."


async def test_our_heartbeat_is_sent() -> None:
    async with running(traits=StreamTraits(heartbeat_seconds=0.05)) as run:
        await run.live(A)
        await until(lambda: len(run.server.heard) >= 4)
        assert run.server.heard[-1] == '{"type":"subscribe","topics":[]}'


async def test_a_dead_line_is_found_by_a_ping_without_an_answer() -> None:
    product = StreamTimings()
    assert product.ping == limits.STREAM_PING_SECONDS
    assert product.pong == limits.STREAM_PONG_SECONDS_MAX
    async with running(ticking=False) as run:
        await run.live(A)
        run.server.half_open()
        await until(lambda: len(run.server.connects) == 2 and run.gaps)
        assert "answers no ping" in run.gaps[0].reason


async def test_a_vendor_that_answers_no_pings_is_not_asked() -> None:
    async with running(traits=StreamTraits(answers_pings=False), ticking=False) as run:
        await run.live(A)
        run.server.half_open()
        await asyncio.sleep(0.8)  # twice what a ping may take
        assert len(run.server.connects) == 1


async def test_a_symbol_that_is_refused_is_left_out_and_later_tried_again() -> None:
    assert StreamTimings().symbol_refused == limits.STREAM_SYMBOL_REFUSED_SECONDS
    timings = replace(CHAOS_TIMINGS, symbol_refused=0.3)
    async with running(timings=timings, ticking=False) as run:
        await run.live(A, B)
        run.server.heard.clear()
        await run.server.send(orjson.dumps({"type": "bad", "symbols": ["A"]}).decode())
        await until(lambda: run.session.sent == {B})
        await until(lambda: bool(run.server.heard))
        assert [orjson.loads(frame)["topics"] for frame in run.server.heard] == [[["A", "quote"]]]
        assert run.session.sent == {A, B}


async def test_a_limit_is_learned_without_losing_the_connection() -> None:
    async with running(ticking=False) as run:
        run.server.symbols_max = 5
        run.session.want([Topic(name, Channel.QUOTE) for name in "ABCDEFGH"])
        await until(lambda: len(run.server.subscribed()) == 4)
        await until(lambda: run.session.places == {"quote": 4})
        assert len(run.server.connects) == 1


async def test_a_slow_greeting_is_given_up() -> None:
    product = StreamTimings()
    assert product.connect == limits.STREAM_CONNECT_SECONDS_MAX
    assert product.handshake == limits.STREAM_HANDSHAKE_SECONDS_MAX

    class Slow(PlainVendor):
        async def handshake(self, wire: Wire) -> None:
            await asyncio.Event().wait()

    timings = replace(CHAOS_TIMINGS, handshake=0.1)
    async with running(vendor=Slow, timings=timings) as run:
        run.session.want([A])
        await until(lambda: len(run.server.connects) >= 2)
        assert run.session.reason == "Plain did not answer in time."


async def test_a_frame_beyond_its_bound_ends_the_connection() -> None:
    async with running() as run:
        await run.live(A)
        await run.server.send("x" * (limits.STREAM_FRAME_BYTES_MAX + 1))
        await until(lambda: len(run.server.connects) == 2)


async def test_frames_wait_in_the_socket_while_nobody_reads() -> None:
    """The queue in front of the reader is bounded: what does not fit stays with the sender."""

    class Stuck(PlainVendor):
        async def handshake(self, wire: Wire) -> None:
            await super().handshake(wire)
            await asyncio.Event().wait()

    many = 20 * limits.STREAM_FRAMES_QUEUED_MAX
    async with running(vendor=Stuck, timings=replace(CHAOS_TIMINGS, handshake=60.0)) as run:
        run.session.want([A])
        await until(lambda: bool(run.server.signed_in))
        sent = 0

        async def flood() -> None:
            nonlocal sent
            for _ in range(many):
                await run.server.send("x" * 50_000)
                sent += 1

        task = asyncio.create_task(flood())
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)  # nothing more gets through
        assert 0 < sent < many / 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    async with plain_server() as target:

        def redirect(connection: object, request: object) -> object:
            answer = connection.respond(302, "")  # type: ignore[attr-defined]  # a server's
            answer.headers["Location"] = target.stream_url
            return answer

        async def nobody(_: object) -> None:
            raise AssertionError("nobody gets so far")

        async with serve(nobody, "127.0.0.1", 0, process_request=redirect) as server:  # type: ignore[arg-type]  # see above
            port = next(iter(server.sockets)).getsockname()[1]

            class Elsewhere(PlainVendor):
                async def endpoint(self) -> Endpoint:
                    return Endpoint(f"ws://127.0.0.1:{port}", {"X-Key": "secret"})

            async with running(vendor=Elsewhere) as run:
                run.session.want([A])
                await until(lambda: run.session.connects >= 2)
                assert "secret" not in run.session.reason
                assert run.session.reason.endswith("(InvalidStatus).")
        assert not target.connects


async def test_a_fault_of_our_own_is_not_hidden() -> None:
    class Broken(PlainVendor):
        def subscribe(self, topics: Sequence[Topic]) -> Sequence[Frame]:
            raise ZeroDivisionError

    async with plain_server() as server:
        run = Run(server, Broken(server), CHAOS_TIMINGS, ticking=True)
        run.session.want([A])
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(run.session.run(), WAIT_SECONDS)
