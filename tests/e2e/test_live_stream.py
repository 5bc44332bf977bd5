"""Feed, API and stream as processes of their own: every tick arrives, a dead feed is seen."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from benchmarks.program import Program, optix
from benchmarks.reader import Reader, frames, quote_rows, subscribe
from tests.fakes.recordings import START_NS, quote_of, write_recording
from tests.fixtures.waiting import WAIT_SECONDS, until
from websockets.sync.client import ClientConnection

from optix.kernel.clock import NANOSECONDS
from optix.processes.stream_client import StreamClient

SYMBOLS = [f"T{a}{b}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ"]
WATCHED = SYMBOLS[7]
TICK_MILLISECONDS = 100  # each symbol has ten seconds until its next tick replaces this one
TICKS = 3_000
TICKS_SEEN = 60
FIRST_PRICE = 100.0
CENT = 0.01


class Processes(NamedTuple):
    folder: Path
    recording: Path
    api: Program
    stream: Program
    feed: Program
    reader: Reader


@pytest.fixture
async def processes(folder: Path, tmp_path: Path, running: ExitStack) -> Processes:
    recording = write_ticks(tmp_path / "ticks.parquet")
    # The first program that needs the servers keeps them for the others.
    api = running.enter_context(Program.component("api", folder))
    api.wait_until_ready()
    migrated = optix("migrate", folder=folder)
    assert migrated.returncode == 0, migrated.stderr
    stream = running.enter_context(Program.component("stream", folder))
    stream.wait_until_ready()
    feed = running.enter_context(start_feed(folder, recording))
    running.enter_context(Program.component("worker", folder))
    reader = running.enter_context(Reader.register(api.url, folder))
    await until(lambda: feed_state(reader) == "live")
    return Processes(folder, recording, api, stream, feed, reader)


async def test_every_tick_arrives_in_order(processes: Processes) -> None:
    """Tick n sets one symbol to a price that says n: what came is counted, and nothing else."""
    known: dict[str, int] = {}  # the last tick of each symbol
    news: list[int] = []  # ticks in the order of their arrival
    numbers: list[int] = []  # of the frames
    with socket_of(processes) as socket:
        subscribe(socket, 1, SYMBOLS)
        for frame in frames(socket, seconds=WAIT_SECONDS):
            if frame[0] not in {"snapshot", "changes"}:
                continue
            numbers.append(frame[2])
            latest = {row["symbol"]: tick_of(row) for row in quote_rows(frame)}
            if frame[0] == "changes":  # a row may say again what is known
                news += sorted(n for symbol, n in latest.items() if n != known[symbol])
            known |= latest
            if frame[0] == "snapshot":
                begun = max(known.values())
            elif len(news) >= TICKS_SEEN:
                break
    assert set(known) == set(SYMBOLS)
    assert numbers == list(range(len(numbers))), "a frame was lost"
    assert news == list(range(begun + 1, begun + 1 + len(news))), "a tick was lost"


async def test_a_killed_feed_turns_data_stale_and_a_new_one_mends_it(processes: Processes) -> None:
    """Numbers stay, their quality says what they are worth, and the socket is told both times."""
    reader = processes.reader
    with socket_of(processes) as socket:
        subscribe(socket, 1, [WATCHED])
        await until(lambda: quality(reader) == "replay")
        processes.feed.kill()
        await until(lambda: quality(reader) == "stale")
        assert reader.get(f"/api/v1/quotes/{WATCHED}")["last"] is not None
        assert feed_state(reader) == "down"
        told = next_status(socket, "down")
        assert "stopped" in told["reason"]
        with start_feed(processes.folder, processes.recording):
            await until(lambda: quality(reader) == "replay")
            assert next_status(socket, "live")["reason"] == ""
            moved = next(
                frame for frame in frames(socket, seconds=WAIT_SECONDS) if frame[0] == "changes"
            )
            assert quote_rows(moved)[0]["symbol"] == WATCHED


async def test_a_killed_gateway_is_replaced_and_nobody_beside_it_notices(
    processes: Processes, running: ExitStack
) -> None:
    """Its clients come back to a new one by themselves and begin with a snapshot of now."""
    other = running.enter_context(Program.component("stream", processes.folder))
    other.wait_until_ready()
    killed, beside = client_of(processes, processes.stream), client_of(processes, other)
    async with killed.running(), beside.running():
        here, there = await killed.quotes(SYMBOLS), await beside.quotes(SYMBOLS)
        await killed.until(lambda: here.seen > 0 and here.live, seconds=WAIT_SECONDS)
        await beside.until(lambda: there.seen > 0 and there.live, seconds=WAIT_SECONDS)
        first = here.stream
        await asyncio.to_thread(processes.stream.kill)
        await killed.until(lambda: killed.close_codes, seconds=WAIT_SECONDS)
        seen = there.seen
        await beside.until(lambda: there.seen > seen, seconds=WAIT_SECONDS)
        port = processes.stream.port
        again = running.enter_context(Program.component("stream", processes.folder, port=port))
        await asyncio.to_thread(again.wait_until_ready)
        await killed.until(lambda: here.live and here.stream != first, seconds=WAIT_SECONDS)
        newest = max(map(tick_of, there.rows.values()))
        await killed.until(
            lambda: max(map(tick_of, here.rows.values())) >= newest, seconds=WAIT_SECONDS
        )
    assert (here.snapshots, here.resumes) == (2, 0), "numbers of another gateway are nobody's"
    assert (beside.connections, beside.close_codes) == (1, [])


def client_of(processes: Processes, stream: Program) -> StreamClient:
    async def token(*, fresh: bool) -> str:  # it lasts longer than the test
        return processes.reader.token

    return StreamClient(f"ws://127.0.0.1:{stream.port}/ws/quotes", token)


def write_ticks(path: Path) -> Path:
    """Write a tick of one symbol after the other; the price of each says which tick it is."""
    first = [(START_NS, quote_of(symbol, last=FIRST_PRICE)) for symbol in SYMBOLS]
    ticks = []
    for number in range(1, TICKS + 1):
        at_ns = START_NS + number * TICK_MILLISECONDS * NANOSECONDS // 1000
        price = round(FIRST_PRICE + number * CENT, 2)
        ticks.append((at_ns, quote_of(SYMBOLS[number % len(SYMBOLS)], at_ns=at_ns, last=price)))
    return write_recording(path, [*first, *ticks])


def tick_of(row: dict[str, Any]) -> int:
    return round((float(row["last"]) - FIRST_PRICE) / CENT)


def start_feed(folder: Path, recording: Path) -> Program:
    return Program.component("feed", folder, "--replay", str(recording))


def socket_of(processes: Processes) -> Any:
    """Return a socket of the stream's process for the account of the API's."""
    return Reader(processes.stream.url, token=processes.reader.token).socket()


def feed_state(reader: Reader) -> str:
    return str(reader.get("/api/v1/market/status")["feed"]["state"])


def quality(reader: Reader) -> str:
    return str(reader.get(f"/api/v1/quotes/{WATCHED}")["quality"])


def next_status(socket: ClientConnection, state: str) -> dict[str, Any]:
    """Return the first status frame with `state` that is still to come."""
    for frame in frames(socket, seconds=WAIT_SECONDS):
        if frame[0] == "status" and frame[1]["state"] == state:
            status: dict[str, Any] = frame[1]
            return status
    raise AssertionError(f"no status said {state}")
