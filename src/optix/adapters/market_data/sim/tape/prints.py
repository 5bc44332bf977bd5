"""What the tape reports of the orders: prints with exchange, price, NBBO and conditions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optix.adapters.market_data.sim.hashing import (
    Bools,
    Floats,
    Ints,
    hash_bits,
    stream_key,
    uniforms,
)
from optix.adapters.market_data.sim.tape.orders import PACKAGES, OrderKind, Orders
from optix.adapters.market_data.sim.tape.universe import Universe
from optix.kernel.clock import NANOSECONDS
from optix.kernel.quote import SecurityKind

EXCHANGES = "ABCDEHIJMNPQTUWXZ"  # participant letters of OPRA
INDEX_EXCHANGE = "C"
SWEEP_PRINTS_MAX = 6
LATE, CANCELLED = "D", "A"
# Condition letters by kind (MARKET_RULES section 6), and the other one that some orders get.
_CONDITIONS = {
    OrderKind.SINGLE: ("I", ""),
    OrderKind.AUCTION: ("a", "b"),
    OrderKind.SWEEP: ("S", "S"),
    OrderKind.BLOCK: ("c", "e"),
    OrderKind.VERTICAL: ("f", "g"),
    OrderKind.STRADDLE: ("f", "g"),
    OrderKind.CONDOR: ("f", "g"),
    OrderKind.CALENDAR: ("f", "i"),
    OrderKind.STOCK_TIED: ("n", "k"),
    OrderKind.TOP_UP: ("I", "a"),
}
_OTHER_CHANCE = 0.25
_LATE_CHANCE, _WRONG_CHANCE = 0.0015, 0.0008


@dataclass(slots=True)
class Prints:
    """Prints in the order in which they are reported; `sequence` is the place, from 1 on."""

    leg: Ints
    contract: Ints
    executed_ns: Ints
    reported_ns: Ints
    price: Floats
    size: Ints
    exchange: list[str]
    condition: list[str]
    bid: Floats
    ask: Floats
    action: Ints  # 0 new, 1 cancel, 2 correction
    refers_to: Ints  # sequence; 0 for none
    stands: Bools  # counts at the end of the day: neither undone nor the undoing

    def __len__(self) -> int:
        return len(self.leg)


NEW, CANCEL, CORRECTION = range(3)


def report(orders: Orders, universe: Universe, key: np.uint64) -> Prints:
    """Return the prints of a day's orders."""
    leg, size, part = _split(orders, universe, key)
    count = len(leg)
    numbers = np.arange(count)

    def chances(what: str) -> Floats:
        return uniforms(stream_key(key, what), numbers)

    order = orders.leg_order[leg]
    kind = orders.kinds[order]
    contract = orders.leg_contract[leg]
    # The parts of a sweep arrive within a millisecond, the legs of a package together.
    executed = orders.instants_ns[order] + part * 137_000 + orders.leg_number[leg]
    leg_bid, leg_ask = universe.quotes(orders.leg_contract, orders.instants_ns[orders.leg_order])
    bid, ask = leg_bid[leg], leg_ask[leg]
    price = _prices(kind, orders.leg_buys[leg], bid, ask, chances("price"))
    venues = INDEX_EXCHANGE if universe.name.kind is SecurityKind.INDEX else EXCHANGES
    first = hash_bits(stream_key(key, "venue"), orders.leg_order[leg]) % np.uint64(len(venues))
    exchange = [venues[at % len(venues)] for at in (first.astype(np.int64) + part).tolist()]
    other = uniforms(stream_key(key, "condition"), order) < _OTHER_CHANCE
    letters = [_CONDITIONS[OrderKind(k)] for k in range(len(OrderKind))]
    condition = [letters[k][int(o)] for k, o in zip(kind.tolist(), other.tolist(), strict=True)]
    busted = orders.busted[order]
    late = (chances("late") < _LATE_CHANCE) & ~busted & ~np.isin(kind, _package_kinds())
    delay = np.where(late, 20 + np.floor(70 * chances("delay")), 0).astype(np.int64)
    for at in np.flatnonzero(late).tolist():
        condition[at] = LATE
    wrong = (chances("wrong") < _WRONG_CHANCE) & ~busted & ~late
    tick = 0.01 * np.ceil(1.0 + 5.0 * (ask - bid))
    told = np.where(wrong, np.round(price + tick, 2), price)
    first_reports = Prints(
        leg=leg,
        contract=contract,
        executed_ns=executed,
        reported_ns=executed + delay * NANOSECONDS,
        price=told,
        size=size,
        exchange=exchange,
        condition=condition,
        bid=bid,
        ask=ask,
        action=np.full(count, NEW),
        refers_to=np.zeros(count, dtype=np.int64),
        stands=~busted & ~wrong,
    )
    after = (5 + np.floor(290 * chances("undo"))).astype(np.int64) * NANOSECONDS
    return _in_order(first_reports, busted, wrong, price, executed + after)


