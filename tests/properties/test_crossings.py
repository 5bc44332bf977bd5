"""Both kernels of crossings do the same, and what they do is what a watch is.

A Hypothesis state machine adds, replaces and removes watches, applies ticks and restarts the
kernels; after every step the turns and the whole state are the same. Levels, values and stamps are
few, so that they meet: most of what can go wrong lies on a level, on `back`, or on the last
nanosecond of a cooldown. A second property needs no oracle: what fires was armed since it fired
last, by a value on the near side, and fires once only without repeating.
"""

from __future__ import annotations

from math import inf, nan, nextafter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.fakes.crossings_rig import KERNELS, Rig
from tests.fixtures.effort import effort

from optix.features.alerts.crossings import Kind, Phase, Side, Watch

pytestmark = pytest.mark.skipif(len(KERNELS) < 2, reason="nothing is compiled on this machine")

SERIES = 3
ids = st.one_of(st.integers(0, 12), st.sampled_from([-1, -(2**63), 2**63 - 1]))
ROUND = [float(n) for n in range(-3, 4)]
NASTY = [-0.0, 5e-324, -5e-324, nextafter(1.0, inf), nextafter(1.0, 0.0), 1.7976931348623157e308]
numbers = st.one_of(
    st.sampled_from(ROUND),
    st.sampled_from(NASTY),
    st.floats(-4, 4, allow_nan=False),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.one_of(numbers, numbers, numbers, st.sampled_from([nan, inf, -inf]))
stamps = st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**63 - 1))
cooldowns = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 2**63 - 1))
ticks = st.lists(st.tuples(st.integers(0, SERIES - 1), values, stamps), max_size=12)


@st.composite
def watches(draw: st.DrawFn) -> Watch:
    side = draw(st.sampled_from(Side))
    level, other = draw(numbers), draw(numbers)
    high, low = max(level, other), min(level, other)
    return Watch(
        id=draw(ids),
        series=draw(st.integers(0, SERIES - 1)),
        side=side,
        level=high if side.is_rising else low,
        back=low if side.is_rising else high,
        repeats=draw(st.booleans()),
        cooldown_ns=draw(cooldowns),
        phase=draw(st.one_of(st.none(), st.sampled_from(Phase))),
        ready_ns=draw(st.one_of(st.just(0), st.integers(0, 40), st.integers(0, 2**63 - 1))),
    )


class Kernels(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rigs = [Rig(name, SERIES) for name in KERNELS]

    def both(self, call: Any) -> Any:
        """Do it on each, and return what they agree on."""
        answers = []
        for rig in self.rigs:
            try:
                answers.append(call(rig))
            except (ValueError, KeyError) as error:
                answers.append(type(error))
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]

    @rule(given=st.lists(watches(), max_size=8))
    def add(self, given: list[Watch]) -> None:
        assert self.both(lambda rig: rig.add(*given)) is None

    @rule(given=st.lists(ids, max_size=4))
    def remove(self, given: list[int]) -> None:
        self.both(lambda rig: rig.remove(*given))

    @rule(given=ticks)
    def apply(self, given: list[tuple[int, float, int]]) -> None:
        self.both(lambda rig: rig.apply(*given))

    @rule(given=ticks)
    def apply_one_by_one(self, given: list[tuple[int, float, int]]) -> None:
        """Batches are no more than their ticks."""
        for tick in given:
            self.both(lambda rig, tick=tick: rig.apply(tick))

    @rule(given=ticks.map(lambda rows: rows[:1]))
    def remember(self, given: list[tuple[int, float, int]]) -> None:
        self.both(lambda rig: rig.remember(*given))

    @rule()
    def restart(self) -> None:
        before = self.rigs[0].state()
        self.rigs = [rig.restarted() for rig in self.rigs]
        assert self.rigs[0].state() == before

    @invariant()
    def states_are_the_same(self) -> None:
        self.both(lambda rig: rig.state())
        self.both(lambda rig: len(rig.kernel))


Kernels.TestCase.settings = settings(
    max_examples=effort(150), stateful_step_count=30, deadline=None
)
TestKernels = Kernels.TestCase


@settings(max_examples=effort(100), deadline=None)
@given(st.lists(watches(), max_size=40), st.lists(ticks, max_size=6))
def test_a_restart_between_any_two_batches_changes_nothing(
    given_watches: list[Watch], batches: list[list[tuple[int, float, int]]]
) -> None:
    for name in KERNELS:
        steady, restarted = Rig(name, SERIES), Rig(name, SERIES)
        for rig in (steady, restarted):
            rig.add(*given_watches)
        for batch in batches:
            restarted = restarted.restarted()
            assert restarted.apply(*batch) == steady.apply(*batch)
        assert restarted.state() == steady.state()


@settings(max_examples=effort(100), deadline=None)
@given(st.lists(watches(), max_size=20, unique_by=lambda each: each.id), ticks)
def test_what_fires_was_armed_and_reached_its_level(
    given_watches: list[Watch], batch: list[tuple[int, float, int]]
) -> None:
    for name in KERNELS:
        rig = Rig(name, SERIES)
        rig.add(*given_watches)
        known = {each.id: each for each in given_watches}
        phases = {
            each.id: each.side.first_phase if each.phase is None else each.phase
            for each in given_watches
        }
        for number, kind, tick in rig.apply(*batch):
            watch, (series, value, _) = known[number], batch[tick]
            assert series == watch.series
            if kind is Kind.ARMED:
                assert phases[number] is not Phase.ARMED
                assert watch.repeats or phases[number] is Phase.NEW
                phases[number] = Phase.ARMED
            elif kind is Kind.FIRED:
                assert phases[number] is Phase.ARMED
                assert value >= watch.level if watch.side.is_rising else value <= watch.level
                phases[number] = Phase.SPENT
            else:
                assert not watch.repeats
        assert {number: rig.phase(number) for number in known} == phases


@settings(max_examples=effort(20), deadline=None)
@given(st.randoms(use_true_random=False), st.integers(300, 2500))
def test_long_ladders_hold_what_they_were_given(random: Any, count: int) -> None:
    """Runs split and empty: thousands in one series, many on one level, removed at random."""
    rigs = [Rig(name, SERIES) for name in KERNELS]
    levels = [float(random.randrange(count // 2)) for _ in range(count)]
    given_watches = [
        Watch(
            id=n,
            series=0,
            side=random.choice(list(Side)),
            level=level,
            repeats=random.random() < 0.5,
            cooldown_ns=random.choice([0, 0, 5, 1000]),
        )
        for n, level in enumerate(levels)
    ]
    gone = random.sample(range(count), count // 3)
    way = [(0, random.uniform(-1, count / 2 + 1), n) for n in range(12)]
    answers = []
    for rig in rigs:
        rig.add(*given_watches)
        first = rig.apply(*way[:4])
        rig.remove(*gone)
        answers.append((first, rig.apply(*way[4:]), rig.state()))
    assert answers[0] == answers[-1]
