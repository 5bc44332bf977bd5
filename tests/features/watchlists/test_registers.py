"""Edits of devices as values: every order of arrival must lead to the same lists."""

from __future__ import annotations

import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optix.features.watchlists.registers import (
    SECTION,
    Edit,
    Refusal,
    Stamp,
    Verdict,
    Watchlist,
    WatchlistEditInvalid,
    apply_edits,
    check_edit,
    entry_key,
    forget,
    rank_between,
    ranks_after,
)
from optix.kernel import limits

NOW = 1_790_000_000_000
LIST = UUID(int=1)
SYMBOLS_MAX = 5

texts = st.sampled_from(["Core", "Growth", "Income"])
ranks = st.sampled_from(["1", "5", "9", "m", "z"])
entries = st.sampled_from(["SPY", "QQQ", "BRK.B", f"{SECTION}{UUID(int=7)}"])
moments = st.integers(NOW - 20, NOW)


def edit(number: int, at_ms: int, entry: str | None = None, **changes: object) -> Edit:
    key, checked = check_edit(entry, changes)
    return Edit(id=UUID(int=number), at_ms=at_ms, list_id=LIST, entry=key, changes=checked)


@st.composite
def edits(draw: st.DrawFn) -> list[Edit]:
    """Edits of several devices at the same few moments, so that many are about the same field."""
    made = []
    for number in range(draw(st.integers(1, 14))):
        entry = draw(st.none() | entries)
        fields = {"alive": st.booleans(), "rank": ranks}
        fields |= {"name": texts} if entry is None else {"note": texts}
        changes = draw(st.fixed_dictionaries({}, optional=fields).filter(bool))
        made.append(edit(number + 10, draw(moments), entry, **changes))
    return made


def born() -> dict[UUID, Watchlist]:
    lists: dict[UUID, Watchlist] = {}
    apply(lists, [edit(1, NOW - 1_000, None, alive=True, name="Core", rank="5")])
    return lists


def apply(lists: dict[UUID, Watchlist], made: list[Edit]) -> list[Verdict]:
    outcomes, _ = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
    return [outcome.verdict for outcome in outcomes]


class TestMerging:
    @given(edits(), st.randoms(use_true_random=False))
    def test_any_order_of_arrival_gives_the_same_lists(
        self, made: list[Edit], order: random.Random
    ) -> None:
        """Two runs differ in nothing but the order of arrival; the whole states are compared."""
        first, second = born(), born()
        apply(first, made)
        shuffled = list(made)
        order.shuffle(shuffled)
        apply(second, shuffled)
        assert first == second

    @given(edits())
    def test_an_edit_that_is_sent_again_changes_nothing(self, made: list[Edit]) -> None:
        lists = born()
        apply(lists, made)
        shown = [lists[LIST].shown(), dict(lists[LIST].fields.values)]
        assert set(apply(lists, made)) <= {Verdict.SUPERSEDED}
        assert [lists[LIST].shown(), dict(lists[LIST].fields.values)] == shown

    def test_the_later_choice_stands_field_by_field(self) -> None:
        lists = born()
        late = edit(11, NOW - 1, "SPY", alive=True, rank="5", note="late")
        early = edit(12, NOW - 2, "SPY", rank="9", note="early")
        assert apply(lists, [late, early]) == [Verdict.APPLIED, Verdict.SUPERSEDED]
        assert lists[LIST].entries["SPY"].values == {"alive": True, "rank": "5", "note": "late"}

    def test_of_two_choices_of_one_moment_all_devices_keep_the_same(self) -> None:
        one, other = edit(11, NOW, name="Growth"), edit(12, NOW, name="Income")
        for order in ([one, other], [other, one]):
            lists = born()
            apply(lists, order)
            assert lists[LIST].fields.text("name") == "Income"

    def test_what_was_added_before_it_was_removed_elsewhere_stays_removed(self) -> None:
        lists = born()
        apply(lists, [edit(11, NOW - 1, "SPY", alive=False)])
        assert apply(lists, [edit(12, NOW - 2, "SPY", alive=True, rank="5")]) == [Verdict.APPLIED]
        assert lists[LIST].shown() == []

    def test_a_clock_that_is_ahead_wins_only_until_now(self) -> None:
        lists = born()
        apply(lists, [edit(11, NOW + 86_400_000, name="Growth")])
        assert lists[LIST].fields.stamps["name"] == Stamp(NOW, UUID(int=11))

    def test_a_list_in_order_is_that_of_its_ranks(self) -> None:
        lists = born()
        made = zip(("QQQ", "SPY", "IWM"), ("9", "1", "5"), strict=True)
        apply(
            lists,
            [edit(20 + at, NOW, key, alive=True, rank=rank) for at, (key, rank) in enumerate(made)],
        )
        assert [key for key, _ in lists[LIST].shown()] == ["SPY", "IWM", "QQQ"]


