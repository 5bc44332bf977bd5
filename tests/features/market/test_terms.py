"""Terms of listed options: each root has its own style and its own last instant."""

from __future__ import annotations

from datetime import UTC, date, datetime

from optix.features.market.terms import ListedTerms
from optix.kernel.clock import to_datetime
from optix.kernel.instrument import ExerciseStyle, Settlement

MONTHLY = date(2026, 12, 18)


def test_two_roots_of_one_index_differ_in_their_last_instant_alone() -> None:
    listed = ListedTerms()
    morning, afternoon = listed.terms_of("SPX", MONTHLY), listed.terms_of("SPXW", MONTHLY)
    assert (morning.settlement, afternoon.settlement) == (Settlement.AM, Settlement.PM)
    assert {morning.style, afternoon.style} == {ExerciseStyle.EUROPEAN}
    assert to_datetime(morning.settles_at_ns) == datetime(2026, 12, 18, 14, 30, tzinfo=UTC)
    assert to_datetime(afternoon.settles_at_ns) == datetime(2026, 12, 18, 21, 0, tzinfo=UTC)


def test_a_stock_is_american_and_settles_at_the_close() -> None:
    terms = ListedTerms().terms_of("AAPL", MONTHLY)
    assert (terms.style, terms.settlement) == (ExerciseStyle.AMERICAN, Settlement.PM)


def test_an_early_close_ends_the_option_early() -> None:
    terms = ListedTerms().terms_of("SPY", date(2026, 11, 27))  # the day after Thanksgiving
    assert to_datetime(terms.settles_at_ns) == datetime(2026, 11, 27, 18, 0, tzinfo=UTC)


def test_terms_are_looked_up_once() -> None:
    listed = ListedTerms()
    assert listed.terms_of("SPY", MONTHLY) is listed.terms_of("SPY", MONTHLY)
