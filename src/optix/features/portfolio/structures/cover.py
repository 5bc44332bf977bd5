"""The best way to divide what is there among candidates: exact within a bounded search.

Items have counts; a candidate needs some of each of a few items and is worth something each time it
is used. The search looks for the uses that are worth most together. It uses a candidate as often as
it still can, or not at all, which is all that structures need; with that it is exact until it has
looked at `STRUCTURE_SEARCH_NODES_MAX` states, and then answers the best that it has found, which is
never worse than taking the most valuable candidate first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optix.kernel import limits


class Candidate(NamedTuple):
    """One way to use items. `needs` are (item, how many of it), `value` is positive."""

    value: int
    needs: tuple[tuple[int, int], ...]


class Use(NamedTuple):
    candidate: int
    times: int


def best_cover(counts: Sequence[int], candidates: Sequence[Candidate]) -> tuple[Use, ...]:
    """Return the uses of candidates that are worth most together, in a fixed order.

    Of equal ones the first in the order of candidates wins, so the same input gives the same
    answer.
    """
    order = sorted(range(len(candidates)), key=lambda place: (-candidates[place].value, place))
    search = _Search(counts, [candidates[place] for place in order])
    search.walk(0, list(counts), 0, [])
    return tuple(Use(order[place], times) for place, times in search.best)


class _Search:
    def __init__(self, counts: Sequence[int], candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates
        self._shares = _shares(len(counts), candidates)
        self._seen: dict[tuple[int, ...], int] = {}
        self._nodes = 0
        self._best_value = -1
        self.best: list[tuple[int, int]] = []

    def walk(self, start: int, left: list[int], value: int, taken: list[tuple[int, int]]) -> None:
        """Look at what can be added to `taken` with the candidates from `start` on."""
        if value > self._best_value:
            self._best_value, self.best = value, list(taken)
        for place in range(start, len(self._candidates)):
            self._nodes += 1
            if self._nodes > limits.STRUCTURE_SEARCH_NODES_MAX:
                return
            times = 1 << 62
            for item, many in self._candidates[place].needs:
                if left[item] < many * times:
                    times = left[item] // many
            if not times:
                continue
            if value + self._most(place, left) <= self._best_value:
                return
            self._take(place, times, left, value, taken)

    def _take(
        self, place: int, times: int, left: list[int], value: int, taken: list[tuple[int, int]]
    ) -> None:
        candidate = self._candidates[place]
        for item, many in candidate.needs:
            left[item] -= many * times
        state = (place, *left)
        more = value + candidate.value * times
        if self._seen.get(state, -1) < more:
            self._seen[state] = more
            taken.append((place, times))
            self.walk(place + 1, left, more, taken)
            taken.pop()
        for item, many in candidate.needs:
            left[item] += many * times

    def _most(self, place: int, left: Sequence[int]) -> int:
        """Return a bound on what the candidates from `place` on can add: each item's best share."""
        most = 0
        for count, share in zip(left, self._shares[place], strict=True):
            most += count * share
        return -(-most // _PARTS)


_PARTS = 12  # divides what a candidate is worth evenly among up to four items


def _shares(items: int, candidates: Sequence[Candidate]) -> list[list[int]]:
    """Return, for each place, the most that one of each item can be worth from there on."""
    found = [[0] * items]
    for candidate in reversed(candidates):
        best = list(found[-1])
        size = sum(many for _, many in candidate.needs)
        for item, _ in candidate.needs:
            best[item] = max(best[item], -(-candidate.value * _PARTS // size))
        found.append(best)
    return found[::-1]
