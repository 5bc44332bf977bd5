"""What customers send in a day: single orders, sweeps, blocks and packages of several legs.

Every number is a hash of seed, day, name and the order's number. Orders crowd where the day's
volume is, by minute and by contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from optix.adapters.market_data.sim.hashing import Bools, Floats, Ints, stream_key, uniforms
from optix.adapters.market_data.sim.span import MINUTE_NS, NamePath
from optix.adapters.market_data.sim.tape.universe import Universe

MEAN_SIZE = 11.0  # contracts of an order, all kinds together
ORDERS_MAX = 400_000
SHARES_PER_CONTRACT = 100


class OrderKind(IntEnum):
    SINGLE = 0
    AUCTION = 1  # a price improvement auction for one leg
    SWEEP = 2  # takes several exchanges at once
    BLOCK = 3  # crossed, or on the floor
    VERTICAL = 4
    STRADDLE = 5
    CONDOR = 6
    CALENDAR = 7
    STOCK_TIED = 8  # hedged with shares
    TOP_UP = 9  # what is left of the day's change of positions


class Customer(IntEnum):
    RETAIL = 0
    INSTITUTION = 1
    PROFESSIONAL = 2


PACKAGES = frozenset({OrderKind.VERTICAL, OrderKind.STRADDLE, OrderKind.CONDOR, OrderKind.CALENDAR})
_CHANCES = np.array([0.46, 0.21, 0.07, 0.008, 0.10, 0.045, 0.027, 0.04, 0.04])
_SCALES = np.array([3.0, 6.0, 30.0, 300.0, 8.0, 6.0, 6.0, 10.0, 25.0])  # of sizes, by kind
_LEAST = np.array([1, 1, 6, 150, 1, 1, 1, 1, 5])
# Chances of retail and of retail or institution, by kind.
_RETAIL = np.array([0.75, 0.6, 0.1, 0.0, 0.5, 0.35, 0.5, 0.3, 0.0])
_INSTITUTION = np.array([0.85, 0.85, 0.7, 0.9, 0.8, 0.75, 0.75, 0.8, 0.5])


@dataclass(slots=True)
class Orders:
    """Orders by number, and their legs as columns. Sizes are in contracts of each leg."""

    instants_ns: Ints
    kinds: Ints
    customers: Ints
    busted: Bools  # undone later, with all their prints
    leg_order: Ints  # the number of the order a leg belongs to
    leg_number: Ints  # 0 is the first leg of its order
    leg_contract: Ints  # place in the universe
    leg_buys: Bools  # the customer's side
    leg_size: Ints


def instants(path: NamePath, chances: Floats) -> Ints:
    """Return the instants at which parts of a session's volume have traded; none in a halt."""
    nodes = path.volume_nodes / path.volume_nodes[-1]
    minute = np.minimum(np.searchsorted(nodes, chances, "right") - 1, path.minutes - 1)
    share = (chances - nodes[minute]) / np.maximum(nodes[minute + 1] - nodes[minute], 1e-300)
    # Whole microseconds: what follows within an order is told apart by nanoseconds.
    offset = np.floor(np.clip(share, 0.0, 1.0) * (MINUTE_NS / 1000 - 1)).astype(np.int64) * 1000
    result: Ints = path.start_ns + minute * MINUTE_NS + offset
    return result


def draw_orders(universe: Universe, path: NamePath, key: np.uint64) -> Orders:
    """Return the day's orders without what the change of positions still needs."""
    weights = np.where(universe.tradable, universe.volume, 0.0)
    total = float(weights.sum())
    count = min(round(total / MEAN_SIZE), ORDERS_MAX)
    numbers = np.arange(count)

    def chances(what: str) -> Floats:
        return uniforms(stream_key(key, what), numbers)

    kinds = np.searchsorted(np.cumsum(_CHANCES) / _CHANCES.sum(), chances("kind"), "right")
    sizes = _LEAST[kinds] + np.floor(-_SCALES[kinds] * np.log(chances("size"))).astype(np.int64)
    who = chances("who")
    customers = (who > _RETAIL[kinds]).astype(np.int64) + (who > _INSTITUTION[kinds])
    passed = np.cumsum(weights)
    anchors = np.searchsorted(passed, chances("contract") * total, "right") if count else numbers
    busted = (chances("bust") < 0.0012) & ~np.isin(kinds, [int(kind) for kind in PACKAGES])
    legs = _legs(universe, kinds, anchors, chances("side") < 0.5, chances("width"))
    of, number, contract, buys = legs
    return Orders(
        instants_ns=instants(path, chances("instant")),
        kinds=kinds,
        customers=customers,
        busted=busted,
        leg_order=of,
        leg_number=number,
        leg_contract=contract,
        leg_buys=buys,
        leg_size=sizes[of],
    )


def _legs(
    universe: Universe, kinds: Ints, anchors: Ints, buys: Bools, chance: Floats
) -> tuple[Ints, Ints, Ints, Bools]:
    """Return order, number, contract and side of every leg, in the order of the orders.

    A package that does not fit on its ladder becomes a single order.
    """
    width = 2 * (1 + np.floor(4.0 * chance).astype(np.int64))
    parts: list[tuple[Ints, Ints, Ints, Bools]] = []
    numbers = np.arange(len(kinds))

    def add(which: Bools, number: int, contract: Ints, side: Bools) -> None:
        held = numbers[which]
        parts.append((held, np.full(len(held), number), contract[which], side[which]))

    vertical = kinds == OrderKind.VERTICAL
    vertical &= universe.same_ladder(anchors, anchors + width)
    add(vertical, 1, anchors + width, ~buys)
    straddle = kinds == OrderKind.STRADDLE
    add(straddle, 1, anchors ^ 1, buys)
    call = anchors & ~1
    inner_call, outer_call = call + width, call + 2 * width
    inner_put, outer_put = call + 1 - width, call + 1 - 2 * width
    condor = kinds == OrderKind.CONDOR
    condor &= universe.same_ladder(anchors, outer_call) & universe.same_ladder(anchors, outer_put)
    for number, (contract, side) in enumerate(
        ((inner_call, ~buys), (outer_call, buys), (inner_put, ~buys), (outer_put, buys))
    ):
        add(condor, number, contract, side)
    calendar = kinds == OrderKind.CALENDAR
    later = np.full(len(kinds), -1)
    for at in np.flatnonzero(calendar).tolist():
        found = universe.later(int(anchors[at]))
        if found is not None and universe.tradable[found]:
            later[at] = found
    calendar &= later >= 0
    add(calendar, 1, later, ~buys)
    add(~condor, 0, anchors, buys)
    lone = np.isin(kinds, [int(kind) for kind in PACKAGES])
    lone &= ~(vertical | straddle | condor | calendar)
    kinds[lone] = OrderKind.SINGLE
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((joined[1], joined[0]))
    return joined[0][order], joined[1][order], joined[2][order], joined[3][order].astype(np.bool_)
