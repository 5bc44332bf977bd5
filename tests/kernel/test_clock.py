"""What is special to the market's clock, and the two conversions of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from optix.kernel.clock import ScaledClock, SystemClock, to_datetime, to_ns

ORIGIN = 1_450_967_400_000_000_000


class Base:
    def __init__(self) -> None:
        self.instant_ns = 1_000

    def now_ns(self) -> int:
        return self.instant_ns


@pytest.fixture
def base() -> Base:
    return Base()


class TestSystemClock:
    def test_is_the_machines_clock(self) -> None:
        before = time.time_ns()
        assert before <= SystemClock().now_ns() <= time.time_ns()


class TestStepMode:
    def test_moves_only_when_it_is_told(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, speed=0)
        base.instant_ns += 10**12
        assert clock.now_ns() == ORIGIN
        clock.advance_to(ORIGIN + 5)
        assert clock.now_ns() == ORIGIN + 5

    def test_may_be_told_the_instant_it_shows(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, speed=0)
        clock.advance_to(ORIGIN)
        assert clock.now_ns() == ORIGIN

    def test_refuses_to_go_back(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, speed=0)
        with pytest.raises(ValueError, match="never goes back"):
            clock.advance_to(ORIGIN - 1)


class TestEnd:
    def test_is_the_last_instant_shown(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, end_ns=ORIGIN + 100)
        base.instant_ns += 1_000
        assert clock.now_ns() == ORIGIN + 100

    def test_is_not_passed_by_a_step(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, speed=0, end_ns=ORIGIN + 100)
        clock.advance_to(ORIGIN + 200)
        assert clock.now_ns() == ORIGIN + 100

    def test_may_be_moved_while_a_recording_still_grows(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN, end_ns=ORIGIN + 100)
        base.instant_ns += 1_000
        assert clock.now_ns() == ORIGIN + 100
        clock.end_ns = ORIGIN + 500
        assert clock.now_ns() == ORIGIN + 500

    def test_before_the_start_is_refused(self, base: Base) -> None:
        with pytest.raises(ValueError, match="end before it starts"):
            ScaledClock(base, origin_ns=ORIGIN, end_ns=ORIGIN - 1)


class TestSpeed:
    def test_changes_without_a_jump(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN)
        base.instant_ns += 100
        clock.speed = 10
        assert clock.speed == 10
        assert clock.now_ns() == ORIGIN + 100
        base.instant_ns += 7
        assert clock.now_ns() == ORIGIN + 170

    @pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
    def test_must_be_a_speed(self, base: Base, speed: float) -> None:
        with pytest.raises(ValueError, match="speed"):
            ScaledClock(base, origin_ns=ORIGIN, speed=speed)
        clock = ScaledClock(base, origin_ns=ORIGIN)
        with pytest.raises(ValueError, match="speed"):
            clock.speed = speed

    def test_survives_a_machine_clock_that_is_set_back(self, base: Base) -> None:
        clock = ScaledClock(base, origin_ns=ORIGIN)
        base.instant_ns += 500
        assert clock.now_ns() == ORIGIN + 500
        base.instant_ns -= 400
        assert clock.now_ns() == ORIGIN + 500


class TestConversions:
    @pytest.mark.parametrize("instant_ns", [0, ORIGIN, 1_999, -1_000, 4_102_444_800_000_000_000])
    def test_keep_microseconds(self, instant_ns: int) -> None:
        assert to_ns(to_datetime(instant_ns)) == instant_ns // 1000 * 1000

    def test_respect_the_zone(self) -> None:
        new_york = timezone(timedelta(hours=-5))
        assert to_ns(datetime(2015, 12, 24, 9, 30, tzinfo=new_york)) == ORIGIN
        assert to_datetime(ORIGIN) == datetime(2015, 12, 24, 14, 30, tzinfo=UTC)

    def test_refuse_a_naive_time(self) -> None:
        with pytest.raises(AssertionError, match="naive"):
            to_ns(datetime(2015, 12, 24, 9, 30))  # noqa: DTZ001 - the mistake under test
