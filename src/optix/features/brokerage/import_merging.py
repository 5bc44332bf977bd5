"""How the lines of a file meet the ledger: what is there already is claimed, the rest is new.

A file shows part of a history and never says that something is gone. It is held against the ledger
by `merging.merge`, of which only matches and additions count. Ids of one kind of file tell lines
apart for good: a stored line that such a file called by another id is another line, however equal.

What comes of any order of imports and of undoing them: each line is there as often as the file that
shows it most often has it, or the broker itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optix.features.brokerage.merging import StoredActivity, merge
from optix.kernel.activity import Activity


@dataclass(frozen=True, slots=True)
class Comparison:
    """By the places of lines: which stored row is theirs, which are new, which came before."""

    known: Mapping[int, int]
    added: tuple[int, ...]
    repeated: frozenset[int]  # the same id stands above in the same file


def compare(stored: Sequence[StoredActivity], lines: Sequence[Activity]) -> Comparison:
    """Hold the lines of one account of one file against what is stored of that account.

    `stored` has every line of the days from the first to the last one of the file, and every line
    that a file called by one of its ids; its order is the order in which equal lines are claimed.
    """
    seen: set[str] = set()
    repeated: set[int] = set()
    for place, line in enumerate(lines):
        if line.id and line.id in seen:
            repeated.add(place)
        seen.add(line.id)
    places = {id(line): place for place, line in enumerate(lines) if place not in repeated}
    assert len(places) == len(lines) - len(repeated), "each line is an object of its own"
    if not places:
        return Comparison({}, (), frozenset())
    told = [line for place, line in enumerate(lines) if place not in repeated]
    origins = {_origin(name) for name in seen if name}
    candidates = [each for each in stored if not _is_another(each.ids, seen, origins)]
    days = [line.day for line in told]
    found = merge(candidates, told, first=min(days), last=max(days))
    return Comparison(
        known={places[id(line)]: row for row, line in found.matched.items()},
        added=tuple(places[id(line)] for line in found.added),
        repeated=frozenset(repeated),
    )


def _is_another(ids: frozenset[str], seen: set[str], origins: set[str]) -> bool:
    return ids.isdisjoint(seen) and any(_origin(name) in origins for name in ids)


def _origin(name: str) -> str:
    return name.partition(":")[0]
