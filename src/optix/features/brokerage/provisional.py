"""Today's fills as history, until the broker's own transaction is there.

Nothing of this is stored: orders are what the broker says now, and what they filled is a line of
history as long as no transaction covers it. One that came covers its fill in this order:

1. by the fill's id;
2. by the order's id: as much of that leg as the transactions of the order have together, because
   some brokers book every fill and some the whole order;
3. by content (asset, day, direction), where transactions name no order: equal quantity and price
   first, then by quantity. One that names an order which is not known here covers an equal fill
   only: it may be of another order, or the broker numbers orders differently in its history.

So the quantity of a fill is always there once, in one form or the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from optix.features.brokerage.merging import StoredActivity
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.money import Price
from optix.kernel.order import Order, OrderLeg

NEW_YORK: Final = ZoneInfo("America/New_York")


@dataclass(slots=True)
class _Piece:
    """What is left uncovered of one fill, or of what a leg filled beyond the fills it names."""

    order: Order
    leg: OrderLeg
    id: str
    price: Price
    at: datetime | None
    day: date
    left: Decimal


@dataclass(slots=True)
class _Line:
    """What is left of a transaction to cover fills with."""

    stored: StoredActivity
    left: Decimal

    @property
    def activity(self) -> Activity:
        return self.stored.activity


Fits = Callable[[_Piece, _Line], bool]


def provisional_fills(
    orders: Sequence[Order], stored: Sequence[StoredActivity], *, today: date
) -> list[Activity]:
    """Return a pending line for every fill that no transaction of one account covers yet.

    `stored` has every trade since the first of the orders was placed. Cash is without fees: they
    are not known before the transaction.
    """
    pieces = [
        piece for order in orders for leg in order.legs for piece in _pieces(order, leg, today)
    ]
    lines = [
        _Line(each, each.activity.quantity)
        for each in stored
        if each.activity.kind is ActivityKind.TRADE
        and each.activity.status is not ActivityStatus.CANCELLED
        and each.activity.quantity
        and not each.absent
    ]
    known = {order.id for order in orders}

    def is_same_fill(piece: _Piece, line: _Line) -> bool:
        return bool(piece.id) and piece.id in line.stored.ids

    def is_of_the_order(piece: _Piece, line: _Line) -> bool:
        return bool(piece.order.id) and line.activity.order_id == piece.order.id

    def is_equal(piece: _Piece, line: _Line) -> bool:
        same = line.left == piece.left and line.activity.price == piece.price
        return same and line.activity.day == piece.day and line.activity.order_id not in known

    def may_be_part(piece: _Piece, line: _Line) -> bool:
        return not line.activity.order_id and line.activity.day == piece.day

    def equal_of_the_order(piece: _Piece, line: _Line) -> bool:
        same = line.left == piece.left and line.activity.price == piece.price
        return same and is_of_the_order(piece, line)

    for fits in (is_same_fill, equal_of_the_order, is_of_the_order, is_equal, may_be_part):
        _cover(pieces, lines, fits)
    return [_line(piece) for piece in pieces if piece.left]


def days_of(orders: Sequence[Order], today: date) -> date:
    """Return the first day whose trades may cover what the orders filled."""
    days = [
        piece.day for order in orders for leg in order.legs for piece in _pieces(order, leg, today)
    ]
    return min(days, default=today)


def _pieces(order: Order, leg: OrderLeg, today: date) -> list[_Piece]:
    """Return the fills of a leg, and what they do not tell of its filled quantity."""
    moment = order.updated_at or order.placed_at
    found = [
        _Piece(
            order, leg, fill.id, fill.price, fill.at, _day(fill.at or moment, today), fill.quantity
        )
        for fill in leg.fills
    ]
    rest = leg.filled - sum((piece.left for piece in found), Decimal(0))
    if rest and leg.average_price is not None:
        found.append(_Piece(order, leg, "", leg.average_price, moment, _day(moment, today), rest))
    return found


def _cover(pieces: Sequence[_Piece], lines: Sequence[_Line], fits: Fits) -> None:
    for line in lines:
        for piece in pieces:
            if not line.left:
                break
            same_way = line.left * piece.left > 0
            asset = line.activity.asset
            if same_way and asset is not None and asset.key == piece.leg.asset.key:
                if not fits(piece, line):
                    continue
                part = min(line.left, piece.left, key=abs)
                line.left -= part
                piece.left -= part


def _day(at: datetime | None, today: date) -> date:
    return today if at is None else at.astimezone(NEW_YORK).date()


def _line(piece: _Piece) -> Activity:
    return Activity(
        id=piece.id,
        kind=ActivityKind.TRADE,
        status=ActivityStatus.PENDING,
        day=piece.day,
        at=piece.at,
        asset=piece.leg.asset,
        quantity=piece.left,
        price=piece.price,
        cash=piece.price.cash(piece.left, piece.leg.asset.multiplier, piece.leg.asset.currency),
        effect=piece.leg.effect,
        order_id=piece.order.id,
    )
