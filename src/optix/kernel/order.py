"""Orders at a broker, as it states them. OPTIX reads them; sending orders is not here yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from optix.kernel.activity import PositionEffect
from optix.kernel.holding import Asset
from optix.kernel.money import Price


class OrderStatus(StrEnum):
    """Where an order stands. A broker's word that is none of its documented ones is an error."""

    PENDING = "pending"  # on its way, held, or waiting for a condition
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"  # perhaps after partial fills
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.REPLACED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of one leg. `quantity` has the sign of the leg; `id` is '' without one."""

    id: str
    quantity: Decimal
    price: Price
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLeg:
    """`quantity` is signed: positive buys. `average_price` is per unit, None before a fill."""

    asset: Asset
    quantity: Decimal
    filled: Decimal
    average_price: Price | None = None
    effect: PositionEffect | None = None
    fills: tuple[Fill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order with its legs.

    `net_price` is the limit, per unit: positive for a debit, negative for a credit. One leg by
    itself is the same: the limit of a sale is negative.
    """

    id: str
    status: OrderStatus
    legs: tuple[OrderLeg, ...]
    client_id: str = ""
    kind: str = ""  # the broker's word: limit, market, net_debit, …
    time_in_force: str = ""
    net_price: Price | None = None
    placed_at: datetime | None = None
    updated_at: datetime | None = None
    replaced_by: str = ""
