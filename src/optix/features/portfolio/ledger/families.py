"""Which lines belong together: those whose assets can become one another.

A share, its options, what it was renamed to, split off or merged into are one family, over all
accounts of one owner. What is booked for one family never depends on the lines of another, so a
new line needs only its own family to be booked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from optix.features.portfolio.ledger.values import LedgerLine
from optix.kernel.activity import Activity, ActivityKind
from optix.kernel.holding import Asset
from optix.kernel.roots import underlying_of

STATELESS: Final = ""  # the family of lines without an asset: each is booked by itself

# Events that turn one asset into another. Their lines share a group, or an account and a day.
CONVERSIONS: Final = frozenset(
    {
        ActivityKind.SPLIT,
        ActivityKind.SPIN_OFF,
        ActivityKind.REORGANISATION,
        ActivityKind.SYMBOL_CHANGE,
    }
)
_DELIVERIES: Final = frozenset({ActivityKind.EXERCISE, ActivityKind.ASSIGNMENT})


def name_of(asset: Asset) -> str:
    """Return what names an asset's family before events join families: the underlying's symbol."""
    return asset.symbol if asset.contract is None else underlying_of(asset.contract.root)


def family_names(activity: Activity) -> frozenset[str]:
    """Return the names that one line joins: of its asset, and of all that its contract delivers."""
    asset = activity.asset
    if asset is None:
        return frozenset()
    return frozenset({name_of(asset)} | {each.symbol for each in asset.deliverables if each.symbol})


def families_of(lines: Iterable[LedgerLine]) -> dict[UUID, str]:
    """Return the family of each line: the first, by name, of all names that were joined.

    Lines that no asset names, and that are no part of an event with others, have the family
    `STATELESS`.
    """
    given = list(lines)
    by_broker_id = {(each.account, each.activity.id): each for each in given if each.activity.id}
    joined = _Joined()
    together: dict[tuple[object, ...], str] = {}
    for line in given:
        names = family_names(line.activity)
        for event in _events_of(line):
            names |= {together.setdefault(event, _first(line))}
        replaced = by_broker_id.get((line.account, line.activity.replaces))
        if replaced is not None:
            names |= {_first(replaced)}
        if names:
            joined.join(names | {_first(line)})
    return {line.id: joined.head(_first(line), STATELESS) for line in given}


def _first(line: LedgerLine) -> str:
    """Return a name that a line has to itself, behind all symbols, where it has no asset."""
    return min(family_names(line.activity), default=f"~{line.id}")


def _events_of(line: LedgerLine) -> list[tuple[object, ...]]:
    """Return the events that lead from one asset to another which a line is a part of."""
    activity = line.activity
    if activity.kind in CONVERSIONS:
        # A broker that gives no group tells what went out and what came in on one day.
        same_day = (line.account, activity.kind, activity.day, "day")
        return [(line.account, activity.group)] if activity.group else [same_day]
    if activity.kind in _DELIVERIES and activity.group:
        return [(line.account, activity.group)]
    return []


class _Joined:
    """Names that were joined, each set known by its first name (union-find, the least wins)."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def head(self, name: str, default: str | None = None) -> str:
        if default is not None and name not in self._above:
            return default
        above = self._above.setdefault(name, name)
        while above != self._above[above]:
            above = self._above[above]
        self._above[name] = above
        return above

    def join(self, names: Iterable[str]) -> None:
        heads = sorted({self.head(name) for name in names})
        for head in heads[1:]:
            self._above[head] = heads[0]
