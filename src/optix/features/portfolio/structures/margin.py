"""The least margin of one account: legs are grouped anew so that the rules ask for least.

Which long leg covers which short one is an assignment problem, and the answer need not be the
structures that the owner sees. For each underlying every group that a rule knows is a candidate;
the cheapest division of all legs into candidates is found exactly, by looking at every state of
what is left, where there are at most `MARGIN_STATES_MAX` of them and `MARGIN_LEGS_MAX` different
legs. Larger positions are divided in their lowest terms, and larger books by a bounded search;
then `exact` is false, and `at_least` says how low the least can be: every leg at its cheapest share
of a group.

It is an estimate by public rules, to be shown beside the broker's own figure, never instead of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import combinations_with_replacement, product
from math import gcd, prod
from typing import Final

from optix.features.portfolio.structures.cover import Candidate, best_cover
from optix.features.portfolio.structures.families import Family, families_of
from optix.features.portfolio.structures.margin_rules import (
    LEVERAGED,
    Requirement,
    Rule,
    Terms,
    Unit,
    requirement,
)
from optix.features.portfolio.structures.payoff import strike_of
from optix.features.portfolio.structures.shapes import STOCK
from optix.features.portfolio.structures.values import Holding, Leg
from optix.kernel import limits
from optix.kernel.roots import INDEX_CLASSES

_GROUP_MAX: Final = 4  # legs of a group: no rule knows more
_REFUSED: Final = 10**12  # cents: what no account without margin may hold is taken last
_CENTS: Final = 100
_WITHOUT_MARGIN: Final = ("cash", "ira", "roth", "401k", "403b", "hsa", "retirement", "pension")


class NotEstimated(StrEnum):
    """Why an underlying has no estimate."""

    NO_PRICE = "no_underlying_price"
    NO_MARK = "no_mark"
    DELIVERABLE_UNKNOWN = "deliverable_unknown"
    NOT_PERMITTED = "not_permitted"  # a call without shares in an account without margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What is known of prices per share, by symbol: of underlyings, and of what is held."""

    underlyings: Mapping[str, Decimal]
    marks: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginGroup:
    """Legs that one rule took together. Amounts are of all its units."""

    rule: Rule
    legs: tuple[Leg, ...]
    units: int
    initial: Decimal
    kept: Decimal
    paid: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlyingMargin:
    """The estimate of one underlying, or why there is none.

    `kept` is the maintenance requirement, of which `paid` is what long options are worth. `exact`
    says that no division needs less; else none needs less than `at_least`. `leverage` is of a fund
    that OPTIX knows as leveraged.
    """

    underlying: str
    reason: NotEstimated | None = None
    initial: Decimal = Decimal(0)
    kept: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    exact: bool = True
    at_least: Decimal = Decimal(0)
    leverage: Decimal = Decimal(1)
    groups: tuple[MarginGroup, ...] = ()


def margins_of(
    holdings: Sequence[Holding], prices: Prices, *, today: date, margin: bool
) -> tuple[UnderlyingMargin, ...]:
    """Return the least margin of each underlying; `margin` is false for an account without it."""
    families, _ = families_of(holdings)
    return tuple(_of_family(family, prices, today, margin=margin) for family in families)


def _of_family(family: Family, prices: Prices, today: date, *, margin: bool) -> UnderlyingMargin:
    name = family.underlying
    price = prices.underlyings.get(name)
    if price is None:
        return UnderlyingMargin(underlying=name, reason=NotEstimated.NO_PRICE)
    if any(_needs_mark(each, prices) for each in family.holdings):
        return UnderlyingMargin(underlying=name, reason=NotEstimated.NO_MARK)
    units = _units(family, prices, price)
    if units is None:
        return UnderlyingMargin(underlying=name, reason=NotEstimated.DELIVERABLE_UNKNOWN)
    leverage = LEVERAGED.get(name, Decimal(1))
    terms = Terms(
        price=price,
        today=today,
        broad_index=name in INDEX_CLASSES,
        leverage=leverage,
        margin=margin,
    )
    division = divide([unit for unit, _, _ in units], [many for _, many, _ in units], terms)
    groups = [_group(family, units, needs, times, found) for needs, times, found in division.groups]
    if any(group.rule is Rule.NOT_PERMITTED for group in groups):
        return UnderlyingMargin(
            underlying=name, reason=NotEstimated.NOT_PERMITTED, groups=tuple(groups)
        )
    return UnderlyingMargin(
        underlying=name,
        initial=sum((group.initial for group in groups), Decimal(0)),
        kept=sum((group.kept for group in groups), Decimal(0)),
        paid=sum((group.paid for group in groups), Decimal(0)),
        exact=division.exact,
        at_least=division.at_least,
        leverage=leverage,
        groups=tuple(groups),
    )


