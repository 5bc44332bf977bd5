"""The tape of a day: prints as the market data port says them, and what chains say along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optix.adapters.market_data.sim.hashing import Floats, stream_key
from optix.adapters.market_data.sim.quotes import SOURCE
from optix.adapters.market_data.sim.span import NamePath
from optix.adapters.market_data.sim.tape.intents import Intents, assign
from optix.adapters.market_data.sim.tape.orders import Orders, draw_orders
from optix.adapters.market_data.sim.tape.prints import CANCEL, LATE, NEW, Prints, report
from optix.adapters.market_data.sim.tape.universe import Universe
from optix.kernel.quote import Quality
from optix.kernel.trade import Trade, TradeAction

_ACTIONS = (TradeAction.NEW, TradeAction.CANCEL, TradeAction.CORRECTION)


@dataclass(frozen=True, slots=True)
class DayTape:
    """Orders, what they were for, and the prints they left."""

    universe: Universe
    orders: Orders
    intents: Intents
    prints: Prints

    def trade(self, at: int) -> Trade:
        """Return print `at` as it is reported."""
        prints = self.prints
        return Trade(
            symbol=self.universe.contracts[int(prints.contract[at])].key,
            price=float(prints.price[at]),
            size=float(prints.size[at]),
            exchange=prints.exchange[at],
            conditions=prints.condition[at],
            sequence=at + 1,
            action=_ACTIONS[int(prints.action[at])],
            refers_to=int(prints.refers_to[at]),
            bid=float(prints.bid[at]),
            ask=float(prints.ask[at]),
            source=SOURCE,
            quality=Quality.SIMULATED,
            ts_event=int(prints.executed_ns[at]),
            ts_received=int(prints.reported_ns[at]),
        )

    def trades(self, first: int = 0, last: int | None = None) -> Iterator[Trade]:
        for at in range(first, len(self.prints) if last is None else last):
            yield self.trade(at)

    def reported_before(self, instant_ns: int) -> int:
        """Return how many prints had been reported when the clock reached `instant_ns`."""
        return int(np.searchsorted(self.prints.reported_ns, instant_ns, "right"))


class TradedSoFar:
    """Volume and last price of every contract as the tape goes on."""

    def __init__(self, tape: DayTape, last: Floats) -> None:
        self._prints = tape.prints
        self._done = 0
        self.volume = np.zeros(len(tape.universe))
        self.last = last.copy()

    def advance(self, until: int) -> None:
        """Take in the prints up to number `until`. A correction changes no size here."""
        part = slice(self._done, until)
        prints, self._done = self._prints, max(until, self._done)
        contract, action = prints.contract[part], prints.action[part]
        signed = np.where(action == NEW, prints.size[part], 0)
        signed = np.where(action == CANCEL, -prints.size[part], signed)
        np.add.at(self.volume, contract, signed)
        timely = np.array([letter != LATE for letter in prints.condition[part]], dtype=np.bool_)
        counts = (action == NEW) & timely
        self.last[contract[counts]] = prints.price[part][counts]  # of several the latest stays


def make_day_tape(universe: Universe, path: NamePath, seed: int, day: str) -> DayTape:
    """Return the tape of a name's session. The same arguments give the same tape everywhere."""
    key = stream_key(seed, "tape", universe.name.symbol, day)
    drawn = draw_orders(universe, path, key)
    orders, intents = assign(drawn, universe, path, key)
    return DayTape(universe, orders, intents, report(orders, universe, key))
