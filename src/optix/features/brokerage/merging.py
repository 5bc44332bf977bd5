"""How what a broker tells again and again becomes one history: nothing lost, nothing twice.

A window is some whole days of one account as the broker shows them now. Its lines are held against
those that are stored, in this order, each line used once:

1. by the broker's id, whatever else about the line has changed since;
2. by content, because some brokers give no ids and others give new ones;
3. by what cannot change (kind, day, asset, quantity, price), where cash or fees were revised.

Each step pairs as many equal lines as both sides have: two equal fills of one second stay two, and
the same two told again stay two. What is left of the window is new. What is left of the stored
lines is marked absent, never removed: the broker no longer shows it, and a person decides.

Only whole windows are merged. A part of a day would leave equal lines unpaired whose fellows were
on the page that did not come.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeVar

from optix.kernel.activity import Activity
from optix.kernel.money import Money

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class StoredActivity:
    """A line as it is kept. `ids` are all that the broker has called it."""

    row: int
    ids: frozenset[str]
    activity: Activity
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """What a window changes. `matched` pairs stored rows with the line that is theirs now."""

    added: tuple[Activity, ...] = ()
    matched: Mapping[int, Activity] = field(default_factory=dict)
    revised: frozenset[int] = frozenset()  # of those, the ones whose line differs from before
    absent: frozenset[int] = frozenset()  # rows that the window should have had


def merge(
    stored: Sequence[StoredActivity], window: Iterable[Activity], *, first: date, last: date
) -> Merge:
    """Hold the lines of whole days against what is stored.

    `stored` has every line of these days, and every line whose id occurs in the window wherever it
    lies. Lines with one id that come more than once count once: the last says what it is.
    """
    lines = _once(window)
    assert all(first <= line.day <= last for line in lines), "a window has the lines of its days"
    matched: dict[int, Activity] = {}
    left = _by_id(stored, lines, matched)
    for key_of in (content_key, _lasting_key):
        rest = [
            each
            for each in stored
            if each.row not in matched and first <= each.activity.day <= last
        ]
        left = _pair(rest, left, matched, key_of)
    by_row = {each.row: each for each in stored}
    return Merge(
        added=tuple(left),
        matched=matched,
        revised=frozenset(row for row, line in matched.items() if by_row[row].activity != line),
        absent=frozenset(
            each.row
            for each in stored
            if each.row not in matched and first <= each.activity.day <= last
        ),
    )


def content_key(line: Activity) -> str:
    """Return a digest of everything that a line says but its id and how far it is processed."""
    parts = (
        line.kind,
        line.day.isoformat(),
        "" if line.at is None else line.at.isoformat(),
        "" if line.asset is None else line.asset.key,
        _digits(line.quantity),
        "" if line.price is None else _digits(line.price.value),
        _cash(line.cash),
        "" if line.fees is None else _cash(line.fees),
        "" if line.effect is None else line.effect,
        line.order_id,
        line.description,
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _lasting_key(line: Activity) -> tuple[object, ...]:
    asset = None if line.asset is None else line.asset.key
    price = None if line.price is None else line.price.value
    # Without an asset there is only the cash to tell a line by.
    return (line.kind, line.day, asset, line.quantity, price, None if asset else line.cash.amount)


def _once(window: Iterable[Activity]) -> list[Activity]:
    """Return the lines in order, those with an id once: pages may overlap."""
    with_id: dict[str, Activity] = {}
    lines: list[Activity | str] = []
    for line in window:
        if not line.id:
            lines.append(line)
            continue
        if line.id not in with_id:
            lines.append(line.id)
        with_id[line.id] = line
    return [with_id[each] if isinstance(each, str) else each for each in lines]


def _by_id(
    stored: Sequence[StoredActivity], lines: Sequence[Activity], matched: dict[int, Activity]
) -> list[Activity]:
    rows = {name: each.row for each in stored for name in each.ids}
    left: list[Activity] = []
    for line in lines:
        row = rows.get(line.id) if line.id else None
        if row is None or row in matched:
            # A row with two ids of one window was taken for one line by mistake: they are two.
            left.append(line)
        else:
            matched[row] = line
    return left


def _pair(
    stored: Sequence[StoredActivity],
    lines: Sequence[Activity],
    matched: dict[int, Activity],
    key_of: Callable[[Activity], Key],
) -> list[Activity]:
    """Match equal lines one to one; return those that found nobody."""
    waiting: defaultdict[Key, list[int]] = defaultdict(list)
    for each in sorted(stored, key=lambda each: each.row, reverse=True):
        waiting[key_of(each.activity)].append(each.row)
    left: list[Activity] = []
    for line in lines:
        rows = waiting.get(key_of(line))
        if rows:
            matched[rows.pop()] = line
        else:
            left.append(line)
    return left


def _digits(value: Decimal | None) -> str:
    return "" if value is None else format(value.normalize(), "f")


def _cash(money: Money) -> str:
    return f"{_digits(money.amount)} {money.currency}"
