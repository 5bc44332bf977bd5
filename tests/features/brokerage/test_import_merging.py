"""Imports and undos as pure values: any order of them ends at one ledger, whatever overlaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from optix.features.brokerage.import_merging import compare
from optix.features.brokerage.merging import StoredActivity
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.money import Money


def line(cash: int, day: int = 1, name: str = "") -> Activity:
    return Activity(
        id=name,
        kind=ActivityKind.DEPOSIT,
        status=ActivityStatus.POSTED,
        day=date(2024, 1, day),
        cash=Money(Decimal(cash)),
    )


@dataclass
class Ledger:
    """What the service keeps, without a database: rows, and which import claims which of them."""

    rows: dict[int, Activity] = field(default_factory=dict)
    claims: dict[str, dict[int, int]] = field(default_factory=dict)  # import → place → row
    files: dict[str, Sequence[Activity]] = field(default_factory=dict)
    made: int = 0

    def do(self, name: str, lines: Sequence[Activity]) -> None:
        fresh = [replace(each) for each in lines]
        ids: dict[int, set[str]] = {row: set() for row in self.rows}
        for each, claimed in self.claims.items():
            for place, row in claimed.items():
                ids[row].add(self.files[each][place].id)
        stored = [
            StoredActivity(row, frozenset(ids[row] - {""}), replace(self.rows[row], id=""))
            for row in sorted(self.rows)
        ]
        found = compare(stored, fresh)
        claims = dict(found.known)
        for place in found.added:
            self.made += 1
            self.rows[self.made] = fresh[place]
            claims[place] = self.made
        self.claims[name], self.files[name] = claims, fresh

    def undo(self, name: str) -> None:
        self.claims.pop(name)
        left = {row for claimed in self.claims.values() for row in claimed.values()}
        self.rows = {row: each for row, each in self.rows.items() if row in left}

    @property
    def contents(self) -> Counter[tuple[date, Decimal]]:
        return Counter((each.day, each.cash.amount) for each in self.rows.values())


def test_two_equal_lines_stay_two_and_the_same_again_adds_none() -> None:
    ledger = Ledger()
    ledger.do("a", [line(5), line(5)])
    ledger.do("b", [line(5), line(5)])
    assert ledger.contents.total() == 2


def test_equal_lines_with_other_ids_of_the_same_kind_of_file_are_others() -> None:
    ledger = Ledger()
    ledger.do("a", [line(5, name="ofx:1")])
    ledger.do("b", [line(5, name="ofx:2")])
    ledger.do("c", [line(5, name="ofx:2"), line(5, name="ofx:1")])
    assert ledger.contents.total() == 2


def test_equal_lines_of_other_kinds_of_files_are_the_same() -> None:
    ledger = Ledger()
    ledger.do("a", [line(5, name="ofx:1")])
    ledger.do("b", [line(5, name="flex:9")])
    ledger.do("c", [line(5)])
    assert ledger.contents.total() == 1


def test_an_id_that_stands_twice_in_a_file_counts_once() -> None:
    found = compare([], [line(5, name="ofx:1"), line(5, name="ofx:1")])
    assert found.added == (0,)
    assert found.repeated == {1}


def test_a_file_without_lines_changes_nothing() -> None:
    found = compare([StoredActivity(0, frozenset(), line(5))], [])
    assert (found.known, found.added) == ({}, ())


WINDOWS = st.lists(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=6), min_size=1, max_size=4
)


@given(WINDOWS, st.data())
def test_any_order_of_imports_and_undos_ends_at_the_most_that_one_file_shows(
    windows: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    ledger = Ledger()
    here: set[int] = set()
    for place in data.draw(st.lists(st.integers(0, len(windows) - 1), max_size=12)):
        if place in here:
            ledger.undo(str(place))
            here.discard(place)
        else:
            ledger.do(str(place), [line(cash, day) for cash, day in windows[place]])
            here.add(place)
        expected: Counter[tuple[date, Decimal]] = Counter()
        for each in here:
            expected |= Counter((date(2024, 1, d), Decimal(c)) for c, d in windows[each])
        assert ledger.contents == expected


@given(st.integers(1, 8), st.data())
def test_the_same_with_ids_keeps_each_event_once(events: int, data: st.DataObject) -> None:
    history = [line(1, name=f"ofx:{number}") for number in range(events)]  # all of them equal
    ledger = Ledger()
    here: dict[str, set[str]] = {}
    for step in range(data.draw(st.integers(1, 8))):
        if data.draw(st.booleans()) and here:
            name = data.draw(st.sampled_from(sorted(here)))
            ledger.undo(name)
            del here[name]
        else:
            part = [each for each in history if data.draw(st.booleans())]
            ledger.do(str(step), data.draw(st.permutations(part)))
            here[str(step)] = {each.id for each in part}
        assert ledger.contents.total() == len(set().union(*here.values()))