def _needs_mark(holding: Holding, prices: Prices) -> bool:
    return holding.asset.contract is not None and holding.asset.symbol not in prices.marks


# A unit, how many of it, and which holding of the family it is of.
Counted = tuple[Unit, int, int]


def _units(family: Family, prices: Prices, price: Decimal) -> list[Counted] | None:
    """Return what is held as units; shares that make no lot are a lot of their own size."""
    found: list[Counted] = []
    for place, (part, holding) in enumerate(zip(family.parts, family.holdings, strict=True)):
        asset, long = holding.asset, holding.quantity > 0
        if asset.contract is None:
            mark = prices.marks.get(asset.symbol, price)
            lot = Unit(STOCK, long, Decimal(0), None, mark, family.lot)
            found.append((lot, family.counts[place], place))
            odd = abs(family.odd.get(place, Decimal(0)))
            if odd:
                found.append((lot._replace(size=odd), 1, place))
            continue
        if family.lot != asset.multiplier or place in family.odd:
            return None
        mark = prices.marks[asset.symbol]
        expiry = asset.contract.expiration
        unit = Unit(part.kind, long, strike_of(asset), expiry, mark, Decimal(asset.multiplier))
        found.append((unit, family.counts[place], place))
    return [each for each in found if each[1]]


def _group(
    family: Family,
    units: Sequence[Counted],
    needs: Sequence[tuple[int, int]],
    times: int,
    found: Requirement,
) -> MarginGroup:
    legs = []
    for item, many in needs:
        unit, _, place = units[item]
        size = unit.size if unit.kind == STOCK else Decimal(1)
        quantity = size * many * times * (1 if unit.long else -1)
        legs.append(Leg(asset=family.holdings[place].asset, quantity=quantity))
    return MarginGroup(
        rule=found.rule,
        legs=tuple(legs),
        units=times,
        initial=found.initial * times,
        kept=found.kept * times,
        paid=found.paid * times,
    )


def has_margin(kind: str) -> bool:
    """Return whether an account may borrow, by its broker's word; one that says nothing may.

    What says "margin" may, whatever else it says: some pension accounts have a limited one.
    """
    words = kind.lower()
    return "margin" in words or not any(word in words for word in _WITHOUT_MARGIN)


# --- the division --------------------------------------------------------------------------------

Needs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Division:
    """Groups (which units, how often, what they need), and whether no other needs less."""

    groups: tuple[tuple[Needs, int, Requirement], ...]
    exact: bool
    at_least: Decimal


@dataclass(frozen=True, slots=True)
class _Option:
    needs: Needs
    found: Requirement
    cost: int  # cents of maintenance
    initial: int  # cents; where the others are equal, less to begin with is better


