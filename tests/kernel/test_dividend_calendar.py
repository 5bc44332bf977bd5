"""Rhythms are written down by hand; what follows from them is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from optix.kernel import limits
from optix.kernel.corporate import ActionKind, CorporateAction
from optix.kernel.dividend_calendar import Frequency, coming_dividends, dividend_frequency

TODAY = date(2026, 6, 22)
# SPY: the third Friday of March, June, September and December.
SPY = [
    date(2025, 6, 20),
    date(2025, 9, 19),
    date(2025, 12, 19),
    date(2026, 3, 20),
    date(2026, 6, 19),
]


def paid(day: date, amount: float | None = 1.5, **changes: Any) -> CorporateAction:
    fields: dict[str, Any] = {
        "symbol": "SPY",
        "kind": ActionKind.CASH_DIVIDEND,
        "ex_date": day,
        "amount": amount,
        "source": "yahoo",
    }
    return CorporateAction(**fields | changes)


def every(days: int, count: int, last: date = date(2026, 6, 12)) -> list[date]:
    return [last - timedelta(days=days * back) for back in reversed(range(count))]


def coming(*actions: CorporateAction, until: date = date(2027, 6, 30)) -> list[CorporateAction]:
    return coming_dividends(actions, today=TODAY, until=until)


class TestFrequency:
    @pytest.mark.parametrize(
        ("gap", "frequency"),
        [
            (7, Frequency.WEEKLY),
            (30, Frequency.MONTHLY),
            (91, Frequency.QUARTERLY),
            (182, Frequency.SEMIANNUAL),
            (364, Frequency.ANNUAL),
            (50, Frequency.NONE),
            (500, Frequency.NONE),
        ],
    )
    def test_it_is_that_of_the_gaps(self, gap: int, frequency: Frequency) -> None:
        assert dividend_frequency(every(gap, 4)) is frequency

    def test_a_moved_date_does_not_break_it_and_many_do(self) -> None:
        days = every(91, 6)
        moved = [*days[:3], days[3] + timedelta(days=15), *days[4:]]
        assert dividend_frequency(moved) is Frequency.QUARTERLY
        wild = [date(2026, 1, 1) + timedelta(days=offset) for offset in (0, 91, 121, 300, 391)]
        assert dividend_frequency(wild) is Frequency.NONE

    def test_few_dates_tell_a_slow_rhythm_only(self) -> None:
        assert dividend_frequency([]) is Frequency.NONE
        assert dividend_frequency([TODAY]) is Frequency.NONE
        assert dividend_frequency(every(91, 2)) is Frequency.NONE
        assert dividend_frequency(every(364, 2)) is Frequency.ANNUAL


class TestProjection:
    def test_a_quarterly_dividend_goes_on_at_last_years_days(self) -> None:
        actions = [
            paid(day, amount) for day, amount in zip(SPY, (1.4, 1.5, 1.9, 1.6, 1.7), strict=True)
        ]
        found = coming(*actions)
        assert [action.ex_date for action in found] == [
            date(2026, 9, 18),
            date(2026, 12, 18),
            date(2027, 3, 19),
            date(2027, 6, 18),
        ]
        assert {action.amount for action in found} == {1.7}
        assert all(action.estimated for action in found)
        assert {action.source for action in found} == {"yahoo, quarterly dividend continued"}
        assert {action.announced for action in found} == {None}

    def test_what_was_announced_replaces_its_projection(self) -> None:
        announced = paid(date(2026, 9, 21), 1.8, announced=date(2026, 6, 1))
        found = coming(*map(paid, SPY), announced)
        assert [action.ex_date for action in found][:2] == [date(2026, 9, 21), date(2026, 12, 18)]
        assert found[0] is announced
        assert found[1].estimated
        assert found[1].amount == 1.5, "the latest that was paid"

    def test_a_special_dividend_is_kept_and_not_continued(self) -> None:
        special = paid(date(2026, 7, 1), 10.0, kind=ActionKind.SPECIAL_DIVIDEND)
        before = paid(date(2026, 2, 2), 12.0, kind=ActionKind.SPECIAL_DIVIDEND)
        found = coming(*map(paid, SPY), special, before)
        assert found[0] is special
        assert {action.amount for action in found[1:]} == {1.5}

    def test_amounts_are_of_the_shares_of_today(self) -> None:
        def split(day: date, ratio: float) -> CorporateAction:
            return paid(day, kind=ActionKind.SPLIT, amount=None, ratio=ratio)

        actions = [*map(paid, SPY), split(date(2026, 6, 22), 2.0), split(date(2026, 9, 1), 5.0)]
        assert {action.amount for action in coming(*actions)} == {0.75}

    def test_less_than_a_year_of_past_goes_on_by_periods_on_weekdays(self) -> None:
        days = every(91, 3)
        found = coming(*map(paid, days))
        assert found[0].ex_date - days[-1] == timedelta(days=91)
        assert all(action.ex_date.weekday() < 5 for action in found)
        monthly = coming(*map(paid, every(30, 5)), until=date(2026, 12, 31))
        assert len(monthly) == 7
        assert all(action.ex_date.weekday() < 5 for action in monthly)

    def test_who_has_stopped_pays_no_more(self) -> None:
        old = every(91, 6, last=date(2025, 12, 1))
        assert coming(*map(paid, old)) == []

    def test_without_a_rhythm_only_what_was_announced_comes(self) -> None:
        announced = paid(date(2026, 8, 3))
        assert coming(paid(date(2025, 1, 2)), announced) == [announced]
        assert coming(announced) == [announced]
        assert coming() == []

    def test_estimates_of_others_are_kept_and_found_no_rhythm(self) -> None:
        guess = paid(date(2026, 8, 3), estimated=True)
        assert coming(*(paid(day, estimated=True) for day in SPY), guess) == [guess]

    def test_old_dividends_say_nothing_about_today(self) -> None:
        ancient = every(30, 24, last=date(2020, 1, 1))
        found = coming(*map(paid, [*ancient, *SPY]))
        assert found[0].ex_date == date(2026, 9, 18)

    def test_the_number_of_projections_is_bounded(self) -> None:
        found = coming(*map(paid, every(7, 60)), until=date(2060, 1, 1))
        assert len(found) <= limits.DIVIDENDS_PROJECTED_MAX
        assert len(found) >= limits.DIVIDENDS_PROJECTED_MAX - 2


def test_what_a_source_itself_expects_is_not_expected_twice() -> None:
    today = date(2026, 11, 20)
    past = [
        CorporateAction(
            symbol="SPY", kind=ActionKind.CASH_DIVIDEND, ex_date=day, amount=1.7, source="src"
        )
        for day in (date(2026, 3, 20), date(2026, 6, 19), date(2026, 9, 18))
    ]
    guessed = replace(past[-1], ex_date=date(2026, 12, 18), amount=1.8, estimated=True)
    coming = coming_dividends([*past, guessed], today=today, until=date(2027, 1, 31))
    assert [(entry.ex_date, entry.amount) for entry in coming] == [(date(2026, 12, 18), 1.8)]
