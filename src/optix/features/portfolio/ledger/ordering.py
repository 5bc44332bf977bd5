"""Which lines count, and in which order they happened.

Brokers tell lines in any order, many without a time of day. Within a day this order holds: what a
company does takes effect before the open, so splits and changes of symbols come first; then what
was there already (opening positions) and what came from elsewhere; then trades, by their moment
where they have one; then expirations, exercises and assignments; then what left. Trades without a
moment stand before those with one if they open and behind them if they close, because what is
closed was opened before.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.families import CONVERSIONS
from optix.features.portfolio.ledger.state import moment_of
from optix.features.portfolio.ledger.values import LedgerLine, LineSource
from optix.kernel.activity import Activity, ActivityKind, ActivityStatus, PositionEffect

_LAST: Final = frozenset({ActivityKind.EXPIRATION, ActivityKind.EXERCISE, ActivityKind.ASSIGNMENT})
_PHASE_CONVERSION, _PHASE_THERE, _PHASE_TRADE, _PHASE_END, _PHASE_LEFT = range(5)


def counted(lines: Iterable[LedgerLine]) -> tuple[list[LedgerLine], list[LedgerLine]]:
    """Return the lines that are booked, in order, and those that correct a line which is not there.

    Not booked is what is pending, what the broker took back, and what a later line replaces. A
    line that was taken back replaces nothing.
    """
    booked = [line for line in lines if line.activity.status is ActivityStatus.POSTED]
    # By account and the broker's name: ids of one broker say nothing about another's.
    replaced = {(line.account, line.activity.replaces) for line in booked if line.activity.replaces}
    names = {(line.account, line.activity.id) for line in booked}
    kept = [
        line
        for line in booked
        if not line.activity.id or (line.account, line.activity.id) not in replaced
    ]
    kept.sort(key=order_of)
    vain = [
        line
        for line in kept
        if line.activity.replaces and (line.account, line.activity.replaces) not in names
    ]
    return kept, vain


Order = tuple[int, int, int, float, int, UUID]


def order_of(line: LedgerLine) -> Order:
    """Return the place of a line among all lines of its family."""
    activity = line.activity
    phase = _phase(line)
    rank = _rank(activity) if phase == _PHASE_TRADE and activity.at is None else 2
    return (
        activity.day.toordinal(),
        phase,
        rank,
        moment_of(activity.at) if phase == _PHASE_TRADE else 0.0,
        line.seen,
        line.id,
    )


def _phase(line: LedgerLine) -> int:
    kind, quantity = line.activity.kind, line.activity.quantity or Decimal(0)
    if kind in CONVERSIONS:
        return _PHASE_CONVERSION
    if kind is ActivityKind.TRANSFER:
        return _PHASE_LEFT if quantity < 0 else _PHASE_THERE
    if line.source is LineSource.OWN and kind is ActivityKind.ADJUSTMENT:
        return _PHASE_THERE
    return _PHASE_END if kind in _LAST else _PHASE_TRADE


def _rank(activity: Activity) -> int:
    """Return 0 or 1 for what opens, 3 or 4 for what closes: 2 is what has a moment."""
    quantity = activity.quantity or Decimal(0)
    if activity.effect is PositionEffect.OPENING:
        return 0
    if activity.effect is PositionEffect.CLOSING:
        return 4
    return 1 if quantity > 0 else 3
