"""Shares before and after a split, by books of a few lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.features.portfolio.ledger.golden_book import parse_line
from tests.features.portfolio.ledger.tax_books import PUT, XYZ, book, held, option

from optix.features.portfolio.ledger.booking import book_family
from optix.features.portfolio.ledger.securities import identities_of
from optix.features.portfolio.ledger.splits import Splits
from optix.features.portfolio.ledger.values import BookingRules, FamilyBook


def booked(*lines: str) -> FamilyBook:
    return book_family(
        [parse_line(text, place) for place, text in enumerate(lines)], BookingRules()
    )


def splits_of(made: FamilyBook) -> Splits:
    return Splits(made, identities_of(made))


HOLDING = "2025-01-06 A trade XYZ +100 -1000.00"


class TestRatio:
    @pytest.mark.parametrize(
        ("lines", "ratio"),
        [
            (["2025-02-10 A split XYZ +100 0.00"], "2"),
            (["2025-02-10 A split XYZ -90 0.00"], "0.1"),
            (["2025-02-10 A split XYZ +50 0.00"], "1.5"),
            (["2025-02-10 A split XYZ +100 0.00", "2025-02-12 A split XYZ +200 0.00"], "4"),
        ],
    )
    def test_it_is_what_the_journal_moved(self, lines: list[str], ratio: str) -> None:
        """By one holding of 100 shares, from the day before the first split."""
        made = booked(HOLDING, *lines)
        splits = splits_of(made)
        (lot,) = made.lots
        first = lot.opened.replace(month=2, day=9)
        assert splits.ratio(XYZ, first) == Decimal(ratio)
        assert splits.ratio(PUT, first) == Decimal(ratio)

    def test_the_day_of_the_split_is_after_it(self) -> None:
        """By the day, and the one before."""
        splits = splits_of(booked(HOLDING, "2025-02-10 A split XYZ +100 0.00"))
        day = parse_line("2025-02-10 A split XYZ +100 0.00", 0).activity.day
        assert splits.ratio(XYZ, day) == 1
        assert splits.ratio(XYZ, day - timedelta(days=1)) == 2
        assert splits.ratio(XYZ, None) == 1

    def test_a_fraction_paid_in_cash_does_not_change_it(self) -> None:
        """By 100 shares, three for two of which is 33 and a third that was sold."""
        made = booked(HOLDING, "2025-02-10 A split XYZ -67 3.30")
        splits = splits_of(made)
        day = parse_line("2025-02-09 A split XYZ -67 3.30", 0).activity.day
        assert splits.ratio(XYZ, day) == pytest.approx(Decimal(1) / 3, abs=Decimal("0.0001"))

    def test_contracts_that_became_others_tell_it_too(self) -> None:
        """By one call that became two of half the strike, without any shares."""
        made = booked(
            "2025-01-06 A trade XYZ250620C00100000 +1 -500.00",
            "2025-02-10 A split XYZ250620C00100000 -1 0.00 group=s",
            "2025-02-10 A split XYZ250620C00050000 +2 0.00 group=s",
            "2025-02-20 A trade XYZ250620C00100000 +1 -1.00",
        )
        day = parse_line("2025-02-09 A trade XYZ +1 1.00", 0).activity.day
        assert splits_of(made).ratio(option("XYZ250620C00050000"), day) == 2

    def test_contracts_that_nobody_knows_tell_nothing(self) -> None:
        """By a call of 100 that became the one of 50 while there was one of 50, which became that
        of 25: none of the first was ever sold.
        """
        made = booked(
            "2025-01-06 A trade XYZ250620C00100000 +1 -500.00",
            "2025-01-06 A trade XYZ250620C00050000 +1 -900.00",
            "2025-02-10 A split XYZ250620C00100000 -1 0.00 group=s",
            "2025-02-10 A split XYZ250620C00050000 +2 0.00 group=s",
        )
        day = parse_line("2025-02-09 A trade XYZ +1 1.00", 0).activity.day
        assert splits_of(made).ratio(option("XYZ250620C00050000"), day) == 1

    def test_another_share_has_not_grown(self) -> None:
        """By a share that did not split."""
        splits = splits_of(booked(HOLDING, "2025-02-10 A split XYZ +100 0.00"))
        other = replace(XYZ, symbol="ABC")
        assert splits.ratio(other, parse_line(HOLDING, 0).activity.day) == 1


def test_a_book_without_a_journal_has_no_splits() -> None:
    """By lots alone."""
    made = book(held("a", 0, 100, 1000))
    assert splits_of(made).shares_now(made.lots[0], made.lots[0].opened) == 100
