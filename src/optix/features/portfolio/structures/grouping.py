"""Which legs belong together, by what speaks for it, the strongest first.

1. The owner said so (`Override`). It holds until a leg is gone; then it is told as fallen.
2. One order opened them. What an order opened together is never taken apart, whatever it is.
3. They were opened in the same second, or within five minutes, and make a shape that has a name.
4. They make such a shape, whenever they were opened. Shapes that are often two trades that have
   nothing to do with each other (`NAMED`) need legs of one day here.
5. Everything else is a leg by itself.

Each step takes what the one before made as a whole, and may join it: two vertical spreads of two
orders are an iron condor. Dates and quantities need not be equal; where a position is larger than
its partner, what is left of it is a structure of its own. Within a step the best division of what
is there is searched, not the first one that fits (`cover`). The same input gives the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from math import gcd
from typing import Final
from uuid import UUID, uuid5

from optix.features.portfolio.structures.atoms import Atom, Vector, join, shape_of
from optix.features.portfolio.structures.families import Family, families_of
from optix.features.portfolio.structures.shapes import STOCK
from optix.features.portfolio.structures.values import (
    Fallen,
    Grouping,
    Holding,
    Leg,
    Opening,
    Override,
    Shape,
    Structure,
    Why,
)
from optix.kernel import limits

_MIXED_DATES: Final = 0


def group(
    account: UUID,
    holdings: Sequence[Holding],
    *,
    overrides: Sequence[Override] = (),
    cash: Decimal | None = None,
) -> Grouping:
    """Return the structures of one account, each leg of each position in exactly one of them.

    `cash` is what there is to buy shares with: short puts that it pays for are cash-secured.
    """
    left = _by_asset(holdings)
    structures, fallen = [], []
    for override in sorted(overrides, key=lambda each: each.id):
        made = _by_owner(override, left)
        if isinstance(made, Fallen):
            fallen.append(made)
        else:
            structures.append(made)
    families, left_out = families_of(list(left.values()))
    for family in families:
        structures += _structures(account, family)
    ordered = sorted(_secured(structures, cash), key=lambda each: (each.underlying, str(each.id)))
    return Grouping(structures=tuple(ordered), fallen=tuple(fallen), left_out=tuple(left_out))


def _by_asset(holdings: Sequence[Holding]) -> dict[str, Holding]:
    """Return holdings by asset; what a broker tells in several rows is one."""
    found: dict[str, Holding] = {}
    for each in holdings:
        known = found.get(each.asset.key)
        quantity = each.quantity if known is None else known.quantity + each.quantity
        found[each.asset.key] = replace(each, quantity=quantity)
    return {key: each for key, each in found.items() if each.quantity}


# --- the owner's word ----------------------------------------------------------------------------


def _by_owner(override: Override, left: dict[str, Holding]) -> Structure | Fallen:
    """Take an override's legs out of `left`: all of them, or as many sets as are still whole."""
    smallest = min(abs(quantity) for _, quantity in override.legs)
    ratios = [(key, quantity / smallest) for key, quantity in override.legs]
    units = smallest
    missing = []
    for key, ratio in ratios:
        holding = left.get(key)
        have = Decimal(0) if holding is None else holding.quantity / ratio
        units = min(units, have)
        if have <= 0:
            missing.append(key)
    whole = units if units == smallest else units.to_integral_value(rounding="ROUND_FLOOR")
    if missing or whole <= 0:
        return Fallen(override=override, missing=tuple(missing or [key for key, _ in ratios]))
    own = [Holding(asset=left[key].asset, quantity=ratio * whole) for key, ratio in ratios]
    for key, ratio in ratios:
        _take(left, key, ratio * whole)
    families, _ = families_of(own)
    shape, underlying = Shape.CUSTOM, own[0].asset.symbol
    if len(families) == 1:
        (family,) = families
        underlying = family.underlying
        vector = tuple((leg, count) for leg, count in enumerate(family.counts) if count)
        if vector and not family.odd:
            shape = shape_of(family.parts, Atom(vector, 1))
    return Structure(
        id=override.id,
        underlying=underlying,
        shape=shape,
        legs=tuple(Leg(asset=each.asset, quantity=each.quantity) for each in own),
        units=whole,
        why=Why.OWNER,
        name=override.name,
    )


def _take(left: dict[str, Holding], key: str, quantity: Decimal) -> None:
    holding = left.pop(key)
    rest = holding.quantity - quantity
    if rest:
        left[key] = Holding(asset=holding.asset, quantity=rest, openings=holding.openings)


# --- one family ----------------------------------------------------------------------------------


def _structures(account: UUID, family: Family) -> list[Structure]:
    atoms, singles = _by_order(family)
    pool = _by_time(family, [*atoms, *singles])
    found = _by_shape(family, _alike(pool))
    return _told(account, family, found)


