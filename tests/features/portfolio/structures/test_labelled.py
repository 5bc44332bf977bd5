"""Books that are labelled by hand with what a trader calls them, held against grouping."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.features.portfolio.structures.labelled_books import Book, books

from optix.features.portfolio.structures.values import Shape

ACCURACY_MIN = 0.97
# What grouping calls by another name than a trader does, and why it cannot know.
KNOWN_WRONG = {
    "hard: the calendars of three strikes without history": "two of them look like a double one",
    "hard: puts bought as a hedge in summer and one sold higher up in autumn": "it is a spread",
    "hard: a poor man's covered call whose long leg has four months left": "it is a diagonal too",
    "hard: a put ratio whose short side was sold a week later": "ratios need legs of one day",
    "hard: a jade lizard whose call spread came a day later": "lizards need legs of one day",
}


@pytest.mark.parametrize("book", books(), ids=lambda book: f"{book.file}: {book.name}")
def test_a_book_is_called_what_a_trader_calls_it(book: Book) -> None:
    """By the whole answer: each structure with its legs and quantities, none more and none less."""
    if book.name in KNOWN_WRONG:
        assert not book.is_right, "it is right now: take it off the list"
    else:
        assert book.found() == book.expected


def test_so_many_books_are_right() -> None:
    """By counting, those that are known to be wrong included."""
    right = sum(book.is_right for book in books())
    assert len(books()) >= 150
    assert right / len(books()) >= ACCURACY_MIN


def test_the_labels_name_nearly_every_shape() -> None:
    """By the shapes that no label has: those need a reason here."""
    labelled = {shape for book in books() for shape, _ in book.expected}
    assert set(Shape) - {Shape(name) for name in labelled} == {Shape.SHORT_GUTS}


@pytest.mark.parametrize("book", books(), ids=lambda book: f"{book.file}: {book.name}")
def test_every_position_is_shared_out_exactly(book: Book) -> None:
    """By adding up the legs of all structures: they are the positions, nothing lost or doubled."""
    shared: dict[str, Decimal] = {}
    for (_, legs), times in book.found().items():
        for symbol, quantity in legs:
            shared[symbol] = shared.get(symbol, Decimal(0)) + quantity * times
    assert shared == {each.asset.symbol: each.quantity for each in book.holdings}


def test_names_are_told_once() -> None:
    """By comparing: a case that is there twice would count twice."""
    names = [book.name for book in books()]
    assert len(names) == len(set(names))
    assert all(book.cash is None or book.cash > Decimal(0) for book in books())
