"""The wheel of deadlines, turned by hand: each thing is looked at when it is due, and once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optix.features.streaming.deadlines import STEP_SECONDS, Deadlines

EVERY_SECONDS = 5.0


class Thing:
    def __init__(self) -> None:
        self.due = 0
        self.checked: list[float] = []

    def check(self, now: float) -> None:
        self.checked.append(now)

    def next_check(self, now: float) -> float:
        return now + EVERY_SECONDS


class TestDeadlines:
    @given(st.floats(0, 40), st.floats(0, 1e6))
    def test_a_thing_is_looked_at_when_it_is_due_and_not_before(
        self, after: float, start: float
    ) -> None:
        wheel, thing = Deadlines(start), Thing()
        wheel.add(thing, start + after)
        now = start
        while not thing.checked:
            now += STEP_SECONDS
            wheel.turn(now)
            assert now < start + after + 3 * STEP_SECONDS
        assert thing.checked[0] >= start + after - 1e-6

    def test_it_is_looked_at_again_and_again(self) -> None:
        wheel, thing = Deadlines(0), Thing()
        wheel.add(thing, 1)
        for step in range(400):
            wheel.turn(step * STEP_SECONDS)
        assert len(thing.checked) == 8

    def test_a_new_time_replaces_the_old_one(self) -> None:
        wheel, thing = Deadlines(0), Thing()
        wheel.add(thing, 1)
        wheel.add(thing, 3)
        wheel.add(thing, 2)
        for step in range(45):
            wheel.turn(step * STEP_SECONDS)
        assert [round(at, 3) for at in thing.checked] == [2.0]

    def test_what_was_removed_is_left_alone(self) -> None:
        wheel, thing = Deadlines(0), Thing()
        wheel.add(thing, 1)
        wheel.remove(thing)
        wheel.turn(30)
        assert not thing.checked

    def test_a_late_turn_looks_at_all_that_were_due(self) -> None:
        wheel = Deadlines(0)
        things = [Thing() for _ in range(20)]
        for place, thing in enumerate(things):
            wheel.add(thing, place)
        wheel.turn(1_000)
        assert all(len(thing.checked) == 1 for thing in things)

    def test_a_time_beyond_the_wheel_is_looked_at_earlier(self) -> None:
        wheel, thing = Deadlines(0), Thing()
        wheel.add(thing, 1e9)
        wheel.turn(60)
        assert thing.checked == [60]