def _by_order(family: Family) -> tuple[list[Atom], list[Atom]]:
    """Return what orders opened together, and everything else by asset and opening."""
    left = list(family.counts)
    openings = [
        _clipped(holding, count * _unit(family, place))
        for place, (holding, count) in enumerate(zip(family.holdings, left, strict=True))
    ]
    orders: dict[str, dict[int, Opening]] = {}
    for place, own in enumerate(openings):
        for opening in own:
            if opening.order:
                orders.setdefault(opening.order, {})[place] = opening
    atoms = []
    used: dict[tuple[int, str], int] = {}
    for order, legs in sorted(orders.items()):
        made = _package(family, order, legs) if len(legs) > 1 else None
        if made is not None:
            atoms.append(made)
            for leg, many in made.vector:
                left[leg] -= many * made.many
                used[leg, order] = many * made.many
    singles = []
    for place, own in enumerate(openings):
        for opening in own:
            count = _lots(family, place, opening.quantity) - used.get((place, opening.order), 0)
            count = min(count, left[place])
            if count > 0:
                left[place] -= count
                singles.append(_single(place, count, opening))
        if left[place]:
            singles.append(Atom(((place, 1),), left[place]))
    return atoms, singles


def _unit(family: Family, place: int) -> Decimal:
    return family.lot if family.parts[place].kind == STOCK else Decimal(1)


