"""What a wash sale touches: pieces of acquisitions, closed as one or still open, cut as it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Generic, TypeVar
from uuid import UUID, uuid5

from optix.features.portfolio.ledger.values import Disposal, Lot
from optix.kernel.holding import Asset
from optix.kernel.money import Rounding

_CENT: Final = Decimal("0.01")
NOTHING: Final = Decimal(0)
NEVER: Final = 1 << 62  # the place in the order of events of what is not closed


def cut(amount: Decimal, done: Decimal, whole: Decimal) -> Decimal:
    """Return the share `done` of `whole` of an amount, to the cent and never beyond the amount.

    Parts are differences of such shares, so that they sum to the amount exactly: the last one is
    the amount itself.
    """
    if done == whole:
        return amount
    share = (amount * done / whole).quantize(_CENT, rounding=Rounding.BOOK)
    return min(share, amount) if amount > 0 else max(share, amount)


@dataclass(frozen=True, slots=True)
class Part:
    """So many shares of a piece that replaced shares sold at a loss."""

    shares: Decimal
    washed: Decimal  # what is added to their basis
    days: int  # what is added to their holding period


OfSource = TypeVar("OfSource", Disposal, Lot)


@dataclass(slots=True, eq=False)
class Piece(Generic[OfSource]):
    """A part of one lot: what one disposal closed, or what is left. `shares` has no sign.

    `purchase` and `sale` number what brought it and what closed it: pieces of one number came, or
    went, together; None is what was no purchase, and what is open. Sales are numbered in their
    order. `rank` orders purchases of one day.
    """

    source: OfSource
    order: int
    shares: Decimal
    purchase: int | None
    sale: int | None
    rank: int
    free: Decimal  # shares that replace nothing yet
    carried: Decimal = NOTHING  # deferred losses of the option that these shares came from
    parts: tuple[Part, ...] = ()

    @property
    def asset(self) -> Asset:
        return self.source.asset

    @property
    def owned(self) -> bool:
        return self.source.quantity > 0

    @property
    def washed(self) -> Decimal:
        return self.carried + sum((part.washed for part in self.parts), NOTHING)

    def all_parts(self) -> tuple[Part, ...]:
        """Return the parts that replaced something, and what is left as the last one."""
        left = self.shares - sum((part.shares for part in self.parts), NOTHING)
        return (*self.parts, Part(left, NOTHING, 0)) if left else self.parts


Closed = Piece[Disposal]
Open = Piece[Lot]


def split_disposal(piece: Closed, label: str = "part") -> Iterator[tuple[Disposal, Part]]:
    """Yield the disposals of a piece's parts, each with all that was deferred to its basis.

    What is not taxable stays so: its proceeds grow with its basis. Ids of parts are made with
    `label`, which says who cuts.
    """
    source, whole = piece.source, piece.shares
    if not piece.parts and not piece.carried:
        yield source, Part(whole, NOTHING, 0)
        return
    parts = piece.all_parts()
    for place, part, before, after in _steps(parts):
        washed = part.washed
        if piece.carried:
            washed += _money(piece.carried, before, after, whole)
        proceeds = _money(source.proceeds, before, after, whole)
        made = replace(
            source,
            id=_id_of(source.id, place, parts, label),
            held_since=_earlier(source.held_since, part.days),
            quantity=_between(source.quantity, before, after, whole),
            proceeds=proceeds if source.taxable else proceeds + washed,
            basis=_money(source.basis, before, after, whole) + washed,
        )
        yield made, Part(part.shares, washed, part.days) if piece.carried else part


def split_lot(piece: Open, label: str = "part") -> Iterator[Lot]:
    """Yield the lots of a piece's parts, with what was deferred to each in basis and `washed`."""
    source, whole = piece.source, piece.shares
    if not piece.parts and not piece.carried:
        yield source
        return
    parts = piece.all_parts()
    for place, part, before, after in _steps(parts):
        washed = part.washed + _money(piece.carried, before, after, whole)
        yield replace(
            source,
            id=_id_of(source.id, place, parts, label),
            held_since=_earlier(source.held_since, part.days),
            quantity=_between(source.quantity, before, after, whole),
            basis=_money(source.basis, before, after, whole) + washed,
            rolled=_money(source.rolled, before, after, whole),
            washed=_money(source.washed, before, after, whole) + washed,
        )


def _steps(parts: Sequence[Part]) -> Iterator[tuple[int, Part, Decimal, Decimal]]:
    done = NOTHING
    for place, part in enumerate(parts):
        yield place, part, done, done + part.shares
        done += part.shares


def _money(amount: Decimal, before: Decimal, after: Decimal, whole: Decimal) -> Decimal:
    return cut(amount, after, whole) - (cut(amount, before, whole) if before else NOTHING)


def _between(quantity: Decimal, before: Decimal, after: Decimal, whole: Decimal) -> Decimal:
    end = quantity if after == whole else quantity * after / whole
    return end - (quantity * before / whole if before else NOTHING)


def _id_of(source: UUID, place: int, parts: Sequence[Part], label: str) -> UUID:
    """The last part keeps the id, so that what is whole keeps it."""
    return source if place == len(parts) - 1 else uuid5(source, f"{label} {place}")


def _earlier(day: date, days: int) -> date:
    return day - timedelta(days=days) if days else day
