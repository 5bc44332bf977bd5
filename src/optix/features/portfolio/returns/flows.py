"""What crosses the border of an account, and what only moves between accounts of one owner.

Deposits, withdrawals and transfers are flows; dividends, interest, fees and taxes are what the
account earned or cost. A transfer of securities is a flow of their value that day. Two transfers of
one owner that mirror each other within a week are one move between own accounts: flows of both
accounts, and none of their total.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.kernel.activity import Activity, ActivityKind, ActivityStatus
from optix.kernel.holding import Asset

FLOWS: Final = frozenset({ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL, ActivityKind.TRANSFER})
TRANSIT_DAYS_MAX: Final = 7

PriceOf = Callable[[Asset, date], Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One line of history of one account."""

    id: UUID
    account: UUID
    activity: Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderFlow:
    """One flow of one account; `amount` is None where nobody gives what moved a value."""

    line: HistoryLine
    amount: Decimal | None
    inner: bool


def border_flows(lines: Sequence[HistoryLine], price_of: PriceOf) -> list[BorderFlow]:
    """Return the flows of all accounts of one owner, in the order of their lines."""
    given = [each for each in lines if is_flow(each.activity)]
    partners = _paired(given)
    amounts = {each.id: _amount(each.activity, price_of) for each in given}
    found = []
    for each in given:
        amount, partner = amounts[each.id], partners.get(each.id)
        if partner is not None and partner.activity.quantity and partner.activity.asset:
            # One value for both sides: that of the day on which it left.
            leaving = min(each, partner, key=lambda side: _direction(side.activity))
            value = amounts[leaving.id]
            amount = None if value is None else value if leaving is each else -value
        found.append(BorderFlow(line=each, amount=amount, inner=partner is not None))
    return found


def is_flow(activity: Activity) -> bool:
    """Return whether a line crosses the border of its account."""
    return activity.kind in FLOWS and activity.status is not ActivityStatus.CANCELLED


def _direction(activity: Activity) -> Decimal:
    return activity.quantity or activity.cash.amount


def _amount(activity: Activity, price_of: PriceOf) -> Decimal | None:
    cash = activity.cash.amount
    asset, quantity = activity.asset, activity.quantity
    if asset is None or not quantity:
        return cash
    price = price_of(asset, activity.day)
    if price is None and activity.price is not None:
        price = activity.price.value
    return None if price is None else cash + quantity * price * asset.multiplier


def _paired(lines: Sequence[HistoryLine]) -> dict[UUID, HistoryLine]:
    """Return the other side of each line that has one: the nearest in time, each taken once."""
    moved = [each for each in lines if each.activity.kind is ActivityKind.TRANSFER]
    partners: dict[UUID, HistoryLine] = {}
    for each in sorted(moved, key=lambda line: (line.activity.day, line.id.int)):
        if each.id in partners:
            continue
        mirrored = [
            other
            for other in moved
            if other.id not in partners and other.id != each.id and _mirrors(each, other)
        ]
        if mirrored:
            other = min(mirrored, key=lambda line: (_apart(each, line), line.id.int))
            partners[each.id], partners[other.id] = other, each
    return partners


def _mirrors(one: HistoryLine, other: HistoryLine) -> bool:
    a, b = one.activity, other.activity
    return (
        one.account != other.account
        and a.cash.currency == b.cash.currency
        and a.cash.amount == -b.cash.amount
        and (a.quantity or 0) == -(b.quantity or 0)
        and (a.asset and a.asset.key) == (b.asset and b.asset.key)
        and bool(a.cash or a.quantity)
        and _apart(one, other) <= TRANSIT_DAYS_MAX
    )


def _apart(one: HistoryLine, other: HistoryLine) -> int:
    return abs((one.activity.day - other.activity.day).days)
