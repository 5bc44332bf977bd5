"""What short sales do to the terms of shares that their owner has as well.

Law: 26 U.S.C. §1233(b) and (d); IRS Publication 550, "Short Sales". Who sells short while owning
the same shares for a year or less, or buys them before the short sale is closed, begins their
holding period anew on the day of the closing, or of their sale if that is before it: of as many
shares as were sold short, in the order of their acquisition. (The gain of the short sale is then
short-term, which every gain of one is here.)

Who has owned them for more than a year on the day of the short sale has a long-term loss by it,
for as many shares.

A short sale that is still open has moved nothing yet but the shares that were sold meanwhile. Puts
that were bought are short sales to the law too; here they are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from heapq import heappop, heappush
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.gains import first_long_day
from optix.features.portfolio.ledger.pieces import (
    NOTHING,
    OfSource,
    Part,
    Piece,
    split_disposal,
    split_lot,
)
from optix.features.portfolio.ledger.securities import SHARES, identities_of
from optix.features.portfolio.ledger.splits import Splits
from optix.features.portfolio.ledger.values import Disposal, FamilyBook, Lot

_LABEL: Final = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortSales:
    """The book with holding periods that begin anew, and the disposals that are long-term losses
    where they are losses: parts of short sales.
    """

    book: FamilyBook
    long_losses: frozenset[UUID]


@dataclass(slots=True, eq=False)
class _Owned:
    """Shares that were bought. The first `shares` of each of `begun` are held since its day."""

    source: Disposal | Lot
    shares: Decimal
    until: date | None
    begun: list[tuple[Decimal, date]] = field(default_factory=list)

    def touch(self, short: _Short) -> None:
        """Begin the holding period of as many shares as the short sale has left."""
        shares = min(short.left, self.shares)
        short.left -= shares
        ends = [day for day in (short.until, self.until) if day is not None]
        if ends:
            self.begun.append((shares, min(ends)))


@dataclass(slots=True, eq=False)
class _Short:
    source: Disposal | Lot
    until: date | None
    left: Decimal
    long_held: Decimal = NOTHING  # shares that were owned for more than a year when it was opened


def apply_short_sales(book: FamilyBook, sheltered: frozenset[UUID] = frozenset()) -> ShortSales:
    """Return the book as it is before wash sales are looked for. `sheltered` accounts stand apart.

    Disposals and lots are cut where only a part of them is touched.
    """
    names = identities_of(book)
    splits = Splits(book, names)
    by_name: dict[str, list[Disposal | Lot]] = {}
    sources: list[Disposal | Lot] = [*book.disposals, *book.lots]
    for source in sources:
        if source.asset.kind in SHARES and source.account not in sheltered:
            by_name.setdefault(names.exact(source.asset), []).append(source)
    parts: dict[UUID, tuple[Part, ...]] = {}
    long_held: set[UUID] = set()
    for same in by_name.values():
        if not any(source.quantity < 0 for source in same):
            continue
        owned, shorts = _swept(same, splits)
        for each in owned:
            if each.begun:
                parts[each.source.id] = tuple(_parts_of(each))
        for short in shorts:
            if short.long_held and isinstance(short.source, Disposal):
                parts[short.source.id] = (Part(short.long_held, NOTHING, 0),)
                long_held.add(short.source.id)
    disposals: list[Disposal] = []
    long_losses: set[UUID] = set()
    for disposal in book.disposals:
        if disposal.id not in parts:
            disposals.append(disposal)
            continue
        shares = splits.shares_now(disposal, disposal.closed)
        cut = [
            each
            for each, _ in split_disposal(_piece_of(disposal, parts[disposal.id], shares), _LABEL)
        ]
        disposals.extend(cut)
        if disposal.id in long_held:
            long_losses.add(cut[0].id)
    lots: list[Lot] = []
    for lot in book.lots:
        shares = splits.shares_now(lot, None)
        lots.extend(split_lot(_piece_of(lot, parts.get(lot.id, ()), shares), _LABEL))
    after = replace(book, disposals=tuple(disposals), lots=tuple(lots))
    return ShortSales(book=after, long_losses=frozenset(long_losses))


def _swept(sources: list[Disposal | Lot], splits: Splits) -> tuple[list[_Owned], list[_Short]]:
    """Go through the days once, with what is owned and what is short on each."""
    owned: list[_Owned] = []
    shorts: list[_Short] = []
    events: list[tuple[date, int, int]] = []  # day, what comes first on it, index
    for source in sources:
        until = source.closed if isinstance(source, Disposal) else None
        shares = splits.shares_now(source, until)
        kind = 0 if source.quantity > 0 else 1
        index = len(owned) if kind == 0 else len(shorts)
        if kind == 0:
            owned.append(_Owned(source, shares, until))
        else:
            shorts.append(_Short(source, until, shares))
        events.append((source.opened, _OPENED[kind], index))
        if until is not None:
            events.append((until, _CLOSED[kind], index))
    young: dict[int, _Owned] = {}
    ripe: list[tuple[date, int]] = []
    old: dict[int, _Owned] = {}
    active: dict[int, _Short] = {}
    for day, what, index in sorted(events):
        if what == _OPENED[0]:
            each = owned[index]
            if each.until == day:
                continue  # a day's shares have no term to lose
            young[index] = each
            heappush(ripe, (first_long_day(each.source.held_since), index))
            for short in list(active.values()):
                each.touch(short)
        elif what == _CLOSED[0]:
            young.pop(index, None)
            old.pop(index, None)
        elif what == _OPENED[1]:
            while ripe and ripe[0][0] <= day:
                _, grown = heappop(ripe)
                if grown in young:
                    old[grown] = young.pop(grown)
            _open(shorts[index], young, old)
            active[index] = shorts[index]
        else:
            active.pop(index, None)
        for done in [place for place, short in active.items() if not short.left]:
            del active[done]
    return owned, shorts


# On one day: sales of shares, purchases, short sales, and what closes them.
_CLOSED: Final = (0, 3)
_OPENED: Final = (1, 2)


def _open(short: _Short, young: dict[int, _Owned], old: dict[int, _Owned]) -> None:
    available = sum((each.shares for each in old.values()), NOTHING)
    short.long_held = min(short.left, available)
    for each in young.values():
        if not short.left:
            break
        each.touch(short)


def _parts_of(owned: _Owned) -> Iterator[Part]:
    """Yield parts by the day since which they are held, from the first share on."""
    done = NOTHING
    for end in sorted({shares for shares, _ in owned.begun}):
        day = max(day for shares, day in owned.begun if shares >= end)
        yield Part(end - done, NOTHING, (owned.source.held_since - day).days)
        done = end


def _piece_of(source: OfSource, parts: tuple[Part, ...], shares: Decimal) -> Piece[OfSource]:
    return Piece(source, 0, shares, None, None, 0, shares, parts=parts)
