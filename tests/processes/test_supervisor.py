"""The supervisor is proven with components that fail on purpose; pauses are counted, not waited."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.fixtures.waiting import WAIT_SECONDS

from optix.kernel.errors import Unavailable
from optix.platform.settings import checkout_root
from optix.processes.supervisor import (
    FORCED_EXIT_CODE,
    RESTART,
    STOP_PROGRAM,
    ComponentFailed,
    Policy,
    run_components,
    stop_on_signals,
)


class Part:
    """A component that does what the test says, and writes down when it starts and stops."""

    def __init__(
        self,
        name: str,
        diary: list[str],
        work: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._diary = diary
        self._work = work or forever
        self.starts = 0

    async def run(self) -> None:
        self.starts += 1
        self._diary.append(f"+{self.name}")
        try:
            await self._work(self.starts)
        finally:
            self._diary.append(f"-{self.name}")

    async def ping(self) -> None:
        if not self.starts:
            raise Unavailable("not started")


async def forever(_: int) -> None:
    await asyncio.Event().wait()


class Pauses:
    """Counts the pauses between restarts, which take no time here."""

    def __init__(self, until: int = 10**9, stop: asyncio.Event | None = None) -> None:
        self.seconds: list[float] = []
        self._until = until
        self._stop = stop

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self._stop and len(self.seconds) >= self._until:
            self._stop.set()
        await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class TestStopping:
    async def test_components_start_in_order_and_stop_in_reverse(self) -> None:
        diary: list[str] = []
        stop = asyncio.Event()
        parts = [Part(name, diary) for name in ("api", "stream", "feed")]
        running = asyncio.create_task(run_components(parts, stop=stop))
        await turns()
        stop.set()
        await running
        assert diary == ["+api", "+stream", "+feed", "-feed", "-stream", "-api"]

    async def test_each_has_stopped_before_the_one_below_is_told_to(self) -> None:
        diary: list[str] = []
        stop = asyncio.Event()

        async def slow_to_stop(_: int) -> None:
            try:
                await forever(_)
            finally:
                await turns()
                diary.append("feed flushed")

        parts = [Part("api", diary), Part("feed", diary, slow_to_stop)]
        running = asyncio.create_task(run_components(parts, stop=stop))
        await turns()
        stop.set()
        await running
        assert diary[2:] == ["feed flushed", "-feed", "-api"]

    async def test_one_that_does_not_stop_is_left_behind_after_the_deadline(self) -> None:
        diary: list[str] = []
        stop, release = asyncio.Event(), asyncio.Event()

        async def stubborn(_: int) -> None:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue

        parts = [Part("api", diary), Part("stubborn", diary, stubborn)]
        running = asyncio.create_task(run_components(parts, stop=stop, stop_seconds_max=0.01))
        await turns()
        stop.set()
        await running
        assert "-api" in diary
        assert "-stubborn" not in diary
        release.set()
        await turns()

    async def test_being_cancelled_stops_the_components_too(self) -> None:
        diary: list[str] = []
        running = asyncio.create_task(run_components([Part("api", diary)], stop=asyncio.Event()))
        await turns()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert diary == ["+api", "-api"]

    async def test_a_failure_while_stopping_does_not_hide_the_others(self) -> None:
        diary: list[str] = []
        stop = asyncio.Event()

        async def breaks_when_stopped(_: int) -> None:
            try:
                await forever(_)
            except asyncio.CancelledError:
                raise RuntimeError("while closing") from None

        parts = [Part("api", diary), Part("feed", diary, breaks_when_stopped)]
        running = asyncio.create_task(
            run_components(parts, stop=stop, policies={"feed": STOP_PROGRAM})
        )
        await turns()
        stop.set()
        await running
        assert diary[-1] == "-api"


class TestFailing:
    @pytest.mark.parametrize("error", [RuntimeError("x"), Unavailable("x"), SystemExit(3), None])
    async def test_a_component_that_ends_is_started_again_and_the_others_go_on(
        self, error: BaseException | None
    ) -> None:
        diary: list[str] = []
        stop = asyncio.Event()

        async def fails_twice(start: int) -> None:
            if start > 2:
                stop.set()
                await forever(start)
            if error is not None:
                raise error

        pauses = Pauses()
        parts = [Part("api", diary), Part("feed", diary, fails_twice)]
        await run_components(parts, stop=stop, sleep=pauses)
        assert parts[0].starts == 1
        assert parts[1].starts == 3
        assert pauses.seconds == [RESTART.pause_seconds(1), RESTART.pause_seconds(2)]

    async def test_an_error_that_stays_stops_the_program_with_its_next_step(
        self,
    ) -> None:
        diary: list[str] = []
        pauses = Pauses()

        async def unreadable(_: int) -> None:
            raise Unavailable("cut off", code="unreadable", next_step="Choose another file.")

        with pytest.raises(ComponentFailed, match="feed does not stay up: cut off") as caught:
            await run_components(
                [Part("feed", diary, unreadable)],
                stop=asyncio.Event(),
                policies={"feed": Policy(final=frozenset({"unreadable"}))},
                sleep=pauses,
            )
        assert caught.value.next_step == "Choose another file."
        assert pauses.seconds == []

    async def test_one_that_keeps_failing_stops_the_program(self) -> None:
        diary: list[str] = []

        async def fails(_: int) -> None:
            raise RuntimeError("the provider is gone")

        parts = [Part("api", diary), Part("feed", diary, fails)]
        policy = Policy(failures_max=3)
        with pytest.raises(ComponentFailed, match="feed does not stay up: the provider is gone"):
            await run_components(
                parts, stop=asyncio.Event(), policies={"feed": policy}, sleep=Pauses()
            )
        assert parts[1].starts == 4
        assert diary[-1] == "-api"

    async def test_a_component_may_be_told_to_stop_the_program_at_once(self) -> None:
        async def fails(_: int) -> None:
            raise RuntimeError("port taken")

        part = Part("api", [], fails)
        with pytest.raises(ComponentFailed):
            await run_components([part], stop=asyncio.Event(), policies={"api": STOP_PROGRAM})
        assert part.starts == 1

    async def test_failures_long_ago_do_not_count(self) -> None:
        stop = asyncio.Event()
        pauses = Pauses(until=40, stop=stop)

        async def fails(_: int) -> None:
            raise RuntimeError("again")

        policy = Policy(failures_max=2, window_seconds=0.0)
        part = Part("feed", [], fails)
        await run_components([part], stop=stop, policies={"feed": policy}, sleep=pauses)
        assert part.starts >= 40

    def test_pauses_double_up_to_a_bound(self) -> None:
        policy = Policy(pause_seconds_first=0.5, pause_seconds_max=4.0)
        assert [policy.pause_seconds(n) for n in (1, 2, 3, 4, 5, 50)] == [0.5, 1, 2, 4, 4, 4]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    async def test_the_first_one_asks_to_stop(self, number: int) -> None:
        stop = asyncio.Event()
        said: list[str] = []
        async with stop_on_signals(stop, say=said.append):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stop.wait(), WAIT_SECONDS)
        assert len(said) == 1

    def test_the_second_one_ends_the_process(self, tmp_path: Path) -> None:
        root = checkout_root()
        assert root is not None
        code = (
            "import asyncio, os, signal\n"
            "from optix.processes.supervisor import stop_on_signals\n"
            "async def main():\n"
            "    async with stop_on_signals(asyncio.Event()):\n"
            "        for _ in range(2):\n"
            "            os.kill(os.getpid(), signal.SIGINT)\n"
            "            await asyncio.sleep(0.05)\n"
            "        await asyncio.Event().wait()\n"
            "asyncio.run(main())\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False)
        assert done.returncode == FORCED_EXIT_CODE
