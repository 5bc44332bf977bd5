"""The pieces that grouping puts together, and how two or more of them become one.

A *family* is everything of one account that one company's price moves and that can be delivered
against each other; an adjusted series is a family of its own. An *atom* is a set of legs in fixed
proportions that is never taken apart: one leg by itself, what one order opened, or what an earlier
step put together. Evidence is looked at in steps, the stronger first (`grouping`), so what an order
or a few minutes tied together is only ever joined by the later steps, as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from math import gcd
from typing import Final, NamedTuple

from optix.features.portfolio.structures.cover import Candidate, best_cover
from optix.features.portfolio.structures.shapes import (
    CALL,
    NAMED,
    STOCK,
    Part,
    classify,
)
from optix.features.portfolio.structures.values import Shape, Why
from optix.kernel import limits

Vector = tuple[tuple[int, int], ...]  # (leg of the family, how many of it), by leg

# How often each atom is taken in one shape.
_ONCE: Final = {size: ((1,) * size,) for size in (2, 3, 4)}
_CALL_RATIOS: Final = ((1, 1), (1, 2), (1, 3), (2, 3))  # more of the strike away from the money
_PUT_RATIOS: Final = ((1, 1), (2, 1), (3, 1), (3, 2))
_STRAPS: Final = ((1, 1), (1, 2), (2, 1))
_BODY: Final = (1, 2, 1)  # legs are ordered by strike
_SAME_SECOND: Final = 1


class Atom(NamedTuple):
    """`many` times a vector of legs. `times` (seconds) and `days` (ordinals) are its openings."""

    vector: Vector
    many: int
    times: tuple[int, ...] = ()
    days: tuple[int, int] | None = None
    why: Why = Why.LOOSE
    orders: tuple[str, ...] = ()

    @property
    def is_single(self) -> bool:
        return len(self.vector) == 1


def times_of(atom: Atom, count: int) -> Atom:
    """Return so many of an atom."""
    return Atom(atom.vector, count, atom.times, atom.days, atom.why, atom.orders)


def parts_of(parts: Sequence[Part], vector: Vector) -> tuple[Part, ...]:
    """Return the legs of a vector with its quantities; the family's parts have the signs."""
    found = []
    for leg, many in vector:
        kind, expiry, strike, sign = parts[leg]
        found.append(Part(kind, expiry, strike, sign * many))
    return tuple(found)


def join(parts: Sequence[Part], atoms: Sequence[Atom], *, near: bool) -> list[Atom]:
    """Return what the best cover makes of atoms; what fits nowhere stays as it is.

    `near` says that all of them were opened within minutes of each other.
    """
    found = list(_candidates(parts, atoms, near=near))
    if not found:
        return list(atoms)
    uses = best_cover(
        [atom.many for atom in atoms], [Candidate(value, needs) for value, needs in found]
    )
    left = [atom.many for atom in atoms]
    joined: list[tuple[Atom, tuple[int, ...]]] = []
    for place, times in uses:
        needs = found[place][1]
        for item, many in needs:
            left[item] -= many * times
        made = _made(atoms, needs, times, near=near)
        joined.append((made, tuple(item for item, _ in needs)))
    if near:
        joined = [_whole(parts, atoms, each, left) for each in joined]
    rest = [times_of(atom, left[item]) for item, atom in enumerate(atoms) if left[item]]
    return [made for made, _ in joined] + rest


Found = tuple[int, tuple[tuple[int, int], ...]]


def _candidates(parts: Sequence[Part], atoms: Sequence[Atom], *, near: bool) -> Iterator[Found]:
    """Yield (value, needs) of each combination of atoms that has a name."""
    single = [atom.is_single for atom in atoms]
    most = _size_max(len(atoms))
    for size in range(2, min(most, len(atoms)) + 1):
        for chosen in combinations(range(len(atoms)), size):
            own = [atoms[item] for item in chosen]
            alone = all(single[item] for item in chosen)
            if not alone and _legs_of(own) > limits.STRUCTURE_SHAPE_LEGS_MAX:
                continue
            if alone and size > limits.STRUCTURE_SHAPE_LEGS_MAX:
                continue
            for many in _proportions(parts, own) if alone else _ONCE[size]:
                value = _value(parts, own, many, near=near, alone=alone)
                if value:
                    yield value, tuple(zip(chosen, many, strict=True))


def _legs_of(atoms: Sequence[Atom]) -> int:
    return sum(len(atom.vector) for atom in atoms)


def _size_max(count: int) -> int:
    """Return of how many atoms a shape is made at once: fewer where there are many to choose of."""
    if count <= limits.STRUCTURE_ATOMS_MAX:
        return 4
    return 3 if count <= 2 * limits.STRUCTURE_ATOMS_MAX else 2


def _proportions(parts: Sequence[Part], atoms: Sequence[Atom]) -> Iterable[tuple[int, ...]]:
    """Return how often each of single legs is taken, leaving out what cannot have a name."""
    own = [parts[atom.vector[0][0]] for atom in atoms]
    if len(own) == 2:
        return _of_two(*own)
    if len({part.quantity for part in own if part.kind != STOCK}) == 1:
        return _ONCE[3] if len(own) == 3 and own[0].kind == STOCK else ()
    if len(own) == 3 and len({(part.kind, part.expiry) for part in own}) == 1:
        return (*_ONCE[3], _BODY)
    return _ONCE[len(own)]


