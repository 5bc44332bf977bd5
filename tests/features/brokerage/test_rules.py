"""When connections are read, which days, and when owners are warned: by table and property."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from optix.features.brokerage.rules import (
    BREAKER_FAILURES,
    BREAKER_SECONDS,
    IDLE_SECONDS,
    OPEN_SECONDS,
    OVERLAP_DAYS,
    WINDOW_DAYS,
    Breaker,
    Window,
    extended,
    seconds_to_next,
    warnings_due,
    windows_to_read,
)
from optix.kernel import limits

TODAY = date(2026, 3, 20)
DAY = timedelta(days=1)
days = st.dates(min_value=date(2010, 1, 1), max_value=TODAY)


def covered_by(windows: list[Window]) -> list[date]:
    return [w.first + n * DAY for w in windows for n in range(w.days)]


class TestWindows:
    @given(days, st.one_of(st.none(), st.integers(1, 5_000)))
    def test_a_first_reading_covers_every_day_once_and_the_newest_first(
        self, opened: date, history_days: int | None
    ) -> None:
        windows = windows_to_read(None, opened=opened, today=TODAY, history_days=history_days)
        read = covered_by(windows)
        kept = TODAY - (history_days or limits.BROKER_HISTORY_DAYS_MAX) * DAY
        assert sorted(read) == [
            max(opened, kept) + n * DAY for n in range((TODAY - max(opened, kept)).days + 1)
        ]
        assert windows[0].last == TODAY
        assert all(w.days <= WINDOW_DAYS for w in windows)

    @given(days, days)
    def test_a_later_reading_overlaps_and_fills_what_is_missing(
        self, one: date, other: date
    ) -> None:
        covered = Window(min(one, other), max(one, other))
        opened = date(2009, 1, 1)
        windows = windows_to_read(covered, opened=opened, today=TODAY, history_days=None)
        oldest = TODAY - limits.BROKER_HISTORY_DAYS_MAX * DAY
        all_days = {oldest + n * DAY for n in range((TODAY - oldest).days + 1)}
        known = {covered.first + n * DAY for n in range(covered.days)}
        read = covered_by(windows)
        assert len(set(read)) == len(read)
        assert all_days <= known | set(read)
        since = max(covered.last, oldest)
        assert {TODAY - n * DAY for n in range((TODAY - since).days + 1)} <= set(read)

    def test_a_usual_reading_is_short(self) -> None:
        covered = Window(TODAY - limits.BROKER_HISTORY_DAYS_MAX * DAY, TODAY)
        windows = windows_to_read(covered, opened=None, today=TODAY, history_days=None)
        assert windows == [Window(TODAY - OVERLAP_DAYS * DAY, TODAY)]

    def test_a_clock_that_went_back_does_not_ask_for_the_future(self) -> None:
        covered = Window(date(2026, 1, 1), TODAY + 5 * DAY)
        windows = windows_to_read(covered, opened=date(2026, 1, 1), today=TODAY, history_days=None)
        assert windows == [Window(TODAY - OVERLAP_DAYS * DAY, TODAY)]

    def test_what_was_merged_counts_only_as_one_piece(self) -> None:
        covered = Window(date(2026, 3, 1), date(2026, 3, 10))
        assert extended(None, covered) == covered
        later = Window(date(2026, 3, 11), date(2026, 3, 12))
        assert extended(covered, later) == Window(date(2026, 3, 1), date(2026, 3, 12))
        assert extended(covered, Window(date(2026, 3, 12), TODAY)) == covered
        older = Window(date(2026, 2, 1), date(2026, 2, 28))
        assert extended(covered, older) == Window(date(2026, 2, 1), date(2026, 3, 10))


class TestPauses:
    @given(st.floats(0, 1, exclude_max=True), st.floats(1, 3_600), st.booleans())
    def test_a_broker_is_never_read_faster_than_nine_tenths_of_its_pace(
        self, dice: float, pace: float, market_open: bool
    ) -> None:
        seconds = seconds_to_next(
            pace_seconds=pace,
            market_open=market_open,
            failures=0,
            retry_after_seconds=None,
            dice=dice,
        )
        usual = max(pace, OPEN_SECONDS if market_open else IDLE_SECONDS)
        assert 0.9 * usual <= seconds <= 1.1 * usual + 1e-6

    @given(st.floats(0, 1, exclude_max=True), st.integers(1, 10_000))
    def test_pauses_after_failures_grow_to_a_bound(self, dice: float, failures: int) -> None:
        def pause(count: int) -> float:
            return seconds_to_next(
                pace_seconds=60,
                market_open=True,
                failures=count,
                retry_after_seconds=None,
                dice=dice,
            )

        assert pause(failures) <= pause(failures + 1)
        assert pause(1) >= 0.5 * limits.BROKER_RETRY_SECONDS_FIRST
        assert pause(10_000) <= 1.5 * limits.BROKER_RETRY_SECONDS_MAX

    def test_a_broker_that_says_when_is_believed(self) -> None:
        assert (
            seconds_to_next(
                pace_seconds=60,
                market_open=True,
                failures=1,
                retry_after_seconds=5_000,
                dice=0.9,
            )
            == 5_000
        )


class TestWarnings:
    ENDS = datetime(2026, 3, 20, 12, tzinfo=UTC)

    def due(self, warned: int, at: datetime, life: timedelta = timedelta(days=7)) -> int:
        return warnings_due(self.ENDS, warned, at, signed_in_at=self.ENDS - life)

    def test_one_a_day_before_and_one_two_hours_before(self) -> None:
        for hours, due in ((25, 0), (24, 1), (3, 1), (2, 2), (0.5, 2)):
            assert self.due(0, self.ENDS - timedelta(hours=hours)) == due

    def test_what_was_sent_is_not_owed_again_and_an_end_owes_nothing(self) -> None:
        assert self.due(2, self.ENDS - timedelta(hours=23)) == 2
        assert self.due(0, self.ENDS) == 0
        assert warnings_due(None, 0, self.ENDS, signed_in_at=self.ENDS) == 0

    def test_a_sign_in_of_a_day_does_not_begin_with_a_warning(self) -> None:
        day = timedelta(seconds=86_399)
        assert self.due(0, self.ENDS - day, day) == 0
        assert self.due(0, self.ENDS - timedelta(hours=2), day) == 2


class TestBreaker:
    def test_a_broker_that_fails_for_everybody_is_left_alone_for_a_while(self) -> None:
        breaker = Breaker()
        for _ in range(BREAKER_FAILURES - 1):
            breaker = breaker.after(failed=True, now_ns=0)
            assert breaker.allows(0)
        breaker = breaker.after(failed=True, now_ns=0)
        assert not breaker.allows(int(BREAKER_SECONDS * 1e9) - 1)
        assert breaker.allows(int(BREAKER_SECONDS * 1e9))

    def test_after_the_pause_one_failure_opens_it_again_and_one_success_closes_it(self) -> None:
        breaker = Breaker(BREAKER_FAILURES, 1)
        assert not breaker.after(failed=True, now_ns=2).allows(3)
        assert breaker.after(failed=False, now_ns=2) == Breaker()
