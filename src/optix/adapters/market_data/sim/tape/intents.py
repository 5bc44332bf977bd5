"""Who opens and who closes, so that the day's open interest comes out as the chains say.

A contract that both sides open adds to the open interest, one that both close takes from it, one
that changes hands does neither. What random orders leave open is traded by a last order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optix.adapters.market_data.sim.hashing import Bools, Ints, stream_key, uniforms
from optix.adapters.market_data.sim.span import NamePath
from optix.adapters.market_data.sim.tape.orders import Customer, OrderKind, Orders, instants
from optix.adapters.market_data.sim.tape.universe import Universe

_WILLING = 0.8  # chance that a trade leads towards the day's change


class Intents(NamedTuple):
    """For each leg: does the customer open, does the other side, and is that side a dealer."""

    customer_opens: Bools
    contra_opens: Bools
    contra_is_dealer: Bools


def assign(
    orders: Orders, universe: Universe, path: NamePath, key: np.uint64
) -> tuple[Orders, Intents]:
    """Return the orders with the ones that were still missing, and what each leg was for."""
    count = len(orders.leg_order)
    chances = uniforms(stream_key(key, "intent"), np.arange(count)).tolist()
    wanted = universe.change.tolist()
    held = universe.open_interest.tolist()
    net = [0] * len(universe)
    customer, contra = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    busted = orders.busted[orders.leg_order].tolist()
    sizes, contracts = orders.leg_size.tolist(), orders.leg_contract.tolist()
    for leg in range(count):
        if busted[leg]:
            continue  # what did not happen changes nothing
        at, size, chance = contracts[leg], sizes[leg], chances[leg]
        missing = wanted[at] - net[at]
        if chance < _WILLING and missing > 0:
            customer[leg] = contra[leg] = True
            net[at] += size
        elif missing < 0 and held[at] + net[at] >= size:
            if chance < _WILLING:
                net[at] -= size
            else:
                customer[leg] = chance < 0.9
                contra[leg] = not customer[leg]
        elif held[at] + net[at] >= size:
            customer[leg] = chance < 0.5 * _WILLING or chance > 0.9
            contra[leg] = not customer[leg]
        else:
            # Nobody can close what nobody holds.
            customer[leg] = contra[leg] = True
            net[at] += size
    rest = np.array(wanted) - np.array(net)
    complete = _with_rest(orders, rest, path, key)
    added = np.flatnonzero(rest)
    opens = rest[added] > 0
    dealers = uniforms(stream_key(key, "contra"), np.arange(len(complete.leg_order))) < 0.9
    return complete, Intents(
        np.concatenate((customer, opens)), np.concatenate((contra, opens)), dealers
    )


def _with_rest(orders: Orders, rest: Ints, path: NamePath, key: np.uint64) -> Orders:
    """Append one order for each contract whose positions have not come out yet."""
    places = np.flatnonzero(rest)
    count, first = len(places), len(orders.kinds)
    chances = uniforms(stream_key(key, "rest"), places)
    sides = uniforms(stream_key(key, "rest side"), places) < 0.5
    return Orders(
        instants_ns=np.concatenate((orders.instants_ns, instants(path, chances))),
        kinds=np.concatenate((orders.kinds, np.full(count, int(OrderKind.TOP_UP)))),
        customers=np.concatenate((orders.customers, np.full(count, int(Customer.INSTITUTION)))),
        busted=np.concatenate((orders.busted, np.zeros(count, dtype=np.bool_))),
        leg_order=np.concatenate((orders.leg_order, first + np.arange(count))),
        leg_number=np.concatenate((orders.leg_number, np.zeros(count, dtype=np.int64))),
        leg_contract=np.concatenate((orders.leg_contract, places)),
        leg_buys=np.concatenate((orders.leg_buys, sides)),
        leg_size=np.concatenate((orders.leg_size, np.abs(rest[places]))),
    )
