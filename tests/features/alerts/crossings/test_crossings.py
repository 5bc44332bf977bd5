"""What a watch does, rule by rule: ticks go in by hand, the turns that come out stand beside them.

Each test runs on the compiled kernel and on the one in Python.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan, nextafter

import numpy as np
import pytest
from tests.fakes.crossings_rig import KERNELS, SERIES, Rig, columns_of, ids_of, plain, ticks_of

from optix.features.alerts.crossings import Kind, Phase, Side, Watch, Watches, new_crossings
from optix.features.alerts.crossings.core import READY_NS_MAX, SERIES_MAX

ARMED, FIRED, SPENT = Kind.ARMED, Kind.FIRED, Kind.SPENT
UP = Watch(id=1, series=0, side=Side.CROSSES_UP, level=100.0)
DOWN = Watch(id=2, series=0, side=Side.CROSSES_DOWN, level=100.0)
AGAIN = Watch(id=3, series=0, side=Side.CROSSES_UP, level=100.0, back=99.0, repeats=True)


class TestSides:
    @pytest.mark.parametrize(
        ("side", "values", "fires_at"),
        [
            (Side.ABOVE, (99.0, 100.5), [1]),
            (Side.ABOVE, (100.5,), [0]),
            (Side.ABOVE, (99.99, 99.0, 98.0), []),
            (Side.BELOW, (101.0, 99.5), [1]),
            (Side.BELOW, (99.5,), [0]),
            (Side.BELOW, (100.01, 101.0, 102.0), []),
            (Side.CROSSES_UP, (99.0, 100.5), [1]),
            (Side.CROSSES_UP, (100.5, 101.0), []),
            (Side.CROSSES_UP, (100.5, 99.5, 100.5), [2]),
            (Side.CROSSES_DOWN, (101.0, 99.5), [1]),
            (Side.CROSSES_DOWN, (99.5, 99.0), []),
            (Side.CROSSES_DOWN, (99.5, 100.5, 99.5), [2]),
        ],
    )
    def test_a_side_says_which_values_fire(
        self, rig: Rig, side: Side, values: tuple[float, ...], fires_at: list[int]
    ) -> None:
        rig.add(replace(UP, side=side))
        assert rig.fired(*values) == [(1, tick) for tick in fires_at]

    @pytest.mark.parametrize("side", Side)
    def test_a_level_is_reached_by_the_value_that_equals_it(self, rig: Rig, side: Side) -> None:
        near = nextafter(100.0, 0.0 if side.is_rising else inf)
        rig.add(replace(UP, side=side))
        assert rig.fired(near) == []
        assert rig.fired(100.0) == [(1, 0)]

    @pytest.mark.parametrize("watch", [UP, DOWN])
    def test_a_first_value_on_the_level_arms_nothing(self, rig: Rig, watch: Watch) -> None:
        rig.add(watch)
        assert rig.values(100.0, 100.0) == []
        assert rig.phase(watch.id) is Phase.NEW

    def test_a_level_of_zero_has_two_sides_and_no_sign(self, rig: Rig) -> None:
        rig.add(replace(UP, level=0.0), replace(DOWN, level=-0.0))
        assert rig.values(-0.0, 0.0) == []
        assert rig.fired(5e-324, -0.0) == [(2, 1)]
        assert rig.fired(-5e-324, 0.0) == [(1, 1)]

    def test_another_series_is_nobodys_business(self, rig: Rig) -> None:
        rig.add(replace(UP, side=Side.ABOVE))
        assert rig.apply((1, 150.0, 0), (7, 150.0, 0)) == []


class TestTurns:
    def test_a_watch_that_does_not_repeat_is_armed_fires_and_is_spent(self, rig: Rig) -> None:
        rig.add(UP)
        assert rig.values(99.0, 101.0, 99.0, 101.0) == [(1, ARMED, 0), (1, FIRED, 1), (1, SPENT, 1)]

    def test_one_that_repeats_is_armed_again(self, rig: Rig) -> None:
        rig.add(AGAIN)
        assert rig.values(98.0, 101.0, 98.5, 100.0) == [
            *((3, ARMED, 0), (3, FIRED, 1)),
            *((3, ARMED, 2), (3, FIRED, 3)),
        ]

    def test_a_gap_fires_every_level_once_in_the_order_of_the_way(self, rig: Rig) -> None:
        rig.add(*(replace(UP, id=10 - n, level=100.0 + n, side=Side.ABOVE) for n in range(5)))
        assert rig.fired(99.0, 103.5, 99.0, 103.5, 110.0) == [
            *((10, 1), (9, 1), (8, 1), (7, 1)),
            (6, 4),
        ]

    def test_a_gap_down_fires_the_highest_level_first(self, rig: Rig) -> None:
        rig.add(*(replace(DOWN, id=n, level=100.0 + n, side=Side.BELOW) for n in range(5)))
        assert rig.fired(110.0, 101.5, 99.0) == [(4, 1), (3, 1), (2, 1), (1, 2), (0, 2)]

    def test_equal_levels_go_by_id(self, rig: Rig) -> None:
        rig.add(*(replace(UP, id=n, side=Side.ABOVE) for n in (3, -7, 5, 2**63 - 1, -(2**63))))
        assert [number for number, _ in rig.fired(100.0)] == [-(2**63), -7, 3, 5, 2**63 - 1]

    def test_what_is_reached_from_below_comes_before_what_is_reached_from_above(
        self, rig: Rig
    ) -> None:
        rig.add(replace(DOWN, id=1, side=Side.BELOW, level=105.0), replace(UP, id=2, level=110.0))
        rig.add(replace(DOWN, id=3, level=90.0))
        # Above 90 the third is armed from below; under 110 and 105 the others turn from above.
        assert rig.values(100.0) == [(3, ARMED, 0), (2, ARMED, 0), (1, FIRED, 0), (1, SPENT, 0)]


class TestHysteresis:
    def test_oscillation_inside_the_band_fires_once(self, rig: Rig) -> None:
        rig.add(AGAIN)
        assert rig.fired(98.0, *(100.5, 99.1) * 50) == [(3, 1)]

    def test_a_value_on_back_does_not_arm_one_beyond_it_does(self, rig: Rig) -> None:
        rig.add(AGAIN)
        assert rig.fired(98.0, 100.0, 99.0, 100.0) == [(3, 1)]
        assert rig.fired(nextafter(99.0, 0.0), 100.0) == [(3, 1)]

    def test_without_a_band_each_return_arms(self, rig: Rig) -> None:
        rig.add(replace(AGAIN, back=None))
        assert rig.fired(*(99.99, 100.0) * 3) == [(3, 1), (3, 3), (3, 5)]

    def test_a_falling_watch_comes_back_above_its_level(self, rig: Rig) -> None:
        rig.add(replace(DOWN, back=101.0, repeats=True))
        assert rig.fired(102.0, 99.0, 100.5, 99.0, 101.5, 99.0) == [(2, 1), (2, 5)]

    def test_a_new_watch_is_armed_by_its_level_not_by_back(self, rig: Rig) -> None:
        rig.add(AGAIN)
        assert rig.fired(99.5, 100.0) == [(3, 1)]


class TestCooldown:
    COOLED = replace(AGAIN, back=None, cooldown_ns=60)

    def test_a_watch_is_deaf_until_its_cooldown_ends(self, rig: Rig) -> None:
        rig.add(self.COOLED)
        ticks = [(99.0, 0), (101.0, 10), (99.0, 20), (101.0, 69), (102.0, 70), (99.0, 80)]
        turns = rig.apply(*((0, value, at) for value, at in ticks))
        # What it crossed meanwhile is over: at 70 the last value was beyond the level.
        assert turns == [(3, ARMED, 0), (3, FIRED, 1), (3, ARMED, 5)]

    def test_the_last_value_of_a_cooldown_is_compared_with_the_next(self, rig: Rig) -> None:
        rig.add(self.COOLED)
        turns = rig.apply((0, 99.0, 0), (0, 101.0, 10), (0, 99.0, 69), (0, 101.0, 70))
        assert turns == [(3, ARMED, 0), (3, FIRED, 1), (3, ARMED, 3), (3, FIRED, 3)]

    def test_other_series_have_clocks_of_their_own(self, rig: Rig) -> None:
        rig.add(self.COOLED)
        rig.apply((0, 99.0, 0), (0, 101.0, 10), (0, 99.0, 20), (1, 5.0, 500))
        assert rig.apply((0, 101.0, 30)) == []

    def test_a_stamp_of_before_is_taken_for_the_clock(self, rig: Rig) -> None:
        rig.add(self.COOLED)
        rig.apply((0, 99.0, 0), (0, 101.0, 100))
        assert rig.apply((0, 99.0, 160), (0, 101.0, 5)) == [(3, ARMED, 0), (3, FIRED, 1)]
        assert rig.kernel.get(ids_of(3)).ready_ns.tolist() == [220]

    def test_a_cooldown_without_end_is_one(self, rig: Rig) -> None:
        rig.add(replace(self.COOLED, cooldown_ns=READY_NS_MAX))
        rig.values(99.0, 101.0, at=1000)
        assert rig.kernel.get(ids_of(3)).ready_ns.tolist() == [READY_NS_MAX]
        assert rig.values(99.0, 101.0, at=READY_NS_MAX - 2) == []

    def test_a_watch_can_begin_deaf(self, rig: Rig) -> None:
        rig.add(replace(UP, side=Side.ABOVE, ready_ns=50))
        assert rig.apply((0, 101.0, 49), (0, 101.0, 50)) == [(1, FIRED, 1), (1, SPENT, 1)]

    def test_those_that_wake_together_go_by_when_they_were_to(self, rig: Rig) -> None:
        rig.add(*(replace(UP, id=n, ready_ns=50 - n // 2) for n in range(4)))
        assert rig.apply((0, 99.0, 0), (0, 98.0, 90)) == [
            *((2, ARMED, 1), (3, ARMED, 1), (0, ARMED, 1), (1, ARMED, 1))
        ]


class TestValues:
    @pytest.mark.parametrize("value", [nan, inf, -inf])
    def test_what_is_no_number_is_passed_over_with_its_time(self, rig: Rig, value: float) -> None:
        rig.add(UP, DOWN, replace(UP, id=9, side=Side.ABOVE, ready_ns=50))
        rig.values(99.0)
        before = rig.state()
        assert rig.apply((0, value, 99)) == []
        assert rig.state() == before

    def test_series_without_watches_are_remembered(self, rig: Rig) -> None:
        rig.apply((3, 99.0, 5), (0, 7.0, 6), (3, 98.0, 4))
        assert plain(rig.kernel.seen()) == [(0, 7.0, 6), (3, 98.0, 5)]

    def test_a_watch_added_looks_at_the_last_value(self, rig: Rig) -> None:
        rig.values(99.0)
        rig.add(UP)
        assert rig.phase(1) is Phase.ARMED
        assert rig.fired(101.0) == [(1, 0)]

    def test_a_level_that_is_reached_already_fires_with_the_next_tick(self, rig: Rig) -> None:
        rig.values(101.0)
        rig.add(replace(UP, side=Side.ABOVE))
        assert rig.fired(101.0) == [(1, 0)]


class TestChanges:
    def test_what_is_removed_fires_no_more(self, rig: Rig) -> None:
        rig.add(UP, DOWN, replace(AGAIN, cooldown_ns=60))
        rig.values(99.0, 101.0, 102.0)
        assert rig.remove(1, 2, 3, 4) == 3
        assert (len(rig.kernel), rig.values(99.0, 101.0, at=100)) == (0, [])
        assert rig.remove(1) == 0
        rig.remember((0, 50.0, 1))  # would be refused while the series has watches

    def test_an_id_that_is_there_is_replaced(self, rig: Rig) -> None:
        rig.add(UP)
        rig.values(99.0)
        rig.add(replace(UP, level=110.0), replace(UP, level=120.0))
        assert len(rig.kernel) == 1
        assert rig.fired(115.0, 125.0) == [(1, 1)]

    def test_one_replaced_leaves_nothing_in_the_series_it_was_in(self, rig: Rig) -> None:
        rig.add(UP)
        rig.values(99.0)
        rig.add(replace(UP, series=5))
        assert rig.values(101.0) == []
        rig.remember((0, 50.0, 1))
        assert rig.apply((5, 99.0, 0), (5, 101.0, 0)) == [
            *((1, ARMED, 0), (1, FIRED, 1), (1, SPENT, 1))
        ]

    def test_one_that_is_over_can_begin_again(self, rig: Rig) -> None:
        rig.add(UP)
        rig.values(99.0, 101.0)
        assert rig.phase(1) is Phase.SPENT
        rig.add(UP)
        assert rig.fired(99.0, 101.0) == [(1, 1)]

    def test_thousands_in_one_series_come_and_go(self, rig: Rig) -> None:
        """Levels in an order that no run of a ladder has, a third of them removed again."""
        levels = {n: 100.0 + n * 7919 % 3001 / 10 for n in range(3001)}
        rig.add(*(replace(UP, id=n, level=level) for n, level in levels.items()))
        assert rig.remove(*range(0, 3001, 3)) == 1001
        left = sorted((level, n) for n, level in levels.items() if n % 3)
        assert rig.fired(99.0, 250.0, 99.0, 500.0) == [
            (n, 1 if level <= 250.0 else 3) for level, n in left
        ]


class TestState:
    def test_a_restart_does_not_miss_what_was_crossed_meanwhile(self, rig: Rig) -> None:
        rig.add(UP, DOWN)
        rig.values(99.0)
        assert rig.restarted().fired(105.0, 95.0) == [(1, 0), (2, 1)]

    def test_a_restart_does_not_fire_twice(self, rig: Rig) -> None:
        rig.add(UP, AGAIN)
        rig.values(98.0, 101.0)
        again = rig.restarted()
        assert again.state() == rig.state()
        assert again.fired(101.0, 99.5, 101.0) == []

    def test_a_cooldown_goes_on_after_a_restart(self, rig: Rig) -> None:
        rig.add(replace(AGAIN, cooldown_ns=60))
        rig.values(98.0, 101.0, 98.0)
        assert rig.restarted().apply((0, 101.0, 60), (0, 98.0, 61), (0, 101.0, 62)) == [
            *((3, ARMED, 1), (3, FIRED, 2))
        ]

    def test_watches_come_back_as_they_were_given(self, rig: Rig) -> None:
        given = replace(AGAIN, side=Side.CROSSES_DOWN, back=101.5, cooldown_ns=7, ready_ns=9)
        rig.add(replace(given, id=4), given)
        row = (0, 3, 100.0, 101.5, 1, 7, 0, 9)
        assert plain(rig.kernel.watches()) == [(3, *row), (4, *row)]
        assert plain(rig.kernel.get(ids_of(4, 3, 4))) == [(4, *row), (3, *row), (4, *row)]
        again = Watches.of([replace(given, id=3), replace(given, id=4)])
        assert plain(again) == plain(rig.kernel.watches())
        types = [column.dtype for column in columns_of(again)]
        assert [column.dtype for column in columns_of(rig.kernel.watches())] == types

    def test_an_unknown_watch_cannot_be_had(self, rig: Rig) -> None:
        with pytest.raises(KeyError):
            rig.kernel.get(ids_of(1))


class TestRefusals:
    @pytest.mark.parametrize(
        ("column", "wrong"),
        [
            *(("series", -1), ("series", SERIES)),
            *(("levels", nan), ("levels", inf)),
            *(("backs", nan), ("backs", -inf), ("backs", 100.5)),
            *(("sides", Side.CROSSES_DOWN), ("sides", 4)),  # `back` would lie beyond its level
            *(("phases", 3), ("repeats", 2), ("cooldowns_ns", -1), ("ready_ns", -1)),
        ],
    )
    def test_a_batch_with_a_wrong_watch_changes_nothing(
        self, rig: Rig, column: str, wrong: float
    ) -> None:
        rig.add(UP)
        before = rig.state()
        columns = Watches.of([replace(UP, level=50.0), AGAIN])
        getattr(columns, column)[1] = wrong
        with pytest.raises(ValueError, match=r"range|beyond"):
            rig.kernel.add(*columns)
        assert rig.state() == before

    @pytest.mark.parametrize("series", [-1, SERIES, 2**31 - 1, -(2**31)])
    def test_a_batch_with_an_unknown_series_changes_nothing(self, rig: Rig, series: int) -> None:
        rig.add(replace(UP, side=Side.ABOVE))
        with pytest.raises(ValueError, match="range"):
            rig.apply((0, 101.0, 0), (series, 101.0, 0))
        assert plain(rig.kernel.seen()) == []
        assert rig.phase(1) is Phase.ARMED

    @pytest.mark.parametrize("row", [(0, nan, 0), (0, inf, 0), (0, 1.0, -1), (SERIES, 1.0, 0)])
    def test_only_numbers_can_be_remembered(self, rig: Rig, row: tuple[int, float, int]) -> None:
        with pytest.raises(ValueError, match="range"):
            rig.remember((1, 1.0, 0), row)
        assert plain(rig.kernel.seen()) == []

    def test_a_series_with_watches_has_seen_for_itself(self, rig: Rig) -> None:
        rig.add(UP)
        with pytest.raises(ValueError, match="has watches"):
            rig.remember((1, 1.0, 0), (0, 1.0, 0))
        assert plain(rig.kernel.seen()) == []

    def test_columns_have_one_value_per_row(self, rig: Rig) -> None:
        watches = Watches.of([UP])
        with pytest.raises(ValueError, match="one value per row"):
            rig.kernel.add(*watches[:-1], np.zeros(2, np.int64))
        series, values, at_ns = ticks_of([(0, 1.0, 0)])
        with pytest.raises(ValueError, match="one value per row"):
            rig.kernel.apply(series, values, at_ns[:0])
        with pytest.raises(ValueError, match="one value per row"):
            rig.kernel.remember(series, values[:0], at_ns)

    @pytest.mark.parametrize("series_max", [0, -1, SERIES_MAX + 1])
    def test_a_kernel_takes_so_many_series_and_no_more(self, rig: Rig, series_max: int) -> None:
        with pytest.raises(ValueError, match="range"):
            type(rig.kernel)(series_max=series_max)  # type: ignore[call-arg]  # both take it
        type(rig.kernel)(series_max=SERIES_MAX)  # type: ignore[call-arg]  # the same

    def test_nothing_at_all_is_a_batch_too(self, rig: Rig) -> None:
        rig.add()
        assert (rig.remove(), rig.apply(), rig.state()) == (0, [], ([], []))


class TestChoice:
    def test_the_compiled_kernel_is_taken_where_there_is_one(self) -> None:
        kernel = new_crossings(series_max=SERIES)
        assert type(kernel) is type(KERNELS.get("compiled", KERNELS["python"])(series_max=SERIES))

    @pytest.mark.skipif("compiled" not in KERNELS, reason="nothing is compiled on this machine")
    def test_the_compiled_kernel_takes_no_other_types(self) -> None:
        """A silent copy of a column would cost more than the ticks."""
        kernel = KERNELS["compiled"](series_max=SERIES)
        series, values, at_ns = ticks_of([(0, 1.0, 0)] * 4)
        with pytest.raises(TypeError):
            kernel.apply(series.astype(np.int64), values, at_ns)
        with pytest.raises(TypeError):
            kernel.apply(series[:2], values[::2], at_ns[:2])
