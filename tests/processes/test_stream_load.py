"""The load generator: its counts are those of a scripted server, and its bounds hold."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from tests.fakes.scripted_gateway import ScriptedStream, scripted_stream
from tests.fixtures.waiting import until

from optix.processes import stream_load
from optix.processes.stream_load import (
    BadTarget,
    ForeignTarget,
    LoadPlan,
    LoadResult,
    LoadRun,
    NotCompiled,
    TooManyConnections,
    connections_max,
    new_load,
    parse_target,
    percentiles,
    percentiles_of_ages,
    run_load,
    script,
)

pytest.importorskip("optix.platform.fanout._load", reason="not compiled here")


async def load(
    stream: ScriptedStream,
    enough: Callable[[LoadResult], object] = lambda _: True,
    *,
    binary: bool = False,
    **options: Any,
) -> LoadResult:
    """Visit a scripted server, from a thread of its own, until enough was found."""
    async with scripted_stream(stream):
        plan = LoadPlan(
            target=parse_target(stream.url),
            scripts=[script("t", [{"quotes": ["SPY"]}], binary=binary, interval_ms=250)],
            **{"connections": 3, **options},
        )
        return await asyncio.to_thread(visit, plan, enough)


def visit(plan: LoadPlan, enough: Callable[[LoadResult], object]) -> LoadResult:
    run = LoadRun(plan, lambda _: None)
    run.connect()
    deadline = time.monotonic() + 30
    while True:
        result = run.measure(0.1)
        if result.stopped or enough(result):
            run.close()
            return result
        assert time.monotonic() < deadline, result


class TestWhatIsCounted:
    @pytest.mark.parametrize("binary", [False, True])
    async def test_frames_rows_and_snapshots_are_those_that_were_sent(self, binary: bool) -> None:
        result = await load(
            ScriptedStream(), lambda each: sum(each.errors.values()) == 3, binary=binary
        )
        assert (result.connected, result.refused, result.ended) == (3, {}, {})
        assert result.snapshots == 3
        assert (result.gaps, result.unreadable) == (0, 0)
        assert (result.slow, result.skipped) == (3, 12)
        assert result.errors == {"too_many_subscriptions": 3}
        assert result.handshake_ms is not None
        assert result.first_rows_ms is not None

    @pytest.mark.parametrize("binary", [False, True])
    async def test_rows_rise_by_those_of_each_change(self, binary: bool) -> None:
        result = await load(
            ScriptedStream(repeat=True), lambda each: each.frames_least, binary=binary
        )
        assert result.changes > 0
        assert result.rows_per_s * result.seconds == pytest.approx(
            3 * result.changes + 2 * (result.frames_per_s * result.seconds - result.changes)
        )

    @pytest.mark.parametrize("binary", [False, True])
    async def test_age_of_a_row_is_told_by_its_column(self, binary: bool) -> None:
        result = await load(
            ScriptedStream(repeat=True, age_ms=5_000), lambda each: each.latency_ms, binary=binary
        )
        assert result.latency_ms is not None
        assert 5_000 <= result.latency_ms["p50"] < 60_000

    @pytest.mark.parametrize("binary", [False, True])
    async def test_a_number_that_does_not_follow_is_a_gap(self, binary: bool) -> None:
        result = await load(
            ScriptedStream(numbers=(1, 3, 4)), lambda each: each.slow == 3, binary=binary
        )
        assert result.gaps == 3

    async def test_connections_say_their_token_and_what_they_follow(self) -> None:
        stream = ScriptedStream()
        await load(stream, lambda each: each.snapshots, connections=1)
        assert stream.said[0] == {
            "op": "auth",
            "token": "t",
            "version": 2,
            "format": "json",
            "interval_ms": 250,
        }
        assert stream.said[1] == {"op": "subscribe", "id": 1, "quotes": ["SPY"]}

    async def test_each_connection_speaks_up_while_it_reads(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream_load, "PING_SECONDS", 0.1)
        result = await load(ScriptedStream(), lambda each: each.pongs)
        assert result.ended == {}

    async def test_they_come_from_as_many_addresses_as_asked_for(self) -> None:
        stream = ScriptedStream()
        await load(stream, connections=6, sources=3)
        assert sorted(set(stream.peers)) == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]

    async def test_stalled_readers_read_their_first_rows_and_no_more(self) -> None:
        def are_stuck(result: LoadResult) -> bool:
            return result.snapshots == 2 and result.frames_per_s == 0

        result = await load(
            ScriptedStream(repeat=True), are_stuck, connections=2, stalled_share=1.0
        )
        assert (result.connected, result.ended) == (2, {})


class TestWhatIsRefused:
    async def test_an_answer_of_http_is_counted_by_its_status_and_stops_the_run(self) -> None:
        result = await load(ScriptedStream(refuse_with=HTTPStatus.TOO_MANY_REQUESTS))
        assert result.refused == {"http 429": 3}
        assert result.connected == 0
        assert result.stopped == "3 of 3 connections were refused or ended"

    async def test_a_close_before_hello_is_counted_by_its_code(self) -> None:
        result = await load(ScriptedStream(close_with=4401))
        assert result.refused == {"close 4401": 3}

    async def test_a_share_that_is_allowed_does_not_stop_the_run(self) -> None:
        result = await load(ScriptedStream(close_with=4401), errors_share_max=1.0)
        assert result.stopped is None

    async def test_nobody_who_listens_is_a_refusal(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        plan = LoadPlan(
            target=parse_target(f"ws://127.0.0.1:{port}/"), connections=2, scripts=[["x"]]
        )
        result = await asyncio.to_thread(run_load, plan, lambda _: None)
        assert result.refused == {"Connection refused": 2}

    async def test_a_server_that_does_not_answer_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream_load, "HANDSHAKE_SECONDS_MAX", 0.2)
        result = await load(ScriptedStream(answer_late=True))
        assert result.stopped is not None
        assert result.connected == 0


class TestRounds:
    async def test_a_plain_server_is_asked_again_when_everybody_has_a_frame(self) -> None:
        members: list[asyncio.Queue[None]] = []
        stream = ScriptedStream()

        async def serve_one(socket: Any) -> None:
            mine: asyncio.Queue[None] = asyncio.Queue()
            members.append(mine)

            async def write() -> None:
                while True:
                    await mine.get()
                    await socket.send("x" * 100)

            writer = asyncio.create_task(write())
            try:
                async for text in socket:
                    if text == "go":
                        for each in members:
                            each.put_nowait(None)
            finally:
                writer.cancel()

        stream.serve_one = serve_one  # type: ignore[method-assign]  # this server broadcasts
        async with scripted_stream(stream):
            plan = LoadPlan(
                target=parse_target(stream.url),
                connections=3,
                scripts=[[]],
                speaks=False,
                round="go",
            )
            run = LoadRun(plan, lambda _: None)
            await asyncio.to_thread(run.connect)
            await until(lambda: len(members) == 3, seconds=30)
            result = await asyncio.to_thread(run.measure, 2.0, rounds=True)
            run.close()
        assert result.rounds > 1
        assert 0 <= result.frames_per_s * result.seconds - 3 * result.rounds <= 3


class TestBounds:
    @pytest.mark.parametrize(
        "url", ["http://127.0.0.1/", "wss://127.0.0.1/", "ws://", "ws://127.0.0.1:99999/", "x"]
    )
    def test_what_is_no_stream_is_refused(self, url: str) -> None:
        with pytest.raises(BadTarget):
            parse_target(url)

    def test_another_machine_must_be_owned(self) -> None:
        with pytest.raises(ForeignTarget):
            parse_target("ws://192.0.2.7/ws/quotes")
        target = parse_target("ws://192.0.2.7:81/ws/quotes", is_own=True)
        assert (target.address, target.port, target.path) == ("192.0.2.7", 81, "/ws/quotes")
        assert not target.is_local

    def test_as_many_connections_as_files_may_be_open_and_no_more(
        self, files_limit: tuple[int, int]
    ) -> None:
        target = parse_target("ws://127.0.0.1/ws/quotes")
        most = connections_max()
        assert most == files_limit[1] - stream_load.DESCRIPTORS_KEPT
        new_load(LoadPlan(target=target, connections=most, scripts=[["x"]]))
        with pytest.raises(TooManyConnections):
            new_load(LoadPlan(target=target, connections=most + 1, scripts=[["x"]]))

    def test_without_the_engine_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "optix.platform.fanout._load", None)
        target = parse_target("ws://127.0.0.1/ws/quotes")
        with pytest.raises(NotCompiled, match="compiled"):
            new_load(LoadPlan(target=target, connections=1, scripts=[["x"]]))


@pytest.fixture
def files_limit() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class TestPercentiles:
    def test_of_values(self) -> None:
        found = percentiles([float(i) for i in range(101)])
        assert found == {"p50": 50, "p90": 90, "p99": 99, "p999": 99, "max": 100}
        assert percentiles([]) is None

    def test_of_counts_by_milliseconds_are_those_of_the_values(self) -> None:
        ages = [0] * 200
        for i in range(101):
            ages[i] += 1
        assert percentiles_of_ages(ages) == percentiles([float(i) for i in range(101)])
        assert percentiles_of_ages([0, 0]) is None


def test_result_is_json() -> None:
    """The last resort of a program that reads it: every field has a JSON form."""
    result = LoadResult(
        **dict.fromkeys(LoadResult.__dataclass_fields__, 0),  # type: ignore[arg-type]  # zeros
    )
    assert set(json.loads(json.dumps(result.as_json()))) == set(LoadResult.__dataclass_fields__)
