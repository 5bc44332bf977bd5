"""What passes the gate, for any mix of two providers' updates, and what are not prices."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.market_data.failover.world import KEY, Source
from tests.fixtures.chains import NOW_NS
from tests.fixtures.manual_time import ManualTime

from optix.adapters.market_data.failover.gate import Gate
from optix.kernel.chain import ChainTable
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, Quote, TradingState, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ChainKey, Demand, MarketUpdate

DEMAND = Demand(quotes=frozenset({"SPY"}), chains=frozenset({KEY}), trades=frozenset({"SPY"}))
TIME = ManualTime(NOW_NS)
SOURCES = {name: Source(name, TIME) for name in ("one", "two")}

acts = st.lists(
    st.tuples(
        st.sampled_from(["own", "quote", "whole", "part", "stale"]),
        st.sampled_from(["one", "two"]),
        st.integers(0, 100),  # seconds ago
    ),
    max_size=80,
)


@given(acts)
def test_times_never_go_back_and_no_table_is_of_two_sources(
    acts: list[tuple[str, str, int]],
) -> None:
    """A reader that merges what passes, as the feed does, always holds rows of one source, each of
    them one that this source sent.
    """
    gate = Gate()
    gate.set_owners({"SPY": "one", KEY: "one"}, DEMAND, prints="one")
    held: dict[OptionContract, tuple[str, float]] = {}
    sent: set[tuple[str, OptionContract, float]] = set()
    quoted_ns = 0
    for n, (act, name, age) in enumerate(acts):
        source, passed = SOURCES[name], list[MarketUpdate]()
        if act == "own":
            gate.set_owners({"SPY": name, KEY: name}, DEMAND, prints=name)
        elif act == "quote":
            passed = list(gate.take(name, source.quote(600.0 + n, age_seconds=age)))
        elif act == "stale":
            passed = list(gate.stale(["SPY", KEY]))
        else:
            rows = 6 if act == "whole" else 1 + age % 5
            table = source.chain(n, age_seconds=age, complete=act == "whole", rows=rows)
            bids = table.columns["bid"]
            sent |= {(name, c, b) for c, b in zip(table.contracts, bids, strict=True)}
            passed = list(gate.take(name, table))
        for update in passed:
            if isinstance(update, Quote):
                assert update.ts_event >= quoted_ns
                quoted_ns = update.ts_event
            elif isinstance(update, ChainTable):
                held = {} if update.complete else held
                bids = update.columns["bid"]
                rows_now = zip(update.contracts, bids, strict=True)
                held |= {contract: (update.source, bid) for contract, bid in rows_now}
        assert len({of for of, _ in held.values()}) <= 1
        assert all((of, contract, bid) in sent for contract, (of, bid) in held.items())


def trade(source: str, second: int) -> Trade:
    return Trade(
        symbol="SPY",
        price=600.0,
        size=1.0,
        source=source,
        quality=Quality.REALTIME,
        ts_event=NOW_NS + second,
        ts_received=NOW_NS + second,
    )


def test_a_print_is_never_given_twice_by_two_providers() -> None:
    gate = Gate()
    gate.set_owners({}, DEMAND, prints="one")
    assert list(gate.take("one", trade("one", 5)))
    assert list(gate.take("one", trade("one", 3)))  # late prints of one source are its own affair
    assert not list(gate.take("two", trade("two", 6)))
    gate.set_owners({}, DEMAND, prints="two")
    assert not list(gate.take("two", trade("two", 5)))
    assert list(gate.take("two", trade("two", 6)))


def test_a_status_passes_from_who_gives_the_quote() -> None:
    gate = Gate()
    gate.set_owners({"SPY": "one"}, DEMAND, prints=None)
    halt = TradingStatus(
        symbol="SPY", state=TradingState.HALTED, source="one", ts_event=1, ts_received=1
    )
    assert list(gate.take("one", halt)) == [halt]
    assert not list(gate.take("two", halt))
    assert not list(gate.take("one", replace(halt, symbol="QQQ")))


def test_what_is_not_demanded_is_forgotten() -> None:
    gate = Gate()
    gate.set_owners({"SPY": "one", KEY: "one"}, DEMAND, prints=None)
    list(gate.take("one", SOURCES["one"].quote(600.0)))
    list(gate.take("one", SOURCES["one"].chain()))
    assert gate.source_of("SPY") == gate.source_of(KEY) == "one"
    gate.set_owners({}, Demand(), prints=None)
    assert gate.source_of("SPY") is gate.source_of(KEY) is None


def test_a_stale_chain_is_not_lifted_by_some_of_its_rows() -> None:
    gate = Gate()
    gate.set_owners({KEY: "one"}, DEMAND, prints=None)
    source = SOURCES["one"]
    list(gate.take("one", source.chain()))
    (stale,) = gate.stale([KEY])
    assert isinstance(stale, ChainTable)
    assert stale.quality is Quality.STALE
    assert not list(gate.stale([KEY]))
    assert not list(gate.take("one", source.chain(1.0, complete=False, rows=1)))
    assert gate.wanted_whole == {KEY}
    assert list(gate.take("one", source.chain(1.0)))
    assert not gate.wanted_whole


def test_a_contract_that_is_new_is_part_of_the_stale_whole() -> None:
    gate = Gate()
    gate.set_owners({KEY: "one"}, DEMAND, prints=None)
    source = SOURCES["one"]
    list(gate.take("one", source.chain(rows=4)))
    list(gate.take("one", source.chain(1.0, complete=False, rows=6)))
    (stale,) = gate.stale([KEY])
    assert isinstance(stale, ChainTable)
    assert list(stale.contracts) == list(source.chain().contracts)
    assert list(stale.columns["bid"]) == list(source.chain(1.0).columns["bid"])


def test_a_fetched_chain_of_several_dates_passes_date_by_date() -> None:
    gate = Gate()
    other = ChainKey("SPY", KEY.expiration.replace(day=25))
    demand = Demand(chains=frozenset({KEY, other}))
    gate.set_owners({}, demand, prints=None)
    table = SOURCES["one"].chain()
    moved = [replace(c, expiration=other.expiration) for c in table.contracts[:2]]
    both = replace(table, contracts=[*moved, *table.contracts[2:]])
    parts = list(gate.fetched("one", both))
    assert [len(part) for part in parts if isinstance(part, ChainTable)] == [2, 4]
