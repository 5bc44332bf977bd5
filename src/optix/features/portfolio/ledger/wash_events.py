"""Which disposals are one sale, which pieces one purchase, and what an exercise leads to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.pieces import NEVER, Closed, Open, Piece
from optix.features.portfolio.ledger.splits import Splits
from optix.features.portfolio.ledger.values import (
    Book,
    Disposal,
    Entry,
    EntryKind,
    FamilyBook,
    Lot,
)

# What hands its basis on to shares of the same event.
_HANDING: Final = frozenset({EntryKind.EXERCISE, EntryKind.ASSIGNMENT})
# Not "by purchase or by an exchange on which the entire amount of gain or loss was recognized by
# law" (26 U.S.C. §1091(a)). What was bought before keeps its purchase through them.
_NO_PURCHASE: Final = frozenset(
    {EntryKind.SPLIT, EntryKind.SPIN_OFF, EntryKind.REORGANISATION, EntryKind.SYMBOL_CHANGE}
)


# What came by these was bought elsewhere, on a day that nobody told unless its owner did.
_MOVING: Final = frozenset({EntryKind.TRANSFER, EntryKind.ADJUSTMENT, EntryKind.OTHER})


@dataclass(frozen=True, slots=True)
class _Origin:
    """What the journal says of a line: where it stands, and the event that hands something on."""

    rank: int
    is_purchase: bool
    event: UUID | None


_UNKNOWN: Final = _Origin(NEVER, is_purchase=True, event=None)


class Events:
    """What the journal says of the lines that disposals and lots come from.

    A line without an entry is a purchase, or a sale, of its own.
    """

    def __init__(self, book: FamilyBook, orders: Mapping[UUID, str], splits: Splits) -> None:
        self._orders = orders
        self._splits = splits
        self._origins: dict[UUID, _Origin] = {}
        for rank, entry in enumerate(book.entries):
            event = entry.id if entry.kind in _HANDING else None
            origin = _Origin(rank, _is_purchase(entry), event)
            for line in (entry.line, *entry.also):
                self._origins.setdefault(line, origin)
        self._by_event: dict[UUID, list[Closed | Open]] = {}
        self._purchases: dict[Hashable, int] = {}
        self._sales: dict[Hashable, int] = {}

    def open_piece(self, lot: Lot) -> Open:
        line = lot.bought or lot.line
        opening = self._origins.get(line, _UNKNOWN)
        shares = self._splits.shares_now(lot, None)
        piece = Piece(
            source=lot,
            order=NEVER,
            shares=shares,
            purchase=self._purchase(lot.account, line, opening),
            sale=None,
            rank=opening.rank,
            free=shares,
        )
        if opening.event is not None:
            self._by_event.setdefault(opening.event, []).append(piece)
        return piece

    def closed_piece(self, disposal: Disposal, order: int) -> Closed:
        """Return the piece of a disposal, the `order`th of its book. Asked for in this order."""
        line = disposal.bought or disposal.opening_line
        opening = self._origins.get(line, _UNKNOWN)
        closing = self._origins.get(disposal.line, _UNKNOWN)
        shares = self._splits.shares_now(disposal, disposal.closed)
        order_id = self._orders.get(disposal.line) if self._orders else None
        sale = (disposal.closed, disposal.account, closing.event or order_id or disposal.line)
        piece = Piece(
            source=disposal,
            order=order,
            shares=shares,
            purchase=self._purchase(disposal.account, line, opening),
            sale=self._sales.setdefault(sale, len(self._sales)),
            rank=opening.rank,
            free=shares,
        )
        if opening.event is not None:
            self._by_event.setdefault(opening.event, []).append(piece)
        if closing.event is not None and closing.event != opening.event and disposal.taxable:
            self._by_event.setdefault(closing.event, []).append(piece)
        return piece

    def _purchase(self, account: UUID, line: UUID, opening: _Origin) -> int | None:
        if not opening.is_purchase:
            return None
        order = self._orders.get(line) if self._orders else None
        name: Hashable = line if order is None else (account, order)
        return self._purchases.setdefault(name, len(self._purchases))

    def heirs_of(self, disposal: Disposal) -> list[Closed | Open]:
        """Return the pieces of other assets that the event of a disposal opened or closed."""
        event = self._origins.get(disposal.line, _UNKNOWN).event
        found = [] if event is None else self._by_event.get(event, [])
        return [each for each in found if each.asset.key != disposal.asset.key]


def _is_purchase(entry: Entry) -> bool:
    if entry.kind in _MOVING:
        return any(each.book is Book.OPENING for each in entry.postings)
    return entry.kind not in _NO_PURCHASE