class TestBounds:
    def test_a_list_that_is_full_takes_no_more_but_what_it_has_can_change(self) -> None:
        lists = born()
        names = [f"A{chr(65 + at)}" for at in range(SYMBOLS_MAX + 1)]
        made = [edit(20 + at, NOW, name, alive=True) for at, name in enumerate(names)]
        outcomes, _ = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
        assert outcomes[-1].refusal is Refusal.LIST_FULL
        assert len(lists[LIST].shown()) == SYMBOLS_MAX
        assert apply(lists, [edit(40, NOW, names[0], note="kept")]) == [Verdict.APPLIED]
        apply(lists, [edit(41, NOW, names[0], alive=False), edit(42, NOW, names[-1], alive=True)])
        assert names[-1] in dict(lists[LIST].shown())

    def test_sections_have_a_limit_of_their_own(self) -> None:
        lists = born()
        made = [
            edit(100 + at, NOW, f"{SECTION}{UUID(int=at)}", alive=True)
            for at in range(limits.WATCHLIST_SECTIONS_MAX + 1)
        ]
        outcomes, _ = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
        assert [each.refusal for each in outcomes[-2:]] == [None, Refusal.LIST_FULL]
        assert apply(lists, [edit(900, NOW, "SPY", alive=True)]) == [Verdict.APPLIED]

    def test_there_are_as_many_lists_as_one_may_have(self) -> None:
        lists: dict[UUID, Watchlist] = {}
        made = [
            Edit(
                id=UUID(int=at),
                at_ms=NOW,
                list_id=UUID(int=1_000 + at),
                entry=None,
                changes={"alive": True, "name": "Core"},
            )
            for at in range(limits.WATCHLISTS_PER_USER_MAX + 1)
        ]
        outcomes, changed = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
        assert outcomes[-1].refusal is Refusal.TOO_MANY_LISTS
        assert len(changed) == len(lists) == limits.WATCHLISTS_PER_USER_MAX

    def test_an_edit_that_waited_too_long_is_refused(self) -> None:
        lists = born()
        oldest = NOW - limits.WATCHLIST_EDIT_AGE_SECONDS_MAX * 1_000
        made = [edit(11, oldest, "SPY", note="a"), edit(12, oldest - 1, "SPY", note="b")]
        outcomes, _ = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
        assert [each.refusal for each in outcomes] == [None, Refusal.TOO_OLD]

    def test_an_edit_of_a_list_that_nobody_made_is_refused(self) -> None:
        lists: dict[UUID, Watchlist] = {}
        made = [edit(11, NOW, "SPY", alive=True), edit(12, NOW, name="Core")]
        outcomes, _ = apply_edits(lists, made, now_ms=NOW, symbols_max=SYMBOLS_MAX)
        assert {each.refusal for each in outcomes} == {Refusal.UNKNOWN_LIST}
        assert lists == {}

    def test_what_was_removed_is_forgotten_after_longer_than_any_edit_may_wait(self) -> None:
        assert limits.WATCHLIST_REMOVED_KEPT_SECONDS > limits.WATCHLIST_EDIT_AGE_SECONDS_MAX
        lists = born()
        apply(lists, [edit(11, NOW, "SPY", alive=False), edit(12, NOW, "QQQ", alive=True)])
        kept = NOW + limits.WATCHLIST_REMOVED_KEPT_SECONDS * 1_000
        assert forget(lists, now_ms=kept) == set()
        assert "SPY" in lists[LIST].entries
        assert forget(lists, now_ms=kept + 1) == set()
        assert list(lists[LIST].entries) == ["QQQ"]
        apply(lists, [edit(13, NOW, alive=False)])
        assert forget(lists, now_ms=kept + 1) == {LIST}


class TestChecking:
    @pytest.mark.parametrize(
        ("entry", "changes"),
        [
            (None, {}),
            (None, {"note": "x"}),
            ("SPY", {"name": "x"}),
            ("SPY", {"alive": 1}),
            ("SPY", {"rank": ""}),
            ("SPY", {"rank": "A"}),
            ("SPY", {"rank": "10"}),
            ("SPY", {"rank": "1" * (limits.WATCHLIST_RANK_LENGTH_MAX + 1)}),
            ("SPY", {"note": "x" * (limits.WATCHLIST_NOTE_LENGTH_MAX + 1)}),
            ("SPY", {"note": "a\u202eb"}),
            (None, {"name": " "}),
            (None, {"name": "x" * (limits.WATCHLIST_NAME_LENGTH_MAX + 1)}),
            (None, {"columns": ["last", "last"]}),
            (None, {"columns": ["price"]}),
            (None, {"columns": [["last"]]}),
            (None, {"columns": "last"}),
            ("section:x", {"alive": True}),
            ("S P Y", {"alive": True}),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, entry: str | None, changes: dict[str, object]
    ) -> None:
        with pytest.raises(WatchlistEditInvalid):
            check_edit(entry, changes)

    def test_entries_have_one_spelling(self) -> None:
        assert entry_key("spy") == "SPY"
        assert entry_key(f"{SECTION}{str(UUID(int=7)).upper()}") == f"{SECTION}{UUID(int=7)}"


class TestRanks:
    @given(st.lists(st.integers(0, 1_000), min_size=1, max_size=60))
    def test_there_is_always_one_between_two(self, places: list[int]) -> None:
        """Ranks are put in at any places; they must stay apart, in order and usable."""
        found: list[str] = []
        for place in places:
            at = place % (len(found) + 1)
            before = found[at - 1] if at else ""
            after = found[at] if at < len(found) else ""
            found.insert(at, rank_between(before, after))
        assert found == sorted(set(found))
        assert not any(rank.endswith("0") for rank in found)

    @given(ranks, st.integers(1, limits.WATCHLIST_SYMBOLS_MAX))
    def test_a_list_that_grows_at_its_end_keeps_short_ranks(self, last: str, count: int) -> None:
        found = ranks_after(last, count)
        assert found == sorted(set(found))
        assert found[0] > last
        assert max(map(len, found)) <= limits.WATCHLIST_RANK_LENGTH_MAX
        assert len(ranks_after("", limits.WATCHLIST_SYMBOLS_MAX)[-1]) <= 4
