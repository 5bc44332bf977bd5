"""Who follows what: a demand shared out among providers, each within its limits. Pure.

The order is the fairness. Every demanded quote comes first, then prints, then chains in turns, the
nearest expiration of each underlying first, then the second of each, and so on. Providers are
filled in their order of preference: the next one begins where the one before is full, and goes on
to the end. So the chains that are followed are always the first ones of that order, whatever the
limits are; what is left over is looked at in turns instead (`polled`), never forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from optix.kernel import limits
from optix.ports.market_data import ChainKey, DataKind, Demand

Item = TypeVar("Item", str, ChainKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What one provider can follow at once; None is without a limit."""

    symbols_max: int | None = None  # contracts count one each
    topics_max: int | None = None  # quotes and chains, where each costs a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What each provider follows, by its name, and what fits nowhere."""

    demands: Mapping[str, Demand] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)  # taken of each provider's room
    polled: Demand = field(default_factory=Demand)

    def owners(self) -> dict[str | ChainKey, str]:
        """Return who follows each symbol and each chain."""
        found: dict[str | ChainKey, str] = {}
        for name, demand in self.demands.items():
            found |= dict.fromkeys(demand.quotes, name) | dict.fromkeys(demand.chains, name)
        return found


def allocate(
    demand: Demand,
    rooms: Mapping[str, Room],
    orders: Mapping[DataKind, Sequence[str]],
    sizes: Mapping[ChainKey, int],
) -> Allocation:
    """Share `demand` out among the providers of `rooms`.

    `orders` names them by preference for quotes, chains and trades; `sizes` has the contracts of
    each chain that is known. Prints are one provider's business, or each would count twice.
    """
    left = {name: _Left.of(room) for name, room in rooms.items()}
    unit = dict.fromkeys(demand.quotes | demand.trades, 1)
    quotes, quotes_left = _fill(sorted(demand.quotes), unit, orders.get(DataKind.QUOTES, ()), left)
    trades, trades_left = _fill(
        sorted(demand.trades), unit, orders.get(DataKind.TRADES, ())[:1], left
    )
    chains, chains_left = _fill(
        list(in_turns(demand.chains)), sizes, orders.get(DataKind.CHAINS, ()), left
    )
    return Allocation(
        demands={
            name: Demand(
                quotes=frozenset(quotes.get(name, ())),
                chains=frozenset(chains.get(name, ())),
                trades=frozenset(trades.get(name, ())),
            )
            for name in rooms
        },
        symbols={name: left[name].taken for name in rooms},
        polled=Demand(
            quotes=frozenset(quotes_left),
            chains=frozenset(chains_left),
            trades=frozenset(trades_left),
        ),
    )


def in_turns(chains: Iterable[ChainKey]) -> Iterator[ChainKey]:
    """Yield the nearest expiration of each underlying, then the second of each, and so on."""
    by_underlying: dict[str, list[ChainKey]] = {}
    for key in sorted(chains):
        by_underlying.setdefault(key.underlying, []).append(key)
    turn = 0
    while by_underlying:
        yield from sorted((keys[turn] for keys in by_underlying.values()), key=_nearest)
        turn += 1
        by_underlying = {u: keys for u, keys in by_underlying.items() if len(keys) > turn}


def _nearest(key: ChainKey) -> tuple[object, ...]:
    return (key.expiration, key.underlying)


@dataclass(slots=True)
class _Left:
    """What a provider still has room for."""

    symbols: int | None
    topics: int | None
    taken: int = 0

    @classmethod
    def of(cls, room: Room) -> _Left:
        return cls(room.symbols_max, room.topics_max)

    def fits(self, symbols: int) -> bool:
        return (self.symbols is None or symbols <= self.symbols) and self.topics != 0

    def take(self, symbols: int, topics: int = 1) -> None:
        self.taken += symbols
        if self.symbols is not None:
            self.symbols = max(0, self.symbols - symbols)
        if self.topics is not None:
            self.topics = max(0, self.topics - topics)


def _fill(
    items: Sequence[Item],
    sizes: Mapping[Item, int],
    order: Sequence[str],
    left: Mapping[str, _Left],
) -> tuple[dict[str, list[Item]], list[Item]]:
    """Give `items` in their order to the providers in theirs; return those and the rest.

    A provider that is full is not come back to, though a smaller item might fit: with such gaps
    filled, a provider with more room could serve fewer.
    """
    given: dict[str, list[Item]] = {}
    position = 0
    for name in order:
        while position < len(items):
            size = sizes.get(items[position], limits.FAILOVER_CHAIN_CONTRACTS_FIRST)
            if not left[name].fits(size):
                break
            left[name].take(size)
            given.setdefault(name, []).append(items[position])
            position += 1
    return given, list(items[position:])
