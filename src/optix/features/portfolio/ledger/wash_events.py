"""Which disposals are one sale, which pieces one purchase, and what an exercise leads to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.pieces import NEVER, Piece
from optix.features.portfolio.ledger.values import Disposal, EntryKind, FamilyBook

# What hands its basis on to other lots of the same event.
_HANDING: Final = frozenset({EntryKind.EXERCISE, EntryKind.ASSIGNMENT, EntryKind.REORGANISATION})
# Not "by purchase or by an exchange on which the entire amount of gain or loss was recognized by
# law" (26 U.S.C. §1091(a)).
_NO_PURCHASE: Final = frozenset(
    {EntryKind.SPLIT, EntryKind.SPIN_OFF, EntryKind.REORGANISATION, EntryKind.SYMBOL_CHANGE}
)


class Events:
    """What the journal says of the lines that disposals and lots come from.

    A line without an entry is a purchase, or a sale, of its own.
    """

    def __init__(self, book: FamilyBook, orders: Mapping[UUID, str]) -> None:
        self._orders = orders
        self._kinds: dict[UUID, EntryKind] = {}
        self._events: dict[UUID, UUID] = {}  # lines of events that hand on, to their entry
        self._ranks: dict[UUID, int] = {}
        for rank, entry in enumerate(book.entries):
            for line in (entry.line, *entry.also):
                self._ranks.setdefault(line, rank)
                self._kinds.setdefault(line, entry.kind)
                if entry.kind in _HANDING:
                    self._events.setdefault(line, entry.id)
        self._by_event: dict[UUID, list[Piece]] = {}

    def follow(self, pieces: Iterable[Piece]) -> None:
        """Remember which pieces an exercise brought or took away."""
        for piece in pieces:
            lines = {piece.opening_line}
            if isinstance(piece.source, Disposal) and piece.source.taxable:
                lines.add(piece.source.line)
            for event in {self._events[line] for line in lines if line in self._events}:
                self._by_event.setdefault(event, []).append(piece)

    def heirs_of(self, disposal: Disposal) -> list[Piece]:
        """Return the pieces of other assets that the event of a disposal opened or closed."""
        event = self._events.get(disposal.line)
        found = [] if event is None else self._by_event.get(event, [])
        return [each for each in found if each.asset.key != disposal.asset.key]

    def rank(self, line: UUID) -> int:
        """Return where a line stands in the journal."""
        return self._ranks.get(line, NEVER)

    def is_purchase(self, piece: Piece) -> bool:
        kind = self._kinds.get(piece.opening_line)
        # A transfer is no purchase; the lot that it brought was bought before, on its own day.
        return kind not in _NO_PURCHASE

    def sale_of(self, disposal: Disposal) -> Hashable:
        line = disposal.line
        return (disposal.account, disposal.closed, self._events.get(line) or self._name(line))

    def purchase_of(self, piece: Piece) -> Hashable:
        line = piece.opening_line
        return (line,) if line not in self._orders else (piece.source.account, self._orders[line])

    def _name(self, line: UUID) -> UUID | str:
        return self._orders.get(line) or line
