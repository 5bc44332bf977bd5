"""Open lots of one account and asset, and which of them a closing takes.

Money is divided to the cent: a part of a lot takes its share, rounded, and the last part takes what
is left, so that nothing is lost over any number of closings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.values import Lot, LotChoice, LotMethod
from optix.kernel.holding import Asset
from optix.kernel.money import Rounding

ZERO: Final = Decimal(0)
CENT: Final = Decimal("0.01")


def share_of(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return the part of an amount that goes with `part` of `whole`, to the cent.

    All of it goes with the whole, also what is finer than a cent.
    """
    if part == whole:
        return amount
    return (amount * part / whole).quantize(CENT, rounding=Rounding.BOOK)


@dataclass(slots=True, eq=False)  # one lot is itself, whatever it holds
class OpenLot:
    """A lot while it is booked: `values.Lot`, but what is left of it changes."""

    id: UUID
    account: UUID
    asset: Asset
    line: UUID
    opened: date
    opened_at: datetime | None
    held_since: date
    quantity: Decimal
    basis: Decimal
    rolled: Decimal = ZERO
    opening: bool = False
    place: int = 0  # how many lots were opened before it
    bought: UUID | None = None

    def split_off(self, size: Decimal) -> OpenLot:
        """Take `size` (without sign) out of the lot and return it as one of its own."""
        whole = abs(self.quantity)
        quantity = size.copy_sign(self.quantity)
        basis = share_of(self.basis, size, whole)
        rolled = share_of(self.rolled, size, whole)
        self.quantity -= quantity
        self.basis -= basis
        self.rolled -= rolled
        return OpenLot(
            self.id,
            self.account,
            self.asset,
            self.line,
            self.opened,
            self.opened_at,
            self.held_since,
            quantity,
            basis,
            rolled,
            self.opening,
            self.place,
            self.bought,
        )

    def as_value(self) -> Lot:
        return Lot(
            id=self.id,
            account=self.account,
            asset=self.asset,
            line=self.line,
            opened=self.opened,
            opened_at=self.opened_at,
            held_since=self.held_since,
            quantity=self.quantity,
            basis=self.basis,
            rolled=self.rolled,
            opening=self.opening,
            bought=self.bought,
        )


class Pool:
    """The open lots of one account and asset, the oldest first.

    Trades close before they open, so all have one sign; only what is moved or converted into an
    account can stand beside its opposite there (shares held and owed at once).
    """

    def __init__(self) -> None:
        self.lots: list[OpenLot] = []

    @property
    def quantity(self) -> Decimal:
        return sum((lot.quantity for lot in self.lots), ZERO)

    def add(self, lot: OpenLot) -> None:
        if lot.quantity:
            self.lots.append(lot)

    def against(self, quantity: Decimal) -> Decimal:
        """Return how much (without sign) of what is open a move of `quantity` closes."""
        size = sum((abs(lot.quantity) for lot in self._closed_by(quantity)), ZERO)
        return min(size, abs(quantity))

    def _closed_by(self, quantity: Decimal) -> list[OpenLot]:
        return [lot for lot in self.lots if (lot.quantity > 0) is (quantity < 0)]

    def take(
        self, quantity: Decimal, method: LotMethod, choice: LotChoice | None = None
    ) -> tuple[list[OpenLot], bool]:
        """Take what a move of `quantity` closes; whether all chosen lots were there.

        What the owner chose comes first, then what the method says. No lot is there twice.
        """
        lots = self._closed_by(quantity)
        if method is LotMethod.AVERAGE_COST:
            _average(lots)
        size = abs(quantity)
        parts: dict[OpenLot, Decimal] = {}
        whole = True
        for id_, wanted in () if choice is None else choice.lots:
            lot = next((each for each in lots if each.id == id_), None)
            left = ZERO if lot is None else abs(lot.quantity) - parts.get(lot, ZERO)
            part = min(wanted, size, left)
            whole = whole and part == wanted
            if lot is not None and part:
                parts[lot] = parts.get(lot, ZERO) + part
                size -= part
        for lot in _ordered(lots, method):
            if not size:
                break
            part = min(size, abs(lot.quantity) - parts.get(lot, ZERO))
            if part:
                parts[lot] = parts.get(lot, ZERO) + part
                size -= part
        return [self._take_from(lot, part) for lot, part in parts.items()], whole

    def _take_from(self, lot: OpenLot, size: Decimal) -> OpenLot:
        if size == abs(lot.quantity):
            self.lots.remove(lot)
            return lot
        return lot.split_off(size)


def _ordered(lots: list[OpenLot], method: LotMethod) -> Sequence[OpenLot]:
    if method is LotMethod.LIFO:
        return lots[::-1]
    if method is LotMethod.HIGHEST_COST:
        # The dearest to have bought; of what was sold short, what brought least.
        return sorted(lots, key=lambda lot: (-lot.basis / abs(lot.quantity), lot.opened, lot.place))
    return lots


def _average(lots: Sequence[OpenLot]) -> None:
    """Spread the money of lots of one sign evenly over them; their days stay."""
    whole = sum((lot.quantity for lot in lots), ZERO)
    basis = sum((lot.basis for lot in lots), ZERO)
    rolled = sum((lot.rolled for lot in lots), ZERO)
    for lot in lots:
        part = lot.quantity
        lot.basis = share_of(basis, part, whole)
        lot.rolled = share_of(rolled, part, whole)
        whole -= part
        basis -= lot.basis
        rolled -= lot.rolled