def _package_kinds() -> list[int]:
    return [int(kind) for kind in PACKAGES]


def _split(orders: Orders, universe: Universe, key: np.uint64) -> tuple[Ints, Ints, Ints]:
    """Return leg, size and number of each print: a sweep is filled on several exchanges."""
    kind = orders.kinds[orders.leg_order]
    sweeps = (kind == OrderKind.SWEEP) & (universe.name.kind is not SecurityKind.INDEX)
    chance = uniforms(stream_key(key, "parts"), orders.leg_order)
    parts = np.where(sweeps, 2 + np.floor((SWEEP_PRINTS_MAX - 1) * chance), 1).astype(np.int64)
    parts = np.minimum(parts, orders.leg_size)
    leg = np.repeat(np.arange(len(parts)), parts)
    first = np.concatenate(([0], np.cumsum(parts)[:-1]))
    part = np.arange(len(leg)) - first[leg]
    whole = orders.leg_size[leg] // parts[leg]
    size = whole + (part < orders.leg_size[leg] % parts[leg])
    return leg, size, part


def _prices(kind: Ints, buys: Bools, bid: Floats, ask: Floats, chance: Floats) -> Floats:
    """Return prices within the market: orders that take trade at the far side on its tick, what is
    auctioned somewhere towards the middle and packages around it, both in cents.
    """
    middle = 0.5 * (bid + ask)
    far = np.where(buys, ask, bid)
    taking = (kind == OrderKind.SINGLE) | (kind == OrderKind.SWEEP) | (kind == OrderKind.TOP_UP)
    auctioned = middle + (far - middle) * chance
    package = middle + (chance - 0.5) * 0.5 * (ask - bid)
    is_package = np.isin(kind, _package_kinds())
    price = np.where(taking, far, np.where(is_package, package, auctioned))
    # Without a bid a seller gets a cent, if that much is asked.
    price = np.maximum(np.round(price, 2), 0.01)
    result: Floats = np.round(np.clip(price, np.minimum(np.maximum(bid, 0.01), ask), ask), 2)
    return result


def _in_order(
    reports: Prints, busted: Bools, wrong: Bools, right_price: Floats, undone_ns: Ints
) -> Prints:
    """Add cancels and corrections, and put all reports in the order of their time."""
    cancels, corrections = np.flatnonzero(busted), np.flatnonzero(wrong)
    count = len(reports)
    source = np.concatenate((np.arange(count), cancels, corrections))
    action = np.repeat([NEW, CANCEL, CORRECTION], [count, len(cancels), len(corrections)])
    reported = np.where(action == NEW, reports.reported_ns[source], undone_ns[source])
    order = np.lexsort((source, action, reported))
    source, action = source[order], action[order]
    sequence = np.empty(count, dtype=np.int64)  # of the first report of each
    sequence[source[action == NEW]] = np.flatnonzero(action == NEW) + 1
    price = np.where(action == CORRECTION, right_price[source], reports.price[source])
    return Prints(
        leg=reports.leg[source],
        contract=reports.contract[source],
        executed_ns=reports.executed_ns[source],
        reported_ns=reported[order],
        price=price,
        size=reports.size[source],
        exchange=[reports.exchange[at] for at in source.tolist()],
        condition=[
            CANCELLED if act == CANCEL else reports.condition[at]
            for at, act in zip(source.tolist(), action.tolist(), strict=True)
        ],
        bid=reports.bid[source],
        ask=reports.ask[source],
        action=action,
        refers_to=np.where(action == NEW, 0, sequence[source]),
        stands=np.where(action == NEW, reports.stands[source], action == CORRECTION),
    )