def divide(units: Sequence[Unit], counts: Sequence[int], terms: Terms) -> Division:
    """Return the division of `counts` of units into groups that needs least maintenance."""
    if not units:
        return Division((), exact=True, at_least=Decimal(0))
    whole = _options(units, counts, terms)
    for common in (1, gcd(*counts)):
        reduced = [count // common for count in counts]
        states = prod(count + 1 for count in reduced)
        if len(units) <= limits.MARGIN_LEGS_MAX and states <= limits.MARGIN_STATES_MAX:
            options = whole if common == 1 else _options(units, reduced, terms)
            chosen = sorted(_exactly(reduced, options).items())
            groups = tuple(
                (options[place].needs, times * common, options[place].found)
                for place, times in chosen
            )
            kept = sum((found.kept * times for _, times, found in groups), Decimal(0))
            least = kept if common == 1 else _bound(counts, whole)
            return Division(groups, exact=common == 1, at_least=least)
    return _searched(counts, whole)


def _options(units: Sequence[Unit], counts: Sequence[int], terms: Terms) -> list[_Option]:
    """Return every group of up to four units that a rule knows; of a large book, up to two."""
    size_max = _GROUP_MAX if len(units) <= limits.MARGIN_LEGS_MAX else 2
    found = []
    alone: dict[int, tuple[int, int]] = {}
    for size in range(1, size_max + 1):
        for chosen in combinations_with_replacement(range(len(units)), size):
            if any(chosen.count(item) > counts[item] for item in chosen):
                continue
            one = requirement([units[item] for item in chosen], terms)
            if one is None:
                continue
            refused = _REFUSED if one.rule is Rule.NOT_PERMITTED else 0
            cost = int(one.kept * _CENTS) + refused, int(one.initial * _CENTS)
            if size == 1:
                alone[chosen[0]] = cost
            elif cost >= (
                sum([alone[item][0] for item in chosen]),
                sum([alone[item][1] for item in chosen]),
            ):
                continue  # its legs need no more by themselves
            needs = tuple([(item, chosen.count(item)) for item in sorted(set(chosen))])
            found.append(_Option(needs, one, *cost))
    return found


def _exactly(counts: Sequence[int], options: Sequence[_Option]) -> Counter[int]:
    """Return the cheapest options that use everything up, by what is left of each unit.

    States are visited from nothing upwards: each is reached by one group that takes of its first
    unit, from a state that was visited before.
    """
    sizes = [count + 1 for count in counts]
    steps = [prod(sizes[place + 1 :]) for place in range(len(sizes))]
    by_first: list[list[tuple[int, int]]] = [[] for _ in counts]
    for place, option in enumerate(options):
        back = sum(steps[item] * many for item, many in option.needs)
        by_first[option.needs[0][0]].append((place, back))
    best = [(0, 0)] + [(1 << 62, 0)] * (prod(sizes) - 1)
    taken = [-1] * len(best)
    for index, state in enumerate(product(*(range(size) for size in sizes))):
        first = next((item for item, count in enumerate(state) if count), None)
        if first is None:
            continue
        for place, back in by_first[first]:
            option = options[place]
            for item, many in option.needs:
                if many > state[item]:
                    break
            else:
                cost, initial = best[index - back]
                other = cost + option.cost, initial + option.initial
                if taken[index] < 0 or other < best[index]:
                    best[index], taken[index] = other, place
    chosen: Counter[int] = Counter()
    index = len(best) - 1
    while index:
        place = taken[index]
        chosen[place] += 1
        index -= sum(steps[item] * many for item, many in options[place].needs)
    return chosen


def _searched(counts: Sequence[int], options: Sequence[_Option]) -> Division:
    """Return the division that saves most against every leg by itself, as far as was searched."""
    alone = {option.needs[0][0]: option for option in options if _size(option) == 1}
    joined = [
        (saved, option)
        for option in options
        if _size(option) > 1
        and (saved := sum(alone[item].cost * many for item, many in option.needs) - option.cost) > 0
    ]
    uses = best_cover(counts, [Candidate(saved, option.needs) for saved, option in joined])
    left = list(counts)
    groups = []
    for place, times in uses:
        option = joined[place][1]
        groups.append((option.needs, times, option.found))
        for item, many in option.needs:
            left[item] -= many * times
    groups += [
        (alone[item].needs, many, alone[item].found) for item, many in enumerate(left) if many
    ]
    return Division(tuple(groups), exact=False, at_least=_bound(counts, options))


def _size(option: _Option) -> int:
    return sum(many for _, many in option.needs)


def _bound(counts: Sequence[int], options: Sequence[_Option]) -> Decimal:
    """Return what no division can be below: each unit at its cheapest share of a group."""
    cheapest = [1 << 62] * len(counts)
    for option in options:
        share = option.cost // _size(option)
        for item, _ in option.needs:
            cheapest[item] = min(cheapest[item], share)
    total = sum(count * share for count, share in zip(counts, cheapest, strict=True))
    return Decimal(total) / _CENTS
