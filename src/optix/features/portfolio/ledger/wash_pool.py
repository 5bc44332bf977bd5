"""Where replacements are looked for: pieces by place and day of acquisition, the earliest first.

Pieces leave when they are sold or used up and never come back, so that a search skips what is gone
in almost no time, however many sales there are in 61 days.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from heapq import merge
from itertools import groupby
from operator import itemgetter

from optix.features.portfolio.ledger.pieces import Closed, Open
from optix.features.portfolio.ledger.securities import Place

AnyPiece = Closed | Open
# A piece at one place: on which day, in what order, in which purchase (or sale).
Offer = tuple[date, int, int, int | None, AnyPiece]


class _Purchase:
    """Pieces that one purchase brought, those that are sold first in front: as they are offered."""

    __slots__ = ("_next", "_pieces", "name")

    def __init__(self, name: int | None, pieces: Sequence[AnyPiece]) -> None:
        self.name = name
        self._pieces = pieces
        self._next = 0

    def first(self) -> AnyPiece | None:
        pieces = self._pieces
        while self._next < len(pieces):
            if (piece := pieces[self._next]).free:
                return piece
            self._next += 1
        return None


class _Shelf:
    """The purchases of one place by day. `_ahead[i]` skips from i on to what may not be empty."""

    def __init__(self, offers: list[Offer]) -> None:
        # Purchases of one day come in their own order, and each stays together.
        offers.sort(key=itemgetter(0, 1, 2))
        self._days: list[date] = []
        self._purchases: list[_Purchase] = []
        for day, of_day in groupby(offers, key=itemgetter(0)):
            by_name: dict[int | None, list[AnyPiece]] = {}
            for _, _, _, name, piece in of_day:
                by_name.setdefault(name, []).append(piece)
            for name, pieces in by_name.items():
                self._days.append(day)
                self._purchases.append(_Purchase(name, pieces))
        self._ahead = list(range(len(self._days) + 1))

    def within(self, first: date, last: date, own: int | None) -> Iterator[tuple[date, AnyPiece]]:
        """Yield what is free, again and again until it is not."""
        at = self._find(bisect_left(self._days, first))
        while at < len(self._days) and self._days[at] <= last:
            purchase = self._purchases[at]
            if purchase.name != own:
                while (piece := purchase.first()) is not None:
                    yield self._days[at], piece
            if purchase.first() is None:
                self._ahead[at] = at + 1
            at = self._find(at + 1)

    def _find(self, at: int) -> int:
        ahead = self._ahead
        end = at
        while ahead[end] != end:
            end = ahead[end]
        while ahead[at] != end:
            ahead[at], at = end, ahead[at]
        return end


class Pool:
    """All that can replace something."""

    def __init__(self, offers: Iterable[tuple[Place, Offer]]) -> None:
        by_place: dict[Place, list[Offer]] = {}
        for place, offer in offers:
            by_place.setdefault(place, []).append(offer)
        self._shelves = {place: _Shelf(each) for place, each in by_place.items()}

    def within(
        self, places: Iterable[Place], first: date, last: date, own: int | None
    ) -> Iterator[tuple[date, AnyPiece]]:
        """Yield (day, piece) with free shares from `first` to `last`, the earliest first.

        Whoever iterates uses the piece up or stops. What the purchase `own` brought is left out.
        """
        shelves = [self._shelves[place] for place in places if place in self._shelves]
        found = [shelf.within(first, last, own) for shelf in shelves]
        return found[0] if len(found) == 1 else merge(*found, key=itemgetter(0))