def _of_two(one: Part, other: Part) -> Iterable[tuple[int, ...]]:
    if one.kind == STOCK:
        return (*_ONCE[2], (1, 2))
    if one.kind == other.kind:
        if one.quantity == other.quantity:
            return ()
        if one.expiry != other.expiry:
            return _ONCE[2]
        return _CALL_RATIOS if one.kind == CALL else _PUT_RATIOS
    if one.expiry != other.expiry:
        return ()
    same = one.strike == other.strike and one.quantity == other.quantity
    return _STRAPS if same else _ONCE[2]


def _value(
    parts: Sequence[Part],
    atoms: Sequence[Atom],
    many: Sequence[int],
    *,
    near: bool,
    alone: bool,
) -> int:
    """Return what a combination is worth, 0 where it has no name or too little speaks for it.

    `alone` says that all are single legs.
    """
    for times, atom in zip(many, atoms, strict=True):
        if times > atom.many:
            return 0
    if alone:
        vector = tuple([(a.vector[0][0], times) for a, times in zip(atoms, many, strict=True)])
    else:
        vector = _sum(atoms, many)
    legs = parts_of(parts, vector)
    shape = classify(legs)
    named = None if shape is None else NAMED.get(shape)
    if named is None or (not alone and shape in {_name_of(parts, atom) for atom in atoms}):
        return 0
    if not near and not named.strong and not _one_day(atoms):
        return 0
    return named.value - _penalty(parts, legs, atoms)


def _name_of(parts: Sequence[Part], atom: Atom) -> Shape | None:
    """Return the name that an atom has already: more of a leg does not make it another shape."""
    return None if atom.is_single else classify(parts_of(parts, atom.vector))


def _one_day(atoms: Sequence[Atom]) -> bool:
    """Return whether all may have been opened on one day: unknown days speak against nothing."""
    known = [atom.days for atom in atoms if atom.days is not None]
    if len(known) < 2:
        return True
    return max(first for first, _ in known) <= min(last for _, last in known)


def _penalty(parts: Sequence[Part], legs: Sequence[Part], atoms: Sequence[Atom]) -> int:
    """Return what speaks against one of several equal shapes: far strikes, dates and openings.

    When shares were bought says nothing: they are held for long.
    """
    options = legs[1:] if legs[0].kind == STOCK else legs
    strikes = [leg.strike for leg in options]
    dates = [leg.expiry for leg in options]
    high = max(strikes)
    penalty = min(40, 200 * (high - min(strikes)) // high)
    penalty += min(25, (max(dates) - min(dates)) // 30)
    known = [
        atom.days
        for atom in atoms
        if atom.days is not None and parts[atom.vector[0][0]].kind != STOCK
    ]
    if len(known) > 1:
        apart = max([day for day, _ in known]) - min([day for _, day in known])
        penalty += min(25, max(0, apart) // 5)
    return penalty


def _sum(atoms: Sequence[Atom], many: Sequence[int]) -> Vector:
    total: dict[int, int] = {}
    for atom, times in zip(atoms, many, strict=True):
        for leg, each in atom.vector:
            total[leg] = total.get(leg, 0) + each * times
    return tuple(sorted(total.items()))


def _made(
    atoms: Sequence[Atom], needs: Sequence[tuple[int, int]], times: int, *, near: bool
) -> Atom:
    own = [atoms[item] for item, _ in needs]
    vector = _sum(own, [many for _, many in needs])
    moments = tuple(sorted({time for atom in own for time in atom.times}))
    known = [atom.days for atom in own if atom.days is not None]
    days = (min(a for a, _ in known), max(b for _, b in known)) if known else None
    why = Why.SHAPE
    if near:
        why = Why.TIME if moments[-1] - moments[0] <= _SAME_SECOND else Why.WINDOW
    orders = tuple(dict.fromkeys(order for atom in own for order in atom.orders))
    return Atom(vector, times, moments, days, why, orders)


def _whole(
    parts: Sequence[Part],
    atoms: Sequence[Atom],
    joined: tuple[Atom, tuple[int, ...]],
    left: list[int],
) -> tuple[Atom, tuple[int, ...]]:
    """Return a shape with what its own spreads have left over, where it keeps its name with it.

    Five put spreads and three call spreads, sold within minutes, are one uneven iron condor.
    """
    made, items = joined
    shape = classify(parts_of(parts, made.vector))
    for item in items:
        if left[item] and not atoms[item].is_single:
            vector = _sum([made, atoms[item]], [made.many, left[item]])
            if classify(parts_of(parts, vector)) is shape:
                count = gcd(*(many for _, many in vector))
                lowest = tuple((leg, many // count) for leg, many in vector)
                made = Atom(lowest, count, made.times, made.days, made.why, made.orders)
                left[item] = 0
    return made, items


def shape_of(parts: Sequence[Part], atom: Atom) -> Shape:
    return classify(parts_of(parts, atom.vector)) or Shape.CUSTOM
