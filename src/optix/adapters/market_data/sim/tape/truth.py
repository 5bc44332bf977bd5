"""The truth of a tape as tables: what a measuring instrument is checked against.

orders      one row an order: who sent it, of what kind, when, and whether it was undone
legs        its legs: side, size, and who opened or closed; an undone one has no effect
prints      which print of the tape belongs to which leg, and whether it stands
positions   per contract: volume, and how open interest came from one day to the next
settlements what contracts that expire on the day are settled at
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from optix.adapters.market_data.sim.hashing import Ints
from optix.adapters.market_data.sim.tape.day import DayTape
from optix.adapters.market_data.sim.tape.orders import (
    SHARES_PER_CONTRACT,
    Customer,
    OrderKind,
)

TRUTH_SCHEMAS: Mapping[str, pa.Schema] = {
    "orders": pa.schema(
        [
            ("date", pa.date32()),
            ("underlying", pa.string()),
            ("order_id", pa.int64()),
            ("ts_event", pa.int64()),
            ("kind", pa.string()),
            ("customer", pa.string()),
            ("package_id", pa.int64()),  # 0: the order has one leg
            ("legs", pa.int64()),
            ("shares", pa.int64()),  # of the underlying that hedge it; signed for the customer
            ("busted", pa.bool_()),
        ]
    ),
    "legs": pa.schema(
        [
            ("date", pa.date32()),
            ("underlying", pa.string()),
            ("order_id", pa.int64()),
            ("leg", pa.int64()),
            ("symbol", pa.string()),
            ("side", pa.string()),  # the customer's
            ("size", pa.int64()),
            ("customer_effect", pa.string()),  # open, close, none
            ("contra", pa.string()),  # dealer, customer
            ("contra_effect", pa.string()),
        ]
    ),
    "prints": pa.schema(
        [
            ("date", pa.date32()),
            ("underlying", pa.string()),
            ("sequence", pa.int64()),
            ("order_id", pa.int64()),
            ("leg", pa.int64()),
            ("symbol", pa.string()),
            ("price", pa.float64()),
            ("size", pa.int64()),
            ("action", pa.string()),
            ("refers_to", pa.int64()),
            ("stands", pa.bool_()),
        ]
    ),
    "positions": pa.schema(
        [
            ("date", pa.date32()),
            ("underlying", pa.string()),
            ("symbol", pa.string()),
            ("volume", pa.int64()),
            ("open_interest", pa.int64()),
            ("opened", pa.int64()),  # both sides opened
            ("closed", pa.int64()),  # both sides closed
            ("exercised", pa.int64()),  # early, and at expiry where it pays
            ("expired", pa.int64()),  # worthless
            ("open_interest_next", pa.int64()),  # before a split of the next morning
        ]
    ),
    "settlements": pa.schema(
        [
            ("date", pa.date32()),
            ("underlying", pa.string()),
            ("root", pa.string()),
            ("settlement", pa.string()),  # am, pm
            ("ts_event", pa.int64()),
            ("value", pa.float64()),
        ]
    ),
}
_ACTIONS = ("new", "cancel", "correction")


def truth_tables(
    tape: DayTape, day: date, settlements: Mapping[str, tuple[str, int, float]]
) -> dict[str, pa.Table]:
    """Return the tables of one name's day. `settlements` has kind, instant and value by root."""
    symbol = tape.universe.name.symbol
    columns = {
        "orders": _orders(tape),
        "legs": _legs(tape),
        "prints": _prints(tape),
        "positions": _positions(tape, day, settlements),
        "settlements": {
            "root": list(settlements),
            "settlement": [kind for kind, _, _ in settlements.values()],
            "ts_event": [instant for _, instant, _ in settlements.values()],
            "value": [value for _, _, value in settlements.values()],
        },
    }
    tables = {}
    for name, schema in TRUTH_SCHEMAS.items():
        own = columns[name]
        count = len(own[schema.names[2]])
        own |= {"date": [day] * count, "underlying": [symbol] * count}
        arrays = [pa.array(own[field.name], field.type) for field in schema]
        tables[name] = pa.table(arrays, schema=schema)
    return tables


def _keys(tape: DayTape, places: Ints) -> list[str]:
    keys = [contract.key for contract in tape.universe.contracts]
    return [keys[place] for place in places.tolist()]