def _lots(family: Family, place: int, quantity: Decimal) -> int:
    return int(abs(quantity) // _unit(family, place))


def _clipped(holding: Holding, most: Decimal) -> list[Opening]:
    """Return the newest openings that the position has room for: the oldest were closed unseen."""
    found: list[Opening] = []
    room = most
    for opening in reversed(holding.openings):
        if (opening.quantity > 0) != (holding.quantity > 0) or not room:
            continue
        kept = min(abs(opening.quantity), room)
        room -= kept
        sign = 1 if opening.quantity > 0 else -1
        found.append(
            Opening(
                quantity=kept * sign,
                opened=opening.opened,
                day=opening.day,
                at=opening.at,
                order=opening.order,
                whole=opening.whole,
            )
        )
    return found[::-1]


def _package(family: Family, order: str, legs: dict[int, Opening]) -> Atom | None:
    """Return the sets of an order that are whole, in the proportions in which it opened them.

    None where it has no whole set any more, or where some legs are gone and the others have no name
    without them. Shares are taken by whole lots.
    """
    opened = {place: _lots(family, place, each.opened) for place, each in legs.items()}
    there = {place: _lots(family, place, each.quantity) for place, each in legs.items()}
    opened = {place: many for place, many in opened.items() if many and there[place]}
    if len(opened) < 2:
        return None
    smallest = gcd(*opened.values())
    vector = tuple((place, many // smallest) for place, many in sorted(opened.items()))
    count = min(there[place] // many for place, many in vector)
    if not count:
        return None
    own = [legs[place] for place, _ in vector]
    made = Atom(vector, count, _seconds(own), _days(own), Why.ORDER, (order,))
    if shape_of(family.parts, made) is Shape.CUSTOM and not all(each.whole for each in own):
        return None
    return made


def _single(place: int, count: int, opening: Opening) -> Atom:
    orders = (opening.order,) if opening.order else ()
    return Atom(((place, 1),), count, _seconds([opening]), _days([opening]), Why.LOOSE, orders)


def _seconds(openings: Sequence[Opening]) -> tuple[int, ...]:
    known = {int(each.at.astimezone(UTC).timestamp()) for each in openings if each.at is not None}
    return tuple(sorted(known))


def _days(openings: Sequence[Opening]) -> tuple[int, int] | None:
    days = [each.day.toordinal() for each in openings if each.day is not None]
    return (min(days), max(days)) if days else None


def _by_time(family: Family, atoms: Sequence[Atom]) -> list[Atom]:
    """Join what was opened within minutes of each other."""
    timed = sorted(
        (each for each in atoms if each.times), key=lambda each: (each.times, each.vector)
    )
    found = [each for each in atoms if not each.times]
    cluster: list[Atom] = []
    for atom in timed:
        if cluster and atom.times[0] - cluster[0].times[0] > limits.STRUCTURE_WINDOW_SECONDS:
            found += _joined_near(family, cluster)
            cluster = []
        cluster.append(atom)
    return found + _joined_near(family, cluster)


def _joined_near(family: Family, cluster: Sequence[Atom]) -> list[Atom]:
    alike = _alike(cluster)
    if len(alike) < 2:
        return alike
    return join(family.parts, alike, near=True)


def _alike(atoms: Sequence[Atom]) -> list[Atom]:
    """Return atoms of equal vectors as one: what was added to later is one position."""
    found: dict[Vector, list[Atom]] = {}
    for atom in atoms:
        found.setdefault(atom.vector, []).append(atom)
    return [_one_of(own) for _, own in sorted(found.items())]


def _one_of(own: Sequence[Atom]) -> Atom:
    if len(own) == 1:
        return own[0]
    days = [each.days for each in own if each.days is not None]
    weakest = list(Why)
    return Atom(
        own[0].vector,
        sum(each.many for each in own),
        tuple(sorted({time for each in own for time in each.times})),
        (min(a for a, _ in days), max(b for _, b in days)) if days else None,
        max((each.why for each in own), key=weakest.index),
        tuple(dict.fromkeys(order for each in own for order in each.orders)),
    )


def _by_shape(family: Family, atoms: list[Atom]) -> list[Atom]:
    """Join by shape alone. A large book is looked at date by date first, then as a whole."""
    if len(atoms) < 2:
        return atoms
    if len(atoms) > limits.STRUCTURE_ATOMS_MAX:
        by_date: dict[int, list[Atom]] = {}
        for atom in atoms:
            by_date.setdefault(_date_of(family, atom), []).append(atom)
        atoms = []
        for expiry, own in sorted(by_date.items()):
            atoms += own if expiry == _MIXED_DATES else _in_chunks(family, own)
    return _alike(_in_chunks(family, _alike(atoms)))


def _in_chunks(family: Family, atoms: Sequence[Atom]) -> list[Atom]:
    """Join neighbours, so many at once as can be looked at together."""
    found: list[Atom] = []
    ordered = sorted(atoms, key=lambda each: (_date_of(family, each), _place_of(family, each)))
    size = limits.STRUCTURE_CHUNK_MAX
    for start in range(0, len(ordered), size):
        found += join(family.parts, ordered[start : start + size], near=False)
    return found


def _date_of(family: Family, atom: Atom) -> int:
    """Return the one date of an atom's options; shares and several dates have none."""
    dates = {family.parts[leg].expiry for leg, _ in atom.vector}
    return dates.pop() if len(dates) == 1 else _MIXED_DATES


def _place_of(family: Family, atom: Atom) -> tuple[int, int]:
    part = family.parts[atom.vector[0][0]]
    return part.kind, part.strike


# --- as structures -------------------------------------------------------------------------------


def _told(account: UUID, family: Family, atoms: Sequence[Atom]) -> list[Structure]:
    odd = dict(family.odd)
    found = []
    for atom in atoms:
        legs = []
        for leg, many in atom.vector:
            holding = family.holdings[leg]
            quantity = many * atom.many * _unit(family, leg) * family.parts[leg].quantity
            if atom.is_single:
                quantity += odd.pop(leg, Decimal(0))
            legs.append(Leg(asset=holding.asset, quantity=quantity))
        single = atom.is_single
        found.append(
            Structure(
                id=_id(account, family, atom),
                underlying=family.underlying,
                shape=shape_of(family.parts, atom),
                legs=tuple(legs),
                units=abs(legs[0].quantity) if single else Decimal(atom.many),
                why=Why.LOOSE if single else atom.why,
                orders=atom.orders,
            )
        )
    for place, quantity in odd.items():
        alone = Atom(((place, 1),), 1)
        found.append(
            Structure(
                id=_id(account, family, alone),
                underlying=family.underlying,
                shape=shape_of(family.parts, alone),
                legs=(Leg(asset=family.holdings[place].asset, quantity=quantity),),
                units=abs(quantity),
                why=Why.LOOSE,
            )
        )
    return found


def _id(account: UUID, family: Family, atom: Atom) -> UUID:
    legs = sorted(
        f"{family.holdings[leg].asset.key} {many * family.parts[leg].quantity}"
        for leg, many in atom.vector
    )
    return uuid5(account, "\n".join(legs))


def _secured(structures: Sequence[Structure], cash: Decimal | None) -> list[Structure]:
    """Name the short puts that cash pays for, the first strikes first, until it is used up."""
    room = Decimal(0) if cash is None else cash
    found = []
    for each in sorted(structures, key=lambda one: (one.underlying, one.legs[0].asset.symbol)):
        needed = _assignment_cost(each)
        if needed is None or needed > room:
            found.append(each)
            continue
        room -= needed
        found.append(replace(each, shape=Shape.CASH_SECURED_PUT))
    return found


def _assignment_cost(structure: Structure) -> Decimal | None:
    if structure.shape is not Shape.SHORT_PUT:
        return None
    (leg,) = structure.legs
    assert leg.asset.contract is not None, "a put has a contract"
    strike = Decimal(leg.asset.contract.strike_milli) / 1000
    return strike * leg.asset.multiplier * abs(leg.quantity)
