"""What happened in an account: one line of a broker's history, exact, with one convention of signs.

Cash received is positive. A quantity is positive for what came in and negative for what went out,
whatever it is called: a sale to open brings a negative quantity. `cash` is the whole effect on the
account with all fees; `fees` is the part of it that fees are (never positive).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from optix.kernel.holding import Asset
from optix.kernel.money import Money, Price


class ActivityKind(StrEnum):
    TRADE = "trade"
    EXPIRATION = "expiration"
    ASSIGNMENT = "assignment"
    EXERCISE = "exercise"
    DIVIDEND = "dividend"
    REINVESTMENT = "reinvestment"  # the purchase that a dividend pays
    INTEREST = "interest"
    FEE = "fee"
    TAX = "tax"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"  # securities or cash from or to another account
    SPLIT = "split"
    SPIN_OFF = "spin_off"
    REORGANISATION = "reorganisation"
    SYMBOL_CHANGE = "symbol_change"
    SWEEP = "sweep"  # cash into or out of its own money-market fund
    ADJUSTMENT = "adjustment"
    OTHER = "other"


class PositionEffect(StrEnum):
    OPENING = "opening"
    CLOSING = "closing"


class ActivityStatus(StrEnum):
    POSTED = "posted"
    PENDING = "pending"  # the broker may still change it
    CANCELLED = "cancelled"  # the broker took it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One line of history.

    `id` is the broker's own, '' where it gives none. `at` is the moment where the broker states
    one; `day` is always there, in the broker's own calendar (New York for US brokers). Lines of one
    event (an option leg and the shares it delivered) share a `group`; fills of one order its
    `order_id`. `replaces` names the line that this one corrects.
    """

    id: str
    kind: ActivityKind
    status: ActivityStatus
    day: date
    cash: Money
    at: datetime | None = None
    settles: date | None = None
    asset: Asset | None = None
    quantity: Decimal | None = None
    price: Price | None = None
    fees: Money | None = None
    effect: PositionEffect | None = None
    order_id: str = ""
    group: str = ""
    replaces: str = ""
    description: str = ""
