"""One suite for every clock: the machine's, and the market's in each of its ways to run.

A clock under test is driven by a base that the test moves, so nothing waits and nothing is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from optix.kernel import clock as clock_module
from optix.kernel.clock import Clock, ScaledClock, SystemClock, to_datetime, to_ns

OPEN = to_ns(datetime(2015, 12, 24, 14, 30, tzinfo=UTC))
HALF_A_MINUTE = 30 * 1_000_000_000


class Machine:
    """The machine's time, moved by hand."""

    def __init__(self) -> None:
        self.instant_ns = OPEN + 7

    def time_ns(self) -> int:
        return self.instant_ns

    def now_ns(self) -> int:
        return self.instant_ns

    def passes(self, nanoseconds: int) -> None:
        self.instant_ns += nanoseconds


def system(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(clock_module, "time", machine)
    return SystemClock()


def replay(machine: Machine, _: pytest.MonkeyPatch) -> Clock:
    return ScaledClock(machine, origin_ns=OPEN)


def fast_replay(machine: Machine, _: pytest.MonkeyPatch) -> Clock:
    return ScaledClock(machine, origin_ns=OPEN, speed=60.0)


def step_replay(machine: Machine, _: pytest.MonkeyPatch) -> Clock:
    return ScaledClock(machine, origin_ns=OPEN, speed=0.0)


def ended_replay(machine: Machine, _: pytest.MonkeyPatch) -> Clock:
    return ScaledClock(machine, origin_ns=OPEN, end_ns=OPEN + 5)


ClockMaker = Callable[[Machine, pytest.MonkeyPatch], Clock]


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture(params=[system, replay, fast_replay, step_replay, ended_replay])
def clock(
    request: pytest.FixtureRequest, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> Clock:
    make: ClockMaker = request.param
    return make(machine, monkeypatch)


class TestEveryClock:
    def test_tells_whole_nanoseconds_since_the_epoch(self, clock: Clock) -> None:
        assert type(clock.now_ns()) is int
        assert to_datetime(clock.now_ns()) == datetime(2015, 12, 24, 14, 30, tzinfo=UTC)

    def test_stands_while_the_machine_stands(self, clock: Clock) -> None:
        assert clock.now_ns() == clock.now_ns()

    def test_never_goes_back_while_the_machine_goes_on(
        self, clock: Clock, machine: Machine
    ) -> None:
        shown = [clock.now_ns()]
        for step in (0, 1, 999, HALF_A_MINUTE, 10**15):
            machine.passes(step)
            shown.append(clock.now_ns())
        assert shown == sorted(shown)


class TestRunningClocks:
    @pytest.mark.parametrize(("make", "factor"), [(system, 1), (replay, 1), (fast_replay, 60)])
    def test_run_at_their_speed(
        self, make: ClockMaker, factor: int, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = make(machine, monkeypatch)
        before = clock.now_ns()
        machine.passes(HALF_A_MINUTE)
        assert clock.now_ns() - before == factor * HALF_A_MINUTE
