"""Laws of sharing out a demand, on generated demands and rooms: within limits, fair, steady."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from optix.adapters.market_data.failover.allocation import Allocation, Room, allocate, in_turns
from optix.kernel import limits
from optix.ports.market_data import ChainKey, DataKind, Demand

NAMES = ("one", "two", "three")
DAY = date(2026, 12, 18)
QUOTES = [f"Q{n}" for n in range(12)]
CHAINS = [ChainKey(u, DAY + timedelta(days=7 * n)) for u in ("AA", "BB", "CC") for n in range(5)]

demands = st.builds(
    Demand,
    quotes=st.frozensets(st.sampled_from(QUOTES)),
    chains=st.frozensets(st.sampled_from(CHAINS)),
    trades=st.frozensets(st.sampled_from(["AA", "BB"])),
)
bounds = st.one_of(st.none(), st.integers(0, 60))
rooms = st.fixed_dictionaries(
    {name: st.builds(Room, symbols_max=bounds, topics_max=bounds) for name in NAMES}
)
orders = st.fixed_dictionaries(
    {
        kind: st.permutations(NAMES).flatmap(lambda n: st.integers(0, 3).map(lambda k: n[:k]))
        for kind in (DataKind.QUOTES, DataKind.CHAINS, DataKind.TRADES)
    }
)
sizes = st.fixed_dictionaries({key: st.integers(1, 40) for key in CHAINS})


def served(allocation: Allocation) -> set[object]:
    trades = {("trades", t) for own in allocation.demands.values() for t in own.trades}
    return set(allocation.owners()) | trades


def place(allocation: Allocation, order: list[str], item: str | ChainKey) -> int:
    """Return how far down the order an item is followed; beyond its end when nowhere."""
    owner = allocation.owners().get(item)
    return order.index(owner) if owner is not None else len(order)


@given(demands, rooms, orders, sizes)
def test_nobody_follows_more_than_it_can(demand, rooms, orders, sizes) -> None:  # type: ignore[no-untyped-def]  # given by hypothesis
    allocation = allocate(demand, rooms, orders, sizes)
    for name, own in allocation.demands.items():
        symbols = len(own.quotes) + sum(sizes[key] for key in own.chains)
        symbols += len(own.trades)
        topics = len(own.quotes) + len(own.trades) + len(own.chains)
        room = rooms[name]
        assert room.symbols_max is None or symbols <= room.symbols_max
        assert room.topics_max is None or topics <= room.topics_max
        assert allocation.symbols[name] == symbols


@given(demands, rooms, orders, sizes)
def test_everything_is_followed_once_or_looked_at_in_turns(demand, rooms, orders, sizes) -> None:  # type: ignore[no-untyped-def]  # given by hypothesis
    allocation = allocate(demand, rooms, orders, sizes)
    parts = [*allocation.demands.values(), allocation.polled]
    for name in ("quotes", "chains", "trades"):
        items = [item for part in parts for item in getattr(part, name)]
        assert len(items) == len(set(items))
        assert set(items) == getattr(demand, name)
    assert sum(bool(own.trades) for own in allocation.demands.values()) <= 1


@given(demands, rooms, orders, sizes, st.sampled_from(NAMES), st.integers(1, 50))
def test_more_room_never_serves_less(demand, rooms, orders, sizes, name, more) -> None:  # type: ignore[no-untyped-def]  # given by hypothesis
    before = served(allocate(demand, rooms, orders, sizes))
    old = rooms[name]
    wider = Room(
        symbols_max=None if old.symbols_max is None else old.symbols_max + more,
        topics_max=None if old.topics_max is None else old.topics_max + more,
    )
    assert before <= served(allocate(demand, rooms | {name: wider}, orders, sizes))


@given(demands, rooms, orders, sizes)
def test_quotes_come_before_chains_and_near_chains_before_far_ones(  # type: ignore[no-untyped-def]  # given by hypothesis
    demand, rooms, orders, sizes
) -> None:
    allocation = allocate(demand, rooms, orders, sizes)
    without_chains = Demand(quotes=demand.quotes, trades=demand.trades)
    alone = allocate(without_chains, rooms, orders, sizes)
    assert allocation.polled.quotes == alone.polled.quotes
    turns = list(in_turns(demand.chains))
    followed = [key not in allocation.polled.chains for key in turns]
    assert followed == sorted(followed, reverse=True)


@given(demands, rooms, orders, sizes, st.sampled_from(CHAINS))
def test_one_chain_more_moves_nothing_that_comes_before_it(  # type: ignore[no-untyped-def]  # given by hypothesis
    demand, rooms, orders, sizes, added
) -> None:
    less = Demand(quotes=demand.quotes, chains=demand.chains - {added}, trades=demand.trades)
    more = Demand(quotes=demand.quotes, chains=demand.chains | {added}, trades=demand.trades)
    few, many = (allocate(d, rooms, orders, sizes) for d in (less, more))
    turns = list(in_turns(more.chains))
    order = list(orders[DataKind.CHAINS])
    for key in in_turns(less.chains):
        if turns.index(key) < turns.index(added):
            assert place(few, order, key) == place(many, order, key)
    for symbol in demand.quotes:
        assert few.owners().get(symbol) == many.owners().get(symbol)


@given(demands, sizes, st.sampled_from(CHAINS))
def test_with_room_for_all_nothing_ever_moves(demand, sizes, added) -> None:  # type: ignore[no-untyped-def]  # given by hypothesis
    rooms = dict.fromkeys(NAMES, Room())
    orders = dict.fromkeys(DataKind, NAMES)
    before = allocate(demand, rooms, orders, sizes).owners()
    more = Demand(quotes=demand.quotes | {"NEW"}, chains=demand.chains | {added})
    after = allocate(more, rooms, orders, sizes).owners()
    assert {topic: after[topic] for topic in before} == before


@given(demands, rooms, orders, sizes, st.randoms())
def test_the_same_demand_is_shared_out_the_same_way(  # type: ignore[no-untyped-def]  # given by hypothesis
    demand, rooms, orders, sizes, random
) -> None:
    shuffled = list(demand.chains)
    random.shuffle(shuffled)
    again = Demand(quotes=demand.quotes, chains=frozenset(shuffled), trades=demand.trades)
    assert allocate(demand, rooms, orders, sizes) == allocate(again, rooms, orders, sizes)


def test_a_chain_that_was_not_seen_yet_is_taken_to_have_so_many_contracts() -> None:
    key = CHAINS[0]
    size = limits.FAILOVER_CHAIN_CONTRACTS_FIRST
    orders = {DataKind.CHAINS: ("one",)}
    for symbols_max, fits in ((size, True), (size - 1, False)):
        rooms = {"one": Room(symbols_max=symbols_max)}
        allocation = allocate(Demand(chains=frozenset({key})), rooms, orders, {})
        assert (key in allocation.demands["one"].chains) == fits


def test_the_nearest_date_of_each_underlying_comes_first() -> None:
    near, far, later = DAY, DAY + timedelta(days=7), DAY + timedelta(days=300)
    keys = [ChainKey("AA", near), ChainKey("AA", far), ChainKey("ZZ", later)]
    assert list(in_turns(keys)) == [keys[0], keys[2], keys[1]]
