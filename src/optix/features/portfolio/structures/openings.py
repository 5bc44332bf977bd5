"""What opened the positions of one account, from the lines of its history.

A closing takes from what was opened first, but for one thing: an order that closes several legs
takes them from an order that opened those together, as its owner meant it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import groupby
from typing import Final

from optix.features.portfolio.structures.values import Holding, Opening
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Position

MOVING: Final = frozenset(
    {
        ActivityKind.TRADE,
        ActivityKind.EXPIRATION,
        ActivityKind.ASSIGNMENT,
        ActivityKind.EXERCISE,
        ActivityKind.REINVESTMENT,
        ActivityKind.TRANSFER,
    }
)


@dataclass(slots=True)
class _Lot:
    order: str
    day: date
    at: datetime | None
    opened: Decimal
    left: Decimal


Lots = dict[str, list[_Lot]]


def moment_of(line: Activity) -> tuple[date, datetime]:
    """Return what orders lines: the day, and within it those without a moment first."""
    return line.day, line.at or datetime.combine(line.day, time(), UTC)


def ticket_of(line: Activity) -> str:
    """Return what lines of one decision share: the order, else the event; '' where nothing says."""
    return line.order_id or line.group


def moving(lines: Iterable[Activity]) -> list[Activity]:
    """Return the lines that move a quantity, the oldest first; what was cancelled never did."""
    found = [
        line
        for line in lines
        if line.kind in MOVING
        and line.asset is not None
        and line.quantity
        and line.status is not ActivityStatus.CANCELLED
    ]
    return sorted(found, key=lambda line: (*moment_of(line), ticket_of(line), line.id))


def tickets_of(lines: Sequence[Activity]) -> list[list[Activity]]:
    """Return lines of one ticket together, in the order of their first line."""
    place: dict[str, int] = {}
    for number, line in enumerate(lines):
        place.setdefault(ticket_of(line) or f" {number}", number)
    named = sorted(
        enumerate(lines), key=lambda each: (place[ticket_of(each[1]) or f" {each[0]}"], each[0])
    )
    grouped = groupby(named, key=lambda each: ticket_of(each[1]) or f" {each[0]}")
    return [[line for _, line in group] for _, group in grouped]


def openings_of(lines: Iterable[Activity]) -> dict[str, tuple[Opening, ...]]:
    """Return what is left of each opening of one account, by `Asset.key`, the oldest first."""
    lots: Lots = {}
    opened: dict[str, set[str]] = {}
    for ticket in tickets_of(moving(lines)):
        closes = {line.asset.key for line in ticket if line.asset is not None}
        for line in ticket:
            _book(lots, line, closes, opened)
    there: dict[str, set[str]] = {}
    for key, own in lots.items():
        for lot in own:
            there.setdefault(lot.order, set()).add(key)
    return {
        key: tuple(
            Opening(
                quantity=lot.left,
                opened=lot.opened,
                day=lot.day,
                at=lot.at,
                order=lot.order,
                whole=not lot.order or opened[lot.order] == there[lot.order],
            )
            for lot in own
        )
        for key, own in lots.items()
        if own
    }


def holding_of(position: Position, openings: Mapping[str, tuple[Opening, ...]]) -> Holding | None:
    """Return a position with its openings; None for one without a direction or a quantity."""
    if not position.quantity:
        return None
    known = openings.get(position.asset.key, ())
    return Holding(asset=position.asset, quantity=position.quantity, openings=known)


def _book(lots: Lots, line: Activity, together: set[str], opened: dict[str, set[str]]) -> None:
    assert line.asset is not None, "the line moves something"
    assert line.quantity is not None, "and how much of it"
    left, key = line.quantity, line.asset.key
    own = lots.setdefault(key, [])
    if own and (own[0].left > 0) != (left > 0):
        for lot in _to_close(lots, own, together):
            taken = min(abs(left), abs(lot.left))
            lot.left -= taken if lot.left > 0 else -taken
            left -= taken if left > 0 else -taken
            if not left:
                break
        own[:] = [lot for lot in own if lot.left]
    if left:
        opened.setdefault(ticket_of(line), set()).add(key)
        _open(own, line, left)


def _open(own: list[_Lot], line: Activity, quantity: Decimal) -> None:
    order = ticket_of(line)
    for lot in own:
        if order and lot.order == order:
            lot.opened += quantity
            lot.left += quantity
            return
    own.append(_Lot(order, line.day, line.at, quantity, quantity))


def _to_close(lots: Lots, own: Sequence[_Lot], together: set[str]) -> list[_Lot]:
    """Return lots in the order in which an order that closes `together` takes from them."""

    def shared(lot: _Lot) -> int:
        if not lot.order or len(together) == 1:
            return 0
        return sum(any(other.order == lot.order for other in lots.get(key, ())) for key in together)

    return sorted(own, key=shared, reverse=True)
