"""What updates do to the feed's state: gaps, halts, prints, splits, and what is not taken in."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.bus import read_message
from tests.fakes.scripted import SMALL_BIDS, SMALL_CONTRACTS
from tests.fixtures.chains import EXPIRATION, NOW_NS, contracts_of, spot_of, table_of
from tests.fixtures.travelling import rows_of, travelled

from optix.features.market import wire
from optix.features.market.chain_replica import ChainReplica
from optix.features.market.feed_state import FeedState, Work, price_works
from optix.features.market.inputs import NoInputs
from optix.features.market.terms import ListedTerms
from optix.kernel import limits
from optix.kernel.chain import ChainTable
from optix.kernel.clock import NANOSECONDS
from optix.kernel.instrument import OptionContract
from optix.kernel.quote import Quality, QuoteFlag, TradingState, TradingStatus
from optix.kernel.trade import Trade
from optix.ports.market_data import ChainKey, Demand, FeedNotice, NoticeState

KEY = ChainKey("SPY", EXPIRATION)
SECOND = NANOSECONDS
FLAGS = wire.CHAIN_ROW_COLUMNS.index("flags")
STATUS = wire.CHAIN_ROW_COLUMNS.index("status")


class Inputs(NoInputs):
    """Knows of a split when the test says so."""

    def __init__(self) -> None:
        super().__init__(0.04)
        self.split_ns = 0

    def since_ns(self, symbol: str, now_ns: int) -> int:
        return self.split_ns


class World:
    def __init__(self) -> None:
        self.now_ns = NOW_NS
        self.inputs = Inputs()
        self.state = FeedState(
            terms=ListedTerms(),
            inputs=self.inputs,
            market_now_ns=lambda: self.now_ns,
            wall_now_ns=lambda: self.now_ns,
            epoch="e",
        )

    def take(self, table: ChainTable) -> None:
        self.now_ns = max(self.now_ns, table.ts_event)
        self.state.take_chain(table)

    def publish(self) -> dict[str, Any]:
        works = self.state.due([KEY])
        message = self.state.chains_message(works, price_works(works))
        return {} if message is None else orjson.loads(message)

    def kept(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.state.chain_body(KEY))
        return body | {"rows": travelled(body["rows"])}

    def quote_rows(self) -> dict[str, list[Any]]:
        message, _ = self.state.quotes_message()
        return {row[0]: row for row in read_message(message)["q"]}

    @property
    def rejects(self) -> Mapping[str, int]:
        return self.state.rejects.by_reason


@pytest.fixture
def world() -> World:
    world = World()
    world.take(whole())
    world.publish()
    world.quote_rows()
    return world


def whole(contracts: list[OptionContract] = SMALL_CONTRACTS, second: int = 0) -> ChainTable:
    bids = (SMALL_BIDS * len(contracts))[: len(contracts)]
    return table_of(
        contracts,
        {"bid": bids, "ask": [bid + 0.1 for bid in bids], "volume": [10.0] * len(contracts)},
        spot=spot_of(ts_event=NOW_NS + second * SECOND),
        ts_event=NOW_NS + second * SECOND,
    )


def part(position: int, second: int, bid: float = 22.0) -> ChainTable:
    return table_of(
        SMALL_CONTRACTS[position : position + 1],
        {"bid": [bid], "ask": [bid + 0.1], "volume": [10.0]},
        complete=False,
        ts_event=NOW_NS + second * SECOND,
    )


def print_of(symbol: str, price: float, **values: Any) -> Trade:
    given: dict[str, Any] = {
        "symbol": symbol,
        "price": price,
        "size": 5.0,
        "sequence": 1,
        "source": "test",
        "quality": Quality.REALTIME,
        "ts_event": NOW_NS + SECOND,
        "ts_received": NOW_NS + SECOND,
    }
    return Trade(**(given | values))


class TestRejects:
    def test_a_quote_of_the_future_changes_nothing_and_is_counted(self, world: World) -> None:
        held = world.state.quotes["SPY"]
        world.state.take_quote(spot_of(price=999.0, ts_event=NOW_NS + 61 * SECOND))
        assert world.state.quotes["SPY"] == held
        assert world.rejects["future_time"] == 1

    def test_a_symbol_whose_first_quote_cannot_be_is_there_without_numbers(
        self, world: World
    ) -> None:
        quote = world.state.take_quote(spot_of("QQQ", ts_event=NOW_NS + 61 * SECOND))
        assert np.isnan(quote.last)
        assert quote.flags & QuoteFlag.NO_QUOTE
        assert quote.ts_event == NOW_NS

    def test_what_is_older_is_left_out_but_another_source_may_be_behind(self, world: World) -> None:
        late = spot_of(price=590.0, ts_event=NOW_NS - SECOND)
        assert world.state.take_quote(late).last == 600.0
        assert world.state.take_quote(replace(late, source="other")).last == 590.0
        world.take(part(0, 5, 23.0))
        world.take(part(0, 2, 99.0))
        assert world.state.chains[KEY].column("bid").tolist()[0] != 99.0
        world.take(replace(part(0, 2, 24.0), source="other"))
        assert 24.0 in world.state.chains[KEY].column("bid")
        assert world.rejects["older_than_held"] == 2

    def test_a_late_whole_table_does_not_undo_newer_rows(self, world: World) -> None:
        world.take(part(0, 5, 23.0))
        world.take(whole(second=2))
        assert 23.0 in world.state.chains[KEY].column("bid")
        assert world.rejects["older_than_held"] == 1

    def test_rows_with_impossible_times_have_no_numbers(self, world: World) -> None:
        stamps = [NOW_NS] * 4 + [NOW_NS + 100 * SECOND, 5]
        world.state.take_chain(replace(whole(), row_ts_event=array("q", stamps)))
        bids = world.state.chains[KEY].column("bid")
        assert np.count_nonzero(np.isnan(bids)) == 2
        assert (world.rejects["future_time"], world.rejects["before_listing"]) == (1, 1)
        world.state.take_chain(replace(part(0, 0, 9.9), row_ts_event=array("q", [5])))
        assert 9.9 not in world.state.chains[KEY].column("bid")

    def test_rows_of_a_chain_never_seen_and_prices_that_cannot_be(self, world: World) -> None:
        other = contracts_of([600], expiration=EXPIRATION.replace(day=11))
        world.take(table_of(other, complete=False))
        world.take(part(0, 1, -5.0))
        assert world.rejects["chain_not_loaded"] == 2
        assert world.rejects["price_out_of_bounds"] >= 1


class TestGaps:
    def test_what_a_gap_concerns_is_stale_until_the_next_word(self, world: World) -> None:
        world.state.take_quote(spot_of("QQQ"))
        world.quote_rows()
        notice = FeedNotice(
            state=NoticeState.GAP,
            reason="The line was lost.",
            ts_event=NOW_NS,
            symbols=frozenset({"SPY"}),
        )
        world.state.take_notice(notice)
        assert {s: row[12] for s, row in world.quote_rows().items()} == {"SPY": "stale"}
        [change] = world.publish()["c"]
        assert (change["h"]["quality"], change["h"]["reason"]) == ("stale", "The line was lost.")
        world.take(part(0, 1))  # one row does not say what became of the others
        assert world.publish()["c"][0]["h"]["quality"] == "stale"
        world.take(whole(second=2))
        header = world.publish()["c"][0]["h"]
        assert (header["quality"], header["reason"]) == ("realtime", "")
        assert world.quote_rows()["SPY"][12] == "realtime"

    def test_a_gap_without_names_concerns_everything(self, world: World) -> None:
        world.state.take_quote(spot_of("QQQ"))
        world.state.take_notice(FeedNotice(state=NoticeState.GAP, reason="", ts_event=NOW_NS))
        assert {row[12] for row in world.quote_rows().values()} == {"stale"}
        assert world.state.chains[KEY].gap

    def test_after_a_restart_the_past_may_come_again(self, world: World) -> None:
        world.take(whole(second=100))
        world.state.take_notice(FeedNotice(state=NoticeState.RESTARTED, reason="", ts_event=NOW_NS))
        world.now_ns = NOW_NS
        world.take(part(0, 1, 23.0))
        assert 23.0 in world.state.chains[KEY].column("bid")
        assert world.rejects.get("older_than_held", 0) == 0


class TestTrading:
    def test_a_halt_is_in_the_quote_and_in_the_chain_until_it_ends(self, world: World) -> None:
        halt = TradingStatus(
            symbol="SPY",
            state=TradingState.HALTED,
            reason="T1",
            source="test",
            ts_event=NOW_NS,
            ts_received=NOW_NS,
        )
        world.state.take_status(halt)
        assert wire.load_trading(world.quote_rows()["SPY"]) == (TradingState.HALTED, "T1")
        assert world.publish()["c"][0]["h"]["trading"] == "halted"
        world.state.take_status(replace(halt, state=TradingState.OPEN, ts_event=NOW_NS - 1))
        assert world.state.trading["SPY"].state is TradingState.HALTED
        world.state.take_status(replace(halt, state=TradingState.OPEN, ts_event=NOW_NS + 1))
        assert world.publish()["c"][0]["h"]["trading"] == "open"

    def test_a_print_sets_last_and_volume_and_a_late_one_volume_alone(self, world: World) -> None:
        world.now_ns += 10 * SECOND
        world.state.take_trade(print_of("SPY", 601.0))
        assert world.state.quotes["SPY"].last == 601.0
        assert world.state.quotes["SPY"].volume == 1_000_005.0
        world.state.take_trade(print_of("SPY", 500.0, sequence=2, conditions="B"))
        assert world.state.quotes["SPY"].last == 601.0
        assert world.state.quotes["SPY"].volume == 1_000_010.0
        world.state.take_trade(print_of("SPY", 500.0, sequence=2, conditions="B"))
        assert world.rejects["print_without_effect"] == 1

    def test_a_cancelled_print_did_not_happen(self, world: World) -> None:
        world.now_ns += 10 * SECOND
        contract = SMALL_CONTRACTS[0]
        row = world.state.chains[KEY].listing.index[contract]
        for number, price in ((1, 22.1), (2, 25.0)):
            stamp = NOW_NS + number * SECOND
            world.state.take_trade(print_of(contract.key, price, sequence=number, ts_event=stamp))
        chain = world.state.chains[KEY]
        assert (chain.column("last")[row], chain.column("volume")[row]) == (25.0, 20.0)
        world.state.take_trade(
            print_of(contract.key, 25.0, sequence=3, conditions="C", ts_event=NOW_NS + 3 * SECOND)
        )
        assert (chain.column("last")[row], chain.column("volume")[row]) == (22.1, 15.0)
        world.take(part(0, 4))  # the source says its ten again: older than the prints
        assert chain.column("volume")[row] == 15.0

    def test_prints_of_what_is_not_held_are_counted(self, world: World) -> None:
        world.now_ns += 10 * SECOND
        world.state.take_trade(print_of("SPY261218C09000000", 1.0))
        world.state.take_trade(print_of("what is this", 1.0))
        world.state.take_trade(print_of("SPY", 1.0, ts_event=NOW_NS + 500 * SECOND))
        assert (world.rejects["chain_not_loaded"], world.rejects["future_time"]) == (2, 1)

    def test_no_more_tapes_are_kept_than_the_bound(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "TAPES_KEPT_MAX", limits.TAPES_KEPT_MAX // 10_000)
        world.now_ns += 10 * SECOND
        for contract in SMALL_CONTRACTS:
            world.state.take_trade(print_of(contract.key, 22.0))
        assert len(world.state._tapes._tapes) == 2


class TestCorporateActions:
    def test_contracts_whose_deliverable_nobody_knows_have_no_numbers(self) -> None:
        world = World()
        adjusted = contracts_of([590, 600, 610], root="SPY1")
        world.take(whole([*SMALL_CONTRACTS, *adjusted]))
        world.publish()
        kept = world.kept()
        words = {c[1]: set() for c in kept["contracts"]}  # type: dict[str, set[str]]
        for contract, row in zip(kept["contracts"], kept["rows"], strict=True):
            words[contract[1]].add(row[STATUS])
        assert words == {"SPY": {"ok"}, "SPY1": {"adjusted"}}
        roots = {root["root"]: root for root in kept["h"]["roots"]}
        assert (roots["SPY"]["adjusted"], roots["SPY1"]["adjusted"]) == (False, True)
        assert roots["SPY1"]["forward_pairs"] == 0

    def test_a_split_does_not_mix_rows_of_before_and_after(self, world: World) -> None:
        world.inputs.split_ns = NOW_NS + 10 * SECOND
        world.take(part(0, 20, 3.0))
        bids = world.state.chains[KEY].column("bid")
        assert np.count_nonzero(np.isfinite(bids)) == 1
        world.take(part(1, 5, 9.0))
        assert 9.0 not in world.state.chains[KEY].column("bid")
        assert world.state.take_quote(spot_of(ts_event=NOW_NS + SECOND)).ts_event != NOW_NS + SECOND
        assert world.rejects["before_split"] >= 6


class TestBudget:
    def test_dividends_are_priced_in_cash_for_the_nearest_followed_rows(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later = ChainKey("SPY", EXPIRATION.replace(day=31))
        world.take(whole(contracts_of([590, 600, 610], expiration=later.expiration)))
        world.state.demand = Demand(chains=frozenset({KEY, later}))
        monkeypatch.setattr(limits, "CASH_DIVIDEND_ROWS_MAX", limits.CASH_DIVIDEND_ROWS_MAX // 125)
        assert world.state.is_in_cash(KEY)
        assert not world.state.is_in_cash(later)
        monkeypatch.setattr(limits, "CASH_DIVIDEND_ROWS_MAX", 12)
        assert world.state.is_in_cash(later)

    def test_what_could_not_be_published_is_due_again(self, world: World) -> None:
        world.take(part(0, 1, 23.0))
        works: list[Work] = world.state.due([KEY])
        assert world.state.due([KEY]) == []
        world.state.give_back(works)
        assert len(world.state.due([KEY])) == 1

    def test_a_chain_not_held_costs_nothing(self, world: World) -> None:
        assert world.state.cost_of(ChainKey("QQQ", EXPIRATION)) == 0
        assert world.state.cost_of(KEY) > 0


steps = st.lists(
    st.tuples(st.integers(0, 5), st.floats(0.05, 40.0), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=30, deadline=None)
@given(steps)
def test_a_snapshot_and_its_changes_are_a_fresh_snapshot(
    moves: list[tuple[int, float, bool]],
) -> None:
    """Whatever rows move, the reader who adds changes up has what a late reader loads."""
    world = World()
    world.take(whole())
    world.publish()
    replica = ChainReplica.load(KEY, orjson.loads(world.state.chain_body(KEY)))
    for second, (row, bid, both) in enumerate(moves, start=1):
        table = part(row, second, round(bid, 2))
        if not both:
            table.columns["bid"][0] = nan
        world.take(table)
        for change in world.publish().get("c", ()):
            assert change["s"] == replica.sequence + 1
            replica.apply(change)
    kept = world.kept()
    assert rows_of(replica.columns) == kept["rows"]
    assert replica.header == kept["h"]
    assert replica.sequence == kept["s"]