def _orders(tape: DayTape) -> dict[str, Any]:
    orders = tape.orders
    count = len(orders.kinds)
    numbers = np.arange(count)
    legs = np.bincount(orders.leg_order, minlength=count)
    tied = orders.kinds[orders.leg_order] == OrderKind.STOCK_TIED
    # Half a share a share: a hedge at the money. Calls bought are hedged with shares sold.
    is_call = orders.leg_contract % 2 == 0
    sign = np.where(orders.leg_buys == is_call, -1, 1)
    hedge = np.where(tied, sign * orders.leg_size * SHARES_PER_CONTRACT // 2, 0)
    shares = np.zeros(count, dtype=np.int64)
    np.add.at(shares, orders.leg_order, hedge)
    return {
        "order_id": numbers + 1,
        "ts_event": orders.instants_ns,
        "kind": [OrderKind(kind).name.lower() for kind in orders.kinds.tolist()],
        "customer": [Customer(who).name.lower() for who in orders.customers.tolist()],
        "package_id": np.where(legs > 1, numbers + 1, 0),
        "legs": legs,
        "shares": shares,
        "busted": orders.busted,
    }


def _legs(tape: DayTape) -> dict[str, Any]:
    orders, intents = tape.orders, tape.intents
    undone = orders.busted[orders.leg_order]

    def effects(opens: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[str]:
        words = np.where(undone, "none", np.where(opens, "open", "close"))
        return [str(word) for word in words.tolist()]

    return {
        "order_id": orders.leg_order + 1,
        "leg": orders.leg_number,
        "symbol": _keys(tape, orders.leg_contract),
        "side": ["buy" if buys else "sell" for buys in orders.leg_buys.tolist()],
        "size": orders.leg_size,
        "customer_effect": effects(intents.customer_opens),
        "contra": [("customer", "dealer")[int(d)] for d in intents.contra_is_dealer.tolist()],
        "contra_effect": effects(intents.contra_opens),
    }


def _prints(tape: DayTape) -> dict[str, Any]:
    prints, orders = tape.prints, tape.orders
    return {
        "sequence": np.arange(len(prints)) + 1,
        "order_id": orders.leg_order[prints.leg] + 1,
        "leg": orders.leg_number[prints.leg],
        "symbol": _keys(tape, prints.contract),
        "price": prints.price,
        "size": prints.size,
        "action": [_ACTIONS[action] for action in prints.action.tolist()],
        "refers_to": prints.refers_to,
        "stands": prints.stands,
    }


def _positions(
    tape: DayTape, day: date, settlements: Mapping[str, tuple[str, int, float]]
) -> dict[str, Any]:
    universe, orders, intents = tape.universe, tape.orders, tape.intents
    count = len(universe)
    alive = ~orders.busted[orders.leg_order]
    both_open = alive & intents.customer_opens & intents.contra_opens
    both_close = alive & ~intents.customer_opens & ~intents.contra_opens

    def summed(places: Ints, sizes: Ints) -> Ints:
        total = np.zeros(count, dtype=np.int64)
        np.add.at(total, places, sizes)
        return total

    opened = summed(orders.leg_contract[both_open], orders.leg_size[both_open])
    closed = summed(orders.leg_contract[both_close], orders.leg_size[both_close])
    prints = tape.prints
    volume = summed(prints.contract[prints.stands], prints.size[prints.stands])
    evening = universe.open_interest + opened - closed
    expires = np.array([contract.expiration == day for contract in universe.contracts])
    values = np.array(
        [
            settlements[contract.root][2] if done else 0.0
            for contract, done in zip(universe.contracts, expires.tolist(), strict=True)
        ]
    )
    strikes = np.array([contract.strike for contract in universe.contracts])
    sign = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    pays = np.round(sign * (values - strikes), 4) >= 0.01  # exercise by exception
    exercised = np.where(expires, np.where(pays, evening, 0), universe.exercised)
    expired = np.where(expires & ~pays, evening, 0)
    return {
        "symbol": [contract.key for contract in universe.contracts],
        "volume": volume,
        "open_interest": universe.open_interest,
        "opened": opened,
        "closed": closed,
        "exercised": exercised,
        "expired": expired,
        "open_interest_next": evening - exercised - expired,
    }
