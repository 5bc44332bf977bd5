"""What happened to an account on the day of its quotes: trades, income, and what came from outside.

The change of a day is what is held now at its mark, less what was held at the previous close at
that close, plus what trades and income of the day paid. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.brokerage.service import HeldAccount, Line
from optix.kernel.activity import ActivityKind, ActivityStatus
from optix.kernel.holding import Asset

# What turns cash into an asset or back. What else moves an asset (a split, a transfer, a spin-off)
# is taken as held since the close: its close is adjusted, or it came at that price.
_TRADING: Final = frozenset(
    {
        *(ActivityKind.TRADE, ActivityKind.REINVESTMENT, ActivityKind.EXPIRATION),
        *(ActivityKind.ASSIGNMENT, ActivityKind.EXERCISE),
    }
)
_INCOME: Final = frozenset(
    {
        *(ActivityKind.DIVIDEND, ActivityKind.INTEREST),
        *(ActivityKind.FEE, ActivityKind.TAX),
    }
)
_OUTSIDE: Final = frozenset({ActivityKind.DEPOSIT, ActivityKind.WITHDRAWAL, ActivityKind.TRANSFER})
_NOTHING: Final = Decimal(0)


@dataclass(slots=True)
class Traded:
    """What one account bought less what it sold of one asset, and the cash of that."""

    asset: Asset
    quantity: Decimal = _NOTHING
    cash: Decimal = _NOTHING


@dataclass(slots=True)
class Day:
    """One day of all accounts. Amounts are by account and currency."""

    traded: dict[tuple[UUID, str], Traded] = field(default_factory=dict)
    income: dict[tuple[UUID, str], Decimal] = field(default_factory=dict)
    flows: dict[tuple[UUID, str], Decimal] = field(default_factory=dict)

    def of_currency(self, amounts: Mapping[tuple[UUID, str], Decimal], currency: str) -> Decimal:
        """Return the sum over all accounts."""
        return sum((each for (_, name), each in amounts.items() if name == currency), _NOTHING)


def day_of(lines: Sequence[Line], accounts: Iterable[HeldAccount]) -> Day:
    """Return what the lines of one day did to what the accounts' snapshots hold.

    A fill that came after its account's snapshot is not in those positions and waits for the next.
    """
    known = {each.id: None if each.snapshot is None else each.snapshot.as_of for each in accounts}
    day = Day()
    income: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    flows: dict[tuple[UUID, str], Decimal] = defaultdict(Decimal)
    for line in lines:
        activity = line.activity
        if activity.status is ActivityStatus.CANCELLED or line.absent_since is not None:
            continue
        if _is_later(activity.at, known.get(line.account_id)):
            continue
        place = (line.account_id, activity.cash.currency)
        if activity.kind in _TRADING and activity.asset is not None:
            key = (line.account_id, activity.asset.key)
            traded = day.traded.setdefault(key, Traded(activity.asset))
            traded.quantity += activity.quantity or _NOTHING
            traded.cash += activity.cash.amount
        elif activity.kind in _INCOME:
            income[place] += activity.cash.amount
        elif activity.kind in _OUTSIDE:
            flows[place] += activity.cash.amount
    day.income, day.flows = dict(income), dict(flows)
    return day


def _is_later(at: datetime | None, snapshot_at: datetime | None) -> bool:
    return snapshot_at is None or (at is not None and at > snapshot_at)
